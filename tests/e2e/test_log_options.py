"""What is wrong with loggers, routes and encoders is said before anything starts; what exists is listed."""

import re

import pytest

from harness import server

pytestmark = pytest.mark.ours

START = ("--http-socket", "127.0.0.1:0")


@pytest.mark.parametrize("options, line", [
    (("--logger", "nope:1"), "unable to find logger nope"),
    (("--req-logger", "name nope"), "unable to find logger nope"),
    (("--logger", "rsyslog"), "invalid rsyslog syntax"),
    (("--logger", "zeromq"), "invalid zeromq syntax"),
    (("--logger", "file:maxsize=1"), "[uwsgi-logfile] missing logfile key"),
    (("--logger", "crypto:addr=127.0.0.1:1"), "[uwsgi-logcrypto] you have to specify at least addr,algo and secret options"),
    (("--log-encoder", "nope x"), 'log encoder "nope" not found'),
    (("--log-req-encoder", "nope"), 'log encoder "nope" not found'),
    (("--log-route", "alone"), "invalid custom regexp syntax: must be <custom> <regexp>"),
    (("--log-req-route", "alone"), "invalid custom regexp syntax: must be <custom> <regexp>"),
    (("--log-drain", "("), "pcre error: code 114 at offset 1"),
    (("--worker-logger", "file:/x"), "worker-logger: workers have no loggers of their own"),
    (("--worker-logger-req", "file:/x"), "worker-logger-req: workers have no loggers of their own"),
    (("--worker-log-encoder", "nl"), "worker-log-encoder: workers have no loggers of their own"),
    (("--worker-log-req-encoder", "nl"), "worker-log-req-encoder: workers have no loggers of their own"),
])
def test_what_is_wrong_ends_the_start(options, line):
    said = server.run(*START, *options, code=1)
    assert said.count(line) == 1 and f"\n{line}\n" in f"\n{said}", said
    assert "*** Starting" not in said


def test_loggers_are_listed(tmp_path):
    said = server.run(*START, "--loggers-list", "--master", "--no-server", code=0)
    listed = re.search(r"\*\*\* uWSGI loaded loggers \*\*\*\n(.*?)--- end of loggers list ---\n", said, re.S)
    original = {"file", "fd", "stdio", "socket", "syslog", "rsyslog", "redislog", "mongodblog"}
    assert original <= set(listed[1].split()), said


def test_encoders_are_told_as_they_are_written():
    said = server.run(*START, "--log-encoder", 'json {"m":"${msg}"}', "--log-encoder", "nl", "--log-req-encoder", "prefix x", "--no-server", code=0)
    told = re.findall(r"^\[log.*", said, re.M)
    assert told == ['[log-encoder] registered json {"m":"${msg}"}', "[log-encoder] registered nl", "[log-req-encoder] registered prefix x"]
    assert "not implemented" not in said
