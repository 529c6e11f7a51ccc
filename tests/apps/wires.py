"""One application whose paths each show one behaviour of a WSGI server on the wire."""

import io
import json
import os
import sys
import tempfile
import threading
import time
from urllib.parse import parse_qs

ROUTES = {}
closed = {"count": 0}
OK = [("Content-Type", "text/plain")]


def route(function):
    ROUTES["/" + function.__name__.replace("_", "-")] = function
    return function


def argument(environ, name, default=""):
    return parse_qs(environ.get("QUERY_STRING", "")).get(name, [default])[0]


@route
def env(environ, start_response):
    start_response("200 OK", [("Content-Type", "application/json")])
    shown = {k: v if isinstance(v, (str, int, bool, tuple)) else type(v).__name__ for k, v in environ.items()}
    return [json.dumps(shown, sort_keys=True).encode()]


@route
def pid(environ, start_response):
    start_response("200 OK", OK)
    return [str(os.getpid()).encode()]


@route
def echo(environ, start_response):
    body = environ["wsgi.input"].read()
    start_response("200 OK", [("Content-Type", "application/octet-stream"), ("Content-Length", str(len(body)))])
    return [body]


@route
def digest(environ, start_response):
    import hashlib

    md5, size = hashlib.md5(), 0
    while piece := environ["wsgi.input"].read(32768):
        md5.update(piece)
        size += len(piece)
    start_response("200 OK", OK)
    return [f"{md5.hexdigest()} {size}".encode()]


@route
def reads(environ, start_response):
    """The forms of reading a body, in one answer."""
    source = environ["wsgi.input"]
    shown = [source.read(3), source.readline(), source.readline(), source.read(2), source.readlines()]
    shown.append(source.read())
    start_response("200 OK", OK)
    return [repr(shown).encode()]


@route
def iterate(environ, start_response):
    start_response("200 OK", OK)
    return [repr(list(environ["wsgi.input"])).encode()]


@route
def headers(environ, start_response):
    start_response("201 Created", [("X-One", "1"), ("X-Two", "two words"), ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")])
    return [b"made"]


@route
def bare_status(environ, start_response):
    start_response(argument(environ, "code", "200"), OK)
    return [b"body"]


@route
def length(environ, start_response):
    start_response("200 OK", [*OK, ("Content-Length", "5")])
    return [b"12345"]


@route
def no_content(environ, start_response):
    start_response("204 No Content", [])
    return []


@route
def not_modified(environ, start_response):
    start_response("304 Not Modified", [("ETag", '"x"')])
    return []


@route
def empty(environ, start_response):
    start_response("200 OK", OK)
    return []


@route
def empty_chunk(environ, start_response):
    start_response("200 OK", OK)
    return [b"", b"a", b"", b"b"]


@route
def generator(environ, start_response):
    start_response("200 OK", OK)
    for i in range(5):
        yield f"part {i}\n".encode()


@route
def late_start(environ, start_response):
    """A generator starts the response at its first item."""

    def body():
        start_response("200 OK", OK)
        yield b"late"

    return body()


@route
def bare_bytes(environ, start_response):
    start_response("200 OK", OK)
    return b"a bytes object"


@route
def many(environ, start_response):
    start_response("200 OK", OK)
    return [b"x" * 1000] * int(argument(environ, "n", "100"))


@route
def write(environ, start_response):
    out = start_response("200 OK", OK)
    out(b"written ")
    out(b"twice ")
    return [b"and returned"]


@route
def twice(environ, start_response):
    start_response("200 OK", [("X-First", "1")])
    start_response("202 Accepted", [("X-Second", "2")])
    return [b"second wins"]


@route
def none(environ, start_response):
    start_response("200 OK", OK)


@route
def exc_before(environ, start_response):
    raise ValueError("before start_response")


@route
def exc_after(environ, start_response):
    start_response("200 OK", OK)
    raise ValueError("after start_response")


@route
def exc_mid(environ, start_response):
    start_response("200 OK", OK)
    yield b"first"
    raise ValueError("in the middle")


@route
def exc_info(environ, start_response):
    try:
        raise ValueError("handled")
    except ValueError:
        start_response("500 Oops", [("X-Error", "1")], sys.exc_info())
    return [b"error page"]


@route
def no_start(environ, start_response):
    return [b"no headers at all"]


class Closing:
    """Counts its close(), which a server owes on every way out."""

    def __init__(self, items):
        self.items = iter(items)

    def __iter__(self):
        return self

    def __next__(self):
        item = next(self.items)
        if isinstance(item, Exception):
            raise item
        return item

    def close(self):
        closed["count"] += 1


@route
def close(environ, start_response):
    start_response("200 OK", OK)
    return Closing([b"one", b"two"])


@route
def close_after_error(environ, start_response):
    start_response("200 OK", OK)
    return Closing([b"one", ValueError("before close")])


@route
def closings(environ, start_response):
    start_response("200 OK", OK)
    return [str(closed["count"]).encode()]


@route
def file(environ, start_response):
    start_response("200 OK", [("Content-Type", "application/octet-stream")])
    return environ["wsgi.file_wrapper"](open(argument(environ, "path"), "rb"), 32768)


@route
def file_like(environ, start_response):
    start_response("200 OK", [("Content-Type", "application/octet-stream")])
    return environ["wsgi.file_wrapper"](io.BytesIO(bytes(range(256)) * 512), 4096)


@route
def spooled(environ, start_response):
    start_response("200 OK", OK)
    source = tempfile.TemporaryFile()
    source.write(b"0123456789")
    source.seek(0)
    return environ["wsgi.file_wrapper"](source)


@route
def sleep(environ, start_response):
    time.sleep(float(argument(environ, "s", "1")))
    start_response("200 OK", OK)
    return [b"slept"]


@route
def gate(environ, start_response):
    """Creates PATH.in, then answers when PATH.out exists: a request held as long as a test wants."""
    path = argument(environ, "path")
    open(f"{path}.{os.getpid()}.{threading.get_ident()}.in", "w").close()
    while not os.path.exists(f"{path}.out"):
        time.sleep(0.005)
    start_response("200 OK", OK)
    return [b"through the gate"]


@route
def errors(environ, start_response):
    environ["wsgi.errors"].write("a line on wsgi.errors\n")
    start_response("200 OK", OK)
    return [b"noted"]


@route
def thread(environ, start_response):
    """A thread of the application runs while no request does."""
    path = argument(environ, "path")
    threading.Thread(target=lambda: open(path, "w").close()).start()
    start_response("200 OK", OK)
    return [b"started"]


def application(environ, start_response):
    handler = ROUTES.get(environ.get("PATH_INFO", ""))
    if handler is None:
        start_response("404 Not Found", OK)
        return [b"no such path"]
    return handler(environ, start_response)
