"""RRD files: ours, read and written by Debian's rrdtool, and values for a real rrdcached."""

import contextlib
import os
import re
import shutil
import subprocess
import time

import pytest

from harness import paths
from harness.receivers import Program
from harness.server import free_port, plain_environment
from harness.waiting import until

pytestmark = [pytest.mark.ours, pytest.mark.skipif(not shutil.which("rrdtool"), reason="rrdtool is missing: run tests/setup.sh as root")]
SHAPE = ["--http-socket", "127.0.0.1:0", "-p", "2", "--metrics-no-cores", "--stats", "stats.sock",
         "--metric", "mym", "--metric", "name=g,type=gauge,initial_value=-4", "--metric", "name=rap,initial_value=7,reset_after_push=1"]


def rrdtool(*args):
    return subprocess.run(["rrdtool", *map(str, args)], check=True, capture_output=True, timeout=60, text=True).stdout


def info(path):
    return dict(line.split(" = ", 1) for line in rrdtool("info", path).splitlines())


def last(path):
    return int(rrdtool("last", path))


def known_rows(path, *args):
    rows = re.findall(r"^(\d+): (\S+)$", rrdtool("fetch", path, "AVERAGE", *args), re.M)
    return {int(at): float(value) for at, value in rows if "nan" not in value}


def refusal(*args):
    done = subprocess.run([paths.OURS, "--http-socket", "127.0.0.1:0", *args], capture_output=True, timeout=60, check=False, text=True,
                          stdin=subprocess.DEVNULL, env=plain_environment())
    return done.returncode, done.stderr


def test_every_metric_has_a_file_that_rrdtool_reads(uwsgi, app, tmp_path):
    rrds = tmp_path / "rrds"
    rrds.mkdir()
    server = uwsgi(*SHAPE, "--plugins", "rrdtool", "--rrdtool", "rrds", "--rrdtool-freq", "1", "--wsgi-file", app("ask"))
    names = list(server.stats()["metrics"])
    assert len(names) == 43
    assert f"created 43 new rrd files in {rrds}\n" in server.log()
    assert sorted(os.listdir(rrds)) == sorted(f"{name}.rrd" for name in names)
    assert {path.stat().st_size for path in rrds.iterdir()} == {5520}
    gauge, counter = info(rrds / "g.rrd"), info(rrds / "worker.1.requests.rrd")
    assert (gauge["ds[metric].type"], counter["ds[metric].type"]) == ('"GAUGE"', '"DERIVE"')
    assert (gauge["step"], gauge["ds[metric].minimal_heartbeat"], gauge["ds[metric].max"]) == ("300", "600", "NaN")
    archives = [(gauge[f"rra[{n}].cf"], gauge[f"rra[{n}].pdp_per_row"], gauge[f"rra[{n}].rows"]) for n in range(4)]
    assert archives == [('"AVERAGE"', "1", "288"), ('"AVERAGE"', "12", "168"), ('"AVERAGE"', "288", "31"), ('"AVERAGE"', "2016", "52")]
    server.get("/?1")
    path = rrds / "worker.0.requests.rrd"
    until(lambda: info(path)["ds[metric].last_ds"] == '"1"', "the request is in the file")
    assert info(rrds / "g.rrd")["ds[metric].last_ds"] == '"-4"'


def test_files_that_are_there_are_used_and_not_changed(uwsgi, app, tmp_path):
    (tmp_path / "rrds").mkdir()
    path = tmp_path / "rrds" / "g.rrd"
    rrdtool("create", path, "--step", "1", "--start", int(time.time()) - 60, "DS:own:GAUGE:5:U:U", "RRA:MAX:0.5:1:100", "RRA:AVERAGE:0.5:1:100")
    server = uwsgi(*SHAPE, "--rrdtool", "rrds", "--rrdtool-freq", "1", "--rrdtool-lib", "librrd.so.8", "--wsgi-file", app("ask"))
    assert f"created 42 new rrd files in {tmp_path}/rrds\n" in server.log()
    server.wait_log(r"^rrdtool-lib = librrd.so.8: not loaded, RRD files are written without a library$")
    until(lambda: -4.0 in known_rows(path, "-s", "-30").values(), "values that rrdtool fetches")
    assert info(path)["ds[own].minimal_heartbeat"] == "5"
    picture = rrdtool("graph", tmp_path / "g.png", "-s", "-60", f"DEF:v={path}:own:AVERAGE", "LINE1:v#ff0000", "PRINT:v:LAST:%.0lf")
    assert picture.splitlines()[-1] == "-4" and (tmp_path / "g.png").read_bytes().startswith(b"\x89PNG")


def test_by_hand_and_by_us_take_turns(uwsgi, app, tmp_path):
    (tmp_path / "rrds").mkdir()
    server = uwsgi(*SHAPE, "--rrdtool", "rrds", "--rrdtool-freq", "1", "--wsgi-file", app("ask"))
    path = tmp_path / "rrds" / "g.rrd"
    for value in range(3):
        def by_hand(value=value):
            with contextlib.suppress(subprocess.CalledProcessError):  # the server holds the lock, or was first in this moment
                rrdtool("update", path, f"N:{value}")
                return True
            return False

        until(by_hand, "an update by hand")
        until(lambda: info(path)["ds[metric].last_ds"] == '"-4"', "an update by the server")
    assert "rrd_update" not in server.log()


def test_pushes_to_files_that_others_made(uwsgi, app, tmp_path):
    (tmp_path / "e").mkdir()
    server = uwsgi(*SHAPE, "--stats-push", "rrdtool:e", "--stats-pusher-default-freq", "1", "--wsgi-file", app("ask"))
    server.wait_log(r'^.*ERROR: rrd_update\("e/core.routed_signals.rrd", "N:0"\): No such file or directory \(and 42 more files\)$')
    assert os.listdir(tmp_path / "e") == []
    path = tmp_path / "e" / "g.rrd"
    rrdtool("create", path, "DS:metric:GAUGE:600:U:U", "RRA:AVERAGE:0.5:1:10")
    until(lambda: info(path)["ds[metric].last_ds"] == '"-4"', "a file that appears is updated")
    until(lambda: "(and 41 more files)" in server.log(), "what is missing is counted anew")


def test_archives_and_heartbeat_of_new_files(uwsgi, app, tmp_path):
    (tmp_path / "rrds").mkdir()
    uwsgi(*SHAPE, "--rrdtool", "rrds", "--rrdtool-freq", "3600", "--rrdtool-rra", "RRA:MAX:0.5:12:168", "--rrdtool-rra", "RRA:LAST:0.1:1:9",
          "--wsgi-file", app("ask"))
    seen = info(tmp_path / "rrds" / "mym.rrd")
    assert (seen["rra[0].cf"], seen["rra[1].cf"], seen["rra[1].rows"], "rra[2].cf" in seen) == ('"MAX"', '"LAST"', "9", False)
    assert seen["ds[metric].minimal_heartbeat"] == "7200"


@pytest.mark.parametrize(("args", "text"), [
    (["--rrdtool", "nowhere"], "realpath() of nowhere failed: No such file or directory"),
    (["--stats-push", "rrdtool"], "invalid rrdtool stats pusher syntax"),
    (["--rrdtool", ".", "--rrdtool-rra", "RRA:MEAN:1:1:1"], 'invalid rrdtool-rra "RRA:MEAN:1:1:1"'),
    (["--rrdtool", "unix:"], "invalid rrdcached address unix:"),
    (["--rrdtool", "/proc/self"], 'unable to create rrd file for metric "core.routed_signals"'),
])
def test_what_cannot_be_kept_is_refused_at_the_start(args, text):
    code, said = refusal("-M", *args)
    assert (code, text in said) == (1, True), said


class Rrdcached(Program):
    """The real one, with files below `home`/base."""

    def __init__(self, home, name="rrdcached", listen=None):
        self.base, self.socket = home / "base", home / f"{name}.sock"
        self.base.mkdir(exist_ok=True)
        super().__init__(["rrdcached", "-g", "-l", listen or f"unix:{self.socket}", "-b", self.base, "-B", "-R", "-p", home / f"{name}.pid",
                          "-j", self.base], home / f"{name}.log")
        if not listen:
            until(self.socket.exists, f"rrdcached to listen:\n{self.text()}", 20)


def test_rrdcached_makes_and_writes_the_files(uwsgi, app, tmp_path):
    daemon = Rrdcached(tmp_path)
    try:
        server = uwsgi(*SHAPE, "--rrdtool", f"unix:{daemon.socket},mine", "--rrdtool-freq", "1", "--wsgi-file", app("ask"))
        path = daemon.base / "mine" / "worker.0.requests.rrd"
        until(lambda: path.exists() and len(list(path.parent.iterdir())) == 43, "43 files")
        server.get("/?1")

        def flushed():
            rrdtool("flushcached", "--daemon", f"unix:{daemon.socket}", path)
            return info(path)["ds[metric].last_ds"] == '"1"'

        until(flushed, "the request is in the file")
        assert info(path)["ds[metric].type"] == '"DERIVE"'
        assert "[rrdtool]" not in server.log()
    finally:
        daemon.close()


def test_rrdcached_that_dies_comes_back(uwsgi, app, tmp_path):
    listen = f"127.0.0.1:{free_port()}"
    server = uwsgi(*SHAPE, "--rrdtool", f"tcp:{listen}", "--rrdtool-freq", "1", "--wsgi-file", app("ask"))
    server.wait_log(rf"^.*\[rrdtool\] tcp:{listen}: Couldn't connect to server")
    daemon = Rrdcached(tmp_path, listen=listen)
    try:
        server.wait_log(rf"^.*\[uwsgi-stats-pusher\] rrdtool to tcp:{listen} works again after \d+ failures$")
        until(lambda: len(list(daemon.base.glob("*.rrd"))) == 43, "43 files")
        assert server.get("/?1").status == 200
    finally:
        daemon.close()
