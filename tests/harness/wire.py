"""Clients that see bytes: raw streams, HTTP/1.x without any help, uwsgi packets."""

import contextlib
import dataclasses
import socket
import struct

from .waiting import until


def connect(address, timeout: float = 10.0) -> socket.socket:
    """Connect to (host, port), a port number, "/path" or "@abstract" (exact name)."""
    if isinstance(address, int):
        address = ("127.0.0.1", address)
    if isinstance(address, tuple):
        return socket.create_connection(address, timeout)
    name = b"\0" + address[1:].encode() if str(address).startswith("@") else str(address)
    return until(lambda: _connect_unix(name, timeout), f"room in the queue of {address}", timeout)


def _connect_unix(name, timeout):
    """A connected stream, or None while the queue of the listener is full."""
    stream = socket.socket(socket.AF_UNIX)
    stream.settimeout(timeout)
    try:
        stream.connect(name)
    except BlockingIOError:
        stream.close()
        return None
    except OSError:
        stream.close()
        raise
    return stream


def read_all(stream: socket.socket, limit: int = 1 << 30) -> bytes:
    """Everything until the peer closes; a reset ends the data, a timeout is an error."""
    data = bytearray()
    while len(data) < limit:
        try:
            piece = stream.recv(65536)
        except ConnectionResetError:
            break
        if not piece:
            break
        data += piece
    return bytes(data)


def raw(address, data: bytes, timeout: float = 10.0, shut: bool = False) -> bytes:
    """Send bytes, give back all bytes until the peer closes."""
    with contextlib.closing(connect(address, timeout)) as stream:
        with contextlib.suppress(OSError):  # a peer that refuses early is no error here
            stream.sendall(data)
            if shut:
                stream.shutdown(socket.SHUT_WR)
        return read_all(stream)


@dataclasses.dataclass
class Response:
    """One HTTP response as it came."""

    version: str
    status: int
    reason: str
    headers: list
    body: bytes

    def header(self, name: str):
        found = [v for k, v in self.headers if k.lower() == name.lower()]
        return ", ".join(found) if found else None


class Reader:
    """Reads responses from one stream, keeping what belongs to the next."""

    def __init__(self, stream: socket.socket):
        self.stream = stream
        self.data = bytearray()

    def _fill(self) -> bool:
        try:
            piece = self.stream.recv(1 << 20)
        except ConnectionResetError:
            piece = b""
        self.data += piece
        return bool(piece)

    def _take(self, size: int, skip: int = 0) -> bytes:
        piece = bytes(self.data[:size])
        del self.data[: size + skip]
        return piece

    def until(self, mark: bytes) -> bytes:
        while (found := self.data.find(mark)) < 0:
            if not self._fill():
                raise EOFError(f"closed before {mark!r}: {bytes(self.data[:200])!r}")
        return self._take(found, len(mark))

    def exactly(self, size: int) -> bytes:
        while len(self.data) < size:
            if not self._fill():
                raise EOFError(f"closed after {len(self.data)} of {size} bytes")
        return self._take(size)

    def chunked(self) -> bytes:
        pieces = []
        while size := int(self.until(b"\r\n").split(b";")[0], 16):
            pieces.append(self.exactly(size))
            self.exactly(2)
        while self.until(b"\r\n"):
            pass
        return b"".join(pieces)

    def rest(self) -> bytes:
        while self._fill():
            pass
        return self._take(len(self.data))

    def response(self, method: str = "GET") -> Response:
        while True:
            head = self.until(b"\r\n\r\n").decode("latin-1").split("\r\n")
            version, _, tail = head[0].partition(" ")
            status, _, reason = tail.partition(" ")
            if status != "100":
                break
        headers = [tuple(line.split(": ", 1)) if ": " in line else (line, "") for line in head[1:]]
        answer = Response(version, int(status), reason, headers, b"")
        if method == "HEAD" or status in ("204", "304"):
            return answer
        if "chunked" in (answer.header("Transfer-Encoding") or "").lower():
            answer.body = self.chunked()
        elif (length := answer.header("Content-Length")) is not None:
            answer.body = self.exactly(int(length))
        else:
            answer.body = self.rest()
        return answer


def request_bytes(method="GET", path="/", headers=None, body=b"", version="1.1") -> bytes:
    lines = [f"{method} {path} HTTP/{version}"]
    fields = {"Host": "localhost"} | (headers or {})
    if body and "Transfer-Encoding" not in fields:
        fields.setdefault("Content-Length", str(len(body)))
    lines += [f"{k}: {v}" for k, v in fields.items() if v is not None]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def answers(address, body: bytes, timeout=5) -> bool:
    """Whether a request for `/` is answered with `body`; a server that is not there does not."""
    try:
        return http(address, timeout=timeout).body == body
    except (OSError, EOFError):
        return False


def http(address, path="/", method="GET", headers=None, body=b"", version="1.1", timeout=10.0) -> Response:
    """One request on one connection."""
    fields = {"Connection": "close"} | (headers or {})
    with contextlib.closing(connect(address, timeout)) as stream:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            stream.sendall(request_bytes(method, path, fields, body, version))
        return Reader(stream).response(method)


def packet(variables, body: bytes = b"", modifier1: int = 0, modifier2: int = 0) -> bytes:
    """A uwsgi packet with a vars block (pairs) or raw payload bytes."""
    if isinstance(variables, bytes):
        block = variables
    else:
        block = b"".join(
            struct.pack("<H", len(k)) + k + struct.pack("<H", len(v)) + v
            for k, v in ((str(k).encode("latin-1"), str(v).encode("latin-1")) for k, v in variables)
        )
    return struct.pack("<BHB", modifier1, len(block), modifier2) + block + body


def basic_vars(path="/", method="GET", query="", **extra) -> list:
    """The variables nginx' uwsgi_params would send, in its order."""
    pairs = {
        "QUERY_STRING": query,
        "REQUEST_METHOD": method,
        "CONTENT_TYPE": "",
        "CONTENT_LENGTH": "",
        "REQUEST_URI": path + (f"?{query}" if query else ""),
        "PATH_INFO": path,
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "SERVER_PORT": "80",
        "SERVER_NAME": "localhost",
    }
    return list((pairs | extra).items())
