"""The frame of the pushers: `stats-push`, who is told what when, and their own numbers."""

import contextlib
import json
import os
import re
import socket
import subprocess
import time
from urllib.parse import quote

import pytest

from harness import paths, wire
from harness.server import free_port, plain_environment
from harness.waiting import until

pytestmark = pytest.mark.ours


@pytest.fixture
def sink():
    """A UDP socket that reads datagrams until a condition holds."""
    receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    receiver.bind(("127.0.0.1", 0))
    receiver.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    receiver.settimeout(30)
    with receiver:
        yield receiver


def one_push(receiver, count):
    return [receiver.recv(65536).decode() for _ in range(count)]


def metrics(server):
    return wire.http(server.metrics_port, "/metrics").body.decode()


def sample(page, name, **labels):
    wanted = "".join(f'(?=[^}}]*{key}="{re.escape(value)}")' for key, value in labels.items())
    found = re.search(rf"^{name}\{{{wanted}[^}}]*\}} (\S+)$", page, re.M)
    return float(found[1]) if found else None


def refusal(*args):
    done = subprocess.run([paths.OURS, *args], capture_output=True, timeout=60, check=False, text=True, stdin=subprocess.DEVNULL,
                          env=plain_environment())
    return done.returncode, done.stderr


@pytest.mark.parametrize(("push", "text"), [
    ("nowhere:x", 'unable to find "nowhere" stats_pusher'),
    ("socket", "invalid socket address"),
    ("socket:127.0.0.1", "invalid socket address 127.0.0.1"),
    ("file:freq=often", "freq = often is not a number of seconds"),
    ("file:speed=1", '"speed" is not one of path, freq'),
])
def test_what_cannot_push_is_refused_at_the_start(push, text):
    code, said = refusal("--http-socket", "127.0.0.1:0", "--stats-push", push)
    assert code == 1
    assert text in said


def test_every_metric_is_a_datagram_in_the_order_of_the_list(uwsgi, app, sink):
    place = f"127.0.0.1:{sink.getsockname()[1]}"
    server = uwsgi("--http-socket", "127.0.0.1:0", "-p", "2", "--stats", "stats.sock", "--metrics-no-cores", "--metric", "mym",
                   "--stats-push", f"socket:{place},mine", "--stats-pusher-default-freq", "1", "--wsgi-file", app("ask"))
    names = list(server.stats()["metrics"])
    first = one_push(sink, len(names))
    assert [line.split(" ")[0] for line in first] == [f"mine.{name}" for name in names]
    assert all(re.fullmatch(r"\S+ [0-3] -?\d+", line) for line in first)
    server.get("/?1")
    until(lambda: "mine.worker.0.requests 0 1" in one_push(sink, len(names)), "the request is pushed")


def test_what_is_reset_after_a_push_reaches_every_pusher_whole(uwsgi, app, sink):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        other.settimeout(30)
        other.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        places = [f"socket:127.0.0.1:{s.getsockname()[1]}" for s in (sink, other)]
        server = uwsgi("--http-socket", "127.0.0.1:0", "-M", "--stats", "stats.sock", "--metric",
                       "name=rap,initial_value=7,reset_after_push=1", "--stats-push", places[0], "--stats-push", places[1],
                       "--stats-pusher-default-freq", "1", "--wsgi-file", app("ask"))
        names = list(server.stats()["metrics"])
        assert server.get("/?" + quote("uwsgi.metric_inc('rap', 40)")).body == b"True"

        def sees(receiver):
            return until(lambda: "uwsgi.rap 0 47" in one_push(receiver, len(names)), "47 is pushed")

        assert sees(sink) and sees(other)
        until(lambda: server.stats()["metrics"]["rap"]["value"] == 7, "the value is the initial one again")


def test_the_end_tells_a_slow_pusher_what_began_anew_for_it(uwsgi, app, sink, tmp_path):
    place = f"127.0.0.1:{sink.getsockname()[1]}"
    server = uwsgi("--http-socket", "127.0.0.1:0", "-M", "--stats", "stats.sock", "--metric",
                   "name=rap,initial_value=7,reset_after_push=1", "--stats-push", f"socket:{place}",
                   "--stats-pusher-default-freq", "1", "--rrdtool", tmp_path, "--wsgi-file", app("ask"))
    names = list(server.stats()["metrics"])

    def in_file():
        return (tmp_path / "rap.rrd").read_bytes()[744:774].rstrip(b"\0")

    until(lambda: in_file() == b"7", "the first push of the slow one, which is the only one for five minutes")
    server.get("/?" + quote("uwsgi.metric_inc('rap', 40)"))
    until(lambda: "uwsgi.rap 0 47" in one_push(sink, len(names)), "the fast one is told")
    assert in_file() == b"7"
    server.stop()
    assert in_file() == b"47"


def test_a_reload_is_held_up_by_dead_receivers_for_a_moment_only(uwsgi, app):
    with contextlib.ExitStack() as stack:
        holes = [stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0)) for _ in range(5)]
        args = []
        for hole in holes:
            for _ in range(3):
                visitor = stack.enter_context(socket.socket())
                visitor.setblocking(False)
                visitor.connect_ex(hole.getsockname())
            args += ["--carbon", "{}:{}".format(*hole.getsockname())]
        server = uwsgi("--http-socket", "127.0.0.1:0", *args, "--carbon-timeout", "3", "--wsgi-file", app("ask"))
        until(lambda: server.log().count("Could not connect to carbon server") == 5, "all of them have failed once")
        begun = time.monotonic()
        server.stop()
        assert time.monotonic() - begun < 1.9, "two seconds are for those that were well"


def test_the_file_gets_the_document_of_the_stats(uwsgi, app, tmp_path):
    path = tmp_path / "numbers"
    server = uwsgi("--http-socket", "127.0.0.1:0", "-M", "--stats", "stats.sock", "--stats-push", f"file:path={path},freq=1",
                   "--wsgi-file", app("ask"))
    until(lambda: path.exists() and path.read_text().count('"version":') >= 2, "two pushes")
    assert os.stat(path).st_mode & 0o777 == 0o640
    document, end = json.JSONDecoder().raw_decode(path.read_text())
    assert list(document) == list(server.stats())
    assert path.read_text()[end:].lstrip(" ").startswith(("\n\n{", "\n\n\n{"))


def test_a_dead_receiver_shows_in_the_numbers_and_the_log_and_works_again(uwsgi, app):
    port, own = free_port(), free_port()
    server = uwsgi("--http-socket", "127.0.0.1:0", "-M", "--stats", f"127.0.0.1:{own}", "--stats-http", "--stats-push",
                   f"socket:127.0.0.1:{port}", "--stats-pusher-default-freq", "1", "--wsgi-file", app("ask"))
    server.metrics_port = own
    labels = {"pusher": "socket", "target": f"127.0.0.1:{port}"}
    until(lambda: (sample(metrics(server), "uwsgi_pusher_failing", **labels) or 0) >= 2, "failures are counted")
    page = metrics(server)
    assert sample(page, "uwsgi_pusher_dropped_total", **labels) >= 2
    assert not sample(page, "uwsgi_pusher_pushes_total", **labels)
    assert server.log().count("stats_pusher_socket()/sendto(): Connection refused") == 1
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", port))
        server.wait_log(rf"^\[uwsgi-stats-pusher\] socket to 127.0.0.1:{port} works again after \d+ failures$")
        until(lambda: sample(metrics(server), "uwsgi_pusher_pushes_total", **labels), "pushes are counted")
    assert not sample(metrics(server), "uwsgi_pusher_failing", **labels)


def test_increases_are_told_once_over_a_reload(uwsgi, app, sink):
    place = f"127.0.0.1:{sink.getsockname()[1]}"
    server = uwsgi("--http-socket", "127.0.0.1:0", "-M", "-p", "2", "--stats", "stats.sock", "--stats-push", f"statsd:{place}", "--statsd-delta",
                   "--stats-pusher-default-freq", "2", "--wsgi-file", app("hello"))
    told = 0

    def all_told(count):
        nonlocal told
        found = re.match(r"uwsgi\.worker\.0\.requests:(\d+)\|c", sink.recv(65536).decode())
        told += int(found[1]) if found else 0
        return told >= count

    for _ in range(20):
        assert server.get("/").status == 200
    while not all_told(20):
        pass
    server.send(1)
    server.wait_stats(lambda s: s.get("reloads") == 1, "the reload")
    for _ in range(30):
        assert server.get("/").status == 200
    while not all_told(50):
        pass
    server.stop()
    sink.settimeout(0.5)
    with pytest.raises(TimeoutError):
        while True:
            all_told(1 << 30)
    assert told == 50
