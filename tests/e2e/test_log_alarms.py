"""`log-alarm`: lines of every process are looked at, none is lost, none raises itself."""

import os
import re
import signal
import urllib.parse

import pytest

from harness import procs, wire
from harness.waiting import until

pytestmark = pytest.mark.ours  # the original here is built without regexps


@pytest.fixture
def instance(uwsgi, app, tmp_path):
    def start(*options, **kw):
        return uwsgi("--http-socket", "127.0.0.1:0", "-M", "--wsgi-file", app("alarms"), "--stats", tmp_path / "s",
                     "--stats-http", *options, **kw)
    return start


def do(server, deed, text=""):
    assert server.get(f"/{deed}?{urllib.parse.quote_plus(text)}").status == 200


def counts_of(server, alarm: str) -> dict[str, int]:
    text = wire.raw(server.stats_address(), b"GET /metrics HTTP/1.0\r\n\r\n").decode()
    return {name: int(value) for name, value in re.findall(rf'^uwsgi_alarm_(\w+)\{{alarm="{alarm}"[^}}]*\}} (\d+)$', text, re.M)}


def observer_of(server) -> int:
    return int(server.wait_log(r"spawned uWSGI observer \(pid: (\d+)\)")[1])


def test_a_line_of_the_application_is_the_message(instance, tmp_path):
    out = tmp_path / "out"
    server = instance("--alarm", f"c cmd:cat >> {out}", "--log-alarm", "c ^TERRIBLE")
    do(server, "print", "TERRIBLE 1\n")
    do(server, "print", "not so TERRIBLE\n")
    server.wait_log(r"^subprocess \d+ exited with code 0$")
    assert out.read_bytes() == b"TERRIBLE 1\n"
    assert "\nTERRIBLE 1\n" in server.log() and "\nnot so TERRIBLE\n" in server.log()


def test_a_negative_rule_ends_the_line(instance):
    server = instance("--alarm", "c log:first", "--alarm", "d log:second", "--not-log-alarm", "c NEVERMIND",
                      "--log-alarm", "c,d ^TERRIBLE")
    do(server, "print", "TERRIBLE but NEVERMIND\n")
    do(server, "print", "TERRIBLE, with (?! a comma\n")
    server.wait_log("ALARM: second TERRIBLE, with")
    assert re.findall(r"ALARM: (.*)", server.log()) == ["first TERRIBLE, with (?! a comma", "second TERRIBLE, with (?! a comma"]


@pytest.mark.parametrize("pattern, deed, line", [
    ("GET /print", "print", "GET /print"),
    (r"SIGUSR2 \[core", "usr2", "GET /shell"),
    ("^Respawned uWSGI worker", "kill", "Respawned uWSGI worker 1"),
    ("from a shell", "shell", "from a shell"),
], ids=["request lines", "the master", "the master on a death", "commands of the application"])
def test_lines_of_every_process_are_looked_at(instance, pattern, deed, line):
    server = instance("--alarm", "a log:", "--log-alarm", f"a {pattern}", "--threads", "2").allow("DAMN")
    if deed == "kill":
        os.kill(server.worker_pids()[1], signal.SIGKILL)
    elif deed == "usr2":
        with wire.connect(server.address()) as client:
            client.sendall(b"GET /shell?sleep+1 HTTP/1.0\r\n\r\n")
            server.wait_stats(lambda s: any(c["in_request"] for w in s["workers"] for c in w["cores"]), "a request")
            server.send(signal.SIGUSR2)
            server.wait_log("ALARM: ")
            # system() ignores INT: the end of the server must not come in between.
            client.recv(1)
    else:
        do(server, deed, "echo from a shell" if deed == "shell" else "x\n")
    assert line in server.wait_log("ALARM: (.*)")[1]


def test_the_recipe_for_a_full_queue_sees_the_observers_own_line(instance):
    server = instance("--alarm", "cachefull log:", "--alarm", "mailme log:", "--listen", "1",
                      "--log-alarm", "cachefull,mailme uWSGI listen queue of socket", "--log-alarm", "mailme HARAKIRI ON WORKER")
    for pid in server.worker_pids().values():
        os.kill(pid, signal.SIGSTOP)
    clients = [wire.connect(server.address()) for _ in range(2)]
    server.wait_log(r"ALARM: .* \*\*\* uWSGI listen queue of socket")
    for pid in server.worker_pids().values():
        os.kill(pid, signal.SIGCONT)
    for client in clients:
        client.close()


def test_an_alarm_that_writes_what_it_looks_for_does_not_loop(instance, tmp_path):
    """Neither the line of a log alarm nor what a command says raises anything, however it looks."""
    server = instance("--alarm", "l log:", "--alarm", "c cmd:echo ALARM again; cat", "--log-alarm", "l,c ALARM",
                      "--alarm-freq", "0", "--log-date", "--disable-logging")
    do(server, "print", "ALARM once\n")
    server.wait_log(r"subprocess \d+ exited")
    do(server, "print", "ALARM twice\n")
    until(lambda: counts_of(server, "c")["delivered_total"] == 2, "both commands")
    server.wait_log(r"ALARM again\nALARM twice")
    counts = {alarm: counts_of(server, alarm)["triggered_total"] for alarm in "lc"}
    assert counts == {"l": 2, "c": 2}


def test_lines_that_begin_like_ours_are_never_looked_at(instance):
    server = instance("--alarm", "l log:", "--log-alarm", "l BAD", "--disable-logging")
    do(server, "print", "[uwsgi-alarm-x] BAD\n")
    do(server, "print", "BAD end\n")
    server.wait_log("ALARM: BAD end")
    assert counts_of(server, "l")["triggered_total"] == 1


def test_a_storm_leaves_the_server_at_work_and_the_counts_right(instance):
    server = instance("--alarm", "a log:", "--log-alarm", "a ^STORM", "--alarm-rate", "10", "-p", "2")
    observer = observer_of(server)
    for _ in range(5):
        do(server, "storm", "20000")
    assert server.get("/").status == 200
    assert server.stop() == 0
    log = server.log()
    for number in (0, 9999, 19999):
        assert log.count(f"\nSTORM {number}\n") == 5, "no line is lost"
    # What is delivered stands in the log with the date; a second's worth may come at once.
    assert 10 <= log.count("ALARM: STORM") < 400
    assert not procs.alive(observer)


def test_the_counts_of_a_storm_add_up(instance):
    server = instance("--alarm", "a log:", "--log-alarm", "a ^STORM", "--alarm-rate", "10")
    do(server, "storm", "30000")
    do(server, "print", "STORM end\n")

    def settled():
        counts = counts_of(server, "a")
        missed = sum(map(int, re.findall(r"\[uwsgi-alarm\] (\d+) lines of the log were not looked at", server.log())))
        parts = sum(counts[k] for k in ("delivered_total", "suppressed_total", "dropped_total", "failed_total", "queued"))
        return counts["triggered_total"] == parts and counts["triggered_total"] + missed >= 30000

    until(settled, "counts that add up")
    assert procs.pss_kib(observer_of(server)) < 100 << 10


def test_no_line_is_lost_when_the_observer_dies(instance):
    server = instance("--alarm", "a log:", "--log-alarm", "a ^NOTHING").allow("OOOPS")
    observer = observer_of(server)
    os.kill(observer, signal.SIGSTOP)
    do(server, "storm", "100")
    os.kill(observer, signal.SIGKILL)
    server.wait_log("^STORM 99$")
    assert re.findall(r"^STORM (\d+)$", server.log(), re.M) == [str(n) for n in range(100)]


def test_an_observer_that_stands_still_holds_up_nobody_for_long(instance):
    """Its pipe is full after a while: then the master writes, and what it wrote is still looked at."""
    server = instance("--alarm", "a log:", "--log-alarm", "a ^STORM 2999$").allow("stands still")
    observer = observer_of(server)
    do(server, "print", "before\n")
    server.wait_log("^before$")
    os.kill(observer, signal.SIGSTOP)
    do(server, "storm", "3000")
    server.wait_log("^STORM 2999$")
    assert f"[uwsgi-alarm] observer (pid: {observer}) stands still, the master writes its lines of the log" in server.log()
    assert re.findall(r"^STORM (\d+)$", server.log(), re.M) == [str(n) for n in range(3000)]
    os.kill(observer, signal.SIGCONT)
    server.wait_log("ALARM: STORM 2999")
    do(server, "print", "after\n")
    server.wait_log("^after$")
    assert server.log().count("\nSTORM 2999\n") == 1 and observer_of(server) == observer


def test_the_last_lines_are_written_by_the_master_if_need_be(instance):
    server = instance("--alarm", "a log:", "--log-alarm", "a ^NOTHING").allow("OOOPS", "NO MERCY")
    os.kill(observer_of(server), signal.SIGSTOP)
    do(server, "storm", "50")
    mark = server.mark()
    server.expect = {0}
    assert server.stop(timeout=40) == 0
    assert "STORM 49\n" in server.log()[mark:]


def test_a_reload_keeps_the_lines_and_the_rules(instance):
    server = instance("--alarm", "a log:", "--log-alarm", "a ^TERRIBLE")
    do(server, "print", "TERRIBLE before\n")
    server.wait_log("ALARM: TERRIBLE before")
    mark = server.mark()
    server.send(signal.SIGHUP)
    server.wait_log("^spawned uWSGI worker 1", after=mark)
    server.settle()
    assert wire.http(server.address(after=mark), "/print?TERRIBLE+after%0A").status == 200
    server.wait_log("ALARM: TERRIBLE after", after=mark)


@pytest.mark.parametrize("still", [True, False], ids=["still looked at", "no longer looked at"])
def test_commands_of_the_application_outlive_a_reload(uwsgi, app, tmp_path, still):
    """What was started before a reload writes to the log after it, whatever the new image looks for."""
    ini, fifo = tmp_path / "x.ini", tmp_path / "fifo"
    base = f"[uwsgi]\nhttp-socket = 127.0.0.1:0\nmaster = true\nwsgi-file = {app('alarms')}\nalarm = a log:\n"
    ini.write_text(base + "log-alarm = a ^alive\n")
    os.mkfifo(fifo)
    server = uwsgi("--ini", ini)
    do(server, "shell", f"(read word < {fifo}; echo $word 1; echo $word 2) &")
    if not still:
        ini.write_text(base)
    for _ in range(2):
        mark = server.mark()
        server.send(signal.SIGHUP)
        server.wait_log("^spawned uWSGI observer", after=mark)
        server.settle()
    fifo.write_text("alive\n")
    server.wait_log("^alive 1\n(.*\n)*?alive 2$", after=mark)
    if still:
        server.wait_log("ALARM: alive 2", after=mark)
    assert wire.http(server.address(after=mark), "/print?own%0A").status == 200
    server.wait_log("^own$", after=mark)
    assert server.stop() == 0
    assert ("ALARM" in server.log()[mark:]) == still


def test_long_lines_are_written_whole_and_looked_at(instance):
    server = instance("--alarm", "a log:found", "--log-alarm", "a x{100} END", "--alarm-msg-size", "100000")
    do(server, "print", "x" * 3000 + " END\n")
    server.wait_log("ALARM: found x+ END$")
    do(server, "shell", "python3 -c \"import os; os.write(2, b'y' * 9000 + b'\\n')\"")
    server.wait_log("^y{9000}$")


def test_a_pattern_that_explodes_holds_up_nobody(instance):
    server = instance("--alarm", "a log:", "--log-alarm", r"a (?=x)(x+x+)+\1y", "--log-alarm", "a ^STORM 99$")
    do(server, "print", "x" * 3000 + "\n")
    do(server, "storm", "100")
    server.wait_log("ALARM: STORM 99")
    assert server.get("/").status == 200
