"""Requests that wait at a door until the test shuts it, and others that answer, fail, raise or use a cache.

The door is a listening port that accepts nobody: `DOOR` is its number.
"""

import os
import socket

try:
    import uwsgi
except ImportError:
    uwsgi = None

TEXT = [("Content-Type", "text/plain")]


def wait():
    try:
        with socket.create_connection(("127.0.0.1", int(os.environ["DOOR"]))) as door:
            door.recv(1)
    except OSError:
        pass  # it is shut


def remember():
    uwsgi.cache_update("a", b"1", 0, "pages")
    return repr([uwsgi.cache_get("a", "pages"), uwsgi.cache_get("b", "pages")]).encode()


def application(environ, start_response):
    path = environ["PATH_INFO"]
    body = b"done"
    if path.endswith("/wait"):
        wait()
    elif path.endswith("/remember"):
        body = remember()
    elif path.endswith("/raise"):
        raise ValueError("on purpose")
    start_response("500 Failed" if path.endswith("/fail") else "200 OK", TEXT)
    return [body]
