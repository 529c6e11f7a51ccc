"""What receivers of lines of the log get, byte for byte, through every encoder that both have; what is refused.

The original is built without regular expressions here, so that routes and filters are ours alone.
"""

import contextlib
import gzip
import re
import socket
import threading
import urllib.parse
import zlib

from harness import wire
from harness.waiting import until

from .scenarios import scenario

TEXTS = ["SAID plain\n", 'SAID "quoted" back\\slash\ttab\r\n', "SAID no end", "SAID two\nSAID lines\n", "SAID \u00e9 $x ${y} %\n", f"SAID {'long' * 300}\n"]


@contextlib.contextmanager
def serves(box, *options):
    """A server whose applications say what they are told to; nobody reads its own log."""
    place = str(box.directory / "w")
    box.serve("--http-socket", place, "-M", "--disable-logging", "--wsgi-file", box.app("alarms"), *options, ready=False)

    def say(text):
        wire.http(place, f"/print?{urllib.parse.quote_plus(text)}")

    def answers():
        with contextlib.suppress(OSError, EOFError):
            return wire.http(place, "/").status == 200

    until(answers, "an answer")
    yield say


def datagrams(box, logger, *options, read=lambda packet: packet, texts=TEXTS):
    """Packets that speak of what was said."""
    by_path = "{at}" in logger
    with socket.socket(socket.AF_UNIX if by_path else socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(str(box.directory / "r") if by_path else ("127.0.0.1", 0))
        receiver.settimeout(30)
        at, port = box.directory / "r", None if by_path else receiver.getsockname()[1]
        with serves(box, "--logger", logger.format(at=at, port=port), *options) as say:
            for text in [*texts, "SAID END\n"]:
                say(text)
            while True:
                packet = receiver.recv(1 << 16)
                clear = read(packet)
                if b"SAID END" in clear:
                    break
                if b"SAID" in clear:
                    box.wire("packet", clear)


@scenario
def logger_socket(box):
    datagrams(box, "socket:{at}")


@scenario
def logger_socket_with_a_prefix(box):
    datagrams(box, "socket:{at},pre: ")


@scenario
def logger_rsyslog(box):
    dated = re.compile(rb"[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d")
    datagrams(box, "rsyslog:127.0.0.1:{port},web app,134", read=lambda packet: dated.sub(b"DATE", packet), texts=[t for t in TEXTS if "long" not in t])


@scenario
def logger_rsyslog_split(box):
    dated = re.compile(rb"[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d")
    datagrams(box, "rsyslog:127.0.0.1:{port},web", "--rsyslog-packet-size", "200", "--rsyslog-split-messages", read=lambda packet: dated.sub(b"DATE", packet),
              texts=[f"SAID {'SAID ' * 100}\n"])


@scenario
def encoders_prefix_suffix_nl(box):
    datagrams(box, "socket:{at}", "--log-encoder", "prefix a b ", "--log-encoder", "suffix  c", "--log-encoder", "nl")


@scenario
def encoders_for_a_logger(box):
    datagrams(box, "socket:{at}", "--log-encoder", "prefix:nobody x", "--log-encoder", "prefix y")


@scenario
def encoders_format(box):
    datagrams(box, "socket:{at}", "--log-encoder", "format <${msg}|${msgnl}|${nope}|$x|$> 100%")


@scenario
def encoders_json(box):
    datagrams(box, "socket:{at}", "--log-encoder", 'json {"m":"${msg}","nl":"${msgnl}","x":"${nope}"}', "--log-encoder", "nl")


@scenario
def encoders_gzip(box):
    datagrams(box, "socket:{at}", "--log-encoder", "gzip", "--log-encoder", "prefix X",
              read=lambda packet: packet[:1] + gzip.decompress(packet[1:]))


@scenario
def encoders_compress(box):
    datagrams(box, "socket:{at}", "--log-encoder", "compress", read=zlib.decompress)


@scenario
def logger_file(box):
    log = box.directory / "lines"
    with serves(box, "--logger", f"file:{log}") as say:
        for text in TEXTS:
            say(text)
        say("SAID END\n")
        until(lambda: "SAID END" in log.read_text(), "the last line")
        box.note("file", [line for line in log.read_text().splitlines() if "SAID" in line])
        box.note("mode", oct(log.stat().st_mode))
        box.note("once", [log.read_text().count(line) for line in ("*** Starting uWSGI", "spawned uWSGI worker 1", "*** Operational MODE")])


class Redis(threading.Thread):
    """Answers every command, and keeps what it got."""

    def __init__(self):
        super().__init__(daemon=True)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port, self.got = self.listener.getsockname()[1], b""
        self.start()

    def run(self):
        stream, _ = self.listener.accept()
        with stream:
            while data := stream.recv(1 << 16):
                self.got += data
                stream.sendall(b"+OK\r\n" * len(re.findall(rb"(?:^|\n)\*\d+\r\n", data)))


def redis(box, argument):
    server = Redis()
    with serves(box, "--logger", f"redislog:{argument.format(at=f'127.0.0.1:{server.port}')}") as say:
        say("SAID one\n")
        say("SAID END\n")
        until(lambda: b"SAID END" in server.got, "the last line")
    begin = server.got.split(b"*3", 1)[0]
    said = server.got[server.got.index(b"SAID one") - 40:server.got.index(b"SAID END") + 8]
    box.wire("hello", begin)
    box.wire("said", said[said.index(b"*"):])
    server.listener.close()


@scenario
def logger_redis(box):
    redis(box, "{at},publish uwsgi,pre ")


@scenario
def logger_redis_with_a_password(box):
    redis(box, "secret@{at}/4,lpush a,")


@scenario
def logger_faults(box):
    for option, value in (("logger", "nope:1"), ("logger", "name nope"), ("req-logger", "nope"), ("logger", "rsyslog"),
                          ("log-encoder", "nope x"), ("log-req-encoder", "nope")):
        box.run("--http-socket", "127.0.0.1:0", "-M", f"--{option}", value, show=False)
