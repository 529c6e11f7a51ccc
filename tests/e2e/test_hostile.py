"""The hostile client and the hostile operator: what each of them must not be able to do."""

import os
import resource
import signal
import socket
import threading
import time

import pytest

from harness import load, procs, wire
from harness.waiting import until

pytestmark = [pytest.mark.ours, pytest.mark.alone]


@pytest.fixture
def gate(tmp_path):
    """A request that stays in the application until the test lets it go."""
    class Gate:
        path = f"/gate?path={tmp_path}/g"

        @staticmethod
        def entered(count=1):
            return until(lambda: len(list(tmp_path.glob("g.*.in"))) >= count, "the request in the application")

        @staticmethod
        def open():
            (tmp_path / "g.out").touch()

    return Gate


def front(server):
    """Address of the http router."""
    return ("127.0.0.1", int(server.wait_log(r"uWSGI http bound on 127\.0\.0\.1:(\d+)")[1]))


# the operator

def test_signals_at_any_time_of_a_reload_never_kill_the_instance(uwsgi, app):
    """A master that drops its mask for the exec dies of the next HUP."""
    server = uwsgi("--http-socket", "127.0.0.1:0", "-M", "--wsgi-file", app("hello"))
    images = []

    def reborn():
        server.send(signal.SIGHUP)
        images[:] = [line for line in server.log().splitlines() if "(RE)spawned uWSGI master" in line]
        assert server.process.poll() is None, f"ended with {server.process.returncode}\n{server.tail()}"
        return len(images) >= 8

    until(reborn, "eight reloads under a rain of HUP", timeout=30)
    until(lambda: "running" in server.log() and procs.waiting(server.pid), "a calm master")
    server.settle()
    assert server.get().body == b"Hello World"


@pytest.mark.parametrize("number, options, code", [
    (signal.SIGINT, [], {-signal.SIGINT, 0}), (signal.SIGTERM, ["--die-on-term"], {-signal.SIGTERM, 0}),
], ids=["INT", "TERM"])
def test_an_application_that_hangs_while_it_loads_can_be_stopped(uwsgi, tmp_path, number, options, code):
    (tmp_path / "stuck.py").write_text("import time\nprint('loading', flush=True)\ntime.sleep(3600)\n")
    server = uwsgi("--http-socket", "127.0.0.1:0", "-M", *options, "--wsgi-file", tmp_path / "stuck.py", ready=False)
    server.expect = code
    server.wait_log("^loading")
    server.send(number)
    assert server.wait_exit(5) in code


def test_a_worker_that_hangs_while_it_loads_can_be_stopped(uwsgi, tmp_path):
    (tmp_path / "stuck.py").write_text("import time\nprint('loading', flush=True)\ntime.sleep(3600)\n")
    server = uwsgi("--http-socket", "127.0.0.1:0", "-M", "--lazy-apps", "--wsgi-file", tmp_path / "stuck.py", ready=False)
    server.wait_log("^loading")
    assert server.stop(timeout=5) == 0


def test_early_signals_are_kept_until_the_master_runs(uwsgi, tmp_path):
    (tmp_path / "slow.py").write_text(
        f"import os\nopen({str(tmp_path / 'in')!r}, 'w').close()\n"
        f"while not os.path.exists({str(tmp_path / 'out')!r}):\n    pass\n"
        "def application(e, s):\n    s('200 OK', [])\n    return [b'alive']\n")
    server = uwsgi("--http-socket", "127.0.0.1:0", "-M", "--wsgi-file", tmp_path / "slow.py", ready=False)
    until((tmp_path / "in").exists, "an application that loads")
    server.send(signal.SIGHUP)
    (tmp_path / "out").touch()
    server.wait_log(r"gracefully \(RE\)spawned uWSGI master process")
    server.ready()
    assert server.get().body == b"alive"


def test_commands_started_while_apps_load_have_a_clean_signal_mask(uwsgi, tmp_path):
    (tmp_path / "child.py").write_text(
        "import subprocess\n"
        "status = subprocess.run(['cat', '/proc/self/status'], capture_output=True, text=True).stdout\n"
        "mask = [line for line in status.splitlines() if line.startswith('SigBlk')][0].split()[1]\n"
        "def application(e, s):\n    s('200 OK', [])\n    return [mask.encode()]\n")
    server = uwsgi("--http-socket", "127.0.0.1:0", "-M", "--wsgi-file", tmp_path / "child.py")
    assert int(server.get().body, 16) == 0, "it could not be ended by TERM"


def test_threads_of_the_application_take_no_signal_from_the_master(uwsgi, tmp_path):
    (tmp_path / "threaded.py").write_text(
        "import threading\n"
        "def work():\n    while True:\n        threading.Event().wait(0.001)\n"
        "for _ in range(4):\n    threading.Thread(target=work, daemon=True).start()\n"
        "def application(e, s):\n    s('200 OK', [])\n    return [b'alive']\n")
    server = uwsgi("--http-socket", "127.0.0.1:0", "-M", "--enable-threads", "--wsgi-file", tmp_path / "threaded.py")
    for number in (signal.SIGHUP, signal.SIGTERM):
        mark = server.mark()
        server.send(number)
        server.wait_log(r"^spawned uWSGI worker 1 ", after=mark)
        server.settle()
    assert server.get().body == b"alive"
    assert server.stop(signal.SIGINT) == 0


def test_a_log_rotation_signal_to_everybody_ends_nobody(uwsgi, app, tmp_path):
    server = uwsgi("--http-socket", "127.0.0.1:0", "--http", "127.0.0.1:0", "-M", "--stats", tmp_path / "s",
                   "--wsgi-file", app("hello"))
    server.wait_log("^spawned uWSGI observer")
    before = set(procs.tree(server.pid))
    for pid in before:
        os.kill(pid, signal.SIGUSR1)
    server.wait_log(r"workers total requests: 0")
    server.stats()
    server.quiet()
    assert set(procs.tree(server.pid)) == before


def test_workers_notice_the_end_of_the_master_though_an_old_child_of_the_app_lives(uwsgi, tmp_path):
    """A process forked while apps load holds copies of every descriptor of the master."""
    (tmp_path / "forks.py").write_text(
        "import os, signal\npid = os.fork()\nif pid == 0:\n    signal.pause()\n    os._exit(0)\n"
        "def application(e, s):\n    s('200 OK', [])\n    return [b'%d' % pid]\n")
    server = uwsgi("--http-socket", "127.0.0.1:0", "-M", "-p", "2", "--wsgi-file", tmp_path / "forks.py")
    server.expect = {-9}
    child, workers = int(server.get().body), list(server.worker_pids().values())
    try:
        server.send(signal.SIGKILL)
        server.wait_exit()
        until(lambda: not any(procs.alive(p) for p in workers), "the end of orphaned workers", timeout=5)
    finally:
        for pid in [child, *workers]:
            procs.kill_quietly(pid)


def test_nothing_of_a_reload_is_left_in_the_environment_of_the_application(uwsgi, tmp_path):
    (tmp_path / "show.py").write_text(
        "import os\ndef application(e, s):\n    s('200 OK', [])\n"
        "    return [repr([k for k in os.environ if 'KEPT' in k]).encode()]\n")
    server = uwsgi("--http-socket", "127.0.0.1:0", "-M", "--wsgi-file", tmp_path / "show.py")
    mark = server.mark()
    server.send(signal.SIGHUP)
    server.wait_log(r"^spawned uWSGI worker 1 ", after=mark)
    server.settle()
    assert server.get().body == b"[]", "a server started by the application would adopt strange descriptors"


@pytest.mark.parametrize("threads", ["1", "4"])
def test_descriptors_stay_level_over_connections_respawns_and_reloads(uwsgi, app, tmp_path, threads):
    server = uwsgi("--http11-socket", "127.0.0.1:0", "--http", "127.0.0.1:0", "-M", "--threads", threads,
                   "--forkbomb-delay", "0", "--stats", tmp_path / "s", "--wsgi-file", app("hello")).allow("DAMN")

    def count():
        server.quiet()
        return sorted(procs.open_fds(p) for p in procs.tree(server.pid))

    assert server.get().status == 200
    before = count()
    for _ in range(300):
        assert server.get().status == 200
    for _ in range(15):
        pid = server.worker_pids()[1]
        os.kill(pid, signal.SIGKILL)
        until(lambda old=pid: server.worker_pids()[1] != old, "a respawn")
    for _ in range(5):
        mark = server.mark()
        server.send(signal.SIGHUP)
        server.wait_log(r"^spawned uWSGI worker 1 ", after=mark)
        server.settle()
    assert server.get().status == 200
    # The first look may have met a connection of a router or of stats on its way out.
    until(lambda: [max(a, b) for a, b in zip(count(), before)] == before,
          f"no more descriptors than before: {before}, now {count()}")


def test_a_worker_out_of_descriptors_waits_instead_of_spinning(uwsgi, app):
    server = uwsgi("--http11-socket", "127.0.0.1:0", "-M", "--socket-timeout", "60", "--wsgi-file", app("hello"))
    worker = server.worker_pids()[1]
    server.get()
    room = procs.open_fds(worker) + 3
    resource.prlimit(worker, resource.RLIMIT_NOFILE, (room, room))
    streams = [wire.connect(server.address()) for _ in range(10)]
    try:
        for stream in streams:
            stream.sendall(b"GET / HTTP/1.1\r\nHost: h\r\n")  # half a head keeps its place
        server.wait_log(r"accept\(\): Too many open files")
        lines, cpu = server.log().count("accept(): "), procs.cpu_seconds(worker)
        for stream in streams[:3]:
            stream.sendall(b"\r\n")
            assert wire.Reader(stream).response().status == 200
            stream.close()
        for stream in streams[3:6]:
            stream.sendall(b"\r\n")
            assert wire.Reader(stream).response().status == 200, "served as soon as there is room"
        assert server.log().count("accept(): ") - lines <= 5, "one line per second is enough"
        assert procs.cpu_seconds(worker) - cpu < 0.5
    finally:
        for stream in streams:
            stream.close()


@pytest.mark.parametrize("socket", ["--http11-socket", "--http"])
def test_a_client_that_sends_a_byte_at_a_time_does_not_hold_up_a_reload(uwsgi, app, socket):
    server = uwsgi(socket, "127.0.0.1:0", "-M", "-p", "2", "--socket-timeout", "2", "--wsgi-file", app("hello"))
    address = front(server) if socket == "--http" else server.address()
    stream, done, mark = wire.connect(address), threading.Event(), server.mark()
    stream.sendall(b"GET / HTTP/1.1\r\nX: ")

    def drip():
        while not done.wait(0.1):
            try:
                stream.sendall(b"x")
            except OSError:
                return

    dripping = threading.Thread(target=drip)
    dripping.start()
    try:
        server.send(signal.SIGHUP)
        server.wait_log(r"^spawned uWSGI worker 2 ", after=mark, timeout=8)
        server.settle()
    finally:
        done.set()
        dripping.join()
        stream.close()


def test_a_reload_does_not_queue_behind_requests(uwsgi, app, gate):
    """After HUP each client of a full worker gets the answer it waits for, and no keep-alive."""
    server = uwsgi("--http11-socket", "127.0.0.1:0", "-M", "--wsgi-file", app("wires"))
    streams = [wire.connect(server.address()) for _ in range(12)]
    for stream in streams:
        stream.sendall(wire.request_bytes(path="/length"))
        assert wire.Reader(stream).response().body == b"12345"
    server.quiet()
    holder, mark = wire.connect(server.address()), server.mark()
    holder.sendall(wire.request_bytes(path=gate.path))
    gate.entered()
    for stream in streams:
        stream.sendall(wire.request_bytes(path="/length"))
    server.send(signal.SIGHUP)
    server.wait_log(r"\.\.\.gracefully killing workers\.\.\.", after=mark)
    caught = f"/proc/{server.worker_pids()[1]}/status"
    until(lambda: "ShdPnd:\t0000000000000000" in open(caught).read(), "a caught HUP")
    gate.open()
    answers = [wire.Reader(stream).response() for stream in streams]
    assert [a.body for a in answers] == [b"12345"] * 12
    assert {a.header("Connection") for a in answers} == {"close"}
    for stream in [*streams, holder]:
        stream.close()
    server.wait_log(r"^spawned uWSGI worker 1 ", after=mark)
    server.settle()


def test_a_worker_that_dies_while_routers_drain_is_replaced(uwsgi, app, gate):
    """Those who still have requests to finish need somebody to answer them."""
    server = uwsgi("--http", "127.0.0.1:0", "-M", "--wsgi-file", app("wires")).allow("DAMN")
    stream, mark = wire.connect(front(server)), server.mark()
    stream.sendall(wire.request_bytes(path=gate.path))
    gate.entered()
    waiting = wire.connect(front(server))
    waiting.sendall(wire.request_bytes(path="/length"))
    first = server.worker_pids()[1]
    server.send(signal.SIGHUP)
    server.wait_log(r"\.\.\.gracefully killing workers\.\.\.", after=mark)
    os.kill(first, signal.SIGKILL)
    assert wire.Reader(stream).response().status == 502
    assert wire.Reader(waiting).response().body == b"12345"
    stream.close(), waiting.close()
    server.wait_log(r"\(RE\)spawned uWSGI master process", after=mark)
    server.ready()


# the client

def test_a_request_sent_while_the_core_was_busy_is_answered(uwsgi, app, gate):
    """Deadlines pass while the application runs; who has spoken in time is not late."""
    server = uwsgi("--http11-socket", "127.0.0.1:0", "-M", "--socket-timeout", "1", "--wsgi-file", app("wires"))
    idle, half = wire.connect(server.address()), wire.connect(server.address())
    reader = wire.Reader(idle)
    idle.sendall(wire.request_bytes(path="/length"))
    assert reader.response().body == b"12345"
    request = wire.request_bytes(path="/length")
    half.sendall(request[:20])
    server.quiet()
    slow = wire.connect(server.address())
    slow.sendall(wire.request_bytes(path=gate.path))
    gate.entered()
    idle.sendall(request), half.sendall(request[20:])
    late = time.monotonic() + 1.2
    until(lambda: time.monotonic() > late, "deadlines to pass")
    gate.open()
    assert wire.Reader(slow).response().body == b"through the gate"
    assert reader.response().body == b"12345"
    assert wire.Reader(half).response().body == b"12345"
    for stream in (idle, half, slow):
        stream.close()


@pytest.mark.parametrize("socket", ["--http11-socket", "--http"])
def test_a_body_shorter_than_announced_ends_the_connection(uwsgi, tmp_path, socket):
    """Otherwise the next response would be taken for the rest of this body."""
    (tmp_path / "short.py").write_text(
        "def application(e, s):\n    s('200 OK', [('Content-Length', '10')])\n    return [b'short']\n")
    server = uwsgi(socket, "127.0.0.1:0", "-M", "--wsgi-file", tmp_path / "short.py")
    address = front(server) if socket == "--http" else server.address()
    got = wire.raw(address, wire.request_bytes() * 2, timeout=5)
    assert got.endswith(b"\r\n\r\nshort") and got.count(b"HTTP/1.1 ") == 1


@pytest.mark.parametrize("socket", ["--http11-socket", "--http"])
def test_a_response_that_broke_off_does_not_look_complete(uwsgi, app, socket):
    server = uwsgi(socket, "127.0.0.1:0", "-M", "--wsgi-file", app("wires")).allow("Traceback")
    address = front(server) if socket == "--http" else server.address()
    got = wire.raw(address, wire.request_bytes(path="/exc-mid"), timeout=5)
    assert b"5\r\nfirst\r\n" in got and not got.endswith(b"0\r\n\r\n")


def test_no_upload_is_lost_when_workers_are_recycled(uwsgi, app):
    """A router may send to a worker that is just closing the link."""
    server = uwsgi("--http", "127.0.0.1:0", "-M", "-p", "2", "--max-requests", "20", "--min-worker-lifetime", "0",
                   "--forkbomb-delay", "0", "--wsgi-file", app("wires"))
    body = b"x" * 3000
    request = wire.request_bytes("POST", "/echo", body=body)
    hammer = load.Hammer(front(server), request, body, total=1500, connections=4)
    hammer.start()
    counts = hammer.finish(60)
    assert (counts.answered, counts.broken) == (1500, 0)


def test_a_hot_connection_does_not_starve_the_others(uwsgi, app):
    server = uwsgi("--http11-socket", "127.0.0.1:0", "-M", "--wsgi-file", app("hello_length"))
    done = threading.Event()
    hot = wire.connect(server.address())

    def flood():
        batch = wire.request_bytes() * 64
        while not done.is_set():
            try:
                hot.sendall(batch)
                hot.recv(1 << 20)
            except OSError:
                return

    flooding = threading.Thread(target=flood)
    flooding.start()
    try:
        assert load.latencies(server.address(), 30)[-1] < 1.0
    finally:
        done.set()
        flooding.join()
        hot.close()


@pytest.mark.parametrize("socket", ["--http11-socket", "--http"])
def test_an_early_answer_reaches_a_client_that_still_uploads(uwsgi, app, socket):
    server = uwsgi(socket, "127.0.0.1:0", "-M", "--wsgi-file", app("wires"))
    address = front(server) if socket == "--http" else server.address()
    for _ in range(5):
        got = wire.raw(address, wire.request_bytes("POST", "/length", body=b"x" * 8_000_000))
        assert got.startswith(b"HTTP/1.1 200") and got.endswith(b"12345")


@pytest.mark.parametrize("size", [400, 20000], ids=["buffered", "beyond-all-buffers"])
def test_a_client_that_never_reads_does_not_keep_the_others_waiting(uwsgi, app, size):
    """The core is free when it has sent all, or after socket-timeout; so is its place in the router."""
    server = uwsgi("--http", "127.0.0.1:0", "-M", "--socket-timeout", "1", "--wsgi-file", app("wires"))
    stream = socket.socket()
    stream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    stream.connect(front(server))
    stream.sendall(wire.request_bytes(path=f"/many?n={size}"))
    server.wait_log(rf"GET /many\?n={size} => generated")
    assert wire.http(front(server), "/length", timeout=5).body == b"12345"
    stream.close()


def test_the_link_of_the_router_refuses_other_users(uwsgi, app):
    if os.getuid() != 0:
        pytest.skip("needs root to become somebody else")
    server = uwsgi("--http", "127.0.0.1:0", "-M", "--wsgi-file", app("hello"))
    name = next(line.split()[-1] for line in open("/proc/net/unix") if f"@uwsgi-link-{server.pid}-" in line)
    request = b"uw\0\0" + bytes(12)
    pid = os.fork()
    if pid == 0:
        os.setuid(65534)
        try:
            os._exit(0 if wire.raw(name, request, timeout=5) == b"" else 1)
        except OSError:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert wire.http(front(server)).body == b"Hello World"


SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.mark.parametrize("socket", ["--http11-socket", "--http"])
@pytest.mark.parametrize("headers", [
    b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", b"Content-Length: 5\r\nContent-Length: 6\r\n",
    b"Content-Length: +5\r\n", b"Content-Length: 5, 5\r\n", b"Transfer-Encoding: xchunked\r\n",
    b"Transfer-Encoding : chunked\r\n", b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
    b"Transfer-Encoding:\n chunked\r\n", b"X: a\0b\r\n", b"X: a\rContent-Length: 5\r\n", b" Content-Length: 5\r\n",
], ids=lambda h: repr(h)[2:30] if isinstance(h, bytes) else h)
def test_no_second_request_is_smuggled(uwsgi, app, socket, headers):
    server = uwsgi(socket, "127.0.0.1:0", "-M", "--wsgi-file", app("wires"))
    address = front(server) if socket == "--http" else server.address()
    got = wire.raw(address, b"POST /echo HTTP/1.1\r\nHost: x\r\n" + headers + b"\r\n0\r\n\r\n" + SMUGGLED, timeout=5)
    assert got.count(b"HTTP/1.1 ") == 1 and got.split()[1] in (b"400", b"501"), got
    assert "/smuggled" not in server.log()


def test_an_exception_in_close_does_not_cut_off_a_complete_body(uwsgi, tmp_path):
    (tmp_path / "late.py").write_text(
        "class Body:\n    def __init__(self):\n        self.parts = iter([b'a', b'b'])\n"
        "    def __iter__(self):\n        return self.parts\n    def close(self):\n        raise ValueError('late')\n"
        "def application(e, s):\n    s('200 OK', [])\n    return Body()\n")
    server = uwsgi("--http11-socket", "127.0.0.1:0", "-M", "--wsgi-file", tmp_path / "late.py")
    server.allow("Traceback")
    assert server.get().body == b"ab"
    server.wait_log("ValueError: late")


def test_a_chunked_body_beyond_limit_post_is_cut_off(uwsgi, tmp_path):
    (tmp_path / "reads.py").write_text(
        "def application(e, s):\n    s('200 OK', [])\n    try:\n        return [b'%d' % len(e['wsgi.input'].read())]\n"
        "    except OSError:\n        return [b'refused']\n")
    server = uwsgi("--http11-socket", "127.0.0.1:0", "-M", "--limit-post", "10", "--wsgi-manage-chunked-input",
                   "--wsgi-file", tmp_path / "reads.py")
    for size, answer in ((5, b"5"), (50, b"refused")):
        head = b"POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
        reply = wire.raw(server.address(), head + b"%x\r\n%s\r\n0\r\n\r\n" % (size, b"x" * size))
        assert reply.endswith(answer), (size, reply)
