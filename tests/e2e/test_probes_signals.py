"""Who ended a process of the server: the probe `signals`, and the table of the server's own processes."""

import contextlib
import json
import os
import pathlib
import re
import signal
import subprocess
import sys

import pytest

from harness import paths, procs, wire
from harness.probes import attached, eventually, needs_probes, sample
from harness.waiting import until

pytestmark = [needs_probes, pytest.mark.alone]

MULE, GATEWAY, OBSERVER, MASTER = 3 << 24, 4 << 24, 2 << 24, 1 << 24
STARTED = re.compile(r"pawned uWSGI (worker|mule|http|observer)(?: (\d+))? \((?:new )?pid: (\d+)")


@pytest.fixture
def instance(uwsgi, app, tmp_path):
    def start(*options, probes="signals", application="probe", **kw):
        server = uwsgi("--http-socket", "127.0.0.1:0", "-M", "--wsgi-file", app(application), "--stats", tmp_path / "s", "--stats-http",
                       *([f"--ebpf={probes}"] if probes else []), *options, **kw)
        if probes:
            attached(server, *probes.split(","))
        return server.allow("DAMN !", "OOOPS", "HARAKIRI")

    return start


def map_of(server, name: str) -> int:
    """Number of a map that the master holds."""
    for info in pathlib.Path(f"/proc/{server.pid}/fdinfo").iterdir():
        found = re.search(r"^map_id:\s*(\d+)", info.read_text(), re.M)
        if found and bpftool("map", "show", "id", found[1])["name"] == name:
            return int(found[1])
    raise AssertionError(f"no map {name}")


def bpftool(*words):
    return json.loads(subprocess.run(["bpftool", "-j", *words], check=True, capture_output=True).stdout)


def registered(number: int) -> dict[int, int]:
    """Pids and numbers of the table, as bpftool reads it."""
    words = (int.from_bytes(bytes(int(b, 16) for b in e["value"]), "little") for e in bpftool("map", "dump", "id", str(number)))
    return {word >> 32: word & 0xFFFFFFFF for word in words if word}


def wanted(server) -> dict[int, int]:
    """The same from the log: the last pid of each process."""
    first = {"worker": 0, "mule": MULE, "http": GATEWAY - 1, "observer": OBSERVER}
    last = {first[kind] + int(which or 0): int(pid) for kind, which, pid in STARTED.findall(server.log())}
    return {server.pid: MASTER, **{pid: number for number, pid in last.items()}}


def test_every_process_of_the_server_is_in_the_table(instance):
    server = instance("-p", "2", "--mules", "2", "--http", "127.0.0.1:0", probes="accept")
    server.wait_log("spawned uWSGI observer")
    table = map_of(server, "pids")
    until(lambda: registered(table) == wanted(server), f"a table of {wanted(server)}")
    assert set(registered(table)) == set(procs.tree(server.pid))
    before, first = server.mark(), server.worker_pids()[1]
    procs.kill_quietly(first)
    server.wait_log("Respawned uWSGI worker 1", after=before)
    until(lambda: registered(table) == wanted(server), "the new worker in the place of the old one")
    assert first not in registered(table)
    before = server.mark()
    server.send(signal.SIGHUP)
    server.wait_log(r"spawned uWSGI observer", after=before)
    until(lambda: registered(table) == wanted(server), "the table after a reload")


def cores(number: int) -> list[int]:
    """Thread ids of the table, without the places that threads have left."""
    return sorted(tid for tid in registered(number) if tid != 0xFFFFFFFF)


def threads(server, each: int) -> list[int]:
    """The same from /proc: of each worker the threads that serve, which wait for the same as all others of them."""
    found = []
    for pid in server.worker_pids().values():
        tids = sorted(int(entry.name) for entry in pathlib.Path(f"/proc/{pid}/task").iterdir())
        found += tids[:each]
    return sorted(found)


def test_every_core_is_in_the_table_also_after_others_have_gone(instance):
    server = instance("-p", "2", "--threads", "2", "--enable-threads", probes="scheduler")
    table = map_of(server, "tids")
    until(lambda: cores(table) == threads(server, 2), "the cores of two workers")
    for _ in range(3):
        before, first = server.mark(), server.worker_pids()[1]
        procs.kill_quietly(first)
        server.wait_log("Respawned uWSGI worker 1", after=before)
        until(lambda: cores(table) == threads(server, 2), "the cores of the new worker")
        assert first not in cores(table)
    words = sum(1 for tid in registered(table) if tid == 0xFFFFFFFF)
    assert words == 0, "places that were left and that nobody passes are empty again"
    before = server.mark()
    server.send(signal.SIGHUP)
    server.wait_log(r"spawned uWSGI observer", after=before)
    until(lambda: cores(table) == threads(server, 2), "the cores after a reload")


# A process with a name of its own that kills when its standard input says so, from a thread if asked.
ASSASSIN = """
import ctypes, os, sys, threading
name, pid, number, thread = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4] == "thread"
ctypes.CDLL(None).prctl(15, os.fsencode(name), 0, 0, 0)
print(os.getpid(), flush=True)
sys.stdin.readline()
def kill():
    if thread:
        ctypes.CDLL(None).prctl(15, b"only-a-thread", 0, 0, 0)
    os.kill(pid, number)
if thread:
    one = threading.Thread(target=kill)
    one.start()
    one.join()
else:
    kill()
"""


class Assassin:
    """Waits for its order. Its pid as its own namespace tells it, its name as `/proc` does."""

    def __init__(self, name: str, target: int, number=signal.SIGKILL, through=(), thread=False):
        words = [*through, sys.executable, "-c", ASSASSIN, name, target, int(number), "thread" if thread else "alone"]
        self.process = subprocess.Popen([str(word) for word in words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.pid = int(self.process.stdout.readline())

    def name(self) -> str:
        return pathlib.Path(f"/proc/{self.process.pid}/comm").read_text().strip()

    def strike(self) -> "Assassin":
        """Sends the signal; afterwards the process is gone and buried."""
        out, _ = self.process.communicate("now\n")
        assert self.process.returncode == 0, out
        return self


@contextlib.contextmanager
def stopped(pid: int):
    """This process sees nothing of what happens meanwhile."""
    os.kill(pid, signal.SIGSTOP)
    try:
        until(lambda: procs.stat(pid)[0] == "T", f"{pid} to stop")
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def damn(worker: int, pid: int, number: int) -> str:
    return rf"DAMN ! worker {worker} \(pid: {pid}\) died, killed by signal {number} :\( trying respawn \.\.\.\n"


def killed(worker: int, pid: int, number: int, by: str) -> str:
    """The old line as it always was, and the new one behind it; only others may write in between."""
    return rf"^{damn(worker, pid, number)}(?:(?!DAMN|Respawned).*\n)*?worker {worker} \(pid: {pid}\) was killed by signal {number} sent by {by}$"


def ask(server, expression: str) -> None:
    """A request that its worker does not survive."""
    path = "/?" + "".join(f"%{byte:02x}" for byte in expression.encode())
    assert wire.raw(server.address(), wire.request_bytes(path=path), timeout=60) == b""


def kills(server, **labels) -> float:
    return sample(server, "uwsgi_worker_kills_total", **labels)


def test_the_sender_of_a_signal_is_told_and_counted(instance):
    server = instance("-p", "2")
    pid = server.worker_pids()[2]
    one = Assassin("assassin", pid)
    assert (one.pid, one.name()) == (one.process.pid, "assassin")
    one.strike()
    server.wait_log(killed(2, pid, 9, rf'pid {one.pid} "assassin" \(uid 0\)'))
    server.wait_log("Respawned uWSGI worker 2")
    assert eventually(server, "uwsgi_worker_kills_total", 1, signal="SIGKILL", by="assassin") == 1
    assert server.stats()["kills"] == [{"signal": "SIGKILL", "by": "assassin", "count": 1}]
    other = Assassin("assassin", server.worker_pids()[2], signal.SIGALRM).strike()
    server.wait_log(rf'was killed by signal 14 sent by pid {other.pid} "assassin"')
    assert eventually(server, "uwsgi_worker_kills_total", 2, by="assassin") == 2
    assert (kills(server, signal="SIGALRM"), kills(server)) == (1, 2)


def test_the_sender_may_be_gone_when_the_master_looks(instance):
    server = instance("-p", "2")
    pids = server.worker_pids()
    with stopped(server.pid):
        first = Assassin("first", pids[1]).strike()
        second = Assassin("second", pids[2], signal.SIGKILL).strike()
        assert not procs.alive(first.pid) and not procs.alive(second.pid)
        for late in (pids[1], pids[2]):
            Assassin("too-late", late).strike()
    server.wait_log(killed(1, pids[1], 9, rf'pid {first.pid} "first" \(uid 0\)'))
    server.wait_log(killed(2, pids[2], 9, rf'pid {second.pid} "second" \(uid 0\)'))
    server.wait_log(r"Respawned uWSGI worker 1[\s\S]*Respawned uWSGI worker 2|Respawned uWSGI worker 2[\s\S]*Respawned uWSGI worker 1")
    assert "too-late" not in server.log()


def test_the_user_of_the_sender_is_told(instance):
    server = instance()
    pid = server.worker_pids()[1]
    user = ("setpriv", "--reuid", "4321", "--clear-groups", "--inh-caps", "+kill", "--ambient-caps", "+kill")
    one = Assassin("a user", pid, through=user)
    assert os.stat(f"/proc/{one.process.pid}").st_uid == 4321
    one.strike()
    server.wait_log(killed(1, pid, 9, rf'pid {one.pid} "a user" \(uid 4321\)'))
    server.wait_log("Respawned uWSGI worker 1")


def test_a_thread_is_its_process(instance):
    server = instance()
    pid = server.worker_pids()[1]
    one = Assassin("whole", pid, thread=True)
    assert one.name() == "whole"
    one.strike()
    server.wait_log(killed(1, pid, 9, rf'pid {one.pid} "whole" \(uid 0\)'))
    server.wait_log("Respawned uWSGI worker 1")


def test_a_name_of_odd_bytes_stays_one_line(instance):
    server = instance()
    pid = server.worker_pids()[1]
    Assassin('a"b\n\\{}', pid).strike()
    server.wait_log(killed(1, pid, 9, r'pid \d+ "a\\"b\\n\\\\{}" \(uid 0\)'))
    server.wait_log("Respawned uWSGI worker 1")
    eventually(server, "uwsgi_worker_kills_total", 1, by='a"b\n\\{}')
    assert server.stats()["kills"][0]["by"] == 'a"b\n\\{}'
    after, pid = server.mark(), server.worker_pids()[1]
    Assassin("no\udcfftext", pid).strike()
    server.wait_log(killed(1, pid, 9, r'pid \d+ "no\\xfftext" \(uid 0\)'))
    server.wait_log("Respawned uWSGI worker 1", after=after)
    assert eventually(server, "uwsgi_worker_kills_total", 2, signal="SIGKILL") == 2
    assert len(server.stats()["kills"]) == 2


def test_faults_are_the_kernels_and_aborts_are_their_own(instance):
    server = instance("-p", "1").allow("Segmentation Fault", "Fatal Python error")
    pid = server.worker_pids()[1]
    ask(server, "__import__('ctypes').string_at(16)")
    server.wait_log(killed(1, pid, 11, r"the kernel \(page fault at 0x10\)"))
    pid = int(server.wait_log(r"Respawned uWSGI worker 1 \(new pid: (\d+)\)")[1])
    after = server.mark()
    ask(server, "os.abort()")
    server.wait_log(killed(1, pid, 6, "itself"))
    server.wait_log("Respawned uWSGI worker 1", after=after)
    eventually(server, "uwsgi_worker_kills_total", 1, signal="SIGABRT", by="itself")
    assert kills(server, signal="SIGSEGV", by="kernel") == 1


def test_a_limit_is_the_kernels(instance):
    server = instance()
    pid = server.worker_pids()[1]
    limit = "(lambda r: r.setrlimit(r.RLIMIT_CPU, (int(sum(r.getrusage(0)[:2])) + 1,) * 2))(__import__('resource'))"
    ask(server, f"({limit}, [0 for _ in iter(int, 1)])")
    server.wait_log(killed(1, pid, 9, "the kernel"))
    server.wait_log("Respawned uWSGI worker 1")
    assert eventually(server, "uwsgi_worker_kills_total", 1, by="kernel", signal="SIGKILL") == 1


def test_the_master_is_told_as_such(instance):
    server = instance("--harakiri", "1")
    pid = server.worker_pids()[1]
    ask(server, "__import__('time').sleep(60)")
    server.wait_log(killed(1, pid, 9, r"the master \(harakiri\)"))
    server.wait_log("Respawned uWSGI worker 1")
    assert eventually(server, "uwsgi_worker_kills_total", 1, by="master") == 1
    assert kills(server) == 1


def test_mercy_ends_and_counts_go_over_a_reload(instance):
    server = instance("--worker-reload-mercy", "1").allow("NO MERCY")
    pid, after = server.worker_pids()[1], server.mark()
    Assassin("early", pid).strike()
    server.wait_log(r"Respawned uWSGI worker 1", after=after)
    pid = server.worker_pids()[1]
    server.settle()
    with wire.connect(server.address()) as held:
        held.sendall(wire.request_bytes(path="/?__import__('time').sleep(60)"))
        server.wait_stats(lambda s: s["workers"][0]["status"] == "busy", "a busy worker")
        server.send(signal.SIGHUP)
        server.wait_log(rf"^worker 1 \(pid: {pid}\) was killed by signal 9 sent by the master \(no mercy\)$")
    server.wait_log("spawned uWSGI observer", after=server.log().rindex("no mercy"))
    until(server.stats_answer, "the stats server")
    assert eventually(server, "uwsgi_worker_kills_total", 1, by="master", signal="SIGKILL") == 1
    assert kills(server, by="early") == 1


def test_who_asked_a_worker_to_end(instance):
    server = instance()
    pid = server.worker_pids()[1]
    one = Assassin("polite", pid, signal.SIGTERM).strike()
    server.wait_log(rf'^worker 1 \(pid: {pid}\) had been asked to end by signal 15 sent by pid {one.pid} "polite" \(uid 0\)$')
    server.wait_log("Respawned uWSGI worker 1")
    after = server.mark()
    one = Assassin("deploy", server.pid, signal.SIGHUP).strike()
    server.wait_log(rf'^the master got signal 1 sent by pid {one.pid} "deploy" \(uid 0\)$', after=after)
    server.wait_log("spawned uWSGI observer", after=after)
    assert "asked to end" not in server.log()[after:] and kills(server) == 0


def test_a_worker_may_end_another(instance):
    server = instance("-p", "2")
    pids = server.worker_pids()
    expression = "[__import__('os').kill(w['pid'], 9) for w in __import__('uwsgi').workers() if w['pid'] != os.getpid()]"
    assert server.get("/?" + "".join(f"%{byte:02x}" for byte in expression.encode())).status == 200
    other = int(server.wait_log(r"^DAMN ! worker (\d+) ").group(1))
    killer = 3 - other
    server.wait_log(killed(other, pids[other], 9, rf"worker {killer} \(pid: {pids[killer]}\)"))
    server.wait_log(f"Respawned uWSGI worker {other}")
    assert eventually(server, "uwsgi_worker_kills_total", 1, by="worker") == 1


def test_a_flood_of_signals_hides_no_killer(instance):
    """More than the ring holds; the second source of their number is the sender's own count of the handled ones."""
    server = instance("-p", "2")
    expression = "(__import__('signal').signal(10, lambda *_: None), [os.kill(os.getpid(), 10) for _ in range(1300)])[1]"
    before = written(server)
    done = server.get("/?" + "".join(f"%{byte:02x}" for byte in expression.encode()), timeout=30)
    assert done.body.count(b"None") == 1300
    assert written(server) - before == 1300
    for worker, pid in server.worker_pids().items():
        one = Assassin(f"last-{worker}", pid).strike()
        server.wait_log(killed(worker, pid, 9, rf'pid {one.pid} "last-{worker}" \(uid 0\)'))
        server.wait_log(f"Respawned uWSGI worker {worker}")


def written(server) -> int:
    """Signals that the program has kept since it was loaded: the first word of the ring."""
    row = bpftool("map", "lookup", "id", str(map_of(server, "ends")), "key", "0", "0", "0", "0")
    return int.from_bytes(bytes(int(b, 16) for b in row["value"][:8]), "little")


def test_routers_mules_and_the_observer_have_killers_too(instance):
    server = instance("--mules", "1", "--http", "127.0.0.1:0")
    server.wait_log("spawned uWSGI observer")
    first = {kind: int(pid) for kind, _, pid in STARTED.findall(server.log())}
    names = {"mule": r"mule 1", "http": r'gateway "uWSGI http 1"', "observer": "observer"}
    for kind, name in names.items():
        one = Assassin(f"end-of-{kind}", first[kind]).strike()
        line = rf'^{name} \(pid: {first[kind]}\) was killed by signal 9 sent by pid {one.pid} "end-of-{kind}" \(uid 0\)$'
        server.wait_log(line)
    server.wait_log(r"spawned uWSGI mule 1 [\s\S]*spawned uWSGI mule 1 ")
    server.wait_log("respawned uWSGI http 1")
    server.wait_log("respawned uWSGI observer")
    until(server.stats_answer, "the new observer")
    assert kills(server) == 0, "these are no workers"


@pytest.mark.parametrize("probes", [None, "accept"])
def test_without_the_probe_nothing_is_new(instance, probes):
    server = instance(probes=probes)
    server.wait_log("Stats server enabled on .*\n")
    pid, after = server.worker_pids()[1], server.mark()
    Assassin("assassin", pid).strike()
    server.wait_log("Respawned uWSGI worker 1.*\n", after=after)
    new = server.worker_pids()[1]
    said = server.log()[after:].split("Respawned")[0]
    assert re.fullmatch(damn(1, pid, 9), said), said
    assert new != pid and kills(server) == 0 and "kills" not in server.stats()


@pytest.fixture
def group():
    """A memory control group of our own with a limit, as version 1 or 2 has it."""
    old, new = pathlib.Path("/sys/fs/cgroup/memory"), pathlib.Path("/sys/fs/cgroup")
    v2 = (new / "cgroup.controllers").exists()
    if not v2 and not (old / "memory.limit_in_bytes").exists():
        pytest.skip("no memory control group")
    path = (new if v2 else old) / f"uwsgi-test-{os.getpid()}"
    path.mkdir()
    try:
        limit = "memory.max" if v2 else "memory.limit_in_bytes"
        if not (path / limit).exists():
            pytest.skip("no memory controller here")
        (path / limit).write_text(str(96 << 20))
        if (path / "memory.swappiness").exists():
            (path / "memory.swappiness").write_text("0")
        yield path
    finally:
        until(lambda: not (path / "cgroup.procs").read_text(), "an empty group")
        path.rmdir()


def victims(group: pathlib.Path) -> int:
    file = group / ("memory.events" if (group / "memory.events").exists() else "memory.oom_control")
    return int(re.search(r"^oom_kill (\d+)", file.read_text(), re.M)[1])


def test_out_of_memory_is_told(instance, group):
    server = instance()
    pid = server.worker_pids()[1]
    (group / "cgroup.procs").write_text(str(pid))
    ask(server, "len(b'x' * (300 << 20))")
    server.wait_log(killed(1, pid, 9, r"the kernel: out of memory \(oom-killer\)"))
    assert victims(group) == 1
    server.wait_log("Respawned uWSGI worker 1")
    assert eventually(server, "uwsgi_worker_kills_total", 1, by="oom-killer", signal="SIGKILL") == 1


def test_pids_are_those_of_the_servers_namespace(uwsgi, app, tmp_path):
    wrapper = tmp_path / "uwsgi-in-a-namespace"
    wrapper.write_text(f'#!/bin/sh\nexec unshare --pid --fork --mount-proc -- {paths.OURS} "$@"\n')
    wrapper.chmod(0o755)
    server = uwsgi("--http-socket", "127.0.0.1:0", "-M", "-p", "2", "--wsgi-file", app("probe"), "--stats", tmp_path / "s", "--stats-http",
                   "--ebpf=signals", binary=wrapper, ready=False).allow("DAMN !")
    attached(server, "signals")
    server.wait_log("spawned uWSGI worker 2")
    master = until(lambda: procs.children(server.pid), "the master")[0]
    seen = {ns: int(out) for out, ns in map(numbers_of, procs.children(master))}
    inside = server.worker_pids()
    assert set(inside.values()) <= set(seen)
    one = Assassin("inside", inside[1], through=("nsenter", "-t", master, "-p", "-m"))
    assert one.pid != one.process.pid
    one.strike()
    server.wait_log(killed(1, inside[1], 9, rf'pid {one.pid} "inside" \(uid 0\)'))
    Assassin("outside", seen[inside[2]]).strike()
    server.wait_log(killed(2, inside[2], 9, r'a process outside of this pid namespace "outside" \(uid 0\)'))
    server.wait_log("Respawned uWSGI worker 2")
    os.kill(master, signal.SIGINT)
    server.wait_exit()


def numbers_of(pid: int) -> tuple[int, int]:
    """The pid of a process here, and in its own namespace."""
    numbers = re.search(r"^NSpid:\s*(.*)$", pathlib.Path(f"/proc/{pid}/status").read_text(), re.M)[1].split()
    return int(numbers[0]), int(numbers[-1])
