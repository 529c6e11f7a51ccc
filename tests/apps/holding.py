"""Requests that last as long as a test wants: /hold/NAME until the file NAME is there, /sleep/SECONDS, anything else at once."""

import os
import time


def application(environ, start_response):
    kind, _, rest = environ["PATH_INFO"].lstrip("/").partition("/")
    if kind == "hold":
        while not os.path.exists(rest):
            time.sleep(0.005)
    elif kind == "sleep":
        time.sleep(float(rest))
    elif kind == "weigh":
        held.append(bytearray(int(rest)))
    size = int(environ.get("CONTENT_LENGTH") or 0)
    while size > 0:
        size -= len(environ["wsgi.input"].read(min(size, 65536)))
    body = str(os.getpid()).encode()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]


held = []
