"""What a request waits for, where people look: the log, the stats, uwsgitop. Second sources: the application's clocks, /proc."""

import json
import os
import pathlib
import re
import signal
import subprocess

import pytest

from harness import paths, wire
from harness.probes import attached, eventually, needs_probes
from harness.server import free_port
from harness.waiting import until

pytestmark = [pytest.mark.ours, needs_probes, pytest.mark.alone]
PARTS = re.compile(r"(\d+) ms = (\d+) running((?: \+ \d+ [a-z ]+?)*)(?:; |$)")


def serve(uwsgi, app, *args, probes="scheduler,syscalls", **kw):
    stats = f"127.0.0.1:{free_port()}"
    server = uwsgi("--http-socket", "127.0.0.1:0", "-M", "--stats", stats, "--stats-http", f"--ebpf={probes}",
                   "--wsgi-file", app("waits"), *args, **kw)
    attached(server, *probes.split(","))
    return server


def parts(text) -> dict:
    """`N ms = A running + B network ...` as a dict, with `total`."""
    total, running, rest = PARTS.search(text).groups()
    waits = {name: int(ms) for ms, name in re.findall(r"\+ (\d+) ([a-z ]+?)(?= \+|$)", rest)}
    return {"total": int(total), "running": int(running), **waits}


def test_a_slow_request_says_what_it_waited_for(uwsgi, app):
    server = serve(uwsgi, app, "--log-slow", "100")
    wire.http(server.address(), "/sleep?seconds=0")
    for path, wait, call in [("recv", "network", "recvfrom"), ("sleep", "system call", "clock_nanosleep")]:
        told = json.loads(wire.http(server.address(), f"/{path}?seconds=0.25").body)
        line = server.wait_log(rf"slow request GET /{path}\?seconds=0\.25 \(worker 1 core 0\): (.*)").group(1)
        seen = parts(line)
        assert sum(seen.values()) == 2 * seen["total"], f"parts make up the total: {line}"
        assert 249 <= told["wall"] * 1e3 - 1 <= seen["total"], "the whole request"
        assert 200 <= seen[wait] <= seen["total"], line
        slowest = re.search(r"; slowest call (\w+) (\d+) ms", line)
        assert slowest.group(1).startswith(call) and 200 <= int(slowest.group(2)) <= seen["total"], line
    burnt = json.loads(wire.http(server.address(), "/burn?seconds=0.2").body)
    seen = parts(server.wait_log(r"slow request GET /burn\?seconds=0\.2 .*?: (.*)").group(1))
    assert seen["running"] >= burnt["cpu"] * 1e3 * 0.9, "what was not waited for was running"
    lines = server.log().splitlines()
    slow = [i for i, line in enumerate(lines) if line.startswith("slow request")]
    assert len(slow) == 3, "fast ones have none"
    assert all(re.search(r"GET /\w+\?seconds=0\.\d+ => generated", lines[i - 1]) for i in slow), "each is behind the line of its request"


def test_without_the_probes_the_log_is_as_ever(uwsgi, app):
    server = serve(uwsgi, app, "--log-slow", "1", probes="accept")
    wire.http(server.address(), "/sleep?seconds=0.05")
    server.wait_log(r"GET /sleep\?seconds=0\.05 => generated")
    server.quiet()
    assert "slow request" not in server.log()


def test_waits_are_variables_of_log_format(uwsgi, app):
    form = "waits %(msecs) %(wait.system_call) %(wait.network) %(wait.running) %(wait.slowest) %(wait.slowest_us) %(wait.none)|"
    server = serve(uwsgi, app, "--log-format", form)
    wire.http(server.address(), "/sleep?seconds=0.2")
    seen = server.wait_log(r"waits (\d+) (\d+) (\d+) (\d+) (\w+) (\d+) -\|").groups()
    ms, asleep, network, running, call, slowest = [int(n) if n.isdigit() else n for n in seen]
    assert 190_000 <= asleep <= (ms + 1) * 1000 and network < 50_000 and running < ms * 1000 - asleep + 1000
    assert call.startswith("clock_nanosleep") and slowest >= 190_000


class Hanging:
    """A request that waits until the worker is killed or told."""

    def __init__(self, server, path):
        self.stream = wire.connect(server.address())
        self.stream.sendall(wire.request_bytes(path=path, version="1.0"))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stream.close()


def running(server) -> dict:
    """`req_info` of the one core, once it says that it waits."""
    def look(document):
        return info(document).get("waits_for")

    def info(document):
        return document["workers"][0]["cores"][0]["req_info"]

    return info(server.wait_stats(look, "a request that waits"))


def test_a_running_request_says_what_it_waits_for(uwsgi, app):
    server = serve(uwsgi, app)
    worker = server.worker_pids()[1]
    with Hanging(server, "/sleep?seconds=3"):
        until(lambda: "hrtimer" in pathlib.Path(f"/proc/{worker}/wchan").read_text() or "nanosleep" in pathlib.Path(f"/proc/{worker}/wchan").read_text(), "a sleeping worker")
        seen = running(server)
        number = int(pathlib.Path(f"/proc/{worker}/syscall").read_text().split()[0])
        assert seen["waits_for"] == "system_call" and seen["call"]["name"] == "clock_nanosleep"
        assert number == 230 or os.uname().machine != "x86_64", "the kernel's own number of that call"
        assert 0 < seen["call"]["us"] <= seen["age_us"] and seen["waited_us"]["system_call"] <= seen["age_us"]
        address = server.stats_address()
        for source in (["--pid", str(server.pid)], [f"http://{address[0]}:{address[1]}"]):
            until(lambda source=source: shown(source), f"uwsgitop {source}")


def shown(source) -> bool:
    text = subprocess.run([paths.UWSGITOP, "--once", *source], capture_output=True, text=True, check=True).stdout
    return "waits for system call; in clock_nanosleep for" in text


def test_harakiri_and_lost_requests_say_what_was_waited_for(uwsgi, app):
    server = serve(uwsgi, app, "--harakiri", "1").allow("DAMN !", "HARAKIRI")
    with Hanging(server, "/sleep?seconds=60"):
        line = server.wait_log(r"HARAKIRI \[core 0\] (\d+ ms = .*)").group(1)
        assert parts(line)["system call"] >= 900 and "; waits for system call; in clock_nanosleep for " in line
        lost = server.wait_log(r"core 0 was managing request GET /sleep\?seconds=60 .* \(phase: application\): (.*)").group(1)
        assert parts(lost)["system call"] >= 900, lost
    server.wait_log("Respawned uWSGI worker 1")
    mark = server.mark()
    worker = server.worker_pids()[1]
    with Hanging(server, "/recv?seconds=60"):
        until(lambda: running(server)["waits_for"] == "network", "a worker in recv")
        os.kill(worker, signal.SIGKILL)
        line = server.wait_log(r"was managing request GET /recv\?seconds=60 .*: (\d+ ms = .*)", after=mark).group(1)
        assert "network" in parts(line), line


def test_runs_and_cost_of_programs_are_those_of_the_kernel(uwsgi, app):
    switch = pathlib.Path("/proc/sys/kernel/bpf_stats_enabled")
    before = switch.read_text()
    switch.write_text("1")
    try:
        server = serve(uwsgi, app, probes="accept")
        low = counted(server.pid)
        for _ in range(20):
            wire.http(server.address(), "/sleep?seconds=0")
        runs = eventually(server, "uwsgi_ebpf_probe_runs_total", low["run_cnt"] + 20, probe="accept")
        high = counted(server.pid)
        assert runs <= high["run_cnt"]
        cost = eventually(server, "uwsgi_ebpf_probe_run_seconds_total", 1e-9, probe="accept")
        assert cost <= counted(server.pid)["run_time_ns"] / 1e9
    finally:
        switch.write_text(before)


def counted(pid) -> dict:
    """Sums over the programs that a process holds, as the kernel tells of their descriptors."""
    sums = {"run_cnt": 0, "run_time_ns": 0}
    for entry in pathlib.Path(f"/proc/{pid}/fdinfo").iterdir():
        for key, value in re.findall(r"^(run_cnt|run_time_ns):\s+(\d+)", entry.read_text(), re.M):
            sums[key] += int(value)
    return sums
