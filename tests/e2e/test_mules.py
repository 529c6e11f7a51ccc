"""Mules: plain and with programs, messages, signals, death, reload, and what the stats say of them."""

import os
import pathlib
import re
import shutil
import signal

import pytest

from harness import paths, procs, wire
from harness.waiting import until


@pytest.fixture
def instance(uwsgi, app, tmp_path):
    def start(*options, **kw):
        server = uwsgi("--http-socket", "127.0.0.1:0", "--wsgi-file", app("mules"), "--stats", tmp_path / "s", "--enable-metrics",
                       "--auto-procname", *options, **kw)
        server.wait_log("spawned uWSGI mule")
        return server
    return start


def mule_pids(server) -> dict[int, int]:
    return {int(m): int(p) for m, p in re.findall(r"spawned uWSGI mule (\d+) \(pid: (\d+)\)", server.log())}


def ask(server, path) -> bytes:
    return server.get(path, timeout=30).body


def title(pid) -> str:
    with open(f"/proc/{pid}/cmdline", "rb") as file:
        return file.read().replace(b"\0", b" ").decode().strip()


def test_plain_mules_get_messages_and_signals(instance):
    server = instance("--mules", "2")  # a mule needs a master: no -M
    server.wait_log(r"spawned uWSGI mule 2 \(pid: \d+\)")
    until(lambda: title(mule_pids(server)[2]) == "uWSGI mule 2", "its title")
    assert ask(server, "/id") == b"0"
    assert ask(server, "/send/small/2") == b"True"
    server.wait_log(r"^mule 2 got b'hello' 5$")
    assert ask(server, "/send/small") == b"True"
    server.wait_log(r"^mule [12] got b'hello' 5\n(.*\n)*mule [12] got b'hello' 5$")
    assert ask(server, "/send/text/1") == b"True"
    server.wait_log(r"^mule 1 got b'\\xc3\\xa4' 2$")
    for number, receivers in ((20, "[12]"), (21, "2"), (22, "1"), (22, "2")):
        ask(server, f"/raise/{number}")
        server.wait_log(rf"^mule {receivers} handles {number} as worker 0$")


def test_a_message_that_is_too_large_is_told(instance):
    server = instance("--mule")
    assert ask(server, "/send/big/1") == b"False"
    server.wait_log(r"^mule_send_msg\(\): Message too long \[core/mule.c line \d+\]$")


@pytest.mark.ours
def test_messages_to_mules_that_do_not_exist_raise(instance):
    server = instance("--mule")
    assert [ask(server, f"/send/small/{to}") for to in (2, -1)] == [b"'invalid mule number'"] * 2


@pytest.mark.ours
def test_farms_that_nobody_has(instance):
    assert ask(instance("--mules", "1"), "/send/small/mailers") == b"'unknown farm'"


def test_without_mules_nothing_is_sent(uwsgi, app):
    server = uwsgi("--http-socket", "127.0.0.1:0", "-M", "--wsgi-file", app("mules"))
    assert ask(server, "/send/small") == b"'no mule configured'"
    assert ask(server, "/send/small/1") == b"'no mule configured'"
    for size in ("65536", "-1", str(1 << 46), str(1 << 62)):  # more than any memory ends nobody
        assert ask(server, f"/receive/{size}") == b"'you can receive mule messages only in a mule !!!'"


@pytest.mark.ours
def test_a_target_without_mules_is_refused(uwsgi, app):
    server = uwsgi("--http-socket", "127.0.0.1:0", "-M", "--wsgi-file", app("mules"))
    server.wait_log(r"invalid signal target: mule2\nrefused 21 unable to register signal")


def test_a_mule_without_a_hook_tells_of_messages(instance):
    server = instance("--mule", env={"WITH_HOOK": "0"})
    ask(server, "/send/small/1")
    server.wait_log(r"^\*\*\* mule 1 received a 5 bytes message \*\*\*$")


def test_a_hook_that_fails_is_told_and_the_mule_goes_on(instance):
    server = instance("--mule").allow("Traceback")
    ask(server, "/send/fail/1")
    server.wait_log("ValueError: hook fails")
    ask(server, "/send/small/1")
    server.wait_log(r"^mule 1 got b'hello' 5$")
    assert len(re.findall("spawned uWSGI mule", server.log())) == 1


PROGRAM = """
import uwsgi, os
print("program of mule %d as %s" % (uwsgi.mule_id(), __name__), flush=True)
print("nothing came:", uwsgi.mule_get_msg(timeout=1), flush=True)
while True:
    message = uwsgi.mule_get_msg(signals=SIGNALS, buffer_size=8)
    print("program got", message, flush=True)
    if message == b"m0":
        break
print("program is over", flush=True)
"""


@pytest.mark.ours
def test_a_program_receives_messages_and_handles_signals_meanwhile(instance, tmp_path):
    (tmp_path / "job.py").write_text(PROGRAM.replace("SIGNALS", "True"))
    server = instance(f"--mule={tmp_path}/job.py").allow("OOOPS")
    server.wait_log(r"^program of mule 1 as __main__\n(.*\n)*?nothing came: b''$")
    ask(server, "/raise/22")
    server.wait_log(r"^mule 1 handles 22 as worker 0$")
    assert ask(server, "/send/small/1") == b"True"
    server.wait_log(r"^program got b'hello'$")
    ask(server, "/send/large/1")
    server.wait_log(r"^\*\*\* mule 1 received a message of 100000 bytes, cut to 8 \*\*\*$")
    server.wait_log(r"^program got b'yyyyyyyy'$")
    ask(server, "/many/1/1")
    server.wait_log(r"^program is over\n(.*\n)*?.*OOOPS mule 1 \(pid: \d+\) crippled...trying respawn...\n(.*\n)*?spawned uWSGI mule 1 ")
    server.wait_stats(lambda s: s["mules"][0]["respawn_count"] == 2 and s["mules"][0]["messages"] == 3, "a second life")


@pytest.mark.ours
def test_a_buffer_of_any_size_will_do(instance, tmp_path):
    (tmp_path / "job.py").write_text("import uwsgi\nwhile True:\n    message = uwsgi.mule_get_msg(buffer_size=1 << 62)\n"
                                     "    print('program got', message, flush=True)\n")
    server = instance(f"--mule={tmp_path}/job.py")
    ask(server, "/send/small/1")
    server.wait_log(r"^program got b'hello'$")


@pytest.mark.ours
def test_a_program_that_wants_no_signals_gets_none(instance, tmp_path):
    (tmp_path / "job.py").write_text(PROGRAM.replace("SIGNALS", "False").replace("timeout=1", "timeout=0, signals=False"))
    server = instance(f"--mule={tmp_path}/job.py")
    server.wait_log("nothing came")
    ask(server, "/raise/22")
    ask(server, "/send/small/1")
    server.wait_log(r"^program got b'hello'$")
    server.wait_stats(lambda s: s["mules"][0]["signal_queue"] == 1 and s["mules"][0]["signals"] == 0, "a signal nobody took")


def test_a_function_of_a_module_is_a_program_too(instance, tmp_path):
    (tmp_path / "jobs.py").write_text("import uwsgi\ndef run():\n    print('job of', uwsgi.mule_id(), flush=True)\n    uwsgi.mule_get_msg()\n")
    server = instance("--pythonpath", tmp_path, "--mule=jobs:run", "--mule=true", "--mules", "1")
    server.wait_log(r"^job of 1$")
    server.wait_log(r"spawned uWSGI mule 3 ")
    ask(server, "/send/small/2")
    server.wait_log(r"^mule 2 got b'hello' 5$")


def test_a_killed_mule_comes_back_and_takes_what_was_left(instance):
    server = instance("--mule").allow("OOOPS")
    first = mule_pids(server)[1]
    os.kill(first, signal.SIGSTOP)
    assert ask(server, "/many/10/1") == b"10"
    ask(server, "/raise/22")
    procs.kill_quietly(first)
    server.wait_log(rf"OOOPS mule 1 \(pid: {first}\) crippled...trying respawn...")
    until(lambda: mule_pids(server)[1] != first, "the next one")
    server.wait_log(r"^mule 1 got b'm9' 2$")
    server.wait_log(r"^mule 1 handles 22 as worker 0$")
    assert re.findall(r"mule 1 got b'm(\d)' 2", server.log()) == list("0123456789")


@pytest.mark.ours
def test_a_reload_loses_no_message_and_no_signal_and_gives_none_twice(instance):
    """What waits behind a message that takes long is read by the mules of the next image."""
    server = instance("--mule")
    assert "is not supported" not in server.log()
    os.mkfifo(server.cwd / "hold")
    ask(server, "/send/wait/1")
    server.wait_stats(lambda s: s["mules"][0]["messages"] == 1, "the message in hand")
    assert ask(server, "/many/10/1") == ask(server, "/many/10/0") == b"10"
    for _ in range(3):
        ask(server, "/raise/22")
        ask(server, "/raise/20")
    mark = server.mark()
    server.send(signal.SIGHUP)
    server.wait_log("gracefully killing workers", after=mark)
    (server.cwd / "hold").write_bytes(b"")
    server.wait_log(r"gracefully \(RE\)spawned uWSGI master process", after=mark)
    server.wait_stats(lambda s: s["mules"][0]["messages"] == 21 and s["mules"][0]["signals"] == 6, "all of them")
    assert re.findall(r"mule 1 got b'm(\d)' 2", server.log()) == list("0123456789" * 2)
    assert sorted(re.findall(r"^mule 1 handles (2\d) as worker 0$", server.log(), re.M)) == ["20"] * 3 + ["22"] * 3


def status(pid: int, field: str) -> str:
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return re.search(rf"^{field}:\s*(.*)$", text, re.M)[1]


@pytest.mark.ours
def test_messages_to_a_mule_that_a_reload_takes_away_are_told(instance, tmp_path):
    (tmp_path / "mules.ini").write_text("[uwsgi]\nmules = 2\n")
    server = instance("--ini", tmp_path / "mules.ini")
    os.mkfifo(server.cwd / "hold")
    ask(server, "/send/wait/2")
    server.wait_stats(lambda s: s["mules"][1]["messages"] == 1, "the message in hand")
    ask(server, "/many/4/2")
    (tmp_path / "mules.ini").write_text("[uwsgi]\nmules = 1\n")
    mark, mule = server.mark(), mule_pids(server)[2]
    until(lambda: status(mule, "State").startswith("S"), "a mule that waits in its handler")
    before = status(mule, "voluntary_ctxt_switches")
    server.send(signal.SIGHUP)
    until(lambda: status(mule, "voluntary_ctxt_switches") != before, "the word to go, which interrupts the wait")
    (server.cwd / "hold").write_bytes(b"")
    server.wait_log(r"\*\*\* 4 messages for mule 2 are lost, the configuration has it no more \*\*\*", after=mark)
    server.wait_log(r"gracefully \(RE\)spawned uWSGI master process", after=mark)


@pytest.mark.ours
def test_a_mule_that_dies_at_once_is_not_started_over_and_over(instance, tmp_path):
    (tmp_path / "job.py").write_text("raise SystemExit(3)\n")
    server = instance(f"--mule={tmp_path}/job.py").allow("OOOPS")
    server.wait_stats(lambda s: s["mules"][0]["respawn_count"] == 3, "two more lives", timeout=20)
    starts = len(re.findall("spawned uWSGI mule", server.log()))
    assert starts <= 4, "once per second"


def test_a_reload_and_a_stop_end_mules_in_order(instance):
    server, mark = (s := instance("--mules", "2")), s.mark()
    old = mule_pids(server)
    server.send(signal.SIGHUP)
    server.wait_log(r"mule 1 \(pid: \d+\) annihilated", after=mark)
    server.wait_log(r"gracefully \(RE\)spawned uWSGI master process", after=mark)
    until(lambda: not set(old.values()) & set(mule_pids(server).values()), "new mules")
    server.settle()
    assert "crippled" not in server.log()
    mark = server.mark()
    assert server.stop() == 0
    assert sorted(re.findall(r"mule (\d) \(pid: \d+\) annihilated", server.log()[mark:])) == ["1", "2"]


@pytest.mark.ours  # the original kills it too, and cannot be stopped afterwards
def test_a_mule_that_does_not_go_is_killed(instance):
    server = instance("--mule", "--mule-reload-mercy", "1").allow("NO MERCY")
    os.mkfifo(server.cwd / "hold")
    pid = mule_pids(server)[1]
    os.kill(pid, signal.SIGSTOP)
    mark = server.mark()
    server.send(signal.SIGHUP)
    server.wait_log(rf"mule 1 \(pid: {pid}\) is taking too much time to die...NO MERCY !!!", after=mark, timeout=15)
    server.wait_log(r"gracefully \(RE\)spawned uWSGI master process", after=mark)


@pytest.mark.ours
def test_a_graceful_end_waits_for_the_message_in_hand(instance):
    server = instance("--mule")
    os.mkfifo(server.cwd / "hold")
    ask(server, "/send/wait/1")
    server.wait_stats(lambda s: s["mules"][0]["messages"] == 1, "the message in hand")
    mark = server.mark()
    server.send(signal.SIGHUP)
    server.wait_log("gracefully killing workers", after=mark)
    (server.cwd / "hold").write_bytes(b"")
    server.wait_log(r"mule 1 got b'wait' 4\n(.*\n)*?mule 1 \(pid: \d+\) annihilated", after=mark)
    server.wait_log(r"gracefully \(RE\)spawned uWSGI master process", after=mark)


def test_a_handler_in_a_mule_is_under_harakiri(instance):
    server = instance("--mules", "1", "--mule-harakiri", "1").allow("HARAKIRI", "OOOPS")
    os.mkfifo(server.cwd / "hold")
    pid = mule_pids(server)[1]
    ask(server, "/raise/23")
    server.wait_log(r"^mule 1 stuck in 23$")
    server.wait_log(rf"\*\*\* HARAKIRI ON MULE 1 HANDLING SIGNAL 23 \(pid: {pid}\) \*\*\*", timeout=20)
    until(lambda: mule_pids(server)[1] != pid, "the next one")


def test_a_mule_follows_its_master(instance):
    server = instance("--mule")
    pid = mule_pids(server)[1]
    server.expect = {-9}
    workers = server.worker_pids().values()
    os.kill(server.pid, signal.SIGKILL)
    until(lambda: not procs.alive(pid), "the end of the mule")
    until(lambda: not any(map(procs.alive, workers)), "the end of the workers")


@pytest.mark.ours
def test_a_mule_holds_no_listening_socket(instance):
    server = instance("--mule", "--socket", "127.0.0.1:0")
    listening = {line.split()[9] for line in open("/proc/net/tcp").read().splitlines()[1:] if line.split()[3] == "0A"}

    def inode(pid, fd):
        try:
            return os.readlink(f"/proc/{pid}/fd/{fd}").removeprefix("socket:[").removesuffix("]")
        except FileNotFoundError:
            return ""

    def held(pid):
        return sum(inode(pid, fd) in listening for fd in os.listdir(f"/proc/{pid}/fd"))

    # The line about a mule comes as soon as it is forked: it is about to close what is not its own.
    until(lambda: held(mule_pids(server)[1]) == 0, "a mule that has closed them")
    assert held(server.worker_pids()[1]) == 2


@pytest.mark.ours
def test_a_full_queue_of_messages_is_told_and_counted(instance):
    server = instance("--mule", "--mule-msg-size=20000")
    os.kill(mule_pids(server)[1], signal.SIGSTOP)
    try:
        sent = int(ask(server, "/many/500/1"))
        assert 0 < sent < 500
        server.wait_log(r"\*\*\* MULE MSG QUEUE IS FULL: buffer size 40000 bytes \(you can tune it with --mule-msg-size\) \*\*\*$")
        server.wait_stats(lambda s: s["mules"][0]["messages_dropped"] == 500 - sent, "the lost ones counted")
    finally:
        os.kill(mule_pids(server)[1], signal.SIGCONT)
    server.wait_stats(lambda s: s["mules"][0]["messages"] == sent, "the others received", timeout=20)


@pytest.mark.ours
def test_long_messages_need_a_longer_buffer(instance):
    server = instance("--mule", "--mule-msg-recv-size=100000")
    ask(server, "/send/large/1")
    server.wait_log(r"^mule 1 got b'yyyyyyyyyyyyyyyyyyyy' 100000$")
    other = instance("--mule")
    ask(other, "/send/large/1")
    other.wait_log(r"^\*\*\* mule 1 received a message of 100000 bytes, cut to 65536 \*\*\*$")
    other.wait_log(r"^mule 1 got b'yyyyyyyyyyyyyyyyyyyy' 65536$")


@pytest.mark.ours
def test_mules_are_in_stats_and_metrics(instance):
    server = instance("--mules", "2", "--stats-http")
    ask(server, "/raise/21")
    ask(server, "/send/small/2")
    document = server.wait_stats(lambda s: s["mules"][1]["signals"] == 1 and s["mules"][1]["rss"] > 0, "a signal handled")
    assert [m["id"] for m in document["mules"]] == [1, 2]
    assert [m["pid"] for m in document["mules"]] == [mule_pids(server)[1], mule_pids(server)[2]]
    assert document["mules"][0]["signals"] == 0 and document["mules"][1]["status"] == "idle"
    text = wire.http(server.stats_address(), "/metrics").body.decode()
    assert 'uwsgi_mule_signals_total{mule_id="2"} 1\n' in text and 'uwsgi_mule_spawns_total{mule_id="1"} 1\n' in text
    assert 'uwsgi_mule_cpu_user_seconds_total{mule_id="2"}' in text


def test_the_decorators_of_the_real_module(uwsgi, tmp_path):
    module = next((paths.CACHE / "parity-venv").glob("lib/python3*/site-packages/uwsgidecorators.py"))
    shutil.copy(module, tmp_path)
    (tmp_path / "app.py").write_text("""
import uwsgi
from uwsgidecorators import mule, mulefunc, muleloop, mulemsg, signal, postfork

def told(*words):
    print("mule %d" % uwsgi.mule_id(), *words, flush=True)

@postfork
def forked():
    told("postfork")

@mule(1)
def once():
    told("once")

@mulefunc
def work(a, b=None):
    told("work", a, b)

@mulefunc(1)
def first(a):
    told("first", a)

@mulemsg(2)
def message(text):
    told("message", text)

@signal(9, target="mule1")
def nine(number):
    told("nine", number)

def application(environ, start_response):
    if environ["PATH_INFO"] == "/func":
        first("one")
    elif environ["PATH_INFO"] == "/msg":
        uwsgi.mule_msg(b"two", 2)
    else:
        uwsgi.signal(9)
    start_response("200 OK", [])
    return [b"done"]
""")
    server = uwsgi("--http-socket", "127.0.0.1:0", "--mules", "2", "--pythonpath", tmp_path, "--wsgi-file", tmp_path / "app.py")
    server.wait_log(r"^mule 0 postfork$")
    server.wait_log(r"^mule 1 postfork$")
    server.wait_log(r"^mule 1 once$")
    for path, line in (("/func", "mule 1 first one"), ("/msg", "mule 2 message b'two'"), ("/sig", "mule 1 nine 9")):
        assert ask(server, path) == b"done"
        server.wait_log(rf"^{line}$")
