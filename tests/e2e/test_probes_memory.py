"""Faults, block I/O and deaths for want of memory as the probe counts them, against what the kernel tells elsewhere."""

import contextlib
import json
import os
import pathlib
import re
import subprocess
import time
from urllib.parse import urlencode

import pytest

from harness import procs
from harness.probes import attached, eventually, needs_probes, numbers, sample
from harness.waiting import until

pytestmark = [pytest.mark.ours, needs_probes, pytest.mark.alone]
FAULTS = "uwsgi_worker_faults_during_total"
IO = "uwsgi_worker_block_io_seconds"
BYTES = "uwsgi_worker_block_io_bytes_total"
ERRORS = "uwsgi_worker_block_io_errors_total"
OOM = "uwsgi_worker_oom_kills_total"
SECTOR = 512
#: Of what the device counts, the least part that programs at the kernel's tracepoints were seen to be told of on a machine under
#: load; on a quiet one it is all. More than all is never right.
TOLD = 0.9


@pytest.fixture
def start(uwsgi, app, tmp_path):
    def starter(*options, probes="memory", **kw):
        server = uwsgi("--http-socket", "127.0.0.1:0", "-M", "--stats", tmp_path / "stats", "--stats-http", f"--ebpf={probes}",
                       "--wsgi-file", app("disk"), *options, **kw)
        attached(server, *probes.split(","))
        return server
    return starter


def ask(server, **what) -> dict:
    return json.loads(server.get("/?" + urlencode(what), timeout=60).body)


def calm(server) -> None:
    """Every worker waits for work: its threads have left their processors, so they were looked at."""
    until(lambda: all(procs.waiting(pid) for pid in server.worker_pids().values()), "quiet workers")


class Since:
    """How much samples have grown."""

    def __init__(self, server):
        self.server = server
        calm(server)
        self.before = numbers(server)

    def __call__(self, name: str, **labels) -> float:
        calm(self.server)
        wanted = {(k, str(v)) for k, v in labels.items()}
        now = numbers(self.server)
        return sum(v - self.before.get(key, 0) for key, v in now.items() if key[0] == name and wanted <= key[1])


# --- faults


def told(pid: int) -> dict[str, int]:
    """What the kernel has counted of a process of one thread."""
    fields = procs.stat(pid)
    return {"minor": int(fields[7]), "major": int(fields[9])}


@pytest.mark.parametrize("probes", ["memory", "scheduler,memory"])
def test_minor_faults_are_those_of_the_kernel(start, probes):
    server = start(probes=probes)
    ask(server, do="touch", pages=1)
    pid = server.worker_pids()[1]
    since, before = Since(server), told(pid)
    own = sum(ask(server, do="touch", pages=2000)["minor"] for _ in range(3))
    grown = since(FAULTS, kind="minor")
    assert grown == told(pid)["minor"] - before["minor"]
    assert 6000 <= own <= since(FAULTS, kind="minor", during="request") <= own + 200
    assert since(FAULTS, kind="minor", during="idle") <= 50
    assert since(FAULTS, kind="major") == told(pid)["major"] - before["major"]


def test_major_faults_are_those_of_the_kernel(start, tmp_path):
    file = tmp_path / "mapped"
    file.write_bytes(os.urandom(1 << 22))
    server = start()
    ask(server, do="touch", pages=1)
    subprocess.run(["sync", file], check=True)
    pid = server.worker_pids()[1]
    since, before = Since(server), told(pid)
    own = ask(server, do="map", path=file, pages=40)["major"]
    assert own >= 20, "the file was in memory"
    assert own <= since(FAULTS, kind="major", during="request") <= told(pid)["major"] - before["major"]
    # Who faults asks for the page.
    assert since(f"{IO}_count", direction="read") >= own * TOLD
    assert since(BYTES, direction="read") >= own * TOLD * os.sysconf("SC_PAGESIZE")


def test_faults_between_requests_are_idle(start):
    server = start("-p", "2")
    busy = json.loads(server.get("/?do=touch&pages=1").body)["pid"]
    since = Since(server)
    busy = json.loads(server.get("/signal?do=touch&pages=1").body)["pid"]
    other = next(worker for worker, pid in server.worker_pids().items() if pid != busy)
    eventually(server, FAULTS, 3000, worker_id=other, during="idle", kind="minor")
    assert since(FAULTS, worker_id=other, during="request") == 0


def test_each_core_has_its_own(start):
    server = start("--threads", "3")
    since = Since(server)
    own = [ask(server, do="touch", pages=1000) for _ in range(9)]
    assert sum(a["minor"] for a in own) <= since(FAULTS, kind="minor", during="request") <= sum(a["minor"] for a in own) + 900


# --- block I/O


def run(*command) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@contextlib.contextmanager
def loop(file: pathlib.Path):
    """A block device of our own over a file: nobody else uses it."""
    try:
        device = run("losetup", "--find", "--show", "--direct-io=on", file)
    except (OSError, subprocess.CalledProcessError) as refused:
        pytest.skip(f"no loop device: {refused}")
    try:
        yield device
    finally:
        run("losetup", "-d", device)


@pytest.fixture
def device(tmp_path):
    file = tmp_path / "disk"
    file.write_bytes(b"d" * (8 << 20))
    with loop(file) as device:
        yield device


def disk(device: str) -> dict[str, int]:
    """What the kernel has counted of a block device."""
    fields = [int(f) for f in pathlib.Path(f"/sys/block/{pathlib.Path(device).name}/stat").read_text().split()]
    return {"read": fields[0], "read_bytes": fields[2] * SECTOR, "read_ms": fields[3],
            "write": fields[4], "write_bytes": fields[6] * SECTOR, "write_ms": fields[7], "busy_ms": fields[9]}


@pytest.mark.parametrize("direction", ["read", "write"])
@pytest.mark.parametrize("by", ["core", "thread"])
def test_block_io_is_that_of_the_device(start, device, direction, by):
    server = start()
    ask(server, do="read", path=device, count=1, size=4096)
    since, before = Since(server), disk(device)
    took = ask(server, do=direction, by=by, path=device, count=64, size=65536)["took"]
    grown = {name: value - before[name] for name, value in disk(device).items()}
    count = since(f"{IO}_count", direction=direction)
    assert grown[direction] == 64 and TOLD * 64 <= count <= 64
    assert since(BYTES, direction=direction) == count * 65536
    assert grown[f"{direction}_bytes"] == 64 * 65536
    seconds = since(f"{IO}_sum", direction=direction)
    assert seconds <= sum(took), "the application waited for all of it"
    assert seconds == pytest.approx(grown[f"{direction}_ms"] / 1000, rel=0.3, abs=0.01)
    other = "write" if direction == "read" else "read"
    assert since(f"{IO}_count", direction=other) == grown[other] == 0


def test_one_call_may_be_several_requests(start, device):
    """A read that is larger than a request may be is several requests, and all their bytes are counted."""
    server = start()
    ask(server, do="read", path=device, count=1, size=4096)
    since, before = Since(server), disk(device)
    ask(server, do="read", path=device, count=2, size=4 << 20)
    told_of = disk(device)["read"] - before["read"]
    assert disk(device)["read_bytes"] - before["read_bytes"] == 8 << 20
    assert (8 << 20) * TOLD <= since(BYTES, direction="read") <= 8 << 20
    assert told_of * TOLD <= since(f"{IO}_count", direction="read") <= told_of


def test_processes_of_the_application_are_not_the_worker(start, device):
    server = start()
    ask(server, do="read", path=device, count=1, size=4096)
    ask(server, do="read", by="child", path=device, count=1, size=4096)
    since, before = Since(server), disk(device)
    assert ask(server, do="write", by="child", path=device, count=16, size=65536)["errno"] is None
    assert disk(device)["write_bytes"] - before["write_bytes"] == 16 * 65536
    assert since(BYTES, direction="write") < 65536


def test_what_others_write_back_is_theirs(start, device):
    """A write to the page cache asks no device; whoever flushes it does: here the application itself, then this test."""
    server = start()
    ask(server, do="read", path=device, count=1, size=4096)
    since, before = Since(server), disk(device)
    ask(server, do="buffered", path=device, count=16, size=65536, sync=1)
    own = disk(device)["write_bytes"] - before["write_bytes"]
    assert own == 16 * 65536
    first = since(BYTES, direction="write")
    assert own * TOLD <= first <= own
    # This test holds the device open: the last one who closes it flushes it.
    fd = os.open(device, os.O_WRONLY)
    try:
        ask(server, do="buffered", path=device, count=16, size=65536, sync=0)
        os.fsync(fd)
    finally:
        os.close(fd)
    assert disk(device)["write_bytes"] - before["write_bytes"] == 2 * own
    assert since(BYTES, direction="write") == first
    io = dict(line.split(": ") for line in pathlib.Path(f"/proc/{server.worker_pids()[1]}/io").read_text().splitlines())
    assert int(io["write_bytes"]) >= 2 * own, "/proc/PID/io names who made pages dirty"


def test_failed_block_io(start, tmp_path):
    file = tmp_path / "disk"
    file.write_bytes(b"d" * (1 << 20))
    with loop(file) as device:
        server = start()
        ask(server, do="read", path=device, count=1, size=4096)
        since = Since(server)
        os.truncate(file, 4096)
        answer = ask(server, do="read", path=device, count=2, size=65536)
        assert answer["errno"] == 5
        assert since(ERRORS) >= 1
        server.stop()


def test_a_slow_device(start, tmp_path):
    """The file under the device lies in a file system that is frozen for a while: a write takes as long."""
    image, outer = tmp_path / "image", tmp_path / "outer"
    outer.mkdir()
    image.write_bytes(b"")
    os.truncate(image, 32 << 20)
    run("mkfs.ext4", "-q", "-O", "^has_journal", image)
    script = f"""set -e
mount -o loop {image} {outer}
dd if=/dev/zero of={outer}/disk bs=1M count=4 conv=fsync status=none
device=$(losetup --find --show --direct-io=on {outer}/disk)
trap 'set +e; fsfreeze -u {outer} 2>/dev/null; losetup -d $device; umount {outer}' EXIT
echo $device
while read word; do fsfreeze -$word {outer}; echo done; done
"""
    holder = subprocess.Popen(["unshare", "-m", "sh", "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        device = holder.stdout.readline().strip()
        if not device:
            pytest.skip("nothing can be mounted")

        def freezer(word):
            print(word, file=holder.stdin, flush=True)
            assert holder.stdout.readline() == "done\n"

        server = start()
        ask(server, do="read", path=device, count=1, size=4096)
        since, busy = Since(server), disk(device)["busy_ms"]
        freezer("f")
        with subprocess.Popen(["curl", "-s", f"http://{':'.join(map(str, server.address()))}/?do=write&path={device}&count=1&size=65536"],
                              stdout=subprocess.PIPE, text=True) as client:
            pid = server.worker_pids()[1]
            until(lambda: procs.stat(pid)[0] == "D", "a worker that waits for its device")
            waits = time.monotonic()
            # The second source: the kernel's own clock of a device with work.
            until(lambda: disk(device)["busy_ms"] - busy >= 300, "a device that has worked for so long")
            waited = time.monotonic() - waits
            freezer("u")
            took = json.loads(client.communicate(timeout=30)[0])["took"][0]
        assert since(f"{IO}_count", direction="write") == 1
        assert waited <= since(f"{IO}_sum", direction="write") <= took
        assert took >= 0.28, "the clock of the device has ticks of up to 10 ms"
    finally:
        holder.stdin.close()
        holder.wait(20)


def test_counts_go_on(start, device):
    """Over a reload, and over the death of a worker: the next one is known by its own pid."""
    server = start()
    ask(server, do="read", path=device, count=8, size=65536)
    calm(server)
    first = sample(server, BYTES, direction="read")
    mark = server.mark()
    server.send(1)
    server.wait_log(r"WSGI app 0 .* ready", after=mark)
    until(lambda: server.stats_answer(), "the stats server")
    since = ask(server, do="read", path=device, count=8, size=65536)
    assert since["errno"] is None
    calm(server)
    assert sample(server, BYTES, direction="read") >= first + 8 * 65536 * TOLD
    server.allow("DAMN")
    second = sample(server, BYTES, direction="read")
    mark = server.mark()
    os.kill(since["pid"], 9)
    server.wait_log(r"Respawned uWSGI worker 1", after=mark)
    ask(server, do="read", path=device, count=8, size=65536)
    eventually(server, BYTES, second + 8 * 65536 * TOLD, direction="read")


# --- out of memory


@contextlib.contextmanager
def small_group(limit: int):
    """A group of our own that may take so much memory; which file of it counts deaths."""
    first, second = pathlib.Path("/sys/fs/cgroup/memory"), pathlib.Path("/sys/fs/cgroup")
    top, name, counts = (first, "memory.limit_in_bytes", "memory.oom_control")
    if not (first / name).exists():
        top, name, counts = second, "memory.max", "memory.events"
    made = top / f"uwsgi-test-{os.getpid()}"
    try:
        made.mkdir()
        (made / name).write_text(str(limit))
    except OSError as refused:
        if made.exists():
            made.rmdir()
        pytest.skip(f"no group can be made: {refused}")
    try:
        yield made, lambda: int(re.search(r"^oom_kill (\d+)", (made / counts).read_text(), re.M).group(1))
    finally:
        until(lambda: not (made / "cgroup.procs").read_text(), "an empty group")
        made.rmdir()


def test_a_worker_that_the_kernel_ends_for_want_of_memory(start):
    server = start().allow("DAMN")
    with small_group(64 << 20) as (group, deaths):
        victim, pid = 1, server.worker_pids()[1]
        (group / "cgroup.procs").write_text(str(pid))
        before = sample(server, OOM)

        def eaten():
            with contextlib.suppress(EOFError, OSError, ValueError):
                ask(server, do="eat", pages=(256 << 20) // os.sysconf("SC_PAGESIZE"))
            return not procs.alive(pid)

        until(eaten, "the end of the worker", timeout=30)
        eventually(server, OOM, before + 1, worker_id=victim)
        assert sample(server, OOM) == deaths() == 1


# --- what is not asked for


def test_nothing_is_shown_without_the_probe(start):
    server = start(probes="accept")
    shown = {name for name, _ in numbers(server)}
    assert not {FAULTS, BYTES, ERRORS, OOM, f"{IO}_count"} & shown
