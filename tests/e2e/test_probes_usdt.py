"""Static probes: what tracers list, each script of docs/bpftrace on a live server, every probe, and no trace left."""

import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import threading
import time

import pytest

from harness import paths, wire
from harness.probes import attached, needs_probes
from harness.server import free_port
from harness.usdt import Elf, bpftrace, listeners, needs_bpftrace  # noqa: F401
from harness.waiting import until

pytestmark = [pytest.mark.ours, pytest.mark.alone]
ROW = re.compile(r"^\| `(\w+)` \| (.*?) \| ", re.M)
ANY = ("--http-socket", "127.0.0.1:0", "--master")


def documented() -> dict[str, int]:
    """Probes of the generated table, with their number of arguments."""
    page = (paths.REPO / "docs/usdt.md").read_text()
    table = page.split("<!-- probes:")[1].split("<!-- end of probes -->")[0]
    return {name: arguments.count("`") // 2 for name, arguments in ROW.findall(table)}


def test_the_binary_has_what_the_page_lists():
    elf = Elf(paths.OURS)
    notes = elf.notes("uwsgi")
    assert {note.name: note.arguments for note in notes} == documented()
    for note in notes:
        assert elf.byte(".text", note.location) == 0x90, f"{note}: not a nop of the code"
        assert elf.byte(".probes", note.semaphore) == 0, f"{note}: no semaphore, or one that is not zero"


@needs_bpftrace
def test_tracers_list_them(tmp_path):
    stripped = tmp_path / "uwsgi"
    subprocess.run(["strip", "-o", stripped, paths.OURS], check=True)
    for binary in (paths.OURS, stripped):
        listed = subprocess.run(["bpftrace", "-l", f"usdt:{binary}:uwsgi:*"], capture_output=True, text=True, check=True)
        assert {line.rsplit(":", 1)[1] for line in listed.stdout.split()} == set(documented())
        assert "invalid" not in listed.stderr
    if shutil.which("gdb"):
        listed = subprocess.run(["gdb", "-nx", "-batch", "-ex", "info probes stap uwsgi", stripped], capture_output=True, text=True)
        assert set(re.findall(r"^stap +uwsgi +(\w+)", listed.stdout, re.M)) == set(documented())


@needs_bpftrace
def test_latency_by_uri(uwsgi, app, bpftrace):
    server = uwsgi(*ANY, "-p", "2", "--wsgi-file", app("traced"))
    tracer = bpftrace("latency.bt", server.pid)
    made = {"/a": 9, "/b?x=1": 5, "/sleep/60": 2}
    for path, count in made.items():
        for _ in range(count):
            server.get(path)
    server.quiet()  # a request is done a moment after its answer
    text = tracer.end()
    assert f"@requests[200]: {sum(made.values())}\n" in text
    means = re.findall(r"^@mean\[(.*)\]: count (\d+), average (\d+), total (\d+)$", text, re.M)
    assert {uri: int(count) for uri, count, *_ in means} == made
    average = {uri: int(mean) for uri, _, mean, _ in means}
    assert average["/sleep/60"] >= 60_000 > average["/a"]
    logged = [int(ms) for ms in re.findall(r"GET /sleep/60 => .* in (\d+) msecs", server.log())]
    assert sum(logged) * 1000 <= 2 * average["/sleep/60"] + 2 <= (sum(logged) + 2) * 1000 + 2, "the time of the log"


@needs_bpftrace
def test_slow_requests_say_why(uwsgi, app, bpftrace):
    server = uwsgi(*ANY, "--threads", "2", "--enable-threads", "--wsgi-file", app("traced"))
    tracer = bpftrace("slow.bt", server.pid, 150)
    took = {path: int(server.get(path).body) for path in ("/quick", "/sleep/400", "/burn/400", "/quick")}
    tracer.wait(r"/burn/400$")
    text = tracer.end()
    line = re.compile(r"worker 1 core [01]: (\d+) ms, cpu (\d+) ms, waited (\d+), pushed \d+, disk \d+, status 200, (\S+)$", re.M)
    slow = {uri: (int(ms), int(cpu), int(waited)) for ms, cpu, waited, uri in line.findall(text)}
    assert set(slow) == {"/sleep/400", "/burn/400"}, text
    ms, cpu, waited = slow["/sleep/400"]
    assert ms >= 400 and cpu <= took["/sleep/400"] + 20 and waited >= 1
    ms, cpu, _ = slow["/burn/400"]
    assert ms >= 400 and abs(cpu - took["/burn/400"]) <= 40, "the application measured its processor time too"
    samples = sum(int(n) for n in re.findall(r"^\]: (\d+)$", text, re.M))
    assert samples >= 10, f"stacks of a quarter of a second beyond the limit\n{text}"


@needs_probes
@needs_bpftrace
def test_waits_in_the_accept_queue(uwsgi, app, bpftrace):
    server = uwsgi(*ANY, "--ebpf=accept", "--wsgi-file", app("traced"))
    attached(server, "accept")
    tracer = bpftrace("accept.bt", server.pid)
    clients, connected, ended = [], [], []
    for path in ("/sleep/400", *["/"] * 5):  # accepted in this order, by the one core there is
        before = time.monotonic()
        clients.append(wire.connect(server.address()))
        clients[-1].sendall(wire.request_bytes(path=path, headers={"Connection": "close"}))
        connected.append((before, time.monotonic()))
    for client in clients:
        wire.read_all(client)
        client.close()
        ended.append(time.monotonic())
    text = tracer.end()
    assert "@accepted_by_worker[1]: 6\n" in text and "@unmeasured" not in text
    count, _, total = map(int, re.search(r"^@wait\[0\]: count (\d+), average (\d+), total (\d+)$", text, re.M).groups())
    assert count == 6
    most = sum(end - before for end, (before, _) in zip(ended, connected))
    least = sum(ended[0] - after for _, after in connected[1:]) - 5 * 0.05
    assert least > 1, "the worker was busy when they came"
    assert least <= total / 1e6 <= most, f"{total} us by the script, {least:.3f} to {most:.3f} s by the test"


@needs_bpftrace
def test_who_is_killed_and_what_it_took_along(uwsgi, app, bpftrace):
    server = uwsgi(*ANY, "-p", "2", "--harakiri", "1", "--wsgi-file", app("traced")).allow("HARAKIRI", "DAMN")
    tracer = bpftrace("killed.bt", server.pid)
    before = server.worker_pids()
    with wire.connect(server.address()) as client:
        client.sendall(wire.request_bytes(path="/sleep/60000"))
        worker, pid = map(int, tracer.wait(r"harakiri: worker (\d) \(pid (\d+)\) core 0, limit 1 s$").groups())
        assert before[worker] == pid
        # Each processor has a buffer of its own: lines of a process that was moved in between come in any order.
        tracer.wait(rf"ended: worker {worker} \(pid {pid}\), code 0, signal 9, harakiri$")
        tracer.wait(r" took along: core 0, (\d+) ms, /sleep/60000$")
    server.wait_log(rf"HARAKIRI ON WORKER {worker} \(pid: {pid}")
    other = 3 - worker
    os.kill(before[other], signal.SIGKILL)
    tracer.wait(rf"ended: worker {other} \(pid {before[other]}\), code 0, signal 9, signal$")
    until(lambda: not set(before.values()) & set(server.worker_pids().values()), "both to be back")
    after = server.worker_pids()
    for number in (1, 2):
        tracer.wait(rf"spawned: worker {number} \(pid {after[number]}\)$")
    tracer.end()


@needs_bpftrace
def test_the_timeline_of_each_core(uwsgi, app, bpftrace):
    server = uwsgi(*ANY, "--threads", "2", "--enable-threads", "--wsgi-file", app("traced"))
    tracer = bpftrace("timeline.bt", server.pid)
    clients = [threading.Thread(target=server.get, args=(f"/sleep/{ms}",)) for ms in (30, 40, 50, 60)]
    [client.start() for client in clients]
    [client.join() for client in clients]
    until(lambda: tracer.text().count(" done ") == 4, "four ends")
    lines = sorted((int(line.split()[0]), *line.split(maxsplit=2)[1:]) for line in tracer.end().splitlines() if re.match(r" *\d+ ", line))
    for core in ("1.0", "1.1"):
        events = [(at, rest) for at, where, rest in lines if where == core]
        assert [rest.split()[0] for _, rest in events] == ["start", "app", "done"] * (len(events) // 3)
        for (begin, start), _, (end, done) in zip(events[::3], events[1::3], events[2::3]):
            ms = int(re.fullmatch(r"start GET /sleep/(\d+)", start).group(1))
            assert end - begin >= ms * 1000 and int(done.split()[2]) >= ms * 1000
    assert len(lines) == 12


@needs_bpftrace
def test_requests_through_the_router(uwsgi, app, bpftrace):
    address = ("127.0.0.1", free_port())
    server = uwsgi("--http", f"127.0.0.1:{address[1]}", "--master", "--stats", "stats.sock", "--wsgi-file", app("traced"))
    tracer = bpftrace("router.bt", server.pid)
    for n in range(7):
        assert wire.http(address, f"/{n}").status == 200
    gone = wire.connect(address)
    gone.sendall(wire.request_bytes(path="/sleep/300"))
    until(lambda: server.stats()["workers"][0]["cores"][0]["in_request"], "the worker to have it")
    gone.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    gone.close()
    assert wire.http(address, "/last").status == 200
    text = tracer.end()
    assert "@answered_by_worker[1]: 8\n" in text and "@answered_by_worker[-1]: 1\n" in text and "@errors_by_status[0]: 1\n" in text
    counts = [int(n) for n in re.findall(r"^[\[(].*[\])] +(\d+) \|", text, re.M)]
    assert sum(counts) == 9


OTHERS = """
usdt:BIN:uwsgi:connection__accept { printf("accept %d %d %d %d\\n", arg0, arg1, arg2, (int64)arg3); }
usdt:BIN:uwsgi:connection__close { printf("close %d %d\\n", arg0, arg1); }
usdt:BIN:uwsgi:request__start { printf("start %s by %s\\n", str(arg2, arg3), str(arg4, arg5)); }
usdt:BIN:uwsgi:request__slow { printf("slow %d %s %d\\n", arg2, str(arg3, arg4), arg5); }
usdt:BIN:uwsgi:worker__ready { printf("ready %d %d\\n", arg0, pid); }
usdt:BIN:uwsgi:reload__begin { printf("reload %d %d\\n", arg0, pid); }
usdt:BIN:uwsgi:reload__done { printf("reloaded %d %d\\n", arg0, pid); }
usdt:BIN:uwsgi:mule__message { printf("message %d [%s]\\n", arg0, str(arg1, arg2)); }
usdt:BIN:uwsgi:signal__raise { printf("raise %d %d %d\\n", arg0, arg1, arg2); }
usdt:BIN:uwsgi:signal__handle { printf("handle %d %d %d %d %d\\n", arg0, arg1, arg2, arg3, pid); }
usdt:BIN:uwsgi:alarm__raise { printf("alarm %s [%s]\\n", str(arg0, arg1), str(arg2, arg3)); }
usdt:BIN:uwsgi:alarm__done { printf("alarmed %s %d\\n", str(arg0, arg1), arg2); }
usdt:BIN:uwsgi:push__done { printf("push %d %d %s [%s]\\n", arg0, arg1, str(arg2, arg3), str(arg4, arg5)); }
usdt:BIN:uwsgi:observer__tick { printf("tick %d %d %d\\n", arg0, arg1, pid); }
usdt:BIN:uwsgi:log__drop { printf("drop %d %d\\n", arg0, pid); }
"""


@needs_bpftrace
def test_all_other_probes(uwsgi, app, bpftrace, tmp_path):
    server = uwsgi(*ANY, "--mule", "--alarm", "note log:", "--stats-push", f"file:path={tmp_path}/pushed,freq=1", "--log-slow", "100",
                   "--wsgi-file", app("traced"))
    tracer = bpftrace(OTHERS, server.pid)
    worker = server.worker_pids()[1]
    for path in ("/signal/17", "/message/hello", "/alarm/disk-full", "/sleep/120"):
        assert server.get(path).status == 200
        tracer.wait(rf"^start {path} by GET$")
    fd, = set(re.findall(r"^accept 1 (\d+) 0 -1$", tracer.text(), re.M))
    until(lambda: len(re.findall(rf"^close {fd} 1$", tracer.text(), re.M)) == 4, "four connections closed after one request")
    tracer.wait("^raise 1 0 17$")
    tracer.wait(rf"^handle 1 0 0 17 {worker}$")
    tracer.wait(r"^message 1 \[hello\]$")
    tracer.wait(r"^alarm note \[disk-full\]$")
    tracer.wait("^alarmed note 0$")
    server.wait_log("disk-full")
    slow = re.findall(r"^slow (\d+) (\S+) (\d+)$", tracer.text(), re.M)
    assert [(uri, waits) for _, uri, waits in slow] == [("/sleep/120", "0")] and int(slow[0][0]) >= 120_000
    assert tracer.wait(r"^push 1 \d+ file \[(.*)\]$").group(1).startswith(str(tmp_path)[:60])
    assert (tmp_path / "pushed").stat().st_size > 0
    observer = int(re.search(r"spawned uWSGI observer \(pid: (\d+)\)", server.log()).group(1))
    tracer.wait(rf"^tick \d+ \d+ {observer}$")
    began = time.monotonic()
    server.send(signal.SIGHUP)
    took, master = map(int, tracer.wait(r"^reloaded (\d+) (\d+)$", timeout=20).groups())
    assert master == server.pid and 0 < took / 1e6 <= time.monotonic() - began
    assert f"reload 1 {server.pid}\n" in tracer.text()
    until(lambda: server.worker_pids()[1] != worker, "the new worker")
    tracer.wait(rf"^ready 1 {server.worker_pids()[1]}$")
    with open("/dev/full", "wb") as full:
        deaf = subprocess.Popen([paths.OURS, *ANY], stdin=subprocess.DEVNULL, stdout=full, stderr=full)
        try:
            tracer.wait(rf"^drop \d+ {deaf.pid}$")
        finally:
            deaf.send_signal(signal.SIGINT)
            deaf.wait(10)
    tracer.end()


WAITS = """
usdt:BIN:uwsgi:request__slow {
    $w = (uint64 *)arg5;
    printf("waits %s %d %d %d %d %d %d of %d\\n", str(arg3, arg4), *$w, *($w + 1), *($w + 2), *($w + 3), *($w + 4), *($w + 5), arg2);
}
"""


@needs_probes
@needs_bpftrace
def test_a_slow_request_brings_its_waits(uwsgi, app, bpftrace):
    server = uwsgi(*ANY, "--ebpf=scheduler", "--log-slow", "100", "--wsgi-file", app("traced"))
    attached(server, "scheduler")
    tracer = bpftrace(WAITS, server.pid)
    assert server.get("/sleep/300").status == 200
    *waits, whole = map(int, tracer.wait(r"^waits /sleep/300 (\d+) (\d+) (\d+) (\d+) (\d+) (\d+) of (\d+)$").groups())
    assert 290_000_000 <= sum(waits) <= whole * 1000, "it slept, and nothing else"
    tracer.end()


@needs_bpftrace
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_nobody_listens_when_the_tracer_is_gone(uwsgi, app, bpftrace, number):
    server = uwsgi(*ANY, "-p", "2", "--wsgi-file", app("traced")).allow("DAMN")
    notes = Elf(paths.OURS).notes("uwsgi")
    assert not any(listeners(server.pid, notes).values())
    tracer = bpftrace("timeline.bt", server.pid)
    watched = {"request__start", "request__app", "request__done"}
    os.kill(server.worker_pids()[1], signal.SIGKILL)
    server.wait_log(r"Respawned uWSGI worker 1 \(")
    server.settle()
    processes = [server.pid, *server.worker_pids().values()]
    for pid in processes:
        assert {name for name, count in listeners(pid, notes).items() if count} == watched, "also who was forked since"
    assert server.get("/").status == 200
    tracer.wait(r" start GET /$")
    tracer.end(number)
    until(lambda: not any(any(listeners(pid, notes).values()) for pid in processes), "semaphores to be zero again")
    assert server.get("/").status == 200
    tracer.process.wait()
    assert tracer.text().count("start GET") == 1
