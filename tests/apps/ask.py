"""Answers with the value of the Python expression in the query string, `uwsgi` being the module."""
import threading
from urllib.parse import unquote

import uwsgi


def in_thread(function):
    """What `function` returns in a thread of its own."""
    result = []
    thread = threading.Thread(target=lambda: result.append(function()))
    thread.start()
    thread.join()
    return result[0]


def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    try:
        answer = repr(eval(unquote(environ["QUERY_STRING"])))
    except Exception as exc:
        answer = "%s: %s" % (type(exc).__name__, exc)
    return [answer.encode()]
