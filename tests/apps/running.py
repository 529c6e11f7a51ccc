"""Paths that each use one function of `uwsgi` about the running request."""

import os
import socket
from urllib.parse import unquote

import uwsgi

OK = [("Content-Type", "text/plain")]
ROUTES = {}


def route(function):
    ROUTES["/" + function.__name__.replace("_", "-")] = function
    return function


def shown(function, *arguments):
    try:
        return repr(function(*arguments))
    except Exception as exc:
        return f"{type(exc).__name__}: {exc}"


def answer(start_response, *lines):
    start_response("200 OK", OK)
    return ["\n".join(lines).encode()]


@route
def values(environ, start_response):
    """`?expression;expression`: each value, with the body as `i`."""
    names = {"i": environ["wsgi.input"], "u": uwsgi, "e": environ, "os": os}
    expressions = unquote(environ["QUERY_STRING"]).split(";")
    return answer(start_response, *[shown(eval, text, names) for text in expressions])


@route
def send(environ, start_response):
    uwsgi.send(b"HTTP/1.0 200 Own\r\nX-Own: 1\r\n\r\nhead and body, ")
    return [b"and what was returned"]


@route
def send_only(environ, start_response):
    uwsgi.send(b"HTTP/1.0 200 Own\r\n\r\nall")
    return []


@route
def disconnect(environ, start_response):
    start_response("200 OK", OK)

    def body():
        yield b"before"
        uwsgi.disconnect()
        open(unquote(environ["QUERY_STRING"]), "w").write("went on")

    return body()


@route
def disconnect_first(environ, start_response):
    uwsgi.disconnect()
    return []


@route
def sendfile(environ, start_response):
    """`?path,chunk,position,size`: what `sendfile` answers stands behind what it sends."""
    path, *numbers = unquote(environ["QUERY_STRING"]).split(",")
    start_response("200 OK", OK)
    return [b"|" + shown(uwsgi.sendfile, path, *map(int, numbers)).encode()]


@route
def sendfile_number(environ, start_response):
    start_response("200 OK", OK)
    fd = os.open(unquote(environ["QUERY_STRING"]), os.O_RDONLY)
    uwsgi.sendfile(fd)
    return [b"|" + shown(os.fstat, fd)[:18].encode()]


@route
def sendfile_object(environ, start_response):
    start_response("200 OK", OK)
    with open(unquote(environ["QUERY_STRING"]), "rb") as file:
        return [b"|" + shown(uwsgi.sendfile, file).encode()]


@route
def chunks(environ, start_response):
    got = []
    while not got or (got[-1] != "b''" and "Error" not in got[-1]):
        got.append(shown(uwsgi.chunked_read, 5))
    return answer(start_response, *got)


@route
def chunks_now(environ, start_response):
    return answer(start_response, *[shown(uwsgi.chunked_read_nb) for _ in range(3)])


@route
def logvars(environ, start_response):
    lines = [shown(uwsgi.set_logvar, "who", "somebody"), shown(uwsgi.get_logvar, b"who"), shown(uwsgi.get_logvar, "nobody"),
             shown(uwsgi.set_logvar, b"other", b"value"), shown(uwsgi.add_var, "ADDED", "variable"),
             shown(uwsgi.add_var, "A" * 5000, "x"), shown(uwsgi.set_logvar, 1, 2), shown(uwsgi.set_logvar, "who")]
    return answer(start_response, *lines)


@route
def log_me(environ, start_response):
    return answer(start_response, shown(uwsgi.log_this_request))


@route
def descriptors(environ, start_response):
    ours, theirs = socket.socketpair()
    lines = [shown(uwsgi.is_connected, ours.fileno()), shown(uwsgi.is_connected, 999), shown(uwsgi.send, ours.fileno(), b"abc"),
             shown(uwsgi.recv, theirs.fileno(), 2), shown(uwsgi.recv, theirs.fileno()), shown(uwsgi.close, ours.detach()),
             shown(uwsgi.recv, theirs.fileno()), shown(uwsgi.recv, 999), shown(uwsgi.connect, "127.0.0.1:1"),
             shown(uwsgi.connect, "/nowhere/at/all")]
    theirs.close()
    return answer(start_response, *lines)


@route
def engines(environ, start_response):
    """What belongs to asynchronous engines, where there are none."""
    lines = [shown(uwsgi.async_sleep, 1), shown(uwsgi.suspend), shown(uwsgi.green_schedule), shown(uwsgi.wait_fd_read, 0),
             shown(uwsgi.wait_fd_write, 0, 1), shown(uwsgi.ready_fd), shown(uwsgi.offload, "x"), shown(uwsgi.embedded_data, "x")]
    return answer(start_response, *lines)


@route
def facts(environ, start_response):
    lines = [repr(uwsgi.unbit), repr((uwsgi.SPOOL_OK, uwsgi.SPOOL_RETRY, uwsgi.SPOOL_IGNORE)), repr(uwsgi.buffer_size),
             repr(uwsgi.is_a_reload), repr(len(uwsgi.sockets)), shown(uwsgi.accepting), shown(uwsgi.ready), shown(uwsgi.cl),
             repr(uwsgi.env is environ), repr(uwsgi.request_id()), shown(uwsgi.setprocname, "named by its application")]
    return answer(start_response, *lines)


def application(environ, start_response):
    return ROUTES[environ["PATH_INFO"]](environ, start_response)
