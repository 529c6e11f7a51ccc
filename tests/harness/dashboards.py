"""What `dashboards/` asks of Prometheus and Graphite: every expression, with the variables of Grafana filled in."""

import dataclasses
import json
import pathlib
import re

from harness import paths

HOME = paths.REPO / "dashboards"
RULES = HOME / "prometheus/uwsgi.rules.yml"
RULE_TESTS = HOME / "prometheus/uwsgi.test.yml"
MIB = HOME / "UWSGI-MIB.txt"
#: What Grafana would put in for a window of some minutes.
VARIABLES = {"$__rate_interval": "15s", "$job": ".*", "$instance": ".*", "$worker": ".*", "${objective}": "0.25"}
SERIES = re.compile(r"\b(?:uwsgi|process)_[a-z0-9_]+")


@dataclasses.dataclass
class Question:
    """One expression of a panel."""
    board: str
    panel: dict
    target: dict

    @property
    def expr(self) -> str:
        return filled(self.target["expr"])

    def __str__(self):
        return f"{self.board} / {self.panel['title']}: {self.target['expr']}"


def filled(expr: str, rate_interval: str = "15s") -> str:
    for name, value in {**VARIABLES, "$__rate_interval": rate_interval}.items():
        expr = expr.replace(name, value)
    return expr


def boards() -> dict[str, dict]:
    """Every dashboard by the name of its file."""
    return {file.stem: json.loads(file.read_text()) for file in sorted((HOME / "grafana").glob("*.json"))}


def panels(board: dict) -> list[dict]:
    """All panels, also those in folded rows, in reading order."""
    found = []
    for panel in board["panels"]:
        found += [panel, *panel.get("panels", [])]
    return found


def questions() -> list[Question]:
    return [Question(name, panel, target) for name, board in boards().items() for panel in panels(board)
            for target in panel.get("targets", [])]


def series(expr: str) -> set[str]:
    """Names of our series in an expression; labels and recorded names are none."""
    without_strings = re.sub(r'"[^"]*"', '""', expr)
    return set(SERIES.findall(re.sub(r"\b\w+:\w+(?::\w+)?", "", without_strings)))


def rules(file: pathlib.Path = RULES) -> list[dict]:
    """Records and alerts with their expressions. The file is plain enough to be read line by line."""
    found: list[dict] = []
    for line in file.read_text().splitlines():
        if start := re.match(r"\s+- (record|alert): (\S+)", line):
            found.append({"kind": start[1], "name": start[2], "expr": ""})
        elif start := re.match(r"\s+expr: (?:>-)?(.*)", line):
            found[-1]["expr"] = start[1].strip()
            folding = True
            continue
        elif found and line.startswith("          ") and folding:
            found[-1]["expr"] += " " + line.strip()
            continue
        folding = False
    return found
