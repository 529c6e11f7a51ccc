"""What is logged, and what an application hears, when its client has left: as the original does it."""

import contextlib
import os
import re
import socket
import struct

import pytest

from harness import wire

HEAD, BOTH = "uwsgi_response_write_headers_do()", "uwsgi_response_writev_headers_and_body_do()"
BODY, FILE = "uwsgi_response_write_body_do()", "uwsgi_response_sendfile_do()"
PIPE = "SIGPIPE: writing to a closed pipe/socket/fd (probably the client disconnected)"


@pytest.fixture
def serve(uwsgi, app):
    def start(*options, kind="http-socket"):
        return uwsgi(f"--{kind}", "127.0.0.1:0", *options, "--wsgi-file", app("writes")).allow("Traceback", "write error")

    return start


def leave(server, fifo, kind, how="reset", address=None):
    """A request whose client leaves while the application waits; the path it had."""
    if not fifo.exists():
        os.mkfifo(fifo)
    path = f"/{kind}?{fifo}"
    stream = wire.connect(address or server.address())
    stream.sendall(wire.request_bytes(path=path))
    with open(fifo, "w"):  # both ends are there: the application waits
        if kind in ("generated", "written"):
            wire.Reader(stream).until(b"first")
        if how == "reset":
            stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        stream.close()
    server.wait_log(rf"GET /{kind}\S* => generated")
    return path


LINE = r"^.{24} - %s: %s \[core/writer\.c line \d+\] during GET %s \(127\.0\.0\.1\)$"


@pytest.mark.parametrize("kind, function", [("generated", BODY), ("written", BODY), ("pieces", BOTH), ("nothing", HEAD), ("file", HEAD)])
def test_the_line_names_what_was_being_sent(serve, tmp_path, kind, function):
    server = serve()
    path = leave(server, tmp_path / "fifo", kind)
    server.wait_log(LINE % (re.escape(function), "Connection reset by peer", re.escape(path)))
    assert PIPE not in server.log() and server.log().count("core/writer.c") == 1
    assert ("OSError: write error" in server.log()) == (kind != "nothing")


@pytest.mark.parametrize("threads", ["1", "2"])
def test_a_closed_pipe_has_a_line_of_its_own(serve, tmp_path, threads):
    server = serve("--threads", threads)
    path = leave(server, tmp_path / "fifo", "generated", "close")
    suffix = rf" on request {re.escape(path)} \(ip 127\.0\.0\.1\)" if threads == "1" else ""
    server.wait_log(rf"^.{{24}} - {re.escape(PIPE)}{suffix} !!!$")
    server.wait_log(LINE % (re.escape(BODY), "Broken pipe", re.escape(path)))


OPTIONS = [
    ([], True, True, 1, True), (["--ignore-sigpipe"], False, True, 1, True), (["--ignore-write-errors"], True, False, 1, True),
    (["--disable-write-exception"], True, True, 9, False), (["--write-errors-exception-only"], False, False, 1, True),
    (["--ignore-sigpipe", "--ignore-write-errors", "--disable-write-exception"], False, False, 9, False),
]


@pytest.mark.parametrize("options, pipe, line, writes, raised", OPTIONS, ids=[" ".join(o[0]) or "default" for o in OPTIONS])
def test_the_options_that_silence_it(serve, tmp_path, options, pipe, line, writes, raised):
    server = serve(*options)
    leave(server, tmp_path / "fifo", "written", "close")
    server.wait_log(rf"^writes went well: {writes}$")
    text = server.log()
    assert (pipe, line, raised) == (PIPE in text, "core/writer.c" in text, "OSError: write error" in text), text


@pytest.mark.parametrize("options", [[], ["--disable-write-exception"]], ids=["default", "silent"])
def test_a_generator_is_not_asked_for_more(serve, tmp_path, options):
    server = serve(*options)
    leave(server, tmp_path / "fifo", "generated", "close")
    server.wait_log(r"^yields went well: 1$")
    assert ("OSError: write error" in server.log()) == (not options)
    assert "the generator got" not in server.log()


@pytest.mark.ours
def test_an_exception_alone_is_raised_where_the_generator_stands(serve, tmp_path):
    """The original goes on with it until something inside of the generator notices."""
    server = serve("--write-errors-exception-only")
    leave(server, tmp_path / "fifo", "generated", "close")
    server.wait_log(r"^the generator got: write error$")
    server.wait_log(r"^yields went well: 1$")
    assert "core/writer.c" not in server.log() and PIPE not in server.log()
    leave(server, tmp_path / "fifo", "pieces")
    server.wait_log(r"^OSError: write error$")


@pytest.mark.ours
def test_errors_that_are_tolerated_are_counted(serve, tmp_path):
    """In the original the first error is the only one that counts."""
    server = serve("--write-errors-tolerance", "3")
    leave(server, tmp_path / "fifo", "written", "close")
    server.wait_log(r"^writes went well: 4$")
    assert server.log().count("core/writer.c") == 1


@pytest.mark.parametrize("kind, function", [("large", BODY), ("sparse", FILE)])
def test_a_client_that_takes_nothing(serve, kind, function):
    server = serve("--socket-timeout", "1")
    stream = socket.socket()
    stream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    stream.connect(server.address())
    with contextlib.closing(stream):
        stream.sendall(wire.request_bytes(path=f"/{kind}"))
        server.wait_log(rf"^{re.escape(function)} TIMEOUT !!!$")


@pytest.mark.ours
def test_the_client_behind_the_router_is_named(serve, tmp_path):
    server = serve("--ignore-sigpipe", kind="http")
    address = int(server.wait_log(r"uWSGI http bound on 127\.0\.0\.1:(\d+)").group(1))
    fifo = tmp_path / "fifo"
    path = leave(server, fifo, "generated", address=address)
    assert re.search(rf"during GET {re.escape(path)} \(127\.0\.0\.1\)$", server.log(), re.M), server.log()
