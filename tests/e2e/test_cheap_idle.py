"""Life without workers: `cheap`, `idle`, `die-on-idle`, `die-on-no-workers`."""

import contextlib
import re
import signal

import pytest

from harness import procs, wire
from harness.crowd import Crowd
from harness.waiting import until

CHEAP = r"^cheap mode enabled: waiting for socket connection\.\.\.$"
ours = pytest.mark.ours


def spawned(server, after=0):
    return [int(number) for number in re.findall(r"pawned uWSGI worker (\d+) ", server.log()[after:])]


@pytest.fixture
def asleep(uwsgi, app):
    """A server that waits for its first connection."""
    def start(*options, socket=("--http-socket", "127.0.0.1:0"), file="holding", **kw):
        server = uwsgi(*socket, "-M", "--cheap", *options, "--wsgi-file", app(file), ready=False, **kw)
        server.wait_log(CHEAP)
        return server
    return start


def test_the_first_connection_starts_the_workers_and_is_answered(asleep):
    server = asleep("-p", "3", "--cheaper", "1", "--idle", "2", "--stats", "127.0.0.1:0")
    assert spawned(server) == []
    assert server.get("/").status == 200
    assert spawned(server) == [1], "the least number, not all"
    server.wait_log(r"^workers have been inactive for more than 2 seconds \(\d+-\d+\)$")
    after = server.mark()
    server.wait_log(CHEAP, after=server.log().index("inactive"))
    assert server.get("/").status == 200
    server.wait_log(r"^Respawned uWSGI worker 1 \(new pid: \d+\)", after=after)


def test_without_cheaper_all_workers_wake_up(asleep):
    server = asleep("-p", "3")
    assert server.get("/").status == 200
    until(lambda: sorted(spawned(server)) == [1, 2, 3], "three workers")


@ours
def test_slots_show_that_nobody_is_there(asleep, tmp_path):
    server = asleep("-p", "2", "--stats", str(tmp_path / "stats"))
    until(server.stats_answer, "the stats server to listen")
    assert [(w["id"], w["pid"], w["status"]) for w in server.stats()["workers"]] == [(1, 0, "cheap"), (2, 0, "cheap")]
    (tmp_path / "stats").unlink()


@ours
@pytest.mark.parametrize("threads", [1, 4])
def test_a_request_to_the_router_wakes_the_workers(asleep, threads):
    server = asleep("-p", "2", "--idle", "1", "--threads", threads, socket=("--http", "127.0.0.1:0"))
    found = server.wait_log(r"uWSGI http bound on 127\.0\.0\.1:(\d+)")
    address = ("127.0.0.1", int(found[1]))
    stream = wire.connect(address, timeout=30)
    reader = wire.Reader(stream)
    for _ in range(3):
        after = server.mark()
        stream.sendall(wire.request_bytes())
        assert reader.response().status == 200
        server.wait_log(CHEAP, after=after)
    stream.close()


@ours
@pytest.mark.parametrize("socket", ["tcp", "unix", "uwsgi"])
def test_every_kind_of_socket_wakes_the_workers(asleep, tmp_path, socket):
    options = {"tcp": ("--http-socket", "127.0.0.1:0"), "unix": ("--http-socket", tmp_path / "s"),
               "uwsgi": ("--http-socket", "127.0.0.1:0", "--socket", tmp_path / "s")}[socket]
    server = asleep("-p", "2", "--vacuum", socket=options)
    if socket == "uwsgi":
        answer = wire.raw(str(tmp_path / "s"), wire.packet(wire.basic_vars("/")), timeout=30)
        assert b"200 OK" in answer
    else:
        assert server.get("/").status == 200


@ours
def test_a_client_that_leaves_at_once_does_not_keep_anybody_awake(asleep):
    server = asleep("-p", "2", "--idle", "1")
    for _ in range(2):
        after = server.mark()
        wire.connect(server.address()).close()
        server.wait_log(r"inactive for more than 1 seconds", after=after)
        server.wait_log(CHEAP, after=server.log().rindex("inactive"))



@ours
def test_busy_workers_are_not_idle(asleep, tmp_path):
    server = asleep("-p", "2", "--idle", "1")
    crowd = Crowd(server.address(), tmp_path).join()
    server.wait_log(r"spawned uWSGI worker 1")
    seconds = server.log().count("inactive")
    until(lambda: procs.stat(server.pid), "the master")
    assert wire.http(server.address(), "/sleep/3").status == 200
    assert server.log().count("inactive") == seconds
    crowd.answered()
    server.wait_log(CHEAP, after=server.mark())


@ours
@pytest.mark.parametrize("options", [(), ("--die-on-idle",)], ids=["away", "end"])
def test_workers_that_load_for_long_are_not_idle(asleep, tmp_path, options):
    """Who woke them waits until they serve, however short the time is after which they go again."""
    (tmp_path / "slow").touch()
    server = asleep("-p", "2", "--lazy-apps", "--idle", "1", "--stats", str(tmp_path / "stats"), *options, file="slow_start",
                    env={"SLOW_START": str(tmp_path / "slow")})
    with contextlib.closing(wire.connect(server.address(), 30)) as stream:
        stream.sendall(wire.request_bytes())
        server.wait_log(r"spawned uWSGI worker 2")
        cycles = server.stats()["master"]["lateness"]["count"]
        server.wait_stats(lambda s: s["master"]["lateness"]["count"] >= cycles + 3, "three seconds")
        assert "inactive" not in server.log()
        (tmp_path / "slow").unlink()
        assert wire.Reader(stream).response().body == b"at last"
    server.wait_log(r"^workers have been inactive for more than 1 seconds")
    if options:
        assert server.wait_exit() == 0
    else:
        server.wait_log(CHEAP, after=server.log().index("inactive"))
        (tmp_path / "stats").unlink()


def test_die_on_idle_ends_the_instance(uwsgi, app):
    server = uwsgi("--http-socket", "127.0.0.1:0", "-M", "-p", "2", "--idle", "1", "--die-on-idle", "--wsgi-file", app("hello"))
    assert server.get("/").status == 200
    server.wait_log(r"workers have been inactive for more than 1 seconds")
    assert server.wait_exit() == 0
    assert "goodbye to uWSGI." in server.log()


@ours
def test_an_instance_whose_workers_all_fail_ends(uwsgi, tmp_path):
    (tmp_path / "bad.py").write_text("import os\nos._exit(1)\n")
    server = uwsgi("--http-socket", "127.0.0.1:0", "-M", "-p", "2", "--lazy-apps", "--die-on-no-workers", "--wsgi-file", tmp_path / "bad.py",
                   ready=False).allow("DAMN")
    server.expect = {1}
    server.wait_log(r"no more processes running, auto-killing \.\.\.")
    assert server.wait_exit() == 1


@ours
def test_one_worker_that_fails_ends_nothing(uwsgi, app):
    server = uwsgi("--http-socket", "127.0.0.1:0", "-M", "-p", "1", "--die-on-no-workers", "--wsgi-file", app("hello")).allow("DAMN")
    procs.kill_quietly(server.worker_pids()[1])
    server.wait_log(r"Respawned uWSGI worker 1")
    assert server.get("/").status == 200


@ours
def test_a_sleeping_instance_reloads_and_stops(asleep):
    server = asleep("-p", "2", "--idle", "1")
    assert server.get("/").status == 200
    server.wait_log(CHEAP, after=server.mark())
    after = server.mark()
    server.send(signal.SIGHUP)
    server.wait_log(CHEAP, after=after)
    assert server.get("/").status == 200
    assert server.stop() == 0


@ours
def test_the_operator_sends_the_workers_away(uwsgi, app, tmp_path):
    server = uwsgi("--http-socket", "127.0.0.1:0", "-M", "-p", "2", "--master-fifo", tmp_path / "fifo", "--wsgi-file", app("holding"))
    crowd = Crowd(server.address(), tmp_path).join()
    with open(tmp_path / "fifo", "w", encoding="ascii") as fifo:
        fifo.write("C")
    server.wait_log(r"going cheap\.\.\.")
    server.wait_log(r"^killing worker 1 \(pid: \d+\)$")
    server.wait_log(r"^uWSGI worker \d cheaped\.$")
    crowd.answered()
    server.wait_log(CHEAP)
    assert len(re.findall(r"^uWSGI worker \d cheaped\.$", server.log(), re.M)) == 2
    assert server.get("/").status == 200
