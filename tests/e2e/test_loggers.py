"""Every kind of logger before a receiver that others wrote, which dies in the middle; every encoder read by others."""

import gzip
import json
import os
import re
import shutil
import subprocess
import zlib

import msgpack
import pytest

from harness import log_receivers, paths, wire
from harness.waiting import until

pytestmark = pytest.mark.ours


@pytest.fixture
def server_of(uwsgi, app, tmp_path):
    def start(*options, **kw):
        return uwsgi("--http-socket", "127.0.0.1:0", "-M", "--wsgi-file", app("alarms"), "--stats", tmp_path / "s", "--stats-http", *options, **kw)
    return start


def say(server, text):
    assert server.get(f"/print?{text}%0A").status == 200


def row(server, name):
    return next(logger for logger in server.stats()["loggers"] if logger["name"] == name)


@pytest.mark.parametrize("kind", log_receivers.ALL, ids=lambda kind: kind.__name__)
def test_a_receiver_dies_and_comes_back(server_of, tmp_path, kind):
    receiver = kind(tmp_path)
    try:
        server = server_of("--logger", f"far {receiver.option}", "--log-route", "far ^said", "--disable-logging", "-p", "2")
        workers = server.worker_pids()
        for number in range(20):
            say(server, f"said{number}")
        until(lambda: len(receiver.lines()) == 20, f"20 lines: {receiver.lines()}")
        assert receiver.lines() == [f"said{number}" for number in range(20)], "in order, each once"
        receiver.kill()
        for number in range(20, 40):
            say(server, f"said{number}")
        if receiver.notices and kind is not log_receivers.Pipe:
            # One may still have gone into a connection whose end nobody knew of.
            until(lambda: row(server, "far")["errors"] > 0, "a failure that is counted")
            told = server.wait_log(r"^\[uwsgi-log\] far: .*")
            assert len(re.findall(r"^\[uwsgi-log\] far: ", server.log(), re.M)) == 1, told[0]
        receiver.start()
        said = 40

        def resumed():
            nonlocal said
            say(server, f"said{said}")
            said += 1
            return any(int(line.removeprefix("said")) >= 40 for line in receiver.lines())

        until(resumed, "lines again", 30)
        until(lambda: row(server, "far")["queued"] == 0, "nothing that waits")
        until(lambda: receiver.lines()[-1] == f"said{said - 1}", "the last one")
        numbers = [int(line.removeprefix("said")) for line in receiver.lines()]
        assert numbers == sorted(numbers), "in order"
        assert len(set(numbers)) == len(numbers), "none twice"
        if kind in (log_receivers.Redis, log_receivers.UnixDatagrams, log_receivers.RsyslogPath):
            missing = set(range(said)) - set(numbers)
            assert len(missing) <= 1, "what waited is there"
            assert row(server, "far")["reconnects"] >= 1
        counts = row(server, "far")
        assert counts["dropped"] == 0 and counts["messages"] >= len(numbers) and counts["bytes"] > 0
        assert server.worker_pids() == workers, "workers know nothing of it"
        assert "said" not in server.log(), "routed lines are nowhere else"
    finally:
        receiver.close()


def test_a_receiver_that_stays_away_costs_its_own_lines_only(server_of, tmp_path):
    near = tmp_path / "near"
    server = server_of("--logger", f"file:{near}", "--logger", f"socket:{tmp_path}/nobody", "--disable-logging", ready=False)
    until(lambda: near.exists() and "spawned uWSGI worker 1" in near.read_text(), "the start")
    address = ("127.0.0.1", int(re.search(r"socket 0 bound to TCP address 127\.0\.0\.1:(\d+)", near.read_text())[1]))
    wire.http(address, "/storm?60000", timeout=60)
    wire.http(address, "/print?last%0A")
    until(lambda: near.exists() and near.read_text().endswith("\nlast\n"), "the last line")
    text = near.read_text()
    assert [int(n) for n in re.findall(r"^STORM (\d+)$", text, re.M)] == list(range(60000)), "every line, in order"
    away = row(server, "socket")
    assert away["errors"] > 0 and away["messages"] == 0 and away["queued"] + away["dropped"] >= 60001
    assert row(server, "file")["messages"] == len(text.splitlines()) and row(server, "file")["bytes"] == len(text)


JOURNAL = """
mount -t tmpfs tmpfs /run && mkdir -p /run/systemd/journal /run/log/journal || exit 9
mount -t tmpfs tmpfs /dev && mkdir /dev/shm || exit 9
for node in "null 3" "zero 5" "urandom 9" "random 8"; do set -- $node; mknod -m 666 /dev/$1 c 1 $2; done
ln -s /proc/self/fd /dev/fd; ln -s /run/systemd/journal/dev-log /dev/log
exec /lib/systemd/systemd-journald
"""


@pytest.fixture
def journal(tmp_path):
    """journald alone, in a /run and a /dev of its own; the prefix of commands that are to see it."""
    if os.geteuid() or not os.path.exists("/lib/systemd/systemd-journald"):
        pytest.skip("only root starts a journald of his own")
    process = subprocess.Popen(["unshare", "-m", "sh", "-c", JOURNAL], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    there = f"/proc/{process.pid}/root"
    try:
        until(lambda: process.poll() is not None or os.path.exists(f"{there}/run/systemd/journal/socket"), "journald")
        if process.poll() == 9:
            pytest.skip("nobody mounts anything here")
        yield ["nsenter", "-m", "-t", str(process.pid), "--wd=" + str(tmp_path)]
    finally:
        process.terminate()
        process.wait(20)


@pytest.mark.parametrize("option, fields", [("systemd", "SYSLOG_IDENTIFIER=uwsgi"), ("syslog:site,local6", "SYSLOG_IDENTIFIER=site")])
def test_the_journal(server_of, journal, tmp_path, option, fields):
    launcher = tmp_path / "uwsgi-there"
    launcher.write_text(f"#!/bin/sh\n[ \"$1\" = --help ] && exec {paths.OURS} --help\nexec {' '.join(journal)} {paths.OURS} \"$@\"\n")
    launcher.chmod(0o755)
    server = server_of("--logger", f"far {option}", "--log-route", "far ^said", "--disable-logging", binary=launcher)

    def entries():
        read = subprocess.run([*journal, "journalctl", "-D", "/run/log/journal", "-o", "json", "--no-pager", fields], capture_output=True, check=False)
        return [json.loads(line) for line in read.stdout.splitlines()]

    say(server, "said+one")
    say(server, "said+two")
    until(lambda: [e["MESSAGE"] for e in entries()] == ["said one", "said two"], "two entries")
    assert {e["PRIORITY"] for e in entries()} == {"6"}
    if option != "systemd":
        assert {e["SYSLOG_FACILITY"] for e in entries()} == {"22"}


@pytest.mark.parametrize("encoders, expected", [
    (["prefix a ", "suffix  z"], lambda packet: packet == b"a said\n z"),
    (["nl", "nl:other", "prefix:far x"], lambda packet: packet == b"xsaid\n\n"),
    (["gzip:far", "prefix:far X"], lambda packet: packet[:1] == b"X" and gzip.decompress(packet[1:]) == b"said\n"),
    (["compress:far"], lambda packet: zlib.decompress(packet) == b"said\n"),
    (['json {"m":"${msg}","nl":"${msgnl}","u":${unix},"s":"${strftime:%Y}","x":"${nope}","y":"$y"}'],
     lambda packet: (d := json.loads(packet)) and d["m"] == "said" and d["nl"] == "said\n" and d["u"] > 10**9 and len(d["s"]) == 4 and d["x"] == "" and d["y"] == "$y"),
    (["msgpack map:4|str:message|msg|str:list|array:3|nil|true|int:-5|str:u|unix|bin:b|msgbinnl"],
     lambda packet: (d := msgpack.unpackb(packet)) and d["message"] == "said" and d["list"] == [None, True, -5] and d["u"] > 10**9 and d[b"b"] == b"said\n"),
], ids=["prefix and suffix", "for one logger", "gzip and prefix", "compress", "json", "msgpack"])
def test_what_encoders_write_is_read_by_others(server_of, tmp_path, encoders, expected):
    class Raw(log_receivers.Datagrams):
        option = property(lambda self: f"socket:127.0.0.1:{self.port}")

        def read(self, packet):
            return packet

    receiver = Raw(tmp_path)
    try:
        options = [word for encoder in encoders for word in ("--log-encoder", encoder)]
        server = server_of("--logger", f"far {receiver.option}", "--log-route", "far ^said", "--disable-logging", *options)
        say(server, "said")
        until(lambda: receiver.got, "a packet")
        assert expected(receiver.got[0]), receiver.got[0]
    finally:
        receiver.close()


def test_the_sample_of_the_documentation(server_of, tmp_path):
    """Failures to one file, the queue to another receiver, everything else to a third."""
    errors, rest = tmp_path / "errors", tmp_path / "rest"
    receiver = log_receivers.RsyslogUdp(tmp_path) if shutil.which("rsyslogd") or os.path.exists("/usr/sbin/rsyslogd") else None
    if receiver is None:
        pytest.skip("rsyslogd is missing: run tests/setup.sh")
    try:
        server = server_of("--logger", f"errors file:{errors}", "--logger", f"queue {receiver.option}", "--logger", f"file:{rest}",
                           "--log-route", "errors (HTTP/1.\\d 500)", "--log-route", "queue listen queue", ready=False)
        until(lambda: rest.exists() and "spawned uWSGI worker 1" in rest.read_text(), "the start")
        address = re.search(r"socket 0 bound to TCP address 127\.0\.0\.1:(\d+)", rest.read_text())
        address = ("127.0.0.1", int(address[1]))
        assert wire.http(address, "/print?a+listen+queue%0A").status == 200
        wire.raw(address, b"GET /alarm?too+few HTTP/1.0\r\n\r\n")
        wire.http(address, "/print?other%0A")
        until(lambda: errors.exists() and "500)" in errors.read_text(), "the failure")
        until(lambda: "a listen queue" in receiver.lines(), "the queue")
        until(lambda: "\nother\n" in rest.read_text(), "the rest")
        assert "500)" not in rest.read_text() and "a listen queue\n" not in rest.read_text()
        server.stop()
    finally:
        receiver.close()


@pytest.mark.parametrize("option, kind", [("--log-socket", log_receivers.Datagrams), ("--log-zeromq", log_receivers.Zeromq)])
def test_loggers_with_an_option_of_their_own(server_of, tmp_path, option, kind):
    receiver = kind(tmp_path)
    try:
        server = server_of(option, receiver.option.partition(":")[2], "--log-filter", "^said", "--threaded-logger", "--disable-logging", ready=False)
        until(lambda: (tmp_path / "s").exists() and server.stats_answer(), "the server")
        say_through(server, "other", "said one")
        until(lambda: receiver.lines() == ["said one"], f"what the filter lets pass: {receiver.lines()}")
        server.stop()
    finally:
        receiver.close()


def say_through(server, *texts):
    """To a server whose log is elsewhere: the stats know its address."""
    host, _, port = server.stats()["sockets"][0]["name"].rpartition(":")
    for text in texts:
        assert wire.http((host, int(port)), f"/print?{text.replace(' ', '+')}%0A").status == 200


def test_syslog_with_an_option_of_its_own(server_of, tmp_path):
    """Nobody may listen there: that is the trouble of this logger alone."""
    rest = tmp_path / "rest"
    server = server_of("--log-syslog", "--logger", f"file:{rest}", "--disable-logging", ready=False)
    until(lambda: rest.exists() and "spawned uWSGI worker 1" in rest.read_text(), "the start")
    say_through(server, "said")
    until(lambda: "\nsaid\n" in rest.read_text(), "the line")
    assert {logger["name"] for logger in server.stats()["loggers"]} == {"syslog", "file"}
