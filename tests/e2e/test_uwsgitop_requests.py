"""uwsgitop names what hangs, which application fails, who waits at the door: by every source, for both servers."""

import contextlib
import json
import re
import socket
import subprocess

import pytest

from harness import paths, wire
from harness.server import free_port
from harness.tmux import Tmux
from harness.waiting import until

pytestmark = pytest.mark.ours

#: How uwsgitop gets to know: what the server is, and its own arguments.
SOURCES = ["arena", "stats", "http", "original"]


@pytest.fixture
def door():
    """A port at which requests wait until it is closed."""
    with contextlib.closing(socket.create_server(("127.0.0.1", 0), backlog=64)) as listening:
        yield listening


@pytest.fixture
def watched(uwsgi, app, tmp_path, door):
    """Start the server that a source needs; give it and the arguments of uwsgitop."""
    def start(source, *options, processes=2):
        port = free_port()
        address = f"127.0.0.1:{port}" if source == "http" else str(tmp_path / "stats")
        http = ["--stats-http"] if source == "http" else []
        binary = paths.ORIGINAL if source == "original" else paths.OURS
        mounts = ["--manage-script-name", "--single-interpreter", "--mount", f"/={app('door')}", "--mount", f"/shop={app('door')}"]
        server = uwsgi("--http-socket", "127.0.0.1:0", "-M", "-p", str(processes), "--stats", address, *http, *mounts, *options,
                       binary=binary, env={"DOOR": str(door.getsockname()[1])})
        asks = {"arena": ["--pid", str(server.pid)], "http": [f"http://{address}", "--no-arena"]}
        return server, asks.get(source, [address, "--no-arena"])
    return start


def top(*options) -> str:
    done = subprocess.run([paths.UWSGITOP, *options], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and done.stderr == "", done
    return done.stdout


def rows(view: str, source: list[str], count: int = 1) -> list[dict]:
    """The rows of the last of so many looks, a quarter of a second apart."""
    said = top("--json", "--view", view, "--count", str(count), "--frequency", "0.25", *source)
    return json.loads(said.splitlines()[-1])["rows"]


@contextlib.contextmanager
def asked(server, path: str, **headers):
    """A request that has been sent and whose answer nobody has read."""
    with contextlib.closing(wire.connect(server.address(), 30)) as stream:
        fields = {"Host": "shop.example", "Connection": "close", **headers}
        stream.sendall(wire.request_bytes("POST", path, fields, b"x=1"))
        yield stream


def running(source: list[str]) -> list[dict]:
    return [row for row in rows("cores", source) if row["METHOD"]]


# --- what hangs -----------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("source", SOURCES)
def test_a_hanging_request_is_named(watched, door, source):
    """Its age, method, host, address, client and core, without the secrets of its address; then it is gone."""
    server, how = watched(source)
    with asked(server, "/shop/wait?token=s3cret&x=1", Cookie="session=s3cret") as stream:
        first, *others = until(lambda: running(how), "the request among the cores")
        assert others == []
        assert (first["METHOD"], first["HOST"], first["REMOTE"]) == ("POST", "shop.example", "127.0.0.1")
        assert (first["URI"], first["STATUS"]) == ("/shop/wait?token=...&x=1", "busy")
        worker, core = map(int, first["CORE"].split(":"))
        assert (first["PID"], core) == (server.worker_pids()[worker], 0)
        assert rows("cores", how)[0]["CORE"] == first["CORE"], "what runs stands on top"
        deep = source in ("arena", "http")
        if deep:
            until(lambda: running(how)[0]["PHASE"] == "application", "the phase")
        until(lambda: running(how)[0]["AGE"] > 1_000_000, "an age above a second")
        exact = {running(how)[0]["AGE"] % 1_000_000 > 0 for _ in range(3)}
        assert (True in exact) == deep, "documents for everybody know whole seconds"
        for view in ("cores", "workers", "overview"):
            assert "s3cret" not in top("--once", "--view", view, *how)
        door.close()
        assert wire.Reader(stream).response().body == b"done"
        until(lambda: not running(how), "cores without requests")


@pytest.mark.parametrize("source", ["arena", "original"])
def test_the_screen_shows_a_request_whole(watched, door, source, tmp_path):
    """From the view of cores to one request and back, as keys go; its cookie is not on the screen."""
    server, how = watched(source, "--threads", "2")
    with asked(server, "/shop/wait?token=s3cret&x=1", Cookie="session=s3cret", Accept="text/door") as stream, \
            Tmux(tmp_path, paths.UWSGITOP, *how, size=(100, 30)) as screen:
        screen.wait("^ *WID ")
        screen.press("2")
        screen.wait(r"1 of 4 cores busy")
        screen.press("m")
        alone = screen.wait(r"m: every core")
        assert " idle " not in alone
        screen.press("Down", "Enter")
        whole = screen.wait(r"^ CORE \d:\d of process \d+")
        assert re.search(r"^ POST /shop/wait\?token=\.\.\.&x=1$", whole, re.M)
        assert re.search(r"^ HTTP_ACCEPT +text/door$", screen.wait("HTTP_ACCEPT"), re.M)
        assert re.search(r"^ HTTP_COOKIE +\.\.\.$", screen.text(), re.M) and "s3cret" not in screen.text()
        assert ("phase: application" in whole) == (source == "arena")
        screen.wait(r"running for [1-9]")
        door.close()
        assert wire.Reader(stream).response().body == b"done"
        screen.wait("It has no request now")
        screen.press("Escape")
        screen.wait("No request is running")
        screen.press("u")
        screen.wait(r"^ /shop +1 ")
        screen.press("q")
        assert screen.status() == 0


@pytest.mark.parametrize("source", ["arena", "original"])
def test_the_oldest_of_many_stands_on_top(watched, door, source):
    server, how = watched(source, "--threads", "2")
    with contextlib.ExitStack() as all_of_them:
        for number in range(3):
            all_of_them.enter_context(asked(server, f"/wait?{number}"))
            until(lambda number=number: len(running(how)) == number + 1, f"{number + 1} requests")
            # Documents know whole seconds: the next request has to begin in another one.
            until(lambda: running(how)[0]["AGE"] >= 1_000_000 * (number + 1), "another second")
        seen = running(how)
        assert [row["URI"] for row in seen] == ["/wait?0", "/wait?1", "/wait?2"]
        ages = [row["AGE"] for row in seen]
        assert ages == sorted(ages, reverse=True) and ages[0] > ages[2]
        door.close()


# --- applications ---------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("source", ["arena", "original"])
def test_applications_of_all_workers_are_one_row(watched, source):
    server, how = watched(source)
    server.allow("Traceback")
    for path in ("/", "/", "/", "/shop/", "/shop/", "/shop/fail", "/shop/raise"):
        wire.raw(server.address(), wire.request_bytes("GET", path, {"Connection": "close"}))

    def sums():
        apps = {row["APP"]: row for row in rows("apps", how) if row.get("METHOD") is None}
        return apps if apps["/shop"]["EXC"] == 1 and apps["/shop"]["REQ"] == 4 else None

    apps = until(sums, "seven requests by application")
    assert sorted(apps) == ["/", "/shop"]
    assert (apps["/"]["REQ"], apps["/"]["EXC"]) == (3, 0)
    assert {app["WORKERS"] for app in apps.values()} == {2}
    assert round(apps["/"]["SHARE"] + apps["/shop"]["SHARE"]) == 100
    if source == "arena":
        assert apps["/shop"]["5xx"] == 2 and apps["/"]["5xx"] == 0
        assert apps["/shop"]["AVG"] > 0 and apps["/shop"]["p99"] > 0
        kinds = {(row["APP"], row["METHOD"], row["CODE"]): row for row in rows("apps", how) if row["METHOD"]}
        assert kinds[("/shop", "GET", "5xx")]["REQ"] == 2
        assert kinds[("/", "GET", "2xx")]["REQ"] == 3 and kinds[("/", "GET", "2xx")]["p99"] > 0


@pytest.mark.parametrize("source", ["arena", "original"])
def test_rates_of_applications_are_those_of_the_last_moment(watched, source):
    """Requests between the two looks count, those before do not."""
    server, how = watched(source)
    for _ in range(5):
        wire.http(server.address(), "/")
    argv = [paths.UWSGITOP, "--json", "--view", "apps", "--count", "2", "--frequency", "1", *how]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as looking:
        first = json.loads(looking.stdout.readline())
        for _ in range(4):
            wire.http(server.address(), "/shop/")
        second = json.loads(looking.stdout.readline())
        looking.stdout.read()
    assert all(row["RPS"] is None for row in first["rows"]), "one look has no rate"
    rates = {row["APP"]: row["RPS"] for row in second["rows"] if row.get("METHOD") is None}
    assert rates["/"] == 0 and rates["/shop"] == pytest.approx(4, rel=0.5)


# --- sockets and caches ---------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("source", ["arena", "stats", "original"])
def test_who_waits_at_the_door_is_counted(watched, door, source):
    server, how = watched(source, "--listen", "8", processes=1)
    with contextlib.ExitStack() as waiting:
        streams = [waiting.enter_context(asked(server, "/wait")) for _ in range(4)]
        full = until(lambda: (found := rows("sockets", how)[0]) and found["QUEUE"] == 3 and found, "three waiting connections")
        assert (full["PROTO"], full["BACKLOG"], full["FILL"]) == ("http", 8, 0.375)
        if source == "arena":
            assert full["DROPS"] == 0
            assert "3 of 8 wait in the fullest queue" in top("--once", "--view", "sockets", *how)
        door.close()
        for stream in streams:
            assert wire.Reader(stream).response().body == b"done"
        until(lambda: rows("sockets", how)[0]["QUEUE"] == 0, "an empty queue")
    if source == "arena":
        until(lambda: rows("sockets", how)[0]["ACCEPTED"] == 4, "four accepted connections")


def test_caches_of_the_original_are_shown(watched):
    """Ours has none: the view says so."""
    server, how = watched("original", "--cache2", "name=pages,items=4,blocksize=128")
    assert wire.http(server.address(), "/remember").body == b"[b'1', None]"
    cache, = until(lambda: (found := rows("caches", how)) and found[0]["ITEMS"] == 1 and found, "one item")
    assert (cache["NAME"], cache["HITS"], cache["MISS"], cache["MAXITEMS"]) == ("pages", 1, 1, 4)
    assert (cache["HIT%"], cache["FULL"], cache["MEMORY"]) == (50, 0, 512)


def test_a_server_without_caches_says_what_would_fill_the_view(watched):
    _, how = watched("arena")
    assert "The source has no caches." in top("--once", "--view", "caches", *how)
