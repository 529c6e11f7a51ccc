"""The stats server: document, bytes, transports, and clients that behave badly."""

import contextlib
import json
import os
import re
import socket
import subprocess
import time

import pytest

from harness import load, paths, procs, wire
from harness.server import free_port
from harness.waiting import until

TOP = ["version", "listen_queue", "listen_queue_errors", "signal_queue", "load", "pid", "uid", "gid", "cwd", "locks",
       "sockets", "workers"]
WORKER = ["id", "pid", "accepting", "requests", "delta_requests", "exceptions", "harakiri_count", "signals", "signal_queue",
          "status", "rss", "vsz", "running_time", "last_spawn", "respawn_count", "tx", "avg_rt", "apps", "cores"]
APP = ["id", "modifier1", "mountpoint", "startup_time", "requests", "exceptions", "chdir"]
CORE = ["id", "requests", "static_requests", "routed_requests", "offloaded_requests", "write_errors", "read_errors",
        "in_request", "vars", "req_info"]
SOCKET = ["name", "proto", "queue", "max_queue", "shared", "can_offload"]
HTTP_HEAD = (b"HTTP/1.0 200 OK\r\nConnection: close\r\nAccess-Control-Allow-Origin: *\r\n"
             b"Content-Type: application/json\r\n\r\n")


class Ordered(dict):
    """A JSON object that remembers its keys in order and refuses to hold one twice."""

    def __init__(self, pairs):
        assert len({k for k, _ in pairs}) == len(pairs), f"a key twice in {[k for k, _ in pairs]}"
        super().__init__(pairs)


def no_floats(text):
    raise AssertionError(f"a number that is no integer: {text}")


def parse(data: bytes) -> Ordered:
    return json.loads(data.decode("utf-8"), object_pairs_hook=Ordered, parse_float=no_floats, parse_constant=no_floats)


def starts_with(keys, wanted) -> bool:
    return list(keys)[: len(wanted)] == wanted


@pytest.fixture
def instance(uwsgi, app, tmp_path):
    def start(*options, application="wires"):
        return uwsgi("--http-socket", "127.0.0.1:0", "-M", "-p", "2", "--threads", "2", "--stats", tmp_path / "stats",
                     "--wsgi-file", app(application), *options)
    return start


def read(server) -> bytes:
    return wire.raw(server.stats_address(), b"")


def test_keys_types_and_order(instance):
    server = instance()
    server.get("/length")
    # A request is counted before it is over, and the other worker may still start.
    server.wait_stats(lambda s: sum(w["requests"] for w in s["workers"]) == 1
                      and all(w["accepting"] == 1 and w["status"] == "idle" for w in s["workers"]), "one request behind two idle workers")
    document = parse(read(server))
    assert starts_with(document, TOP)
    assert [starts_with(s, SOCKET) for s in document["sockets"]] == [True]
    assert [starts_with(w, WORKER) for w in document["workers"]] == [True, True]
    apps = [a for w in document["workers"] for a in w["apps"]]
    cores = [c for w in document["workers"] for c in w["cores"]]
    assert len(apps) == 2 and all(starts_with(a, APP) for a in apps)
    assert len(cores) == 4 and all(starts_with(c, CORE) for c in cores)
    assert document["sockets"][0]["proto"] == "http" and document["sockets"][0]["name"].startswith("127.0.0.1:")
    server.wait_stats(lambda s: s["sockets"][0]["max_queue"] == 100, "max_queue = 100")
    assert {next(iter(lock)) for lock in document["locks"]} >= {"user 0", "signal", "filemon", "timer", "rbtimer", "cron"}
    assert document["pid"] == server.pid and document["cwd"] == str(server.log_path.parent)
    worker = document["workers"][0]
    assert worker["accepting"] == 1 and worker["status"] == "idle" and worker["respawn_count"] == 1
    assert abs(worker["last_spawn"] - time.time()) < 60


def test_metrics_object(instance):
    server = instance("--enable-metrics")
    server.get("/length")
    document = parse(read(server))
    assert list(document).index("metrics") == list(document).index("locks") + 1
    metrics = document["metrics"]
    assert all(list(m) == ["type", "oid", "value"] for m in metrics.values())
    assert len(metrics) == 12 + 9 * 3 + 7 * 2 * 2 + 1
    assert metrics["core.routed_signals"]["oid"] == "5.1"
    document = parse(read(instance("--enable-metrics", "--stats-no-metrics")))
    assert "metrics" not in document


def test_metric_values_follow_requests(instance):
    server = instance("--enable-metrics")
    for _ in range(5):
        server.get("/length")
    server.wait_stats(lambda s: s["metrics"]["worker.0.requests"]["value"] == 5, "worker.0.requests = 5", timeout=15)


def test_byte_format(instance):
    text = read(instance()).decode()
    assert text.startswith('{\n\t"version":"') and text.endswith("\n}") and not text.endswith("\n}\n")
    assert re.search(r'\n\t"workers":\[\n\t\t\{\n\t\t\t"id":1,\n\t\t\t"pid":\d+,\n', text)
    assert re.search(r'\n\t\t\t"cores":\[\n\t\t\t\t\{\n\t\t\t\t\t"id":0,\n', text)
    assert '"vars":[\n\n\t\t\t\t\t],\n\t\t\t\t\t"req_info":\t\t\t\t\t{\n\n\t\t\t\t\t}\n' in text


def test_minified(instance):
    data = read(instance("--stats-minified"))
    assert b"\n" not in data and b"\t" not in data
    assert starts_with(parse(data), TOP)


def test_no_cores(instance):
    assert "cores" not in parse(read(instance("--stats-no-cores")))["workers"][0]


@pytest.mark.ours
def test_no_vars(instance, tmp_path):
    server = instance("--stats-no-vars")
    with held(server, tmp_path):
        document = server.wait_stats(lambda s: any(c["in_request"] for w in s["workers"] for c in w["cores"]), "a request")
    assert not [c["vars"] for w in document["workers"] for c in w["cores"] if c["vars"] and c["vars"] != [""]]


@contextlib.contextmanager
def held(server, tmp_path, headers=None):
    """A request that stays in the application while the block runs."""
    with contextlib.closing(wire.connect(server.address())) as stream:
        stream.sendall(wire.request_bytes(path=f"/gate?path={tmp_path}/gate", headers={"Connection": "close"} | (headers or {})))
        until(lambda: list(tmp_path.glob("gate.*.in")), "the request in the application")
        yield
        (tmp_path / "gate.out").touch()
        assert wire.Reader(stream).response().body == b"through the gate"


def test_a_request_in_flight_is_visible(instance, tmp_path):
    server = instance()
    with held(server, tmp_path, {"X-Q": 'a"b\\c\td'}):
        document = server.wait_stats(lambda s: any(w["status"] == "busy" for w in s["workers"]), "a busy worker")
        core = next(c for w in document["workers"] for c in w["cores"] if c["in_request"])
        assert 'HTTP_X_Q=a"b\\c\td' in core["vars"] and core["vars"][-1] == ""
        assert f"REQUEST_URI=/gate?path={tmp_path}/gate" in core["vars"]
        assert abs(core["req_info"]["request_start"] - time.time()) < 30
        assert rb'"HTTP_X_Q=a\"b\\c\td"' in read(server)
    server.wait_stats(lambda s: all(w["status"] == "idle" for w in s["workers"]), "idle workers")


def test_http_mode_bytes(uwsgi, app):
    port = free_port()
    server = uwsgi("--http-socket", "127.0.0.1:0", "-M", "--stats", f"127.0.0.1:{port}", "--stats-http", "--wsgi-file", app("hello"))
    data = wire.raw(port, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert data.startswith(HTTP_HEAD)
    assert starts_with(parse(data[len(HTTP_HEAD):]), TOP)
    assert wire.raw(port, b"GET /anything?x=1 HTTP/1.0\r\n\r\n").startswith(HTTP_HEAD)
    assert server.get().status == 200


@pytest.mark.parametrize("where", ["tcp", "tcp6", "unix", "abstract"])
def test_transports(uwsgi, app, tmp_path, where):
    ports = free_port(), free_port(socket.AF_INET6, "::1")
    name = {"tcp": f"127.0.0.1:{ports[0]}", "tcp6": f"[::1]:{ports[1]}", "unix": str(tmp_path / "st"),
            "abstract": f"@uwsgistats{ports[0]}"}[where]
    address = {"tcp": ports[0], "tcp6": ("::1", ports[1]), "unix": name, "abstract": name + "\0"}[where]
    server = uwsgi("--http-socket", "127.0.0.1:0", "-M", "--stats", name, "--wsgi-file", app("hello"))
    server.wait_log(rf"\*\*\* Stats server enabled on {re.escape(name)} fd: \d+ \*\*\*")
    assert starts_with(parse(wire.raw(address, b"")), TOP)
    if where == "abstract" and server.ours:
        assert starts_with(parse(wire.raw(name, b"")), TOP)


def test_connect_and_read(instance, tmp_path):
    server = instance()
    done = subprocess.run([paths.OURS, "--connect-and-read", str(server.stats_address())], capture_output=True, timeout=20, check=False)
    assert done.returncode == 0
    text = (done.stderr + done.stdout).decode()
    assert starts_with(parse(text[text.index("{"):].encode()), TOP)
    done = subprocess.run([paths.OURS, "--connect-and-read", str(tmp_path / "nobody")], capture_output=True, timeout=20, check=False)
    assert done.returncode == 1 and b"uwsgi_connect()" in done.stderr + done.stdout


def test_memory_is_reported(instance):
    server = instance("--memory-report")
    server.get("/length")
    document = server.wait_stats(lambda s: any(w["rss"] for w in s["workers"]), "rss")
    worker = next(w for w in document["workers"] if w["rss"])
    assert 1 << 20 < worker["rss"] < worker["vsz"]


def test_clients_that_never_read_disturb_nobody(instance):
    """200 of them: requests keep their latency and the next client gets its document."""
    server = instance("--enable-metrics")
    calm = load.latencies(server.address(), 100, "/length")
    idle = load.idle_connections(server.stats_address(), 200)
    busy = load.latencies(server.address(), 100, "/length")
    started = time.monotonic()
    assert len(parse(read(server))["workers"]) == 2
    assert time.monotonic() - started < 5
    assert busy[50] < calm[50] * 3 + 0.005
    for stream in idle:
        stream.close()
    os.kill(server.worker_pids()[1], 9)
    server.allow("DAMN", "MISTERIOUSLY").wait_log(r"Respawned uWSGI worker 1")


def observer_of(server) -> int:
    """The one child that is neither worker nor gateway."""
    gateways = set(map(int, re.findall(r"spawned uWSGI http \d+ \(pid: (\d+)\)", server.log())))
    found = set(procs.children(server.pid)) - set(server.worker_pids().values()) - gateways
    assert len(found) == 1, f"one observer expected among {found}"
    return found.pop()


@pytest.mark.ours
def test_a_killed_observer_is_replaced_unnoticed(instance):
    server = instance("--enable-metrics")
    for _ in range(5):
        server.get("/length")
    server.wait_stats(lambda s: sum(w["requests"] for w in s["workers"]) == 5, "5 requests")
    victim = observer_of(server)
    hammer = load.Hammer(server.address(), wire.request_bytes(path="/length", headers={"Connection": "close"}), b"12345", 2000,
                         connections=4, keep=False)
    hammer.start()
    os.kill(victim, 9)
    counts = hammer.finish()
    assert (counts.answered, counts.broken, counts.refused) == (2000, 0, 0)
    until(lambda: procs.children(server.pid) and victim not in procs.children(server.pid), "the burial of the observer")
    until(lambda: _try(lambda: read(server)), "a new observer")
    assert observer_of(server) != victim
    document = server.wait_stats(lambda s: sum(w["requests"] for w in s["workers"]) >= 2005, "2005 requests")
    assert sum(w["requests"] for w in document["workers"]) == 2005


def _try(call):
    try:
        return call()
    except OSError:
        return None
