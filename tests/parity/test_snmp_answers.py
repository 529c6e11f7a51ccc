"""The same datagrams to both agents: the bytes of the answers, and where there is none."""

import os
import pathlib
import socket

import pytest

from harness import paths, wire
from harness.server import free_port
from parity import snmp
from parity.box import Box

ORIGINAL = pathlib.Path(os.environ.get("PARITY_LEFT", paths.ORIGINAL))
OURS = pathlib.Path(os.environ.get("PARITY_RIGHT", paths.OURS))
METRICS = ("name=u,oid=100.1,initial_value=7", "name=g,oid=100.2.3,type=gauge,initial_value=9", "name=a,oid=100.4,type=absolute",
           "name=big,oid=100.5,type=gauge,initial_value=5000000000", "name=neg,oid=100.6,type=gauge,initial_value=-20",
           "name=below,oid=100.7,initial_value=-3", "name=wide,oid=100.4294967295.300.1,initial_value=12")
APPLICATION = """
import uwsgi

def application(environ, start_response):
    uwsgi.snmp_set_counter32(1, 4294967295), uwsgi.snmp_incr_counter32(1, 2)
    uwsgi.snmp_set_gauge(2, 7), uwsgi.snmp_decr_gauge(2, 9)
    uwsgi.snmp_set_counter64(3, 2**63 + 1), uwsgi.snmp_incr_counter64(100)
    start_response("200 OK", [])
    return [repr((uwsgi.snmp_set_gauge(0, 1), uwsgi.snmp_set_gauge(101, 1), uwsgi.snmp_incr_gauge(50), uwsgi.snmp_decr_gauge(50))).encode()]
"""


def request(oid: str, version=1, community=b"public", number=b"\x12\x34\x56\x78", kind=0xA0, value=b"\x05\x00", status=b"\0") -> bytes:
    bind = snmp.tlv(0x30, snmp.tlv(6, snmp.encode(oid)) + value)
    pdu = snmp.tlv(kind, snmp.tlv(2, number) + snmp.tlv(2, status) + snmp.tlv(2, b"\0") + snmp.tlv(0x30, bind))
    return snmp.tlv(0x30, snmp.tlv(2, bytes([version])) + snmp.tlv(4, community) + pdu)


def ask(port: int, datagram: bytes, patience: float) -> bytes | None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(patience)
        client.sendto(datagram, ("127.0.0.1", port))
        try:
            return client.recv(65535)
        except TimeoutError:
            return None


@pytest.fixture
def ports(tmp_path, nothing_left):
    """The agents of both after one and the same request."""
    boxes, found = [], []
    options = [word for text in METRICS for word in ("--metric", text)]
    for name, binary in (("original", ORIGINAL), ("ours", OURS)):
        (tmp_path / name).mkdir()
        box = Box(binary, tmp_path / name)
        boxes.append(box)
        compat = ["--snmp-compat"] if box.ours else []
        port = free_port()
        server = box.serve("-M", "-p", "2", "--http-socket", "127.0.0.1:0", f"--snmp=127.0.0.1:{port}", "--snmp-community", "public", *options,
                           "--wsgi-file", box.file("values.py", APPLICATION), *compat)
        found.append((port, wire.raw(server.address(), b"GET / HTTP/1.0\r\n\r\n").split(b"\r\n\r\n", 1)[1]))
    (left, said), (right, also) = found
    assert said == also == b"(None, None, True, True)"
    yield left, right
    for box in boxes:
        box.close()


ANSWERED = {
    **{f"oid {oid}": request(oid) for oid in (
        "1.1", "1.2", "1.30", "1.33", "1.100", "2.1", "2.2", "2.3", "2.4", "2.50", "2.100", "100.1", "100.2.3", "100.4", "100.5",
        "100.6", "100.7", "100.4294967295.300.1")},
    "v1": request("1.1", version=0),
    "v2 of old": request("100.2.3", version=2),
    "a short number": request("1.1", number=b"\x05"),
    "a negative number": request("1.1", number=b"\xff\x80"),
    "a number with zeroes": request("1.1", number=b"\0\0\0\x01"),
}
SILENT = {
    "an unknown metric": request("77.1"),
    "beyond the tables": request("1.101"),
    "zero": request("2.0"),
    "another community": request("1.1", community=b"private"),
    "no community": request("1.1", community=b""),
    "an answer": request("1.1", kind=0xA2),
    "nothing": b"0",
    "a cut": request("1.1")[:-1],
    "an indefinite length": b"\x30\x80" + request("1.1")[2:],
}


@pytest.mark.parametrize("names, patience", [(ANSWERED, 5.0), (SILENT, 0.2)], ids=["answered", "silent"])
def test_both_agents_say_the_same(ports, names, patience):
    left, right = ports
    for name, datagram in names.items():
        theirs, ours = ask(left, datagram, patience), ask(right, datagram, patience)
        assert theirs == ours, (name, theirs and theirs.hex(), ours and ours.hex())
        assert (theirs is None) == (names is SILENT), name
