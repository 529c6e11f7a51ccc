"""Numbers the kernel keeps: what processes use, who waits, how long things take; against second sources."""

import contextlib
import os
import pathlib
import re
import signal
import socket
import subprocess

import pytest

from harness import paths, procs, wire
from harness.server import plain_environment
from harness.waiting import until

pytestmark = [pytest.mark.ours, pytest.mark.alone]


@pytest.fixture
def start(uwsgi, app, tmp_path):
    def starter(*options, address="127.0.0.1:0", **kw):
        return uwsgi("--http-socket", address, "-M", "--stats", tmp_path / "stats", "--stats-http", "--wsgi-file", app("loads"),
                     *options, **kw)
    return starter


def ask(server, query, **kw):
    """Pid of the worker, its processor seconds, its minor faults."""
    pid, cpu, faults = server.get(f"/?{query}", **kw).body.split()
    return int(pid), float(cpu), int(faults)


def worker(document, number=1):
    return document["workers"][number - 1]


def stat_of(server, path, accept=None):
    return wire.http(server.stats_address(), path, headers={"Accept": accept} if accept else {})


def metrics(server) -> dict[str, float]:
    """Every sample by its name and labels as they stand in the text."""
    lines = stat_of(server, "/metrics").body.decode().splitlines()
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines if not line.startswith("#"))}


def wait_metric(server, name, good, what):
    return until(lambda: (lambda value: value is not None and good(value) and [value])(metrics(server).get(name)), what)[0]


@contextlib.contextmanager
def held(server, tmp_path, address=None, name="gate"):
    """A request that stays in the application while the block runs."""
    gate = tmp_path / name
    with contextlib.closing(wire.connect(address or server.address())) as stream:
        stream.sendall(wire.request_bytes(path=f"/?hold={gate}", headers={"Connection": "close"}))
        until(lambda: list(tmp_path.glob(f"{name}.*.in")), "the request in the application")
        yield
        pathlib.Path(f"{gate}.out").touch()
        assert wire.Reader(stream).response().status == 200


# --- processes


def test_processor_time_goes_on_over_deaths_of_workers_and_of_the_observer(start):
    server = start()
    server.allow("DAMN")
    sum_of_lives = 0.0
    for life in range(3):
        pid, used, _ = ask(server, "burn=0.4")
        if life == 1:
            victim = server.stats()["observer"]["pid"]
            os.kill(victim, signal.SIGKILL)
            until(lambda: server.stats_answer() and server.stats()["observer"]["pid"] not in (0, victim), "a new observer")
            pid, used, _ = ask(server, "burn=0.2")
        sum_of_lives += used
        # Nobody has time to look before this: the rest of this life is seen by the master only.
        os.kill(pid, signal.SIGKILL)
        server.wait_stats(lambda s: worker(s)["pid"] not in (0, pid) and worker(s)["accepting"], "another worker")
    shown = worker(server.stats())
    assert shown["cpu_time_us"] / 1e6 == pytest.approx(sum_of_lives, abs=0.15), "each life counts once, to its end"
    assert shown["cpu_time_us"] == shown["cpu_user_us"] + shown["cpu_system_us"]
    assert shown["killed_count"] == 3 and shown["exits"]["signal"] == 3
    assert (server.stats()["workers_started"], server.stats()["workers_killed"]) == (4, 3)


def test_faults_switches_memory_and_descriptors_are_those_of_proc(start):
    server = start("--memory-report")
    pid, _, before = ask(server, "burn=0")
    _, _, after = ask(server, "touch=3000")
    assert after - before >= 3000
    server.wait_stats(lambda s: worker(s)["minor_faults"] >= after, "the faults of the worker")

    def same():
        fields = dict(line.split(":\t", 1) for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines())
        shown = worker(server.stats())
        return (shown["voluntary_switches"] == int(fields["voluntary_ctxt_switches"])
                and shown["rss"] == int(procs.stat(pid)[21]) * os.sysconf("SC_PAGESIZE") and shown["threads"] == int(fields["Threads"])
                and shown["swap"] == int(fields["VmSwap"].split()[0]) * 1024
                and shown["open_fds"] == len(os.listdir(f"/proc/{pid}/fd")))

    until(same, "the numbers of /proc")
    for who, owner in (("observer", server.stats()["observer"]["pid"]), ("master", server.pid)):
        shown = server.stats()[who]
        listed = subprocess.run(["ps", "-o", "vsz=", "-p", str(owner)], capture_output=True, text=True, check=True).stdout
        assert shown["vsz"] == int(listed) * 1024 and shown["threads"] == 1


def test_mules_are_measured_too(start):
    server = start("--mule")
    mule = server.wait_stats(lambda s: s["mules"][0]["minor_faults"] > 0, "a mule that ran")["mules"][0]
    listed = subprocess.run(["ps", "-o", "vsz=", "-p", str(mule["pid"])], capture_output=True, text=True, check=True).stdout
    assert mule["vsz"] == int(listed) * 1024 and mule["threads"] >= 1 and mule["open_fds"] > 3 and mule["rss"] > 0


def test_routers_are_measured_too(start):
    server = start("--http", "127.0.0.1:0")
    # Right after the fork it has memory, and has not run yet.
    document = server.wait_stats(lambda s: s["gateways"][0]["minor_faults"] > 0, "a router that ran")
    router = document["gateways"][0]
    assert router["vsz"] > router["rss"] > 1 << 20 and router["threads"] == 1 and router["open_fds"] > 5
    assert router["max_queue"] == 100


@pytest.mark.parametrize("level, prefix", [(0, False), (1, True), (2, True)])
def test_levels_of_the_memory_report(start, tmp_path, level, prefix):
    (tmp_path / "m.ini").write_text(f"[uwsgi]\nmemory-report = {level}\n")
    server = start("--ini", tmp_path / "m.ini")
    pid, _, _ = ask(server, "burn=0")
    line = server.wait_log(r"^.*\[pid: .*$").group()
    shape = r"\{address space usage: \d+ bytes/\d+MB\} \{rss usage: \d+ bytes/\d+MB\} "
    shape += r"\{uss usage: \d+ bytes/\d+MB\} \{pss usage: \d+ bytes/\d+MB\} " if level == 2 else ""
    assert bool(re.match(shape + r"\[pid: ", line)) is prefix, line
    assert line.startswith("[pid: ") is not prefix
    shown = worker(server.stats())
    assert ("uss" in shown) is (level == 2)
    if level == 2:
        assert list(shown).index("uss") == list(shown).index("vsz") + 1
        text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
        pss = int(re.search(r"^Pss:\s+(\d+)", text, re.M).group(1)) * 1024
        assert shown["pss"] == pytest.approx(pss, rel=0.2) and 0 < shown["uss"] <= shown["pss"]


def test_busy_time_has_the_running_request(start, tmp_path):
    server = start()
    with held(server, tmp_path):
        first = server.wait_stats(lambda s: worker(s)["busy_time_us"] > 0, "a busy worker")
        second = server.wait_stats(lambda s: worker(s)["busy_time_us"] > worker(first)["busy_time_us"], "a busier one")
        assert worker(second)["running_time"] == 0
    done = worker(server.wait_stats(lambda s: worker(s)["running_time"] > 0, "the end of the request"))
    assert done["busy_time_us"] >= worker(second)["busy_time_us"], "nothing is taken back"
    assert done["busy_time_us"] == pytest.approx(done["running_time"], abs=20_000)
    ask(server, "burn=0.1")
    server.wait_stats(lambda s: 0 < worker(s)["avg_rt_1m"] < 60_000_000, "a mean of the last minute")


def test_a_request_that_dies_with_its_worker_was_busy_time(start, tmp_path):
    server = start("--harakiri", "1")
    server.allow("HARAKIRI", "DAMN")
    with contextlib.closing(wire.connect(server.address())) as stream:
        stream.sendall(wire.request_bytes(path=f"/?hold={tmp_path}/never"))
        document = server.wait_stats(lambda s: worker(s)["exits"]["harakiri"] == 1, "harakiri", timeout=15)
    assert worker(document)["busy_time_us"] >= 1_000_000 and worker(document)["running_time"] == 0
    assert worker(document)["failed_requests"] == 1 and worker(document)["harakiri_count"] == 1


# --- requests


def test_failed_requests(start):
    server = start()
    server.allow("Traceback")
    for query in ["status=500", "status=503", "status=404", "status=200"]:
        server.get(f"/?{query}")
    assert worker(server.stats())["failed_requests"] == 2
    for query in ["boom=early", "boom=late"]:
        wire.raw(server.address(), wire.request_bytes(path=f"/?{query}", headers={"Connection": "close"}))
    server.wait_stats(lambda s: worker(s)["failed_requests"] == 4, "an exception is a failure, whatever was answered before")


def test_health_checks_are_part_of_no_mean(uwsgi, app, tmp_path):
    server = uwsgi("--socket", "127.0.0.1:0", "-M", "--stats", tmp_path / "stats", "--wsgi-file", app("loads"))
    for _ in range(3):
        assert wire.raw(server.address(), wire.packet([], modifier1=100))
    server.quiet()
    shown = worker(server.stats())
    assert [shown[key] for key in ("requests", "running_time", "avg_rt", "busy_time_us", "failed_requests", "tx")] == [0] * 6


def test_why_workers_ended(start):
    server = start("--max-requests", "1", "--min-worker-lifetime", "0")
    pid, _, _ = ask(server, "burn=0")
    server.wait_stats(lambda s: worker(s)["exits"]["recycled"] == 1 and worker(s)["pid"] not in (0, pid), "a worker made anew")
    server.send(signal.SIGHUP)
    document = server.wait_stats(lambda s: worker(s)["exits"]["asked"] == 1 and worker(s)["accepting"], "a reload", timeout=20)
    assert sum(worker(document)["exits"].values()) == 2
    assert metrics(server)['uwsgi_worker_exits_total{worker_id="1",reason="recycled"}'] == 1


# --- queues


def fill(server, count) -> list:
    return [wire.connect(server.address()) for _ in range(count)]


@pytest.mark.parametrize("kind", ["unix", "tcp"])
def test_queues_of_worker_sockets(start, tmp_path, kind):
    server = start("--listen", "3", address=str(tmp_path / "http") if kind == "unix" else "127.0.0.1:0")
    with held(server, tmp_path):
        waiting = fill(server, 3)
        document = server.wait_stats(lambda s: s["sockets"][0]["queue"] == 3, "three who wait")
        assert (document["sockets"][0]["max_queue"], document["listen_queue"], document["load"]) == (3, 3, 3)
        assert server.wait_log(r"\*\*\* uWSGI listen queue of socket .* full !!! \(3/3\) \*\*\*")
        if kind == "tcp":
            listed = subprocess.run(["ss", "-Hlnt", f"sport = :{server.address()[1]}"], capture_output=True, text=True, check=True)
            assert listed.stdout.split()[1:3] == ["3", "3"]
        name = document["sockets"][0]["name"]
        # The one in the application may have been seen as well.
        wait_metric(server, f'uwsgi_socket_waited_total{{name="{name}",proto="http"}}', lambda n: 3 <= n <= 4, "three were seen waiting")
        for stream in waiting:
            stream.close()
    server.wait_stats(lambda s: s["listen_queue"] == 0, "an empty queue")


def kernel_drops(server) -> int:
    """All that the kernel let go at the listening socket, clients or not."""
    listed = subprocess.run(["ss", "-Hlntm", f"sport = :{server.address()[1]}"], capture_output=True, text=True, check=True)
    return int(re.search(r",d(\d+)\)", listed.stdout).group(1))


def test_drops_are_counted_and_survive_a_reload(start, tmp_path):
    server = start("--listen", "1")
    for _ in range(20):
        assert server.get("/?burn=0").status == 200
    good = kernel_drops(server)
    # Other tests may lose clients in this namespace at the same time; all twenty at once they do not.
    assert server.stats()["listen_queue_errors"] < max(good, 1), "a good connection with deferred accept is no lost client"
    with contextlib.ExitStack() as late:
        with held(server, tmp_path):
            for _ in range(8):
                stream = late.enter_context(socket.socket())
                stream.setblocking(False)
                stream.connect_ex(server.address())
            document = server.wait_stats(lambda s: s["listen_queue_errors"] > 0, "connections that were dropped")
            assert 0 < document["listen_queue_errors"] <= kernel_drops(server)
    before = document["listen_queue_errors"]
    server.send(signal.SIGHUP)
    document = server.wait_stats(lambda s: s["reloads"] == 1 and worker(s)["accepting"], "a reload", timeout=20)
    assert document["listen_queue_errors"] >= before


def test_requests_that_waited_for_a_worker(start, tmp_path):
    server = start("--http", "127.0.0.1:0")
    found = server.wait_log(r"uWSGI http bound on 127.0.0.1:(\d+) fd")
    front = int(found.group(1))
    waiting = []
    with held(server, tmp_path, front):
        for _ in range(2):
            waiting.append(wire.connect(front))
            waiting[-1].sendall(wire.request_bytes(path="/?burn=0", headers={"Connection": "close"}))
        server.wait_stats(lambda s: s["gateways"][0]["queue"] == 2, "two who wait")
    for stream in waiting:
        assert wire.Reader(stream).response().status == 200
        stream.close()
    waits = server.stats()["gateways"][0]["waits"]
    assert waits["count"] == 2 and 0 < waits["max_us"] <= waits["sum_us"] < 60_000_000
    shown = metrics(server)
    assert shown['uwsgi_router_wait_seconds_bucket{router="http",le="+Inf"}'] == 2
    assert shown['uwsgi_router_wait_max_seconds{router="http"}'] == pytest.approx(waits["max_us"] / 1e6)


# --- time


def test_boots_and_reloads_are_timed(start):
    server = start("-p", "2")
    document = server.wait_stats(lambda s: s["boot_us"] > 0, "the end of the boot")
    assert 1_000 < document["boot_us"] < 60_000_000 and document["reload_duration"]["count"] == 0
    assert all(0 < w["startup_us"] <= document["boot_us"] for w in document["workers"])
    for count in (1, 2):
        server.send(signal.SIGHUP)
        document = server.wait_stats(lambda s, n=count: s["reload_duration"]["count"] == n, f"reload {count}", timeout=30)
    durations = document["reload_duration"]
    assert 1_000 < durations["last_us"] <= durations["max_us"] <= durations["sum_us"] < 120_000_000
    assert metrics(server)["uwsgi_reload_duration_seconds_count"] == 2


@pytest.mark.parametrize("who", ["master", "observer"])
def test_a_loop_that_was_held_up_is_late(start, who):
    server = start()
    pid = server.pid if who == "master" else server.stats()["observer"]["pid"]
    before = server.wait_stats(lambda s: s[who]["lateness"]["count"] > 1, "two seconds")[who]["lateness"]
    os.kill(pid, signal.SIGSTOP)
    try:
        ask(server, "burn=2.1")
    finally:
        os.kill(pid, signal.SIGCONT)
    until(lambda: server.stats_answer(), "stats")
    after = server.wait_stats(lambda s: s[who]["lateness"]["max_us"] > 900_000, "a late second")[who]["lateness"]
    assert after["count"] > before["count"]
    assert server.stats()["master"]["turns"]["count"] > 0


# --- health


def test_health_and_readiness(start, tmp_path):
    server = start("--http", "127.0.0.1:0", "-p", "2")
    front = int(server.wait_log(r"uWSGI http bound on 127.0.0.1:(\d+) fd").group(1))
    until(lambda: stat_of(server, "/readyz").status == 200, "readiness")
    for path in ("/healthz", "/readyz"):
        answer = stat_of(server, path)
        assert (answer.status, answer.body, answer.header("Content-Type")) == (200, b"ok\n", "text/plain")
        head = wire.raw(server.stats_address(), f"HEAD {path} HTTP/1.1\r\n\r\n".encode())
        assert head.startswith(b"HTTP/1.0 200 OK\r\n") and head.endswith(b"Content-Length: 3\r\n\r\n")
        assert wire.raw(server.stats_address(), f"POST {path} HTTP/1.1\r\n\r\n".encode()).startswith(b"HTTP/1.0 405 ")
    both = b'{"status":"ok","workers":2,"accepting":2}\n'
    until(lambda: stat_of(server, "/readyz", "application/json").body == both, "both workers")
    with held(server, tmp_path, front):
        server.send(signal.SIGHUP)
        until(lambda: stat_of(server, "/readyz").status == 503, "a server that drains")
        assert stat_of(server, "/readyz").body == b"reloading\n"
        assert b'"reason":"reloading"' in stat_of(server, "/readyz", "application/json").body
        assert stat_of(server, "/healthz").status == 200
    until(lambda: server.stats_answer() and server.stats()["reloads"] == 1, "the next image", timeout=20)
    until(lambda: stat_of(server, "/readyz").status == 200, "readiness after a reload")


def test_nobody_is_ready_without_a_worker(uwsgi, app, tmp_path):
    gate = tmp_path / "loading"
    server = uwsgi("--http-socket", "127.0.0.1:0", "--lazy-apps", "--stats", tmp_path / "stats", "--stats-http",
                   "--wsgi-file", app("slow_start"), env={"SLOW_START": str(gate)})
    server.allow("DAMN")
    until(lambda: stat_of(server, "/readyz").status == 200, "readiness")
    gate.touch()
    os.kill(worker(server.stats())["pid"], signal.SIGKILL)
    until(lambda: stat_of(server, "/readyz").status == 503, "a server without a worker")
    assert stat_of(server, "/readyz").body == b"no worker accepts connections (0 of 1)\n"
    assert stat_of(server, "/healthz").status == 200
    gate.unlink()
    until(lambda: stat_of(server, "/readyz").status == 200, "readiness")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may hide /proc")
@pytest.mark.parametrize("options, told", [(["--memory-report"], 1), ([], 0)])
def test_a_report_of_memory_without_proc_is_told(options, told):
    server = [paths.OURS, "--http-socket", "127.0.0.1:0", "--need-app", *options]
    done = subprocess.run(["unshare", "-m", "sh", "-c", 'mount -t tmpfs none /proc && exec "$@"', "sh", *map(str, server)],
                          capture_output=True, text=True, timeout=20, check=False, env=plain_environment())
    said = done.stdout + done.stderr
    assert "no app loaded" in said, said
    assert said.count("you have to bind-mount the /proc fs in your chroot to get memory debug/report.\n") == told, said
