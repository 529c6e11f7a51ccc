"""Phases of hooks: their order over a start, a reload and a stop, next to the C server; failures; what waits in the master."""

import os
import re
import signal
import subprocess
import time

import pytest

from harness import paths, procs
from harness.waiting import until

ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="phases around the change of the user need root")
SERVERS = {"ours": paths.OURS, "original": paths.ORIGINAL}
FATAL = "FATAL hook failed, destroying instance"

# Option, label in the log, for everything that a start without an Emperor and without a jail passes.
START = [("asap", "asap"), ("pre-jail", "pre-jail"), ("in-jail", "in-jail"), ("as-root", "as root"), ("as-user", "as user"),
         ("pre-app", "pre app"), ("post-app", "post app")]
WORKER = ["post-fork", "accepting", "accepting-once", "accepting1", "accepting1-once"]
OTHERS = [("as-mule", "as-mule"), ("as-gateway", "as-gateway"), ("master-start", "master-start"), ("as-user-atexit", "atexit")]
HARD = {"mount-asap", "exec-asap", "exec-pre-jail", "exec-in-jail", "exec-as-root", "exec-as-user", "exec-pre-app", "exec-post-app", "exec-as-user-atexit"}


def marked(*options) -> list[str]:
    """Each phase prints its own name; phases with commands run one too."""
    args = []
    for option in [*(name for name, _ in START + OTHERS), *WORKER]:
        args += [f"--hook-{option}", f"print:{option}"]
    for option in sorted(name for name in HARD if name.startswith("exec-")):
        args += [f"--{option}", f"true {option}"]
    return [*args, *options]


def ran(text: str) -> list[str]:
    """What ran, as the log tells: hooks by the label of their phase, commands by themselves."""
    found = []
    for value, label in re.findall(r'^running "(.*)" \((.*)\) ?\.\.\.$', text, re.M):
        found.append(label if value.startswith("print:") else value.removeprefix("true "))
    return found


def once(found: list[str]) -> list[str]:
    """The C server runs what is around the change of the user up to four times while it stays root."""
    around = {"as root", "exec-as-root", "as user", "exec-as-user"}
    return [one for at, one in enumerate(found) if one not in around or one not in found[:at]]


def of(found: list[str], *labels: str) -> list[str]:
    return [one for one in found if one in labels]


def instance(uwsgi, kind, *options, **kw):
    return uwsgi("--http-socket", "127.0.0.1:0", "-M", *options, binary=SERVERS[kind], **kw)


def life(uwsgi, kind, *options) -> tuple[list[str], list[str], list[str]]:
    """What a start, a reload and a stop run."""
    server = instance(uwsgi, kind, "--mule", *marked(*options))
    server.wait_log(r"\(master-start\)\.\.\.$")
    server.wait_log(r"\(as-mule\)\.\.\.$")
    server.wait_log(r"\(accepting1-once\)\.\.\.$")
    mark = server.mark()
    server.send(signal.SIGHUP)
    for label in ("master-start", "as-mule", "accepting1-once"):
        server.wait_log(rf"\({label}\)\.\.\.$", after=mark)
    server.settle()
    end = server.mark()
    server.stop()
    log = server.log()
    return ran(log[:mark]), ran(log[mark:end]), ran(log[end:])


def both_lives(uwsgi, *options):
    lives = [life(uwsgi, kind, *options) for kind in SERVERS if SERVERS[kind].exists()]
    if len(lives) < 2:
        pytest.skip("no C server to compare with")
    return lives


LAUNCHER = [label for _, label in START] + sorted(name for name in HARD if name.startswith("exec-"))


@ROOT
def test_phases_run_in_the_order_of_the_c_server(uwsgi):
    ours, theirs = both_lives(uwsgi)
    for what, mine, other in zip(("start", "reload", "stop"), ours, map(once, theirs), strict=True):
        assert sorted(mine) == sorted(other), what
        assert of(mine, *LAUNCHER, "atexit") == of(other, *LAUNCHER, "atexit"), f"before the fork, at a {what}"
        assert of(mine, *WORKER) == of(other, *WORKER), f"in a worker, at a {what}"
    start, reload, stop = ours
    assert of(start, *LAUNCHER) == ["asap", "exec-asap", "pre-jail", "exec-pre-jail", "in-jail", "exec-in-jail", "as root", "exec-as-root",
                                    "as user", "exec-as-user", "pre app", "exec-pre-app", "post app", "exec-post-app"]
    assert of(start, *WORKER) == WORKER
    assert reload[:2] == ["atexit", "exec-as-user-atexit"], "before the next image"
    assert of(reload, *LAUNCHER) == ["exec-as-user-atexit", *(one for one in of(start, *LAUNCHER) if "pre-jail" not in one)]
    assert stop == ["atexit", "exec-as-user-atexit"]


@ROOT
def test_a_late_change_of_the_user_takes_its_phases_along(uwsgi):
    ours, theirs = both_lives(uwsgi, "--drop-after-apps")
    for what, mine, other in zip(("start", "reload"), ours, theirs):
        assert of(mine, *LAUNCHER) == of(other, *LAUNCHER), what
        assert of(mine, *LAUNCHER)[-4:] == ["as root", "exec-as-root", "as user", "exec-as-user"]


@ROOT
@pytest.mark.ours
def test_with_a_root_master_each_worker_changes_for_itself(uwsgi):
    server = instance(uwsgi, "ours", "-p", "2", "--master-as-root", "--gid", "65534", "--hook-as-root", "exec:id -g >&2",
                      "--exec-as-user", "id -g >&2", "--hook-asap", "print:x")
    server.ready(2)
    server.quiet()
    log = server.log()
    assert len(re.findall(r"^0$", log, re.M)) == len(re.findall(r"^65534$", log, re.M)) == 2
    assert log.index("spawned uWSGI master process") < log.index("(as root)...")


@ROOT
@pytest.mark.ours
def test_commands_run_as_who_their_phase_says(tmp_path):
    options = [arg for phase in ("asap", "in-jail", "as-root", "as-user", "pre-app") for arg in (f"--exec-{phase}", f"echo {phase} `id -u` `id -g`")]
    done = subprocess.run([paths.OURS, "--http-socket", "127.0.0.1:0", "--no-server", "--uid", "65534", "--gid", "65534", *options],
                          capture_output=True, text=True, timeout=60, cwd="/")
    assert done.stdout == "asap 0 0\nin-jail 0 0\nas-root 0 0\nas-user 65534 65534\npre-app 65534 65534\n", done.stderr
    assert 'running "echo as-user `id -u` `id -g`" (as uid: 65534 gid: 65534) ...' in done.stderr


@ROOT
@pytest.mark.ours
def test_an_instance_that_stays_root_passes_the_change_of_the_user_once(uwsgi):
    start, reload, _ = life(uwsgi, "ours")
    for found in (start, reload):
        assert of(found, "as root", "exec-as-root", "as user", "exec-as-user") == ["as root", "exec-as-root", "as user", "exec-as-user"]
    assert "pre-jail" in start and "pre-jail" not in reload


@ROOT
@pytest.mark.ours
def test_without_root_the_change_of_the_user_is_left_out_and_said(tmp_path):
    options = ["--http-socket", "127.0.0.1:0", "--hook-as-root", "print:no", "--exec-as-user", "true", "--hook-in-jail", "print:yes", "--no-server"]
    done = subprocess.run(["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", paths.OURS, *options],
                          capture_output=True, text=True, timeout=30, cwd="/")
    assert "not started as root, these are skipped: hook-as-root, exec-as-user\n" in done.stderr
    assert ran(done.stderr) == ["in-jail"] and done.returncode == 0


@ROOT
@pytest.mark.ours
def test_the_jail_phase_needs_a_jail(uwsgi):
    options = ["--hook-post-jail", "print:x", "--exec-post-jail", "true exec-post-jail"]
    assert ran(instance(uwsgi, "ours", *options).log()) == []
    assert ran(instance(uwsgi, "ours", "--jailed", *options).log()) == ["post-jail", "exec-post-jail"]


@pytest.mark.parametrize("kind", SERVERS)
def test_a_router_runs_its_phase(uwsgi, kind):
    if not SERVERS[kind].exists():
        pytest.skip("no C server here")
    server = uwsgi("--http", "127.0.0.1:0", "-M", "--hook-as-gateway", "print:gate", binary=SERVERS[kind], ready=False)
    server.wait_log(r'^running "print:gate" \(as-gateway\)\.\.\.$')
    server.wait_log(r"^gate$")
    server.settle()


@pytest.mark.ours
def test_lazy_applications_load_between_their_phases_in_each_worker(uwsgi, app):
    server = instance(uwsgi, "ours", "-p", "2", "--lazy-apps", "--wsgi-file", app("hello"), *marked())
    server.ready(2)
    server.quiet()
    for label in ("pre app", "post app", "post-fork", "accepting", "accepting-once"):
        assert ran(server.log()).count(label) == 2, label
    assert ran(server.log()).count("accepting1") == ran(server.log()).count("accepting1-once") == 1


@pytest.mark.ours
def test_a_worker_that_comes_back_is_no_first_one(uwsgi):
    server = instance(uwsgi, "ours", *marked()).allow("DAMN")
    mark, victim = server.mark(), server.worker_pids()[1]
    os.kill(victim, signal.SIGKILL)
    until(lambda: server.worker_pids()[1] != victim, "another worker")
    server.wait_log(r"\(accepting1\)\.\.\.$", after=mark)
    server.settle()
    assert of(ran(server.log()[mark:]), *WORKER) == ["post-fork", "accepting", "accepting1"]


@pytest.mark.ours
def test_without_a_master_the_first_process_runs_what_is_its_own(uwsgi):
    server = uwsgi("--http-socket", "127.0.0.1:0", *marked())
    until(lambda: of(ran(server.log()), *WORKER) == WORKER, "its phases as a worker")
    server.settle()
    assert "has no effect without \"master\"" in server.log()
    mark = server.mark()
    server.stop()
    assert ran(server.log()[mark:]) == ["atexit", "exec-as-user-atexit"]


@pytest.mark.ours
@pytest.mark.parametrize("option, value, line", [
    ("hook-accepting", "nope:x", "hook action not found: nope"),
    ("hook-asap", "prnt:x", "hook action not found: prnt"),
    ("hook-asap", "exec", "invalid hook syntax, must be hook:args"),
    ("hook-touch", "/f", "invalid hook syntax, must be hook:args"),
    ("hook-post-fork", "chmod:/f 9", "hook chmod: invalid argument, must be <file> <3 or 4 octal digits>"),
    ("mount-as-root", "proc none /p bogus", 'unknown mount flag "bogus"'),
    ("umount-as-root", "", "uwsgi_umount_hook() invalid syntax"),
    ("hook-accepting", "!chmod:/secret 9", "hook chmod: invalid argument, must be <file> <3 or 4 octal digits>"),
])
def test_what_cannot_work_ends_the_start_before_anything_runs(option, value, line):
    done = subprocess.run([paths.OURS, "--http-socket", "127.0.0.1:0", "-M", "--exec-asap", "true", f"--{option}={value}"],
                          capture_output=True, text=True, timeout=30)
    assert done.returncode == 1 and line in done.stderr and option in done.stderr
    assert "running" not in done.stderr
    assert ("secret" not in done.stderr) or not value.startswith("!")


@pytest.mark.ours
@pytest.mark.parametrize("phase, who", [("asap", "launcher"), ("pre-app", "launcher"), ("post-fork", "child"), ("accepting", "child"),
                                        ("as-mule", "child"), ("as-gateway", "child"), ("master-start", "master")])
def test_a_hook_that_must_not_fail_ends_the_instance(uwsgi, phase, who):
    options = ["--http", "127.0.0.1:0"] if phase == "as-gateway" else ["--http-socket", "127.0.0.1:0"]
    server = uwsgi(*options, "-M", "--mule", f"--hook-{phase}", "exec:exit 7", ready=False)
    server.expect = {1}
    assert server.wait_exit() == 1
    log = server.log()
    assert 'command "exit 7" exited with non-zero code: 7\n' in log
    assert len(re.findall(rf"^\w{{3}} \w{{3}} +\d+ [\d:]+ \d{{4}} - {FATAL}$", log, re.M)) == 1
    assert ("SIGINT/SIGTERM received...killing workers..." in log) == (who != "launcher")


def test_in_the_c_server_the_same_hook_ends_it_too(uwsgi):
    if not paths.ORIGINAL.exists():
        pytest.skip("no C server here")
    server = instance(uwsgi, "original", "--hook-accepting", "exec:exit 7", ready=False)
    server.expect = {0}
    assert server.wait_exit() == 0, "where ours tells the service manager"
    assert 'command "exit 7" exited with non-zero code: 7\n' in server.log() and FATAL in server.log()


@pytest.mark.ours
def test_commands_and_functions_of_a_phase_end_the_start_as_their_phase_says(uwsgi):
    for options, code, line in [
        (["--exec-asap", "exit 3"], 1, 'command "exit 3" exited with non-zero code: 3'),
        (["--call-asap", "no_such_function"], 1, 'unable to call function "no_such_function"'),
        (["--call-post-app", "no_such_function", "--no-server"], 0, 'unable to call function "no_such_function"'),
        (["--hook-asap", "exit:42"], 42, 'running "exit:42" (asap)...'),
        (["--exec-asap", "kill -9 $$"], 1, 'command "kill -9 $$" killed by signal 9'),
    ]:
        server = uwsgi("--http-socket", "127.0.0.1:0", *options, ready=False)
        server.expect = {code}
        assert server.wait_exit() == code, options
        assert line in server.log()
        assert FATAL not in server.log()


@pytest.mark.ours
def test_hooks_of_the_master_start_run_in_order_while_it_serves(uwsgi, tmp_path):
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    server = instance(uwsgi, "ours", "--hook-master-start", f"exec:read line < {gate}", "--hook-master-start", f"chdir:{tmp_path}",
                      "--hook-master-start", "exec:pwd > where", "--stats", tmp_path / "stats")
    server.wait_log(r"\(master-start\)\.\.\.$")
    assert server.stats()["workers"][0]["status"] == "idle", "it serves"
    assert "chdir" not in server.log()
    gate.write_text("go\n")
    until(lambda: (tmp_path / "where").exists() and (tmp_path / "where").read_text() == f"{tmp_path}\n", "the last hook")
    until(lambda: {"phase": "master-start", "run": 3} == {k: v for k, v in server.stats().get("hooks", [{}])[-1].items() if k in ("phase", "run")},
          "the counts")


@pytest.mark.ours
def test_a_hook_under_way_may_end_within_the_mercy(uwsgi, tmp_path):
    gate, done = tmp_path / "gate", tmp_path / "done"
    os.mkfifo(gate)
    server = instance(uwsgi, "ours", "--hook-master-start", f"exec:read line < {gate}; touch {done}")
    server.wait_log(r"\(master-start\)\.\.\.$")
    server.send(signal.SIGINT)
    server.wait_log("worker 1 buried")
    assert server.process.poll() is None
    gate.write_text("go\n")
    assert server.wait_exit() == 0 and done.exists()


@pytest.mark.ours
def test_what_runs_at_the_end_is_bounded(uwsgi, tmp_path):
    pidfile = tmp_path / "pid"
    server = instance(uwsgi, "ours", "--worker-reload-mercy", "1", "--exec-as-user-atexit", f"echo $$ > {pidfile}; exec sleep 1000")
    began = time.monotonic()
    assert server.stop() == 0
    assert time.monotonic() - began < 15
    assert not procs.alive(int(pidfile.read_text()))


@pytest.mark.ours
@pytest.mark.parametrize("phase", ["master-start", "as-user-atexit"])
def test_commands_below_a_shell_end_with_their_hook(uwsgi, tmp_path, phase):
    pidfile = tmp_path / "pid"
    server = instance(uwsgi, "ours", "--worker-reload-mercy", "1", f"--hook-{phase}", f"exec:sleep 1000 & echo $! > {pidfile}; wait")
    if phase == "master-start":
        until(lambda: pidfile.exists() and pidfile.read_text().endswith("\n"), "the command")
    assert server.stop() == 0
    until(lambda: not procs.alive(int(pidfile.read_text())), "the end of the command")


@pytest.mark.ours
def test_a_failure_at_the_end_is_told_and_nothing_more(uwsgi):
    server = instance(uwsgi, "ours", "--hook-as-user-atexit", "exec:exit 4", "--hook-as-user-atexit", "print:still", "--exec-as-user-atexit", "exit 5")
    mark = server.mark()
    assert server.stop() == 0
    assert re.findall(r'^(?:running.*|command.*|still)$', server.log()[mark:], re.M) == [
        'running "exec:exit 4" (atexit)...', 'command "exit 4" exited with non-zero code: 4', 'running "print:still" (atexit)...', "still",
        f'running "exit 5" (as uid: {os.getuid()} gid: {os.getgid()}) ...', 'command "exit 5" exited with non-zero code: 5']
    assert FATAL not in server.log()


@pytest.mark.ours
@pytest.mark.parametrize("phase", ["asap", "pre-app", "post-fork", "accepting", "as-mule"])
def test_no_waiting_hook_keeps_its_process_from_ending(uwsgi, tmp_path, phase):
    pidfile = tmp_path / "pid"
    server = instance(uwsgi, "ours", "--mule", f"--hook-{phase}", f"exec:echo $$ > {pidfile}; exec sleep 1000", ready=False)
    until(lambda: pidfile.exists() and pidfile.read_text().endswith("\n"), "the command")
    assert server.stop() == 0
    until(lambda: not procs.alive(int(pidfile.read_text())), "the end of the command")


@pytest.mark.ours
def test_phases_of_the_emperor_are_named_as_pending(uwsgi):
    server = instance(uwsgi, "ours", "--hook-as-emperor", "print:x", "--exec-as-vassal", "true", "--hook-emperor-stop", "nope:x")
    for option in ("hook-as-emperor", "exec-as-vassal", "hook-emperor-stop"):
        assert len(re.findall(rf'option "{option}" .*is not implemented yet: ignored', server.log())) == 1


@pytest.mark.ours
def test_counts_go_on_over_a_reload(uwsgi, tmp_path):
    server = instance(uwsgi, "ours", "--stats", tmp_path / "stats", "--hook-asap", "print:x", "--hook-post-fork", "safeexec:false",
                      "--hook-post-app", "print:x")
    def counts():
        return {one["phase"]: (one["run"], one["failed"]) for one in server.stats()["hooks"]}
    until(lambda: counts() == {"asap": (1, 0), "post app": (1, 0), "post-fork": (1, 0)}, "the counts of the start")
    mark = server.mark()
    server.send(signal.SIGHUP)
    server.wait_log(r"\(post-fork\)\.\.\.$", after=mark)
    server.wait_stats(lambda document: any(one["phase"] == "post-fork" and one["run"] == 2 for one in document.get("hooks", [])), "both starts")
    assert counts()["asap"] == (2, 0)
