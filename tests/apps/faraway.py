"""Answers of eight megabytes, and bodies that are read once a file `go` exists in the directory."""

import os
import time


def application(environ, start_response):
    path = environ["PATH_INFO"]
    if path == "/big":
        start_response("200 OK", [("Content-Length", str(8 << 20))])
        return [b"x" * (8 << 20)]
    if path == "/hold":
        while not os.path.exists("go"):
            time.sleep(0.01)
        body = str(len(environ["wsgi.input"].read())).encode()
    else:
        body = b"Hello World"
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]
