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

from .normal import DAY

LEFT = pathlib.Path(os.environ.get("PARITY_LEFT", paths.ORIGINAL))
RIGHT = pathlib.Path(os.environ.get("PARITY_RIGHT", paths.OURS))
ACTS = re.compile(r"asap|logger|log-encoder|log-?date|log-prefix|daemonize|logto|build-plugin|master-fifo|^stop|^reload|http://", re.M)
OWN = ("check = true", "show-config = true", "clock = nowhere")
HOW = {True: ["--check", "--show-config"], False: ["--show-config", "--clock", "nowhere"]}

# Different on purpose, by case.
WANTED = {
    "features/bom.ini": "a byte order mark is skipped",
    "features/environment-defaults.ini": "$(NAME:-default) and $(NAME-default) are of the next version",
    "features/if-else.ini": "else is of the next version",
    "features/if-hostname-match.ini": "works as documented; in the original the plain form never holds",
    "features/ids.xml": "the original cuts the id off in its own list while it reads",
    "features/element-ids.xml": "the original cuts the id off in its own list while it reads",
    "features/folded.yaml": "the line parser of this build of the original ends at the first unusual line",
    "features/lists.yaml": "the line parser of this build of the original ends at the first unusual line",
    "features/percent.yaml": "the line parser of this build of the original ends at the first unusual line",
    "features/quotes.yaml": "the line parser of this build of the original keeps quotes",
    "seeds/071-if-dir.yaml": "the line parser of this build of the original ends at the first unusual line",
    "seeds/073-cheaper-busyness-max.yaml": "the line parser of this build of the original ends at the first unusual line",
    "seeds/388-if-hostname-match.ini": "works as documented; in the original the plain form never holds",
    "features/placeholders-chained.ini": "a placeholder at the start of a value is expanded again too",
    "features/inherit-keeps-text.ini": "the original logs its list with the prefix of the configuration",
    "mistakes/else-alone.ini": "else is of the next version",
    "mistakes/percent-at-end.ini": "a percent sign before a line end or a blank is kept",
    "mistakes/percent-space.ini": "a percent sign before a line end or a blank is kept",
}
# The original cuts the command off in its own list while it parses the line: only the head is compared.
CUT = re.compile(r"^(cron2 = \S+) .*")
DATE = re.compile(f"^{DAY} - ")


# Refused here only, or later there. This build of the original has no JSON and not the YAML of the packages.
STRICTER = {
    "mistakes/bad-mount.ini": "the original judges it after its list is printed",
    "mistakes/bad-protocol.ini": "the original judges it after its list is printed",
    "mistakes/cheaper-above-processes.ini": "the original judges it after its list is printed",
    "mistakes/comment-tail-cheaper.ini": "the original judges it after its list is printed",
    "mistakes/command-lines-18": "what cannot be read is no empty configuration",
    "mistakes/command-lines-19": "what cannot be read is no empty configuration",
    "mistakes/ini-is-directory.ini": "what cannot be read is no empty configuration",
    "mistakes/nul-byte.ini": "a NUL cannot be in a text for the system",
    "mistakes/latin1-value.ini": "values are UTF-8: environment, log and JSON need it",
    "mistakes/else-alone.ini": "else is of the next version",
    "mistakes/circular-self.ini": "a circle ends the original by a signal, or never",
    "mistakes/circular-pair.ini": "a circle ends the original by a signal, or never",
    "mistakes/circular-inherit.ini": "a circle ends the original by a signal, or never",
    "mistakes/circular-section.ini": "a circle ends the original by a signal, or never",
    "mistakes/placeholder-to-itself.ini": "a circle ends the original by a signal, or never",
    "mistakes/placeholders-in-circle.ini": "a circle ends the original by a signal, or never",
}


def run(binary: pathlib.Path, case, directory: pathlib.Path) -> tuple[int, str]:
    """Exit code and everything written."""
    directory.mkdir(parents=True)
    case.furnish(directory)
    done = subprocess.run([binary, *HOW[paths.is_successor(binary)], *case.args], input=case.stdin, capture_output=True, text=True,
                          errors="replace", timeout=30, cwd=directory, env={**plain_environment(), **case.env}, check=False)
    return done.returncode, done.stdout + done.stderr


def resolved(binary: pathlib.Path, case, directory: pathlib.Path) -> list[str] | None:
    """The printed list, or nothing when the configuration was refused before."""
    _, text = run(binary, case, directory)
    if ";uWSGI instance configuration" not in text or ";end of configuration" not in text:
        return None
    lines = text[text.index("[uwsgi]\n"):text.index(";end of configuration")].splitlines()
    lines = [DATE.sub("", line) for line in lines]
    return [CUT.sub(r"\1", line.replace(str(directory), "DIR")) for line in lines if line and line not in OWN]


def safe(case) -> bool:
    return not case.code and not ACTS.search(" ".join(case.args) if case.path.suffix == ".args" else case.path.read_text(errors="replace"))


@pytest.mark.parametrize(("kind", "at_least"), [("files", 300), ("command lines", 130)])
def test_same_list(kind, at_least, tmp_path):
    mine = [case for case in CASES if (case.path.suffix == ".args") == (kind == "command lines") and safe(case)]
    compared, different = 0, {}
    for number, case in enumerate(mine):
        left = resolved(LEFT, case, tmp_path / f"{number}/left/run")
        if left is None or case.name in WANTED:
            continue
        right = resolved(RIGHT, case, tmp_path / f"{number}/right/run")
        compared += 1
        if left != right:
            different[case.name] = [line for line in left if line not in (right or [])], [line for line in right or [] if line not in left]
    assert not different
    assert compared >= at_least


def test_same_refusal(tmp_path):
    """What the original refuses is refused with the same code and the text that people search for."""
    mine = [case for case in CASES if case.code and case.name.startswith("mistakes/") and case.name not in STRICTER
            and case.path.suffix not in (".json", ".yaml")]
    different = {}
    for number, case in enumerate(mine):
        code, text = run(LEFT, case, tmp_path / f"{number}/run")
        if code != case.code or case.says[0] not in text:
            different[case.name] = code, text[-300:]
    assert not different
    assert len(mine) >= 35 and set(STRICTER) <= {case.name for case in CASES}
