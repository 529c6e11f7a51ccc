"""Pause and resume: SIGTSTP to the master, and the commands for a pidfile."""

import os
import signal
import subprocess

import pytest

from harness import procs, wire
from harness.crowd import Crowd
from harness.server import plain_environment
from harness.waiting import until

PAUSE = r"\*\*\* PAUSE \(press start to resume, if you do not have a joypad send SIGTSTP\) \*\*\*$"
RESUME = r"\*\*\* \(SIGTSTP received\) resuming workers \*\*\*$"
ours = pytest.mark.ours


@pytest.fixture
def paused(uwsgi, app, tmp_path):
    """A server with two workers that pause."""
    def start(*options, workers=2, socket=("--http-socket", "127.0.0.1:0"), **kw):
        server = uwsgi(*socket, "-M", "-p", "2", "--stats", str(tmp_path / "stats"), "--pidfile", tmp_path / "pid", "--vacuum", *options,
                       "--wsgi-file", app("holding"), workers=workers, **kw)
        toggle(server, "suspended", workers)
        return server
    return start


def toggle(server, what, workers=2):
    after = server.mark()
    server.send(signal.SIGTSTP)
    server.wait_log(PAUSE if what == "suspended" else RESUME, after=after)
    for worker in range(1, workers + 1):
        server.wait_log(rf"\*\*\* worker {worker} {what} \*\*\*$", after=after)


def statuses(server):
    return [worker["status"] for worker in server.stats()["workers"]]


def waits(stream):
    """Nothing has come, although a second of the server's passed."""
    stream.settimeout(1.2)
    try:
        data = stream.recv(1)
    except TimeoutError:
        stream.settimeout(30)
        return True
    raise AssertionError(f"answered {data!r} during the pause")


@pytest.mark.parametrize("threads", [1, 3])
def test_connections_wait_for_the_end_of_the_pause(paused, threads):
    server = paused("--threads", threads)
    assert statuses(server) == ["pause", "pause"]
    streams = [wire.connect(server.address()) for _ in range(5)]
    for stream in streams:
        stream.sendall(wire.request_bytes(headers={"Connection": "close"}))
    assert waits(streams[0])
    toggle(server, "resumed")
    assert all(b"200 OK" in wire.read_all(stream) for stream in streams)
    assert statuses(server) == ["idle", "idle"]
    for _ in range(3):
        toggle(server, "suspended")
        toggle(server, "resumed")
    assert server.get("/").status == 200


@ours
@pytest.mark.parametrize("threads", [1, 3])
def test_a_kept_connection_waits_too(uwsgi, app, threads, tmp_path):
    server = uwsgi("--http11-socket", "127.0.0.1:0", "-M", "-p", "1", "--threads", threads, "--wsgi-file", app("holding"))
    stream = wire.connect(server.address())
    reader = wire.Reader(stream)
    stream.sendall(wire.request_bytes())
    assert reader.response().status == 200
    toggle(server, "suspended", 1)
    stream.sendall(wire.request_bytes())
    assert waits(stream)
    toggle(server, "resumed", 1)
    assert reader.response().status == 200
    stream.close()


@ours
def test_a_running_request_is_finished_first(uwsgi, app, tmp_path):
    server = uwsgi("--http-socket", "127.0.0.1:0", "-M", "-p", "1", "--stats", str(tmp_path / "stats"), "--vacuum", "--harakiri", "60", "--wsgi-file", app("holding"))
    crowd = Crowd(server.address(), tmp_path).join()
    until(lambda: statuses(server) == ["busy"], "a busy worker")
    server.send(signal.SIGTSTP)
    server.wait_log(PAUSE)
    assert statuses(server) == ["busy"]
    assert "suspended" not in server.log()
    crowd.answered()
    server.wait_log(r"\*\*\* worker 1 suspended \*\*\*$")
    until(lambda: statuses(server) == ["pause"], "a paused worker")
    toggle(server, "resumed", 1)


@ours
def test_who_is_started_during_a_pause_pauses(paused):
    server = paused().allow("DAMN")
    after = server.mark()
    procs.kill_quietly(server.worker_pids()[1])
    server.wait_log(r"Respawned uWSGI worker 1", after=after)
    server.wait_log(r"\*\*\* worker 1 suspended \*\*\*$", after=after)
    assert statuses(server) == ["pause", "pause"]
    toggle(server, "resumed")
    assert server.get("/").status == 200


@ours
def test_a_pause_ends_with_a_reload(paused):
    server = paused()
    after = server.mark()
    server.send(signal.SIGHUP)
    server.wait_log(r"spawned uWSGI worker 2 \(pid", after=after)
    assert server.get("/").status == 200
    until(lambda: statuses(server) == ["idle", "idle"], "no pause")


@ours
def test_a_paused_instance_stops(paused):
    assert paused().stop() == 0


@ours
def test_the_number_of_workers_does_not_change_in_a_pause(paused, tmp_path):
    server = paused("--cheaper", "1", "--cheaper-algo", "backlog", "--cheaper-overload", "1", "--cheaper-cycle", "50", workers=1)
    crowd = Crowd(server.address(), tmp_path).join(5)
    assert waits(crowd.streams[0])
    assert statuses(server) == ["pause", "cheap"]
    toggle(server, "resumed", 1)
    server.wait_log(r"spawned uWSGI worker 2 ")
    crowd.answered()


@ours
def test_a_sleeping_instance_wakes_up_after_the_pause(uwsgi, app):
    server = uwsgi("--http-socket", "127.0.0.1:0", "-M", "-p", "1", "--cheap", "--idle", "1", "--wsgi-file", app("holding"), ready=False)
    server.wait_log("cheap mode enabled")
    server.send(signal.SIGTSTP)
    server.wait_log(PAUSE)
    stream = wire.connect(server.address())
    stream.sendall(wire.request_bytes(headers={"Connection": "close"}))
    assert waits(stream)
    assert "spawned uWSGI worker" not in server.log()
    server.send(signal.SIGTSTP)
    server.wait_log(RESUME)
    assert b"200 OK" in wire.read_all(stream)
    stream.close()


@ours
def test_the_router_waits_too(uwsgi, app):
    server = uwsgi("--http", "127.0.0.1:0", "-M", "-p", "1", "--wsgi-file", app("holding"))
    address = ("127.0.0.1", int(server.wait_log(r"uWSGI http bound on 127\.0\.0\.1:(\d+)")[1]))
    assert wire.http(address).status == 200
    toggle(server, "suspended", 1)
    stream = wire.connect(address)
    stream.sendall(wire.request_bytes(headers={"Connection": "close"}))
    assert waits(stream)
    toggle(server, "resumed", 1)
    assert b"200 OK" in wire.read_all(stream)
    stream.close()


def test_the_commands_for_a_pidfile(uwsgi, app, tmp_path):
    server = uwsgi("--http-socket", "127.0.0.1:0", "-M", "-p", "1", "--pidfile", tmp_path / "pid", "--stats", str(tmp_path / "stats"),
                   "--vacuum", "--wsgi-file", app("hello"))
    for option, status in (("--pause", "pause"), ("--resume", "idle"), ("--suspend", "pause"), ("--resume", "idle")):
        done = subprocess.run([server.binary, option, tmp_path / "pid"], timeout=30, check=False, env=plain_environment(), cwd=tmp_path)
        assert done.returncode == 0
        server.wait_stats(lambda document, want=status: document["workers"][0]["status"] == want, status)


@ours
def test_a_key_at_the_terminal_stops_nobody_for_good(uwsgi, app, tmp_path):
    """Ctrl-Z reaches every process of the group: the master pauses, nobody is stopped by the kernel."""
    server = uwsgi("--http", "127.0.0.1:0", "-M", "-p", "2", "--stats", str(tmp_path / "stats"), "--vacuum", "--wsgi-file", app("hello"))

    os.killpg(server.pid, signal.SIGTSTP)
    server.wait_log(PAUSE)
    for worker in (1, 2):
        server.wait_log(rf"\*\*\* worker {worker} suspended \*\*\*$")
    assert all((procs.stat(pid) or ["?"])[0] != "T" for pid in procs.tree(server.pid))
    os.killpg(server.pid, signal.SIGTSTP)
    server.wait_log(RESUME)
    address = ("127.0.0.1", int(server.wait_log(r"uWSGI http bound on 127\.0\.0\.1:(\d+)")[1]))
    assert wire.http(address).status == 200
