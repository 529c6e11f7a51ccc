"""Recycling: which worker goes when, with which lines, and that none of them stays."""

import contextlib
import os
import re
import signal
import time

import pytest

from harness import procs, wire
from harness.waiting import until


@pytest.fixture
def start(uwsgi, app, tmp_path):
    def start(*options, code="stuck", **kw):
        return uwsgi("--http-socket", "127.0.0.1:0", "-M", "--stats", tmp_path / "stats", *options, "--wsgi-file", app(code), **kw)
    return start


def pid_of(server, worker=1):
    return server.worker_pids()[worker]


def follows(server, pid, worker=1, timeout=20.0):
    until(lambda: pid_of(server, worker) != pid, f"the next life of worker {worker}", timeout)
    server.ready()


def recycles(server, reason, count, worker=0):
    return server.wait_stats(lambda s: s["workers"][worker]["recycles"][reason] == count, f"{count} of {reason}")


def test_max_requests_grow_by_delta(start, tmp_path):
    server = start("-p", "2", "--max-requests", "3", "--max-requests-delta", "2", "--min-worker-lifetime", "0")
    with contextlib.closing(wire.connect(server.address(), 30)) as stream:
        stream.sendall(wire.request_bytes(path=f"/gate?{tmp_path}/g"))
        until((tmp_path / "g.in").exists, "the request that keeps one worker busy")
        busy = int((tmp_path / "g.in").read_text())
        number, pid = next((n, p) for n, p in server.worker_pids().items() if p != busy)
        limit = {1: 3, 2: 5}[number]
        for _ in range(limit):
            assert "Seeya" not in server.log() and server.get().body == str(pid).encode()
        server.wait_log(rf"\.\.\.The work of process {pid} is done\. Seeya!")
        server.wait_log(rf"worker {number} killed successfully \(pid: {pid}\)")
        (tmp_path / "g.out").touch()
        assert wire.Reader(stream).response().body == str(busy).encode()
    follows(server, pid, number)


@pytest.mark.ours
def test_workers_that_did_enough_in_no_time_are_replaced_at_once(start):
    """They did not fail: nobody waits for a pause that respawning takes from those that do."""
    server = start("-p", "2", "--max-requests", "1", "--min-worker-lifetime", "0", "--forkbomb-delay", "3600")
    pids = [server.get().body for _ in range(12)]
    assert len(set(pids)) == 12 and "too fast" not in server.log()


def test_a_worker_lives_for_a_while_first(start):
    server = start("--max-requests", "3")
    for _ in range(12):
        assert server.get().body == str(pid_of(server)).encode()
    assert "Seeya" not in server.log()


def test_lifetime_grows_by_delta(start):
    server = start("-p", "2", "--max-worker-lifetime", "3", "--min-worker-lifetime", "1", "--max-worker-lifetime-delta", "3")
    mark, began = server.mark(), time.monotonic()
    first = server.worker_pids()
    found = server.wait_log(r"^worker 1 lifetime reached, it was running for (\d+) second\(s\)", after=mark)
    # The master looks each second.
    assert 4 <= int(found[1]) <= 5 and time.monotonic() - began < 7
    # The original does not mourn it.
    successful = r"worker {} killed successfully \(pid: {}\)\n" if server.ours else ""
    server.wait_log(rf"^{successful.format(1, first[1])}Respawned uWSGI worker 1 ", after=mark)
    assert pid_of(server, 2) == first[2]
    found = server.wait_log(r"^worker 2 lifetime reached, it was running for (\d+) second\(s\)", after=mark)
    assert 7 <= int(found[1]) <= 8
    server.wait_log(rf"^{successful.format(2, first[2])}Respawned uWSGI worker 2 ", after=mark)
    assert "Gracefully killing" not in server.log() and "Seeya" not in server.log()


@pytest.mark.ours
def test_a_worker_whose_lifetime_is_over_finishes_its_request(start, tmp_path):
    server = start("--max-worker-lifetime", "2", "--min-worker-lifetime", "1")
    pid = pid_of(server)
    with contextlib.closing(wire.connect(server.address(), 30)) as stream:
        stream.sendall(wire.request_bytes(path=f"/gate?{tmp_path}/g"))
        until((tmp_path / "g.in").exists, "the request in the application")
        server.wait_log(r"^worker 1 lifetime reached")
        (tmp_path / "g.out").touch()
        assert wire.Reader(stream).response().body == str(pid).encode()
    follows(server, pid)
    recycles(server, "lifetime", 1)
    assert server.stats()["workers"][0]["exits"]["recycled"] == 1
    # Waking a worker up means nothing when nobody wants it to go.
    os.kill(pid_of(server), signal.SIGWINCH)
    assert server.get().body == str(pid_of(server)).encode()


@pytest.mark.parametrize("options, complaint", [
    (["--max-worker-lifetime", "10"], "invalid min-worker-lifetime value (10), must be lower than max-worker-lifetime (10)"),
    (["--max-worker-lifetime", "5", "--min-worker-lifetime", "6"], "invalid min-worker-lifetime value (6), must be lower than max-worker-lifetime (5)"),
])
def test_limits_that_contradict_are_refused(uwsgi, app, options, complaint):
    server = uwsgi("--http-socket", "127.0.0.1:0", "-M", *options, "--wsgi-file", app("hello"), ready=False)
    server.expect = {1}
    assert server.wait_exit() == 1
    assert complaint in server.log()


@pytest.mark.parametrize("option, limit", [
    ("--reload-on-rss", 150), ("--reload-on-as", 1200),
    pytest.param("--reload-on-uss", 150, marks=pytest.mark.ours), pytest.param("--reload-on-pss", 150, marks=pytest.mark.ours),
])
def test_a_worker_that_has_grown_goes_after_its_request(start, option, limit):
    server = start(option, str(limit), "--min-worker-lifetime", "0")
    pid = pid_of(server)
    assert server.get().body == str(pid).encode()
    assert pid_of(server) == pid and "Seeya" not in server.log()
    grow = "reserved" if option == "--reload-on-as" else "grown"
    assert server.get(f"/{grow}?{limit}").body == str(pid).encode(), "the request that made it large is answered"
    server.wait_log(rf"\.\.\.The work of process {pid} is done\. Seeya!")
    server.wait_log(rf"worker 1 killed successfully \(pid: {pid}\)")
    follows(server, pid)
    if server.ours:
        recycles(server, "memory", 1)


def test_a_grown_worker_stays_for_its_least_lifetime(start):
    server = start("--reload-on-rss", "100", "--min-worker-lifetime", "3600")
    pid = pid_of(server)
    server.get("/grown?150")
    assert server.get().body == str(pid).encode()
    assert "Seeya" not in server.log()


@pytest.mark.parametrize("option, limit, what", [("--evil-reload-on-rss", 150, "RSS"), ("--evil-reload-on-as", 1500, "ADDRESS SPACE")])
def test_a_worker_that_grows_in_a_request_is_killed(start, option, limit, what):
    grow = "reserved" if option == "--evil-reload-on-as" else "grown"
    server = start(option, str(limit), "--mem-collector-freq", "1").allow("DAMN")
    pid, mark = pid_of(server), server.mark()
    assert server.get().status == 200
    with contextlib.closing(wire.connect(server.address(), 30)) as stream:
        stream.sendall(wire.request_bytes(path=f"/{grow}?{limit}") + wire.request_bytes(path="/asleep"))
        found = server.wait_log(rf"\*\*\* EVIL RELOAD ON WORKER 1 {what}: (\d+) \(pid: {pid}\) \*\*\*$", after=mark)
        assert int(found[1]) >= limit << 20
        server.wait_log(rf"DAMN ! worker 1 \(pid: {pid}\) died, killed by signal 9 :\( trying respawn \.\.\.", after=mark)
    follows(server, pid)
    if server.ours:
        stats = recycles(server, "evil", 1)
        assert stats["workers"][0]["exits"]["memory"] == 1


EXCEPTIONS = [
    (["--reload-on-exception"], "ValueError&any", True),
    pytest.param(["--reload-on-exception-type", "ValueError"], "ValueError&any", True, marks=pytest.mark.ours),
    pytest.param(["--reload-on-exception-type", "Fatal"], "Fatal&any", True, marks=pytest.mark.ours),
    (["--reload-on-exception-type", "ValueError"], "KeyError&any", False),
    (["--reload-on-exception-value", "boom"], "ValueError&boom", True),
    (["--reload-on-exception-value", "boom"], "ValueError&bang", False),
    pytest.param(["--reload-on-exception-repr", "ValueError: boom"], "ValueError&boom", True, marks=pytest.mark.ours),
    (["--reload-on-exception-repr", "ValueError: boom"], "KeyError&boom", False),
]


@pytest.mark.parametrize("options, failure, ends", EXCEPTIONS)
def test_monitored_exceptions(start, options, failure, ends):
    server = start(*options).allow("Traceback")
    pid, mark = pid_of(server), server.mark()
    wire.raw(server.address(), wire.request_bytes(path=f"/failed?{failure}", headers={"Connection": "close"}))
    if not ends:
        assert server.get().body == str(pid).encode()
        assert "monitored exception" not in server.log()
        return
    server.wait_log(rf"^\.\.\. monitored exception detected, respawning worker 1 \(pid: {pid}\)\.\.\.$", after=mark)
    follows(server, pid)


@pytest.mark.ours
def test_a_monitored_exception_is_answered_counted_and_logged(start):
    server = start("--reload-on-exception", "--exception-500").allow("Traceback")
    pid = pid_of(server)
    assert server.get("/failed?ValueError&x").status == 500
    follows(server, pid)
    worker = recycles(server, "exception", 1)["workers"][0]
    assert (worker["requests"], worker["exceptions"], worker["exits"]["recycled"]) == (1, 1, 1)
    assert re.search(r"GET /failed\?ValueError&x => generated", server.log())
    assert "was managing request" not in server.log()


@pytest.mark.ours
def test_an_application_that_asks_to_be_replaced_is(start):
    server = start().allow("Traceback")
    pid = pid_of(server)
    wire.raw(server.address(), wire.request_bytes(path="/failed?SystemExit"))
    follows(server, pid)
    recycles(server, "application", 1)


@pytest.mark.ours
@pytest.mark.parametrize("options", [
    ["--max-requests", "2"], ["--reload-on-rss", "150"], ["--max-worker-lifetime", "2", "--min-worker-lifetime", "1"],
], ids=["requests", "memory", "lifetime"])
def test_whoever_retires_has_mercy_and_no_more(start, options):
    """A thread that hangs does not keep a retired worker for ever."""
    options = options if "--min-worker-lifetime" in options else [*options, "--min-worker-lifetime", "0"]
    server = start("--threads", "2", "--worker-reload-mercy", "2", *options).allow("NO MERCY", "DAMN")
    pid, mark = pid_of(server), server.mark()
    with contextlib.closing(wire.connect(server.address(), 30)) as stream:
        stream.sendall(wire.request_bytes(path="/asleep"))
        server.wait_stats(lambda s: any(c["in_request"] for c in s["workers"][0]["cores"]), "the request that hangs")
        if "--max-worker-lifetime" not in options:
            server.get("/grown?150")
            server.get("/")
        server.wait_log(r"Seeya!|lifetime reached", after=mark)
        began = time.monotonic()
        server.wait_log(rf"worker 1 \(pid: {pid}\) is taking too much time to die\.\.\.NO MERCY !!!", after=mark)
        assert time.monotonic() - began < 5
    follows(server, pid)
    assert server.get().status == 200


def test_mercy_at_a_reload_is_kept_and_ends(start):
    server = start("--worker-reload-mercy", "3").allow("NO MERCY")
    pid, mark = pid_of(server), server.mark()
    with contextlib.closing(wire.connect(server.address(), 60)) as stream:
        stream.sendall(wire.request_bytes(path="/asleep?30"))
        server.wait_stats(lambda s: s["workers"][0]["cores"][0]["in_request"], "the request")
        began = time.monotonic()
        server.send(signal.SIGHUP)
        server.wait_log(rf"worker 1 \(pid: {pid}\) is taking too much time to die\.\.\.NO MERCY !!!", after=mark)
        assert 2.9 <= time.monotonic() - began < 5.5
        server.wait_log(r"^spawned uWSGI worker 1 ", after=mark)
    server.settle()


@pytest.mark.ours
def test_who_ignores_requests_to_end_is_killed_at_a_reload(start):
    server = start("--worker-reload-mercy", "1").allow("NO MERCY")
    pid, mark = pid_of(server), server.mark()
    with contextlib.closing(wire.connect(server.address(), 60)) as stream:
        stream.sendall(wire.request_bytes(path="/deaf?15&2"))
        server.wait_stats(lambda s: s["workers"][0]["cores"][0]["in_request"], "the request")
        server.send(signal.SIGTERM)
        server.wait_log(rf"worker 1 \(pid: {pid}\) is taking too much time to die\.\.\.NO MERCY !!!", after=mark)
        server.wait_log(r"^spawned uWSGI worker 1 ", after=mark)
    server.settle()


def test_apps_that_die_at_import_cost_little(uwsgi, tmp_path):
    (tmp_path / "dies.py").write_text("import os\nos._exit(1)\n")
    server = uwsgi("--http-socket", "127.0.0.1:0", "-M", "-p", "2", "--lazy-apps", "--wsgi-file", tmp_path / "dies.py", ready=False)
    server.allow("DAMN")
    line = r"worker respawning too fast !!! i have to sleep a bit \(2 seconds\)\.\.\."
    server.wait_log(line)
    mark, began, used = server.mark(), time.monotonic(), procs.cpu_seconds(server.pid)
    for _ in range(2):
        server.wait_log(line, after=mark, timeout=20)
        deaths = server.log()[mark:].count("DAMN !")
        mark = server.mark()
        assert 2 <= deaths <= 5
    share = (procs.cpu_seconds(server.pid) - used) / (time.monotonic() - began)
    assert share < 0.5, f"{share:.0%} of a processor"


@pytest.mark.ours
def test_a_worker_that_dies_at_once_does_not_hold_others_up(uwsgi, tmp_path):
    (tmp_path / "one.py").write_text(
        "import os, uwsgi\n"
        "if uwsgi.worker_id() == 1 and os.path.exists('broken'):\n    os._exit(1)\n"
        "def application(e, s):\n    s('200 OK', [])\n    return [str(os.getpid()).encode()]\n")
    server = uwsgi("--http-socket", "127.0.0.1:0", "-M", "-p", "2", "--lazy-apps", "--forkbomb-delay", "60", "--wsgi-file", tmp_path / "one.py")
    server.allow("DAMN")
    (server.cwd / "broken").touch()
    assert server.get().status == 200
    os.kill(pid_of(server, 1), signal.SIGKILL)
    server.wait_log(r"respawning too fast !!! i have to sleep a bit \(60 seconds\)")
    for _ in range(3):
        pid = int(server.get().body)
        assert pid == pid_of(server, 2)
        # It lives: it is not one of those that die at once.
        until(lambda began=time.monotonic(): time.monotonic() - began > 1.1, "more than a second of life")
        os.kill(pid, signal.SIGKILL)
        until(lambda old=pid: pid_of(server, 2) != old, "the next life of the healthy one", timeout=8)
