"""What a line for each request costs: processor time of all processes per request, beyond that without lines.

All servers run from the first turn to the last, and have short turns in an order of chance: a machine that is shared is
another one from second to second. BENCH_ROUNDS (20) of BENCH_SECONDS (1) each, BENCH_CONNECTIONS (32), BENCH_OUT
(target/bench-lines.json). The medians of the turns are compared.
"""

import contextlib
import json
import os
import pathlib
import random
import statistics
import sys
import tempfile

os.environ.setdefault("BENCH_SECONDS", "1")
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from bench.bench import measure  # noqa: E402
from bench.contenders import KEEP, Contender, Running  # noqa: E402
from harness import paths  # noqa: E402

ROUNDS = int(os.environ.get("BENCH_ROUNDS", "20"))
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


def turns() -> dict[str, list[float]]:
    """CPU per request, microseconds, of each way in each round."""
    seen: dict[str, list[float]] = {name: [] for name in WAYS}
    with contextlib.ExitStack() as stack:
        directory = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="uwsgi-bench-")))
        running = {name: stack.enter_context(Running(contender(name), directory / name.replace(" ", "-"))) for name in WAYS}
        for _ in range(ROUNDS):
            for name in random.sample(list(WAYS), len(WAYS)):
                seen[name].append(measure(running[name])["cpu_us"])
    return seen


def main() -> int:
    seen = turns()
    base = statistics.median(seen[NONE])
    middle = {name: statistics.median(found) - base for name, found in seen.items() if name != NONE}
    print(f"without lines {base:.2f} us per request ({min(seen[NONE]):.2f} to {max(seen[NONE]):.2f})")
    for name, cost in middle.items():
        print(f"  {name:<24} {cost:+.2f} us (the smallest of each: {min(seen[name]) - min(seen[NONE]):+.2f})")
    holds = middle[AIMED] <= AIM_US
    print(f"{'holds ' if holds else 'MISSED'} {AIMED}: {middle[AIMED]:.2f} us per request (at most {AIM_US:.2f})")
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps({"cpu_us": seen, "costs_us": middle, "holds": holds}, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
