"""Clients that take some of an answer now and then: each wait is in time, and the whole is not."""

import contextlib
import json
import re
import socket
import threading

import pytest

from harness import wire
from harness.server import free_port
from harness.waiting import until

pytestmark = pytest.mark.ours

PACED = threading.Event()  # nobody sets it: waiting for it is the pace of a slow client
SMALL = ("--socket-sndbuf", "4096")
LINE = r"^\[uwsgi-slow\] the response to GET %s for 127\.0\.0\.1 was given up: (\d+) bytes in (\d+) ms of waiting$"


@pytest.fixture
def serve(uwsgi, app):
    def start(*options, kind="http11-socket"):
        port = free_port()
        server = uwsgi(f"--{kind}", f"127.0.0.1:{port}", "-M", "--stats", "stats", "--stats-http", "--wsgi-file", app("edges"), *SMALL,
                       *options)
        server.port = port
        return server

    return start


def slow(port, path):
    """A client with next to no room for an answer."""
    stream = socket.socket()
    stream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    stream.settimeout(20)
    stream.connect(("127.0.0.1", port))
    stream.sendall(wire.request_bytes(path=path))
    return stream


def sip(stream, bytes_each=4000, pause=0.1, most=300):
    """Takes a little now and then until the server has enough; how much that was."""
    taken = 0
    for _ in range(most):
        try:
            got = len(stream.recv(bytes_each))
        except ConnectionResetError:
            return taken
        if got == 0:
            return taken
        taken += got
        PACED.wait(pause)
    raise AssertionError(f"a slow client was waited for without end, {taken} bytes")


def refused(server):
    reasons = json.loads(wire.http(server.stats_address(), "/?details=1").body)["sockets"][0]["refused"]
    return {reason: count for reason, count in reasons.items() if count}


TAKING = ("--socket-timeout", "30", "--socket-response-timeout", "1", "--socket-response-min-rate", "1000000")


@pytest.mark.parametrize("path, waits", [("/whole?n=400000", "reactor"), ("/file?n=400000", "reactor"), ("/generated?n=3000000", "core")])
def test_a_client_that_only_sips_is_given_up(serve, path, waits):
    server = serve(*TAKING)
    with contextlib.closing(slow(server.port, path)) as stream:
        taken = sip(stream)
    line = server.wait_log(LINE % re.escape(path))
    assert int(line[1]) >= taken > 0 and int(line[2]) >= 900
    assert refused(server) == {"slow_reader": 1}
    core = server.wait_stats(lambda d: d["workers"][0]["cores"][0]["write_errors"] >= 1, "a write error")
    assert core["workers"][0]["cores"][0]["in_request"] == 0
    assert "TIMEOUT" not in server.log()


def test_who_takes_enough_may_take_its_time(serve):
    server = serve("--socket-timeout", "30", "--socket-response-timeout", "1", "--socket-response-min-rate", "10000")
    with contextlib.closing(slow(server.port, "/whole?n=150000")) as stream:
        taken = 0
        while taken < 150_000:
            taken += len(stream.recv(8000))
            PACED.wait(0.1)
    assert refused(server) == {} and "given up" not in server.log()


def test_without_a_limit_a_client_may_sip_for_ever(serve):
    server = serve("--socket-timeout", "30", "--socket-response-timeout", "0")
    with contextlib.closing(slow(server.port, "/whole?n=150000")) as stream:
        reader = wire.Reader(stream)
        PACED.wait(1.5)
        assert len(reader.response().body) == 150_000
    assert refused(server) == {}


def test_a_long_answer_is_no_slow_client(serve):
    """Time in which nobody waits for the client costs it nothing."""
    server = serve("--socket-response-timeout", "1", "--socket-response-min-rate", "0")
    for _ in range(3):
        assert len(wire.http(server.port, "/generated?n=2000000", timeout=20).body) == 2_000_000
    assert refused(server) == {}


def test_behind_the_router_a_core_gets_free(serve):
    server = serve(*TAKING, "--drain-limit", "0", kind="http")
    with contextlib.closing(slow(server.port, "/whole?n=20000000")) as stream:
        sip(stream)
    server.wait_log(LINE % re.escape("/whole?n=20000000"))
    assert len(wire.http(server.port, "/whole?n=5", timeout=10).body) == 5


@pytest.mark.parametrize("path", ["/whole", "/file"])
def test_a_link_that_drains_is_not_in_the_way_of_others(serve, path):
    """One core, whose answers wait in the worker behind full buffers of the router."""
    server = serve("--socket-timeout", "30", kind="http")
    size = 600_000
    clients = [slow(server.port, f"{path}?n={size}") for _ in range(2)]
    until(lambda: server.log().count(f"generated {size} bytes") == len(clients), "answers that drain", 20)
    assert len(wire.http(server.port, "/whole?n=5", timeout=5).body) == 5
    for client in clients:
        with client:
            assert len(wire.Reader(client).response().body) == size
    assert len(wire.http(server.port, "/whole?n=5", timeout=5).body) == 5
