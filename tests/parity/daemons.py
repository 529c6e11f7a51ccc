"""Attached daemons: the lines of their lives, and who is whose child."""

import os
import pathlib
import re
import signal

from harness import procs
from harness.waiting import until

from .box import AUTO
from .scenarios import scenario

ABOUT = "uwsgi-daemons|^daemon|subprocess|graceful shutdown|goodbye|invalid|unable to stat"
PIDFILE = """import os, sys, signal
if os.fork():
    os._exit(0)
os.setsid()
open(sys.argv[1], "w").write(f"{os.getpid()}\\n")
signal.pause()
"""


def daemons(server) -> list[int]:
    """Children of the master that are no part of the server."""
    def is_ours(pid):
        return "uwsgi" in pathlib.Path(f"/proc/{pid}/comm").read_text()
    return [pid for pid in procs.children(server.pid) if procs.alive(pid) and not is_ours(pid)]


def one(server) -> int:
    return until(lambda: len(found := daemons(server)) == 1 and found[0], "one daemon")


def serve(box, *options, **kw):
    return box.serve("--http-socket", AUTO, "-M", "--wsgi-file", box.app("hello"), *options, **kw)


def describe(box, pid: int) -> None:
    stdin = os.readlink(f"/proc/{pid}/fd/0")
    words = pathlib.Path(f"/proc/{pid}/cmdline").read_text().split("\0")
    sockets = [fd for fd in os.listdir(f"/proc/{pid}/fd") if os.readlink(f"/proc/{pid}/fd/{fd}").startswith("socket")]
    box.note("tree", f"{words} leads a session: {os.getsid(pid) == pid}, stdin {stdin}, sockets {sockets}")


@scenario
def daemon_lives(box):
    server = serve(box, "--attach-daemon", "exec sleep 1000")
    until(lambda: "sleep" in pathlib.Path(f"/proc/{one(server)}/comm").read_text(), "its exec")
    first = one(server)
    describe(box, first)
    os.kill(first, signal.SIGKILL)
    until(lambda: [pid for pid in daemons(server) if pid != first], "the next")
    server.wait_log("respawning")
    until(lambda: "sleep" in pathlib.Path(f"/proc/{one(server)}/comm").read_text(), "its exec")
    box.stop(server, only=ABOUT)


@scenario
def daemon_control(box):
    server = serve(box, "--attach-control-daemon", "exec sleep 1000")
    until(lambda: "sleep" in pathlib.Path(f"/proc/{one(server)}/comm").read_text(), "its exec")
    describe(box, one(server))
    os.kill(one(server), signal.SIGKILL)
    box.note("exit", server.wait_exit())
    box.log(server, only=ABOUT)


@scenario
def daemon_smart_over_reload_and_stop(box):
    program = box.file("background.py", PIDFILE)
    server = serve(box, "--smart-attach-daemon", f"{box.directory}/d.pid python3 {program} {box.directory}/d.pid")
    pid = int(until(lambda: (file := box.directory / "d.pid").exists() and file.read_text(), "the pidfile"))
    server.wait_log("found changed pid")
    mark = server.mark()
    server.send(signal.SIGHUP)
    server.wait_log("found valid/active pidfile", after=mark)
    server.wait_log(r"spawned uWSGI worker 1 \(", after=mark)
    server.settle()
    box.note("tree", f"the same: {procs.alive(pid)}")
    box.stop(server, "none")
    lines = [line for line in box.normal.lines(server.log()) if re.search(ABOUT, line)]
    box.note("log", re.sub(r"(_pid:|subprocess) \d+", r"\1 PID", "\n".join(lines)))
    box.note("tree", f"still there: {procs.alive(pid)}")
    procs.kill_quietly(pid)


@scenario
def daemon_dumb_over_reload(box):
    server = serve(box, "--attach-daemon", "exec sleep 1000")
    first = one(server)
    until(lambda: "sleep" in pathlib.Path(f"/proc/{first}/comm").read_text(), "its exec")
    mark = server.mark()
    server.send(signal.SIGHUP)
    server.wait_log(r"\[uwsgi-daemons\] spawning", after=mark)
    box.note("tree", f"another one: {one(server) != first}")
    until(lambda: "sleep" in pathlib.Path(f"/proc/{one(server)}/comm").read_text(), "its exec")
    server.settle()
    box.stop(server, only=ABOUT)


@scenario
def daemon_throttled(box):
    server = serve(box, "--attach-daemon", "exit 3")
    def lines():
        return [line for line in box.normal.lines(server.log()) if re.search("uwsgi-daemons|subprocess", line)]

    until(lambda: len(lines()) >= 3, "a respawn")
    box.note("log", "\n".join(lines()[:3]))
    box.stop(server, "none")


@scenario
def daemon_touched(box):
    touched = pathlib.Path(box.file("touched", ""))
    server = serve(box, "--attach-daemon2", f"cmd=exec sleep 1000,touch={touched}")
    first = one(server)
    until(lambda: "sleep" in pathlib.Path(f"/proc/{first}/comm").read_text(), "its exec")
    os.utime(touched, (2e9, 2e9))
    server.wait_log("respawning", 20)
    until(lambda: "sleep" in pathlib.Path(f"/proc/{one(server)}/comm").read_text(), "its exec")
    box.log(server, only=ABOUT + "|been touched")
    box.stop(server, "none")


def refused(name, *options):
    def run(box):
        server = serve(box, *options, ready=False)
        box.note("exit", server.wait_exit())
        box.log(server, only="attach|keyval|legion daemon")
    run.__name__ = f"daemon_refused_{name}"
    scenario(run)


refused("smart", "--smart-attach-daemon", "justonefile")
refused("no_command", "--attach-daemon2", "pidfile=/tmp/x")


@scenario
def daemon_alone(box):
    server = box.serve("--attach-daemon", "exec sleep 1000", ready=False)
    server.wait_log("spawning")
    until(lambda: "sleep" in pathlib.Path(f"/proc/{one(server)}/comm").read_text(), "its exec")
    server.wait_log(r"spawned uWSGI (worker 1|master)")
    box.note("exit", server.stop())
    box.log(server, only=ABOUT + "|spawned|MODE|missing|buried")


@scenario
def daemon_in_the_stats(box):
    server = serve(box, "--attach-daemon", "exec sleep 1000", "--stats", "st.sock")
    pid = one(server)
    until(server.stats_answer, "stats")
    [daemon] = server.wait_stats(lambda d: d["daemons"][0]["pid"], "the pid")["daemons"]
    box.note("stats", [(key, daemon[key] if key != "pid" else daemon[key] == pid) for key in ("cmd", "pid", "respawns")])
    box.note("stats", list(server.stats())[list(server.stats()).index("cwd"):][:3])
    box.stop(server, "none")
