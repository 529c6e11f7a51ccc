"""A server of Zabbix as far as its trapper goes: reads messages, records them, answers what a test wants."""

import dataclasses
import json
import socket
import socketserver
import struct
import threading
import zlib

from .waiting import until


@dataclasses.dataclass
class Message:
    flags: int
    header: bytes
    raw: bytes
    """As it came, behind the header."""
    text: str
    parsed: dict

    @property
    def values(self) -> dict:
        return {value["key"]: value["value"] for value in self.parsed.get("data", [])}


def exactly(connection: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        more = connection.recv(size - len(data))
        if not more:
            raise ConnectionError(f"{len(data)} of {size} bytes")
        data += more
    return data


def read(connection: socket.socket) -> Message:
    header = exactly(connection, 13)
    magic, flags, length, unpacked = struct.unpack("<4sBII", header)
    assert magic == b"ZBXD" and flags in (1, 3), header
    raw = exactly(connection, length)
    data = zlib.decompress(raw) if flags & 2 else raw
    assert not flags & 2 or len(data) == unpacked
    return Message(flags, header, raw, data.decode(), json.loads(data))


def wrapped(answer, compress=False) -> bytes:
    text = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
    if compress:
        packed = zlib.compress(text)
        return b"ZBXD\3" + struct.pack("<II", len(packed), len(text)) + packed
    return b"ZBXD\1" + struct.pack("<Q", len(text)) + text


def taken(message: Message, failed: int = 0) -> bytes:
    total = len(message.parsed.get("data", []))
    info = f"processed: {total - failed}; failed: {failed}; total: {total}; seconds spent: 0.000123"
    return wrapped({"response": "success", "info": info})


class Trapper:
    """Calls `answer` with each message; what that returns is sent."""

    def __init__(self, answer=taken, context=None, unix=None, port=0, family=socket.AF_INET):
        self.messages: list[Message] = []
        self.broken: list[str] = []
        self.answer = answer
        trapper = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self):
                try:
                    connection = context.wrap_socket(self.request, server_side=True) if context else self.request
                    message = read(connection)
                    trapper.messages.append(message)
                    connection.sendall(trapper.answer(message))
                    self.request = connection
                except (OSError, AssertionError) as error:
                    trapper.broken.append(repr(error))

        base = socketserver.UnixStreamServer if unix else socketserver.TCPServer
        kind = type("Server", (socketserver.ThreadingMixIn, base),
                    {"allow_reuse_address": True, "daemon_threads": True, "address_family": socket.AF_UNIX if unix else family})
        host = "::1" if family == socket.AF_INET6 else "127.0.0.1"
        self.server = kind(unix or (host, port), Handler)
        self.port = None if unix else self.server.server_address[1]
        self.place = unix or (f"[::1]:{self.port}" if family == socket.AF_INET6 else f"127.0.0.1:{self.port}")
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self.thread.start()

    def wait(self, count: int = 1) -> list[Message]:
        until(lambda: len(self.messages) >= count, f"{count} messages, there are {len(self.messages)}; {self.broken}")
        return self.messages

    def next(self) -> Message:
        """A message that is not there yet."""
        return self.wait(len(self.messages) + 1)[-1]

    def find(self, wanted):
        """The first message that meets a condition."""
        return until(lambda: next((m for m in list(self.messages) if wanted(m)), None), "such a message")

    def close(self):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
