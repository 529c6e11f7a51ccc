"""Request bodies: stored or read by the application, whole and cut off."""

import contextlib
import socket

from harness import wire

from .box import AUTO
from .scenarios import scenario

LINES = r"body-read|the application got|=> generated"


def bodies(box, *options):
    directory = box.directory / "temporary"
    directory.mkdir()
    return box.serve("--http-socket", AUTO, "-M", "--socket-timeout", "1", *options, "--wsgi-file", box.app("bodies"),
                     env={"TMPDIR": str(directory)})


def half(box, server, path: str, announced: int, sent: int, leave: bool) -> None:
    """An upload that stops in the middle; what comes back."""
    with contextlib.closing(wire.connect(server.address())) as stream:
        stream.sendall(f"POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: {announced}\r\n\r\n".encode())
        server.quiet()  # one read takes the head alone
        stream.sendall(b"x" * sent)
        if leave:
            with contextlib.suppress(OSError):  # it may have been answered already
                stream.shutdown(socket.SHUT_WR)
        box.wire(f"{path} {sent} of {announced}, {'left' if leave else 'late'}", wire.read_all(stream))


@scenario
def body_errors(box):
    server = bodies(box)
    for leave in (True, False):
        half(box, server, "/read", 100, 40, leave)
        half(box, server, "/unread", 100, 40, leave)
    box.stop(server, only=LINES)


@scenario
def body_stored(box):
    server = bodies(box, "--post-buffering", "4096")
    for size in (0, 1, 4095, 4096, 100_000):
        box.exchange(server, f"{size} bytes", wire.request_bytes("POST", "/digests", body=bytes(range(256)) * (size // 256) + b"x" * (size % 256)))
    box.stop(server, only=LINES)


def cut_off(box, leave: bool, *thresholds: str) -> None:
    for threshold in thresholds:
        server = box.serve("--http-socket", AUTO, "-M", "--socket-timeout", "1", "--post-buffering", threshold, "--wsgi-file", box.app("bodies"))
        half(box, server, "/read", 100, 40, leave)
        box.stop(server, only=LINES)


@scenario
def body_stored_closed(box):
    # In memory the original takes the end for a late byte, or not, as its reads happen to fall.
    cut_off(box, True, "20")


@scenario
def body_stored_late(box):
    cut_off(box, False, "20", "1000")
