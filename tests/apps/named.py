"""An application that web servers name: what it says tells which one it is and where it runs."""

import os
import sys

print("loading", __name__, flush=True)


def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    said = [__name__.split("_")[-1], environ.get("SCRIPT_NAME"), os.getcwd(), environ.get("UWSGI_APPID"), os.environ.get("SAID")]
    return [repr(said).encode()]


def other(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"other"]


def prefix(environ, start_response):
    import in_a_virtualenv

    start_response("200 OK", [("Content-Type", "text/plain")])
    return [repr((sys.prefix, in_a_virtualenv.VALUE)).encode()]
