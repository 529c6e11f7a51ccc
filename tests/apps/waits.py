"""Waits on purpose: each path waits in one way and answers what the thread's own clocks and counts say of it, as JSON.

`seconds` is how long in all, in so many `pieces`."""

import json
import os
import select
import socket
import threading
import time
from urllib.parse import parse_qs

import uwsgi


def table(file) -> dict:
    """Names and values of a file of this thread in /proc."""
    with open(f"/proc/thread-self/{file}", encoding="ascii") as lines:
        return dict(map(str.strip, line.split(":", 1)) for line in lines if ":" in line)


def own() -> dict:
    """What the kernel tells of the calling thread: times in seconds."""
    status = table("status")
    with open("/proc/thread-self/schedstat", encoding="ascii") as text:
        run_delay = int(text.read().split()[1])
    return {
        "wall": time.monotonic(), "cpu": time.thread_time(), "run_queue": run_delay / 1e9,
        "voluntary": int(status["voluntary_ctxt_switches"]), "involuntary": int(status["nonvoluntary_ctxt_switches"]),
        "migrations": int(table("sched")["se.nr_migrations"]) if os.path.exists("/proc/thread-self/sched") else 0,
        "read_bytes": int(table("io")["read_bytes"]),
    }


def nothing(**_):
    pass


def sleep(seconds, **_):
    time.sleep(seconds)


def select_nothing(seconds, **_):
    select.select([], [], [], seconds)


def later(seconds, action):
    timer = threading.Timer(seconds, action)
    timer.start()
    return timer


def recv(seconds, **_):
    ours, theirs = socket.socketpair()
    timer = later(seconds, lambda: theirs.send(b"x"))
    ours.recv(1)
    timer.join()


def read_socket(seconds, **_):
    ours, theirs = socket.socketpair()
    timer = later(seconds, lambda: theirs.send(b"x"))
    os.read(ours.fileno(), 1)
    timer.join()


def read_pipe(seconds, **_):
    ours, theirs = os.pipe()
    timer = later(seconds, lambda: os.write(theirs, b"x"))
    os.read(ours, 1)
    timer.join()
    os.close(ours)
    os.close(theirs)


def poll(seconds, **_):
    ours, theirs = socket.socketpair()
    timer = later(seconds, lambda: theirs.send(b"x"))
    select.select([ours], [], [])
    timer.join()


def lock(seconds, **_):
    held = threading.Lock()
    held.acquire()
    timer = later(seconds, held.release)
    held.acquire()
    timer.join()


def disk(file, **_):
    fd = os.open(file, os.O_RDONLY)
    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
    while os.read(fd, 1 << 20):
        pass
    os.close(fd)


def burn(seconds, processor, **_):
    os.sched_setaffinity(0, {processor})
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass


def migrate(times, **_):
    processors = sorted(os.sched_getaffinity(0))
    for turn in range(times):
        os.sched_setaffinity(0, {processors[turn % 2]})
    os.sched_setaffinity(0, processors)


def application(environ, start_response):
    asked = {name: values[0] for name, values in parse_qs(environ.get("QUERY_STRING", "")).items()}
    wait = globals()[environ["PATH_INFO"].strip("/")]
    before = own()
    numbers = {name: int(asked.get(name, 0)) for name in ("times", "processor")}
    pieces = int(asked.get("pieces", 1))
    for _ in range(pieces):
        wait(file=asked.get("file"), seconds=float(asked.get("seconds", 0)) / pieces, **numbers)
    after = own()
    start_response("200 OK", [("Content-Type", "application/json")])
    changes = {name: after[name] - before[name] for name in before}
    return [json.dumps({"worker": uwsgi.worker_id(), **changes}).encode()]
