"""Listening sockets: the lines of every form of address, shared sockets, owners, and the locks beside them."""

import json
import os
import pathlib
import signal

from harness import wire

from .box import AUTO
from .scenarios import scenario

LINES = r"uwsgi (shared )?socket \d|autoip|abstract|chmod|TCP_FASTOPEN|mapped socket|VACUUM"


def forms(name, *options, only=LINES, **kw):
    """Both start with these options, answer on the first socket, and end."""
    def run(box):
        filled = [option.replace("PORT", str(box.port())) for option in options]
        server = box.serve("-M", *filled, "--wsgi-file", box.app("hello"))
        box.stop(server, only=only, **kw)
    run.__name__ = f"socket_{name}"
    scenario(run)


forms("fixed_port", "--http-socket", "127.0.0.1:PORT", "--socket", "127.0.0.1:PORT")
forms("autoip", "--http-socket", "127.*:0")
forms("ipv6", "--http-socket", "[::1]:PORT")
forms("unix", "--http-socket", "h.sock", "--socket", "u.sock", "--chmod-socket", "--vacuum")
forms("abstract", "--http-socket", f"@uwsgiparity{os.getpid()}")
forms("shared", "--shared-socket", "127.0.0.1:PORT", "--http-socket", "=0")
forms("shared_unix", "--shared-socket", "s.sock", "--undeferred-shared-socket", "127.0.0.1:PORT", "--http-socket", "=0", "--socket", "=1",
      "--vacuum", only=LINES.replace("|VACUUM", ""))
forms("shared_auto_port", "--shared-socket", AUTO, "--http-socket", "=0")
forms("shared_router", "--shared-socket", "127.0.0.1:PORT", "--http", "=0", only=r" bound (on|to) ")
forms("fast_open", "--http-socket", "127.0.0.1:PORT", "--tcp-fast-open", "5")
forms("mapped", "-p", "2", "--http-socket", "127.0.0.1:PORT", "--http-socket", "127.0.0.1:PORT", "--map-socket", "0:1", "--map-socket", "1:2",
      log="sorted")


def refused(name, *options):
    def run(box):
        server = box.serve(*options, "--wsgi-file", box.app("hello"), ready=False)
        box.note("exit", server.wait_exit())
        box.log(server, only=r"unable to|invalid socket|probably another|Listen queue")
    run.__name__ = f"socket_refused_{name}"
    scenario(run)


refused("autoip", "--http-socket", "203.0.113.*:0")
refused("shared", "--http-socket", "=0")
refused("long", "--http-socket", "/" + "x" * 120)
refused("owner", "--http-socket", "o.sock", "--chown-socket", "no-such-user")
refused("group", "--http-socket", "o.sock", "--chown-socket", "daemon:no-such-group")


@scenario
def socket_reload_lines(box):
    """Where sockets come from after a reload."""
    ports = [str(box.port()) for _ in range(2)]
    server = box.serve("-M", "--shared-socket", f"127.0.0.1:{ports[0]}", "--http-socket", f"127.0.0.1:{ports[1]}", "--socket", "u.sock",
                       "--http-socket", "=0", "--wsgi-file", box.app("hello"))
    mark = server.mark()
    server.send(signal.SIGHUP)
    server.wait_log(r"^spawned uWSGI worker 1 ", after=mark)
    server.settle()
    lines = box.normal.lines(server.log()[mark:])
    box.seen += [f"log| {line}" for line in lines if line.startswith(("uwsgi socket", "uwsgi shared socket"))]
    box.wire("after", wire.raw(("127.0.0.1", int(ports[0])), wire.request_bytes()))
    box.stop(server, "none")


@scenario
def socket_owner(box):
    """Owner, group and mode of a path as root gives them away."""
    if os.geteuid():
        box.note("skip", "only root may")
        return
    for owner in ("daemon", "daemon:nogroup", "1:2"):
        path = pathlib.Path(box.directory, "owned.sock")
        server = box.serve("-M", "--http-socket", path, "--chown-socket", owner, "--chmod-socket=660", "--wsgi-file", box.app("hello"))
        found = path.stat()
        box.note("owner", f"{owner}: {found.st_uid} {found.st_gid} {found.st_mode & 0o777:o}")
        box.stop(server, "none")
        path.unlink(missing_ok=True)


@scenario
def locks_in_stats(box):
    """Names, order, and the holder of a lock."""
    server = box.serve("-M", "--locks", "2", "--thunder-lock", "--stats", "stats.sock", "--http-socket", AUTO, "--wsgi-file", box.app("locks"))

    def note(what):
        found = json.loads(wire.raw(str(box.directory / "stats.sock"), b""))["locks"]
        worker = server.worker_pids()[1]
        held = {pid: "WORKER" for pid in (worker,)} | {0: "0"}
        # The original holds the lock of accept while it waits, this server while it accepts.
        shown = [(name, held.get(pid, "OTHER") if name != "thunder" else "") for entry in found for name, pid in entry.items()]
        box.note(what, shown)

    note("free")
    for path in ("/lock/1", "/is_locked/1", "/is_locked/2"):
        answer = wire.http(server.address(), path).body.decode().partition(" ")[2]
        box.note("lock", f"{path} {answer}")
    note("held")
    box.note("lock", wire.http(server.address(), "/unlock/1").body.decode().partition(" ")[2])
    note("given back")
    box.stop(server, "none")


@scenario
def lock_of_a_dead_worker(box):
    server = box.serve("-M", "-p", "2", "--http-socket", AUTO, "--wsgi-file", box.app("locks"))
    wire.raw(server.address(), wire.request_bytes(path="/die"))
    server.wait_log(r"Respawned uWSGI worker \d")
    box.note("lock", wire.http(server.address(), "/lock").body.decode().partition(" ")[2])
    server.wait_log("recovering")
    box.stop(server, "sorted", only="deadlock-detector.*recovering")
