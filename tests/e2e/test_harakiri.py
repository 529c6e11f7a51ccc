"""Harakiri: who is ended, when, after which lines, and what is counted."""

import contextlib
import os
import pathlib
import re
import shutil
import signal
import subprocess
import threading
import time

import pytest

from harness import procs, wire
from harness.waiting import until

DATE = r"\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4} - "


@pytest.fixture
def start(uwsgi, app, tmp_path):
    def start(*options, master=("-M",), code="stuck", **kw):
        stats = ("--stats", tmp_path / "stats") if master else ()
        server = uwsgi("--http-socket", "127.0.0.1:0", *master, *stats, *options, "--wsgi-file", app(code), **kw)
        return server.allow("DAMN", "NO MERCY")
    return start


def send(server, path):
    """A request whose answer nobody waits for."""
    stream = wire.connect(server.address(), 60)
    stream.sendall(wire.request_bytes(path=path))
    return contextlib.closing(stream)


def pid_of(server, worker=1):
    return server.worker_pids()[worker]


def hold(server, streams, directory, name):
    """Keeps one more core in a request until the file `name`.out exists; which one."""
    def cores():
        return [core["in_request"] for core in server.stats()["workers"][0]["cores"]]

    before = cores()
    streams.enter_context(send(server, f"/gate?{directory}/{name}"))
    until((directory / f"{name}.in").exists, "the request in the application")
    return next(n for n, busy in enumerate(cores()) if busy and not before[n])


def block(server, after=0):
    """The lines of one harakiri, from its first to the respawn."""
    server.wait_log(r"^Respawned uWSGI worker", after=after, timeout=20)
    text = server.log()[after:]
    begin = re.search(rf"^(?:{DATE})?\*\*\* HARAKIRI ON WORKER", text, re.M).start()
    return text[begin:text.index("Respawned uWSGI worker")].splitlines()


def test_lines_in_order_and_one_count(start):
    server = start("--harakiri", "2")
    pid, mark, began = pid_of(server), server.mark(), time.monotonic()
    assert wire.raw(server.address(), wire.request_bytes(path="/asleep?10"), timeout=30) == b""
    took = time.monotonic() - began
    lines = [re.sub(f"^{DATE}", "V ", line) for line in block(server, mark)]
    expected = [
        rf"V \*\*\* HARAKIRI ON WORKER 1 \(pid: {pid}, try: 1, graceful: yes\) \*\*\*",
        r"V HARAKIRI !!! worker 1 status !!!",
        r"V HARAKIRI \[core 0\] 127\.0\.0\.1 - GET /asleep\?10 since \d+",
        r"V HARAKIRI !!! end of worker 1 status !!!",
        r"V HARAKIRI triggered by worker 1 core 0 !!!",
    ]
    assert len(lines) >= len(expected) and all(map(re.fullmatch, expected, lines)), lines
    assert f"DAMN ! worker 1 (pid: {pid}) died, killed by signal 9 :( trying respawn ..." in lines
    assert (2 if server.ours else 1) <= took < 4
    document = server.wait_stats(lambda s: s["workers"][0]["harakiri_count"] == 1, "one harakiri")
    assert document["workers"][0]["respawn_count"] == 2
    assert server.get().status == 200


@pytest.mark.ours
def test_the_kill_comes_in_time(start):
    server = start("--harakiri", "2", "--stats-http")
    for _ in range(2):
        began = time.monotonic()
        wire.raw(server.address(), wire.request_bytes(path="/asleep"), timeout=30)
        assert 1.999 <= time.monotonic() - began < 2.4
    assert 'uwsgi_app_harakiri_total{app="/"} 2' in wire.http(server.stats_address(), "/metrics").body.decode()


@pytest.mark.ours
def test_who_is_done_while_the_master_writes_is_spared(uwsgi, app, tmp_path):
    """The master waits for the reader of its log in the middle of harakiri: the next request of that core is innocent."""
    os.mkfifo(tmp_path / "server0.log")
    log, text = os.open(tmp_path / "server0.log", os.O_RDWR | os.O_NONBLOCK), tmp_path / "log"
    text.touch()

    def read():
        with contextlib.suppress(BlockingIOError), open(text, "ab") as copy:
            while piece := os.read(log, 65536):
                copy.write(piece.replace(b"\0", b""))
        return server.log()

    def begin(name):
        stream = wire.connect(tmp_path / "s", 60)
        stream.sendall(wire.request_bytes(path=f"/gate?{tmp_path}/{name}"))
        until((tmp_path / f"{name}.in").exists, "the request in the application")
        return contextlib.closing(stream)

    server = uwsgi("--http-socket", tmp_path / "s", "--vacuum", "-M", "--harakiri", "3", "--disable-logging", "--wsgi-file", app("stuck"), ready=False)
    server.log_path = text
    pid = int(until(lambda: re.search(r"spawned uWSGI worker 1 .*\(pid: (\d+)", read()), "the worker")[1])
    with begin("a") as first:
        began = time.monotonic()
        with contextlib.suppress(BlockingIOError):
            while os.write(log, bytes(1)):
                pass
        until(lambda: time.monotonic() > began + 4, "the deadline")
        (tmp_path / "a.out").touch()
        assert wire.Reader(first).response().body == str(pid).encode()
    with begin("b") as second:
        until(lambda: "HARAKIRI: worker 1 is done after all and goes on" in read(), "the master")
        (tmp_path / "b.out").touch()
        assert wire.Reader(second).response().body == str(pid).encode()
    server.send(signal.SIGINT)
    until(lambda: "goodbye" in read(), "the end")
    os.close(log)


@pytest.mark.ours
def test_a_stuck_thread_among_busy_ones_is_ended(start):
    server = start("--harakiri", "2", "--threads", "2")
    mark, over = server.mark(), threading.Event()

    def others():
        while not over.is_set():
            with contextlib.suppress(OSError, EOFError):
                server.get("/asleep?0.1")

    crowd = threading.Thread(target=others)
    crowd.start()
    try:
        began = time.monotonic()
        with send(server, "/asleep") as stream:
            assert wire.read_all(stream) == b""
        assert time.monotonic() - began < 4
    finally:
        over.set()
        crowd.join()
    lines = "\n".join(block(server, mark))
    assert re.search(r"HARAKIRI \[core \d\] 127\.0\.0\.1 - GET /asleep since \d+", lines)
    assert re.search(r"HARAKIRI triggered by worker 1 core \d !!!", lines)


def test_a_graceful_signal_comes_first(start):
    server = start("--harakiri", "1", "--harakiri-graceful-timeout", "5")
    pid, mark = pid_of(server), server.mark()
    with send(server, "/asleep"):
        server.wait_log(r"^Respawned uWSGI worker 1", after=mark)
    text = server.log()[mark:]
    found = re.search(r"HARAKIRI: graceful termination attempt on worker 1 with signal 15\. Next harakiri: (\d+)", text)
    assert abs(int(found[1]) - time.time() - 5) < 4
    assert f"*** HARAKIRI ON WORKER 1 (pid: {pid}, try: 1, graceful: yes) ***" in text
    assert "try: 2" not in text and "killed by signal 9" not in text
    server.wait_stats(lambda s: s["workers"][0]["harakiri_count"] == 1, "one harakiri")


@pytest.mark.parametrize("number", [15, 10])
def test_who_ignores_the_graceful_signal_is_killed(start, number):
    server = start("--harakiri", "1", "--harakiri-graceful-timeout", "1", "--harakiri-graceful-signal", str(number))
    pid, mark = pid_of(server), server.mark()
    with send(server, f"/deaf?{number}"):
        server.wait_log(r"^Respawned uWSGI worker 1", after=mark)
    order = [f"(pid: {pid}, try: 1, graceful: yes)", f"attempt on worker 1 with signal {number}.", "HARAKIRI triggered by worker 1 core 0",
             f"(pid: {pid}, try: 2, graceful: no)", "HARAKIRI !!! worker 1 status !!!", "HARAKIRI triggered by worker 1 core 0",
             "died, killed by signal 9"]
    at = mark
    for text in order:
        at = server.log().index(text, at)
    server.wait_stats(lambda s: s["workers"][0]["harakiri_count"] == 1, "one harakiri: the second try does not count")


@pytest.mark.ours
def test_a_request_that_heeds_the_signal_goes_on(start):
    server = start("--harakiri", "1", "--harakiri-graceful-timeout", "3", "--harakiri-graceful-signal", "10")
    pid = pid_of(server)
    assert server.get("/saved?10").body == str(pid).encode()
    server.wait_log(r"graceful termination attempt on worker 1 with signal 10")
    # Its successors have all their time again.
    for _ in range(3):
        assert server.get("/asleep?0.5").body == str(pid).encode()
    assert server.stats()["workers"][0]["harakiri_count"] == 1
    assert "try: 2" not in server.log()


def test_verbose_tells_what_it_waits_for(start):
    server = start("--harakiri", "1", "--harakiri-verbose")
    mark = server.mark()
    with send(server, "/asleep"):
        text = "\n".join(block(server, mark))
    assert re.search(r"try: 1, graceful: yes\) \*\*\*\nHARAKIRI: -- syscall> \S.*\nHARAKIRI: -- wchan> \S*\n", text), text


@pytest.mark.ours
def test_verbose_looks_at_the_thread_that_is_stuck(start, tmp_path):
    server = start("--harakiri-verbose", "--threads", "2")
    mark = server.mark()
    with contextlib.ExitStack() as streams:
        # The first thread is at rest, so that nothing is learned from it.
        first = hold(server, streams, tmp_path, "a")
        if first > 0:
            assert hold(server, streams, tmp_path, "b") == 0
            (tmp_path / "a.out").touch()
            server.wait_stats(lambda s: not s["workers"][0]["cores"][1]["in_request"], "a free core")
        streams.enter_context(send(server, f"/reading?2&{tmp_path}/r"))
        pid = pid_of(server)
        thread = until(lambda: (tmp_path / "r.thread").exists() and int((tmp_path / "r.thread").read_text()), "the stuck thread")
        assert thread != pid
        waits = pathlib.Path(f"/proc/{pid}/task/{thread}/syscall")
        expected = until(lambda: (text := waits.read_text()) != "running\n" and text, "a call of the kernel")
        text = "\n".join(block(server, mark))
    assert f"HARAKIRI: -- syscall> {expected}" in text, text
    assert re.search(r'  File ".*stuck\.py", line \d+ in reading\n(.*\n)*?.*HARAKIRI !!! worker 1 status !!!', text), text


@pytest.mark.ours
@pytest.mark.parametrize("path", ["/asleep", "/gil?30"], ids=["asleep", "gil"])
def test_verbose_tells_the_stacks(start, path):
    server = start("--harakiri", "1", "--harakiri-verbose")
    mark, began = server.mark(), time.monotonic()
    with send(server, path) as stream:
        assert wire.read_all(stream) == b""
    assert time.monotonic() - began < 3
    text = "\n".join(block(server, mark))
    function = "asleep" if path == "/asleep" else "holding_the_interpreter"
    assert re.search(rf"\*\*\* uWSGI Python tracebacker output \*\*\*\n(.*\n)*?.*most recent call first.*\n(.*\n)*?"
                     rf'  File ".*stuck\.py", line \d+ in {function}\n(.*\n)*?.*HARAKIRI !!! worker 1 status !!!\n', text), text


@pytest.mark.ours
@pytest.mark.parametrize("options", [(), ("--harakiri-verbose",)], ids=["plain", "verbose"])
def test_a_stopped_worker_is_killed(start, tmp_path, options):
    server = start("--harakiri", "1", *options)
    pid, mark = pid_of(server), server.mark()
    with send(server, f"/gate?{tmp_path}/g"):
        until((tmp_path / "g.in").exists, "the request in the application")
        os.kill(pid, signal.SIGSTOP)
        server.wait_log(rf"DAMN ! worker 1 \(pid: {pid}\) died, killed by signal 9", after=mark)
    server.wait_log("Respawned uWSGI worker 1", after=mark)
    (tmp_path / "g.out").touch()
    assert server.get().status == 200


def test_the_interpreter_held_in_c_does_not_help(start):
    server = start("--harakiri", "1")
    mark = server.mark()
    with send(server, "/gil?30") as stream:
        assert wire.read_all(stream) == b""
    block(server, mark)
    assert server.get().status == 200


@pytest.mark.ours
def test_a_short_queue_saves_and_is_told_once(start):
    server = start("--harakiri", "1", "--harakiri-queue-threshold", "2", "--listen", "10")
    pid, mark = pid_of(server), server.mark()
    with contextlib.ExitStack() as streams:
        streams.enter_context(send(server, "/asleep"))
        server.wait_log(r"HARAKIRI: Skipping harakiri on worker 1\. Listen queue is smaller than the threshold \(0 < 2\)", after=mark)
        before = server.stats()["workers"][0]["harakiri_count"]
        cycles = server.stats()["master"]["lateness"]["count"]
        server.wait_stats(lambda s: s["master"]["lateness"]["count"] >= cycles + 3, "three more seconds")
        assert before == 0 and server.log().count("Skipping harakiri") == 1 and pid_of(server) == pid
        for _ in range(2):
            streams.enter_context(send(server, "/"))
        server.wait_log(r"HARAKIRI triggered by worker 1 core 0 !!!", after=mark)
    server.wait_log("Respawned uWSGI worker 1", after=mark)


@pytest.mark.ours
def test_who_waits_behind_the_router_is_in_the_queue(uwsgi, app):
    server = uwsgi("--http", "127.0.0.1:0", "-M", "--harakiri", "1", "--harakiri-queue-threshold", "2", "--wsgi-file", app("stuck"))
    address = ("127.0.0.1", int(server.allow("DAMN").wait_log(r"uWSGI http bound on 127\.0\.0\.1:(\d+)")[1]))
    mark = server.mark()
    with contextlib.ExitStack() as streams:
        for path in ["/asleep", "/", "/"]:
            stream = streams.enter_context(contextlib.closing(wire.connect(address, 60)))
            stream.sendall(wire.request_bytes(path=path))
            if path == "/asleep":
                server.wait_log(r"Skipping harakiri on worker 1\. Listen queue is smaller than the threshold \(0 < 2\)", after=mark)
        server.wait_log(r"HARAKIRI triggered by worker 1 core 0 !!!", after=mark)
    server.wait_log("Respawned uWSGI worker 1", after=mark)


def test_the_application_sets_a_limit(start):
    server = start()
    mark = server.mark()
    with send(server, "/limited?1&30") as stream:
        assert wire.read_all(stream) == b""
    lines = "\n".join(block(server, mark))
    assert "HARAKIRI (user) triggered by worker 1 core 0 !!!" in lines


@pytest.mark.ours
def test_a_limit_of_the_application_ends_with_its_request(start):
    server = start("--harakiri", "60")
    pid = pid_of(server)
    assert server.get("/limited?1&0").body == str(pid).encode()
    assert server.get("/asleep?1.5").body == str(pid).encode()
    assert server.get("/limited?1&0.5&0").body == str(pid).encode()
    assert server.get("/limited?2&1.2&2").body == str(pid).encode(), "a limit begins when it is set"
    assert "HARAKIRI" not in server.log()


@pytest.mark.ours
def test_a_limit_that_is_set_between_requests_bounds_none(start, tmp_path):
    server = start()
    pid = pid_of(server)
    server.get(f"/later?{tmp_path}/now&1")
    server.wait_stats(lambda s: s["workers"][0]["status"] == "idle", "the end of the request")
    (tmp_path / "now").touch()
    until((tmp_path / "now.done").exists, "the limit")
    assert server.get("/asleep?1.5").body == str(pid).encode()
    assert "HARAKIRI" not in server.log()


def test_the_application_sets_no_limit_without_a_master(start):
    server = start(master=())
    assert server.get("/limited?1&0").status == 200
    server.wait_log(r"^!!! unable to set user harakiri without the master process !!!$")
    server.expect = {0, 30}


@pytest.mark.parametrize("path", ["/asleep", pytest.param("/gil?30", marks=pytest.mark.ours)], ids=["asleep", "gil"])
@pytest.mark.parametrize("threads", ["1", pytest.param("2", marks=pytest.mark.ours)])
def test_without_a_master_the_process_ends(start, path, threads):
    server = start("--harakiri", "1", "--threads", threads, master=())
    mark = server.mark()
    with send(server, path) as stream:
        assert wire.read_all(stream) == b""
    assert server.wait_exit() == 0
    assert re.search(
        rf"^\nKilling the current process \(pid: {server.pid} app_id: 0\)\.\.\.\n"
        r"\*\*\* if you want your workers to be automatically respawned consider enabling the uWSGI master process \*\*\*$",
        server.log()[mark - 1:], re.M)


@pytest.mark.ours
def test_a_reload_does_not_give_requests_more_time(start):
    server = start("--harakiri", "3", "--worker-reload-mercy", "60")
    mark, began = server.mark(), time.monotonic()
    with send(server, "/asleep"):
        server.wait_stats(lambda s: s["workers"][0]["cores"][0]["in_request"], "the request")
        server.send(signal.SIGHUP)
        server.wait_log(r"HARAKIRI triggered by worker 1 core 0 !!!", after=mark)
        server.wait_log(r"^spawned uWSGI worker 1 ", after=mark)
    assert time.monotonic() - began < 12
    server.settle()


@pytest.mark.ours
def test_harakiri_while_others_come_and_go(start):
    """One worker is ended while the other dies again and again."""
    server = start("--harakiri", "2", "-p", "2", "--forkbomb-delay", "1")
    mark = server.mark()
    stuck = int(server.get().body)
    other = next(n for n, pid in server.worker_pids().items() if pid != stuck)
    # The one that is not killed all the time takes the request: the other has no chance to answer.
    with send(server, "/asleep"):
        seen = server.wait_stats(lambda s: any(w["status"] == "busy" for w in s["workers"]), "a busy worker")
        busy = next(w["id"] for w in seen["workers"] if w["status"] == "busy")
        other = 3 - busy
        while f"HARAKIRI triggered by worker {busy}" not in server.log():
            pid = pid_of(server, other)
            procs.kill_quietly(pid)
            until(lambda old=pid: pid_of(server, other) != old or f"HARAKIRI triggered by worker {busy}" in server.log(), "the next life")
    server.wait_log(rf"Respawned uWSGI worker {busy} ", after=mark)
    server.ready(2)
    assert server.get().status == 200


@pytest.mark.ours
def test_handlers_of_signals_are_limited(uwsgi, app, tmp_path):
    server = uwsgi("--http-socket", "127.0.0.1:0", "-M", "--harakiri", "1", "--stats", tmp_path / "stats", "--wsgi-file", app("signals"))
    server.allow("DAMN")
    os.mkfifo(server.cwd / "hold")
    mark = server.mark()
    server.get("/raise/16")
    lines = "\n".join(block(server, mark))
    assert "HARAKIRI [core 0] - handling signal 16" in lines


@pytest.mark.ours
def test_a_mule_sets_a_limit(uwsgi, app, tmp_path):
    (tmp_path / "mule.py").write_text(
        "import time, uwsgi\n"
        "uwsgi.set_user_harakiri(1)\nuwsgi.set_user_harakiri(0)\ntime.sleep(1.5)\nprint('free', flush=True)\n"
        "uwsgi.set_user_harakiri(1)\ntime.sleep(60)\n")
    server = uwsgi("--http-socket", "127.0.0.1:0", "-M", "--mule=" + str(tmp_path / "mule.py"), "--wsgi-file", app("hello"))
    server.allow("OOOPS")
    server.wait_log(r"^free$")
    found = server.wait_log(r"\*\*\* HARAKIRI ON MULE 1 \(pid: (\d+)\) \*\*\*$")
    server.wait_log(rf"OOOPS mule 1 \(pid: {found[1]}\) crippled\.\.\.trying respawn\.\.\.")


@pytest.mark.ours
def test_no_record_of_requests_is_needed_for_a_limit_of_the_application(start):
    server = start("--request-metrics=false")
    with send(server, "/limited?1&30") as stream:
        assert wire.read_all(stream) == b""
    server.wait_log(r"HARAKIRI \(user\) triggered by worker 1 core 0 !!!")
    server.wait_log("Respawned uWSGI worker 1")


@pytest.mark.ours
@pytest.mark.skipif(not shutil.which("cc"), reason="needs a C compiler")
@pytest.mark.parametrize("options, killed", [((), True), (("--harakiri-no-arh",), False)], ids=["counted", "free"])
def test_what_follows_a_request_is_part_of_it(start, tmp_path, options, killed):
    (tmp_path / "lib.c").write_text('#include <unistd.h>\n#include <stdio.h>\n'
                                    'void after(void *r) { usleep(1800000); fputs("after\\n", stderr); }\n')
    subprocess.run(["cc", "-shared", "-fPIC", "-o", tmp_path / "lib.so", tmp_path / "lib.c"], check=True)
    server = start("--harakiri", "1", "--dlopen", tmp_path / "lib.so", "--after-request-hook", "after", *options)
    pid = pid_of(server)
    assert server.get().body == str(pid).encode()
    if killed:
        server.wait_log(r"HARAKIRI triggered by worker 1 core 0 !!!")
        server.wait_log("Respawned uWSGI worker 1")
    else:
        server.wait_log("^after$")
        assert "HARAKIRI" not in server.log()
