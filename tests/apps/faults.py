"""An application for faults.

`/PATH` makes `PATH.began` and waits for the file `PATH`; `/gil/...` waits the same way within C and holds the
interpreter lock; `/deaf` heeds no TERM from now on. While the file of the variable HOLD exists, it does not load.
"""

import ctypes
import os
import signal
import time

while os.path.exists(os.environ.get("HOLD", "")):
    time.sleep(0.01)


def deaf():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)


def application(environ, start_response):
    path = environ["PATH_INFO"]
    if path == "/deaf":
        deaf()
    elif path.startswith("/gil/"):
        open(path.removeprefix("/gil") + ".began", "w").close()
        ctypes.PyDLL(None).sleep(1000)
    elif path != "/":
        open(path + ".began", "w").close()
        while not os.path.exists(path):
            time.sleep(0.01)
    start_response("200 OK", [("Content-Type", "text/plain"), ("Connection", "close")])
    return [b"done"]
