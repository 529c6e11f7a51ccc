"""Exit codes and what they mean, and what becomes of workers whose master is gone."""

import os
import re
import signal

import pytest

from harness import procs, wire
from harness.waiting import until

AUTO = ("--http-socket", "127.0.0.1:0")


@pytest.fixture
def start(uwsgi, app):
    def start(*options, **kw):
        return uwsgi(*AUTO, *options, "--wsgi-file", app("probe"), **kw)
    return start


def leave(server, code):
    """One request that ends its worker with a code."""
    wire.raw(server.address(), wire.request_bytes(path=f"/?os._exit({code})"))


RESPAWNED = [
    (0, r"DAMN ! worker 1 \(pid: {pid}\) died :\( trying respawn \.\.\."),
    (1, r"DAMN ! worker 1 \(pid: {pid}\) died :\( trying respawn \.\.\."),
    (5, r"\.\.\. monitored exception detected, respawning worker 1 \(pid: {pid}\)\.\.\."),
    (22, r"OOPS ! failed loading app in worker 1 \(pid {pid}\) :\( trying again\.\.\."),
    (29, r"Respawned uWSGI worker 1 \(new pid: \d+\)"),
    (173, r"\.\.\.restoring worker 1 \(pid: {pid}\)\.\.\."),
]


@pytest.mark.parametrize("code, line", RESPAWNED, ids=[str(code) for code, _ in RESPAWNED])
def test_a_worker_that_is_started_again(start, code, line):
    server = start("-M").allow("DAMN")
    pid = server.worker_pids()[1]
    leave(server, code)
    server.wait_log(line.format(pid=pid))
    server.wait_log(r"Respawned uWSGI worker 1 \(new pid: \d+\)")
    if code == 29:
        assert "DAMN" not in server.log() and "OOPS" not in server.log()
    assert server.get("/?1").body == b"1"


@pytest.mark.ours
@pytest.mark.parametrize("code", [17, 30])
def test_a_worker_that_ended_in_good_order(start, code):
    server = start("-M")
    pid = server.worker_pids()[1]
    leave(server, code)
    server.wait_log(rf"worker 1 killed successfully \(pid: {pid}\)")
    server.wait_log(r"Respawned uWSGI worker 1")


def test_a_worker_that_asks_to_be_cheap(start):
    server = start("-M", "-p", "2")
    pids = server.worker_pids()
    leave(server, 15)
    one = int(server.wait_log(r"worker (\d) asked for cheap mode \(pid: \d+\)\.\.\.\n(?:.*\n)*?uWSGI worker \1 cheaped\.")[1])
    assert server.get("/?1").body == b"1"
    assert server.worker_pids() == pids and not procs.alive(pids[one])


def test_a_worker_that_asks_for_a_brutal_reload(start):
    server = start("-M")
    pid = server.worker_pids()[1]
    leave(server, 31)
    server.wait_log(rf"!!! inconsistent state reported by worker 1 \(pid: {pid}\) !!!")
    server.wait_log(r"\.\.\.brutally killing workers\.\.\.")
    server.wait_log(r"RE\)spawned uWSGI master[\s\S]*^spawned uWSGI worker 1 ")
    server.settle()


@pytest.mark.parametrize("options, number, code", [
    (["-M"], signal.SIGINT, 0), (["-M"], signal.SIGQUIT, 0), (["-M", "--die-on-term"], signal.SIGTERM, 0),
    (["-M", "--exit-on-reload"], signal.SIGHUP, 0), ([], signal.SIGINT, 30), ([], signal.SIGTERM, 30),
], ids=lambda value: getattr(value, "name", None) or (str(value) if isinstance(value, int) else " ".join(value)))
def test_the_code_of_an_instance(start, options, number, code):
    server = start(*options)
    server.expect = {code}
    server.quiet()
    assert server.stop(number) == code


# --- the master is gone ---------------------------------------------------------------------------------------------------

GONE = r"- uWSGI worker {id} error: the master disconnected from this worker\. Shutting down the worker\.$"


def test_workers_of_a_killed_master_say_so_and_end(start):
    server = start("-M", "-p", "2")
    server.expect = {-9}
    family = procs.tree(server.pid)
    server.send(signal.SIGKILL)
    server.wait_exit()
    for number in (1, 2):
        until(lambda n=number: re.search(GONE.format(id=n), server.log(), re.M), f"worker {number}'s last words")
    until(lambda: not any(procs.alive(pid) for pid in family), "the end of all")


def test_no_orphans_dies_with_the_master_in_the_middle_of_a_request(start, tmp_path):
    server = start("-M", "--no-orphans")
    server.expect = {-9}
    pid = server.worker_pids()[1]
    stream = wire.connect(server.address())
    stream.sendall(wire.request_bytes(path="/?__import__('time').sleep(1000)"))
    until(lambda: not procs.waiting(pid), "the request")
    server.send(signal.SIGKILL)
    server.wait_exit()
    until(lambda: not procs.alive(pid), "the end of the worker")
    stream.close()
    assert "disconnected" not in server.log()


def test_three_workers_without_a_master(start):
    server = start("-p", "3")
    pids = server.worker_pids()
    assert pids[1] == server.pid and sorted(procs.children(server.pid)) == sorted([pids[2], pids[3]])
    assert "*** WARNING: you are running uWSGI without its master process manager ***" in server.log()
    os.kill(pids[2], signal.SIGKILL)
    until(lambda: not procs.alive(pids[2]), "the death")
    assert server.get("/?1").body == b"1"
    assert server.worker_pids() == pids and sorted(procs.children(server.pid), key=procs.alive) != [], "nobody starts it again"
    server.stop()
    procs.kill_quietly(pids[3])
