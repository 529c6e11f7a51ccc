"""Uploads that tell how far they have come, and bodies that a web server has stored in a file."""

import os
import signal
import threading

import pytest

from harness import cgi, wire
from harness.waiting import until

UUID = "01234567-89ab-cdef-0123-456789abcdef"
BODY = b"x" * 20_000


@pytest.fixture
def place(tmp_path):
    directory = tmp_path / "progress"
    directory.mkdir()
    return directory


@pytest.fixture
def serve(uwsgi, app, tmp_path, place):
    def start(*options, kind="http-socket"):
        common = ("--upload-progress", place, "--post-buffering", "4096", "--wsgi-file", app("bodies"))
        return uwsgi(f"--{kind}", "127.0.0.1:0", *options, *common, env={"TMPDIR": str(tmp_path)})

    return start


def begin(server, uuid, sent=5000, target="/digests?X-Progress-ID="):
    """An upload of which a part was sent."""
    stream = wire.connect(server.address(), timeout=20)
    stream.sendall(f"POST {target}{uuid} HTTP/1.1\r\nHost: a\r\nContent-Length: {len(BODY)}\r\n\r\n".encode() + BODY[:sent])
    return stream


def said(received):
    return '{ "state" : "uploading", "received" : %d, "size" : %d }\r\n' % (received, len(BODY))


def content(path):
    return path.read_bytes().decode() if path.exists() else None


def finish(stream, sent=5000):
    with stream:
        stream.sendall(BODY[sent:])
        assert wire.read_all(stream).startswith(b"HTTP/1.1 200 OK\r\n")


@pytest.mark.parametrize("uuid", [UUID, UUID.upper(), UUID + "&name=x"])
def test_an_upload_tells_how_far_it_has_come(serve, place, uuid):
    server, file = serve(), place / f"{uuid[:36]}.js"
    stream = begin(server, uuid)
    until(lambda: content(file) == said(5000), "the progress", 10)
    assert file.stat().st_mode & 0o7137 == 0, "it can be read by everybody, or run"
    finish(stream)
    server.wait_log(rf"^upload progress uuid = {uuid[:36]}$")
    until(lambda: not os.listdir(place), "the file gone", 10)


@pytest.mark.ours
@pytest.mark.parametrize("uuid", ["x", UUID[1:], "g" + UUID[1:], UUID + "0", UUID.replace("-", "/"), "../" * 11 + "abc"])
def test_what_is_no_plain_id_names_no_file(serve, place, uuid):
    """The original takes any 36 bytes."""
    server = serve()
    stream = begin(server, uuid)
    server.wait_log(r"^invalid X-Progress-ID value: must be a UUID$")
    assert os.listdir(place) == []
    finish(stream)
    assert "upload progress uuid" not in server.log()


@pytest.mark.ours
def test_who_does_not_ask_is_told_nothing(serve, place):
    server = serve()
    finish(begin(server, "", target="/digests?x=" + "y" * 60))
    small = wire.request_bytes("POST", f"/digests?X-Progress-ID={UUID}", body=b"small")
    assert wire.raw(server.address(), small).startswith(b"HTTP/1.1 200")
    assert os.listdir(place) == []
    assert "rogress" not in server.log().partition("spawned")[2].partition("POST")[0]


@pytest.mark.parametrize("how", ["leaves", "late"])
def test_an_upload_that_breaks_off_leaves_no_file(serve, place, how):
    server = serve("--socket-timeout", "1")
    stream = begin(server, UUID)
    until(lambda: content(place / f"{UUID}.js") == said(5000), "the progress", 10)
    if how == "leaves":
        stream.close()
    server.wait_log(r"^\[uwsgi-body-read\] ")
    until(lambda: not os.listdir(place), "the file gone", 10)
    stream.close()


@pytest.mark.ours
def test_a_file_of_a_killed_worker_goes_with_the_next_one(serve, place):
    server = serve("-M").allow("DAMN")
    (place / "kept.js").write_bytes(said(1).encode())
    stream = begin(server, UUID)
    file = place / f"{UUID}.js"
    until(lambda: content(file) == said(5000), "the progress", 10)
    mark = server.mark()
    os.kill(server.worker_pids()[1], signal.SIGKILL)
    server.wait_log(r"Respawned uWSGI worker 1", after=mark)
    until(lambda: os.listdir(place) == ["kept.js"], "the left file gone", 10)
    stream.close()


@pytest.mark.ours
def test_an_id_in_use_is_not_taken_over(serve, place):
    server = serve("-M", "-p", "2")
    first = begin(server, UUID)
    until(lambda: content(place / f"{UUID}.js") == said(5000), "the progress", 10)
    finish(begin(server, UUID, 0), 0)
    server.wait_log(rf'^open\("{place}/{UUID}\.js"\): File exists \[core/progress\.c line \d+\]$')
    assert content(place / f"{UUID}.js") == said(5000)
    finish(first)


def test_a_directory_that_is_not_there_fails_no_upload(serve, place):
    server = serve()
    place.rmdir()
    finish(begin(server, UUID))
    server.wait_log(rf'^open\("{place}/{UUID}\.js"\): No such file or directory \[core/progress\.c line \d+\]$')


@pytest.mark.ours
def test_without_stored_bodies_it_is_said_that_nothing_is_told(uwsgi, app, place):
    server = uwsgi("--http-socket", "127.0.0.1:0", "--upload-progress", place, "--wsgi-file", app("bodies"))
    server.wait_log(r"^\*\*\* WARNING: upload-progress tells of bodies that post-buffering stores, which is off \*\*\*$")


# --- UWSGI_POSTFILE


def ask(server, kind, path, body=b"", **variables):
    if kind == "socket":
        pairs = wire.basic_vars(path, "POST", **variables)
        return wire.raw(server.address(), wire.packet(pairs, body)).partition(b"\r\n\r\n")[2].decode()
    pairs = [(k, v) for k, v in cgi.variables(path, b"", "POST") if k != "CONTENT_LENGTH"] + list(variables.items())
    if kind == "scgi-socket":
        pairs.sort(key=lambda pair: pair[0] != "CONTENT_LENGTH")
        return wire.raw(server.address(), cgi.scgi(pairs, body)).partition(b"\r\n\r\n")[2].decode()
    with cgi.Client(server.address()) as client:
        client.send(cgi.fastcgi(pairs, body))
        return client.answer().body.decode()


@pytest.mark.parametrize("kind", ["socket", "fastcgi-socket", "scgi-socket"])
@pytest.mark.parametrize("buffering", [[], ["--post-buffering", "5"]], ids=["plain", "stored"])
def test_a_file_of_the_web_server_stands_for_the_body(uwsgi, app, tmp_path, kind, buffering):
    """It sends none then, and nobody waits for one."""
    server = uwsgi(f"--{kind}", "127.0.0.1:0", *buffering, "--wsgi-file", app("bodies"))
    file = tmp_path / "body"
    file.write_bytes(b"from the file and more")
    stored = {"UWSGI_POSTFILE": str(file), "CONTENT_LENGTH": "13"}
    assert ask(server, kind, "/read", **stored) == "b'from the file'"
    assert ask(server, kind, "/read", CONTENT_LENGTH="6", body=b"stream") == "b'stream'"
    assert "Timeout" not in server.log()


def test_such_a_file_can_be_read_again(uwsgi, app, tmp_path):
    server = uwsgi("--socket", "127.0.0.1:0", "--post-buffering", "5", "--wsgi-file", app("bodies"))
    (tmp_path / "body").write_bytes(b"twelve bytes")
    stored = {"UWSGI_POSTFILE": str(tmp_path / "body"), "CONTENT_LENGTH": "12"}
    assert ask(server, "socket", "/length", **stored) == "12"


def test_a_file_that_is_not_there_or_too_short(uwsgi, app, tmp_path):
    server = uwsgi("--socket", "127.0.0.1:0", "--wsgi-file", app("bodies"))
    missing = {"UWSGI_POSTFILE": str(tmp_path / "none"), "CONTENT_LENGTH": "6"}
    assert ask(server, "socket", "/read", b"stream", **missing) == "b'stream'"
    server.wait_log(rf'^open\("{tmp_path}/none"\): No such file or directory \[core/protocol\.c line \d+\]$')
    (tmp_path / "body").write_bytes(b"short")
    short = {"UWSGI_POSTFILE": str(tmp_path / "body"), "CONTENT_LENGTH": "6"}
    assert ask(server, "socket", "/read", **short) == "error during read(0) on wsgi.input"


@pytest.mark.ours
@pytest.mark.parametrize("kind", ["http-socket", "http"])
def test_a_client_names_no_file(uwsgi, app, tmp_path, kind):
    server = uwsgi(f"--{kind}", "127.0.0.1:0", "--wsgi-file", app("bodies"))
    address = server.address() if kind == "http-socket" else int(
        server.wait_log(r"uWSGI http bound on 127\.0\.0\.1:(\d+)").group(1))
    (tmp_path / "secret").write_bytes(b"secret")
    headers = {"UWSGI_POSTFILE": str(tmp_path / "secret"), "Uwsgi-Postfile": str(tmp_path / "secret")}
    for name, value in headers.items():
        answer = wire.raw(address, wire.request_bytes("POST", "/read", {name: value, "Connection": "close"}, b"mine!!"))
        assert b"secret" not in answer


# --- what a worker says of itself


@pytest.mark.ours
def test_a_long_upload_is_no_long_request(uwsgi, app, tmp_path):
    """Asked with USR2, a worker says that it is late only when its application is."""
    server = uwsgi("--http-socket", "127.0.0.1:0", "-M", "--harakiri", "3", "--post-buffering", "4096", "--wsgi-file", app("writes"))
    fifo, pause = tmp_path / "fifo", threading.Event()
    os.mkfifo(fifo)
    with wire.connect(server.address(), timeout=20) as stream:
        stream.sendall(f"POST /pieces?{fifo} HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n".encode())
        for _ in range(4):
            stream.sendall(b"x" * 25_000)
            pause.wait(0.9)
        with open(fifo, "w"):  # both ends are there: the application waits
            os.kill(server.worker_pids()[1], signal.SIGUSR2)
            server.wait_log(r"^SIGUSR2: --- uWSGI worker 1 \(pid: \d+\) is managing request /pieces")
        assert wire.read_all(stream).endswith(b"onetwothree")
    assert "WAS managing" not in server.log()
