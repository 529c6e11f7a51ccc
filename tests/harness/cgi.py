"""Clients of FastCGI and SCGI that see bytes, and shape them as they like."""

import contextlib
import dataclasses
import json
import struct

from . import wire

BEGIN, ABORT, END, PARAMS, STDIN, STDOUT = range(1, 7)
GET_VALUES, GET_VALUES_RESULT, UNKNOWN = 9, 10, 11


def record(kind: int, content: bytes = b"", number: int = 1, padding: int = 0) -> bytes:
    return struct.pack(">BBHHBB", 1, kind, number, len(content), padding, 0) + content + b"\0" * padding


def begin(number: int = 1, keep: bool = False) -> bytes:
    return record(BEGIN, struct.pack(">HB5x", 1, keep), number)


def params(pairs) -> bytes:
    """The stream of names and values."""
    def length(n):
        return bytes([n]) if n < 128 else struct.pack(">I", n | 1 << 31)

    out = bytearray()
    for name, value in pairs:
        name, value = str(name).encode("latin-1"), str(value).encode("latin-1")
        out += length(len(name)) + length(len(value)) + name + value
    return bytes(out)


def stream(kind: int, data: bytes, number: int = 1, piece: int = 65535, padding: int = 0) -> bytes:
    """A stream in records of `piece` bytes, and its end."""
    pieces = [record(kind, data[i:i + piece], number, padding) for i in range(0, len(data), piece)]
    return b"".join(pieces) + record(kind, b"", number)


def fastcgi(pairs, body: bytes = b"", number: int = 1, keep: bool = False, piece: int = 65535, padding: int = 0) -> bytes:
    """A whole request."""
    return (begin(number, keep) + stream(PARAMS, params(pairs), number, piece, padding)
            + stream(STDIN, body, number, piece, padding))


def scgi(pairs, body: bytes = b"") -> bytes:
    head = b"".join(f"{name}\0{value}\0".encode("latin-1") for name, value in [("CONTENT_LENGTH", len(body)), ("SCGI", 1), *pairs])
    return b"%d:%b,%b" % (len(head), head, body)


@dataclasses.dataclass
class Answer:
    """What records came back for one request."""

    stdout: bytes
    sizes: list
    end: bytes

    @property
    def status(self) -> str:
        return self.stdout.split(b"\r\n", 1)[0].decode("latin-1")

    @property
    def body(self) -> bytes:
        return self.stdout.split(b"\r\n\r\n", 1)[1]


class Client:
    """A FastCGI connection."""

    def __init__(self, address, timeout: float = 10.0):
        self.stream = wire.connect(address, timeout)
        self.reader = wire.Reader(self.stream)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stream.close()

    def send(self, data: bytes) -> None:
        self.stream.sendall(data)

    def record(self):
        """The next one: kind, number, content."""
        version, kind, number, length, padding, _ = struct.unpack(">BBHHBB", self.reader.exactly(8))
        assert version == 1
        content = self.reader.exactly(length)
        self.reader.exactly(padding)
        return kind, number, content

    def answer(self, number: int = 1) -> Answer:
        out, sizes = bytearray(), []
        while True:
            kind, of, content = self.record()
            assert of == number, (kind, of, content)
            if kind == END:
                return Answer(bytes(out), sizes, content)
            assert kind == STDOUT
            out += content
            sizes.append(len(content))

    def closed(self) -> bool:
        """Whether nothing follows but the end."""
        try:
            return self.stream.recv(1) == b"" and not self.reader.data
        except ConnectionResetError:
            return True


def ask(address, path: str = "/", body: bytes = b"", **more) -> Answer:
    """One FastCGI request on one connection."""
    pairs = variables(path, body)
    with Client(address) as client:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            client.send(fastcgi(pairs, body, **more))
        return client.answer(more.get("number", 1))


def variables(path: str = "/", body: bytes = b"", method: str | None = None, **extra) -> list:
    path, _, query = path.partition("?")
    method = method or ("POST" if body else "GET")
    return wire.basic_vars(path, method, query, CONTENT_LENGTH=len(body) or "", **extra)


def socket_row(server) -> dict:
    """All that the stats tell of the first socket of a server with `--stats-http`."""
    return json.loads(wire.http(server.stats_address(), "/?details=1").body)["sockets"][0]
