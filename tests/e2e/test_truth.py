"""Numbers of the request path: each provoked so many times; what the log, the application, the stats JSON and /metrics say is one truth."""

import contextlib
import itertools
import socket
import struct

import pytest

from harness import probes, wire
from harness.server import free_port
from harness.waiting import until

pytestmark = pytest.mark.ours

CLASSES = ["1xx", "2xx", "3xx", "4xx", "5xx", "other"]
LINGER = struct.pack("ii", 1, 0)


@pytest.fixture
def start(uwsgi, app, tmp_path):
    def starter(*options, application="truth"):
        server = uwsgi(*options, "-M", "--stats", tmp_path / "stats", "--stats-http", "--enable-metrics", "--metrics-extended", "--log-format",
                       "T|%(status)|%(hsize)|%(rsize)|%(method)|%(uri)", "--disable-write-exception", "--wsgi-file", app(application))
        return server.allow("Traceback")
    return starter


def requests(document) -> int:
    return sum(worker["requests"] for worker in document["workers"])


def rest(server, count: int) -> dict:
    """The stats once so many requests are over and nothing runs."""
    return server.wait_stats(lambda s: requests(s) == count and not any(c["in_request"] for w in s["workers"] for c in w["cores"]), f"{count} requests, none running")


def leave(stream):
    """Closes so that the peer hears of it at its next write."""
    stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER)
    stream.close()


def walk_out(address, path: str, gate):
    """A client that leaves between two pieces of its response."""
    stream = wire.connect(address)
    stream.sendall(path)
    until(lambda: (gate.parent / (gate.name + ".in")).exists(), "the first piece")
    stream.recv(100)
    leave(stream)
    (gate.parent / (gate.name + ".out")).touch()


def app_of(document) -> dict:
    """The sums of the only application over the workers."""
    apps = [app for worker in document["workers"] for app in worker["apps"]]
    keys = ["requests", "exceptions", "rx", "tx", "running_time_us", "application_us", "write_us", "read_errors", "write_errors", "aborted"]
    return {key: sum(app[key] for app in apps) for key in keys} | {"responses": [sum(n) for n in zip(*(app["responses"] for app in apps), strict=True)]}


def sum_of(places) -> dict:
    places = list(places)
    keys = ["requests", "rx", "tx", "keepalive_reuses", "read_errors", "write_errors", "aborted", "rejected"]
    return {key: sum(place[key] for place in places) for key in keys} | {"responses": [sum(n) for n in zip(*(p["responses"] for p in places), strict=True)]}


FAMILIES = {"accepted": "accepted", "requests": "requests", "rx": "request_bytes", "tx": "response_bytes", "keepalive_reuses": "keepalive_reuses",
            "read_errors": "read_errors", "write_errors": "write_errors", "aborted": "aborted_requests", "rejected": "rejected_requests"}


def same_everywhere(server, document):
    """Every number of sockets and of the application has one value, wherever it is shown."""
    pages = probes.numbers(server)

    def shown(family, /, **labels):
        wanted = set(labels.items())
        return sum(value for (own, have), value in pages.items() if own == family and wanted <= set(have))

    for index, row in enumerate(document["sockets"]):
        place = {"name": row["name"], "proto": row["proto"]}
        for key, family in FAMILIES.items():
            assert shown(f"uwsgi_socket_{family}_total", **place) == row[key], key
            assert document["metrics"][f"socket.{index}.{key}"]["value"] == row[key], key
        for code, count in zip(CLASSES, row["responses"], strict=True):
            assert shown("uwsgi_socket_responses_total", **place, code=code) == count, code
            assert document["metrics"][f"socket.{index}.responses.{code}"]["value"] == count, code
        for reason, count in row["refused"].items():
            assert shown("uwsgi_socket_request_errors_total", **place, reason=reason) == count, reason
            assert document["metrics"][f"socket.{index}.errors.{reason}"]["value"] == count, reason
    app = app_of(document)
    for key, family in [("requests", "requests"), ("exceptions", "exceptions"), ("rx", "received_bytes"), ("tx", "transmitted_bytes"), ("read_errors", "read_errors"),
                        ("write_errors", "write_errors"), ("aborted", "aborted_requests")]:
        assert shown(f"uwsgi_app_{family}_total", app="/") == app[key], key
    for key, family in [("application_us", "application"), ("write_us", "write")]:
        assert shown(f"uwsgi_app_{family}_seconds_total", app="/") == pytest.approx(app[key] / 1e6), key
    for code, count in zip(CLASSES, app["responses"], strict=True):
        assert shown("uwsgi_app_responses_total", app="/", code=code) == count, code


# --- what clients do wrong, each so many times

HEAD = b"GET /plain?size=5 HTTP/1.1\r\nHost: x\r\n"


def test_each_reason_is_counted_as_often_as_it_happened(start, tmp_path):
    server = start("--http11-socket", "127.0.0.1:0", "--socket", "127.0.0.1:0", "--socket-timeout", "1", "--max-vars", "20", "--threads", "2")
    http, packets = server.address(0), server.address(1)
    oversize, bad = HEAD + b"X-Big: " + b"x" * 9000 + b"\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n"
    for _ in range(2):
        assert wire.raw(http, oversize).startswith(b"HTTP/1.1 431 ")
    for _ in range(3):
        assert wire.raw(http, bad)[:12] in (b"HTTP/1.1 400", b"HTTP/1.1 505")
    for _ in range(4):
        wire.raw(http, HEAD, shut=True)
    late = [wire.connect(http) for _ in range(2)]
    for stream in late:
        stream.sendall(HEAD)
    for stream in late:
        assert wire.read_all(stream).startswith(b"HTTP/1.1 408 ")
        stream.close()
    many = [(f"V{n}", "x") for n in range(60)]
    for _ in range(5):
        assert wire.raw(packets, wire.packet(many)) == b""
    for _ in range(2):
        assert wire.raw(packets, wire.packet([("A", "x" * 5000)])) == b""
    document = server.wait_stats(lambda s: sum(s["sockets"][0]["refused"].values()) == 11 and sum(s["sockets"][1]["refused"].values()) == 7, "all refusals")
    first, second = document["sockets"]
    assert {reason: n for reason, n in first["refused"].items() if n} == {"oversize": 2, "bad": 3, "timeout": 2, "eof": 4}
    assert second["refused"]["vars"] == 5 and second["refused"]["oversize"] == 2
    assert (first["accepted"], first["rejected"], first["requests"]) == (11, 7, 0)
    assert (second["accepted"], second["rejected"]) == (7, 0)
    # What came in vain came all the same; of a head that is too large nobody reads all.
    assert first["rx"] >= 3 * len(bad) + 6 * len(HEAD) + 2 * 4096
    same_everywhere(server, server.stats())


def test_connections_that_are_used_again_and_clients_that_leave(start, tmp_path):
    server = start("--http11-socket", "127.0.0.1:0")
    address = server.address()
    sent = received = 0
    with contextlib.closing(wire.connect(address)) as stream:
        for n in range(6):
            request = wire.request_bytes(path=f"/plain?size={n}")
            stream.sendall(request)
            assert len(wire.Reader(stream).response().body) == n
            sent += len(request)
    document = rest(server, 6)
    row = document["sockets"][0]
    assert (row["accepted"], row["requests"], row["keepalive_reuses"], row["rx"]) == (1, 6, 5, sent)
    assert row["responses"] == [0, 6, 0, 0, 0, 0] and row["tx"] == app_of(document)["tx"]
    for n in range(3):
        gate = tmp_path / f"gate{n}"
        walk_out(address, wire.request_bytes(path=f"/leave?gate={gate}"), gate)
    for _ in range(2):
        stream = wire.connect(address)
        stream.sendall(wire.request_bytes("POST", "/echo", {"Content-Length": "100000"}) + b"x" * 1000)
        until(lambda n=received: requests(server.stats()) >= 9 and any(c["in_request"] for w in server.stats()["workers"] for c in w["cores"]), "a request that waits for its body")
        leave(stream)
        received += 1
        until(lambda n=received: requests(server.stats()) == 9 + n, "the end of the request")
    document = rest(server, 11)
    for place in (document["sockets"][0], app_of(document)):
        assert (place["aborted"], place["read_errors"]) == (5, 2), place
        assert place["write_errors"] >= 3
        assert place["tx"] < 3 * (16 << 20), "what nobody took was not written"
    same_everywhere(server, document)


def test_an_app_that_says_nothing_is_counted_as_it_is_logged(start):
    server = start("--http-socket", "127.0.0.1:0")
    for _ in range(3):
        wire.raw(server.address(), wire.request_bytes(path="/raise", headers={"Connection": "close"}))
    document = rest(server, 3)
    assert [line[0] for line in lines(server, "")] == [500] * 3
    assert document["sockets"][0]["responses"] == app_of(document)["responses"] == [0, 0, 0, 0, 3, 0]
    assert app_of(document)["exceptions"] == 3
    same_everywhere(server, document)


@pytest.mark.parametrize("threads", [1, 2])
def test_answers_that_are_taken_after_their_request_are_counted_as_they_are_taken(start, threads):
    """A core leaves the rest to the event loop: bytes count when they go, a client that leaves counts when it does."""
    server, size = start("--http-socket", "127.0.0.1:0", "--threads", str(threads), "--drain-limit", str(64 << 20)), 24 << 20
    request = wire.request_bytes(path=f"/plain?size={size}", headers={"Connection": "close"})

    def stream_with_answer(count):
        stream = wire.connect(server.address())
        stream.sendall(request)
        return stream, rest(server, count)["sockets"][0]

    first, row = stream_with_answer(1)
    held = row["tx"]
    assert held < size
    answer = wire.read_all(first)
    first.close()
    assert len(answer) > size
    document = server.wait_stats(lambda s: s["sockets"][0]["tx"] == len(answer), "all bytes counted")
    assert (document["sockets"][0]["aborted"], document["sockets"][0]["write_errors"]) == (0, 0)
    second, row = stream_with_answer(2)
    assert row["tx"] < len(answer) + size and row["aborted"] == 0
    leave(second)
    document = server.wait_stats(lambda s: s["sockets"][0]["aborted"] == 1, "a client that left")
    for place in (document["sockets"][0], app_of(document)):
        assert (place["aborted"], place["write_errors"], place["requests"]) == (1, 1, 2)
    assert sum(c["write_errors"] for w in document["workers"] for c in w["cores"]) == 1
    same_everywhere(server, document)


# --- phases


def phase(server, name) -> tuple[int, float]:
    row = server.stats()["latency"][name]
    return row["count"], row["sum_us"] / 1e6


@pytest.mark.parametrize("threads", [1, 2])
def test_phases_of_a_request_make_its_whole(start, threads):
    server = start("--http11-socket", "127.0.0.1:0", "--threads", str(threads))
    for _ in range(3):
        assert wire.http(server.address(), "/slow?before=0.1&after=0.2").body == b"12"
    for count in (3, 4):
        rest(server, count)
        with contextlib.closing(wire.connect(server.address())) as stream:
            stream.sendall(wire.request_bytes("POST", "/echo", {"Content-Length": "100000", "Connection": "close"}) + b"x" * 40000)
            server.wait_stats(lambda s: any(c["in_request"] for w in s["workers"] for c in w["cores"]), "a request that waits for its body")
            held = [server.stats() for _ in range(20)]
            assert held[-1]["latency"]["request"]["count"] == count
            stream.sendall(b"y" * 60000)
            assert len(wire.Reader(stream).response().body) == 100000
    rest(server, 5)
    whole, first, application, write, read = (phase(server, name) for name in ("request", "first_byte", "application", "write", "read"))
    assert [whole[0], first[0], application[0], write[0], read[0]] == [5, 5, 5, 5, 2]
    assert whole[1] == pytest.approx(application[1] + write[1] + read[1], abs=0.001)
    assert 0.3 <= first[1] <= whole[1] - 0.6 and application[1] >= 0.9 and read[1] > 0
    assert probes.sample(server, "uwsgi_response_first_byte_seconds_count") == 5
    assert probes.sample(server, "uwsgi_request_read_seconds_sum") == pytest.approx(read[1])
    app = app_of(server.stats())
    assert app["running_time_us"] / 1e6 == pytest.approx(whole[1]) and app["application_us"] / 1e6 == pytest.approx(application[1])
    assert app["write_us"] / 1e6 == pytest.approx(write[1])


# --- two hundred requests

DOORS = ["http", "http11", "packets", "router"]


class Client:
    """One door of the server; it knows how many bytes went through."""

    def __init__(self, door, address):
        self.door, self.address, self.sent, self.received = door, address, 0, 0

    def bytes_of(self, method, path, body=b"", **headers):
        path = f"/{self.door}{path}"
        if self.door != "packets":
            return wire.request_bytes(method, path, headers, body)
        path, _, query = path.partition("?")
        return wire.packet(wire.basic_vars(path, method, query, CONTENT_LENGTH=headers.get("Content-Length", len(body) or "")), body)

    def ask(self, method, path, body=b"", **headers):
        """On a connection of its own, to its end."""
        data = self.bytes_of(method, path, body, Connection="close", **headers)
        answer = wire.raw(self.address, data)
        self.sent += len(data)
        self.received = None if self.received is None else self.received + len(answer)

    def converse(self, paths):
        """One connection for all."""
        with contextlib.closing(wire.connect(self.address)) as stream:
            reader, before = wire.Reader(stream), 0
            for path in paths:
                data = self.bytes_of("GET", path)
                stream.sendall(data)
                self.sent += len(data)
                answer = reader.response()
                before += len(answer.body)
        self.received = None

    def whole(self):
        """Requests that are answered to their end; how many."""
        plain = [f"/plain?size={n * 700}" for n in range(20)]
        if self.door in ("http11", "router"):
            self.converse(plain)
        else:
            for path in plain:
                self.ask("GET", path)
        for n in range(6):
            self.ask("GET", f"/pieces?size={n}")
        for n in range(4):
            self.ask("HEAD", f"/plain?size={n}")
        for _ in range(5):
            self.ask("GET", "/status?code=304")
        for n in range(3):
            self.ask("GET", f"/status?code=404&size={n}")
        for _ in range(3):
            self.ask("GET", "/raise")
        for n in (0, 10, 5000, 70_000, 300_000):
            self.ask("POST", "/echo", b"e" * n)
        return 46

    def broken(self, tmp_path):
        for n in range(2):
            gate = tmp_path / f"{self.door}{n}"
            walk_out(self.address, self.bytes_of("GET", f"/leave?gate={gate}"), gate)
        for _ in range(2):
            data = self.bytes_of("POST", "/echo", **{"Content-Length": "100000"}) + b"x" * 1000
            stream = wire.connect(self.address)
            stream.sendall(data)
            yield stream


def lines(server, word) -> list[tuple[int, int, int, str, str]]:
    """Status, head, body, method and URI of the lines of this door."""
    found = (line.split("|") for line in server.log().splitlines() if line.startswith("T|"))
    return [(int(status), int(head), int(body), method, uri) for _, status, head, body, method, uri in found if uri.startswith(f"/{word}")]


def by_class(statuses) -> list[int]:
    statuses = list(statuses)
    return [sum(1 for status in statuses if status // 100 == digit) for digit in range(1, 6)] + [0]


@pytest.mark.parametrize("processes, threads", [(1, 1), (2, 3)])
def test_two_hundred_requests_are_one_truth_everywhere(start, tmp_path, processes, threads):
    port = free_port()
    server = start("--http-socket", "127.0.0.1:0", "--http11-socket", "127.0.0.1:0", "--socket", "127.0.0.1:0", "--http", f"127.0.0.1:{port}",
                   "-p", str(processes), "--threads", str(threads), "--http-keepalive")
    clients = [Client(door, ("127.0.0.1", port) if door == "router" else server.address(n)) for n, door in enumerate(DOORS)]
    done = 0
    for client in clients:
        done += client.whole()
    document = rest(server, done)
    # Whole exchanges: bytes as the clients counted them.
    for client, row in zip(clients, document["sockets"], strict=False):
        assert row["rx"] == client.sent, client.door
        assert client.received in (None, row["tx"]), client.door
        log = lines(server, f"{client.door}/")
        assert row["requests"] == len(log) == 46
        assert row["responses"] == by_class(line[0] for line in log), client.door
        if client.door != "http11":
            assert row["tx"] == sum(head + body for _, head, body, *_ in log), client.door
    assert document["link"]["requests"] == 46
    # And broken ones.
    for client in clients:
        for stream in client.broken(tmp_path):
            until(lambda: any(c["in_request"] for w in server.stats()["workers"] for c in w["cores"]), "a request that waits for its body")
            leave(stream)
            until(lambda: not any(c["in_request"] for w in server.stats()["workers"] for c in w["cores"]), "its end")
    document = rest(server, 200)
    log, book = lines(server, ""), (tmp_path / "book").read_text().split("\n")[:-1]
    assert len(log) == len(book) == 200
    places = sum_of([*document["sockets"], document["link"]])
    app = app_of(document)
    assert places["requests"] == app["requests"] == 200
    assert places["responses"] == app["responses"] == by_class(line[0] for line in log) == by_class(int(line.split()[2]) for line in book)
    assert places["aborted"] == app["aborted"] == 16
    assert places["read_errors"] == app["read_errors"] == sum(c["read_errors"] for w in document["workers"] for c in w["cores"])
    assert places["write_errors"] == app["write_errors"] == sum(c["write_errors"] for w in document["workers"] for c in w["cores"])
    assert places["rx"] == app["rx"] == sum(w["rx"] for w in document["workers"])
    assert app["tx"] == sum(w["tx"] for w in document["workers"])
    assert app["exceptions"] == sum(w["exceptions"] for w in document["workers"]) == 12
    # Bodies as the log has them; what the application could give whole it has written down itself.
    assert probes.sample(server, "uwsgi_response_body_bytes_sum") == sum(line[2] for line in log)
    # But for those whose clients left, and those that the server gave a page.
    whole = [line.split() for line in book if not line.split()[0].endswith(("/leave", "/raise"))]
    assert sum(int(line[3]) for line in whole) == sum(body for _, _, body, _, uri in log if "/leave" not in uri and "/raise" not in uri)
    assert probes.sample(server, "uwsgi_request_duration_seconds_count") == document["latency"]["request"]["count"] == 200
    same_everywhere(server, document)


# --- reloads


def test_counts_go_on_over_reloads_and_follow_their_sockets(uwsgi, app, tmp_path):
    ports = [free_port() for _ in range(3)]
    ini = tmp_path / "uwsgi.ini"

    def write(order, processes):
        ini.write_text("[uwsgi]\nmaster = true\n" + "".join(f"http-socket = 127.0.0.1:{ports[n]}\n" for n in order)
                       + f"processes = {processes}\nstats = {tmp_path / 'stats'}\nstats-http = true\nwsgi-file = {app('truth')}\n")

    def counts():
        return {int(row["name"].rpartition(":")[2]): (row["requests"], row["accepted"], row["rx"]) for row in server.stats()["sockets"]}

    write([0, 1, 2], 3)
    server = uwsgi("--ini", ini, "--stats", "stats", "--stats-http")
    for n, port in enumerate(ports):
        for _ in range(n + 1):
            assert wire.http(("127.0.0.1", port), "/plain?size=3").status == 200
    before = counts() if rest(server, 6) else {}
    assert [before[port][:2] for port in ports] == [(1, 1), (2, 2), (3, 3)]
    for order, processes in [([0, 1, 2], 3), ([0, 1, 2], 1), ([2, 0, 1], 1), ([1, 2, 0], 4)]:
        write(order, processes)
        server.reload(last=processes)
        assert counts() == before, (order, processes)
        assert list(counts()) == [ports[n] for n in order]
    fresh = free_port()
    gone, ports[1] = ports[1], fresh
    write([0, 1, 2], 2)
    server.reload(last=2)
    del before[gone]
    assert counts() == before | {fresh: (0, 0, 0)}, "a new socket begins at zero"
