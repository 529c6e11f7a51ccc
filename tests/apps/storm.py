"""Hello world, and a page that marks its worker and then holds its request until killed."""

import os
import time


def application(environ, start_response):
    if environ["PATH_INFO"] == "/hold":
        open(f"{os.environ['HOLD_DIR']}/{environ['QUERY_STRING']}.{os.getpid()}", "w").close()
        while True:
            time.sleep(0.05)
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "11")])
    return [b"Hello World"]
