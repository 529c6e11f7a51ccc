"""Reloads of every kind, twenty in a row under load: who waits, what is lost (nothing), what stays (counters), what leaks (nothing)."""

import os
import re
import signal
import time
from functools import partial

import pytest

from harness import load, procs, wire
from harness.server import free_port
from harness.waiting import until

pytestmark = pytest.mark.ours

ROUNDS = int(os.environ.get("TEST_RELOADS", "20"))

# Half of the four cores are busy when two clients never stop.
APP = """
from time import sleep
def application(environ, start_response):
    sleep(0.01)
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "5")])
    return [b"hello"]
"""


class Load(load.Hammer):
    """Two clients that ask as fast as they are answered, until they are told to stop."""

    def __init__(self, address, keep):
        headers = {} if keep else {"Connection": "close"}
        super().__init__(address, wire.request_bytes(headers=headers), b"hello", 1 << 40, connections=2, keep=keep)
        self.start()

    def stop(self):
        self.stopping = True
        return self.finish(30)

    def more(self, count=10):
        wanted = self.counts.answered + count
        until(lambda: self.counts.answered >= wanted or not self.is_alive(), "answers", 30)


def total(document):
    return sum(w["requests"] for w in document["workers"])


def touched(server, path, line):
    """One reload by a file; `line` is said when it is over."""
    def once():
        mark = server.mark()
        path.touch()
        server.wait_log(line, after=mark, timeout=20)
        until(lambda: len(re.findall(r"espawned uWSGI worker \d", server.log()[mark:])) >= 2
              or re.search(r"^spawned uWSGI worker 2 ", server.log()[mark:], re.M), "both workers", 20)
        server.settle()
    return once


KINDS = ["HUP", "TERM", "workers", "chain", "touch"]


@pytest.mark.slow
@pytest.mark.parametrize("front", ["http11-socket", "http"])
@pytest.mark.parametrize("kind", KINDS)
def test_twenty_reloads_under_load(uwsgi, tmp_path, kind, front):
    (tmp_path / "app.py").write_text(APP)
    files = {name: tmp_path / name for name in ("full", "workers", "chain")}
    for path in files.values():
        path.touch()
    port = free_port()
    server = uwsgi(f"--{front}", f"127.0.0.1:{port}", "-M", "-p", "2", "--threads", "2", "--stats", tmp_path / "s", "--vacuum",
                   "--socket", tmp_path / "u.sock", "--listen", "1000", "--disable-logging", "--forkbomb-delay", "0",
                   "--touch-reload", files["full"], "--touch-workers-reload", files["workers"],
                   "--touch-chain-reload", files["chain"], "--wsgi-file", tmp_path / "app.py")
    until(server.stats_answer, "stats")
    once = {"HUP": partial(server.reload, signal.SIGHUP, last=2, timeout=20), "TERM": partial(server.reload, signal.SIGTERM, last=2, timeout=20),
            "workers": touched(server, files["workers"], "has been touched... workers reload !!!"),
            "chain": touched(server, files["chain"], "chain reloading complete"),
            "touch": touched(server, files["full"], r"\(RE\)spawned")}[kind]
    assert wire.http(port).body == b"hello"
    once()
    assert wire.http(port).body == b"hello"
    inode = (tmp_path / "u.sock").stat().st_ino
    state = measured(server)
    client = Load(port, keep=front == "http")
    for _ in range(ROUNDS - 1):
        client.more()
        once()
    client.more()
    counts = client.stop()
    if kind != "TERM":
        assert counts.broken == 0 and counts.refused == 0, counts
    assert counts.refused == 0, "the socket is always there"
    document = server.wait_stats(lambda s: total(s) >= counts.answered + 2, "all requests counted", 20)
    assert total(document) <= counts.answered + counts.broken + 4
    name = {"HUP": "graceful_done", "TERM": "brutal_done", "workers": "workers_done", "chain": "chain_done", "touch": "graceful_done"}[kind]
    assert document["reload_outcomes"][name] == ROUNDS
    assert sum(document["reload_outcomes"].values()) == ROUNDS
    until(lambda: grown(state, measured(server)) == [], f"nothing leaked: {state}, now {measured(server)}", 15)
    assert (tmp_path / "u.sock").stat().st_ino == inode
    assert server.stop() == 0
    assert not (tmp_path / "u.sock").exists(), "vacuum knows the socket as its own"


def measured(server):
    """How many processes, descriptors of the master and of all, memory of their own in KiB."""
    server.quiet()
    members = procs.tree(server.pid)
    return {"count": len(members), "master": procs.open_fds(server.pid), "fds": sum(procs.open_fds(p) for p in members),
            "kib": procs.pss_kib(server.pid, "Pss_Anon")}


def grown(before, now):
    """What is more than it may be. Router and workers keep a link for each of the two clients there were."""
    room = {"count": 0, "master": 0, "fds": 4, "kib": 1024}
    return [key for key in room if now[key] > before[key] + room[key]]


def copies(uwsgi, tmp_path, *options):
    """A server that can be asked for a copy of its master, and the way to say so."""
    (tmp_path / "app.py").write_text(APP)
    port, slots = free_port(), [tmp_path / "fifo0", tmp_path / "fifo1"]
    server = uwsgi("--http11-socket", f"127.0.0.1:{port}", "-M", "-p", "2", "--threads", "2", "--stats", tmp_path / "s", "--listen", "1000",
                   "--disable-logging", "--pidfile", tmp_path / "pid", "--vacuum", "--socket", tmp_path / "u.sock",
                   "--master-fifo", slots[0], *options, "--wsgi-file", tmp_path / "app.py")
    server.expect = {0}
    until(slots[0].exists, "the FIFO")
    return server, port, slots[0]


def say(fifo, text):
    fd = os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)
    os.write(fd, text)
    os.close(fd)


def said(server, pattern, mark):
    """A line of the log, whichever master is still there."""
    return until(lambda: re.search(pattern, server.log()[mark:], re.M), f"{pattern!r}", 20)


def alone(server, pid, mark):
    """When the copy has all its processes."""
    said(server, rf"gracefully \(RE\)spawned uWSGI master process \(pid: {pid}\)", mark)
    until(lambda: len(procs.children(pid)) >= 3, "its processes", 20)


@pytest.mark.slow
def test_copies_of_the_master_one_after_the_other_lose_nothing(uwsgi, tmp_path):
    """f, then the old one stops: again and again, under load."""
    server, port, fifo = copies(uwsgi, tmp_path)
    client, master = Load(port, keep=False), server.pid
    try:
        for number in range(ROUNDS):
            client.more()
            mark = server.mark()
            say(fifo, b"f")
            pid = int(said(server, r"- new master copy spawned with pid (\d+)$", mark)[1])
            said(server, r"^fork\(\)'ing uWSGI\.\.\.$", mark)
            said(server, rf"gracefully \(RE\)spawned uWSGI master process \(pid: {pid}\)", mark)
            said(server, r"^spawned uWSGI worker 2 ", mark)
            if number == 0:
                until(lambda: server.stats_answer(), "stats")
            until(lambda p=pid: len(procs.children(p)) >= 3, "its processes")
            client.more()
            os.kill(master, signal.SIGINT)
            if master == server.pid:
                assert server.wait_exit() == 0
            else:
                until(lambda m=master: not procs.alive(m), "the end of the old one")
            master = pid
        client.more()
        counts = client.stop()
        assert counts.refused == 0, counts
        assert (tmp_path / "u.sock").exists(), "the old ones left it to the new one"
        assert (tmp_path / "pid").read_text() == f"{server.pid}\n", "copies write no pidfile"
        members = procs.tree(master)
        assert len(members) == 4
    finally:
        os.kill(master, signal.SIGINT)
        until(lambda: not procs.alive(master), "the end of the last one", 20)
    assert not (tmp_path / "u.sock").exists()


def test_a_copy_shares_sockets_and_nothing_else(uwsgi, tmp_path):
    server, port, fifo = copies(uwsgi, tmp_path)
    for _ in range(3):
        assert wire.http(port).body == b"hello"
    before = server.wait_stats(lambda s: total(s) == 3, "three requests")
    mark = server.mark()
    say(fifo, b"f")
    pid = int(server.wait_log(r"- new master copy spawned with pid (\d+)$", after=mark)[1])
    alone(server, pid, mark)
    try:
        def maps(of):
            return {os.stat(f"/proc/{of}/fd/{f}").st_ino for f in os.listdir(f"/proc/{of}/fd") if "uwsgi" in os.readlink(f"/proc/{of}/fd/{f}")}

        def listens(of):
            return {os.readlink(f"/proc/{of}/fd/{f}") for f in os.listdir(f"/proc/{of}/fd") if os.readlink(f"/proc/{of}/fd/{f}").startswith("socket:")}

        assert not maps(server.pid) & maps(pid), "an arena of its own"
        assert listens(server.pid) & listens(pid)
        assert os.getsid(pid) == pid
        document = until(lambda: next((d for d in [server.stats()] if d["pid"] == pid), None), "stats of the copy")
        assert total(document) == 0 and document["started_at"] >= before["started_at"]
        os.kill(pid, signal.SIGINT)
        server.wait_log(rf"the master copy \(pid: {pid}\) exited with code 0", after=mark)
        assert "VACUUM: another master serves on the same sockets" in server.log()[mark:]
        assert wire.http(port).body == b"hello", "the first one serves on"
        assert total(server.wait_stats(lambda s: s["pid"] == server.pid, "stats of the first")) == 4
        assert server.stats()["reload_outcomes"]["fork_done"] == 1
    finally:
        procs.kill_quietly(pid, signal.SIGINT)


@pytest.mark.parametrize("then", ["reload", "another"])
def test_a_master_knows_its_copy_as_long_as_that_lives(uwsgi, tmp_path, then):
    """Also when it has replaced itself meanwhile, or when a second copy came and went."""
    server, port, fifo = copies(uwsgi, tmp_path, "--master-fifo", tmp_path / "fifo1")
    mark = server.mark()
    say(fifo, b"1f")
    pid = int(server.wait_log(r"- new master copy spawned with pid (\d+)$", after=mark)[1])
    alone(server, pid, mark)
    try:
        mark = server.mark()
        if then == "reload":
            server.send(signal.SIGHUP)
            server.wait_log(rf"gracefully \(RE\)spawned uWSGI master process \(pid: {server.pid}\)", after=mark, timeout=20)
        else:
            say(tmp_path / "fifo1", b"f")
            other = int(server.wait_log(r"- new master copy spawned with pid (\d+)$", after=mark)[1])
            alone(server, other, mark)
            os.kill(other, signal.SIGINT)
            server.wait_log(rf"the master copy \(pid: {other}\) exited with code 0", after=mark)
        mark = server.mark()
        assert server.stop() == 0
        assert "VACUUM: another master serves on the same sockets" in server.log()[mark:]
        assert (tmp_path / "u.sock").exists(), "it is the copy's now"
        assert wire.http(port).body == b"hello"
    finally:
        os.kill(pid, signal.SIGINT)
        until(lambda: not procs.alive(pid), "the end of the copy", 20)
    assert not (tmp_path / "u.sock").exists()


def test_killing_the_workers_alone(uwsgi, tmp_path):
    server, port, fifo = copies(uwsgi, tmp_path)
    mark, pids = server.mark(), server.worker_pids()
    say(fifo, b"W")
    for worker, pid in pids.items():
        server.wait_log(rf"- killing worker {worker} \(pid: {pid}\)$", after=mark)
        server.wait_log(rf"worker {worker} killed successfully \(pid: {pid}\)", after=mark)
        server.wait_log(rf"Respawned uWSGI worker {worker} ", after=mark)
    server.settle()
    assert wire.http(port).body == b"hello"
    mark = server.mark()
    say(fifo, b"w")
    server.wait_log(r"Gracefully killing worker 1 ", after=mark)
    server.wait_log(r"Respawned uWSGI worker 2 ", after=mark)
    server.settle()
    mark = server.mark()
    say(fifo, b"c")
    server.wait_log(r"- chain reload starting\.\.\.$", after=mark)
    server.wait_log(r"- chain reloading complete$", after=mark, timeout=20)
    server.settle()
    assert server.stats()["reload_outcomes"]["workers_done"] == 2


def test_an_automatic_port_is_the_same_after_a_reload(uwsgi, app):
    server = uwsgi("--http11-socket", "127.0.0.1:0", "-M", "-p", "2", "--wsgi-file", app("hello"))
    before = server.address()
    server.reload(signal.SIGHUP, last=2, timeout=20)
    assert server.address(after=server.log().rindex("binary reloading")) == before
    assert server.get().body == b"Hello World"


def test_who_takes_longer_than_its_mercy_is_killed_at_a_reload(uwsgi, tmp_path):
    (tmp_path / "slow.py").write_text(f"from time import sleep\ndef application(e, s):\n    open({str(tmp_path / 'in')!r}, 'w').close()\n    sleep(30)\n")
    server = uwsgi("--http11-socket", "127.0.0.1:0", "-M", "--worker-reload-mercy", "3", "--wsgi-file", tmp_path / "slow.py")
    server.allow("NO MERCY")
    held, mark = wire.connect(server.address()), server.mark()
    held.sendall(wire.request_bytes())
    until((tmp_path / "in").exists, "the request")
    pid = server.worker_pids()[1]
    server.send(signal.SIGHUP)
    server.wait_log("gracefully killing workers", after=mark)
    began = time.monotonic()
    server.wait_log(rf"worker 1 \(pid: {pid}\) is taking too much time to die\.\.\.NO MERCY !!!", after=mark)
    assert 2.9 < time.monotonic() - began < 4.5
    server.wait_log(r"^spawned uWSGI worker 1 ", after=mark)
    server.settle()
    held.close()


def test_reload_mercy_is_for_workers_too_where_they_have_none_of_their_own(uwsgi, app):
    server = uwsgi("--http11-socket", "127.0.0.1:0", "-M", "--reload-mercy", "7", "--wsgi-file", app("hello"))
    server.wait_log("your mercy for graceful operations on workers is 7 seconds")


def test_a_slow_request_through_the_router_completes_and_holds_nobody_up(uwsgi, tmp_path):
    """While the old request ends others are served; the port is never closed."""
    (tmp_path / "slow.py").write_text(
        "import os\nfrom time import sleep\ndef application(e, s):\n    s('200 OK', [('Content-Length', '4')])\n"
        "    if e['PATH_INFO'] == '/slow':\n"
        f"        open({str(tmp_path / 'in')!r}, 'w').close()\n"
        f"        while not os.path.exists({str(tmp_path / 'out')!r}): sleep(0.01)\n"
        "    return [b'done']\n")
    port = free_port()
    server = uwsgi("--http", f"127.0.0.1:{port}", "-M", "-p", "2", "--wsgi-file", tmp_path / "slow.py")
    slow, mark = wire.connect(port), server.mark()
    slow.sendall(wire.request_bytes(path="/slow"))
    until((tmp_path / "in").exists, "the request")
    server.send(signal.SIGHUP)
    server.wait_log("gracefully killing workers", after=mark)
    for _ in range(10):
        assert wire.http(port).body == b"done", "served while the other one takes its time"
    assert "binary reloading" not in server.log()[mark:]
    (tmp_path / "out").touch()
    answer = wire.Reader(slow).response()
    assert answer.status == 200 and answer.body == b"done"
    slow.close()
    server.wait_log(r"\(RE\)spawned uWSGI master", after=mark)
    server.ready(2)
    assert wire.http(port).body == b"done"


def test_exit_on_reload_ends_instead(uwsgi, app):
    server = uwsgi("--http11-socket", "127.0.0.1:0", "-M", "--exit-on-reload", "--wsgi-file", app("hello"))
    server.send(signal.SIGHUP)
    assert server.wait_exit() == 0
    assert "uWSGI: GAME OVER (insert coin)" in server.log()


def test_lazy_reloads_the_workers_alone(uwsgi, tmp_path):
    (tmp_path / "app.py").write_text("def application(e, s):\n    s('200 OK', [])\n    return [b'one']\n")
    server = uwsgi("--http11-socket", "127.0.0.1:0", "-M", "-p", "2", "--lazy", "--wsgi-file", tmp_path / "app.py")
    (tmp_path / "app.py").write_text("def application(e, s):\n    s('200 OK', [])\n    return [b'two']\n")
    mark = server.mark()
    server.send(signal.SIGHUP)
    for worker in (1, 2):
        server.wait_log(rf"worker {worker} killed successfully \(pid: \d+\)", after=mark)
        server.wait_log(rf"Respawned uWSGI worker {worker} \(new pid: \d+\)", after=mark)
    server.settle()
    assert server.get().body == b"two"
    assert "binary reloading" not in server.log()[mark:]
