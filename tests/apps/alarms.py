"""Raises alarms, prints lines, crashes: the path says what, the query string what with."""

import ctypes
import faulthandler
import os
import sys
import threading
import urllib.parse

import uwsgi


def crash():
    ctypes.string_at(0)


def overflow():
    # The main stack, or that of the thread, without the interpreter's own limit in the way.
    sys.setrecursionlimit(10**9)
    libc = ctypes.CDLL(None)
    callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)

    def compare(_one, _two):
        two = (ctypes.c_int * 2)(2, 1)
        libc.qsort(two, 2, 4, callback(compare))
        return 0

    compare(None, None)


def storm(count):
    for number in range(int(count)):
        os.write(2, b"STORM %d\n" % number)


def raise_many(text):
    name, count = text.split(",")
    for number in range(int(count)):
        uwsgi.alarm(name, f"message {number}")


def in_thread(_):
    thread = threading.Thread(target=crash)
    thread.start()
    thread.join()


def raise_long(text):
    name, length = text.split(",")
    uwsgi.alarm(name, "x" * int(length))


DEEDS = {
    "long": raise_long,
    "alarm": lambda text: uwsgi.alarm(*text.split("=", 1)),
    "raise": raise_many,
    "print": lambda text: os.write(2, text.encode()),
    "storm": storm,
    "crash": lambda _: crash(),
    "crash-with-faulthandler": lambda _: (faulthandler.enable(), crash()),
    "crash-in-thread": in_thread,
    "overflow": lambda _: overflow(),
    "shell": os.system,
}


def application(environ, start_response):
    deed = DEEDS.get(environ["PATH_INFO"][1:])
    if deed:
        deed(urllib.parse.unquote_plus(environ["QUERY_STRING"]))
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"done"]
