"""The machine and the control group, against the kernel's own files, in groups that the tests make."""

import contextlib
import os
import pathlib
import stat

import pytest

from harness import paths, wire
from harness.waiting import until

pytestmark = [pytest.mark.ours, pytest.mark.alone]
ROOT = pathlib.Path("/sys/fs/cgroup")


@pytest.fixture
def start(uwsgi, app, tmp_path):
    def starter(*options, **kw):
        return uwsgi("--http-socket", "127.0.0.1:0", "-M", "--stats", tmp_path / "stats", "--stats-http", "--wsgi-file", app("loads"),
                     *options, **kw)
    return starter


def metrics(server) -> dict[str, float]:
    """Every sample by its name and labels as they stand in the text."""
    lines = wire.http(server.stats_address(), "/metrics").body.decode().splitlines()
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines if not line.startswith("#"))}


def measured(server) -> dict[str, float]:
    """The samples once the first look at the machine is over."""
    return until(lambda: (lambda shown: shown if "uwsgi_system_load{window=\"1m\"}" in shown else None)(metrics(server)), "a first look")


# --- the machine


def stalled(resource: str) -> float:
    text = pathlib.Path(f"/proc/pressure/{resource}").read_text()
    return int(text.split("total=")[1].split()[0]) / 1e6


@pytest.mark.skipif(not os.access("/proc/pressure/cpu", os.R_OK), reason="this kernel does not measure pressure")
@pytest.mark.parametrize("resource", ["cpu", "memory", "io"])
def test_pressure_is_that_of_the_kernel(start, resource):
    before = stalled(resource)
    server = start()
    name = f'uwsgi_pressure_stalled_seconds_total{{scope="machine",resource="{resource}",kind="some"}}'
    shown = measured(server)
    assert before <= shown[name] <= stalled(resource)
    share = f'uwsgi_pressure_ratio{{scope="machine",resource="{resource}",kind="some",window="10s"}}'
    assert 0 <= shown[share] <= 1


def test_load_and_memory(start):
    shown = measured(start())
    load = float(pathlib.Path("/proc/loadavg").read_text().split()[1])
    assert shown['uwsgi_system_load{window="5m"}'] == pytest.approx(load, abs=max(1, load / 2))
    total = int(pathlib.Path("/proc/meminfo").read_text().split()[1]) * 1024
    assert total / 100 < shown["uwsgi_system_memory_available_bytes"] <= total


def test_extended_names(start):
    server = start("--enable-metrics", "--metrics-extended")
    listed = server.wait_stats(lambda s: "system.load1" in s["metrics"], "system.load1")["metrics"]
    assert [listed[f"system.{name}"]["oid"] for name in ("load1", "load5", "load15", "mem_available")] == ["10.1", "10.2", "10.3", "10.4"]
    assert listed["system.mem_available"]["value"] > 1 << 20


# --- the control group


@contextlib.contextmanager
def group(controller: str, settings: dict):
    """A group of our own in a hierarchy of the first version; skipped where that cannot be made."""
    top = ROOT / controller
    if not (top / "cgroup.procs").exists():
        pytest.skip(f"no {controller} hierarchy of the first version")
    own = next((line.split(":", 2)[2] for line in pathlib.Path("/proc/self/cgroup").read_text().splitlines()
                if controller in line.split(":")[1].split(",")), "/")
    made = top / own.lstrip("/") / f"uwsgi-test-{os.getpid()}"
    try:
        made.mkdir()
    except OSError as refused:
        pytest.skip(f"no group can be made: {refused}")
    try:
        for name, value in settings.items():
            (made / name).write_text(str(value))
        yield made
    finally:
        until(lambda: not (made / "cgroup.procs").read_text(), "an empty group")
        made.rmdir()


def inside(tmp_path, *groups) -> pathlib.Path:
    """The server as a program that enters the groups first."""
    script = tmp_path / "inside.sh"
    enter = "".join(f"echo $$ > {made}/cgroup.procs\n" for made in groups)
    script.write_text(f"#!/bin/sh\n{enter}exec {paths.OURS} \"$@\"\n")
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    return script


def test_limits_of_the_group(start, tmp_path):
    with group("memory", {"memory.limit_in_bytes": 256 << 20}) as memory, group("pids", {"pids.max": 64}) as pids:
        server = start("-p", "2", binary=inside(tmp_path, memory, pids))
        shown = measured(server)
        assert shown["uwsgi_cgroup_memory_limit_bytes"] == 256 << 20
        assert shown["uwsgi_cgroup_pids_limit"] == 64
        assert shown["uwsgi_cgroup_pids"] == len((pids / "cgroup.procs").read_text().split()) == 4
        usage = int((memory / "memory.usage_in_bytes").read_text())
        assert shown["uwsgi_cgroup_memory_usage_bytes"] == pytest.approx(usage, rel=0.5)
        assert shown['uwsgi_cgroup_memory_events_total{event="oom_kill"}'] == 0
        assert not [name for name in shown if name.startswith('uwsgi_cgroup_memory_events_total{event="high"')], "v1 does not tell"
        document = server.stats()["system"]
        assert document["cgroup_memory_limit"] == 256 << 20 and document["cgroup_pids"] == 4
        server.stop()


def test_a_group_that_is_throttled(start, tmp_path):
    with group("cpu", {"cpu.cfs_period_us": 100_000}) as cpu:
        server = start(binary=inside(tmp_path, cpu))
        assert "uwsgi_cgroup_cpu_limit_cores" not in measured(server)
        # So little that it is too little even on a machine that has not more to give.
        (cpu / "cpu.cfs_quota_us").write_text("10000")
        until(lambda: metrics(server).get("uwsgi_cgroup_cpu_limit_cores") == 0.1, "the new limit")
        server.get("/?burn=0.1")
        (cpu / "cpu.cfs_quota_us").write_text("-1")
        told = dict(line.split() for line in (cpu / "cpu.stat").read_text().splitlines())
        assert int(told["nr_throttled"]) > 0
        until(lambda: metrics(server)["uwsgi_cgroup_cpu_throttled_periods_total"] >= int(told["nr_throttled"]), "the waits of the group")
        shown = metrics(server)
        assert shown["uwsgi_cgroup_cpu_throttled_seconds_total"] >= int(told["throttled_time"]) / 1e9 - 1e-6
        assert shown["uwsgi_cgroup_cpu_periods_total"] >= shown["uwsgi_cgroup_cpu_throttled_periods_total"]
        server.stop()


@contextlib.contextmanager
def unified_group():
    """A group of our own in the hierarchy of the second version; skipped where that cannot be made."""
    top = next((top for top in (ROOT / "unified", ROOT) if (top / "cgroup.controllers").exists()), None)
    if not top:
        pytest.skip("no hierarchy of the second version")
    own = next((line.split(":", 2)[2] for line in pathlib.Path("/proc/self/cgroup").read_text().splitlines()
                if line.startswith("0::")), "/")
    made = top / own.lstrip("/") / f"uwsgi-test-{os.getpid()}"
    try:
        made.mkdir()
    except OSError as refused:
        pytest.skip(f"no group can be made: {refused}")
    try:
        yield made
    finally:
        until(lambda: not (made / "cgroup.procs").read_text(), "an empty group")
        made.rmdir()


def test_pressure_of_the_group_is_its_own(start, tmp_path):
    with unified_group() as made:
        if not os.access(made / "cpu.pressure", os.R_OK):
            pytest.skip("this kernel does not measure the pressure of groups")
        server = start("-p", "4", binary=inside(tmp_path, made))
        name = 'uwsgi_pressure_stalled_seconds_total{scope="%s",resource="cpu",kind="some"}'
        shown = measured(server)
        own = int((made / "cpu.pressure").read_text().split("total=")[1].split()[0]) / 1e6
        assert shown[name % "cgroup"] <= own < shown[name % "machine"]
        until(lambda: metrics(server)[name % "cgroup"] >= own, "the stalls of the group")
        server.stop()


def test_no_limit_is_no_family(start, tmp_path):
    with group("memory", {}) as memory, group("pids", {}) as pids:
        server = start(binary=inside(tmp_path, memory, pids))
        shown = measured(server)
        if int((memory / "memory.limit_in_bytes").read_text()) >= 1 << 62:
            assert "uwsgi_cgroup_memory_limit_bytes" not in shown
        assert "uwsgi_cgroup_pids_limit" not in shown and shown["uwsgi_cgroup_pids"] == 3
        server.stop()
