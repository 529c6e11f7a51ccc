"""The captures in docs/screens are of the screen as it is: made anew, they have the same titles."""

import re

import pytest

from harness import paths
from tools import captures

SCREENS = paths.REPO / "docs" / "screens"

# Words in capitals that come from the load and not from the screen.
NOT_TITLES = {"GET", "POST"}


def titles(text: str) -> set[str]:
    return set(re.findall(r"(?<![\w/])[A-Z]{2,}[A-Z/]*(?!\w)", text)) - NOT_TITLES


@pytest.mark.ours
def test_captures_are_current(nothing_left, tmp_path):
    captures.capture(tmp_path / "made", 2)
    for view in captures.VIEWS:
        made, kept = (folder / f"{view}.txt" for folder in (tmp_path / "made", SCREENS))
        assert titles(made.read_text()) == titles(kept.read_text()), f"{view}: run tests/tools/captures.py docs/screens"
        picture = (SCREENS / f"{view}.svg").read_text()
        assert titles(kept.read_text()) <= titles(picture), view


def test_every_picture_of_the_pages_is_there_and_shown():
    pages = "".join(path.read_text() for path in [paths.REPO / "README.md", *(paths.REPO / "docs").glob("*.md")])
    shown = set(re.findall(r"screens/([a-z]+)\.svg", pages))
    assert shown == {path.stem for path in SCREENS.glob("*.svg")} == set(captures.VIEWS)
