"""The message to Zabbix and the template are those of the original, which needs its plugin: tests/setup.sh builds it."""

import os
import pathlib
import re

import pytest

from harness import paths
from harness.zabbix import Trapper
from parity.box import AUTO, Box

ORIGINAL = pathlib.Path(os.environ.get("PARITY_LEFT", paths.ORIGINAL))
OURS = pathlib.Path(os.environ.get("PARITY_RIGHT", paths.OURS))
PLUGINS = paths.CACHE / "original-plugins"
METRICS = ["--metric", "name=g,type=gauge,initial_value=-4", "--metric", "mym", "--metric", "name=rap,initial_value=7,reset_after_push=1"]


@pytest.fixture
def both(tmp_path, nothing_left):
    if not (PLUGINS / "zabbix_plugin.so").exists():
        pytest.skip("the original's plugin is missing: run tests/setup.sh")
    boxes = []

    def run(look):
        seen = []
        for name, binary in (("original", ORIGINAL), ("ours", OURS)):
            (tmp_path / name).mkdir()
            boxes.append(Box(binary, tmp_path / name))
            seen.append(look(boxes[-1]))
        return seen

    yield run
    for box in boxes:
        box.close()


def serve(box, *options):
    return box.serve("--plugins-dir", PLUGINS, "--plugin", "zabbix", "--http-socket", AUTO, "-M", "-p", "2", "--stats", "st.sock",
                     *METRICS, *options, "--wsgi-file", box.app("wires"))


def test_the_message(both):
    def look(box):
        with Trapper() as trapper:
            serve(box, "--stats-push", f"zabbix:{trapper.place},zpfx", "--stats-pusher-default-freq", "1")
            first, second = trapper.wait(2)[:2]
        assert "zpfx.worker.2.core.0.requests" in first.values, "the list is whole"
        # Counts of workers that start, and memory, are of the moment.
        moving = re.compile(r'("key":"zpfx\.(?:core\.(?:busy|idle|over|total_r|total_v)|worker\.\d+\.(?:resp|rss|vsz)|rss|vsz|socket)\S*?","value":")-?\d+')
        texts = [moving.sub(r"\1N", message.text) for message in (first, second)]
        return first.flags, first.header[9:], len(first.raw) == int.from_bytes(first.header[5:9], "little"), texts

    original, ours = both(look)
    assert ours == original


@pytest.mark.parametrize("options", [[], ["--metrics-no-cores"]])
def test_the_template(both, options):
    def look(box):
        path = box.directory / "t.xml"
        server = serve(box, f"--zabbix-template={path}", *options)
        server.wait_log(rf"^zabbix template written to {re.escape(str(path))}$")
        return path.read_bytes(), path.stat().st_mode

    original, ours = both(look)
    assert ours == original and ours[0].count(b"<item>") > 20
