"""What a line for each request costs: processor time of all processes per request, beyond that without lines.

BENCH_SECONDS (3) per measurement, BENCH_ROUNDS (5), BENCH_CONNECTIONS (32), BENCH_OUT (target/bench-lines.json). Differences are
between turns of the same round, and the median of the rounds is told.
"""

import json
import os
import pathlib
import statistics
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from bench.bench import measure  # noqa: E402
from bench.contenders import KEEP, Contender, Running  # noqa: E402
from harness import paths  # noqa: E402

ROUNDS = int(os.environ.get("BENCH_ROUNDS", "5"))
OUT = pathlib.Path(os.environ.get("BENCH_OUT", paths.REPO / "target/bench-lines.json"))
AIM_US = 1.0
NONE, AIMED = "no lines", "log-master to a file"
WAYS = {
    NONE: ["--disable-logging"],
    AIMED: ["--log-master", "--logto", "requests.log"],
    "a logger for a file": ["--req-logger", "file:requests.log"],
    "each worker itself": ["--logto", "requests.log"],
}


def contender(name: str) -> Contender:
    def command(port: int, _):
        return [paths.OURS, "--http11-socket", f"127.0.0.1:{port}", "-M", "-p", "1", "--listen", "1000", "--wsgi-file", KEEP, *WAYS[name]]
    return Contender(name, "lines", False, command)


def main() -> int:
    costs: dict[str, list[float]] = {name: [] for name in WAYS if name != NONE}
    base = []
    with tempfile.TemporaryDirectory(prefix="uwsgi-bench-") as directory:
        for number in range(ROUNDS):
            seen = {}
            for name in list(WAYS) if number % 2 == 0 else list(WAYS)[::-1]:
                with Running(contender(name), pathlib.Path(directory) / f"{number}-{name.replace(' ', '-')}") as running:
                    seen[name] = measure(running)["cpu_us"]
            base.append(seen[NONE])
            for name, found in costs.items():
                found.append(seen[name] - seen[NONE])
    middle = {name: statistics.median(found) for name, found in costs.items()}
    print(f"without lines {statistics.median(base):.2f} us per request")
    for name, cost in middle.items():
        print(f"  {name:<24} {cost:+.2f} us ({min(costs[name]):+.2f} to {max(costs[name]):+.2f})")
    holds = middle[AIMED] <= AIM_US
    print(f"{'holds ' if holds else 'MISSED'} {AIMED}: {middle[AIMED]:.2f} us per request (at most {AIM_US:.2f})")
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps({"rounds": ROUNDS, "base_us": base, "costs_us": costs, "holds": holds}, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
