"""The matrix of signals: what each means to each kind of process, also while everything starts."""

import contextlib
import os
import re
import signal
import subprocess

import pytest

from harness import paths, procs, wire
from harness.server import plain_environment
from harness.waiting import until

AUTO = ("--http-socket", "127.0.0.1:0")
DAY = r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \d{4}"


@pytest.fixture
def start(uwsgi, app):
    def start(*options, name="wires", **kw):
        return uwsgi(*AUTO, "-M", *options, "--wsgi-file", app(name), **kw)
    return start


def spawned(server, kind):
    return int(server.wait_log(rf"^spawned uWSGI {kind} \(pid: (\d+)").group(1))


@pytest.fixture
def held(tmp_path):
    """`held(server, path)`: a client whose request runs until the test lets it go."""
    streams = []

    def hold(server):
        stream = wire.connect(server.address())
        stream.sendall(wire.request_bytes(path=f"/gate?path={tmp_path}/g", headers={"Connection": "close"}))
        until(lambda: list(tmp_path.glob("g.*.in")), "the request in the application")
        streams.append(stream)
        return stream

    yield hold
    (tmp_path / "g.out").touch()
    for stream in streams:
        stream.close()


# --- the master -----------------------------------------------------------------------------------------------------------

@pytest.mark.ours
@pytest.mark.parametrize("number", [signal.SIGUSR2, signal.SIGALRM, signal.SIGWINCH, signal.SIGURG, signal.SIGPIPE, signal.SIGCHLD],
                         ids=lambda number: number.name)
def test_what_never_ends_the_master(start, number):
    server = start()
    server.send(number)
    assert server.get("/length").status == 200 and procs.alive(server.pid)
    assert server.stop() == 0


@pytest.mark.ours
def test_usr2_tells_what_every_worker_does(start, held):
    server = start("-p", "2", "--threads", "2")
    held(server)
    mark = server.mark()
    server.send(signal.SIGUSR2)
    server.wait_log(r"SIGUSR2 !!! end of worker 2 status !!!", after=mark)
    text = server.log()[mark:]
    assert len(re.findall(rf"^{DAY} - SIGUSR2 !!! worker \d status !!!$", text, re.M)) == 2
    assert re.findall(rf"^{DAY} - SIGUSR2 \[core \d\] 127\.0\.0\.1 - GET /gate\?path=\S+ since \d+$", text, re.M)


# --- workers --------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("options, where", [([], ""), (["--threads", "2"], r"core \d ")], ids=["one core", "two cores"])
def test_usr2_tells_what_a_worker_is_doing(start, held, options, where):
    server = start(*options)
    held(server)
    mark, pid = server.mark(), server.worker_pids()[1]
    os.kill(pid, signal.SIGUSR2)
    server.wait_log(rf"^SIGUSR2: --- uWSGI worker 1 {where}\(pid: {pid}\) is managing request /gate\?path=\S+ since {DAY} ---$", after=mark)
    server.wait_log(rf"^\*\*\* backtrace of {pid} \*\*\*\n(.+\n)+\*\*\* end of backtrace \*\*\*$", after=mark)
    assert procs.alive(pid)


def test_usr2_tells_of_a_request_past_its_deadline(start, held):
    server = start("--harakiri", "1").allow("DAMN", "MISTERIOUSLY")
    held(server)
    os.kill(server.pid, signal.SIGSTOP)  # so that nobody kills it
    try:
        pid = server.worker_pids()[1]

        def told():
            os.kill(pid, signal.SIGUSR2)
            return re.search(rf"^HARAKIRI: --- uWSGI worker 1 (core 0 )?\(pid: {pid}\) WAS managing request /gate\?path=\S+ since {DAY} ---$",
                             server.log(), re.M)

        until(told, "the deadline")
    finally:
        os.kill(server.pid, signal.SIGCONT)


@pytest.mark.parametrize("number", [signal.SIGWINCH, signal.SIGURG, signal.SIGTSTP], ids=lambda number: number.name)
def test_what_a_worker_only_wakes_up_for(start, number):
    server = start()
    pid = server.worker_pids()[1]
    os.kill(pid, number)
    assert server.get("/length").status == 200
    assert procs.stat(pid)[0] != "T" and server.worker_pids()[1] == pid


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_what_ends_a_worker_at_once(start, held, number):
    server = start().allow("DAMN")
    stream, pid = held(server), server.worker_pids()[1]
    os.kill(pid, number)
    assert wire.read_all(stream) == b""
    until(lambda: server.worker_pids()[1] != pid, "the next one")


def test_hup_ends_a_worker_behind_its_request(start, held, tmp_path):
    server = start().allow("DAMN")
    stream, pid = held(server), server.worker_pids()[1]
    os.kill(pid, signal.SIGHUP)
    (tmp_path / "g.out").touch()
    assert wire.Reader(stream).response().body == b"through the gate"
    until(lambda: server.worker_pids()[1] != pid, "the next one")


@pytest.mark.parametrize("number", [signal.SIGQUIT, signal.SIGALRM], ids=lambda number: number.name)
def test_what_a_worker_does_not_handle(start, number):
    server = start().allow("DAMN")
    pid = server.worker_pids()[1]
    os.kill(pid, number)
    server.wait_log(rf"DAMN ! worker 1 \(pid: {pid}\) died, killed by signal {int(number)} :\( trying respawn \.\.\.")
    until(lambda: server.worker_pids()[1] != pid, "the next one")


# --- routers, mules, observer ---------------------------------------------------------------------------------------------

IGNORED = [signal.SIGUSR1, signal.SIGUSR2, signal.SIGTSTP, signal.SIGALRM, signal.SIGWINCH, signal.SIGURG]


@pytest.mark.parametrize("kind", ["http 1", "mule 1", "observer"])
def test_what_helpers_ignore(start, kind):
    server = start("--http", "127.0.0.1:0", "--mule") if kind != "observer" else start()
    if kind == "observer" and not server.ours:
        pytest.skip("the original has none")
    pid = spawned(server, kind)
    numbers = IGNORED if server.ours else [signal.SIGWINCH, signal.SIGURG]
    until(lambda: procs.waiting(pid), "a helper that waits")
    for number in numbers:
        os.kill(pid, number)
    assert server.get("/length").status == 200
    assert procs.alive(pid) and procs.stat(pid)[0] != "T"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
@pytest.mark.parametrize("kind, again", [("http 1", r"^respawned uWSGI http 1 \(pid: (\d+)"), ("mule 1", r"^spawned uWSGI mule 1 \(pid: (?!{pid}\b)\d+")])
def test_what_ends_helpers(start, kind, again, number):
    server = start("--http", "127.0.0.1:0", "--mule")
    pid = spawned(server, kind)
    until(lambda: procs.waiting(pid), "a helper that waits")
    os.kill(pid, number)
    server.wait_log(again.format(pid=pid))


def test_hup_ends_a_mule(start):
    server = start("--mule")
    pid = spawned(server, "mule 1")
    until(lambda: procs.waiting(pid), "a mule that waits")
    os.kill(pid, signal.SIGHUP)
    server.wait_log(rf"^spawned uWSGI mule 1 \(pid: (?!{pid}\b)\d+")


# --- while everything starts ----------------------------------------------------------------------------------------------

SLOW = "import os, pathlib\nos.mkfifo('go')\npathlib.Path('loading').touch()\nopen('go').read()\nos.unlink('go')\n" \
       "def application(e, s):\n    s('200 OK', [])\n    return [b'slow']\n"


def let_go(place):
    """Opens the other end, if there is a reader."""
    with contextlib.suppress(OSError):
        os.close(os.open(place / "go", os.O_WRONLY | os.O_NONBLOCK))


@pytest.fixture
def loading(uwsgi, tmp_path):
    """A server that loads its application until the test lets it."""
    def start(*options, **kw):
        (tmp_path / "slow.py").write_text(SLOW)
        server = uwsgi(*AUTO, *options, "--wsgi-file", "slow.py", ready=False, **kw)
        until((tmp_path / "loading").exists, "the application")
        return server

    yield start
    let_go(tmp_path)


@pytest.mark.ours
@pytest.mark.parametrize("options, number", [
    (["-M"], signal.SIGINT), (["-M"], signal.SIGQUIT), (["-M", "--die-on-term"], signal.SIGTERM), ([], signal.SIGINT), ([], signal.SIGTERM),
], ids=lambda value: getattr(value, "name", None) or " ".join(value))
def test_a_stop_that_comes_too_early_is_honoured(loading, options, number):
    server = loading(*options)
    server.send(number)
    assert server.wait_exit() == 0
    assert server.log().endswith("SIGINT/SIGTERM received while starting...\ngoodbye to uWSGI.\n")


@pytest.mark.ours
@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM], ids=lambda number: number.name)
def test_a_reload_that_comes_too_early_happens_afterwards(loading, tmp_path, number):
    server = loading("-M")
    server.send(number)
    until(lambda: let_go(tmp_path) or "spawned uWSGI master" in server.log(), "the first start")
    until(lambda: let_go(tmp_path) or re.search(r"RE\)spawned uWSGI master", server.log()), "the second")
    server.wait_log(r"^gracefully \(RE\)spawned uWSGI master process")
    server.wait_log(r"RE\)spawned[\s\S]*^spawned uWSGI worker 1 ")
    server.settle()


@pytest.mark.ours
@pytest.mark.parametrize("number, line", [(signal.SIGHUP, r"^gracefully \(RE\)spawned uWSGI master process"), (signal.SIGINT, r"^goodbye to uWSGI\.")],
                         ids=["HUP", "INT"])
@pytest.mark.parametrize("options", [[], ["--lazy-apps"]], ids=["prefork", "lazy-apps"])
def test_right_behind_the_first_worker(uwsgi, app, number, line, options):
    """The moment in which the original hangs for a minute."""
    server = uwsgi(*AUTO, "-M", "-p", "2", *options, "--wsgi-file", app("hello"), ready=False)
    until(lambda: "spawned uWSGI worker 1" in server.log(), "the first worker")
    server.send(number)
    server.wait_log(line, timeout=15)


# --- who manages us -------------------------------------------------------------------------------------------------------

HINT = "*** SIGTERM reloads this instance, while containers and service managers end theirs by it: add die-on-term ***"


@pytest.mark.ours
@pytest.mark.parametrize("options, env, told", [
    (["-M"], {"NOTIFY_SOCKET": "@nobody"}, True), (["-M", "--die-on-term"], {"NOTIFY_SOCKET": "@nobody"}, False),
    (["-M"], {"NOTIFY_SOCKET": None}, False), ([], {"NOTIFY_SOCKET": "@nobody"}, False),
])
def test_the_hint_about_term(uwsgi, app, options, env, told):
    assert (HINT in uwsgi(*AUTO, *options, "--wsgi-file", app("hello"), env=env).log()) == told


SPACE = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "--propagation", "private"]


def can_unshare():
    return os.geteuid() == 0 and subprocess.run([*SPACE, "true"], capture_output=True, check=False).returncode == 0


@pytest.mark.ours
@pytest.mark.skipif(not can_unshare(), reason="needs a pid namespace")
class TestProcessOne:
    """An instance as process 1 of a pid namespace, as in a container."""

    @pytest.fixture
    def first(self, nothing_left, tmp_path, app):
        running = []

        def start(*options, name="probe"):
            log = open(tmp_path / "log", "wb")
            process = subprocess.Popen([*SPACE, paths.OURS, *AUTO, "-M", *options, "--wsgi-file", app(name) if name == "probe" else name], stdin=subprocess.DEVNULL,
                                       stdout=log, stderr=log, cwd=tmp_path, env=plain_environment(), start_new_session=True)
            running.append(process)
            return process

        yield start
        for process in running:
            process.kill()
            process.wait()

    def log(self, tmp_path):
        return (tmp_path / "log").read_text()

    def inner(self, process):
        """Its pid out here."""
        return until(lambda: procs.children(process.pid), "process 1")[0]

    def ready(self, tmp_path):
        until(lambda: re.search("^spawned uWSGI worker 1 ", self.log(tmp_path), re.M), f"a worker\n{self.log(tmp_path)}")

    def test_it_serves_reaps_strangers_and_ends(self, first, tmp_path):
        process = first()
        self.ready(tmp_path)
        text = self.log(tmp_path)
        assert "spawned uWSGI master process (pid: 1)" in text and HINT in text
        port = int(re.search(r"127\.0\.0\.1:(\d+)", text)[1])
        orphan = "os.fork()or(os.fork()and(os._exit(0)),os._exit(7))"
        assert wire.http(("127.0.0.1", port), f"/?[{orphan}][0]>0").body == b"True"
        until(lambda: re.search(r"^subprocess \d+ exited with code 7$", self.log(tmp_path), re.M), "the burial of an orphan")
        one = self.inner(process)
        assert not any((procs.stat(pid) or "Z")[0] == "Z" for pid in procs.children(one))
        os.kill(one, signal.SIGINT)
        assert process.wait(30) == 0 and self.log(tmp_path).rstrip().endswith("goodbye to uWSGI.")

    def test_a_pidfile_that_says_1(self, first, tmp_path):
        process = first("--pidfile", "pid", "--die-on-term")
        self.ready(tmp_path)
        assert (tmp_path / "pid").read_text() == "1\n" and HINT not in self.log(tmp_path)
        one = self.inner(process)
        into = ["nsenter", "-t", str(one), "-p", "-m", str(paths.OURS), "--stop", str(tmp_path / "pid")]
        assert subprocess.run(into, env=plain_environment(), check=False, timeout=60).returncode == 0
        assert process.wait(30) == 0

    def test_the_kernel_does_not_hold_a_stop_back_while_it_starts(self, first, tmp_path):
        (tmp_path / "slow.py").write_text(SLOW)
        process = first(name="slow.py")
        until((tmp_path / "loading").exists, f"the application\n{self.log(tmp_path)}")
        os.kill(self.inner(process), signal.SIGINT)
        assert process.wait(30) == 0


# --- faults ---------------------------------------------------------------------------------------------------------------

FAULTS = {signal.SIGSEGV: "Segmentation Fault", signal.SIGFPE: "Floating Point Exception"}


@pytest.mark.parametrize("number", FAULTS, ids=lambda number: number.name)
@pytest.mark.parametrize("kind", ["worker 1", "mule 1", "http 1", "master"])
def test_the_last_words_of_a_process_that_faults(start, kind, number):
    server = start("--mule", "--http", "127.0.0.1:0").allow("DAMN", "Segmentation Fault", "Fatal Python error", "Floating")
    pid = server.pid if kind == "master" else server.worker_pids()[1] if kind == "worker 1" else spawned(server, kind)
    until(lambda: procs.waiting(pid), "a process that waits")
    server.expect |= {-number}
    os.kill(pid, number)
    server.wait_log(rf"^!!! uWSGI process {pid} got {FAULTS[number]} !!!\n\*\*\* backtrace of {pid} \*\*\*\n(.*\n)+?\*\*\* end of backtrace \*\*\*$")
    until(lambda: not procs.alive(pid), "its end")
    if kind == "worker 1":
        server.wait_log(rf"DAMN ! worker 1 \(pid: {pid}\) died, killed by signal {int(number)} :\(")
        server.wait_log("^Respawned uWSGI worker 1 ")
