"""Clients that send or take so slowly that each wait is in time and the whole is not."""

import contextlib
import threading

import pytest
from harness import wire
from harness.server import wire_address

PACED = threading.Event()  # nobody sets it: waiting for it is the pace of a slow client
SOCKETS = {kind: [f"--{kind}-socket", "127.0.0.1:0"] for kind in ("http", "http11", "uwsgi")}


@pytest.fixture
def serve(uwsgi, app, tmp_path):
    def start(*options, **kw):
        return uwsgi("-M", "--stats", "stats", "--stats-http", *options, "--wsgi-file", app("bodies"),
                     env={"TMPDIR": str(tmp_path)}, **kw)

    return start


def refused(server) -> dict:
    """Why requests of the first socket were refused."""
    import json

    reasons = json.loads(wire.http(server.stats_address(), "/?details=1").body)["sockets"][0]["refused"]
    return {reason: count for reason, count in reasons.items() if count}


def dribble(address, head: bytes, piece: bytes, pause: float = 0.1, most: int = 600) -> bytes:
    """Sends a piece now and then until the server has enough; what it answers."""
    with contextlib.closing(wire.connect(address, timeout=30)) as stream:
        stream.sendall(head)
        stream.settimeout(pause)
        for _ in range(most):
            try:
                if not (first := stream.recv(65536)):
                    return b""
                stream.settimeout(30)
                return first + wire.read_all(stream)
            except TimeoutError:
                pass
            except ConnectionResetError:
                return b""
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                stream.sendall(piece)
        raise AssertionError("a slow client was waited for without end")


@pytest.mark.parametrize("kind", SOCKETS)
def test_a_head_that_never_ends(serve, kind):
    server = serve(*SOCKETS[kind], "--socket-header-timeout", "1")
    head = b"\x00\x00\x08\x00" if kind == "uwsgi" else b"GET / HTTP/1.1\r\nHost: a\r\nX-Slow: "
    answer = dribble(server.address(), head, b"x")
    assert answer.startswith(b"HTTP/1.1 408 Request Timeout\r\n") if kind != "uwsgi" else answer == b""
    server.wait_log(r"^.uwsgi-slow. the head of a request from 127\.0\.0\.1 took more than 1 seconds$")
    assert refused(server) == {"slow_head": 1}
    assert "=> generated" not in server.log()


def test_each_request_of_a_connection_has_its_own_time(serve):
    server = serve(*SOCKETS["http11"], "--socket-header-timeout", "1", "--socket-timeout", "3")
    with contextlib.closing(wire.connect(server.address())) as stream:
        reader = wire.Reader(stream)
        for _ in range(4):
            stream.sendall(b"GET /unread HTTP/1.1\r\n")
            PACED.wait(0.5)
            stream.sendall(b"Host: a\r\n\r\n")
            assert reader.response().status == 200
    assert refused(server) == {}


@pytest.mark.parametrize("size", [1000, 1_000_000], ids=["awaited", "read"])
@pytest.mark.parametrize("stored", [[], ["--post-buffering", "4096"]], ids=["plain", "stored"])
def test_a_body_that_comes_too_slowly(serve, size, stored):
    server = serve(*SOCKETS["http11"], "--socket-body-timeout", "1", "--socket-body-min-rate", "1000", *stored)
    head = b"POST /read HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % size
    answer = dribble(server.address(), head, b"xy")
    line = server.wait_log(r"^.uwsgi-slow. the body of POST /read from 127\.0\.0\.1 was given up: (\d+) bytes in (\d+) ms of waiting$")
    assert 900 <= int(line[2]) <= 10_000 and int(line[1]) < 500
    server.wait_log(r"^.uwsgi-body-read. Timeout reading ")
    if stored:
        assert answer.startswith(b"HTTP/1.1 408 Request Timeout\r\n")
    else:
        assert answer.endswith(b"timeout during read(0) on wsgi.input")
    assert refused(server) == {"slow_body": 1}


def test_a_slow_body_behind_the_router_frees_its_core(serve):
    server = serve("--http", "127.0.0.1:0", "--socket-body-timeout", "1")
    address = wire_address(server.wait_log(r"uWSGI http bound on (127\.0\.0\.1:\d+)").group(1))
    head = b"POST /read HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 1000000\r\n\r\n"
    assert dribble(address, head, b"x").endswith(b"timeout during read(0) on wsgi.input")
    server.wait_log(r"^.uwsgi-slow. the body of POST /read from 127\.0\.0\.1 was given up: ")


@pytest.mark.parametrize("size", [30_000, 300_000], ids=["awaited", "read"])
def test_an_upload_that_goes_on_may_take_its_time(serve, size):
    server = serve(*SOCKETS["http11"], "--socket-body-timeout", "1", "--socket-body-min-rate", "5000")
    with contextlib.closing(wire.connect(server.address())) as stream:
        stream.sendall(b"POST /read HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % size)
        for _ in range(10):
            stream.sendall(b"x" * (size // 10))
            PACED.wait(0.3)
        assert len(wire.Reader(stream).response().body) == size + 3
    assert refused(server) == {}
