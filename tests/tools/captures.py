"""Captures of uwsgitop for the documentation: a real server under load, the real screen, as text and as SVG.

captures.py DIRECTORY [SECONDS]     writes VIEW.txt and VIEW.svg for every row of VIEWS, after SECONDS (90) of load
"""

import html
import pathlib
import re
import subprocess
import sys
import tempfile
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from harness import paths, wire  # noqa: E402
from harness.server import Server  # noqa: E402
from harness.tmux import Tmux  # noqa: E402

DEMO = paths.REPO / "demo"
COLUMNS = 110

# What is captured: the view, what tells that it is drawn, and the lines it takes.
VIEWS = {
    "overview": (r"p99", 28),
    "workers": (r"LastSpwn", 22),
    "cores": (r"/slow", 14),
    "apps": (r"REQ", 14),
    "sockets": (r"QUEUE", 12),
    "metrics": (r"requests", 24),
    "alarms": (r"oncall", 14),
}

OPTIONS = [
    "--http-socket", "127.0.0.1:0", "--master", "--processes", "3", "--threads", "2", "--enable-metrics", "--memory-report",
    "--virtualenv", paths.VENV, "--chdir", DEMO, "--wsgi-file", "app.py", "--callable", "app", "--mule",
    "--alarm", "oncall log:", "--metric-alarm", "key=core.busy_workers,value=3,for=1,alarm=oncall",
]

PALETTE = ["#2e3436", "#e06c75", "#98c379", "#e5c07b", "#61afef", "#c678dd", "#56b6c2", "#d0d4da"]
FOREGROUND, BACKGROUND = "#d0d4da", "#1b1e23"
WIDE, HIGH = 7.83, 17


class Load:
    """Requests of several kinds, some of them slow, until it ends."""

    def __init__(self, server: Server):
        self.server, self.stop = server, threading.Event()
        kinds = [(["/fast"] * 8 + ["/", "/stream", "/missing"], 0.02), (["/slow?ms=120"], 0.1), (["/slow?ms=900"], 0.1), (["/slow?ms=900"], 0.3)]
        self.threads = [threading.Thread(target=self.run, args=kind) for kind in kinds]
        for thread in self.threads:
            thread.start()

    def run(self, pages, pause) -> None:
        number = 0
        while not self.stop.wait(pause):
            number += 1
            wire.http(self.server.address(), pages[number % len(pages)], headers={"Host": "shop.example"})

    def end(self) -> None:
        self.stop.set()
        for thread in self.threads:
            thread.join()


def color(codes: list[int], at: int, base: int) -> str | None:
    """The colour that an SGR sequence names at `at`."""
    if codes[at] in (base + 8,) and codes[at + 1:at + 2] == [2]:
        return "#%02x%02x%02x" % tuple(codes[at + 2:at + 5])
    if codes[at] == base + 8:
        number = codes[at + 2]
        if number < 16:
            return PALETTE[number % 8]
        if number > 231:
            return "#" + "%02x" % (8 + 10 * (number - 232)) * 3
        return "#%02x%02x%02x" % tuple(55 + 40 * level if level else 0 for level in
                                       [(number - 16) // 36, (number - 16) // 6 % 6, (number - 16) % 6])
    return None


class Style:
    """The state of a terminal's pen."""

    def __init__(self):
        self.reset()

    def reset(self) -> None:
        self.front, self.back, self.bold, self.dim, self.reverse = None, None, False, False, False

    def take(self, codes: list[int]) -> None:
        at = 0
        while at < len(codes):
            code = codes[at]
            if code == 0:
                self.reset()
            elif code in (38, 48):
                name, width = color(codes, at, code - 8), 5 if codes[at + 1] == 2 else 3
                self.front, self.back = (name, self.back) if code == 38 else (self.front, name)
                at += width - 1
            elif 30 <= code <= 37 or 90 <= code <= 97:
                self.front = PALETTE[code % 10]
            elif 40 <= code <= 47 or 100 <= code <= 107:
                self.back = PALETTE[code % 10]
            elif code in (39, 49):
                self.front, self.back = (None, self.back) if code == 39 else (self.front, None)
            elif code in (1, 2, 7):
                self.bold, self.dim, self.reverse = self.bold or code == 1, self.dim or code == 2, self.reverse or code == 7
            elif code in (22, 27):
                self.bold, self.dim, self.reverse = (False, False, self.reverse) if code == 22 else (self.bold, self.dim, False)
            at += 1

    def colors(self) -> tuple[str, str | None]:
        front, back = self.front or FOREGROUND, self.back
        return (back or BACKGROUND, front) if self.reverse else (front, back)


def svg(painted: str) -> str:
    """A screen with its escape sequences as a picture."""
    boxes, texts, style = [], [], Style()
    for row, line in enumerate(painted.splitlines()):
        column, baseline = 0, (row + 1) * HIGH
        for piece in re.split(r"(\x1b\[[0-9;]*m)", line):
            if piece.startswith("\x1b["):
                style.take([int(code or 0) for code in piece[2:-1].split(";")])
                continue
            piece = re.sub(r"\x1b[()][A-Z0-9]|[\x0e\x0f]", "", piece)
            front, back = style.colors()
            left, width = 8 + column * WIDE, len(piece) * WIDE
            if piece and back:
                boxes.append(f'<rect x="{left:.1f}" y="{baseline - HIGH + 8:.1f}" width="{width:.1f}" height="{HIGH}" fill="{back}"/>')
            if piece.strip():
                extra = (' font-weight="bold"' if style.bold else "") + (' opacity="0.65"' if style.dim else "")
                texts.append(f'<text x="{left:.1f}" y="{baseline + 4:.1f}" fill="{front}"{extra} textLength="{width:.1f}">'
                             f"{html.escape(piece)}</text>")
            column += len(piece)
    wide, high = 16 + COLUMNS * WIDE, 16 + len(painted.splitlines()) * HIGH
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide:.0f} {high:.0f}" width="{wide:.0f}">\n'
            f'<rect width="100%" height="100%" rx="6" fill="{BACKGROUND}"/>\n' + "\n".join(boxes)
            + '\n<g font-family="DejaVu Sans Mono, Menlo, Consolas, monospace" font-size="13" xml:space="preserve">\n'
            + "\n".join(texts) + "\n</g>\n</svg>\n")


def tidy(text: str, directory: str) -> str:
    """The names of this machine and this run are nobody's business; the places stay as wide as they are."""
    node = subprocess.run(["uname", "-n"], capture_output=True, text=True, check=True).stdout.strip()
    for private, public in [(str(DEMO), "/srv/shop"), (directory, "/run"), (f"node: {node}", "node: web1")]:
        text = text.replace(private, public)
    return "".join(line.rstrip() + "\n" for line in text.splitlines())


def capture(directory: pathlib.Path, seconds: float) -> None:
    """Starts everything, writes the files, and ends everything."""
    directory.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        server = Server(OPTIONS, pathlib.Path(scratch)).ready(3)
        load = Load(server)
        try:
            load.stop.wait(seconds)
            for view, (drawn, lines) in VIEWS.items():
                own = pathlib.Path(scratch) / view
                own.mkdir()
                argv = [paths.UWSGITOP, "--pid", server.pid, "--view", view]
                with Tmux(own, *argv, size=(COLUMNS, lines), env={"COLORTERM": "truecolor"}) as screen:
                    screen.wait(drawn)
                    # Rates need two looks, and a few make them steady.
                    load.stop.wait(min(seconds, 4))
                    screen.wait(drawn)
                    (directory / f"{view}.txt").write_text(tidy(screen.text(), scratch))
                    (directory / f"{view}.svg").write_text(svg(tidy(screen.painted(), scratch)))
                    screen.press("q")
        finally:
            load.end()
            server.stop()


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    capture(pathlib.Path(sys.argv[1]), float(sys.argv[2]) if len(sys.argv) == 3 else 90)
