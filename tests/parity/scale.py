"""How many workers run: decisions under the same load, life without workers, pauses."""

import pathlib
import re
import signal

from harness.crowd import Crowd
from harness.waiting import until

from .box import AUTO
from .scenarios import scenario

COURSE = r"pawned uWSGI worker (\d)|uWSGI worker (\d) cheaped\.$|worker (\d) killed successfully"


def course(box, server):
    """Who was started and stopped, in order."""
    for found in re.finditer(COURSE, server.log(), re.M):
        line = found[0].replace("pawned", "started")
        box.note("course", re.sub(r"^\D*started", "started", line))


def crowd(box, server):
    return Crowd(server.address(), pathlib.Path(box.directory))


def held(box, *options, workers=1):
    return box.serve("--http-socket", AUTO, "-M", "-p", "3", "--cheaper", "1", *options, "--wsgi-file", box.app("holding"), ready=False).ready(workers)


def shrunk(server, count):
    until(lambda: len(re.findall(r"worker \d cheaped\.$", server.log(), re.M)) >= count, f"{count} put away", 30)


@scenario
def cheaper_spare_course(box):
    server = held(box, "--cheaper-overload", "1")
    clients = crowd(box, server).join()
    server.wait_log("spawned uWSGI worker 2", 30)
    clients.join()
    server.wait_log("spawned uWSGI worker 3", 30)
    clients.answered()
    shrunk(server, 2)
    clients.join()
    server.wait_log(r"Respawned uWSGI worker 1", 30)
    clients.answered()
    shrunk(server, 3)
    course(box, server)


@scenario
def cheaper_backlog_course(box):
    server = held(box, "--cheaper-algo", "backlog", "--cheaper-overload", "1")
    clients = crowd(box, server).join(5)
    server.wait_log("spawned uWSGI worker 3", 30)
    clients.answered()
    shrunk(server, 2)
    course(box, server)


@scenario
def cheaper_step_and_initial(box):
    server = held(box, "--cheaper-overload", "1", "--cheaper-step", "2")
    clients = crowd(box, server).join()
    server.wait_log("spawned uWSGI worker 3", 30)
    clients.answered()
    course(box, server)
    held(box, "--cheaper-initial", "2", "--cheaper-algo", "manual", workers=2)


@scenario
def cheaper_busyness_lines(box):
    server = held(box, "--cheaper-algo", "busyness", "--cheaper-overload", "1", "--cheaper-busyness-multiplier", "1",
                  "--cheaper-busyness-backlog-alert", "2")
    clients = crowd(box, server).join(8)
    server.wait_log(r"already started maximum number of workers available", 30)
    clients.answered()
    server.wait_log(r"cheap one of 2 running workers", 60)
    shrunk(server, 2)
    lines = {re.sub(r"\d+", "N", line) for line in re.findall(r"^\[busyness\].*$", server.log(), re.M)}
    # The original takes a running request for a whole window of work, so which of the two ways up comes first differs.
    either = ("spawning N emergency", "will spawn", "respawned to fast")
    box.note("busyness", "\n".join(sorted(line for line in lines if not any(way in line for way in either))))


@scenario
def cheaper_unknown_algorithm(box):
    server = held(box, "--cheaper-algo", "sparse")
    server.wait_log("falling back to spare")
    box.note("log", "\n".join(re.findall(r"^.*falling back to spare$", server.log(), re.M)))


@scenario
def cheap_and_idle(box):
    server = box.serve("--http-socket", AUTO, "-M", "-p", "3", "--cheaper", "1", "--cheap", "--idle", "1", "--wsgi-file", box.app("hello"), ready=False)
    server.wait_log("cheap mode enabled")
    for _ in range(2):
        after = server.mark()
        box.get(server, "/")
        server.wait_log("inactive for more than", after=after)
        server.wait_log("cheap mode enabled", 30, after=server.log().rindex("inactive"))
    lines = re.findall(r"^(?:cheap mode.*|workers have been.*|.*pawned uWSGI worker.*)$", server.log(), re.M)
    box.note("log", "\n".join(re.sub(r"\d+-\d+|pid: \d+", "N", line) for line in lines))


@scenario
def die_on_idle(box):
    server = box.serve("--http-socket", AUTO, "-M", "--idle", "1", "--die-on-idle", "--wsgi-file", box.app("hello"))
    box.note("exit", server.wait_exit(30))
    box.note("log", re.sub(r"\d+-\d+", "N", re.search(r"^workers have been inactive.*$", server.log(), re.M)[0]))


@scenario
def pause_and_resume(box):
    server = box.serve("--http-socket", AUTO, "-M", "--wsgi-file", box.app("hello"))
    for line in (r"worker 1 suspended", r"worker 1 resumed"):
        server.send(signal.SIGTSTP)
        server.wait_log(line)
    box.get(server, "/")
    box.note("log", "\n".join(re.findall(r"^.*\*\*\* (?:PAUSE|\(SIGTSTP|worker).*$", server.log(), re.M)))
