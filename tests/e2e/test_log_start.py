"""What is said while the server starts reaches its loggers, once; a start that fails says it where it was started as well."""

import re
import signal

import pytest

from harness import procs, server, users
from harness.waiting import until

pytestmark = pytest.mark.ours

LOADS = """
import os, subprocess, sys
print("while loading", flush=True)
os.write(2, b"x" * 5000 + b"\\n")
for number in range(3000):
    os.write(2, b"many %d\\n" % number)
subprocess.run(["echo", "from a command"])
{more}

def application(environ, start_response):
    start_response("200 OK", [])
    return [b"x"]
"""


@pytest.fixture
def place():
    with users.place(0o777) as directory:
        yield directory


@pytest.fixture
def loads(place):
    def write(more=""):
        path = place / "loads_much.py"
        path.write_text(LOADS.format(more=more))
        return path
    return write


def whole(text: str) -> None:
    """Everything that a start says, once and in order."""
    parts = [r"\*\*\* Starting uWSGI", r"\*\*\* Operational MODE", "while loading", "x{5000}", *[f"many {n}" for n in range(3000)], "from a command"]
    at = 0
    for part in parts:
        found = re.compile(rf"^{part}", re.M).search(text, at)
        assert found, f"{part} after {text[at:at + 200]!r}"
        at = found.end()
    for once in (r"^\*\*\* Starting uWSGI", "^while loading$", "^many 2999$"):
        assert len(re.findall(once, text, re.M)) == 1, once


@pytest.mark.parametrize("more", [(), ("--logto2", "other"), ("--uid", "nobody")], ids=["plain", "logto2", "another user"])
def test_loggers_get_it_and_nobody_else(uwsgi, loads, place, more):
    log, start = place / "log", users.starter(uwsgi, place)
    one = start("--logger", f"file:{log}", "-M", "--http-socket", "127.0.0.1:0", "--wsgi-file", loads(), *more, ready=False)
    until(lambda: log.exists() and "spawned uWSGI worker 1" in log.read_text(), "the start")
    whole(log.read_text())
    assert "Starting" not in one.log() and "many" not in one.log(), one.log()
    if "--logto2" in more:
        assert "many" not in (place / "other").read_text()
    if "--uid" in more:
        assert log.stat().st_uid == 65534, "made by who writes it"
    assert len(procs.children(one.pid)) == 2, "a worker and the observer: nobody else is left"
    size = len(log.read_text())
    one.send(signal.SIGHUP)
    until(lambda: len(re.findall("spawned uWSGI worker 1", log.read_text()[size:])) == 1, "the next image")
    whole(log.read_text()[size:])
    assert "many" not in one.log()


@pytest.mark.parametrize("more, code", [("raise SystemExit('no')", 22), ("os._exit(3)", 3), ("os.kill(os.getpid(), 9)", -9)], ids=["raises", "exits", "is killed"])
def test_a_start_that_fails_is_told_where_it_was_started_and_to_loggers(loads, tmp_path, more, code):
    log = tmp_path / "log"
    said = server.run("--logger", f"file:{log}", "-M", "--need-app", "--http-socket", "127.0.0.1:0", "--wsgi-file", loads(more), code=code)
    whole(said)
    # Who kept it may still be writing when the start is gone.
    until(lambda: log.exists() and "from a command\n" in log.read_text(), "its lines")
    whole(log.read_text())


def test_without_an_unnamed_logger_it_goes_to_the_log(uwsgi, loads, tmp_path):
    one = uwsgi("--logger", f"some file:{tmp_path}/log", "--log-route", "some ^many 7$", "-M", "--http-socket", "127.0.0.1:0", "--wsgi-file", loads())
    one.wait_log("spawned uWSGI worker 1")
    assert (tmp_path / "log").read_text() == "many 7\n"
    assert "\nmany 7\n" not in one.log() and one.log().count("\nmany 2999\n") == 1


def test_a_child_of_the_application_goes_on_saying_things(uwsgi, loads, tmp_path):
    log, gate = tmp_path / "log", tmp_path / "gate"
    child = f"subprocess.Popen(['sh', '-c', 'until [ -e {gate} ]; do sleep 0.05; done; echo much later'])"
    uwsgi("--logger", f"file:{log}", "-M", "--http-socket", "127.0.0.1:0", "--wsgi-file", loads(child), ready=False)
    until(lambda: log.exists() and "spawned uWSGI worker 1" in log.read_text(), "the start")
    gate.touch()
    until(lambda: "\nmuch later\n" in log.read_text(), "its line")
