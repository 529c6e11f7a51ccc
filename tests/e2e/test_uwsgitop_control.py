"""Actions of uwsgitop: what reaches the server, what is refused, and that nothing happens without leave."""

import json
import os
import socket
import subprocess
import threading

import pytest

from harness import paths, procs, wire
from harness.tmux import Tmux
from harness.waiting import until


@pytest.fixture
def top(tmp_path):
    """uwsgitop in a terminal, ended with the test."""
    running = []

    def start(*args) -> Tmux:
        screen = Tmux(tmp_path, paths.UWSGITOP, *args)
        running.append(screen)
        screen.wait("LastSpwn")
        return screen

    yield start
    for screen in running:
        try:
            screen.press("q")
            assert screen.status() == 0
        finally:
            screen.end()


@pytest.fixture
def original(uwsgi, app, tmp_path):
    """The C server with a FIFO."""
    if not paths.ORIGINAL.exists():
        pytest.skip("the C server is not installed")

    def start(*options, **kw):
        return uwsgi("--http-socket", "127.0.0.1:0", "-M", "--stats", tmp_path / "stats", "--wsgi-file", app("wires"), *options,
                     binary=paths.ORIGINAL, **kw)

    return start


@pytest.fixture
def ours(uwsgi, app, tmp_path):
    def start(*options, processes=2, **kw):
        return uwsgi("--http-socket", "127.0.0.1:0", "-M", "-p", processes, "--stats", tmp_path / "stats", "--wsgi-file", app("calls"), *options,
                     cwd=tmp_path, **kw)
    return start


def act(screen: Tmux, keys: str, answer: str) -> None:
    """Press `x` and the keys of an action, each when it is asked for."""
    screen.press("x")
    screen.wait("^ act: r reload")
    for key in keys:
        screen.type(key)
        if key == keys[0] and len(keys) > 1:
            screen.wait(r"\? y does it")
    screen.wait(answer)


def scales_and_chain_reloads(server, screen: Tmux, fifo) -> None:
    """One worker more, one fewer and a chain reload, of a server that begins with one."""
    def running(count):
        server.wait_stats(lambda document: sum(worker["status"] != "cheap" for worker in document["workers"]) == count, f"{count} workers")

    running(1)
    act(screen, "+y", f"asked through {fifo}")
    running(2)
    act(screen, "-y", f"asked through {fifo}")
    running(1)
    mark = server.mark()
    act(screen, "cy", f"asked through {fifo}")
    # It does not end while it is at it.
    server.wait_log("chain reloading complete", after=mark)


@pytest.mark.ours
def test_a_reload_is_asked_twice_and_done(ours, top):
    server = ours()
    before = pids(server)
    screen = top("--control", server.stats_address())
    act(screen, "rn", r"^ (ok|warning|critical): ")
    assert server.stats()["reloads"] == 0, "not meant"
    act(screen, "ry", f"asked process {server.pid}")
    server.wait_stats(lambda document: document["reloads"] == 1 and not before & {w["pid"] for w in document["workers"]}, "a reload")


def pids(server) -> set:
    return {worker["pid"] for worker in server.stats()["workers"]}


@pytest.mark.ours
def test_the_stack_of_a_worker_that_hangs_is_in_the_log(ours, top):
    server = ours("--threads", "2", processes=1)
    hanging = threading.Thread(target=lambda: wire.http(server.address(), "/held/1", timeout=30))
    hanging.start()
    server.wait_stats(lambda document: any(core["in_request"] for worker in document["workers"] for core in worker["cores"]), "a request")
    busy = next(worker["pid"] for worker in server.stats()["workers"] if worker["status"] == "busy")
    screen = top("--control", "--pid", server.pid)
    act(screen, "d", f"asked process {busy}")
    server.wait_log(r'File ".*calls\.py", line \d+ in held')
    assert server.get("/locked/0").status == 200, "it serves on, and ends the other's wait"
    hanging.join()


@pytest.mark.ours
def test_a_server_without_a_fifo_says_what_would_help(ours, top):
    server = ours()
    screen = top("--control", server.stats_address())
    act(screen, "cy", "the server has none: start it with master-fifo")
    assert {worker["status"] for worker in server.stats()["workers"]} == {"idle"}


@pytest.mark.ours
def test_it_pauses_by_signal(ours, top):
    server = ours()
    screen = top("--control", server.stats_address())
    act(screen, "py", f"asked process {server.pid}")
    server.wait_stats(lambda document: {worker["status"] for worker in document["workers"]} == {"pause"}, "a pause")
    act(screen, "py", f"asked process {server.pid}")
    server.wait_stats(lambda document: {worker["status"] for worker in document["workers"]} == {"idle"}, "no pause")


@pytest.mark.ours
@pytest.mark.parametrize("source", ["stats", "pid"])
def test_it_scales_and_chain_reloads_through_the_fifo_the_server_names(ours, top, tmp_path, source):
    fifo = tmp_path / "fifo"
    server = ours("--cheaper", "1", "--cheaper-algo", "manual", "--master-fifo", "fifo", "--lazy-apps", processes=3, workers=1)
    screen = top("--control", *([server.stats_address()] if source == "stats" else ["--pid", server.pid]))

    scales_and_chain_reloads(server, screen, fifo)


@pytest.mark.ours
def test_a_path_that_is_no_fifo_of_the_server_gets_nothing(ours, top, tmp_path):
    fifo = tmp_path / "fifo"
    server = ours("--master-fifo", "fifo")
    until(fifo.is_fifo, "the FIFO")
    screen = top("--control", server.stats_address())
    fifo.unlink()
    fifo.write_text("notes")
    act(screen, "cy", "no FIFO of the server's user|the server has none")
    assert fifo.read_text() == "notes"
    assert procs.alive(server.pid)


@pytest.mark.ours
def test_without_leave_nothing_is_asked(ours, top):
    server = ours()
    screen = top(server.stats_address())
    screen.press("x")
    screen.wait("start uwsgitop with --control")


def test_the_c_server_is_paused_and_reloaded_by_signals(original, top):
    server = original()
    screen = top("--control", server.stats_address())
    act(screen, "py", f"asked process {server.pid}")
    server.wait_stats(lambda document: document["workers"][0]["status"] == "pause", "a pause")
    act(screen, "py", f"asked process {server.pid}")
    server.wait_stats(lambda document: document["workers"][0]["status"] == "idle", "no pause")
    mark = server.mark()
    act(screen, "ry", f"asked process {server.pid}")
    server.wait_log("gracefully RELOADED|your server socket listen backlog|Respawned|spawned uWSGI worker", after=mark)
    server.ready()


def test_the_c_server_is_scaled_and_chain_reloaded_through_its_fifo(original, top, tmp_path):
    fifo = tmp_path / "fifo"
    server = original("-p", "3", "--cheaper", "1", "--cheaper-algo", "manual", "--master-fifo", fifo, "--lazy-apps", workers=1)
    screen = top("--fifo", fifo, server.stats_address())

    scales_and_chain_reloads(server, screen, fifo)


def test_a_fifo_without_a_reader_and_a_foreign_process_are_refused(original, top, tmp_path):
    fifo = tmp_path / "nobody"
    os.mkfifo(fifo)
    server = original()
    screen = top("--fifo", fifo, server.stats_address())
    act(screen, "ry", "nobody reads the FIFO")
    assert procs.alive(server.pid)


def test_a_document_that_lies_about_its_master_signals_nobody(top):
    """The process it names is a program of this test, which a signal would end."""
    victim = subprocess.Popen(["cat"], stdin=subprocess.PIPE)
    listener = socket.create_server(("127.0.0.1", 0))
    document = json.dumps({"version": "2.0.31", "pid": victim.pid, "uid": os.getuid(), "workers": [{"id": 1, "pid": victim.pid}]}).encode()

    def serve():
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            with client:
                client.sendall(document)

    serving = threading.Thread(target=serve, daemon=True)
    serving.start()
    try:
        screen = top("--control", f"127.0.0.1:{listener.getsockname()[1]}")
        act(screen, "ry", f"process {victim.pid} is no uwsgi server")
        assert victim.poll() is None
    finally:
        victim.stdin.close()
        assert victim.wait(10) == 0, "it ended by itself, not by a signal"
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        serving.join()
