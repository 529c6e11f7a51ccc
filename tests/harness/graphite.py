"""Graphite: the real carbon-cache with whisper and the renderer of graphite-web, and a server of lines that misbehaves on demand."""

import contextlib
import dataclasses
import json
import os
import pathlib
import socket
import struct
import subprocess
import threading
import urllib.parse

from .receivers import Program
from .server import free_port
from .waiting import until

# Debian's own Python: its carbon, whisper and graphite-web belong to it.
PYTHON = "/usr/bin/python3"

CONFIG = """
[cache]
STORAGE_DIR = {home}
LOCAL_DATA_DIR = {home}/whisper/
CONF_DIR = {home}
LOG_DIR = {home}
PID_DIR = {home}
USER =
MAX_CREATES_PER_MINUTE = inf
MAX_UPDATES_PER_SECOND = inf
WHISPER_AUTOFLUSH = True
LINE_RECEIVER_INTERFACE = 127.0.0.1
LINE_RECEIVER_PORT = {line}
ENABLE_UDP_LISTENER = True
UDP_RECEIVER_INTERFACE = 127.0.0.1
UDP_RECEIVER_PORT = {line}
PICKLE_RECEIVER_INTERFACE = 127.0.0.1
PICKLE_RECEIVER_PORT = {pickle}
CACHE_QUERY_INTERFACE = 127.0.0.1
CACHE_QUERY_PORT = {query}
ENABLE_TAGS = False
TAG_HASH_FILENAMES = False
LOG_LISTENER_CONN_SUCCESS = True
"""

RENDER = """
import json, sys
import django
django.setup()
from django.test import Client
answer = Client().get(sys.argv[1])
assert answer.status_code == 200, answer.content
sys.stdout.write(answer.content.decode())
"""

SETTINGS = """
SECRET_KEY = "only for a test"
ALLOWED_HOSTS = ["*"]
STORAGE_DIR = {home!r}
WHISPER_DIR = {home!r} + "/whisper"
LOG_DIR = {home!r}
STANDARD_DIRS = [WHISPER_DIR]
CARBONLINK_HOSTS = ["127.0.0.1:{query}"]
DATABASES = {{"default": {{"NAME": {home!r} + "/graphite.db", "ENGINE": "django.db.backends.sqlite3"}}}}
TAGDB = ""
"""


class Carbon(Program):
    """carbon-cache in a directory of its own; every value is written as it comes."""

    def __init__(self, home: pathlib.Path):
        home.mkdir()
        self.home, self.line, self.pickle, self.query = home, free_port(), free_port(), free_port()
        config = home / "carbon.conf"
        config.write_text(CONFIG.format(home=home, line=self.line, pickle=self.pickle, query=self.query))
        (home / "storage-schemas.conf").write_text("[all]\npattern = .*\nretentions = 1s:1h\n")
        super().__init__(["carbon-cache", "--config", config, "--logdir", home, "--pidfile", home / "pid", "--nodaemon", "start"],
                         home / "output")
        until(lambda: all(map(self.listens, (self.line, self.pickle, self.query))), f"carbon to listen:\n{self.text()}", 30)

    def listens(self, port: int) -> bool:
        assert self.process.poll() is None, self.text()
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return True
        return False

    def file(self, path: str) -> pathlib.Path:
        return self.home / "whisper" / (path.replace(".", "/") + ".wsp")

    def tagged_file(self, name: str) -> pathlib.Path:
        """Where carbon keeps a series with tags."""
        ask = "import sys; from carbon.util import TaggedSeries as T; print(T.encode(T.parse(sys.argv[1]).path, sep='/'))"
        done = subprocess.run([PYTHON, "-c", ask, name], capture_output=True, text=True, check=True, timeout=60)
        return self.home / "whisper" / (done.stdout.strip() + ".wsp")

    def values(self, file: pathlib.Path) -> list:
        """What whisper-fetch reads of the last hour."""
        if not file.exists():
            return []
        done = subprocess.run(["whisper-fetch", "--json", file], capture_output=True, text=True, check=True, timeout=60)
        return [value for value in json.loads(done.stdout)["values"] if value is not None]

    def wait(self, path, value) -> None:
        file = path if isinstance(path, pathlib.Path) else self.file(path)
        until(lambda: value in self.values(file), f"{value} in {file}: {self.values(file)}\n{self.text()[-2000:]}", 30)

    def render(self, **query) -> list[dict]:
        """What graphite-web's /render answers."""
        (self.home / "local_graphite.py").write_text(SETTINGS.format(home=str(self.home), query=self.query))
        environment = {**os.environ, "PYTHONPATH": str(self.home), "DJANGO_SETTINGS_MODULE": "graphite.settings",
                       "GRAPHITE_SETTINGS_MODULE": "local_graphite", "PYTHONWARNINGS": "ignore"}
        url = "/render?" + urllib.parse.urlencode({"format": "json", **query}, doseq=True)
        done = subprocess.run([PYTHON, "-c", RENDER, url], capture_output=True, text=True, env=environment, timeout=120, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


@dataclasses.dataclass
class Push:
    """What came over one connection, until the other side ended it."""

    text: str

    def lines(self) -> list[tuple[str, int, int]]:
        parts = [line.split(" ") for line in self.text.splitlines()]
        return [(path, int(value), int(at)) for path, value, at in parts]

    def values(self, prefix: str = "") -> dict[str, int]:
        return {path.removeprefix(prefix): value for path, value, _ in self.lines()}


class LineSink:
    """Takes connections and remembers each one's bytes. `mood`: `read`, `reset` (throws everything away), `hang` (reads
    nothing), `babble` (talks back)."""

    def __init__(self, address=("127.0.0.1", 0), family=socket.AF_INET, context=None):
        self.pushes: list[Push] = []
        self.connections = 0
        self.mood, self.context, self.open = "read", context, True
        self.listener = socket.socket(family, socket.SOCK_STREAM)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.listener.bind(address)
        self.listener.listen(64)
        self.port = self.listener.getsockname()[1] if family != socket.AF_UNIX else None
        self.held: list[socket.socket] = []
        self.threads = [threading.Thread(target=self._accept, daemon=True)]
        self.threads[0].start()

    def _accept(self):
        while True:
            try:
                peer, _ = self.listener.accept()
            except OSError:
                return
            if not self.open:
                return peer.close()
            self.connections += 1
            thread = threading.Thread(target=self._serve, args=(peer, self.mood), daemon=True)
            self.threads.append(thread)
            thread.start()

    def _serve(self, peer, mood):
        with contextlib.suppress(OSError):
            if mood == "hang":
                self.held.append(peer)
                return
            if mood == "reset":
                peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                peer.recv(1)
                peer.close()
                return
            if mood == "babble":
                peer.sendall(b"\x00\xffHTTP/1.1 400 who are you?\r\n" * 4)
            if self.context:
                peer = self.context.wrap_socket(peer, server_side=True)
            with peer:
                data = b""
                while chunk := peer.recv(65536):
                    data += chunk
            self.pushes.append(Push(data.decode()))

    def wait(self, count: int = 1, what=lambda push: True, timeout: float = 15.0) -> Push:
        """The `count`-th push with that property."""
        def look():
            found = [push for push in list(self.pushes) if what(push)]
            return found[count - 1] if len(found) >= count else None

        return until(look, f"push {count} of {[push.text[:300] for push in self.pushes[-3:]]}", timeout)

    def close(self):
        self.open = False
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for peer in self.held:
            peer.close()
        for thread in self.threads:
            thread.join(5)
