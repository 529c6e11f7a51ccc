"""Memory of a small instance beside the original's, and that its start leaves nothing behind."""

import pytest

from harness import paths, procs, wire

MASTER = ("--http-socket", "127.0.0.1:0", "-M", "-p", "1", "--wsgi-file")


def kib(pid, field="Pss"):
    lines = open(f"/proc/{pid}/smaps_rollup").read().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{field}:"))


def served(server):
    for _ in range(10):
        assert wire.raw(server.address(), wire.request_bytes()).startswith(b"HTTP/1.")
    return server


@pytest.mark.alone
@pytest.mark.skipif("debug" in paths.OURS.parts, reason="a build without optimisation is several times as large")
@pytest.mark.skipif(not paths.ORIGINAL.exists(), reason="the original is not installed")
def test_master_and_worker_take_at_most_two_mebibytes_more_than_the_original(uwsgi, app):
    taken = {}
    for name, binary in (("ours", paths.OURS), ("original", paths.ORIGINAL)):
        server = served(uwsgi(*MASTER, app("hello"), binary=binary))
        # The process that shows and watches is the price of what the original has not.
        taken[name] = kib(server.pid) + sum(kib(pid) for pid in server.worker_pids().values())
        server.stop()
    print(taken)
    assert taken["ours"] <= taken["original"] + 2048, taken


def test_the_master_lets_go_of_what_only_its_start_needed(uwsgi, app):
    """Code that starts, reads options and loads applications is several MiB; serving needs it no more."""
    server = served(uwsgi(*MASTER, app("hello")))
    locked = served(uwsgi(*MASTER, app("hello"), "--never-swap"))

    def files(pid):
        return kib(pid, "Rss") - kib(pid, "Anonymous")

    assert files(server.pid) < files(locked.pid) * 0.7, (files(server.pid), files(locked.pid))
