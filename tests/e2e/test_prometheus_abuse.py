"""The Prometheus endpoint among clients that stall, hoard or flood, and through kills and reloads."""

import contextlib
import os
import re
import signal
import socket
import ssl
import threading

import pytest

from harness import procs, wire
from harness.receivers import self_signed
from harness.server import free_port
from harness.waiting import until

pytestmark = pytest.mark.ours
ROOM = 256
HEALTH = wire.request_bytes(path="/healthz", headers={"Host": "a"})
PAGE = wire.request_bytes(path="/metrics", headers={"Host": "a"})


@pytest.fixture
def site(uwsgi, app):
    """`site(*options)`: two workers behind the endpoint at `server.endpoint`."""
    def started(*options, host="127.0.0.1"):
        family, shown = (socket.AF_INET6, f"[{host}]") if ":" in host else (socket.AF_INET, host)
        port = free_port(family, host)
        server = uwsgi("--http-socket", "127.0.0.1:0", "-M", "-p", "2", "--wsgi-file", app("wires"),
                       "--prometheus", f"{shown}:{port}", *options)
        server.endpoint = (host, port)
        return server
    return started


def value(server, sample: str) -> float:
    """A sample of the page; nothing of it when the endpoint does not answer now."""
    with contextlib.suppress(OSError, EOFError):
        found = re.search(rf"^{re.escape(sample)} (\S+)$", wire.http(server.endpoint, "/metrics").body.decode(), re.M)
        return float(found[1]) if found else 0.0
    return -1.0


def healthy(server) -> bool:
    with contextlib.suppress(OSError, EOFError):
        return wire.http(server.endpoint, "/healthz").body == b"ok\n"
    return False


@contextlib.contextmanager
def crowd(server, count: int, said: bytes = b""):
    """So many clients who said something and wait; their sockets take little."""
    with contextlib.ExitStack() as stack:
        streams = []
        for _ in range(count):
            stream = stack.enter_context(contextlib.closing(socket.socket()))
            stream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            stream.settimeout(20)
            stream.connect(server.endpoint)
            with contextlib.suppress(OSError):
                stream.sendall(said)
            streams.append(stream)
        yield streams


@pytest.mark.parametrize("said", [b"", b"GET /metrics HTTP/1.1\r\nHo"], ids=["silent", "slow"])
def test_who_asks_for_nothing_is_sent_away(site, said):
    server = site("--socket-timeout", "1")
    with crowd(server, ROOM, said):
        until(lambda: healthy(server), "room again")
        until(lambda: value(server, 'uwsgi_scrape_refusals_total{reason="request"}') == (ROOM if said else 0), "all of them told so")


def test_one_byte_at_a_time_ends_at_the_deadline(site):
    server = site("--socket-timeout", "1")
    with contextlib.closing(wire.connect(server.endpoint)) as stream:
        refused = threading.Event()

        def drip():
            while not refused.wait(0.1):
                with contextlib.suppress(OSError):
                    stream.sendall(b"G")
        dripping = threading.Thread(target=drip)
        dripping.start()
        answer = wire.read_all(stream)
        refused.set()
        dripping.join()
    assert answer.startswith(b"HTTP/1.1 408 "), answer


def test_who_waits_for_nothing_leaves_room_for_others(site):
    """Kept connections take three quarters of the places: later ones are closed after their answer."""
    server = site()
    with contextlib.ExitStack() as stack:
        said = []
        for _ in range(ROOM + 10):
            stream = stack.enter_context(contextlib.closing(wire.connect(server.endpoint)))
            stream.sendall(HEALTH)
            said.append(wire.Reader(stream).response().header("Connection"))
        kept = ROOM * 3 // 4
        assert said == [None] * kept + ["close"] * (len(said) - kept), said
        assert value(server, "uwsgi_up") == 1


def test_an_answer_that_is_not_read_is_given_up_in_the_time_of_its_client(site):
    server = site()
    impatient = wire.request_bytes(path="/metrics", headers={"Host": "a", "X-Prometheus-Scrape-Timeout-Seconds": "1"})
    with crowd(server, 40, impatient * 400):
        assert healthy(server)
        until(lambda: value(server, "uwsgi_exporter_scrape_errors_total") == 40, "all given up", 40)


def test_floods_leave_a_turn_to_others(site):
    server = site()
    stop = threading.Event()

    def flood(stream):
        while not stop.is_set():
            with contextlib.suppress(OSError):
                stream.sendall(PAGE * 100)

    def swallow(stream):
        while not stop.is_set():
            with contextlib.suppress(OSError):
                stream.recv(1 << 20)
    with contextlib.ExitStack() as stack:
        for _ in range(4):
            stream = stack.enter_context(contextlib.closing(wire.connect(server.endpoint, 1)))
            for work in (flood, swallow):
                threading.Thread(target=work, args=(stream,), daemon=True).start()
        until(lambda: value(server, "uwsgi_exporter_scrapes_total") > 200, "a flood")
        assert healthy(server) and server.get("/length").status == 200
        stop.set()
    assert healthy(server)


def test_an_observer_killed_in_the_middle_loses_no_count(site):
    server = site()
    name = 'uwsgi_worker_requests_total{worker_id="%d"}'
    for _ in range(7):
        server.get("/length")

    def total():
        return value(server, name % 1) + value(server, name % 2)
    until(lambda: total() == 7, "seven requests")
    with crowd(server, 20, PAGE * 50):
        for _ in range(2):
            spawned = value(server, "uwsgi_observer_spawns_total")
            os.kill(int(re.findall(r"spawned uWSGI observer \(pid: (\d+)\)", server.log())[-1]), signal.SIGKILL)
            assert server.get("/length").status == 200, "workers do not care"
            until(lambda spawned=spawned: value(server, "uwsgi_observer_spawns_total") > spawned, "another observer", 20)
    until(lambda: total() == 9, "all requests")
    assert all(procs.alive(pid) for pid in server.worker_pids().values())


def test_over_version_six_and_through_a_reload(site):
    server = site("--prometheus-allow", "::1", "--socket-timeout", "1", host="::1")
    assert value(server, "uwsgi_up") == 1
    server.send(signal.SIGHUP)
    until(lambda: value(server, "uwsgi_reloads_total") == 1, "the reload", 20)
    other = site("--prometheus-allow", "127.0.0.1,2001:db8::/32", host="::1")
    assert wire.raw(other.endpoint, PAGE) == b""
    other.wait_log("prometheus: ::1 was refused: its address is not allowed")


def test_names_are_any_bytes(site):
    server = site()
    assert wire.http(server.endpoint, "/metrics?name[]=%ff%fe&name[]=uwsgi_u%70").body.count(b"# TYPE") == 1
    assert wire.http(server.endpoint, "/metrics?name[]=%ff").body == b""
    answer = wire.raw(server.endpoint, b"GET /metrics?name[]=\xff\xfe HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 400 "), answer


def test_metrics_without_a_place_on_the_page_are_named(site):
    server = site("--metric", "a.b", "--metric", "a-b")
    assert server.log().count("metric a-b is not shown in /metrics: the name uwsgi_metric_a_b_total is taken there\n") == 1


def test_families_without_a_place_on_the_page_are_named(uwsgi, tmp_path):
    program = tmp_path / "taken.py"
    program.write_text("import uwsgi_metrics\nuwsgi_metrics.Gauge('uwsgi_workers', 'Ours.').set(77)\nuwsgi_metrics.Gauge('mine', 'Mine.').set(1)\n"
                       "def application(environ, start_response):\n    start_response('200 OK', [])\n    return [b'']\n")
    server = uwsgi("--http-socket", "127.0.0.1:0", "-M", "--lazy-apps", "-p", "2", "--wsgi-file", program, "--prometheus",
                   f"127.0.0.1:{(port := free_port())}")
    server.wait_log("family uwsgi_workers of the application is not shown in /metrics: its name is taken there")
    document = wire.http(port, "/metrics").body
    assert b"\nuwsgi_workers 2\n" in document and b"\nmine" in document
    assert server.log().count("is not shown in /metrics") == 1


def seen(server, trusted) -> bool:
    """Whether the endpoint answers with a certificate that is trusted."""
    context = ssl.create_default_context(cafile=trusted)
    with contextlib.suppress(OSError), contextlib.closing(wire.connect(server.endpoint)) as plain, \
            context.wrap_socket(plain, server_hostname="localhost") as stream:
        stream.sendall(HEALTH.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        return wire.read_all(stream).endswith(b"ok\n")
    return False


def test_stalled_handshakes_hold_up_nobody(site, tmp_path):
    identity = self_signed(tmp_path)
    server = site("--prometheus-tls", f"{identity.certificate},{identity.key}")
    with crowd(server, ROOM // 2, b"\x16\x03\x01\x02\x00\x01\x00\x01"):
        assert seen(server, identity.certificate)


def test_a_reload_takes_a_new_certificate_and_a_useless_one_ends_nothing(site, tmp_path):
    identity = self_signed(tmp_path)
    server = site("--prometheus-tls", f"{identity.certificate},{identity.key}")
    assert seen(server, identity.certificate)
    identity.certificate.write_text("half a certificate")
    mark = server.mark()
    server.send(signal.SIGHUP)
    server.wait_log("prometheus: nobody is let in until a reload finds what it needs", after=mark)
    server.wait_log("spawned uWSGI worker 2", after=mark)
    assert server.get("/length").status == 200
    assert wire.raw(server.endpoint, HEALTH) == b"", "neither encrypted nor in the clear"
    self_signed(tmp_path)
    server.send(signal.SIGHUP)
    until(lambda: seen(server, identity.certificate), "the new certificate", 20)
