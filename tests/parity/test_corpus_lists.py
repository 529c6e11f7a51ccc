"""The whole corpus against the original: both resolve a configuration to the same ordered list of options.

The original has no check mode. An unknown clock ends it right after it has printed its list and before it
opens anything. What would act before that (hooks called `asap`, log files, builders) is left out, and so
is what it refuses for a reason of its build or of the machine: it then prints no list.
"""

import os
import pathlib
import re
import subprocess

import pytest

from corpus.cases import CASES
from harness import paths
from harness.server import plain_environment

LEFT = pathlib.Path(os.environ.get("PARITY_LEFT", paths.ORIGINAL))
RIGHT = pathlib.Path(os.environ.get("PARITY_RIGHT", paths.OURS))
ACTS = re.compile(r"asap|logger|log-encoder|daemonize|logto|build-plugin|master-fifo|^stop|^reload|http://", re.M)
OWN = ("check = true", "show-config = true", "clock = nowhere")
HOW = {True: ["--check", "--show-config"], False: ["--show-config", "--clock", "nowhere"]}

# The original cuts the command off in its own list while it parses the line: only the head is compared.
CUT = re.compile(r"^(cron2 = \S+) .*")


def resolved(binary: pathlib.Path, case, directory: pathlib.Path) -> list[str] | None:
    """The printed list, or nothing when the configuration was refused before."""
    case.furnish(directory)
    done = subprocess.run([binary, *HOW[paths.is_successor(binary)], *case.args], input=case.stdin, capture_output=True, text=True,
                          errors="replace", timeout=30, cwd=directory, env={**plain_environment(), **case.env}, check=False)
    text = done.stdout + done.stderr
    if ";uWSGI instance configuration" not in text or ";end of configuration" not in text:
        return None
    lines = text[text.index("[uwsgi]\n"):text.index(";end of configuration")].splitlines()
    return [CUT.sub(r"\1", line.replace(str(directory), "DIR")) for line in lines if line not in OWN]


def safe(case) -> bool:
    return not ACTS.search(" ".join(case.args) if case.path.suffix == ".args" else case.path.read_text(errors="replace"))


@pytest.mark.parametrize(("kind", "at_least"), [("files", 300), ("command lines", 130)])
def test_same_list(kind, at_least, tmp_path):
    mine = [case for case in CASES if (case.path.suffix == ".args") == (kind == "command lines") and safe(case)]
    compared, different = 0, {}
    for number, case in enumerate(mine):
        for name in ("left", "right"):
            (tmp_path / f"{number}" / name / "run").mkdir(parents=True)
        left = resolved(LEFT, case, tmp_path / f"{number}/left/run")
        if left is None:
            continue
        right = resolved(RIGHT, case, tmp_path / f"{number}/right/run")
        compared += 1
        if left != right:
            different[case.name] = [line for line in left if line not in (right or [])], [line for line in right or [] if line not in left]
    assert not different
    assert compared >= at_least
