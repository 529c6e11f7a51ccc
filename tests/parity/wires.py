"""Bytes on the wire: HTTP, uwsgi packets, variables."""

import json
import re

from harness import wire

from .box import AUTO
from .scenarios import scenario


def wires(box, *options):
    return box.serve("--http-socket", AUTO, "-M", *options, "--wsgi-file", box.app("wires"))


@scenario
def http_bodies(box):
    server = wires(box)
    for path in ("/length", "/headers", "/generator", "/late-start", "/bare-bytes", "/many?n=3", "/write", "/twice", "/empty",
                 "/empty-chunk", "/missing", "/no-content", "/not-modified", "/spooled", "/close", "/closings"):
        box.get(server, path)
    box.stop(server, only="=> generated")


@scenario
def http_versions_and_methods(box):
    server = wires(box)
    for method, version in (("GET", "1.0"), ("HEAD", "1.1"), ("OPTIONS", "1.1"), ("BREW", "1.1"), ("DELETE", "1.0")):
        box.get(server, "/length", method, version)
    box.stop(server, only="=> generated")


@scenario
def http_status_reasons(box):
    server = wires(box)
    for code in ("200", "204 None", "404", "418", "451", "500", "599", "299 Odd words here"):
        box.get(server, f"/bare-status?code={code.replace(' ', '%20')}")
    box.stop(server, "none")


@scenario
def http_exceptions(box):
    server = wires(box)
    for path in ("/exc-before", "/exc-after", "/exc-mid", "/none", "/close-after-error", "/length"):
        box.get(server, path)
    box.stop(server, only=r"Error|Traceback|File|=> generated")


@scenario
def http_request_bodies(box):
    server = wires(box)
    body = b"abcdef\nsecond\nthird line\nfourth\nfifth"
    for path in ("/echo", "/reads", "/iterate", "/digest"):
        box.exchange(server, f"POST {path}", wire.request_bytes("POST", path, body=body))
    box.exchange(server, "POST without body", wire.request_bytes("POST", "/echo"))
    box.stop(server, only="=> generated")


@scenario
def http_file_wrapper(box):
    server = wires(box)
    path = box.file("data", "0123456789" * 10)
    box.get(server, f"/file?path={path}")
    box.get(server, "/spooled")
    box.stop(server, "none")


@scenario
def http11_keep_alive(box):
    server = box.serve("--http11-socket", AUTO, "-M", "--wsgi-file", box.app("wires"))
    with wire.connect(server.address()) as stream:
        reader = wire.Reader(stream)
        for _ in range(3):
            stream.sendall(wire.request_bytes(path="/length"))
            box.note("wire", reader.response())
    box.stop(server, only="=> generated")


@scenario
def http_router(box):
    port = box.port()
    server = box.serve("--http", f"127.0.0.1:{port}", "-M", "--wsgi-file", box.app("wires"))
    for path in ("/length", "/generator", "/missing", "/headers", "/no-content"):
        box.wire(path, wire.raw(port, wire.request_bytes(path=path, headers={"Connection": "close"})))
    box.wire("echo", wire.raw(port, wire.request_bytes("POST", "/echo", {"Connection": "close"}, b"x" * 20000)))
    box.stop(server, only="=> generated|spawned|bound|buried")


@scenario
def http_router_keep_alive(box):
    port = box.port()
    server = box.serve("--http", f"127.0.0.1:{port}", "--http-keepalive", "-M", "--wsgi-file", box.app("wires"))
    with wire.connect(port) as stream:
        reader = wire.Reader(stream)
        for _ in range(3):
            stream.sendall(wire.request_bytes(path="/length"))
            box.note("wire", reader.response())
    box.stop(server, "none")


PATHS = """/ // /a//b /./a /a/. /a/.. /a/../b /../x /../../etc /a/b/.. /a/b/../../c /a/... /..a /.hidden /a/.b /a+b
http://foo/bar?x /a%2e%2e/b /%2e%2e/x /a/%2e/b /a% /a%4 /a%zz /a%%b /a#frag /a?b#c?d * foo/bar ./a ../a /a%00b /a%0d%0ab
/%E4%BD%A0""".split()
PATH_APP = ("import json\ndef application(e, s):\n    s('200 OK', [])\n"
            "    return [json.dumps([e.get(k) for k in ('PATH_INFO', 'REQUEST_URI', 'QUERY_STRING')]).encode()]\n")


@scenario
def path_info_http_socket(box):
    server = box.serve("--http-socket", AUTO, "-M", "--wsgi-file", box.file("p.py", PATH_APP))
    for target in PATHS:
        box.get(server, target)
    box.stop(server, "none")


@scenario
def path_info_router(box):
    port = box.port()
    server = box.serve("--http", f"127.0.0.1:{port}", "-M", "--wsgi-file", box.file("p.py", PATH_APP))
    for target in PATHS:
        box.wire(target, wire.raw(port, wire.request_bytes(path=target, headers={"Connection": "close"})))
    box.stop(server, "none")


@scenario
def header_forms(box):
    server = wires(box)
    for name, lines in {"twice": "X-A: 1\r\nX-A: 2", "cookies": "Cookie: a=1\r\nCookie: b=2",
                        "spaces": "X-A:   lead  ", "empty": "X-A:", "underscore": "X_A: 1", "latin": "X-A: \xe9",
                        "types": "Content-Type: text/x\r\nContent-Length: 0"}.items():
        data = wire.raw(server.address(), f"GET /env HTTP/1.1\r\nHost: h\r\n{lines}\r\n\r\n".encode("latin-1"))
        box.note("env", name)
        show_environ(box, data)
    box.stop(server, "none")


@scenario
def header_folded(box):
    server = wires(box)
    data = wire.raw(server.address(), b"GET /env HTTP/1.1\r\nHost: h\r\nX-A: a\r\n b\r\n\r\n")
    box.note("folded", "refused" if data.startswith(b"HTTP/1.1 400") else "accepted")
    box.stop(server, "none")


def show_environ(box, data: bytes) -> None:
    """One line per variable, sorted; the body must be JSON."""
    try:
        environ = json.loads(data.split(b"\r\n\r\n", 1)[1])
    except (IndexError, ValueError):
        return box.wire("no environ", data)
    for key in sorted(environ):
        value = environ[key]
        if key == "uwsgi.core":
            value = "a core"
        if key in ("SERVER_PORT", "REMOTE_PORT"):
            value = "PORT" if str(value).isdigit() else value
        box.note("env", f"   {key} = {value!r}")


@scenario
def environ_http_socket(box):
    server = wires(box)
    show_environ(box, wire.raw(server.address(), wire.request_bytes(path="/env?a=b%20c", headers={"X-Some": "1", "Accept": "*/*"})))
    show_environ(box, wire.raw(server.address(), b"POST /env HTTP/1.0\r\nContent-Length: 3\r\n\r\nabc"))
    box.stop(server, only="=> generated")


@scenario
def environ_uwsgi_socket(box):
    server = box.serve("--socket", AUTO, "-M", "-p", "2", "--threads", "2", "--wsgi-file", box.app("wires"))
    pairs = wire.basic_vars("/env", query="x=1", HTTPS="on", SCRIPT_NAME="", HTTP_HOST="h", UWSGI_EXTRA="extra")
    show_environ(box, wire.raw(server.address(), wire.packet(pairs)))
    box.stop(server, "none")


@scenario
def environ_router(box):
    port = box.port()
    server = box.serve("--http", f"127.0.0.1:{port}", "-M", "--wsgi-file", box.app("wires"))
    show_environ(box, wire.raw(port, wire.request_bytes(path="/env?a=b", headers={"Connection": "close"})))
    box.stop(server, only="=> generated")


@scenario
def environ_unix_socket(box):
    server = box.serve("--http-socket", "unix.sock", "-M", "--wsgi-file", box.app("wires"))
    show_environ(box, wire.raw(str(box.directory / "unix.sock"), wire.request_bytes(path="/env")))
    server.quiet()
    box.note("size", re.search(r"vars in (\d+) bytes", server.log())[1])
    box.stop(server, only="bound|=> generated")


@scenario
def uwsgi_ping(box):
    server = box.serve("--socket", AUTO, "-M", "--wsgi-file", box.app("hello"))
    box.exchange(server, "ping", b"\x64\x00\x00\x00")
    box.stop(server, only="PING|=> generated")


@scenario
def uwsgi_broken_packets(box):
    server = box.serve("--socket", AUTO, "-M", "--socket-timeout", "1", "--wsgi-file", box.app("hello"))
    for name, data in {
        "http": b"GET / HTTP/1.0\r\n\r\n", "oversize": wire.packet([("A", "x" * 5000)]), "empty": wire.packet([]),
        "null key": wire.packet(b"\x00\x00\x01\x00x"), "overrun": wire.packet(b"\x04\x00NAME\xff\x00v"),
        "modifier": wire.packet(wire.basic_vars(), modifier1=77), "half": b"\x00\x50\x00\x00abc",
        "good": wire.packet(wire.basic_vars()),
    }.items():
        box.exchange(server, name, data)
    box.stop(server, only="skip|unavailable|=> generated|Empty|invalid")


@scenario
def uwsgi_many_vars(box):
    server = box.serve("--socket", AUTO, "-M", "--wsgi-file", box.app("hello"))
    for count in (127, 128, 129):
        block = wire.basic_vars()
        box.exchange(server, f"{count} vars", wire.packet(block + [(f"V{i}", "x") for i in range(count - len(block))]))
    box.stop(server, only="max vec|=> generated")


@scenario
def uwsgi_body_and_limit(box):
    server = box.serve("--socket", AUTO, "-M", "--limit-post", "100", "--wsgi-file", box.app("wires"))
    for size in (0, 100, 101):
        pairs = wire.basic_vars("/echo", "POST", CONTENT_LENGTH=size)
        box.exchange(server, f"body of {size}", wire.packet(pairs, b"x" * size))
    box.stop(server, only="Invalid|=> generated")


@scenario
def http_oversize_head(box):
    server = wires(box)
    box.exchange(server, "9000 bytes", b"GET /length HTTP/1.1\r\nX: " + b"x" * 9000 + b"\r\n\r\n")
    box.stop(server, only="invalid|=> generated")


@scenario
def add_header_and_options(box):
    server = wires(box, "--add-header", "X-Added: yes", "--add-header", "X-Second: 2")
    box.get(server, "/length")
    box.get(server, "/empty")
    box.stop(server, only="=> generated")
