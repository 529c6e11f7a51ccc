"""uwsgitop 0.12 from PyPI and the bundled one side by side, before the same server: what both show is equal.

Differences that are wanted, and hidden by nothing here but the way of reading:
- cells are aligned; the old one separates them by tabs, so that long values push their neighbours to the right;
- of a mode in which cores are rows, the old one adds up what workers sent once for each core that is shown;
- no rate is shown before there are two looks; the old one counts the first from zero, so the second look is compared;
- below the table ours shows more where a server tells more.
"""

import pathlib
import re
import socket
import subprocess
import threading

import pytest

from harness import load, paths, wire
from harness.server import free_port
from harness.tmux import Tmux
from harness.waiting import until

SERVERS = {"ours": paths.OURS, "original": paths.ORIGINAL}
THEIRS = [paths.VENV / "bin/python", paths.PYPI_UWSGITOP]
OURS = [paths.UWSGITOP]
MODES = 3
HEADER = "WID % PID REQ RPS EXC SIG STATUS AVG RSS VSZ TX ReSpwn HC RunT LastSpwn".split()
RATE = HEADER.index("RPS")


class Screens:
    """Both programs before one stats address; the old one knows no options but the frequency."""

    def __init__(self, directory: pathlib.Path, address: str, size=(230, 40)):
        self.both = []
        for name, argv in [("theirs", THEIRS), ("ours", OURS)]:
            (directory / name).mkdir()
            self.both.append(Tmux(directory / name, *argv, address, size=size))

    def press(self, key: str) -> None:
        for screen in self.both:
            screen.press(key)

    def wait(self, pattern: str) -> None:
        for screen in self.both:
            screen.wait(pattern)

    def agree(self, read, what: str, holds=lambda seen: True) -> list:
        """What `read` finds on both screens once it is the same and `holds`."""
        def look():
            self.last = [read(screen.text()) for screen in self.both]
            return self.last if self.last[0] == self.last[1] and holds(self.last[0]) else None

        try:
            return until(look, what, timeout=20)[0]
        except AssertionError as error:
            raise AssertionError(f"{error}\ntheirs {self.last[0]}\nours   {self.last[1]}") from None

    def quit(self) -> None:
        self.press("q")
        assert [screen.status() for screen in self.both] == [0, 0]

    def __enter__(self) -> "Screens":
        return self

    def __exit__(self, *_) -> None:
        for screen in self.both:
            screen.end()


def table(text: str) -> list[list[str]]:
    """The cells below the header, up to the first empty line."""
    rows = [line.split() for line in text.splitlines()]
    if HEADER not in rows:
        return []
    below = rows[rows.index(HEADER) + 1:]
    return below[:below.index([])] if [] in below else below


def first(text: str) -> list[str]:
    """Both lines above the table without the clock."""
    lines = text.splitlines()[:2] + ["", ""]
    return [re.sub(r" - \w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4} - ", " - ", lines[0]).rstrip(), lines[1].rstrip()]


def without_tx(text: str) -> list[str]:
    return [line.split(" - tx: ")[0] for line in first(text)]


@pytest.fixture
def instance(uwsgi, app, tmp_path):
    """A server with twenty requests served and one held, nothing of which changes: `instance(binary, transport)`."""
    held, gates = [], []

    def start(binary, transport="unix"):
        port, http = free_port(), ["--stats-http"] if transport == "http" else []
        address = str(tmp_path / "stats") if transport == "unix" else f"127.0.0.1:{port}"
        server = uwsgi("--http-socket", "127.0.0.1:0", "-M", "-p", "2", "--threads", "3", "--stats", address, *http,
                       "--memory-report", "--wsgi-file", app("wires"), binary=binary)
        load.latencies(server.address(), 20, "/length")
        gate = tmp_path / "gate"
        gates.append(gate)
        stream = wire.connect(server.address())
        held.append(stream)
        stream.sendall(wire.request_bytes(path=f"/gate?path={gate}"))
        until(lambda: list(tmp_path.glob("gate.*.in")), "the held request")
        server.wait_stats(lambda s: sum(w["requests"] for w in s["workers"]) == 20, "20 requests")
        return server, f"http://{address}" if transport == "http" else address

    yield start
    for gate, stream in zip(gates, held, strict=True):
        gate.with_name("gate.out").touch()
        wire.read_all(stream)
        stream.close()


@pytest.mark.parametrize("transport", ["unix", "tcp", "http"])
@pytest.mark.parametrize("binary", SERVERS)
def test_the_same_numbers_in_all_modes(instance, tmp_path, binary, transport):
    server, address = instance(SERVERS[binary], transport)
    with Screens(tmp_path, address) as screens:
        screens.wait("LastSpwn")
        for mode in [*range(MODES), 0]:
            screens.agree(table, f"equal tables in mode {mode}", lambda rows, m=mode: settled(rows, m, server))
            lines = screens.agree(first if mode != 1 else without_tx, "equal lines above the table")
            assert " - req: 20 - RPS: 0 - lq: 0" in lines[0], lines
            assert re.match(rf"node: \S+ - cwd: \S+ - uid: \d+ - gid: \d+ - masterpid: {server.pid}$", lines[1]), lines
            screens.press("a")
        screens.quit()


def settled(rows, mode: int, server) -> bool:
    """The rows are those of this mode, say what is known of the server, and know rates: both have looked twice."""
    column = lambda title: [row[HEADER.index(title)] for row in rows]
    if not rows or set(column("RPS")) != {"0"}:
        return False
    ids, statuses, requests = column("WID"), set(column("STATUS")), sum(map(int, column("REQ")))
    if mode == 0:
        pids = {str(pid) for pid in server.worker_pids().values()}
        return sorted(ids) == ["1", "2"] and requests == 20 and statuses == {"idle", "busy"} and set(column("PID")) == pids
    if mode == 1:
        return all(re.fullmatch(r"[12]:\d", name) for name in ids) and requests == 20
    return {"1", "2"} < set(ids) and any(name.startswith(":") for name in ids) and requests == 40 and "busy" in statuses


@pytest.mark.parametrize("binary", SERVERS)
def test_once_prints_the_same_rows(instance, tmp_path, binary):
    _, address = instance(SERVERS[binary])
    without_rate = lambda text: [row[:RATE] + row[RATE + 1:] for row in table(text)]
    (tmp_path / "theirs").mkdir()
    with Tmux(tmp_path / "theirs", *THEIRS, address, size=(230, 40)) as screen:
        screen.wait("LastSpwn")

        def look():
            once = subprocess.run([*OURS, "--once", address], capture_output=True, text=True, timeout=20, check=True).stdout
            # The blank rate is no word: its place is empty between two tabs.
            printed = [line.strip("\n").lstrip(" ").split("\t") for line in once.splitlines()[3:5]]
            assert all(row[RATE] == "" for row in printed), "the first look knows no rate"
            return [row[:RATE] + row[RATE + 1:] for row in printed] == without_rate(screen.text())

        until(look, "equal rows", timeout=20)


def test_an_emperor_shows_its_vassals(uwsgi, tmp_path):
    vassals = tmp_path / "vassals"
    vassals.mkdir()
    for name in ["a.ini", "a-longer-name.ini"]:
        (vassals / name).write_text("[uwsgi]\nmaster = true\nsocket = 127.0.0.1:0\nneed-app = false\n")
    address = tmp_path / "stats"
    emperor = uwsgi("-M", "--emperor", vassals, "--emperor-stats-server", address, binary=paths.ORIGINAL, ready=False)
    emperor.expect = {0, 1, 30}
    until(lambda: address.exists(), "the stats of the emperor")
    names = lambda text: [line.split() for line in text.splitlines()[2:] if re.match(r"\s+(VASSAL|\S+\.ini)\s", line)]
    with Screens(tmp_path, str(address)) as screens:
        rows = screens.agree(names, "equal vassals", lambda rows: len(rows) == 3)
        assert rows[0] == ["VASSAL", "PID"] and {row[0] for row in rows[1:]} == {"a.ini", "a-longer-name.ini"}
        assert all(int(row[1]) > 1 for row in rows[1:]), rows
        lines = screens.agree(first, "equal lines above the table")
        assert f"emperor: ['{vassals}'] - tyrant: 0" in lines[0], lines
        screens.quit()


class Counted:
    """A stats server that counts its clients."""

    def __init__(self, path: pathlib.Path):
        self.asked, self.listener = 0, socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        self.listener.listen()
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self) -> None:
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            self.asked += 1
            with client:
                client.sendall(b'{"version":"2.0.31","workers":[]}')

    def end(self) -> None:
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join()


@pytest.mark.parametrize("argv", [THEIRS, OURS], ids=["theirs", "ours"])
def test_f_is_ten_looks_a_second_and_any_key_is_a_look(tmp_path, argv):
    server = Counted(tmp_path / "stats")
    try:
        # So slow that nothing but a key makes it look again within this test.
        with Tmux(tmp_path, *argv, "--frequency", "600", str(tmp_path / "stats")) as screen:
            screen.wait("LastSpwn")
            assert server.asked == 1
            screen.press("x")
            until(lambda: server.asked == 2, "a look for a key")
            screen.press("f")
            until(lambda: server.asked > 20, "fast looks")
            screen.press("q")
            assert screen.status() == 0
    finally:
        server.end()
