"""The accept queue, as a probe in the kernel sees it: against the clients' clocks, `ss` and /proc/net/netstat."""

import contextlib
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import time

import pytest

from harness import wire
from harness.probes import attached, eventually, needs_probes, numbers, sample
from harness.server import free_port
from harness.waiting import until

pytestmark = [pytest.mark.ours, needs_probes, pytest.mark.alone]
WAITED = "uwsgi_accept_wait_seconds"
#: How long connections are kept waiting.
KEPT = 0.2


def serve(uwsgi, app, *args, **kw):
    stats = f"127.0.0.1:{free_port()}"
    # No second connection of anybody: what counts is what this test opens.
    server = uwsgi(*args, "-M", "--stats", stats, "--stats-http", "--ebpf=accept", "--wsgi-file", app("hello_length"), **kw)
    attached(server, "accept")
    return server


def port_of(server, index=0) -> int:
    return server.address(index)[1]


@contextlib.contextmanager
def stopped(*pids):
    """These processes run no further than here."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        until(lambda: all(state(pid) == "T" for pid in pids), "stopped processes")
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def state(pid) -> str:
    return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


class Client:
    """A connection with a request, and when it was certainly not and certainly established."""

    def __init__(self, address, headers=None):
        self.before = time.monotonic()
        self.stream = wire.connect(address)
        self.after = time.monotonic()
        self.reader = wire.Reader(self.stream)
        self.ask(headers)

    def ask(self, headers=None):
        self.stream.sendall(wire.request_bytes(headers={"Connection": "keep-alive", **(headers or {})}))

    def answered(self):
        assert self.reader.response().status == 200
        self.at = time.monotonic()
        return self

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stream.close()


@contextlib.contextmanager
def clients(address, count, **kw):
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(Client(address, **kw)) for _ in range(count)]


def let_wait(those):
    until(lambda: time.monotonic() - those[-1].after >= KEPT, "the time connections are kept")


def listening(port) -> tuple[int, int]:
    """Recv-Q and Send-Q of a listening socket: how many wait, how many may."""
    ss = shutil.which("ss") or pytest.skip("needs ss")
    out = subprocess.run([ss, "-ltnH", f"sport = :{port}"], capture_output=True, text=True, check=True).stdout
    waiting, most = out.split()[1:3]
    return int(waiting), int(most)


def overflows() -> int:
    names, values = [line.split() for line in pathlib.Path("/proc/net/netstat").read_text().splitlines() if line.startswith("TcpExt:")]
    return int(values[names.index("ListenOverflows")])


def none_lost(server):
    assert sample(server, "uwsgi_socket_waits_lost_total") == 0


def bounds(those, released) -> tuple[float, float]:
    """The least and the most that these connections have waited in all."""
    return sum(released - c.after for c in those), sum(c.at - c.before for c in those)


def test_five_connections_that_wait_200_ms_are_five_waits_of_200_ms(uwsgi, app):
    server = serve(uwsgi, app, "--http11-socket", "127.0.0.1:0")
    with stopped(server.worker_pids()[1]), clients(server.address(), 5) as those:
        let_wait(those)
        released = time.monotonic()
        os.kill(server.worker_pids()[1], signal.SIGCONT)
        for client in those:
            client.answered()
    assert eventually(server, f"{WAITED}_count", 5) == 5
    low, high = bounds(those, released)
    assert low <= sample(server, f"{WAITED}_sum") * 1.01 and sample(server, f"{WAITED}_sum") <= high * 1.01, (low, high)
    buckets = {float(dict(labels)["le"]): n for (name, labels), n in numbers(server).items() if name == f"{WAITED}_bucket"}
    assert max(n for le, n in buckets.items() if le < KEPT) == 0, "none was shorter"
    longest = max(c.at - c.before for c in those)
    assert all(n == 5 for le, n in buckets.items() if le > longest * 1.01), "none was longer"
    assert sample(server, "uwsgi_socket_established_total") == 5
    none_lost(server)


def test_the_first_request_of_a_connection_records_its_wait_and_later_ones_do_not(uwsgi, app):
    server = serve(uwsgi, app, "--http11-socket", "127.0.0.1:0")
    with stopped(server.worker_pids()[1]), clients(server.address(), 1) as [client]:
        let_wait([client])
        os.kill(server.worker_pids()[1], signal.SIGCONT)
        client.answered()
        first = client.at - client.before
        for _ in range(4):
            client.ask()
            client.answered()
    assert eventually(server, "uwsgi_worker_requests_total", 5) == 5
    assert sample(server, f"{WAITED}_count") == 1, "a kept connection is accepted once"
    assert sample(server, "uwsgi_request_queue_seconds_count") == 1
    assert KEPT * 0.99 <= sample(server, "uwsgi_request_queue_seconds_sum") <= first * 1.01


def test_a_stamp_of_a_server_in_front_says_more_than_the_queue(uwsgi, app):
    server = serve(uwsgi, app, "--http11-socket", "127.0.0.1:0")
    began = time.time() - 5
    with Client(server.address(), {"X-Request-Start": f"t={began:.6f}"}) as client:
        client.answered()
    waited = eventually(server, "uwsgi_request_queue_seconds_sum", 1)
    assert 4.9 <= waited <= (time.time() - began) * 1.01
    assert sample(server, f"{WAITED}_count") == 1 and sample(server, f"{WAITED}_sum") < 1


def test_depths_are_those_that_ss_shows(uwsgi, app):
    server = serve(uwsgi, app, "--http-socket", "127.0.0.1:0")
    port, seen = port_of(server), []
    with stopped(server.worker_pids()[1]), contextlib.ExitStack() as stack:
        for n in range(1, 6):
            stack.enter_context(Client(server.address()))
            until(lambda n=n: listening(port)[0] == n, f"{n} waiting connections")
            seen.append(listening(port)[0])
            assert eventually(server, "uwsgi_socket_established_total", n) == n
            assert sample(server, "uwsgi_socket_arrival_depth_sum_total") == sum(seen)
        found = {most: sample(server, "uwsgi_socket_arrivals_total", depth=most) for most in ("1", "2", "4", "8", "16")}
    assert found == {"1": 1, "2": 1, "4": 2, "8": 1, "16": 0}
    assert eventually(server, f"{WAITED}_count", 5) == 5
    none_lost(server)


def test_a_full_queue_is_counted_and_who_found_no_room_is_a_drop(uwsgi, app):
    server = serve(uwsgi, app, "--http-socket", "127.0.0.1:0", "--listen", "2")
    port = port_of(server)
    before = overflows()
    with stopped(server.worker_pids()[1]), contextlib.ExitStack() as stack:
        for _ in range(3):
            stack.enter_context(Client(server.address()))
        until(lambda: listening(port) == (3, 2), "a queue that is full")
        assert eventually(server, "uwsgi_socket_arrivals_full_total", 1) == 1, "the third took the last place"
        late = stack.enter_context(socket.socket())
        late.setblocking(False)
        late.connect_ex(server.address())
        until(lambda: overflows() > before, "the kernel's count of overflows")
        dropped = eventually(server, "uwsgi_socket_drops_total", 1)
        assert 1 <= dropped <= overflows() - before
        assert sample(server, "uwsgi_socket_established_total") == 3, "who found no room has not arrived"
    none_lost(server)


def test_sockets_of_all_kinds_are_told_apart(uwsgi, app, tmp_path):
    any4, any6 = free_port(), free_port(socket.AF_INET6, "::1")
    names = ["127.0.0.1:0", str(tmp_path / "s"), f"0.0.0.0:{any4}", "[::1]:0", f"[::]:{any6}"]
    options = [word for name in names for word in ("--http-socket", name)]
    server = serve(uwsgi, app, *options)
    asked = {server.address(0): 1, server.address(1): 2, ("127.0.0.1", any4): 3, ("::1", port_of(server, 3)): 4, ("::1", any6): 5}
    for address, count in asked.items():
        for _ in range(count):
            assert wire.http(address).status == 200
    # One more to each wildcard, from a client that speaks the other address of this machine.
    assert wire.http(("127.0.0.1", any6)).status == 200, "of both families"
    assert eventually(server, f"{WAITED}_count", 14) == 14
    told = {
        dict(labels)["name"]: (n, sample(server, "uwsgi_socket_established_total", name=dict(labels)["name"]))
        for (name, labels), n in numbers(server).items() if name == f"{WAITED}_count"
    }
    assert sorted(told.values()) == [(1, 1), (3, 3), (4, 4), (6, 6)], f"the UNIX socket has none: {told}"
    none_lost(server)


def test_a_unix_socket_alone_is_served_as_ever(uwsgi, app, tmp_path):
    server = serve(uwsgi, app, "--http-socket", str(tmp_path / "s"))
    assert [server.get().status for _ in range(3)] == [200] * 3
    assert eventually(server, "uwsgi_worker_requests_total", 3) == 3
    assert not [name for name, _ in numbers(server) if name.startswith((WAITED, "uwsgi_socket_established"))]
    assert sample(server, "uwsgi_request_queue_seconds_count") == 0


@pytest.mark.parametrize("fronts", [1, 2])
def test_the_http_router_tells_how_long_clients_waited_for_it(uwsgi, app, fronts):
    ports = [free_port() for _ in range(fronts)]
    options = [word for port in ports for word in ("--http", f"127.0.0.1:{port}")]
    server = serve(uwsgi, app, *options, "--socket", "127.0.0.1:0", "--http-keepalive")
    router = int(server.wait_log(r"spawned uWSGI http 1 \(pid: (\d+)\)").group(1))
    with stopped(router), clients(("127.0.0.1", ports[-1]), 3) as those:
        let_wait(those)
        released = time.monotonic()
        os.kill(router, signal.SIGCONT)
        for client in those:
            client.answered()
            client.ask()
            client.reader.response()
    front = f"127.0.0.1:{ports[-1]}"
    assert eventually(server, f"{WAITED}_count", 3, name=front) == 3
    assert sample(server, f"{WAITED}_count") == 3, "nobody came through another socket"
    low, high = bounds(those, released)
    assert low <= sample(server, f"{WAITED}_sum") * 1.01 and sample(server, f"{WAITED}_sum") <= high * 1.01
    # The wait goes to the worker with the first request of each connection.
    assert eventually(server, "uwsgi_worker_requests_total", 6) == 6
    assert sample(server, "uwsgi_request_queue_seconds_count") == 3
    assert abs(sample(server, "uwsgi_request_queue_seconds_sum") - sample(server, f"{WAITED}_sum")) < 0.01
    none_lost(server)


def test_the_share_of_each_worker_adds_up_to_the_socket(uwsgi, app):
    server = serve(uwsgi, app, "--http-socket", "127.0.0.1:0", "-p", "3")
    for _ in range(40):
        assert server.get().status == 200
    assert eventually(server, f"{WAITED}_count", 40) == 40
    shares = [n for (name, _), n in numbers(server).items() if name == "uwsgi_worker_connections_accepted_total"]
    assert len(shares) == 3 and sum(shares) == 40 == sample(server, "uwsgi_socket_accepted_total")
    none_lost(server)


def test_the_wait_is_a_variable_of_log_format(uwsgi, app):
    server = serve(uwsgi, app, "--http11-socket", "127.0.0.1:0", "--log-format", "line %(uri) %(wait.accept)|")
    with stopped(server.worker_pids()[1]), clients(server.address(), 1) as [client]:
        let_wait([client])
        os.kill(server.worker_pids()[1], signal.SIGCONT)
        client.answered()
        client.ask()
        client.answered()
    server.wait_log(r"line / -\|")
    first = re.search(r"line / (\d+)\|", server.log())
    assert KEPT * 0.99e6 <= int(first.group(1)) <= (client.at - client.before) * 1e6
