"""A raw handler: what a client says decides what happens to its connection."""

import os
import socket
import threading


def application(fd):
    with socket.socket(fileno=os.dup(fd)) as stream:
        stream.settimeout(10)
        word = stream.recv(100)
        if word.startswith(b"raise"):
            raise ValueError("said so")
        if word.startswith(b"keep"):
            threading.Timer(0, later, [stream.dup()]).start()
            return
        stream.sendall(b"heard " + word)


def later(stream):
    with stream:
        while word := stream.recv(100):
            stream.sendall(b"later " + word)
