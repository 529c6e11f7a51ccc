"""The real uwsgitop in a real terminal: every view, the help, filters, sizes and the mouse, and a terminal as it was after every end."""

import os
import re
import signal

import pytest

from harness import load, paths, procs
from harness.tmux import Tmux
from harness.waiting import until

pytestmark = pytest.mark.ours

class Shell(Tmux):
    """A shell in a terminal, and uwsgitop as its child."""

    asked = 0

    def modes(self) -> str:
        """What the shell finds its terminal to be, asked at its prompt."""
        self.asked += 1
        # The shell joins the words, so what was typed is not taken for the answer.
        self.type(f'clear; echo "st""ty{self.asked}" "$(stty -a | tr "\\n" " ")" "e""nd{self.asked}"\n')
        screen = self.wait(rf"(?s)stty{self.asked} .*end{self.asked}")
        shown = re.search(rf"(?s)stty{self.asked} (.*?)end{self.asked}", screen)[1]
        # The size is not a mode, and a narrow screen breaks words.
        return re.sub(r"rows \d+|columns \d+|\s+", "", shown)

    def top(self, *words) -> int:
        """Start uwsgitop at the prompt; its process."""
        self.type(f"clear; {paths.UWSGITOP} {' '.join(map(str, words))}; echo code=$?\n")
        self.wait(r"^uwsgi-.* - ")
        return until(self.child, "uwsgitop under the shell")

    def fits(self, high: int) -> bool:
        """Every row is used: the titles of the table are there, and the last row is the menu."""
        rows = self.rows()
        return len(rows) == high and any("WID" in row for row in rows[:6]) and "h help" in rows[-1]

    def child(self):
        """The program that the shell waits for."""
        for pid in procs.children(self.pid()):
            if os.readlink(f"/proc/{pid}/exe") == str(paths.UWSGITOP):
                return pid
        return None

    def ended(self, code: int | str) -> None:
        """The shell's prompt is back, and nothing of uwsgitop is on its screen."""
        screen = self.wait(rf"code={code}$")
        assert "STATUS" not in screen, screen
        assert self.cursor_shows(), "the cursor is hidden"

    def cursor_shows(self) -> bool:
        return self._ask("display-message", "-p", "#{cursor_flag}#{alternate_on}#{mouse_any_flag}").strip() == "100"


@pytest.fixture
def server(uwsgi, app, tmp_path):
    started = uwsgi("--http-socket", "127.0.0.1:0", "-M", "-p", "2", "--threads", "2", "--stats", str(tmp_path / "stats"),
                    "--cache2", "name=things,items=100", "--wsgi-file", app("wires"))
    load.latencies(started.address(), 20, "/length")
    started.wait_stats(lambda s: sum(w["requests"] for w in s["workers"]) == 20, "20 requests")
    return started


@pytest.fixture
def shell(tmp_path):
    with Shell(tmp_path, "sh", size=(80, 24), env={"PS1": "$ ", "ENV": ""}) as started:
        yield started


def test_a_day_at_the_screen(server, shell):
    before = shell.modes()
    shell.top(server.stats_address(), "--frequency", "0.2")
    shell.wait(r"^ WID .*STATUS")
    for key, seen in {"2": "2 cores", "3": "3 caches", "5": str(server.address()[1]), "4": "4 metrics",
                      "o": "o overview", "9": "9 legion", "1": r"^ WID .*STATUS"}.items():
        shell.press(key)
        shell.wait(seen)
    shell.press("h")
    shell.wait("KEYS")
    shell.press("q")
    shell.wait("WID")
    shell.type("/idle")
    shell.wait("filter: idle_")
    shell.press("Enter")
    shell.wait(r'filter "idle": \d of 2')
    shell.press("Escape")
    shell.press(">", ">", "r", "Down")
    for wide, high in [(60, 15), (200, 60), (80, 24)]:
        shell.resize(wide, high)
        until(lambda: shell.fits(high), f"a whole screen of {wide}x{high}")
    column = shell.rows()[-1].index("2 ") + 1
    shell.click(column, 24)
    shell.wait("2 cores")
    shell.press("q")
    shell.ended(0)
    assert shell.modes() == before


def test_a_key_right_after_another_size_is_heard(server, shell):
    shell.top(server.stats_address(), "--frequency", "60")
    for wide in (81, 100, 79):
        shell.press("o")
        shell.wait(r"^ rate")
        shell.resize(wide, 24)
        shell.press("1")
        shell.wait(r"^ WID .*STATUS", timeout=5)
        shell.resize(wide, 20)
        until(lambda: shell.fits(20), "a whole screen, without a key")
    shell.press("q")
    shell.ended(0)


def test_keys_that_come_at_once_are_about_what_the_former_ones_show(server, shell):
    shell.top(server.stats_address(), "--frequency", "60", "--view", "overview")
    shell.wait(r"^ rate")
    # One write of the terminal: another view, its second row, and what is in it.
    shell.type("2\x1b[B\x1b[B\r")
    shell.wait(r"^ CORE \d:\d of process")
    shell.press("Escape", "q")
    shell.ended(0)


@pytest.mark.parametrize("way", ["C-c", "TERM", "HUP", "QUIT", "INT", "TSTP", "C-z"])
def test_every_end_gives_the_terminal_back(server, shell, way):
    before = shell.modes()
    pid = shell.top(server.stats_address())
    if way.startswith("C-"):
        shell.press(way)
    else:
        os.kill(pid, signal.Signals[f"SIG{way}"])
    if way in ("TSTP", "C-z"):
        shell.wait("Stopped|Suspended")
        assert shell.cursor_shows()
        assert shell.modes() == before
        shell.type("fg\n")
        shell.wait(r"^ WID .*STATUS")
        shell.press("q")
    until(lambda: not procs.alive(pid), "the end of uwsgitop")
    if way != "INT":
        # Of a program that was interrupted the shell forgets the rest of the line.
        code = 0 if way == "C-c" else r"1\d\d"
        shell.wait(rf"code={code}$" if way not in ("TSTP", "C-z") else r"uwsgitop")
    until(shell.cursor_shows, "the shell's own screen and its cursor")
    assert shell.modes() == before


def test_a_server_that_ends_under_the_screen_leaves_the_screen(server, shell):
    before = shell.modes()
    shell.top(server.stats_address(), "--no-arena", "--frequency", "0.2")
    server.stop()
    shell.wait("! no answer from")
    shell.press("q")
    shell.ended(0)
    assert shell.modes() == before


def test_a_recording_shows_the_same_numbers_again(server, shell, tmp_path):
    recording = tmp_path / "recording"
    shell.top(server.stats_address(), "--record", recording, "--frequency", "0.2", "--color", "never")
    shell.wait("recording [0-9]")
    load.latencies(server.address(), 30, "/length")
    live = shell.wait("req: 50 ")
    shell.press("q")
    shell.ended(0)
    shell.top("--replay", recording, "--color", "never")
    shell.press(")")
    replayed = shell.wait("x1 end")

    def table(screen: str) -> list[list[str]]:
        """Workers with what does not change between two looks: id, pid, requests."""
        lines = screen.splitlines()
        top = next(n for n, line in enumerate(lines) if line.startswith(" WID"))
        return sorted(line.split()[:1] + line.split()[2:4] for line in lines[top + 1:top + 3])

    assert table(replayed) == table(live)
    assert "req: 50 " in replayed
    shell.press("(")
    shell.wait("req: 20 ")
    shell.press("p")
    shell.wait("x1 paused")
    for _ in range(3):
        shell.press("]")
    shell.press("+", "+")
    shell.wait("x10 (paused|end)")
    shell.press("q")
    shell.ended(0)
