"""Takes five milliseconds, none of them on the processor."""

import time


def application(environ, start_response):
    time.sleep(0.005)
    start_response("200 OK", [("Content-Length", "2")])
    return [b"ok"]
