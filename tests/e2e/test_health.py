"""What an instance says of its own health: ping, the Nagios check, the warning message, `uwsgi.metrics` and its neighbours."""

import os
import re
import socket
import subprocess
import threading
from urllib.parse import quote

import pytest

from harness import paths, wire
from harness.server import free_port, plain_environment

pytestmark = pytest.mark.ours


def run(*args, cwd="."):
    done = subprocess.run([paths.OURS, *map(str, args)], capture_output=True, timeout=60, check=False, text=True, cwd=cwd,
                          stdin=subprocess.DEVNULL, env=plain_environment())
    return done.returncode, done.stdout, done.stderr


def ask(server, expression):
    return eval(server.get(f"/?{quote(expression)}").body.decode())


@pytest.fixture
def site(uwsgi, app):
    return uwsgi("--http-socket", "127.0.0.1:0", "--socket", "well.sock", "-M", "-p", "2", "-L", "--enable-metrics", "--metric",
                 "mine", "--stats", "stats.sock", "--wsgi-file", app("ask"))


def test_a_warning_is_for_all_workers_and_ends_with_a_reload(site):
    node = os.path.join(site.cwd, "well.sock")
    assert run("--socket", node, "--nagios") == (0, "UWSGI OK: armed and ready\n", "")
    assert ask(site, "uwsgi.set_warning_message('é' * 41)") is True
    site.wait_log("^- warning message must be max 80 chars, it will be truncated -$")
    for _ in range(6):
        assert run("--socket", node, "--nagios") == (1, f"UWSGI WARNING: {'é' * 40}\n", "")
    assert run("--ping", node)[::2] == (2, f"PING uwsgi host {node} (timeout: 3)\n[WARNING] node {node} message: {'é' * 40}\n")
    before = ask(site, "uwsgi.started_on, uwsgi.masterpid()")
    site.send(1)
    site.wait_stats(lambda s: s.get("reloads") == 1, "the reload")
    assert ask(site, "uwsgi.masterpid()") == before[1]
    assert run("--socket", node, "--nagios")[0] == 0


def test_a_ping_counts_as_no_request(site):
    node = os.path.join(site.cwd, "well.sock")
    requests = ask(site, "uwsgi.total_requests()")
    assert [run("--ping", node)[0] for _ in range(3)] == [0, 0, 0]
    site.wait_log("^PING$")
    assert ask(site, "uwsgi.total_requests()") == requests + 1


def test_a_ping_says_why_there_is_no_answer():
    def hang_up():
        client, _ = closing.accept()
        client.recv(4)
        client.close()

    with socket.create_server(("127.0.0.1", 0)) as closing:
        node = f"127.0.0.1:{closing.getsockname()[1]}"
        thread = threading.Thread(target=hang_up)
        thread.start()
        assert run("--ping", node)[::2] == (
            1, f"PING uwsgi host {node} (timeout: 3)\nno answer from {node}: connection closed before the end of the answer\n")
        thread.join(10)


def test_nagios_says_what_is_wrong(tmp_path):
    assert run("--nagios") == (3, "UWSGI UNKNOWN: you have specified an invalid socket\n", "")
    gone = f"127.0.0.1:{free_port()}"
    assert run("--socket", gone, "--nagios")[:2] == (2, "UWSGI CRITICAL: could not connect() to workers Connection refused\n")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        node = f"127.0.0.1:{silent.getsockname()[1]}"
        answer = run("--socket", node, "--nagios", "--socket-timeout", "1")
        assert answer[:2] == (2, "UWSGI CRITICAL: timed out waiting for response\n")
    ini = tmp_path / "check.ini"
    ini.write_text(f"[uwsgi]\nplugins = nagios, ping\nsocket = {gone}\nnagios = true\n")
    assert run("--ini", ini)[0] == 2


@pytest.mark.parametrize("http", [[], ["--stats-http"]], ids=["raw", "http"])
def test_nagios_reads_numbers(uwsgi, app, http):
    server = uwsgi("--http-socket", "127.0.0.1:0", "--socket", "well.sock", "-M", "-p", "2", "-L", "--metric", "mine", "--stats",
                   "stats.sock", *http, "--wsgi-file", app("ask"))
    node, stats = (os.path.join(server.cwd, name) for name in ("well.sock", "stats.sock"))
    assert ask(server, "uwsgi.metric_set('mine', 7)") is True
    server.wait_stats(lambda s: sum(w["avg_rt"] > 0 for w in s["workers"]) == 1 and all(w["status"] == "idle" for w in s["workers"]), "one request that is over")
    check = ["--socket", node, "--stats", stats, *http, "--nagios"]
    assert run(*check) == (0, "UWSGI OK: armed and ready\n", "")
    code, line, _ = run(*check, "--nagios-perfdata", "--nagios-warn", "lq=80", "--nagios-crit", "lq=100", "--nagios-warn", "mine=9")
    assert code == 0
    assert re.fullmatch(r"UWSGI OK: armed and ready \| requests=1c busy=0;;;0;2 avg_rt=\d+us lq=0;80;100;0;\d+ mine=7;9\n", line)
    assert run(*check, "--nagios-warn", "mine=6")[:2] == (1, "UWSGI WARNING: mine is 7, above 6\n")
    assert run(*check, "--nagios-crit", "mine=6")[:2] == (2, "UWSGI CRITICAL: mine is 7, above 6\n")
    assert run(*check[2:], "--nagios-crit", "mine=6")[0] == 2, "the stats alone"
    assert run(*check, "--nagios-crit", "mine:6")[:2] == (3, 'UWSGI UNKNOWN: "nagios-crit" wants KEY=NUMBER, not "mine:6"\n')
    assert run(*check, "--nagios-crit", "nope=6")[:2] == (3, 'UWSGI UNKNOWN: there is no number called "nope"\n')
    assert run("--socket", node, "--nagios", "--nagios-perfdata")[:2] == \
        (3, "UWSGI UNKNOWN: numbers need the stats address of the instance\n")
    assert ask(server, "uwsgi.set_warning_message('disk')") is True
    assert run(*check, "--nagios-perfdata")[0] == 1
    answer = run("--stats", stats + "x", "--nagios")
    assert answer[:2] == (2, f"UWSGI CRITICAL: could not read stats from {stats}x: No such file or directory\n")


def test_the_names_of_metrics_are_those_of_the_stats(site):
    names = ask(site, "uwsgi.metrics")
    assert isinstance(names, tuple) and "mine" in names and "worker.2.core.0.requests" in names
    assert list(names) == list(site.stats()["metrics"])
    with pytest.raises(SyntaxError):
        ask(site, "setattr(uwsgi, 'metrics', ())")
    assert b"AttributeError" in site.get("/?" + quote("setattr(uwsgi, 'metrics', ())")).body


def test_without_metrics_there_are_no_names(uwsgi, app):
    server = uwsgi("--http-socket", "127.0.0.1:0", "--wsgi-file", app("ask"))
    assert ask(server, "uwsgi.metrics, uwsgi.metric_inc('mine'), uwsgi.metric_get('mine')") == ((), None, 0)


def test_the_queue_of_a_socket_is_that_of_now(uwsgi, app):
    server = uwsgi("--http-socket", "127.0.0.1:0", "--socket", "busy.sock", "--socket", "127.0.0.1:0", "-L",
                   "--wsgi-file", app("ask"))
    held = "[(s := __import__('socket').socket({family}), s.connect({to}), s.send(bytes(1)), s)[3] for _ in range(3)]"
    unix = held.format(family=1, to=repr(os.path.join(server.cwd, "busy.sock")))
    host, port = "127.0.0.1", server.address(2)
    tcp = held.format(family=2, to=repr((host, port if isinstance(port, int) else port[1])))
    answer = ask(server, f"[(h := {unix}), uwsgi.listen_queue(1), [s.close() for s in h]][1]")
    assert answer == 3
    assert ask(server, f"[(h := {tcp}), uwsgi.listen_queue(2), [s.close() for s in h]][1]") == 3


def test_memory_is_that_of_this_process(site):
    rss, vsz, pid = ask(site, "[*uwsgi.mem(), __import__('os').getpid()]")
    with open(f"/proc/{pid}/stat") as stat:
        fields = stat.read().rpartition(")")[2].split()
    assert vsz == pytest.approx(int(fields[20]), rel=0.2) and rss == pytest.approx(int(fields[21]) * 4096, rel=0.2)


def test_warnings_come_from_lazy_apps_too(uwsgi, app, tmp_path):
    (tmp_path / "warn.py").write_text("import uwsgi\nuwsgi.set_warning_message('loaded by %d' % uwsgi.worker_id())\n"
                                      "def application(e, s):\n    s('200 OK', [])\n    return [b'']\n")
    server = uwsgi("--socket", "127.0.0.1:0", "-M", "--lazy-apps", "--wsgi-file", str(tmp_path / "warn.py"))
    assert wire.raw(server.address(), b"\x64\x00\x00\x00") == b"\x64\x0b\x00\x01loaded by 1"
