"""RRD files: which there are, and every byte of them that neither time nor chance decides."""

import hashlib
import struct

from harness.waiting import until

from .box import AUTO
from .scenarios import scenario

# From here on a file holds the time of its last update, its values, and rows that begin anywhere.
LIVE, ROWS, SIZE = 728, 1208, 5520


def remembered(path) -> bytes:
    """The text of the value that a file took last."""
    return path.read_bytes()[744:774].rstrip(b"\0")


@scenario
def rrd_files(box):
    (box.directory / "rrds").mkdir()
    server = box.serve("--http-socket", AUTO, "-p", "2", "--metrics-no-cores", "--metric", "mym", "--metric", "name=g,type=gauge,initial_value=4",
                       "--metric", "name=rap,initial_value=7", "--rrdtool-lib", "librrd.so.8", "--rrdtool", "rrds", "--rrdtool-freq", "1",
                       "--wsgi-file", box.app("wires"))
    places = sorted((box.directory / "rrds").iterdir())
    box.note("files", len(places))
    until(lambda: all(remembered(path) not in (b"U", b"") for path in places), "an update of every file")
    for path in places:
        content = path.read_bytes()
        mode = path.stat().st_mode & 0o777
        box.note("files", f"{path.name} {mode:o} {len(content)} {hashlib.sha256(content[:LIVE]).hexdigest()}")
        assert len(content) == SIZE
        assert set(struct.unpack("<539Q", content[ROWS:])) == {0xFFF8_0000_0000_0000}, "no step has ended without an unknown part"
    for name in ("g", "mym", "rap", "worker.0.requests"):
        box.note("last", f"{name} {remembered(box.directory / 'rrds' / (name + '.rrd'))}")
    box.stop(server, only="rrd files in")


@scenario
def rrd_faults(box):
    for value in (("--rrdtool", "nowhere"), ("--stats-push", "rrdtool")):
        box.run("--http-socket", "127.0.0.1:0", "-M", "--rrdtool-lib", "librrd.so.8", *value, show=False)
