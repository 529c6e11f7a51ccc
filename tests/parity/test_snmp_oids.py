"""The OIDs of our list are those under which the agent of the original answers, with the types our kinds stand for."""

import os
import pathlib

import pytest

from harness import paths
from harness.server import free_port
from parity import snmp
from parity.box import Box

ORIGINAL = pathlib.Path(os.environ.get("PARITY_LEFT", paths.ORIGINAL))
OURS = pathlib.Path(os.environ.get("PARITY_RIGHT", paths.OURS))
TYPES = {0: snmp.COUNTER64, 1: snmp.GAUGE32, 2: snmp.COUNTER64}
OPTIONS = ["-p", "2", "--threads", "2", "--http-socket", "127.0.0.1:0", "--http-socket", "127.0.0.1:0"]
for definition in ("name=u,oid=100.1,initial_value=7", "name=g,oid=100.2.3,type=gauge,initial_value=9", "name=a,oid=100.4,type=absolute",
                   "plain", "name=al,type=alias,alias=g", "name=core.overloaded,oid=100.5,type=gauge"):
    OPTIONS += ["--metric", definition]


def listed(box, *options) -> dict:
    server = box.serve("-M", "--stats", "st.sock", *OPTIONS, *options, "--wsgi-file", box.app("wires"))
    return server.wait_stats(lambda s: all(w["accepting"] for w in s["workers"]), "workers that accept")["metrics"]


@pytest.fixture
def sides(tmp_path, nothing_left):
    """The agent of the original, and a place for our server."""
    port, boxes = free_port(), []
    for name, binary in (("original", ORIGINAL), ("ours", OURS)):
        (tmp_path / name).mkdir()
        boxes.append(Box(binary, tmp_path / name))
    theirs = listed(boxes[0], f"--snmp=127.0.0.1:{port}", "--snmp-community", "public")
    yield port, theirs, boxes[1]
    for box in boxes:
        box.close()


def test_every_oid_answers_with_the_type_of_its_kind(sides):
    port, theirs, box = sides
    ours = listed(box)
    assert list(ours) == list(theirs)
    first, asked = {}, 0
    for name, metric in ours.items():
        oid = metric["oid"]
        if not oid:
            continue
        # Of two metrics with one OID the agent answers for the first; an alias is such a second one.
        kind = first.setdefault(oid, metric["type"])
        answer = snmp.get(port, b"public", oid)
        assert answer and answer[0] == TYPES[kind], (name, oid, kind, answer)
        asked += 1
    assert asked == len(ours) - 1, "all but the plain one have an OID"
    assert snmp.get(port, b"public", "100.1") == (snmp.COUNTER64, 7) and snmp.get(port, b"public", "100.2.3") == (snmp.GAUGE32, 9)


@pytest.mark.ours
def test_new_oids_are_unique_and_unknown_to_the_original(sides):
    port, theirs, box = sides
    ours = listed(box, "--metrics-extended")
    new = {name: metric["oid"] for name, metric in ours.items() if name not in theirs and metric["oid"]}
    assert len(new) > 20, new
    assert len(set(new.values())) == len(new) and not set(new.values()) & {m["oid"] for m in theirs.values()}
    probes = [oid for name, oid in new.items() if name in ("core.listen_queue_errors", "worker.1.harakiri", "socket.0.drops")]
    assert len(probes) == 3 and all(snmp.get(port, b"public", oid, patience=0.3) is None for oid in probes)
