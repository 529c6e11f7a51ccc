"""Leaving the terminal, and where the log goes: daemonize, daemonize2, logto and their kin."""

import contextlib
import os
import pathlib
import re
import signal
import socket
import stat
import subprocess

import pytest

from harness import paths, procs, wire
from harness.server import BOUND, plain_environment, wire_address
from harness.waiting import until

AUTO = ("--http-socket", "127.0.0.1:0")


def start(*args, cwd, code=0, umask=-1):
    """Runs the command until it gives the terminal back: what it said there."""
    done = subprocess.run([paths.OURS, *map(str, args)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60, cwd=cwd, text=True,
                          check=False, stdin=subprocess.DEVNULL, env=plain_environment(), umask=umask)
    assert done.returncode == code, done.stdout
    return done.stdout


class Daemon:
    def __init__(self, log: pathlib.Path, pid: int):
        self.log_path, self.pid = log, pid

    def log(self):
        return self.log_path.read_text()

    def wait_log(self, pattern, after=0):
        return until(lambda: re.search(pattern, self.log()[after:], re.M), f"{pattern!r} in {self.log()}")

    def get(self, after=0):
        address = until(lambda: BOUND.findall((self.said + self.log())[after:]), "an address")[-1][2]
        return wire.http(wire_address(address))


@pytest.fixture
def daemon(tmp_path, nothing_left, app):
    """`daemon(*options)`: a daemon that logs to `log`, ended afterwards; what it said at the terminal is in `said`."""
    with contextlib.ExitStack() as stack:
        def run(*options, **kw):
            said = start(*AUTO, "-M", "--pidfile", tmp_path / "pid", *options, "--wsgi-file", app("hello"), cwd=tmp_path, **kw)
            text = until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text(), "the pidfile")
            one = Daemon(tmp_path / "log", int(text))
            one.said = said
            stack.callback(end, one.pid)
            return one

        yield run


def end(pid):
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGINT)
    until(lambda: not procs.alive(pid), "the end of the daemon", timeout=20)
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, 0)


def is_a_daemon(pid):
    fields = procs.stat(pid)
    session, terminal = int(fields[3]), int(fields[4])
    assert int(fields[1]) in (1, os.getpid()), "its parent is init, or the subreaper of this suite"
    assert session != os.getsid(0) and terminal == 0
    assert os.readlink(f"/proc/{pid}/fd/0") == "/dev/null"


def test_daemonize_leaves_at_once(daemon):
    one = daemon("--daemonize", "log")
    one.wait_log("^spawned uWSGI worker 1 ")
    is_a_daemon(one.pid)
    assert "*** Starting uWSGI" in one.log() and "Starting uWSGI" not in one.said
    assert stat.S_IMODE(one.log_path.stat().st_mode) == 0o640
    assert one.get().body == b"Hello World"
    mark = len(one.log())
    os.kill(one.pid, signal.SIGHUP)
    one.wait_log("^spawned uWSGI worker 1 ", after=mark)
    assert one.get(after=mark).body == b"Hello World" and procs.alive(one.pid)


def test_daemonize2_leaves_when_everything_is_loaded(daemon):
    one = daemon("--daemonize2", "log")
    one.wait_log("^spawned uWSGI worker 1 ")
    is_a_daemon(one.pid)
    assert one.said.rstrip().endswith("*** daemonizing uWSGI ***")
    assert "WSGI app 0 " in one.said and "WSGI app 0 " not in one.log()
    assert "spawned uWSGI master process" in one.log() and one.get().body == b"Hello World"
    assert stat.S_IMODE(one.log_path.stat().st_mode) == 0o640
    assert one.log_path.with_name("pid").read_text() == f"{one.pid}\n"
    mark = len(one.log())
    os.kill(one.pid, signal.SIGHUP)
    one.wait_log(r"RE\)spawned uWSGI master[\s\S]*^spawned uWSGI worker 1 ", after=mark)
    is_a_daemon(one.pid)
    if paths.is_successor(paths.OURS):
        assert "daemonizing" not in one.log()[mark:] and one.get().body == b"Hello World"


@pytest.mark.parametrize("source, options, code, line", [
    ("1/0\n", ["--need-app"], 22, "*** no app loaded. GAME OVER ***"),
    ("import os\nos._exit(7)\n", [], 7, "*** Operational MODE"),
    ("", ["--http-socket", "127.0.0.1:1"], 1, "Permission denied" if os.geteuid() else ""),
], ids=["no app", "an app that ends the process", "a socket"])
def test_what_fails_before_daemonize2_reaches_the_terminal(tmp_path, nothing_left, source, options, code, line):
    if options[:1] == ["--http-socket"] and os.geteuid() == 0:
        holder = socket.create_server(("127.0.0.1", 0))
        options, line = ["--http-socket", f"127.0.0.1:{holder.getsockname()[1]}"], "probably another instance of uWSGI"
    (tmp_path / "broken.py").write_text(source)
    said = start(*AUTO, "-M", "--daemonize2", "log", *options, "--wsgi-file", "broken.py", cwd=tmp_path, code=code)
    assert line in said and not (tmp_path / "log").exists()


@pytest.mark.ours
@pytest.mark.parametrize("option", ["--daemonize", "--daemonize2", "--logto", "--logto2"])
def test_a_log_that_cannot_be_opened_ends_the_start(tmp_path, nothing_left, app, option):
    options = (*AUTO, "-M", option, "/no/such/dir/log", "--wsgi-file", app("hello"))
    if option == "--daemonize":
        start(*options, cwd=tmp_path)  # nobody hears of it any more: the terminal was left first
    else:
        assert 'open("/no/such/dir/log"): No such file or directory' in start(*options, cwd=tmp_path, code=1)


@pytest.mark.parametrize("options, mode", [([], 0o666), (["--umask", "077"], 0o600)], ids=["none", "given"])
def test_the_umask_of_a_daemon(daemon, tmp_path, options, mode):
    daemon("--daemonize", "log", *options).wait_log("^spawned uWSGI worker 1 ")
    assert stat.S_IMODE((tmp_path / "pid").stat().st_mode) == mode


# --- log files ------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("option", ["--logto", "--logto2"])
@pytest.mark.parametrize("options, kept", [([], True), (["--log-truncate"], False)], ids=["append", "truncate"])
def test_logto(uwsgi, tmp_path, app, option, options, kept):
    (tmp_path / "log").write_text("before\n")
    server = uwsgi(*AUTO, "-M", option, "log", *options, "--wsgi-file", app("hello"), ready=False)
    until(lambda: "spawned uWSGI worker 1 " in (tmp_path / "log").read_text(), "the log")
    text = (tmp_path / "log").read_text()
    assert text.startswith("before\n") == kept
    assert ("*** Starting uWSGI" in server.log()) == (option == "--logto2")
    if option == "--logto2":
        assert "*** Starting uWSGI" not in text


def test_the_mode_of_a_log_file(uwsgi, tmp_path, app):
    uwsgi(*AUTO, "-M", "--logto", "log", "--logfile-chmod", "604", "--wsgi-file", app("hello"), ready=False)
    until(lambda: (tmp_path / "log").exists() and "spawned uWSGI worker 1 " in (tmp_path / "log").read_text(), "the log")
    assert stat.S_IMODE((tmp_path / "log").stat().st_mode) == 0o604


@pytest.mark.parametrize("options, reopened", [([], False), (["--log-reopen"], True)], ids=["stays", "reopen"])
def test_a_log_that_was_moved_away(uwsgi, tmp_path, app, options, reopened):
    server = uwsgi(*AUTO, "-M", "--logto", tmp_path / "log", *options, "--wsgi-file", app("hello"), ready=False)
    until(lambda: (tmp_path / "log").exists() and "spawned uWSGI worker 1 " in (tmp_path / "log").read_text(), "the log")
    until(lambda: not procs.ignores(server.pid, signal.SIGHUP), "a master that listens")
    (tmp_path / "log").rename(tmp_path / "old")
    server.send(signal.SIGHUP)
    new = tmp_path / ("log" if reopened else "old")
    until(lambda: new.exists() and re.search(r"RE\)spawned uWSGI master[\s\S]*spawned uWSGI worker 1 ", new.read_text()), "the reload in the log")
    assert (tmp_path / "log").exists() == reopened


@pytest.mark.ours
def test_a_log_that_cannot_be_opened_again_stays(uwsgi, tmp_path, app):
    (tmp_path / "logs").mkdir()
    server = uwsgi(*AUTO, "-M", "--logto", tmp_path / "logs/log", "--log-reopen", "--wsgi-file", app("hello"), ready=False)
    until(lambda: (tmp_path / "logs/log").exists() and "spawned uWSGI worker 1 " in (tmp_path / "logs/log").read_text(), "the log")
    (tmp_path / "logs").rename(tmp_path / "gone")
    server.send(signal.SIGHUP)
    until(lambda: re.search(r"RE\)spawned uWSGI master[\s\S]*spawned uWSGI worker 1 ", (tmp_path / "gone/log").read_text()), "the reload")
    assert "No such file or directory" in (tmp_path / "gone/log").read_text()


@pytest.mark.parametrize("option", ["--logto", "--daemonize2"])
def test_a_udp_address(nothing_left, tmp_path, app, option):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(30)
        port = receiver.getsockname()[1]
        with subprocess.Popen([paths.OURS, *AUTO, "-M", option, f"127.0.0.1:{port}", "--pidfile", "pid", "--wsgi-file", app("hello")],
                              cwd=tmp_path, env=plain_environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            text = ""
            while "spawned uWSGI worker 1 " not in text:
                text += receiver.recv(65536).decode()
            pid = int((tmp_path / "pid").read_text())
            until(lambda: not procs.ignores(pid, signal.SIGINT), "a master that listens")
            end(pid)
            process.wait(30)


# --- standard input -------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("options, null", [([], True), (["--honour-stdin"], False)], ids=["null", "honour"])
def test_standard_input(uwsgi, app, options, null):
    server = uwsgi(*AUTO, "-M", *options, "--wsgi-file", app("hello"), stdin="")
    leads = os.readlink(f"/proc/{server.worker_pids()[1]}/fd/0")
    assert (leads == "/dev/null") == null, leads
