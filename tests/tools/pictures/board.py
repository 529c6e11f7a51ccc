"""A dashboard as one picture: every panel in its place, filled with the answers of a Prometheus."""

from harness import dashboards
from pictures import charts, words
from pictures.svg import EDGE, FAINT, INK, PANEL, Pen, cut

WIDTH, COLUMN, UNIT, GAP, TOP = 1224, 50, 30, 8, 46


class Answers:
    """Range and instant queries of one stretch of time."""

    def __init__(self, query, times: tuple[float, float], step: float, rate: str):
        self.query, self.times, self.step, self.rate = query, times, step, rate

    def ranges(self, expr: str) -> list[tuple[dict, dict[float, float]]]:
        found = self.query.get("query_range", query=dashboards.filled(expr, self.rate), start=self.times[0], end=self.times[1], step=self.step)
        return [(one["metric"], {float(t): float(v) for t, v in one["values"]}) for one in found["data"]["result"]]

    def now(self, expr: str) -> list[tuple[dict, float]]:
        found = self.query.get("query", query=dashboards.filled(expr, self.rate), time=self.times[1])
        return [(one["metric"], float(one["value"][1])) for one in found["data"]["result"]]


def picture(board: dict, answers: Answers) -> str:
    """The folded rows stay folded, as they are after an import."""
    pen = Pen()
    pen.text(GAP + 4, 29, board["title"], 19, INK, font_weight="bold")
    pen.text(WIDTH - GAP, 29, cut(board["description"], 800, 12), 12, FAINT, "end")
    height = 0
    for panel in board["panels"]:
        at = panel["gridPos"]
        y = TOP + at["y"] * (UNIT + GAP)
        if panel.get("collapsed"):
            y = height + GAP
        h = at["h"] * (UNIT + GAP) - GAP
        height = max(height, y + h)
        draw(pen, panel, (GAP + at["x"] * COLUMN, y, at["w"] * COLUMN, h), answers)
    return pen.document(WIDTH, int(height + GAP))


def draw(pen: Pen, panel: dict, place, answers: Answers) -> None:
    x, y, w, h = place
    if panel["type"] == "row":
        mark = "›" if panel["collapsed"] else "⌄"
        pen.text(x + 6, y + 21, f"{mark} {panel['title']}", 14, INK, font_weight="bold")
        return
    pen.rect(x, y, w - GAP, h, PANEL, stroke=EDGE, rx=2)
    pen.text(x + 10, y + 20, cut(panel["title"], w - 30, 13), 13, INK, font_weight="bold")
    frame = (x + 10.0, y + 32.0, w - GAP - 20.0, h - 42.0)
    kind = panel["type"]
    if kind == "table":
        return rows(pen, frame, panel, answers)
    if kind == "heatmap":
        buckets: dict[str, dict[float, float]] = {}
        for target in panel["targets"]:
            buckets.update({labels["le"]: values for labels, values in answers.ranges(target["expr"])})
        return charts.heat(pen, frame, panel, buckets, answers.times, answers.step)
    series = [charts.Series(words.legend(dashboards.filled(target["legendFormat"]), labels), values)
              for target in panel["targets"] for labels, values in answers.ranges(target["expr"])]
    if kind == "stat":
        return charts.stat(pen, frame, panel, series, answers.times)
    if kind == "state-timeline":
        return charts.states(pen, frame, panel, sorted(series, key=lambda one: one.name), answers.times, answers.step)
    return charts.graph(pen, frame, panel, series, answers.times, answers.step)


def rows(pen: Pen, frame, panel: dict, answers: Answers) -> None:
    """One line for each label set, one column for each question, as the transformations of the panel say."""
    renamed = next(t for t in panel["transformations"] if t["id"] == "organize")["options"]["renameByName"]
    units = {o["matcher"]["options"]: o["properties"][0]["value"] for o in panel["fieldConfig"]["overrides"]}
    found: dict[tuple, dict[str, str]] = {}
    for target in panel["targets"]:
        title = renamed.get(f"Value #{target['refId']}") or renamed["Value"]
        for labels, value in answers.now(target["expr"]):
            key = tuple((k, v) for k, v in sorted(labels.items()) if k not in ("job", "__name__"))
            found.setdefault(key, {})[title] = words.number(value, units[title])
    names = sorted({name for key in found for name, _ in key})
    titles = [title for title in renamed.values() if title in units]
    lines = [[dict(key).get(name, "") for name in names] + [values.get(title, "") for title in titles]
             for key, values in sorted(found.items())]
    charts.table(pen, frame, panel, names + titles, lines)
