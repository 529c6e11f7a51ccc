"""Reloads under load: SOAK_RELOADS (200) of each kind while wrk asks at about half of what the workers can do.

The app takes 5 ms, so the connections of wrk are half of the workers. Nothing may fail, counters go on, and at the end the tree has
the descriptors and processes it had after the first tenth, and at most 1 MiB more memory. The master's turns, from the histogram of the
arena, stay under 5 ms. Kinds: `hup` (the whole server by exec), `workers`, `chain` (by touched files). SOAK_KINDS (`hup workers chain`),
SOAK_WORKERS (4), BENCH_OUT (target/bench-reloads.json). Exit code 1 when something does not hold.
"""

import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from harness import load, paths, procs, wire  # noqa: E402
from harness.server import free_port, plain_environment  # noqa: E402
from harness.waiting import until  # noqa: E402

RELOADS = int(os.environ.get("SOAK_RELOADS", "200"))
KINDS = os.environ.get("SOAK_KINDS", "hup workers chain").split()
WORKERS = int(os.environ.get("SOAK_WORKERS", "4"))
OUT = pathlib.Path(os.environ.get("BENCH_OUT", paths.REPO / "target/bench-reloads.json"))
MOST_KIB, MOST_TURN_US = 1024, 5000


class Soak:
    """One server and what is seen of it."""

    def __init__(self, directory: pathlib.Path, kind: str):
        self.kind, self.port, self.log_path, self.touched = kind, free_port(), directory / "log", directory / kind
        self.stats_path = directory / "stats"
        self.touched.write_text("")
        args = ["--master", "--http11-socket", f"127.0.0.1:{self.port}", "-p", str(WORKERS), "--listen", "1000", "--disable-logging",
                "--stats", self.stats_path, "--wsgi-file", paths.APPS / "five_ms.py", "--lazy-apps"]
        args += {"workers": ["--touch-workers-reload", self.touched], "chain": ["--touch-chain-reload", self.touched]}.get(kind, [])
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen([paths.OURS, *args], stdout=log, stderr=log, env=plain_environment(), cwd=directory)
        until(lambda: wire.answers(self.port, b"ok"), f"an answer, see {self.log_path}", timeout=30)
        until(lambda: self.lives() == [1] * WORKERS, "all workers", timeout=30)

    def stats(self) -> dict:
        stream = wire.connect(str(self.stats_path))
        with stream:
            return json.loads(wire.Reader(stream).rest())

    def lives(self) -> list[int]:
        """Spawns of each worker that accepts; 0 for one that does not."""
        try:
            workers = self.stats()["workers"]
        except (OSError, EOFError, ValueError):
            return []
        return [one["respawn_count"] if one["accepting"] else 0 for one in workers]

    def reload(self):
        before = self.lives()
        assert before and all(before), "a reload begins with all workers"
        if self.kind == "hup":
            self.process.send_signal(signal.SIGHUP)
        else:
            os.utime(self.touched, ns=(time.time_ns(), time.time_ns()))
        until(lambda: len(now := self.lives()) == WORKERS and all(b > a for a, b in zip(before, now)),
              f"the end of a reload ({self.kind}), see {self.log_path}", timeout=30)

    def look(self) -> dict:
        tree = procs.tree(self.process.pid)
        return {"pss_kib": procs.pss_kib(self.process.pid), "processes": len(tree), "descriptors": max(map(procs.open_fds, tree))}

    def turns(self) -> dict:
        return self.stats()["master"]["turns"]

    def stop(self):
        self.process.send_signal(signal.SIGINT)
        self.process.wait(30)


def requests(soak: Soak) -> int:
    return sum(one["requests"] for one in soak.stats()["workers"])


def rest(soak: Soak) -> dict:
    """What the tree has when it has come to rest: two looks a moment apart that agree in everything but memory."""
    seen = []

    def calm():
        seen.append(soak.look())
        return len(seen) > 2 and all({**a, "pss_kib": 0} == {**b, "pss_kib": 0} for a, b in zip(seen[-3:], seen[-2:]))

    until(calm, "rest", timeout=20)
    return seen[-1]


def soak(directory: pathlib.Path, kind: str) -> dict:
    server, results, began = Soak(directory, kind), [], time.monotonic()
    try:
        last = 0
        while len(results) == 0 or results[-1]["reloads"] < RELOADS:
            done = results[-1]["reloads"] if results else 0
            some = max(1, RELOADS // 10)
            client = load.wrk(f"http://127.0.0.1:{server.port}/", 3600, max(1, WORKERS // 2))
            try:
                for _ in range(some):
                    server.reload()
            finally:
                # wrk tells what it has when it is interrupted.
                client.send_signal(signal.SIGINT)
                seen = load.wrk_result(client)
            counted = requests(server)
            assert counted >= last + seen.requests, f"counters went back: {counted} after {last} and {seen.requests} answers"
            last = counted
            results.append({"reloads": done + some, "answers": seen.requests, "errors": seen.errors, "p99_us": seen.p99, **rest(server)})
            print(".", end="", flush=True)
        turns = server.turns()
    finally:
        server.stop()
    return {"rounds": results, "turns": turns, "seconds": time.monotonic() - began}


def verdicts(kind: str, told: dict) -> list[tuple[bool, str]]:
    first, last = told["rounds"][0], told["rounds"][-1]
    errors, grown = sum(one["errors"] for one in told["rounds"]), last["pss_kib"] - first["pss_kib"]
    return [
        (errors == 0, f"{kind}: {errors} failed of {sum(one['answers'] for one in told['rounds'])} requests"),
        (grown <= MOST_KIB, f"{kind}: memory {grown:+} KiB (at most {MOST_KIB})"),
        (last["descriptors"] <= first["descriptors"], f"{kind}: descriptors {first['descriptors']} then {last['descriptors']}"),
        (last["processes"] <= first["processes"], f"{kind}: processes {first['processes']} then {last['processes']}"),
        (told["turns"]["max_us"] <= MOST_TURN_US, f"{kind}: longest turn of the master {told['turns']['max_us']} us (at most {MOST_TURN_US})"),
    ]


def main() -> int:
    told, good = {}, True
    for kind in KINDS:
        with tempfile.TemporaryDirectory(prefix="uwsgi-soak-") as directory:
            told[kind] = soak(pathlib.Path(directory), kind)
        print(f" {RELOADS} reloads ({kind}) in {told[kind]['seconds']:.0f} s")
        for holds, text in verdicts(kind, told[kind]):
            good &= holds
            print(f"{'holds ' if holds else 'MISSED'} {text}")
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps({"reloads": RELOADS, "workers": WORKERS, "kinds": told}, indent=1) + "\n")
    print(f"written to {OUT}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
