"""The probe `network`: what becomes of client connections, against what the kernel counts for the namespace."""

import contextlib
import errno
import re
import select
import socket
import struct
import time

import pytest

from harness import paths, wire
from harness.faraway import CAN, Namespace, Wire, payload, run, with_window
from harness.probes import attached, eventually, needs_probes, numbers, sample
from harness.server import free_port
from harness.waiting import until

pytestmark = [pytest.mark.ours, needs_probes, pytest.mark.skipif(not CAN, reason="needs root and /dev/net/tun"), pytest.mark.alone]


@pytest.fixture
def there():
    namespace = Namespace()
    with namespace.entered():
        yield namespace
    namespace.close()


@pytest.fixture
def far():
    far = Wire()
    with far.near.entered():
        yield far
    far.close()


@pytest.fixture
def server(uwsgi, tmp_path):
    def start(*args, host="127.0.0.1", processes=1):
        server = uwsgi("-M", "-p", processes, "--http11-socket", f"{host}:0", "--wsgi-file", paths.APPS / "faraway.py", "--stats", f"127.0.0.1:{free_port()}", "--stats-http",
                       "--ebpf=network", "--socket-timeout", "60", *args, cwd=tmp_path)
        attached(server, "network")
        return server

    return start


def ask(stream, path="/", body=b"", headers=None) -> int:
    """One request on a connection that is kept; bytes of the answer."""
    stream.sendall(wire.request_bytes(path=path, method="POST" if body else "GET", headers=headers, body=body))
    got = b""
    while b"\r\n\r\n" not in got:
        got += stream.recv(65536)
    head, rest = got.split(b"\r\n\r\n", 1)
    left = int(re.search(rb"content-length: (\d+)", head, re.I).group(1)) - len(rest)
    total = len(got) + left
    while left:
        left -= len(stream.recv(min(left, 1 << 20)))
    return total


def socket_bytes(name: str, info: str) -> int:
    """A figure of `ss -ti`."""
    return int(re.search(rf"\b{name}:(\d+)", info).group(1))


def test_bytes_of_connections_that_ended_and_that_live(server, there):
    srv = server()
    port = srv.address()[1]
    sent = got = 0
    for _ in range(5):
        with contextlib.closing(wire.connect(srv.address())) as stream:
            sent += len(wire.request_bytes(path="/"))
            got += ask(stream)
    eventually(srv, "uwsgi_socket_closed_total", 5)
    eventually(srv, "uwsgi_socket_received_bytes_total", sent)
    assert sample(srv, "uwsgi_socket_received_bytes_total") == sent
    assert eventually(srv, "uwsgi_socket_sent_bytes_total", got) == got
    assert sample(srv, "uwsgi_socket_rtt_seconds_count") == sample(srv, "uwsgi_socket_closed_total") == 5
    with contextlib.closing(wire.connect(srv.address())) as stream:
        own = ask(stream) + ask(stream) + ask(stream)
        assert eventually(srv, "uwsgi_socket_sent_bytes_total", got + own) == got + own
        # What the kernel itself says of the connection.
        told = run("ss", "-tinH", "state", "established", "sport", "=", f":{port}")
        assert socket_bytes("bytes_acked", told) == own, told
        assert sample(srv, "uwsgi_socket_received_bytes_total") == sent + socket_bytes("bytes_received", told)
        assert sample(srv, "uwsgi_socket_connections") == 1
        rtt = float(re.search(r"\brtt:([\d.]+)", told).group(1)) / 1e3
        assert sample(srv, "uwsgi_socket_connections_rtt_seconds") == pytest.approx(rtt, rel=0.5, abs=1e-4)
    eventually(srv, "uwsgi_socket_closed_total", 6)
    until(lambda: sample(srv, "uwsgi_socket_connections") == 0, "no connection")
    assert sample(srv, "uwsgi_socket_sent_bytes_total") == got + own, "the end of a connection adds nothing"


def test_bytes_of_both_families_and_a_big_answer(server, there):
    srv = server("--http-socket", "[::1]:0")
    for index in (0, 1):
        address = srv.address(index)
        with contextlib.closing(wire.connect(address)) as stream:
            total = ask(stream, "/big")
        names = {dict(labels).get("name") for own, labels in numbers(srv) if own == "uwsgi_socket_closed_total"}
        name = next(n for n in names if n.endswith(f":{address[1]}"))
        assert eventually(srv, "uwsgi_socket_sent_bytes_total", total, name=name) == total
        assert eventually(srv, "uwsgi_socket_closed_total", 1, name=name) == 1


def test_resets_of_clients(server, there):
    srv = server()
    before = there.counter("Tcp.EstabResets")
    for _ in range(7):
        stream = wire.connect(srv.address())
        ask(stream)
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        stream.close()
    assert eventually(srv, "uwsgi_socket_resets_total", 7, direction="received") == 7
    assert sample(srv, "uwsgi_socket_resets_total", direction="sent") == 0
    # The kernel counts both ends of each.
    assert there.counter("Tcp.EstabResets") - before == 14
    assert eventually(srv, "uwsgi_socket_closed_total", 7) == 7


def test_resets_of_ours(server, there):
    """Who goes on sending on a connection that was ended is answered with a reset."""
    srv = server()
    before = there.counter("Tcp.OutRsts")
    for _ in range(4):
        with contextlib.closing(wire.connect(srv.address())) as stream:
            stream.sendall(wire.request_bytes(headers={"Connection": "close"}))
            wire.read_all(stream)
            stream.sendall(b"more")
            until(lambda stream=stream: reset(stream), "a reset")
    assert there.counter("Tcp.OutRsts") - before == 4
    assert eventually(srv, "uwsgi_socket_resets_total", 4, direction="sent") == 4
    assert sample(srv, "uwsgi_socket_resets_total", direction="received") == 0, "both ends are here; only ours is asked"


def reset(stream) -> bool:
    return stream.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) in (errno.ECONNRESET, errno.EPIPE)


def test_the_same_port_of_another_namespace_is_another_socket(server, there):
    srv = server()
    other = Namespace()
    with other.entered(), socket.create_server(srv.address()) as listener:
        for _ in range(3):
            client = wire.connect(srv.address())
            conn = listener.accept()[0]
            conn.sendall(b"x")
            client.recv(1)
            client.close()
            conn.close()
    other.close()
    with contextlib.closing(wire.connect(srv.address())) as stream:
        ask(stream)
    eventually(srv, "uwsgi_socket_closed_total", 1)
    assert sample(srv, "uwsgi_socket_closed_total") == 1


def test_retransmits(server, far):
    """Every third segment with data is lost on its way to the client."""
    srv = server(host=far.NEAR)
    seen = iter(range(1 << 30))
    far.change = lambda packet, to_near: None if not to_near and payload(packet) and next(seen) % 3 == 0 else packet

    def again() -> int:
        """Those of answers to a SYN, which a slow client makes, are others."""
        return far.near.counter("Tcp.RetransSegs") - far.near.counter("TcpExt.TCPSynRetrans")

    before = again()
    with far.far.entered():
        stream = wire.connect(srv.address(), 60)
    for _ in range(20):
        ask(stream)
    stream.close()
    eventually(srv, "uwsgi_socket_closed_total", 1)
    assert again() - before >= 7
    until(lambda: sample(srv, "uwsgi_socket_retransmits_total") == again() - before, "what the kernel has counted")


def test_round_trips_are_those_of_the_wire(server, far):
    far.delay = 0.04
    # A connection that is held back until its first request comes has a first round trip that is as long.
    srv = server("--no-defer-accept", host=far.NEAR)
    with far.far.entered():
        streams = [wire.connect(srv.address()) for _ in range(3)]
    for _ in range(10):
        for stream in streams:
            ask(stream)
    port = srv.address()[1]

    def kernel() -> list[float]:
        told = run("ss", "-tinH", "state", "established", "sport", "=", f":{port}")
        return [float(ms) / 1e3 for ms in re.findall(r"\brtt:([\d.]+)", told)]

    until(lambda: sample(srv, "uwsgi_socket_connections_rtt_seconds") == pytest.approx(sum(kernel()) / 3, rel=0.01), "the kernel's mean")
    rtts = kernel()
    assert len(rtts) == 3 and min(rtts) > 0.08
    for stream in streams:
        stream.close()
    assert eventually(srv, "uwsgi_socket_rtt_seconds_count", 3) == 3
    assert sample(srv, "uwsgi_socket_rtt_seconds_sum") == pytest.approx(sum(rtts), rel=0.25), "the last round trip counts too"
    assert sample(srv, "uwsgi_socket_rtt_seconds_bucket", le="0.05") == 0
    assert sample(srv, "uwsgi_socket_rtt_seconds_bucket", le="0.25") == 3


def test_a_client_that_does_not_read_closes_its_window(server, there):
    srv = server()
    with contextlib.closing(socket.socket()) as stream:
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16384)
        stream.settimeout(20)
        stream.connect(srv.address())
        stream.sendall(wire.request_bytes(path="/big"))
        eventually(srv, "uwsgi_socket_stalled_connections", 1, side="client")
        began = time.monotonic()
        assert eventually(srv, "uwsgi_socket_zero_windows_total", 1, side="client") == 1
        limited = eventually(srv, "uwsgi_socket_limited_seconds_total", 1.0, by="client_window")
        told = run("ss", "-tinH", "state", "established", "sport", "=", f":{srv.address()[1]}")
        assert limited <= socket_bytes("rwnd_limited", told) / 1e3, "what was limited then is not more than what is now"
        assert time.monotonic() - began < 30
        assert sample(srv, "uwsgi_socket_zero_windows_total", side="client") == 1, "a window is closed once"
        left = 8 << 20
        while left > 0:
            left -= len(stream.recv(1 << 20))
        until(lambda: sample(srv, "uwsgi_socket_stalled_connections", side="client") == 0, "an open window")
    eventually(srv, "uwsgi_socket_closed_total", 1)
    assert sample(srv, "uwsgi_socket_limited_seconds_total", by="client_window") >= limited


def fill(stream):
    """Send until nothing goes any more; bytes that went."""
    stream.setblocking(False)
    sent = 0
    while select.select([], [stream], [], 0.5)[1]:
        sent += stream.send(b"x" * 65536)
    stream.setblocking(True)
    return sent


def test_a_server_that_does_not_read_closes_its_window(server, there, tmp_path):
    srv = server()
    length = 64 << 20
    with contextlib.closing(wire.connect(srv.address(), 60)) as stream:
        stream.sendall(b"POST /hold HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % length)
        sent = fill(stream)
        assert sent < length
        eventually(srv, "uwsgi_socket_zero_windows_total", 1, side="server")
        eventually(srv, "uwsgi_socket_stalled_connections", 1, side="server")
        assert there.counter("TcpExt.TCPToZeroWindowAdv") == sample(srv, "uwsgi_socket_zero_windows_total", side="server") == 1
        (tmp_path / "go").write_text("")
        stream.sendall(b"x" * (length - sent))
        assert wire.Reader(stream).response().body == b"%d" % length
    eventually(srv, "uwsgi_socket_closed_total", 1)
    assert sample(srv, "uwsgi_socket_zero_windows_total", side="client") == 0


def test_what_does_not_fit_is_thrown_away_and_counted(server, far, tmp_path):
    """The client is told of a window that is not there."""
    srv = server(host=far.NEAR)
    length = 64 << 20
    with far.far.entered():
        stream = wire.connect(srv.address(), 60)
    stream.sendall(b"POST /hold HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % length)
    far.change = lambda packet, to_near: packet if to_near else with_window(packet, 65535)
    sent = fill(stream)
    #: Segments beyond the window are counted since Linux 6.16; before, they came as far as a closed window.
    dropped = "BeyondWindow TCPZeroWindowDrop TCPRcvQDrop TCPBacklogDrop TCPOFODrop".split()

    def kernel():
        return sum(far.near.counter(f"TcpExt.{name}", 0) for name in dropped)

    eventually(srv, "uwsgi_socket_receive_queue_full_total", 1)
    until(lambda: sample(srv, "uwsgi_socket_receive_queue_full_total") == kernel(), "the same as the kernel's counts")
    assert sent < length
    far.change = lambda packet, to_near: packet
    (tmp_path / "go").write_text("")
    stream.close()


