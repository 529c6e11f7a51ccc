"""Listening sockets: every form of address, shared sockets, owners, mappings, tuning, and their end."""

import contextlib
import ctypes
import os
import pathlib
import re
import signal
import socket

import pytest

from harness import fifo, wire
from harness.server import free_port
from harness.waiting import until

ROOT = os.geteuid() == 0
needs_root = pytest.mark.skipif(not ROOT, reason="only root may change owners and users")
TCP_DEFER_ACCEPT, TCP_FASTOPEN, IP_FREEBIND = 9, 23, 15


def reloaded(server, number=signal.SIGHUP):
    """A reload, until the new workers accept."""
    mark = server.mark()
    server.send(number)
    server.wait_log(r"^(spawned uWSGI worker \d|\*\*\* Stats server enabled)", after=mark)
    server.settle()
    return mark


def shared_address(server, number=0, after=0):
    line = server.wait_log(rf"uwsgi shared socket {number} (?:bound to|inherited) \w+ address (\S+) fd (\d+)", after=after)
    host, _, port = line[1].rpartition(":")
    return (host.strip("[]"), int(port)) if host else line[1]


# --- forms of addresses ---------------------------------------------------------------------------------------------------

@pytest.mark.ours  # the original gives kernel-chosen ports anew
def test_every_form_is_bound_reachable_and_the_same_after_two_reloads(uwsgi, app, tmp_path):
    """One instance with all of them: numbers follow the options, each answers, none moves."""
    fixed, v6, name = free_port(), free_port(socket.AF_INET6, "::1"), f"uwsgiforms{os.getpid()}"
    with socket.socket() as given:
        given.bind(("127.0.0.1", 0))
        given.listen(16)
        given_port = given.getsockname()[1]
        forms = [f"127.0.0.1:{fixed}", "127.0.0.1:0", "localhost:", f"[::1]:{v6}", "127.0.*:0", tmp_path / "abs.sock",
                 "rel.sock", f"@{name}", f"fd://{given.fileno()}", "=0"]
        args = [part for form in forms for part in ("--http-socket", form)]
        server = uwsgi("-M", "--vacuum", "--shared-socket", "127.0.0.1:0", *args, "--wsgi-file", app("hello"), pass_fds=[given.fileno()])
    server.wait_log(r"\[uwsgi-autoip\] found 127\.0\.0\.1:0 for 127\.0\.\*:0 on interface lo")
    log = server.log()
    families = [*["TCP"] * 3, "TCP6", "TCP", *["UNIX"] * 3]
    for index, family in enumerate(families):
        assert re.search(rf"uwsgi socket {index} bound to {family} address \S+ (\(port auto-assigned\) )?fd \d+", log), index
    assert re.search(rf"uwsgi socket 8 inherited INET address 127\.0\.0\.1:{given_port} fd \d+", log)
    assert re.search(r"uwsgi socket 9 mapped to shared socket 0 \(127\.0\.0\.1:\d+\) fd \d+", log)

    def addresses(after=0):
        seen = [server.address(i, after) for i in range(9)]
        seen[5:8] = [str(tmp_path / "abs.sock"), str(tmp_path / "rel.sock"), f"@{name}\0"]
        return [*seen, shared_address(server, after=after)]

    first = addresses()
    for _ in range(2):
        assert all(wire.http(address).body == b"Hello World" for address in first)
        assert wire.http(f"@{name}").body == b"Hello World", "the exact form of the abstract name"
        mark = reloaded(server)
        assert addresses(mark) == first, "no port and no path moves"
    inodes = [(tmp_path / "abs.sock").stat().st_ino]
    assert all(wire.http(address).body == b"Hello World" for address in first)
    assert server.stop() == 0 and inodes
    assert not list(tmp_path.glob("*.sock")), "also after reloads the paths are removed"


@pytest.mark.parametrize("address, text", [
    ("203.0.113.*:0", "unable to find a valid socket address"),
    ("no-such-host.invalid:0", "unable to resolve name no-such-host.invalid"),
    ("x" * 103, "invalid socket name"),
    ("/" + "y" * 150, "invalid socket name"),
    ("=0", "unable to use shared socket 0"),
    ("203.0.113.7:0", "bind(): Cannot assign requested address"),
])
@pytest.mark.ours
def test_what_cannot_be_bound_ends_the_start(uwsgi, app, address, text):
    server = uwsgi("--http-socket", address, "--wsgi-file", app("hello"), ready=False)
    assert server.wait_exit() == 1
    assert text in server.log()
    server.expect = {1}


@pytest.mark.ours
def test_one_address_twice_is_one_socket_or_an_error(uwsgi, app, tmp_path):
    port = free_port()
    twice = ["--http-socket", f"127.0.0.1:{port}", "--http-socket", f"127.0.0.1:{port}"]
    server = uwsgi("-M", *twice, "--wsgi-file", app("hello"))
    server.wait_log(rf"uwsgi socket 1 has the address of socket 0 \(127\.0\.0\.1:{port}\) fd \d+")
    for _ in range(2):
        assert all(wire.http(port).body == b"Hello World" for _ in range(4))
        reloaded(server)
    server.stop()
    other = uwsgi("--http-socket", tmp_path / "a.sock", "--uwsgi-socket", tmp_path / "a.sock", "--wsgi-file", app("hello"), ready=False)
    assert other.wait_exit() == 1 and "one address speaks one protocol" in other.log()
    other.expect = {1}


@pytest.mark.ours
def test_the_path_of_a_living_instance_is_taken_with_a_warning(uwsgi, app, tmp_path):
    """Also when its queue is full, where a plain connect would hang."""
    path = tmp_path / "live.sock"
    with socket.socket(socket.AF_UNIX) as old:
        old.bind(str(path))
        old.listen(0)
        waiting = []
        with pytest.raises(BlockingIOError):
            for _ in range(64):
                client = socket.socket(socket.AF_UNIX)
                client.setblocking(False)
                waiting.append(client)
                client.connect(str(path))
        server = uwsgi("--http-socket", path, "--wsgi-file", app("hello"))
        for client in waiting:
            client.close()
    assert f"another process answers on {path}: taking its path over" in server.log()
    assert wire.http(str(path)).body == b"Hello World"


def test_a_stale_path_is_replaced_without_a_word(uwsgi, app, tmp_path):
    path = tmp_path / "stale.sock"
    with socket.socket(socket.AF_UNIX) as old:
        old.bind(str(path))
    server = uwsgi("--http-socket", path, "--wsgi-file", app("hello"))
    assert "another process answers" not in server.log()
    assert wire.http(str(path)).body == b"Hello World"


def test_an_address_in_use_is_told_as_ever(uwsgi, app):
    first = uwsgi("--http-socket", "127.0.0.1:0", "--wsgi-file", app("hello"))
    port = first.address()[1]
    second = uwsgi("--http-socket", f"127.0.0.1:{port}", "--wsgi-file", app("hello"), ready=False)
    assert second.wait_exit() == 1
    second.expect = {1}
    assert f"probably another instance of uWSGI is running on the same address (127.0.0.1:{port})." in second.log()
    assert re.search(r"bind\(\): Address already in use \[core/socket\.c line \d+\]", second.log())


def test_a_queue_longer_than_the_system_s_ends_the_start(uwsgi, app):
    most = int(pathlib.Path("/proc/sys/net/core/somaxconn").read_text())
    server = uwsgi("--http-socket", "127.0.0.1:0", "--listen", str(most + 1), "--wsgi-file", app("hello"), ready=False)
    assert server.wait_exit() == 1
    server.expect = {1}
    assert f"Listen queue size is greater than the system max net.core.somaxconn ({most})." in server.log()


# --- shared sockets -------------------------------------------------------------------------------------------------------

def test_a_shared_socket_is_bound_before_everything_and_served(uwsgi, app):
    server = uwsgi("-M", "--shared-socket", f"127.0.0.1:{free_port()}", "--http-socket", "=0", "--wsgi-file", app("hello"))
    log = server.log()
    assert log.index("uwsgi shared socket 0 bound to TCP address") < log.index("mapped to shared socket 0") < log.index("lock engine:")
    address = shared_address(server)
    assert wire.http(address).body == b"Hello World"
    for _ in range(2):
        mark = reloaded(server)
        assert shared_address(server, after=mark) == address
        assert wire.http(address).body == b"Hello World"


@pytest.mark.ours
def test_the_router_and_stats_take_shared_sockets_too(uwsgi, app, tmp_path):
    server = uwsgi("-M", "--vacuum", "--shared-socket", "127.0.0.1:0", "--undeferred-shared-socket", tmp_path / "two.sock",
                   "--http", "=0", "--http", "=1", "--wsgi-file", app("hello"))
    front, path = shared_address(server), str(tmp_path / "two.sock")
    for _ in range(2):
        assert wire.http(front).body == b"Hello World"
        assert wire.http(path).body == b"Hello World"
        reloaded(server)
        server.wait_log(r"spawned uWSGI http 1 \(")
    assert server.stop() == 0
    assert not os.path.exists(path)
    assert server.log().count(f"VACUUM: unix socket {path} removed.") == 1


@pytest.mark.ours
def test_a_reload_may_give_an_address_another_purpose(uwsgi, app, tmp_path):
    """A socket that becomes a shared one stays open: nobody is refused meanwhile."""
    port, ini = free_port(), tmp_path / "own.ini"
    text = "[uwsgi]\nmaster = true\nwsgi-file = " + app("hello") + "\n"
    ini.write_text(text + f"http-socket = 127.0.0.1:{port}\n")
    server = uwsgi("--ini", ini)
    assert wire.http(port).body == b"Hello World"
    ini.write_text(text + f"shared-socket = 127.0.0.1:{port}\nhttp-socket = =0\n")
    mark = reloaded(server)
    server.wait_log(rf"uwsgi shared socket 0 inherited TCP address 127\.0\.0\.1:{port} fd", after=mark)
    assert wire.http(port).body == b"Hello World"


@needs_root
@pytest.mark.ours  # the original of the tests cannot find its Python as another user
def test_a_privileged_port_by_a_shared_socket(uwsgi, app, tmp_path):
    port = free_privileged_port()
    server = uwsgi("-M", "--shared-socket", f"127.0.0.1:{port}", "--http-socket", "=0", "--uid", "nobody", "--gid", "nogroup",
                   "--wsgi-file", app("hello"))
    worker = server.worker_pids()[1]
    assert pathlib.Path(f"/proc/{worker}/status").read_text().split("Uid:")[1].split()[0] == "65534"
    assert wire.http(port).body == b"Hello World"
    reloaded(server)
    assert wire.http(port).body == b"Hello World", "it cannot be bound again, so it was kept"
    refused = uwsgi("--http-socket", f"127.0.0.1:{free_privileged_port()}", "--uid", "nobody", "--gid", "nogroup",
                    "--wsgi-file", app("hello"), ready=False)
    assert refused.wait_exit() == 1 and "bind(): Permission denied" in refused.log()
    refused.expect = {1}


def free_privileged_port() -> int:
    for port in range(1023, 600, -1):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError("no free port below 1024")


# --- owners and modes -----------------------------------------------------------------------------------------------------

@needs_root
@pytest.mark.ours
def test_chown_socket_gives_the_path_away_before_the_drop(uwsgi, app, tmp_path):
    """The directory is root's: bound after the drop there would be no socket at all."""
    pathlib.Path(tmp_path).chmod(0o755)
    path = tmp_path / "own.sock"
    server = uwsgi("-M", "--http-socket", path, "--chown-socket", "daemon:nogroup", "--chmod-socket=660", "--uid", "nobody",
                   "--gid", "nogroup", "--wsgi-file", app("hello"))
    log = server.log()
    assert log.index("uwsgi socket 0 bound to UNIX address") < log.index("setgid() to 65534") < log.index("setuid() to 65534")
    found = path.stat()
    assert (found.st_uid, found.st_gid, found.st_mode & 0o777) == (1, 65534, 0o660)
    for process in (server.pid, server.worker_pids()[1]):
        assert pathlib.Path(f"/proc/{process}/status").read_text().split("Uid:")[1].split()[:3] == ["65534"] * 3
    assert wire.http(str(path)).body == b"Hello World"
    reloaded(server)
    assert wire.http(str(path)).body == b"Hello World"


@needs_root
@pytest.mark.ours
def test_chown_socket_leaves_abstract_names_alone(uwsgi, app):
    name = f"@uwsgichown{os.getpid()}"
    uwsgi("--http-socket", name, "--chown-socket", "daemon", "--wsgi-file", app("hello"))
    assert wire.http(name).body == b"Hello World"


@needs_root
@pytest.mark.parametrize("owner, text", [("no-such-user", "unable to find user no-such-user"),
                                         ("daemon:no-such-group", "unable to find group no-such-group")])
def test_an_unknown_owner_ends_the_start(uwsgi, app, tmp_path, owner, text):
    server = uwsgi("--http-socket", tmp_path / "x.sock", "--chown-socket", owner, "--wsgi-file", app("hello"), ready=False)
    assert server.wait_exit() == 1
    server.expect = {1}
    assert text in server.log()


# --- mappings -------------------------------------------------------------------------------------------------------------

@pytest.mark.ours
def test_map_socket_gives_a_socket_to_its_workers_alone(uwsgi, app):
    server = uwsgi("-M", "-p", "3", "--http-socket", "127.0.0.1:0", "--http-socket", "127.0.0.1:0", "--map-socket", "0:1",
                   "--map-socket", "1:2,3", "--wsgi-file", app("locks"))
    first, second = server.address(0), server.address(1)
    pids = server.worker_pids()

    def who(address):
        return {int(wire.http(address, "/").body) for _ in range(12)}

    assert who(first) == {pids[1]} and who(second) <= {pids[2], pids[3]}
    log = server.log()
    assert re.search(r"mapped socket 0 \(127\.0\.0\.1:\d+\) to worker 1", log)
    assert all(re.search(rf"mapped socket 1 \(127\.0\.0\.1:\d+\) to worker {w}", log) for w in (2, 3))
    inode = re.search(r"socket:\[(\d+)\]", socket_of(server.pid, first[1]))[1]
    assert not any(f"socket:[{inode}]" in links(pids[w]) for w in (2, 3)), "others have closed it"
    assert f"socket:[{inode}]" in links(pids[1])
    server.allow("DAMN !")
    os.kill(pids[1], signal.SIGKILL)
    server.wait_log(r"Respawned uWSGI worker 1")
    until(lambda: who(first) == {server.worker_pids()[1]}, "the new worker 1 to serve its socket")


def links(pid: int) -> set[str]:
    found = set()
    for entry in pathlib.Path(f"/proc/{pid}/fd").iterdir():
        try:
            found.add(os.readlink(entry))
        except OSError:
            continue
    return found


def socket_of(pid: int, port: int) -> str:
    """The link of the descriptor of the listener on a port."""
    for line in pathlib.Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[3] == "0A" and int(fields[1].split(":")[1], 16) == port:
            return f"socket:[{fields[9]}]"
    raise AssertionError(f"nobody listens on {port}")


@pytest.mark.ours
@pytest.mark.parametrize("mapping, text", [
    ("0", "invalid socket mapping, must be socket:worker[,worker...]"),
    ("x:1", "invalid socket mapping, must be socket:worker[,worker...]"),
    ("0:3", "invalid worker num: 3"),
    ("0:1,0", "invalid worker num: 0"),
    ("7:1", "invalid socket num in map-socket: 7, there are 1 from 0"),
])
def test_a_mapping_that_cannot_be_is_refused_before_anything_starts(uwsgi, app, mapping, text):
    server = uwsgi("-M", "-p", "2", "--http-socket", "127.0.0.1:0", "--map-socket", mapping, "--wsgi-file", app("hello"), ready=False)
    assert server.wait_exit() == 1
    server.expect = {1}
    assert text in server.log() and "spawned" not in server.log()


# --- what the kernel is told ----------------------------------------------------------------------------------------------

def kernel_view(server, port: int) -> socket.socket:
    """The server's own listening socket, for getsockopt."""
    link = socket_of(server.pid, port)
    libc = ctypes.CDLL(None, use_errno=True)
    pidfd = os.pidfd_open(server.pid)
    try:
        for entry in pathlib.Path(f"/proc/{server.pid}/fd").iterdir():
            if os.readlink(entry) == link:
                fd = libc.syscall(438, pidfd, int(entry.name), 0)
                if fd < 0:
                    pytest.skip("no pidfd_getfd here")
                return socket.socket(fileno=fd)
    finally:
        os.close(pidfd)
    raise AssertionError("the server does not hold it")


@needs_root
def test_options_of_listening_sockets_reach_the_kernel(uwsgi, app):
    plain = uwsgi("-M", "--http-socket", "127.0.0.1:0", "--wsgi-file", app("hello"))
    tuned = uwsgi("-M", "--http-socket", f"127.0.0.1:{free_port()}", "--freebind", "--socket-sndbuf", "65536", "--socket-rcvbuf", "131072",
                  "--tcp-fast-open", "7", "--no-defer-accept", "--so-keepalive", "--reuse-port", "--wsgi-file", app("hello"))
    tuned.wait_log(r"TCP_FASTOPEN enabled on 127\.0\.0\.1:\d+")

    def look(server):
        with kernel_view(server, server.address()[1]) as fd:
            tcp, sol = socket.IPPROTO_TCP, socket.SOL_SOCKET
            wanted = [(tcp, TCP_DEFER_ACCEPT), (tcp, TCP_FASTOPEN), (socket.IPPROTO_IP, IP_FREEBIND), (sol, socket.SO_KEEPALIVE),
                      (sol, socket.SO_REUSEPORT), (sol, socket.SO_SNDBUF), (sol, socket.SO_RCVBUF)]
            return [fd.getsockopt(*option) for option in wanted]

    before, after = look(plain), look(tuned)
    assert before[0] > 0 and before[1:5] == [0, 0, 0, 0]
    assert after[0] == 0 and after[1] == 7 and after[2:5] == [1, 1, 1]
    assert after[5:] == [2 * 65536, 2 * 131072], "the kernel doubles what it is asked for"
    assert all(wire.http(server.address()).body == b"Hello World" for server in (plain, tuned))


@pytest.mark.ours
def test_freebind_takes_an_address_this_host_does_not_have(uwsgi, app):
    server = uwsgi("-M", "--freebind", "--http-socket", "203.0.113.7:0", "--wsgi-file", app("hello"))
    server.wait_log(r"uwsgi socket 0 bound to TCP address 203\.0\.113\.7:\d+")


def test_instances_share_a_port_with_reuse_port(uwsgi, app):
    port = free_port()
    servers = [uwsgi("-M", "--reuse-port", "--http-socket", f"127.0.0.1:{port}", "--wsgi-file", app("hello")) for _ in range(3)]
    assert all(wire.http(port).body == b"Hello World" for _ in range(30))
    for server in servers[:2]:
        server.stop()
    assert all(wire.http(port).body == b"Hello World" for _ in range(10)), "one of them is enough"


@pytest.mark.ours
def test_so_send_timeout_bounds_the_wait_for_a_client_that_takes_nothing(uwsgi, app):
    server = uwsgi("-M", "--http-socket", "127.0.0.1:0", "--so-send-timeout", "1", "--socket-timeout", "60",
                   "--socket-sndbuf", "4096", "--wsgi-file", app("wires"))
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        client.connect(server.address())
        client.sendall(b"POST /echo HTTP/1.0\r\nContent-Length: 60000\r\n\r\n" + b"x" * 60000)
        server.wait_log(r"uwsgi_response_write_(body|headers)_do\(\)|[Tt]imed? ?out|OSError: write error", timeout=15)


@pytest.mark.ours
def test_commands_of_the_application_inherit_no_socket(uwsgi, app, tmp_path):
    """`close-on-exec` and `close-on-exec2` are how this server always is."""
    server = uwsgi("-M", "--close-on-exec", "--close-on-exec2", "--http-socket", "127.0.0.1:0", "--wsgi-file", app("hello"))
    assert "close-on-exec" not in server.log()
    worker = server.worker_pids()[1]
    opened = []
    for entry in pathlib.Path(f"/proc/{worker}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            if os.readlink(entry).startswith("socket:"):
                opened.append(int(re.search(r"flags:\s+(\d+)", pathlib.Path(f"/proc/{worker}/fdinfo/{entry.name}").read_text())[1], 8))
    assert opened and all(flag & os.O_CLOEXEC for flag in opened)


@pytest.mark.ours
def test_socket_modifiers_are_those_of_packets_that_say_nothing(uwsgi, app):
    server = uwsgi("--socket", "127.0.0.1:0", "--socket-modifier1", "77", "--wsgi-file", app("hello"))
    assert wire.raw(server.address(), wire.packet(wire.basic_vars())) == b""
    server.wait_log(r"-- unavailable modifier requested: 77 --")


@pytest.mark.ours
def test_the_second_modifier_of_a_socket_is_in_the_log(uwsgi, app):
    server = uwsgi("--socket", "127.0.0.1:0", "--socket-modifier2", "7", "--log-format", "m%(modifier1)-%(modifier2)", "--wsgi-file", app("hello"))
    assert b"Hello World" in wire.raw(server.address(), wire.packet(wire.basic_vars()))
    server.wait_log(r"^m0-7$")


# --- the end --------------------------------------------------------------------------------------------------------------

@pytest.mark.ours
def test_vacuum_removes_everything_after_any_number_of_reloads(uwsgi, app, tmp_path):
    files = {name: tmp_path / name for name in ("w.sock", "h.sock", "s.sock", "shared.sock", "a.pid", "b.pid", "c.pid", "d.pid")}
    server = uwsgi("-M", "--vacuum", "--http-socket", files["w.sock"], "--http", files["h.sock"], "--stats", files["s.sock"],
                   "--shared-socket", files["shared.sock"], "--http-socket", "=0", "--pidfile", files["a.pid"], "--pidfile2", files["b.pid"],
                   "--safe-pidfile", files["c.pid"], "--safe-pidfile2", files["d.pid"], "--wsgi-file", app("hello"))
    until(lambda: all(path.exists() for path in files.values()), "all files")
    inodes = {name: path.stat().st_ino for name, path in files.items()}
    for _ in range(3):
        reloaded(server)
        until(server.stats_answer, "the stats server to listen")
    assert {name: path.stat().st_ino for name, path in files.items()} == inodes, "nothing is made anew"
    assert server.stop() == 0
    assert not [path for path in files.values() if path.exists()]
    for name in ("w.sock", "h.sock", "shared.sock"):
        assert server.log().count(f"VACUUM: unix socket {files[name]} removed.") == 1
    assert f"VACUUM: unix socket {files['s.sock']} (stats) removed." in server.log()


@pytest.mark.ours
def test_vacuum_leaves_what_somebody_else_has_put_there(uwsgi, app, tmp_path):
    path = tmp_path / "v.sock"
    server = uwsgi("-M", "--vacuum", "--http-socket", path, "--wsgi-file", app("hello"))
    path.unlink()
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(path))
        assert server.stop() == 0
        assert path.exists()
    assert f"VACUUM WARNING: unix socket {path} changed inode. Skip removal" in server.log()


@pytest.mark.ours
@pytest.mark.parametrize("workers, warned", [("3", True), ("2,3", True), ("1,2,3", False)])
def test_a_mapped_socket_that_cheaper_may_leave_alone_is_told(uwsgi, app, workers, warned):
    """The original says nothing, and leaves connections waiting just the same."""
    server = uwsgi("-M", "-p", "3", "--cheaper", "1", "--http-socket", "127.0.0.1:0", "--http-socket", "127.0.0.1:0",
                   "--map-socket", f"1:{workers}", "--wsgi-file", app("hello"), workers=1)
    text = f"*** WARNING: socket 1 is mapped to {len(workers.split(','))} workers, and cheaper may put 2 away"
    assert (text in server.log()) == warned


@pytest.mark.ours
def test_a_path_that_was_removed_is_bound_again_at_a_reload(uwsgi, app, tmp_path):
    path = tmp_path / "s.sock"
    server = uwsgi("-M", "--http-socket", path, "--chmod-socket=660", "--vacuum", "--wsgi-file", app("hello"))
    path.unlink()
    mark = reloaded(server)
    assert f"{path} was removed: binding it again\n" in server.log()[mark:]
    assert wire.http(str(path)).body == b"Hello World" and path.stat().st_mode & 0o777 == 0o660
    inode = path.stat().st_ino
    reloaded(server)
    assert path.stat().st_ino == inode
    assert server.stop() == 0
    assert not path.exists()


@pytest.mark.ours
@pytest.mark.parametrize("vacuum", [True, False])
def test_paths_of_the_last_configuration_go_with_it(uwsgi, app, tmp_path, vacuum):
    """Nobody listens there any more, and no later end would know of them."""
    ini, base = tmp_path / "x.ini", f"[uwsgi]\nmaster = true\nhttp-socket = {tmp_path}/stays.sock\nwsgi-file = {app('hello')}\n"
    base += "vacuum = true\n" if vacuum else ""
    ini.write_text(f"{base}http-socket = {tmp_path}/one.sock\nstats = {tmp_path}/stats.sock\nmaster-fifo = {tmp_path}/one.fifo\n")
    server = uwsgi("--ini", ini)
    old = {tmp_path / name for name in ("one.sock", "stats.sock", "one.fifo")}
    until(lambda: all(path.exists() for path in old), "all paths")
    server.wait_log(r"^\*\*\* Stats server enabled")
    ini.write_text(f"{base}http-socket = {tmp_path}/two.sock\nmaster-fifo = {tmp_path}/two.fifo\n")
    mark = reloaded(server)
    assert {path for path in old if path.exists()} == (set() if vacuum else old)
    assert server.log()[mark:].count("VACUUM: ") == (3 if vacuum else 0)
    for name in ("stays.sock", "two.sock"):
        assert wire.http(str(tmp_path / name)).body == b"Hello World"
    assert fifo.is_read(tmp_path / "two.fifo")
    assert server.stop() == 0
    left = {path for path in tmp_path.iterdir() if path.suffix in (".sock", ".fifo")}
    assert left == (set() if vacuum else old | {tmp_path / name for name in ("stays.sock", "two.sock", "two.fifo")})


@pytest.mark.ours
def test_a_path_that_somebody_took_is_told_and_left_to_him(uwsgi, app, tmp_path):
    path = tmp_path / "s.sock"
    server = uwsgi("-M", "--http-socket", path, "--http-socket", "127.0.0.1:0", "--vacuum", "--wsgi-file", app("hello"))
    path.unlink()
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(path))
        inode = path.stat().st_ino
        mark = reloaded(server)
        assert f"*** WARNING: {path} is not our socket any more" in server.log()[mark:]
        assert wire.http(server.address(1)).status == 200
        assert server.stop() == 0
    assert path.stat().st_ino == inode


@pytest.mark.parametrize("options", [[], ["--shutdown-sockets"]])
def test_a_graceful_stop_ends_the_requests_at_hand(uwsgi, app, tmp_path, options):
    """With `shutdown-sockets` nobody new is let in meanwhile."""
    pipe = tmp_path / "fifo"
    server = uwsgi("-M", "-p", "2", *options, "--http-socket", f"127.0.0.1:{free_port()}", "--master-fifo", pipe, "--wsgi-file", app("wires"))
    until(lambda: fifo.is_read(pipe), "the FIFO")
    address = server.address()
    with wire.connect(address) as slow:
        slow.sendall(wire.request_bytes(path="/sleep?s=2", headers={"Connection": "close"}))
        until(lambda: any(in_sleep(pid) for pid in server.worker_pids().values()), "a request at hand")
        fifo.send(pipe, b"q")
        server.wait_log(r"graceful shutdown triggered\.\.\.")
        if options:
            server.wait_log(r"shutting down all sockets\.\.\.")
            until(lambda: refused(address), "a refusal")
        assert wire.Reader(slow).response().status == 200
    assert server.wait_exit(30) == 0
    log = server.log()
    assert "goodbye to uWSGI." in log and "accept():" not in log
    assert ("shutting down all sockets..." in log) == bool(options)


def in_sleep(pid: int) -> bool:
    """In clock_nanosleep (x86_64 and aarch64)."""
    return pathlib.Path(f"/proc/{pid}/syscall").read_text().split()[0] in ("230", "115")


def refused(address) -> bool:
    try:
        wire.connect(address).close()
    except ConnectionRefusedError:
        return True
    return False


@pytest.mark.ours
def test_a_connection_whose_wake_went_to_a_stopped_worker_is_served(uwsgi, app, tmp_path):
    """The kernel wakes the first of the line, which cannot run; the other one is sent to look within seconds."""
    server = uwsgi("-M", "-p", "2", "--stats", tmp_path / "stats.sock", "--http-socket", "127.0.0.1:0", "--wsgi-file", app("hello"))
    server.quiet()
    for pid in server.worker_pids().values():
        os.kill(pid, signal.SIGSTOP)
        try:
            assert wire.http(server.address(), timeout=20).body == b"Hello World"
        finally:
            os.kill(pid, signal.SIGCONT)
        server.quiet()
