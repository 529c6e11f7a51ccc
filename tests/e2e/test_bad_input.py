"""Bad input: exact texts and exit codes at start, and servers that survive garbage."""

import random
import socket
import subprocess

import pytest

from harness import paths, procs, wire
from harness.server import free_port, plain_environment


def run(*args, cwd, env=None) -> tuple[int, str]:
    done = subprocess.run([paths.OURS, *map(str, args)], capture_output=True, timeout=30, cwd=cwd,
                          env={**plain_environment(), **(env or {})}, check=False,
                          stdin=subprocess.DEVNULL)
    return done.returncode, (done.stdout + done.stderr).decode(errors="replace")


START = [
    (["--no-such-option"], 1, ["unrecognized option '--no-such-option'", "getopt_long() error"]),
    (["--proc", "2"], 1, ["option '--proc' is ambiguous", "getopt_long() error"]),
    (["--master=true"], 1, ["option '--master' doesn't allow an argument", "getopt_long() error"]),
    (["--socket"], 1, ["option '--socket' requires an argument", "getopt_long() error"]),
    (["--ini", "missing.ini"], 1, ["realpath() of missing.ini failed: No such file or directory"]),
    (["whatever.txt"], 1, ["unable to load configuration from whatever.txt"]),
    ([], 1, ["The -s/--socket option is missing and stdin is not a socket."]),
    (["--socket", "127.0.0.1:0", "--protocol", "gopher"], 1, ["unable to find protocol gopher"]),
    (["--socket", "x" * 200], 1, ["invalid socket name"]),
    (["--socket", "127.0.0.1:0", "--listen", "100000000"], 1, ["Listen queue size is greater than the system max net.core.somaxconn"]),
    (["--http-socket", "127.0.0.1:0", "-M", "-p", "2", "--cheaper", "2"], 1, ["invalid cheaper value: must be lower than processes"]),
    (["--http-socket", "127.0.0.1:0", "--need-app"], 22, ["*** no app loaded. GAME OVER ***"]),
    (["--http-socket", "127.0.0.1:0", "--pidfile", "/no/such/dir/pid"], 1, ['open("/no/such/dir/pid"): No such file or directory']),
    (["--http-socket", "127.0.0.1:0", "--chdir", "/no/such/dir"], 1, ["chdir()"]),
    (["--stop", "missing.pid"], 1, ["missing.pid"]),
    (["--http-socket", "/no/such/dir/sock"], 1, ["bind(): No such file or directory"]),
]


@pytest.mark.parametrize("args, code, texts", START, ids=[" ".join(a)[:40] or "nothing" for a, _, _ in START])
def test_start_fails_by_name(tmp_path, nothing_left, args, code, texts):
    seen, text = run(*args, cwd=tmp_path)
    assert (seen, [t for t in texts if t not in text]) == (code, []), text[-2000:]


@pytest.mark.parametrize("option", ["--http-socket", "--socket", "--http", "--stats"])
def test_a_busy_port_is_named(tmp_path, nothing_left, app, option):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        more = ["--http-socket", "127.0.0.1:0"] if option == "--stats" else []
        code, text = run(option, f"127.0.0.1:{port}", *more, "--wsgi-file", app("hello"), "-M", cwd=tmp_path)
    assert code == 1, text[-2000:]
    assert f"probably another instance of uWSGI is running on the same address (127.0.0.1:{port})." in text
    assert "bind(): Address already in use" in text


def test_missing_wsgi_file_goes_dynamic(uwsgi, tmp_path):
    server = uwsgi("--http-socket", "127.0.0.1:0", "--wsgi-file", tmp_path / "nothing.py")
    server.wait_log(r"failed to open python file .*nothing\.py")
    server.wait_log(r"unable to load app 0 \(mountpoint=''\) \(callable not found or import error\)")
    server.wait_log(r"\*\*\* no app loaded\. going in full dynamic mode \*\*\*")
    assert server.get().status == 500


@pytest.mark.parametrize("source, text", [
    ("def application(:\n", r"SyntaxError"),
    ("x = 1\n", r'unable to find "application" callable in file'),
    ("application = 5\n", r'"application" must be a callable object in file'),
    ("raise RuntimeError('at import')\n", r"RuntimeError: at import"),
])
def test_broken_apps_are_explained(uwsgi, tmp_path, source, text):
    (tmp_path / "broken.py").write_text(source)
    server = uwsgi("--http-socket", "127.0.0.1:0", "-M", "--wsgi-file", tmp_path / "broken.py").allow("Traceback")
    server.wait_log(text)
    assert server.get().status == 500


def test_bad_mount_is_refused(tmp_path, nothing_left):
    code, text = run("--http-socket", "127.0.0.1:0", "--mount", "nonsense", cwd=tmp_path)
    assert code == 1 and "invalid mountpoint: nonsense" in text


OVERSIZE = b"GET / HTTP/1.1\r\nHost: x\r\nX-Big: " + b"x" * 9000 + b"\r\n\r\n"


@pytest.mark.parametrize("kind", ["http-socket", "http11-socket"])
def test_oversize_header(uwsgi, app, kind):
    server = uwsgi(f"--{kind}", "127.0.0.1:0", "--wsgi-file", app("hello_length"))
    answer = wire.raw(server.address(), OVERSIZE)
    server.wait_log(r"invalid HTTP request size \(max 4096\)\.\.\.skip")
    assert answer == b"" or answer.startswith(b"HTTP/1.1 431 ")
    assert server.get().status == 200


def test_buffer_size_admits_larger_headers(uwsgi, app):
    server = uwsgi("--http-socket", "127.0.0.1:0", "--buffer-size", "32768", "--wsgi-file", app("hello"))
    assert wire.raw(server.address(), OVERSIZE).endswith(b"Hello World")


def test_oversize_uwsgi_packet(uwsgi, app):
    server = uwsgi("--socket", "127.0.0.1:0", "--wsgi-file", app("hello"))
    assert wire.raw(server.address(), wire.packet([("A", "x" * 5000)])) == b""
    server.wait_log(r"invalid request block size: 5005 \(max 4096\)\.\.\.skip")


def test_limit_post(uwsgi, app):
    server = uwsgi("--socket", "127.0.0.1:0", "--limit-post", "1000", "--wsgi-file", app("wires"))
    big = wire.basic_vars("/echo", "POST", CONTENT_LENGTH=1001)
    assert wire.raw(server.address(), wire.packet(big, b"x" * 1001)) == b""
    server.wait_log(r"Invalid \(too big\) CONTENT_LENGTH\. skip\.")


GARBAGE = [b"\0" * 100, b"\xff" * 5000, b"GET\r\n\r\n", b"\r\n\r\n", b" \r\n\r\n", b"GET /\r\n\r\n", b"GET / HTTP/1.1\r\nHost: h\r\n:\r\n\r\n",
           b"GET / HTTP/1.1\r\nHost: h\r\nnocolon\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
           b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: -5\r\n\r\n", b"POST / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n",
           b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
           b"\x00\xff\xff\x00", b"\x00\x04\x00\x00\xff\xff\xff\xff", b"PROXY TCP4 1 2 3 4\r\n"]


@pytest.mark.parametrize("kind", ["http-socket", "http11-socket", "http", "socket", "stats", "stats-http"])
def test_garbage_on_every_port(uwsgi, app, tmp_path, kind):
    """Whatever comes in, the same processes are still there and still serve."""
    port = free_port()
    front = {"http": f"127.0.0.1:{port}"}.get(kind, "127.0.0.1:0")
    options = ["--http", front] if kind == "http" else [f"--{kind}", front] if not kind.startswith("stats") else ["--http-socket", front]
    options += ["--stats", tmp_path / "s"] + (["--stats-http"] if kind == "stats-http" else [])
    server = uwsgi(*options, "-M", "-p", "1", "--threads", "2", "--socket-timeout", "1", "--wsgi-file", app("hello"))
    server.allow("Traceback")
    target = port if kind == "http" else str(tmp_path / "s") if kind.startswith("stats") else server.address()
    before = set(procs.children(server.pid))
    dice = random.Random(7)
    for piece in GARBAGE + [dice.randbytes(dice.randrange(1, 3000)) for _ in range(30)]:
        wire.raw(target, piece, timeout=20, shut=True)
    assert before <= set(procs.children(server.pid)), "a process died"
    if kind.startswith("stats"):
        assert server.stats()["pid"] == server.pid
    elif kind == "socket":
        assert wire.raw(target, wire.packet(wire.basic_vars())).endswith(b"Hello World")
    else:
        assert wire.http(target).body == b"Hello World"


def test_clients_that_leave_midway(uwsgi, app):
    """Half a head, half a body, half a response: the worker goes on."""
    server = uwsgi("--http-socket", "127.0.0.1:0", "-M", "--socket-timeout", "2", "--wsgi-file", app("wires"))
    server.allow("Traceback")
    for data in (b"GET / HT", b"POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\nhalf"):
        stream = wire.connect(server.address())
        stream.sendall(data)
        stream.close()
    stream = wire.connect(server.address())
    stream.sendall(wire.request_bytes(path="/many?n=20000"))
    stream.recv(1000)
    stream.close()
    server.wait_log(r"GET /many\?n=20000 => generated")
    assert server.get("/length").body == b"12345"
