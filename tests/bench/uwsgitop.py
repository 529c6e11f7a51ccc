"""What an open screen costs: uwsgitop ten times a second on the arena of a large server, and that server with and without it.

One server of 64 workers with 8 cores each under a light steady load, its histograms filled before. In each round every view runs for a
turn in a terminal of 120x40, and one turn goes without a screen; the CPU of the screen (user and system, drawing included) is told as
a share of one core, and the CPU of the whole server tree as a ratio to the turn without. TOP_WORKERS (64), TOP_THREADS (8), TOP_RATE
(100 requests/s), TOP_VIEWS (`workers overview cores`), TOP_WINDOW (120x40), BENCH_SECONDS (5), BENCH_ROUNDS (5), BENCH_OUT
(target/bench-uwsgitop.json).
"""

import json
import os
import pathlib
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from harness import load, paths, procs, wire  # noqa: E402
from harness.server import free_port, plain_environment  # noqa: E402
from harness.tmux import Tmux  # noqa: E402
from harness.waiting import until  # noqa: E402

WORKERS, THREADS = int(os.environ.get("TOP_WORKERS", "64")), int(os.environ.get("TOP_THREADS", "8"))
RATE = int(os.environ.get("TOP_RATE", "100"))
VIEWS = os.environ.get("TOP_VIEWS", "workers overview cores").split()
WINDOW = tuple(int(n) for n in os.environ.get("TOP_WINDOW", "120x40").split("x"))
SECONDS = float(os.environ.get("BENCH_SECONDS", "5"))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "5"))
OUT = pathlib.Path(os.environ.get("BENCH_OUT", paths.REPO / "target/bench-uwsgitop.json"))
# Of one core, for the views that stay open all day; the server may differ by what a turn differs from another.
AIMS = {"workers": 0.03, "overview": 0.03}
NOBODY = "nobody"


class Running:
    """The large server."""

    def __init__(self, directory: pathlib.Path):
        self.port, log_path = free_port(), directory / "log"
        with open(log_path, "wb") as log:
            self.process = subprocess.Popen(
                [paths.OURS, "--master", "--http11-socket", f"127.0.0.1:{self.port}", "-p", str(WORKERS), "--threads", str(THREADS),
                 "--listen", "1000", "--disable-logging", "--wsgi-file", paths.APPS / "hello_length.py"],
                stdout=log, stderr=log, env=plain_environment(), cwd=directory)
        try:
            until(lambda: wire.answers(self.port, b"Hello World"), f"an answer, see {log_path}", timeout=60)
            until(lambda: log_path.read_text().count("spawned uWSGI worker") == WORKERS, "all workers", timeout=60)
            load.wrk_result(load.wrk(f"http://127.0.0.1:{self.port}/", 5, 4 * WORKERS))
        except BaseException:
            self.stop()
            raise

    def stop(self):
        self.process.send_signal(2)
        self.process.wait(30)


class Trickle:
    """A light steady load, so that there is something new to see in every refresh."""

    def __init__(self, port: int):
        self.port, self.over = port, threading.Event()
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self):
        due = time.monotonic()
        while not self.over.wait(max(0, due - time.monotonic())):
            with socket.create_connection(("127.0.0.1", self.port), timeout=10) as client:
                client.sendall(b"GET / HTTP/1.0\r\n\r\n")
                while client.recv(4096):
                    pass
            due = max(due + 1 / RATE, time.monotonic() - 1)

    def stop(self):
        self.over.set()
        self.thread.join()


class Screen:
    """uwsgitop in a terminal; nobody where the view is that."""

    def __init__(self, directory: pathlib.Path, server: int, view: str):
        self.tmux = None if view == NOBODY else Tmux(
            directory, paths.UWSGITOP, "--frequency", "0.1", "--view", view, "--pid", server, size=WINDOW, env={"COLORTERM": "truecolor"})
        if self.tmux:
            try:
                until(lambda: "masterpid" in self.tmux.text(), "the screen", timeout=20)
                self.pid = next(p for p in procs.tree(self.tmux.server) if self._is_top(p))
            except BaseException:
                self.end()
                raise

    @staticmethod
    def _is_top(pid: int) -> bool:
        return pathlib.Path(f"/proc/{pid}/comm").read_text().strip() == paths.UWSGITOP.name[:15]

    def cpu(self) -> float:
        return procs.precise_cpu_seconds(self.pid) if self.tmux else 0.0

    def end(self):
        if self.tmux:
            self.tmux.end()


def turn(directory: pathlib.Path, server: int, view: str) -> tuple[float, float]:
    """Share of a core of the screen, and of the server."""
    screen = Screen(directory, server, view)
    try:
        # What opening costs, the first look at the past included, is over after a second.
        begin = time.monotonic()
        until(lambda: time.monotonic() > begin + 1, "a second")
        begin, own, of_server = time.monotonic(), screen.cpu(), procs.precise_cpu_seconds(server)
        until(lambda: time.monotonic() > begin + SECONDS, "the turn", timeout=SECONDS + 10)
        own, of_server, took = screen.cpu() - own, procs.precise_cpu_seconds(server) - of_server, time.monotonic() - begin
        return own / took, of_server / took
    finally:
        screen.end()


def rounds(directory: pathlib.Path, server: Running) -> dict:
    turns = {name: [] for name in [NOBODY, *VIEWS]}
    trickle = Trickle(server.port)
    try:
        for number in range(ROUNDS):
            for name in sorted(turns, reverse=bool(number % 2)):
                turns[name].append(turn(directory, server.process.pid, name))
            print(".", end="", flush=True)
    finally:
        trickle.stop()
    print()
    return turns


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="uwsgi-bench-") as directory:
        directory = pathlib.Path(directory)
        server = Running(directory)
        try:
            turns = rounds(directory, server)
        finally:
            server.stop()
    told = {}
    for name, all_turns in turns.items():
        own = statistics.median(one[0] for one in all_turns)
        of_server = statistics.median(one[1] for one in all_turns)
        ratio = statistics.median(one[1] / none[1] for one, none in zip(all_turns, turns[NOBODY]))
        told[name] = {"share": own, "server_share": of_server, "server": ratio}
        print(f"{name:<10} screen {own:7.2%} of a core; server {of_server:7.2%}, {ratio:.3f} x")
    for name, most in AIMS.items():
        if name in told:
            value = told[name]["share"]
            print(f"{'holds ' if value <= most else 'MISSED'} {name}: {value:.2%} of a core (at most {most:.0%})")
    OUT.parent.mkdir(parents=True, exist_ok=True)
    shape = {"workers": WORKERS, "threads": THREADS, "rate": RATE, "window": WINDOW}
    OUT.write_text(json.dumps({"rounds": ROUNDS, **shape, "views": told, "turns": turns}, indent=1) + "\n")
    print(f"written to {OUT}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
