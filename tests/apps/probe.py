"""Answers what the query string says: `/` shows the value of an expression, `/raw` hands it to the server as it is."""

import atexit
import os
import socket
import sys  # for the expressions
from urllib.parse import unquote

loaded = (os.getpid(), os.getcwd())
if os.environ.get("PROBE_EXIT"):
    import uwsgi
    uwsgi.atexit = lambda: print("hook at the end")
    atexit.register(print, "python at the end")


def sockets(level, name):
    found = []
    for fd in os.listdir("/proc/self/fd"):
        try:
            with socket.socket(fileno=os.dup(int(fd))) as s:
                if s.family == socket.AF_INET:
                    listens = s.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
                    found.append(("listener" if listens else "client", s.getsockopt(level, name)))
        except OSError:
            pass
    return dict(found)


def pour(write, fifo):
    open(fifo).read()
    sent = 0
    try:
        while sent < 9:
            write(b"x" * 70000)
            sent += 1
    finally:
        print("writes that went well:", sent)
    return []


def application(environ, start_response):
    names = {**globals(), "environ": environ, "start_response": start_response}
    expression = unquote(environ["QUERY_STRING"])
    if environ["PATH_INFO"] != "/raw":
        shown = repr(eval(expression, names)).encode()
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [shown]
    return eval(expression, names)
