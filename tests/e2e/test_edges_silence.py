"""Who is refused is told why; with `close-silently` its connection just closes, as the original does it."""

import re

import pytest

from harness import cgi, wire

pytestmark = pytest.mark.ours


def address_of(server, kind):
    if kind != "http":
        return server.address()
    return int(server.wait_log(r"uWSGI http bound on 127\.0\.0\.1:(\d+)").group(1))


def post(size, path="/read"):
    return wire.request_bytes("POST", path, {"Content-Length": str(size)}, b"")


CASES = {
    "400": (b"GET / HTTP/1.1\r\nno colon\r\n\r\n", []),
    "413": (post(100) + b"x" * 100, ["--limit-post", "10"]),
    "431": (wire.request_bytes(headers={"X-Large": "x" * 70_000}), []),
    "408": (b"GET / HTTP/1.1\r\nHost: a\r\nX-Half", ["--socket-timeout", "1", "--http-timeout", "1"]),
    "408 stored": (post(100_000) + b"x", ["--socket-timeout", "1", "--http-timeout", "1", "--post-buffering", "10"]),
    "500": (wire.request_bytes(path="/no-such-thing"), []),
}


@pytest.mark.parametrize("kind", ["http-socket", "http11-socket", "http"])
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("silent", [False, True], ids=["told", "silent"])
def test_who_is_refused(uwsgi, app, kind, case, silent):
    request, options = CASES[case]
    switch = ["--close-silently"] if silent else []
    server = uwsgi(f"--{kind}", "127.0.0.1:0", *switch, *options, "--wsgi-file", app("bodies")).allow("Traceback")
    answer = wire.raw(address_of(server, kind), request)
    told = not silent and not (case == "500" and kind == "http-socket")
    if told:
        assert answer.startswith(f"HTTP/1.1 {case[:3]} ".encode())
    else:
        assert answer == b""
    assert wire.http(address_of(server, kind), "/unread", headers={"Connection": "close"}).body == b"not read"


@pytest.mark.parametrize("silent", [False, True], ids=["told", "silent"])
def test_web_servers_too(uwsgi, app, silent):
    switch = ["--close-silently"] if silent else []
    server = uwsgi("--fastcgi-socket", "127.0.0.1:0", "--scgi-socket", "127.0.0.1:0", "--limit-post", "3", *switch,
                   "--wsgi-file", app("bodies"))
    pairs = cgi.variables("/read", b"large", "POST")
    fastcgi = wire.raw(server.address(0), cgi.fastcgi(pairs, b"large"))
    scgi = wire.raw(server.address(1), cgi.scgi(pairs, b"large"))
    assert (b"Status: 413 " in fastcgi, b"Status: 413 " in scgi) == (not silent, not silent)
    assert not silent or fastcgi + scgi == b""


@pytest.mark.parametrize("kind, silent, status, sizes", [
    ("http-socket", False, 413, "24 bytes in 0 msecs (HTTP/1.1 413) 3 headers in 106 bytes (0 switches on core 0)"),
    ("http-socket", True, 500, "0 bytes in 0 msecs (HTTP/1.1 500) 0 headers in 0 bytes (0 switches on core 0)"),
    ("socket", False, 500, "0 bytes in 0 msecs (HTTP/1.1 500) 0 headers in 0 bytes (0 switches on core 0)"),
    ("http", False, 413, "24 bytes in 0 msecs (HTTP/1.1 413) 3 headers in 106 bytes (0 switches on core 0)"),
])
def test_the_line_of_a_body_that_is_too_large(uwsgi, app, kind, silent, status, sizes):
    """It says what the client was told, and the size of the variables."""
    switch = ["--close-silently"] if silent else []
    server = uwsgi(f"--{kind}", "127.0.0.1:0", "-M", "--stats", "stats", *switch, "--limit-post", "10", "--wsgi-file", app("bodies"))
    if kind == "socket":
        pairs = wire.basic_vars("/big", "POST", CONTENT_LENGTH="11")
        assert wire.raw(server.address(), wire.packet(pairs, b"x" * 11)) == b""
        size, count = len(wire.packet(pairs)) - 4, 2 * len(pairs)
    else:
        wire.raw(address_of(server, kind), post(11, "/big") + b"x" * 11)
        size, count = r"\d{3}", r"\d\d"
    server.wait_log(r"^Invalid \(too big\) CONTENT_LENGTH\. skip\.$")
    server.wait_log(rf"^\[pid: \d+\|app: -1\|req: -1/1\] 127\.0\.0\.1 \(\) {{{count} vars in {size} bytes}} \[.{{24}}\] POST /big => generated "
                    + re.escape(sizes) + "$")
    counted = server.wait_stats(lambda d: d["workers"][0]["requests"] == 1, "the request counted")
    assert counted["workers"][0]["status"] == "idle"
