"""PEP 3333 on the wire: what applications return is what clients get."""

import hashlib
import json
import os

import pytest

from harness import wire
from harness.server import free_port
from harness.waiting import until

KINDS = ["http-socket", "http11-socket", "http", "socket"]


class Site:
    """The same application behind one kind of socket."""

    def __init__(self, start, kind, app, *options):
        self.kind = kind
        where = f"127.0.0.1:{free_port()}" if kind == "http" else "127.0.0.1:0"
        self.server = start(f"--{kind}", where, "--wsgi-file", app, *options)
        self.address = ("127.0.0.1", int(where.split(":")[1])) if kind == "http" else self.server.address()

    def ask(self, path, method="GET", body=b"", headers=None) -> wire.Response:
        if self.kind != "socket":
            return wire.http(self.address, path, method, body=body, headers=headers)
        path, _, query = path.partition("?")
        extra = {f"HTTP_{k.upper().replace('-', '_')}": v for k, v in (headers or {}).items()}
        pairs = wire.basic_vars(path, method, query, SCRIPT_NAME="", CONTENT_LENGTH=len(body) or "", **extra)
        with wire.connect(self.address) as stream:
            stream.sendall(wire.packet(pairs, body))
            return wire.Reader(stream).response(method)


@pytest.fixture(params=KINDS)
def site(request, uwsgi, app):
    return Site(uwsgi, request.param, app("wires"))


@pytest.fixture(params=KINDS)
def validated(request, uwsgi, app):
    return Site(uwsgi, request.param, app("validated"))


@pytest.mark.parametrize("path, status, body", [
    ("/length", 200, b"12345"),
    ("/headers", 201, b"made"),
    ("/generator", 200, b"".join(b"part %d\n" % i for i in range(5))),
    ("/late-start", 200, b"late"),
    ("/bare-bytes", 200, b"a bytes object"),
    ("/many?n=300", 200, b"x" * 300000),
    ("/write", 200, b"written twice and returned"),
    ("/twice", 202, b"second wins"),
    ("/empty", 200, b""),
    ("/empty-chunk", 200, b"ab"),
    ("/missing", 404, b"no such path"),
    ("/spooled", 200, b"0123456789"),
    ("/file-like", 200, bytes(range(256)) * 512),
    ("/bare-status?code=404", 404, b"body"),
], ids=lambda value: value if isinstance(value, str) else "")
def test_bodies(uwsgi, app, path, status, body):
    server = uwsgi("--http-socket", "127.0.0.1:0", "--wsgi-file", app("wires"))
    answer = server.get(path)
    assert (answer.status, answer.body) == (status, body)


def test_every_kind_of_socket_serves_every_kind_of_body(site):
    assert site.ask("/generator").body.count(b"part") == 5
    assert site.ask("/many?n=200").body == b"x" * 200000
    assert site.ask("/write").body == b"written twice and returned"
    answer = site.ask("/headers")
    assert (answer.status, answer.reason, answer.body) == (201, "Created", b"made")
    assert [v for k, v in answer.headers if k == "Set-Cookie"] == ["a=1", "b=2"]
    data = os.urandom(300000)
    assert site.ask("/echo", "POST", data).body == data
    assert site.ask("/length", "HEAD").header("Content-Length") == "5"
    assert site.ask("/no-content").status == 204
    assert site.ask("/not-modified").status == 304


def test_validator_is_content(validated):
    assert validated.ask("/plain").body == b"plain"
    assert validated.ask("/plain", "HEAD").status == 200
    assert validated.ask("/posted", "POST", b"body").body == b"got body"
    assert validated.ask("/lines", "POST", b"one\ntwo\nthree").body == b"one\n|two\nthree"
    assert validated.ask("/written").body == b"written"
    assert validated.ask("/streamed").body == b"abc"
    assert validated.ask("/plain?a=1&b=%20").status == 200
    validated.server.expect = {0, 30}


@pytest.mark.ours
def test_validator_accepts_replaced_headers(validated):
    """The C original loses the error page here: its start_response breaks with exc_info."""
    validated.server.allow("Traceback")
    answer = validated.ask("/failed")
    assert (answer.status, answer.reason, answer.body) == (500, "Replaced", b"error page")


def test_environ(site):
    environ = json.loads(site.ask("/env?a=b%20c&d", headers={"X-Some": "thing"}).body)
    wanted = {"REQUEST_METHOD": "GET", "PATH_INFO": "/env", "QUERY_STRING": "a=b%20c&d", "REQUEST_URI": "/env?a=b%20c&d",
              "SERVER_PROTOCOL": "HTTP/1.1", "HTTP_X_SOME": "thing", "wsgi.url_scheme": "http", "wsgi.run_once": False,
              "wsgi.version": [1, 0], "wsgi.multiprocess": False}
    assert {k: environ.get(k) for k in wanted} == wanted
    assert environ["SCRIPT_NAME"] == "" if "SCRIPT_NAME" in environ else True


def test_multithread_and_multiprocess_flags_tell_the_truth(uwsgi, app):
    server = uwsgi("--http-socket", "127.0.0.1:0", "-M", "-p", "2", "--threads", "2", "--wsgi-file", app("wires"))
    environ = json.loads(server.get("/env").body)
    assert (environ["wsgi.multithread"], environ["wsgi.multiprocess"]) == (True, True)


def test_reading_forms(uwsgi, app):
    server = uwsgi("--http-socket", "127.0.0.1:0", "--wsgi-file", app("wires"))
    body = b"abcdef\nsecond\nthird line\nfourth\nfifth"
    answer = server.get("/reads", method="POST", body=body).body
    assert answer == repr([b"abc", b"def\n", b"second\n", b"th", [b"ird line\n", b"fourth\n", b"fifth"], b""]).encode()
    assert server.get("/iterate", method="POST", body=body).body == repr(body.splitlines(True)).encode()
    assert server.get("/iterate").body == b"[]"


def test_exception_before_headers_closes_without_a_byte(uwsgi, app):
    server = uwsgi("--http-socket", "127.0.0.1:0", "--wsgi-file", app("wires")).allow("Traceback")
    for path in ("/exc-before", "/none"):
        data = wire.raw(server.address(), wire.request_bytes(path=path))
        assert data == (b"" if path == "/exc-before" else b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n")
    server.wait_log("ValueError: before start_response")
    server.wait_log(r"GET /exc-before => generated 0 bytes in \d+ msecs \(HTTP/1.1 500\)")
    server.wait_log("TypeError: 'NoneType' object is not iterable")


def test_exception_after_output_keeps_what_was_sent(uwsgi, app):
    server = uwsgi("--http-socket", "127.0.0.1:0", "--wsgi-file", app("wires")).allow("Traceback")
    assert server.get("/exc-mid").body == b"first"
    server.wait_log("ValueError: in the middle")


def test_exceptions_are_counted(uwsgi, app, tmp_path):
    server = uwsgi("--http-socket", "127.0.0.1:0", "-M", "--stats", tmp_path / "s", "--wsgi-file", app("wires"))
    server.allow("Traceback")
    for _ in range(3):
        wire.raw(server.address(), wire.request_bytes(path="/exc-before"))
    document = server.wait_stats(lambda s: s["workers"][0]["exceptions"] == 3, "3 exceptions")
    assert document["workers"][0]["apps"][0]["exceptions"] == 3


def test_close_is_called_on_every_way_out(uwsgi, app):
    server = uwsgi("--http-socket", "127.0.0.1:0", "--wsgi-file", app("wires")).allow("Traceback")
    assert server.get("/close").body == b"onetwo"
    assert server.get("/close-after-error").body == b"one"
    assert server.get("/closings").body == b"2"


@pytest.mark.parametrize("size", [0, 1, 65536, 30 << 20])
def test_file_wrapper_sends_the_whole_file(uwsgi, app, tmp_path, size):
    data = os.urandom(size)
    (tmp_path / "f").write_bytes(data)
    server = uwsgi("--http-socket", "127.0.0.1:0", "--wsgi-file", app("wires"))
    answer = server.get(f"/file?path={tmp_path}/f")
    assert hashlib.md5(answer.body).digest() == hashlib.md5(data).digest()


def test_file_wrapper_disabled_sends_the_same(uwsgi, app, tmp_path):
    data = os.urandom(1 << 20)
    (tmp_path / "f").write_bytes(data)
    server = uwsgi("--http-socket", "127.0.0.1:0", "--wsgi-disable-file-wrapper", "--wsgi-file", app("wires"))
    server.allow("Traceback")
    environ = json.loads(server.get("/env").body)
    assert environ["wsgi.file_wrapper"] != "wires" if "wsgi.file_wrapper" in environ else True


@pytest.mark.parametrize("kind", KINDS)
def test_large_upload(uwsgi, app, kind):
    data = os.urandom(1 << 20) * 50
    site = Site(uwsgi, kind, app("wires"))
    assert site.ask("/digest", "POST", data).body == f"{hashlib.md5(data).hexdigest()} {len(data)}".encode()


def test_unread_upload_does_not_hurt_the_answer(uwsgi, app):
    """A small body the application ignores must not turn the response into a reset."""
    server = uwsgi("--http-socket", "127.0.0.1:0", "--wsgi-file", app("hello"))
    assert server.get(method="POST", body=b"x" * 1000).body == b"Hello World"


def test_wsgi_errors_reach_the_log(uwsgi, app):
    server = uwsgi("--http-socket", "127.0.0.1:0", "--wsgi-file", app("wires"))
    assert server.get("/errors").body == b"noted"
    if server.ours:  # the original keeps it in a buffer until the end
        server.wait_log("a line on wsgi.errors")


def test_no_application_answers_500(uwsgi):
    server = uwsgi("--http-socket", "127.0.0.1:0", "-M")
    assert "*** no app loaded. going in full dynamic mode ***" in server.log()
    answer = server.get()
    assert (answer.status, answer.body) == (500, b"Internal Server Error")
    server.wait_log("--- no python application found, check your startup logs for errors ---")


def test_mounts(uwsgi, tmp_path):
    for name in ("one", "two"):
        (tmp_path / f"{name}.py").write_text(
            f"def application(e, s):\n    s('200 OK', [])\n"
            f"    return [f'{name} {{e[\"SCRIPT_NAME\"]}}|{{e[\"PATH_INFO\"]}}'.encode()]\n")
    server = uwsgi("--http-socket", "127.0.0.1:0", "-M", "--manage-script-name", "--mount", f"/one={tmp_path}/one.py",
                   "--mount", f"/two={tmp_path}/two.py", "--single-interpreter", "--no-default-app")
    assert server.get("/one/x/y").body == b"one /one|/x/y"
    assert server.get("/two").body == b"two /two|"
    assert server.get("/onelegged").status == 500
    assert server.get("/three").status == 500
    server.wait_log(rf"mounting {tmp_path}/one.py on /one")


def test_threads_of_the_application_run_between_requests(uwsgi, app, tmp_path):
    server = uwsgi("--http-socket", "127.0.0.1:0", "-M", "--enable-threads", "--wsgi-file", app("wires"))
    assert server.get(f"/thread?path={tmp_path}/made").body == b"started"
    until((tmp_path / "made").exists, "the file of the thread")


@pytest.mark.ours
def test_repeated_options_are_a_list_in_uwsgi_opt(uwsgi, tmp_path):
    """The original keeps only the last one on Python 3, against its documentation."""
    (tmp_path / "opts.py").write_text(
        "import uwsgi\ndef application(e, s):\n    s('200 OK', [])\n    return [repr(uwsgi.opt['pythonpath']).encode()]\n")
    server = uwsgi("--http-socket", "127.0.0.1:0", "--pythonpath", "x", "--pythonpath", "y", "--wsgi-file", tmp_path / "opts.py")
    assert server.get().body == b"[b'x', b'y']"


PATHS = [
    ("/", "/"), ("//", "//"), ("/a//b", "/a//b"), ("/./a", "/a"), ("/a/.", "/a/"), ("/a/..", "/"), ("/a/../b", "/b"),
    ("/../x", "/x"), ("/../../etc", "/etc"), ("/a/b/..", "/a/"), ("/a/b/../../c", "/c"), ("/a/...", "/a/..."),
    ("/..a", "/..a"), ("/.hidden", "/.hidden"), ("/a/.b", "/a/.b"), ("/a+b", "/a+b"), ("http://foo/bar?x", "http://foo/bar"),
    ("/a%2e%2e/b", "/a../b"), ("/%2e%2e/x", "/../x"), ("/a/%2e/b", "/a/./b"), ("/a%", "/a"), ("/a%4", "/a"),
    ("/a%zz", "/a\0"), ("/a%%b", "/a%b"), ("/a#frag", "/a"), ("/a?b#c?d", "/a"), ("*", "*"), ("foo/bar", "foo/bar"),
    ("./a", "/a"), ("../a", "/a"), ("/a%00b", "/a\0b"), ("/a%0d%0ab", "/a\r\nb"), ("/%E4%BD%A0", "/\xe4\xbd\xa0"),
]
PATH_APP = ("import json\ndef application(e, s):\n    s('200 OK', [])\n"
            "    return [json.dumps([e['PATH_INFO'], e['REQUEST_URI'], e['QUERY_STRING']]).encode()]\n")


@pytest.mark.parametrize("kind", ["http-socket", "http"])
def test_path_info_vectors(uwsgi, tmp_path, kind):
    (tmp_path / "p.py").write_text(PATH_APP)
    site = Site(uwsgi, kind, tmp_path / "p.py")
    wrong = []
    for target, path in PATHS:
        data = wire.raw(site.address, wire.request_bytes(path=target, headers={"Connection": "close"}))
        seen = json.loads(data.split(b"\r\n\r\n", 1)[1] or "null") if data else None
        query = "x" if "bar?x" in target else "b#c?d" if "?" in target else ""
        if seen != [path, target, query]:
            wrong.append((target, path, seen))
    assert not wrong
