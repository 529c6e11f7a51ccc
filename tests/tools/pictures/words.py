"""Numbers in units as Grafana names them, and legends."""

import re
import time

#: Seconds, bytes and plain numbers: from which size which letter.
TIMES = [(86400, "d"), (3600, "h"), (60, "min"), (1, "s"), (1e-3, "ms"), (1e-6, "µs")]
BYTES = [(2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB"), (1, "B")]
PLAIN = [(1e9, "G"), (1e6, "M"), (1e3, "k"), (1, "")]
SUFFIX = {"reqps": " req/s", "ops": " /s"}


def digits(value: float) -> str:
    if value == 0:
        return "0"
    if abs(value) >= 100:
        return f"{value:.0f}"
    return f"{value:.3g}"


def scaled(value: float, scale) -> str:
    for size, letter in scale:
        if abs(value) >= size:
            break
    text = digits(value / size)
    return f"{text} {letter}" if letter and len(letter) > 1 or scale is TIMES or scale is BYTES else f"{text}{letter}"


def number(value: float, unit: str) -> str:
    if value != value:
        return "no value"
    if unit == "percentunit":
        return f"{digits(value * 100)} %"
    if unit == "dateTimeFromNow":
        return f"{scaled(max(0.0, time.time() - value / 1000), TIMES)} ago"
    if value == 0:
        return {"s": "0 s", "bytes": "0 B", "Bps": "0 B/s"}.get(unit, "0")
    if unit == "s":
        return scaled(value, TIMES)
    if unit in ("bytes", "Bps"):
        return scaled(value, BYTES) + ("/s" if unit == "Bps" else "")
    return (digits(value) if abs(value) < 1 else scaled(value, PLAIN)) + SUFFIX.get(unit, "")


def legend(form: str, labels: dict) -> str:
    if form in ("", "__auto"):
        rest = {k: v for k, v in labels.items() if k not in ("__name__", "job", "instance")}
        return ", ".join(f"{k}={v}" for k, v in rest.items()) or labels.get("instance", "")
    return re.sub(r"\{\{(\w+)\}\}", lambda found: labels.get(found[1], ""), form)


def ticks(top: float, unit: str, count: int = 4) -> list[float]:
    """Round values from 0 to the top."""
    if top <= 0:
        return [0.0]
    raw = top / count
    base = 2.0 ** 10 if unit in ("bytes", "Bps") else 10.0
    power = 1.0
    while power * base <= raw:
        power *= base
    while power > raw:
        power /= base
    step = next(power * m for m in (1, 2, 2.5, 5, 10, 20, 50, 100, 200, 500, 1024) if power * m >= raw)
    return [step * n for n in range(int(top / step + 1e-9) + 1)]
