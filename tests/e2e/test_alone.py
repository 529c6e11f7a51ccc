"""Without a master: a signal that ends the first process ends the workers it has started, whatever it is doing."""

import contextlib
import os
import signal

import pytest

from harness import procs, wire
from harness.waiting import until

pytestmark = pytest.mark.ours
THREE = ("--http-socket", "127.0.0.1:0", "-p", "3")
LATE = r"^SIGINT/SIGTERM received while starting\.\.\.$"


def gone(*pids):
    until(lambda: not any(procs.alive(pid) for pid in pids), f"the end of {pids}")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_all_go_while_they_wait(uwsgi, app, number):
    server = uwsgi(*THREE, "--wsgi-file", app("hello"))
    pids = server.worker_pids().values()
    assert len(pids) == 3 and server.pid in pids
    assert server.stop(number) == 30
    gone(*pids)


def test_all_go_in_the_middle_of_requests(uwsgi, app, tmp_path):
    server = uwsgi(*THREE, "--wsgi-file", app("wires"))
    with contextlib.ExitStack() as stack:
        for n in range(3):
            stream = stack.enter_context(wire.connect(server.address()))
            stream.sendall(wire.request_bytes(path=f"/gate?path={tmp_path}/g", headers={"Connection": "close"}))
            until(lambda: len(list(tmp_path.glob("g.*.in"))) == n + 1, "the request in an application")
        pids = server.worker_pids().values()
        assert server.stop() == 30
        gone(*pids)


def test_all_go_while_the_first_one_loads(uwsgi, app, tmp_path):
    (tmp_path / "wait").touch()
    server = uwsgi(*THREE, "--lazy-apps", "--wsgi-file", app("slow_start"), env={"SLOW_START": str(tmp_path / "wait")})
    pids = server.worker_pids().values()
    server.stop()
    gone(*pids)


def test_all_go_between_the_last_fork_and_the_first_request(uwsgi, app, tmp_path):
    """Nobody reads the pidfile, which is a pipe: the first process stands still there."""
    os.mkfifo(tmp_path / "pipe")
    server = uwsgi(*THREE, "--wsgi-file", app("hello"), "--safe-pidfile", "pipe", ready=False)
    server.wait_log("^writing pidfile to pipe$")
    pids = server.worker_pids().values()
    assert len(pids) == 3
    assert server.stop() == 0
    server.wait_log(LATE)
    gone(*pids)


def test_the_end_of_another_process_is_its_own(uwsgi, tmp_path):
    """What an application forks has inherited everything, and ends nobody."""
    (tmp_path / "forks.py").write_text(
        "import os, signal\n"
        "def application(environ, start_response):\n"
        "    child = os.fork()\n"
        "    if child == 0:\n"
        "        signal.pause()\n"
        "    os.kill(child, signal.SIGTERM)\n"
        "    ended = os.waitpid(child, 0)[0] == child\n"
        "    start_response('200 OK', [])\n"
        "    return [b'%d %d' % (os.getpid(), ended)]\n")
    server = uwsgi("--http-socket", "127.0.0.1:0", "--http-socket", "127.0.0.1:0", "--map-socket", "0:1", "--map-socket", "1:2", "-p", "2",
                   "--wsgi-file", tmp_path / "forks.py")
    pids = server.worker_pids()
    for index in (0, 1, 0):
        assert wire.http(server.address(index)).body == b"%d 1" % pids[index + 1]
