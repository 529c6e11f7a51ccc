"""Runs every scenario against both binaries and compares what was written down.

`PARITY_LEFT` and `PARITY_RIGHT` name the two binaries; with the C original on both sides the
run proves the scenarios themselves: nothing in them may depend on time or chance.
"""

import difflib
import os
import pathlib
import re
import tomllib

import pytest

from harness import paths
from parity import alarms, carbon, commands, config, config_errors, config_formats, config_logic, config_order, config_values, dynamic  # noqa: F401
from parity import daemons, health, hooks, life, log_lines, loggers, messages, metric_lists, protocols, pushers, request_bodies, rrd, scale, sockets, stats, thresholds, wires, wsgi  # noqa: F401 (they register scenarios)
from parity.box import Box
from parity.scenarios import SCENARIOS

LEFT = pathlib.Path(os.environ.get("PARITY_LEFT", paths.ORIGINAL))
RIGHT = pathlib.Path(os.environ.get("PARITY_RIGHT", paths.OURS))
ALLOWED = tomllib.loads((pathlib.Path(__file__).parent / "allowed.toml").read_text())["allow"]


def play(name: str, binary: pathlib.Path, directory: pathlib.Path) -> list[str]:
    directory.mkdir(parents=True)
    box = Box(binary, directory)
    try:
        SCENARIOS[name](box)
    finally:
        box.close()
    return box.seen


def drop_allowed(name: str, side: str, lines: list[str]) -> list[str]:
    rules = [re.compile(a["line"]) for a in ALLOWED
             if a["side"] in (side, "both") and re.fullmatch(a.get("scenario", ".*"), name)]
    return [line for line in lines if not any(r.search(line) for r in rules)]


@pytest.mark.parametrize("name", sorted(SCENARIOS))
def test_scenario(name, tmp_path, nothing_left):
    left = play(name, LEFT, tmp_path / "left/run")
    right = play(name, RIGHT, tmp_path / "right/run")
    if not paths.is_successor(RIGHT):
        assert right == left, "the scenario depends on time or chance"
    assert len(left) > 0
    left, right = drop_allowed(name, "original", left), drop_allowed(name, "ours", right)
    difference = list(difflib.unified_diff(left, right, "original", "ours", lineterm="", n=1))
    assert not difference, "\n" + "\n".join(difference[:80])


def test_there_are_enough_scenarios():
    assert len(SCENARIOS) >= 130


def test_every_allowed_difference_has_a_reason():
    for entry in ALLOWED:
        assert set(entry) <= {"scenario", "side", "line", "reason"} and entry["side"] in ("original", "ours", "both")
        assert len(entry["reason"].split()) >= 4, entry
