"""A stand-in for a service manager: the socket of notices, and sockets handed over."""

import os
import pathlib
import socket
import sys

from .waiting import until


class Notices:
    """A datagram socket that keeps what it was told."""

    def __init__(self, address):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.name = str(address)
        self.socket.bind("\0" + self.name[1:] if self.name.startswith("@") else self.name)
        self.socket.setblocking(False)
        self.seen: list[str] = []

    def look(self) -> list[str]:
        """All notices so far, each one datagram."""
        while True:
            try:
                self.seen.append(self.socket.recv(65536).decode())
            except BlockingIOError:
                return self.seen

    def wait(self, text: str, after: int = 0, timeout: float = 10.0) -> int:
        """Wait for a notice that is, or has a line that begins with, `text`; the place behind it."""

        def found():
            for at, notice in enumerate(self.look()[after:], after):
                if notice == text or any(line.startswith(text) for line in notice.splitlines()):
                    return at + 1
            return None

        return until(found, f"the notice {text!r} among {self.seen[after:]}", timeout)

    def close(self) -> None:
        self.socket.close()
        if not self.name.startswith("@"):
            pathlib.Path(self.name).unlink(missing_ok=True)


# What a service manager does between fork and exec: descriptors from 3 on, LISTEN_PID is the pid.
_STARTER = """
import os, sys
fds, names, binary, *args = sys.argv[1:]
fds = [int(fd) for fd in fds.split(",")]
high = [os.dup(fd) for fd in fds]
for _ in range(len(high)):
    high = [os.dup2(fd, 60 + at, True) for at, fd in enumerate(high)]
for at, fd in enumerate(high):
    os.dup2(fd, 3 + at, True)
os.closerange(3 + len(high), 100)
os.environ.update(LISTEN_FDS=str(len(high)), LISTEN_PID=str(os.getpid()))
if names != "-":
    os.environ["LISTEN_FDNAMES"] = names
os.execv(binary, [binary, *args])
"""


def activated(binary, sockets, args, names: str | None = None) -> list[str]:
    """A command that starts `binary` with these sockets handed over as systemd does."""
    fds = ",".join(str(one.fileno()) for one in sockets)
    return [sys.executable, "-c", _STARTER, fds, names or "-", os.fspath(binary), *map(str, args)]
