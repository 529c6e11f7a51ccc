"""Request bodies: stored before the application runs, cut off, too slow, too large."""

import hashlib
import os
import socket
import struct
import threading

import pytest
from harness import cgi, paths, wire

LARGE = os.urandom(1 << 20)
SUM = f"{hashlib.md5(LARGE).hexdigest()} {len(LARGE)}"
SOCKETS = {
    "http": ["--http-socket", "127.0.0.1:0"],
    "http11": ["--http11-socket", "127.0.0.1:0"],
    "uwsgi": ["--socket", "127.0.0.1:0"],
    "router": ["--http", "127.0.0.1:0"],
    "fastcgi": ["--fastcgi-socket", "127.0.0.1:0"],
    "scgi": ["--scgi-socket", "127.0.0.1:0"],
}


@pytest.fixture
def serve(uwsgi, app, tmp_path):
    """Starts a server that keeps temporary files in a directory of their own."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()

    def start(*options, **kw):
        environment = {"TMPDIR": str(temporary)} | kw.pop("env", {})
        return uwsgi("-M", *options, "--wsgi-file", app("bodies"), env=environment, **kw)

    return start


def address_of(server, kind):
    """Where clients connect: the router of `http` has an address of its own."""
    if kind != "router":
        return server.address()
    return int(server.wait_log(r"uWSGI http bound on 127\.0\.0\.1:(\d+)").group(1))


def post(address, kind, path, body, chunked=False, timeout=20):
    """The body of the answer to one upload."""
    if kind == "uwsgi":
        variables = wire.basic_vars(path, "POST", CONTENT_LENGTH=str(len(body)))
        return wire.raw(address, wire.packet(variables, body), timeout).partition(b"\r\n\r\n")[2].decode()
    if kind == "scgi":
        return wire.raw(address, cgi.scgi(cgi.variables(path, body, "POST"), body), timeout).partition(b"\r\n\r\n")[2].decode()
    if kind == "fastcgi":
        with cgi.Client(address, timeout) as client:
            client.send(cgi.fastcgi(cgi.variables(path, body, "POST"), body, keep=True))
            first = client.answer().body.decode()
            client.send(cgi.fastcgi(cgi.variables(path, body, "POST"), body))
            assert client.answer().body.decode() == first, "the connection was not at its next request"
            return first
    fields = {"Transfer-Encoding": "chunked"} if chunked else {}
    if chunked:
        pieces = [body[at:at + 30_000] for at in range(0, len(body), 30_000)]
        body = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
    return wire.http(address, path, "POST", fields, body, timeout=timeout).body.decode()


def upload(server, path, announced, sent, leave=None):
    """An upload that stops in the middle: a stream that waits, has ended, or is reset."""
    stream = wire.connect(server.address())
    stream.sendall(f"POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: {announced}\r\n\r\n".encode() + b"x" * sent)
    if leave == "end":
        stream.shutdown(socket.SHUT_WR)
    if leave == "reset":
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        stream.close()
    return stream


@pytest.mark.parametrize("kind, chunked", [(kind, False) for kind in SOCKETS] + [("http", True), ("http11", True), ("router", True)])
@pytest.mark.parametrize("threshold, files", [(4096, 1), (2 << 20, 0)], ids=["file", "memory"])
def test_a_large_upload_is_whole_and_leaves_no_name(serve, kind, chunked, threshold, files):
    server = serve(*SOCKETS[kind], "--post-buffering", str(threshold), "--wsgi-manage-chunked-input")
    address = address_of(server, kind)
    assert post(address, kind, "/twice", LARGE, chunked) == f"[] {files} {SUM} {SUM} b''"
    assert post(address, kind, "/twice", b"", chunked) == f"[] 0 {2 * (hashlib.md5().hexdigest() + ' 0 ')}b''"
    assert post(address, kind, "/unread", LARGE, chunked) == "not read"


@pytest.mark.parametrize("threshold", [1, 20, 1000])
def test_positions_in_a_stored_body(serve, threshold):
    server = serve("--http-socket", "127.0.0.1:0", "--post-buffering", str(threshold))
    wrong = "invalid seek position for wsgi.input"
    body = b"first line\nsecond line\nend"
    seen = [b"first line\n", 11, 6, b"lin", 22, b"\nend", 2, wrong, wrong, wrong, wrong, 2, b"rst "]
    assert wire.http(server.address(), "/positions", "POST", body=body).body.decode() == repr(seen)


def test_a_stored_body_leaves_the_connection_at_the_next_request(serve):
    server = serve("--http11-socket", "127.0.0.1:0", "--post-buffering", "10")
    with wire.connect(server.address()) as stream:
        one = wire.request_bytes("POST", "/unread", body=b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n")
        chunked = wire.request_bytes("POST", "/unread", {"Transfer-Encoding": "chunked"}, b"13\r\nGET /x HTTP/1.1\r\n\r\n\r\n0\r\n\r\n")
        stream.sendall(one + chunked + one)
        reader = wire.Reader(stream)
        assert [reader.response().body for _ in range(3)] == [b"not read"] * 3
    assert "smuggled" not in server.log()


def test_harakiri_does_not_count_the_time_of_an_upload(serve):
    server = serve("--http-socket", "127.0.0.1:0", "--post-buffering", "4096", "--harakiri", "2")
    stream = upload(server, "/slow", 100_000, 0)
    late = threading.Event()
    for piece in range(20):
        stream.sendall(b"x" * 5000)
        late.wait(0.2)  # a slow client
    assert wire.read_all(stream).endswith(b" 100000")
    assert "HARAKIRI" not in server.log()


@pytest.mark.parametrize("options, size, most", [([], 9, 8), ([], 8, None), (["--body-read-warning", "1"], 2, 1), (["--body-read-warning", "3"], 2, None)])
def test_one_read_of_much_memory_is_told_once(serve, options, size, most):
    server = serve("--http-socket", "127.0.0.1:0", "--post-buffering", "4096", *options)
    assert wire.http(server.address(), "/length", "POST", body=b"x" * (size << 20), timeout=60).body == b"%d" % (size << 20)
    server.wait_log("POST /length => generated")
    line = f"[uwsgi-warning] you are using read() on request body allocating over than {most} MB, that is really bad and can be avoided..."
    assert server.log().count(line) == (most is not None) and server.log().count("uwsgi-warning") == (most is not None)


BROKEN = [
    ("end", "Error", " message: Client closed connection", "error"),
    ("reset", "Error", " message: Connection reset by peer", "error"),
    (None, "Timeout", "", "timeout"),
]


@pytest.mark.parametrize("size, sent", [(100, 40), (100_000, 40)], ids=["awaited", "read"])
@pytest.mark.parametrize("leave, word, message, raised", BROKEN, ids=["closed", "reset", "late"])
def test_a_body_that_ends_early_is_told_the_application(serve, size, sent, leave, word, message, raised):
    server = serve("--http-socket", "127.0.0.1:0", "--socket-timeout", "1")
    stream = upload(server, "/read", size, sent, leave)
    server.wait_log(f"^.uwsgi-body-read. {word} reading {size - sent} bytes. Content-Length: {size} consumed: {sent} left: {size - sent}{message}$")
    server.wait_log(rf"^the application got: {raised} during read\(0\) on wsgi.input$")
    server.wait_log("POST /read => generated")
    stream.close()


@pytest.mark.parametrize("threshold, wanted", [(1000, 60), (20, 20)], ids=["memory", "file"])
@pytest.mark.parametrize("leave, word, message, _", BROKEN, ids=["closed", "reset", "late"])
def test_a_body_that_cannot_be_stored_whole_ends_the_request(serve, threshold, wanted, leave, word, message, _):
    server = serve("--http-socket", "127.0.0.1:0", "--socket-timeout", "1", "--post-buffering", str(threshold))
    stream = upload(server, "/read", 100, 40, leave)
    server.wait_log(f"^.uwsgi-body-read. {word} reading {wanted} bytes. Content-Length: 100 consumed: 0 left: 100{message}$")
    status = 500 if leave else 408
    server.wait_log(rf"app: -1\|req: -1/1. .* POST /read => generated .*HTTP/1.1 {status}\)")
    if not leave:
        assert wire.read_all(stream).startswith(b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n")
    stream.close()
    assert "the application got" not in server.log()
    assert server.get("/unread").body == b"not read"


@pytest.mark.parametrize("kind", ["http", "http11", "uwsgi", "router"])
def test_a_body_that_finds_no_place_is_answered_with_500(serve, kind, tmp_path):
    server = serve(*SOCKETS[kind], "--post-buffering", "4096", env={"TMPDIR": str(tmp_path / "missing")})
    server.allow("unable to store")
    address = address_of(server, kind)
    answer = post(address, kind, "/unread", LARGE)
    assert answer == ("" if kind == "uwsgi" else "Internal Server Error")
    server.wait_log(r"^.uwsgi-body-store. unable to store the body of POST /unread: No such file or directory$")
    server.wait_log(r"POST /unread => generated .* 500\)")
    assert post(address, kind, "/unread", b"small") == "not read", "bodies in memory need no file"


def test_a_full_disk_is_answered_with_500_and_given_back(serve, tmp_path):
    disk, launcher = tmp_path / "disk", tmp_path / "launcher"
    disk.mkdir()
    mounted = f'mount -t tmpfs -o size=256k,mode=777 none {disk} && exec {paths.OURS} "$@"'
    launcher.write_text(f"#!/bin/sh\nexec unshare -m --propagation private sh -c '{mounted}' sh \"$@\"\n")
    launcher.chmod(0o755)
    server = serve("--http-socket", "127.0.0.1:0", "--post-buffering", "4096", binary=launcher, env={"TMPDIR": str(disk)})
    server.allow("unable to store")
    for _ in range(3):
        assert wire.http(server.address(), "/unread", "POST", body=LARGE).status == 500
    assert server.log().count("unable to store the body of POST /unread: No space left on device") == 3
    half = os.urandom(200 << 10)
    assert hashlib.md5(half).hexdigest() in wire.http(server.address(), "/twice", "POST", body=half).body.decode()
