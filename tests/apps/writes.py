"""Writes to a client that has left: /KIND?FIFO begins, waits until the fifo was opened and closed, and goes on."""

import tempfile

OK = ("200 OK", [])


def attempt(what, name):
    """Does something nine times; how often that went well, for the log."""
    done = 0
    try:
        for done in range(9):
            what()
        done = 9
    finally:
        print(f"{name} went well: {done}", flush=True)


def generated(fifo, first):
    done = 0
    try:
        yield b"first" if first else b""
        open(fifo).read()
        for done in range(9):
            yield b"x" * 100
        done = 9
    except OSError as error:
        print(f"the generator got: {error}", flush=True)
        raise
    finally:
        print(f"yields went well: {done}", flush=True)


def application(environ, start_response):
    kind, fifo = environ["PATH_INFO"].strip("/"), environ["QUERY_STRING"]
    write = start_response(*OK)
    if kind in ("generated", "silent"):
        return generated(fifo, kind == "generated")
    if kind == "written":
        write(b"first")
    if fifo:
        open(fifo).read()
    if kind == "written":
        attempt(lambda: write(b"x" * 100), "writes")
        return []
    if kind == "large":
        return [b"x" * 30_000_000]
    if kind == "file":
        return environ["wsgi.file_wrapper"](open(__file__, "rb"))
    if kind == "sparse":
        source = tempfile.TemporaryFile()
        source.truncate(30_000_000)
        return environ["wsgi.file_wrapper"](source)
    return {"pieces": [b"one", b"two", b"three"], "nothing": []}[kind]
