"""Every configuration and command of docs/deploy.md, run as written; only ports and directories are this test's."""

import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import threading

import pytest

from harness import fifo, paths, procs, wire
from harness.manager import Notices, activated
from harness.server import Server, free_port, plain_environment
from harness.waiting import until

pytestmark = pytest.mark.ours

PAGE = (paths.REPO / "docs/deploy.md").read_text()
HELLO = (paths.APPS / "hello.py").read_text()
LOOKED_AT: set[int] = set()


def blocks(title: str) -> list[tuple[str, str, int]]:
    """Kind, text and line of the blocks below a heading."""
    found, here, level = [], False, 0
    lines = PAGE.splitlines()
    at = 0
    while at < len(lines):
        heading = re.match(r"(#+) (.*)", lines[at])
        if heading and heading[2] == title:
            here, level = True, len(heading[1])
        elif heading and here and len(heading[1]) <= level:
            break
        if block := re.match(r"```(\w+)$", lines[at]):
            end = lines.index("```", at + 1)
            if here:
                found.append((block[1], "\n".join(lines[at + 1:end]) + "\n", at + 1))
            at = end
        at += 1
    return found


class Site:
    """A directory in which a block of the page runs."""

    def __init__(self, directory):
        self.directory, self.port = directory, free_port()
        (directory / "app.py").write_text(HELLO)

    def own(self, text: str) -> str:
        """The text with this test's places instead of the page's."""
        places = {"127.0.0.1:8080": f"127.0.0.1:{self.port}", "/run/uwsgi": str(self.directory), "/srv": str(self.directory),
                  "/usr/local/bin/uwsgi": str(paths.OURS), "/etc/uwsgi": str(self.directory)}
        for theirs, ours in places.items():
            text = text.replace(theirs, ours)
        return text

    def block(self, title: str, kind: str, number: int = 0) -> str:
        _, text, line = [one for one in blocks(title) if one[0] == kind][number]
        LOOKED_AT.add(line)
        return self.own(text)

    def shell(self, text: str) -> None:
        done = subprocess.run(["sh", "-c", text], cwd=self.directory, capture_output=True, timeout=30, check=False, text=True)
        assert done.returncode == 0, done.stderr

    def get(self, address=None):
        return wire.http(address or ("127.0.0.1", self.port), "/")


@pytest.fixture
def site(tmp_path):
    return Site(tmp_path)


@pytest.fixture
def served(site, uwsgi):
    def start(title, number=0, fifo_name=None, **kw):
        (site.directory / "app.ini").write_text(site.block(title, "ini", number))
        server = uwsgi("--ini", "app.ini", cwd=site.directory, workers=4, **kw)
        if fifo_name:
            until(lambda: fifo.is_read(site.directory / fifo_name), fifo_name)
        return server
    return start


class Clients:
    """Requests one after the other from several threads while a block of the test runs."""

    def __init__(self, site, threads=3):
        self.site, self.stop, self.done, self.failed = site, threading.Event(), 0, []
        self.threads = [threading.Thread(target=self.run) for _ in range(threads)]

    def run(self):
        while not self.stop.is_set():
            try:
                answer = self.site.get()
                if (answer.status, answer.body) != (200, b"Hello World"):
                    self.failed.append(answer)
            except (OSError, ValueError, EOFError) as e:
                self.failed.append(e)
            self.done += 1

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        until(lambda: self.done > 20, "requests")
        return self

    def more(self, count=50):
        enough = self.done + count
        until(lambda: self.done > enough, "more requests")

    def __exit__(self, *_):
        self.stop.set()
        for thread in self.threads:
            thread.join()
        assert not self.failed, self.failed[:3]


# --- deploys --------------------------------------------------------------------------------------------------------------

def test_a_reload_loses_nothing(site, served):
    server = served("Reload", fifo_name="app.fifo")
    with Clients(site) as clients:
        for _ in range(3):
            mark = server.mark()
            site.shell(site.block("Reload", "sh"))
            server.wait_log(r"^spawned uWSGI worker 4 ", after=mark)
            server.settle()
            until(lambda: fifo.is_read(site.directory / "app.fifo"), "the FIFO")
            clients.more()


def test_a_container_is_drained_by_its_hook(site, served):
    server = served("Reload", fifo_name="app.fifo")
    site.shell(site.block("Containers", "sh"))
    assert server.wait_exit() == 0
    assert "graceful shutdown triggered..." in server.log()


def test_a_chain_loses_nothing(site, served):
    server = served("Chain reload", fifo_name="app.fifo")
    before = server.worker_pids()
    with Clients(site) as clients:
        site.shell(site.block("Chain reload", "sh"))
        server.wait_log("chain reloading complete", timeout=30)
        clients.more()
    assert not set(before.values()) & set(server.worker_pids().values())


def second_master(server, site):
    """Pid of the master that was forked, once it reads the first FIFO."""
    pid = int(server.wait_log(r"new master copy spawned with pid (\d+)")[1])
    until(lambda: fifo.is_read(site.directory / "new.fifo") and fifo.is_read(site.directory / "old.fifo"), "both FIFOs")
    server.wait_log(r"(?s)gracefully \(RE\)spawned uWSGI master process.*^spawned uWSGI worker 4 ")
    return pid


def test_green_takes_over_from_blue(site, served):
    title = "Two masters: blue and green"
    server = served(title, fifo_name="new.fifo")
    with Clients(site) as clients:
        site.shell(site.block(title, "sh", 0))
        pid = second_master(server, site)
        try:
            clients.more()
            site.shell(site.block(title, "sh", 1))
            assert server.wait_exit() == 0
            assert procs.alive(pid)
            clients.more()
        finally:
            clients.stop.set()
            for thread in clients.threads:
                thread.join()
            os.kill(pid, signal.SIGINT)
            until(lambda: not procs.alive(pid) or os.waitpid(pid, os.WNOHANG)[0], "the end of the second master")


def test_green_is_given_up(site, served):
    title = "Two masters: blue and green"
    server = served(title, fifo_name="new.fifo")
    with Clients(site) as clients:
        site.shell(site.block(title, "sh", 0))
        pid = second_master(server, site)
        clients.more()
        site.shell(site.block(title, "sh", 2))
        until(lambda: not procs.alive(pid), "the end of the second master")
        clients.more()
    assert server.process.poll() is None


# --- service managers -----------------------------------------------------------------------------------------------------

@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not installed")
def test_systemd_takes_the_units(site):
    for number, name in enumerate(("app.service", "app.socket")):
        (site.directory / name).write_text(site.block("systemd", "systemd", number))
    (site.directory / "app.ini").write_text("[uwsgi]\n")
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", "./app.service", "./app.socket"],
                          cwd=site.directory, capture_output=True, timeout=60, check=False, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "app." not in done.stderr, done.stderr


def unit(text: str, key: str) -> list[str]:
    return re.findall(rf"^{key}=(.*)$", text, re.M)


def test_the_units_start_reload_and_stop_it(site, nothing_left):
    """What systemd does with them: sockets, notices, watchdog, reload, stop."""
    service, sockets = site.block("systemd", "systemd", 0), site.block("systemd", "systemd", 1)
    (site.directory / "app.ini").write_text(site.block("systemd", "ini", 0))
    made, where = [], []
    for address in unit(sockets, "ListenStream"):
        one = socket.socket(socket.AF_UNIX if address.startswith("/") else socket.AF_INET)
        one.bind(address if address.startswith("/") else ("127.0.0.1", site.port))
        one.listen(64)
        made.append(one)
        where.append(address)
    names = ":".join(unit(sockets, "FileDescriptorName") * len(made))
    told = Notices(site.directory / "notify")
    binary, *args = shlex.split(unit(service, "ExecStart")[0])
    environment = {"NOTIFY_SOCKET": told.name, "WATCHDOG_USEC": str(int(unit(service, "WatchdogSec")[0]) * 10_000)}
    command = activated(binary, made, args, names)
    server = Server(command[1:], site.directory, binary=command[0], env=environment, pass_fds=[one.fileno() for one in made])
    try:
        place = told.wait("READY=1")
        for _ in range(2):
            assert site.get().status == 200
            assert b"Hello World" in wire.raw(where[1], wire.packet(wire.basic_vars()))
            reload = unit(service, "ExecReload")[0].replace("$MAINPID", str(server.pid))
            mark = server.mark()
            site.shell(reload)
            told.wait("RELOADING=1", after=place)
            place = told.wait("READY=1", after=place)
            server.wait_log(r"^spawned uWSGI worker 4 ", after=mark)
            server.settle()
        told.wait("WATCHDOG=1", after=place)
        stopped = server.stop(getattr(signal, unit(service, "KillSignal")[0]))
        assert stopped == 0
        told.wait("STOPPING=1", after=place)
    finally:
        for pid in procs.tree(server.pid):
            procs.kill_quietly(pid)
        server.process.wait()
        told.close()
        for one in made:
            one.close()
    assert "VACUUM" not in server.log() and server.alerts() == []


def test_it_is_process_one_of_a_container(site, nothing_left):
    text = site.block("Containers", "dockerfile")
    entry = json.loads(re.search(r"^ENTRYPOINT (.*)$", text, re.M)[1])
    stop = getattr(signal, re.search(r"^STOPSIGNAL (\w+)$", text, re.M)[1])
    (site.directory / "app.py").write_text(
        "import os\n"
        "def state(pid):\n"
        "    try:\n"
        "        return open(f'/proc/{pid}/stat').read().split(') ')[1][0]\n"
        "    except OSError:\n"
        "        return ''\n"
        "def application(environ, start_response):\n"
        "    if os.fork() == 0:\n"
        "        if os.fork() == 0:\n"
        "            os._exit(0)\n"
        "        os._exit(0)\n"
        "    os.wait()\n"
        "    start_response('200 OK', [])\n"
        "    zombies = [p for p in os.listdir('/proc') if p.isdigit() and state(p) == 'Z']\n"
        "    return [f'{os.getppid()} {len(zombies)}'.encode()]\n")
    command = [part.replace(":8080", f"127.0.0.1:{site.port}") for part in entry]
    if subprocess.run(["unshare", "--pid", "--fork", "--mount-proc", "true"], check=False, capture_output=True).returncode:
        pytest.skip("no process namespace can be made here")
    log = open(site.directory / "log", "wb")
    process = subprocess.Popen(["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", *command], cwd=site.directory, stdout=log,
                               stderr=log, stdin=subprocess.DEVNULL, env=plain_environment())
    log.close()
    try:
        until(lambda: "spawned uWSGI worker 4" in (site.directory / "log").read_text(), "the container")
        # Orphans are buried by the master: after many requests there are not as many dead processes.
        for _ in range(30):
            parent, _ = site.get().body.split()
            assert parent == b"1"
        until(lambda: int(site.get().body.split()[1]) <= 2, "burial of orphans")
        inside = procs.children(process.pid)
        assert len(inside) == 1
        os.kill(inside[0], stop)
        assert process.wait(20) == 0, (site.directory / "log").read_text()
    finally:
        for pid in procs.tree(process.pid):
            procs.kill_quietly(pid)
        process.wait()


# --- other supervisors ----------------------------------------------------------------------------------------------------

TITLE = "Other supervisors"


def in_path(site):
    """An environment in which `uwsgi` is the server under test."""
    (site.directory / "bin").mkdir()
    (site.directory / "bin/uwsgi").symlink_to(paths.OURS)
    return {**plain_environment(), "PATH": f"{site.directory}/bin:{os.environ['PATH']}"}


def supervised(site, command, stop, stdin=subprocess.DEVNULL, **kw):
    """Run a command in the foreground as supervisors do, ask for a page, end it by its signal."""
    with open(site.directory / "log", "wb") as log:
        process = subprocess.Popen(command, cwd=site.directory, stdin=stdin, stdout=log, stderr=log, start_new_session=True, **kw)
    try:
        until(lambda: "spawned uWSGI worker" in (site.directory / "log").read_text(), "the server")
        until(lambda: listens(site), "the socket")
        assert site.get().body == b"Hello World"
        process.send_signal(stop)
        assert process.wait(20) == 0, (site.directory / "log").read_text()
    finally:
        for pid in procs.tree(process.pid):
            procs.kill_quietly(pid)
        process.wait()
    return (site.directory / "log").read_text()


def listens(site) -> bool:
    try:
        wire.connect(("127.0.0.1", site.port)).close()
        return True
    except OSError:
        return False


def test_supervisord(site, nothing_left):
    (site.directory / "app.ini").write_text(site.block("Reload", "ini"))
    text = site.block(TITLE, "supervisord")
    value = dict(re.findall(r"^(\w+) = (.*)$", text, re.M))
    supervised(site, shlex.split(value["command"]), getattr(signal, "SIG" + value["stopsignal"]), env=in_path(site))


def test_runit(site, nothing_left):
    (site.directory / "app.ini").write_text(site.block("Reload", "ini"))
    run = site.directory / "run"
    run.write_text(site.block(TITLE, "runit"))
    supervised(site, ["sh", run], signal.SIGTERM, env=in_path(site))


def test_inetd(site, nothing_left):
    address, kind, protocol, wait, _user, _path, *argv = site.block(TITLE, "inetd").split()
    assert (kind, protocol, wait) == ("stream", "tcp", "wait")
    with socket.create_server(tuple(address.split(":"))[:1] + (site.port,)) as listening:
        log = supervised(site, [str(paths.OURS), *argv[1:]], signal.SIGINT, stdin=listening, env=plain_environment())
    assert f"uwsgi socket 0 inherited INET address 127.0.0.1:{site.port} fd 0" in log


def test_xinetd(site, nothing_left):
    value = dict(re.findall(r"^    (\w+) = (.*)$", site.block(TITLE, "xinetd"), re.M))
    assert (value["wait"], value["socket_type"], value["bind"], value["port"]) == ("yes", "stream", "127.0.0.1", "8080")
    with socket.create_server((value["bind"], site.port)) as listening:
        supervised(site, [value["server"], *shlex.split(value["server_args"])], signal.SIGINT, stdin=listening, env=plain_environment())


def test_circus(site, nothing_left):
    """By circus itself where it is installed; else what it does is done here."""
    text = site.block(TITLE, "circus").replace("port = 8080", f"port = {site.port}")
    for port in ("5555", "5556"):
        text = text.replace(port, str(free_port()))
    circusd = paths.VENV / "bin/circusd"
    if circusd.exists():
        (site.directory / "circus.ini").write_text(text.replace("cmd = uwsgi", f"cmd = {paths.OURS}").replace("app.py", f"{site.directory}/app.py"))
        with open(site.directory / "log", "wb") as log:
            process = subprocess.Popen([circusd, "circus.ini"], cwd=site.directory, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                       env=plain_environment())
        try:
            until(lambda: listens(site) and site.get().body == b"Hello World", "an answer", timeout=20)
            process.terminate()
            assert process.wait(30) == 0, (site.directory / "log").read_text()
        finally:
            for pid in procs.tree(process.pid):
                procs.kill_quietly(pid)
            process.wait()
        return
    command = re.search(r"^cmd = (.*)$", text, re.M)[1]
    stop = getattr(signal, "SIG" + re.search(r"^stop_signal = (\w+)$", text, re.M)[1])
    with socket.create_server(("127.0.0.1", site.port)) as listening:
        command = command.replace("$(circus.sockets.web)", str(listening.fileno()))
        supervised(site, shlex.split(command), stop, pass_fds=[listening.fileno()], env=in_path(site))


# --- the page -------------------------------------------------------------------------------------------------------------

def test_no_block_of_the_page_is_left_out(request):
    """Stands last in this file: each block was used by a test above, unless only some of them ran."""
    here = [item for item in request.session.items if item.module is request.module]
    defined = [name for name in vars(request.module) if name.startswith("test_")]
    if len(here) < len(defined):
        pytest.skip("only some tests run")
    lines = {at for at, line in enumerate(PAGE.splitlines(), 1) if re.match(r"```\w+$", line)}
    assert lines == LOOKED_AT, sorted(lines ^ LOOKED_AT)
