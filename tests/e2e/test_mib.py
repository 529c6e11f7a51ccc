"""UWSGI-MIB.txt: accepted by smilint, and the names net-snmp shows for what a running agent answers."""

import os
import re
import shutil
import subprocess

import pytest

from harness import dashboards, paths, wire
from harness.server import free_port

pytestmark = [pytest.mark.ours, pytest.mark.skipif(
    not (paths.CACHE / "mibs/SNMPv2-CONF").exists() or not shutil.which("smilint") or not shutil.which("snmpwalk"),
    reason="the tools or the modules that others build on are missing: run tests/setup.sh as root, with npm")]
BRANCH = ".1.3.6.1.4.1.35156.17"
MODULES = ("-M", f"{paths.CACHE}/mibs:{dashboards.HOME}", "-m", "UWSGI-MIB")


def told(*command, **environment) -> str:
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=60, check=False,
                          env={**os.environ, **environment})
    return done.stdout + done.stderr


def linted(file) -> str:
    return told("smilint", "-l", 3, file, SMIPATH=str(paths.CACHE / "mibs"))


def test_smilint_has_nothing_to_say(tmp_path):
    assert linted(dashboards.MIB) == ""
    broken = tmp_path / "UWSGI-MIB"
    broken.write_text(dashboards.MIB.read_text().replace("SYNTAX Counter64", "SYNTAX Counter65", 1))
    assert "Counter65" in linted(broken), "a broken module is told"


def test_a_text_beyond_ascii_is_shown_as_text():
    """Without a convention of its own the tools show octets; with that of old a longer text than 255 bytes were wrong."""
    shown = told("snmptranslate", *MODULES, "-Td", "UWSGI-MIB::uwsgiAlarmMessage")
    assert "OCTET STRING (0..1024)" in shown and 'DISPLAY-HINT\t"1024t"' in shown


@pytest.mark.parametrize("oid, name", [("1.1", "uwsgiRequests"), ("1.31", "uwsgiRequestsOfWorker1"), ("3.0.1", "uwsgiWorker0Requests"),
                                       ("3.2.8", "uwsgiWorker2AvgResponseTime"), ("3.1.2.0.1", "uwsgiWorker1Core0Requests"),
                                       ("16.2.1.5", "uwsgiWorker2App1Responses2xx"),
                                       ("5.3", "uwsgiCoreBusyWorkers"), ("7.0.1", "uwsgiSocket0ListenQueue"), ("0.1", "uwsgiAlarm"),
                                       ("0.2.6", "uwsgiAlarmState")])
def test_snmptranslate_knows_both_ways(oid, name):
    assert told("snmptranslate", *MODULES, f"{BRANCH}.{oid}").strip() == f"UWSGI-MIB::{name}"
    assert told("snmptranslate", *MODULES, "-On", f"UWSGI-MIB::{name}").strip() == f"{BRANCH}.{oid}"


def test_every_object_of_a_walk_has_its_name_and_type(uwsgi, app, tmp_path):
    port = free_port()
    server = uwsgi("--http-socket", "127.0.0.1:0", "-M", "-p", "2", "--threads", "2", "--stats", tmp_path / "stats", "--enable-metrics",
                   "--metrics-extended", "--mules", "1", "--alarm", "note log:", "--stats-push", f"file:path={tmp_path}/pushed,freq=1",
                   f"--snmp=127.0.0.1:{port}", "--snmp-community", "public", "--wsgi-file", app("hello"), workers=2)
    assert wire.http(server.address(), "/").status == 200
    lines = told("snmpwalk", "-v2c", "-c", "public", *MODULES, f"127.0.0.1:{port}", BRANCH).splitlines()
    assert lines.pop().endswith("(It is past the end of the MIB tree)")
    named = [re.fullmatch(r"UWSGI-MIB::(\w+) = (Counter64|Gauge32): \d+(?: .*)?", line) for line in lines]
    nameless = [line for line, match in zip(lines, named, strict=True) if not match]
    assert not nameless, "\n".join(nameless)
    types = dict(re.findall(r"^(uwsgi\w+) OBJECT-TYPE\n\s+SYNTAX (\w+)", dashboards.MIB.read_text(), re.M))
    assert [match[0] for match in named if types[match[1]] != match[2]] == []
    seen = {match[1] for match in named}
    assert len(seen) == len(lines) > 60
    assert {"uwsgiRequests", "uwsgiWorker2Requests", "uwsgiWorker2Core1Requests", "uwsgiMule1Messages", "uwsgiAlarm1Triggered",
            "uwsgiPusher0Pushes", "uwsgiSnmpRequests", "uwsgiSocket0Drops"} <= seen
