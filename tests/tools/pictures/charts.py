"""One function for each shape of panel. Each is given a frame (x, y, width, height) inside of the panel."""

import time

from pictures import words
from pictures.svg import COLORS, EDGE, FAINT, GRID, INK, PALETTE, Pen, color, course, cut

LINE = 15


class Series:
    """One curve: its name, and values by time; what lacks is None."""

    def __init__(self, name: str, values: dict[float, float]):
        self.name = name
        self.values = {t: v for t, v in values.items() if v == v and abs(v) != float("inf")}


def palette(panel: dict) -> dict[str, str]:
    overrides = panel["fieldConfig"].get("overrides", [])
    return {o["matcher"]["options"]: color(p["value"]["fixedColor"]) for o in overrides for p in o["properties"] if p["id"] == "color"}


def nothing(pen: Pen, frame):
    x, y, w, h = frame
    pen.text(x + w / 2, y + h / 2, "No data", 13, FAINT, "middle")


def legends(pen: Pen, frame, entries, room_for: int) -> float:
    """Coloured names at the bottom; answers the height they take."""
    x, y, w, h = frame
    lines, at = [[]], 0.0
    for name, paint in entries:
        name = cut(name, w - 30, 11)
        width = len(name) * 6.2 + 26
        if at + width > w and lines[-1]:
            lines.append([])
            at = 0.0
        lines[-1].append((at, name, paint))
        at += width
    more = sum(len(line) for line in lines[room_for:])
    lines = lines[:room_for]
    for number, line in enumerate(lines):
        top = y + h - (len(lines) - number) * LINE + 4
        for left, name, paint in line:
            pen.rect(x + left, top + 3, 12, 3, paint, rx=1)
            pen.text(x + left + 16, top + 9, name, 11, FAINT)
    if more:
        pen.text(x + w, y + h + 4, f"+{more}", 11, FAINT, "end")
    return len(lines) * LINE + 6


def clock(pen: Pen, frame, times, bottom: float):
    x, _, w, _ = frame
    first, last = times
    count = max(2, int(w / 110))
    for number in range(count):
        share = number / (count - 1)
        anchor = "start" if number == 0 else "end" if number == count - 1 else "middle"
        stamp = time.strftime("%H:%M:%S", time.gmtime(first + (last - first) * share))
        pen.text(x + w * share, bottom + 14, stamp, 10, FAINT, anchor)


def stacked(series: list[Series]) -> list[tuple[Series, dict, dict]]:
    """Each series with its lower and upper edge."""
    floor: dict[float, float] = {}
    found = []
    for one in series:
        low = {t: floor.get(t, 0.0) for t in one.values}
        high = {t: low[t] + v for t, v in one.values.items()}
        floor.update(high)
        found.append((one, low, high))
    return found


def graph(pen: Pen, frame, panel: dict, series: list[Series], times, step: float):
    x, y, w, h = frame
    series = [one for one in series if one.values]
    if not series:
        return nothing(pen, frame)
    custom, defaults = panel["fieldConfig"]["defaults"]["custom"], panel["fieldConfig"]["defaults"]
    fixed, unit = palette(panel), defaults["unit"]
    paints = [fixed.get(one.name, PALETTE[n % len(PALETTE)]) for n, one in enumerate(series)]
    down = legends(pen, frame, list(zip([one.name for one in series], paints, strict=True)), 2)
    is_stack = custom["stacking"]["mode"] == "normal"
    layers = stacked(series) if is_stack else [(one, {t: 0.0 for t in one.values}, one.values) for one in series]
    top = max((v for _, _, high in layers for v in high.values()), default=0)
    top = max(top * 1.06, 1e-9) if top > 0 else 1.0
    if "max" in defaults:
        top = defaults["max"]
    bottom = y + h - down - 18
    marks = words.ticks(top, unit)
    left = x + max(len(words.number(mark, unit)) for mark in marks) * 6 + 8
    inner = (left, y, x + w - left, bottom - y)
    for mark in marks:
        at = bottom - (bottom - y) * mark / top
        pen.line(left, at, x + w, at, GRID)
        pen.text(left - 6, at + 4, words.number(mark, unit), 10, FAINT, "end")
    clock(pen, inner, times, bottom)

    def place(t, v):
        return left + (x + w - left) * (t - times[0]) / (times[1] - times[0]), bottom - (bottom - y) * min(v, top) / top

    for (_, low, high), paint in zip(layers, paints, strict=True):
        if custom["drawStyle"] == "bars":
            width = max(1.5, (x + w - left) * step / (times[1] - times[0]) * 0.9)
            for t, v in high.items():
                if v > low[t]:
                    (px, py), (_, pl) = place(t, v), place(t, low[t])
                    pen.rect(px - width / 2, py, width, pl - py, paint)
            continue
        for run in runs(high, step):
            upper = [place(t, high[t]) for t in run]
            lower = [place(t, low[t]) for t in run]
            pen.path(course(upper, lower), fill=paint, fill_opacity=custom["fillOpacity"] / 100)
            pen.path(course(upper), fill="none", stroke=paint, stroke_width=1.3)


def runs(values: dict, step: float) -> list[list[float]]:
    """Times without a hole between them."""
    found: list[list[float]] = []
    for t in sorted(values):
        if found and t - found[-1][-1] <= step * 1.5:
            found[-1].append(t)
        else:
            found.append([t])
    return found


def stat(pen: Pen, frame, panel: dict, series: list[Series], times):
    x, y, w, h = frame
    values = series[0].values if series else {}
    if not values:
        return nothing(pen, frame)
    defaults, value = panel["fieldConfig"]["defaults"], values[max(values)]
    steps = [step["color"] for step in defaults["thresholds"]["steps"] if step["value"] is None or value >= step["value"]]
    paint, top = color(steps[-1]), max(values.values()) or 1.0
    points = [(x + w * (t - times[0]) / (times[1] - times[0]), y + h - h * 0.45 * v / top) for t, v in sorted(values.items())]
    pen.path(course(points, [(px, y + h) for px, _ in points]), fill=paint, fill_opacity=0.2)
    pen.text(x + w / 2, y + h * 0.45, words.number(value, defaults["unit"]), 30, paint, "middle", font_weight="bold")


def heat(pen: Pen, frame, panel: dict, buckets: dict[str, dict[float, float]], times, step: float):
    x, y, w, h = frame
    bounds = sorted(buckets, key=lambda le: float(le.replace("+Inf", "inf")))
    cells: dict[tuple[float, int], float] = {}
    for index, le in enumerate(bounds):
        below = buckets[bounds[index - 1]] if index else {}
        for t, v in buckets[le].items():
            if v - below.get(t, 0.0) > 1e-9:
                cells[t, index] = v - below.get(t, 0.0)
    if not cells:
        return nothing(pen, frame)
    used = sorted({index for _, index in cells})
    low, high = used[0], used[-1]
    rows, most, bottom = high - low + 1, max(cells.values()), y + h - 22
    left = x + 58
    width, height = (x + w - left) * step / (times[1] - times[0]), (bottom - y) / rows
    for (t, index), v in cells.items():
        share = (v / most) ** 0.5
        px = left + (x + w - left) * (t - times[0]) / (times[1] - times[0]) - width
        if px >= left - 1:
            pen.rect(px, bottom - (index - low + 1) * height, width - 0.5, height - 1, oranges(share))
    for index in range(low, high + 1):
        le = bounds[index]
        name = "more" if le == "+Inf" else words.number(float(le), panel["options"]["yAxis"]["unit"])
        pen.text(left - 6, bottom - (index - low + 1) * height + (4 if le != "+Inf" else height / 2 + 4), name, 10, FAINT, "end")
    clock(pen, (left, y, x + w - left, h), times, bottom)


def oranges(share: float) -> str:
    """From dark to bright."""
    dark, middle, bright = (58, 32, 20), (240, 110, 30), (255, 236, 190)
    a, b, part = (dark, middle, share * 2) if share < 0.5 else (middle, bright, share * 2 - 1)
    return "#" + "".join(f"{round(p + (q - p) * part):02x}" for p, q in zip(a, b, strict=True))


def states(pen: Pen, frame, panel: dict, series: list[Series], times, step: float):
    x, y, w, h = frame
    if not any(one.values for one in series):
        return nothing(pen, frame)
    options = panel["fieldConfig"]["defaults"]["mappings"][0]["options"]
    known = {float(value): (entry["text"], color(entry["color"])) for value, entry in options.items()}
    left, bottom = x + 8 + max(len(one.name) for one in series[:16]) * 6.2, y + h - 20
    shown = [one for one in series if one.values][:16]
    height = (bottom - y) / len(shown)
    for number, one in enumerate(shown):
        top = y + number * height
        pen.text(left - 8, top + height / 2 + 4, one.name, 11, FAINT, "end")
        for value, start, end in segments(one.values, step):
            text, paint = known.get(value, (f"{value:g}", COLORS["gray"]))
            at, to = (left + (x + w - left) * (t - times[0]) / (times[1] - times[0]) for t in (start, min(end, times[1])))
            pen.rect(at, top + height * 0.08, max(to - at, 1.0), height * 0.84, paint, fill_opacity=0.8)
            if to - at > len(text) * 6.5 + 8:
                pen.text(at + 5, top + height / 2 + 4, text, 11, "#101114")
    clock(pen, (left, y, x + w - left, h), times, bottom)


def segments(values: dict, step: float) -> list[tuple[float, float, float]]:
    """Value, begin and end of each stretch in which nothing changes."""
    found: list[list[float]] = []
    for t in sorted(values):
        if found and found[-1][0] == values[t] and t - found[-1][2] <= step * 1.5:
            found[-1][2] = t + step
        else:
            found.append([values[t], t, t + step])
    return [tuple(part) for part in found]


def table(pen: Pen, frame, panel: dict, columns: list[str], rows: list[list[str]]):
    x, y, w, h = frame
    if not rows:
        return nothing(pen, frame)
    width, height = w / len(columns), 24.0
    for number, name in enumerate(columns):
        pen.text(x + number * width + 6, y + 14, cut(name, width, 11), 11, COLORS["light-blue"], font_weight="bold")
    for line, row in enumerate(rows[: int((h - height) / height)], 1):
        pen.line(x, y + line * height - 4, x + w, y + line * height - 4, EDGE)
        for number, text in enumerate(row):
            pen.text(x + number * width + 6, y + line * height + 13, cut(text, width, 12), 12, INK)
