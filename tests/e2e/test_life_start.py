"""The start: its lines in their order, and what it takes of the machine."""

import os
import pathlib
import re
import signal
import subprocess

import pytest

from harness import paths, procs, wire
from harness.server import plain_environment
from harness.waiting import until

AUTO = ("--http-socket", "127.0.0.1:0")
ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")

# Lines of a start as their beginnings, in the order of the original.
BANNER = [
    "*** Starting uWSGI 2.0", "compiled with version: ", "os: Linux-", "nodename: ", "machine: ", "clock source: unix",
    "detected number of CPU cores: ", "current working directory: ", "writing pidfile to ", "detected binary path: ",
    "your processes number limit is ", "your memory page size is ", "detected max file descriptor number: ", "lock engine: ", "thunder lock: ",
    "uwsgi socket 0 bound to TCP address ", "Python version: ", "python threads support enabled",
    "your server socket listen backlog is limited to 100 connections", "your mercy for graceful operations on workers is 60 seconds",
    "mapped ", "*** Operational MODE: ", "WSGI app 0 (mountpoint='') ready in ", "*** uWSGI is running in multiple interpreter mode ***",
    "spawned uWSGI master process (pid: ", "spawned uWSGI worker 1 (pid: ", "spawned uWSGI worker 2 (pid: ",
    "*** Stats server enabled on ", "spawned uWSGI mule 1 (pid: ", "spawned uWSGI http 1 (pid: ",
]


def in_order(text, beginnings):
    at = [re.search("^" + re.escape(b), text, re.M) for b in beginnings]
    missing = [b for b, found in zip(beginnings, at) if not found]
    assert not missing, f"{missing} missing in\n{text}"
    places = [found.start() for found in at]
    assert places == sorted(places), [b for b, place, last in zip(beginnings, places, [0, *places]) if place < last]


def status(pid, field):
    return re.search(rf"^{field}:[ \t]*(.*)$", pathlib.Path(f"/proc/{pid}/status").read_text(), re.M)[1]


def once(*args, cwd, code=0, **kw):
    done = subprocess.run([paths.OURS, *map(str, args)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60, cwd=cwd, text=True,
                          check=False, stdin=subprocess.DEVNULL, env=plain_environment(), **kw)
    assert done.returncode == code, done.stdout
    return done.stdout


@pytest.mark.parametrize("options, mode", [
    (["-p", "2", "--threads", "2"], "preforking+threaded"), (["-p", "2"], "preforking"),
])
def test_the_order_of_a_whole_instance(uwsgi, app, tmp_path, options, mode):
    server = uwsgi(*AUTO, "--master", *options, "--pidfile", tmp_path / "pid", "--stats", tmp_path / "stats", "--mule", "--http", "127.0.0.1:0",
                   "--wsgi-file", app("hello"))
    server.wait_log("^spawned uWSGI mule 1")
    in_order(server.log(), BANNER)
    assert f"*** Operational MODE: {mode} ***\n" in server.log()


@pytest.mark.parametrize("options, mode", [([], "single process"), (["--threads", "2"], "threaded")])
def test_the_order_without_a_master(uwsgi, app, options, mode):
    server = uwsgi(*AUTO, *options, "--wsgi-file", app("hello"))
    warning = "*** WARNING: you are running uWSGI without its master process manager ***"
    in_order(server.log(), [*BANNER[:8], "detected binary path: ", warning, *BANNER[10:22], "WSGI app 0 ", "spawned uWSGI worker 1 (and the only) (pid: "])
    assert f"*** Operational MODE: {mode} ***\n" in server.log() and "uWSGI master" not in server.log()


def test_the_mode_of_commands(uwsgi, app, tmp_path):
    (tmp_path / "x.py").write_text("print('command')\n")
    server = uwsgi("--command-mode", "--wsgi-file", tmp_path / "x.py")
    server.wait_log(r"\*\*\* Operational MODE: command \*\*\*")


# --- processors -----------------------------------------------------------------------------------------------------------

def cpus(pid):
    return status(pid, "Cpus_allowed_list")


@pytest.mark.skipif(not {0, 1} <= os.sched_getaffinity(0), reason="needs the first two CPUs")
def test_each_worker_has_its_processors(uwsgi, app):
    online = os.sysconf("SC_NPROCESSORS_ONLN")
    server = uwsgi(*AUTO, "-M", "-p", "3", "--cpu-affinity", "1", "--wsgi-file", app("hello"))
    server.quiet()
    for worker, pid in server.worker_pids().items():
        server.wait_log(rf"^mapping worker {worker} to CPUs: {(worker - 1) % online}$")
        assert cpus(pid) == str((worker - 1) % online)
    assert cpus(server.pid) == cpus(os.getpid()), "the master goes where it likes"


@pytest.mark.skipif(os.sysconf("SC_NPROCESSORS_ONLN") != 2 or len(os.sched_getaffinity(0)) != 2, reason="written for two CPUs")
def test_two_processors_each(uwsgi, app):
    server = uwsgi(*AUTO, "-M", "-p", "2", "--cpu-affinity", "2", "--wsgi-file", app("hello"))
    server.wait_log(r"^mapping worker 1 to CPUs: 0 1$")
    server.wait_log(r"^mapping worker 2 to CPUs: 0 1$")


@pytest.mark.ours
@pytest.mark.skipif(1 not in os.sched_getaffinity(0), reason="needs the second CPU")
def test_only_allowed_processors(uwsgi, app):
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {1})
    try:
        server = uwsgi(*AUTO, "-M", "-p", "2", "--cpu-affinity", "1", "--cpu-affinity-allowed", "--wsgi-file", app("hello"))
        server.wait_log(r"^mapping worker 2 to CPUs: 1$")
        other = uwsgi(*AUTO, "-M", "-p", "2", "--cpu-affinity", "1", "--wsgi-file", app("hello"))
    finally:
        os.sched_setaffinity(0, before)
    other.wait_log(r"^(mapping|unable to map) worker 1 to CPUs: 0")
    assert cpus(server.worker_pids()[1]) == cpus(server.worker_pids()[2]) == "1"


# --- memory ---------------------------------------------------------------------------------------------------------------

@pytest.mark.ours
@ROOT
@pytest.mark.parametrize("user", [[], ["--uid", "65534", "--gid", "65534"]], ids=["root", "nobody"])
def test_nothing_is_swapped(uwsgi, app, user):
    server = uwsgi(*AUTO, "-M", "--never-swap", *user, "--wsgi-file", app("hello"))
    if "never-swap" in server.log():
        pytest.skip("this machine lets nobody lock memory")
    for pid in (server.pid, server.worker_pids()[1]):
        until(lambda pid=pid: int(status(pid, "VmLck").split()[0]) > 0, f"locked memory of {pid}")


@pytest.mark.ours
def test_equal_pages_are_merged(uwsgi, app):
    server = uwsgi(*AUTO, "-M", "--ksm=3", "--wsgi-file", app("hello"))
    if "unable to share pages" in server.log():
        pytest.skip("this kernel merges no pages")
    server.wait_log(r"^\[uwsgi-KSM\] enabled with frequency: 3$")
    flags = pathlib.Path(f"/proc/{server.worker_pids()[1]}/smaps").read_text()
    assert re.search(r"^VmFlags:.* mg\b", flags, re.M)


def test_workers_that_do_not_wait_for_their_threads(uwsgi, app, tmp_path):
    server = uwsgi(*AUTO, "-M", "--threads", "2", "--no-threads-wait", "--wsgi-file", app("wires")).allow("DAMN", "MISTERIOUSLY")
    stream = wire.connect(server.address())
    stream.sendall(wire.request_bytes(path=f"/gate?path={tmp_path}/g"))
    until(lambda: list(tmp_path.glob("g.*.in")), "the request in the application")
    assert server.stop() == 0
    stream.close()


# --- control groups -------------------------------------------------------------------------------------------------------

@pytest.fixture
def group(tmp_path):
    """A directory that looks like a group of the second version, or the first."""
    def make(*files):
        path = tmp_path / "group"
        path.mkdir()
        for name in files:
            (path / name).touch()
        return path
    return make


@ROOT
def test_a_group_of_the_first_version(group, tmp_path, nothing_left):
    path = group("tasks", "cpu.shares")
    out = once("--cgroup", path, "--cgroup-opt", "cpu.shares=125", "--cgroup-dir-mode", "750", "--no-server", *AUTO, cwd=tmp_path)
    pid = int((path / "tasks").read_text())
    assert f"using Linux cgroup {path} with mode 750\nassigned process {pid} to cgroup {path}/tasks\nset 125 to {path}/cpu.shares\n" in out
    assert (path / "cpu.shares").read_text().strip() == "125" and path.stat().st_mode & 0o777 == 0o750


@ROOT
def test_a_group_that_is_made(tmp_path, nothing_left):
    out = once("--cgroup", tmp_path / "new", "--no-server", *AUTO, cwd=tmp_path)
    assert f"created Linux cgroup {tmp_path}/new with mode 700\n" in out and (tmp_path / "new/tasks").exists()


@ROOT
@pytest.mark.ours
def test_a_group_of_the_second_version(group, tmp_path, nothing_left):
    path = group("cgroup.procs", "cpu.weight")
    out = once("--cgroup", path, "--cgroup-opt", "cpu.shares:125", "--cgroup-opt", "memory.limit_in_bytes=1000", "--no-server", *AUTO, cwd=tmp_path)
    pid = int((path / "cgroup.procs").read_text())
    assert f"assigned process {pid} to cgroup {path}/cgroup.procs\nset 5 to {path}/cpu.weight\n" in out
    assert f"cgroup option memory.max is ignored: there is no {path}/memory.max\n" in out


@ROOT
@pytest.mark.ours
def test_a_real_group(uwsgi, app):
    path = pathlib.Path("/sys/fs/cgroup") / f"uwsgi-test-{os.getpid()}"
    try:
        path.mkdir()
    except OSError:
        pytest.skip("no control groups to make here")
    if not (path / "cgroup.procs").exists():
        path.rmdir()
        pytest.skip("the groups here are of another kind")
    try:
        server = uwsgi(*AUTO, "-M", "--cgroup", path.name, "--wsgi-file", app("hello"))
        inside = set(map(int, (path / "cgroup.procs").read_text().split()))
        assert set(procs.tree(server.pid)) <= inside
        server.stop()
    finally:
        until(lambda: not (path / "cgroup.procs").read_text(), "an empty group")
        path.rmdir()


@pytest.mark.ours
@pytest.mark.parametrize("options, line", [(["--cgroup-opt", "cpu.shares"], "invalid cgroup-opt syntax"),
                                           (["--cgroup-dir-mode", "rwx"], 'invalid value for option "cgroup-dir-mode"')])
def test_options_of_groups_that_mean_nothing(tmp_path, nothing_left, options, line):
    assert line in once(*options, "--no-server", *AUTO, cwd=tmp_path, code=1)


@ROOT
def test_a_group_nobody_can_make(tmp_path, nothing_left):
    assert "No such file or directory" in once("--cgroup", "/no/such/group", "--no-server", *AUTO, cwd=tmp_path, code=1)


def test_a_reload_repeats_the_banner(uwsgi, app):
    server = uwsgi(*AUTO, "-M", "-p", "2", "--wsgi-file", app("hello"))
    mark = server.mark()
    server.send(signal.SIGHUP)
    server.wait_log("^spawned uWSGI worker 2 ", after=mark)
    server.settle()
    lines = [line for line in BANNER[:-3] if not line.startswith(("writing pidfile", "uwsgi socket 0"))]
    again = [line.replace("spawned uWSGI master", "gracefully (RE)spawned uWSGI master") for line in lines]
    in_order(server.log()[mark:], again)


# --- what the machine refuses ---------------------------------------------------------------------------------------------

@pytest.mark.ours
@ROOT
def test_a_fork_that_fails_is_told_and_tried_again(uwsgi, app):
    """A user that may have two processes: the master and the worker, once somebody else has gone."""
    with subprocess.Popen(["sleep", "1000"], user=64999, group=64999) as other:
        server = uwsgi(*AUTO, "-M", "--uid", "64999", "--gid", "64999", "--limit-nproc", "2", "--wsgi-file", app("hello"), ready=False)
        server.wait_log(r"fork\(\): Resource temporarily unavailable")
        assert "spawned uWSGI worker" not in server.log()
        other.kill()
    server.wait_log("^spawned uWSGI worker 1 ")
    server.settle()
    assert server.stop() == 0


@pytest.mark.ours
def test_a_log_on_a_full_disk_loses_lines_and_nothing_else(uwsgi, app, tmp_path):
    port = tmp_path / "s.sock"
    server = uwsgi("--http-socket", port, "-M", "--logto", "/dev/full", "--stats", tmp_path / "stats", "--wsgi-file", app("hello"), ready=False)
    until(server.stats_answer, "the stats")
    assert wire.http(str(port)).body == b"Hello World"
    mark = server.stats()["pid"]
    server.send(signal.SIGHUP)
    until(lambda: server.stats_answer() and server.stats()["workers"][0]["requests"] >= 1, "a reload")
    assert wire.http(str(port)).body == b"Hello World" and mark == server.pid
    assert server.stop() == 0


@pytest.mark.parametrize("options, told", [
    (["--post-buffering", "100000"], True), (["--post-buffering", "1"], False), (["--post-buffering", "9000", "--post-buffering-bufsize", "10000"], False),
])
def test_how_bodies_are_buffered_is_told(uwsgi, app, options, told):
    text = uwsgi(*AUTO, "-M", "--harakiri", "60", *options, "--wsgi-file", app("hello")).log()
    assert (f"setting request body buffering size to {options[1]} bytes\n" in text) == told
    assert "harakiri without post buffering" not in text
