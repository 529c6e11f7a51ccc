"""uwsgitop from PyPI against the server, and the bundled one in its script modes."""

import fcntl
import json
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time

import pytest

from harness import load, paths
from harness.server import free_port


@pytest.fixture
def instance(uwsgi, app, tmp_path):
    def start(*options, stats=None):
        server = uwsgi("--http-socket", "127.0.0.1:0", "-M", "-p", "2", "--threads", "2", "--stats",
                       stats or str(tmp_path / "stats"), "--memory-report", "--wsgi-file", app("wires"), *options)
        load.latencies(server.address(), 20, "/length")
        server.wait_stats(lambda s: sum(w["requests"] for w in s["workers"]) == 20, "20 requests")
        return server
    return start


class Terminal:
    """A program under a pty of 40 rows and 160 columns."""

    def __init__(self, *argv):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ |= {"TERM": "xterm", "LC_ALL": "C.UTF-8"}
            os.execv(argv[0], [str(a) for a in argv])
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 160, 0, 0))
        self.seen = b""

    def read_until(self, question, what: str, timeout: float = 20) -> None:
        """Collect output until `question(text)` holds."""
        deadline = time.monotonic() + timeout
        while not question(self.seen.decode(errors="replace")):
            assert time.monotonic() < deadline, f"no {what} in {self.seen[-2000:]!r}"
            if select.select([self.fd], [], [], 0.2)[0]:
                try:
                    piece = os.read(self.fd, 65536)
                except OSError:
                    piece = b""
                assert piece, f"ended before {what}: {self.seen[-2000:]!r}"
                self.seen += piece

    def press(self, key: str) -> None:
        os.write(self.fd, key.encode())

    def end(self, key: str = "q") -> int:
        try:
            self.press(key)
            deadline = time.monotonic() + 10
            while time.monotonic() < deadline:
                if select.select([self.fd], [], [], 0.05)[0]:
                    try:
                        if not os.read(self.fd, 65536):
                            break
                    except OSError:
                        break
            return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        finally:
            os.close(self.fd)


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
    assert bundled().returncode == 2


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
