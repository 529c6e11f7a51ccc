"""Makes system calls for a test that counts them: `/what/number`; the answer says how long they took, nanoseconds, as JSON."""

import json
import os
import select
import signal
import socket
import tempfile
import threading
import time
import urllib.parse

LOCK = threading.Lock()
HELD, WANTED = threading.Event(), threading.Event()


def missing(count):
    for _ in range(count):
        try:
            os.open("/this/is/not/there", os.O_RDONLY)
        except FileNotFoundError:
            pass


def mixed(count):
    """Some of every class, in unequal numbers."""
    here, there = socket.socketpair()
    out, into = os.pipe()
    poll = select.poll()
    poll.register(out, select.POLLIN)
    with tempfile.TemporaryFile(buffering=0) as file:
        for _ in range(count):
            os.write(into, b"12345")
            poll.poll()
            os.read(out, 2)
            os.read(out, 3)
            here.send(b"x")
            there.recv(1)
            os.pwrite(file.fileno(), b"abc", 0)
            os.fstat(file.fileno())
            os.lseek(file.fileno(), 0, os.SEEK_SET)
            os.fdatasync(file.fileno())
            os.getppid()
        missing(count)
    os.close(out)
    os.close(into)
    here.close()
    there.close()


def synced(count):
    with tempfile.TemporaryFile(buffering=0) as file:
        for _ in range(count):
            file.write(bytes(65536))
            os.fsync(file.fileno())


def fifo(path):
    """Waits until somebody writes to this FIFO."""
    fd = os.open(path, os.O_RDWR)
    os.read(fd, 1)
    os.close(fd)


def held(milliseconds):
    """Keeps the lock for so long after somebody else has come for it."""
    with LOCK:
        HELD.set()
        WANTED.wait()
        time.sleep(milliseconds / 1e3)


def locked(_):
    """Waits for the lock that another request keeps."""
    HELD.wait()
    WANTED.set()
    with LOCK:
        pass


def forked(count):
    child = os.fork()
    if not child:
        for _ in range(count):
            os.getppid()
            missing(1)
        os._exit(0)
    os.waitpid(child, 0)


def interrupted(milliseconds):
    """A signal comes in the middle of a wait, which goes on afterwards."""
    signal.signal(signal.SIGALRM, lambda number, frame: None)
    signal.setitimer(signal.ITIMER_REAL, milliseconds / 2e3)
    select.select([], [], [], milliseconds / 1e3)


def died(_):
    os._exit(7)


DO = {name: value for name, value in globals().items() if callable(value) and getattr(value, "__module__", None) == __name__}


def application(environ, start_response):
    what, _, rest = environ["PATH_INFO"].strip("/").partition("/")
    began = time.monotonic_ns()
    if what:
        DO[what](int(rest) if rest.isdigit() else "/" + urllib.parse.unquote(rest))
    body = json.dumps({"ns": time.monotonic_ns() - began, "thread": threading.get_native_id()}).encode()
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]
