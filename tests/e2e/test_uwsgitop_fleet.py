"""uwsgitop about what is around workers: vassals of an emperor, routers, legions, metrics by name, one worker."""

import json
import pathlib
import re
import subprocess

import pytest

from harness import paths, wire
from harness.server import free_port
from harness.tmux import Tmux
from harness.waiting import until

pytestmark = pytest.mark.ours

VASSAL = "[uwsgi]\nmaster = true\nsocket = 127.0.0.1:0\nneed-app = false\n"


def top(*options) -> str:
    done = subprocess.run([paths.UWSGITOP, *map(str, options)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and done.stderr == "", done
    return done.stdout


def rows(view: str, *source, count: int = 1) -> list[dict]:
    """The rows of the last of so many looks, a quarter of a second apart."""
    said = top("--json", "--view", view, "--count", count, "--frequency", "0.25", *source)
    return json.loads(said.splitlines()[-1])["rows"]


def by(column: str, found: list[dict]) -> dict[str, dict]:
    return {row[column]: row for row in found}


# --- vassals --------------------------------------------------------------------------------------------------------------

@pytest.fixture
def emperor(uwsgi, tmp_path):
    """Start an emperor of these vassals; give the address of its statistics."""
    def start(*options, **vassals):
        folder, address = tmp_path / "vassals", tmp_path / "emperor.stats"
        folder.mkdir()
        for name, text in vassals.items():
            (folder / f"{name}.ini").write_text(text)
        server = uwsgi("-M", "--emperor", folder, "--emperor-stats-server", address, *options, binary=paths.ORIGINAL, ready=False)
        server.expect = {0, 1, 30}
        # A vassal may be ended while it starts.
        server.allow("Fatal Python error", "Traceback")
        until(address.exists, "the stats of the emperor")
        return address
    return start


def test_vassals_are_told_with_their_state(emperor):
    """Those that accept, and those that die again and again and are held back for it."""
    address = emperor("--emperor-throttle", "200", shop=VASSAL, broken=VASSAL + "exit = true\n")

    def look():
        found = by("VASSAL", rows("emperor", address))
        broken = found.get("broken.ini", {})
        return found if found["shop.ini"]["STATE"] == "accepting" and broken.get("HELD") else None

    found = until(look, "one that accepts and one that is held back", timeout=40)
    assert found["shop.ini"]["HELD"] is None and found["shop.ini"]["PID"] > 1
    assert re.search(r"^ 2 vassals: .*1 held back.*1 accepting|^ 1 vassal: 1 held back, 1 accepting",
                     top("--once", "--view", "emperor", address), re.M)


@pytest.mark.parametrize("vassal", ["original", "ours"])
def test_enter_opens_a_vassal(emperor, tmp_path, vassal):
    """By the stats address in its file, or by its arena; only once; and from the classic table as well."""
    stats = "stats = %d../%n.stats\n" if vassal == "original" else ""
    wrapper = ["--emperor-wrapper", paths.OURS] if vassal == "ours" else []
    address = emperor(*wrapper, shop=VASSAL + "processes = 3\n" + stats)
    until(lambda: by("VASSAL", rows("emperor", address)).get("shop.ini", {}).get("PID", 0) > 1, "the vassal")
    if vassal == "original":
        until((tmp_path / "shop.stats").exists, "the statistics of the vassal")
    with Tmux(tmp_path, paths.UWSGITOP, "--view", "emperor", address) as screen:
        screen.wait(r"^ shop\.ini ")
        # Two keys at once: the second one is about the row that the first one chose.
        screen.press("Down", "Enter")
        seen = screen.wait(r"^ 3 +0\.0 ")
        assert re.search(r"^ WID +% +PID", seen, re.M) and "masterpid" in seen
        for view in "81":
            screen.press("BTab")
            screen.press(view)
            screen.wait(r"^ ?\S* ?VASSAL ")
            screen.press("Home", "Enter")
            screen.wait(r"^ WID +% +PID")
        assert len(re.split("  +", screen.rows()[0].strip())) == 3, "all of them, the emperor, the vassal: opened once"
        screen.press("q")
        assert screen.status() == 0


def test_a_vassal_without_statistics_says_why(emperor, tmp_path):
    address = emperor(bare=VASSAL)
    until(lambda: by("VASSAL", rows("emperor", address)).get("bare.ini", {}).get("PID", 0) > 1, "the vassal")
    with Tmux(tmp_path, paths.UWSGITOP, "--view", "emperor", address) as screen:
        screen.wait(r"^ bare\.ini ")
        screen.press("Down", "Enter")
        screen.wait(r"^! bare\.ini: no option stats in \S+/bare\.ini\s*;?\s+there is nothing")
        screen.press("Up")
        until(lambda: "no option stats" not in screen.text(), "the end of the message")
        screen.press("q")
        assert screen.status() == 0


# --- routers --------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("source", ["arena", "stats"])
def test_our_routers(uwsgi, app, tmp_path, source):
    address = tmp_path / "stats"
    port = free_port()
    server = uwsgi("--http", f"127.0.0.1:{port}", "-M", "--stats", address, "--wsgi-file", app("wires"))
    for _ in range(5):
        answer = wire.raw(("127.0.0.1", port), wire.request_bytes("GET", "/length", {"Connection": "close"}))
        assert b"200 OK" in answer
    how = ["--pid", server.pid] if source == "arena" else [address, "--no-arena"]

    def look():
        found = rows("routers", *how)
        return found if sum(row["REQ"] for row in found) == 5 else None

    router, = until(look, "five requests of the router")
    assert "http" in router["ROUTER"] and router["ERR"] == 0 and router["PID"] != server.pid


def test_a_router_of_the_c_server_and_its_nodes(uwsgi, app, tmp_path):
    """Its own stats server: keys, nodes and their requests."""
    door, book = free_port(), free_port()
    address = tmp_path / "router.stats"
    uwsgi("-M", "--http", f"127.0.0.1:{door}", "--http-subscription-server", f"127.0.0.1:{book}", "--http-stats-server", address,
          binary=paths.ORIGINAL, ready=False).expect = {0, 1, 30}
    node = uwsgi("-M", "--socket", "127.0.0.1:0", "--wsgi-file", app("hello"), "--subscribe-to", f"127.0.0.1:{book}:shop.example",
                 binary=paths.ORIGINAL, ready=False)
    node.expect = {0, 1, 30}
    until(address.exists, "the stats of the router")
    nodes = lambda: [row for row in rows("routers", address) if row.get("KEY") == "shop.example"]
    until(nodes, "the node", timeout=30)
    answer = wire.raw(("127.0.0.1", door), wire.request_bytes("GET", "/", {"Host": "shop.example", "Connection": "close"}))
    assert b"200 OK" in answer
    until(lambda: nodes()[0]["REQ"] == 1, "its request")
    found, = nodes()
    assert found["FAILED"] == 0 and found["HEARD"] < 30_000_000, found


# --- legions --------------------------------------------------------------------------------------------------------------

def test_a_legion_of_the_c_server(uwsgi, tmp_path):
    """Two members: the one of higher valor is lord, both see each other."""
    ports, address = [free_port(), free_port()], tmp_path / "stats"
    for number, port in enumerate(ports):
        other = ports[1 - number]
        uwsgi("-M", "--socket", "127.0.0.1:0", "--need-app=false", "--legion", f"web 127.0.0.1:{port} {10 - number} aes-128-cbc:secret",
              "--legion-node", f"web 127.0.0.1:{other}", "--legion-quorum", "web 2", "--stats", f"{address}{number}",
              binary=paths.ORIGINAL, ready=False).expect = {0, 1, 30}
    until(pathlib.Path(f"{address}0").exists, "the stats")
    two = until(lambda: len(found := rows("legion", f"{address}0")) >= 2 and found, "the other member", timeout=30)
    until(lambda: any("lord" in row["ROLE"] for row in rows("legion", f"{address}0")), "a lord", timeout=60)
    assert {row["VALOR"] for row in two} >= {10, 9}


# --- metrics --------------------------------------------------------------------------------------------------------------

@pytest.fixture
def counting(uwsgi, app, tmp_path):
    """Our server with two workers and the metrics of an application."""
    return uwsgi("--http-socket", "127.0.0.1:0", "-M", "-p", "2", "--stats", tmp_path / "stats", "--enable-metrics", "--memory-report",
                 "--wsgi-file", app("counting"))


def test_metrics_by_name_from_every_source(uwsgi, counting, app, tmp_path):
    """The classic list is the same in the arena, our document and one of the C server; only the arena has more."""
    mapped = by("METRIC", rows("metrics", "--pid", counting.pid))
    told = by("METRIC", rows("metrics", tmp_path / "stats", "--no-arena"))
    original = uwsgi("--http-socket", "127.0.0.1:0", "-M", "-p", "2", "--stats", tmp_path / "other", "--enable-metrics",
                     "--wsgi-file", app("hello"), binary=paths.ORIGINAL)
    theirs = by("METRIC", rows("metrics", original.stats_address()))
    assert set(theirs) <= set(told) and set(told) < set(mapped)
    for name in ("worker.1.requests", "core.busy_workers", "socket.0.listen_queue"):
        same = [{key: found[name][key] for key in ("KIND", "OID", "MEANING")} for found in (mapped, told, theirs)]
        assert same[0] == same[1] == same[2] and same[0]["MEANING"], name
    assert mapped["core.responses.2xx"]["KIND"] == "counter"
    series = {name for name in mapped if name not in told and "." not in name.split("{")[0]}
    assert any("_total" in name for name in series) and any(name.endswith("_sum") for name in series), series


def test_the_past_of_pinned_metrics_goes_on(counting, tmp_path):
    """Filter, pin, other views, bars, one metric: the past has no hole where other views were shown."""
    with Tmux(tmp_path, paths.UWSGITOP, "--view", "metrics", "--pid", counting.pid, size=(100, 30)) as screen:
        screen.wait(r"^ core\.busy_workers ")
        screen.type("/w.2.rss")
        screen.press("Enter")
        screen.wait(r'filter "w\.2\.rss": 1 of \d+')
        screen.press("Down", "Space")
        screen.wait(r"^ \* worker\.2\.rss_size ")
        screen.press("Escape", "Escape")
        screen.wait(r"^ \* worker\.2\.rss_size .*\n core\.routed_signals ")
        screen.press("1")
        screen.wait(r"^ WID ")
        # A column of the past is ten seconds here, so the seconds are counted where one metric is shown.
        screen.press("4", "m")
        screen.wait(r"^ 1 pinned \|.*\[bars\]")
        screen.wait(r"^ worker\.2\.rss_size +\S+ [^ ]+ +\S+ the most seen")
        screen.press("1")
        screen.wait(r"^ WID ")
        screen.press("4", "m")
        screen.wait(r"^ METRIC ")
        screen.press("Home", "Enter")
        seen = screen.wait(r"^ worker\.2\.rss_size   \S+(?s:.*) in ([4-9]|\d\d)s$", timeout=40)
        assert "Resident memory." in seen and "bytes, OID 3.2." in seen, seen
        screen.press("q")
        assert screen.status() == 0


# --- one worker -----------------------------------------------------------------------------------------------------------

def test_enter_opens_a_worker(counting, tmp_path):
    with Tmux(tmp_path, paths.UWSGITOP, "--pid", counting.pid, size=(120, 40)) as screen:
        table = r"^ WID +% +PID.*\n( [12] .*\n){2}"
        before = re.search(table, screen.wait(table), re.M)
        screen.press("Home", "Enter")
        seen = screen.wait(r"^ WORKER [12]  process \d+, idle, takes requests")
        assert re.search(r"^ memory +[\d.]+M resident", seen, re.M) and re.search(r"^ processor .* threads", seen, re.M), seen
        after = re.search(table, seen, re.M)
        assert before[0].split()[:3] == after[0].split()[:3] and after.start() == before.start(), "the table stays where it was"
        screen.press("Escape")
        until(lambda: " WORKER " not in screen.text(), "the end of the lines")
        screen.press("q")
        assert screen.status() == 0
