"""Options about the process itself: directories, descriptors, limits, other programs in its place, inherited sockets."""

import os
import re
import shutil
import signal
import subprocess
import sys

import pytest

from harness import cgi, paths, procs, wire
from harness.server import ask, plain_environment, run
from harness.waiting import until

ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="changing the user needs root")
AUTO = ("--http-socket", "127.0.0.1:0")


@pytest.fixture
def probe(uwsgi, tmp_path):
    """`probe(*options)`: a server of the application that answers what an expression says."""
    shutil.copy(paths.APPS / "probe.py", tmp_path)

    def start(*options, **kw):
        return uwsgi(*AUTO, *options, "--wsgi-file", tmp_path / "probe.py", **kw)
    return start


# --- reload ---------------------------------------------------------------------------------------------------------------

def test_force_cwd_is_where_a_reload_begins(uwsgi, tmp_path, app):
    for place, workers in (("first", 1), ("second", 2)):
        (tmp_path / place).mkdir()
        (tmp_path / place / "x.ini").write_text(f"[uwsgi]\nforce-cwd = {tmp_path}/second\nmaster = true\nhttp-socket = 127.0.0.1:0\n"
                                                f"processes = {workers}\nwsgi-file = {app('hello')}\n")
    server = uwsgi("--ini", "x.ini", cwd=tmp_path / "first", workers=1)
    server.wait_log(rf"current working directory: {tmp_path}/second\n")
    after = server.reload()
    server.wait_log(rf"chdir\(\) to {tmp_path}/second\n", after=after)
    server.wait_log(r"spawned uWSGI worker 2 \(pid", after=after)


@pytest.mark.ours
def test_a_safe_fd_outlives_a_reload(probe, tmp_path):
    opener = tmp_path / "opener.py"
    opener.write_text("import os\nfor n in (50, 51):\n    os.path.exists(f'/proc/self/fd/{n}') or os.dup2(os.open('/dev/null', 0), n, False)\n")
    marker = "import os, sys\nkept = [n for n in (50, 51) if os.path.exists(f'/proc/self/fd/{n}')]\nprint('kept', kept, flush=True)\n"
    (tmp_path / "look.py").write_text(marker + opener.read_text())
    server = probe("-M", "--safe-fd", "50", "--shared-import", tmp_path / "look.py")
    server.wait_log(r"kept \[\]")
    after = server.reload()
    server.wait_log(r"kept \[50\]", after=after)


@pytest.mark.ours
def test_a_safe_fd_is_a_number(tmp_path, nothing_left):
    assert 'invalid value for option "safe-fd": stdin' in run("--safe-fd", "stdin", *AUTO, cwd=tmp_path, code=1)


def test_binary_path_is_executed_at_a_reload(probe, tmp_path):
    wrapper = tmp_path / "wrapper"
    wrapper.write_text(f'#!/bin/sh\nexport MARK="$*"\nexec {paths.OURS} "$@"\n')
    wrapper.chmod(0o755)
    server = probe("-M", "--binary-path", wrapper)
    server.wait_log(rf"detected binary path: {wrapper}\n")
    question = "os.environ.get('MARK', '').split()[:1]"
    assert ask(server, question) == "[]"
    assert ask(server, question, address=server.address(after=server.reload())) == "['--http-socket']"


@pytest.mark.ours
def test_a_fallback_executes_the_binary_path_too(tmp_path, nothing_left):
    wrapper = tmp_path / "wrapper"
    wrapper.write_text('#!/bin/sh\necho "instead: $*"\nexit 9\n')
    wrapper.chmod(0o755)
    out = run("--fallback-config", "safe.ini", "--binary-path", wrapper, cwd=tmp_path, code=9)
    assert f"!!! {wrapper} (pid: " in out and out.endswith("instead: safe.ini\n")


# --- steps of the start ---------------------------------------------------------------------------------------------------

def test_clock(tmp_path, nothing_left):
    assert "clock source: unix\n" in run("--clock", "unix", "--no-server", cwd=tmp_path)
    assert 'unable to set "sundial" clock\n' in run("--clock", "sundial", "--no-server", cwd=tmp_path, code=1)


def test_file_write(tmp_path, nothing_left):
    (tmp_path / "one").write_text("something longer than the new content")
    out = run("--file-write", f"{tmp_path}/one=1=uno", "--file-write", "two=", "--no-server", cwd=tmp_path)
    assert f'writing "1=uno" to "{tmp_path}/one" ...\nwriting "" to "two" ...\n' in out
    assert ((tmp_path / "one").read_text(), (tmp_path / "two").read_text()) == ("1=uno\n", "\n")
    assert 'unable to write empty value for "three"\n' in run("--file-write", "three", "--no-server", cwd=tmp_path, code=1)


@pytest.mark.ours
def test_a_file_that_cannot_be_written_is_named(tmp_path, nothing_left):
    out = run("--file-write", "/no/such/place=1", "--no-server", cwd=tmp_path, code=1)
    assert 'open("/no/such/place"): No such file or directory' in out


@ROOT
def test_file_write_comes_before_the_drop(tmp_path, nothing_left):
    out = run("--uid", "65534", "--file-write", "by=root", "--chdir", "/no/such/place", *AUTO, cwd=tmp_path, code=1)
    assert out.index("writing ") < out.index("setuid() to 65534") and (tmp_path / "by").stat().st_uid == 0


PATCHES = {
    "privileged-binary-patch": ["/bin/echo"], "unprivileged-binary-patch": ["echo"],
    "privileged-binary-patch-arg": ["echo $0; id -u"], "unprivileged-binary-patch-arg": ["echo $0; id -u"],
}


@ROOT
@pytest.mark.parametrize("option, value", PATCHES.items())
def test_another_program_takes_over(tmp_path, nothing_left, option, value):
    out = run(f"--{option}", *value, "--uid", "65534", *AUTO, cwd=tmp_path).splitlines()
    if option.endswith("-arg"):
        assert out[-2:] == ["/bin/sh", "0" if option.startswith("privileged") else "65534"]
    else:
        assert out[-1] == f"--{option} {value[0]} --uid 65534 --http-socket 127.0.0.1:0"


def test_binsh_is_the_first_that_can_run(tmp_path, nothing_left):
    shell = tmp_path / "shell"
    shell.write_text('#!/bin/sh\necho "shell: $*"\n')
    shell.chmod(0o755)
    options = ["--binsh", "/no/such/shell", "--binsh", shell, "--binsh", "/bin/sh"]
    assert run(*options, "--privileged-binary-patch-arg", "some words", *AUTO, cwd=tmp_path).endswith("shell: -c some words\n")


def test_a_program_that_is_missing(tmp_path, nothing_left):
    assert "execvp(): No such file or directory" in run("--privileged-binary-patch", "/no/such/program", *AUTO, cwd=tmp_path, code=1)


# --- limits ---------------------------------------------------------------------------------------------------------------

def limit(name):
    return f"[l.split()[-3:-1] for l in open('/proc/self/limits') if l.startswith('Max {name}')][0]"


def test_limits_and_priority(probe):
    server = probe("--limit-as", "4000.5", "--max-fd", "3000", "--prio", "3")
    assert ask(server, limit("address space")) in ("['4194828288', '4194828288']", "['4194304000', '4194304000']")
    assert ask(server, "[l.split()[3:5] for l in open('/proc/self/limits') if l.startswith('Max open files')][0]") == "['3000', '3000']"
    assert ask(server, "os.getpriority(os.PRIO_PROCESS, 0)") == "3"
    server.wait_log(r"limiting address space of processes\.\.\.\nscheduler priority set to 3\n"
                    r"your process address space limit is \d+ bytes \(4000 MB\)\n")
    server.wait_log(r"detected max file descriptor number: 3000\n")


@pytest.mark.ours
def test_workers_fit_into_the_limit_of_processes(tmp_path, nothing_left):
    out = run("--limit-nproc", "5", "-p", "20", "--no-server", *AUTO, cwd=tmp_path)
    assert "limiting number of processes to 5...\nyour processes number limit is 5\n" in out
    assert "!!! number of workers adjusted to 4 due to system limits !!!\n" in out and "for 4 cores" in out


@pytest.mark.ours
def test_a_limit_that_the_kernel_refuses_is_named(tmp_path, nothing_left):
    assert 'setrlimit(): Operation not permitted (option "max-fd", value "99999999999")' in run(
        "--max-fd", "99999999999", "--no-server", *AUTO, cwd=tmp_path)


# --- sockets somebody else has bound --------------------------------------------------------------------------------------

SPAWNER = f"""#!{sys.executable}
import os, socket, sys
if "--help" in sys.argv:  # the harness asks what server this is, from the directory it runs in
    os.execv({str(paths.OURS)!r}, sys.argv)
listener = socket.create_server(("127.0.0.1", 0)) if os.environ["KIND"] == "INET" else socket.socket(socket.AF_UNIX)
if os.environ["KIND"] == "UNIX":
    listener.bind("spawned.sock")
    listener.listen()
os.dup2(listener.fileno(), int(os.environ["NUMBER"]))
os.execv({str(paths.OURS)!r}, sys.argv)
"""


@pytest.fixture
def spawner(tmp_path):
    """A program that listens first and becomes the server afterwards, as inetd and circus do."""
    path = tmp_path / "spawner"
    path.write_text(SPAWNER)
    path.chmod(0o755)
    return path


@pytest.mark.parametrize("kind", ["INET", "UNIX"])
@pytest.mark.parametrize("number, options", [(0, ["--protocol", "http"]), (0, ["--http-socket", "fd://0"]), (9, ["--http-socket", "fd://9"])],
                         ids=["zero", "fd://0", "fd://9"])
def test_a_socket_from_the_spawner(uwsgi, app, spawner, tmp_path, monkeypatch, kind, number, options):
    monkeypatch.setenv("KIND", kind)
    monkeypatch.setenv("NUMBER", str(number))
    server = uwsgi(*options, "-M", "--wsgi-file", app("hello"), binary=spawner)
    name = r"127\.0\.0\.1:\d+" if kind == "INET" else r"spawned\.sock"
    server.wait_log(rf"uwsgi socket 0 inherited {kind} address {name} fd {number}\n")
    address = server.address() if kind == "INET" else str(tmp_path / "spawned.sock")
    assert wire.http(address).body == b"Hello World"
    after = server.reload()
    server.wait_log(rf"uwsgi socket 0 inherited {kind} address {name} fd {number}\n", after=after)
    assert wire.http(address).body == b"Hello World"


@pytest.mark.parametrize("protocol", ["fastcgi", "scgi"])
def test_a_web_server_that_spawns_its_gateway(uwsgi, app, spawner, monkeypatch, protocol):
    monkeypatch.setenv("KIND", "INET")
    monkeypatch.setenv("NUMBER", "0")
    server = uwsgi("--protocol", protocol, "-M", "--wsgi-file", app("hello"), binary=spawner)
    pairs = cgi.variables("/")
    data = cgi.fastcgi(pairs) if protocol == "fastcgi" else cgi.scgi(pairs[:3])
    answer = wire.raw(server.address(), data)
    assert b"Status: 200 OK\r\n" in answer and b"Hello World" in answer


@pytest.mark.ours
def test_skip_zero_leaves_it_alone(spawner, tmp_path, nothing_left, app):
    env = {**plain_environment(), "KIND": "INET", "NUMBER": "0"}
    done = subprocess.run([spawner, "--skip-zero", "--wsgi-file", app("hello")], capture_output=True, text=True, timeout=60, check=False,
                          cwd=tmp_path, env=env)
    assert done.returncode == 1 and "The -s/--socket option is missing and stdin is not a socket.\n" in done.stderr


@pytest.mark.ours
def test_a_descriptor_that_is_no_socket_is_refused(tmp_path, nothing_left):
    out = run("--http-socket", "fd://1", cwd=tmp_path, code=1)
    assert "bind(): Socket operation on non-socket" in out and "unable to create server socket on: fd://1" in out


# --- one worker without sockets -------------------------------------------------------------------------------------------

def test_command_mode(uwsgi, app, tmp_path):
    (tmp_path / "app.py").write_text("import os\nprint('loaded by', os.getpid(), flush=True)\ndef application(e, s): pass\n")
    server = uwsgi("--command-mode", *AUTO, "-p", "4", "--wsgi-file", tmp_path / "app.py", ready=False)
    server.wait_log(r"\*\*\* Operational MODE: command \*\*\*\n")
    server.wait_log(rf"loaded by {server.pid}\n")
    server.wait_log(rf"spawned uWSGI worker 1 \(and the only\) \(pid: {server.pid}, cores: 1\)\n")
    until(lambda: not procs.ignores(server.pid, signal.SIGHUP), "a worker that takes signals")
    assert procs.children(server.pid) == []
    assert server.stop() in (0, 30)


@pytest.mark.ours
def test_command_mode_binds_nothing(uwsgi, tmp_path, app):
    server = uwsgi("--command-mode", "-M", *AUTO, "--wsgi-file", app("hello"), ready=False)
    server.wait_log(r"spawned uWSGI worker 1 \(pid")
    assert not re.search(r"uwsgi socket|listen backlog", server.log())


# --- workers --------------------------------------------------------------------------------------------------------------

def test_reaper_buries_what_the_application_leaves(probe):
    server = probe("-M", "--reaper")
    child = int(ask(server, "os.posix_spawn('/bin/true', ['true'], {})"))
    until(lambda: (procs.stat(child) or "Z")[0] == "Z", "the end of the child")
    ask(server, "1")
    until(lambda: procs.stat(child) is None, "its burial")


def stacks(pid):
    """KiB of mappings behind a guard page."""
    found, guarded = [], 0
    for line in open(f"/proc/{pid}/maps"):
        (low, high), rights = (int(n, 16) for n in line.split()[0].split("-")), line.split()[1]
        if rights == "rw-p" and low == guarded:
            found.append(high - low >> 10)
        guarded = high if rights == "---p" and high - low == 4096 else 0
    return found


def test_thread_stacksize(probe):
    server = probe("--threads", "2", "--thread-stacksize", "777", "-M")
    server.wait_log(r"threads stack size set to 777k\n")
    worker = server.worker_pids()[1]
    until(lambda: {776, 780} & set(stacks(worker)), "a thread with that stack")


@pytest.mark.ours
def test_a_stack_that_is_too_small_is_said(tmp_path, nothing_left):
    assert "!!! unable to set requested threads stacksize !!!\n" in run("--thread-stacksize", "1", "--no-server", *AUTO, cwd=tmp_path)


def test_no_orphans(uwsgi, tmp_path):
    """Also a worker that is busy ends with its master, at once."""
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    (tmp_path / "stuck.py").write_text(f"def application(environ, start):\n    open({str(gate)!r}).read()\n")
    server = uwsgi(*AUTO, "-M", "--no-orphans", "--wsgi-file", tmp_path / "stuck.py")
    server.expect.add(-signal.SIGKILL)
    worker = server.worker_pids()[1]
    with wire.connect(server.address()) as stream, open_when_read(gate, stream):
        server.send(signal.SIGKILL)
        until(lambda: (procs.stat(worker) or "Z")[0] == "Z", "the end of the worker")


def open_when_read(gate, stream):
    """The writing end of `gate`, once the request of `stream` reads from it."""
    stream.sendall(wire.request_bytes())
    return open(gate, "w")
