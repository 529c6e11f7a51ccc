"""Calls on wsgi.input, written as a Python expression in the query string."""
from urllib.parse import unquote


def application(environ, start_response):
    start_response("200 OK", [])
    i = environ["wsgi.input"]
    try:
        result = repr(eval(unquote(environ["QUERY_STRING"]), {"i": i}))
    except Exception as exc:
        result = "%s: %s" % (type(exc).__name__, exc)
    return [result.encode()]
