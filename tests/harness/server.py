"""One server under test: a real process with its own session, log file and deadlines."""

import json
import os
import pathlib
import re
import shlex
import signal
import socket
import subprocess
from urllib.parse import quote

from . import paths, procs, wire
from .waiting import until

ALERTS = re.compile(
    r"panicked at|Fatal Python error|Traceback \(most recent call last\)|Segmentation Fault"
    r"|DAMN !|MISTERIOUSLY|SIGABRT|stack overflow|double free|NO MERCY"
)
SPAWN = re.compile(r"(?:spawned|Respawned) uWSGI worker (\d+) (?:\(and the only\) )?\((?:new )?pid: (\d+)")
BOUND = re.compile(r"uwsgi socket (\d+) (?:bound to|inherited) (TCP6?|INET6?|UNIX) address (\S+)")


def free_port(family=socket.AF_INET, host="127.0.0.1") -> int:
    """A port the kernel just gave and took back, for options that cannot report port 0."""
    with socket.socket(family) as probe:
        probe.bind((host, 0))
        return probe.getsockname()[1]


def plain_environment() -> dict[str, str]:
    """Our own environment without UWSGI_*: every such variable is an option to a server."""
    return {k: v for k, v in os.environ.items() if not k.startswith("UWSGI_")}


def run(*args, code: int = 0, env=None, **kw) -> str:
    """What our server says when it ends by itself, with this code."""
    done = subprocess.run([paths.OURS, *map(str, args)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60, text=True, check=False,
                          stdin=subprocess.DEVNULL, env=plain_environment() if env is None else env, **kw)
    assert done.returncode == code, done.stdout
    return done.stdout


def ask(server: "Server", expression: str, address=None, **kw) -> str:
    """What the application `probe` says an expression is."""
    answer = wire.http(address or server.address(), "/?" + quote(expression), **kw)
    assert answer.status == 200, server.tail()
    return answer.body.decode()


class Server:
    """Started by the `uwsgi` fixture, which also ends it and looks for leftovers."""

    def __init__(self, args, directory: pathlib.Path, binary=paths.OURS, env=None, cwd=None, name="server",
                 stdin: str | None = None, pass_fds=()):
        self.args = [str(a) for a in args]
        self.binary = pathlib.Path(binary)
        self.ours = paths.is_successor(self.binary)
        self.cwd = pathlib.Path(cwd or directory)
        self.log_path = directory / f"{name}.log"
        self.allowed: list[str] = []
        self.expect = {0} if self.has_master() else {0, 30}
        full = {**plain_environment(), "PYTHONDONTWRITEBYTECODE": "1", "LC_ALL": "C.UTF-8", **(env or {})}
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(
                [self.binary, *self.args], stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE, stdout=log, stderr=log,
                cwd=self.cwd, env={k: v for k, v in full.items() if v is not None},
                start_new_session=True, pass_fds=pass_fds,
            )
        if stdin is not None:
            with self.process.stdin as pipe:
                pipe.write(stdin.encode())
        self.pid = self.process.pid

    # what was asked for
    def has_master(self) -> bool:
        implying = {"--master", "-M", "--stats", "--stats-server", "--ini"}
        return bool(implying & {a.split("=")[0] for a in self.args}) or any(a.endswith(".ini") for a in self.args)

    def _number(self, *names: str, default: int) -> int:
        for i, arg in enumerate(self.args[:-1]):
            if arg in names:
                return int(self.args[i + 1])
        return default

    # the log
    def log(self) -> str:
        return self.log_path.read_text(errors="replace")

    def mark(self) -> int:
        """A position in the log; give it as `after` to look at what comes later only."""
        return len(self.log())

    def wait_log(self, pattern: str, timeout: float = 10.0, after: int = 0) -> re.Match:
        def look():
            found = re.search(pattern, self.log()[after:], re.M)
            if not found and self.process.poll() is not None:
                found = re.search(pattern, self.log()[after:], re.M)
                assert found, f"exited {self.process.returncode} before {pattern!r}:\n{self.tail()}"
            return found

        return until(look, f"{pattern!r} in the log of {self.command()}\n{self.tail()}", timeout)

    def tail(self, lines: int = 14) -> str:
        return "\n".join(self.log().splitlines()[-lines:])

    def command(self) -> str:
        return shlex.join([self.binary.name, *self.args])

    def allow(self, *patterns: str) -> "Server":
        """Log lines with these patterns are no alert in this test."""
        self.allowed += patterns
        return self

    # readiness
    def ready(self, workers: int | None = None, timeout: float = 20.0) -> "Server":
        """Wait until every worker runs its loop and nobody ignores signals any more."""
        count = workers or self._number("-p", "--processes", "--workers", default=1)
        until(lambda: self._exited() or len(self.worker_pids()) >= count,
              f"{count} workers of {self.command()}\n{self.tail()}", timeout)
        self._must_live()
        if "--http" in self.args:
            self.wait_log(r"spawned uWSGI http 1 \(")
        if {"--stats", "--stats-server"} & set(self.args):
            until(self.stats_answer, "the stats server to listen")
        self.settle()
        return self

    def settle(self) -> None:
        """Signals sent before a process runs its loop are lost in the C original."""
        def deaf():
            return [p for p in {self.pid, *self.worker_pids().values()} if procs.ignores(p, signal.SIGHUP)]

        until(lambda: not deaf(), "workers that listen to signals")

    def quiet(self) -> None:
        """Wait until all workers wait for work: what they had to log is in the log."""
        def calm():
            before, pids = self.log_path.stat().st_size, list(self.worker_pids().values())
            return all(procs.waiting(p) for p in pids) and self.log_path.stat().st_size == before

        until(calm, "quiet workers")

    def _exited(self) -> bool:
        return self.process.poll() is not None

    def _must_live(self) -> None:
        assert not self._exited(), f"{self.command()} exited {self.process.returncode}:\n{self.tail(60)}"

    # where it listens
    def address(self, index: int = 0, after: int = 0):
        """Address of worker socket `index` from its start-up line, as `wire.connect` wants it."""
        def look():
            for number, family, name in BOUND.findall(self.log()[after:]):
                if int(number) == index:
                    return name if family == "UNIX" else wire_address(name)
            self._must_live()
            return None

        return until(look, f"the address of socket {index}")

    def worker_pids(self) -> dict[int, int]:
        """Newest process id of each worker, by worker id."""
        return {int(w): int(p) for w, p in SPAWN.findall(self.log())}

    # talking to it
    def get(self, path="/", **kw) -> wire.Response:
        return wire.http(self.address(), path, **kw)

    def stats_address(self):
        for i, arg in enumerate(self.args[:-1]):
            if arg in ("--stats", "--stats-server"):
                value = self.args[i + 1]
                if value.startswith("@"):
                    return value
                return wire_address(value) if ":" in value else str(self.cwd / value)
        raise AssertionError("no --stats given")

    def stats_answer(self) -> bool:
        address = self.stats_address()
        try:
            wire.connect(address + "\0" if str(address).startswith("@") else address).close()
            return True
        except OSError:
            return False

    def stats(self) -> dict:
        address = self.stats_address()
        address = address + "\0" if str(address).startswith("@") else address
        data = wire.raw(address, b"GET / HTTP/1.0\r\n\r\n" if "--stats-http" in self.args else b"")
        return json.loads(data.split(b"\r\n\r\n", 1)[-1])

    def wait_stats(self, question, what: str, timeout: float = 10.0) -> dict:
        """The first stats document for which `question(document)` holds; a reload may cut one off."""
        def look():
            try:
                document = self.stats()
            except json.JSONDecodeError as cut:
                if cut.doc.rstrip().endswith("}"):
                    raise
                return None
            return document if question(document) else None

        return until(look, f"stats with {what}", timeout)

    # reloading
    def reload(self, number: int = signal.SIGHUP, last: int = 1, timeout: float = 10.0) -> int:
        """Reload by a signal; where in the log that begins."""
        after = self.mark()
        self.send(number)
        self.reloaded(after, last, timeout)
        return after

    def reloaded(self, after: int, last: int = 1, timeout: float = 10.0) -> None:
        """Wait for the image that begins behind `after`, until its worker with the number `last` runs."""
        self.wait_log(r"gracefully \(RE\)spawned uWSGI master process", timeout, after)
        self.wait_log(rf"^spawned uWSGI worker {last} ", timeout, after)
        self.settle()

    # ending
    def send(self, number: int) -> None:
        os.kill(self.pid, number)

    def wait_exit(self, timeout: float = 20.0) -> int:
        until(self._exited, f"the end of {self.command()}", timeout)
        return self.process.returncode

    def stop(self, number: int = signal.SIGINT, timeout: float = 20.0) -> int:
        if not self._exited():
            self.send(number)
        return self.wait_exit(timeout)

    def alerts(self) -> list[str]:
        lines = [line for line in self.log().splitlines() if ALERTS.search(line)]
        return [line for line in lines if not any(re.search(a, line) for a in self.allowed)]


def wire_address(text: str):
    host, _, port = text.rpartition(":")
    host = host.strip("[]")
    return ("127.0.0.1" if host in ("", "0.0.0.0") else host, int(port))
