"""Answers of any size in every way a WSGI application can give them; /KIND?n=BYTES. The body of a request comes back at /echo."""

import itertools
import os
import tempfile
from urllib.parse import parse_qs

BLOCK = b"".join(b"%07d\n" % i for i in range(8192))


def content(size):
    return (BLOCK * (size // len(BLOCK) + 1))[:size]


def pieces(body, size=5000):
    return [body[i : i + size] for i in range(0, len(body), size)]


def application(environ, start_response):
    kind = environ["PATH_INFO"].lstrip("/")
    size = int(parse_qs(environ.get("QUERY_STRING", "")).get("n", ["0"])[0])
    if kind == "echo":
        body = environ["wsgi.input"].read()
    else:
        body = content(size)
    length = [("Content-Length", str(len(body)))]
    if kind == "pieces":
        start_response("200 OK", length)
        return pieces(body)
    if kind == "generated":
        start_response("200 OK", [])
        return itertools.chain(pieces(body))
    if kind == "open":
        start_response("200 OK", [])
        return [body]
    if kind == "file":
        start_response("200 OK", length)
        source = tempfile.TemporaryFile()
        source.write(body)
        source.seek(0)
        return environ["wsgi.file_wrapper"](source)
    if kind == "pid":
        body = str(os.getpid()).encode()
        length = [("Content-Length", str(len(body)))]
    start_response("200 OK", length)
    return [body]
