"""statsd, dogstatsd and what else goes out as datagrams or files: bytes, the real statsd, receivers that fail."""

import json
import os
import re
import signal
import socket
import subprocess
import tempfile
from urllib.parse import quote

import pytest

from harness import paths, wire
from harness.server import free_port, plain_environment
from harness.statsd import SERVER, Statsd
from harness.waiting import until

pytestmark = pytest.mark.ours

APP = ["-M", "--http-socket", "127.0.0.1:0", "--stats", "stats.sock", "--stats-pusher-default-freq", "1"]


@pytest.fixture
def sink():
    """A UDP socket with its address as `place`."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        receiver.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        receiver.settimeout(30)
        yield receiver


def place(receiver):
    return f"127.0.0.1:{receiver.getsockname()[1]}"


def push(receiver, first="core.routed_signals"):
    """The datagrams of one push, which begins with the first metric."""
    lines = []
    while True:
        datagram = receiver.recv(65536).decode()
        if first in datagram and lines:
            return lines
        if lines or first in datagram:
            lines.append(datagram)


def pusher(server, kind):
    (found,) = [p for p in pushers(server) if p["pusher"] == kind]
    return found


def pushers(server):
    """Labels and counts of every pusher, from the metrics page."""
    page = wire.raw(("127.0.0.1", server.metrics_port), b"GET /metrics HTTP/1.0\r\n\r\n").decode()
    rows = {}
    for name, labels, value in re.findall(r"^uwsgi_pusher_(\w+)\{([^}]*)\} (\S+)$", page, re.M):
        labels = dict(re.findall(r'(\w+)="([^"]*)"', labels))
        row = rows.setdefault((labels["pusher"], labels["target"]), {"pusher": labels["pusher"]})
        row[name] = float(value)
    return list(rows.values())


@pytest.mark.parametrize(("options", "text"), [
    (["--stats-push", "statsd"], "invalid statsd address"),
    (["--stats-push", "statsd:127.0.0.1,app"], "invalid statsd address 127.0.0.1 "),
    (["--stats-push", "dogstatsd:agent"], "invalid dd address agent "),
    (["--stats-push", "statsd::8125", "--statsd-tags", "xml"], "statsd-tags"),
    (["--stats-push", "statsd::8125", "--statsd-timers", "s"], "statsd-timers"),
    (["--stats-push", "statsd::8125", "--statsd-sample-rate", "7"], "statsd-sample-rate = 7 is not above 0 and at most 1"),
    (["--stats-push", "statsd::8125", "--statsd-delta", "--statsd-all-gauges"], "choose one of them"),
    (["--stats-push", "dogstatsd::8125", "--dogstatsd-extra-tags", "a|b"], "cannot be part of a tag"),
    (["--stats-push", "dogstatsd::8125", "--dogstatsd-container-id", "a b"], "is not auto or an identifier"),
    (["--stats-push", "file:rotate=big"], "rotate = big is not a number of bytes"),
    (["--stats-push", "prometheus-file"], "path is missing"),
])
def test_what_cannot_be_pushed_is_refused_at_the_start(options, text):
    done = subprocess.run([paths.OURS, "--http-socket", "127.0.0.1:0", *options], capture_output=True, timeout=60, check=False,
                          text=True, stdin=subprocess.DEVNULL, env=plain_environment())
    assert done.returncode == 1
    assert text in done.stderr


def test_one_datagram_for_each_metric_in_the_order_of_the_list(uwsgi, app, sink):
    server = uwsgi(*APP, "--plugins", "stats_pusher_statsd", "--metric", "name=g,type=gauge,initial_value=-4", "--stats-push",
                   f"statsd:{place(sink)},my,inst", "--wsgi-file", app("ask"))
    kinds = {name: "g" if metric["type"] == 1 else "c" for name, metric in server.stats()["metrics"].items()}
    lines = push(sink)
    assert [re.sub(r":-?\d+\|", " ", line) for line in lines] == [f"my,inst.{name} {kind}" for name, kind in kinds.items()]
    assert "my,inst.g:-4|g" in lines and any(re.fullmatch(r"my,inst.rss_size:\d+\|c", line) for line in lines)


def test_workers_left_out_and_everything_a_gauge(uwsgi, app, sink):
    server = uwsgi(*APP, "--statsd-no-workers", "--statsd-all-gauges", "--stats-push", f"statsd:{place(sink)}", "--wsgi-file", app("ask"))
    names = [name for name in server.stats()["metrics"] if not name.startswith("worker.")]
    lines = push(sink)
    assert [line.partition(":")[0] for line in lines] == [f"uwsgi.{name}" for name in names]
    assert all(line.endswith("|g") for line in lines)


@pytest.mark.parametrize(("tags", "form"), [
    ("dogstatsd", "uwsgi.worker.core.requests:0|c|#worker:1,core:0"),
    ("influx", "uwsgi.worker.core.requests,worker=1,core=0:0|c"),
    ("graphite", "uwsgi.worker.core.requests;worker=1;core=0:0|c"),
    ("signalfx", "uwsgi.worker.core.requests[worker=1,core=0]:0|c"),
])
def test_tags_are_where_each_receiver_reads_them_and_datagrams_are_full(uwsgi, app, sink, tags, form):
    server = uwsgi(*APP, "--statsd-tags", tags, "--statsd-mtu", "1432", "--stats-push", f"statsd:{place(sink)}", "--wsgi-file", app("ask"))
    datagrams = push(sink)
    lines = [line for datagram in datagrams for line in datagram.split("\n")]
    assert form in lines
    assert len(lines) == len(server.stats()["metrics"])
    assert max(map(len, datagrams)) <= 1432 and min(map(len, datagrams[:-1]), default=1432) > 1300


@pytest.fixture
def statsd(tmp_path):
    if not SERVER.exists():
        pytest.skip("statsd could not be had: tests/setup.sh fetches it")
    home = tmp_path / "statsd"
    home.mkdir()
    servers = []

    def start(port=None):
        servers.append(Statsd(home, port))
        return servers[-1]
    yield start
    for server in servers:
        if server.process.poll() is None:
            server.close()


def test_the_real_statsd_counts_what_was_served_and_nothing_twice(uwsgi, app, statsd):
    receiver = statsd()
    server = uwsgi(*APP, "--statsd-delta", "--statsd-timers", "ms", "--metric", "name=g,type=gauge,initial_value=-4", "--metric",
                   "name=rap,initial_value=7,reset_after_push=1", "--stats-push", f"statsd:127.0.0.1:{receiver.port},app",
                   "--wsgi-file", app("ask"))
    for _ in range(7):
        server.get("/?1")
    until(lambda: receiver.ask("counters").get("app.worker.0.requests") == 7, "seven requests are counted")
    assert receiver.ask("gauges")["app.g"] == -4
    assert len(receiver.ask("timers")["app.latency.request"]) == 7
    server.get("/?" + quote("uwsgi.metric_inc('rap', 35)"))
    until(lambda: receiver.ask("counters").get("app.rap") == 35, "what was counted between two pushes")
    # Another life of the observer goes on where the one before was.
    before = server.mark()
    os.kill(int(server.wait_log(r"(?s).*spawned uWSGI observer \(pid: (\d+)\)")[1]), signal.SIGKILL)
    server.wait_log(r"respawned uWSGI observer", after=before)
    for _ in range(3):
        server.get("/?1")
    first = receiver.ask("counters")["statsd.packets_received"]
    until(lambda: receiver.ask("counters")["statsd.packets_received"] > first + 100, "pushes of the new one")
    assert 8 <= receiver.ask("counters")["app.worker.0.requests"] <= 11
    assert receiver.ask("counters")["statsd.bad_lines_seen"] == 0


def test_statsd_may_die_and_come_back(uwsgi, app, statsd):
    receiver, own = statsd(), free_port()
    server = uwsgi(*APP[:3], "--stats", f"127.0.0.1:{own}", "--stats-http", "--stats-pusher-default-freq", "1", "--statsd-delta",
                   "--stats-push", f"statsd:127.0.0.1:{receiver.port}", "--wsgi-file", app("ask"))
    server.metrics_port = own
    server.get("/?1")
    until(lambda: receiver.ask("counters").get("uwsgi.worker.0.requests"), "a push")
    receiver.close()
    until(lambda: pusher(server, "statsd")["failing"] >= 2, "failures are counted")
    assert pusher(server, "statsd")["dropped_total"] >= 2
    for _ in range(20):
        assert server.get("/?1").status == 200
    again = statsd(receiver.port)
    until(lambda: not pusher(server, "statsd")["failing"], "it works again")
    server.get("/?1")
    until(lambda: again.ask("counters").get("uwsgi.worker.0.requests", 0) >= 1, "pushes arrive again")
    assert again.ask("counters")["uwsgi.worker.0.requests"] <= 21, "what was pushed to nobody is not pushed again"


def test_times_of_many_requests_are_a_bounded_sample(uwsgi, app, sink):
    server = uwsgi(*APP, "--statsd-timers", "ms", "--statsd-timers-max", "5", "--statsd-mtu", "8000", "--statsd-sample-rate", "0.5",
                   "--stats-push", f"statsd:{place(sink)}", "--wsgi-file", app("ask"))
    for _ in range(60):
        server.get("/?1")
    count, largest = 0, 0

    def counted():
        nonlocal count, largest
        lines = [line for datagram in push(sink) for line in datagram.split("\n") if "latency.request:" in line]
        largest = max(largest, len(lines))
        count += sum(round(1 / float((line.split("|@") + ["1"])[1])) for line in lines)
        return count >= 60
    until(counted, "all requests are accounted for")
    assert count == 60 and 1 <= largest <= 6


def local(tmp):
    receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    receiver.bind(f"{tmp}/dsd.socket")
    receiver.settimeout(30)
    return receiver


def test_datadog_gets_tags_container_time_and_values_over_its_socket(uwsgi, app):
    with tempfile.TemporaryDirectory() as tmp, local(tmp) as receiver:
        server = uwsgi(*APP, "--plugins", "dogstatsd", "--dogstatsd-extra-tags", "env:test,live", "--dogstatsd-container-id", "c0ffee",
                       "--dogstatsd-timestamps", "--dogstatsd-mtu", "8000", "--dogstatsd-delta", "--dogstatsd-timers", "d",
                       "--dogstatsd-timers-max", "50", "--dogstatsd-sample-rate", "1", "--stats-push",
                       f"dogstatsd:unix://{tmp}/dsd.socket,app", "--wsgi-file", app("ask"))
        for _ in range(3):
            server.get("/?1")
        tail = r"#env:test,live(,worker:\d)?\|c:c0ffee"
        seen = {}

        def complete():
            for line in receiver.recv(65536).decode().split("\n"):
                name, _, rest = line.partition(":")
                seen.setdefault(name, []).append(rest)
            return len(seen.get("app.worker.requests", [])) >= 2 and "app.latency.request" in seen
        until(complete, "counters and times")
        until(lambda: complete() and sum(int(rest.partition("|")[0]) for rest in seen["app.worker.requests"]) >= 6, "all requests")
        assert all(re.fullmatch(rf"\d+\|c\|{tail}\|T\d{{10}}", rest) for rest in seen["app.worker.requests"]), seen["app.worker.requests"]
        assert all(re.fullmatch(rf"\d+\|g\|{tail}\|T\d{{10}}", rest) for rest in seen["app.core.busy_workers"])
        assert all(re.fullmatch(rf"[\d.:]+\|d\|{tail}", rest) for rest in seen["app.latency.request"]), seen["app.latency.request"]
        assert sum(rest.partition("|")[0].count(":") + 1 for rest in seen["app.latency.request"]) == 3


def test_datadog_may_want_few_metrics_and_no_workers(uwsgi, app, sink):
    uwsgi(*APP, "--dogstatsd-no-workers", "--dogstatsd-all-gauges", "--dogstatsd-whitelist-metric", "core.total_tx",
          "--dogstatsd-whitelist-metric", "worker.requests", "--dogstatsd-whitelist-metric", "rss_size", "--stats-push",
          f"dogstatsd:{place(sink)}", "--wsgi-file", app("ask"))
    lines = push(sink, "core.total_tx")
    assert [line.partition(":")[0] for line in lines] == ["uwsgi.core.total_tx", "uwsgi.rss_size"]
    assert all(line.endswith("|g") for line in lines)


def test_a_receiver_that_reads_nothing_holds_up_nobody(uwsgi, app):
    own = free_port()
    with tempfile.TemporaryDirectory() as tmp, local(tmp) as receiver:
        server = uwsgi(*APP[:3], "--stats", f"127.0.0.1:{own}", "--stats-http", "--stats-pusher-default-freq", "1", "--metric", "mym",
                       "--stats-push", f"statsd:{tmp}/dsd.socket", "--stats-push", "file:path=numbers,freq=1", "--wsgi-file", app("ask"))
        server.metrics_port = own
        until(lambda: pusher(server, "statsd").get("dropped_total", 0) >= 2, "pushes that nobody takes are lost", timeout=30)
        assert pusher(server, "statsd")["queued"] <= 2
        pushed = pusher(server, "file")["pushes_total"]
        assert server.get("/?1").status == 200
        until(lambda: pusher(server, "file")["pushes_total"] >= pushed + 2, "the other pusher goes on")

        def drained():
            receiver.recv(65536)
            return not pusher(server, "statsd")["failing"] and pusher(server, "statsd").get("pushes_total")
        until(drained, "it works again once somebody reads", timeout=60)


def test_the_file_may_be_replaced_put_away_or_have_a_line_for_each_push(uwsgi, app, tmp_path):
    uwsgi(*APP, "--stats-minified", "--stats-push", "file:path=last,mode=replace,freq=1", "--stats-push",
          r"file:path=lines,separator=\n,freq=1", "--stats-push", "file:path=small,rotate=1K,freq=1", "--wsgi-file", app("ask"))
    until(lambda: (tmp_path / "lines").exists() and (tmp_path / "lines").read_text().count("\n") >= 3, "three pushes")
    documents = [json.loads(line) for line in (tmp_path / "lines").read_text().splitlines()[:3]]
    assert len({json.dumps(document) for document in documents}) >= 1 and all(document["pid"] for document in documents)
    assert json.loads((tmp_path / "last").read_text())["pid"] == documents[0]["pid"]
    until((tmp_path / "small.1").exists, "the first one is put away")
    assert json.JSONDecoder().raw_decode((tmp_path / "small.1").read_text())
    assert not list(tmp_path.glob("*.tmp")) or json.loads((tmp_path / "last").read_text())


def test_a_file_for_node_exporter_is_what_promtool_accepts(uwsgi, app, tmp_path):
    path = tmp_path / "uwsgi.prom"
    server = uwsgi(*APP, "--metric", "mym", "--stats-push", f"prometheus-file:path={path},freq=1", "--wsgi-file", app("ask"))
    server.get("/?1")
    until(lambda: path.exists() and re.search(r'^uwsgi_worker_requests_total\{worker_id="1"\} 1$', path.read_text(), re.M), "a page with the request")
    assert path.stat().st_mode & 0o777 == 0o644
    checked = subprocess.run(["promtool", "check", "metrics"], input=path.read_bytes(), capture_output=True, timeout=60, check=False)
    assert checked.returncode == 0, checked.stderr.decode()


def test_a_disk_that_is_full_shows_in_the_numbers(uwsgi, app):
    own = free_port()
    server = uwsgi(*APP[:3], "--stats", f"127.0.0.1:{own}", "--stats-http", "--stats-push", "file:path=/dev/full,freq=1",
                   "--wsgi-file", app("ask"))
    server.metrics_port = own
    until(lambda: pusher(server, "file").get("failing", 0) >= 2, "failures are counted")
    assert server.log().count("uwsgi_stats_pusher_file() -> write(): No space left on device") == 1
    assert server.get("/?1").status == 200


def test_systemd_hears_what_is_going_on(uwsgi, app):
    with tempfile.TemporaryDirectory() as tmp, local(tmp) as receiver:
        server = uwsgi(*APP, "-p", "2", "--stats-push", "systemd:freq=1", "--wsgi-file", app("ask"),
                       env={"NOTIFY_SOCKET": f"{tmp}/dsd.socket"})
        server.get("/?1")
        until(lambda: re.fullmatch(rb"STATUS=1 requests, 0 failed; 0 of 2 workers busy, 0 in flight\n", receiver.recv(4096)), "the request")


def test_without_systemd_that_is_told(uwsgi, app):
    server = uwsgi(*APP, "--stats-push", "systemd", "--wsgi-file", app("ask"))
    server.wait_log(r"^\[systemd\] NOTIFY_SOCKET is not set: there is nobody to tell the status to$")
