"""The system calls of a process, as strace tells them."""

import contextlib
import dataclasses
import pathlib
import re
import subprocess

from .waiting import until

WHOLE = re.compile(r"(?P<tid>\d+) +(?P<name>\w+)\((?P<args>.*)\) += (?P<answer>.*?) <(?P<seconds>[\d.]+)>$")
BEGIN = re.compile(r"(?P<tid>\d+) +(?P<name>\w+)\((?P<args>.*?) ?<unfinished \.\.\.>$")
END = re.compile(r"(?P<tid>\d+) +<\.\.\. (?P<name>\w+) resumed>(?P<rest>.*)$")


@dataclasses.dataclass
class Call:
    """One system call that came back."""

    tid: int
    name: str
    args: str
    answer: str
    seconds: float

    @property
    def failed(self) -> bool:
        return bool(re.match(r"(-1|\?) E", self.answer))


def calls(text: str) -> list[Call]:
    """Calls in the order in which they ended."""
    found, begun = [], {}
    for line in text.splitlines():
        if match := BEGIN.match(line):
            begun[match["tid"]] = f"{match['tid']} {match['name']}({match['args']}"
        else:
            if match := END.match(line):
                line = begun.pop(match["tid"], f"{match['tid']} {match['name']}(") + match["rest"]
            if match := WHOLE.match(line):
                found.append(Call(int(match["tid"]), match["name"], match["args"], match["answer"], float(match["seconds"])))
    return found


def in_requests(all_calls: list[Call], tids) -> list[Call]:
    """Those of these threads between having read the head of a request and having logged it, the log line included.

    Threads that log at the same time wait for each other: who is done wakes the other one, still in its request.
    """
    found, inside, logged = [], dict.fromkeys(tids, False), set()
    for call in all_calls:
        wakes = call.tid in logged and call.name == "futex" and "FUTEX_WAKE" in call.args
        logged.discard(call.tid)
        if inside.get(call.tid) or wakes:
            found.append(call)
        if call.name == "recvfrom" and re.search(r', "(GET|POST) /', call.args):
            inside[call.tid] = call.tid in inside
        elif call.name in ("write", "writev") and '"[pid: ' in call.args:
            if inside.get(call.tid):
                logged.add(call.tid)
            inside[call.tid] = False
    return found


@contextlib.contextmanager
def traced(pid: int, directory: pathlib.Path, *options):
    """Trace every thread and child of a process; the value is called for the calls so far, once it is over for all of them."""
    out, said = directory / f"strace.{pid}", directory / f"strace.{pid}.said"
    with open(said, "wb") as stderr:
        tracer = subprocess.Popen(["strace", "-f", "-T", "-s", "64", *options, "-o", out, "-p", str(pid)], stderr=stderr)
    try:
        until(lambda: f"Process {pid} attached" in said.read_text(), "strace to attach")
        yield lambda: calls(out.read_text(errors="replace"))
    finally:
        tracer.send_signal(2)
        tracer.wait(20)
