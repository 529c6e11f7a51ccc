"""What probes in the kernel cost: one server without them and with each set, in turn, under the same steady load.

A set is loaded only during its own turn, because a probe is paid for by the whole machine. Two figures for each request: CPU of the
worker, and of worker and client together, because wake-ups are paid for by who wakes. Ratios are between turns of the same round, and the
median of the rounds is told. PROBES_RATE (20000 requests/s), BENCH_SECONDS (3), BENCH_ROUNDS (7), PROBES_SETS
(`default all accept ...`), BENCH_OUT (target/bench-probes.json).
"""

import json
import os
import pathlib
import re
import resource
import statistics
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from harness import load, paths, procs, wire  # noqa: E402
from harness.server import free_port, plain_environment  # noqa: E402
from harness.waiting import until  # noqa: E402

RATE = int(os.environ.get("PROBES_RATE", "20000"))
SECONDS = float(os.environ.get("BENCH_SECONDS", "3"))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "7"))
SETS = os.environ.get("PROBES_SETS", "default all accept scheduler network signals syscalls memory").split()
OUT = pathlib.Path(os.environ.get("BENCH_OUT", paths.REPO / "target/bench-probes.json"))
AIMS = {"default": 1.03, "all": 1.08}

# Each connection asks, waits for the answer, and rests: together they come to the rate.
REST_MS = 2
CONNECTIONS = RATE * (REST_MS + 1) // 1000


class Running:
    """One server with one worker."""

    def __init__(self, directory: pathlib.Path, probes: str):
        self.port, log_path = free_port(), directory / f"{probes}.log"
        with open(log_path, "wb") as log:
            self.process = subprocess.Popen(
                [paths.OURS, "--master", "--http11-socket", f"127.0.0.1:{self.port}", "--listen", "1000", "--disable-logging",
                 "--wsgi-file", paths.APPS / "hello_length.py", f"--ebpf={probes}"],
                stdout=log, stderr=log, env=plain_environment(), cwd=directory)
        try:
            until(lambda: wire.answers(self.port, b"Hello World"), f"an answer, see {log_path}", timeout=20)
            spawned = re.compile(r"spawned uWSGI worker 1 \(pid: (\d+)")
            self.worker = int(until(lambda: spawned.search(log_path.read_text()), "the worker in the log").group(1))
        except BaseException:
            self.stop()
            raise
        log = log_path.read_text()
        if probes != "none" and "probes in the kernel: " not in log:
            raise SystemExit(re.search(r"^.*probes in the kernel.*$", log, re.M).group(0))

    def stop(self):
        self.process.send_signal(2)
        self.process.wait(20)


def client_cpu() -> float:
    """Seconds of processor time of the clients that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def turn(directory: pathlib.Path, probes: str, script: pathlib.Path) -> tuple[float, float, float]:
    """Microseconds for each request of the worker and of both, and the rate that was reached."""
    server = Running(directory, probes)
    try:
        url = f"http://127.0.0.1:{server.port}/"
        load.wrk_result(load.wrk(url, 1, CONNECTIONS, script=script))
        worker, client = procs.precise_cpu_seconds(server.worker), client_cpu()
        result = load.wrk_result(load.wrk(url, SECONDS, CONNECTIONS, script=script))
        worker, client = procs.precise_cpu_seconds(server.worker) - worker, client_cpu() - client
        return worker / result.requests * 1e6, (worker + client) / result.requests * 1e6, result.requests / SECONDS
    finally:
        server.stop()


def main() -> int:
    turns = {name: [] for name in ["none", *SETS]}
    with tempfile.TemporaryDirectory(prefix="uwsgi-bench-") as directory:
        directory = pathlib.Path(directory)
        script = directory / "rest.lua"
        script.write_text(f"function delay() return {REST_MS} end\n")
        for number in range(ROUNDS):
            for name in sorted(turns, reverse=bool(number % 2)):
                turns[name].append(turn(directory, name, script))
            print(".", end="", flush=True)
    print()
    told = {}
    for name, all_turns in turns.items():
        ratios = [statistics.median(own[of] / none[of] for own, none in zip(all_turns, turns["none"])) for of in (0, 1)]
        figures = [statistics.median(one[of] for one in all_turns) for of in range(3)]
        told[name] = {"worker_us": figures[0], "both_us": figures[1], "rate": figures[2], "worker": ratios[0], "both": ratios[1]}
        print(f"{name:<10} worker {figures[0]:6.2f} us, {ratios[0]:.3f} x; with the client {figures[1]:6.2f} us, {ratios[1]:.3f} x; "
              f"{figures[2]:.0f} requests/s")
    for name, most in AIMS.items():
        if name in told:
            value = told[name]["worker"]
            print(f"{'holds ' if value <= most else 'MISSED'} {name}: {value:.3f} x (at most {most})")
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps({"rounds": ROUNDS, "rate": RATE, "sets": told, "turns": turns}, indent=1) + "\n")
    print(f"written to {OUT}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
