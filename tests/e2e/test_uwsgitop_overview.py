"""uwsgitop far away: the detailed document over HTTP shows what the arena shows, history included."""

import json
import subprocess
import urllib.request

import pytest

from harness import load, paths
from harness.server import free_port
from harness.waiting import until

pytestmark = pytest.mark.ours

# What differs between two looks at a quiet server: moments and what measuring itself uses.
MOVES = {"AGE", "CPU", "CPU%", "LATE", "RSS", "VSZ", "FDS", "LAST"}


def bundled(*args, timeout=20) -> str:
    done = subprocess.run([paths.UWSGITOP, *map(str, args)], capture_output=True, text=True, timeout=timeout,
                          check=False, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stderr
    return done.stdout


def rows(source, view) -> list:
    lines = bundled("--json", "--view", view, "--count", "1", *source).splitlines()
    told = [json.loads(line)["rows"] for line in lines]
    return [{key: value for key, value in row.items() if key not in MOVES} for row in told[0]]


@pytest.fixture
def server(uwsgi, app, tmp_path):
    port = free_port()
    server = uwsgi("--http-socket", "127.0.0.1:0", "-M", "-p", "2", "--threads", "2", "--stats", f"127.0.0.1:{port}",
                   "--stats-http", "--wsgi-file", app("wires"), "--alarm", "note log:", "--metric-threshold",
                   "key=worker.1.requests,value=100000,alarm=note")
    load.latencies(server.address(), 40, "/length")
    server.wait_stats(lambda s: sum(w["requests"] for w in s["workers"]) == 40, "40 requests")
    server.quiet()
    server.http = f"http://127.0.0.1:{port}"
    return server


def document(server, query: str) -> dict:
    with urllib.request.urlopen(f"{server.http}/{query}", timeout=10) as answer:
        return json.load(answer)


def test_details_stand_behind_the_document_that_others_read(server):
    plain, detailed = document(server, ""), document(server, "?details=history,routes,kernel")
    assert list(detailed)[:len(plain)] == list(plain)
    more = list(detailed)[len(plain):]
    assert more[0] == "details" and {"history", "alarms", "thresholds", "routes"} <= set(more)
    assert not set(more) & set(document(server, "?details=0"))
    assert detailed["routes"][0]["count"] == 40
    assert detailed["alarms"][0]["name"] == "note"


@pytest.mark.parametrize("view", ["workers", "cores", "sockets", "apps", "alarms"])
def test_a_screen_far_away_shows_what_one_here_does(server, view):
    here, far = rows(["--pid", server.pid], view), rows(["--no-arena", server.http], view)
    assert here == far


def series(server, name: str) -> list:
    ring = document(server, "?details=1")["history"][0]
    assert ring["step"] == 1
    return next((row["values"] for row in ring["series"] if row["name"] == name), [])


@pytest.mark.parametrize("far", [False, True])
def test_the_past_is_there_when_the_screen_opens(server, far):
    """The peak of the rate is of seconds that were over before the first look."""
    # Those of the start may all have come before the first second that is kept.
    until(lambda: server.get("/length") and max(series(server, "requests"), default=0) > 0, "a second of the past with requests")
    text = bundled("--once", "--no-arena", "--view", "overview", server.http) if far else \
        bundled("--once", "--view", "overview", "--pid", server.pid)
    rate = next(line for line in text.splitlines() if line.strip().startswith("rate"))
    assert "the last 5 min" in text and "LATENCY" in text
    assert rate.split()[-1].endswith("/s") and rate.split()[-1] != "0/s", text


def test_only_what_is_new_is_sent_again(server):
    until(lambda: len(series(server, "requests")) >= 3, "three seconds of the past")
    first = document(server, "?details=history")
    end = first["history"][0]["end"]
    news = document(server, f"?details=history&since={end}")["history"]
    assert 1 <= len(news[0]["series"][0]["values"]) <= 5
    assert news[0]["end"] >= end and document(server, f"?details=1&since={end + 3600}")["history"][0]["series"] == []
