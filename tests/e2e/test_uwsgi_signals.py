"""uwsgi signals: who handles which, what is counted, what is lost when, and that nobody waits for anybody."""

import collections
import os
import pathlib
import shutil
import signal
import subprocess
import threading

import pytest

from harness import paths, procs, wire
from harness.waiting import until


@pytest.fixture
def instance(uwsgi, app, tmp_path):
    def start(*options, workers=2):
        server = uwsgi("--http-socket", "127.0.0.1:0", "-M", "-p", workers, "--wsgi-file", app("signals"), "--enable-metrics",
                       "--stats", tmp_path / "s", *options, workers=workers)
        server.settle()
        return server
    return start


def handled(server) -> collections.Counter:
    """How often which worker has handled which signal, as its handlers wrote it down."""
    lines = (server.cwd / "handled").read_text().splitlines()
    return collections.Counter((int(n), int(w)) for n, w, _ in map(str.split, lines))


def counts(server) -> tuple[int, int]:
    metrics = server.stats()["metrics"]
    return metrics["core.routed_signals"]["value"], metrics["core.unrouted_signals"]["value"]


def raised(server, number, times=1):
    assert server.get(f"/raise/{number}/{times}", timeout=60).body == b"None"


def signals(document) -> list[int]:
    return [w["signals"] for w in document["workers"]]


@pytest.mark.parametrize("number, receivers", [
    (10, "one"), (11, "one"), (17, "one"), (12, "all"), (13, "all"), (14, "second"),
])
def test_a_signal_reaches_the_receiver_it_was_registered_for(instance, number, receivers):
    server = instance()
    raised(server, number)
    expected = 2 if receivers == "all" else 1
    until(lambda: handled(server).total() == expected, "the handlers")
    workers = [worker for _, worker in handled(server)]
    assert len(set(workers)) == expected and (receivers != "second" or workers == [2])
    document = server.wait_stats(lambda s: sum(signals(s)) == expected, "signals counted")
    assert all(w["signal_queue"] == 0 and w["status"] in ("idle", "busy") for w in document["workers"])
    until(lambda: counts(server) == (1 + expected, 0), "one to the master, and from it one to each")


def test_registrations_are_told_and_refused_as_ever(instance):
    server = instance()
    log = server.log()
    for line in (
        "[uwsgi-signal] signum 10 registered (wid: 0 modifier1: 0 target: default, any worker)",
        "[uwsgi-signal] signum 14 registered (wid: 0 modifier1: 0 target: worker2)",
        "[uwsgi-signal] you cannot re-register a signal as the master !!!\nrefused 10 'workers': unable to register signal",
    ):
        assert line in log
    assert server.get("/registered").body == b"[10, 11, 12, 13, 14, 15, 16, 17, 18]"
    raised(server, 18)
    raised(server, 10)
    until(lambda: handled(server).total() == 1, "the signal behind it")
    assert not any(number == 18 for number, _ in handled(server)), "subscribed means nobody here"


@pytest.mark.ours
def test_a_kind_of_receiver_that_does_not_exist_is_refused_at_once(instance):
    server, mark = (s := instance()), s.mark()
    server.get("/refused/30")
    server.wait_log(r"UNSUPPORTED SIGNAL TARGET: no_such \^\^\^\nrefused 30 'no_such': unable to register signal", after=mark)


@pytest.mark.ours
def test_a_receiver_that_does_not_exist_is_refused_at_once(uwsgi, tmp_path):
    (tmp_path / "app.py").write_text("import uwsgi\nuwsgi.register_signal(1, 'worker9', print)\n")
    server = uwsgi("--http-socket", "127.0.0.1:0", "-M", "--wsgi-file", tmp_path / "app.py", "--need-app", ready=False).allow("Traceback")
    server.expect = {22}
    assert server.wait_exit() == 22
    assert "invalid signal target: worker9\n" in server.log() and "ValueError: unable to register signal" in server.log()


def test_without_a_master_there_are_no_signals(uwsgi, app):
    server = uwsgi("--http-socket", "127.0.0.1:0", "--wsgi-file", app("signals"))
    server.wait_log(r"you cannot register signals without a master\nrefused 10 'workers': unable to register signal")
    assert server.get("/registered").body == b"[]"


def test_what_a_worker_registers_is_its_own(instance):
    server = instance()
    wid = int(server.get("/wid").body)
    while server.get("/wid").body != str(wid).encode():
        pass
    reply = server.get("/own/40")
    server.wait_log(r"signum 40 registered \(wid: (\d) modifier1: 0 target: workers\)")
    assert reply.body == b"True"
    seen = {server.get("/registered").body for _ in range(40)}
    assert all((b"40" in body) <= (b"18, 40]" in body) for body in seen)


def test_a_handler_that_fails_or_is_missing_is_told_and_nothing_breaks(instance):
    server = instance().allow("Traceback", "ValueError")
    raised(server, 15)
    server.wait_log(r"Traceback \(most recent call last\):\n  File \".*signals\.py\", line \d+, in fails\n(.*\n)*?ValueError: handler of 15\n"
                    r".* - error managing signal 15 on worker 1\n")
    raised(server, 200)
    server.wait_log(r" - error managing signal 200 on worker [12]\n")
    raised(server, 256 + 44)  # numbers wrap
    server.wait_log(r" - error managing signal 44 on worker [12]\n")
    raised(server, 10)
    until(lambda: handled(server).total() == 1, "a handler after all that")


def test_a_running_handler_shows_in_the_status(instance):
    server = instance()
    os.mkfifo(server.cwd / "hold")
    raised(server, 16)
    document = server.wait_stats(lambda s: s["workers"][0]["status"] == "sig16", "a handler at work")
    assert signals(document) == [1, 0]
    until(lambda: b"sig16" in server.get("/status").body, "uwsgi.workers() to say so")
    server.wait_stats(lambda s: s["metrics"]["core.busy_workers"]["value"] == 1, "a busy worker")
    raised(server, 12, 5)
    server.wait_stats(lambda s: s["workers"][0]["signal_queue"] == 5, "five that wait behind it")
    (server.cwd / "hold").write_bytes(b"")
    until(lambda: handled(server)[12, 1] == 5, "those five")
    server.wait_stats(lambda s: s["workers"][0]["status"] == "idle" and s["workers"][0]["signal_queue"] == 0, "peace")


def test_a_handler_keeps_no_other_core_from_serving(instance):
    server = instance("--threads", "3", workers=1)
    os.mkfifo(server.cwd / "hold")
    raised(server, 16)
    server.wait_stats(lambda s: s["workers"][0]["status"] == "sig16", "a handler at work")
    raised(server, 10, 50)
    until(lambda: handled(server)[10, 1] == 50, "other cores to handle the others, each once")
    (server.cwd / "hold").write_bytes(b"")
    server.wait_stats(lambda s: s["workers"][0]["status"] == "idle" and signals(s) == [51], "the end of the handler")


@pytest.mark.parametrize("wanted, raises, answer", [([], [77], b"(0, b'', 77)"), ([10], [200, 10], b"(0, b'', 10)")])
def test_a_request_may_wait_for_a_signal(instance, wanted, raises, answer):
    server = instance("--threads", "2", workers=1)
    got = []
    path = "/wait/" + "/".join(map(str, wanted))
    waiter = threading.Thread(target=lambda: got.append(server.get(path, timeout=30).body))
    waiter.start()
    server.wait_stats(lambda s: s["workers"][0]["status"] == "busy", "a waiting request")
    # The other core may be faster: what it takes is raised again.
    while waiter.is_alive():
        for number in raises:
            raised(server, number)
        waiter.join(0.2)
    assert got == [answer]


@pytest.mark.ours
def test_ten_thousand_signals_are_all_handled_and_counted(instance):
    server = instance()
    raised(server, 10, 6000)
    raised(server, 14, 4000)
    until(lambda: handled(server).total() == 10000, "all of them", timeout=60)
    by_number = collections.Counter()
    for (number, _), times in handled(server).items():
        by_number[number] += times
    assert by_number == {10: 6000, 14: 4000} and handled(server)[14, 2] == 4000
    document = server.wait_stats(lambda s: sum(signals(s)) == 10000 and s["signal_queue"] == 0, "everything counted")
    assert all(w["signal_queue"] == 0 for w in document["workers"])
    assert counts(server) == (20000, 0)


@pytest.mark.ours
def test_a_killed_worker_costs_at_most_the_signal_it_had_in_hand(instance):
    server = instance("--forkbomb-delay", "0").allow("DAMN", "OOPS")
    total, kills = 4000, 6
    raised(server, 14, total)
    for _ in range(kills):
        before = handled(server).total()
        if before >= total - kills:
            break
        pid = server.stats()["workers"][1]["pid"]
        procs.kill_quietly(pid)
        until(lambda: server.stats()["workers"][1]["pid"] not in (0, pid), "the next worker 2")
        until(lambda: handled(server).total() > before, "its successor to go on")
    document = server.wait_stats(lambda s: s["workers"][1]["signal_queue"] == 0 and s["workers"][1]["status"] == "idle", "an empty queue", 60)
    wrote, counted = handled(server).total(), document["workers"][1]["signals"]
    assert total - kills <= wrote <= counted <= total
    assert counts(server) == (2 * total, 0)


@pytest.mark.ours
def test_a_full_queue_is_told_and_counted_and_holds_up_nobody(instance):
    server = instance("--signal-bufsize", "4096")
    stopped = server.worker_pids()[2]
    os.kill(stopped, signal.SIGSTOP)
    try:
        until(lambda: procs.stat(stopped)[0] == "T", "a stopped worker")
        raised(server, 14, 5000)
        server.wait_stats(lambda s: s["workers"][1]["signal_queue"] == 4096, "a full queue")
        until(lambda: counts(server) == (5000 + 4096, 904), "the count of the lost")
        assert "*** SIGNAL QUEUE IS FULL: buffer size 4096 bytes (you can tune it with --signal-bufsize) ***\n" \
               "could not deliver signal 14 to worker 2\n" in server.log()
        raised(server, 10)
        until(lambda: handled(server)[10, 1] == 1, "signals to others")
    finally:
        os.kill(stopped, signal.SIGCONT)
    until(lambda: handled(server)[14, 2] == 4096, "what fitted", timeout=30)


def test_a_handler_is_under_harakiri(instance):
    server = instance("--harakiri", "1").allow("DAMN", "HARAKIRI")
    os.mkfifo(server.cwd / "hold")
    pid = server.worker_pids()[1]
    raised(server, 16)
    server.wait_log(rf"\*\*\* HARAKIRI ON WORKER 1 \(pid: {pid}, try: 1", timeout=15)
    server.wait_log(r"Respawned uWSGI worker 1")
    server.wait_stats(lambda s: s["workers"][0]["status"] == "idle", "a fresh worker")


def test_a_reload_registers_anew_and_goes_on(instance):
    server, mark = (s := instance()), s.mark()
    raised(server, 12)
    until(lambda: handled(server).total() == 2, "both")
    server.send(signal.SIGHUP)
    server.wait_log(r"spawned uWSGI worker 2 ", after=mark)
    server.wait_log(r"signum 12 registered \(wid: 0", after=mark)
    server.settle()
    address = server.address(after=mark)
    until(lambda: wire.http(address, "/raise/12").status == 200 and handled(server).total() >= 4, "both again")


@pytest.mark.ours
def test_signals_raised_while_the_workers_change_are_handled_by_those_that_come(instance):
    server = instance("--lazy")
    stop, sent = threading.Event(), []

    def storm():
        while not stop.is_set():
            if server.get("/raise/10/20", timeout=30).status == 200:
                sent.append(20)

    thread = threading.Thread(target=storm)
    thread.start()
    try:
        for _ in range(3):
            old = set(server.worker_pids().values())
            server.send(signal.SIGHUP)
            until(lambda: len(server.worker_pids()) == 2 and not old & set(server.worker_pids().values()), "new workers", timeout=30)
    finally:
        stop.set()
        thread.join(60)
    until(lambda: handled(server).total() == sum(sent), "every one of them")


def test_signals_come_over_uwsgi_sockets_too(instance, tmp_path):
    """Modifier 110: the number is the second modifier, the payload means nothing."""
    server = instance("--socket", tmp_path / "u.sock")
    address = str(tmp_path / "u.sock")
    for packet in (bytes([110, 0, 0, 14]), bytes([110, 3, 0, 14]) + b"abc"):
        assert wire.raw(address, packet) == b"\xff\0\0\1"
    until(lambda: handled(server)[14, 2] == 2, "both")
    done = subprocess.run([paths.OURS, "--signal", f"{address},14"], capture_output=True, timeout=20, check=False)
    assert done.returncode == 0 and f"signal 14 delivered to node {address}" in (done.stdout + done.stderr).decode()
    until(lambda: handled(server)[14, 2] == 3, "the one of the command")


def test_an_instance_without_master_rejects_signals(uwsgi, app, tmp_path):
    uwsgi("--socket", tmp_path / "u.sock", "--wsgi-file", app("hello"), "--need-app").wait_log("spawned uWSGI worker 1")
    assert wire.raw(str(tmp_path / "u.sock"), bytes([110, 0, 0, 1]))[:3] == b"\xff\0\0"


def test_an_application_raises_signals_of_another_instance(instance, uwsgi, app, tmp_path):
    server = instance("--socket", tmp_path / "u.sock")
    (tmp_path / "other").mkdir()
    other = uwsgi("--http-socket", "127.0.0.1:0", "-M", "--wsgi-file", app("signals"), directory=tmp_path / "other")
    assert other.get(f"/remote/10{tmp_path}/u.sock").body == b"None"
    until(lambda: handled(server).total() == 1, "the handler of the other instance")
    answer = other.get(f"/remote/10{tmp_path}/nobody").body.decode()
    assert answer == repr(f"OSError: unable to deliver signal 10 to node {tmp_path}/nobody")


def test_timers_raise_signals_again_and_again(instance):
    server = instance("--timer", "14 1", "--signal-timer=12 1", "--rbtimer=10 1", "--signal-rbtimer=11 1")
    until(lambda: handled(server)[14, 2] >= 2, "two shots of --timer", timeout=15)
    until(lambda: all(handled(server)[12, w] >= 2 for w in (1, 2)), "two shots for all workers", timeout=15)
    until(lambda: all(sum(handled(server)[n, w] for w in (1, 2)) >= 1 for n in (10, 11)), "tree timers", timeout=15)


def test_an_application_adds_timers(instance):
    server = instance()
    assert server.get("/timer/add_timer/14/1").body == b"None"
    assert server.get("/timer/add_rb_timer/12/1/2").body == b"None"
    until(lambda: handled(server)[14, 2] >= 4, "four shots", timeout=20)
    assert handled(server)[12, 1] == handled(server)[12, 2] == 2, "two rounds were asked for"


@pytest.mark.ours
def test_timers_of_milliseconds_and_none_at_all(instance):
    server = instance()
    assert server.get("/timer/add_ms_timer/14/20").body == b"None"
    until(lambda: handled(server)[14, 2] >= 20, "twenty shots", timeout=5)
    for name, what in (("add_timer", "timer"), ("add_rb_timer", "rb_timer"), ("add_ms_timer", "timer")):
        assert server.get(f"/timer/{name}/14/0").body.decode() == repr(f"ValueError: unable to add {what}")


@pytest.mark.parametrize("option, text", [
    ("--signal-timer=1", "invalid signal timer syntax, must be: <signal> <seconds>"),
    ("--signal-rbtimer=1", "invalid redblack signal timer syntax, must be: <signal> <seconds>"),
])
def test_timers_without_seconds_are_refused(uwsgi, app, option, text):
    server = uwsgi("--http-socket", "127.0.0.1:0", "-M", "--wsgi-file", app("signals"), option, ready=False)
    server.expect = {1}
    assert server.wait_exit() == 1
    assert text in server.log()


def test_the_decorators_of_the_real_module(uwsgi, tmp_path):
    """`uwsgidecorators` as PyPI has it."""
    module = next((paths.CACHE / "parity-venv").glob("lib/python3*/site-packages/uwsgidecorators.py"))
    shutil.copy(module, tmp_path)
    (tmp_path / "app.py").write_text("""
import os, uwsgi
from uwsgidecorators import signal, timer, rbtimer, postfork, get_free_signal

@signal(7, target="workers")
def seven(number):
    print("seven got %d in %d" % (number, uwsgi.worker_id()), flush=True)

@timer(1, target="worker2")
def ticks(number):
    print("tick %d in %d" % (number, uwsgi.worker_id()), flush=True)

@rbtimer(1)
def tree(number):
    print("tree tick %d" % number, flush=True)

@postfork
def forked():
    print("postfork %d" % uwsgi.worker_id(), flush=True)

print("free %d" % get_free_signal(), flush=True)

def application(environ, start_response):
    uwsgi.signal(7)
    start_response("200 OK", [])
    return [b"raised"]
""")
    server = uwsgi("--http-socket", "127.0.0.1:0", "-M", "-p", "2", "--pythonpath", tmp_path, "--wsgi-file", tmp_path / "app.py", workers=2)
    assert wire.http(server.address()).body == b"raised"
    for worker in (1, 2):
        server.wait_log(rf"seven got 7 in {worker}\n")
        server.wait_log(rf"postfork {worker}\n")
    server.wait_log(r"tick 0 in 2\n(.*\n)*?tick 0 in 2\n", timeout=15)
    server.wait_log(r"tree tick 1\n", timeout=15)
    assert "free 2\n" in server.log()
    assert pathlib.Path(module).read_text().startswith("from functools import partial"), "the real one"
