"""Waits of requests as the scheduler's probe tells them, against clocks of the application and counts of /proc."""

import contextlib
import json
import os
import pathlib
import signal
import subprocess
import sys
import threading

import pytest

from harness import paths, procs, wire
from harness.probes import attached, needs_probes, numbers, sample
from harness.server import free_port, plain_environment
from harness.waiting import until

pytestmark = [pytest.mark.ours, needs_probes, pytest.mark.alone]
SECONDS = 0.3
#: Some kernels do not tell of every switch: of some hundred one return is missing, for every tool that looks. What is
#: waited for in many pieces loses little by it, and all of it by a fault.
WAIT = f"seconds={SECONDS}&pieces=20"
LOST = 3
WAITED = "uwsgi_worker_waited_seconds_total"
SWITCHES = "uwsgi_worker_core_switches_total"
#: What a busy machine may add to what a request waits for besides: locks of the interpreter, its own files.
BESIDE = SECONDS / 2


@pytest.fixture
def start(uwsgi, app, tmp_path):
    def starter(*options, **kw):
        server = uwsgi("--http-socket", "127.0.0.1:0", "-M", "--stats", tmp_path / "stats", "--stats-http", "--wsgi-file",
                       app("waits"), "--enable-threads", "--ebpf=scheduler", *options, **kw)
        attached(server, "scheduler")
        return server
    return starter


def ask(address, path: str) -> dict:
    """What the application itself measured around its wait."""
    response = wire.http(address, path, timeout=60)
    assert response.status == 200, response
    return json.loads(response.body)


def waited(server) -> dict[str, float]:
    return {dict(labels)["on"]: value for (name, labels), value in numbers(server).items() if name == WAITED}


@contextlib.contextmanager
def burners(processor: int, count: int):
    """Processes that want this processor all the time."""
    command = [sys.executable, "-c", f"import os\nos.sched_setaffinity(0, {{{processor}}})\nprint(1, flush=True)\nwhile True: pass"]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(count)]
    try:
        for one in running:
            one.stdout.readline()
        yield
    finally:
        for one in running:
            one.kill()
            one.wait()
            one.stdout.close()


# --- what for


@pytest.mark.parametrize("wait, on", [
    ("sleep", "system_call"), ("select_nothing", "system_call"), ("read_pipe", "system_call"), ("lock", "lock"),
    ("recv", "network"), ("read_socket", "network"), ("poll", "network"),
])
def test_a_wait_is_told_by_what_it_is_for(start, wait, on):
    server = start()
    measured = ask(server.address(), f"/{wait}?{WAIT}")
    seen = waited(server)
    away = measured["wall"] - measured["cpu"]
    assert SECONDS * (1 - LOST / 20) <= seen[on] < away + 0.01, (seen, measured)
    others = {name: value for name, value in seen.items() if name not in (on, "run_queue")}
    assert sum(others.values()) < BESIDE, seen
    assert sum(seen.values()) == pytest.approx(away, rel=0.1 + LOST / 20, abs=0.02)


def test_a_read_that_the_page_cache_cannot_answer_waits_for_the_disk(start, tmp_path):
    file = tmp_path / "large"
    with open(file, "wb") as large:
        for _ in range(48):
            large.write(os.urandom(1 << 20))
        large.flush()
        os.fsync(large.fileno())
    server = start()
    measured = ask(server.address(), f"/disk?file={file}")
    if not measured["read_bytes"]:
        pytest.skip("this file system reads from no device")
    seen = waited(server)
    away = measured["wall"] - measured["cpu"] - measured["run_queue"]
    assert seen["disk"] > 0, (seen, measured)
    if away > 0.02:
        assert seen["disk"] == pytest.approx(away, rel=0.25, abs=0.02), (seen, measured)


def test_a_request_among_others_waits_for_a_processor(start):
    server = start()
    processor = min(os.sched_getaffinity(0))
    with burners(processor, 2):
        measured = ask(server.address(), f"/burn?seconds={SECONDS}&processor={processor}")
    run_queue = sample(server, "uwsgi_worker_run_queue_seconds_sum", during="request")
    assert measured["run_queue"] > SECONDS / 2, "the processor was not contended"
    assert run_queue == pytest.approx(measured["run_queue"], rel=0.05, abs=0.02)
    assert waited(server)["run_queue"] == pytest.approx(run_queue, abs=1e-6)
    involuntary = sample(server, SWITCHES, type="involuntary", during="request")
    assert measured["involuntary"] - LOST <= involuntary <= measured["involuntary"] + 5
    assert measured["involuntary"] > 5


# --- how often, how long


def test_switches_are_those_of_the_thread(start):
    server = start()
    pid = server.worker_pids()[1]

    def by_proc():
        lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
        status = dict(line.split(":\t") for line in lines if "ctxt" in line)
        return int(status["voluntary_ctxt_switches"]), int(status["nonvoluntary_ctxt_switches"])

    def by_probe():
        return tuple(sample(server, SWITCHES, type=kind) for kind in ("voluntary", "involuntary"))

    server.quiet()
    before = by_proc(), by_probe()
    for _ in range(100):
        ask(server.address(), "/nothing")
    server.quiet()
    after = by_proc(), by_probe()
    proc, probe = ([new - old for new, old in zip(after[i], before[i], strict=True)] for i in (0, 1))
    assert proc[0] > 0, "it waited between requests"
    assert probe == pytest.approx(proc, rel=0.03, abs=4)


def test_times_off_the_processor_fall_into_their_buckets(start):
    server = start()
    before = ask(server.address(), "/sleep?seconds=0")
    away = [ask(server.address(), "/sleep?seconds=0.06") for _ in range(20)]
    buckets = {labels: value for (name, labels), value in numbers(server).items() if name == "uwsgi_worker_off_cpu_seconds_bucket"}
    of = {dict(labels)["le"]: value for labels, value in buckets.items() if ("during", "request") in labels}
    slept = of["0.25"] - of["0.05"]
    # On a busy machine a preemption may last as long as a sleep.
    assert 20 - LOST <= slept <= 20 + sum(one["involuntary"] for one in [before, *away]), of
    total = sample(server, "uwsgi_worker_off_cpu_seconds_sum", during="request")
    expected = sum(one["wall"] - one["cpu"] for one in [before, *away])
    assert total == pytest.approx(expected, rel=0.1 + LOST / 20, abs=0.02)
    # Each return from elsewhere was a wait for a processor, however short.
    counts = [sample(server, f"uwsgi_worker_{name}_seconds_count", during="request") for name in ("off_cpu", "run_queue")]
    assert counts[0] == counts[1] == of["+Inf"]
    assert 0 <= sample(server, SWITCHES, during="request") - counts[0] <= LOST


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="needs two processors")
@pytest.mark.skipif(not os.path.exists("/proc/self/sched"), reason="this kernel does not tell of migrations")
def test_migrations_are_seen(start):
    server = start()
    before = sample(server, "uwsgi_worker_migrations_total")
    measured = ask(server.address(), "/migrate?times=40")
    migrations = sample(server, "uwsgi_worker_migrations_total") - before
    assert measured["migrations"] >= 39
    # One that is moved twice before it runs has come back elsewhere once, or not at all.
    assert 39 - LOST <= migrations <= measured["migrations"] + 4


def test_a_server_without_requests_waits_outside_of_them(start):
    server = start()
    server.quiet()
    assert sum(waited(server).values()) == 0
    assert sample(server, SWITCHES, during="request") == 0


def test_the_list_has_the_same_numbers(start):
    server = start("--enable-metrics", "--metrics-extended")
    ask(server.address(), f"/sleep?{WAIT}")
    shown = sample(server, WAITED, on="system_call")
    name = "kernel.worker.1.waited.system_call_us"
    listed = server.wait_stats(lambda s: s["metrics"][name]["value"], name)["metrics"]
    assert listed[name]["value"] == pytest.approx(shown * 1e6, abs=1)
    assert listed[name]["oid"] == "20.1.15"
    assert listed["kernel.worker.1.off_cpu.request_us"]["value"] >= listed[name]["value"]


# --- whose


def test_each_worker_has_the_waits_of_all_its_cores(start):
    server = start("-p", "2", "--threads", "3")
    told = []
    threads = [threading.Thread(target=lambda: told.append(ask(server.address(), f"/sleep?{WAIT}"))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(told) == 6
    for worker in (1, 2):
        own = [one for one in told if one["worker"] == worker]
        slept = sample(server, WAITED, on="system_call", worker_id=worker)
        assert slept == pytest.approx(len(own) * SECONDS, rel=LOST / 20, abs=0.01)


def test_a_worker_that_follows_another_one_goes_on_counting(start):
    server = start().allow("DAMN !")
    ask(server.address(), f"/sleep?{WAIT}")
    first = server.worker_pids()[1]
    os.kill(first, signal.SIGKILL)
    until(lambda: server.worker_pids()[1] != first, "the next worker")
    ask(server.address(), f"/sleep?{WAIT}")
    assert sample(server, WAITED, on="system_call") == pytest.approx(2 * SECONDS, rel=LOST / 20, abs=0.02)


def test_threads_are_known_in_a_pid_namespace(nothing_left, tmp_path, app):
    port, stats, log_path = free_port(), tmp_path / "stats", tmp_path / "log"
    command = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child", paths.OURS, "--http-socket", f"127.0.0.1:{port}", "-M",
               "--stats", stats, "--stats-http", "--wsgi-file", app("waits"), "--enable-threads", "--ebpf=scheduler"]
    with open(log_path, "wb") as log:
        outer = subprocess.Popen(command, stdout=log, stderr=log, env=plain_environment(), cwd=tmp_path, start_new_session=True)
    try:
        until(lambda: "spawned uWSGI observer" in log_path.read_text() and stats.exists(), "the server")
        assert "probes in the kernel: scheduler\n" in log_path.read_text()
        assert "spawned uWSGI master process (pid: 1)" in log_path.read_text(), "a namespace of its own"
        until(lambda: listens(port), "the socket")
        ask(port, f"/sleep?{WAIT}")
        page = wire.http(str(stats), "/metrics").body.decode()
        line = next(line for line in page.splitlines() if line.startswith(WAITED) and 'on="system_call"' in line)
        assert float(line.split()[-1]) == pytest.approx(SECONDS, rel=LOST / 20, abs=0.02)
    finally:
        for pid in procs.children(outer.pid):
            os.kill(pid, signal.SIGINT)
        try:
            outer.wait(20)
        except subprocess.TimeoutExpired:
            outer.kill()
            outer.wait(10)


def listens(port: int) -> bool:
    try:
        wire.connect(port).close()
        return True
    except OSError:
        return False
