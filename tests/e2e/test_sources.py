"""Where a configuration can come from: every scheme, what it says when it fails, and the commands that print sources."""

import contextlib
import http.server
import os
import pathlib
import resource
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import threading

import pytest

from harness import paths, wire
from harness.server import plain_environment

PIECE = "[uwsgi]\nfrom = outside\n[other]\nfrom = elsewhere\n"
SHOWN = ("--show-config", "--no-server")
needs_cc = pytest.mark.skipif(not shutil.which("cc") or not shutil.which("objcopy"), reason="no C compiler on this machine")
needs_openssl = pytest.mark.skipif(not shutil.which("openssl"), reason="no openssl to make certificates")


def uwsgi_run(*args, code=0, env=None, binary=paths.OURS, cwd=None, **kw):
    """A command that ends by itself: standard output as bytes, and the log."""
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **kw}
    done = subprocess.run([binary, *map(str, args)], timeout=40, check=False, cwd=cwd,
                          env={**plain_environment(), **(env or {})}, **streams)
    log = done.stderr.decode(errors="replace")
    assert done.returncode == code, (done.stdout, log)
    return done.stdout, log


def lines(log: str) -> list[str]:
    return [line.strip() for line in log.splitlines()]


class Pages(http.server.BaseHTTPRequestHandler):
    """`/config` is one, `/short` promises more than it sends; every request is kept."""

    def do_GET(self):
        self.server.seen.append((self.requestline, dict(self.headers)))
        body = PIECE.encode()
        status = {"/config": 200, "/short": 200, "/chunked": 200, "/moved": 301, "/broken": 500}.get(self.path, 404)
        self.send_response(status)
        if self.path == "/moved":
            self.send_header("Location", "/config")
        if self.path == "/chunked":
            self.send_header("Transfer-Encoding", "chunked")
            body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
        else:
            self.send_header("Content-Length", str(len(body) + (self.path == "/short")))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class QuietServer(http.server.ThreadingHTTPServer):
    def handle_error(self, *_):
        """A client that refuses the certificate breaks its connection: that is what is tested."""


@contextlib.contextmanager
def pages(context=None):
    """A web server on a free port; with a TLS context it speaks https."""
    server = QuietServer(("127.0.0.1", 0), Pages)
    server.seen = []
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


# --- every source, the same configuration ---------------------------------------------------------------------------------


@contextlib.contextmanager
def source(kind, tmp_path):
    """What to write behind `--ini`, and what the process needs for it."""
    file = tmp_path / "x.ini"
    file.write_text(PIECE)
    if kind == "path":
        yield str(file), {}
    elif kind == "fifo":
        os.mkfifo(tmp_path / "fifo")
        writer = threading.Thread(target=lambda: (tmp_path / "fifo").write_text(PIECE))
        writer.start()
        yield str(tmp_path / "fifo"), {}
        writer.join()
    elif kind == "stdin":
        yield "-", {"input": PIECE.encode()}
    elif kind == "fd":
        read, write = os.pipe()
        os.write(write, PIECE.encode())
        os.close(write)
        yield f"fd://{read}", {"pass_fds": [read]}
        os.close(read)
    elif kind == "exec":
        yield f"exec://cat '{file}' | cat", {}
    elif kind == "http":
        with pages() as server:
            yield f"http://127.0.0.1:{server.server_port}/config", {}
    elif kind == "data":
        binary = tmp_path / "uwsgi-with-data"
        shutil.copy(paths.OURS, binary)
        for name in (file, "/dev/null", paths.APPS / "hello.py"):
            piece, _ = uwsgi_run("--binary-append-data", name)
            if piece != bytes(8):
                with open(binary, "ab") as out:
                    out.write(piece)
        yield "data://1", {"binary": binary}


@pytest.mark.parametrize("section", ["", ":other"])
@pytest.mark.parametrize("kind", ["path", "fifo", "stdin", "fd", "exec", "http", "data"])
def test_every_source_holds_the_configuration_and_its_sections(kind, section, tmp_path, nothing_left):
    if (kind, bool(section), paths.is_successor(paths.OURS)) == ("stdin", True, False):
        pytest.skip("the C original takes no section of standard input")
    with source(kind, tmp_path) as (what, kw):
        _, log = uwsgi_run("--ini", what + section, *SHOWN, **kw)
    assert f"[uWSGI] getting INI configuration from {what}" in lines(log)
    assert f"from = {'elsewhere' if section else 'outside'}" in lines(log)
    assert ("requesting binary data slot 1" in log) == (kind == "data")


def test_a_value_can_be_the_content_of_a_source(tmp_path):
    (tmp_path / "x.ini").write_text("[uwsgi]\nset-ph = a = @(exec://echo one)\nb = @(exec://echo two)-%(c)\nc = @(three)\n")
    (tmp_path / "three").write_text("3\n")
    _, log = uwsgi_run("--ini", "x.ini", *SHOWN, cwd=tmp_path)
    assert "b = two-3" in lines(log)


@pytest.mark.ours
@pytest.mark.parametrize("stream", ["pipe", "file"])
def test_a_descriptor_can_be_asked_for_another_section(stream, tmp_path):
    """The C original finds nothing the second time."""
    (tmp_path / "x.ini").write_text(PIECE)
    kw = {"input": PIECE.encode()} if stream == "pipe" else {"stdin": open(tmp_path / "x.ini", "rb")}
    with contextlib.closing(kw.get("stdin", contextlib.ExitStack())):
        _, log = uwsgi_run("--ini", "fd://0", "--ini", "-:other", *SHOWN, **kw)
    assert {"from = outside", "from = elsewhere"} <= set(lines(log))


@pytest.mark.ours
@pytest.mark.parametrize("what", ["-", "fd://4"])
def test_a_configuration_from_a_pipe_survives_reloads(what, uwsgi, app, tmp_path):
    """The C original ends at the first reload: the pipe is empty."""
    text = f"[uwsgi]\nhttp-socket = 127.0.0.1:0\nwsgi-file = {app('hello')}\nmaster = true\n"
    piped = tmp_path / "piped"
    piped.write_text(f"""#!/bin/sh\nexec '{paths.OURS}' "$@" <<'ZERO' 4<<'FOUR'\n{text}ZERO\n{text}FOUR\n""")
    piped.chmod(0o755)
    server = uwsgi("--ini", what, binary=piped)
    for _ in range(2):
        address, after = server.address(), server.mark()
        os.kill(server.pid, signal.SIGHUP)
        server.wait_log(r"gracefully \(RE\)spawned uWSGI master process", after=after)
        server.wait_log(r"WSGI app 0 .* ready in", after=after)
        server.settle()
        assert wire.http(address).status == 200


@pytest.mark.ours
def test_a_command_of_the_configuration_inherits_nothing_at_a_reload(uwsgi, app, tmp_path):
    """What is kept for the next image is for that image: neither the sockets nor their table reach what `exec://` runs."""
    seen = tmp_path / "seen"
    (tmp_path / "look").write_text(f"""#!/bin/sh\nenv > '{seen}.env'\nls /proc/self/fd > '{seen}.new'\nmv '{seen}.new' '{seen}'\n""")
    (tmp_path / "x.ini").write_text(f"[uwsgi]\nset = x=@(exec://sh '{tmp_path}/look')\nhttp-socket = 127.0.0.1:0\n"
                                    f"stats = 127.0.0.1:0\nwsgi-file = {app('hello')}\nmaster = true\n")
    server = uwsgi("--ini", "x.ini")
    before, address, after = seen.read_text(), server.address(), server.mark()
    seen.unlink()
    os.kill(server.pid, signal.SIGHUP)
    server.wait_log(r"gracefully \(RE\)spawned uWSGI master process", after=after)
    server.wait_log(r"WSGI app 0 .* ready in", after=after)
    server.settle()
    assert seen.read_text() == before, "the same descriptors as at the first start"
    assert "_UWSGI_KEPT" not in pathlib.Path(f"{seen}.env").read_text()
    assert wire.http(address).status == 200, "and the sockets were kept"


@pytest.mark.parametrize("what, text", [
    ("missing.ini", 'open("missing.ini"): No such file or directory'),
    ("exec://exit 3", "unable to parse config file exec://exit 3"),
    ("data://0", "0 size binary data !!!"),
    ("sym://no_such", "unable to find symbol _binary_no_such_start"),
    ("call://no_such", "unable to find symbol no_such"),
    ("callint://no_such", "unable to find symbol no_such"),
    ("section://no_such", "unable to find section "),
    ("emperor://a.ini", "this is not a vassal instance"),
    ("http://127.0.0.1:1/x", "uwsgi_scheme_http()/connect(): "),
    ("http://no-such-host.invalid/x", "unable to resolve address no-such-host.invalid"),
    ("http://127.0.0.1:1", "invalid http url"),
    pytest.param("exec://exit 3", "exec://exit 3 ended with exit status: 3", marks=pytest.mark.ours),
    pytest.param("fd://77", 'open("fd://77"): Bad file descriptor', marks=pytest.mark.ours),
    pytest.param("data://x", 'data:// wants the number of a slot, "x" is none', marks=pytest.mark.ours),
    pytest.param("gopher://a/b", 'no scheme "gopher://" (known: http, https, exec, fd', marks=pytest.mark.ours),
    pytest.param("https://127.0.0.1:1/x", "Connection refused", marks=pytest.mark.ours),
])
def test_a_source_that_fails_says_so_and_ends_the_start(what, text):
    output, log = uwsgi_run("--extract", what, code=1)
    assert (output, text in log) == (b"", True), log


# --- http and https -------------------------------------------------------------------------------------------------------


def test_the_request_is_one_plain_get(tmp_path):
    with pages() as server:
        output, log = uwsgi_run("--extract", f"http://localhost:{server.server_port}/config")
    assert output.decode() == PIECE
    assert f"domain: localhost:{server.server_port}" in lines(log)
    (request, headers), = server.seen
    assert request == "GET /config HTTP/1.0"
    assert headers == {"Host": f"localhost:{server.server_port}", "User-Agent": f"uWSGI on {socket.gethostname()}"}


@pytest.mark.parametrize("page, text", [("gone", "4xx"), ("broken", "5xx"), ("moved", "3xx")])
@pytest.mark.parametrize("vassal", [False, True])
def test_an_answer_that_is_no_success_ends_the_start(page, text, vassal):
    """26 tells an Emperor to leave this vassal alone."""
    env, code = ({"UWSGI_EMPEROR_FD": "77"}, 26) if vassal else ({}, 1)
    with pages() as server:
        _, log = uwsgi_run("--ini", f"http://127.0.0.1:{server.server_port}/{page}", env=env, code=code)
    assert f"Not usable HTTP response: {text}" in lines(log)
    assert len(server.seen) == 1, "no redirect is followed"


@pytest.mark.ours
def test_half_an_answer_is_no_configuration():
    with pages() as server:
        _, log = uwsgi_run("--extract", f"http://127.0.0.1:{server.server_port}/short", code=1)
        assert f"the answer of 127.0.0.1:{server.server_port} is not whole" in lines(log)
        output, _ = uwsgi_run("--extract", f"http://127.0.0.1:{server.server_port}/chunked")
        assert output.decode() == PIECE


@pytest.mark.ours
def test_a_server_that_never_answers_does_not_hang_the_start():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        for scheme in ("http", "https"):
            _, log = uwsgi_run("--extract", f"{scheme}://127.0.0.1:{port}/x", code=1)
            assert f"unable to read from 127.0.0.1:{port}: no answer in time" in lines(log)


@pytest.mark.ours
@pytest.mark.parametrize("what", ["exec://yes; yes", "/dev/zero", "-", "fd://0", "@(/dev/zero)"])
def test_a_source_without_end_is_refused_before_it_fills_the_memory(what):
    options = ["--set", f"x={what}"] if what.startswith("@") else ["--ini", what]
    with open("/dev/zero", "rb") as endless:
        _, log = uwsgi_run("--check", *options, code=1, stdin=endless, preexec_fn=little_memory)
    assert f'open("{what.strip("@()")}"): it holds more than 64 MiB, the most that is read' in log


def little_memory():
    resource.setrlimit(resource.RLIMIT_AS, (512 << 20, 512 << 20))


@pytest.mark.ours
@pytest.mark.parametrize("option, extra", [("--extract", 0), ("--binary-append-data", 8)])
@pytest.mark.parametrize("source", ["exec://head -c {size} /dev/zero", "{file}"])
def test_what_is_only_handed_on_has_no_limit(option, extra, source, tmp_path):
    """An archive for `data://` may be larger than any configuration."""
    size = 100 << 20
    with open(tmp_path / "large", "wb") as sparse:
        sparse.truncate(size)
    with open(tmp_path / "out", "wb") as out:
        uwsgi_run(option, source.format(size=size, file=tmp_path / "large"), stdout=out, preexec_fn=little_memory)
    assert (tmp_path / "out").stat().st_size == size + extra
    (tmp_path / "out").unlink()


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    """An authority of this test, and a certificate it gave to `localhost`."""
    home = tmp_path_factory.mktemp("authority")

    def openssl(*args):
        subprocess.run(["openssl", *args], cwd=home, check=True, capture_output=True, timeout=30)

    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout")
    openssl("req", "-x509", *key, "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=authority of a test")
    openssl("req", *key, "site.key", "-out", "site.csr", "-subj", "/CN=localhost")
    (home / "names").write_text("subjectAltName = DNS:localhost\n")
    openssl("x509", "-req", "-in", "site.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2",
            "-out", "site.pem", "-extfile", "names")
    return home


@needs_openssl
@pytest.mark.ours
def test_https_is_checked_against_the_trusted_certificates(authority, tmp_path):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority / "site.pem", authority / "site.key")
    trusting = {"SSL_CERT_FILE": str(authority / "ca.pem"), "SSL_CERT_DIR": ""}
    (tmp_path / "none.pem").write_text("")
    with pages(context) as server:
        def fetch(host, env, code):
            return uwsgi_run("--ini", f"https://{host}:{server.server_port}/config:other", *SHOWN, env=env, code=code)[1]

        assert "from = elsewhere" in lines(fetch("localhost", trusting, 0))
        assert "invalid peer certificate" in fetch("127.0.0.1", trusting, 1), "a certificate for another name"
        stranger = {**trusting, "SSL_CERT_FILE": str(authority / "site.pem")}
        assert "invalid peer certificate" in fetch("localhost", stranger, 1)
        nobody = {**trusting, "SSL_CERT_FILE": str(tmp_path / "none.pem")}
        assert "no certificate of an authority to trust" in fetch("localhost", nobody, 1)
    with pages() as server:
        _, log = uwsgi_run("--extract", f"https://localhost:{server.server_port}/config", env=trusting, code=1)
        assert f"unable to read from localhost:{server.server_port}: " in log, "a server without TLS"


# --- what is in the binary, in libraries and with the Emperor -------------------------------------------------------------


def test_a_binary_with_a_configuration_appended_serves(uwsgi, app, tmp_path):
    binary = tmp_path / "uwsgi-alone"
    shutil.copy(paths.OURS, binary)
    plugin = paths.OURS.with_name("libuwsgi_python.so")
    if plugin.exists():
        (tmp_path / plugin.name).symlink_to(plugin)
    (tmp_path / "x.ini").write_text(f"[uwsgi]\nhttp-socket = 127.0.0.1:0\nwsgi-file = {app('hello')}\nmaster = true\n")
    piece, _ = uwsgi_run("--binary-append-data", tmp_path / "x.ini")
    assert piece[-8:] == struct.pack("<Q", len(piece) - 8)
    with open(binary, "ab") as out:
        out.write(piece)
    (tmp_path / "x.ini").unlink()
    server = uwsgi("--master", "--ini", "data://0", binary=binary)
    assert server.get("/").status == 200


LIBRARY = r"""
char *config = "[uwsgi]\nfrom = a variable\n";
char text[] = "[uwsgi]\nfrom = an array\n";
char *answer(void) { return "[uwsgi]\nfrom = a function\n"; }
char *silence(void) { return 0; }
int number(void) { return -42; }
"""


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    """A shared library with configurations in it, one of them an object file made from a file."""
    home = tmp_path_factory.mktemp("library")
    (home / "lib.c").write_text(LIBRARY)
    (home / "blob").write_text("[uwsgi]\nfrom = a file\n")
    subprocess.run(["ld", "-r", "-b", "binary", "-o", "blob.o", "blob"], cwd=home, check=True, timeout=30)
    subprocess.run(["cc", "-shared", "-fPIC", "-Wl,-z,noexecstack", "-o", "lib.so", "lib.c", "blob.o"], cwd=home, check=True, timeout=60)
    return home / "lib.so"


@needs_cc
@pytest.mark.parametrize("what, expected", [
    ("sym://config", "from = a variable"),
    ("sym://blob", "from = a file"),
    ("call://answer", "from = a function"),
    pytest.param("sym://text", "from = an array", marks=pytest.mark.ours),
])
def test_symbols_of_a_loaded_library_are_configurations(what, expected, library):
    _, log = uwsgi_run("--dlopen", library, "--ini", what, *SHOWN)
    assert expected in lines(log)


@needs_cc
def test_symbols_are_printed_and_called(library):
    assert uwsgi_run("--dlopen", library, "--extract", "callint://number")[0] == b"-42"
    _, log = uwsgi_run("--dlopen", library, "--extract", "call://silence", code=1)
    assert "called symbol silence did not return a string" in lines(log)
    _, log = uwsgi_run("--dlopen", library, "--print-sym", "config")
    assert "from = a variable" in lines(log)


@needs_cc
@pytest.mark.ours
def test_symbols_that_hold_no_text_do_not_crash(library):
    """The C original follows any pointer."""
    assert uwsgi_run("--dlopen", library, "--print-symbol", "text")[1] == "[uwsgi]\nfrom = an array\n"
    _, log = uwsgi_run("--extract", "call://getpid", code=1)
    assert "called symbol getpid did not return a string" in lines(log)
    _, log = uwsgi_run("--print-sym", "no_such", code=1)
    assert "unable to find symbol _binary_no_such_start" in lines(log)


def test_a_library_that_is_missing_is_named(uwsgi, app):
    server = uwsgi("--http-socket", "127.0.0.1:0", "--dlopen", "no-such-library.so", "--wsgi-file", app("hello"))
    server.wait_log(r"no-such-library\.so: cannot open shared object file: No such file or directory")
    assert server.get("/").status == 200


@needs_cc
def test_a_section_of_the_binary_is_a_configuration(tmp_path):
    (tmp_path / "x.ini").write_text(PIECE)
    binary = tmp_path / "uwsgi-with-section"
    subprocess.run(["objcopy", "--add-section", f"config={tmp_path / 'x.ini'}", paths.OURS, binary], check=True, timeout=120)
    assert uwsgi_run("--extract", "section://config", binary=binary)[0].decode() == PIECE
    _, log = uwsgi_run("--ini", "section://config:other", *SHOWN, binary=binary)
    assert "from = elsewhere" in lines(log)


@pytest.mark.parametrize("sent, code, text", [
    (struct.pack("<BHB", 0, len(PIECE), 0) + PIECE.encode(), 0, PIECE),
    (b"", 1, "[uwsgi-vassal] error reading config header from a.ini !!!"),
    (struct.pack("<BHB", 0, 0, 0), 1, "[uwsgi-vassal] invalid config from a.ini"),
    (struct.pack("<BHB", 0, 9, 0) + b"short", 1, "[uwsgi-vassal] error reading config from a.ini !!!"),
])
def test_an_emperor_sends_a_configuration(sent, code, text):
    emperor, vassal = socket.socketpair()
    with emperor, vassal:
        emperor.sendall(sent)
        emperor.shutdown(socket.SHUT_WR)
        env = {"UWSGI_EMPEROR_FD": "77", "UWSGI_EMPEROR_FD_CONFIG": str(vassal.fileno())}
        output, log = uwsgi_run("--extract", "emperor://a.ini", env=env, code=code, pass_fds=[vassal.fileno()])
    assert text in (log if code else output.decode())


def test_an_emperor_that_is_silent_does_not_hang_its_vassal():
    emperor, vassal = socket.socketpair()
    with emperor, vassal:
        env = {"UWSGI_EMPEROR_FD": "77", "UWSGI_EMPEROR_FD_CONFIG": str(vassal.fileno())}
        _, log = uwsgi_run("--ini", "emperor://a.ini", env=env, code=1, pass_fds=[vassal.fileno()])
    assert "[uwsgi-vassal] error waiting for config header a.ini !!!" in lines(log)


def test_a_pidfile_may_be_any_source(uwsgi, app):
    server = uwsgi("--http-socket", "127.0.0.1:0", "-M", "--wsgi-file", app("hello"))
    uwsgi_run("--stop", f"exec://echo {server.pid}")
    assert server.wait_exit() == 0


def test_extract_and_connect_and_read_give_raw_bytes(tmp_path):
    """`extract` on standard output, `connect-and-read` in the log, as monitoring scripts have it."""
    raw = bytes(range(256)) * 300
    (tmp_path / "raw").write_bytes(raw)
    assert uwsgi_run("--extract", tmp_path / "raw") == (raw, "")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        def send():
            stream, _ = listener.accept()
            with stream:
                stream.sendall(b"some numbers\n")
        sender = threading.Thread(target=send)
        sender.start()
        _, log = uwsgi_run("--connect-and-read", f"127.0.0.1:{listener.getsockname()[1]}")
        sender.join()
    assert "some numbers" in lines(log)
    uwsgi_run("--connect-and-read", "127.0.0.1:1", code=1)
