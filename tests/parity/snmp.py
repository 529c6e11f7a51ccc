"""SNMPv2c by hand: a GET for one number, and what the answer says."""

import socket

BRANCH = (1, 3, 6, 1, 4, 1, 35156, 17)
COUNTER64, GAUGE32 = 0x46, 0x42


def tlv(tag: int, content: bytes) -> bytes:
    size = bytes([len(content)]) if len(content) < 128 else bytes([0x81, len(content)])
    return bytes([tag]) + size + content


def base128(number: int) -> bytes:
    out = [number & 0x7F]
    while number := number >> 7:
        out.append(0x80 | number & 0x7F)
    return bytes(reversed(out))


def encode(oid: str) -> bytes:
    """The bytes of an OID relative to the branch of the server."""
    parts = BRANCH + tuple(map(int, oid.split(".")))
    return bytes([parts[0] * 40 + parts[1]]) + b"".join(map(base128, parts[2:]))


def get(port: int, community: bytes, oid: str, patience: float = 5.0) -> tuple[int, int] | None:
    """Tag and value of an answer; None when there is none."""
    name = tlv(6, encode(oid))
    pdu = tlv(0xA0, tlv(2, b"\x01\x02\x03\x04") + tlv(2, b"\0") * 2 + tlv(0x30, tlv(0x30, name + tlv(5, b""))))
    message = tlv(0x30, tlv(2, b"\x01") + tlv(4, community) + pdu)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(patience)
        client.sendto(message, ("127.0.0.1", port))
        try:
            answer = client.recv(2048)
        except TimeoutError:
            return None
    assert b"\x02\x04\x01\x02\x03\x04" in answer, "an answer to another question"
    value = answer[answer.index(name) + len(name):]
    assert value[1] == len(value) - 2, answer.hex()
    return value[0], int.from_bytes(value[2:], "big")
