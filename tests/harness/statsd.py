"""The real statsd: its own server, asked through its management port."""

import json
import pathlib
import re

from . import paths, wire
from .receivers import Program
from .server import free_port
from .waiting import until

SERVER = paths.CACHE / "statsd/node_modules/statsd/stats.js"


class Statsd(Program):
    """It never flushes, so that its counters are everything it ever got."""

    def __init__(self, home: pathlib.Path, port: int | None = None):
        assert SERVER.exists(), "statsd is missing: run tests/setup.sh"
        self.port, self.manage = port or free_port(), free_port()
        config = home / "statsd.js"
        config.write_text(json.dumps({"port": self.port, "address": "127.0.0.1", "mgmt_port": self.manage, "mgmt_address": "127.0.0.1",
                                      "flushInterval": 1_000_000, "backends": ["./backends/console"], "title": False}))
        super().__init__(["node", SERVER, config], home / "statsd.log")
        until(self.listens, f"statsd to listen:\n{self.text()}", 20)

    def listens(self) -> bool:
        try:
            return bool(self.ask("counters"))
        except OSError:
            return False

    def ask(self, what: str) -> dict:
        """`counters`, `gauges` or `timers` by name."""
        text = ""
        with wire.connect(("127.0.0.1", self.manage)) as connection:
            connection.sendall(what.encode() + b"\n")
            while "END" not in text:
                text += connection.recv(65536).decode()
        # An object of JavaScript: names with dots are quoted, others are not.
        text = re.sub(r"([{,]\s*)([\w.]+):", r'\1"\2":', text.partition("END")[0].replace("'", '"'))
        return json.loads(text)
