"""Raw sockets: a callable of Python gets the descriptor of each client."""

import contextlib

import pytest

from harness import cgi, wire
from harness.waiting import until


@pytest.fixture
def served(uwsgi, app):
    def start(*options):
        return uwsgi("--raw-socket", "127.0.0.1:0", "-M", "--python-raw", app("rawapp"), "--stats", "stats", "--stats-http", *options)
    return start


def test_the_callable_speaks_with_the_client(served):
    server = served("-p", "2")
    for word in (b"\0\1\2", b"GET / HTTP/1.0\r\n\r\n", b"x"):
        assert wire.raw(server.address(), word) == b"heard " + word
    assert cgi.socket_row(server)["proto"] == "raw"
    until(lambda: sum(w["requests"] for w in stats(server)["workers"]) == 3, "all to be counted")
    assert all(w["exceptions"] == 0 for w in stats(server)["workers"])
    server.quiet()
    assert "=> generated" not in server.log()


def stats(server):
    return server.stats()


def test_a_client_that_says_nothing_yet_is_handed_over_too(served):
    server = served()
    with wire.connect(server.address()) as silent:
        until(lambda: stats(server)["workers"][0]["status"] == "busy", "the callable to wait for its client")
        silent.sendall(b"now")
        assert wire.read_all(silent) == b"heard now"


def test_threads_serve_clients_at_the_same_time(served):
    server = served("--threads", "3")
    with contextlib.ExitStack() as stack:
        streams = [stack.enter_context(wire.connect(server.address())) for _ in range(3)]
        for stream in reversed(streams):
            stream.sendall(b"hi")
            assert wire.read_all(stream) == b"heard hi"


def test_an_exception_ends_the_connection_and_nothing_else(served):
    server = served()
    server.allow("Traceback")
    assert wire.raw(server.address(), b"raise") == b""
    server.wait_log("ValueError: said so")
    assert wire.raw(server.address(), b"hi") == b"heard hi"
    until(lambda: stats(server)["workers"][0]["exceptions"] == 1, "the exception to be counted")


def test_a_duplicate_of_the_descriptor_outlives_the_call(served):
    server = served("--enable-threads")
    with wire.connect(server.address()) as stream:
        stream.sendall(b"keep")
        until(lambda: stats(server)["workers"][0]["requests"] == 1, "the callable to return")
        stream.sendall(b"more")
        assert stream.recv(100) == b"later more"


def test_without_a_callable_the_connection_is_closed(uwsgi, tmp_path):
    server = uwsgi("--raw-socket", "127.0.0.1:0", "-M", "--python-raw", tmp_path / "missing.py")
    server.wait_log("unable to load the raw python application")
    assert wire.raw(server.address(), b"hi") == b""
    server.wait_log("no raw python application found")


def test_modifiers_of_connections(uwsgi, app):
    server = uwsgi("--raw-socket", "127.0.0.1:0", "-M", "--raw-modifier1", "77", "--python-raw", app("rawapp"))
    assert wire.raw(server.address(), b"hi") == b""
    server.wait_log("-- unavailable modifier requested: 77 --")


def test_beside_other_sockets(uwsgi, app):
    server = uwsgi("--http-socket", "127.0.0.1:0", "--raw-socket", "127.0.0.1:0", "-M", "--python-raw", app("rawapp"),
                   "--wsgi-file", app("hello"))
    assert wire.http(server.address(), "/").status == 200
    assert wire.raw(server.address(1), b"hi") == b"heard hi"
