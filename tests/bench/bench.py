"""Benchmarks in one run: every contender in turn, round after round, medians and ratios at the end.

BENCH_SECONDS (3) per measurement, BENCH_ROUNDS (5), BENCH_CONNECTIONS (32), BENCH_ONLY (a word that
names must contain), BENCH_OUT (target/bench.json). CPU is user and system time of the whole process
tree of a server, from /proc, between the first and the last request of a measurement.
"""

import json
import os
import pathlib
import statistics
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from bench.contenders import ALL, TARGETS, Running  # noqa: E402
from harness import load, paths, procs  # noqa: E402

SECONDS = float(os.environ.get("BENCH_SECONDS", "3"))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "5"))
CONNECTIONS = int(os.environ.get("BENCH_CONNECTIONS", "32"))
ONLY = os.environ.get("BENCH_ONLY", "")
OUT = pathlib.Path(os.environ.get("BENCH_OUT", paths.REPO / "target/bench.json"))


def measure(running: Running) -> dict:
    """One measurement: a short warm-up, then wrk for SECONDS."""
    contender = running.contender
    url = f"http://127.0.0.1:{running.port}{contender.path}"
    how = {"headers": ["Connection: close"] if contender.close else []}
    if contender.script:
        how["script"] = running.directory / "wrk.lua"
        how["script"].write_text(contender.script)
    connections = contender.connections or CONNECTIONS
    load.wrk_result(load.wrk(url, 1, connections, **how))
    before = procs.cpu_seconds(running.process.pid)
    result = load.wrk_result(load.wrk(url, SECONDS, connections, **how))
    spent = procs.cpu_seconds(running.process.pid) - before
    return {"cpu_us": spent / result.requests * 1e6, "rate": result.rate, "p50_us": result.p50, "p99_us": result.p99,
            "pss_mib": procs.pss_kib(running.process.pid) / 1024, "errors": result.errors}


def run(contenders) -> dict[str, dict]:
    seen = {c.name: [] for c in contenders}
    with tempfile.TemporaryDirectory(prefix="uwsgi-bench-") as directory:
        for number in range(ROUNDS):
            order = contenders if number % 2 == 0 else contenders[::-1]
            for contender in order:
                with Running(contender, pathlib.Path(directory) / f"{number}-{contender.name.replace(' ', '-')}") as running:
                    seen[contender.name].append(measure(running))
                print(".", end="", flush=True)
    print()
    return {name: summary(values) for name, values in seen.items()}


def summary(values: list[dict]) -> dict:
    """Medians over the rounds; errors are summed; the spread of CPU shows how far to trust it."""
    middle = {key: statistics.median(v[key] for v in values) for key in values[0]}
    middle["errors"] = sum(v["errors"] for v in values)
    middle["cpu_us_min"], middle["cpu_us_max"] = min(v["cpu_us"] for v in values), max(v["cpu_us"] for v in values)
    return middle


def table(contenders, results) -> list[str]:
    lines, group = [], None
    for contender in contenders:
        if contender.group != group:
            group = contender.group
            base = results[contender.name]["cpu_us"]
            lines += ["", f"{group:<36} {'cpu us/req':>10} {'ratio':>6} {'spread':>13} {'req/s':>9} {'p50 us':>8} {'p99 us':>8} {'PSS MiB':>8} {'errors':>6}"]
        r = results[contender.name]
        spread = f"{r['cpu_us_min']:.1f}-{r['cpu_us_max']:.1f}"
        lines.append(f"  {contender.name:<34} {r['cpu_us']:>10.2f} {base / r['cpu_us']:>6.2f} {spread:>13} {r['rate']:>9.0f} "
                     f"{r['p50_us']:>8.0f} {r['p99_us']:>8.0f} {r['pss_mib']:>8.1f} {r['errors']:>6.0f}")
    return [*lines, "", "ratio: cpu of the first row of the group divided by that of the row"]


def verdicts(results) -> list[dict]:
    found = []
    for claim, ours, other, most, measured in TARGETS:
        if ours in results and other in results:
            ratio = measured(results[ours], results[other])
            found.append({"claim": claim, "ratio": round(ratio, 3), "at_most": most, "holds": ratio <= most})
    return found


def main() -> int:
    missing = [p for p in (paths.OURS, paths.ORIGINAL, paths.VENV / "bin/granian") if not p.exists()]
    if missing:
        print(f"bench: missing {missing}: run `make build` and tests/setup.sh", file=sys.stderr)
        return 1
    contenders = [c for c in ALL if ONLY in c.name]
    results = run(contenders)
    judged = verdicts(results)
    print("\n".join(table(contenders, results)))
    for v in judged:
        print(f"{'holds ' if v['holds'] else 'MISSED'} {v['claim']}: {v['ratio']:.2f} (at most {v['at_most']:.2f})")
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps({"seconds": SECONDS, "rounds": ROUNDS, "connections": CONNECTIONS, "results": results,
                               "verdicts": judged}, indent=1) + "\n")
    print(f"written to {OUT}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
