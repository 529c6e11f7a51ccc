"""The edges of a request hold no core: clients that take their answer slowly, or send a small body slowly."""

import os
import pathlib
import re
import resource
import signal
import socket

import pytest

from harness import procs, wire
from harness.server import free_port
from harness.waiting import until

pytestmark = pytest.mark.ours

SIZE = 300_000
BLOCK = b"".join(b"%07d\n" % i for i in range(8192))
# A kernel that takes little at once, so that the rest is the server's.
SMALL = ("--socket-sndbuf", "4096")


def content(size=SIZE):
    return (BLOCK * (size // len(BLOCK) + 1))[:size]


def deaf(port, path=f"/whole?n={SIZE}", headers=None, count=1):
    """A client that asks and then reads nothing."""
    stream = socket.socket()
    stream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    stream.settimeout(20)
    stream.connect(("127.0.0.1", port))
    stream.sendall(wire.request_bytes(path=path, headers=headers) * count)
    return stream


def generated(server, count):
    """So many long answers are made: their requests are over."""
    line = re.compile(rf"generated {SIZE} bytes")
    until(lambda: len(line.findall(server.log())) >= count, f"{count} answers", 20)


@pytest.fixture
def serve(uwsgi, app):
    def start(*args, kind="http11-socket", master=True):
        port = free_port()
        common = ("-M", "-p", "1") if master else ()
        server = uwsgi(f"--{kind}", f"127.0.0.1:{port}", *common, "--wsgi-file", app("edges"), *SMALL, *args)
        server.port = port
        return server

    return start


@pytest.mark.parametrize("path", ["whole", "pieces", "open", "file"])
def test_a_client_that_reads_nothing_holds_no_core(serve, path):
    server = serve("--socket-timeout", "30")
    with deaf(server.port, f"/{path}?n={SIZE}") as slow:
        generated(server, 1)
        assert wire.http(server.port, "/whole?n=5", timeout=5).body == content(5)
        reader = wire.Reader(slow)
        assert reader.response().body == content(), "the drained answer is not what was made"
        slow.sendall(wire.request_bytes(path="/whole?n=7"))
        assert reader.response().body == content(7), "the connection was not kept"


def test_a_generator_blocks_its_core_only_while_its_end_is_not_known(serve):
    server = serve("--threads", "2", "--socket-timeout", "30")
    with deaf(server.port, f"/generated?n={SIZE}") as slow:
        assert wire.http(server.port, "/whole?n=5", timeout=5).body == content(5)
        assert wire.Reader(slow).response().body == content()


@pytest.mark.parametrize("threads", ["1", "3"])
def test_many_slow_clients_get_every_byte(serve, threads):
    server = serve("--threads", threads, "--socket-timeout", "30")
    clients = [deaf(server.port) for _ in range(30)]
    generated(server, len(clients))
    for client in clients:
        with client:
            assert wire.Reader(client).response().body == content()


def test_what_comes_behind_a_slow_answer_is_answered_after_it(serve):
    server = serve("--socket-timeout", "30")
    with deaf(server.port, count=4) as slow:
        generated(server, 1)
        reader = wire.Reader(slow)
        assert [reader.response().body for _ in range(4)] == [content()] * 4


def test_an_answer_before_a_close_arrives_whole(serve):
    server = serve("--socket-timeout", "30", kind="http-socket")
    with deaf(server.port) as slow:
        generated(server, 1)
        # Bytes that nobody reads: a reset would take the end of the answer along.
        slow.sendall(b"x" * 1000)
        answer = wire.read_all(slow)
    assert answer.partition(b"\r\n\r\n")[2] == content()


def test_behind_the_router_too(serve):
    server = serve("--socket-timeout", "30", kind="http")
    clients = [deaf(server.port, f"/whole?n={SIZE // 2}") for _ in range(3)]
    assert wire.http(server.port, "/whole?n=5", timeout=5).body == content(5)
    for client in clients:
        with client:
            assert wire.Reader(client).response().body == content(SIZE // 2)


def test_more_than_the_bound_is_waited_for(serve):
    server = serve("--drain-limit", "1000", "--threads", "2", "--socket-timeout", "30")
    with deaf(server.port) as slow:
        assert wire.http(server.port, "/whole?n=5", timeout=5).body == content(5)
        assert f"generated {SIZE} bytes" not in server.log(), "more was kept than allowed"
        assert wire.Reader(slow).response().body == content()


def test_all_clients_of_a_worker_share_a_bound(serve):
    server = serve("--drain-limit-worker", "400000", "--threads", "2", "--socket-timeout", "30")
    with deaf(server.port) as first:
        generated(server, 1)
        with deaf(server.port) as second:
            assert wire.http(server.port, "/whole?n=5", timeout=5).body == content(5)
            assert len(re.findall(f"generated {SIZE} bytes", server.log())) == 1, "two answers were kept"
            assert wire.Reader(first).response().body == content()
            assert wire.Reader(second).response().body == content()


def test_a_client_that_never_reads_is_given_up_and_counted(serve, tmp_path):
    stats = tmp_path / "stats"
    server = serve("--socket-timeout", "1", "--stats", stats)
    with deaf(server.port):
        server.wait_log(r"uwsgi_response_write_body_do\(\) TIMEOUT", 20)
    core = server.wait_stats(lambda d: d["workers"][0]["cores"][0]["write_errors"] == 1, "a write error")
    assert core["workers"][0]["cores"][0]["in_request"] == 0


def test_killed_clients_leave_nothing(serve, tmp_path):
    server = serve("--socket-timeout", "30", "--stats", tmp_path / "stats")
    worker = server.worker_pids()[1]
    assert wire.http(server.port, "/whole?n=5", headers={"Connection": "close"}).status == 200
    server.quiet()
    before = procs.open_fds(worker)
    clients = [deaf(server.port, f"/{path}?n={SIZE}") for path in ("whole", "file") * 10]
    generated(server, len(clients))
    for client in clients:
        # A reset, as a killed client's kernel sends it.
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        client.close()
    until(lambda: procs.open_fds(worker) == before, "descriptors given back", 10)
    errors = lambda d: d["workers"][0]["cores"][0]["write_errors"] == len(clients)
    server.wait_stats(errors, "every broken answer counted")


@pytest.mark.parametrize("how", ["hup", "chain"])
def test_a_reload_waits_for_slow_clients(serve, tmp_path, how):
    fifo = tmp_path / "fifo"
    server = serve("--socket-timeout", "30", "--master-fifo", fifo, "--worker-reload-mercy", "60")
    clients = [deaf(server.port, f"/{path}?n={SIZE}") for path in ("whole", "file") * 3]
    generated(server, len(clients))
    old = server.worker_pids()[1]
    if how == "hup":
        mark = server.mark()
        server.send(signal.SIGHUP)
        server.wait_log("Gracefully killing worker 1", after=mark)
    else:
        mark = server.mark()
        fifo.write_text("c")
        server.wait_log("chain", after=mark)
    for client in clients:
        with client:
            answer = wire.Reader(client).response().body
            assert answer == content(), "the reload cut an answer off"
    until(lambda: not procs.alive(old), "the old worker gone", 30)
    assert wire.http(server.port, "/pid", timeout=20).body != str(old).encode()


def test_a_slow_small_body_holds_no_core(serve):
    server = serve("--socket-timeout", "30")
    body = content(60_000)
    with wire.connect(server.port, timeout=20) as slow:
        slow.sendall(wire.request_bytes("POST", "/echo", {"Content-Length": str(len(body))}) + body[:1000])
        assert wire.http(server.port, "/whole?n=5", timeout=5).body == content(5)
        for start in range(1000, len(body), 9000):
            slow.sendall(body[start : start + 9000])
            assert wire.http(server.port, "/whole?n=5", timeout=5).body == content(5)
        assert wire.Reader(slow).response().body == body


def test_a_client_that_waits_for_100_is_answered_without_a_core(serve):
    server = serve("--socket-timeout", "30")
    with wire.connect(server.port, timeout=20) as slow:
        slow.sendall(b"POST /echo HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")
        reader = wire.Reader(slow)
        assert reader.until(b"\r\n\r\n").startswith(b"HTTP/1.1 100 ")
        assert wire.http(server.port, "/whole?n=5", timeout=5).body == content(5)
        slow.sendall(b"after")
        assert reader.response().body == b"after"


def anonymous(pid):
    """Bytes of memory that are the process's own."""
    text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
    return 1024 * int(re.search(r"^Anonymous: +(\d+)", text, re.M)[1])


def idlers(port, count):
    """Connections that were served once and are kept."""
    streams = []
    for _ in range(count):
        stream = wire.connect(port, timeout=30)
        stream.sendall(wire.request_bytes(path="/whole?n=5"))
        assert wire.Reader(stream).response().body == content(5)
        streams.append(stream)
    return streams


def dawdlers(port, count):
    """Connections that have sent half of a head."""
    streams = []
    for _ in range(count):
        stream = wire.connect(port, timeout=30)
        stream.sendall(wire.request_bytes(path="/whole?n=6")[:-2])
        streams.append(stream)
    return streams


@pytest.mark.alone
@pytest.mark.parametrize("kind", [idlers, dawdlers])
def test_waiting_connections_cost_next_to_nothing_and_hinder_nobody(serve, kind):
    count = int(os.environ.get("TEST_IDLE", "1000"))
    wanted = 2 * count + 1000
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(max(soft, wanted), hard), hard))
    server = serve("--socket-timeout", "300", "--disable-logging", "--listen", "500", "--max-fd", str(wanted))
    worker = server.worker_pids()[1]
    # What the first ones bring once: buffers, pages of the table, holes that are filled.
    streams = kind(server.port, 500)
    # In the order of arrival: who is answered now comes behind all of them.
    assert wire.http(server.port, "/whole?n=5", timeout=30).body == content(5)
    server.quiet()
    before = anonymous(worker)
    streams += kind(server.port, count)
    assert wire.http(server.port, "/whole?n=5", timeout=30).body == content(5)
    server.quiet()
    each = (anonymous(worker) - before) / count
    print(f"{count} {kind.__name__}: {each:.0f} bytes each")
    assert each < 4096, f"a waiting connection costs {each:.0f} bytes"
    # Each of them is still served.
    for stream in streams[:: max(1, count // 50)]:
        stream.sendall(b"\r\n" if kind is dawdlers else wire.request_bytes(path="/whole?n=6"))
        assert wire.Reader(stream).response().body == content(6)
    for stream in streams:
        stream.close()
