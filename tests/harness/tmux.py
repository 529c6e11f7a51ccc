"""Programs in a terminal that can be read: a tmux server of the test's own."""

import os
import pathlib
import re
import shlex
import shutil
import signal
import subprocess

from . import procs
from .waiting import until


class Tmux:
    """One window of a tmux server whose socket is in `directory`; a context manager, or `end()`."""

    def __init__(self, directory: pathlib.Path, *argv, size=(120, 40), env=None):
        assert shutil.which("tmux"), "tmux is not installed: make test installs it"
        self.socket = directory / "tmux"
        line = shlex.join(str(word) for word in argv) or "sh"
        wide, high = map(str, size)
        full = {**os.environ, "LC_ALL": "C.UTF-8", **(env or {})}
        # The size is that of the window, whatever the terminal of the tests has.
        for name in ("TMUX", "LINES", "COLUMNS"):
            full.pop(name, None)
        # Its own configuration would bring a status line, which takes a row, and keys.
        settings = {"status": "off", "remain-on-exit": "on", "mouse": "off", "escape-time": "0"}
        before = [word for name, value in settings.items() for word in ("set", "-g", name, value, ";")]
        subprocess.run(["tmux", "-S", self.socket, "-f", os.devnull, *before, "new-session", "-d", "-x", wide, "-y", high, line],
                       env=full, check=True, timeout=20)
        self.server = int(self._ask("display-message", "-p", "#{pid}"))

    def _ask(self, *words) -> str:
        done = subprocess.run(["tmux", "-S", self.socket, *map(str, words)], capture_output=True, text=True, timeout=20)
        assert done.returncode == 0, f"tmux {words}: {done.stderr}"
        return done.stdout

    def text(self) -> str:
        """The screen, one line per row, without blanks at their ends."""
        return self._ask("capture-pane", "-p")

    def painted(self) -> str:
        """The screen with its colours as escape sequences."""
        return self._ask("capture-pane", "-p", "-e")

    def rows(self) -> list[str]:
        return self.text().splitlines()

    def press(self, *keys: str) -> None:
        """Keys by their names (`q`, `Enter`, `Down`, `C-c`); a word of several letters that is no name is typed."""
        self._ask("send-keys", *keys)

    def type(self, text: str) -> None:
        self._ask("send-keys", "-l", text)

    def click(self, column: int, row: int) -> None:
        """A left click at this place, both from 1, as a terminal in SGR mode reports it."""
        for end in "Mm":
            self.type(f"\x1b[<0;{column};{row}{end}")

    def resize(self, wide: int, high: int) -> None:
        self._ask("resize-window", "-x", wide, "-y", high)

    def wait(self, pattern: str, timeout: float = 20) -> str:
        """The screen, once it matches."""
        def look():
            seen = self.text()
            return seen if re.search(pattern, seen, re.M) else None

        return self._until(look, f"{pattern!r} on the screen", timeout)

    def _until(self, question, what: str, timeout: float):
        try:
            return until(question, what, timeout)
        except AssertionError as error:
            raise AssertionError(f"{error}; the screen is\n{self.text()}") from None

    def pid(self) -> int:
        """The program's process."""
        return int(self._ask("display-message", "-p", "#{pane_pid}"))

    def dead(self) -> bool:
        return self._ask("display-message", "-p", "#{pane_dead}").strip() == "1"

    def status(self, timeout: float = 20) -> int:
        """The exit status of the program, once it has ended; the negated signal that ended it."""
        def look():
            # The end of its output comes before its status.
            status, name = self._ask("display-message", "-p", "#{pane_dead_status},#{pane_dead_signal}").strip().split(",")
            if name:
                return (-int(name if name.isdigit() else getattr(signal, f"SIG{name}")),)
            if not status and self.dead():
                # tmux misses a SIGCHLD now and then, and leaves the program a zombie until the next one.
                os.kill(self.server, signal.SIGCHLD)
            return (int(status),) if status else None

        return self._until(look, "the end of the program", timeout)[0]

    def end(self) -> None:
        subprocess.run(["tmux", "-S", self.socket, "kill-server"], capture_output=True, timeout=20)
        until(lambda: not procs.alive(self.server), "the end of tmux")

    def __enter__(self) -> "Tmux":
        return self

    def __exit__(self, *_) -> None:
        self.end()
