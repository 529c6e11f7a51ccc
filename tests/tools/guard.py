"""House rules that people do forget, one function each; prints every breach and exits 1.

Looks at files git knows (and new ones it would add), so build output is never read.
"""

import pathlib
import re
import subprocess
import sys

REPO = pathlib.Path(__file__).resolve().parent.parent.parent
LONGEST = 600
SOURCE = {".rs", ".py", ".sh", ".c", ".h"}
DATA = {".tsv", ".csv", ".lock", ".svg"}
FORBIDDEN = [
    (re.compile(r"/(root|home)/[a-z.]"), "an absolute home path"),
    (re.compile(r"\b(TODO|FIXME|XXX)\b"), "an unfinished thought"),
    (re.compile(r"\bdbg!\("), "a debugging print"),
]
IS_TEST = re.compile(r"/tests/|/benches/|tests?\.rs$")
BARE_IGNORE = re.compile(r"#\[ignore\]")
SLEEP = re.compile(r"\btime\.sleep\(")
SLEEP_HOMES = ("tests/harness/waiting.py", "tests/apps/", "demo/", "tests/tools/guard.py", "tests/e2e/test_signals.py", "plugins/python/src/threads.py")


def tracked() -> list[pathlib.Path]:
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=REPO, capture_output=True, text=True, check=True)
    return [REPO / line for line in listed.stdout.splitlines() if (REPO / line).is_file()]


def breaches(path: pathlib.Path) -> list[str]:
    if path.suffix in DATA or path.name == "guard.py":
        return []
    try:
        text = path.read_text()
    except UnicodeDecodeError:
        return []
    name = str(path.relative_to(REPO))
    lines = text.splitlines()
    found = []
    if path.suffix in SOURCE and len(lines) > LONGEST:
        found.append(f"{name}: {len(lines)} lines, at most {LONGEST}")
    if path.suffix == ".rs" and not IS_TEST.search(name) and lines and not text.lstrip().startswith("//"):
        found.append(f"{name}:1: no header that says what the file is for")
    for number, line in enumerate(lines, 1):
        found += [f"{name}:{number}: {what}" for pattern, what in FORBIDDEN if pattern.search(line)]
        if path.suffix == ".rs" and BARE_IGNORE.search(line):
            found.append(f"{name}:{number}: #[ignore] without a reason")
        if path.suffix == ".py" and SLEEP.search(line) and not name.startswith(SLEEP_HOMES):
            found.append(f"{name}:{number}: a sleep; wait for a condition")
    return found


def main() -> int:
    found = [breach for path in tracked() for breach in breaches(path)]
    print("\n".join(found) if found else "guard: house rules hold")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
