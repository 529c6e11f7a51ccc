"""One run of one scenario against one binary: starts servers and writes down what is seen."""

import contextlib
import pathlib
import re
import subprocess

from harness import paths, procs, wire
from harness.server import Server, free_port, plain_environment

from .normal import Normal

AUTO = "127.0.0.1:0"


class Box:
    """What a scenario talks to. Every `note` becomes lines that are compared."""

    def __init__(self, binary: pathlib.Path, directory: pathlib.Path):
        self.binary, self.directory = binary, directory
        self.ours = paths.is_successor(binary)
        self.normal = Normal(directory, binary, paths.REPO)
        self.seen: list[str] = []
        self.servers: list[Server] = []

    # what is written down
    def note(self, stream: str, text) -> None:
        text = text if isinstance(text, str) else str(text)
        self.seen += [f"{stream}| {line}" for line in self.normal.lines(text)]

    def wire(self, name: str, data: bytes) -> None:
        """Bytes, one line per line of them, so that a difference shows its place."""
        self.note("wire", f"{name}:")
        for line in data.split(b"\n"):
            self.note("wire", "   " + repr(line)[1:])

    # files and programs
    def file(self, name: str, text: str) -> str:
        path = self.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
        return str(path)

    def app(self, name: str) -> str:
        return str(paths.APPS / f"{name}.py")

    def port(self) -> int:
        return free_port()

    def run(self, *args, env=None, show=True) -> int:
        """A command that ends by itself: exit code and text are noted."""
        done = subprocess.run([self.binary, *map(str, args)], capture_output=True, timeout=60, cwd=self.directory,
                              env={**plain_environment(), **(env or {})}, stdin=subprocess.DEVNULL, check=False)
        words = " ".join(map(str, args)).replace(str(self.directory), "DIR")
        self.note("exit", f"{words[:60]} -> {done.returncode}")
        if show:
            self.note("run", (done.stdout + done.stderr).decode(errors="replace"))
        return done.returncode

    def resolve(self, *args, env=None) -> None:
        """Everything up to a server, which is not started: exit code, list of options, lines of errors."""
        full = {**plain_environment(), **(env or {})}
        done = subprocess.run([self.binary, "--show-config", "--no-server", *map(str, args)], capture_output=True, timeout=60,
                              cwd=self.directory, env=full, stdin=subprocess.DEVNULL, check=False)
        text = (done.stdout + done.stderr).decode(errors="replace")
        self.note("exit", f"{done.returncode}")
        assert ";uWSGI instance configuration" in text and ";end of configuration" in text, text[-2000:]
        self.note("list", text[text.index(";uWSGI instance configuration"):text.index(";end of configuration")])

    # servers
    def serve(self, *args, ready=True, **kw) -> Server:
        server = Server(args, self.directory, binary=self.binary, name=f"server{len(self.servers)}", **kw)
        self.servers.append(server)
        return server.ready() if ready else server

    def exchange(self, server, name: str, data: bytes, index: int = 0) -> None:
        self.wire(name, wire.raw(server.address(index), data))

    def get(self, server, path: str, method="GET", version="1.1", **headers) -> None:
        names = {k.replace("_", "-"): v for k, v in headers.items()}
        self.exchange(server, f"{method} {path} {version}", wire.request_bytes(method, path, names, version=version))

    def stop(self, server, log: str = "ordered", number: int = 2, only: str | None = None) -> None:
        """End a server; note its exit code and its log (`ordered`, `sorted` or `none`)."""
        if server.process.poll() is None:
            server.quiet()
        self.note("exit", f"{server.stop(number)}")
        self.log(server, log, only)

    def log(self, server, log: str = "ordered", only: str | None = None) -> None:
        lines = self.normal.lines(server.log())
        if only:
            lines = [line for line in lines if re.search(only, line)]
        if log != "none":
            self.seen += [f"log| {line}" for line in (sorted(lines) if log == "sorted" else lines)]

    def close(self) -> None:
        for server in self.servers:
            members = procs.tree(server.pid)
            with contextlib.suppress(AssertionError):
                server.stop(timeout=5)
            for pid in members:
                procs.kill_quietly(pid)
            server.process.wait(10)

