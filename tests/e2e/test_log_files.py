"""Files of the log while the server runs: moved away and opened again, and no line is lost."""

import os
import re
import shutil
import socket
import stat
import subprocess

import pytest

from harness import fifo, users, wire
from harness.waiting import until

pytestmark = pytest.mark.ours

ROTATION = r"^\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4} - logsize: (\d+), triggering rotation to (\S+)\.\.\.\n"


class Instance:
    """A server whose log is a file: what it says is read from there."""

    def __init__(self, uwsgi, app, place, *options, target="--logto", name="alarms"):
        self.log, self.pipe, self.socket = place / "log", place / "fifo", place / "w.sock"
        self.server = uwsgi(target, self.log, "-M", "--http-socket", self.socket, "--wsgi-file", app(name), "--master-fifo", self.pipe,
                            "--vacuum", *options, ready=False)
        until(lambda: self.log.exists() and "spawned uWSGI worker 1" in self.text() and fifo.is_read(self.pipe), "the start")
        self.server.settle()

    def text(self, path=None) -> str:
        return (path or self.log).read_text()

    def get(self, text) -> None:
        assert wire.http(str(self.socket), f"/print?{text}%0A").status == 200

    def order(self, byte: bytes) -> None:
        fifo.send(self.pipe, byte)

    def has(self, pattern, path=None):
        path = path or self.log
        return until(lambda: path.exists() and re.search(pattern, path.read_text(), re.M), f"{pattern!r} in {path}")

    def arrived(self) -> None:
        """Whoever writes for all has followed: a moment ago he may still have had the old file."""
        def comes():
            self.get("there?")
            return self.log.exists() and "\nthere?\n" in "\n" + self.text()

        until(comes, "lines in the new file")

    def moved(self):
        """The files that were the log once."""
        return sorted(self.log.parent.glob("log.*"), key=lambda p: (p.stat().st_ctime_ns, p.name))


@pytest.fixture
def instance(uwsgi, app, tmp_path):
    return lambda *options, **kw: Instance(uwsgi, app, tmp_path, *options, **kw)


@pytest.mark.parametrize("target", ["--logto", "--logto2"])
def test_rotation_by_command(instance, target):
    one = instance("--log-master", target=target)
    one.get("before")
    one.has("^before$")
    one.log.chmod(0o604)
    before = one.log.stat()
    one.order(b"L")
    until(one.moved, "the file that was moved")
    (moved,) = one.moved()
    told = one.has(ROTATION, moved)
    assert told[2] == str(moved) and re.fullmatch(r"log\.\d{10}", moved.name)
    assert moved.stat().st_ino == before.st_ino and int(told[1]) > 0
    assert stat.S_IMODE(one.log.stat().st_mode) == 0o604, "as it was"
    one.arrived()
    one.get("after")
    one.has("^after$")
    one.has("GET /print.after")
    assert "\nafter\n" not in one.text(moved) and "\nbefore\n" not in one.text()


def test_two_rotations_in_a_second_keep_both(instance):
    one = instance("--log-master")
    for number in range(4):
        one.get(f"line{number}")
        one.has(f"^line{number}$")
        one.order(b"L")
        until(lambda: len(one.moved()) == number + 1, f"file {number}")
        one.arrived()
    assert [re.findall(r"^line\d$", one.text(path), re.M) for path in one.moved()] == [[f"line{n}"] for n in range(4)]


def test_reopening_by_command_and_by_touch(instance, tmp_path):
    one = instance("--log-master", "--touch-logreopen", tmp_path / "touch")
    for number, ask in enumerate([lambda: one.order(b"l"), (tmp_path / "touch").touch]):
        one.get(f"before{number}")
        one.has(f"^before{number}$")
        away = one.log.rename(tmp_path / f"away{number}")
        ask()
        one.has(r"^\[\d{10}\] " + re.escape(str(one.log)) + r" reopened\.$")
        size = re.search(r"^\[\d{10}\] logsize: (\d+), triggering log-reopen\.\.\.$", one.text(away), re.M)
        assert size and 0 < int(size[1]) <= away.stat().st_size
        one.arrived()
        one.get(f"after{number}")
        one.has(f"^after{number}$")
        assert f"\nafter{number}\n" not in one.text(away)


def test_a_touched_file_rotates_to_the_name_of_the_option(instance, tmp_path):
    touched, backup = tmp_path / "touch", tmp_path / "old"
    touched.touch()
    one = instance("--touch-logrotate", touched, "--log-backupname", backup)
    for number in range(2):
        one.get(f"line{number}")
        one.has(f"^line{number}$")
        inode = one.log.stat().st_ino
        later = touched.stat().st_mtime + 1
        os.utime(touched, (later, later))
        until(lambda: one.log.exists() and one.log.stat().st_ino != inode, "another file")
        one.arrived()
        one.has(rf"triggering rotation to {backup}\.\.\.$", backup)
    assert re.findall(r"^line\d$", one.text(backup), re.M) == ["line1"], "the next one takes its place"


def test_a_file_that_grows_is_moved_and_every_line_is_there_once(instance):
    one = instance("--log-maxsize", "20000", "-p", "2")
    count = 0
    while len(one.moved()) < 2:
        for _ in range(40):
            one.get(f"number{count}.")
            count += 1
        assert count < 20000
    one.server.stop()
    texts = "".join(one.text(path) for path in [*one.moved(), one.log])
    assert sorted(map(int, re.findall(r"^number(\d+)\.$", texts, re.M))) == list(range(count))
    requests = sorted(map(int, re.findall(r"GET /print\?number(\d+)\.", texts)))
    assert requests == list(range(count)), "request lines too"
    for path in one.moved():
        told = re.search(ROTATION, one.text(path), re.M)
        assert int(told[1]) > 20000 and told[2] == str(path)


def test_a_file_that_cannot_be_moved_stays(instance, tmp_path):
    one = instance("--log-master", "--log-backupname", tmp_path / "no/such/place")
    one.order(b"L")
    one.has(r"^unable to rotate log: rename\(\): No such file or directory \[")
    one.get("on")
    one.has("^on$")
    assert not one.moved()


def test_workers_that_write_themselves_stay_with_the_old_file(instance):
    """Without log-master the master alone moves on, as with the original."""
    one = instance()
    one.order(b"L")
    until(one.moved, "the file that was moved")
    (moved,) = one.moved()
    one.get("stays")
    one.has("^stays$", moved)
    one.order(b"s")
    one.has("workers total requests")


def test_datagrams_are_no_file(uwsgi, app, tmp_path):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(20)
        pipe = tmp_path / "fifo"
        uwsgi("--logto", "127.0.0.1:%d" % receiver.getsockname()[1], "-M", "--log-maxsize", "10", "--http-socket", tmp_path / "w.sock",
              "--wsgi-file", app("alarms"), "--master-fifo", pipe, ready=False)
        said = ""
        while "spawned uWSGI worker 1" not in said:
            said += receiver.recv(65536).decode()
        until(lambda: fifo.is_read(pipe), "the fifo")
        fifo.send(pipe, b"Lls")
        while "workers total requests" not in said:
            said += receiver.recv(65536).decode()
        assert "logsize" not in said and "rotate" not in said and "lseek" not in said


@pytest.mark.parametrize("byte", [b"l", b"L"])
def test_files_of_loggers_follow_too(uwsgi, app, tmp_path, byte):
    log, pipe, socket_ = tmp_path / "log", tmp_path / "fifo", tmp_path / "w.sock"
    uwsgi("--logger", f"file:{log}", "-M", "--http-socket", socket_, "--wsgi-file", app("alarms"), "--master-fifo", pipe, ready=False)
    until(lambda: fifo.is_read(pipe) and log.exists() and "spawned uWSGI worker 1" in log.read_text(), "the start")

    def get(text):
        assert wire.http(str(socket_), f"/print?{text}%0A").status == 200
        until(lambda: log.exists() and f"\n{text}\n" in "\n" + log.read_text(), text)

    def get_once(text):
        wire.http(str(socket_), f"/print?{text}%0A")
        return f"\n{text}\n" in "\n" + log.read_text()

    get("before")
    log.chmod(0o600)
    away = log.rename(tmp_path / "away") if byte == b"l" else None
    fifo.send(pipe, byte)
    until(lambda: log.exists() and "\nbefore\n" not in log.read_text(), "a new file")
    # One that was under way may still be in the old one.
    until(lambda: get_once("there?"), "lines in the new file")
    get("after")
    away = away or next(tmp_path.glob("log.*"))
    assert "\nafter\n" not in away.read_text() and stat.S_IMODE(log.stat().st_mode) == 0o600


@pytest.mark.skipif(not shutil.which("logrotate") and not os.path.exists("/usr/sbin/logrotate"), reason="logrotate is not there")
def test_logrotate_loses_nothing(instance, tmp_path):
    one = instance("--log-master", "-p", "2")
    rules = tmp_path / "rules"
    rules.write_text(f"{one.log} {{\n size 1\n rotate 20\n create 0640\n missingok\n postrotate\n  echo -n l > {one.pipe}\n endscript\n}}\n")
    rules.chmod(0o644)
    tmp_path.chmod(0o755)
    count, inodes = 0, set()
    for _ in range(5):
        inodes.add(one.log.stat().st_ino)
        for _ in range(50):
            one.get(f"number{count}.")
            count += 1
        subprocess.run([shutil.which("logrotate") or "/usr/sbin/logrotate", "-f", "-s", tmp_path / "state", rules], check=True)
        one.has(r"reopened\.$")
    assert len(inodes) == 5
    one.server.stop()
    texts = "".join(path.read_text() for path in tmp_path.glob("log*"))
    assert sorted(map(int, re.findall(r"^number(\d+)\.$", texts, re.M))) == list(range(count))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes somebody else")
@pytest.mark.parametrize("options", [("--logto", "log", "--logfile-chown"), ("--logto2", "log"), ("--logger", "file:log")], ids=["logto", "logto2", "logger"])
def test_mode_and_owner_outlive_a_rotation(uwsgi, options):
    with users.place(0o777, "alarms") as place:
        log, pipe = place / "log", place / "fifo"
        users.starter(uwsgi, place)(*options, "--logfile-chmod", "604", "--log-master", "-M", "--uid", "nobody", "--gid", "nogroup",
                                    "--http-socket", "127.0.0.1:0", "--wsgi-file", "alarms.py", "--master-fifo", pipe, ready=False)
        until(lambda: log.exists() and "spawned uWSGI worker 1" in log.read_text() and fifo.is_read(pipe), "the start")

        def looks(path):
            found = path.stat()
            return stat.S_IMODE(found.st_mode), found.st_uid, found.st_gid

        before, inode = looks(log), log.stat().st_ino
        assert before == (0o604, 65534, 65534)
        fifo.send(pipe, b"L")
        until(lambda: log.exists() and log.stat().st_ino != inode, "a new file")
        until(lambda: looks(log) == before, "the same mode and owner")
        assert [looks(path) for path in place.glob("log.*")] == [before]
