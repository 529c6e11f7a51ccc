"""Every action of hooks once, what is waited for, mount points that must stay, programs in place of workers, functions after requests."""

import os
import pathlib
import re
import shutil
import signal
import socket
import stat
import subprocess

import pytest

from harness import paths, procs, wire
from harness.waiting import until

pytestmark = pytest.mark.ours
DATE = r"\w{3} \w{3} +\d+ [\d:]+ \d{4}"
ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


def can_unshare(kind: str) -> bool:
    return os.geteuid() == 0 and subprocess.run(["unshare", kind, "true"], capture_output=True).returncode == 0


MOUNTS = pytest.mark.skipif(not can_unshare("-m"), reason="mounts need root and a mount namespace of their own")
HOSTNAMES = pytest.mark.skipif(not can_unshare("--uts"), reason="names of hosts need root and a namespace of their own")


def under(tmp_path, text: str) -> pathlib.Path:
    """A binary that runs the server within something else."""
    wrapper = tmp_path / "wrapped"
    wrapper.write_text(f'#!/bin/sh\nexec {text} {paths.OURS} "$@"\n')
    wrapper.chmod(0o755)
    return wrapper


def asap(tmp_path, *hooks, binary=paths.OURS, expect=0, options=()) -> str:
    """Runs hooks at the first phase of a server that ends then; its log."""
    args = [arg for hook in hooks for arg in ("--hook-asap", hook)]
    done = subprocess.run([binary, "--http-socket", "127.0.0.1:0", "--no-server", *options, *args], capture_output=True, text=True,
                          timeout=60, cwd=tmp_path)
    assert done.returncode == expect, done.stderr
    return done.stderr


def test_files(tmp_path):
    asap(tmp_path, "mkdir:d", "cd:d", "create:made", "writen:lines one", "appendn:lines two words", "append:lines thr", "append:lines ee",
         "appendn:lines", "write:short x", "creat:gone", "unlink:gone", "chmod:made 640", "sticky:made", "chdir:..", "write:up 1")
    made = tmp_path / "d"
    assert (made / "lines").read_text() == "one\ntwo words\nthree\n"
    assert (made / "short").read_text() == "x" and not (made / "gone").exists() and (tmp_path / "up").exists()
    assert stat.S_IMODE((made / "made").stat().st_mode) == 0o1640


@pytest.mark.parametrize("hook, text", [
    ("mkdir:.", "hook mkdir: File exists"),
    ("chdir:nowhere", "hook chdir: No such file or directory"),
    ("unlink:nothing", "hook unlink: No such file or directory"),
    ("write:no/such x", "hook write: No such file or directory"),
    ("chown:. nobody_of_that_name root", "unable to find uid nobody_of_that_name"),
    ("callret:chdir /nowhere", 'function "chdir" returned -1'),
    ("call:no_such_function x", 'unable to call function "no_such_function"'),
    ("rpc:hello", "hook rpc: this build has no rpc functions"),
    ("unix_signal:10 no_such_function", 'hook unix_signal: unable to find function "no_such_function"'),
    ("alarm:note x", "hook alarm: alarms need a master, and come up before the applications load"),
    ("wait_for_file:.", "unavailable after 0 seconds: it is a directory"),
])
def test_what_fails_is_told_and_ends_the_start(tmp_path, hook, text):
    log = asap(tmp_path, hook, "print:never", expect=1, options=["--wait-for-fs-timeout", "0"])
    assert text in log and "FATAL hook failed, destroying instance" in log and "never" not in log


def test_commands_variables_and_lines(tmp_path):
    log = asap(tmp_path, "putenv:GREETING=hello there", "exec:echo $GREETING > said", "safeexec:exit 3", "print:100% %s", "log:second",
               "!exec:echo secret > hidden")
    assert (tmp_path / "said").read_text() == "hello there\n" and (tmp_path / "hidden").read_text() == "secret\n"
    assert '\ncommand "exit 3" exited with non-zero code: 3\n' in log and "\n100% %s\n" in log and "\nsecond\n" in log
    assert "\nrunning --- PRIVATE HOOK --- (asap)...\n" in log and "secret" not in log


def test_functions(tmp_path):
    log = asap(tmp_path, "call:uwsgi_log from a hook", "callret:chdir /", "callint:umask 63", "callintret:abs", "unix_signal:10 abs", "callint:putenv FROM=hook", "exec:test $FROM = hook",
               f"create:{tmp_path}/f", options=["--call-asap", "getpid"])
    assert "\nfrom a hook\n" in log and '\nrunning "getpid" (asap)...\n' in log
    assert stat.S_IMODE((tmp_path / "f").stat().st_mode) == 0o600


def test_pipes(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    asap(tmp_path, "writefifo:pipe nobody reads")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    asap(tmp_path, "writefifo:pipe 1p", "spinningfifo:pipe 2q")
    assert os.read(reader, 100) == b"1p2q"
    os.close(reader)


def test_a_spinning_write_waits_for_its_reader(uwsgi, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    server = uwsgi("--http-socket", "127.0.0.1:0", "--hook-asap", "spinningfifo:pipe x", ready=False, cwd=tmp_path)
    server.wait_log(r"^waiting for pipe \.\.\.$")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    server.ready()
    assert os.read(reader, 10) == b"x"
    os.close(reader)


@ROOT
def test_owners(tmp_path):
    asap(tmp_path, "create:by name", "create:n", "chown:by name nobody root", "chown2:n 12 -1")
    assert (tmp_path / "by name").stat().st_uid == 65534
    assert ((tmp_path / "n").stat().st_uid, (tmp_path / "n").stat().st_gid) == (12, 0)


@HOSTNAMES
def test_the_name_of_the_host(tmp_path):
    asap(tmp_path, "hostname:hook.example", "exec:uname -n > name", binary=under(tmp_path, "unshare --uts"))
    assert (tmp_path / "name").read_text() == "hook.example\n"


@MOUNTS
def test_mounts(tmp_path):
    (tmp_path / "m").mkdir()
    (tmp_path / "b").mkdir()
    log = asap(tmp_path, f"mount:tmpfs none {tmp_path}/m nosuid size=64k", "create:m/f", f"mount:none {tmp_path}/m {tmp_path}/b bind,ro",
               "exec:! touch b/g 2>/dev/null", "exec:cat /proc/self/mounts > seen", f"umount:{tmp_path}/b", "exec:test ! -e b/f",
               binary=under(tmp_path, "unshare -m"), options=[
                   f"--mount-pre-jail=tmpfs none {tmp_path}/b", f"--umount-pre-jail={tmp_path}/b",
                   f"--mount-as-root=tmpfs none {tmp_path}/m/", f"--umount-as-root={tmp_path}/m rec,detach"])
    seen = (tmp_path / "seen").read_text()
    assert re.search(rf"{tmp_path}/m tmpfs rw,nosuid.*size=64k", seen) and re.search(rf"{tmp_path}/b tmpfs ro,", seen)
    for line in (f'mounting "tmpfs none {tmp_path}/b" (pre-jail)...', f'un-mounting "{tmp_path}/b" (pre-jail)...',
                 f'mounting "tmpfs none {tmp_path}/m/" (as root)...', f'un-mounting "{tmp_path}/m rec,detach" (as root)...'):
        assert f"\n{line}\n" in log


@MOUNTS
def test_every_phase_that_mounts(tmp_path):
    options = ["--mount-asap", f"tmpfs none {tmp_path}", "--umount-asap", str(tmp_path), "--mount-pre-jail", f"tmpfs none {tmp_path}",
               "--umount-pre-jail", str(tmp_path), "--mount-post-jail", f"tmpfs none {tmp_path}", "--umount-post-jail", str(tmp_path),
               "--mount-in-jail", f"tmpfs none {tmp_path}", "--umount-in-jail", str(tmp_path), "--mount-as-root", f"tmpfs none {tmp_path}",
               "--umount-as-root", str(tmp_path), "--exec-post-jail", f"test -w {tmp_path}"]
    log = asap(tmp_path, options=["--jailed", *options], binary=under(tmp_path, "unshare -m"))
    found = re.findall(r"^(mount|un-mount)ing .* \((.*)\)\.\.\.$", log, re.M)
    order = ["asap", "pre-jail", "in-jail", "post-jail", "as root"]
    assert found == [(what, phase) for phase in order for what in ("mount", "un-mount")]


@ROOT
def test_every_phase_that_calls(tmp_path):
    options = ["--call-asap", "getpid", "--call-pre-jail", "getpid", "--call-post-jail", "getpid", "--call-in-jail", "getpid", "--call-as-root", "getpid",
               "--call-as-user", "getpid", "--call-pre-app", "getpid", "--call-post-app", "getpid", "--call-as-user-atexit", "getpid"]
    log = asap(tmp_path, options=["--jailed", *options])
    found = re.findall(r'^running "getpid" \((.*?)\) ?\.\.\.$', log, re.M)
    assert found == ["asap", "pre-jail", "in-jail", "post-jail", "as root", "as uid: 0 gid: 0", "pre app", "post app"]


@ROOT
def test_a_mount_that_fails_says_why(tmp_path):
    log = asap(tmp_path, options=["--mount-asap", "tmpfs none /no/such/place"], expect=1)
    assert "\nuwsgi_mount(): No such file or directory\n" in log


def test_alarms(uwsgi, tmp_path):
    server = uwsgi("--http-socket", "127.0.0.1:0", "-M", "--alarm", f"note cmd:cat > {tmp_path}/alarm", "--hook-accepting", "alarm:note the text")
    until(lambda: (tmp_path / "alarm").exists() and "the text" in (tmp_path / "alarm").read_text(), "the alarm")
    server.quiet()


def test_touching_a_file_runs_its_hook(uwsgi, tmp_path):
    file = tmp_path / "file"
    server = uwsgi("--http-socket", "127.0.0.1:0", "-M", "--hook-touch", f"{file} exec:echo x >> {tmp_path}/ran; exit 3",
                   "--hook-touch", f"{file} !print:quietly")
    file.write_text("")
    server.wait_log(r'^command "echo x >> .*; exit 3" exited with non-zero code: 3$', timeout=20)
    server.wait_log(r"^running --- PRIVATE HOOK --- \(touch\)\.\.\.\nquietly$")
    mark = server.mark()
    os.utime(file, ns=(file.stat().st_mtime_ns + 10**9,) * 2)
    server.wait_log(r"^running .* \(touch\)\.\.\.$", after=mark)
    until(lambda: (tmp_path / "ran").read_text() == "x\nx\n", "the second run")
    assert "FATAL" not in server.log()


def test_waits_that_end(tmp_path):
    here = socket.socket()
    here.bind(("127.0.0.1", 0))
    here.listen()
    (tmp_path / "dir").mkdir()
    (tmp_path / "file").touch()
    log = asap(tmp_path, "wait_for_fs:dir", "wait_for_file:file", "wait_for_dir:dir", "wait_for_socket:127.0.0.1:%d" % here.getsockname()[1],
               options=["--wait-for-fs", "file", "--wait-for-file", "file", "--wait-for-dir", "dir", "--wait-for-mountpoint", "/",
                        "--wait-for-interface", "lo", "--wait-for-interface-timeout", "5",
                        "--wait-for-socket", "127.0.0.1:%d" % here.getsockname()[1]])
    for line in ("waiting for dir (max 60 seconds) ...", "waiting for interface lo (max 5 seconds) ...",
                 f"interface lo found with index {socket.if_nametoindex('lo')}"):
        assert f"\n{line}\n" in log
    for line in ("dir found", "file found", "/ mounted", "127.0.0.1:%d ready" % here.getsockname()[1]):
        assert re.search(rf"^{DATE} - {line}$", log, re.M), line
    here.close()


@pytest.mark.parametrize("option, value, line", [
    ("wait-for-fs", "/no/such", "/no/such unavailable after 1 seconds"),
    ("wait-for-file", "/", "/ unavailable after 1 seconds: it is a directory"),
    ("wait-for-dir", "/etc/passwd", "/etc/passwd unavailable after 1 seconds: it is no directory"),
    ("wait-for-mountpoint", "/etc", "/etc unavailable after 1 seconds: it is no mount point"),
    ("wait-for-interface", "nosuch0", "interface nosuch0 unavailable after 1 seconds"),
    ("wait-for-socket", "127.0.0.1:9", "127.0.0.1:9 unavailable after 1 seconds"),
])
def test_waits_that_do_not_end(tmp_path, option, value, line):
    limits = {"wait-for-interface": "wait-for-interface-timeout", "wait-for-socket": "wait-for-socket-timeout"}
    limit = limits.get(option, "wait-for-fs-timeout")
    done = subprocess.run([paths.OURS, "--http-socket", "127.0.0.1:0", f"--{option}", value, f"--{limit}", "1"], capture_output=True, text=True,
                          timeout=60, cwd=tmp_path)
    assert done.returncode == 1 and done.stderr.endswith(f"\n{line}\n")


def test_what_comes_while_it_is_waited_for(uwsgi, tmp_path):
    server = uwsgi("--http-socket", "127.0.0.1:0", "--wait-for-file", "late", ready=False, cwd=tmp_path)
    server.wait_log(r"^waiting for late \(max 60 seconds\) \.\.\.$")
    (tmp_path / "late").touch()
    server.wait_log(f"^{DATE} - late found$")
    server.ready()


@MOUNTS
def test_a_mount_point_that_fails_ends_everything(uwsgi, tmp_path):
    gone = tmp_path / "gone"
    gone.mkdir()
    server = uwsgi("--http-socket", "127.0.0.1:0", "-M", "-p", "2", "--check-mountpoint", gone, "--mountpoint-check", "/")
    until(lambda: len(procs.children(server.pid)) == 2 + 1 + 2, "two workers, the observer, two helpers")
    gone.rmdir()
    server.expect = {1}
    assert server.wait_exit() == 1
    assert re.search(rf"^\w{{3}} \w{{3}} .* - mountpoint {gone} failed, triggering detonation\.\.\.$", server.log(), re.M)


def test_a_mount_point_that_hangs_ends_everything_and_holds_up_nobody(uwsgi, tmp_path):
    server = uwsgi("--http-socket", "127.0.0.1:0", "-M", "--check-mountpoint", tmp_path, "--auto-procname", "--stats", tmp_path / "stats")
    os.kill(until(lambda: checker(server), "the helper"), signal.SIGSTOP)  # as a filesystem that is gone has it
    cycles = lambda: server.stats()["master"]["turns"]["count"]
    before = cycles()
    until(lambda: cycles() > before + 1, "turns of the master")
    server.expect = {1}
    assert server.wait_exit(30) == 1
    assert f"mountpoint {tmp_path} failed, triggering detonation..." in server.log()


def checker(server):
    found = [p for p in procs.children(server.pid) if b"uWSGI helper" in pathlib.Path(f"/proc/{p}/cmdline").read_bytes()]
    return found[0] if found else None


def test_a_checker_that_was_killed_is_no_failure(uwsgi, tmp_path):
    server = uwsgi("--http-socket", "127.0.0.1:0", "-M", "--check-mountpoint", tmp_path, "--auto-procname")
    first = until(lambda: checker(server), "the helper")
    os.kill(first, signal.SIGKILL)
    until(lambda: checker(server) not in (None, first), "another helper")
    assert "detonation" not in server.log() and "subprocess" not in server.log()


PROGRAM = """import os, signal, socket, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
listener = socket.socket(fileno=0)
assert listener.getblocking() and len(sys.argv) == 2, sys.argv
while True:
    client, _ = listener.accept()
    client.recv(1000)
    client.sendall(b"HTTP/1.0 200 OK\\r\\n\\r\\n%s %d" % (sys.argv[1].encode(), os.getpid()))
    client.close()
"""


@pytest.mark.parametrize("option", ["worker-exec", "worker-exec2"])
def test_a_program_in_place_of_a_worker(uwsgi, tmp_path, option):
    (tmp_path / "program.py").write_text(PROGRAM)
    python = shutil.which("python3")
    server = uwsgi("--http-socket", "127.0.0.1:0", "-M", f"--{option}", f"{python} program.py hello", "--hook-post-fork", "print:forked", cwd=tmp_path,
                   ready=False).allow("DAMN")
    server.wait_log("spawned uWSGI worker 1")
    body = until(lambda: answer(server), "the program").decode()
    assert body == f"hello {server.worker_pids()[1]}"
    assert ("forked" in server.log()) == (option == "worker-exec2")
    victim = server.worker_pids()[1]
    os.kill(victim, signal.SIGKILL)
    until(lambda: server.worker_pids()[1] != victim, "another one")
    until(lambda: (answer(server) or b"").endswith(str(server.worker_pids()[1]).encode()), "its answer")


def answer(server):
    try:
        return wire.http(server.address(), "/").body
    except OSError:
        return None


def test_a_program_that_is_not_there(uwsgi):
    server = uwsgi("--http-socket", "127.0.0.1:0", "-M", "--worker-exec", "/no/such", ready=False).allow("DAMN")
    server.wait_log(r'^execvp\(\): No such file or directory \[core/uwsgi.c line \d+\] \("/no/such"\)$')
    server.wait_log("Respawned uWSGI worker 1")


LIBRARY = r"""
#include <stdint.h>
#include <stdio.h>
struct text { const char *at; uint64_t len; };
struct finished {
    uint64_t size; uint32_t worker, core; int32_t app; uint32_t status;
    uint64_t duration_us, received, sent; struct text method, uri, remote;
};
void after(struct finished *f) {
    char line[300];
    snprintf(line, sizeof line, "after %.*s %.*s from %.*s: %u by %u/%u app %d, %s\n", (int) f->method.len, f->method.at, (int) f->uri.len,
             f->uri.at, (int) f->remote.len, f->remote.at, f->status, f->worker, f->core, f->app, f->sent > 0 && f->received > 0 ? "bytes" : "none");
    fputs(line, stderr);
}
"""


@pytest.mark.skipif(not shutil.which("cc"), reason="needs a C compiler")
def test_functions_after_each_request(uwsgi, app, tmp_path):
    (tmp_path / "lib.c").write_text(LIBRARY)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", tmp_path / "lib.so", tmp_path / "lib.c"], check=True)
    server = uwsgi("--http-socket", "127.0.0.1:0", "--wsgi-file", app("hello"), "--dlopen", tmp_path / "lib.so", "--after-request-hook", "after")
    assert 'added "after(struct wsgi_request *)" to the after-request chain' in server.log()
    server.get("/path?x=1")
    server.wait_log(r"^after GET /path\?x=1 from 127\.0\.0\.1: 200 by 1/0 app 0, bytes$")


def test_a_function_after_requests_that_is_not_there():
    done = subprocess.run([paths.OURS, "--http-socket", "127.0.0.1:0", "--after-request-call", "no_such"], capture_output=True, text=True, timeout=30)
    assert done.returncode == 1 and done.stderr.endswith('\nunable to find symbol/function "no_such"\n')
