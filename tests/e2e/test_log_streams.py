"""Request lines, where they have loggers of their own."""

import re
import signal

import pytest

from harness import procs, wire
from harness.waiting import until

pytestmark = pytest.mark.ours


@pytest.mark.parametrize("more", [(), ("--log-master-req-stream",)], ids=["packets", "stream"])
def test_requests_and_everything_else_are_two_streams(uwsgi, app, tmp_path, more):
    a, b, c = (tmp_path / name for name in "abc")
    server = uwsgi("--http-socket", tmp_path / "w.sock", "--log-master", "--wsgi-file", app("alarms"), "--logger", f"file:{a}", "--req-logger", f"file:{b}",
                   "--req-logger", f"named file:{c}", "--log-req-route", "named special", "--log-req-encoder", "prefix R ", *more, ready=False)
    until(lambda: a.exists() and "spawned uWSGI worker 1" in a.read_text(), "the start")
    server.settle()
    for number in range(50):
        assert wire.http(str(tmp_path / "w.sock"), f"/print?out{number}%0A").status == 200
    assert wire.http(str(tmp_path / "w.sock"), "/print?special%0A").status == 200
    until(lambda: b.exists() and len(b.read_text().splitlines()) == 50 and c.exists() and c.read_text(), "request lines")
    assert all(re.match(r"R \[pid: \d+\|app: 0\|req: ", line) for line in b.read_text().splitlines())
    assert "special" not in b.read_text() and c.read_text().count("\n") == 1
    assert "[pid: " not in a.read_text() and re.findall(r"^out(\d+)$", a.read_text(), re.M) == [str(n) for n in range(50)]
    server.process.send_signal(signal.SIGINT)
    server.wait_exit()
    assert "goodbye to uWSGI." in a.read_text() or "goodbye to uWSGI." in server.log()
    assert not procs.alive(server.pid)
