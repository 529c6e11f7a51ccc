"""FastCGI on a worker socket: records of every shape, connections that are kept, clients that do not behave."""

import contextlib
import hashlib
import json
import os
import re
import shutil
import subprocess

import pytest

from harness import cgi, wire
from harness.cgi import ABORT, BEGIN, END, GET_VALUES, GET_VALUES_RESULT, PARAMS, STDIN, UNKNOWN, Client, ask, record, socket_row, variables
from harness.waiting import until

FINISH = bytes(8)


@pytest.fixture
def served(uwsgi, app):
    """Factory: a server of `wires` that speaks FastCGI."""
    def start(*options, socket="fastcgi-socket"):
        return uwsgi(f"--{socket}", "127.0.0.1:0", "-M", "--wsgi-file", app("wires"), "--stats", "stats", "--stats-http", *options)
    return start


def test_an_answer_begins_with_a_status_and_ends_as_the_format_wants(served):
    server = served()
    data = wire.raw(server.address(), cgi.fastcgi(variables("/length"), number=0x1234))
    answer = b"Status: 200 OK\r\nContent-Length: 5\r\n\r\n12345"
    assert data.endswith(b"\1\6\x12\x34\0\0\0\0" b"\1\3\x12\x34\0\x08\0\0" + FINISH)
    head, content = data[:8], data[8:-24]
    assert head == b"\1\6\x12\x34" + len(content).to_bytes(2, "big") + b"\0\0"
    assert content.startswith(b"Status: 200 OK\r\n") and content.endswith(b"\r\n\r\n12345"), (content, answer)
    assert socket_row(server)["proto"] == "fastcgi"


def test_nph_answers_are_http(served):
    server = served(socket="fastcgi-nph-socket")
    assert ask(server.address(), "/length").status == "HTTP/1.1 200 OK"
    assert socket_row(server)["proto"] == "fastcgi-nph"


def test_a_request_may_be_cut_at_every_byte(served):
    server = served()
    body = b"the body"
    request = cgi.fastcgi(variables("/echo", body), body, padding=3)
    for at in range(1, len(request)):
        with Client(server.address()) as client:
            client.send(request[:at])
            client.send(request[at:])
            assert client.answer().body == body, at


def test_a_request_may_come_byte_by_byte(served):
    server = served()
    body = b"abc"
    with Client(server.address()) as client:
        for byte in cgi.fastcgi(variables("/echo", body), body, piece=5, padding=1):
            client.send(bytes([byte]))
        assert client.answer().body == body


@pytest.mark.parametrize("piece", [1, 7, 100])
def test_variables_and_bodies_may_be_cut_into_records_anywhere(served, piece):
    server = served()
    body = os.urandom(5000)
    assert ask(server.address(), "/echo", body, piece=piece, padding=2).body == body


def test_large_bodies_both_ways(served):
    server = served()
    body = os.urandom(1 << 20) * 10
    answer = ask(server.address(), "/digest", body, piece=65535, padding=1)
    assert answer.body == f"{hashlib.md5(body).hexdigest()} {len(body)}".encode()
    answer = ask(server.address(), "/echo", body)
    assert answer.body == body
    assert max(answer.sizes) == 65535 and answer.sizes[-1] == 0


def test_files_travel_inside_records(served, tmp_path):
    server = served()
    path = tmp_path / "file"
    path.write_bytes(os.urandom(300_000))
    answer = ask(server.address(), f"/file?path={path}")
    assert answer.body == path.read_bytes()
    assert max(answer.sizes) == 65535 and answer.end == FINISH


def test_a_connection_is_kept_where_the_web_server_wants_it(served):
    server = served()
    with Client(server.address()) as client:
        for i, path in enumerate(["/length", "/generator", "/no-content", "/write"], 1):
            client.send(cgi.fastcgi(variables(path), number=i, keep=True))
            assert client.answer(i).end == FINISH
        client.send(cgi.fastcgi(variables("/echo", b"xyz"), b"xyz", keep=True))
        assert client.answer().body == b"xyz"
        client.send(cgi.fastcgi(variables("/length"), keep=False))
        assert client.answer().body == b"12345"
        assert client.closed()
    assert socket_row(server)["accepted"] == 1


def test_requests_in_one_packet_are_answered_one_after_the_other(served):
    server = served()
    with Client(server.address()) as client:
        client.send(b"".join(cgi.fastcgi(variables(f"/many?n={i}"), number=i, keep=True) for i in range(1, 6)))
        for i in range(1, 6):
            assert client.answer(i).status == "Status: 200 OK"


def test_a_body_nobody_reads_does_not_spoil_the_next_request(served):
    server = served()
    with Client(server.address()) as client:
        client.send(cgi.fastcgi(variables("/length", b"unread"), b"unread", keep=True))
        assert client.answer().body == b"12345"
        client.send(cgi.fastcgi(variables("/length"), keep=True))
        assert client.answer().body == b"12345"


def test_questions_to_the_server_are_answered(served):
    server = served("-p", "2", "--threads", "3")
    with Client(server.address()) as client:
        client.send(record(GET_VALUES, cgi.params([("FCGI_MAX_CONNS", ""), ("FCGI_MPXS_CONNS", ""), ("FOO", "")]), 0))
        assert client.record() == (GET_VALUES_RESULT, 0, cgi.params([("FCGI_MAX_CONNS", "6"), ("FCGI_MPXS_CONNS", "0")]))
        client.send(record(77, b"?", 0))
        assert client.record() == (UNKNOWN, 0, bytes([77]) + bytes(7))
        client.send(cgi.fastcgi(variables("/length")))
        assert client.answer().body == b"12345"


def test_a_flood_of_questions_holds_nobody_up(served):
    server = served()
    with Client(server.address()) as flood, Client(server.address()) as client:
        sent = 0
        flood.stream.setblocking(False)
        with contextlib.suppress(BlockingIOError, ConnectionError):
            while sent < 64 << 20:
                sent += flood.stream.send(record(77, b"", 0) * 4096)
        # It does not read its answers, and is let go.
        client.send(cgi.fastcgi(variables("/length")))
        assert client.answer().body == b"12345"
    assert sent < 64 << 20


def test_a_second_request_at_the_same_time_is_told_that_one_runs(served):
    server = served()
    with Client(server.address()) as client:
        body = b"x"
        first = cgi.begin(1, keep=True) + cgi.stream(PARAMS, cgi.params(variables("/echo", body)), 1)
        client.send(first + cgi.begin(2) + cgi.stream(STDIN, body, 1))
        assert client.answer(1).body == body
        assert client.record() == (END, 2, b"\0\0\0\0\1\0\0\0")
        client.send(cgi.fastcgi(variables("/length"), number=3, keep=True))
        assert client.answer(3).body == b"12345"


def test_an_aborted_request_is_over(served):
    server = served()
    with Client(server.address()) as client:
        client.send(cgi.begin(1, keep=True) + record(PARAMS, b"\1") + record(ABORT))
        assert client.record() == (END, 1, FINISH)
        client.send(cgi.fastcgi(variables("/length"), keep=True))
        assert client.answer().body == b"12345"
        # It crossed the answer.
        client.send(record(ABORT) + cgi.fastcgi(variables("/length"), keep=False))
        assert client.answer().body == b"12345"


def test_a_body_without_a_length_ends_with_its_stream(served):
    server = served()
    pairs = [(k, v) for k, v in variables("/echo", method="POST") if k != "CONTENT_LENGTH"]
    with Client(server.address()) as client:
        client.send(cgi.fastcgi(pairs, b"as long as it is"))
        assert client.answer().body == b"as long as it is"
        # And one without any body has none.
    with Client(server.address()) as client:
        client.send(cgi.fastcgi(pairs))
        assert client.answer().body == b""


def test_a_body_shorter_than_announced_is_an_error_of_reading(served):
    server = served()
    server.allow("uwsgi-body-read", "Traceback")
    pairs = variables("/echo", b"x" * 100_000)
    with Client(server.address()) as client:
        client.send(cgi.fastcgi(pairs, b"short"))
        client.answer()
    server.wait_log(re.escape("[uwsgi-body-read] Error reading"))


def test_variables_arrive_as_they_were_sent(served):
    server = served()
    long = "v" * 3000
    answer = ask(server.address(), "/env?a=b")
    environ = json.loads(answer.body)
    assert environ["QUERY_STRING"] == "a=b" and environ["REQUEST_METHOD"] == "GET"
    with Client(server.address()) as client:
        client.send(cgi.fastcgi(variables("/env", HTTP_X_LONG=long, HTTPS="on")))
        environ = json.loads(client.answer().body)
    assert environ["HTTP_X_LONG"] == long and environ["wsgi.url_scheme"] == "https"


REFUSED = {
    "another version": (b"\2\1\0\1\0\x08\0\0", "bad", "invalid FastCGI record (version 2)...skip"),
    "http": (b"GET / HTTP/1.0\r\n\r\n", "bad", "invalid FastCGI record (version 71)...skip"),
    "no request": (record(STDIN, b"x") + record(BEGIN, b"12345678") * 2, "", ""),
    "a length that runs past the end": (cgi.begin() + cgi.stream(PARAMS, b"\x05\x7fname"), "bad", "invalid FastCGI variable length...skip"),
    "too many bytes": (cgi.begin() + cgi.stream(PARAMS, cgi.params([("A", "x" * 9000)])), "oversize",
                       "invalid FastCGI request size (max 4096)...skip"),
    "a name that is empty": (cgi.begin() + cgi.stream(PARAMS, b"\0\1x"), "vars", "uwsgi key cannot be null. skip this var."),
}
REFUSED.pop("no request")


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_no_request_is_refused_counted_and_named(served, what):
    data, counter, line = REFUSED[what]
    server = served()
    server.allow("skip")
    answer = wire.raw(server.address(), data, shut=True)
    assert (b"Status: 431 Request Header Fields Too Large\r\n" in answer) == (counter != "bad")
    server.wait_log(re.escape(line))
    until(lambda: socket_row(server)["refused"][counter] == 1, "the refusal to be counted")
    assert ask(server.address(), "/length").body == b"12345"


def test_a_body_beyond_the_limit_is_refused_in_words(served):
    server = served("--limit-post", "100")
    server.allow("CONTENT_LENGTH")
    answer = ask(server.address(), "/echo", b"x" * 101, number=3)
    assert answer.status == "Status: 413 Request Entity Too Large" and answer.end == FINISH
    server.wait_log(re.escape("Invalid (too big) CONTENT_LENGTH. skip."))
    assert ask(server.address(), "/echo", b"x" * 100).body == b"x" * 100


def test_modifiers_of_requests(uwsgi, app):
    server = uwsgi("--fastcgi-socket", "127.0.0.1:0", "-M", "--fastcgi-modifier1", "77", "--wsgi-file", app("wires"))
    server.allow("unavailable")
    with Client(server.address()) as client:
        client.send(cgi.fastcgi(variables("/length")))
        assert client.answer().stdout == b""
    server.wait_log("-- unavailable modifier requested: 77 --")


def test_the_second_modifier_of_requests(uwsgi, app):
    server = uwsgi("--fastcgi-socket", "127.0.0.1:0", "-M", "--fastcgi-modifier2", "9", "--log-format", "stamp %(modifier1)/%(modifier2)",
                   "--wsgi-file", app("wires"))
    assert ask(server.address(), "/length").body == b"12345"
    server.wait_log("^stamp 0/9$")


def test_the_protocol_of_plain_sockets(uwsgi, app):
    server = uwsgi("--socket", "127.0.0.1:0", "--protocol", "fastcgi", "-M", "--wsgi-file", app("wires"))
    assert ask(server.address(), "/length").body == b"12345"


def test_cgi_fcgi_of_debian(served, tmp_path):
    program = shutil.which("cgi-fcgi")
    assert program, "cgi-fcgi is missing: run tests/setup.sh as root"
    server = served()
    body = os.urandom(100_000)
    where = "%s:%d" % server.address()
    for path, body in (("/length", b""), ("/echo", b"some body"), ("/digest", body)):
        environment = {k: str(v) for k, v in variables(path, body) if v != ""}
        done = subprocess.run([program, "-bind", "-connect", where], env=environment, input=body, capture_output=True, timeout=20)
        head, _, got = done.stdout.partition(b"\r\n\r\n")
        assert head.startswith(b"Status: 200 OK") and done.returncode == 0, done
        want = {"/length": b"12345", "/echo": body}.get(path, f"{hashlib.md5(body).hexdigest()} {len(body)}".encode())
        assert got == want
