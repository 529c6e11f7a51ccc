"""The PROXY protocol: whom a balancer names is the client, in the application, the log and the stats, and nobody else can."""

import contextlib
import ipaddress
import json
import struct
import threading

import pytest

from harness import wire
from harness.waiting import until

pytestmark = [pytest.mark.ours]

FRONTS = ["http-socket", "http11-socket", "http"]
LINE = b"PROXY TCP4 1.2.3.4 5.6.7.8 1111 2222\r\n"
GET = b"GET /env HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
NAMES = ["REMOTE_ADDR", "REMOTE_PORT", "SERVER_ADDR", "SERVER_PORT"]


def binary(src="1.2.3.4", dst="5.6.7.8", ports=(1111, 2222), command=1, more=b"") -> bytes:
    pair = [ipaddress.ip_address(one) for one in (src, dst)]
    rest = b"".join(one.packed for one in pair) + struct.pack("!HH", *ports) + more
    return b"\r\n\r\n\0\r\nQUIT\n" + bytes([0x20 | command, 0x11 if pair[0].version == 4 else 0x21]) + struct.pack("!H", len(rest)) + rest


def where(server, front):
    return server.address() if front != "http" else ("127.0.0.1", int(server.wait_log(r"http bound on 127\.0\.0\.1:(\d+)")[1]))


def seen(answer: bytes) -> list:
    assert b" 200 " in answer[:20], answer[:200]
    environ = json.loads(answer[answer.index(b"{"):answer.rindex(b"}") + 1])
    return [environ.get(name) for name in NAMES]


@pytest.fixture
def start(uwsgi, app):
    def start(front, *options, address="127.0.0.1:0"):
        server = uwsgi(f"--{front}", address, "-M", "--socket-timeout", "2", "--wsgi-file", app("wires"), *options)
        return server, address if address.startswith("/") else where(server, front)

    return start


@pytest.mark.parametrize("front", FRONTS)
def test_whom_a_header_names_is_the_client(start, front):
    server, address = start(front, "--enable-proxy-protocol")
    dst = [None, str(address[1])] if front == "http" else ["5.6.7.8", "2222"]
    for header in (LINE, binary(), binary(more=b"\x04\0\x02ab")):
        assert seen(wire.raw(address, header + GET)) == ["1.2.3.4", "1111", *dst], header
    assert seen(wire.raw(address, binary("2001:db8::1", "::1") + GET))[:2] == ["2001:db8::1", "1111"]
    for header in (b"", b"PROXY UNKNOWN\r\n", b"PROXY TCP4 1.2.3.4\r\n", binary(command=0)):
        assert seen(wire.raw(address, header + GET))[0] == "127.0.0.1", header
    server.wait_log(r"1\.2\.3\.4 .*GET /env")
    unix = b"\r\n\r\n\0\r\nQUIT\n\x21\x31\0\xd8" + b"/tmp/a".ljust(108, b"\0") * 2
    assert seen(wire.raw(address, unix + GET))[0] == "0.0.0.0"


@pytest.mark.parametrize("front", ["http11-socket", "http"])
@pytest.mark.parametrize("header", [LINE, binary()], ids=["line", "binary"])
def test_it_is_the_client_of_all_requests_of_the_connection(start, front, header):
    """However the bytes arrive."""
    server, address = start(front, "--enable-proxy-protocol")
    with contextlib.closing(wire.connect(address)) as stream:
        for byte in header + wire.request_bytes(path="/env"):
            stream.sendall(bytes([byte]))
        reader = wire.Reader(stream)
        for _ in range(3):
            assert json.loads(reader.response().body)["REMOTE_ADDR"] == "1.2.3.4"
            stream.sendall(wire.request_bytes(path="/env"))
        assert json.loads(reader.response().body)["REMOTE_PORT"] == "1111"
        stream.sendall(header + wire.request_bytes(path="/env"))
        assert reader.response().status == 400, "only in front of the first"


def test_requests_in_flight_show_the_client(start, tmp_path):
    server, address = start("http-socket", "--enable-proxy-protocol", "--stats", str(tmp_path / "s"))
    gate = f"/gate?path={tmp_path}/g"
    asking = threading.Thread(target=wire.raw, args=(address, LINE + GET.replace(b"/env", gate.encode())))
    asking.start()
    until(lambda: list(tmp_path.glob("g.*.in")), "the request in the application")
    try:
        assert "REMOTE_ADDR=1.2.3.4" in json.dumps(server.stats())
    finally:
        (tmp_path / "g.out").touch()
        asking.join()


@pytest.mark.parametrize("front", FRONTS)
def test_without_the_option_nobody_is_believed(start, front):
    server, address = start(front)
    for header in (LINE, binary()):
        assert wire.raw(address, header + GET).startswith(b"HTTP/1.1 400 ")


def test_the_option_of_the_router_is_not_that_of_the_sockets(uwsgi, app):
    server = uwsgi("--http-socket", "127.0.0.1:0", "--http", "127.0.0.1:0", "-M", "--http-enable-proxy-protocol", "--wsgi-file", app("wires"))
    assert wire.raw(server.address(), LINE + GET).startswith(b"HTTP/1.1 400 ")
    assert seen(wire.raw(where(server, "http"), LINE + GET))[0] == "1.2.3.4"


@pytest.mark.parametrize("front", FRONTS)
def test_strict_refuses_whoever_brings_none(start, front):
    server, address = start(front, "--enable-proxy-protocol", "--proxy-protocol-strict")
    assert seen(wire.raw(address, LINE + GET))[0] == "1.2.3.4"
    assert seen(wire.raw(address, binary(command=0) + GET))[0] == "127.0.0.1"
    assert wire.raw(address, GET).startswith(b"HTTP/1.1 400 ")
    server.wait_log(r"invalid HTTP request: no PROXY header \(127\.0\.0\.1\)")
    for broken in (b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\n", b"PROXY " + b"x" * 200, binary()[:14] + b"\0\x01x" + GET):
        assert wire.raw(address, broken).startswith(b"HTTP/1.1 400 "), broken
    server.wait_log(r"invalid HTTP request: broken PROXY header \(127\.0\.0\.1\)")


@pytest.mark.parametrize("front", FRONTS)
def test_only_who_is_named_is_believed(start, front):
    server, address = start(front, "--enable-proxy-protocol", "--proxy-protocol-from", "10.0.0.0/8,unix")
    assert wire.raw(address, LINE + GET).startswith(b"HTTP/1.1 400 "), "a stranger poses as somebody else"
    assert seen(wire.raw(address, GET))[0] == "127.0.0.1"
    server, address = start(front, "--enable-proxy-protocol", "--proxy-protocol-from", "10.0.0.0/8", "--proxy-protocol-strict")
    for data in (GET, LINE + GET):
        assert wire.raw(address, data).startswith(b"HTTP/1.1 400 ")
    server.wait_log(r"invalid HTTP request: not a peer whose PROXY header is believed \(127\.0\.0\.1\)")
    server, address = start(front, "--enable-proxy-protocol", "--proxy-protocol-from", "192.0.2.1 127.0.0.0/8", "--proxy-protocol-strict")
    assert seen(wire.raw(address, LINE + GET))[0] == "1.2.3.4"


def test_peers_of_unix_sockets_are_named_by_a_word(start, tmp_path):
    server, address = start("http-socket", "--enable-proxy-protocol", "--proxy-protocol-from", "unix", address=str(tmp_path / "u"))
    assert seen(wire.raw(address, LINE + GET)) == ["1.2.3.4", "1111", "5.6.7.8", "2222"]


@pytest.mark.parametrize("front", FRONTS)
def test_a_balancer_that_only_looks_leaves_no_trace(start, front):
    """Health checks send a header, or nothing, and go."""
    server, address = start(front, "--enable-proxy-protocol")
    mark = server.mark()
    for data in (b"", binary(command=0), LINE):
        assert wire.raw(address, data, shut=True) == b""
    assert seen(wire.raw(address, LINE + GET))[0] == "1.2.3.4"
    server.quiet()
    assert "client closed" not in server.log()[mark:] and "invalid" not in server.log()[mark:]
