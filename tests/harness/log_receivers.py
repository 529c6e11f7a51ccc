"""Who receives lines of the log: real programs where Debian or PyPI has them, else a socket that speaks their protocol.

Each can be killed and started again at the same address: `start`, `kill`, `lines`, `close`; `option` is the logger.
"""

import json
import os
import pathlib
import shutil
import socket
import subprocess
import threading
import zlib

from harness import wire
from harness.receivers import Program
from harness.server import free_port
from harness.waiting import until


class Receiver:
    """Keeps what came in over all its lives."""

    # A receiver of datagrams that is away is noticed by nobody.
    notices = True

    def __init__(self, place: pathlib.Path):
        self.place, self.got, self.port = place, [], free_port()
        self.start()

    def lines(self) -> list[str]:
        return self.got

    def close(self) -> None:
        self.kill()


class Redis(Receiver):
    """A list of redis; what it held is gone with it, so that it is asked before."""

    def start(self):
        self.program = Program(["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no",
                                "--requirepass", "secret"], self.place / f"redis-{len(self.got)}.log")
        until(lambda: b"PONG" in self.ask(b"PING\r\n"), "redis")

    option = property(lambda self: f"redislog:secret@127.0.0.1:{self.port}/3,rpush lines,pre ")

    def ask(self, command: bytes) -> bytes:
        try:
            return wire.raw(("127.0.0.1", self.port), b"AUTH secret\r\nSELECT 3\r\n" + command, shut=True)
        except OSError:
            return b""

    def lines(self):
        answer = self.ask(b"LRANGE lines 0 -1\r\n").split(b"\r\n")[3:]
        now = [line.decode().removeprefix("pre ") for line in answer[1::2] if line.startswith(b"pre ")]
        return self.got + now

    def kill(self):
        self.got = self.lines()
        self.program.process.kill()
        self.program.process.wait()


RSYSLOG = """
global(workDirectory="{place}")
module(load="imudp")
module(load="imuxsock" SysSock.Use="off")
input(type="imudp" address="127.0.0.1" port="{port}")
input(type="imuxsock" Socket="{place}/dgram")
template(name="all" type="string" string="%syslogfacility%.%syslogseverity% %programname%:%msg%\\n")
action(type="omfile" file="{place}/out" template="all")
"""


class Rsyslog(Receiver):
    """The daemon of that name, by UDP or by a socket file."""

    path = False

    def start(self):
        conf = self.place / "rsyslog.conf"
        conf.write_text(RSYSLOG.format(place=self.place, port=self.port))
        (self.place / "dgram").unlink(missing_ok=True)
        out = self.place / f"rsyslog-{os.urandom(4).hex()}.log"
        self.program = Program([shutil.which("rsyslogd") or "/usr/sbin/rsyslogd", "-n", "-f", conf, "-i", self.place / "pid"], out)
        until(lambda: (self.place / "dgram").exists(), "rsyslogd")

    @property
    def option(self):
        return f"rsyslog:{self.place}/dgram,app,134" if self.path else f"rsyslog:127.0.0.1:{self.port},web app,134"

    def lines(self):
        out = self.place / "out"
        lines = out.read_text().splitlines() if out.exists() else []
        assert all(line.startswith("16.6 app:") for line in lines), lines
        return [line.removeprefix("16.6 app:").lstrip() for line in lines]

    def kill(self):
        self.program.process.kill()
        self.program.process.wait()
        (self.place / "dgram").unlink(missing_ok=True)
        (self.place / "pid").unlink(missing_ok=True)


class RsyslogUdp(Rsyslog):
    notices = False


class RsyslogPath(Rsyslog):
    path = True


class Threaded(Receiver):
    """One that is a thread here; `listen` opens, `take` reads once."""

    def start(self):
        self.stopped = False
        self.listen()
        self.thread = threading.Thread(target=self._serve)
        self.thread.start()

    def _serve(self):
        while not self.stopped:
            self.take()

    def kill(self):
        self.stopped = True
        self.thread.join()
        self.end()


class Zeromq(Threaded):
    """libzmq's own PULL socket."""

    option = property(lambda self: f"zeromq:tcp://127.0.0.1:{self.port}")

    def listen(self):
        import zmq
        self.context = zmq.Context()
        self.pull = self.context.socket(zmq.PULL)
        self.pull.rcvtimeo = 50
        self.pull.bind(f"tcp://127.0.0.1:{self.port}")

    def take(self):
        import zmq
        try:
            self.got.append(self.pull.recv().decode().removesuffix("\n"))
        except zmq.Again:
            pass

    def end(self):
        self.pull.close(0)
        self.context.term()


class Mongodb(Threaded):
    """A server of the wire protocol of MongoDB's own authors: no registry has the real one."""

    option = property(lambda self: f"mongodblog:127.0.0.1:{self.port},base.lines,here")

    def listen(self):
        import mockupdb
        self.server = mockupdb.MockupDB(port=self.port, auto_ismaster=True)
        self.server.run()

    def take(self):
        try:
            request = self.server.receives(timeout=0.05)
        except AssertionError:
            return
        assert request["insert"] == "lines" and request["$db"] == "base"
        for document in request["documents"]:
            assert document["node"] == "here" and document["ts"].year > 2020
            self.got.append(document["msg"].removesuffix("\n"))

    def end(self):
        self.server.stop()


class Datagrams(Threaded):
    """A UDP socket; `read` makes a line of a datagram."""

    notices = False
    option = property(lambda self: f"socket:127.0.0.1:{self.port},pre ")

    def listen(self):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", self.port))
        self.socket.settimeout(0.05)

    def take(self):
        try:
            self.got.append(self.read(self.socket.recv(65536)))
        except TimeoutError:
            pass

    def read(self, packet: bytes) -> str:
        assert packet.startswith(b"pre ") and packet.endswith(b"\n")
        return packet[4:-1].decode()

    def end(self):
        self.socket.close()


class UnixDatagrams(Datagrams):
    notices = True
    option = property(lambda self: f"socket:{self.place}/unix,pre ")

    def listen(self):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(self.place / "unix"))
        self.socket.settimeout(0.05)

    def end(self):
        self.socket.close()
        (self.place / "unix").unlink()


class Graylog(Datagrams):
    """What Graylog's inputs do: zlib, then GELF as its specification says."""

    option = property(lambda self: f"graylog2:127.0.0.1:{self.port},web")

    def read(self, packet):
        document = json.loads(zlib.decompress(packet))
        assert document["version"] == "1.0" and document["host"] == "web" and document["level"] == 5
        assert isinstance(document["timestamp"], int) and document["facility"].startswith("uWSGI-")
        assert document["full_message"].startswith(document["short_message"])
        return document["full_message"]


class Crypto(Datagrams):
    """Read by openssl, packet by packet."""

    option = property(lambda self: f"crypto:addr=127.0.0.1:{self.port},algo=aes-128-cbc,secret=shared,iv=begin,prefix=web")

    def read(self, packet):
        key, iv = b"shared".ljust(16, b"\0").hex(), b"begin".ljust(16, b"0").hex()
        clear = subprocess.run(["openssl", "enc", "-d", "-aes-128-cbc", "-K", key, "-iv", iv], input=packet, capture_output=True, check=True).stdout
        micros, prefix, line = clear.decode().split(" ", 2)
        assert int(micros) > 10**15 and prefix == "web"
        return line.removesuffix("\n")


class Pipe(Receiver):
    """A command of the server's own."""

    option = property(lambda self: f"pipe:echo $$ >> {self.place}/pids; exec cat >> {self.place}/piped")

    def start(self):
        pass

    def lines(self):
        piped = self.place / "piped"
        return piped.read_text().splitlines() if piped.exists() else []

    def kill(self):
        """The command ends; the server starts another one."""
        pids = (self.place / "pids").read_text().split()
        os.kill(int(pids[-1]), 9)

    def close(self):
        pass


ALL = [Redis, RsyslogUdp, RsyslogPath, Zeromq, Mongodb, Datagrams, UnixDatagrams, Graylog, Crypto, Pipe]
