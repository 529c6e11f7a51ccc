"""Configurations of the real world run through `uwsgi --check`: accepted, or rejected with a reason."""

import pytest

from corpus.cases import CASES, Case
from corpus.readers import plain
from corpus.resolve import listed, run

pytestmark = pytest.mark.ours


def check(case: Case, directory, *more: str) -> tuple[int, str]:
    case.furnish(directory)
    return run("--check", *more, *case.args, cwd=directory, env=case.env, stdin=case.stdin)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_check(case, tmp_path):
    code, text = check(case, tmp_path)
    assert code == case.code, f"exit {code}, expected {case.code}\n{text[-2000:]}"
    assert "panicked" not in text
    for wanted in case.says:
        assert wanted in text, f"{wanted!r} is not in\n{text[-2000:]}"
    for unwanted in case.quiet:
        assert unwanted not in text, f"{unwanted!r} is in\n{text[-2000:]}"


def shown(case: Case, directory) -> list[str]:
    """The list of options, with PATH for the file and HERE for its directory."""
    _, text = check(case, directory, "--show-config")
    return [line.replace(str(case.path), "PATH").replace(str(case.path.parent), "HERE") for line in listed(text)]


ALONE = [case for case in CASES if not case.code and case.shown() is None and case.args == [str(case.path)]]
PLAIN = [(case, pairs) for case in ALONE if (pairs := plain(case.path)) is not None]


@pytest.mark.parametrize(("case", "pairs"), PLAIN, ids=lambda value: str(value) if isinstance(value, Case) else "")
def test_plain_file_is_its_lines(case, pairs, tmp_path):
    assert shown(case, tmp_path) == [f"{key} = {value}" for key, value in pairs]


GOLDEN = [case for case in CASES if case.shown() is not None]


@pytest.mark.parametrize("case", GOLDEN, ids=str)
def test_list_of_options(case, tmp_path):
    assert shown(case, tmp_path) == case.shown()


def test_rejections_say_why():
    """A rejection has a reason in the manifest and a text that names it on the screen."""
    mute = [case.name for case in CASES if case.code and not (case.says and case.why)]
    assert not mute


def test_the_corpus_is_large():
    assert len(CASES) >= 120 and len(PLAIN) >= 300
