"""Who runs in the benchmark, and how each is started: one worker, hello world, no logging."""

import dataclasses
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
daemon off; worker_processes 1; pid {dir}/nginx.pid; error_log {dir}/error.log crit;
events {{ worker_connections 1024; }}
http {{
    access_log off; keepalive_requests 1000000000; default_type text/plain;
    client_body_temp_path {dir}/b; proxy_temp_path {dir}/p; uwsgi_temp_path {dir}/u; fastcgi_temp_path {dir}/f; scgi_temp_path {dir}/s;
    server {{ listen 127.0.0.1:{port} backlog=1000; {keep} location / {{ return 200 "Hello World"; }} }}
}}
"""


@dataclasses.dataclass
class Contender:
    """`group` is the table it belongs to; `close` asks for a connection per request."""

    name: str
    group: str
    close: bool
    command: object  # (port, directory) -> argv


def uwsgi(binary, kind, app, *options):
    def command(port: int, directory: pathlib.Path):
        return [binary, f"--{kind}", f"127.0.0.1:{port}", *ONE, "--wsgi-file", app, *options]
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


def nginx(keep: str):
    def command(port: int, directory: pathlib.Path):
        config = directory / "nginx.conf"
        config.write_text(NGINX_CONFIG.format(dir=directory, port=port, keep=keep))
        return [shutil.which("nginx") or "/usr/sbin/nginx", "-c", config, "-e", directory / "start.log"]
    return command


KEEPALIVE, ONE_SHOT, ROUTER, ROUTER_ONE_SHOT, METRICS = (
    "keep-alive", "connection per request", "http router, keep-alive", "http router, connection per request", "cost of metrics")

ALL = [
    Contender("uwsgi-rs http11-socket", KEEPALIVE, False, uwsgi(paths.OURS, "http11-socket", KEEP)),
    Contender("uWSGI http11-socket", KEEPALIVE, False, uwsgi(paths.ORIGINAL, "http11-socket", KEEP)),
    Contender("granian wsgi", KEEPALIVE, False, granian(KEEP)),
    Contender("nginx return 200", KEEPALIVE, False, nginx("")),
    Contender("uwsgi-rs http-socket", ONE_SHOT, True, uwsgi(paths.OURS, "http-socket", CLOSE)),
    Contender("uWSGI http-socket", ONE_SHOT, True, uwsgi(paths.ORIGINAL, "http-socket", CLOSE)),
    Contender("granian wsgi, closing", ONE_SHOT, True, granian(CLOSE)),
    Contender("nginx return 200, closing", ONE_SHOT, True, nginx("keepalive_timeout 0;")),
    Contender("uwsgi-rs http", ROUTER, False, uwsgi(paths.OURS, "http", KEEP, "--http-keepalive")),
    Contender("uWSGI http", ROUTER, False, uwsgi(paths.ORIGINAL, "http", KEEP, "--http-keepalive")),
    Contender("uwsgi-rs http, closing", ROUTER_ONE_SHOT, True, uwsgi(paths.OURS, "http", CLOSE)),
    Contender("uWSGI http, closing", ROUTER_ONE_SHOT, True, uwsgi(paths.ORIGINAL, "http", CLOSE)),
    Contender("uwsgi-rs all metrics", METRICS, False, uwsgi(paths.OURS, "http11-socket", KEEP, "--enable-metrics")),
    Contender("uwsgi-rs metrics off", METRICS, False, without_metrics("http11-socket", KEEP)),
]

# (claim, numerator, denominator, at most): ratios of CPU per request
TARGETS = [
    ("keep-alive against granian", "uwsgi-rs http11-socket", "granian wsgi", 0.5),
    ("keep-alive against uWSGI", "uwsgi-rs http11-socket", "uWSGI http11-socket", 0.5),
    ("connection per request against uWSGI", "uwsgi-rs http-socket", "uWSGI http-socket", 0.8),
    ("http router against uWSGI", "uwsgi-rs http", "uWSGI http", 0.5),
    ("http router, connection per request, against uWSGI", "uwsgi-rs http, closing", "uWSGI http, closing", 0.5),
    ("all metrics against none", "uwsgi-rs all metrics", "uwsgi-rs metrics off", 1.03),
]


class Running:
    """A contender that serves; as a context it is ended with everything below it."""

    def __init__(self, contender: Contender, directory: pathlib.Path):
        self.contender, self.directory, self.port = contender, directory, free_port()

    def __enter__(self):
        self.directory.mkdir(parents=True, exist_ok=True)
        argv = [str(part) for part in self.contender.command(self.port, self.directory)]
        with open(self.directory / "log", "wb") as log:
            self.process = subprocess.Popen(argv, stdout=log, stderr=log, cwd=self.directory, start_new_session=True)
        try:
            until(self._answers, f"an answer of {self.contender.name}, see {self.directory}/log", timeout=20)
        except AssertionError:
            self.__exit__()
            sys.stderr.write((self.directory / "log").read_text(errors="replace")[-2000:])
            raise
        return self

    def _answers(self) -> bool:
        if self.process.poll() is not None:
            raise AssertionError(f"{self.contender.name} ended with {self.process.returncode}")
        try:
            return wire.http(self.port, timeout=5).body == b"Hello World"
        except (OSError, EOFError):
            return False

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.send_signal(2 if "uwsgi" in str(self.process.args[0]) else 15)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(10)
