"""Faults and block I/O to order. Answers, in JSON, what the kernel says this thread had of faults and how long each call took.

`do` is one of touch, map, read, write, buffered, eat; `by` says who does it: the core itself, `thread`, or `child`.
"""

import json
import mmap
import os
import resource
import subprocess
import sys
import threading
import time
from urllib.parse import parse_qs

PAGE = mmap.PAGESIZE


def touch(pages, **_):
    """Writes to that many fresh pages, none of them huge."""
    with mmap.mmap(-1, pages * PAGE) as block:
        block.madvise(mmap.MADV_NOHUGEPAGE)
        for at in range(0, len(block), PAGE):
            block[at] = 1


def map_(path, pages, **_):
    """Reads that many pages of a file through a mapping, far from each other."""
    with open(path, "rb") as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        with mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as block:
            block.madvise(mmap.MADV_RANDOM)
            step = len(block) // PAGE // pages * PAGE
            return sum(block[at] for at in range(0, step * pages, step))


def direct(path, flags, call, count, size):
    took = []
    with mmap.mmap(-1, size) as block:
        fd = os.open(path, flags | os.O_DIRECT)
        try:
            for number in range(count):
                begin = time.monotonic()
                call(fd, [block], number * size)
                took.append(time.monotonic() - begin)
        finally:
            os.close(fd)
    return took


def read(path, count, size, **_):
    return direct(path, os.O_RDONLY, os.preadv, count, size)


def write(path, count, size, **_):
    return direct(path, os.O_WRONLY, os.pwritev, count, size)


def buffered(path, count, size, sync, **_):
    with open(path, "r+b", buffering=0) as file:
        for _number in range(count):
            file.write(b"w" * size)
        if sync:
            os.fsync(file.fileno())


def eat(pages, **_):
    kept = mmap.mmap(-1, pages * PAGE)
    for at in range(0, len(kept), PAGE):
        kept[at] = 1


WORKS = {"touch": touch, "map": map_, "read": read, "write": write, "buffered": buffered, "eat": eat}


def work(asked):
    given = {k: int(v) if v.isdigit() else v for k, v in asked.items()}
    before = resource.getrusage(resource.RUSAGE_THREAD)
    try:
        took, failed = WORKS[given.pop("do")](**given), None
    except OSError as error:
        took, failed = [], error.errno
    after = resource.getrusage(resource.RUSAGE_THREAD)
    return {"minor": after.ru_minflt - before.ru_minflt, "major": after.ru_majflt - before.ru_majflt,
            "took": took, "errno": failed, "pid": os.getpid(), "tid": threading.get_native_id()}


def by_thread(asked):
    answers = []
    thread = threading.Thread(target=lambda: answers.append(work(asked)))
    thread.start()
    thread.join()
    return answers[0]


def by_child(asked):
    return json.loads(subprocess.check_output(["python3", __file__, json.dumps(asked)]))


try:
    import uwsgi
    uwsgi.register_signal(1, "workers", lambda _number: touch(3000))
except ImportError:
    uwsgi = None


def application(environ, start_response):
    if environ["PATH_INFO"] == "/signal":
        uwsgi.signal(1)
    asked = {k: v[0] for k, v in parse_qs(environ["QUERY_STRING"]).items()}
    who = {"thread": by_thread, "child": by_child}.get(asked.pop("by", ""), work)
    answer = json.dumps(who(asked) if asked else {}).encode()
    start_response("200 OK", [("Content-Type", "application/json")])
    return [answer]


if __name__ == "__main__":
    print(json.dumps(work(json.loads(sys.argv[1]))))
