"""Answers of every kind by the last word of the path; each is written down in the file `book` before it is given."""

import os
import time
from urllib.parse import parse_qsl


def note(environ, status, size):
    line = f"{environ['PATH_INFO']} {environ['REQUEST_METHOD']} {status} {size}\n".encode()
    book = os.open("book", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(book, line)
    os.close(book)


def patient(gate):
    """A first piece, then one that no buffer holds, when the client has left."""
    yield b"x" * 1000
    open(gate + ".in", "w").close()
    while not os.path.exists(gate + ".out"):
        time.sleep(0.005)
    yield b"y" * (16 << 20)


def application(environ, start_response):
    asked = dict(parse_qsl(environ["QUERY_STRING"]))
    word, size = environ["PATH_INFO"].rpartition("/")[2], int(asked.get("size", 0))
    status, body, headers = 200, [b"b" * size], [("Content-Type", "text/plain")]
    if word == "raise":
        note(environ, 500, 0)
        raise ValueError("asked for")
    if word == "status":
        status = int(asked["code"])
        headers.append(("Content-Length", str(size)))
    elif word == "plain":
        headers.append(("Content-Length", str(size)))
    elif word == "pieces":
        body = (b"p" for _ in range(size))
    elif word == "echo":
        try:
            body = [environ["wsgi.input"].read()]
            size = len(body[0])
        except OSError:
            status, body, size = 400, [b""], 0
    elif word == "leave":
        body, size = patient(asked["gate"]), 1000
    elif word == "slow":
        time.sleep(float(asked["before"]))
        body = slow(float(asked["after"]))
        size = 2
    note(environ, status, 0 if environ["REQUEST_METHOD"] == "HEAD" or status == 304 else size)
    start_response(f"{status} Said", headers)
    return body


def slow(seconds):
    yield b"1"
    time.sleep(seconds)
    yield b"2"
