"""uwsgitop from PyPI against the server, and the bundled one in its script modes."""

import json
import re
import subprocess

import pytest

from harness import load, paths
from harness.server import free_port
from harness.terminal import Terminal


@pytest.fixture
def instance(uwsgi, app, tmp_path):
    def start(*options, stats=None):
        server = uwsgi("--http-socket", "127.0.0.1:0", "-M", "-p", "2", "--threads", "2", "--stats",
                       stats or str(tmp_path / "stats"), "--memory-report", "--wsgi-file", app("wires"), *options)
        load.latencies(server.address(), 20, "/length")
        server.wait_stats(lambda s: sum(w["requests"] for w in s["workers"]) == 20, "20 requests")
        return server
    return start


@pytest.mark.parametrize("transport", ["unix", "tcp", "http"])
def test_the_known_uwsgitop_runs_in_three_modes(instance, transport):
    """Five refreshes in each async mode without an exception."""
    port = free_port()
    server = instance(*(["--stats-http"] if transport == "http" else []),
                      stats=None if transport == "unix" else f"127.0.0.1:{port}")
    address = {"unix": server.stats_address(), "tcp": f"127.0.0.1:{port}", "http": f"http://127.0.0.1:{port}"}[transport]
    top = Terminal(paths.VENV / "bin/python", paths.PYPI_UWSGITOP, "--frequency", "1", address)
    try:
        top.read_until(lambda text: "WID" in text and "req: 20" in text, "the header")
        for mode in range(3):
            for _ in range(5):
                before = len(top.seen)
                top.press("x")  # any key refreshes
                load.latencies(server.address(), 1, "/length")
                top.read_until(lambda text, b=before: len(text) > b, f"a refresh in mode {mode}")
            top.press("a")
        assert b"Traceback" not in top.seen
    finally:
        assert top.end() == 0


def bundled(*args, timeout=20) -> subprocess.CompletedProcess:
    return subprocess.run([paths.UWSGITOP, *map(str, args)], capture_output=True, text=True, timeout=timeout, check=False,
                          stdin=subprocess.DEVNULL)


HEADER = "WID % PID REQ RPS EXC SIG STATUS AVG RSS VSZ TX ReSpwn HC RunT LastSpwn".split()


@pytest.mark.ours
def test_once_prints_the_screen(instance):
    server = instance()
    done = bundled("--once", server.stats_address())
    assert done.returncode == 0, done.stderr
    rows = done.stdout.splitlines()
    assert re.match(r"uwsgi-\S+ - .+ - req: 20 - RPS: \S* ?- lq: 0 - tx: \S+", rows[0])
    assert re.match(rf"node: \S+ - cwd: \S+ - uid: 0 - gid: 0 - masterpid: {server.pid}", rows[1])
    assert rows[2].split() == HEADER
    pids = {row.split()[2] for row in rows[3:5]}
    assert pids == {str(p) for p in server.worker_pids().values()}


@pytest.mark.ours
def test_json_is_for_scripts(instance):
    server = instance()
    document = json.loads(bundled("--json", server.stats_address()).stdout)
    assert sum(w["requests"] for w in document["workers"]) == 20


@pytest.mark.ours
@pytest.mark.parametrize("source", ["pid", "arena"])
def test_straight_from_the_arena(instance, tmp_path, source):
    options = ["--metrics-arena", str(tmp_path / "arena")] if source == "arena" else []
    server = instance(*options)
    argument = ["--pid", server.pid] if source == "pid" else ["--arena", tmp_path / "arena"]
    document = json.loads(bundled("--json", *argument).stdout)
    assert sum(w["requests"] for w in document["workers"]) == 20
    done = bundled("--once", *argument)
    assert done.returncode == 0 and "req: 20" in done.stdout.splitlines()[0]


@pytest.mark.ours
def test_a_server_that_is_not_there(tmp_path):
    done = bundled("--once", tmp_path / "nobody")
    assert done.returncode == 1 and done.stderr
    assert bundled("--nonsense").returncode == 2


@pytest.mark.ours
def test_the_screen_is_alive_and_leaves_the_terminal_clean(instance):
    server = instance()
    top = Terminal(paths.UWSGITOP, server.stats_address())
    try:
        top.read_until(lambda text: "WID" in text and "LastSpwn" in text, "the table")
        top.press("a")
        before = len(top.seen)
        load.latencies(server.address(), 5, "/length")
        top.read_until(lambda text: len(text) > before, "a refresh")
    finally:
        assert top.end() == 0
