"""What the system refuses, and applications that do not listen: forks, descriptors, disks, the interpreter lock, TERM.

docs/reliability.md names these tests in its table.
"""

import os
import pathlib
import re
import resource
import signal
import subprocess
import sys

import pytest

from harness import paths, procs, users, wire
from harness.waiting import until

pytestmark = [pytest.mark.ours, pytest.mark.skipif(os.geteuid() != 0, reason="limits and mounts need root"), pytest.mark.alone]

AUTO = ("--http-socket", "127.0.0.1:0")
# Whose processes are those of the test alone.
LONELY = "54321"


@pytest.fixture
def place():
    """A directory for everybody, with the application."""
    with users.place(0o777, "faults") as directory:
        yield directory


@pytest.fixture
def server_of(place, uwsgi):
    return users.starter(uwsgi, place, *AUTO, "-M", "--wsgi-file", place / "faults.py")


def answers(server, path="/") -> bool:
    return server.get(path, timeout=20).status == 200


def begun(place, path: str) -> None:
    until(lambda: (place / f"{path}.began").exists(), "a request at hand")


def limit_processes(pid: int, soft: int) -> None:
    """Only who has the same ids may do that without a capability."""
    become = ["setpriv", f"--reuid={LONELY}", f"--regid={LONELY}", "--clear-groups"]
    subprocess.run([*become, "prlimit", f"--pid={pid}", f"--nproc={soft}:"], check=True)


def daemon_of(server) -> int:
    """The process of `sleep`; servers show it among their arguments."""
    def running():
        words = ((pid, pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()) for pid in procs.children(server.pid))
        return [pid for pid, line in words if line.startswith(b"sleep")]

    return until(running, f"the daemon\n{server.tail()}", 20)[0]


def respawned(server, worker: int, old: int) -> int:
    return until(lambda: server.worker_pids()[worker] != old and server.worker_pids()[worker], f"the next worker\n{server.tail()}", 20)


# --- forks

def test_a_fork_that_fails_is_tried_again_until_it_succeeds(server_of, place):
    server = server_of("-p", "2", "--uid", LONELY, "--gid", LONELY, "--attach-daemon", "exec sleep 1000").allow("DAMN")
    server.wait_log("spawning")
    old = server.worker_pids()
    daemon = daemon_of(server)
    limit_processes(server.pid, 1)
    mark = server.mark()
    os.kill(old[1], signal.SIGKILL)
    server.wait_log(r"fork\(\): Resource temporarily unavailable", after=mark)
    os.kill(daemon, signal.SIGKILL)
    server.wait_log(r'unable to spawn "exec sleep 1000": fork\(\): Resource temporarily unavailable', after=mark)
    assert answers(server), "the other worker serves"
    cpu = procs.cpu_seconds(server.pid)
    until(lambda: server.log()[mark:].count("fork(): ") >= 4, "more tries", 20)
    assert procs.cpu_seconds(server.pid) - cpu < 2, "it tries, but does not spin"
    limit_processes(server.pid, 1000)
    respawned(server, 1, old[1])
    daemon_of(server)
    assert answers(server)


def test_an_instance_that_cannot_fork_at_all_stays_to_be_told(server_of, place):
    """The master and nobody else: it says why each second, and ends when it is asked to."""
    launcher = place / "launcher"
    launcher.write_text(f'#!/bin/sh\n[ "$1" = --help ] && exec {paths.OURS} --help\nexec prlimit --nproc=1:1000 {paths.OURS} "$@"\n')
    launcher.chmod(0o755)
    server = server_of("--uid", LONELY, "--gid", LONELY, binary=launcher, ready=False)
    until(lambda: server.log().count("fork(): Resource temporarily unavailable") >= 4, "a second try", 20)
    limit_processes(server.pid, 1000)
    server.ready()
    assert answers(server)


# --- descriptors

def test_a_master_without_descriptors_still_replaces_the_dead(server_of):
    server = server_of("-p", "2", "--attach-daemon", "exec sleep 1000").allow("DAMN", "OOOPS")
    server.wait_log("spawning")
    used = max(map(int, os.listdir(f"/proc/{server.pid}/fd"))) + 1
    resource.prlimit(server.pid, resource.RLIMIT_NOFILE, (used, used))
    for _ in range(2):
        old = server.worker_pids()[1]
        os.kill(old, signal.SIGKILL)
        respawned(server, 1, old)
    os.kill(daemon_of(server), signal.SIGKILL)
    server.wait_log("respawning")
    daemon_of(server)
    assert answers(server)


@pytest.mark.parametrize("level", ["app", "none"])
def test_a_reload_with_hardly_any_descriptors(server_of, place, level):
    """It takes place or is refused with the reason, whatever is left; who serves goes on serving."""
    server = server_of("-p", "2", "--mule", "--stats", place / "s", "--master-fifo", place / "fifo", "--reload-preflight", level)
    server.wait_log("^spawned uWSGI observer")
    outcomes = []
    for room in range(-2, 9):
        server.settle()
        used = max(map(int, os.listdir(f"/proc/{server.pid}/fd"))) + 1
        _, hard = resource.prlimit(server.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(server.pid, resource.RLIMIT_NOFILE, (used + room, hard))
        mark = server.mark()
        server.send(signal.SIGHUP)
        end = server.wait_log(r"reload refused, everything goes on as it was: (.*) \*\*\*|^spawned uWSGI observer", after=mark, timeout=30)
        outcomes.append(end[1])
        assert answers(server), room
        resource.prlimit(server.pid, resource.RLIMIT_NOFILE, (hard, hard))
    assert set(outcomes) <= {None, "it could not be tried: Too many open files"}, outcomes
    assert outcomes[-1] is None, "with some to spare it takes place"
    assert (outcomes[0] is None) == (level == "none"), outcomes
    assert server.log().count("gracefully (RE)spawned uWSGI master process") == outcomes.count(None)


# --- disks

def on_a_small_disk(place, size: str, before: str = "true") -> pathlib.Path:
    """A launcher of the server that sees a disk of so many bytes at `place/disk`, in mounts of its own."""
    disk = place / "disk"
    disk.mkdir()
    launcher = place / "launcher"
    mounted = f"mount -t tmpfs -o size={size},mode=777 none {disk} && {before} && exec {paths.OURS} \"$@\""
    launcher.write_text(f'#!/bin/sh\n[ "$1" = --help ] && exec {paths.OURS} --help\n'
                        f"exec unshare -m --propagation private sh -c '{mounted}' sh \"$@\"\n")
    launcher.chmod(0o755)
    return launcher


def full(place) -> str:
    return f"dd if=/dev/zero of={place}/disk/fill bs=4096 count=1000 2>/dev/null || true"


def inside(server, path: pathlib.Path) -> pathlib.Path:
    return pathlib.Path(f"/proc/{server.pid}/root{path}")


def test_a_full_disk_for_the_pidfile_is_a_refused_start(server_of, place):
    launcher = on_a_small_disk(place, "16k", full(place))
    server = server_of("--pidfile", place / "disk/pid", binary=launcher, ready=False)
    assert server.wait_exit() == 1
    server.expect = {1}
    assert re.search(rf'^write\("{place}/disk/pid"\): No space left on device', server.log(), re.M), server.log()


def test_a_full_disk_for_the_log_costs_lines_and_nothing_else(server_of, place):
    launcher = on_a_small_disk(place, "16k")
    server = server_of("--logto2", place / "disk/log", "-p", "2", binary=launcher, ready=False)
    log = inside(server, place / "disk/log")
    until(lambda: log.exists() and "spawned uWSGI worker 2" in log.read_text(), "the log")
    [bound] = re.findall(r"uwsgi socket 0 bound to TCP address (\S+)", log.read_text() + server.log())
    host, _, port = bound.rpartition(":")
    ask = lambda: wire.http((host, int(port)), "/").status  # noqa: E731
    for _ in range(300):
        assert ask() == 200
    size = log.stat().st_size
    assert size <= 16384 and ask() == 200, "the disk is full"
    [old] = [int(pid) for pid in re.findall(r"spawned uWSGI worker 1 \(pid: (\d+)", log.read_text())]
    os.kill(old, signal.SIGKILL)
    until(lambda: not procs.alive(old), "the end of a worker")
    assert ask() == 200
    os.truncate(log, 0)
    assert ask() == 200
    until(lambda: "GET /" in log.read_text(), "lines again")
    assert server.stop() == 0


def test_a_full_disk_for_the_pidfile_of_a_daemon(server_of, place):
    launcher = on_a_small_disk(place, "16k", full(place))
    command = f"exec {sys.executable} {paths.APPS}/daemons/beacon.py {place}/journal"
    server = server_of("--smart-attach-daemon2", f"{place}/disk/pid,2 {command}", binary=launcher)
    server.wait_log(rf"\[uwsgi-daemons\] unable to write {place}/disk/pid: No space left on device")
    server.wait_log(r"\[uwsgi-daemons\] respawning", 20)
    assert answers(server)
    inside(server, place / "disk/fill").unlink()
    def known():
        pid = inside(server, place / "disk/pid")
        text = pid.read_text() if pid.exists() else ""
        return text.strip().isdigit() and f"start {text}" in (place / "journal").read_text()

    until(known, "the daemon and its pid", 20)
    server.stop()
    for pid in re.findall(r"start (\d+)", (place / "journal").read_text()):
        procs.kill_quietly(int(pid))


# --- applications

@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM, signal.SIGINT], ids=lambda n: n.name)
def test_c_code_that_holds_the_interpreter_is_killed_after_its_mercy(server_of, place, number):
    server = server_of("-p", "2", "--worker-reload-mercy", "2").allow("NO MERCY", "DAMN", "killed")
    with wire.connect(server.address(), timeout=30) as client:
        client.sendall(wire.request_bytes("GET", f"/gil{place}/one"))
        begun(place, "one")
        mark = server.mark()
        server.send(number)
        if number == signal.SIGINT:
            assert server.wait_exit() == 0
            return
        server.wait_log(r"^spawned uWSGI worker 2 ", 30, after=mark)
        server.settle()
    assert wire.http(server.address(after=mark), "/").status == 200


def test_a_worker_that_heeds_no_term_is_killed_after_its_mercy(server_of, place):
    server = server_of("--worker-reload-mercy", "2").allow("NO MERCY", "DAMN", "killed")
    assert answers(server, "/deaf")
    with wire.connect(server.address(), timeout=30) as client:
        client.sendall(wire.request_bytes("GET", f"{place}/one"))
        begun(place, "one")
        mark = server.mark()
        server.send(signal.SIGTERM)
        server.wait_log(r"^spawned uWSGI worker 1 ", 30, after=mark)
    server.settle()
    assert wire.http(server.address(after=mark), "/").status == 200


def test_the_harness_can_mount():
    """Without mounts of one's own the tests of disks would prove nothing."""
    assert subprocess.run(["unshare", "-m", "true"], check=False).returncode == 0
