"""Counts its loads in the interpreter, so that sharing shows."""
import itertools
import sys

sys.loads = getattr(sys, "loads", 0) + 1
counter = itertools.count(1)


def application(environ, start_response):
    start_response("200 OK", [])
    facts = (sys.loads, next(counter), environ["SCRIPT_NAME"])
    return [repr(facts).encode()]
