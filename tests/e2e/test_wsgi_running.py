"""What applications do about their running request through the module `uwsgi`."""

import pathlib
import socket
from urllib.parse import quote

import pytest

from harness import wire
from harness.server import free_port
from harness.waiting import until

CORES = [(), ("--threads", "4")]
HTTP = ["http-socket", "http11-socket", "http"]


@pytest.fixture(params=CORES, ids=["one core", "threads"])
def server(request, uwsgi, app):
    return uwsgi("--http-socket", "127.0.0.1:0", "-M", *request.param, "--wsgi-file", app("running"))


@pytest.fixture(params=HTTP)
def front(request, uwsgi, app):
    """A server and its address, behind each kind of HTTP."""
    where = f"127.0.0.1:{free_port()}" if request.param == "http" else "127.0.0.1:0"
    started = uwsgi(f"--{request.param}", where, "-M", "--wsgi-file", app("running"))
    address = ("127.0.0.1", int(where.split(":")[1])) if request.param == "http" else started.address()
    return started, address, request.param


def lines(server, path, **kw):
    return server.get(path, **kw).body.decode().split("\n")


def chunked(path, body, headers=None):
    return wire.request_bytes("POST", path, {"Transfer-Encoding": "chunked", "Connection": "close", **(headers or {})}) + body


BODY = b"abcdef\nsecond\nlast"


@pytest.mark.ours
@pytest.mark.parametrize("expressions, values", [
    ("i.read(0);i.read(-1);i.read()", [b"", BODY, b""]),
    ("i.read(2);i.read(-1)", [b"ab", BODY[2:]]),
    ("i.read(None)", [BODY]),
    ("i.read(100);i.read(1)", [BODY, b""]),
    ("i.readline(3);i.readline();i.readline(100)", [b"abc", b"def\n", b"second\n"]),
    ("i.readline(0);i.readline(None)", [b"", b"abcdef\n"]),
    ("i.readlines(3);i.readlines()", [[b"abcdef\n"], [b"second\n", b"last"]]),
    ("next(i);i.read(2);next(i);next(i)", [b"abcdef\n", b"se", b"cond\n", b"last"]),
    ("i.tell();i.read(3);i.tell();i.readline();i.tell()", [0, b"abc", 3, b"def\n", 7]),
    ("i.close();i.read(1)", [None, b"a"]),
])
def test_every_way_to_read_a_body(server, expressions, values):
    assert lines(server, f"/values?{quote(expressions)}", method="POST", body=BODY) == [repr(v) for v in values]


@pytest.mark.ours
@pytest.mark.parametrize("expression, error", [
    ("i.seek(0)", "OSError: seeking wsgi.input without post_buffering is IMPOSSIBLE !!!"),
    ("i.read('x')", "TypeError: 'str' object cannot be interpreted as an integer"),
    ("i.read(1,2)", "TypeError: read() takes at most 1 argument (2 given)"),
])
def test_what_a_body_refuses(server, expression, error):
    assert lines(server, f"/values?{quote(expression)}", method="POST", body=BODY) == [error]


@pytest.mark.parametrize("code, call", [("read(10)", "read(10)"), ("readline()", "readline(0)")])
def test_a_client_that_leaves_or_stalls_is_an_error_with_its_call(uwsgi, app, code, call):
    server = uwsgi("--http-socket", "127.0.0.1:0", "-M", "--socket-timeout", "1", "--wsgi-file", app("running"))
    head = wire.request_bytes("POST", f"/values?i.{code}", {"Content-Length": "100000"})
    data = wire.raw(server.address(), head + b"some", shut=True)
    assert data.endswith(f"OSError: error during {call} on wsgi.input".encode())
    server.wait_log(r"\[uwsgi-body-read\] Error reading \d+ bytes\. Content-Length: 100000 consumed: \d left: \d+ message: Client closed")
    data = wire.raw(server.address(), head + b"some")
    assert data.endswith(f"OSError: timeout during {call} on wsgi.input".encode())
    server.wait_log(r"\[uwsgi-body-read\] Timeout reading \d+ bytes\. Content-Length: 100000 consumed: \d left: \d+")


def test_sendfile_takes_paths_and_parts_of_them(server, tmp_path):
    (tmp_path / "f").write_text("0123456789")
    for numbers, sent in [("", b"0123456789"), (",0,3,4", b"3456"), (",0,0,4", b"0123")]:
        assert server.get(f"/sendfile?{tmp_path}/f{numbers}").body == sent + b"|True"
    assert server.get(f"/sendfile?{tmp_path}/nothing").body == b"|None"
    server.wait_log(r'open\("\S+/nothing"\): No such file or directory')
    assert server.get(f"/sendfile-number?{tmp_path}/f").body == b"0123456789|OSError: [Errno 9]", "a number is handed over"


@pytest.mark.ours
def test_sendfile_goes_on_behind_the_file_and_leaves_objects_open(front, tmp_path):
    """The original closes the descriptor under the object, and fails at the end of a part without a length."""
    server, address, _ = front
    (tmp_path / "f").write_text("0123456789")
    assert wire.http(address, f"/sendfile?{tmp_path}/f,2,3").body == b"3456789|True"
    assert wire.http(address, f"/sendfile?{tmp_path}/f,0,2,3").body == b"234|True"
    assert wire.http(address, f"/sendfile?{tmp_path}/f,0,20,5").body == b"|True"
    assert wire.http(address, f"/sendfile-object?{tmp_path}/f").body == b"0123456789|True"


def test_raw_bytes_pass_the_response_by(front):
    server, address, _ = front
    ask = wire.request_bytes(path="/send")
    assert wire.raw(address, ask) == b"HTTP/1.0 200 Own\r\nX-Own: 1\r\n\r\nhead and body, and what was returned"
    assert wire.raw(address, wire.request_bytes(path="/send-only")) == b"HTTP/1.0 200 Own\r\n\r\nall"


def test_a_disconnected_client_is_let_go_while_the_application_goes_on(front, tmp_path):
    server, address, kind = front
    data = wire.raw(address, wire.request_bytes(path=f"/disconnect?{tmp_path}/after"))
    assert b"before" in data and (kind != "http11-socket" or data.endswith(b"0\r\n\r\n"))
    if server.ours:  # the original fails the next write
        until(lambda: (tmp_path / "after").exists() and (tmp_path / "after").read_text(), "what the application did then")
    if kind != "http":
        assert wire.raw(address, wire.request_bytes(path="/disconnect-first")) == b""
    assert wire.http(address, "/values?1").body == b"1"


def test_variables_for_the_log(uwsgi, app):
    server = uwsgi("--http-socket", "127.0.0.1:0", "--log-format", "%(uri) %(who)/%(other)/%(var.ADDED)/%(nobody)",
                   "--wsgi-file", app("running"))
    assert lines(server, "/logvars") == [
        "None", "b'somebody'", "None", "None", "True", "ValueError: unable to add request var, check your buffer size",
        "TypeError: a bytes-like object is required, not 'int'", "TypeError: set_logvar() takes exactly 2 arguments (1 given)"]
    server.wait_log("/logvars somebody/value/variable/-")
    assert server.get("/values?1").body == b"1"
    server.wait_log(r"/values\?1 -/-/-/-")


def test_a_request_may_ask_for_its_line(uwsgi, app):
    server = uwsgi("--http-socket", "127.0.0.1:0", "--disable-logging", "--wsgi-file", app("running"))
    assert lines(server, "/values?1") == ["1"]
    assert lines(server, "/log-me") == ["None"]
    server.wait_log("GET /log-me => generated")
    assert "/values" not in server.log()


def test_chunks_come_as_they_were_sent(server):
    data = wire.raw(server.address(), chunked("/chunks", b"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"))
    assert data.endswith(b"\r\n\r\nb'hello'\nb' world'\nb''")
    data = wire.raw(server.address(), chunked("/chunks-now", b"5\r\nhel"))
    assert data.endswith(b"\r\n\r\nNone\nNone\nNone")


@pytest.mark.ours
@pytest.mark.parametrize("body, values", [
    (b"5;name=value\r\nhello\r\n0\r\nTrailer: x\r\n\r\n", "b'hello'\nb''"),
    (b"zz\r\nhello\r\n0\r\n\r\n", "OSError: unable to receive chunked part"),
    (b"5\r\nhelloXX3\r\n", "b'hello'\nOSError: unable to receive chunked part"),
], ids=["extensions and trailers", "no number", "no end of line"])
def test_odd_chunks(server, body, values):
    assert wire.raw(server.address(), chunked("/chunks", body)).endswith(b"\r\n\r\n" + values.encode())


def test_chunks_have_a_largest_size_and_a_longest_wait(uwsgi, app):
    server = uwsgi("--http-socket", "127.0.0.1:0", "--chunked-input-limit", "8", "--chunked-input-timeout", "1",
                   "--wsgi-file", app("running"))
    data = wire.raw(server.address(), chunked("/chunks", b"9\r\nnine....9\r\n0\r\n\r\n"))
    assert data.endswith(b"OSError: unable to receive chunked part")
    data = wire.raw(server.address(), chunked("/values?u.chunked_read()", b"5\r\nhel"))
    assert data.endswith(b"OSError: unable to receive chunked part")


@pytest.mark.ours
def test_chunks_through_the_router_and_of_front_servers_that_announce_none(uwsgi, app):
    port = free_port()
    server = uwsgi("--http", f"127.0.0.1:{port}", "--socket", "127.0.0.1:0", "-M", "--wsgi-file", app("running"))
    answer = wire.raw(port, chunked("/chunks", b"5\r\nhello\r\n0\r\n\r\n"))
    assert b"b'hello'\nb''" in answer
    pairs = wire.basic_vars("/chunks", "POST")
    answer = wire.raw(server.address(), wire.packet(pairs, b"5\r\nhello\r\n0\r\n\r\n"))
    assert answer.endswith(b"b'hello'\nb''")


def test_descriptors_by_number(server):
    assert lines(server, "/descriptors") == ["True", "False", "True", "b'ab'", "b'c'", "None", "None", "None", "-1", "-1"]


def test_packets_lie_in_files_too(uwsgi, tmp_path):
    pairs = [("name", "value"), ("empty", ""), ("name", "later")]
    files = {"request": wire.packet(pairs), "job": wire.packet(pairs, modifier1=17), "empty": wire.packet([]),
             "code": wire.packet(pairs, modifier1=22), "half": wire.packet(pairs)[:-3], "no header": b"\0\0",
             "no name": wire.packet(b"\0\0\1\0x")}
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    (tmp_path / "app.py").write_text(
        "import uwsgi\n"
        "def application(environ, start_response):\n"
        "    start_response('200 OK', [])\n"
        f"    return [repr([uwsgi.parsefile(name) for name in {[*files, 'nowhere']!r}]).encode()]\n")
    server = uwsgi("--http-socket", "127.0.0.1:0", "-M", "--wsgi-file", tmp_path / "app.py")
    read = {b"name": b"later", b"empty": b""}
    assert server.get("/").body.decode() == repr([read, read, {}, *[None] * 5])
    server.wait_log(r'^open\("nowhere"\): No such file or directory')


@pytest.mark.ours
def test_connect_finds_every_form_of_an_address(uwsgi, tmp_path):
    """Abstract names as the original binds them, with a NUL at their end, go first; no host is this machine."""
    (tmp_path / "app.py").write_text(
        "import uwsgi\n"
        "def application(environ, start_response):\n"
        "    start_response('200 OK', [])\n"
        "    fd = uwsgi.connect(environ['QUERY_STRING'], 2)\n"
        "    said = uwsgi.recv(fd) if fd >= 0 else None\n"
        "    uwsgi.close(fd)\n"
        "    return [repr(said).encode()]\n")
    server = uwsgi("--http-socket", "127.0.0.1:0", "-M", "--wsgi-file", tmp_path / "app.py")
    name = f"uwsgi-test-{server.pid}"
    port = socket.socket()
    port.bind(("127.0.0.1", 0))
    places = {f"@{name}p": (socket.AF_UNIX, f"\0{name}p\0"), f"@{name}e": (socket.AF_UNIX, f"\0{name}e"),
              f"{tmp_path}/s": (socket.AF_UNIX, f"{tmp_path}/s"), f":{port.getsockname()[1]}": None}
    for text, place in places.items():
        with port if place is None else socket.socket(place[0]) as listener:
            if place:
                listener.bind(place[1])
            listener.listen()
            with wire.connect(server.address()) as stream:
                stream.sendall(wire.request_bytes(path=f"/?{text}", headers={"Connection": "close"}))
                listener.settimeout(10)
                peer = listener.accept()[0]
                peer.sendall(text.encode())
                assert wire.read_all(stream).endswith(repr(text.encode()).encode())
                peer.close()


def test_functions_of_engines_that_are_not_there(server):
    missing = "OSError: unable to fd 0 to the event queue"
    assert lines(server, "/engines") == ["b''", "True", "True", missing, missing, "-1", "b''", "ValueError: unable to find symbol x"]
    server.wait_log("ASYNC call without async mode !!!")


def test_facts(uwsgi, app):
    server = uwsgi("--http-socket", "127.0.0.1:0", "-M", "-b", "8192", "--wsgi-file", app("running"))
    assert lines(server, "/facts") == ["None", "(-2, -1, 0)", "8192", "False", "1", "None", "True", "0", "True", "0", "None"]
    title = pathlib.Path(f"/proc/{server.worker_pids()[1]}/cmdline").read_bytes()
    assert title.startswith(b"named by its application"[:len(title.rstrip(b"\0"))])


def test_outside_of_a_request_these_functions_raise(uwsgi, tmp_path):
    (tmp_path / "app.py").write_text(
        "import threading, uwsgi\nseen = []\n"
        "def look():\n"
        "    for name, arguments in (('disconnect', ()), ('set_logvar', ('a', 'b')), ('chunked_read', ()), ('send', (b'x',))):\n"
        "        try:\n            seen.append(getattr(uwsgi, name)(*arguments))\n"
        "        except SystemError as exc:\n            seen.append(str(exc))\n"
        "def application(e, s):\n    thread = threading.Thread(target=look)\n    thread.start()\n    thread.join()\n"
        "    s('200 OK', [])\n    return [repr(set(seen)).encode()]\n")
    server = uwsgi("--http-socket", "127.0.0.1:0", "--enable-threads", "--wsgi-file", tmp_path / "app.py")
    if server.ours:
        assert server.get().body == b"{'you can call uwsgi api function only from the main callable'}"
