"""HTTP/1.1 between client and application: no byte lost, whatever the pieces are."""

import hashlib
import os
import socket
import threading

import pytest

from harness import wire
from harness.server import free_port

pytestmark = pytest.mark.ours
KINDS = ["http11-socket", "http"]


@pytest.fixture(params=KINDS)
def site(request, uwsgi, app):
    port = free_port()
    server = uwsgi(f"--{request.param}", f"127.0.0.1:{port}", "-M", "-p", "2", "--threads", "2", "--wsgi-file", app("wires"))
    server.port = port
    return server


def test_pipelined_requests_are_answered_in_order(site):
    paths = ["/length", "/headers", "/generator", "/missing", "/many?n=40", "/length"]
    with wire.connect(site.port) as stream:
        stream.sendall(b"".join(wire.request_bytes(path=p) for p in paths))
        reader = wire.Reader(stream)
        bodies = [reader.response().body for _ in paths]
    assert [len(b) for b in bodies] == [5, 4, 35, 12, 40000, 5]


def test_pipelined_uploads_keep_their_bodies(site):
    pieces = [os.urandom(n) for n in (1, 1000, 70000, 0, 5)]
    with wire.connect(site.port) as stream:
        data = b"".join(wire.request_bytes("POST", "/echo", {"Content-Length": str(len(p))}, p) for p in pieces)
        sender = threading.Thread(target=stream.sendall, args=(data,))
        sender.start()
        reader = wire.Reader(stream)
        assert [reader.response().body for _ in pieces] == pieces
        sender.join()


@pytest.mark.parametrize("step", [1, 2, 7])
def test_a_request_in_small_pieces(site, step):
    data = wire.request_bytes("POST", "/echo", {"X-Long": "y" * 50}, b"the body of it")
    with wire.connect(site.port) as stream:
        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for start in range(0, len(data), step):
            stream.sendall(data[start : start + step])
        assert wire.Reader(stream).response().body == b"the body of it"


def test_half_closed_clients_get_their_answer(site):
    data = wire.raw(site.port, wire.request_bytes("POST", "/echo", {"Connection": "close"}, b"half"), shut=True)
    assert data.endswith(b"\r\n\r\nhalf")


def test_expect_100_continue(site):
    body = b"z" * 50000
    with wire.connect(site.port) as stream:
        stream.sendall(b"POST /echo HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 50000\r\n\r\n")
        reader = wire.Reader(stream)
        assert reader.until(b"\r\n\r\n").startswith(b"HTTP/1.1 100 ")
        stream.sendall(body)
        assert reader.response().body == body


def test_responses_without_length_are_framed(site):
    with wire.connect(site.port) as stream:
        reader = wire.Reader(stream)
        for _ in range(3):
            stream.sendall(wire.request_bytes(path="/generator"))
            answer = reader.response()
            assert answer.body.count(b"part") == 5
            assert (answer.header("Transfer-Encoding"), answer.header("Content-Length")) in ((None, "35"), ("chunked", None))


def test_http_1_0_clients_get_a_closed_connection(site):
    data = wire.raw(site.port, b"GET /generator HTTP/1.0\r\n\r\n")
    assert data.count(b"part") == 5 and b"chunked" not in data


def test_a_slow_reader_gets_every_byte(site):
    """More than all socket buffers hold, read in sips at first: the server has to wait and then go on."""
    with wire.connect(site.port, timeout=30) as stream:
        stream.sendall(wire.request_bytes(path="/many?n=20000"))
        reader = wire.Reader(stream)
        for _ in range(300):
            reader.data += stream.recv(100)
        assert reader.response().body == b"x" * 20_000_000


def test_large_bodies_both_ways_at_once(site):
    """Eight clients, 5 MiB each way, no mix-up."""
    failed = []

    def one(seed: int):
        data = bytes([seed]) * 1000 + os.urandom(5 << 20)
        if hashlib.md5(wire.http(site.port, "/echo", "POST", body=data, timeout=60).body).digest() != hashlib.md5(data).digest():
            failed.append(seed)

    threads = [threading.Thread(target=one, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []


def test_connections_of_leaving_clients_are_forgotten(site):
    for _ in range(50):
        with wire.connect(site.port) as stream:
            stream.sendall(wire.request_bytes(path="/many?n=500"))
    assert wire.http(site.port, "/length").body == b"12345"
    site.allow("Traceback")


@pytest.mark.parametrize("head, status", [
    (b"GET\r\n\r\n", 400), (b"GET / HTTP/1.1\r\nHost h\r\n\r\n", 400), (b"GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n", 400),
    (b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx", 400),
    (b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\nHost: h\r\nX: " + b"x" * 100000 + b"\r\n\r\n", 431),
], ids=["no-target", "no-colon", "folded", "two-lengths", "length-and-chunked", "oversize"])
def test_broken_heads_are_refused_by_name(site, head, status):
    answer = wire.raw(site.port, head, shut=True)
    assert answer.startswith(b"HTTP/1.1 %d " % status), answer[:200]
