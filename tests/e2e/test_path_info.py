"""`PATH_INFO` out of raw targets, byte for byte, on every front; `REQUEST_URI` stays what the client sent."""

import contextlib
import json

import pytest

from harness import wire

pytestmark = [pytest.mark.ours]

FRONTS = ["http-socket", "http11-socket", "http"]
VECTORS = [
    ("/", "/"), ("//", "//"), ("/a//b", "/a//b"), ("/./a", "/a"), ("/a/.", "/a/"), ("/a/..", "/"), ("/a/../b", "/b"), ("/../x", "/x"),
    ("/../../etc", "/etc"), ("/a/b/..", "/a/"), ("/a/b/../../c", "/c"), ("/a/...", "/a/..."), ("/..a", "/..a"), ("/.hidden", "/.hidden"),
    ("/a/.b", "/a/.b"), ("/a+b", "/a+b"), ("http://foo/bar?x", "http://foo/bar"), ("/a%2e%2e/b", "/a../b"), ("/%2e%2e/x", "/../x"),
    ("/a/%2e/b", "/a/./b"), ("/a%", "/a"), ("/a%4", "/a"), ("/a%zz", "/a\0"), ("/a%%b", "/a%b"), ("/a#frag", "/a"), ("/a?b#c?d", "/a"),
    ("*", "*"), ("foo/bar", "foo/bar"), ("?", ""), ("./a", "/a"), ("../a", "/a"), ("/a%00b", "/a\0b"), ("/a%0d%0ab", "/a\r\nb"),
    ("/%E4%BD%A0", "/\xe4\xbd\xa0"), ("/a%2Fb", "/a/b"), ("/a%2fb", "/a/b"), ("/%c0%ae%c0%ae/a", "/\xc0\xae\xc0\xae/a"),
]
KEPT = [("/a%2Fb%20c", "/a%2Fb c"), ("/a%2fb", "/a%2fb"), ("/a%2F../b", "/a%2F../b"), ("/%252F", "/%2F"), ("/a/../%2F", "/%2F")]

APP = """\
import json
def application(environ, start_response):
    body = json.dumps([environ['PATH_INFO'], environ['REQUEST_URI'], environ['QUERY_STRING']]).encode()
    start_response('200 OK', [('Content-Length', str(len(body)))])
    return [body]
"""


@pytest.fixture
def asked(uwsgi, tmp_path):
    """Factory: what the application saw of a target."""
    (tmp_path / "paths.py").write_text(APP)

    def start(front, *options):
        server = uwsgi(f"--{front}", "127.0.0.1:0", "-M", "--wsgi-file", tmp_path / "paths.py", *options)
        address = server.address() if front != "http" else ("127.0.0.1", int(server.wait_log(r"http bound on 127\.0\.0\.1:(\d+)")[1]))

        def ask(target):
            with contextlib.closing(wire.connect(address)) as stream:
                stream.sendall(wire.request_bytes(path=target, headers={"Connection": "close"}))
                return json.loads(wire.Reader(stream).response().body)

        return ask

    return start


@pytest.mark.parametrize("front", FRONTS)
def test_the_path_follows_the_table(asked, front):
    ask = asked(front)
    got = {raw: ask(raw) for raw, _ in VECTORS}
    assert {raw: seen[0] for raw, seen in got.items()} == dict(VECTORS)
    assert all(seen[1] == raw for raw, seen in got.items()), "the raw target is untouched"
    assert got["/a?b#c?d"][2] == "b#c?d"


@pytest.mark.parametrize("front", FRONTS)
def test_encoded_slashes_stay_on_demand(asked, front):
    ask = asked(front, "--http-path-info-no-decode-slashes")
    assert {raw: ask(raw)[0] for raw, _ in KEPT} == dict(KEPT)
