"""Instances that replace each other by their FIFOs: after each start one runs and one sleeps."""

import json
import signal
import socket

import pytest

from harness import fifo, procs, wire
from harness.waiting import until

CONFIG = """\
[uwsgi]
master = true
processes = 2
http-socket = fd://{fd}
stats = {dir}/{name}.stats
wsgi-file = {app}
master-fifo = {dir}/new.fifo
master-fifo = {dir}/running.fifo
master-fifo = {dir}/sleeping.fifo
if-exists = {dir}/sleeping.fifo
hook-accepting1-once = writefifo:{dir}/sleeping.fifo Q
endif =
if-exists = {dir}/running.fifo
hook-accepting1-once = writefifo:{dir}/running.fifo 2p
endif =
hook-accepting1-once = writefifo:{dir}/new.fifo 1
"""


@pytest.fixture
def dance(uwsgi, app, tmp_path):
    """All of them have the same listening socket, as behind a pool."""
    shared = socket.create_server(("127.0.0.1", 0))
    fd = shared.fileno()

    def start(name):
        (tmp_path / f"{name}.ini").write_text(CONFIG.format(fd=fd, dir=tmp_path, app=app("hello"), name=name))
        server = uwsgi("--ini", f"{name}.ini", cwd=tmp_path, workers=2, pass_fds=[fd])
        server.wait_log(rf"active master fifo is now {tmp_path}/running.fifo")
        return server

    start.address, start.directory = shared.getsockname(), tmp_path
    yield start
    shared.close()


def state(directory, name) -> str:
    """What its workers say of themselves; one that ends or begins anew may say nothing."""
    try:
        document = json.loads(wire.raw(str(directory / f"{name}.stats"), b""))
    except (OSError, ValueError):
        return "gone"
    return "paused" if {worker["status"] for worker in document["workers"]} == {"pause"} else "running"


def states(directory, servers) -> dict:
    return {name: state(directory, name) for name, server in servers.items() if server.process.poll() is None}


@pytest.mark.ours
def test_one_runs_and_one_sleeps_after_each_start(dance):
    servers = {}
    for number, name in enumerate("abcd"):
        servers[name] = dance(name)
        before = "abcd"[max(number - 1, 0):number]
        wanted = {**{one: "paused" for one in before}, name: "running"}
        until(lambda wanted=wanted: states(dance.directory, servers) == wanted, f"{wanted}", timeout=20)
        for _ in range(5):
            assert wire.http(dance.address, "/").body == b"Hello World"
    for name in "ab":
        assert servers[name].wait_exit() == 0


@pytest.mark.ours
def test_the_sleeping_one_takes_over_again(dance):
    """`Q` to the running one, `p1` to the sleeping one."""
    servers = {name: dance(name) for name in "a"}
    servers["b"] = dance("b")
    until(lambda: states(dance.directory, servers) == {"a": "paused", "b": "running"}, "a dance")
    fifo.send(dance.directory / "running.fifo", b"Q")
    fifo.send(dance.directory / "sleeping.fifo", b"p1")
    assert servers["b"].wait_exit() == 0
    until(lambda: states(dance.directory, servers) == {"a": "running"}, "the way back")
    until(lambda: fifo.is_read(dance.directory / "running.fifo"), "its FIFO")
    assert wire.http(dance.address, "/").body == b"Hello World"


@pytest.mark.ours
def test_a_reload_of_the_running_one_stays_the_running_one(dance):
    """Its hooks run again, and must not send itself to sleep."""
    servers = {"a": dance("a")}
    servers["b"] = dance("b")
    until(lambda: states(dance.directory, servers) == {"a": "paused", "b": "running"}, "a dance")
    server = servers["b"]
    mark = server.mark()
    server.send(signal.SIGHUP)
    server.wait_log(rf"active master fifo is now {dance.directory}/running.fifo", after=mark)
    server.settle()
    until(lambda: states(dance.directory, servers) == {"b": "running"}, "one that runs; the sleeping one is replaced", timeout=20)
    assert servers["a"].wait_exit() == 0
    assert procs.alive(server.pid)
    assert wire.http(dance.address, "/").body == b"Hello World"
