"""What hostile clients send, against every front that speaks HTTP: each trick ends as the table says, and the request behind
it reaches nobody. The table is the one that the parser is tested with."""

import contextlib
import re

import pytest

from harness import paths, wire
from harness.waiting import until

pytestmark = [pytest.mark.ours]

TABLE = paths.REPO / "server" / "proto" / "tests" / "hostile.tsv"
FRONTS = ["http-socket", "http11-socket", "http"]
BEHIND = b"GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n"
LIMIT = 32768

APP = """\
seen = open({seen!r}, 'a', buffering=1)
def application(environ, start_response):
    print(environ['PATH_INFO'], file=seen)
    try:
        body = environ['wsgi.input'].read()
    except OSError:
        start_response('400 Bad Request', [('Content-Length', '0')])
        return []
    start_response('200 OK', [('Content-Length', '2')])
    return [b'ok']
"""


def escaped(text: str) -> bytes:
    repeated = re.sub(r"\{(.*?)\*(\d+)\}", lambda found: found[1] * int(found[2]), text)
    return repeated.encode().decode("unicode_escape").encode("latin-1")


def rows():
    for line in TABLE.read_text().splitlines():
        if not line.startswith("#"):
            status, source, trick, text = line.split("\t")
            yield int(status), f"{trick} ({source})", escaped(text)


def statuses(answer: bytes) -> list:
    return [int(code) for code in re.findall(rb"HTTP/1\.[01] (\d{3}) ", answer)]


@pytest.fixture
def fronts(uwsgi, tmp_path):
    """One server with every front: their addresses by name, and what the application has seen."""
    seen = tmp_path / "seen"
    (tmp_path / "see.py").write_text(APP.format(seen=str(seen)))
    server = uwsgi("--http-socket", "127.0.0.1:0", "--http11-socket", "127.0.0.1:0", "--http", "127.0.0.1:0", "-M",
                   "--buffer-size", LIMIT, "--wsgi-manage-chunked-input", "--wsgi-file", tmp_path / "see.py")
    router = ("127.0.0.1", int(server.wait_log(r"uWSGI http bound on 127\.0\.0\.1:(\d+)")[1]))
    addresses = dict(zip(FRONTS, [server.address(0), server.address(1), router]))
    return server, addresses, seen


@pytest.mark.parametrize("front", FRONTS)
def test_each_trick_ends_as_the_table_says_and_nothing_is_smuggled(fronts, front):
    server, addresses, seen = fronts
    wrong, count = [], 0
    for status, trick, data in rows():
        count += 1
        before = seen.read_text() if seen.exists() else ""
        # An early answer must not be lost under what is still sent.
        answer = wire.raw(addresses[front], data + BEHIND, timeout=8)
        got = statuses(answer)
        reached = (seen.read_text() if seen.exists() else "")[len(before):]
        if got != [status] or "/smuggled" in reached or (status == 200) != bool(reached.strip()) and "chunk" not in data.decode("latin-1"):
            wrong.append((trick, status, got, reached))
    assert not wrong, "\n".join(map(str, wrong))
    assert count > 90
    assert wire.http(addresses[front]).body == b"ok", "it serves on"
    server.quiet()


@pytest.mark.parametrize("front", FRONTS)
def test_what_can_never_become_a_request_is_refused_before_any_time_out(uwsgi, app, front):
    """A line that ends in LF alone is followed by no blank line."""
    server = uwsgi(f"--{front}", "127.0.0.1:0", "-M", "--socket-timeout", "300", "--http-timeout", "300", "--wsgi-file", app("hello"))
    address = server.address() if front != "http" else ("127.0.0.1", int(server.wait_log(r"http bound on 127\.0\.0\.1:(\d+)")[1]))
    for piece in (b"GET / HTTP/1.1\n", b"GET /\r\n", b"GET / HTTP/1.1\r\nHost: h\n"):
        assert statuses(wire.raw(address, piece, timeout=8)) == [400], piece
    with contextlib.closing(wire.connect(address)) as stream:
        for byte in b"GET / HTTP/1.1\r\nHost: h\r\nX: y\n":
            stream.sendall(bytes([byte]))
        assert statuses(wire.read_all(stream)) == [400]


@pytest.mark.parametrize("front", FRONTS)
def test_what_an_operator_lets_pass(uwsgi, app, front):
    options = ["-M", "--wsgi-file", app("wires"), "--http-lenient", "underscores,folding"]
    server = uwsgi(f"--{front}", "127.0.0.1:0", *options)
    address = server.address() if front != "http" else ("127.0.0.1", int(server.wait_log(r"http bound on 127\.0\.0\.1:(\d+)")[1]))
    head = b"GET /env HTTP/1.1\r\nHost: h\r\nConnection: close\r\nX_User: me\r\nX-Long: a\r\n\tb\r\n\r\n"
    answer = wire.raw(address, head)
    assert b'"HTTP_X_USER": "me"' in answer and b'"HTTP_X_LONG": "a b"' in answer
    assert statuses(wire.raw(address, b"GET /env HTTP/1.1\r\n\r\n")) == [400], "the rest is as strict as ever"


@pytest.mark.parametrize("front", FRONTS)
@pytest.mark.parametrize("options, seen", [([], False), (["--keep-http-proxy-header"], True)], ids=["dropped", "kept"])
def test_nobody_outside_names_a_proxy(uwsgi, app, front, options, seen):
    server = uwsgi(f"--{front}", "127.0.0.1:0", "-M", "--wsgi-file", app("wires"), *options)
    address = server.address() if front != "http" else ("127.0.0.1", int(server.wait_log(r"http bound on 127\.0\.0\.1:(\d+)")[1]))
    answer = wire.raw(address, b"GET /env HTTP/1.1\r\nHost: h\r\nConnection: close\r\nProxy: http://evil\r\nX-Proxy: 1\r\n\r\n")
    assert (b'"HTTP_PROXY": "http://evil"' in answer) is seen and b'"HTTP_X_PROXY": "1"' in answer


def test_an_application_cannot_be_made_to_write_a_header(uwsgi, tmp_path):
    (tmp_path / "inject.py").write_text(
        "def application(environ, start_response):\n"
        "    value = environ['QUERY_STRING'].encode().decode('unicode_escape')\n"
        "    try:\n        start_response('200 OK', [('Location', value)])\n"
        "    except ValueError as e:\n        start_response('200 OK', [('X-Refused', str(e))])\n    return [b'']\n")
    server = uwsgi("--http-socket", "127.0.0.1:0", "-M", "--wsgi-file", tmp_path / "inject.py")
    for said in (r"a\r\nSet-Cookie:b", r"a\nSet-Cookie:b", r"a\rb", r"a\x00b"):
        answer = server.get(f"/?{said}")
        assert answer.header("Set-Cookie") is None and answer.header("Location") is None
        assert "must not contain control characters" in answer.header("X-Refused")
    until(lambda: server.get("/?/fine").header("Location") == "/fine", "a header without them")


@pytest.mark.parametrize("lengths", [["4", "5"], ["4x"], ["4, 4"]], ids=str)
@pytest.mark.parametrize("front", FRONTS)
def test_a_response_has_one_length_or_none(uwsgi, tmp_path, front, lengths):
    """A client, or a proxy before it, could take the rest of a body for the next response."""
    (tmp_path / "lengths.py").write_text(
        f"def application(environ, start_response):\n    start_response('200 OK', [('Content-Length', n) for n in {lengths!r}])\n"
        "    return [b'1234']\n")
    server = uwsgi(f"--{front}", "127.0.0.1:0", "-M", "--wsgi-file", tmp_path / "lengths.py").allow("Traceback")
    address = server.address() if front != "http" else ("127.0.0.1", int(server.wait_log(r"http bound on 127\.0\.0\.1:(\d+)")[1]))
    answer = wire.raw(address, wire.request_bytes(headers={"Connection": "close"}))
    assert b"1234" not in answer and b"ontent-Length: 4" not in answer
    server.wait_log(r"response refused: invalid or contradictory Content-Length in a response")
