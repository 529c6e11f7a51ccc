"""A program under a pseudo-terminal of its own."""

import fcntl
import os
import pty
import select
import struct
import termios
import time


class Terminal:
    """A program under a pty of 40 rows and 160 columns."""

    def __init__(self, *argv):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ |= {"TERM": "xterm", "LC_ALL": "C.UTF-8"}
            os.execv(argv[0], [str(a) for a in argv])
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 160, 0, 0))
        self.seen = b""

    def read_until(self, question, what: str, timeout: float = 20) -> None:
        """Collect output until `question(text)` holds."""
        deadline = time.monotonic() + timeout
        while not question(self.seen.decode(errors="replace")):
            assert time.monotonic() < deadline, f"no {what} in {self.seen[-2000:]!r}"
            if select.select([self.fd], [], [], 0.2)[0]:
                try:
                    piece = os.read(self.fd, 65536)
                except OSError:
                    piece = b""
                assert piece, f"ended before {what}: {self.seen[-2000:]!r}"
                self.seen += piece

    def press(self, key: str) -> None:
        os.write(self.fd, key.encode())

    def end(self, key: str = "q") -> int:
        try:
            self.press(key)
            deadline = time.monotonic() + 10
            while time.monotonic() < deadline:
                if select.select([self.fd], [], [], 0.05)[0]:
                    try:
                        if not os.read(self.fd, 65536):
                            break
                    except OSError:
                        break
            return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        finally:
            os.close(self.fd)
