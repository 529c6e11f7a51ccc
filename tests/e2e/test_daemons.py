"""Attached daemons: how they are started, watched, started again and ended, with real programs."""

import json
import os
import pathlib
import pwd
import re
import signal
import subprocess
import sys
import tempfile
import time

import pytest

from harness import paths, procs, wire
from harness.server import run
from harness.waiting import until

pytestmark = pytest.mark.ours

BEACON = paths.APPS / "daemons/beacon.py"
MARK = r"\[uwsgi-daemons\] "


class Beacons:
    """Commands that keep a journal, and what their journals say."""

    def __init__(self, directory: pathlib.Path):
        self.directory = directory

    def command(self, name: str, *words) -> str:
        return " ".join(map(str, [f"exec {sys.executable}", BEACON, self.directory / name, *words]))

    def lines(self, name: str) -> list[tuple[str, int]]:
        try:
            text = (self.directory / name).read_text()
        except FileNotFoundError:
            return []
        return [(word, int(pid)) for word, pid in (line.rsplit(" ", 1) for line in text.splitlines())]

    def pids(self, name: str) -> list[int]:
        return [pid for word, pid in self.lines(name) if word == "start"]

    def words(self, name: str) -> list[str]:
        return [word for word, _ in self.lines(name)]

    def wait(self, name: str, count: int = 1, timeout: float = 10.0) -> int:
        """The process of the start with this number."""
        return until(lambda: len(self.pids(name)) >= count and self.pids(name)[count - 1],
                     f"start {count} of {name}: {self.lines(name)}", timeout)

    def says(self, name: str, word: str) -> None:
        until(lambda: word in self.words(name), f"{word} of {name}: {self.lines(name)}")


@pytest.fixture
def beacons(nothing_left, tmp_path):
    yield Beacons(tmp_path)
    # Those that outlive their server, which has ended by now, are children of the tests.
    for pid in procs.children(os.getpid()):
        if f"{BEACON} {tmp_path}" in procs.command_line(pid):
            procs.kill_quietly(pid)


@pytest.fixture
def uwsgi(beacons, uwsgi):
    """After `beacons`: the server ends before those who may outlive it."""
    return uwsgi


@pytest.fixture
def instance(uwsgi, app, tmp_path):
    def start(*options, **kw):
        return uwsgi("--http-socket", "127.0.0.1:0", "-M", "--wsgi-file", app("hello"), "--stats", tmp_path / "s",
                     *options, **kw)
    return start


def daemons(server) -> list[dict]:
    return server.stats()["daemons"]


def gone(pid: int) -> None:
    until(lambda: not procs.alive(pid), f"the end of {pid}")


# --- dumb ones

def test_a_daemon_lives_and_dies_with_the_instance(instance, beacons):
    server = instance("--attach-daemon", beacons.command("b1"))
    pid = beacons.wait("b1")
    assert procs.children(server.pid).count(pid) == 1, "a child of the master, without a shell in between"
    assert os.getsid(pid) == pid
    [one] = daemons(server)
    assert (one["cmd"], one["pid"], one["respawns"], one["state"]) == (beacons.command("b1"), pid, 0, "up")
    server.wait_log("^beacon is lit$")
    server.stop()
    log = server.log()
    assert log.index("spawned uWSGI worker 1") < log.index("[uwsgi-daemons] spawning"), "behind the workers"
    command = re.escape(beacons.command("b1"))
    assert re.search(rf'^{MARK}spawning "{command}" \(uid: {os.getuid()} gid: {os.getgid()}\)$', log, re.M)
    assert re.search(rf"^{MARK}stopping daemon \(pid: {pid}\): {command}$", log, re.M)
    assert re.search(rf'^daemon "{command}" \(pid: {pid}\) annihilated$', log, re.M)
    assert beacons.words("b1") == ["start", "term"]
    assert "subprocess" not in log


def test_nothing_of_the_server_is_inherited(instance, beacons, tmp_path):
    server = instance("--attach-daemon", beacons.command("b1", "look"), "--mules", "1", "--http", "127.0.0.1:0",
                      "--env", "BEACON=lit")
    beacons.says("b1", "masks=0:0")
    assert {"fds=0,1,2", "stdin=/dev/null", f"cwd={tmp_path}", "session=True", "env=lit"} <= set(beacons.words("b1"))
    server.stop()


def test_a_killed_daemon_comes_back(instance, beacons):
    server = instance("--attach-daemon", beacons.command("b1"))
    for round in range(1, 4):
        os.kill(beacons.wait("b1", round), signal.SIGKILL)
        beacons.wait("b1", round + 1)
    [one] = until(lambda: [d for d in daemons(server) if d["respawns"] == 3], "the respawns in the stats")
    assert (one["last_exit"], one["pid"]) == ("signal 9", beacons.pids("b1")[-1])
    log = server.log()
    assert len(re.findall(rf'^{MARK}respawning "', log, re.M)) == 3
    assert "subprocess" not in log and "DAMN" not in log


def test_a_crashing_daemon_is_throttled_and_nobody_waits(instance):
    server = instance("--attach-daemon", "exit 3", "--attach-daemon2", "cmd=false,max_throttle=1")
    began = time.monotonic()
    server.wait_log(rf'^{MARK}throttling "exit 3" for 1 seconds$')
    server.wait_log(rf'^{MARK}throttling "exit 3" for 2 seconds$', 20)
    assert time.monotonic() - began > 0.9, "the second start came too early"
    assert server.get("/", timeout=1).status == 200
    until(lambda: daemons(server)[0]["state"] == "throttled" and daemons(server)[0]["last_exit"] == "exit code 3", "its state")
    until(lambda: server.log().count('throttling "false" for 1 seconds') >= 3, "the third delay", 20)
    assert 'throttling "false" for 2' not in server.log(), "max_throttle"
    began = time.monotonic()
    server.stop()
    assert time.monotonic() - began < 3 * 4, "the end waits for no delay"


def test_a_daemon_that_does_not_die_is_killed_after_its_mercy(instance, beacons):
    names = [f"b{n}" for n in range(4)]
    options = [word for name in names for word in ("--attach-daemon", beacons.command(name, "stubborn"))]
    server = instance(*options, "--reload-mercy", "2")
    pids = [beacons.wait(name) for name in names]
    server.stop()
    log = server.log()
    for pid in pids:
        assert re.search(rf"^{MARK}daemon did not die in time, killing \(pid: {pid}\): exec ", log, re.M)
        gone(pid)
    assert log.rindex("stopping daemon (pid") < log.index("did not die in time"), "all at the same time"
    assert all(beacons.words(name).count("term") >= 2 for name in names), "reminded each second"


def test_a_stopped_process_does_not_keep_the_instance(instance, beacons):
    server = instance("--attach-daemon", beacons.command("b1"), "--reload-mercy", "1")
    os.kill(beacons.wait("b1"), signal.SIGSTOP)
    server.stop()
    gone(beacons.pids("b1")[0])


def test_a_group_ends_as_a_whole(instance, beacons, tmp_path):
    server = instance("--attach-daemon", f"({beacons.command('b1')}) & ({beacons.command('b2')}) & wait")
    pids = [beacons.wait("b1"), beacons.wait("b2")]
    server.stop()
    for pid in pids:
        gone(pid)


def test_who_outlives_the_shell_is_waited_for(instance, beacons):
    """A shell that is asked to end may do so before its commands: these are the daemon all the same."""
    server = instance("--attach-daemon", f"({beacons.command('b1', 'stubborn')}) & wait", "--reload-mercy", "2")
    stubborn = beacons.wait("b1")
    mark = server.mark()
    server.send(signal.SIGHUP)
    beacons.wait("b1", 2, timeout=20)
    assert not procs.alive(stubborn), "the next one runs beside it"
    server.wait_log(rf"^{MARK}daemon did not die in time, killing", after=mark)
    server.stop()
    assert not [pid for pid in beacons.pids("b1") if procs.alive(pid)]


def test_what_a_dead_shell_leaves_behind_does_not_run_beside_the_next(instance, beacons):
    server = instance("--attach-daemon", f"({beacons.command('b1')}) & wait")
    first = beacons.wait("b1")
    os.kill(daemons(server)[0]["pid"], signal.SIGKILL)
    beacons.wait("b1", 2)
    gone(first)
    assert procs.alive(beacons.pids("b1")[1])


def test_the_master_dies_and_takes_its_daemons_along(instance, beacons, tmp_path):
    server = instance("--attach-daemon", beacons.command("b1"), "--attach-control-daemon", beacons.command("b2"),
                      "--smart-attach-daemon2", f"{tmp_path}/pid {beacons.command('b3')}")
    dumb, control, smart = (beacons.wait(name) for name in ("b1", "b2", "b3"))
    server.process.kill()
    server.process.wait()
    server.expect = {-signal.SIGKILL}
    gone(dumb)
    gone(control)
    assert procs.alive(smart), "it has a pidfile to be found by"
    for pid in server.worker_pids().values():
        gone(pid)


# --- control

def test_the_death_of_a_control_daemon_ends_the_instance_gracefully(beacons, uwsgi, app, tmp_path):
    server = uwsgi("--http-socket", "127.0.0.1:0", "-M", "--wsgi-file", app("held"), "--threads", "2",
                   "--attach-control-daemon", beacons.command("b1"), "--attach-daemon", beacons.command("b2"))
    pid, other = beacons.wait("b1"), beacons.wait("b2")
    with wire.connect(server.address(), timeout=30) as client:
        client.sendall(wire.request_bytes("GET", f"{tmp_path}/go"))
        until(lambda: (tmp_path / "go.began").exists(), "a request at hand")
        os.kill(pid, signal.SIGKILL)
        server.wait_log("graceful shutdown triggered")
        assert procs.alive(other), "the request may need it"
        (tmp_path / "go").touch()
        assert b"200 OK" in wire.read_all(client)
    assert server.wait_exit() == 0
    gone(other)
    assert len(beacons.pids("b1")) == 1


# --- reload

def test_a_reload_starts_dumb_ones_again_and_leaves_smart_ones_alone(instance, beacons, tmp_path):
    (tmp_path / "p1").write_text("")
    server = instance("--attach-daemon", beacons.command("b1"),
                      "--attach-control-daemon", beacons.command("b2"),
                      "--smart-attach-daemon", f"{tmp_path}/p3 {beacons.command('b3', 'own', tmp_path / 'p3')}",
                      "--smart-attach-daemon2", f"{tmp_path}/p4 {beacons.command('b4')}",
                      "--attach-daemon2", f"cmd={beacons.command('b5')},reloadsignal=10,stopsignal=2")
    old = {name: beacons.wait(name) for name in ("b1", "b2", "b3", "b4", "b5")}
    until(lambda: [d["state"] for d in daemons(server)] == ["up"] * 5, "all up")
    mark = server.mark()
    server.send(signal.SIGHUP)
    for name in ("b1", "b2", "b5"):
        beacons.wait(name, 2)
        gone(old[name])
    for name, file in (("b3", "p3"), ("b4", "p4")):
        server.wait_log(rf'{MARK}found valid/active pidfile for ".*{name}.*" \(pid: {old[name]}\)', after=mark)
        assert int((tmp_path / file).read_text()) == old[name] and procs.alive(old[name])
    until(lambda: [d["state"] for d in daemons(server)] == ["up", "up", "adopted", "adopted", "up"], "after the reload")
    assert beacons.words("b5")[:2] == ["start", "usr1"]
    assert "subprocess" not in server.log()
    server.stop()
    for name in ("b3", "b4"):
        assert procs.alive(old[name]) and beacons.words(name) == ["start"]
    assert beacons.words("b5")[-1] == "int"


def test_an_instance_that_is_a_daemon_of_another_counts_its_own_reloads(instance, app, tmp_path):
    """It finds the count of the outer one in its environment, and leaves nothing out because of that."""
    pidfile = tmp_path / "inner.pid"
    server = instance("--attach-daemon", f"exec {paths.OURS} -M --http-socket 127.0.0.1:0 --pidfile {pidfile} --die-on-term --wsgi-file {app('hello')}")
    for generation in (1, 2):
        until(lambda: pidfile.exists() and pidfile.read_text() == f"{daemons(server)[0]['pid']}\n", f"the pidfile {generation}", 20)
        assert server.log().count("(RE)spawned") == generation - 1, "the outer one alone"
        if generation == 1:
            pidfile.unlink()
            mark = server.mark()
            server.send(signal.SIGHUP)
            server.wait_log(rf"{MARK}spawning", after=mark)


def test_requests_at_hand_keep_their_daemon_during_a_reload(beacons, uwsgi, app, tmp_path):
    server = uwsgi("--http-socket", "127.0.0.1:0", "-M", "--wsgi-file", app("held"), "--threads", "2",
                   "--attach-daemon", beacons.command("b1"))
    pid = beacons.wait("b1")
    with wire.connect(server.address(), timeout=30) as client:
        client.sendall(wire.request_bytes("GET", f"{tmp_path}/go"))
        until(lambda: (tmp_path / "go.began").exists(), "a request at hand")
        mark = server.mark()
        server.send(signal.SIGHUP)
        server.wait_log("gracefully killing workers", after=mark)
        os.kill(pid, signal.SIGKILL)
        again = beacons.wait("b1", 2)
        (tmp_path / "go").touch()
        assert b"200 OK" in wire.read_all(client)
    gone(again)
    beacons.wait("b1", 3)
    assert server.log().index("worker 1 buried") < server.log().index("stopping daemon")


def test_a_smart_daemon_is_watched_after_a_reload(instance, beacons, tmp_path):
    server = instance("--smart-attach-daemon", f"{tmp_path}/p1 {beacons.command('b1', 'own', tmp_path / 'p1')}",
                      "--smart-attach-daemon2", f"{tmp_path}/p2 {beacons.command('b2')}")
    first = beacons.wait("b1"), beacons.wait("b2")
    server.send(signal.SIGHUP)
    until(lambda: server.log().count("found valid/active") == 2, "both", 20)
    for pid in first:
        os.kill(pid, signal.SIGKILL)
    for name, file in (("b1", "p1"), ("b2", "p2")):
        second = beacons.wait(name, 2)
        until(lambda: (tmp_path / file).read_text().strip() == str(second), "the new pid")
    server.stop()


@pytest.mark.parametrize("options, read", [([], ""), (["--daemons-honour-stdin"], "from outside\n")])
def test_the_standard_input_is_theirs_when_asked_for(instance, tmp_path, options, read):
    instance(*options, "--attach-daemon", f"cat >{tmp_path}/read; echo over >{tmp_path}/over; exec sleep 1000", stdin="from outside\n")
    until((tmp_path / "over").exists, "the end of the input")
    assert (tmp_path / "read").read_text() == read


def test_twenty_reloads_leave_no_process_behind(instance, beacons, tmp_path):
    server = instance("--attach-daemon", beacons.command("b1"),
                      "--smart-attach-daemon2", f"{tmp_path}/p2 {beacons.command('b2')}")
    until(lambda: len(procs.children(server.pid)) == 4, "worker, observer, daemons")
    for round in range(2, 22):
        beacons.wait("b1", round - 1)
        server.send(signal.SIGHUP)
        beacons.wait("b1", round, timeout=30)
    assert len(beacons.pids("b2")) == 1
    until(lambda: len(procs.children(server.pid)) == 4, "no more of them")
    assert daemons(server)[0]["respawns"] == 20, "counters go on"


# --- pidfiles

@pytest.mark.parametrize("content", ["", "4194304\n", "abc\n", "-5\n", "0\n", "1\n", "99999999999999999999\n"])
def test_a_pidfile_that_names_no_daemon_is_replaced(instance, beacons, tmp_path, content):
    (tmp_path / "pid").write_text(content)
    server = instance("--smart-attach-daemon2", f"{tmp_path}/pid {beacons.command('b1')}")
    pid = beacons.wait("b1")
    until(lambda: (tmp_path / "pid").read_text() == f"{pid}\n", "the pid")
    until(lambda: daemons(server)[0]["state"] == "up", "its state")


def test_a_pidfile_that_names_the_server_is_no_daemon(instance, beacons, tmp_path):
    server = instance("--pidfile", tmp_path / "pid", "--smart-attach-daemon", f"{tmp_path}/pid,2 {beacons.command('b1')}")
    beacons.wait("b1")
    server.wait_log(rf"{MARK}no pid for .*names process {server.pid}, which is the server's own")
    server.send(signal.SIGHUP)
    beacons.wait("b1", 2)


def test_a_stranger_with_the_number_of_a_daemon_is_left_alone(instance, beacons, tmp_path):
    (tmp_path / "pid").write_text("x")
    with subprocess.Popen(["sleep", "1000"]) as stranger:
        (tmp_path / "pid").write_text(f"{stranger.pid}\n")
        old = time.time() - 3600
        os.utime(tmp_path / "pid", (old, old))
        server = instance("--smart-attach-daemon2", f"{tmp_path}/pid {beacons.command('b1')}")
        pid = beacons.wait("b1")
        server.wait_log(rf"{MARK}no pid for .*names process {stranger.pid}, which is younger than the file: .*sleep 1000")
        until(lambda: (tmp_path / "pid").read_text() == f"{pid}\n", "the pid")
        server.stop()
        assert stranger.poll() is None
        stranger.kill()


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_what_is_no_file_is_told_once_and_blocks_nobody(instance, beacons, tmp_path, make):
    make(tmp_path / "pid")
    server = instance("--smart-attach-daemon", f"{tmp_path}/pid,2 {beacons.command('b1')}")
    server.wait_log(rf"{MARK}no pid for .*/pid: (Not a regular file|Is a directory)")
    until(lambda: server.log().count("did not daemonize !!!") >= 2, "two complaints", 15)
    assert server.get("/", timeout=2).status == 200
    assert len(re.findall("no pid for", server.log())) == 1


def test_a_launcher_that_stays_is_complained_about_each_freq_looks(instance, beacons, tmp_path):
    server = instance("--smart-attach-daemon", f"{tmp_path}/pid,2 {beacons.command('b1')}")
    pid = beacons.wait("b1")
    server.wait_log(rf'^{MARK}".*b1" \(pid: {pid}\) did not daemonize !!!$', 15)
    until(lambda: server.log().count("did not daemonize !!!") >= 2, "the second one", 15)
    assert beacons.words("b1") == ["start"]


def test_a_late_pidfile_is_waited_for(instance, beacons, tmp_path):
    server = instance("--smart-attach-daemon", f"{tmp_path}/pid,8 {beacons.command('b1', 'late', tmp_path / 'pid', 2.5)}")
    pid = beacons.wait("b1")
    until(lambda: daemons(server)[0]["state"] == "up", "the pidfile", 15)
    assert daemons(server)[0]["pid"] == pid
    assert "did not daemonize" not in server.log()


def test_a_launcher_that_leaves_nothing_behind_is_started_again(instance, beacons, tmp_path):
    server = instance("--smart-attach-daemon", f"{tmp_path}/pid,2 {beacons.command('b1', 'exit', 0)}")
    beacons.wait("b1", 3, timeout=30)
    server.wait_log(rf'{MARK}found changed pidfile for ".*" \(old_pid: \d+ new_pid: 0\)')


def test_a_pidfile_that_cannot_be_written_is_told(instance, beacons, tmp_path):
    server = instance("--smart-attach-daemon2", f"/proc/nowhere/pid,2 {beacons.command('b1')}")
    server.wait_log(rf"^{MARK}unable to write /proc/nowhere/pid: No such file or directory$")
    beacons.wait("b1", 2, timeout=20)
    gone(beacons.pids("b1")[0])
    assert "subprocess" not in server.log()


def test_the_next_instance_adopts_what_the_last_one_left(beacons, uwsgi, instance, tmp_path):
    option = ("--smart-attach-daemon2", f"{tmp_path}/pid {beacons.command('b1')}")
    instance(*option).stop()
    pid = beacons.wait("b1")
    server = instance(*option)
    server.wait_log(rf"{MARK}found valid/active pidfile for .* \(pid: {pid}\)")
    os.kill(pid, signal.SIGKILL)
    beacons.wait("b1", 2)


# --- keys of attach-daemon2

@pytest.fixture
def anybodys():
    """A directory that every user may write to."""
    with tempfile.TemporaryDirectory(prefix="daemons-") as name:
        os.chmod(name, 0o777)
        yield pathlib.Path(name)


def sleeper(directory, name: str) -> str:
    """What another user than ours can run: it tells its ids and its directory, then sleeps."""
    return f"(id -u; id -g; id -G; pwd) > {directory}/{name}; exec sleep 1000"


@pytest.mark.skipif(os.getuid() != 0, reason="needs root")
def test_user_group_directory(instance, anybodys):
    server = instance("--attach-daemon2", f"cmd={sleeper(anybodys, 'd1')},uid=nobody,gid=4242,chdir=/usr",
                      "--attach-daemon2", f"cmd={sleeper(anybodys, 'd2')},uid=nobody",
                      "--attach-daemon2", f"cmd={sleeper(anybodys, 'd3')},uid=4711,gid=4242")
    nobody = pwd.getpwnam("nobody")
    for name, ids in (("d1", (nobody.pw_uid, 4242)), ("d2", (nobody.pw_uid, nobody.pw_gid)), ("d3", (4711, 4242))):
        def whole(name=name):
            return (anybodys / name).exists() and len(lines := (anybodys / name).read_text().splitlines()) == 4 and lines

        uid, gid, groups, directory = until(whole, f"what {name} tells\n{server.tail()}")
        assert (int(uid), int(gid)) == ids
        assert "0" not in groups.split(), "no group of root is left"
        assert (directory == "/usr") == (name == "d1")
        assert f"(uid: {ids[0]} gid: {ids[1]})" in server.log()


@pytest.mark.skipif(os.getuid() != 0, reason="needs root")
def test_another_user_still_dies_with_the_master(instance, anybodys):
    server = instance("--attach-daemon2", f"cmd={sleeper(anybodys, 'd1')},uid=nobody")
    until(lambda: (anybodys / "d1").exists(), "the daemon")
    pid = daemons(server)[0]["pid"]
    server.process.kill()
    server.process.wait()
    server.expect = {-signal.SIGKILL}
    gone(pid)
    for worker in server.worker_pids().values():
        gone(worker)


def test_the_standard_input_is_kept_on_request(beacons, uwsgi, app, tmp_path):
    server = uwsgi("--http-socket", "127.0.0.1:0", "-M", "--wsgi-file", app("hello"),
                   "--attach-daemon2", f"cmd=read line; echo \"$line\" > {tmp_path}/line; {beacons.command('b1')},stdin=1",
                   stdin="by hand\n")
    beacons.wait("b1")
    assert (tmp_path / "line").read_text() == "by hand\n"
    server.stop()


def test_a_touch_ends_a_daemon_and_it_comes_back(instance, beacons, tmp_path):
    (tmp_path / "t1").touch()
    server = instance("--attach-daemon2", f"cmd={beacons.command('b1')},touch={tmp_path}/t1;{tmp_path}/t2,stopsignal=12")
    pid = beacons.wait("b1")
    server.wait_log(rf"^unable to stat\(\) {tmp_path}/t2, events will be triggered as soon as the file is created$")
    for round, name in enumerate(("t1", "t2"), 1):
        pid = beacons.wait("b1", round)
        os.utime(tmp_path / name, (2e9, 2e9 + round)) if name == "t1" else (tmp_path / name).touch()
        text = rf'\*\*\* {tmp_path}/{name} has been touched... reloading daemon ".*" \(pid: {pid}\) !!! \*\*\*$'
        server.wait_log(rf"^\w{{3}} \w{{3}} .*{text}")
        beacons.wait("b1", round + 1)
    assert beacons.words("b1") == ["start", "usr2", "start", "usr2", "start"]


def test_a_smart_daemon_may_be_told_of_reload_and_stop(instance, beacons, tmp_path):
    server = instance("--attach-daemon2",
                      f"cmd={beacons.command('b1', 'own', tmp_path / 'pid')},pidfile={tmp_path}/pid,notifypid=1")
    pid = beacons.wait("b1")
    until(lambda: daemons(server)[0]["state"] == "up", "the pidfile")
    server.send(signal.SIGHUP)
    beacons.says("b1", "hup")
    server.wait_log("found valid/active")
    server.stop()
    beacons.says("b1", "term")
    assert {pid} == {p for _, p in beacons.lines("b1")}


@pytest.mark.skipif(os.getuid() != 0, reason="needs root")
def test_a_pid_namespace_of_its_own(instance, beacons, tmp_path):
    inner = f"{sys.executable} {BEACON} {tmp_path}/b9"
    server = instance("--attach-daemon2", f"cmd={inner} & echo $$ > {tmp_path}/own; setsid {inner} & {inner},ns_pid=1")
    until(lambda: len(beacons.pids("b9")) == 3, "the beacons in there")
    assert int((tmp_path / "own").read_text()) < 10, "small numbers in a new namespace"
    inside = [p for p in procs.tree(server.pid) if b"beacon.py" in pathlib.Path(f"/proc/{p}/cmdline").read_bytes()]
    assert len(inside) >= 3
    (tmp_path / "b9").rename(tmp_path / "journal")  # pids of that namespace are none of ours to kill
    server.stop()
    for pid in inside:
        gone(pid)


@pytest.mark.skipif(os.getuid() != 0, reason="needs root")
def test_a_pid_namespace_dies_with_the_master(instance, beacons, tmp_path):
    server = instance("--attach-daemon2", f"cmd={sys.executable} {BEACON} {tmp_path}/b9,ns_pid=1")
    beacons.wait("b9")
    (tmp_path / "b9").rename(tmp_path / "journal")
    inside = [p for p in procs.tree(server.pid) if b"beacon.py" in pathlib.Path(f"/proc/{p}/cmdline").read_bytes()]
    server.process.kill()
    server.process.wait()
    server.expect = {-signal.SIGKILL}
    for pid in [*inside, *server.worker_pids().values()]:
        gone(pid)


# --- what goes wrong

def refused(app, *options) -> str:
    return run("--http-socket", "127.0.0.1:0", "--wsgi-file", app("hello"), *options, code=1)


@pytest.mark.parametrize(("option", "value", "text"), [
    ("smart-attach-daemon", "/tmp/pid", "invalid smart-attach-daemon syntax: /tmp/pid"),
    ("smart-attach-daemon", "/tmp/pid,x run", "invalid smart-attach-daemon syntax: /tmp/pid,x run"),
    ("smart-attach-daemon2", "pid", "invalid smart-attach-daemon syntax: pid"),
    ("attach-daemon2", "pidfile=/tmp/pid", "--attach-daemon2: you need to specify a 'command' key"),
    ("attach-daemon2", "cmd=celery -Q a,b", "invalid --attach-daemon2 keyval syntax"),
    ("attach-daemon2", "cmd=x,stopsignal=TERM", "--attach-daemon2: invalid stopsignal \"TERM\""),
    ("attach-daemon2", "cmd=x,daemonize=1", "--attach-daemon2: 'daemonize' needs a 'pidfile' key"),
    ("attach-daemon2", "cmd=x,uid=no-such-user", "--attach-daemon2: there is no user \"no-such-user\""),
    ("attach-daemon2", "cmd=x,gid=no-such-group", "--attach-daemon2: there is no group \"no-such-group\""),
])
def test_a_wrong_value_is_refused_in_one_line(app, option, value, text):
    output = refused(app, f"--{option}", value)
    assert len([line for line in output.splitlines() if line.startswith(text)]) == 1, output


def test_what_cannot_be_done_is_said_and_tried_again(instance):
    server = instance("--attach-daemon2", "cmd=true,chdir=/nonexistent", "--master")
    line = rf'^{MARK}unable to spawn "true": chdir\(/nonexistent\): No such file or directory$'
    until(lambda: len(re.findall(line, server.log(), re.M)) >= 2, "two tries", 20)
    assert server.get("/").status == 200


def test_a_legion_that_does_not_exist_is_told(instance, beacons):
    server = instance("--attach-daemon2", f"cmd={beacons.command('b1')},legion=l1", "--legion-attach-daemon", "l1 true")
    server.wait_log(r'^\*\*\* WARNING: --attach-daemon2: daemon "exec .*" is not started: '
                    r'it waits for the legion "l1", and legions are not implemented yet \*\*\*$')
    assert re.search('option "legion-attach-daemon" .* is not implemented yet: ignored', server.log())
    assert [(d["state"], d["pid"]) for d in daemons(server)] == [("down", 0)]
    server.stop()
    assert beacons.pids("b1") == []


def test_an_instance_may_be_daemons_alone(beacons, uwsgi, tmp_path):
    server = uwsgi("--attach-daemon", beacons.command("b1"), "--stats", tmp_path / "s", ready=False)
    beacons.wait("b1")
    server.wait_log("spawned uWSGI master process")
    until(server.stats_answer, "stats")
    assert daemons(server)[0]["state"] == "up"
    assert "*** Operational MODE: no-workers ***" in server.log() and "spawned uWSGI worker" not in server.log()
    server.send(signal.SIGHUP)
    beacons.wait("b1", 2)
    server.stop()


# --- shown elsewhere

def test_daemons_are_shown_by_metrics_and_uwsgitop(instance, beacons, tmp_path):
    server = instance("--attach-daemon", beacons.command("b1"), "--attach-daemon", "exit 3", "--prometheus", "127.0.0.1:0")
    pid = beacons.wait("b1")
    found = server.wait_log(r"Prometheus server enabled on (\S+) fd")
    host, _, port = found[1].rpartition(":")
    page = until(lambda: (text := wire.http((host, int(port)), "/metrics").body.decode()) and "exit 3" in text
                 and re.search(r'uwsgi_daemon_last_exit_code\{daemon_id="2",command="exit 3"\} 3', text) and text, "the exit code")
    command = re.escape(beacons.command("b1"))
    for family, value in (("up", 1), ("spawns_total", 1), ("throttle_seconds", 0), ("last_exit_code", -1)):
        assert re.search(rf'^uwsgi_daemon_{family}\{{daemon_id="1",command="{command}"\}} {value}$', page, re.M), page
    assert re.search(r'^uwsgi_daemon_throttle_seconds\{daemon_id="2",command="exit 3"\} [1-9]$', page, re.M)
    for source in (["--pid", str(server.pid)], [str(tmp_path / "s")]):
        shown = subprocess.run([paths.UWSGITOP, *source, "--csv", "--view", "jobs"], capture_output=True,
                               text=True, timeout=30, check=True).stdout
        rows = [line for line in shown.splitlines() if "daemon" in line]
        assert any(str(pid) in row and "beacon.py" in row for row in rows), shown
        assert any("exit 3" in row and "last exit code 3" in row for row in rows), shown
    assert json.dumps(server.stats()).index('"cwd"') < json.dumps(server.stats()).index('"daemons"')
