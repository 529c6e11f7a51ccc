"""Waits on purpose: each path waits in one way and answers what the thread's own clocks and counts say of it, as JSON."""

import json
import os
import select
import socket
import threading
import time
from urllib.parse import parse_qs


def own() -> dict:
    """What the kernel tells of the calling thread: times in seconds."""
    status = dict(line.split(":", 1) for line in open("/proc/thread-self/status"))
    run_delay = int(open("/proc/thread-self/schedstat").read().split()[1])
    return {
        "wall": time.monotonic(), "cpu": time.thread_time(), "run_queue": run_delay / 1e9,
        "voluntary": int(status["voluntary_ctxt_switches"]), "involuntary": int(status["nonvoluntary_ctxt_switches"]),
    }


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


def burn(seconds, **_):
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
    wait(file=asked.get("file"), seconds=float(asked.get("seconds", 0)), times=int(asked.get("times", 0)))
    after = own()
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps({name: after[name] - before[name] for name in before}).encode()]
