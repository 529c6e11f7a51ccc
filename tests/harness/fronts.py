"""What all web servers in front have in common: a directory, a port, a process that is started and ended."""

import os
import pathlib
import signal
import subprocess

from . import procs, wire
from .server import free_port
from .waiting import until


class Front:
    """A web server that runs a block of a page. Its class says how a block becomes a whole configuration."""

    kind = ""
    binary = ""
    stops = signal.SIGTERM

    def __init__(self, directory: pathlib.Path, block: str):
        self.directory, self.port = directory, free_port()
        self.config = directory / f"{self.kind}.conf"
        self.config.write_text(self.whole(block))
        assert os.path.exists(self.binary), f"{self.binary} is missing: run tests/setup.sh as root"
        with open(directory / f"{self.kind}.out", "wb") as out:
            self.process = subprocess.Popen(self.command(), stdout=out, stderr=out, stdin=subprocess.DEVNULL, cwd=directory, start_new_session=True)
        until(lambda: self._ended() or self._accepts(), f"{self.kind} to listen")
        assert not self._ended(), self.said()

    def whole(self, block: str) -> str:
        raise NotImplementedError

    def command(self) -> list:
        raise NotImplementedError

    def said(self) -> str:
        """What it wrote, for a test that fails."""
        return "\n".join(path.read_text(errors="replace")[-2000:] for path in sorted(self.directory.glob(f"{self.kind}.*")) if path != self.config)

    def _ended(self) -> bool:
        return self.process.poll() is not None

    def _accepts(self) -> bool:
        try:
            wire.connect(self.port).close()
            return True
        except OSError:
            return False

    def close(self) -> None:
        below = procs.tree(self.process.pid)
        if not self._ended():
            self.process.send_signal(self.stops)
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise
        finally:
            for pid in below:
                procs.kill_quietly(pid)
