"""What options do to the headers of responses."""

import os

import pytest

from harness import wire

APP = """
def application(environ, start_response):
    start_response("200 OK", [("X-One", "1"), ("x-two", "2"), ("X-Three", "3"), ("X-Two", "again"), ("Content-Length", "2")])
    return [b"ok"]
"""


@pytest.fixture(params=["http-socket", "http11-socket"])
def start(request, uwsgi, tmp_path):
    (tmp_path / "app.py").write_text(APP)
    return lambda *options: uwsgi(f"--{request.param}", "127.0.0.1:0", "--wsgi-file", tmp_path / "app.py", *options)


def seen(server):
    answer = server.get()
    assert answer.body == b"ok"
    return [(k, v) for k, v in answer.headers if k != "Connection"]


@pytest.mark.parametrize("option", ["--rem-header", "--del-header"])
def test_a_header_is_removed_whatever_its_case(start, option):
    assert seen(start(option, "x-TWO")) == [("X-One", "1"), ("X-Three", "3"), ("Content-Length", "2")]


@pytest.mark.ours
def test_headers_are_collected_and_pulled(start):
    server = start("--collect-header", "x-three THREE", "--pull-header", "X-Two TWO", "--log-format", "said %(var.THREE) %(var.TWO)")
    assert seen(server) == [("X-One", "1"), ("X-Three", "3"), ("Content-Length", "2")]
    server.wait_log("said 3 again")


@pytest.mark.ours
def test_added_headers_come_last_and_stay(start):
    server = start("--rem-header", "X-One", "--add-header", "X-One: added", "--add-header", "X-Four: 4")
    names = seen(server)
    assert names == [("x-two", "2"), ("X-Three", "3"), ("X-Two", "again"), ("Content-Length", "2"), ("X-One", "added"), ("X-Four", "4")]


@pytest.mark.ours
@pytest.mark.parametrize("value", ["X-One", "X-One ONE more"])
def test_a_rule_that_says_nothing_is_refused(uwsgi, value):
    server = uwsgi("--http-socket", "127.0.0.1:0", "--pull-header", value, ready=False)
    assert server.wait_exit() == 1
    server.wait_log(f'invalid value for option "pull-header": "{value}" is no header and variable')
    server.expect = {1}


def test_a_page_for_failures(uwsgi, tmp_path):
    (tmp_path / "page.html").write_text("<h1>later</h1>")
    options = [f"--error-page-500={tmp_path}/nothing.html", f"--error-page-500={tmp_path}/page.html"]
    server = uwsgi("--http-socket", "127.0.0.1:0", "-M", *options)
    answer = server.get()
    assert (answer.status, answer.body) == (500, b"<h1>later</h1>")
    assert answer.headers == [("Connection", "close"), ("Content-Type", "text/html"), ("Content-Length", "14")]
    (tmp_path / "page.html").unlink()
    assert server.get().body == b"Internal Server Error"


@pytest.mark.ours
def test_the_page_stands_in_for_applications_that_fail(uwsgi, tmp_path):
    (tmp_path / "page.html").write_text("<h1>later</h1>")
    (tmp_path / "app.py").write_text("def application(e, s):\n    raise ValueError('x')\n")
    server = uwsgi("--http-socket", "127.0.0.1:0", "--exception-500", f"--error-page-500={tmp_path}/page.html",
                   "--wsgi-file", tmp_path / "app.py").allow("Traceback")
    assert server.get().body == b"<h1>later</h1>"


def test_headers_may_leave_before_the_body_is_known(uwsgi, tmp_path):
    os.mkfifo(tmp_path / "go")
    (tmp_path / "app.py").write_text(
        "def application(environ, start_response):\n"
        "    start_response('200 OK', [('X-Early', '1')])\n"
        f"    return [open({str(tmp_path / 'go')!r}, 'rb').read()]\n")
    server = uwsgi("--http-socket", "127.0.0.1:0", "-M", "--start_response-nodelay", "--wsgi-file", tmp_path / "app.py")
    with wire.connect(server.address()) as stream:
        stream.sendall(wire.request_bytes())
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += stream.recv(1)
        assert b"X-Early: 1\r\n" in head
        (tmp_path / "go").write_bytes(b"body")
        assert wire.read_all(stream) == b"body"
