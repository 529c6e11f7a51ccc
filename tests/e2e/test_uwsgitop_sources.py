"""Where uwsgitop finds its servers: several at once, by itself, behind TLS, in the arena behind an address."""

import contextlib
import http.server
import json
import os
import pathlib
import shlex
import socket
import subprocess
import threading

import pytest

from harness import load, paths, procs, receivers
from harness.server import free_port
from harness.tmux import Tmux
from harness.waiting import until

pytestmark = pytest.mark.ours

#: A process namespace of its own, in which no other server of this machine is seen.
ALONE = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"]


def top(*words, env=None, timeout=40) -> subprocess.CompletedProcess:
    return subprocess.run([paths.UWSGITOP, *map(str, words)], capture_output=True, text=True, timeout=timeout, check=False,
                          stdin=subprocess.DEVNULL, env={**os.environ, **(env or {})})


def rows(done: subprocess.CompletedProcess) -> list[dict]:
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["rows"]


@pytest.fixture
def serve(uwsgi, app, tmp_path):
    """Start a server with its stats at `NAME.stats`; `requests` of it are counted already."""
    def start(name, *options, requests=0, stats=None, **kw):
        server = uwsgi("--http-socket", "127.0.0.1:0", "-M", "-p", "2", "--stats", stats or str(tmp_path / f"{name}.stats"),
                       "--wsgi-file", app("wires"), *options, **kw)
        if requests:
            load.latencies(server.address(), requests, "/length")
            server.wait_stats(lambda s: sum(w["requests"] for w in s["workers"]) == requests, f"{requests} requests")
        return server
    return start


# several at once

def test_several_servers_are_rows_and_a_sum(serve, tmp_path):
    ours, original = serve("ours", requests=7), serve("original", requests=5, binary=paths.ORIGINAL)
    nobody = tmp_path / "nobody"
    done = top("--json", "--view", "sources", "--arena", f"/proc/{ours.pid}/fd/{arena_of(ours.pid)}", original.stats_address(), nobody)
    # A source that cannot be read is told, the others are shown.
    assert done.returncode == 1 and str(nobody) in done.stderr
    table = json.loads(done.stdout)["rows"]
    assert len(table) == 4, table
    text = top("--once", original.stats_address(), ours.stats_address()).stdout
    assert [line for line in text.splitlines() if line.startswith("source: ")] == [
        f"source: {original.stats_address()}", f"source: {ours.stats_address()}"]
    assert "req: 5" in text and "req: 7" in text


def arena_of(pid: int) -> str:
    """The descriptor of a server's arena."""
    for entry in pathlib.Path(f"/proc/{pid}/fd").iterdir():
        if "memfd:uwsgi-metrics" in os.readlink(entry):
            return entry.name
    raise AssertionError(f"process {pid} has no arena")


def test_tabs_lead_from_one_server_to_the_next_and_a_dead_one_is_marked(serve, tmp_path):
    one, two = serve("one", requests=3), serve("two", requests=4)
    with Tmux(tmp_path, paths.UWSGITOP, one.stats_address(), two.stats_address()) as screen:
        screen.wait(r"all 2 +")
        assert "one.stats" in screen.rows()[0] and "two.stats" in screen.rows()[0]
        screen.press("Tab")
        screen.wait(rf"masterpid: {one.pid}")
        screen.press("Tab")
        screen.wait(rf"masterpid: {two.pid}")
        screen.click(screen.rows()[0].index("all") + 1, 1)
        screen.wait(r"all 2 +")
        two.stop()
        screen.wait(r"! silent")
        assert "!" in screen.rows()[0] and "sources: 2 - silent: 1" in screen.text()
        # The other goes on as if nothing had happened.
        before = screen.text()
        load.latencies(one.address(), 6, "/length")
        screen.press("BTab", "BTab")
        screen.wait(rf"masterpid: {one.pid}|req: 9")
        assert before != screen.text()
        screen.press("q")
        assert screen.status() == 0


# found by itself

def alone(tmp_path, script: str) -> list:
    path = tmp_path / "script.sh"
    path.write_text(script)
    return [*ALONE, "sh", path]


def start_line(name: str, app: str, tmp_path, binary=paths.OURS, *options) -> str:
    """A shell line that starts a server in a directory of its own."""
    folder = tmp_path / name
    folder.mkdir()
    words = [binary, "--http-socket", "127.0.0.1:0", "-M", "-p", "2", "--stats", folder / "stats", "--wsgi-file", app, *options]
    return f"(cd {folder} && exec {shlex.join(map(str, words))} > log 2>&1) &\n"


def ready(tmp_path, *names):
    """A shell line that waits until these servers answer."""
    return "".join(f"until grep -q 'spawned uWSGI worker 2' {tmp_path / name / 'log'}; do sleep 0.05; done\n" for name in names)


def test_nobody_is_told_with_the_usage(tmp_path):
    done = subprocess.run([*ALONE, paths.UWSGITOP, "--once"], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("usage: ") and "no server to show was found" in done.stderr


def test_all_servers_of_the_machine_are_found(app, tmp_path, nothing_left):
    script = start_line("one", app("wires"), tmp_path)
    script += start_line("two", app("wires"), tmp_path, paths.OURS, "--metrics-arena", tmp_path / "arena")
    script += start_line("old", app("wires"), tmp_path, paths.ORIGINAL)
    script += ready(tmp_path, "one", "two", "old")
    errors = tmp_path / "errors"
    script += f"exec {paths.UWSGITOP} --json --view sources 2>{errors}\n"
    table = rows(subprocess.run(alone(tmp_path, script), capture_output=True, text=True, timeout=60, check=False))
    names = sorted(row["SOURCE"].split()[0] for row in table)
    assert names == ["all", "one", "two"], table
    told = errors.read_text()
    assert "without an arena" in told and f"uwsgitop {tmp_path / 'old' / 'stats'}" in told, told


def test_servers_join_and_leave_while_the_screen_is_open(app, tmp_path, nothing_left):
    later = start_line("later", app("wires"), tmp_path).rstrip(" &\n")
    script = start_line("first", app("wires"), tmp_path) + ready(tmp_path, "first")
    script += f"(until [ -e {tmp_path / 'go'} ]; do sleep 0.05; done; {later}) &\n"
    script += f"exec {paths.UWSGITOP}\n"
    with Tmux(tmp_path, *alone(tmp_path, script), size=(120, 30)) as screen:
        screen.wait(r"cwd: \S+/first")
        assert "later" not in screen.text()
        (tmp_path / "go").touch()
        screen.wait(r"^ all .*first.*later")
        screen.press("0")
        screen.wait(r"all 2 +ok")
        inside = int(screen.wait(r"^ later \d+").split(" later ")[1].split()[0])
        outer = seen_from_here(screen.pid(), inside)
        os.kill(outer, 9)
        screen.wait(r"! silent|silent: 1")
        screen.press("Escape")
        # Of one server there is nothing to compare: its own screen is back.
        screen.wait(r"cwd: \S+/first")
        until(lambda: "later" not in screen.text(), "the tab to go")
        screen.press("q")
        assert screen.status() == 0


def seen_from_here(root: int, inside: int) -> int:
    """The process id, outside, of a process that has another one inside."""
    for pid in procs.tree(root):
        with contextlib.suppress(OSError):
            status = pathlib.Path(f"/proc/{pid}/status").read_text()
            pids = status.split("NSpid:")[1].splitlines()[0].split()
            if len(pids) > 1 and pids[-1] == str(inside):
                return pid
    raise AssertionError(f"no process {inside} below {root}")


def test_the_arena_of_a_container_is_named_by_what_is_seen_from_here(app, tmp_path, nothing_left):
    script = start_line("boxed", app("wires"), tmp_path) + "wait\n"
    box = subprocess.Popen(alone(tmp_path, script))
    try:
        until(lambda: (tmp_path / "boxed/stats").is_socket(), "the server")
        log = tmp_path / "boxed/log"
        until(lambda: "spawned uWSGI worker 2" in log.read_text(), "the workers")
        inner = int(log.read_text().split("uWSGI master process (pid: ")[1].split(")")[0])
        outer = seen_from_here(box.pid, inner)
        assert inner != outer
        done = top("--once", "--pid", outer)
        assert done.returncode == 0 and f"masterpid: {outer}" in done.stdout, done
        assert "is not running" not in done.stdout
        # The document of the same server names a process that is somebody else here: no arena is taken for it.
        plain = rows(top("--json", "--view", "workers", tmp_path / "boxed/stats"))
        assert len(plain) == 2
    finally:
        box.kill()
        box.wait(20)


# the arena behind an address

def test_an_address_of_this_machine_is_read_from_the_arena(serve):
    for stats in (None, f"127.0.0.1:{free_port()}"):
        server = serve("near", requests=9, stats=stats)
        address = server.stats_address()
        address = address if isinstance(address, str) else "{}:{}".format(*address)
        deep, plain = top("--once", "--view", "overview", address), top("--once", "--view", "overview", "--no-arena", address)
        assert deep.returncode == plain.returncode == 0, deep.stderr + plain.stderr
        assert deep.stdout.splitlines()[1:2] == plain.stdout.splitlines()[1:2]
        # Only the arena remembers; what of the classic screen is the same is so to the letter.
        assert "p99" in deep.stdout and len(deep.stdout.splitlines()) > len(plain.stdout.splitlines())
        same = [rows(top("--json", "--view", "workers", *options, address)) for options in ([], ["--no-arena"])]
        assert same[0] == same[1]
        assert top("--once", address).stdout.splitlines()[2:5] == top("--once", "--no-arena", address).stdout.splitlines()[2:5]
        server.stop()


def test_an_address_that_another_server_takes_over_is_believed(serve, tmp_path):
    first = serve("same", requests=3)
    with Tmux(tmp_path, paths.UWSGITOP, "--frequency", "0.2", first.stats_address()) as screen:
        screen.wait(rf"masterpid: {first.pid}")
        screen.wait(r"LATENCY")
        first.stop()
        screen.wait(r"no answer from")
        second = serve("same", requests=5)
        screen.wait(rf"masterpid: {second.pid}")
        screen.wait(r"req: 5")
        screen.press("q")
        assert screen.status() == 0


# behind TLS and a password

class Gate(contextlib.AbstractContextManager):
    """A web server that lets in who has `header` and gives the stats of a server of ours."""

    def __init__(self, server, context, header=None, host="127.0.0.1"):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                welcome = header is None or self.headers.get("Authorization") == header
                body = json.dumps(server.stats()).encode() if welcome else b"no"
                self.send_response(200 if welcome else 401)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        class Quiet(http.server.ThreadingHTTPServer):
            def handle_error(self, *_):
                pass  # clients that do not trust the certificate hang up

        self.web = Quiet((host, 0), Handler)
        if context:
            self.web.socket = context.wrap_socket(self.web.socket, server_side=True, do_handshake_on_connect=False)
        self.port = self.web.server_port
        self.thread = threading.Thread(target=self.web.serve_forever, kwargs={"poll_interval": 0.05})
        self.thread.start()

    def __exit__(self, *_):
        self.web.shutdown()
        self.web.server_close()
        self.thread.join(10)


@pytest.fixture
def identity(tmp_path):
    return receivers.self_signed(tmp_path)


def test_certificates_are_looked_at(serve, identity):
    server = serve("tls", requests=6)
    with Gate(server, identity.context()) as gate:
        address = f"https://localhost:{gate.port}/stats"
        good = top("--once", "--ca", identity.certificate, address)
        assert good.returncode == 0 and "req: 6" in good.stdout, good.stderr
        assert "req: 6" in top("--once", "--insecure", address).stdout
        assert "req: 6" in top("--once", address, env={"SSL_CERT_FILE": str(identity.certificate)}).stdout
        for words, said in [([address], "--ca"), (["--ca", identity.key, address], "certificate"), (["--ca", "/nowhere", address], "/nowhere")]:
            done = top("--once", *words)
            assert done.returncode == 1 and said in done.stderr, (words, done.stderr)
    with Gate(server, identity.context(), host="127.0.0.2") as gate:
        done = top("--once", "--ca", identity.certificate, f"https://127.0.0.2:{gate.port}/")
        assert done.returncode == 1 and "another host" in done.stderr, done.stderr


def test_a_server_that_wants_a_certificate_gets_it(serve, identity):
    server = serve("mutual", requests=2)
    context = identity.context()
    context.load_verify_locations(identity.certificate)
    context.verify_mode = 2
    with Gate(server, context) as gate:
        words = ["--once", "--ca", identity.certificate, f"https://localhost:{gate.port}/"]
        shown = top("--cert", identity.certificate, "--key", identity.key, *words)
        assert shown.returncode == 0 and "req: 2" in shown.stdout, shown.stderr
        refused = top(*words)
        assert refused.returncode == 1 and "--cert" in refused.stderr, refused.stderr


def test_tokens_and_passwords_open_and_are_never_seen(serve, identity, tmp_path):
    server = serve("guarded", requests=4)
    (tmp_path / "token").write_text("s3cret\n")
    with Gate(server, identity.context(), "Bearer s3cret") as gate:
        words = ["--once", "--ca", identity.certificate, f"https://localhost:{gate.port}/"]
        for done in (top("--token-file", tmp_path / "token", *words), top(*words, env={"UWSGITOP_TOKEN": "s3cret"})):
            assert done.returncode == 0 and "req: 4" in done.stdout, done.stderr
        refused = top(*words)
        assert refused.returncode == 1 and "401" in refused.stderr and "--token-file" in refused.stderr
    with Gate(server, None, "Basic bWU6czNjcmV0") as gate:
        plain = top("--once", f"http://me:s3cret@127.0.0.1:{gate.port}/", tmp_path / "nobody")
        assert "req: 4" in plain.stdout and "s3cret" not in plain.stdout + plain.stderr
        with Tmux(tmp_path, paths.UWSGITOP, f"http://me@127.0.0.1:{gate.port}/", env={"UWSGITOP_PASSWORD": "s3cret"}) as screen:
            screen.wait(r"req: 4")
            assert "s3cret" not in screen.text() + pathlib.Path(f"/proc/{screen.pid()}/cmdline").read_text()
            screen.press("q")
            assert screen.status() == 0


# each on its own

def test_a_source_that_hangs_delays_nobody(serve, tmp_path):
    server = serve("quick", requests=3)
    with receivers_that_hang() as port, Tmux(tmp_path, paths.UWSGITOP, f"127.0.0.1:{port}", server.stats_address()) as screen:
        # The first answer opens the screen; the other has five seconds to give its own.
        screen.wait(r"waiting", timeout=4)
        screen.press("Tab", "Tab")
        screen.wait(rf"masterpid: {server.pid}")
        screen.press("0")
        screen.wait(r"! silent")
        assert "no whole answer within 5 s" in screen.text()
        screen.press("q")
        assert screen.status() == 0


@contextlib.contextmanager
def receivers_that_hang():
    """A port where connections are taken and nobody ever speaks."""
    with contextlib.closing(socket.create_server(("127.0.0.1", 0), backlog=64)) as listening:
        yield listening.getsockname()[1]
