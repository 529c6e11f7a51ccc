"""Uses what it is told to use: processor time, pages, time; answers with its pid and what its process used so far."""

import mmap
import os
import resource
import time
from urllib.parse import parse_qsl

PAGE = mmap.PAGESIZE


def burn(seconds):
    end = time.process_time() + float(seconds)
    while time.process_time() < end:
        pass


def touch(pages):
    """Writes to that many fresh pages, none of them huge."""
    with mmap.mmap(-1, int(pages) * PAGE) as block:
        block.madvise(mmap.MADV_NOHUGEPAGE)
        for at in range(0, len(block), PAGE):
            block[at] = 1


def hold(path):
    open(f"{path}.{os.getpid()}.in", "w").close()
    while not os.path.exists(f"{path}.out"):
        time.sleep(0.002)


def application(environ, start_response):
    status = "200 OK"
    for name, value in parse_qsl(environ["QUERY_STRING"]):
        if name == "status":
            status = f"{value} As Told"
        elif name == "boom":
            if value == "late":
                start_response(status, [])(b"half an answer")
            raise RuntimeError("as told")
        else:
            {"burn": burn, "touch": touch, "hold": hold}[name](value)
    used = resource.getrusage(resource.RUSAGE_SELF)
    start_response(status, [])
    return [f"{os.getpid()} {used.ru_utime + used.ru_stime:.6f} {used.ru_minflt}".encode()]
