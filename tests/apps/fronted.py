"""What a web server in front must not spoil: variables, digests of uploads, errors, and a stream that is made while it is read."""

import hashlib
import json
import os
import time


def stream(gate):
    yield b"first\n"
    while not os.path.exists(gate):
        time.sleep(0.01)
    yield b"last\n"


def application(environ, start_response):
    path, plain = environ.get("PATH_INFO", ""), ("Content-Type", "text/plain")
    if path == "/env":
        body = json.dumps({k: v for k, v in environ.items() if isinstance(v, str)}).encode()
    elif path == "/digest":
        data = environ["wsgi.input"].read()
        body = f"{hashlib.md5(data).hexdigest()} {len(data)}".encode()
    elif path == "/stream":
        start_response("200 OK", [plain, ("X-Accel-Buffering", "no")])
        return stream(environ["QUERY_STRING"])
    elif path == "/":
        body = b"hello"
    else:
        start_response("404 Not Found", [plain, ("Content-Length", "7")])
        return [b"nothing"]
    start_response("200 OK", [plain, ("Content-Length", str(len(body)))])
    return [body]
