"""`notify-socket`: whoever may write to a path may write lines of the log."""

import re
import signal
import socket

import pytest

from harness.server import run

pytestmark = pytest.mark.ours

DATE = r"\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4}"


@pytest.fixture
def notify():
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as client:
        yield lambda path, text: client.sendto(text, str(path))


def test_a_notification_is_a_line_of_the_log(uwsgi, app, tmp_path, notify):
    path = tmp_path / "notify.sock"
    path.write_text("left by another")
    server = uwsgi("--http-socket", "127.0.0.1:0", "--wsgi-file", app("hello"), "--notify-socket", path)
    server.wait_log(rf"^notification socket enabled on {re.escape(str(path))} \(fd: \d+\)$")
    server.wait_log(r"^spawned uWSGI observer")  # the option asks for a master
    for text in (b"hello", b"with a newline\n", b"a\nforged line", b"x" * 8192, b"", b"end"):
        notify(path, text)
    server.wait_log(rf"^{DATE} - \[notify-socket\] end$")
    said = re.findall(rf"^{DATE} - \[notify-socket\] (.*)$", server.log(), re.M)
    assert said == ["hello", "with a newline", "a\\nforged line", "x" * 8192, "", "end"]


def test_what_comes_while_the_instance_replaces_itself_is_not_lost(uwsgi, app, tmp_path, notify):
    path = tmp_path / "notify.sock"
    server = uwsgi("-M", "--http-socket", "127.0.0.1:0", "--wsgi-file", app("hello"), "--notify-socket", path)
    inode = path.stat().st_ino
    before = server.mark()
    server.send(signal.SIGHUP)
    notify(path, b"meanwhile")
    server.reloaded(before)
    server.wait_log(r"^notification socket enabled", after=before)
    server.wait_log(r"\[notify-socket\] meanwhile$")
    assert path.stat().st_ino == inode


def test_a_path_that_cannot_be_bound_ends_the_start(app, tmp_path):
    path = tmp_path / "not" / "there.sock"
    said = run("--http-socket", "127.0.0.1:0", "--wsgi-file", app("hello"), "--notify-socket", path, code=1)
    assert f"unable to bind notify-socket {path}: No such file or directory" in said
