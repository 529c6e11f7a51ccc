"""Network namespaces of a test's own, and a wire between two of them that delays, loses and rewrites what the test says."""

import contextlib
import ctypes
import fcntl
import heapq
import itertools
import os
import select
import struct
import subprocess
import threading
import time

CLONE_NEWNET = 0x40000000
TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 1, 0x1000
LIBC = ctypes.CDLL(None, use_errno=True)
CAN = os.geteuid() == 0 and os.path.exists("/dev/net/tun")


def _checked(result: int):
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


class Namespace:
    """It lives as long as its descriptor; nothing of it is seen outside."""

    def __init__(self):
        with open("/proc/thread-self/ns/net", "rb") as here:
            _checked(LIBC.unshare(CLONE_NEWNET))
            self.fd = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
            try:
                run("ip", "link", "set", "lo", "up")
            finally:
                _checked(LIBC.setns(here.fileno(), CLONE_NEWNET))

    @contextlib.contextmanager
    def entered(self):
        """Sockets and processes that this thread makes in the block belong to the namespace."""
        with open("/proc/thread-self/ns/net", "rb") as here:
            _checked(LIBC.setns(self.fd, CLONE_NEWNET))
            try:
                yield self
            finally:
                _checked(LIBC.setns(here.fileno(), CLONE_NEWNET))

    def counter(self, name: str, otherwise: int | None = None) -> int:
        """Of /proc/net/snmp and /proc/net/netstat: `Tcp.RetransSegs`, `TcpExt.TCPZeroWindowDrop`; `otherwise` where the kernel has no such."""
        group, name = name.split(".")
        with self.entered():
            for file in ("snmp", "netstat"):
                with open(f"/proc/thread-self/net/{file}") as lines:
                    for names, values in itertools.pairwise(list(lines)):
                        if names.startswith(f"{group}: ") and name in names.split():
                            return int(values.split()[names.split().index(name)])
        if otherwise is None:
            raise KeyError(name)
        return otherwise

    def close(self):
        os.close(self.fd)


def run(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=20).stdout


def _tun(namespace: Namespace, address: str) -> int:
    with namespace.entered():
        fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH22x", b"wire", IFF_TUN | IFF_NO_PI))
        run("ip", "address", "add", f"{address}/24", "dev", "wire")
        run("ip", "link", "set", "wire", "up")
    return fd


class Wire:
    """Between `near` (10.99.0.1) and `far` (10.99.0.2). `change(packet, to_near)` answers what is to be delivered, or None."""

    NEAR, FAR = "10.99.0.1", "10.99.0.2"

    def __init__(self, delay: float = 0.0):
        self.near, self.far = Namespace(), Namespace()
        self.delay, self.change = delay, lambda packet, to_near: packet
        self.ends = [_tun(self.near, self.NEAR), _tun(self.far, self.FAR)]
        self.stop, self._stopped = os.pipe()
        self.thread = threading.Thread(target=self._carry, daemon=True)
        self.thread.start()

    def _carry(self):
        numbers, waiting = itertools.count(), []
        while True:
            left = max(0.0, waiting[0][0] - time.monotonic()) if waiting else None
            readable = select.select([*self.ends, self.stop], [], [], left)[0]
            if self.stop in readable:
                return
            for end in readable:
                other = self.ends[1 - self.ends.index(end)]
                packet = self.change(os.read(end, 65536), other == self.ends[0])
                if packet is not None:
                    heapq.heappush(waiting, (time.monotonic() + self.delay, next(numbers), other, packet))
            while waiting and waiting[0][0] <= time.monotonic():
                _, _, end, packet = heapq.heappop(waiting)
                with contextlib.suppress(OSError):
                    os.write(end, packet)

    def close(self):
        os.close(self._stopped)
        self.thread.join()
        for fd in (*self.ends, self.stop):
            os.close(fd)
        self.near.close()
        self.far.close()


def payload(packet: bytes) -> bytes:
    """The data of a TCP segment, empty for anything else."""
    if packet[0] >> 4 != 4 or packet[9] != 6:
        return b""
    header = (packet[0] & 15) * 4
    return packet[header + (packet[header + 12] >> 4) * 4:struct.unpack_from("!H", packet, 2)[0]]


def with_window(packet: bytes, window: int) -> bytes:
    """The same TCP segment with another window; the checksum follows (RFC 1624)."""
    at = (packet[0] & 15) * 4
    old, check = struct.unpack_from("!HH", packet, at + 14)
    total = (~check & 0xFFFF) + (~old & 0xFFFF) + window
    total = (total & 0xFFFF) + (total >> 16)
    total = (total & 0xFFFF) + (total >> 16)
    return packet[:at + 14] + struct.pack("!HH", window, ~total & 0xFFFF) + packet[at + 18:]
