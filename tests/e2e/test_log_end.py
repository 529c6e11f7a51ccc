"""Lines that nobody carries any more reach their loggers all the same: the last ones, those of a start that failed, those for a full disk."""

import os
import re
import signal
import subprocess

import pytest

from harness import paths, server, users, wire
from harness.waiting import until

pytestmark = pytest.mark.ours

FAILS = """
import os
os.write(1, b"while loading\\n")
{more}
"""


@pytest.fixture
def instance(uwsgi, app, tmp_path):
    def start(*options, **kw):
        return uwsgi("-M", "--http-socket", tmp_path / "w.sock", "--wsgi-file", app("alarms"), *options, ready=False, **kw)
    return start


def begun(log):
    return until(lambda: log.exists() and re.search(r"spawned uWSGI worker 1 .*\n(?s:.*)spawned uWSGI observer \(pid: (\d+)\)", log.read_text()), "the start")


def test_the_last_lines_reach_the_loggers(instance, tmp_path):
    log, sock = tmp_path / "log", tmp_path / "w.sock"
    one = instance("--logger", f"file:{log}", "--vacuum", "--hook-as-user-atexit", "print:at the very end")
    begun(log)
    size = len(one.log())
    assert one.stop() == 0
    last = log.read_text()[-400:]
    assert re.search(r"at the very end\ngoodbye to uWSGI\.\n(?s:.*)VACUUM: unix socket .*w\.sock removed\.\n$", last), last
    assert one.log()[size:] == "", "nothing of it anywhere else"
    assert not sock.exists()


def test_they_pass_routes_and_encoders(instance, tmp_path):
    end, rest = tmp_path / "end", tmp_path / "rest"
    one = instance("--logger", f"end file:{end}", "--logger", f"file:{rest}", "--log-route", "end goodbye", "--log-encoder", "prefix:end > ")
    begun(rest)
    one.stop()
    assert end.read_text() == "> goodbye to uWSGI.\n"
    assert "goodbye" not in rest.read_text() + one.log()


def test_what_a_dead_observer_left_reaches_the_loggers(instance, tmp_path):
    log, requests = tmp_path / "log", tmp_path / "requests"
    one = instance("--logger", f"file:{log}", "--req-logger", f"file:{requests}", "--log-encoder", "prefix X ").allow("OOOPS", "NO MERCY")
    observer = int(begun(log)[1])
    os.kill(observer, signal.SIGSTOP)
    for number in range(5):
        assert wire.http(str(tmp_path / "w.sock"), f"/print?left+{number}%0A").status == 200
    assert one.stop(timeout=40) == 0
    assert re.findall(r"^X left \d$", log.read_text(), re.M) == [f"X left {n}" for n in range(5)]
    assert log.read_text().endswith("X goodbye to uWSGI.\n")
    # INT ends a worker at once that has answered and not yet said so.
    assert re.findall(r"GET /print\?left\+(\d)", requests.read_text()) in (list("0123"), list("01234"))
    assert "left" not in one.log()


def test_what_a_receiver_did_not_take_is_told_at_the_end(instance, tmp_path):
    one = instance("--logger", f"far socket:{tmp_path}/nobody", "--log-route", "far ^said", "--disable-logging").ready()
    for number in range(7):
        assert wire.http(str(tmp_path / "w.sock"), f"/print?said{number}%0A").status == 200
    one.wait_log(r"^\[uwsgi-log\] far: No such file or directory")
    one.stop()
    assert re.findall(r"^\[uwsgi-log\] far: (\d+) lines are lost at the end$", one.log(), re.M) == ["7"]


def loads(place, more):
    path = place / "fails.py"
    path.write_text(FAILS.format(more=more))
    return path


@pytest.mark.parametrize("more, code", [("raise SystemExit('no')", 22), ("os._exit(3)", 3), ("os.kill(os.getpid(), 9)", -9)], ids=["raises", "exits", "is killed"])
def test_a_start_that_fails_is_told_to_the_loggers(tmp_path, more, code):
    log, path = tmp_path / "log", loads(tmp_path, more)
    said = server.run("--logger", "file:log", "--logger", "stdio", "--chdir", tmp_path, "-M", "--need-app", "--http-socket", "127.0.0.1:0", "--wsgi-file", path, code=code)
    # Who kept the lines may still be writing when the start is gone.
    until(lambda: log.exists() and "while loading\n" in log.read_text(), "its lines")
    assert log.read_text().count("*** Starting uWSGI") == 1
    assert said.count("while loading\n") == 1, "and where it was started, once"
    if code == 22:
        assert log.read_text().endswith("*** no app loaded. GAME OVER ***\n")


def test_a_daemon_that_fails_is_told_somewhere(tmp_path):
    log, path = tmp_path / "log", loads(tmp_path, "raise SystemExit('no')")
    server.run("--daemonize", "/dev/null", "--logger", f"file:{log}", "--need-app", "--http-socket", tmp_path / "s", "--wsgi-file", path)
    until(lambda: log.exists() and log.read_text().endswith("*** no app loaded. GAME OVER ***\n"), "the reason")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes somebody else")
@pytest.mark.parametrize("options, owner", [((), 65534), (("--drop-after-apps",), None)], ids=["after the drop", "before it"])
def test_a_file_of_loggers_belongs_to_the_final_user(options, owner):
    with users.place(0o777) as place:
        log, path = place / "log", loads(place, "raise SystemExit('no')")
        said = server.run("--logger", f"file:{log}", "--uid", "nobody", *options, "-M", "--need-app", "--http-socket", "127.0.0.1:0",
                          "--wsgi-file", path, code=22, cwd=place, env=users.ENVIRONMENT)
        assert "while loading\n" in said
        assert (log.stat().st_uid if log.exists() else None) == owner


@pytest.fixture
def small(tmp_path):
    """A file system with little room, as only those see it who are started by the prefix that it yields."""
    if os.geteuid():
        pytest.skip("only root mounts")
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = f"mount -t tmpfs -o size=256k tmpfs {disk} || exit 9; echo; exec cat"
    process = subprocess.Popen(["unshare", "-m", "sh", "-c", mount], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        if not process.stdout.read(1):
            pytest.skip("nobody mounts anything here")
        yield ["nsenter", "-m", "-t", str(process.pid), "--wd=" + str(tmp_path)], disk, lambda name: f"/proc/{process.pid}/root{disk}/{name}"
    finally:
        process.stdin.close()
        process.wait(20)
        process.stdout.close()


def test_a_full_disk_tears_no_line_and_loses_none(instance, small, tmp_path):
    prefix, disk, seen = small
    launcher = tmp_path / "uwsgi-there"
    launcher.write_text(f"#!/bin/sh\n[ \"$1\" = --help ] && exec {paths.OURS} --help\nexec {' '.join(prefix)} {paths.OURS} \"$@\"\n")
    launcher.chmod(0o755)
    with open(seen("filler"), "wb") as filler:
        filler.write(b"x" * (128 << 10))
    one = instance("--logger", f"far file:{disk}/log", "--log-route", "far ^STORM", "--disable-logging", binary=launcher)
    one.wait_log("spawned uWSGI worker 1")
    until(lambda: (tmp_path / "w.sock").exists(), "its socket")
    assert wire.http(str(tmp_path / "w.sock"), "/storm?15000", timeout=60).status == 200
    one.wait_log(r"^\[uwsgi-log\] far: No space left on device")
    os.unlink(seen("filler"))
    until(lambda: open(seen("log")).read().endswith("\nSTORM 14999\n"), "the last line", 30)
    assert open(seen("log")).read().splitlines() == [f"STORM {number}" for number in range(15000)]
    one.stop()


def test_a_log_that_was_full_tells_what_is_lost(instance, small, tmp_path):
    prefix, disk, seen = small
    launcher = tmp_path / "uwsgi-there"
    launcher.write_text(f"#!/bin/sh\n[ \"$1\" = --help ] && exec {paths.OURS} --help\nexec {' '.join(prefix)} {paths.OURS} \"$@\"\n")
    launcher.chmod(0o755)
    with open(seen("filler"), "wb") as filler:
        filler.write(b"x" * (128 << 10))
    instance("--logto", f"{disk}/log", "--log-master", "--disable-logging", binary=launcher)
    until(lambda: os.path.exists(seen("log")) and "spawned uWSGI observer" in open(seen("log")).read(), "the start")
    place = str(tmp_path / "w.sock")
    assert wire.http(place, "/storm?20000", timeout=60).status == 200
    os.unlink(seen("filler"))
    said = 0

    def goes_on():
        nonlocal said
        said += 1
        wire.http(place, "/print?again%0A")
        return "\nagain\n" in open(seen("log")).read()

    until(goes_on, "lines again")
    until(lambda: open(seen("log")).read().endswith("\nagain\n"), "the last one")
    text = open(seen("log")).read()
    lost = re.findall(r"^\[uwsgi-log\] (\d+) lines could not be written to the log and are lost: No space left on device$", text, re.M)
    whole = re.findall(r"^(?:STORM \d+|again)$", text, re.M)
    torn = [line for line in re.findall(r"^S.*$", text, re.M) if line not in set(whole)]
    assert lost and len(torn) <= len(lost), torn
    # An interrupted number may look whole.
    assert 20000 + said <= len(whole) + sum(map(int, lost)) <= 20000 + said + len(lost), (lost, said)
