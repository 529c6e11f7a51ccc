"""The bundled uwsgitop without a terminal: what programs read is right and what others can read."""

import csv
import io
import json
import socket
import subprocess
import threading

import pytest
from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogReader

from harness import load, paths
from harness.server import free_port
from harness.waiting import until

KINDS = {"request", "application"}


@pytest.fixture
def instance(uwsgi, app, tmp_path):
    def start(*options, binary=paths.OURS, requests=20):
        server = uwsgi("--http-socket", "127.0.0.1:0", "-M", "-p", "2", "--threads", "2", "--stats", f"127.0.0.1:{free_port()}",
                       "--memory-report", "--wsgi-file", app("wires"), *options, binary=binary)
        load.latencies(server.address(), requests, "/length")
        server.wait_stats(lambda s: sum(w["requests"] for w in s["workers"]) == requests, f"{requests} requests")
        return server
    return start


def address(server) -> str:
    return "%s:%d" % server.stats_address()


def top(*words, code=0, timeout=30) -> str:
    done = subprocess.run([paths.UWSGITOP, *map(str, words)], capture_output=True, text=True, timeout=timeout, check=False,
                          stdin=subprocess.DEVNULL)
    assert done.returncode == code, f"{words} ended with {done.returncode}: {done.stdout}{done.stderr}"
    return done.stdout if code != 1 else done.stderr


def intervals(path) -> dict[str, list]:
    """The histograms of a log by tag, as the library of others reads them."""
    found: dict[str, list] = {}
    reader = HistogramLogReader(str(path), HdrHistogram(1, 3_600_000_000, 2))
    while (histogram := reader.get_next_interval_histogram()) is not None:
        found.setdefault(histogram.get_tag(), []).append(histogram)
    return found


@pytest.mark.ours
def test_a_log_of_all_latencies_is_what_the_server_counted(instance, tmp_path):
    server, log = instance(requests=200), tmp_path / "all.hlog"
    top("--export-hdr", log, "--pid", server.pid)
    found, told = intervals(log), server.stats()["latency"]
    assert KINDS <= set(found), found
    for kind, (histogram,) in found.items():
        assert histogram.get_total_count() == told[kind]["count"]
        for key, percentile in [("p50_us", 50), ("p90_us", 90), ("p99_us", 99)]:
            assert histogram.get_value_at_percentile(percentile) == told[kind][key], (kind, key)
    assert found["request"][0].get_total_count() == 200


@pytest.mark.ours
def test_intervals_hold_what_was_added_and_nothing_twice(instance, tmp_path):
    server, log = instance(), tmp_path / "some.hlog"
    words = [paths.UWSGITOP, "--export-hdr", log, "--duration", "3", "--frequency", "0.3", "--pid", server.pid]
    process = subprocess.Popen([*map(str, words)], stdin=subprocess.DEVNULL)
    try:
        # Its header stands once the first look was taken.
        until(lambda: log.exists() and "StartTimestamp" in log.read_text(), "the header")
        load.latencies(server.address(), 50, "/length")
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.wait()
    found = intervals(log)
    assert len(found["request"]) == 10, "three seconds of 0.3"
    assert sum(h.get_total_count() for h in found["request"]) == 50, "the twenty before are not of these intervals"


@pytest.mark.ours
def test_a_document_has_no_histograms_to_log(instance, tmp_path):
    server = instance()
    error = top("--no-arena", "--export-hdr", tmp_path / "none", address(server), code=1)
    assert "--pid or --arena" in error and not (tmp_path / "none").exists()


def promtool(page: str) -> None:
    done = subprocess.run(["promtool", "check", "metrics"], input=page, capture_output=True, text=True, timeout=20, check=False)
    # Names that it would word otherwise are told with code 3 and are no errors of the format.
    assert done.returncode in (0, 3) and "error" not in done.stderr.lower(), done.stderr


def families(page: str) -> set[str]:
    return {line.split()[2] for line in page.splitlines() if line.startswith("# TYPE ")}


@pytest.mark.ours
def test_the_page_for_prometheus_is_the_same_from_everywhere(instance, tmp_path):
    server, original = instance(), instance(binary=paths.ORIGINAL)
    mapped, asked = top("--prometheus", "--pid", server.pid), top("--prometheus", "--no-arena", address(server))
    classic, both = top("--prometheus", address(original)), top("--prometheus", address(original), "--pid", server.pid)
    for page in (mapped, asked, classic, both):
        promtool(page)
    assert families(classic) - {"uwsgi_up"} <= families(asked)
    assert families(asked) <= families(mapped) | {"uwsgi_up"}
    assert families(both) == families(classic) | families(mapped)
    for page in (mapped, asked, classic):
        rows = [line for line in page.splitlines() if line.startswith("uwsgi_worker_requests_total{")]
        assert len(rows) == 2 and sum(int(row.split()[-1]) for row in rows) == 20, rows
    assert f'uwsgi_workers{{source="{address(original)}"}} 2' in both


def test_rows_are_the_documents_numbers(instance):
    server = instance()
    rows = list(csv.DictReader(io.StringIO(top("--csv", address(server)))))
    document = server.stats()
    assert [(int(r["id"]), int(r["pid"]), int(r["requests"]), int(r["tx"]), int(r["avg_rt_us"])) for r in rows] == [
        (w["id"], w["pid"], w["requests"], w["tx"], w["avg_rt"]) for w in document["workers"]]
    lines = [json.loads(line) for line in top("--json", "--count", "3", "--frequency", "0.1", address(server)).splitlines()]
    assert [sum(w["requests"] for w in line["stats"]["workers"]) for line in lines] == [20, 20, 20]
    assert lines[0]["time"] < lines[1]["time"] < lines[2]["time"]


@pytest.fixture
def told(tmp_path):
    """A stats server that always gives the same document: `told(document)` is its address."""
    sockets = []

    def start(document: dict) -> str:
        path = tmp_path / f"told{len(sockets)}"
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(path))
        listener.listen()
        sockets.append(listener)

        def serve():
            while True:
                try:
                    client, _ = listener.accept()
                except OSError:
                    return
                with client:
                    client.sendall(json.dumps(document).encode())

        threading.Thread(target=serve, daemon=True).start()
        return str(path)

    yield start
    for listener in sockets:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def test_a_check_says_by_its_code_how_it_is(instance, told, tmp_path):
    server = instance()
    quiet = told({"version": "2", "pid": 1, "workers": [{"id": 1, "pid": 7, "status": "idle"}]})
    assert top("--check", "--frequency", "0.1", quiet).startswith(f"ok: {quiet}: ")
    dead = told({"version": "2", "pid": 1, "workers": [{"id": 1, "pid": 0, "status": "idle"}]})
    piled = told({"version": "2", "pid": 1, "signal_queue": 500, "workers": [{"id": 1, "pid": 7, "status": "idle"}]})
    assert top("--check", "--count", "1", piled, code=3).startswith(f"warning: {piled}: 500 signals wait")
    lines = top("--check", "--count", "2", "--frequency", "0.1", quiet, piled, dead, code=4).splitlines()
    assert [line.split(": ")[0] for line in lines] == ["critical", "warning", "ok"], lines
    # What it says of a real server depends on the machine, which may be short of processors.
    assert address(server) in top("--check", "--frequency", "0.1", address(server), dead, code=4)
    assert str(tmp_path / "nobody") in top("--check", tmp_path / "nobody", code=1)
