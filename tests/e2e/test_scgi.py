"""SCGI on a worker socket."""

import hashlib
import os
import re

import pytest

from harness import cgi, wire
from harness.cgi import variables
from harness.waiting import until


@pytest.fixture
def served(uwsgi, app):
    def start(*options, socket="scgi-socket"):
        return uwsgi(f"--{socket}", "127.0.0.1:0", "-M", "--wsgi-file", app("wires"), "--stats", "stats", "--stats-http", *options)
    return start


def pairs(path, **extra):
    return [(k, v) for k, v in variables(path, **extra) if k != "CONTENT_LENGTH"]


def ask(server, path, body=b"", **extra) -> bytes:
    return wire.raw(server.address(), cgi.scgi(pairs(path, **extra), body))


def test_an_answer_begins_with_a_status(served):
    server = served()
    answer = ask(server, "/length")
    assert answer.startswith(b"Status: 200 OK\r\n") and answer.endswith(b"\r\n\r\n12345")
    assert cgi.socket_row(server)["proto"] == "scgi"


def test_nph_answers_are_http(served):
    server = served(socket="scgi-nph-socket")
    assert ask(server, "/length").startswith(b"HTTP/1.1 200 OK\r\n")
    assert cgi.socket_row(server)["proto"] == "scgi-nph"


def test_a_request_may_be_cut_at_every_byte(served):
    server = served()
    request = cgi.scgi(pairs("/echo", method="POST"), b"the body")
    for at in range(1, len(request)):
        with wire.connect(server.address()) as stream:
            stream.sendall(request[:at])
            stream.sendall(request[at:])
            assert wire.read_all(stream).endswith(b"\r\n\r\nthe body"), at


def test_large_bodies(served):
    server = served()
    body = os.urandom(1 << 20) * 10
    answer = ask(server, "/digest", body, method="POST")
    assert answer.endswith(f"{hashlib.md5(body).hexdigest()} {len(body)}".encode())
    assert ask(server, "/echo", body, method="POST").endswith(body)


REFUSED = {
    "not a number": (b"x:", "bad", "invalid SCGI request...skip"),
    "nothing": (b"0:,", "bad", "invalid SCGI request...skip"),
    "no comma": (b"4:a\0b\0;", "bad", "invalid SCGI request...skip"),
    "no value": (b"2:a\0,", "bad", "invalid SCGI request...skip"),
    "too large": (b"99999:", "oversize", "invalid SCGI request size (max 4096)...skip"),
    "an empty name": (b"3:\0b\0,", "vars", "uwsgi key cannot be null. skip this var."),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_no_request_is_refused_counted_and_named(served, what):
    data, counter, line = REFUSED[what]
    server = served()
    server.allow("skip")
    answer = wire.raw(server.address(), data, shut=True)
    assert answer.startswith(b"Status: 431 ") if counter != "bad" else answer == b""
    server.wait_log(re.escape(line))
    until(lambda: cgi.socket_row(server)["refused"][counter] == 1, "the refusal to be counted")
    assert ask(server, "/length").endswith(b"12345")


def test_modifiers_of_requests(uwsgi, app):
    server = uwsgi("--scgi-socket", "127.0.0.1:0", "-M", "--scgi-modifier1", "78", "--wsgi-file", app("wires"))
    server.allow("unavailable")
    assert ask(server, "/length") == b""
    server.wait_log("-- unavailable modifier requested: 78 --")


def test_the_second_modifier_of_requests(uwsgi, app):
    server = uwsgi("--scgi-socket", "127.0.0.1:0", "-M", "--scgi-modifier2", "9", "--log-format", "stamp %(modifier1)/%(modifier2)",
                   "--wsgi-file", app("wires"))
    assert ask(server, "/length").endswith(b"12345")
    server.wait_log("^stamp 0/9$")
