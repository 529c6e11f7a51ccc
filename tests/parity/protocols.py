"""What sockets speak: FastCGI, SCGI, persistent uwsgi, raw connections, modifiers."""

import contextlib
import hashlib

from harness import cgi, wire
from harness.cgi import variables

from .box import AUTO
from .scenarios import scenario

PATHS = ("/length", "/generator", "/missing", "/no-content", "/not-modified", "/write", "/empty", "/headers")


def served(box, option, *options, app="wires"):
    return box.serve(f"--{option}", AUTO, "-M", *options, "--wsgi-file", box.app(app))


def fastcgi(box, server, name, data, number=1):
    """The stream that came back and what ended it; how it was cut into records is nobody's business."""
    bytes_ = wire.raw(server.address(), data)
    out, rest = b"", bytes_
    while len(rest) >= 8 and rest[1] == cgi.STDOUT:
        size = int.from_bytes(rest[4:6], "big")
        assert rest[0] == 1 and int.from_bytes(rest[2:4], "big") == number and size + 8 <= len(rest), rest[:40]
        out, rest = out + rest[8:8 + size], rest[8 + size + rest[6]:]
    head, mark, body = out.partition(b"\r\n\r\n")
    if len(body) > 4096:
        body = hashlib.md5(body).hexdigest().encode()
    box.wire(name, head + mark + body)
    box.note("wire", f"   then {rest.hex()}")


@scenario
def fastcgi_answers(box):
    server = served(box, "fastcgi-socket")
    for path in PATHS:
        fastcgi(box, server, path, cgi.fastcgi(variables(path)))
    fastcgi(box, server, "HEAD", cgi.fastcgi(variables("/length", method="HEAD")))
    fastcgi(box, server, "number 0xffff", cgi.fastcgi(variables("/length"), number=0xffff), 0xffff)
    box.stop(server, only="=> generated")


@scenario
def fastcgi_nph_answers(box):
    server = served(box, "fastcgi-nph-socket")
    for path in PATHS:
        fastcgi(box, server, path, cgi.fastcgi(variables(path)))
    box.stop(server, only="=> generated")


@scenario
def fastcgi_bodies(box):
    server = served(box, "fastcgi-socket")
    for size, piece in ((1, 65535), (70_000, 65535), (300_000, 1000)):
        body = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
        fastcgi(box, server, f"{size} by {piece}", cgi.fastcgi(variables("/digest", body), body, piece=piece, padding=3))
    fastcgi(box, server, "unread", cgi.fastcgi(variables("/length", b"unread"), b"unread"))
    box.stop(server, only="=> generated")


@scenario
def fastcgi_files(box):
    server = served(box, "fastcgi-socket")
    path = box.file("data", "0123456789" * 20_000)
    fastcgi(box, server, "file", cgi.fastcgi(variables(f"/file?path={path}")))
    box.stop(server, "none")


@scenario
def fastcgi_exceptions(box):
    server = served(box, "fastcgi-socket")
    for path in ("/exc-before", "/exc-after", "/none", "/length"):
        fastcgi(box, server, path, cgi.fastcgi(variables(path)))
    box.stop(server, only=r"Error|Traceback|=> generated")


@scenario
def fastcgi_refused(box):
    server = served(box, "fastcgi-socket", "--socket-timeout", "1")
    large = cgi.fastcgi([*variables("/length"), ("A", "x" * 9000)])
    for name, data in {"another version": b"\2" + cgi.fastcgi(variables("/length"))[1:], "too large": large,
                       "a length that runs past the end": cgi.begin() + cgi.stream(cgi.PARAMS, b"\x05\x7fname"),
                       "good": cgi.fastcgi(variables("/length"))}.items():
        fastcgi(box, server, name, data)
    box.stop(server, only="=> generated")


@scenario
def scgi_answers(box):
    server = served(box, "scgi-socket")
    for path in PATHS:
        pairs = [pair for pair in variables(path) if pair[0] != "CONTENT_LENGTH"]
        box.exchange(server, path, cgi.scgi(pairs))
    box.exchange(server, "echo", cgi.scgi([("REQUEST_METHOD", "POST"), ("PATH_INFO", "/echo"), ("REQUEST_URI", "/echo"), ("REMOTE_ADDR", "127.0.0.1")], b"body"))
    box.stop(server, only="=> generated")


@scenario
def scgi_nph_answers(box):
    server = served(box, "scgi-nph-socket")
    for path in PATHS:
        pairs = [pair for pair in variables(path) if pair[0] != "CONTENT_LENGTH"]
        box.exchange(server, path, cgi.scgi(pairs))
    box.stop(server, only="=> generated")


@scenario
def scgi_refused(box):
    server = served(box, "scgi-socket", "--socket-timeout", "1")
    for name, data in {"not a number": b"x:", "nothing": b"0:,", "no comma": b"4:a\0b\0;", "too large": b"5000:" + b"x" * 5000,
                       "good": cgi.scgi([("PATH_INFO", "/length"), ("REQUEST_METHOD", "GET"), ("REMOTE_ADDR", "127.0.0.1")])}.items():
        box.exchange(server, name, data)
    box.stop(server, only="SCGI|=> generated")


@scenario
def puwsgi_packets(box):
    server = served(box, "puwsgi-socket", "--socket-timeout", "1")
    packet = wire.packet(wire.basic_vars("/length"))
    for name, data in {"one": packet, "three": packet * 3, "null key": packet + wire.packet(b"\0\0\1\0x"),
                       "oversize": wire.packet([("A", "x" * 5000)])}.items():
        box.exchange(server, name, data)
    box.stop(server, only="skip|=> generated")


@scenario
def puwsgi_body(box):
    server = served(box, "puwsgi-socket", "--socket-timeout", "1")
    box.exchange(server, "body", wire.packet(wire.basic_vars("/echo", "POST", CONTENT_LENGTH=3)))
    box.stop(server, only="request body|uwsgi-body-read|=> generated")


@scenario
def raw_connections(box):
    server = box.serve("--raw-socket", AUTO, "-M", "--python-raw", box.app("rawapp"))
    for word in (b"hi", b"\0\1\2", b"GET / HTTP/1.0\r\n\r\n"):
        box.exchange(server, repr(word), word)
    box.stop(server, only="=> generated|bound|WSGI app|python application")


@scenario
def cgi_mode(box):
    server = box.serve("--http-socket", AUTO, "--socket", AUTO, "-M", "--cgi-mode", "--wsgi-file", box.app("wires"))
    box.get(server, "/length")
    box.exchange(server, "uwsgi", wire.packet(wire.basic_vars("/length")), 1)
    box.stop(server, only="=> generated")


@scenario
def plain_sockets_of_every_protocol(box):
    for name in ("uwsgi", "http", "http11", "fastcgi", "fastcgi-nph", "scgi", "scgi-nph", "puwsgi", "raw"):
        server = box.serve("--socket", AUTO, "--protocol", name, "-M", "--socket-timeout", "1", "--wsgi-file", box.app("wires"))
        box.note("protocol", name)
        requests = {"fastcgi": cgi.fastcgi(variables("/length")), "scgi": cgi.scgi([("PATH_INFO", "/length"), ("REQUEST_METHOD", "GET")]),
                    "http": wire.request_bytes(path="/length", headers={"Connection": "close"}),
                    "uwsgi": wire.packet(wire.basic_vars("/length"))}
        if name.startswith("fastcgi"):
            fastcgi(box, server, name, requests["fastcgi"])
        elif name != "raw":
            box.exchange(server, name, requests[name.removesuffix("-nph").removesuffix("11").removeprefix("p")])
        box.stop(server, "none")


@scenario
def modifiers_that_are_answered(box):
    server = served(box, "socket", "--socket-timeout", "1")
    pairs = wire.basic_vars("/length")
    for modifier, payload in ((0, pairs), (30, pairs), (77, pairs), (10, b""), (22, b"print()"), (100, b""), (110, b""), (200, b"")):
        box.exchange(server, f"modifier {modifier}", wire.packet(payload, modifier1=modifier, modifier2=1 if modifier == 110 else 0))
    box.stop(server, only="unavailable|PING|=> generated")


@scenario
def modifiers_remapped_and_refused(box):
    server = served(box, "socket", "--remap-modifier", "0:77", "--socket-timeout", "1")
    pairs = wire.basic_vars("/length")
    for modifier in (0, 77):
        box.exchange(server, f"modifier {modifier}", wire.packet(pairs, modifier1=modifier))
    box.stop(server, only="unavailable|=> generated")
    server = served(box, "socket", "--allowed-modifiers", "0,100", "--socket-timeout", "1")
    for modifier, payload in ((0, pairs), (100, b""), (110, b"")):
        box.exchange(server, f"allowed: {modifier}", wire.packet(payload, modifier1=modifier))
    box.stop(server, only="unavailable|PING|=> generated")


@scenario
def modifiers_of_protocols(box):
    for option, data in (("fastcgi", cgi.fastcgi(variables("/length"))), ("scgi", cgi.scgi([("PATH_INFO", "/length")]))):
        server = served(box, f"{option}-socket", f"--{option}-modifier1", "77")
        with contextlib.suppress(ConnectionResetError):
            box.exchange(server, option, data)
        box.stop(server, only="unavailable|=> generated")
