"""Normalising: what may differ between two runs of one server is replaced by its name."""

import re
import socket

DAY = r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \d{4}"

RULES = [
    (DAY, "DATE"),
    (r"0x[0-9a-f]+", "ADDR"),
    (r"\bpid: \d+", "pid: PID"),
    (r"\bpid \d+", "pid PID"),
    (r"\bof process \d+", "of process PID"),
    (r"\bfd:? \d+", "fd N"),
    (r"127\.0\.0\.1:\d+", "127.0.0.1:PORT"),
    (r"localhost:\d+", "localhost:PORT"),
    (r"\[::1\]:\d+", "[::1]:PORT"),
    (r"in \d+ (msecs|micros)", r"in N \1"),
    (r"ready in \d+ seconds", "ready in N seconds"),
    (r"worker \d+ buried after \d+ seconds", "worker N buried after N seconds"),
    (r"mapped \d+ bytes \(\d+ KB\)", "mapped N bytes (N KB)"),
    (r"\(\d+ switches on core \d+\)", "(N switches on core N)"),
    (r"vars in \d+ bytes", "vars in N bytes"),  # port numbers have four or five digits
    (r"(GET /env\S*) => generated \d+ bytes", r"\1 => generated N bytes"),  # they show ports, compared by name elsewhere
    (r"app: -1\|req: (-1/\d+)\]  ?(127\.0\.0\.1 )?\(\)", r"app: -1|req: \1] ADDRESS ()"),  # known only if read before the fault
    (r"since \d+", "since N"),
    (r"Next harakiri: \d+", "Next harakiri: N"),
    (r"RSS: \d+", "RSS: N"),
    (r"syscall> [\da-fx ]+", "syscall> CALL"),
    (r"[\w./+-]*/(?:core|plugins|proto)/[\w/]+\.c line \d+", "FILE line N"),
    (r"\[[\w./]+ line \d+\]", "[FILE line N]"),
    (r"\d+ bytes/\d+MB", "N bytes/NMB"),
]


class Normal:
    """Replaces what belongs to one run: its directory, binary, host and the patterns above."""

    def __init__(self, directory, binary, repo):
        self.literal = [(str(directory), "DIR"), (str(binary), "BINARY"), (str(repo), "REPO"), (socket.gethostname(), "HOST")]
        self.rules = [(re.compile(p), r) for p, r in RULES]

    def text(self, text: str) -> str:
        for old, new in self.literal:
            text = text.replace(old, new)
        for pattern, new in self.rules:
            text = pattern.sub(new, text)
        return text

    def lines(self, text: str) -> list[str]:
        return [self.text(line) for line in text.splitlines()]
