"""Who an instance is: users, groups, roots, capabilities, and at which point of the start it becomes that."""

import os
import pathlib
import re
import signal
import subprocess

import pytest

from harness import paths, procs, users
from harness.server import ask, plain_environment, run
from harness.waiting import until

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="changing the user needs root")

NOBODY = 65534
AUTO = ("--http-socket", "127.0.0.1:0")
ROOT_LINE = "*** WARNING: you are running uWSGI as root !!! (use the --uid flag) *** \n"


@pytest.fixture
def place():
    """A directory that everybody may read, with the application of expressions in it."""
    with users.place(app="probe") as directory:
        yield directory


@pytest.fixture
def server_of(place, uwsgi):
    return users.starter(uwsgi, place, *AUTO)


@pytest.fixture
def probe(server_of, place):
    def start(*options, **kw):
        return server_of(*options, "--wsgi-file", place / "probe.py", **kw)
    return start


def refused(*args, **kw):
    return run(*args, code=1, **kw)


def status(pid, field):
    return re.search(rf"^{field}:[ \t]*(.*)$", pathlib.Path(f"/proc/{pid}/status").read_text(), re.M)[1].split()


def everybody(server):
    return procs.tree(server.pid)


# --- users and groups -----------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("uid, gid", [("nobody", "nogroup"), (str(NOBODY), str(NOBODY))], ids=["names", "numbers"])
def test_all_processes_become_the_user(probe, uid, gid):
    server = probe("-M", "-p", "2", "--uid", uid, "--gid", gid)
    text = server.log()
    assert text.index(f"setgid() to {NOBODY}\n") < text.index(f"setuid() to {NOBODY}\n") < text.index("your memory page size")
    assert ROOT_LINE not in text
    for pid in everybody(server):
        assert status(pid, "Uid") == status(pid, "Gid") == [str(NOBODY)] * 4


def test_root_is_warned(probe):
    text = probe("-M").log()
    assert text.count(ROOT_LINE) >= 1
    assert "uWSGI running as root, you can use --uid/--gid/--chroot options\n" in text
    assert text.index("uWSGI running as root") < text.index(ROOT_LINE)


@pytest.mark.parametrize("options, line", [
    (["--uid", "no-such-user"], "user no-such-user not found."),
    (["--gid", "no-such-group"], "group no-such-group not found."),
    (["--gid", str(NOBODY), "--add-gid", "no-such-group"], "unable to find group no-such-group"),
])
def test_nobody_of_that_name(tmp_path, nothing_left, options, line):
    assert f"{line}\n" in refused(*options, *AUTO, cwd=tmp_path)


@pytest.mark.parametrize("options, expected", [
    (["--uid", "daemon", "--gid", "daemon"], {1}),
    (["--uid", "daemon", "--gid", "daemon", "--add-gid", "games", "--add-gid", "7"], {60, 7}),
    (["--uid", "daemon", "--gid", "daemon", "--no-initgroups"], set()),
    (["--gid", "daemon"], set()),
], ids=["initgroups", "add-gid", "no-initgroups", "gid-alone"])
def test_supplementary_groups(probe, options, expected):
    server = probe("-M", *options)
    groups = set(map(int, status(server.worker_pids()[1], "Groups")))
    assert groups == expected
    for group in expected - {1}:
        assert re.search(rf"^set additional group {group} \(\w+\)$", server.log(), re.M)


@pytest.mark.parametrize("options, line", [
    (["--uid", "1"], "cannot setuid() as non-root user"), (["--gid", "1"], "cannot setgid() as non-root user"),
    (["--chroot", "/"], "cannot chroot() as non-root user"),
])
def test_who_is_not_root_is_refused(place, nothing_left, options, line):
    out = refused(*options, *AUTO, cwd="/", user=NOBODY, group=NOBODY, extra_groups=[])
    assert f"{line}\n" in out and "running as root" not in out


def test_who_is_it_already_is_not_refused(nothing_left):
    done = subprocess.run([paths.OURS, "--uid", str(NOBODY), "--gid", str(NOBODY), "--no-server", *AUTO], capture_output=True, text=True,
                          timeout=60, check=False, cwd="/", env=plain_environment(), user=NOBODY, group=NOBODY, extra_groups=[])
    assert done.returncode == 0, done.stderr
    assert "setuid()" not in done.stderr


def test_privileges_do_not_come_back_at_a_reload(probe):
    server = probe("-M", "--uid", str(NOBODY), "--gid", str(NOBODY))
    mark = server.mark()
    server.send(signal.SIGHUP)
    server.wait_log(r"^spawned uWSGI worker 1 ", after=mark)
    server.settle()
    assert ask(server, "os.getuid()", server.address(after=mark)) == str(NOBODY)
    assert "setuid()" not in server.log()[mark:] and "as root" not in server.log()[mark:]


# --- the points of the start ----------------------------------------------------------------------------------------------

POINTS = {
    "start": ([], r"setuid\(\) to 65534[\s\S]*uwsgi socket 0 bound"),
    "plugins": (["--drop-after-init"], r"uwsgi socket 0 bound[\s\S]*setuid\(\) to 65534[\s\S]*imported by 0"),
    "apps": (["--drop-after-apps"], r"imported by 0[\s\S]*setuid\(\) to 65534[\s\S]*spawned uWSGI master process"),
    "children": (["--master-as-root"], r"imported by 0[\s\S]*spawned uWSGI master process[\s\S]*setuid\(\) to 65534"),
}


@pytest.mark.parametrize("point", POINTS)
def test_the_point_of_the_drop(server_of, place, point):
    options, order = POINTS[point]
    order = order.replace("imported by 0", r"imported by \d+" if point == "plugins" else "imported by 0")
    module = place / "who.py"
    module.write_text("import os\nprint('imported by', os.getuid(), flush=True)\n" + (place / "probe.py").read_text())
    server = server_of("-M", "--uid", str(NOBODY), "--gid", str(NOBODY), *options, "--wsgi-file", module)
    server.wait_log(order)
    assert ask(server, "os.getuid()") == str(NOBODY)
    assert status(server.pid, "Uid")[0] == ("0" if point == "children" else str(NOBODY))
    assert ("imported by 0" in server.log()) == (point in ("apps", "children"))
    assert server.log().count("setuid() to 65534") == (1 if point != "children" else server.log().count("setuid() to"))


@pytest.mark.ours
def test_every_process_of_a_master_that_stays_root_drops_and_dies_with_it(probe):
    server = probe("-M", "--http", "127.0.0.1:0", "--mule", "--uid", str(NOBODY), "--gid", str(NOBODY), "--master-as-root")
    server.wait_log("spawned uWSGI mule 1")
    for pid in set(everybody(server)) - {server.pid}:
        until(lambda pid=pid: status(pid, "Uid") == [str(NOBODY)] * 4, f"the drop in {pid}")
    mark = server.mark()
    server.send(signal.SIGHUP)
    server.wait_log(r"RE\)spawned uWSGI master[\s\S]*spawned uWSGI mule 1", after=mark)
    for pid in set(everybody(server)) - {server.pid}:
        until(lambda pid=pid: not procs.alive(pid) or status(pid, "Uid") == [str(NOBODY)] * 4, f"the drop in {pid}")
    assert status(server.pid, "Uid") == ["0"] * 4
    server.expect = {-9}
    family = everybody(server)
    server.send(signal.SIGKILL)
    server.wait_exit()
    until(lambda: not any(procs.alive(pid) for pid in family), "the end of all")


@pytest.mark.ours
def test_a_drop_that_fails_in_a_child_is_told(server_of, place):
    server = server_of("-M", "--uid", "no-such-user", "--master-as-root", "--wsgi-file", place / "probe.py", ready=False).allow("DAMN")
    server.wait_log("user no-such-user not found.")


# --- root directories -----------------------------------------------------------------------------------------------------

@pytest.mark.ours
def test_chroot(server_of, place):
    """The interpreter and everything it reads are there: / is bound into the new root."""
    inside = place / "inside"
    inside.mkdir()
    wrapper = place / "wrapper"
    wrapper.write_text(f"#!/bin/sh\nmount --rbind / {inside} && exec {paths.OURS} \"$@\"\n")
    wrapper.chmod(0o755)
    launcher = place / "launcher"
    launcher.write_text(f'#!/bin/sh\n[ "$1" = --help ] && exec {paths.OURS} --help\nexec unshare -m --propagation private {wrapper} "$@"\n')
    launcher.chmod(0o755)
    server = server_of("-M", "--chroot", inside, "--uid", "nobody", "--gid", "nogroup", "--wsgi-file", place / "probe.py", binary=launcher)
    server.wait_log(rf"chroot\(\) to {inside}\nsetgid\(\) to {NOBODY}\nsetuid\(\) to {NOBODY}\n")
    assert os.readlink(f"/proc/{server.worker_pids()[1]}/root") == str(inside)
    assert ask(server, "os.getcwd()") == "'/'" or ask(server, "os.getcwd()") == "/"
    mark = server.mark()
    server.send(signal.SIGHUP)
    server.wait_log(r"^spawned uWSGI worker 1 ", after=mark)
    server.settle()
    assert "chroot()" not in server.log()[mark:] and os.readlink(f"/proc/{server.pid}/root") == str(inside)
    assert ask(server, "os.getuid()", server.address(after=mark)) == str(NOBODY)


def test_a_root_that_is_missing(tmp_path, nothing_left):
    assert "No such file or directory" in refused("--chroot", "/no/such/root", *AUTO, cwd=tmp_path)


# --- capabilities ---------------------------------------------------------------------------------------------------------

CAPABILITIES = ("--uid", str(NOBODY), "--gid", str(NOBODY), "--cap", "net_bind_service,sys_time,bogus")


def test_capabilities_stay(probe):
    server = probe("-M", *CAPABILITIES)
    server.wait_log(r"setting capability net_bind_service \[10\]\nsetting capability sys_time \[25\]\n")
    server.wait_log(r"\[security\] unknown capability: bogus\n")
    for pid in (server.pid, server.worker_pids()[1]):
        assert status(pid, "CapPrm") == status(pid, "CapEff") == ["0000000002000400"]
        assert status(pid, "CapAmb") == ["0" * 16]
    if server.ours:
        assert ask(server, "__import__('subprocess').check_output(['grep', 'CapEff', '/proc/self/status']).split()[1]").count("0") >= 16


@pytest.mark.ours
def test_capabilities_outlive_a_reload(probe):
    server = probe("-M", *CAPABILITIES)
    mark = server.mark()
    server.send(signal.SIGHUP)
    server.wait_log(r"^spawned uWSGI worker 1 ", after=mark)
    server.settle()
    assert status(server.worker_pids()[1], "CapEff") == ["0000000002000400"]
    assert status(server.worker_pids()[1], "CapAmb") == ["0" * 16]


def test_no_capability_at_all(tmp_path, nothing_left):
    assert "[security] empty capabilities mask !!!\n" in refused("--cap", "bogus", "--uid", str(NOBODY), *AUTO, cwd=tmp_path)


# --- log files ------------------------------------------------------------------------------------------------------------

def test_the_log_goes_to_the_user(probe, place):
    probe("-M", "--logto", place / "log", "--logfile-chown", "--uid", "nobody", "--gid", "nogroup", ready=False)
    until(lambda: (place / "log").exists() and "spawned uWSGI worker 1" in (place / "log").read_text(), "the log")
    assert ((place / "log").stat().st_uid, (place / "log").stat().st_gid) == (NOBODY, NOBODY)
