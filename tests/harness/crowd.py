"""Clients that hold workers until the test lets them go (`apps/holding.py`)."""

import pathlib

from . import wire


class Crowd:
    """Requests under way at one address; `go` ends all of them."""

    def __init__(self, address, directory: pathlib.Path, name: str = "go"):
        self.address, self.gate, self.streams = address, directory / name, []

    def join(self, count: int = 1) -> "Crowd":
        """So many more, each on a connection of its own."""
        for _ in range(count):
            stream = wire.connect(self.address, timeout=60)
            stream.sendall(wire.request_bytes(path=f"/hold/{self.gate}", headers={"Connection": "close"}))
            self.streams.append(stream)
        return self

    def go(self) -> list[bytes]:
        """Lets all of them end; what each was answered."""
        self.gate.touch()
        answers = [wire.read_all(stream) for stream in self.streams]
        for stream in self.streams:
            stream.close()
        self.streams = []
        self.gate.unlink()
        return answers

    def answered(self) -> None:
        """Lets all of them end, and every one must have been answered."""
        answers = self.go()
        assert all(b" 200 OK" in answer for answer in answers), answers
