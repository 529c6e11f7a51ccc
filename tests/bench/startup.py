"""What reading costs: a file of 1,000 lines with 200 placeholders against an empty one, here and in the original.

Both servers end as soon as the list of options is complete and judged: this one because it is asked to check,
the original over a clock that does not exist. The four kinds of run take turns, so that the machine's moods
hit them alike; medians are compared. STARTUP_ROUNDS (200).
"""

import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from harness import paths  # noqa: E402
from harness.server import plain_environment  # noqa: E402

ROUNDS = int(os.environ.get("STARTUP_ROUNDS", "200"))
SERVERS = {"ours": [str(paths.OURS), "--check"], "original": [str(paths.ORIGINAL), "--clock", "nowhere"]}
USERS = ["env = V{n}=%(place{p})/x", "pythonpath = %(place{p})/lib/%(place{q})", "pymodule-alias = m{n}=%(place{p})/m.py",
         "attach-daemon = run --dir %(place{p}) --number %({n} + 1)"]


def large() -> str:
    """200 placeholders, half of them made of others, and 799 lines that use them."""
    lines = ["[uwsgi]", "http-socket = 127.0.0.1:0"]
    for n in range(200):
        lines.append(f"set-ph = place{n}=/srv/{n}" if n % 2 == 0 else f"place{n} = x%(place{n - 1})/y")
    while len(lines) < 1000:
        n = len(lines)
        lines.append(USERS[n % len(USERS)].format(n=n, p=n % 200, q=(n * 7) % 200))
    return "\n".join(lines) + "\n"


def once(command: list[str], path: pathlib.Path, quiet: int) -> tuple[float, float]:
    """Wall clock and CPU of one run, in milliseconds."""
    started = time.perf_counter()
    child = subprocess.Popen([*command, "--ini", str(path)], stdin=subprocess.DEVNULL, stdout=quiet, stderr=quiet, env=plain_environment())
    _, _, usage = os.wait4(child.pid, 0)
    wall = time.perf_counter() - started
    child.returncode = 0
    return wall * 1e3, (usage.ru_utime + usage.ru_stime) * 1e3


def measure(directory: pathlib.Path) -> dict[tuple[str, str], list[tuple[float, float]]]:
    files = {"empty": "[uwsgi]\nhttp-socket = 127.0.0.1:0\n", "large": large()}
    for name, text in files.items():
        (directory / f"{name}.ini").write_text(text)
    quiet = os.open(os.devnull, os.O_WRONLY)
    seen = {(server, name): [] for server in SERVERS for name in files}
    for number in range(ROUNDS):
        order = list(seen) if number % 2 == 0 else list(seen)[::-1]
        for server, name in order:
            seen[server, name].append(once(SERVERS[server], directory / f"{name}.ini", quiet))
    os.close(quiet)
    return seen


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="uwsgi-startup-") as directory:
        seen = measure(pathlib.Path(directory))
    middle = {key: [statistics.median(column) for column in zip(*runs)] for key, runs in seen.items()}
    print(f"{'':<10} {'empty ms':>9} {'large ms':>9} {'more ms':>8} {'more CPU ms':>12}   median of {ROUNDS} runs each")
    for server in SERVERS:
        empty, full = middle[server, "empty"], middle[server, "large"]
        print(f"{server:<10} {empty[0]:>9.2f} {full[0]:>9.2f} {full[0] - empty[0]:>8.2f} {full[1] - empty[1]:>12.2f}")
    more = middle["ours", "large"][0] - middle["ours", "empty"][0]
    print(f"{'holds ' if more <= 10 else 'MISSED'} 1,000 lines with 200 placeholders cost {more:.2f} ms (at most 10)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
