"""Persistent uwsgi: packets without bodies, one after the other on a connection."""

import re
import struct

import pytest

from harness import cgi, wire

LENGTH = wire.packet(wire.basic_vars("/length"))


@pytest.fixture
def served(uwsgi, app):
    def start(*options):
        return uwsgi("--puwsgi-socket", "127.0.0.1:0", "-M", "--wsgi-file", app("wires"), "--stats", "stats", "--stats-http", *options)
    return start


def test_a_connection_serves_one_packet_after_the_other(served):
    server = served()
    with wire.connect(server.address()) as stream:
        reader = wire.Reader(stream)
        for path, body in (("/length", b"12345"), ("/length", b"12345"), ("/no-content", b""), ("/length", b"12345")):
            stream.sendall(wire.packet(wire.basic_vars(path)))
            assert reader.response().body == body
    row = cgi.socket_row(server)
    assert (row["proto"], row["accepted"]) == ("puwsgi", 1)


def test_a_stream_of_packets_may_be_cut_at_every_byte(served):
    server = served()
    request = LENGTH * 2
    for at in range(1, len(request)):
        with wire.connect(server.address()) as stream:
            reader = wire.Reader(stream)
            stream.sendall(request[:at])
            stream.sendall(request[at:])
            assert [reader.response().body for _ in range(2)] == [b"12345"] * 2, at


def test_idle_connections_hold_no_core(served):
    server = served()
    idle = [wire.connect(server.address()) for _ in range(5)]
    try:
        for stream in idle:
            stream.sendall(LENGTH)
            assert wire.Reader(stream).response().body == b"12345"
        # All of them are kept, and each is served again, the last first.
        for stream in reversed(idle):
            stream.sendall(LENGTH)
            assert wire.Reader(stream).response().body == b"12345"
    finally:
        for stream in idle:
            stream.close()


def test_an_idle_connection_ends_with_the_time_out(served):
    server = served("--socket-timeout", "1")
    with wire.connect(server.address()) as stream:
        stream.sendall(LENGTH)
        assert wire.read_all(stream).endswith(b"12345")


def test_a_connection_lives_on_behind_bytes_that_an_application_sends_past_the_response(uwsgi, tmp_path):
    (tmp_path / "sends.py").write_text(
        "import uwsgi\n"
        "def application(environ, start_response):\n"
        "    uwsgi.send(b'HTTP/1.1 200 OK\\r\\nContent-Length: 3\\r\\n\\r\\nraw')\n"
        "    if environ['PATH_INFO'] == '/both':\n"
        "        start_response('200 OK', [('Content-Length', '3')])\n"
        "        return [b'app']\n"
        "    return []\n")
    server = uwsgi("--puwsgi-socket", "127.0.0.1:0", "-M", "--wsgi-file", tmp_path / "sends.py")
    with wire.connect(server.address()) as stream:
        reader = wire.Reader(stream)
        for path, bodies in (("/", [b"raw"]), ("/both", [b"raw", b"app"]), ("/", [b"raw"])):
            stream.sendall(wire.packet(wire.basic_vars(path)))
            assert [reader.response().body for _ in bodies] == bodies


def test_a_body_cannot_be_read(served):
    server = served()
    server.allow("Traceback")
    pairs = wire.basic_vars("/echo", "POST", CONTENT_LENGTH=3)
    assert wire.raw(server.address(), wire.packet(pairs)) == b""
    server.wait_log(re.escape("!!! the current protocol does not support request body !!!"))
    server.wait_log(re.escape("[uwsgi-body-read] Error reading 3 bytes. Content-Length: 3 consumed: 0 left: 3"))


@pytest.mark.parametrize("what, counter", [(struct.pack("<BHB", 0, 9000, 0), "oversize"), (wire.packet(b"\0\0\1\0x"), "vars")])
def test_what_is_no_packet_ends_the_connection(served, what, counter):
    server = served()
    server.allow("skip")
    assert wire.raw(server.address(), LENGTH + what).endswith(b"12345")
    assert cgi.socket_row(server)["refused"][counter] == 1
