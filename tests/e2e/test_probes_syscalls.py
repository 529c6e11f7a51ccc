"""System calls of requests as the probe counts them, against what strace saw and against the application's own clock."""

import concurrent.futures
import json
import os
import pathlib
import re
import subprocess
import time
from collections import Counter

import pytest

from harness import paths, procs, strace, wire
from harness.probes import attached, eventually, needs_probes, numbers, sample
from harness.server import free_port
from harness.waiting import until

pytestmark = [pytest.mark.ours, needs_probes, pytest.mark.alone]

CLASSES = {
    "read": ["read", "readv", "pread64", "preadv"],
    "write": ["write", "writev", "pwrite64", "pwritev"],
    "poll": ["poll", "ppoll", "select", "pselect6", "epoll_wait", "epoll_pwait"],
    "futex": ["futex"],
    "file": ["open", "openat", "close", "stat", "fstat", "lstat", "newfstatat", "statx", "lseek", "unlink", "unlinkat", "getcwd", "access"],
    "fsync": ["fsync", "fdatasync", "sync"],
    "network": ["socket", "socketpair", "bind", "listen", "connect", "getsockopt", "setsockopt", "getsockname", "sendto", "sendmsg",
                "recvfrom", "recvmsg", "shutdown", "accept4"],
}
CLASS_OF = {name: kind for kind, names in CLASSES.items() for name in names}
SECONDS = "uwsgi_worker_syscall_seconds"
ERRORS = "uwsgi_worker_syscall_errors_total"


@pytest.fixture
def calling(uwsgi, app):
    """A server whose application makes the calls it is asked for."""
    def started(*options, workers=1):
        server = uwsgi("-M", "--http11-socket", "127.0.0.1:0", "--wsgi-file", app("calls"), "-p", workers, "--ebpf=syscalls",
                       "--stats", f"127.0.0.1:{free_port()}", "--stats-http", *options)
        attached(server, "syscalls")
        ask(server, "/")
        return server
    return started


def ask(server, path) -> dict:
    answer = server.get(path)
    assert answer.status == 200, (path, answer.status)
    return json.loads(answer.body)


class Counted:
    """What the probe counts from here on, by class."""

    def __init__(self, server, worker=1):
        self.server, self.worker = server, worker
        server.quiet()
        self.before = self._now()

    def _now(self) -> dict[str, Counter]:
        found = {f"{SECONDS}_count": Counter(), f"{SECONDS}_sum": Counter(), ERRORS: Counter()}
        for (name, labels), value in numbers(self.server).items():
            labels = dict(labels)
            if name in found and labels["worker_id"] == str(self.worker):
                found[name][labels["class"]] = value
        return found

    def _since(self, name) -> dict:
        self.server.quiet()
        grown = self._now()[name] - self.before[name]
        return dict(grown)

    def counts(self) -> dict[str, float]:
        return self._since(f"{SECONDS}_count")

    def seconds(self) -> dict[str, float]:
        return self._since(f"{SECONDS}_sum")

    def errors(self) -> dict[str, float]:
        return self._since(ERRORS)


def tids(pid: int) -> list[int]:
    return [int(entry.name) for entry in pathlib.Path(f"/proc/{pid}/task").iterdir()]


def by_class(calls, only=lambda call: True) -> dict[str, int]:
    return dict(Counter(CLASS_OF.get(call.name, "other") for call in calls if only(call)))


def time_by_class(calls) -> dict[str, float]:
    total = Counter()
    for call in calls:
        total[CLASS_OF.get(call.name, "other")] += call.seconds
    return dict(total)


def compared(server, counted, threads, look) -> list:
    """The counts of the probe are those of strace; the calls of requests that strace saw."""
    server.quiet()
    calls = strace.in_requests(look(), threads)
    assert counted.counts() == by_class(calls)
    assert counted.errors() == by_class(calls, lambda call: call.failed)
    return calls


# --- counts, time and errors by class


def test_counts_times_and_errors_by_class_are_those_of_strace(calling, tmp_path):
    server = calling()
    pid = server.worker_pids()[1]
    with strace.traced(pid, tmp_path) as look:
        counted = Counted(server)
        for times in (3, 11):
            ask(server, f"/mixed/{times}")
        calls = compared(server, counted, tids(pid), look)
        ours, theirs = counted.seconds(), time_by_class(calls)
    assert set(ours) == {"read", "write", "poll", "file", "fsync", "network", "other"}, "nothing here waits for a lock"
    assert counted.counts()["fsync"] == 14 and counted.errors()["file"] == 14
    for kind, seconds in ours.items():
        # Its own stops are in what strace measures, never in what the probe does.
        assert 0 < seconds <= theirs[kind] + 1e-4, kind


def test_strace_counts_the_same_by_itself(calling, tmp_path):
    """`strace -c`, of calls that only requests make here."""
    server = calling()
    pid, table = server.worker_pids()[1], tmp_path / "table"
    names = "pwrite64,fdatasync,poll,openat,lseek,sendto"
    ask(server, "/mixed/1")  # the first temporary file is made with calls of its own
    counted = Counted(server)
    with strace.traced(pid, tmp_path, "-c", "-S", "name", "-e", f"trace={names}"):
        for _ in range(4):
            ask(server, "/mixed/25")
        counts, errors = counted.counts(), counted.errors()
    table = (tmp_path / f"strace.{pid}").read_text()
    rows = [line.split() for line in table.splitlines() if line.split() and line.split()[-1] in names]
    calls = {row[-1]: int(row[3]) for row in rows}
    failed = {row[-1]: int(row[4]) for row in rows if len(row) == 6}
    assert calls["fdatasync"] == counts["fsync"] == 100
    assert calls["poll"] == counts["poll"] == 100
    assert failed["openat"] == errors["file"] == 100
    # Each round writes to a pipe, too, and each request writes its log line.
    assert calls["pwrite64"] + 100 + 4 == counts["write"]


def test_the_time_of_a_sync_is_what_the_application_measured(calling):
    server = calling()
    counted = Counted(server)
    measured = ask(server, "/synced/40")["ns"] / 1e9
    seconds, counts = counted.seconds(), counted.counts()
    assert counts["fsync"] == 40 and "fsync" not in counted.errors()
    assert seconds["fsync"] <= measured
    spent = sum(seconds.values())
    # The rest of it is the interpreter's and the log line's.
    assert 0.5 * measured < spent < measured + 0.01, (seconds, measured)


def test_a_wait_falls_into_the_bucket_of_its_length(calling, tmp_path):
    server = calling()
    os.mkfifo(tmp_path / "fifo")
    counted = Counted(server)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        answer = pool.submit(ask, server, f"/fifo{tmp_path}/fifo")
        release(server, tmp_path / "fifo", after=0.15)
        measured = answer.result()["ns"] / 1e9
    seconds = counted.seconds()["read"]
    assert 0.15 <= seconds <= measured
    slow = sample(server, f"{SECONDS}_bucket", **{"class": "read", "le": "+Inf"}) - sample(server, f"{SECONDS}_bucket",
                                                                                       **{"class": "read", "le": "0.1"})
    assert slow == 1


# --- the running call and the slowest one


LAYOUT = paths.REPO / "metrics/ebpf/program/layout.h"


def words() -> dict[str, int]:
    """Places of the first word of each member of a thread's row."""
    body = re.search(r"struct thread_row \{(.*?)\};", LAYOUT.read_text(), re.S).group(1)
    places, at = {}, 0
    for name, _, size in re.findall(r"__u64 (\w+)(\[(\d+)\])?;", body):
        places[name], at = at, at + int(size or 1)
    return places


def thread_row(server, index=0) -> dict[str, int]:
    """A thread's row, read from the kernel's map by another tool."""
    for entry in pathlib.Path(f"/proc/{server.pid}/fdinfo").iterdir():
        map_id = re.search(r"^map_id:\t(\d+)", entry.read_text(), re.M)
        if not map_id:
            continue
        shown = json.loads(subprocess.check_output(["bpftool", "-j", "map", "show", "id", map_id.group(1)]))
        if shown["name"] == "threads":
            key = list(map(str, index.to_bytes(4, "little")))
            row = json.loads(subprocess.check_output(["bpftool", "-j", "map", "lookup", "id", map_id.group(1), "key", *key]))
            value = bytes(int(byte, 16) for byte in row["value"])
            return {name: int.from_bytes(value[at * 8:at * 8 + 8], "little") for name, at in words().items()}
    raise AssertionError("the master has no map of threads")


NUMBERS = {name: int(number) for name, number in re.findall(
    r"#define __NR_(\w+) (\d+)", pathlib.Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h").read_text()
    if pathlib.Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h").exists() else "")}
needs_numbers = pytest.mark.skipif("read" not in NUMBERS, reason="no header with the numbers of system calls")


def release(server, fifo, after: float) -> dict:
    """Lets a reader of the FIFO go on once it has waited so long; the row that it had before."""
    def waits():
        row = thread_row(server)
        waiting = row["call"] and time.monotonic_ns() - row["call_ns"] >= after * 1e9
        return row if waiting and row["call"] == NUMBERS.get("read", row["call"] - 1) + 1 else None

    row = until(waits, "a read that waits")
    with open(fifo, "wb", buffering=0) as stream:
        stream.write(b"x")
    return row


@needs_numbers
def test_the_running_call_and_the_slowest_one_are_known_by_name(calling, tmp_path):
    server = calling()
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        answer = pool.submit(ask, server, f"/fifo{fifo}")
        row = release(server, fifo, after=0.15)
        measured = answer.result()["ns"]
    assert row["request"] and row["tid"] == server.worker_pids()[1]
    server.quiet()
    after = thread_row(server)
    assert (after["call"], after["request"], after["slowest"]) == (0, 0, NUMBERS["read"] + 1)
    assert after["slowest_of"] == row["request"] and 150e6 <= after["slowest_ns"] <= measured
    # The next request has a slowest call of its own.
    ask(server, "/missing/1")
    server.quiet()
    other = thread_row(server)
    assert other["slowest_of"] == row["request"] + 1 and other["slowest_ns"] < 150e6


@needs_numbers
def test_the_running_call_is_the_one_that_proc_tells(calling, tmp_path):
    server = calling()
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    pid = server.worker_pids()[1]
    told = pathlib.Path(f"/proc/{pid}/syscall")
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        answer = pool.submit(ask, server, f"/fifo{fifo}")
        until(lambda: told.read_text().split()[0] == str(NUMBERS["read"]), "a read that waits")
        assert thread_row(server)["call"] == NUMBERS["read"] + 1
        release(server, fifo, after=0.0)
        answer.result()


# --- what is counted to whom


def test_calls_outside_of_requests_are_not_counted(calling, tmp_path):
    """Connections that come and go without a request, which strace sees."""
    server = calling()
    pid = server.worker_pids()[1]
    with strace.traced(pid, tmp_path) as look:
        counted = Counted(server)
        for _ in range(20):
            wire.connect(server.address()).close()
        until(lambda: sum(call.name == "close" for call in look()) >= 20, "20 closed connections")
        assert counted.counts() == {} and counted.errors() == {} and counted.seconds() == {}
        assert sum(call.name == "accept4" and not call.failed for call in look()) == 20
        # A connection with a request counts.
        ask(server, "/")
        compared(server, counted, tids(pid), look)
        assert counted.counts()["write"] == 1


def test_each_worker_counts_its_own(calling, tmp_path):
    server = calling(workers=2)
    pids = server.worker_pids()
    with strace.traced(pids[1], tmp_path) as first, strace.traced(pids[2], tmp_path) as second:
        counted = {worker: Counted(server, worker) for worker in (1, 2)}
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda n: ask(server, f"/mixed/{n}"), range(1, 25)))
        for worker, look in ((1, first), (2, second)):
            compared(server, counted[worker], tids(pids[worker]), look)
        total = sum(sum(one.counts().values()) for one in counted.values())
    assert total > 24 * 10


def test_threads_wait_for_each_other_and_count_to_their_worker(calling, tmp_path):
    server = calling("--threads", "2")
    pid = server.worker_pids()[1]
    assert len(tids(pid)) == 2
    with strace.traced(pid, tmp_path) as look:
        counted = Counted(server)
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            holder, waiter = pool.submit(ask, server, "/held/150"), pool.submit(ask, server, "/locked/0")
            threads = {holder.result()["thread"], waiter.result()["thread"]}
        calls = compared(server, counted, tids(pid), look)
        waited, sleeping = counted.seconds()["futex"], counted.seconds()["other"]
    assert len(threads) == 2 and threads == set(tids(pid))
    assert any(call.name == "futex" and call.seconds > 0.1 for call in calls), "strace saw the wait for the lock"
    assert 0.1 < waited <= time_by_class(calls)["futex"] + 1e-4
    # The interpreter sleeps until a time that it has read before, and strace holds up each call.
    assert 0.1 < sleeping


def test_a_child_of_a_request_is_not_the_request(calling, tmp_path):
    server = calling()
    pid = server.worker_pids()[1]
    with strace.traced(pid, tmp_path) as look:
        counted = Counted(server)
        ask(server, "/forked/50")
        calls = compared(server, counted, tids(pid), look)
        child = [call for call in look() if call.tid not in tids(pid)]
    assert sum(call.name == "getppid" for call in child) == 50, "strace saw those of the child"
    assert "file" not in by_class(calls)


def test_threads_are_found_by_their_numbers_in_a_pid_namespace(uwsgi, app, tmp_path):
    wrapper = tmp_path / "uwsgi-in-a-namespace"
    wrapper.write_text(f'#!/bin/sh\nexec unshare --pid --fork --mount-proc -- {paths.OURS} "$@"\n')
    wrapper.chmod(0o755)
    server = uwsgi("-M", "--http11-socket", "127.0.0.1:0", "--wsgi-file", app("calls"), "--ebpf=syscalls",
                   "--stats", f"127.0.0.1:{free_port()}", "--stats-http", binary=wrapper, ready=False)
    attached(server, "syscalls")
    server.wait_log("spawned uWSGI worker 1 ")
    until(server.stats_answer, "the stats server to listen")
    master = procs.children(server.pid)[0]
    inside = server.worker_pids()[1]
    pid = next(pid for pid in procs.children(master) if f"NSpid:\t{pid}\t{inside}\n" in pathlib.Path(f"/proc/{pid}/status").read_text())
    server.worker_pids = lambda: {1: pid}
    ask(server, "/")
    with strace.traced(pid, tmp_path) as look:
        counted = Counted(server)
        ask(server, "/mixed/6")
        compared(server, counted, tids(pid), look)
        assert counted.errors() == {"file": 6}
    os.kill(master, 2)
    server.wait_exit()


def test_an_interrupted_call_counts_as_strace_counts_it(calling, tmp_path):
    server = calling()
    pid = server.worker_pids()[1]
    with strace.traced(pid, tmp_path) as look:
        counted = Counted(server)
        ask(server, "/interrupted/200")
        calls = compared(server, counted, tids(pid), look)
        waited = counted.seconds()["poll"]
    waits = [call for call in calls if CLASS_OF.get(call.name) == "poll"]
    assert len(waits) == 2 and waits[0].failed and not waits[1].failed
    assert 0.15 < waited <= sum(call.seconds for call in waits) + 1e-4


# --- over deaths and reloads


def test_a_worker_that_dies_in_a_call_does_not_disturb_the_next_one(calling):
    server = calling()
    server.allow("DAMN")
    ask(server, "/missing/5")
    counted = Counted(server)
    old = server.worker_pids()[1]
    with pytest.raises((OSError, EOFError)):
        server.get("/died/1")
    until(lambda: server.worker_pids()[1] != old, "another worker")
    server.settle()
    # Its last call never came back, so it was not counted.
    ask(server, "/missing/3")
    assert counted.errors()["file"] >= 3
    row = thread_row(server)
    assert row["tid"] == server.worker_pids()[1] and row["call"] == 0


def test_counts_go_on_over_a_reload(calling):
    server = calling()
    ask(server, "/missing/6")
    before = eventually(server, ERRORS, 6, **{"class": "file"})
    mark = server.mark()
    server.send(1)
    server.wait_log(r"spawned uWSGI worker 1 ", after=mark)
    server.settle()
    ask(server, "/missing/4")
    assert eventually(server, ERRORS, before + 4, **{"class": "file"}) >= before + 4


def test_nothing_is_attached_without_the_option(uwsgi, app):
    server = uwsgi("-M", "--http11-socket", "127.0.0.1:0", "--wsgi-file", app("calls"), "--stats", f"127.0.0.1:{free_port()}",
                   "--stats-http", "--ebpf=default")
    assert server.get("/missing/3").status == 200
    assert not [name for name, _ in numbers(server) if name.startswith("uwsgi_worker_syscall_")]
    assert procs.alive(server.pid)
