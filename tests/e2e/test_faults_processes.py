"""SIGKILL and SIGSTOP of each kind of process in each phase: the service recovers, and the end is an orderly one.

docs/reliability.md names these tests in its table.
"""

import contextlib
import os
import pathlib
import re
import signal
import sys

import pytest

from harness import paths, procs, wire
from harness.server import free_port
from harness.waiting import until

pytestmark = pytest.mark.ours

MERCY = 2
LINES = {
    "worker": r"(?:spawned|Respawned) uWSGI worker 1 \((?:new )?pid: (\d+)",
    "mule": r"spawned uWSGI mule 1 \(pid: (\d+)",
    "gateway": r"spawned uWSGI http 1 \(pid: (\d+)",
    "observer": r"spawned uWSGI observer \(pid: (\d+)",
}
KINDS = [*LINES, "daemon"]
SIGNALS = [signal.SIGKILL, signal.SIGSTOP]
# What a death by us looks like in the log is no alert.
EXPECTED = ("DAMN", "NO MERCY", "OOOPS", "OOPS")


class House:
    """A server with a process of each kind, and the files by which its requests are let go.

    Of three workers one may hold a request and another one be hit: the third answers.
    """

    def __init__(self, uwsgi, directory: pathlib.Path, *options):
        self.directory, self.journal, self.hold = directory, directory / "journal", directory / "hold"
        self.port = free_port()
        beacon = f"exec {sys.executable} {paths.APPS / 'daemons/beacon.py'} {self.journal}"
        mercies = [word for name in ("worker-reload", "mule-reload", "reload") for word in (f"--{name}-mercy", MERCY)]
        self.server = uwsgi(
            "--http", f"127.0.0.1:{self.port}", "--http-socket", "127.0.0.1:0", "-M", "-p", "3", "--lazy-apps", "--mules", "1",
            "--wsgi-file", paths.APPS / "faults.py", "--attach-daemon", beacon, "--stats", directory / "s", *mercies, *options,
            env={"HOLD": str(self.hold)}, ready=False).allow(*EXPECTED)

    def pids(self, kind: str, after: int = 0) -> list[int]:
        if kind == "daemon":
            text = self.journal.read_text() if self.journal.exists() else ""
            return [int(pid) for pid in re.findall(r"^start (\d+)$", text, re.M)]
        return [int(pid) for pid in re.findall(LINES[kind], self.server.log()[after:])]

    def pid(self, kind: str) -> int:
        return until(lambda: self.pids(kind), f"a {kind}")[-1]

    def answers(self, direct: bool = False) -> bool:
        address = self.server.address() if direct else ("127.0.0.1", self.port)
        try:
            return wire.http(address, "/", timeout=1).status == 200
        except (OSError, EOFError, ValueError):
            return False

    def serves(self, direct: bool = False) -> None:
        until(lambda: self.answers(direct), f"an answer\n{self.server.tail()}", 20)

    def complete(self) -> None:
        """One process of each kind runs, and requests are answered on both ways."""
        def all_live():
            return all(self.pids(kind) and procs.alive(self.pids(kind)[-1]) for kind in KINDS)

        until(all_live, f"all kinds\n{self.server.tail()}", 20)
        self.serves()
        self.serves(direct=True)

    @contextlib.contextmanager
    def request(self, name: str, router: bool):
        """A request at hand; yields its connection."""
        address = ("127.0.0.1", self.port) if router else self.server.address()
        with wire.connect(address, timeout=30) as client:
            client.sendall(wire.request_bytes("GET", f"{self.directory}/{name}"))
            until(lambda: (self.directory / f"{name}.began").exists(), "a request at hand")
            yield client

    def let_go(self, name: str) -> None:
        (self.directory / name).touch()

    def hit(self, kind: str, number: int) -> int:
        victim = self.pid(kind)
        os.kill(victim, number)
        return victim

    def end(self, victim: int) -> None:
        """An orderly end within the mercies, also of who cannot listen."""
        assert self.server.stop() == 0, self.server.tail()
        until(lambda: not procs.alive(victim), "the victim to be gone")
        assert "goodbye to uWSGI." in self.server.log()


@pytest.fixture
def house(uwsgi, tmp_path):
    return lambda *options: House(uwsgi, tmp_path, *options)


@pytest.mark.parametrize("number", SIGNALS, ids=lambda n: n.name)
@pytest.mark.parametrize("kind", KINDS)
def test_starting(house, tmp_path, kind, number):
    (tmp_path / "hold").touch()
    home = house()
    victim = home.hit(kind, number)
    (tmp_path / "hold").unlink()
    if number == signal.SIGKILL:
        until(lambda: home.pid(kind) != victim, f"the next {kind}", 20)
        home.complete()
    elif kind != "gateway":
        home.serves(direct=True)
    home.end(victim)


@pytest.mark.parametrize("number", SIGNALS, ids=lambda n: n.name)
@pytest.mark.parametrize("kind", KINDS)
def test_serving(house, kind, number):
    home = house()
    home.complete()
    with home.request("go", router=False):
        victim = home.hit(kind, number)
        home.serves(direct=True)
        home.let_go("go")
    if number == signal.SIGKILL:
        until(lambda: home.pid(kind) != victim, f"the next {kind}", 20)
        home.complete()
    home.end(victim)


def reload_with(home, kind: str, number: int, router: bool) -> None:
    home.complete()
    mark = home.server.mark()
    with home.request("go", router) as client:
        home.server.send(signal.SIGHUP)
        home.server.wait_log("gracefully killing workers", after=mark)
        victim = home.hit(kind, number)
        home.let_go("go")
        answered = b"200 OK" in ends(client)
    assert answered or kind in ("worker", "gateway"), "the request lost nobody it needs"
    until(lambda: home.pids("worker", mark) and home.pid("daemon") != victim, f"the next generation\n{home.server.tail()}", 20)
    until(lambda: not procs.alive(victim), "the victim to be gone", 20)
    home.complete()
    home.end(victim)


def ends(client) -> bytes:
    try:
        return wire.read_all(client)
    except OSError:
        return b""


@pytest.mark.parametrize("number", SIGNALS, ids=lambda n: n.name)
@pytest.mark.parametrize("kind", KINDS)
def test_draining(house, kind, number):
    """The router finishes a request while the reload waits for it."""
    reload_with(house(), kind, number, router=True)


@pytest.mark.parametrize("number", SIGNALS, ids=lambda n: n.name)
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "gateway"])
def test_ending(house, kind, number):
    """A worker finishes a request while the reload waits for it; the router has gone already."""
    reload_with(house(), kind, number, router=False)


@pytest.mark.parametrize("kind", KINDS)
def test_stopping_with_one_that_cannot_listen(house, kind):
    home = house()
    home.complete()
    victim = home.hit(kind, signal.SIGSTOP)
    home.end(victim)


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM], ids=lambda n: n.name)
def test_the_master_stands_still_for_a_while(house, number):
    """Signals that came meanwhile are for when it goes on; workers serve without it."""
    home = house()
    home.complete()
    home.server.send(signal.SIGSTOP)
    until(lambda: procs.stat(home.server.pid)[0] == "T", "a stopped master")
    mark = home.server.mark()
    home.server.send(number)
    home.serves()
    home.server.send(signal.SIGCONT)
    until(lambda: len(home.pids("worker", mark)) == 1, "the next generation", 20)
    home.complete()


def test_the_master_is_killed(house):
    """Nobody stays behind, and the address is free for the next instance at once."""
    home = house()
    home.complete()
    members = procs.tree(home.server.pid)
    home.server.process.kill()
    home.server.process.wait()
    home.server.expect = {-signal.SIGKILL}
    for pid in members:
        until(lambda pid=pid: not procs.alive(pid), f"the end of {pid}")
