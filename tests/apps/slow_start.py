"""Takes as long to load as the file that SLOW_START names exists."""

import os
import time

while os.path.exists(os.environ["SLOW_START"]):
    time.sleep(0.005)


def application(environ, start_response):
    start_response("200 OK", [])
    return [b"at last"]
