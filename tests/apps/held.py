"""Requests that are at hand until a test lets go: `/PATH` makes `PATH.began` and waits for the file `PATH`."""

import os
import time


def application(environ, start_response):
    path = environ["PATH_INFO"]
    if path != "/":
        open(path + ".began", "w").close()
        while not os.path.exists(path):
            time.sleep(0.01)
    start_response("200 OK", [("Content-Type", "text/plain"), ("Connection", "close")])
    return [b"let go"]
