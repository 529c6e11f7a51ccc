"""Configurations of the real world run through `uwsgi --check`: accepted, or rejected with a reason."""

import subprocess

import pytest

from corpus.cases import CASES, Case
from harness import paths
from harness.server import plain_environment

pytestmark = pytest.mark.ours


def check(case: Case, directory, *more: str) -> subprocess.CompletedProcess:
    case.furnish(directory)
    return subprocess.run([paths.OURS, "--check", *more, *case.args], input=case.stdin, capture_output=True, text=True,
                          errors="replace", timeout=30, cwd=directory, env={**plain_environment(), **case.env}, check=False)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_check(case, tmp_path):
    done = check(case, tmp_path)
    text = done.stdout + done.stderr
    assert done.returncode == case.code, f"exit {done.returncode}, expected {case.code}\n{text[-2000:]}"
    assert "panicked" not in text
    for wanted in case.says:
        assert wanted in text, f"{wanted!r} is not in\n{text[-2000:]}"
    for unwanted in case.quiet:
        assert unwanted not in text, f"{unwanted!r} is in\n{text[-2000:]}"


def test_rejections_say_why():
    """A rejection has a reason in the manifest and a text that names it on the screen."""
    mute = [case.name for case in CASES if case.code and not (case.says and case.why)]
    assert not mute


def test_the_corpus_is_large():
    assert len(CASES) >= 120
