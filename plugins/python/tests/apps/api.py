"""The uwsgi module, asked by a Python expression in the query string."""
import importlib.util
import sys
from urllib.parse import unquote

import uwsgi

LOADED = uwsgi.opt.get("single")


def application(environ, start_response):
    start_response("200 OK", [])
    names = {"uwsgi": uwsgi, "sys": sys, "find_spec": importlib.util.find_spec, "environ": environ}
    try:
        result = repr(eval(unquote(environ["QUERY_STRING"]), names))
    except Exception as exc:
        result = "%s: %s" % (type(exc).__name__, exc)
    return [result.encode()]
