"""What watching costs: the same server with nothing configured and with everything, in one run.

Everything is 200 metrics, 20 of files, a metrics directory, 50 thresholds, 10 alarms of all kinds (one of them by log lines) and a scrape
per second. Two ratios are told: CPU per
request of the workers (at most 1.01) and the share of a core that the observer takes (under 1 %).
BENCH_SECONDS (3) per measurement, BENCH_ROUNDS (5), BENCH_CONNECTIONS (32), OBSERVER_SECONDS (30), BENCH_OUT
(target/bench-observability.json).
"""

import json
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from harness import load, paths, procs, wire  # noqa: E402
from harness.server import free_port, plain_environment  # noqa: E402
from harness.waiting import until  # noqa: E402

SECONDS = float(os.environ.get("BENCH_SECONDS", "3"))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "5"))
CONNECTIONS = int(os.environ.get("BENCH_CONNECTIONS", "32"))
OBSERVER_SECONDS = float(os.environ.get("OBSERVER_SECONDS", "30"))
OUT = pathlib.Path(os.environ.get("BENCH_OUT", paths.REPO / "target/bench-observability.json"))
WORKERS = 2


def metrics() -> list[str]:
    """200 metrics: half of them by the application, the rest computed from them; and 20 of files."""
    lines = [f"metric = name=app.counter.{n},oid=100.1.{n}" for n in range(100)]
    for n in range(100):
        how = ("sum", "avg", "max", "adder", "accumulator")[n % 5]
        children = ";".join(f"app.counter.{(n + k) % 100}" for k in range(4)) + ";worker.1.requests"
        lines.append(f"metric = name=computed.{n},collector={how},children={children}")
    files = ("/proc/meminfo", "/proc/loadavg", "/proc/stat", "/proc/uptime")
    return lines + [f"metric = name=file.{n},type=gauge,collector=file,arg1={files[n % 4]},arg1n={n % 3}" for n in range(20)]


def thresholds() -> list[str]:
    """50 thresholds that nothing reaches."""
    return [f"metric-threshold = key=computed.{n},value=9000000000000000000,alarm=a{n % 10}" for n in range(50)]


def alarms() -> list[str]:
    """10 alarms that nothing raises."""
    kinds = ("log:", "cmd:cat", "signal:17", "curl:http://127.0.0.1:1/", "curl:smtp://127.0.0.1:1;mail_to=a@b.c", "webhook:http://127.0.0.1:1/",
             "alertmanager:http://127.0.0.1:1", "pagerduty:0123456789abcdef0123456789abcdef", "slack:http://127.0.0.1:1/", "log:again")
    lines = [f"alarm = a{n} {kind}" for n, kind in enumerate(kinds)]
    return lines + ["alarm-backlog = a0", "alarm-segfault = a1", "log-alarm = a2,a3 ^HARAKIRI ON WORKER"]


def configuration(directory: pathlib.Path, port: int, stats: int, full: bool) -> pathlib.Path:
    lines = ["[uwsgi]", f"http11-socket = 127.0.0.1:{port}", "master = true", f"processes = {WORKERS}", "disable-logging = true",
             "listen = 1000", f"wsgi-file = {paths.APPS / 'hello_length.py'}", f"stats = 127.0.0.1:{stats}", "stats-http = true"]
    if full:
        (directory / "metrics").mkdir()
        lines += [*metrics(), f"metrics-dir = {directory / 'metrics'}", *thresholds(), *alarms()]
    path = directory / ("full.ini" if full else "none.ini")
    path.write_text("\n".join(lines) + "\n")
    return path


class Running:
    """A server with its processes told apart."""

    def __init__(self, directory: pathlib.Path, full: bool):
        self.port, self.stats = free_port(), free_port()
        self.log_path = directory / f"{full}.log"
        ini = configuration(directory, self.port, self.stats, full)
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen([paths.OURS, "--ini", ini], stdout=log, stderr=log, env=plain_environment(), cwd=directory)
        until(self._ready, f"an answer, see {self.log_path}", timeout=20)
        log = self.log_path.read_text()
        self.workers = [int(p) for p in re.findall(r"spawned uWSGI worker \d+ \(pid: (\d+)", log)]
        self.observer = int(re.findall(r"spawned uWSGI observer \(pid: (\d+)", log)[-1])

    def _ready(self):
        return wire.answers(self.port, b"Hello World") and "observer (pid" in self.log_path.read_text()

    def request_cost(self) -> float:
        """CPU of the workers for one request, microseconds."""
        url = f"http://127.0.0.1:{self.port}/"
        load.wrk_result(load.wrk(url, 1, CONNECTIONS))
        before = sum(procs.precise_cpu_seconds(pid) for pid in self.workers)
        result = load.wrk_result(load.wrk(url, SECONDS, CONNECTIONS))
        return (sum(procs.precise_cpu_seconds(pid) for pid in self.workers) - before) / result.requests * 1e6

    def scrape(self):
        return wire.http(self.stats, "/metrics", timeout=5)

    def stop(self):
        self.process.send_signal(2)
        self.process.wait(20)


def observer_share(running: Running, scraped: bool) -> float:
    """Part of a core that the observer takes while nothing else happens, with a scrape per second or without."""
    seconds, pause = OBSERVER_SECONDS, threading.Event()
    before = procs.cpu_seconds(running.observer)
    for _ in range(int(seconds)):
        pause.wait(1.0)
        if scraped:
            running.scrape()
    return (procs.cpu_seconds(running.observer) - before) / seconds


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="uwsgi-bench-") as directory:
        sides = {}
        for name in ("none", "full"):
            place = pathlib.Path(directory) / name
            place.mkdir()
            sides[name] = Running(place, name == "full")
        costs = {name: [] for name in sides}
        for number in range(ROUNDS):
            for name in sorted(sides, reverse=bool(number % 2)):
                costs[name].append(sides[name].request_cost())
            print(".", end="", flush=True)
        print()
        shares = {name: (observer_share(side, False), observer_share(side, True)) for name, side in sides.items()}
        for side in sides.values():
            side.stop()
    # Each round is compared with itself: the machine changes more between rounds than the configuration does.
    ratio = statistics.median(full / none for full, none in zip(costs["full"], costs["none"]))
    for name, values in costs.items():
        print(f"{name:<5} workers {statistics.median(values):.2f} us of CPU per request ({min(values):.2f}-{max(values):.2f}), observer "
              f"{shares[name][0] * 100:.2f} % of a core, {shares[name][1] * 100:.2f} % with a scrape per second")
    judged = [("workers, full against none", ratio, 1.01), ("observer, part of a core", shares["full"][0], 0.01)]
    for claim, value, most in judged:
        print(f"{'holds ' if value <= most else 'MISSED'} {claim}: {value:.4f} (at most {most})")
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps({"rounds": ROUNDS, "costs_us": costs, "observer": shares, "ratio": ratio}, indent=1) + "\n")
    print(f"written to {OUT}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
