"""A receiver that behaves badly: gone, deaf, hanging up, talking nonsense, in turn, and well in the end."""

import contextlib
import itertools
import os
import select
import socket
import struct
import threading

# Seconds of each bad habit.
TURN = 1.5


class Receiver:
    """Listens on one TCP port of the kernel's choice, which it keeps through all its moods."""

    MOODS = ("dead", "deaf", "hangs up", "nonsense")

    def __init__(self, answer=None):
        """`answer(request bytes) -> bytes` is what a healthy one says."""
        self.answer = answer or (lambda request: b"")
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = probe.getsockname()[1]
        self.mood, self.healthy, self.taken = "dead", threading.Event(), 0
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.live)
        self.thread.start()

    def live(self):
        moods = itertools.cycle(self.MOODS)
        while not self.ended.is_set():
            self.mood = "well" if self.healthy.is_set() else next(moods)
            with contextlib.ExitStack() as held:
                self.one_turn(held)

    def one_turn(self, held):
        if self.mood == "dead":
            self.healthy.wait(TURN)
            return
        listener = held.enter_context(socket.create_server(("127.0.0.1", self.port), backlog=8))
        clients, deadline = [listener], 0
        while not self.ended.is_set() and (self.mood == "well" or not self.healthy.is_set()) and (self.mood == "well" or deadline < TURN):
            ready, _, _ = select.select(clients, [], [], 0.1)
            deadline += 0.1
            for one in ready:
                if one is listener:
                    client = held.enter_context(listener.accept()[0])
                    self.greet(client, clients)
                else:
                    self.serve(one, clients)

    def greet(self, client, clients):
        if self.mood == "hangs up":
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.close()
        elif self.mood == "nonsense":
            with contextlib.suppress(OSError):
                client.sendall(os.urandom(4096))
            client.close()
        elif self.mood == "well":
            clients.append(client)

    def serve(self, client, clients):
        with contextlib.suppress(OSError):
            data = client.recv(1 << 20)
            if data:
                self.taken += len(data)
                client.sendall(self.answer(data))
                return
        clients.remove(client)
        client.close()

    def recover(self):
        self.healthy.set()

    def close(self):
        self.ended.set()
        self.healthy.set()
        self.thread.join()


def web(request: bytes) -> bytes:
    """What a web server says to a whole request; a part that has no end of a head gets nothing."""
    return b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n" if b" HTTP/1.1\r\n" in request else b""


def zabbix(request: bytes) -> bytes:
    """What a zabbix server says to the beginning of a packet."""
    if not request.startswith(b"ZBXD"):
        return b""
    text = b'{"response":"success","info":"processed: 1; failed: 0; total: 1; seconds spent: 0.0"}'
    return b"ZBXD\1" + struct.pack("<Q", len(text)) + text
