"""`/fork` doubles its process; from then on each request says by whom it was served, in a line of its own and in that of the request.

`/bury` waits for the end of the other one.
"""

import os

import uwsgi


def application(environ, start_response):
    path = environ["PATH_INFO"]
    if path == "/fork":
        os.fork()
    if path == "/bury":
        os.waitpid(-1, 0)
    uwsgi.set_logvar("who", str(os.getpid()))
    uwsgi.log(f"said by {os.getpid()} at {path} {'x' * 40}")
    start_response("200 OK", [("Content-Length", "0")])
    return []
