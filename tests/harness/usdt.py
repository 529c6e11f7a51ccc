"""Static probes of a binary: its notes, its semaphores in running processes, and bpftrace that listens."""

import os
import pathlib
import re
import shutil
import signal
import struct
import subprocess
from typing import NamedTuple

import pytest

from . import paths, procs
from .waiting import until

CAN = os.geteuid() == 0 and shutil.which("bpftrace") and pathlib.Path("/sys/kernel/btf/vmlinux").exists()
needs_bpftrace = pytest.mark.skipif(not CAN, reason="listening to static probes needs root, bpftrace and /sys/kernel/btf/vmlinux")
SCRIPTS = paths.REPO / "docs/bpftrace"
HARMLESS = re.compile(r"RLIMIT_MEMLOCK|uprobe_events|failed to detach probe")


class Note(NamedTuple):
    name: str
    location: int
    semaphore: int
    arguments: int


class Elf:
    """What of an ELF file (64 bit, little endian) these tests ask."""

    def __init__(self, path: pathlib.Path):
        self.data = path.read_bytes()
        assert self.data[:6] == b"\x7fELF\x02\x01"
        at, = struct.unpack_from("<Q", self.data, 40)
        size, count, names = struct.unpack_from("<HHH", self.data, 58)
        rows = [struct.unpack_from("<IIQQQQ", self.data, at + i * size) for i in range(count)]
        self.sections = {self._text(rows[names][4] + row[0]): row[2:] for row in rows}

    def _text(self, at: int) -> str:
        return self.data[at : self.data.index(b"\0", at)].decode()

    def notes(self, provider: str) -> list[Note]:
        _flags, _address, at, size = self.sections[".note.stapsdt"]
        _flags, base, *_ = self.sections[".stapsdt.base"]
        found, end = [], at + size
        while at < end:
            name, length, _kind = struct.unpack_from("<III", self.data, at)
            at += 12 + (name + 3) // 4 * 4
            location, linked, semaphore = struct.unpack_from("<QQQ", self.data, at)
            owner, probe, arguments = self.data[at + 24 : at + length].split(b"\0")[:3]
            if owner.decode() == provider:
                moved = base - linked
                found.append(Note(probe.decode(), location + moved, semaphore + moved, len(arguments.split())))
            at += (length + 3) // 4 * 4
        return found

    def byte(self, section: str, address: int) -> int | None:
        """The byte at an address, if it is in that section."""
        _flags, begin, at, size = self.sections[section]
        return self.data[at + address - begin] if begin <= address < begin + size else None


def listeners(pid: int, notes: list[Note]) -> dict[str, int]:
    """How many listen to each probe, as the process itself sees it."""
    maps = pathlib.Path(f"/proc/{pid}/maps").read_text().splitlines()
    binary = os.readlink(f"/proc/{pid}/exe")
    base = next(int(line.split("-")[0], 16) for line in maps if line.endswith(binary) and line.split()[2] == "00000000")
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        def read(note):
            memory.seek(base + note.semaphore)
            return struct.unpack("<H", memory.read(2))[0]

        return {note.name: read(note) for note in notes}


class Tracer:
    """bpftrace with a script of docs/bpftrace, or with a program of the test, where `BIN` stands for the binary. It listens
    when this comes back: the process `pid` sees it, and so do its children of the same binary."""

    def __init__(self, program, pid: int, directory: pathlib.Path, *arguments):
        self.out, self.err = directory / "bpftrace.out", directory / "bpftrace.err"
        if program.endswith(".bt"):
            script = SCRIPTS / program
            text, what = script.read_text(), [script, paths.OURS, *map(str, arguments)]
        else:
            text, what = program, ["-e", program.replace("BIN", str(paths.OURS))]
        self.notes = [note for note in Elf(paths.OURS).notes("uwsgi") if re.search(rf":uwsgi:{note.name}\b", text)]
        assert self.notes, "no probe of ours in this program"
        with open(self.out, "wb") as out, open(self.err, "wb") as err:
            self.process = subprocess.Popen(["bpftrace", "-B", "line", *what], stdout=out, stderr=err, stdin=subprocess.DEVNULL)
        binary = os.readlink(f"/proc/{pid}/exe")
        until(lambda: self.process.poll() is not None or all(self._heard(one, binary) for one in [pid, *procs.children(pid)]),
              "bpftrace to listen", timeout=40)
        assert self.process.poll() is None, self.err.read_text()

    def _heard(self, pid: int, binary: str) -> bool:
        """The kernel tells one process after the other. Who ended, or became another program, has nothing to say."""
        try:
            return os.readlink(f"/proc/{pid}/exe") != binary or all(listeners(pid, self.notes).values())
        except (FileNotFoundError, ProcessLookupError, StopIteration):
            return True

    def text(self) -> str:
        return self.out.read_text(errors="replace")

    def wait(self, pattern: str, timeout: float = 10.0) -> re.Match:
        return until(lambda: re.search(pattern, self.text(), re.M), f"{pattern!r} in\n{self.text()}", timeout)

    def end(self, number: int = signal.SIGINT) -> str:
        """All that it had to say."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        until(lambda: self.process.poll() is not None, "the end of bpftrace", timeout=30)
        complaints = [line for line in self.err.read_text().splitlines() if line.strip() and not HARMLESS.search(line)]
        assert not complaints, complaints
        return self.text()


@pytest.fixture
def bpftrace(tmp_path):
    """Factory: `bpftrace(script or program, pid, *arguments)`; what it starts has ended after the test."""
    started: list[Tracer] = []

    def start(program, pid, *arguments) -> Tracer:
        started.append(Tracer(program, pid, tmp_path, *arguments))
        return started[-1]

    yield start
    for tracer in started:
        if tracer.process.poll() is None:
            tracer.process.kill()
        tracer.process.wait(10)
