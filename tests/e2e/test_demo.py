"""`make demo` on a machine where everything is built: serves, shows where to look, ends by itself."""

import os
import socket
import subprocess

import pytest

from harness import paths, wire
from harness.server import free_port
from harness.waiting import until

pytestmark = [pytest.mark.ours, pytest.mark.slow, pytest.mark.alone]


def three_free_ports() -> int:
    """The first of three neighbouring ports that were free a moment ago."""
    while True:
        first = free_port()
        try:
            for port in (first + 1, first + 2):
                socket.create_server(("127.0.0.1", port)).close()
            return first
        except OSError:
            continue


def test_demo_serves_and_ends(nothing_left, tmp_path):
    port = three_free_ports()
    with open(tmp_path / "out", "wb") as out:
        demo = subprocess.Popen([paths.REPO / "demo/run.sh"], stdout=out, stderr=out, stdin=subprocess.DEVNULL,
                                env={**os.environ, "DEMO_QUICK": "1", "DEMO_BIN": str(paths.OURS.parent),
                                      "DEMO_SECONDS": "5", "DEMO_PORT": str(port)})
    text = lambda: (tmp_path / "out").read_text()  # noqa: E731
    until(lambda: "Ctrl-C ends it" in text() or demo.poll() is not None, "the demo to serve", timeout=120)
    assert demo.poll() is None, text()
    assert b"Served by Flask" in wire.http(port, "/").body
    assert b"answer" in wire.http(port + 1, "/fast").body
    metrics = wire.http(port + 2, "/metrics").body
    assert b"uwsgi_worker_requests_total" in metrics
    until(lambda: demo.poll() is not None, "the demo to end", timeout=40)
    assert demo.returncode == 0, text()
