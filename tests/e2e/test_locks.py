"""Locks between processes: those of the application, the one of accept, and what becomes of them when their holder dies."""

import collections
import concurrent.futures
import contextlib
import os
import re
import shutil
import signal
import subprocess

import pytest

from harness import fifo, paths, procs, wire
from harness.server import free_port
from harness.waiting import until

RECOVERING = "[deadlock-detector] a process holding a robust mutex died. recovering..."


# Two workers, each with a socket of its own.
APART = ["-p", "2", "--http-socket", "127.0.0.1:0", "--http-socket", "127.0.0.1:0", "--map-socket", "0:1", "--map-socket", "1:2"]


def ask(server, path, index=0) -> tuple[int, str]:
    pid, _, answer = wire.http(server.address(index), path).body.decode().partition(" ")
    return int(pid), answer


def locks(server) -> dict[str, int]:
    return {name: pid for entry in server.stats()["locks"] for name, pid in entry.items()}


# --- of the application ---------------------------------------------------------------------------------------------------

def test_a_lock_is_taken_asked_for_and_given_back(uwsgi, app, tmp_path):
    server = uwsgi("-M", "--locks", "2", "--stats", tmp_path / "stats.sock", "--http-socket", "127.0.0.1:0", "--wsgi-file", app("locks"))
    for number in ("", "1", "2"):
        assert ask(server, f"/is_locked/{number}")[1] == "False"
        pid, answer = ask(server, f"/lock/{number}")
        assert answer == "None" and ask(server, f"/is_locked/{number}")[1] == "True"
        assert locks(server)[f"user {number or 0}"] == pid
        assert ask(server, f"/unlock/{number}")[1] == "None"
        assert ask(server, f"/is_locked/{number}")[1] == "False" and locks(server)[f"user {number or 0}"] == 0


@pytest.mark.parametrize("number", [1, 77])
def test_a_lock_that_does_not_exist_is_an_error(uwsgi, app, number):
    server = uwsgi("-M", "--http-socket", "127.0.0.1:0", "--wsgi-file", app("locks"))
    assert ask(server, f"/lock/{number}")[1] == "Invalid lock number"
    assert ask(server, f"/unlock/{number}")[1] == "Invalid lock number"


def test_the_names_in_the_stats_are_the_known_ones(uwsgi, app, tmp_path):
    server = uwsgi("-M", "--locks", "1", "--thunder-lock", "--stats", tmp_path / "stats.sock", "--http-socket", "127.0.0.1:0",
                   "--wsgi-file", app("locks"))
    names = [name for entry in server.stats()["locks"] for name in entry]
    assert names[:9] == ["user 0", "user 1", "signal", "filemon", "timer", "rbtimer", "cron", "thunder", "rpc"]


@pytest.mark.ours
def test_the_endpoint_tells_which_are_held(uwsgi, app, tmp_path):
    port = free_port()
    server = uwsgi("-M", "--locks", "1", "--thunder-lock", "--stats", f"127.0.0.1:{port}", "--stats-http", "--http-socket", "127.0.0.1:0",
                   "--wsgi-file", app("locks"))

    def held():
        return dict(re.findall(r'^uwsgi_lock_held\{lock="(.*)"\} ([01])$', wire.http(("127.0.0.1", port), "/metrics").body.decode(), re.M))

    assert set(held()) == {"user 0", "user 1", "thunder"}
    ask(server, "/lock/1")
    assert (held()["user 0"], held()["user 1"]) == ("0", "1")
    ask(server, "/unlock/1")
    assert held()["user 1"] == "0"


def test_nothing_counted_under_a_lock_is_lost(uwsgi, app, tmp_path):
    count = tmp_path / "count"
    count.write_text("0")
    server = uwsgi("-M", "-p", "3", "--http-socket", "127.0.0.1:0", "--wsgi-file", app("locks"), env={"COUNT": str(count)})
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        assert all(answer.status == 200 for answer in pool.map(lambda _: server.get("/count"), range(120)))
    assert count.read_text() == "120"


def test_a_holder_that_is_killed_gives_the_lock_to_the_next(uwsgi, app, tmp_path):
    server = uwsgi("-M", "-p", "2", "--stats", tmp_path / "stats.sock", "--http-socket", "127.0.0.1:0", "--wsgi-file", app("locks"))
    server.allow("DAMN !")
    for round_ in range(3):
        mark = server.mark()
        assert wire.raw(server.address(), b"GET /die HTTP/1.0\r\n\r\n") == b""
        server.wait_log(r"Respawned uWSGI worker \d", after=mark)
        pid, answer = ask(server, "/lock")
        assert answer == "None", round_
        server.wait_log(re.escape(RECOVERING), after=mark)
        if server.ours:
            found = server.wait_log(r"\[deadlock-detector\] pid (\d+) was holding lock user 0 \(0x[0-9a-f]+\)", after=mark)
            assert not procs.alive(int(found[1]))
            assert locks(server)["user 0"] == pid
        release(server, pid)


def release(server, pid):
    """The holder gives it back: of many requests at once one reaches it sooner or later."""
    def asked():
        with contextlib.ExitStack() as streams:
            asking = [streams.enter_context(contextlib.closing(wire.connect(server.address()))) for _ in range(16)]
            for stream in asking:
                stream.sendall(wire.request_bytes(path="/unlock"))
            return any(re.search(rb"\r\n\r\n%d " % pid, wire.read_all(stream)) for stream in asking)

    until(asked, "an answer of the holder")


@pytest.mark.ours
def test_who_waits_for_a_holder_that_is_killed_gets_the_lock(uwsgi, app, tmp_path):
    server = uwsgi("-M", *APART, "--stats", tmp_path / "stats.sock", "--wsgi-file", app("locks"))
    server.allow("DAMN !")
    holder, _ = ask(server, "/lock", 0)
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        waiting = pool.submit(ask, server, "/lock", 1)
        other = server.worker_pids()[2]
        until(lambda: locks(server)["user 0"] == holder and busy(server, other), "a request that waits")
        os.kill(holder, signal.SIGKILL)
        assert waiting.result(20) == (other, "None")
    server.wait_log(re.escape(RECOVERING))
    assert locks(server)["user 0"] == other


def busy(server, pid) -> bool:
    return any(worker["pid"] == pid and worker["status"] == "busy" for worker in server.stats()["workers"])


@pytest.mark.ours
def test_a_worker_that_is_put_away_takes_no_lock_along(uwsgi, app, tmp_path):
    server = uwsgi("-M", *APART, "--cheaper", "1", "--cheaper-initial", "2", "--cheaper-algo", "manual", "--master-fifo", tmp_path / "fifo",
                   "--stats", tmp_path / "stats.sock", "--wsgi-file", app("locks"))
    holder, _ = ask(server, "/lock", 0)
    server.quiet()
    fifo.send(tmp_path / "fifo", b"-")  # the first that is idle
    server.wait_log("uWSGI worker 1 cheaped")
    server.wait_log(rf"\[deadlock-detector\] pid {holder} was holding lock user 0 \(0x")
    assert not procs.alive(holder) and locks(server)["user 0"] == 0
    assert ask(server, "/lock", 1)[1] == "None"
    server.wait_log(re.escape(RECOVERING))


MULE = """
import os, uwsgi
from uwsgidecorators import lock

@lock
def counted():
    with open("count") as file:
        before = int(file.read() or 0)
    for _ in range(100):
        os.sched_yield()
    with open("count", "w") as file:
        file.write(str(before + 1))
    return before

@lock
def failing():
    raise KeyError("inside")

def hook(message):
    if message == b"hold":
        uwsgi.lock()
        print("mule %d holds" % uwsgi.mule_id(), flush=True)
    elif message == b"wait":
        uwsgi.lock()
        print("mule %d has it" % uwsgi.mule_id(), flush=True)
        uwsgi.unlock()
    else:
        for _ in range(40):
            counted()
        print("mule %d has counted" % uwsgi.mule_id(), flush=True)

uwsgi.mule_msg_hook = hook

def application(environ, start_response):
    what, _, argument = environ["PATH_INFO"].strip("/").partition("/")
    if what == "mule":
        name, _, mule = argument.partition("/")
        answer = uwsgi.mule_msg(name.encode(), int(mule or 1))
    elif what == "fail":
        try:
            answer = failing()
        except KeyError:
            answer = uwsgi.is_locked()
    else:
        answer = {"is_locked": uwsgi.is_locked, "count": counted}[what]()
    start_response("200 OK", [])
    return ["{} {}".format(os.getpid(), answer).encode()]
"""


@pytest.fixture
def with_mules(uwsgi, tmp_path):
    """Two workers and two mules that count under one lock, with the decorator of the real module."""
    shutil.copy(next((paths.CACHE / "parity-venv").glob("lib/python3*/site-packages/uwsgidecorators.py")), tmp_path)
    (tmp_path / "app.py").write_text(MULE)
    (tmp_path / "count").write_text("0")
    server = uwsgi("-M", "-p", "2", "--mules", "2", "--stats", tmp_path / "stats.sock", "--http-socket", "127.0.0.1:0",
                   "--pythonpath", tmp_path, "--wsgi-file", tmp_path / "app.py")
    server.wait_log(r"spawned uWSGI mule 2 \(pid: \d+\)")
    return server


def test_the_decorator_lets_one_in_at_a_time(with_mules, tmp_path):
    for mule in (1, 2):
        assert ask(with_mules, f"/mule/count/{mule}")[1] == "True"
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        assert all(answer.status == 200 for answer in pool.map(lambda _: with_mules.get("/count"), range(60)))
    for mule in (1, 2):
        with_mules.wait_log(rf"^mule {mule} has counted$", timeout=30)
    assert (tmp_path / "count").read_text() == str(60 + 2 * 40)


def test_the_decorator_gives_back_what_an_exception_leaves(with_mules):
    assert ask(with_mules, "/fail")[1] == "False"
    assert ask(with_mules, "/count")[1] == "0"


def test_a_mule_that_is_killed_gives_its_lock_to_the_one_that_waits(with_mules):
    mules = {int(m): int(p) for m, p in re.findall(r"spawned uWSGI mule (\d) \(pid: (\d+)\)", with_mules.log())}
    ask(with_mules, "/mule/hold/1")
    with_mules.wait_log(r"^mule 1 holds$")
    assert ask(with_mules, "/is_locked")[1] == "True" and locks(with_mules)["user 0"] == mules[1]
    ask(with_mules, "/mule/wait/2")
    assert "has it" not in with_mules.log()
    with_mules.allow("OOOPS mule")
    os.kill(mules[1], signal.SIGKILL)
    with_mules.wait_log(r"^mule 2 has it$", timeout=20)
    with_mules.wait_log(re.escape(RECOVERING))
    until(lambda: ask(with_mules, "/is_locked")[1] == "False", "a free lock")


@pytest.mark.ours
def test_without_a_master_those_who_wait_find_out(uwsgi, app):
    server = uwsgi(*APART, "--wsgi-file", app("locks"))
    first, second = (server.worker_pids()[worker] for worker in (1, 2))
    assert ask(server, "/lock", 1) == (second, "None")
    os.kill(second, signal.SIGKILL)
    assert ask(server, "/lock", 0) == (first, "None")
    server.wait_log(re.escape(RECOVERING))
    server.stop()  # nobody buries anybody here


@pytest.mark.ours
def test_a_reload_begins_with_free_locks(uwsgi, app, tmp_path):
    server = uwsgi("-M", "--stats", tmp_path / "stats.sock", "--http-socket", "127.0.0.1:0", "--wsgi-file", app("locks"))
    ask(server, "/lock")
    mark = server.mark()
    server.send(signal.SIGHUP)
    server.wait_log(r"^spawned uWSGI worker 1 ", after=mark)
    server.settle()
    assert ask(server, "/is_locked")[1] == "False"


# --- of accept ------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("options, line", [
    ([], "thunder lock: disabled (you can enable it with --thunder-lock)"),
    (["--thunder-lock"], "thunder lock: enabled"),
])
def test_the_start_tells_of_the_lock_of_accept(uwsgi, app, options, line):
    server = uwsgi("-M", "-p", "2", *options, "--http-socket", "127.0.0.1:0", "--wsgi-file", app("hello"))
    assert f"{line}\n" in server.log() and re.search(r"^lock engine: \S+", server.log(), re.M)
    assert all(server.get().body == b"Hello World" for _ in range(8))


@pytest.mark.ours
def test_with_a_watchdog_the_line_says_so(uwsgi, app):
    server = uwsgi("-M", "--thunder-lock", "--thunder-lock-watchdog", "--http-socket", "127.0.0.1:0", "--wsgi-file", app("hello"))
    assert "thunder lock: enabled (with robust mutex watchdog)\n" in server.log()


@pytest.mark.ours
@pytest.mark.parametrize("engine, line", [("futex", "robust futexes"), ("ipcsem", "robust futexes (in place of ipcsem)"),
                                          ("posixsem", "robust futexes (in place of posixsem)")])
def test_engines_are_named_and_serve(uwsgi, app, engine, line):
    server = uwsgi("-M", "--lock-engine", engine, "--ftok", app("locks"), "--persistent-ipcsem", "--http-socket", "127.0.0.1:0", "--wsgi-file", app("locks"))
    assert f"lock engine: {line}\n" in server.log() and "not implemented" not in server.log()
    assert ask(server, "/lock")[1] == "None"


def test_an_engine_nobody_knows_ends_the_start(uwsgi, app):
    server = uwsgi("-M", "--lock-engine", "spin", "--http-socket", "127.0.0.1:0", "--wsgi-file", app("hello"), ready=False)
    assert server.wait_exit() == 1
    server.expect = {1}
    assert 'unable to find lock engine "spin"' in server.log()


@pytest.mark.ours
def test_turns_spread_connections_evenly_over_idle_workers(uwsgi, app):
    """Without turns the kernel wakes the first that waits, which is always the same one here."""
    turns = uwsgi("-M", "-p", "4", "--thunder-lock", "--http-socket", "127.0.0.1:0", "--wsgi-file", app("locks"))
    seen = collections.Counter()
    for _ in range(200):
        seen[ask(turns, "/")[0]] += 1
        turns.quiet()
    assert len(seen) == 4 and min(seen.values()) >= 40, seen


@pytest.mark.ours
@pytest.mark.skipif(not shutil.which("strace"), reason="strace is not here")
def test_a_worker_that_is_killed_in_accept_does_not_keep_the_lock(uwsgi, app, tmp_path):
    """strace holds it up inside the call, with the lock in its hands."""
    server = uwsgi("-M", "-p", "4", "--threads", "4", "--thunder-lock", "--stats", tmp_path / "stats.sock", "--http-socket", "127.0.0.1:0",
                   "--wsgi-file", app("hello"))
    server.allow("DAMN !")
    victim = server.worker_pids()[1]
    for worker, pid in server.worker_pids().items():
        if worker > 1:
            os.kill(pid, signal.SIGSTOP)
    with held_up_in_accept(victim, tmp_path) as let_go, concurrent.futures.ThreadPoolExecutor(32) as pool:
        clients = []
        # The kernel may have chosen one that is stopped: it does not know.
        until(lambda: clients.append(pool.submit(server.get)) or locks(server)["thunder"] == victim, "a worker in accept")
        for worker, pid in server.worker_pids().items():
            if worker > 1:
                os.kill(pid, signal.SIGCONT)
        os.kill(victim, signal.SIGKILL)
        let_go()  # a traced process cannot be buried
        assert all(client.result(20).body == b"Hello World" for client in clients)
    server.wait_log(rf"\[deadlock-detector\] pid {victim} was holding lock thunder \(0x")
    server.wait_log(re.escape(RECOVERING))
    assert all(server.get().body == b"Hello World" for _ in range(20))


@pytest.mark.ours
@pytest.mark.skipif(not shutil.which("strace"), reason="strace is not here")
def test_a_worker_that_stands_still_in_accept_is_not_waited_for(uwsgi, app, tmp_path):
    server = uwsgi("-M", "-p", "3", "--thunder-lock", "--stats", tmp_path / "stats.sock", "--http-socket", "127.0.0.1:0",
                   "--wsgi-file", app("hello"))
    server.quiet()
    victim = server.worker_pids()[1]
    with held_up_in_accept(victim, tmp_path) as let_go, concurrent.futures.ThreadPoolExecutor(8) as pool:
        clients = []
        until(lambda: clients.append(pool.submit(server.get)) or locks(server)["thunder"] == victim, "a worker in accept")
        assert all(client.result(30).body == b"Hello World" for client in [pool.submit(server.get) for _ in range(4)])
        let_go()
        assert all(client.result(30).body == b"Hello World" for client in clients)


@contextlib.contextmanager
def held_up_in_accept(pid, directory):
    """The process stops at the next accept; the value is called to let go of it for good."""
    said = directory / "strace.said"
    with open(said, "wb") as stderr:
        tracer = subprocess.Popen(["strace", "-f", "-e", "inject=accept4:delay_enter=60000000", "-o", "/dev/null", "-p", str(pid)],
                                  stderr=stderr)
    try:
        until(lambda: f"Process {pid} attached" in said.read_text(), "strace to attach")
        yield tracer.kill
    finally:
        tracer.kill()
        tracer.wait(20)


@pytest.mark.ours
def test_service_goes_on_while_workers_are_killed_one_after_the_other(uwsgi, app):
    server = uwsgi("-M", "-p", "4", "--threads", "4", "--thunder-lock", "--http-socket", "127.0.0.1:0", "--forkbomb-delay", "0",
                   "--wsgi-file", app("hello"))
    server.allow("DAMN !")
    served, failed = 0, 0
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        for round_ in range(12):
            clients = [pool.submit(try_get, server) for _ in range(24)]
            pids = server.worker_pids()
            os.kill(pids[round_ % 4 + 1], signal.SIGKILL)
            until(lambda: server.worker_pids()[round_ % 4 + 1] != pids[round_ % 4 + 1], "a new worker")
            answers = [client.result(30) for client in clients]
            served, failed = served + answers.count(True), failed + answers.count(False)
    assert served > 200 and failed <= 12 * 8, (served, failed)
    assert all(server.get().body == b"Hello World" for _ in range(20))


def try_get(server) -> bool:
    try:
        return server.get().body == b"Hello World"
    except (OSError, EOFError, AssertionError):
        return False  # it was with the worker that was killed
