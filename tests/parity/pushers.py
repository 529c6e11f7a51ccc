"""Pushers that both have: every datagram of a push in its order, and what is in a file."""

import json
import re
import socket

from harness import paths, wire
from harness.waiting import until

from .box import AUTO
from .scenarios import scenario

# The wheel of the original leaves these pushers out; in ours they are built in and loading them changes nothing.
PLUGINS = ["--plugins-dir", str(paths.CACHE / "original-plugins"), "--plugins", "stats_pusher_statsd,stats_pusher_file"]
# What depends on the machine, the moment, and which worker is the first to accept.
CHANGING = re.compile(r"(worker\.[1-9].*|rss_size|vsz_size|total_rss|total_vsz|running_time|avg_rt|avg_response_time|busy_workers|idle_workers)([: ])")


class Sink:
    """Reads whole pushes, which begin with the first metric of the list."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self.socket.settimeout(30)
        self.place = f"127.0.0.1:{self.socket.getsockname()[1]}"
        self.next = ""

    def push(self) -> list[bytes]:
        while not self.is_first(self.next):
            self.next = self.socket.recv(65536)
        lines = [self.next]
        while not self.is_first(lines[-1]) or len(lines) == 1:
            lines.append(self.socket.recv(65536))
        self.next = lines.pop()
        return lines

    def is_first(self, line) -> bool:
        return b".core.routed_signals" in line if line else False


def datagrams(name, kind, *options):
    def run(box):
        sink = Sink()
        with sink.socket:
            server = box.serve(*PLUGINS, "--http-socket", AUTO, "-M", "-p", "2", "--metrics-no-cores", "--memory-report", "--metric",
                               "mym", "--metric", "name=g,type=gauge,initial_value=-4", "--metric",
                               "name=rap,initial_value=7,reset_after_push=1", "--metric", "name=al,type=alias,alias=g", "--stats-push",
                               f"{kind}:{sink.place},myinst", "--stats-pusher-default-freq", "1", "--wsgi-file", box.app("wires"),
                               *options)
            for _ in range(2):
                wire.raw(server.address(), wire.request_bytes(path="/length"))
            served = re.compile(rb"\.worker\.0\.requests(:2\||\x20\d 2$)")
            push = until(lambda: (lambda lines: lines if any(map(served.search, lines)) else None)(sink.push()), "both requests")
        for line in push:
            name, separator, rest = re.fullmatch(r"([^: ]+)([: ])(.*)", line.decode()).groups()
            if CHANGING.search(name + separator):
                rest = re.sub(r"^-?\d+", "N", rest) if kind == "statsd" else re.sub(r" -?\d+$", " N", rest)
            box.note("datagram", f"{name}{separator}{rest}")
        box.stop(server, "none")
    run.__name__ = name
    scenario(run)


datagrams("pushed_to_statsd", "statsd")
datagrams("pushed_to_statsd_with_cores", "statsd", "--threads", "2")
datagrams("pushed_to_socket", "socket")


@scenario
def pushed_to_a_file(box):
    server = box.serve(*PLUGINS, "--http-socket", AUTO, "-M", "--stats-push", "file:path=numbers,freq=1", "--stats-push",
                       "file:path=with\\,comma,freq=1,separator=--end--", "--stats-pusher-default-freq", "50", "--stats-push", "file",
                       "--wsgi-file", box.app("wires"))
    for name, separator in (("numbers", "\n\n"), ("with,comma", "--end--"), ("uwsgi.stats", "\n\n")):
        path = box.directory / name
        until(lambda path=path: path.exists() and path.stat().st_size, f"a push to {name}")
        document, end = json.JSONDecoder().raw_decode(path.read_text())
        box.note("file", f"{name} {path.stat().st_mode & 0o777:o} {list(document)[:8]} {path.read_text()[end:].lstrip()[:7]!r} "
                         f"{path.read_text()[end:].startswith(separator)}")
    box.stop(server, "none")
