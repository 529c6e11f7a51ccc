"""Lines of an application that forks: the ring of its worker has one writer, and no line is torn or lost."""

import collections
import os
import re
import signal
import socket

import pytest

from harness import procs
from harness.waiting import until

pytestmark = pytest.mark.ours

ROUNDS = 10
# As many as are read at once, so that both have them.
AT_A_TIME = 400
LINE = re.compile(r"(served|said) by (\d+) at /(\w+) x{40}")


def doubled(server, worker: int) -> None:
    """Requests in one piece, of which the first forks: both serve the others at once, from what each has of the buffer."""
    paths = ["fork", *map(str, range(AT_A_TIME))]
    known, before = set(paths), len(server.log())

    def lines() -> dict[tuple[str, int], list[str]]:
        found = collections.defaultdict(list)
        for match in filter(None, map(LINE.fullmatch, server.log()[before:].splitlines())):
            if match[3] in known:
                found[match[1], int(match[2])].append(match[3])
        return found

    with socket.create_connection(server.address(), timeout=60) as client:
        # Both keep the connection: the end that one makes would be that of the other.
        client.sendall("".join(f"GET /{path} HTTP/1.1\r\nHost: a\r\n\r\n" for path in paths).encode())
        until(lambda: sum(of[-1] == paths[-1] for of in lines().values()) == 4, "the last lines of both")
        copy, = copies(worker)
        found = lines()
        end(server, copy)
    assert set(found) == {(kind, pid) for kind in ("said", "served") for pid in (worker, copy)}
    assert all(of == paths for of in found.values()), "each line once and in order"


def copies(worker: int) -> list[int]:
    """What it has forked and what runs."""
    return [pid for pid in procs.children(worker) if procs.alive(pid)]


def end(server, pid: int):
    os.kill(pid, signal.SIGKILL)
    until(lambda: not procs.alive(pid), "its end")
    assert server.get("/bury").status == 200


@pytest.mark.parametrize("threads", [1, 2])
def test_both_sides_of_a_fork_say_all_their_lines(uwsgi, app, threads):
    server = uwsgi("--http11-socket", "127.0.0.1:0", "--log-master", "--buffer-size", "65535", "--threads", threads,
                   "--logformat", f"served by %(who) at %(uri) {'x' * 40}", "--wsgi-file", app("forking"))
    worker = server.worker_pids()[1]
    try:
        for _ in range(ROUNDS):
            doubled(server, worker)
    finally:
        for copy in copies(worker):
            end(server, copy)
    torn = [line for line in server.log().splitlines() if " by " in line and not LINE.fullmatch(line)]
    assert not torn, torn[:3]
