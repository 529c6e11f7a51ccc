"""Load: an exact one (every answer counted by hand) and a fast one (wrk)."""

import dataclasses
import re
import select
import shutil
import socket
import subprocess
import threading
import time

from . import wire


@dataclasses.dataclass
class Counts:
    answered: int = 0
    broken: int = 0
    refused: int = 0


class Hammer(threading.Thread):
    """Keeps `connections` requests running until `total` answers of `size` bytes have come.

    A connection that ends early is counted in `broken` and opened again; its request is not an answer.
    """

    def __init__(self, address, request: bytes, expected: bytes, total: int, connections: int = 16, keep=True):
        super().__init__(daemon=True)
        self.address, self.request, self.expected = address, request, expected
        self.total, self.connections, self.keep = total, connections, keep
        self.counts, self.error, self.stopping = Counts(), None, False
        self.poll, self.streams, self.data = select.epoll(), {}, {}

    def run(self):
        try:
            for _ in range(self.connections):
                self._open()
            while self.streams:
                for fd, _ in self.poll.poll(1.0):
                    self._readable(fd)
        except Exception as error:  # seen by finish()
            self.error = error
        finally:
            for stream in self.streams.values():
                stream.close()
            self.poll.close()

    def _open(self):
        while not self.stopping:
            try:
                stream = wire.connect(self.address)
                stream.sendall(self.request)
                break
            except OSError:
                self.counts.refused += 1
        else:
            return
        self.streams[stream.fileno()] = stream
        self.data[stream.fileno()] = b""
        self.poll.register(stream.fileno(), select.EPOLLIN)

    def _close(self, fd):
        self.poll.unregister(fd)
        self.streams.pop(fd).close()

    def _more(self) -> bool:
        """Whether one more request is needed beyond those that are running."""
        return not self.stopping and self.counts.answered + len(self.streams) <= self.total

    def _readable(self, fd):
        try:
            piece = self.streams[fd].recv(65536)
        except OSError:
            piece = b""
        self.data[fd] += piece
        whole = self.data[fd].endswith(self.expected) if self.keep else not piece and self.expected in self.data[fd]
        if whole:
            self.counts.answered += 1
            self._next(fd, reuse=self.keep and b"Connection: close" not in self.data[fd])
        elif not piece:
            self.counts.broken += 1
            self._next(fd, reuse=False)

    def _next(self, fd, reuse):
        if not self._more():
            return self._close(fd)
        if reuse:
            self.data[fd] = b""
            try:
                return self.streams[fd].sendall(self.request)
            except OSError:
                self.counts.broken += 1
        self._close(fd)
        return self._open()

    def finish(self, timeout: float = 120) -> Counts:
        self.join(timeout)
        if self.is_alive():
            self.stopping = True
            raise AssertionError(f"only {self.counts} of {self.total} answers after {timeout} s")
        if self.error:
            raise self.error
        return self.counts


@dataclasses.dataclass
class WrkResult:
    """What wrk printed. Latencies in microseconds."""

    requests: int
    seconds: float
    errors: int
    text: str
    p50: float = 0.0
    p99: float = 0.0

    @property
    def rate(self) -> float:
        return self.requests / self.seconds


UNITS = {"us": 1.0, "ms": 1e3, "s": 1e6, "m": 6e7}


def _micros(text: str, percent: str) -> float:
    found = re.search(rf"^\s+{percent}%\s+([\d.]+)(us|ms|s|m)", text, re.M)
    return float(found[1]) * UNITS[found[2]] if found else 0.0


def parse_wrk(text: str) -> WrkResult:
    total = re.search(r"(\d+) requests in ([\d.]+)(us|ms|s|m)", text)
    errors = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", text)
    bad = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
    count = sum(map(int, errors.groups())) if errors else 0
    return WrkResult(int(total[1]), float(total[2]) * UNITS[total[3]] / 1e6, count + (int(bad[1]) if bad else 0),
                     text, _micros(text, "50"), _micros(text, "99"))


def wrk(url: str, seconds: float, connections: int = 20, threads: int = 1, headers=(), script=None) -> subprocess.Popen:
    """Start wrk, with a script of its own if there is one; `wrk_result` waits for it."""
    assert shutil.which("wrk"), "wrk is missing: run tests/setup.sh as root"
    extra = [part for header in headers for part in ("-H", header)] + (["-s", str(script)] if script else [])
    return subprocess.Popen(["wrk", "--latency", f"-t{threads}", f"-c{connections}", f"-d{max(1, round(seconds))}s", *extra, url],
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def wrk_result(process: subprocess.Popen) -> WrkResult:
    text = process.communicate(timeout=300)[0]
    assert process.returncode == 0, text
    return parse_wrk(text)


def latencies(address, count: int, path="/", timeout: float = 10.0) -> list[float]:
    """Sorted seconds of `count` requests one after another, each on its own connection."""
    found = []
    for _ in range(count):
        started = time.monotonic()
        assert wire.http(address, path, timeout=timeout).status == 200
        found.append(time.monotonic() - started)
    return sorted(found)


def idle_connections(address, count: int, first: bytes = b"") -> list[socket.socket]:
    found = []
    for _ in range(count):
        stream = wire.connect(address)
        if first:
            stream.sendall(first)
        found.append(stream)
    return found
