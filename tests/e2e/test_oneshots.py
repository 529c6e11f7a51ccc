"""One-shot options: what they print, what they do, and the code they end with."""

import contextlib
import fcntl
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading

import pytest

from harness import paths, procs
from harness.server import plain_environment
from harness.waiting import until

ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="changing the user needs root")
NOBODY = 65534
RECEIVER = """
import signal
signal.pthread_sigmask(signal.SIG_BLOCK, [{number}])
print("ready", flush=True)
signal.sigwait([{number}])
print("got it", flush=True)
"""


def run(*args, cwd, env=None, timeout=60):
    """Exit code, standard output, standard error."""
    done = subprocess.run([paths.OURS, *map(str, args)], capture_output=True, timeout=timeout, cwd=cwd, check=False, text=True,
                          stdin=subprocess.DEVNULL, env={**plain_environment(), **(env or {})})
    return done.returncode, done.stdout, done.stderr


# --- commands to a running instance ---------------------------------------------------------------------------------------

@pytest.mark.parametrize("option, number", [("--stop", signal.SIGINT), ("--reload", signal.SIGHUP), ("--pause", signal.SIGTSTP),
                                            ("--suspend", signal.SIGTSTP), ("--resume", signal.SIGTSTP)])
def test_a_pidfile_command_sends_its_signal(tmp_path, nothing_left, option, number):
    with subprocess.Popen([sys.executable, "-c", RECEIVER.format(number=number), "instead of uwsgi"], stdout=subprocess.PIPE) as receiver:
        assert receiver.stdout.readline() == b"ready\n"
        (tmp_path / "pid").write_text(f"{receiver.pid}\n")
        code, out, err = run(option, "pid", cwd=tmp_path)
        assert receiver.stdout.readline() == b"got it\n"
    assert (code, out, err) == (0, "", "")


@pytest.mark.ours
def test_a_pidfile_that_names_somebody_else_harms_nobody(tmp_path, nothing_left):
    with subprocess.Popen(["sleep", "1000"]) as stranger:
        (tmp_path / "pid").write_text(f"{stranger.pid}\n")
        code, _, err = run("--stop", "pid", cwd=tmp_path)
        assert stranger.poll() is None, "it sleeps on"
        stranger.kill()
    assert code == 255
    assert err == f'pidfile pid is stale: process {stranger.pid} is "sleep", no instance of uWSGI; nothing was sent\n'


@pytest.mark.ours
def test_a_stale_pidfile_says_so(tmp_path, nothing_left):
    (tmp_path / "pid").write_text("4194303")
    assert run("--reload", "pid", cwd=tmp_path)[2].splitlines()[-1] == "pidfile pid is stale: there is no process 4194303"


@pytest.mark.ours
@pytest.mark.skipif(os.geteuid() != 0, reason="becomes another user")
def test_a_pidfile_of_another_user_says_so(uwsgi, app):
    server = uwsgi("--http-socket", "127.0.0.1:0", "-M", "--wsgi-file", app("hello"))
    with tempfile.NamedTemporaryFile("w") as pidfile:
        pidfile.write(f"{server.pid}\n")
        pidfile.flush()
        os.chmod(pidfile.name, 0o644)
        done = subprocess.run([paths.OURS, "--stop", pidfile.name], capture_output=True, text=True, user=NOBODY, group=NOBODY, cwd="/",
                              check=False, timeout=60, env=plain_environment())
    assert done.returncode == 255 and "signal_pidfile()/kill(): Operation not permitted" in done.stderr
    assert f"process {server.pid} of pidfile {pidfile.name} belongs to another user" in done.stderr


@pytest.mark.parametrize("text, code, line", [
    (None, 1, r'open\("pid"\): No such file or directory'),
    ("4194303", 255, r"signal_pidfile\(\)/kill\(\): No such process"),
])
def test_a_pidfile_that_leads_nowhere(tmp_path, nothing_left, text, code, line):
    if text is not None:
        (tmp_path / "pid").write_text(text)
    seen, _, err = run("--stop", "pid", cwd=tmp_path)
    assert seen == code and re.match(line, err), err


@pytest.mark.ours
@pytest.mark.parametrize("option", ["--stop", "--reload", "--pause"])
@pytest.mark.parametrize("text", ["", "garbage", "0", "-1", "-7"])
def test_no_pidfile_reaches_a_group_of_processes(tmp_path, nothing_left, option, text):
    (tmp_path / "pid").write_text(text)
    code, _, err = run(option, "pid", cwd=tmp_path)
    assert code == 1 and err.startswith("error: invalid pidfile")


@contextlib.contextmanager
def node(answer):
    """A peer that notes four bytes and answers; gives its address and what came."""
    came = []

    def serve():
        stream, _ = listener.accept()
        with stream:
            came.append(stream.recv(4))
            stream.sendall(answer)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        yield "127.0.0.1:%d" % listener.getsockname()[1], came
        thread.join()


@pytest.mark.parametrize("answer, code, line", [
    (b"\xff\0\0\1", 0, "signal 17 delivered to node {}"),
    (b"\xff\0\0\0", 2, "node {} rejected signal 17"),
    (b"\xff\0", 1, "unable to deliver signal 17 to node {}"),
])
def test_signal_tells_what_the_node_answered(tmp_path, nothing_left, answer, code, line):
    with node(answer) as (address, came):
        seen, _, err = run("--signal", f"{address},17", cwd=tmp_path)
    assert (seen, err, came) == (code, line.format(address) + "\n", [b"\x6e\0\0\x11"])


def test_signal_over_a_path_and_into_nothing(tmp_path, nothing_left):
    assert run("--signal", "/no/such/socket,3", cwd=tmp_path)[::2] == (1, "unable to deliver signal 3 to node /no/such/socket\n")
    assert run("--signal", "/no/such/socket", cwd=tmp_path)[::2] == (1, "invalid syntax for signal, must be addr,signal\n")
    assert run("--signal", "/no/such/socket,256", cwd=tmp_path)[::2] == (3, "invalid signal number\n")


@pytest.mark.ours
def test_a_signal_without_a_number_is_refused(tmp_path, nothing_left):
    assert run("--signal", "/no/such/socket,abc", cwd=tmp_path)[::2] == (3, "invalid signal number\n")


def test_the_original_takes_our_signal(uwsgi, tmp_path):
    """Against the other implementation: the packet is the one it queues."""
    (tmp_path / "app.py").write_text("import uwsgi\nuwsgi.register_signal(7, '', lambda n: print('raised', n))\n"
                                     "def application(e, s):\n    s('200 OK', [])\n    return []\n")
    server = uwsgi("--socket", tmp_path / "s.sock", "-M", "--wsgi-file", tmp_path / "app.py", binary=paths.ORIGINAL)
    code, _, err = run("--signal", f"{tmp_path / 's.sock'},7", cwd=tmp_path)
    assert code == 0, err
    server.wait_log("raised 7")


# --- texts ----------------------------------------------------------------------------------------------------------------

def test_version_and_order(tmp_path, nothing_left):
    code, out, _ = run("--version", cwd=tmp_path)
    assert code == 0 and re.fullmatch(r"\d+\.\d+\.\d+\S*\n", out)
    assert run("--iprint", "first", "--exit=3", "--iprint", "never", cwd=tmp_path)[:2] == (3, "first\n")
    assert run("--exit", cwd=tmp_path)[0] == 1


def test_help(tmp_path, nothing_left):
    for option in ("--help", "--usage", "-h"):
        code, out, _ = run(option, cwd=tmp_path)
        first, *rest = out.splitlines()
        assert code == 0 and re.fullmatch(r"Usage: \S*uwsgi \[options\.\.\.\]", first)
        assert len(rest) > 800 and any(re.match(r"    -s\|--socket +\w", line) for line in rest)


def test_get_and_print(tmp_path, nothing_left):
    (tmp_path / "x.ini").write_text("[uwsgi]\nset-ph = where=/srv\nchdir = %(where)\nprint = in %(where)\nchdir = second\n")
    assert run("--ini", "x.ini", "--get", "chdir", "--get", "where", cwd=tmp_path)[:2] == (0, "in /srv\n/srv\n/srv\n")


@pytest.mark.ours
def test_what_took_the_place_of_the_c_interface(tmp_path, nothing_left):
    code, out, err = run("--cflags", cwd=tmp_path)
    assert (code, out) == (0, "-fPIC -shared\n") and "--dot-h" in err
    assert run("--dot-h", cwd=tmp_path) == (0, (paths.REPO / "plugins/abi/include/uwsgi_plugin.h").read_text(), "")
    code, out, err = run("--config-py", cwd=tmp_path)
    assert (code, err) == (0, "") and out.startswith("# ")


LISTS = {
    "--loggers-list": "loggers", "--cheaper-algo-list": "cheaper algorithms", "--loop-list": "loop engines",
    "--imperial-monitor-list": "imperial monitors", "--clock-list": "clocks", "--alarm-list": "alarms",
}


def test_lists_keep_their_frames_and_order(tmp_path, nothing_left):
    code, out, err = run(*LISTS, "--no-server", cwd=tmp_path)
    assert code == 0
    frames = re.findall(r"\n\*\*\* uWSGI loaded ([a-z ]+) \*\*\*\n((?:\w+\n)*)--- end of ([a-z ]+) list ---\n\n", out + err)
    assert [f[0] for f in frames] == [f[2] for f in frames] == list(LISTS.values())
    names = {f[0]: f[1].split() for f in frames}
    assert names["clocks"] == ["unix"] and "simple" in names["loop engines"]
    assert (out + err).index("end of alarms list") < (out + err).index("*** Starting uWSGI")


def test_the_plugins_that_a_configuration_uses(tmp_path, nothing_left):
    code, out, err = run("--plugins-list", "--clock-list", "--http", "127.0.0.1:0", "--no-server", cwd=tmp_path)
    text = out + err
    frame = re.search(r"\n\*\*\* uWSGI loaded generic plugins \*\*\*\n((?:\w+\n)*)\n"
                      r"\*\*\* uWSGI loaded request plugins \*\*\*\n((?:\d+: \w+\n)*)--- end of plugins list ---\n\n", text)
    assert code == 0 and "http" in frame[1].split() and "0: python\n" in frame[2]
    assert frame.end() <= text.index("*** uWSGI loaded clocks") < text.index("*** Starting uWSGI")


@pytest.mark.ours
def test_a_list_that_is_switched_off_and_one_of_nothing(tmp_path, nothing_left):
    (tmp_path / "x.ini").write_text("[uwsgi]\nclocks-list = false\nrouter-list = true\nno-server = true\n")
    code, _, err = run("--ini", "x.ini", cwd=tmp_path)
    assert code == 0 and "loaded clocks" not in err
    assert "\n*** uWSGI loaded routers ***\n" in err and "\n--- end of routers list ---\n\n" in err


# --- building a plugin ----------------------------------------------------------------------------------------------------

CRATE = '[package]\nname = "uwsgi-greeting"\nversion = "0.1.0"\nedition = "2021"\n[lib]\ncrate-type = ["cdylib"]\n[workspace]\n'


@pytest.mark.ours
@pytest.mark.skipif(shutil.which("cargo") is None, reason="cargo is not installed")
def test_build_plugin(tmp_path, nothing_left):
    (tmp_path / "made/src").mkdir(parents=True)
    (tmp_path / "made/Cargo.toml").write_text(CRATE)
    (tmp_path / "made/src/lib.rs").write_text('#[no_mangle]\npub extern "C" fn answer() -> i32 {\n    42\n}\n')
    code, _, err = run("--build-plugin", "made", cwd=tmp_path)
    assert code == 0 and "*** greeting plugin built and available in greeting_plugin.so ***" in err, err
    assert (tmp_path / "greeting_plugin.so").read_bytes()[:4] == b"\x7fELF"
    code, _, err = run("--build-plugin", "made other", cwd=tmp_path)
    assert code == 0 and (tmp_path / "other_plugin.so").exists(), err
    (tmp_path / "made/src/lib.rs").write_text("this is no Rust\n")
    code, _, err = run("--build-plugin", "made", cwd=tmp_path)
    assert code == 101 and "unable to build plugin" in err, "the builder's own code"


@pytest.mark.ours
def test_build_plugin_of_one_c_file(uwsgi, tmp_path):
    shutil.copy(paths.TESTS / "plugins/probe.c", tmp_path / "made.c")
    code, _, err = run("--build-plugin", "made.c", cwd=tmp_path, env={"CFLAGS": '-DNAME="made"'})
    assert code == 0 and "*** made plugin built and available in made_plugin.so ***" in err, err
    server = uwsgi("--http-socket", "127.0.0.1:0", "--plugin", "0:./made")
    assert server.get().body == b"probe\n"
    code, _, err = run("--build-plugin", "made.c", cwd=tmp_path, env={"CC": "no-such-compiler"})
    assert code == 1 and "Error: unable to run no-such-compiler: No such file or directory" in err


@pytest.mark.ours
def test_what_is_no_plugin_is_told_what_one_is(tmp_path, nothing_left):
    for nothing in ("nowhere", "nowhere.c"):
        code, _, err = run("--build-plugin", nothing, cwd=tmp_path)
        assert (code, err) == (1, f"*** uWSGI building and linking plugin from {nothing} ***\nError: unable to find directory '{nothing}'\n")
    (tmp_path / "old").mkdir()
    (tmp_path / "old/uwsgiplugin.py").write_text("NAME = 'old'\n")
    code, _, err = run("--build-plugin", "old", cwd=tmp_path)
    assert code == 1 and "is no plugin of this server: that is a crate of type cdylib" in err


# --- locks ----------------------------------------------------------------------------------------------------------------

@pytest.fixture
def file(tmp_path):
    (tmp_path / "lock").touch()
    return tmp_path / "lock"


@contextlib.contextmanager
def locked(path):
    """Held by this process, in the way of other programs."""
    with open(path, "r+") as held:
        fcntl.lockf(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield


def is_locked(path) -> bool:
    with open(path, "r+") as held:
        try:
            fcntl.lockf(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return True
    return False


def files_of(pid) -> list[str]:
    return [os.readlink(entry.path) for entry in os.scandir(f"/proc/{pid}/fd") if os.path.lexists(entry.path)]


@pytest.mark.parametrize("option", ["--flock", "--flock2"])
def test_a_file_that_somebody_locked_ends_the_start(tmp_path, nothing_left, file, option):
    with locked(file):
        code, _, err = run(option, file, "--no-server", cwd=tmp_path)
    assert code == 1 and f"uWSGI ERROR: {file} is locked by another instance\n" in err and "Starting" not in err
    assert run(option, file, "--no-server", cwd=tmp_path)[0] == 0
    code, _, err = run(option, tmp_path / "missing", "--no-server", cwd=tmp_path)
    assert code == 1 and f'open("{tmp_path}/missing"): No such file or directory' in err


def test_flock_acts_at_its_place(tmp_path, nothing_left, file):
    with locked(file):
        assert run("--exit=5", "--flock", file, cwd=tmp_path)[0] == 5
        assert run("--flock", file, "--exit=5", cwd=tmp_path)[0] == 1


@pytest.mark.ours
@pytest.mark.parametrize("option", ["--flock-wait", "--flock-wait2"])
def test_waiting_for_a_lock(uwsgi, file, app, option):
    with locked(file):
        server = uwsgi(option, file, "--http-socket", "127.0.0.1:0", "-M", "--wsgi-file", app("hello"), ready=False)
        server.wait_log("is locked by another instance, waiting for it")
        assert "Starting uWSGI" not in server.log()
    server.ready()
    assert server.get().body == b"Hello World" and is_locked(file)


@pytest.mark.ours
def test_the_lock_is_the_master_s_and_lasts_until_its_end(uwsgi, file, app, tmp_path):
    """Also the configuration itself, which is read and closed while the lock is held (the recipe for a hoster's spawner)."""
    (tmp_path / "own.ini").write_text(f"[uwsgi]\nflock = %p\nflock = {file}\nflock = {file}\nhttp-socket = 127.0.0.1:0\nmaster = true\n"
                                      f"wsgi-file = {app('hello')}\n")
    server = uwsgi("--ini", tmp_path / "own.ini")
    own = tmp_path / "own.ini"
    assert is_locked(file) and is_locked(own)
    code, _, err = run("--ini", own, cwd=tmp_path)
    assert code == 1 and f"uWSGI ERROR: {own} is locked by another instance" in err
    for pid in procs.children(server.pid):
        until(lambda pid=pid: str(file) not in files_of(pid), "a child that lets go: as a straggler it would keep the next start away")
    os.kill(server.pid, signal.SIGHUP)
    server.wait_log(r"gracefully \(RE\)spawned")
    assert is_locked(file)
    server.stop()
    assert not is_locked(file) and not is_locked(own)


@pytest.mark.ours
def test_a_daemon_keeps_its_lock(tmp_path, nothing_left, file, app):
    code, _, err = run("--flock", file, "--http-socket", "127.0.0.1:0", "-M", "--daemonize", "log", "--safe-pidfile", "pid",
                       "--wsgi-file", app("hello"), cwd=tmp_path)
    assert code == 0, err
    until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text().endswith("\n"), "the pidfile")
    pid = int((tmp_path / "pid").read_text())
    assert is_locked(file)
    os.kill(pid, signal.SIGINT)
    until(lambda: (procs.stat(pid) or ["Z"])[0] == "Z", "the end of the daemon")
    assert not is_locked(file)


@pytest.mark.ours
def test_a_check_takes_no_lock(tmp_path, nothing_left, file):
    with locked(file):
        assert run("--check", "--flock", file, "--http-socket", "127.0.0.1:0", cwd=tmp_path)[0] == 0


# --- becoming somebody else at once ---------------------------------------------------------------------------------------

@ROOT
def test_immediate_ids_act_while_reading(tmp_path, nothing_left):
    secret = tmp_path / "secret.ini"
    secret.write_text("[uwsgi]\nexit = 7\n")
    secret.chmod(0o600)
    code, _, err = run("--immediate-gid", NOBODY, "--immediate-uid", "nobody", "--ini", secret, cwd="/")
    assert code == 1 and "immediate gid: 65534\nimmediate uid: 65534\n" in err and "Permission denied" in err
    assert run("--ini", secret, "--immediate-uid", "nobody", cwd="/")[0] == 7


@ROOT
def test_immediate_ids_stay(tmp_path, nothing_left):
    who = "exec://echo [uwsgi]; echo iprint = $(id -u)-$(id -g)-$(id -G); echo exit = 4"
    assert run("--immediate-gid", NOBODY, "--immediate-uid", NOBODY, "--ini", who, cwd="/")[:2] == (4, "65534-65534-65534\n")


@pytest.mark.parametrize("option, line", [("--immediate-uid", "uwsgi_opt_set_immediate_uid(): invalid uid 0"),
                                          ("--immediate-gid", "uwsgi_opt_set_immediate_gid(): invalid gid 0")])
@pytest.mark.parametrize("value", ["0", "no-such-name"])
def test_ids_that_are_none(tmp_path, nothing_left, option, line, value):
    code, _, err = run(option, value, "--no-server", cwd=tmp_path)
    assert code == 1 and err.startswith(line + "\n")


@pytest.mark.ours
def test_a_trial_run_beside_the_instance_that_serves(uwsgi, app, tmp_path):
    """`no-server` with the configuration of a running instance: its UNIX sockets stay its own, and the app is tried."""
    (tmp_path / "x.ini").write_text(f"[uwsgi]\nhttp-socket = 127.0.0.1:0\nsocket = {tmp_path}/x.sock\nstats = {tmp_path}/stats.sock\n"
                                    f"wsgi-file = {app('hello')}\nmaster = true\nvacuum = true\n")
    server = uwsgi("--ini", "x.ini")
    before = [(tmp_path / name).stat().st_ino for name in ("x.sock", "stats.sock")]
    code, _, err = run("--ini", "x.ini", "--no-server", cwd=tmp_path)
    assert code == 0 and "WSGI app 0 (mountpoint='') ready in" in err and "bound to" not in err
    assert [(tmp_path / name).stat().st_ino for name in ("x.sock", "stats.sock")] == before
    assert server.get().body == b"Hello World"
