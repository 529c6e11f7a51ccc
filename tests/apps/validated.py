"""Applications under wsgiref.validate: a server that breaks PEP 3333 makes them fail loudly."""

import sys
from wsgiref.validate import validator


def plain(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "5")])
    return [b"plain"]


def posted(environ, start_response):
    size = int(environ.get("CONTENT_LENGTH") or 0)
    body = environ["wsgi.input"].read(size)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"got ", body]


def lines(environ, start_response):
    first = environ["wsgi.input"].readline()
    rest = list(environ["wsgi.input"])
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [first, b"|", *rest]


def written(environ, start_response):
    write = start_response("200 OK", [("Content-Type", "text/plain")])
    write(b"written")
    return []


def failed(environ, start_response):
    try:
        raise ValueError("replaced")
    except ValueError:
        start_response("500 Replaced", [("Content-Type", "text/plain")], sys.exc_info())
    return [b"error page"]


def streamed(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return (piece for piece in (b"a", b"b", b"c"))


PAGES = {f"/{f.__name__}": validator(f) for f in (plain, posted, lines, written, failed, streamed)}


def application(environ, start_response):
    return PAGES[environ["PATH_INFO"]](environ, start_response)
