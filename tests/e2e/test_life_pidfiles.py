"""Pidfiles: when each is written, by whom, what is removed, and what cannot be written."""

import os
import pathlib
import signal
import subprocess

import pytest

from harness import paths, users
from harness.server import plain_environment
from harness.waiting import until

AUTO = ("--http-socket", "127.0.0.1:0")
FOUR = ("pidfile", "pidfile2", "safe-pidfile", "safe-pidfile2")
NOBODY = 65534
ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="changing the user needs root")


@pytest.fixture
def four(uwsgi, app, tmp_path):
    def start(*options, **kw):
        names = [word for name in FOUR for word in (f"--{name}", tmp_path / f"{name}.pid")]
        return uwsgi(*AUTO, "-M", "-p", "2", *names, *options, "--wsgi-file", app("hello"), **kw)
    return start


def test_they_come_one_after_the_other(four, tmp_path):
    server = four()
    until((tmp_path / "safe-pidfile.pid").exists, "the last")
    text = server.log()
    places = [text.index(f"writing pidfile to {tmp_path}/{name}.pid\n") for name in ("pidfile", "pidfile2", "safe-pidfile2", "safe-pidfile")]
    # Workers of the original write the last two as well, in any order.
    assert places == sorted(places) or not server.ours
    assert places[0] < text.index("detected binary path") < places[1] < text.index("your memory page size")
    assert text.index("spawned uWSGI worker 2") < places[2] or not server.ours
    for name in FOUR:
        assert (tmp_path / f"{name}.pid").read_text() == f"{server.pid}\n"


@pytest.mark.ours
def test_each_is_written_once(four, tmp_path):
    server = four()
    until((tmp_path / "safe-pidfile.pid").exists, "the last")
    server.quiet()
    for name in FOUR:
        assert server.log().count(f"writing pidfile to {tmp_path}/{name}.pid\n") == 1


def test_a_reload_leaves_them_alone(four, tmp_path):
    server = four()
    until((tmp_path / "safe-pidfile.pid").exists, "the last")
    for name in FOUR:
        (tmp_path / f"{name}.pid").unlink()
    mark = server.mark()
    server.send(signal.SIGHUP)
    server.wait_log("^spawned uWSGI worker 2 ", after=mark)
    server.settle()
    assert not list(tmp_path.glob("*.pid")) and "writing pidfile" not in server.log()[mark:]


@pytest.mark.parametrize("reloaded", [False, True], ids=["at once", "after a reload"])
def test_vacuum_removes_them(four, tmp_path, reloaded):
    server = four("--vacuum")
    until((tmp_path / "safe-pidfile.pid").exists, "the last")
    mark = server.mark()
    if reloaded:
        server.send(signal.SIGHUP)
        server.wait_log("^spawned uWSGI worker 2 ", after=mark)
        server.settle()
    assert server.stop() == 0 and not list(tmp_path.glob("*.pid"))
    lines = [line for line in server.log().splitlines() if "pidfile" in line and line.startswith("VACUUM")]
    assert lines == [f"VACUUM: {name} removed." for name in ("pidfile", "pidfile2", "safe pidfile", "safe pidfile2")]


@pytest.mark.ours
def test_vacuum_leaves_the_pidfile_of_a_successor(four, tmp_path):
    server = four("--vacuum")
    until((tmp_path / "safe-pidfile.pid").exists, "the last")
    (tmp_path / "pidfile2.pid").write_text("4194303\n")
    assert server.stop() == 0
    assert [p.name for p in tmp_path.glob("*.pid")] == ["pidfile2.pid"]


def test_names_without_a_slash_lie_where_the_start_is_at_that_point(uwsgi, app, tmp_path):
    (tmp_path / "home").mkdir()
    names = [word for name in FOUR for word in (f"--{name}", f"{name}.pid")]
    server = uwsgi(*AUTO, "-M", "--vacuum", *names, "--chdir", tmp_path / "home", "--wsgi-file", app("hello"))
    until((tmp_path / "home/safe-pidfile.pid").exists, "the last")
    assert [p.name for p in tmp_path.glob("*.pid")] == ["pidfile.pid"]
    assert sorted(p.stem for p in (tmp_path / "home").glob("*.pid")) == ["pidfile2", "safe-pidfile", "safe-pidfile2"]
    assert server.stop() == 0
    if server.ours:
        assert not list(tmp_path.rglob("*.pid"))


@pytest.mark.ours
@pytest.mark.parametrize("option", FOUR)
@pytest.mark.parametrize("path, line", [
    ("/no/such/dir/x.pid", 'open("/no/such/dir/x.pid"): No such file or directory'), ("/dev/full", 'write("/dev/full"): No space left on device'),
], ids=["missing", "full"])
def test_one_that_cannot_be_written_ends_the_instance(app, tmp_path, nothing_left, option, path, line):
    done = subprocess.run([paths.OURS, *AUTO, "-M", f"--{option}", path, "--wsgi-file", app("hello")], capture_output=True, text=True,
                          timeout=60, check=False, cwd=tmp_path, env=plain_environment(), stdin=subprocess.DEVNULL)
    assert done.returncode == 1 and line in done.stderr, done.stderr


# --- with another user ----------------------------------------------------------------------------------------------------

@pytest.fixture
def open_place():
    """A directory that everybody may enter."""
    with users.place() as directory:
        yield directory


@ROOT
@pytest.mark.ours
def test_the_directory_decides_who_writes(open_place, uwsgi, app):
    (open_place / "theirs").mkdir()
    os.chown(open_place / "theirs", NOBODY, NOBODY)
    server = uwsgi(*AUTO, "-M", "--vacuum", "--uid", "nobody", "--gid", "nogroup", "--pidfile", open_place / "one.pid", "--pidfile2",
                   open_place / "theirs/two.pid", "--safe-pidfile", open_place / "three.pid", "--safe-pidfile2",
                   open_place / "theirs/four.pid", "--wsgi-file", app("hello"))
    until((open_place / "theirs/four.pid").exists, "the last")
    owners = {p.name: p.stat().st_uid for p in open_place.rglob("*.pid")}
    assert owners == {"one.pid": 0, "two.pid": NOBODY, "three.pid": 0, "four.pid": NOBODY}
    for path in open_place.rglob("*.pid"):
        assert path.read_text() == f"{server.pid}\n"
    text = server.log()
    assert text.count("writing pidfile") == 4
    assert text.index("three.pid") < text.index("setuid() to") < text.index("spawned uWSGI worker 1") < text.index("four.pid")
    assert server.stop() == 0
    assert sorted(p.name for p in open_place.rglob("*.pid")) == ["one.pid", "three.pid"], "what is permitted is removed"
    assert "unlink()" not in server.log()


def test_the_shell_commands(uwsgi, app, tmp_path):
    pidfile: pathlib.Path = tmp_path / "p"
    server = uwsgi(*AUTO, "-M", "--pidfile", pidfile, "--wsgi-file", app("hello"))

    def command(option):
        done = subprocess.run([paths.OURS, option, pidfile], capture_output=True, text=True, timeout=60, check=False, env=plain_environment())
        assert (done.returncode, done.stdout + done.stderr) == (0, "")

    mark = server.mark()
    command("--reload")
    server.wait_log("^spawned uWSGI worker 1 ", after=mark)
    server.settle()
    command("--stop")
    assert server.wait_exit() == 0


# --- a start that comes to nothing

HANGS = "import time\nopen('began', 'w').close()\ntime.sleep(3600)\n"
LOADS = "def application(e, s):\n    s('200 OK', [])\n    return [b'']\n"


@pytest.fixture
def beginner(uwsgi, tmp_path):
    """A server of which everything lies in one directory, and the names of what it has made there."""
    def start(code, *options, **kw):
        (tmp_path / "app.py").write_text(code)
        return uwsgi("--http-socket", "x.sock", "-M", "--pidfile", "one.pid", "--pidfile2", "two.pid", "--safe-pidfile", "three.pid", "--master-fifo", "fifo",
                     "--stats", "stats.sock", *options, "--wsgi-file", "app.py", cwd=tmp_path, **kw)

    def made():
        return sorted(path.name for path in tmp_path.iterdir() if path.suffix in (".pid", ".sock") or path.name == "fifo")

    return start, made


@pytest.mark.ours
@pytest.mark.parametrize("options, left", [(("--vacuum",), []), ((), ["one.pid", "stats.sock", "two.pid", "x.sock"])], ids=["vacuum", "none"])
def test_a_stop_while_it_starts_leaves_nothing_behind(beginner, tmp_path, options, left):
    start, made = beginner
    server = start(HANGS, *options, ready=False)
    until((tmp_path / "began").exists, "the application begins")
    assert made() == ["one.pid", "stats.sock", "two.pid", "x.sock"]
    assert server.stop() == 0
    assert made() == left
    assert server.log().endswith("goodbye to uWSGI.\n")


@pytest.mark.ours
def test_a_stop_while_the_next_image_starts_leaves_nothing_behind(beginner, tmp_path):
    start, made = beginner
    server = start(LOADS, "--vacuum", "--reload-preflight", "config")
    until(lambda: len(made()) == 6, "all files")
    (tmp_path / "app.py").write_text(HANGS)
    server.send(signal.SIGHUP)
    until((tmp_path / "began").exists, "the application begins")
    assert server.stop() == 0
    assert made() == []


@pytest.mark.ours
@pytest.mark.parametrize("options, code", [(("--need-app",), 22), (("--after-request-hook", "nothing_of_that_name"), 1), (("--socket", "/nowhere/x"), 1)])
def test_a_start_that_fails_leaves_nothing_behind(beginner, options, code):
    start, made = beginner
    server = start("raise SystemExit\n", "--vacuum", *options, ready=False)
    server.allow("Traceback").expect = {code}
    assert server.wait_exit() == code
    assert made() == []


@pytest.mark.ours
def test_what_somebody_else_has_taken_stays_at_such_an_end(beginner, tmp_path):
    start, made = beginner
    server = start(HANGS, "--vacuum", ready=False)
    until((tmp_path / "began").exists, "the application begins")
    (tmp_path / "one.pid").write_text("1\n")
    (tmp_path / "x.sock").unlink()
    (tmp_path / "x.sock").touch()
    assert server.stop() == 0
    assert made() == ["one.pid", "x.sock"]
