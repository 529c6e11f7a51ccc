"""What hangs, grows, fails or does not listen: the query says how, the body is the pid of the worker."""

import ctypes
import mmap
import os
import signal
import threading
import time
import urllib.parse

import uwsgi

KEPT = []


class Fatal(Exception):
    pass


def asleep(seconds=3600.0):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(min(0.05, seconds))


def holding_the_interpreter(seconds=60):
    """A call into C that keeps the lock of the interpreter."""
    library, end = ctypes.PyDLL(None), time.monotonic() + int(seconds)
    while time.monotonic() < end:
        library.sleep(int(seconds))  # a signal ends it early


def deaf(*numbers):
    for number in numbers:
        signal.signal(int(number), signal.SIG_IGN)
    asleep()


def saved(number):
    """The signal `number` ends the request, not the worker."""
    def stop(*_):
        raise TimeoutError("asked to stop")

    signal.signal(int(number), stop)
    try:
        asleep()
    except TimeoutError:
        signal.signal(int(number), signal.SIG_DFL)


def limited(limit, seconds, then=None):
    uwsgi.set_user_harakiri(int(limit))
    asleep(float(seconds))
    if then is not None:
        uwsgi.set_user_harakiri(int(then))
        asleep(float(seconds))


def grown(megabytes):
    KEPT.append(bytearray(b"x" * (int(megabytes) << 20)))


def reserved(megabytes):
    KEPT.append(mmap.mmap(-1, int(megabytes) << 20))


def failed(kind, text=""):
    raise {"ValueError": ValueError, "KeyError": KeyError, "Fatal": Fatal, "SystemExit": SystemExit}[kind](text)


def at_gate(path):
    """Says who is `in`, and waits until `out` exists."""
    with open(f"{path}.new", "w") as file:
        file.write(str(os.getpid()))
    os.rename(f"{path}.new", f"{path}.in")
    while not os.path.exists(f"{path}.out"):
        time.sleep(0.005)


def reading(limit, path):
    """Waits for longer than it may in one call of the kernel, in the thread that it names."""
    uwsgi.set_user_harakiri(int(limit))
    with open(f"{path}.new", "w") as file:
        file.write(str(threading.get_native_id()))
    os.mkfifo(path)
    fd = os.open(path, os.O_RDWR)
    os.rename(f"{path}.new", f"{path}.thread")
    os.read(fd, 1)


def limited_later(path, limit):
    """Sets a limit when this request is over and `path` exists, in a thread of the application's own."""
    def later():
        while not os.path.exists(path):
            time.sleep(0.005)
        uwsgi.set_user_harakiri(int(limit))
        os.rename(path, f"{path}.done")

    threading.Thread(target=later, daemon=True).start()


ACTIONS = {"asleep": lambda s=3600: asleep(float(s)), "gil": holding_the_interpreter, "deaf": deaf, "saved": saved, "limited": limited,
           "grown": grown, "reserved": reserved, "failed": failed, "gate": at_gate, "reading": reading, "later": limited_later}


def application(environ, start_response):
    words = environ["PATH_INFO"].strip("/").split("/", 1)[0]
    if words:
        ACTIONS[words](*[urllib.parse.unquote(w) for w in environ["QUERY_STRING"].split("&") if w])
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [str(os.getpid()).encode()]
