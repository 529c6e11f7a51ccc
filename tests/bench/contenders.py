"""Who runs in the benchmark, and how each is started: one worker, hello world, no logging."""

import dataclasses
import os
import pathlib
import shutil
import subprocess
import sys

from harness import paths, wire
from harness.server import free_port
from harness.waiting import until

KEEP = str(paths.APPS / "hello_length.py")
CLOSE = str(paths.APPS / "hello_close.py")
ONE = ["-M", "-p", "1", "--disable-logging", "--listen", "1000"]
NGINX_CONFIG = """\
{user}daemon off; worker_processes 1; pid {dir}/nginx.pid; error_log {dir}/error.log crit;
events {{ worker_connections 1024; }}
http {{
    access_log off; keepalive_requests 1000000000; default_type text/plain;
    client_max_body_size 0; client_body_temp_path {dir}/b; proxy_temp_path {dir}/p; uwsgi_temp_path {dir}/u; fastcgi_temp_path {dir}/f; scgi_temp_path {dir}/s;
    server {{ listen 127.0.0.1:{port} backlog=1000; {keep} location / {{ {answer} }} }}
}}
"""
RETURN = 'return 200 "Hello World";'
# What the package of Debian passes on.
PASS = "include /etc/nginx/uwsgi_params; uwsgi_pass unix:{dir}/app.sock;"
UPLOAD = 'wrk.method = "POST"; wrk.body = string.rep("x", 1048576)'


@dataclasses.dataclass
class Contender:
    """`group` is the table it belongs to; `close` asks for a connection per request; `front` stands before it and is not measured."""

    name: str
    group: str
    close: bool
    command: object  # (port, directory) -> argv
    front: object = None  # the same
    path: str = "/"
    script: str = ""  # for wrk
    connections: int = 0  # as many as all others have


def uwsgi(binary, kind, app, *options):
    def command(port: int, directory: pathlib.Path):
        return [binary, f"--{kind}", f"127.0.0.1:{port}", *ONE, "--virtualenv", paths.VENV, "--wsgi-file", app, *options]
    return command


def behind_nginx(binary, app):
    """The server alone; `nginx(PASS)` goes in front."""
    def command(port: int, directory: pathlib.Path):
        return [binary, "--socket", directory / "app.sock", "--chmod-socket=666", *ONE, "--virtualenv", paths.VENV, "--wsgi-file", app]
    return command


def without_metrics(kind, app):
    """Request metrics are on unless a configuration file says no: a flag takes no value on the command line."""
    def command(port: int, directory: pathlib.Path):
        (directory / "off.ini").write_text("[uwsgi]\nrequest-metrics = false\n")
        return [*uwsgi(paths.OURS, kind, app)(port, directory), "--ini", directory / "off.ini"]
    return command


def granian(app):
    def command(port: int, directory: pathlib.Path):
        return [paths.VENV / "bin/granian", "--interface", "wsgi", "--http", "1", "--no-ws", "--workers", "1", "--no-log",
                "--no-access-log", "--host", "127.0.0.1", "--port", str(port), "--working-dir", paths.APPS,
                f"{pathlib.Path(app).stem}:application"]
    return command


def nginx(keep: str, answer: str = RETURN):
    def command(port: int, directory: pathlib.Path):
        config = directory / "nginx.conf"
        user = "user root; " if os.geteuid() == 0 else ""  # the directory is ours alone
        config.write_text(NGINX_CONFIG.format(dir=directory, port=port, keep=keep, user=user, answer=answer.format(dir=directory)))
        return [shutil.which("nginx") or "/usr/sbin/nginx", "-c", config, "-e", directory / "start.log"]
    return command


KEEPALIVE, ONE_SHOT, BEHIND, UP, DOWN, CROWD, ROUTER, ROUTER_ONE_SHOT, METRICS = (
    "keep-alive", "connection per request", "uwsgi behind nginx, server only", "1 MiB upload", "1 MiB generated",
    "4 threads, 1000 connections", "http router, keep-alive", "http router, connection per request", "cost of metrics")
HEAVY = str(paths.APPS / "heavy.py")

BOTH = [("uwsgi-rs", paths.OURS), ("uWSGI", paths.ORIGINAL)]

ALL = [
    Contender("uwsgi-rs http11-socket", KEEPALIVE, False, uwsgi(paths.OURS, "http11-socket", KEEP)),
    Contender("uWSGI http11-socket", KEEPALIVE, False, uwsgi(paths.ORIGINAL, "http11-socket", KEEP)),
    Contender("granian wsgi", KEEPALIVE, False, granian(KEEP)),
    Contender("nginx return 200", KEEPALIVE, False, nginx("")),
    Contender("uwsgi-rs http-socket", ONE_SHOT, True, uwsgi(paths.OURS, "http-socket", CLOSE)),
    Contender("uWSGI http-socket", ONE_SHOT, True, uwsgi(paths.ORIGINAL, "http-socket", CLOSE)),
    Contender("granian wsgi, closing", ONE_SHOT, True, granian(CLOSE)),
    Contender("nginx return 200, closing", ONE_SHOT, True, nginx("keepalive_timeout 0;")),
    *(Contender(f"{name} behind nginx", BEHIND, False, behind_nginx(binary, KEEP), front=nginx("", PASS))
      for name, binary in BOTH),
    *(Contender(f"{name} upload", UP, True, uwsgi(binary, "http-socket", HEAVY), script=UPLOAD) for name, binary in BOTH),
    *(Contender(f"{name} generated", DOWN, True, uwsgi(binary, "http-socket", HEAVY), path="/generated") for name, binary in BOTH),
    *(Contender(f"{name} crowd", CROWD, False, uwsgi(binary, "http11-socket", KEEP, "--threads", "4"), connections=1000)
      for name, binary in BOTH[:1]),
    Contender("uwsgi-rs http", ROUTER, False, uwsgi(paths.OURS, "http", KEEP, "--http-keepalive")),
    Contender("uWSGI http", ROUTER, False, uwsgi(paths.ORIGINAL, "http", KEEP, "--http-keepalive")),
    Contender("uwsgi-rs http, closing", ROUTER_ONE_SHOT, True, uwsgi(paths.OURS, "http", CLOSE)),
    Contender("uWSGI http, closing", ROUTER_ONE_SHOT, True, uwsgi(paths.ORIGINAL, "http", CLOSE)),
    Contender("uwsgi-rs all metrics", METRICS, False, uwsgi(paths.OURS, "http11-socket", KEEP, "--enable-metrics")),
    Contender("uwsgi-rs metrics off", METRICS, False, without_metrics("http11-socket", KEEP)),
]

def cpu(ours, other):
    """CPU per request, as a ratio."""
    return ours["cpu_us"] / other["cpu_us"]


def tail(ours, _):
    """How much longer the slowest hundredth waits than the middle."""
    return ours["p99_us"] / ours["p50_us"]


def memory(ours, other):
    """MiB that master and worker take beyond the other's."""
    return ours["pss_mib"] - ours["observer_mib"] - other["pss_mib"]


# (claim, ours, other, at most, how it is measured)
TARGETS = [
    ("keep-alive against granian", "uwsgi-rs http11-socket", "granian wsgi", 0.4, cpu),
    ("keep-alive against uWSGI", "uwsgi-rs http11-socket", "uWSGI http11-socket", 0.4, cpu),
    ("keep-alive against nginx, which runs no application", "uwsgi-rs http11-socket", "nginx return 200", 2.0, cpu),
    ("connection per request against uWSGI", "uwsgi-rs http-socket", "uWSGI http-socket", 0.7, cpu),
    ("uwsgi behind nginx against uWSGI", "uwsgi-rs behind nginx", "uWSGI behind nginx", 0.7, cpu),
    ("1 MiB upload against uWSGI", "uwsgi-rs upload", "uWSGI upload", 1.0, cpu),
    ("1 MiB generated against uWSGI", "uwsgi-rs generated", "uWSGI generated", 1.0, cpu),
    ("1000 connections on 4 threads, p99 against p50", "uwsgi-rs crowd", "uwsgi-rs crowd", 3.0, tail),
    ("memory of master and worker beyond uWSGI's, MiB", "uwsgi-rs http11-socket", "uWSGI http11-socket", 2.0, memory),
    ("http router against uWSGI", "uwsgi-rs http", "uWSGI http", 0.5, cpu),
    ("http router, connection per request, against uWSGI", "uwsgi-rs http, closing", "uWSGI http, closing", 0.5, cpu),
    ("all metrics against none", "uwsgi-rs all metrics", "uwsgi-rs metrics off", 1.03, cpu),
]


class Running:
    """A contender that serves; as a context it is ended with everything below it."""

    def __init__(self, contender: Contender, directory: pathlib.Path):
        self.contender, self.directory, self.port = contender, directory, free_port()
        self.front = None

    def __enter__(self):
        self.directory.mkdir(parents=True, exist_ok=True)
        self.process = self._start(self.contender.command)
        if self.contender.front:
            self.front = self._start(self.contender.front)
        try:
            until(self._answers, f"an answer of {self.contender.name}, see {self.directory}/log", timeout=20)
        except AssertionError:
            self.__exit__()
            sys.stderr.write((self.directory / "log").read_text(errors="replace")[-2000:])
            raise
        return self

    def _start(self, command) -> subprocess.Popen:
        argv = [str(part) for part in command(self.port, self.directory)]
        with open(self.directory / "log", "ab") as log:
            return subprocess.Popen(argv, stdout=log, stderr=log, cwd=self.directory, start_new_session=True)

    def _answers(self) -> bool:
        if self.process.poll() is not None:
            raise AssertionError(f"{self.contender.name} ended with {self.process.returncode}")
        try:
            return wire.http(self.port, timeout=5).body == b"Hello World"
        except (OSError, EOFError):
            return False

    def __exit__(self, *_):
        for process in filter(None, (self.front, self.process)):
            if process.poll() is None:
                process.send_signal(2 if "uwsgi" in str(process.args[0]) else 15)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(10)
