"""Probes where something is missing: privileges, types, permissions; how they come, go on and go."""

import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile

import pytest

from harness import paths, procs, wire
from harness.probes import attached, needs_probes, numbers, sample
from harness.waiting import until

pytestmark = [needs_probes, pytest.mark.ours, pytest.mark.alone]

PROBES = ["accept", "scheduler", "network", "signals", "syscalls", "memory"]
KINDS = ["prog", "map", "link"]
NOBODY = 65534
PLAIN = ("--reuid", str(NOBODY), "--regid", str(NOBODY), "--clear-groups")


def bpftool(kind: str) -> list[dict]:
    """All of a kind; whoever looks while another one's goes away is sent back."""
    def look():
        shown = subprocess.run(["bpftool", "-j", kind, "show"], capture_output=True, text=True, timeout=20)
        return shown if shown.returncode == 0 else None

    return json.loads(until(look, f"bpftool {kind}").stdout or "[]")


def fdinfo(pid: int) -> list[str]:
    """What the kernel says of each descriptor of a process."""
    found = []
    try:
        entries = list(pathlib.Path(f"/proc/{pid}/fdinfo").iterdir())
    except OSError:
        return found
    for entry in entries:
        try:
            found.append(entry.read_text())
        except OSError:
            continue
    return found


def ours(pid: int) -> dict[str, set[int]]:
    """Programs, maps and links of a process, by what its descriptors say."""
    found = {kind: set() for kind in KINDS}
    for text in fdinfo(pid):
        for kind in KINDS:
            found[kind] |= {int(n) for n in re.findall(rf"^{kind}_id:\s*(\d+)$", text, re.M)}
    return found


def existing(ids: dict[str, set[int]]) -> dict[str, set[int]]:
    return {kind: {one["id"] for one in bpftool(kind)} & own for kind, own in ids.items()}


def nothing_of(ids: dict[str, set[int]]) -> None:
    until(lambda: not any(existing(ids).values()), f"the end of {ids}", timeout=10)


@pytest.fixture
def place():
    """A directory that every user reaches, with an application."""
    path = pathlib.Path(tempfile.mkdtemp(prefix="probes-"))
    path.chmod(0o777)
    shutil.copy(paths.APPS / "hello.py", path)
    yield path
    shutil.rmtree(path)


@pytest.fixture
def under(place):
    """Factory: the server under another command, which ends by executing it."""
    def make(name: str, command: str) -> pathlib.Path:
        script = place / name
        script.write_text(f'#!/bin/sh\n{command.replace("UWSGI", str(paths.OURS))}\n')
        script.chmod(0o755)
        return script

    return make


@pytest.fixture
def serve(uwsgi, place):
    """Factory: a server with probes and stats; `ebpf` and more arguments."""
    def start(*args, ebpf="all", stats="stats", **kw):
        listen = ("--socket", "127.0.0.1:0", "--protocol", "http", "--stats", str(place / stats), "--stats-http")
        return uwsgi("--master", *listen, "--wsgi-file", str(place / "hello.py"), f"--ebpf={ebpf}", *args, **kw)

    return start


def states(server) -> dict[str, dict]:
    return {probe["name"]: probe for probe in server.stats()["ebpf"]}


def written(probe: str) -> int:
    """Tracepoints that the source of a probe names."""
    source = paths.REPO / "metrics/ebpf/src" / probe / "program.bpf.c"
    return len(set(re.findall(r'SEC\("tp_btf/(\w+)"\)', source.read_text())))


def whole(server) -> None:
    """Wait until the log says that all probes work and lack nothing."""
    attached(server, *(probe for probe in PROBES if written(probe)))
    assert server.wait_log(r"probes in the kernel: (.*)$").group(1).count(";") == 0


def no_probes(server, *words: str) -> str:
    """The one line; the server serves, and all other numbers are there."""
    line = server.wait_log(r"no probes in the kernel \(.*$").group(0)
    assert server.log().count("probes in the kernel") == 1
    assert all(word in line for word in words), line
    assert server.get("/").status == 200
    found = numbers(server)
    assert sample(server, "uwsgi_worker_requests_total") == 1
    for probe in (probe for probe in states(server).values() if probe["state"] != "off"):
        assert (probe["state"], probe["programs"]) == ("unsupported", 0), probe
        assert probe["reason"] and probe["reason"] in line
        assert sample(server, "uwsgi_ebpf_probe_status", probe=probe["name"]) == 3
        assert sample(server, "uwsgi_ebpf_probe_info", probe=probe["name"], state="unsupported", reason=probe["reason"]) == 1
    assert not any(name.startswith("uwsgi_socket_established") for name, _ in found)
    return line


def test_all_probes_say_that_they_work(serve):
    server = serve()
    whole(server)
    shown = states(server)
    assert list(shown) == PROBES
    for name, probe in shown.items():
        assert (probe["state"], probe["reason"], probe["remedy"]) == ("healthy", "", ""), probe
        assert sample(server, "uwsgi_ebpf_probe_status", probe=name) == 1
        assert sample(server, "uwsgi_ebpf_probe_info", probe=name, state="healthy", reason="") == 1
        assert sample(server, "uwsgi_ebpf_probe_programs", probe=name) == probe["programs"]
        assert (probe["programs"] > 0) == (written(name) > 0), name
    # The second source: as many links as the kernel says that this process holds.
    held = ours(server.pid)
    assert len(held["link"]) == sum(probe["programs"] for probe in shown.values())
    assert existing(held) == held


def test_what_nobody_asked_for_is_off(serve):
    server = serve(ebpf="accept")
    attached(server, "accept")
    assert {name: probe["state"] for name, probe in states(server).items()} == {
        name: "healthy" if name == "accept" else "off" for name in PROBES
    }
    assert "accept" in server.wait_log("probes in the kernel: (.*)").group(1)


def test_without_the_option_nothing_is_loaded_and_nothing_said(uwsgi, place):
    server = uwsgi("--master", "--socket", "127.0.0.1:0", "--stats", str(place / "stats"), "--wsgi-file", str(place / "hello.py"))
    assert "ebpf" not in server.stats()
    assert not any(ours(server.pid).values())
    assert "probes in the kernel" not in server.log()


def test_without_privileges_the_line_names_the_capabilities(serve, under, place):
    binary = under("plain", f'exec setpriv {" ".join(PLAIN)} --bounding-set=-all --inh-caps=-all UWSGI "$@"')
    server = serve(binary=binary)
    line = no_probes(server, "CAP_BPF and CAP_PERFMON are missing", "AmbientCapabilities=CAP_BPF CAP_PERFMON", "--cap-add=BPF")
    disabled = pathlib.Path("/proc/sys/kernel/unprivileged_bpf_disabled").read_text().strip()
    assert disabled == "0" or f"kernel.unprivileged_bpf_disabled is {disabled}" in line
    assert not any(ours(server.pid).values())


def test_one_of_two_capabilities_is_named(serve, under, place):
    caps = "--inh-caps=-all,+bpf --ambient-caps=-all,+bpf --bounding-set=-all,+bpf"
    server = serve(ebpf="accept,scheduler", binary=under("half", f'exec setpriv {" ".join(PLAIN)} {caps} UWSGI "$@"'))
    line = no_probes(server, "CAP_PERFMON is missing")
    assert "CAP_BPF and" not in line and "CAP_BPF is" not in line


def test_two_capabilities_are_enough_for_a_plain_user(serve, under, place):
    caps = "--inh-caps=-all,+bpf,+perfmon --ambient-caps=-all,+bpf,+perfmon --bounding-set=-all,+bpf,+perfmon"
    server = serve(binary=under("capable", f'exec setpriv {" ".join(PLAIN)} {caps} UWSGI "$@"'))
    whole(server)
    status = pathlib.Path(f"/proc/{server.pid}/status").read_text()
    assert f"Uid:\t{NOBODY}\t{NOBODY}" in status and "CapEff:\t000000c000000000" in status
    assert {probe["state"] for probe in states(server).values()} == {"healthy"}
    before = sample(server, "uwsgi_socket_established_total")
    for _ in range(3):
        assert server.get("/").status == 200
    until(lambda: sample(server, "uwsgi_socket_established_total") == before + 3, "three connections")


@pytest.mark.parametrize("hide, says", [
    ("mount -t tmpfs none /sys/kernel/btf", "/sys/kernel/btf/vmlinux"),
    ("mount --bind /dev/null /sys/kernel/btf/vmlinux", "/sys/kernel/btf/vmlinux"),
    ("mount -t tmpfs none /sys", "/sys is not mounted"),
])
def test_without_types_the_line_says_where_they_would_be(serve, under, hide, says):
    server = serve(binary=under("hidden", f'exec unshare -m sh -c \'{hide} && exec UWSGI "$@"\' sh "$@"'))
    no_probes(server, "no types of this kernel", says)


FILTERED = """
import ctypes, os, struct, sys
ERRNO = int(sys.argv[1])
rules = [(0x20, 0, 0, 0), (0x15, 0, 1, 321), (0x06, 0, 0, 0x00050000 | ERRNO), (0x06, 0, 0, 0x7FFF0000)]
code = b"".join(struct.pack("HBBI", *rule) for rule in rules)
buffer = ctypes.create_string_buffer(code)
program = ctypes.create_string_buffer(struct.pack("HxxxxxxQ", len(rules), ctypes.addressof(buffer)))
libc = ctypes.CDLL(None, use_errno=True)
assert libc.prctl(38, 1, 0, 0, 0) == 0
assert libc.prctl(22, 2, program, 0, 0) == 0, os.strerror(ctypes.get_errno())
os.execv(sys.argv[2], sys.argv[2:])
"""


@pytest.mark.parametrize("errno, says", [(1, "a seccomp filter does not permit bpf()"), (38, "a seccomp filter says that there is no bpf()")])
def test_a_container_whose_filter_refuses_bpf_is_told(serve, under, place, errno, says):
    helper = place / "filtered.py"
    helper.write_text(FILTERED)
    server = serve(binary=under("filtered", f'exec {sys.executable} {helper} {errno} UWSGI "$@"'))
    no_probes(server, says, "SystemCallFilter=bpf", "--cap-add=BPF")


def test_a_user_namespace_is_told(serve, under):
    server = serve(binary=under("inside", 'exec unshare -Ur UWSGI "$@"'))
    no_probes(server, "user namespace")


def check(*args, command=()):
    return subprocess.run([*command, paths.OURS, "--ebpf-check", *args], capture_output=True, text=True, timeout=60)


def test_the_check_tries_all_and_lets_go():
    before = {kind: {one["id"] for one in bpftool(kind)} for kind in KINDS}
    done = check()
    assert done.returncode == 0, done.stdout
    for name in PROBES:
        assert re.search(rf"^{name} +healthy +[1-9]\d* attached ", done.stdout, re.M), done.stdout
    assert "ready: accept, scheduler, network, signals would be loaded" in done.stdout
    mounts = pathlib.Path("/proc/self/mountinfo").read_text()
    assert ("tracefs               mounted at" in done.stdout) == (" - tracefs " in mounts)

    def orphans():
        new = {kind: {one["id"] for one in bpftool(kind)} - before[kind] for kind in KINDS}
        held = [ours(int(entry.name)) for entry in pathlib.Path("/proc").iterdir() if entry.name.isdigit()]
        return {n for kind in KINDS for n in new[kind] if not any(n in one[kind] for one in held)}

    until(lambda: not orphans(), "the end of what the check has loaded")


def test_the_check_says_what_is_missing():
    done = check(command=["setpriv", *PLAIN, "--bounding-set=-all", "--inh-caps=-all"])
    assert done.returncode == 1
    assert "capabilities          no CAP_BPF and CAP_PERFMON" in done.stdout
    assert re.search(r"reason: .*CAP_BPF and CAP_PERFMON are missing", done.stdout)
    assert "remedy: start it as root" in done.stdout
    assert "these would not work: accept, scheduler, network, signals" in done.stdout
    none = check("--ebpf=none", command=["setpriv", *PLAIN, "--bounding-set=-all", "--inh-caps=-all"])
    assert none.returncode == 0, none.stdout


def test_the_check_tells_where_tracefs_is(place):
    inside = f'mount -t tracefs none "$0" && exec {paths.OURS} --ebpf-check'
    done = subprocess.run(["unshare", "-m", "sh", "-c", inside, place], capture_output=True, text=True, timeout=60)
    assert f"mounted at {place} (no probe needs it)" in done.stdout, done
    assert done.returncode == 0


def test_pins_are_seen_while_the_server_lives(serve, place):
    pins = place / "pins"
    server = serve("--ebpf-pin", str(pins))
    attached(server, "accept")
    held = ours(server.pid)
    assert {"workers", "sockets", "threads"} <= {entry.name for entry in pins.iterdir()}
    server.get("/")
    until(lambda: sample(server, "uwsgi_socket_established_total") == 1, "a connection")
    shown = subprocess.run(["bpftool", "-j", "map", "show", "pinned", str(pins / "sockets")], capture_output=True, text=True, check=True)
    assert json.loads(shown.stdout)["id"] in held["map"]
    dump = subprocess.run(["bpftool", "map", "dump", "pinned", str(pins / "sockets")], capture_output=True, text=True, check=True)
    assert "Found" in dump.stdout or "key" in dump.stdout
    assert " bpf " not in pathlib.Path(f"/proc/{server.pid}/mountinfo").read_text()
    server.stop()
    assert not os.path.lexists(pins)
    nothing_of(held)


def test_pins_survive_a_reload(serve, place):
    pins = place / "pins"
    server = serve("--ebpf-pin", str(pins))
    attached(server, "accept")
    held, leads = ours(server.pid), os.readlink(pins)
    reload(server)
    assert os.readlink(pins) == leads
    assert (pins / "workers").exists()
    assert ours(server.pid) == held


def test_nothing_is_pinned_after_a_kill_and_the_next_server_takes_the_path(serve, place):
    pins = place / "pins"
    server = serve("--ebpf-pin", str(pins))
    attached(server, "accept")
    held = ours(server.pid)
    kill_all(server)
    assert os.path.lexists(pins) and not pins.exists()
    nothing_of(held)
    (place / "stats").unlink(missing_ok=True)
    other = serve("--ebpf-pin", str(pins))
    attached(other, "accept")
    assert os.readlink(pins).startswith(f"/proc/{other.pid}/fd/")
    other.stop()
    assert not os.path.lexists(pins)


def test_a_path_of_somebody_else_is_named_and_stays(serve, place):
    pins = place / "pins"
    pins.mkdir()
    server = serve("--ebpf-pin", str(pins))
    server.wait_log(rf"ebpf-pin: {pins} is a directory of somebody else")
    attached(server, "accept")
    server.stop()
    assert pins.is_dir()


def test_a_living_server_keeps_its_path(serve, place):
    pins = place / "pins"
    first = serve("--ebpf-pin", str(pins), ebpf="accept")
    attached(first, "accept")
    leads = os.readlink(pins)
    second = serve("--ebpf-pin", str(pins), stats="other", ebpf="accept")
    second.wait_log(rf"ebpf-pin: {pins} is used by a living server \({leads}\)")
    second.stop()
    assert os.readlink(pins) == leads


def test_pins_need_more_than_probes_do(serve, under, place):
    caps = "--inh-caps=-all,+bpf,+perfmon --ambient-caps=-all,+bpf,+perfmon --bounding-set=-all,+bpf,+perfmon"
    binary = under("capable", f'exec setpriv {" ".join(PLAIN)} {caps} UWSGI "$@"')
    server = serve("--ebpf-pin", str(place / "pins"), binary=binary)
    server.wait_log(r"ebpf-pin: the maps cannot be pinned: .*CAP_SYS_ADMIN")
    whole(server)
    assert not os.path.lexists(place / "pins")


def reload(server) -> None:
    reloads, mark = server.stats()["reloads"], server.mark()
    server.send(signal.SIGHUP)
    server.wait_log(r"spawned uWSGI worker", after=mark)
    server.wait_stats(lambda document: document["reloads"] == reloads + 1 and document["workers"][0]["accepting"], "a reload")


def kill_all(server) -> None:
    """SIGKILL to everybody at once."""
    server.expect = {-signal.SIGKILL}
    for pid in procs.tree(server.pid):
        procs.kill_quietly(pid)
    server.wait_exit()


def established(server) -> float:
    return sample(server, "uwsgi_socket_established_total")


@pytest.mark.parametrize("args", [(), ("--uid", str(NOBODY), "--gid", str(NOBODY))], ids=["root", "dropped"])
def test_ten_reloads_go_on_with_the_same_programs(serve, place, args):
    server = serve(*args)
    whole(server)
    if args:
        assert f"Uid:\t{NOBODY}" in pathlib.Path(f"/proc/{server.pid}/status").read_text()
    held, seen = ours(server.pid), 0
    descriptors = None
    for turn in range(1, 11):
        assert server.get("/").status == 200
        until(lambda: established(server) == turn, f"{turn} connections")
        assert established(server) >= seen
        seen = established(server)
        reload(server)
        assert established(server) >= seen
        assert ours(server.pid) == held
        count = len(os.listdir(f"/proc/{server.pid}/fd"))
        assert descriptors in (None, count)
        descriptors = count
    names = [one["name"] for one in bpftool("prog") if one["id"] in held["prog"]]
    assert len(set(names)) == len(names), "each program once"
    assert {probe["state"] for probe in states(server).values()} == {"healthy"}
    server.stop()
    nothing_of(held)


def with_ini(place, **options) -> pathlib.Path:
    path = place / "server.ini"
    fixed = {"master": "true", "socket": "127.0.0.1:0", "protocol": "http", "stats": place / "stats", "stats-http": "true", "wsgi-file": place / "hello.py"}
    path.write_text("[uwsgi]\n" + "".join(f"{key} = {value}\n" for key, value in {**fixed, **options}.items()))
    return path


def ini_server(uwsgi, path, place, **kw):
    """Started by a file alone, so that a reload reads another configuration."""
    server = uwsgi("--ini", str(path), ready=False, **kw)
    server.stats_address = lambda: str(place / "stats")
    until(server.stats_answer, "the stats server to listen")
    until(server.worker_pids, "a worker")
    server.stats = lambda: json.loads(wire.http(server.stats_address(), "/").body)
    server.settle()
    return server


@pytest.mark.parametrize("change", [{"ebpf": "accept"}, {"ebpf": "all", "workers": 3}], ids=["list", "workers"])
def test_another_configuration_is_loaded_anew_and_counts_go_on(uwsgi, place, change):
    path = with_ini(place, ebpf="all")
    server = ini_server(uwsgi, path, place)
    whole(server)
    for _ in range(4):
        assert server.get("/").status == 200
    until(lambda: established(server) == 4, "four connections")
    held = ours(server.pid)
    with_ini(place, **change)
    mark = server.mark()
    reload(server)
    server.wait_log(r"probes in the kernel: accept", after=mark)
    assert established(server) == 4
    now = ours(server.pid)
    assert not any(held[kind] & now[kind] for kind in held)
    nothing_of(held)
    assert server.get("/").status == 200
    until(lambda: established(server) == 5, "the fifth connection")


def test_another_configuration_without_privileges_says_that_probes_end(uwsgi, place):
    who = {"uid": NOBODY, "gid": NOBODY}
    server = ini_server(uwsgi, with_ini(place, ebpf="all", **who), place)
    whole(server)
    held = ours(server.pid)
    with_ini(place, ebpf="accept", **who)
    mark = server.mark()
    reload(server)
    line = server.wait_log(r"no probes in the kernel \(accept\): (.*)$", after=mark).group(1)
    assert "another configuration needs a new start" in line and "CAP_BPF" in line
    nothing_of(held)
    assert states(server)["accept"]["state"] == "unsupported"
    assert server.get("/").status == 200


def test_probes_end_with_the_option(uwsgi, place):
    server = ini_server(uwsgi, with_ini(place, ebpf="all"), place)
    whole(server)
    held = ours(server.pid)
    with_ini(place)
    reload(server)
    nothing_of(held)
    assert not any(ours(server.pid).values())


def test_nothing_is_left_when_the_master_alone_is_killed(serve):
    server = serve("--processes", "2", "--http", "127.0.0.1:0")
    whole(server)
    held, family = ours(server.pid), procs.tree(server.pid)
    server.expect = {-signal.SIGKILL}
    server.send(signal.SIGKILL)
    server.wait_exit()
    until(lambda: not any(procs.alive(pid) for pid in family), "the end of all")
    nothing_of(held)


def test_nothing_is_left_when_all_are_killed_at_once(serve):
    server = serve("--processes", "2")
    whole(server)
    held = ours(server.pid)
    kill_all(server)
    nothing_of(held)


BACKGROUND = """
import os, signal

def application(environ, start_response):
    read, write = os.pipe()
    if not os.fork():
        if not os.fork():
            os.setsid()
            os.write(write, b"%d" % os.getpid())
            signal.pause()
        os._exit(0)
    os.wait()
    start_response("200 OK", [])
    return [os.read(read, 20)]
"""


@pytest.mark.parametrize("args", [(), ("--lazy-apps",)], ids=["shared", "lazy"])
def test_what_an_application_leaves_behind_keeps_nothing_attached(serve, place, args):
    (place / "hello.py").write_text(BACKGROUND)
    server = serve("--processes", "2", *args)
    whole(server)
    reload(server)
    held = ours(server.pid)
    assert held["link"] and held["prog"]
    workers = {pid: ours(pid) for pid in server.worker_pids().values()}
    assert not any(any(own.values()) for own in workers.values()), workers
    left = int(server.get("/").body)
    try:
        kill_all(server)
        # What it has of the maps is memory.
        nothing_of({kind: held[kind] for kind in ("link", "prog")})
        assert procs.alive(left)
    finally:
        procs.kill_quietly(left)


def test_another_observer_goes_on_with_the_counts(serve):
    server = serve()
    whole(server)
    held = ours(server.pid)
    for _ in range(3):
        assert server.get("/").status == 200
    until(lambda: established(server) == 3, "three connections")
    observer = server.stats()["observer"]["pid"]
    os.kill(observer, signal.SIGKILL)
    until(lambda: not procs.alive(observer), "the end of the observer")
    assert server.get("/").status == 200
    server.wait_stats(lambda document: document["observer"]["pid"] != observer, "another observer", timeout=20)
    until(lambda: established(server) == 4, "four connections")
    assert ours(server.pid) == held


def traced(under, *inject):
    """The server under strace, which makes calls of its children go wrong."""
    flags = " ".join(f"-e inject={what}" for what in inject)
    return under("traced", f'exec strace -D -f -q -o /dev/null -e trace=bpf {flags} UWSGI "$@"')


def test_a_loader_that_is_killed_is_told(serve, under):
    server = serve(binary=traced(under, "bpf:signal=KILL:when=7"))
    line = server.wait_log(r"no probes in the kernel \(accept.*").group(0)
    assert "loading ended without an answer" in line
    assert server.get("/").status == 200
    assert {probe["state"] for probe in states(server).values()} == {"failed"}
    assert not any(ours(server.pid).values())


def test_a_loader_that_hangs_is_ended(serve, under):
    # A stopped one. A delay by strace itself would be shorter, but its own bookkeeping of them breaks now and then.
    server = serve(binary=traced(under, "bpf:signal=STOP:when=7"), ready=False)
    line = server.wait_log(r"no probes in the kernel \(accept.*", timeout=60).group(0)
    assert "loading ended without an answer" in line
    server.ready()
    assert server.get("/").status == 200
    assert not any(ours(server.pid).values())


def test_memory_that_a_kernel_refuses_is_told(serve, under):
    server = serve(binary=traced(under, "bpf:error=ENOMEM:when=1+"))
    line = server.wait_log(r"no probes in the kernel \(accept.*").group(0)
    assert "BPF_MAP_CREATE: Cannot allocate memory" in line
    assert {probe["state"] for probe in states(server).values()} == {"failed"}


def test_the_committed_object_is_what_clang_makes():
    done = subprocess.run([paths.REPO / "tests/tools/ebpf.sh", "--check"], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr + done.stdout
