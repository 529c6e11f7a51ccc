"""Promises under load: exact totals in a kill storm, reloads without a failed request, slow clients."""

import os
import re
import signal
import threading

import pytest

from harness import load, wire
from harness.server import free_port
from harness.waiting import until

pytestmark = pytest.mark.alone

TOTAL = int(os.environ.get("STORM_REQUESTS", "200000"))
IDLE = int(os.environ.get("IDLE_CONNECTIONS", "1000"))


def total(document) -> int:
    return sum(w["requests"] for w in document["workers"])


class Assassin(threading.Thread):
    """Every `interval` seconds, parks a request in some worker and kills that worker with SIGKILL."""

    def __init__(self, address, directory, interval: float):
        super().__init__(daemon=True)
        self.address, self.directory, self.interval = address, directory, interval
        self.kills: list[int] = []
        self.done = threading.Event()
        self.error = None

    def run(self):
        try:
            while not self.done.wait(self.interval):
                self.kill_one(len(self.kills))
        except Exception as error:
            self.error = error

    def kill_one(self, number: int):
        with wire.connect(self.address) as stream:
            stream.sendall(wire.request_bytes(path=f"/hold?{number}"))
            found = until(lambda: list(self.directory.glob(f"{number}.*")), "the held request", timeout=20)
            os.kill(int(found[0].name.split(".")[1]), signal.SIGKILL)
            self.kills.append(int(found[0].name.split(".")[1]))
            answer = wire.read_all(stream)
            assert not answer or answer.startswith(b"HTTP/1.1 502"), f"a killed request was answered: {answer!r}"


@pytest.mark.ours
@pytest.mark.slow
@pytest.mark.parametrize("kind, headers, wanted, interval", [
    ("http-socket", {"Connection": "close"}, TOTAL, 1.0),
    ("http11-socket", {}, TOTAL, 0.25),
    ("http", {}, TOTAL // 2, 0.2),
], ids=["http-socket", "http11-socket", "http"])
def test_kill_storm_counts_every_answer_and_names_every_victim(uwsgi, app, tmp_path, kind, headers, wanted, interval):
    """4 x 2 cores: what stats count is what clients got, and each kill is explained in the log."""
    holds, port = tmp_path / "holds", free_port()
    holds.mkdir()
    server = uwsgi(f"--{kind}", f"127.0.0.1:{port}", "-M", "-p", "4", "--threads", "2", "--stats", tmp_path / "s",
                   "--disable-logging", "--forkbomb-delay", "0", "--wsgi-file", app("storm"), env={"HOLD_DIR": str(holds)})
    server.allow("DAMN", "MISTERIOUSLY")
    hammer = load.Hammer(port, wire.request_bytes(headers=headers), b"Hello World", wanted, connections=6, keep=not headers)
    assassin = Assassin(port, holds, interval)
    hammer.start()
    assassin.start()
    counts = hammer.finish(timeout=300)
    assassin.done.set()
    assassin.join(30)
    assert assassin.error is None
    kills = assassin.kills
    assert counts.answered == wanted and len(kills) >= 2
    document = server.wait_stats(lambda s: all(w["pid"] and w["status"] == "idle" for w in s["workers"]), "quiet", 20)
    # A request is counted just before its answer is sent: the other core may be killed in between.
    assert wanted <= total(document) <= wanted + len(kills), f"{total(document)} counted, {wanted} answered, {len(kills)} kills, {counts}"
    assert sum(w["respawn_count"] for w in document["workers"]) == 4 + len(kills)
    for number, pid in enumerate(kills):
        assert re.search(rf"DAMN ! worker \d \(pid: {pid}\) died, killed by signal 9", server.log())
        assert re.search(rf"GET /hold\?{number} (from \S+ )?since \d+ ms", server.log()), f"kill {number} of {pid} is not explained"


RELOAD_KINDS = ["http-socket", "http11-socket", "http"]


@pytest.mark.slow
@pytest.mark.parametrize("kind", RELOAD_KINDS)
def test_reload_under_load_fails_no_request(uwsgi, app, tmp_path, kind):
    port = free_port()
    server = uwsgi(f"--{kind}", f"127.0.0.1:{port}", "-M", "-p", "2", "--threads", "2", "--stats", tmp_path / "s",
                   "--listen", "1000", "--disable-logging", "--wsgi-file",
                   app("hello_close" if kind == "http-socket" else "hello_length"))
    if kind != "http-socket" and not server.ours:
        pytest.skip("the C original resets keep-alive connections and kills its router at reload")
    headers = ["Connection: close"] if kind == "http-socket" else []
    run = load.wrk(f"http://127.0.0.1:{port}/", 9, connections=20, headers=headers)
    for _ in range(3):
        before = server.stats()
        until(lambda b=before: total(server.stats()) > total(b), "requests to come in")
        server.reload(last=2)
        until(server.stats_answer, "the stats server to listen again")
    result = load.wrk_result(run)
    assert result.errors == 0, result.text
    assert result.requests > 1000
    if server.ours:
        document = server.wait_stats(lambda s: total(s) >= result.requests, "totals that continue")
        assert result.requests <= total(document) <= result.requests + 20


class Drip(threading.Thread):
    """`count` clients that send one header byte per second each; `rounds` says how often they did."""

    def __init__(self, address, count: int):
        super().__init__(daemon=True)
        self.streams = load.idle_connections(address, count, b"GET / HTTP/1.1\r\nX-Slow: ")
        self.rounds, self.done = 0, threading.Event()

    def run(self):
        while not self.done.wait(1.0):
            for stream in self.streams:
                try:
                    stream.sendall(b"x")
                except OSError:
                    continue  # the server may give up on slow heads: its right
            self.rounds += 1
        for stream in self.streams:
            stream.close()


@pytest.mark.ours
@pytest.mark.slow
@pytest.mark.parametrize("kind", ["http11-socket", "http"])
def test_slow_and_idle_clients_do_not_slow_one_core(uwsgi, app, kind):
    port = free_port()
    server = uwsgi(f"--{kind}", f"127.0.0.1:{port}", "-M", "-p", "1", "--threads", "1", "--listen", "1000", "--max-fd", "8192",
                   "--disable-logging", "--wsgi-file", app("hello_length"))
    calm = load.latencies(port, 400)
    request = wire.request_bytes()
    idle = load.idle_connections(port, IDLE, request)
    for stream in idle:
        assert wire.Reader(stream).response().body == b"Hello World"
    dripping = Drip(port, 100)
    dripping.start()
    busy: list[float] = []
    while dripping.rounds < 3 or len(busy) < 1000:
        busy += load.latencies(port, 50)
    dripping.done.set()
    dripping.join(20)
    busy.sort()
    for stream in idle:
        stream.close()
    middle, high = busy[len(busy) // 2], busy[len(busy) * 99 // 100]
    assert middle < calm[200] * 2 + 0.001, f"median {calm[200] * 1e6:.0f} us became {middle * 1e6:.0f} us"
    assert high < calm[395] * 4 + 0.01, f"p99 {calm[395] * 1e6:.0f} us became {high * 1e6:.0f} us"
    assert server.process.poll() is None


@pytest.mark.ours
def test_a_slow_reader_does_not_hold_the_router(uwsgi, app):
    """A client that never reads its large response leaves room for others."""
    port = free_port()
    uwsgi("--http", f"127.0.0.1:{port}", "-M", "-p", "2", "--threads", "2", "--wsgi-file", app("wires"),
          "--socket-timeout", "3").allow("Traceback", "DAMN")
    stuck = load.idle_connections(port, 1, wire.request_bytes(path="/many?n=50000"))
    assert len(load.latencies(port, 50, "/length")) == 50
    stuck[0].close()
