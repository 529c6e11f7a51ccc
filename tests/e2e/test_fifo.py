"""The master's FIFO: every command, every slot, and what a hostile writer may try."""

import os
import signal
import stat
import threading

import pytest

from harness import fifo, procs, wire
from harness.server import run
from harness.waiting import until

AUTO = ("--http-socket", "127.0.0.1:0")
ODD = "bytes? without a meaning ignored"


@pytest.fixture
def commanded(uwsgi, app, tmp_path):
    """`commanded(*options, slots=1)`: a server with the FIFOs `fifo0`, `fifo1` and so on."""

    def start(*options, slots=1, name="wires", **kw):
        given = [part for n in range(slots) for part in ("--master-fifo", tmp_path / f"fifo{n}")]
        server = uwsgi(*AUTO, "-M", *given, "--wsgi-file", app(name), *options, **kw)
        until(lambda: fifo.is_read(tmp_path / "fifo0"), "the FIFO")
        return server

    return start


@pytest.fixture
def pipe(tmp_path):
    return tmp_path / "fifo0"


# --- the file -------------------------------------------------------------------------------------------------------------

def test_it_is_a_fifo_for_its_owner_alone(commanded, pipe):
    commanded()
    mode = pipe.stat().st_mode
    assert stat.S_ISFIFO(mode) and stat.S_IMODE(mode) == 0o600


@pytest.mark.ours
def test_it_never_reports_an_end_and_is_never_missing(commanded, pipe):
    """The original makes it anew after each writer."""
    server = commanded()
    inode = pipe.stat().st_ino
    for _ in range(20):
        fifo.send(pipe, b"\n")
    mark = server.mark()
    fifo.send(pipe, b"s")
    server.wait_log("workers total requests: 0", after=mark)
    assert pipe.stat().st_ino == inode


@pytest.mark.ours
@pytest.mark.parametrize("content", [b"", b"r\n", b"1fp\n"])
def test_a_command_that_missed_it_is_replaced(commanded, pipe, content):
    """`echo r > fifo0` before the server runs makes a file."""
    pipe.write_bytes(content)
    commanded().wait_log("is a file with commands and no fifo: replacing it")
    assert fifo.is_fifo(pipe)


@pytest.mark.ours
@pytest.mark.parametrize("kind", ["file", "directory", "symbolic link", "socket"])
def test_what_is_no_fifo_is_refused(tmp_path, app, pipe, kind):
    if kind == "file":
        pipe.write_text("important notes\n")
    elif kind == "directory":
        pipe.mkdir()
    elif kind == "symbolic link":
        pipe.symlink_to(tmp_path / "elsewhere")
    else:
        import socket
        socket.socket(socket.AF_UNIX).bind(str(pipe))
    before = pipe.lstat()
    said = run(*AUTO, "--master-fifo", pipe, "--wsgi-file", app("hello"), code=1)
    assert f'unable to create the master fifo "{pipe}": there is a {kind} of that name; remove it, or give master-fifo another path' in said
    assert pipe.lstat().st_ino == before.st_ino
    assert [p.name for p in tmp_path.iterdir()] == ["fifo0"]


@pytest.mark.ours
def test_slots_that_cannot_be_told_apart_are_refused(tmp_path, app):
    args = [part for n in range(11) for part in ("--master-fifo", f"f{n}")]
    for given, why in ((["--master-fifo", "f", "--master-fifo", "f"], "two slots cannot be the same file"), (args, "11 slots are given")):
        assert why in run(*AUTO, *given, "--wsgi-file", app("hello"), code=1, cwd=tmp_path)


@pytest.mark.ours
def test_who_removes_it_gets_it_back(commanded, pipe):
    server = commanded()
    pipe.unlink()
    server.wait_log(rf"master fifo {pipe} was removed: making it again")
    until(lambda: fifo.is_read(pipe), "the FIFO again")
    fifo.send(pipe, b"s")
    server.wait_log("workers total requests: 0")


@pytest.mark.ours
@pytest.mark.parametrize("left", ["a fifo", "a command", "the fifo of a killed process"])
def test_what_nobody_reads_does_not_keep_its_place(commanded, pipe, left):
    """`rm` and `mkfifo`, or `echo r > fifo0` in the moment after `rm`: no other process has taken it over."""
    server = commanded()
    if left == "a fifo":
        beside = pipe.with_name("beside")
        os.mkfifo(beside)
        beside.rename(pipe)
    elif left == "a command":
        beside = pipe.with_name("beside")
        beside.write_text("s\n")
        beside.rename(pipe)
    else:
        other = commanded()
        server.wait_log("was taken over by another process: this instance has none now")
        other.expect = {-signal.SIGKILL}
        other.stop(signal.SIGKILL)
    server.wait_log(rf"master fifo {pipe} (was replaced by what nobody reads|is nobody's now): making it again")
    until(lambda: fifo.is_fifo(pipe) and fifo.is_read(pipe), "the FIFO again")
    fifo.send(pipe, b"s")
    server.wait_log("workers total requests: 0")


@pytest.mark.ours
def test_two_masters_do_not_fight_for_one(commanded, pipe):
    first = commanded()
    second = commanded()
    second.wait_log(rf"WARNING: another process reads the fifo {pipe}: taking its path over")
    first.wait_log(rf"master fifo {pipe} was taken over by another process: this instance has none now")
    fifo.send(pipe, b"s")
    second.wait_log("workers total requests: 0")
    assert "workers total" not in first.log()
    # When the other one ends and takes the path along, it comes back to the first.
    second.stop()
    if pipe.exists():
        pipe.unlink()
    until(lambda: fifo.is_read(pipe), "the FIFO of the first again")
    fifo.send(pipe, b"s")
    first.wait_log("workers total requests: 0")


@pytest.mark.ours
def test_vacuum_removes_it_and_only_its_own(commanded, pipe):
    server = commanded("--vacuum")
    server.stop()
    server.wait_log(rf"VACUUM: master fifo {pipe} removed\.")
    assert not pipe.exists()
    server = commanded("--vacuum")
    pipe.unlink()
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    server.stop()
    os.close(reader)
    assert fifo.is_fifo(pipe), "somebody else's"


@pytest.mark.ours
def test_it_is_open_in_no_child(commanded, pipe):
    server = commanded("-p", "2", "--mule", "--http", "127.0.0.1:0")
    inode = pipe.stat().st_ino

    def opened(pid):
        found = []
        for name in os.listdir(f"/proc/{pid}/fd"):
            try:
                found.append(os.stat(f"/proc/{pid}/fd/{name}").st_ino)
            except OSError:
                continue
        return inode in found

    assert opened(server.pid)
    # A child that was forked a moment ago is about to close it.
    until(lambda: not [pid for pid in procs.children(server.pid) if opened(pid)], "children that have closed it")


# --- slots ----------------------------------------------------------------------------------------------------------------

def test_a_slot_is_another_file(commanded, tmp_path):
    server = commanded(slots=3)
    assert [n for n in range(3) if fifo.is_fifo(tmp_path / f"fifo{n}")] == [0], "the others are made when they are chosen"
    fifo.send(tmp_path / "fifo0", b"1")
    server.wait_log(rf"active master fifo is now {tmp_path}/fifo1")
    until(lambda: fifo.is_read(tmp_path / "fifo1"), "slot 1")
    mark = server.mark()
    fifo.send(tmp_path / "fifo1", b"9")
    server.wait_log(rf"active master fifo is now {tmp_path}/fifo0", after=mark)
    until(lambda: fifo.is_read(tmp_path / "fifo0"), "a slot that does not exist is the first one")


@pytest.mark.ours
def test_the_slot_that_was_left_is_gone(commanded, tmp_path):
    server = commanded(slots=2)
    fifo.send(tmp_path / "fifo0", b"1s")
    server.wait_log("workers total requests: 0")
    until(lambda: not (tmp_path / "fifo0").exists(), "the first to go")
    assert fifo.is_read(tmp_path / "fifo1")


@pytest.mark.ours
def test_a_slot_that_cannot_be_made_changes_nothing(commanded, tmp_path):
    (tmp_path / "fifo1").write_text("important notes\n")
    server = commanded(slots=2)
    fifo.send(tmp_path / "fifo0", b"1")
    server.wait_log(rf"active master fifo is still {tmp_path}/fifo0")
    fifo.send(tmp_path / "fifo0", b"s")
    server.wait_log("workers total requests: 0")
    assert (tmp_path / "fifo1").read_text() == "important notes\n"


# --- commands -------------------------------------------------------------------------------------------------------------

def test_s_prints_configuration_and_counters(commanded, pipe):
    server = commanded("-p", "2")
    assert server.get("/length").status == 200
    mark = server.mark()
    fifo.send(pipe, b"s\n")
    server.wait_log(r"^;uWSGI instance configuration", after=mark)
    server.wait_log(r"^\tworkers total requests: 1", after=mark)
    server.wait_log(r"^\tworker 2 app 0 \[\] requests: [01] exceptions: 0", after=mark)


@pytest.mark.parametrize("byte, line", [(b"r", r"\.\.\.gracefully killing workers\.\.\."), (b"R", r"\.\.\.brutally killing workers\.\.\.")])
def test_r_reloads(commanded, pipe, byte, line):
    server = commanded("-p", "2")
    mark = server.mark()
    fifo.send(pipe, byte)
    server.wait_log(f"^{line}", after=mark)
    server.reloaded(mark)
    assert wire.http(server.address(after=mark), "/length").status == 200
    until(lambda: fifo.is_read(pipe), "the FIFO of the new image")
    mark = server.mark()
    fifo.send(pipe, b"s")
    server.wait_log("workers total requests:", after=mark)


def test_capital_q_stops(commanded, pipe):
    server = commanded("-p", "2")
    fifo.send(pipe, b"Q")
    server.wait_log(r"^SIGINT/SIGTERM received\.\.\.killing workers\.\.\.")
    assert server.wait_exit() == 0
    assert server.log().endswith("goodbye to uWSGI.\n")


def test_p_pauses_and_goes_on(commanded, pipe):
    server = commanded("-p", "2")
    fifo.send(pipe, b"p")
    server.wait_log(r"\*\*\* PAUSE \(press start to resume, if you do not have a joypad send SIGTSTP\) \*\*\*$")
    for worker in (1, 2):
        server.wait_log(rf"\*\*\* worker {worker} suspended \*\*\*$")
    answers = []
    waiting = threading.Thread(target=lambda: answers.append(server.get("/length", timeout=30)))
    waiting.start()
    fifo.send(pipe, b"p")
    server.wait_log(r"\*\*\* \(SIGTSTP received\) resuming workers \*\*\*$")
    for worker in (1, 2):
        server.wait_log(rf"\*\*\* worker {worker} resumed \*\*\*$")
    waiting.join()
    assert answers[0].status == 200


def test_capital_c_goes_cheap(commanded, pipe):
    server = commanded("-p", "2").allow("DAMN")
    before = server.worker_pids()
    fifo.send(pipe, b"C")
    server.wait_log(r"going cheap\.\.\.$")
    server.wait_log(r"^cheap mode enabled: waiting for socket connection\.\.\.$")
    until(lambda: not any(procs.alive(pid) for pid in before.values()), "the end of all workers")
    assert server.get("/length").status == 200, "the connection wakes them"
    server.ready(2)


def test_plus_and_minus_are_workers(commanded, pipe, tmp_path):
    server = commanded("-p", "4", "--cheaper", "1", "--cheaper-algo", "manual", "--stats", tmp_path / "stats", workers=1)

    def running(count):
        server.wait_stats(lambda document: sum(w["status"] != "cheap" for w in document["workers"]) == count, f"{count} workers")

    running(1)
    fifo.send(pipe, b"++")
    running(3)
    fifo.send(pipe, b"-")
    running(2)


def test_capital_p_writes_the_pidfiles_again(commanded, pipe, tmp_path):
    names = ["pidfile", "pidfile2", "safe-pidfile", "safe-pidfile2"]
    server = commanded(*[part for name in names for part in (f"--{name}", tmp_path / name)])
    until((tmp_path / "safe-pidfile").exists, "the last pidfile")
    for name in names:
        (tmp_path / name).write_text("7\n")
    mark = server.mark()
    fifo.send(pipe, b"P")
    for name in names:
        server.wait_log(rf"^writing pidfile to {tmp_path}/{name}$", after=mark)
        until(lambda name=name: (tmp_path / name).read_text() == f"{server.pid}\n", name)


def held(server, directory, answers):
    """A request that is being served until `gate.out` exists."""
    asking = threading.Thread(target=lambda: answers.append(wire.raw(server.address(), wire.request_bytes(path=f"/gate?path={directory}/gate"),
                                                                     timeout=60)))
    asking.start()
    until(lambda: list(directory.glob("gate.*.in")), "a request at hand")
    return asking


def test_q_finishes_requests_first(commanded, pipe, tmp_path):
    server, answers = commanded("-p", "2"), []
    asking = held(server, tmp_path, answers)
    fifo.send(pipe, b"q")
    server.wait_log(r"graceful shutdown triggered\.\.\.$")
    server.wait_log(r"^Gracefully killing worker \d \(pid: \d+\)\.\.\.$")
    (tmp_path / "gate.out").touch()
    asking.join()
    assert answers[0].startswith(b"HTTP/1.1 200")
    assert server.wait_exit() == 0
    assert server.log().endswith("goodbye to uWSGI.\n")


@pytest.mark.ours
def test_q_waits_no_longer_than_the_mercy(commanded, pipe, tmp_path):
    """And the master works on meanwhile."""
    server, answers = commanded("--worker-reload-mercy", "1").allow("NO MERCY"), []
    asking = held(server, tmp_path, answers)
    fifo.send(pipe, b"qs")
    server.wait_log("workers total requests")
    assert server.wait_exit() == 0
    asking.join()
    server.wait_log(r"worker 1 \(pid: \d+\) is taking too much time to die\.\.\.NO MERCY !!!")


def mourning(server):
    """The original takes workers that it has killed itself for lost."""
    return server if server.ours else server.allow("DAMN")


@pytest.mark.parametrize("byte, line", [(b"w", "Gracefully killing"), (b"W", "killing")])
def test_w_reloads_the_workers_alone(commanded, pipe, byte, line):
    server = mourning(commanded("-p", "2"))
    before, mark = server.worker_pids(), server.mark()
    fifo.send(pipe, byte)
    for worker, pid in before.items():
        server.wait_log(rf"(^|- ){line} worker {worker} \(pid: {pid}\)", after=mark)
        server.wait_log(rf"^Respawned uWSGI worker {worker} \(new pid: \d+\)$", after=mark)
    server.settle()
    after = server.worker_pids()
    assert sorted(after) == sorted(before) and not set(after.values()) & set(before.values())
    assert server.get("/length").status == 200
    fifo.send(pipe, b"s")
    server.wait_log("workers total requests: 1", after=mark)
    said = server.log()[mark:]
    assert procs.alive(server.pid) and "(RE)spawned" not in said and "killing workers" not in said, "the master is the same image"


@pytest.mark.parametrize("byte, answered", [(b"w", True), (b"W", False)])
def test_w_finishes_requests_first_and_capital_w_does_not(commanded, pipe, tmp_path, byte, answered):
    server, answers = mourning(commanded()), []
    asking = held(server, tmp_path, answers)
    before = server.worker_pids()[1]
    mark = server.mark()
    fifo.send(pipe, byte + b"s")
    server.wait_log("workers total requests", after=mark)
    if not answered:
        until(lambda: not procs.alive(before), "the end of the worker")
    (tmp_path / "gate.out").touch()
    asking.join()
    assert answers[0].startswith(b"HTTP/1.1 200") is answered, answers
    server.wait_log(r"^Respawned uWSGI worker 1 ", after=mark)
    server.settle()
    assert server.get("/length").status == 200


@pytest.mark.ours
def test_it_stays_the_same_over_a_reload(commanded, pipe, tmp_path):
    """A command that comes while the binary is executed again is obeyed by the next image."""
    server = commanded("--reload-preflight", "none", name="slow_start", env={"SLOW_START": str(tmp_path / "slow")})
    inode = pipe.stat().st_ino
    mark = server.mark()
    (tmp_path / "slow").touch()
    fifo.send(pipe, b"r")
    server.wait_log("binary reloading uWSGI", after=mark)
    fifo.send(pipe, b"s")
    (tmp_path / "slow").unlink()
    server.reloaded(mark)
    server.wait_log("workers total requests:", after=mark)
    assert pipe.stat().st_ino == inode


@pytest.mark.ours
def test_a_reload_begins_with_the_first_slot(commanded, tmp_path):
    server = commanded(slots=2)
    fifo.send(tmp_path / "fifo0", b"1")
    mark = server.mark()
    fifo.send(tmp_path / "fifo1", b"r")
    server.reloaded(mark)
    until(lambda: fifo.is_read(tmp_path / "fifo0"), "the first slot")


# --- what a hostile writer may try ----------------------------------------------------------------------------------------

@pytest.mark.ours
def test_odd_bytes_are_counted_and_told_of_once_a_second(commanded, pipe):
    server = commanded()
    fifo.send(pipe, b"hello \x00\xff\n\t")
    server.wait_log(rf"master fifo {pipe}: \d {ODD} \(the last was 0xff\)")
    mark = server.mark()
    for _ in range(50):
        fifo.send(pipe, b"x")
    server.wait_log(rf"master fifo {pipe}: \d+ {ODD} \(the last was 0x78\)", after=mark)
    assert server.get("/length").status == 200


@pytest.mark.ours
def test_a_flood_blocks_nobody_but_its_writer(commanded, pipe, tmp_path):
    server = commanded("-p", "2", "--stats", str(tmp_path / "stats"))
    stop = threading.Event()

    def flood():
        fd = os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
        data = (b"s\n" * 64 + b"xyz\x00" * 256) * 4
        while not stop.is_set():
            try:
                os.write(fd, data)
            except BlockingIOError:
                stop.wait(0.005)
        os.close(fd)

    writers = [threading.Thread(target=flood) for _ in range(4)]
    for one in writers:
        one.start()
    try:
        seen = server.wait_stats(lambda document: True, "anything")["pid"]
        assert seen == server.pid
        for _ in range(100):
            assert server.get("/length").status == 200
        victim = server.worker_pids()[1]
        server.allow("DAMN")
        os.kill(victim, signal.SIGKILL)
        until(lambda: server.worker_pids()[1] != victim, "the master to go on with its work")
        server.wait_log(ODD)
    finally:
        stop.set()
        for one in writers:
            one.join()
    seconds = len({line.split(" - ")[0] for line in server.log().splitlines() if "without a meaning" in line})
    lines = sum("without a meaning" in line for line in server.log().splitlines())
    assert lines <= seconds + 1, "one line per second"
    server.send(signal.SIGINT)
    assert server.wait_exit() == 0


@pytest.mark.ours
def test_a_writer_that_stays_hinders_nobody(commanded, pipe):
    server = commanded()
    held = os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
    try:
        fifo.send(pipe, b"s")
        server.wait_log("workers total requests: 0")
    finally:
        os.close(held)
