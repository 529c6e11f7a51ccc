"""Service managers: notices to systemd, sockets it hands over, and how its predecessors do the same."""

import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess

import pytest

from harness import fifo, paths, procs, wire
from harness.manager import Notices, activated
from harness.server import Server, free_port, plain_environment
from harness.waiting import until

AUTO = ("--http-socket", "127.0.0.1:0")
BEGIN = "STATUS=initializing uWSGI\n"
READY = "STATUS=uWSGI is ready\nREADY=1\n"


@pytest.fixture
def notices(tmp_path):
    told = Notices(tmp_path / "notify")
    yield told
    told.close()


@pytest.fixture
def notifying(uwsgi, app, notices):
    def start(*options, name="wires", env=None, **kw):
        return uwsgi(*AUTO, *options, "--wsgi-file", app(name), env={"NOTIFY_SOCKET": notices.name, **(env or {})}, **kw)
    return start


def from_the_beginning(told: list[str]) -> list[str]:
    """The notices that the original knows too."""
    return [text for text in told if text in (BEGIN, READY)]


# --- notices --------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("options", [("-M", "-p", "2"), (), ("-M", "--lazy-apps")], ids=["master", "alone", "lazy"])
def test_a_start_is_told_to_the_letter(notifying, notices, options):
    notifying(*options)
    notices.wait(READY)
    assert from_the_beginning(notices.look()) == [BEGIN, READY]


def test_the_original_says_the_same(uwsgi, app, notices):
    if not paths.ORIGINAL.exists():
        pytest.skip("the C server is not installed")
    uwsgi(*AUTO, "-M", "--wsgi-file", app("wires"), env={"NOTIFY_SOCKET": notices.name}, binary=paths.ORIGINAL)
    notices.wait(READY)
    assert notices.look() == [BEGIN, READY]


@pytest.mark.ours
def test_the_socket_may_be_abstract(uwsgi, app):
    told = Notices(f"@uwsgi-notify-{os.getpid()}")
    try:
        uwsgi(*AUTO, "-M", "--wsgi-file", app("wires"), env={"NOTIFY_SOCKET": told.name})
        told.wait(READY)
    finally:
        told.close()


@pytest.mark.ours
@pytest.mark.parametrize("address", ["/nowhere/at/all", "relative", "@", "vsock:2:1"])
def test_nobody_listening_hinders_nobody(uwsgi, app, address):
    server = uwsgi(*AUTO, "-M", "--wsgi-file", app("wires"), env={"NOTIFY_SOCKET": address})
    assert server.get("/length").status == 200
    said = "is neither a path nor an abstract name: nobody is notified" in server.log()
    assert said == (address[0] != "/")


@pytest.mark.ours
def test_a_reload_is_told(notifying, notices):
    server = notifying("-M", "-p", "2")
    place = notices.wait(READY)
    mark = server.mark()
    before = int(pathlib.Path("/proc/uptime").read_text().split(".")[0])
    server.send(signal.SIGHUP)
    notices.wait("RELOADING=1", after=place)
    notices.wait(READY, after=place)
    server.wait_log(r"spawned uWSGI worker 2 \(", after=mark)
    server.settle()
    told = notices.look()[place:]
    reloading = next(text for text in told if text.startswith("RELOADING=1\n"))
    moment = int(re.fullmatch(r"RELOADING=1\nMONOTONIC_USEC=(\d+)\n", reloading)[1])
    asked = [text for text in told[told.index(reloading):told.index(BEGIN)] if text.startswith("EXTEND_TIMEOUT_USEC=")]
    assert len(asked) == 2 and asked[0] == "EXTEND_TIMEOUT_USEC=60000000\n", "time for the trial, then for the way out"
    assert abs(moment / 1e6 - before) < 60 * 60 * 24 * 3650 and moment > 0
    assert from_the_beginning(told) == [BEGIN, READY], "as at a start"
    assert told.index(reloading) < told.index(BEGIN)


@pytest.mark.ours
def test_a_reload_that_is_refused_is_told(uwsgi, app, notices, tmp_path):
    (tmp_path / "x.ini").write_text(f"[uwsgi]\nmaster = true\nhttp-socket = 127.0.0.1:0\nwsgi-file = {app('wires')}\n")
    server = uwsgi("--ini", "x.ini", cwd=tmp_path, env={"NOTIFY_SOCKET": notices.name})
    place = notices.wait(READY)
    (tmp_path / "x.ini").write_text("[uwsgi]\nmaster = true\nhttp-socket = 127.0.0.1:0\nprotocol = nonsense\n")
    server.send(signal.SIGHUP)
    place = notices.wait("RELOADING=1", after=place)
    at = notices.wait("STATUS=reload failed: ", after=place)
    assert notices.seen[at - 1].endswith("\nREADY=1\n")
    assert server.get("/length").status == 200


@pytest.mark.ours
def test_a_reload_of_workers_alone_is_told(notifying, notices):
    server = notifying("-M", "--lazy")
    place = notices.wait(READY)
    mark = server.mark()
    server.send(signal.SIGHUP)
    place = notices.wait("RELOADING=1", after=place)
    notices.wait("READY=1\n", after=place)
    server.wait_log("Respawned uWSGI worker 1", after=mark)
    server.settle()


@pytest.mark.ours
def test_a_copy_keeps_silent_until_the_service_is_its_own(notifying, notices, tmp_path):
    """So that its start and its end are not taken for those of the service."""
    server = notifying("-M", "--master-fifo", tmp_path / "new", "--master-fifo", tmp_path / "old", env={"WATCHDOG_USEC": "200000"})
    notices.wait("STATUS=uWSGI is ready, 1 workers")
    until(lambda: fifo.is_read(tmp_path / "new"), "the FIFO")
    for given_up in (True, False):
        mark, place = server.mark(), len(notices.look())
        fifo.send(tmp_path / ("new" if given_up else "old"), b"1f" if given_up else b"f")
        copy = int(server.wait_log(r"new master copy spawned with pid (\d+)", after=mark)[1])
        server.wait_log(r"(?s)gracefully \(RE\)spawned uWSGI master process.*^spawned uWSGI worker 1 ", after=mark)
        until(lambda: fifo.is_read(tmp_path / "new"), "the FIFO of the copy")
        if given_up:
            fifo.send(tmp_path / "new", b"Q")
            until(lambda pid=copy: not procs.alive(pid), "the end of the copy")
        assert not [text for text in notices.look()[place:] if text.split("=")[0] not in ("STATUS", "WATCHDOG") or "READY" in text or "init" in text]
    place = len(notices.look())
    fifo.send(tmp_path / "old", b"Q")
    assert server.wait_exit() == 0
    try:
        notices.wait(f"MAINPID={copy}\n", after=place)
        assert "STOPPING=1\n" not in notices.look()
        fed = pings(notices)
        until(lambda: pings(notices) > fed + 2, "signs of life of the copy")
    finally:
        os.kill(copy, signal.SIGINT)
        until(lambda: not procs.alive(copy) or os.waitpid(copy, os.WNOHANG)[0], "the end of the copy")
    notices.wait("STOPPING=1\n", after=place)


@pytest.mark.ours
def test_a_service_goes_from_copy_to_copy(notifying, notices, tmp_path):
    """Each hands over to the next, also after a reload, and whoever has it feeds the watchdog."""
    launcher = tmp_path / "launcher"
    launcher.write_text(f'#!/bin/sh\n[ "$1" = --help ] && exec {paths.OURS} --help\nWATCHDOG_PID=$$ exec {paths.OURS} "$@"\n')
    launcher.chmod(0o755)
    server = notifying("-M", "--master-fifo", tmp_path / "fifo", env={"WATCHDOG_USEC": "200000"}, binary=launcher)
    notices.wait("STATUS=uWSGI is ready, 1 workers")
    master, copies = server.pid, []
    try:
        for _ in range(2):
            mark = server.mark()
            fifo.send(tmp_path / "fifo", b"f")
            copy = int(until(lambda m=mark: re.search(r"new master copy spawned with pid (\d+)", server.log()[m:]), "a copy")[1])
            copies.append(copy)
            until(lambda c=copy: re.search(rf"\(RE\)spawned uWSGI master process \(pid: {c}\)", server.log()), "the copy runs", 20)
            mark = server.mark()
            os.kill(master, signal.SIGHUP)
            until(lambda p=master, m=mark: re.search(rf"\(RE\)spawned uWSGI master process \(pid: {p}\)", server.log()[m:]), "the reload", 20)
            place = len(notices.look())
            os.kill(master, signal.SIGINT)
            notices.wait(f"MAINPID={copy}\n", after=place)
            until(lambda p=master: not procs.alive(p) or server.process.poll() is not None, "its end")
            assert "STOPPING=1\n" not in notices.look()
            fed = pings(notices)
            until(lambda f=fed: pings(notices) > f + 2, f"signs of life of copy {len(copies)}")
            master = copy
    finally:
        for copy in copies:
            procs.kill_quietly(copy, signal.SIGINT)
            until(lambda c=copy: not procs.alive(c), "the end of the copy", 20)
    notices.wait("STOPPING=1\n", after=place)


@pytest.mark.ours
def test_the_clock_of_a_reload_is_the_managers(notifying, notices):
    import time
    server = notifying("-M")
    place = notices.wait(READY)
    before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    mark = server.mark()
    server.send(signal.SIGHUP)
    at = notices.wait("MONOTONIC_USEC=", after=place)
    after = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    moment = int(re.search(r"MONOTONIC_USEC=(\d+)", notices.seen[at - 1])[1])
    assert before <= moment <= after
    server.wait_log(r"spawned uWSGI worker 1 \(", after=mark)
    server.settle()


@pytest.mark.ours
@pytest.mark.parametrize("number, options, seconds", [(signal.SIGINT, (), 66), (signal.SIGTERM, ("--die-on-term",), 66), (
    signal.SIGINT, ("--worker-reload-mercy", "10", "--mule-reload-mercy", "10", "--reload-mercy", "7", "--attach-daemon", "exec sleep 1000"), 23)])
def test_a_stop_is_told(notifying, notices, number, options, seconds):
    """With what its end may take: of workers, daemons and the observer, one after the other."""
    server = notifying("-M", *options)
    place = notices.wait(READY)
    assert server.stop(number) == 0
    notices.wait("STOPPING=1\n", after=place)
    assert f"EXTEND_TIMEOUT_USEC={seconds}000000\n" in notices.look()[place:]


@pytest.mark.ours
def test_the_status_has_live_numbers(notifying, notices):
    server = notifying("-M", "-p", "2")
    notices.wait("STATUS=uWSGI is ready, 2 workers, 0 busy, 0 requests/s\n")
    place = len(notices.look())
    for _ in range(5):
        assert server.get("/length").status == 200
    notices.wait("STATUS=uWSGI is ready, 2 workers, 0 busy, ", after=place)
    until(lambda: any(re.search(r", [1-9]\d* requests/s", text) for text in notices.look()[place:]), "requests in the status")


@pytest.mark.ours
def test_the_status_tells_of_a_pause_and_of_cheap_mode(notifying, notices, tmp_path):
    server = notifying("-M", "--cheap", "--master-fifo", tmp_path / "fifo", ready=False)
    place = notices.wait("STATUS=uWSGI is cheap, waiting for a connection\n")
    server.wait_log("cheap mode enabled")
    assert server.get("/length").status == 200
    server.ready()
    place = notices.wait("STATUS=uWSGI is ready, 1 workers", after=place)
    fifo.send(tmp_path / "fifo", b"p")
    place = notices.wait("STATUS=uWSGI is paused, 1 workers", after=place)
    fifo.send(tmp_path / "fifo", b"p")
    notices.wait("STATUS=uWSGI is ready, 1 workers", after=place)


@pytest.mark.ours
def test_readiness_may_wait_for_a_worker(notifying, notices, tmp_path):
    (tmp_path / "slow").touch()
    server = notifying("-M", "--lazy-apps", "--notify-when-accepting", name="slow_start", env={"SLOW_START": str(tmp_path / "slow")},
                       ready=False)
    server.wait_log(r"spawned uWSGI worker 1 \(")
    server.wait_log("spawned uWSGI observer")
    assert READY not in notices.look()
    (tmp_path / "slow").unlink()
    notices.wait(READY)
    server.ready()


@pytest.mark.ours
def test_loading_asks_for_time(notifying, notices, tmp_path):
    (tmp_path / "slow").touch()
    server = notifying("-M", "--notify-extend", "77", name="slow_start",
                       env={"SLOW_START": str(tmp_path / "slow"), "WATCHDOG_USEC": "30000000"}, ready=False)
    at = notices.wait("EXTEND_TIMEOUT_USEC=")
    assert notices.seen[at - 1] == "EXTEND_TIMEOUT_USEC=77000000\nWATCHDOG=1\nWATCHDOG_USEC=77000000\n"
    (tmp_path / "slow").unlink()
    notices.wait("WATCHDOG=1\nWATCHDOG_USEC=30000000\n", after=at)
    server.ready()


@pytest.mark.ours
def test_hooks_at_the_end_ask_for_time(notifying, notices, tmp_path):
    """The master waits for them: a watchdog that is not told ends the service in the middle of its reload."""
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    server = notifying("-M", "--worker-reload-mercy", "55", "--notify-extend", "0", "--hook-as-user-atexit", f"exec:read line < {gate}",
                       env={"WATCHDOG_USEC": "400000"})
    place = notices.wait("STATUS=uWSGI is ready, 1 workers")
    server.send(signal.SIGHUP)
    place = notices.wait("EXTEND_TIMEOUT_USEC=55000000\nWATCHDOG=1\nWATCHDOG_USEC=55000000\n", after=place)
    gate.write_text("go\n")
    place = notices.wait("WATCHDOG=1\nWATCHDOG_USEC=400000\n", after=place)
    notices.wait("STATUS=uWSGI is ready, 1 workers", after=place)
    server.send(signal.SIGINT)
    notices.wait("EXTEND_TIMEOUT_USEC=55000000\nWATCHDOG=1\nWATCHDOG_USEC=55000000\n", after=place)
    gate.write_text("go\n")
    assert server.wait_exit() == 0


@pytest.mark.ours
def test_a_daemon_tells_its_pid(notifying, notices, tmp_path):
    server = notifying("-M", "--daemonize", tmp_path / "daemon.log", "--pidfile", tmp_path / "pid", ready=False)
    assert server.wait_exit() == 0
    notices.wait(READY)
    pid = int((tmp_path / "pid").read_text())
    try:
        assert f"MAINPID={pid}\n" in notices.look()
    finally:
        os.kill(pid, signal.SIGINT)
        until(lambda: not procs.alive(pid), "the end of the daemon")


# --- the watchdog ---------------------------------------------------------------------------------------------------------

def pings(notices) -> int:
    return sum("WATCHDOG=1" in text.splitlines() for text in notices.look())


@pytest.mark.ours
def test_a_healthy_instance_feeds_the_watchdog(notifying, notices, tmp_path):
    server = notifying("-M", "-p", "2", "--notify-extend", "0", "--master-fifo", tmp_path / "fifo", env={"WATCHDOG_USEC": "100000"})
    count = pings(notices)
    until(lambda: pings(notices) >= count + 5, "five signs of life")
    workers = list(server.worker_pids().values())
    server.allow("DAMN", "NO MERCY")
    for pid in workers:
        os.kill(pid, signal.SIGSTOP)
    try:
        until(lambda: all((procs.stat(pid) or [""])[0] == "T" for pid in workers), "stopped workers")
        # The turn of the master that was under way may have sent one more; then there is silence, while it works on:
        # two complaints lie a second apart.
        silent = pings(notices) + 1
        for _ in range(3):
            mark = server.mark()
            fifo.send(tmp_path / "fifo", b"x")
            server.wait_log("without a meaning", after=mark)
        assert pings(notices) <= silent
        mark = pings(notices)
        os.kill(workers[0], signal.SIGCONT)
        until(lambda: pings(notices) > mark, "signs of life again")
    finally:
        for pid in workers:
            os.kill(pid, signal.SIGCONT)


@pytest.mark.ours
def test_a_stopped_master_feeds_nobody(notifying, notices):
    server = notifying("-M", env={"WATCHDOG_USEC": "100000"})
    until(lambda: pings(notices) >= 2, "signs of life")
    server.send(signal.SIGSTOP)
    try:
        until(lambda: procs.stat(server.pid)[0] == "T", "a stopped master")
        count = pings(notices)
        assert server.get("/length").status == 200
        assert pings(notices) == count
    finally:
        server.send(signal.SIGCONT)
    until(lambda: pings(notices) > count, "signs of life again")


@pytest.mark.ours
def test_a_watchdog_of_another_process_is_left_alone(notifying, notices):
    notifying("-M", env={"WATCHDOG_USEC": "100000", "WATCHDOG_PID": "1"})
    place = notices.wait("STATUS=uWSGI is ready, 1 workers")
    assert pings(notices) == 0 and place


# --- sockets handed over --------------------------------------------------------------------------------------------------

@pytest.fixture
def handed(nothing_left, tmp_path, app):
    """`handed(sockets, *options)`: a server that was started with these sockets, as systemd does it."""
    running = []

    def start(sockets, *options, names=None, binary=paths.OURS, ready=True, name="wires", **kw):
        command = activated(binary, sockets, [*options, "--wsgi-file", name if "/" in name else app(name)], names)
        server = Server(command[1:], tmp_path, binary=command[0], name=f"handed{len(running)}", pass_fds=[s.fileno() for s in sockets], **kw)
        server.expect = {0}
        running.append(server)
        if ready:
            server.wait_log(r"spawned uWSGI worker 1 ")
            server.settle()
        return server

    yield start
    problems = []
    for server in running:
        code = server.stop()
        if code not in server.expect:
            problems.append(f"exit code {code}\n{server.tail(30)}")
        problems += server.alerts()
    assert not problems, "\n".join(problems)


def listening(*kinds, tmp_path):
    """Sockets of these kinds, and the addresses at which clients reach them."""
    made = []
    for at, kind in enumerate(kinds):
        if kind == "unix":
            one = socket.socket(socket.AF_UNIX)
            one.bind(str(tmp_path / f"unix{at}"))
        elif kind == "abstract":
            one = socket.socket(socket.AF_UNIX)
            one.bind(f"\0uwsgi-activated-{os.getpid()}-{at}")
        else:
            one = socket.socket(socket.AF_INET6 if kind == "tcp6" else socket.AF_INET)
            one.bind(("::1" if kind == "tcp6" else "127.0.0.1", 0))
        one.listen(64)
        made.append(one)
    return made


def where(one):
    name = one.getsockname()
    if isinstance(name, bytes):
        return "@" + name[1:].decode()
    return name if isinstance(name, str) else name[:2]


@pytest.mark.ours
def test_every_kind_is_served_and_still_after_reloads(handed, tmp_path):
    sockets = listening("tcp", "unix", "tcp6", "abstract", tmp_path=tmp_path)
    server = handed(sockets, "-M", "--protocol", "http")
    server.wait_log("^- SystemD socket activation detected -$")
    for again in range(3):
        for one in sockets:
            assert wire.http(where(one), "/length").status == 200, (again, where(one))
        server.reload()
    for one in sockets:
        assert wire.http(where(one), "/length").status == 200
    assert (tmp_path / "unix1").exists()


@pytest.mark.ours
def test_a_declared_address_gives_the_socket_its_protocol(handed, tmp_path):
    """In the original it would speak uwsgi."""
    first, second = listening("tcp", "unix", tmp_path=tmp_path)
    port = first.getsockname()[1]
    server = handed([first, second], "-M", "--vacuum", "--http-socket", f"127.0.0.1:{port}", "--http-socket", tmp_path / "unix1")
    for mark in (0, None):
        mark = server.reload() if mark is None else mark
        for one in (first, second):
            assert wire.http(where(one), "/length").status == 200
    assert len(re.findall(r"^uwsgi socket \d", server.log()[mark:], re.M)) == 2, "nothing was bound beside them"
    assert server.stop() == 0
    assert (tmp_path / "unix1").exists(), "the manager's file stays"


@pytest.mark.ours
def test_the_http_router_takes_one_over(handed, tmp_path):
    (front,) = listening("tcp", tmp_path=tmp_path)
    port = front.getsockname()[1]
    server = handed([front], "-M", "--http", f"127.0.0.1:{port}")
    server.wait_log(r"spawned uWSGI http 1")
    until(lambda: wire.http(where(front), "/length").status == 200, "an answer")
    mark = server.reload()
    server.wait_log(r"spawned uWSGI http 1", after=mark)
    assert wire.http(where(front), "/length").status == 200


@pytest.mark.ours
def test_names_choose_among_them(handed, tmp_path):
    web, stats = listening("tcp", "tcp", tmp_path=tmp_path)
    server = handed([stats, web], "-M", "--http-socket", "fd://web", "--stats", "fd://numbers", names="numbers:web")
    assert wire.http(where(web), "/length").status == 200
    assert wire.raw(where(stats), b"").startswith(b"{")
    server.reload()
    assert wire.http(where(web), "/length").status == 200
    until(lambda: wire.raw(where(stats), b"").startswith(b"{"), "stats")


@pytest.mark.ours
def test_a_name_nobody_has_is_told(handed, tmp_path):
    (web,) = listening("tcp", tmp_path=tmp_path)
    server = handed([web], "-M", "--http-socket", "fd://wrong", names="web", ready=False)
    server.expect = {1}
    assert server.wait_exit() == 1
    assert 'no socket called "wrong" was handed over' in server.log()


@pytest.mark.ours
def test_children_do_not_take_them_for_their_own(handed, tmp_path):
    (web,) = listening("tcp", tmp_path=tmp_path)
    (tmp_path / "look.py").write_text("import os\ndef application(e, s):\n    s('200 OK', [])\n"
                                      "    return [' '.join(k for k in os.environ if k.startswith('LISTEN_')).encode()]\n")
    server = handed([web], "-M", "--protocol", "http", name=str(tmp_path / "look.py"))
    assert wire.http(where(web), "/").body == b""


@pytest.mark.ours
def test_what_is_no_listening_socket_is_left_alone(handed, tmp_path):
    (web,) = listening("tcp", tmp_path=tmp_path)
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind(("127.0.0.1", 0))
    server = handed([udp, web], "-M", "--protocol", "http")
    server.wait_log("descriptor 3 of the service manager is left alone, it is no listening stream socket")
    assert wire.http(where(web), "/length").status == 200


@pytest.mark.ours
@pytest.mark.parametrize("fds", ["-1", "x", "99999999999"])
def test_odd_numbers_are_refused(tmp_path, app, fds):
    script = f"export LISTEN_PID=$$ LISTEN_FDS={fds}; exec {paths.OURS} --http-socket 127.0.0.1:0 --wsgi-file {app('hello')}"
    done = subprocess.run(["sh", "-c", script], capture_output=True, timeout=60, text=True, check=False, stdin=subprocess.DEVNULL,
                          env=plain_environment())
    assert done.returncode == 1
    assert f'invalid LISTEN_FDS "{fds}": a number from 0 to 65536 is needed' in done.stdout + done.stderr


@pytest.mark.skipif(not shutil.which("systemd-socket-activate"), reason="systemd is not installed")
@pytest.mark.parametrize("binary", [paths.OURS, paths.ORIGINAL], ids=["ours", "original"])
def test_systemds_own_tool_starts_it(nothing_left, tmp_path, app, binary):
    if not binary.exists():
        pytest.skip("the C server is not installed")
    port = free_port()
    log = open(tmp_path / "log", "wb")
    tool = subprocess.Popen(["systemd-socket-activate", "-l", f"127.0.0.1:{port}", "--fdname=web", os.fspath(binary), "-M", "--protocol", "http",
                             "--wsgi-file", app("wires")], stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=plain_environment())
    log.close()
    try:
        until(lambda: b"Listening on" in (tmp_path / "log").read_bytes(), "the tool")
        assert wire.http(("127.0.0.1", port), "/length").status == 200, "the first connection starts it"
        assert "- SystemD socket activation detected -" in (tmp_path / "log").read_text()
    finally:
        tool.send_signal(signal.SIGINT)
        assert tool.wait(20) == 0


# --- those before and beside systemd --------------------------------------------------------------------------------------

@pytest.mark.parametrize("binary", [paths.OURS, paths.ORIGINAL], ids=["ours", "original"])
def test_upstarts_bridge(uwsgi, app, tmp_path, binary):
    if not binary.exists():
        pytest.skip("the C server is not installed")
    (web,) = listening("tcp", tmp_path=tmp_path)
    server = uwsgi("-M", "--protocol", "http", "--wsgi-file", app("wires"), binary=binary, pass_fds=[web.fileno()],
                   env={"UPSTART_EVENTS": "socket", "UPSTART_FDS": str(web.fileno()), "UPSTART_JOB": "web"})
    server.wait_log(r"^- Upstart socket bridge detected \(job: web\) -$")
    server.wait_log(rf"^uwsgi socket 0 attached to INET address 127\.0\.0\.1:{where(web)[1]} fd {web.fileno()}$")
    assert wire.http(where(web), "/length").status == 200
    if binary == paths.OURS:
        server.reload()
        assert wire.http(where(web), "/length").status == 200


@pytest.mark.parametrize("kind", ["tcp", "unix"])
def test_inetd_hands_over_descriptor_0(nothing_left, app, tmp_path, kind):
    (web,) = listening(kind, tmp_path=tmp_path)
    with open(tmp_path / "log", "wb") as log:
        process = subprocess.Popen([paths.OURS, "-M", "--protocol", "http", "--wsgi-file", app("wires")], stdin=web, stdout=log, stderr=log,
                                   env=plain_environment())

    def spawned():
        return (tmp_path / "log").read_text().count("\nspawned uWSGI worker 1 ")

    try:
        until(lambda: spawned() == 1, "a worker")
        for count in (2, 3):
            assert wire.http(where(web), "/length").status == 200
            family = "UNIX" if kind == "unix" else "INET"
            assert f"uwsgi socket 0 inherited {family} address {where(web) if kind == 'unix' else '127.0.0.1:' + str(where(web)[1])} fd 0\n" \
                in (tmp_path / "log").read_text()
            process.send_signal(signal.SIGHUP)
            until(lambda count=count: spawned() == count, "a reload")
        assert wire.http(where(web), "/length").status == 200
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0


@pytest.mark.ours
def test_skip_zero_leaves_descriptor_0_alone(nothing_left, app, tmp_path):
    (web,) = listening("tcp", tmp_path=tmp_path)
    done = subprocess.run([paths.OURS, "-M", "--skip-zero", "--wsgi-file", app("hello")], stdin=web, capture_output=True, timeout=60,
                          check=False, text=True, env=plain_environment())
    assert done.returncode == 1
    assert "The -s/--socket option is missing and stdin is not a socket." in done.stdout + done.stderr
