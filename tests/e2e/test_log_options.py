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
    (("--logger", "crypto:addr=127.0.0.1:1,algo=rot13,secret=x"), '[uwsgi-logcrypto] unknown cipher "rot13" (bf-cbc, aes-128-cbc, aes-192-cbc, aes-256-cbc, des-cbc, des-ede3-cbc)'),
    (("--req-logger", "a zmq:nowhere"), 'invalid zeromq endpoint "nowhere" (tcp://host:port, ipc://path)'),
    (("--logger", "fd:77"), 'logger "fd:77": descriptor 77 is not open: whoever starts the server has to open it, as in "uwsgi ... 77>>file"'),
    (("--logto", "127.0.0.1:"), 'invalid udp address "127.0.0.1:": it is no host:port that resolves'),
    (("--log-encoder", "json"), 'log encoder "json" has nothing to write'),
    (("--log-encoder", "format:far"), 'log encoder "format" has nothing to write'),
    (("--log-encoder", "msgpack nope"), 'log encoder "msgpack" has nothing to write'),
    (("--log-req-encoder", "msgpack map:x|str:a|msg"), 'log encoder "msgpack": "map:x" is no number'),
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


@pytest.mark.parametrize("option, value, right", [
    ("--logger", "nope:1", "[name ]kind[:argument], kinds: file fd stdio "),
    ("--logger", "a rsyslog", "rsyslog:address[,ident[,priority]]"),
    ("--log-socket", "nope", "socket:address[,prefix]"),
    ("--log-encoder", "nope", "name[:logger] [argument], names: prefix suffix nl "),
])
def test_what_is_wrong_is_told_with_what_would_be_right(option, value, right):
    said = server.run(*START, option, value, code=1)
    assert f'(option "{option[2:]}" on the command line, value "{value}", allowed: {right}' in said, said


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


@pytest.mark.parametrize("option, value", [("--log-route", "nobody x"), ("--log-req-route", "nobody x"), ("--log-encoder", "gzip:nobody"), ("--log-req-encoder", "nl:nobody")])
def test_what_leads_to_nobody_is_told(option, value):
    said = server.run(*START, "--logger", "somebody stdio", option, value, option, value.replace("nobody", "somebody"), "--no-server", code=0)
    assert re.findall(r"^\[uwsgi-log\] .*", said, re.M) == [f'[uwsgi-log] {option[2:]} "{value}": there is no logger of that name']
