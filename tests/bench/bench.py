"""Benchmarks in one run. The contenders of a table all run, and take short turns in another order each
round: on a shared machine a second differs from the next one by more than servers do from each other,
so a ratio is the median of those within a round.

BENCH_SECONDS (1) per turn, BENCH_ROUNDS (15), BENCH_CONNECTIONS (32), BENCH_ONLY (a word that
names must contain), BENCH_OUT (target/bench.json). CPU is user and system time of the whole process
tree of a server, from /proc, between the first and the last request of a turn. PSS is that of the tree;
where there is an observer, a process that the original does not have, it is told by itself.
"""

import contextlib
import itertools
import json
import os
import pathlib
import random
import re
import statistics
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from bench.contenders import ALL, TARGETS, Running, cpu  # noqa: E402
from harness import load, paths, procs  # noqa: E402

SECONDS = float(os.environ.get("BENCH_SECONDS", "1"))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "15"))
CONNECTIONS = int(os.environ.get("BENCH_CONNECTIONS", "32"))
ONLY = os.environ.get("BENCH_ONLY", "")
OUT = pathlib.Path(os.environ.get("BENCH_OUT", paths.REPO / "target/bench.json"))


def measure(running: Running, warm_up: bool = True) -> dict:
    """One turn: a short warm-up where it is the first, then wrk for SECONDS."""
    contender = running.contender
    url = f"http://127.0.0.1:{running.port}{contender.path}"
    how = {"headers": ["Connection: close"] if contender.close else []}
    if contender.script:
        how["script"] = running.directory / "wrk.lua"
        how["script"].write_text(contender.script)
    connections = contender.connections or CONNECTIONS
    if warm_up:
        load.wrk_result(load.wrk(url, 1, connections, **how))
    before = procs.cpu_seconds(running.process.pid)
    result = load.wrk_result(load.wrk(url, SECONDS, connections, **how))
    spent = procs.cpu_seconds(running.process.pid) - before
    return {"cpu_us": spent / result.requests * 1e6, "rate": result.rate, "p50_us": result.p50, "p99_us": result.p99,
            "pss_mib": procs.pss_kib(running.process.pid) / 1024, "observer_mib": observer_mib(running), "errors": result.errors}


def observer_mib(running: Running) -> float:
    """What the observer takes: the process below the master that the log does not name a worker."""
    workers = re.findall(r"spawned uWSGI (?:worker|http) .*?pid: (\d+)", (running.directory / "log").read_text(errors="replace"))
    below = set(procs.tree(running.process.pid)) - {running.process.pid} if workers else set()
    return sum(procs.pss_kib(pid) for pid in below - set(map(int, workers))) / 1024


def run(contenders) -> dict[str, list[dict]]:
    """The turns of each contender, round by round."""
    seen, order = {c.name: [] for c in contenders}, random.Random(1)
    with tempfile.TemporaryDirectory(prefix="uwsgi-bench-") as directory:
        for group, members in itertools.groupby(contenders, lambda c: c.group):
            with contextlib.ExitStack() as stack:
                running = [stack.enter_context(Running(c, pathlib.Path(directory) / c.name.replace(" ", "-"))) for c in members]
                for number in range(ROUNDS):
                    for one in order.sample(running, len(running)):
                        seen[one.contender.name].append(measure(one, warm_up=number == 0))
                    print(".", end="", flush=True)
    print()
    return seen


def summary(values: list[dict]) -> dict:
    """Medians over the rounds; errors are summed; the spread of CPU shows how far to trust it."""
    middle = {key: statistics.median(v[key] for v in values) for key in values[0]}
    middle["errors"] = sum(v["errors"] for v in values)
    middle["cpu_us_min"], middle["cpu_us_max"] = min(v["cpu_us"] for v in values), max(v["cpu_us"] for v in values)
    return middle


def table(contenders, turns, results) -> list[str]:
    lines, group = [], None
    for contender in contenders:
        if contender.group != group:
            group = contender.group
            base = turns[contender.name]
            lines += ["", f"{group:<36} {'cpu us/req':>10} {'ratio':>6} {'spread':>13} {'req/s':>9} {'p50 us':>8} {'p99 us':>8} {'PSS MiB':>8} {'observer':>8} {'errors':>6}"]
        r = results[contender.name]
        spread = f"{r['cpu_us_min']:.1f}-{r['cpu_us_max']:.1f}"
        lines.append(f"  {contender.name:<34} {r['cpu_us']:>10.2f} {ratio(base, turns[contender.name]):>6.2f} {spread:>13} {r['rate']:>9.0f} "
                     f"{r['p50_us']:>8.0f} {r['p99_us']:>8.0f} {r['pss_mib']:>8.1f} {r['observer_mib']:>8.1f} {r['errors']:>6.0f}")
    return [*lines, "", "ratio: cpu of the first row of the group divided by that of the row, in the same round"]


def ratio(ours: list[dict], other: list[dict]) -> float:
    return statistics.median(map(cpu, ours, other))


def verdicts(turns) -> list[dict]:
    found = []
    for claim, ours, other, most, measured in TARGETS:
        if ours in turns and other in turns:
            value = statistics.median(map(measured, turns[ours], turns[other]))
            found.append({"claim": claim, "ratio": round(value, 3), "at_most": most, "holds": value <= most})
    return found


def main() -> int:
    missing = [p for p in (paths.OURS, paths.ORIGINAL, paths.VENV / "bin/granian") if not p.exists()]
    if missing:
        print(f"bench: missing {missing}: run `make build` and tests/setup.sh", file=sys.stderr)
        return 1
    contenders = [c for c in ALL if ONLY in c.name]
    turns = run(contenders)
    results, judged = {name: summary(values) for name, values in turns.items()}, verdicts(turns)
    print("\n".join(table(contenders, turns, results)))
    for v in judged:
        print(f"{'holds ' if v['holds'] else 'MISSED'} {v['claim']}: {v['ratio']:.2f} (at most {v['at_most']:.2f})")
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps({"seconds": SECONDS, "rounds": ROUNDS, "connections": CONNECTIONS, "results": results,
                               "verdicts": judged}, indent=1) + "\n")
    print(f"written to {OUT}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
