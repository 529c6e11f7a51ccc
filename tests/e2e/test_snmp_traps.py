"""Alarms as notifications of SNMP: traps, informs, and through the agent of the machine, against net-snmp's snmptrapd."""

import contextlib
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess

import pytest

from harness import paths
from harness.netsnmp import BRANCH
from harness.server import free_port, plain_environment
from harness.waiting import until

pytestmark = [pytest.mark.ours, pytest.mark.skipif(not shutil.which("snmptrapd"), reason="the Debian package snmptrapd is not installed")]


@contextlib.contextmanager
def snmptrapd(directory: pathlib.Path, *more: str, port=None):
    """A snmptrapd of the test's own that writes names as numbers to a file."""
    port = port or free_port(socket.AF_INET)
    (directory / "trapd.conf").write_text("authCommunity log secret\ndisableAuthorization no\n" + "".join(f"{line}\n" for line in more))
    log = directory / "traps"
    process = subprocess.Popen(["snmptrapd", "-f", "-C", "-c", directory / "trapd.conf", "-On", "-m", "", "-Lf", log, "-p", directory / "trapd.pid",
                                f"udp:127.0.0.1:{port}"], env={**os.environ, "SNMP_PERSISTENT_DIR": str(directory),
                                                               "SNMPCONFPATH": str(directory)}, stdin=subprocess.DEVNULL)
    try:
        until(lambda: log.exists() and "NET-SNMP version" in log.read_text(), "snmptrapd listens")
        yield port, log
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def site(uwsgi, app):
    def start(*alarms, options=()):
        words = [word for alarm in alarms for word in ("--alarm", alarm)]
        return uwsgi("-M", "--http-socket", "127.0.0.1:0", "--stats", "stats.sock", "--wsgi-file", app("ask"), *words, *options)
    return start


def bound(log: pathlib.Path, *place: int) -> list[str]:
    """What was bound to a name of ours, in every notification."""
    name = f".{BRANCH}." + ".".join(map(str, place)) + " = "
    return [line.split(name)[1].split("\t")[0] for line in log.read_text().splitlines() if name in line]


def raised(server, name, text="it burns"):
    assert server.get(f"/?uwsgi.alarm('{name}','{text.replace(' ', '+')}')".replace("+", "%20")).status == 200


def test_an_alarm_is_a_trap(site, tmp_path):
    with snmptrapd(tmp_path) as (port, log):
        server = site(f"nms snmptrap:127.0.0.1:{port};secret")
        raised(server, "nms")
        until(lambda: bound(log, 0, 2, 1) == ['STRING: "it burns"'], "the trap")
        text = log.read_text()
        assert f".1.3.6.1.6.3.1.1.4.1.0 = OID: .{BRANCH}.0.1" in text
        assert ".1.3.6.1.2.1.1.3.0 = Timeticks: (" in text
        assert bound(log, 0, 2, 2) == ['STRING: "nms"']


def test_a_threshold_says_what_it_knows_and_when_it_is_over(site, tmp_path):
    with snmptrapd(tmp_path) as (port, log):
        server = site(f"nms snmptrap:127.0.0.1:{port};secret", options=("--metric", "name=heat,type=gauge", "--metric-threshold",
                                                                        "key=heat,value=100,alarm=nms,clear=50,recovery=1"))
        assert server.get("/?uwsgi.metric_set('heat',150)".replace("'", "%27")).body == b"True"
        until(lambda: bound(log, 0, 2, 6) == ["INTEGER: 1"], "the alarm")
        assert bound(log, 0, 2, 3) == ['STRING: "heat"'] and bound(log, 0, 2, 4) == ['STRING: "150"'] and bound(log, 0, 2, 5) == ['STRING: "100"']
        assert server.get("/?uwsgi.metric_set('heat',10)".replace("'", "%27")).body == b"True"
        until(lambda: bound(log, 0, 2, 6) == ["INTEGER: 1", "INTEGER: 2"], "its end")


def test_an_inform_is_sent_until_it_is_confirmed(site, tmp_path):
    port = free_port(socket.AF_INET)
    server = site(f"nms snmpinform:127.0.0.1:{port};secret").allow("nobody confirms it")
    raised(server, "nms", "wait for me")
    server.wait_log(rf"127.0.0.1:{port}: nobody confirms it", timeout=30)
    with snmptrapd(tmp_path, port=port) as (_, log):
        until(lambda: bound(log, 0, 2, 1) == ['STRING: "wait for me"'], "the inform", timeout=60)


def test_several_receivers_and_only_those_that_lack_it_get_it_again(site, tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    late = free_port(socket.AF_INET)
    with snmptrapd(tmp_path / "a") as (port, first):
        server = site(f"nms snmpinform:127.0.0.1:{port};secret,127.0.0.1:{late};secret").allow("nobody confirms it")
        raised(server, "nms")
        server.wait_log("nobody confirms it", timeout=30)
        with snmptrapd(tmp_path / "b", port=late) as (_, second):
            until(lambda: bound(second, 0, 2, 1) == ['STRING: "it burns"'], "the late one has it", timeout=60)
        assert bound(first, 0, 2, 1) == ['STRING: "it burns"'], "once"


def test_the_agent_of_the_machine_passes_it_on(site, tmp_path):
    from test_agentx import snmpd
    (tmp_path / "t").mkdir()
    with snmptrapd(tmp_path / "t") as (port, log):
        master, own = tmp_path / "agentx", free_port()
        with snmpd(tmp_path, own, f"{master}\ntrap2sink 127.0.0.1:{port} secret"):
            server = site("nms snmptrap:agentx", options=(f"--snmp-agentx={master}",))
            server.wait_log("^.snmp-agentx. registered with", timeout=40)
            raised(server, "nms", "through")
            until(lambda: bound(log, 0, 2, 1) == ['STRING: "through"'], "the trap")


SECURE = [("noAuthNoPriv", ""), ("authNoPriv", ";auth=sha512:password1"), ("authPriv", ";auth=sha256:password1;priv=aes:password2"),
          ("authPriv", ";auth=md5:password1;priv=des:password2")]
ENGINE = "8000895405000102030405"


@pytest.mark.parametrize(("level", "protection"), SECURE, ids=["open", "signed", "aes", "des"])
def test_a_trap_of_version_3_comes_from_the_engine_of_the_agent(site, tmp_path, level, protection):
    """snmptrapd knows user and engine beforehand, as it must; the lives of the observer count up, and it goes on believing."""
    words = [word.split(":") for word in re.findall(r"[a-z0-9]+:\w+", protection)]
    names = {"sha512": "SHA-512", "sha256": "SHA-256", "md5": "MD5", "aes": "AES", "des": "DES"}
    known = " ".join(f"{names[name]} {secret}" for name, secret in words)
    engine = tmp_path / "engine"
    engine.write_text(f"engineBoots 4\nengineID {ENGINE}\n")
    least = {"noAuthNoPriv": "noauth", "authNoPriv": "auth", "authPriv": "priv"}[level]
    conf = (f"createUser -e 0x{ENGINE} joe {known}", f"authUser log joe {least}")
    with snmptrapd(tmp_path, *conf) as (port, log):
        server = site(f"nms snmptrap:localhost:{port};user=joe,127.0.0.1:{port};secret",
                      options=("--snmp-user", f"joe{protection}", "--snmp-engine-file", engine))
        server.wait_log(rf"^SNMPv3 engine 0x{ENGINE} started, boots 5$")
        raised(server, "nms", "first")
        until(lambda: bound(log, 0, 2, 1) == ['STRING: "first"'] * 2, "both traps")
        observer, before = int(server.wait_log(r"spawned uWSGI observer \(pid: (\d+)\)")[1]), server.mark()
        os.kill(observer, signal.SIGKILL)
        server.wait_log(rf"^SNMPv3 engine 0x{ENGINE} started, boots 6$", after=before)
        raised(server, "nms", "second")
        until(lambda: bound(log, 0, 2, 1)[2:] == ['STRING: "second"'] * 2, "both traps of the next life")


def test_a_text_in_any_language_is_cut_between_its_characters(site, tmp_path):
    with snmptrapd(tmp_path) as (port, log):
        server = site(f"nms snmptrap:127.0.0.1:{port};secret")
        raised(server, "nms", "x" * 1023 + "%C3%B6")
        until(lambda: bound(log, 0, 2, 1) == ['STRING: "' + "x" * 1023 + '"'], "the trap without half a character")


@pytest.mark.parametrize(("alarm", "text"), [
    ("nms snmptrap:a;user=eve", 'there is no snmp-user "eve"'),
    ("nms snmpinform:a;user=joe", "snmpinform knows communities only; a user is for snmptrap"),
    ("nms snmptrap:agentx", "snmptrap:agentx wants snmp-agentx, which is not set"),
    ("nms snmptrap:", "is not HOST[:PORT][;COMMUNITY]"),
    ("nms snmpinform:a:b:c;x", "is not HOST[:PORT][;COMMUNITY]"),
])
def test_an_argument_that_is_none_is_refused(alarm, text):
    done = subprocess.run([paths.OURS, "--http-socket", "127.0.0.1:0", "-M", "--snmp-user", "joe", "--alarm", alarm], capture_output=True, text=True, check=False,
                          timeout=60, stdin=subprocess.DEVNULL, env=plain_environment())
    assert done.returncode == 1 and text in done.stderr
