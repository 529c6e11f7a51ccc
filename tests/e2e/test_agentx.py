"""The AgentX subagent behind a real snmpd, and before masters that are gone or mad."""

import contextlib
import os
import socket
import struct
import subprocess

import pytest

from harness import netsnmp, paths
from harness.netsnmp import BRANCH, needs_tools
from harness.server import free_port, plain_environment
from harness.waiting import until

pytestmark = needs_tools


@contextlib.contextmanager
def snmpd(directory, port: int, agentx):
    """A snmpd of the test's own: nothing of the machine's configuration, one community for the whole tree."""
    (directory / "snmpd.conf").write_text(f"master agentx\nagentXSocket {agentx}\nagentXTimeout 5\nrocommunity public\n")
    process = subprocess.Popen(["snmpd", "-f", "-C", "-c", directory / "snmpd.conf", "-Lf", directory / "snmpd.log", "-I", "-smux",
                                "-p", directory / "snmpd.pid", f"udp:127.0.0.1:{port}"], env={**os.environ,
                               "SNMP_PERSISTENT_DIR": str(directory), "SNMPCONFPATH": str(directory)}, stdin=subprocess.DEVNULL)
    try:
        until(lambda: netsnmp.run("snmpget", f"127.0.0.1:{port}", "1.3.6.1.2.1.1.3.0", timeout=1).returncode == 0, "snmpd answers")
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def site(uwsgi, app):
    def start(agentx, *options):
        return uwsgi("-M", "--http-socket", "127.0.0.1:0", "-p", "2", "--stats", "stats.sock", "--wsgi-file", app("hello"),
                     f"--snmp-agentx={agentx}", "--enable-metrics", *options)
    return start


def test_a_system_agent_shows_our_numbers_and_its_restart_is_survived(site, tmp_path):
    port, own = free_port(), free_port()
    master = tmp_path / "agentx"
    where = f"127.0.0.1:{port}"
    server = site(f"unix:{master}", f"--snmp=127.0.0.1:{own}", "--snmp-community", "public", "--metric", "name=mine,oid=100.1,initial_value=7")
    server.wait_log(r"^\[snmp-agentx\] .*agentx: No such file or directory, trying again$")
    with snmpd(tmp_path, port, master):
        server.wait_log(rf"^\[snmp-agentx\] registered with {master}$", timeout=40)
        server.get("/")
        assert netsnmp.get(where, "1.1", "100.1") == ["1", "7"]
        for tool in ("snmpwalk", "snmpbulkwalk"):
            through = netsnmp.walk(where, BRANCH, tool=tool)
            direct = netsnmp.walk(f"127.0.0.1:{own}", BRANCH, tool=tool)
            assert list(through) == list(direct) and len(through) > 30, tool
        missing = netsnmp.run("snmpget", where, f"{BRANCH}.77.1")
        assert "No Such Instance" in missing.stdout
        refused = netsnmp.run("snmpset", where, f"{BRANCH}.1.1", "i", "5", access=("-v2c", "-c", "public"))
        assert refused.returncode != 0
    server.wait_log(r"^\[snmp-agentx\] .*agentx: .*, trying again$", after=0)
    mark = server.mark()
    with snmpd(tmp_path, port, master):
        server.wait_log("^.snmp-agentx. registered with", timeout=60, after=mark)
        assert netsnmp.get(where, "1.1") == ["1"]


def test_an_agent_over_tcp(site, tmp_path):
    port, agentx = free_port(), free_port()
    with snmpd(tmp_path, port, f"tcp:127.0.0.1:{agentx}"):
        server = site(f"127.0.0.1:{agentx}")
        server.wait_log(rf"^\[snmp-agentx\] registered with 127.0.0.1:{agentx}$", timeout=40)
        assert netsnmp.get(f"127.0.0.1:{port}", "1.1") == ["0"]


def test_a_subagent_alone_has_the_values_of_applications_and_the_rules_of_numbers(uwsgi, app, tmp_path):
    """Nothing of the agent's own is configured: what only changes numbers counts all the same."""
    port, master = free_port(), tmp_path / "agentx"
    with snmpd(tmp_path, port, master):
        server = uwsgi("-M", "--http-socket", "127.0.0.1:0", "--wsgi-file", app("ask"), f"--snmp-agentx={master}", "--enable-metrics",
                       "--snmp-gauge64", "--metric", "name=big,oid=100.1,type=gauge,initial_value=5000000000")
        server.wait_log(r"^SNMP python functions initialized\.$")
        server.wait_log("^.snmp-agentx. registered with", timeout=40)
        assert server.get("/?uwsgi.snmp_set_gauge(7,42)").body == b"True"
        assert netsnmp.get(f"127.0.0.1:{port}", "2.7", "100.1") == ["42", "5000000000"]


def header(kind, session, packet, payload=b""):
    return struct.pack(">BBBBIIII", 1, kind, 0x10, 0, session, 1, packet, len(payload)) + payload


def response(session, packet, error=0):
    return header(18, session, packet, struct.pack(">IHH", 0, error, 0))


@pytest.mark.parametrize(("said", "told"), [
    (b"HTTP/1.1 400 Bad Request\r\n\r\n", "it sent no packet: it is not of version 1"),
    (header(18, 7, 1)[:16] + b"\xff\xff\xff\xf0", "it sent no packet: its length is not one"),
    (response(7, 1, 256), "the master refused the session, error 256"),
    (response(7, 1) + response(7, 2, 263), "the master refused the registration, error 263 .duplicate registration.,"),
    (response(7, 1) + response(7, 2) + header(5, 7, 3, b"\x81\0\0\0"), "it sent no packet: "),
    (response(7, 1) + response(7, 2) + header(5, 9, 3), "a packet of session 9 came"),
    (response(7, 1) + header(2, 7, 3, b"\4\0\0\0"), "the master closed the session, reason 4"),
    (response(7, 1)[:13], "it closed the connection"),
], ids=["words", "length", "refused", "taken", "half", "stranger", "close", "end"])
def test_a_mad_master_is_left_alone_and_tried_again(site, said, told):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(30)
        server = site(f"127.0.0.1:{listener.getsockname()[1]}")
        for _ in range(2):
            client, _ = listener.accept()
            with client:
                client.settimeout(30)
                assert client.recv(4096)[:3] == b"\1\1\x10"
                client.sendall(said)
                if said == response(7, 1)[:13]:
                    client.shutdown(socket.SHUT_WR)
                while client.recv(4096):
                    pass
        server.wait_log(rf"^\[snmp-agentx\] 127.0.0.1:\d+: {told}")
        assert server.get("/").status == 200


def test_an_address_that_is_none_is_refused():
    done = subprocess.run([paths.OURS, "--http-socket", "127.0.0.1:0", "--snmp-agentx=localhost"], capture_output=True, text=True,
                          check=False, timeout=60, stdin=subprocess.DEVNULL, env=plain_environment())
    assert done.returncode == 1
    assert 'invalid value for option "snmp-agentx": "localhost"' in done.stderr
