"""Options by their effect: one row or one test for each that no other file proves."""

import contextlib
import os
import pathlib
import pwd
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
from urllib.parse import quote

import pytest

from harness import paths, procs, users, wire
from harness.server import ask, free_port, plain_environment
from harness.waiting import until

AUTO = ("--http-socket", "127.0.0.1:0")

@pytest.fixture
def probe(uwsgi, tmp_path):
    """`probe(*options)`: a server of the probing application."""
    shutil.copy(paths.APPS / "probe.py", tmp_path)
    (tmp_path / "side.py").write_text("import os\npid = os.getpid()\n")

    def start(*options, listen=AUTO, **kw):
        return uwsgi(*listen, *options, "--wsgi-file", tmp_path / "probe.py", **kw)
    return start


def listens(pid: int, log: pathlib.Path) -> bool:
    """Whether a server that the harness does not watch takes signals, in its master and in its newest worker."""
    workers = re.findall(r"spawned uWSGI worker 1 \(pid: (\d+)", log.read_text() if log.exists() else "")
    return bool(workers) and not any(procs.ignores(int(p), signal.SIGHUP) for p in (pid, workers[-1]))


def run(*args, code=0, **kw) -> str:
    """Output of a command that ends by itself."""
    kw = {"env": plain_environment(), **kw}
    done = subprocess.run([paths.OURS, *map(str, args)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          timeout=20, check=False, **kw)
    assert done.returncode == code, done.stdout
    return done.stdout


# --- what the application sees --------------------------------------------------------------------------------------------

KEEPALIVE, NODELAY = "sockets(socket.SOL_SOCKET, socket.SO_KEEPALIVE)", "sockets(socket.IPPROTO_TCP, socket.TCP_NODELAY)"
DEFER = "sockets(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT)"
SEEN = {
    "defaults": ([], {
        "sys.argv, sys.flags.optimize, 'site' in sys.modules, environ['wsgi.multithread']": "(['uwsgi'], 0, True, False)",
        "'wsgi.file_wrapper' in environ, 'wsgi.input_terminated' in environ": "(True, False)",
        f"{KEEPALIVE}['client'], {NODELAY}['client'], {DEFER}['listener'] > 0": "(0, 0, True)",
    }),
    "process": (["--chdir", "{tmp}/sub", "--env", "A=1", "--env", "B=2", "--unenv", "B", "--umask", "027", "--threads", "2"], {
        "loaded[1], os.getcwd()": "('{tmp}/sub', '{tmp}/sub')",
        "os.environ.get('A'), os.environ.get('B')": "('1', None)",
        "open('/proc/self/status').read().split('Umask:\t')[1][:4]": "'0027'",
        "environ['wsgi.multithread']": "True",
    }),
    "sockets": (["--so-keepalive", "--tcp-nodelay", "--no-defer-accept"], {
        f"{KEEPALIVE}['client'], {NODELAY}['client'] > 0, {DEFER}['listener']": "(1, True, 0)",
    }),
    "python": (["--pyargv", "one two", "-O", "2", "--py-executable", "/some/python", "--pythonpath", "{tmp}", "--pymodule-alias", "a=side",
                "--post-pymodule-alias", "b=side", "--wsgi-disable-file-wrapper", "--wsgi-manage-chunked-input", "--chdir2", "{tmp}/sub"], {
        "sys.argv, sys.flags.optimize, sys.executable": "(['uwsgi', 'one', 'two'], 2, '/some/python')",
        "'{tmp}/' in sys.path, sys.modules['a'].__file__, sys.modules['b'].__file__": "(True, '{tmp}/side.py', '{tmp}/side.py')",
        "'wsgi.file_wrapper' in environ, environ['wsgi.input_terminated']": "(False, False)",
        "loaded[1], os.getcwd()": "('{tmp}', '{tmp}/sub')",
    }),
    "imports": (["-M", "--lazy-apps", "--pp", "{tmp}", "--import", "side", "--shared-import", "{tmp}/shared.py"], {
        "sys.modules['side'].pid == loaded[0] == os.getpid()": "True",
        "open('{tmp}/shared.pid').read() == str(os.getppid())": "True",
    }),
    "no-site": (["--no-site", "--py-executable-compat"], {
        "sys.flags.no_site, 'site' in sys.modules, os.path.samefile(sys.executable, '{binary}')": "(1, False, True)",
    }),
    "py-programname": (["--py-programname", "{tmp}/other-python"], {"sys.executable": "'{tmp}/other-python'"}),
}


@pytest.mark.ours
@pytest.mark.parametrize("options, questions", SEEN.values(), ids=list(SEEN))
def test_the_application_sees(probe, tmp_path, options, questions):
    (tmp_path / "sub").mkdir()
    (tmp_path / "other-python").symlink_to(shutil.which("python3"))
    (tmp_path / "shared.py").write_text(f"import os\nopen({str(tmp_path / 'shared.pid')!r}, 'w').write(str(os.getpid()))\n")

    def fill(text):
        return text.replace("{tmp}", str(tmp_path)).replace("{binary}", str(paths.OURS))

    server = probe(*map(fill, options))
    assert {q: ask(server, fill(q)) for q in questions} == {q: fill(v) for q, v in questions.items()}


def test_bodies_can_be_read_twice_with_post_buffering(probe):
    twice = "environ['wsgi.input'].read(), environ['wsgi.input'].seek(0), environ['wsgi.input'].read()"
    assert ask(probe("--post-buffering", "1"), twice, method="POST", body=b"body").endswith(", b'body')")
    refused = probe().allow("Traceback")
    assert wire.raw(refused.address(), wire.request_bytes("POST", "/?" + quote(twice), body=b"body")) == b""


@pytest.mark.ours
def test_chunked_bodies_are_taken_apart(probe):
    server = probe("--wsgi-manage-chunked-input")
    chunks = {"headers": {"Transfer-Encoding": "chunked"}, "body": b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", "method": "POST"}
    assert ask(server, "environ['wsgi.input_terminated'], environ['wsgi.input'].read()", **chunks) == "(True, b'abcde')"


OK = "start_response('200 OK', []) and "
LONG = "start_response('200 OK', [('X-Long', 'x' * 5000)]) and [b'ok']"
RETURNED = [
    ([], OK + "b'whole'", b"whole", None),
    (["--wsgi-strict"], OK + "b'whole'", b"", "Unhandled object from iterator: 'int'"),
    ([], OK + "[memoryview(b'ab')]", b"", "Unhandled object from iterator: 'memoryview'"),
    (["--wsgi-accept-buffer"], OK + "[memoryview(b'ab')]", b"ab", None),
    ([], LONG, b"ok", None),
    (["--response-headers-limit", "1000"], LONG, b"", "Traceback"),
    ([], "1/0", b"", "ZeroDivisionError"),
    (["--exception-500"], "1/0", b"Internal Server Error", "ZeroDivisionError"),
    (["--catch-exceptions"], "1/0", b"ZeroDivisionError", "ZeroDivisionError"),
]


@pytest.mark.ours
@pytest.mark.parametrize("options, expression, body, line", RETURNED, ids=[" ".join([*o[:1], b.decode()]) for o, _, b, _ in RETURNED])
def test_what_the_application_returns(probe, options, expression, body, line):
    server = probe(*options).allow("Traceback")
    answer = wire.raw(server.address(), wire.request_bytes(path="/raw?" + quote(expression)))
    assert body in answer if body else not answer.endswith(b"ok") and b"ab" not in answer and b"whole" not in answer
    if line:
        server.wait_log(re.escape(line))


WRITES = [([], 0, True), (["--write-errors-tolerance", "3"], 3, True), (["--disable-write-exception"], 9, True),
          (["--ignore-sigpipe"], 0, True), (["--ignore-write-errors"], 0, False), (["--write-errors-exception-only"], 0, False)]


@pytest.mark.ours
@pytest.mark.parametrize("options, good, error", WRITES, ids=[" ".join(o) or "default" for o, *_ in WRITES])
def test_writes_to_a_client_that_left(probe, tmp_path, options, good, error):
    server, fifo = probe(*options).allow("Traceback"), tmp_path / "fifo"
    os.mkfifo(fifo)
    stream = wire.connect(server.address())
    stream.sendall(wire.request_bytes(path="/raw?" + quote(f"pour(start_response('200 OK', []), {str(fifo)!r})")))
    with open(fifo, "w"):  # both ends are there: the application waits
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        stream.close()
    server.wait_log(rf"^writes that went well: {good}$")
    server.wait_log(r"=> generated")
    text = server.log()
    assert error == ("_do(): Connection reset by peer [core/writer.c line " in text), text
    assert "SIGPIPE" not in text, "a reset is no closed pipe"


ENDS = [([], 2, 2), (["--skip-atexit"], 1, 1), (["--skip-atexit-teardown"], 2, 0)]


@pytest.mark.ours
@pytest.mark.parametrize("options, hooks, exits", ENDS, ids=[" ".join(o) or "default" for o, *_ in ENDS])
def test_the_end_of_the_interpreter(probe, options, hooks, exits):
    """Worker and master each end theirs."""
    server = probe("-M", *options, env={"PROBE_EXIT": "1"})
    server.stop()
    assert (server.log().count("hook at the end"), server.log().count("python at the end")) == (hooks, exits)


@pytest.mark.ours
@pytest.mark.parametrize("rule, ends", [
    ([], False), (["--reload-on-exception"], True), (["--reload-on-exception-type", "KeyError"], False),
    (["--reload-on-exception-type", "ZeroDivisionError"], True), (["--reload-on-exception-value", "division by zero"], True),
    (["--reload-on-exception-repr", "ZeroDivisionError: division by zero"], True),
], ids=lambda v: "-".join(v) if isinstance(v, list) else "")
def test_exceptions_that_replace_the_worker(probe, rule, ends):
    server = probe("-M", *rule).allow("Traceback", "DAMN")
    before, mark = server.worker_pids()[1], server.mark()
    wire.raw(server.address(), wire.request_bytes(path="/?1/0"))
    if ends:
        server.wait_log(r"Respawned uWSGI worker 1", after=mark)
    assert (ask(server, "os.getpid()") != str(before)) == ends


FAKE = "import uwsgi\ndef {name}(uri):\n    def app(e, s):\n        s('200 OK', [])\n        return [uri.encode()]\n    return app\n"


@pytest.mark.parametrize("options, package, name, body", [
    (["--paste", "config:{tmp}/p.ini", "--paste-logger"], "paste", "loadapp", "config:{tmp}/p.ini"),
    (["--pecan", "{tmp}/p.ini"], "pecan", "deploy", "{tmp}/p.ini"),
    (["--eval", "application = lambda e, s: [s('200 OK', []) and b'eval']"], "none", "none", "eval"),
])
def test_other_ways_to_an_application(uwsgi, tmp_path, options, package, name, body):
    (tmp_path / package).mkdir()
    (tmp_path / package / "__init__.py").touch()
    (tmp_path / package / "deploy.py").write_text(FAKE.format(name=name))
    (tmp_path / "p.ini").write_text("[loggers]\nkeys=root\n[handlers]\nkeys=h\n[formatters]\nkeys=f\n[logger_root]\nlevel=INFO\n"
                                    "handlers=h\n[handler_h]\nclass=FileHandler\nargs=('made-by-logger',)\nformatter=f\n[formatter_f]\n")
    server = uwsgi(*AUTO, "-M", "--pythonpath", tmp_path, *[o.format(tmp=tmp_path) for o in options])
    assert server.get().body.decode() == body.format(tmp=tmp_path)
    assert (tmp_path / "made-by-logger").exists() == ("--paste-logger" in options)


def test_changed_modules_reload_unless_ignored(probe, tmp_path):
    for name in ("one", "two"):
        (tmp_path / f"{name}.py").write_text("")
    server = probe("-M", "--pp", tmp_path, "--import", "one", "--import", "two", "--py-auto-reload", "1",
                   "--py-auto-reload-ignore", "one")
    mark = server.mark()

    def reloaded():
        for name in ("one", "two"):  # until the watcher has looked once, a change is no change
            os.utime(tmp_path / f"{name}.py")
        return re.search(r"module/file \S+/two.py has been modified", server.log())

    until(reloaded, "the reload")
    assert "one.py has been modified" not in server.log()
    server.wait_log(r"gracefully \(RE\)spawned", after=mark)
    server.wait_log(r"^spawned uWSGI worker 1 ", after=mark)
    server.settle()


def test_the_tracebacker_answers_on_its_socket(probe, tmp_path):
    server = probe("-M", "--py-tracebacker", tmp_path / "tb.")
    until((tmp_path / "tb.1").exists, "the socket of worker 1")
    assert b"*** uWSGI Python tracebacker output ***" in wire.raw(str(tmp_path / "tb.1"), b"")


# --- the log --------------------------------------------------------------------------------------------------------------

def answer_of(status: str, size: int) -> str:
    return "/raw?" + quote(f"start_response({status!r}, [('Content-Type', 'x')]) and [b'x' * {size}]")


LOGGED = [
    (["--log-4xx"], answer_of("404 No", 5), answer_of("500 No", 5)),
    (["--log-5xx"], answer_of("503 No", 5), answer_of("404 No", 5)),
    (["--log-zero"], answer_of("200 OK", 0), answer_of("200 OK", 1)),
    (["--log-big", "1000"], answer_of("200 OK", 1000), answer_of("200 OK", 999)),
    (["--log-slow", "50"], "/?__import__('select').select([],[],[],0.06)", "/?1"),
]


@pytest.mark.parametrize("options, logged, silent", LOGGED, ids=[" ".join(o) for o, *_ in LOGGED])
def test_a_quiet_server_logs_what_was_asked_for(probe, options, logged, silent):
    server = probe("--disable-logging", *options)
    server.get(silent)
    server.get(logged)
    server.quiet()
    assert re.findall(r"GET (\S+) => generated", server.log()) == [logged]


LINES = [
    (["--log-micros"], r"=> generated 1 bytes in \d+ micros \("),
    (["--log-x-forwarded-for"], r"\] 9\.9\.9\.9 \(\) \{"),
    (["--log-format", "%(method)|%(status)|%(modifier1)-%(modifier2)|%(var.HTTP_HOST)"], r"^GET\|200\|0-0\|localhost$"),
    (["--logdate"], r"^\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4} - \*\*\* Operational MODE"),
    (["--logdate=%Y!"], r"^\d{4}! - \*\*\* Operational MODE"),
    (["--thunder-lock"], r"^thunder lock: enabled$"),
    ([], r"^thunder lock: disabled"),
    (["--memory-report"], r"^\{address space usage: \d+ bytes/\d+MB\} \{rss usage: \d+ bytes/\d+MB\} \["),
    (["--http-socket-modifier1", "0", "--http-socket-modifier2", "7", "--log-format", "m%(modifier1)-%(modifier2)"], r"^m0-7$"),
]


@pytest.mark.parametrize("options, line", LINES, ids=[(o or ["none"])[0] for o, _ in LINES])
def test_a_line_of_the_log(probe, options, line):
    server = probe(*options)
    assert ask(server, "1", headers={"X-Forwarded-For": "9.9.9.9"}) == "1"
    server.wait_log(line)


def test_logto_leads_the_log_elsewhere(probe, tmp_path):
    server = probe("--logto", tmp_path / "to.log", ready=False)
    first, server.log_path = server.log_path, tmp_path / "to.log"
    until(server.log_path.exists, "the log")
    server.ready()
    assert ask(server, "1") == "1"
    server.wait_log("=> generated")
    assert (tmp_path / "to.log").stat().st_mode & 0o777 == 0o640
    assert "uWSGI" not in first.read_text()


def test_daemonize_leaves_the_terminal(probe, tmp_path, nothing_left):
    shutil.copy(paths.APPS / "probe.py", tmp_path)
    port, log, pidfile = free_port(), tmp_path / "d.log", tmp_path / "d.pid"
    run("--http-socket", f"127.0.0.1:{port}", "-M", "--wsgi-file", tmp_path / "probe.py", "--daemonize", log, "--safe-pidfile", pidfile, cwd=tmp_path)
    pid = int(until(lambda: pidfile.exists() and pidfile.read_text().strip(), "the pidfile"))
    try:
        assert (os.getsid(pid) == os.getsid(0), os.readlink(f"/proc/{pid}/fd/0")) == (False, "/dev/null")
        assert [os.readlink(f"/proc/{pid}/fd/{n}") for n in (1, 2)] == [str(log)] * 2
        assert re.search(r"Umask:\s+0000", pathlib.Path(f"/proc/{pid}/status").read_text())
        assert log.stat().st_mode & 0o777 == 0o640
        until(lambda: listens(pid, log), "a server that listens")
        os.kill(pid, signal.SIGHUP)
        until(lambda: log.read_text().count("spawned uWSGI worker 1 ") == 2, "the reload in the same log")
        assert wire.http(port, "/?loaded[0]").status == 200
    finally:
        until(lambda: listens(pid, log), "a server that listens")
        run("--stop", pidfile)
        until(lambda: not procs.alive(pid), "the end of the daemon")
    assert log.read_text().rstrip().endswith("goodbye to uWSGI.")


# --- processes ------------------------------------------------------------------------------------------------------------

@pytest.fixture
def open_dir():
    """A directory that everybody may enter and `nobody` may write to."""
    with users.place(0o777, "probe") as directory:
        yield directory


@pytest.mark.ours
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
@pytest.mark.parametrize("options, gid", [
    (["--uid", "nobody", "--gid", "1"], 1), (["--uid", "65534", "--gid", "daemon"], 1)])
def test_privileges_are_dropped_for_good(uwsgi, open_dir, tmp_path, options, gid):
    nobody = pwd.getpwnam("nobody").pw_uid
    server = uwsgi("--http-socket", open_dir / "h.sock", "-M", *options, "--wsgi-file", open_dir / "probe.py", "--vacuum",
                   "--stats", open_dir / "stats", "--pidfile", tmp_path / "root.pid", "--safe-pidfile", open_dir / "own.pid",
                   env=users.ENVIRONMENT, cwd=open_dir)
    server.wait_log(f"^setgid\\(\\) to {gid}\nsetuid\\(\\) to {nobody}$")
    expected = f"(({nobody}, {nobody}, {nobody}), ({gid}, {gid}, {gid}), True)"
    assert ask(server, "os.getresuid(), os.getresgid(), 0 not in os.getgroups()") == expected
    for pid in procs.tree(server.pid):
        assert re.search(rf"Uid:\s+{nobody}\s+{nobody}\s", pathlib.Path(f"/proc/{pid}/status").read_text())
    owner = (open_dir / "h.sock").stat()
    assert (owner.st_uid, owner.st_gid) == (nobody, gid)
    until((open_dir / "own.pid").exists, "the pidfile written after the workers started")
    assert [p.stat().st_uid for p in (tmp_path / "root.pid", open_dir / "own.pid")] == [0, nobody]
    document = server.stats()
    assert (document["uid"], document["gid"]) == (nobody, gid)
    mark = server.mark()
    server.send(signal.SIGHUP)
    server.wait_log(r"^spawned uWSGI worker 1 ", after=mark)
    server.settle()
    assert ask(server, "os.getresuid(), os.getresgid(), 0 not in os.getgroups()") == expected, "after a reload too"


TITLES = [
    (["--auto-procname"], "uWSGI master", "uWSGI worker 1"),
    (["--procname-prefix", "site-"], "site-uWSGI master", "site-uWSGI worker 1"),
    (["--procname-prefix-spaced", "site"], "site uWSGI master", "site uWSGI worker 1"),
    (["--procname-append", " of x"], "uWSGI master of x", "uWSGI worker 1 of x"),
    (["--procname", "app"], "app", "app"),
    (["--procname", "app", "--procname-master", "boss"], "boss", "app"),
]


def title(pid: int) -> str:
    return pathlib.Path(f"/proc/{pid}/cmdline").read_text().split("\0")[0]


@pytest.mark.parametrize("options, master, worker", TITLES, ids=[o[0] for o, _, _ in TITLES])
def test_processes_have_names(probe, options, master, worker):
    server = probe("-M", *options)
    until(lambda: (title(server.pid), title(server.worker_pids()[1])) == (master, worker), f"titles {master} and {worker}")


def test_forkbomb_delay_is_the_pause(uwsgi, tmp_path):
    (tmp_path / "dies.py").write_text("import os\nos._exit(1)\n")
    server = uwsgi(*AUTO, "-M", "--lazy-apps", "--forkbomb-delay", "1", "--wsgi-file", tmp_path / "dies.py", ready=False)
    server.allow("DAMN").wait_log(r"worker respawning too fast !!! i have to sleep a bit \(1 seconds\)")


def test_exit_on_reload(probe):
    server = probe("-M", "--exit-on-reload")
    assert server.stop(signal.SIGHUP) == 0
    assert "uWSGI: GAME OVER (insert coin)" in server.log() and "(RE)spawned" not in server.log()


def test_lazy_reloads_workers_only(probe):
    server = probe("-M", "--lazy")
    assert ask(server, "loaded[0] == os.getpid()") == "True"
    before, mark = server.worker_pids()[1], server.mark()
    server.send(signal.SIGHUP)
    server.wait_log(r"Respawned uWSGI worker 1", after=mark)
    assert ask(server, "os.getpid()") != str(before) and "(RE)spawned" not in server.log()


def test_a_young_worker_is_not_recycled(probe):
    server = probe("-M", "--max-requests", "2", "--min-worker-lifetime", "3600")
    assert len({ask(server, "os.getpid()") for _ in range(5)}) == 1


@pytest.mark.ours
def test_max_apps_limits_them(uwsgi, tmp_path):
    shutil.copy(paths.APPS / "probe.py", tmp_path)
    mounts = [part for at in ("/a", "/b") for part in ("--mount", f"{at}={tmp_path}/probe.py")]
    with_room = uwsgi(*AUTO, "--single-interpreter", "--max-apps", "2", *mounts)
    assert "you cannot load more than" not in with_room.log()
    text = run(*AUTO, "--single-interpreter", "--max-apps", "1", *mounts, code=22)
    assert "ERROR: you cannot load more than 1 apps in a worker" in text


@pytest.mark.parametrize("options, kept", [([], "/dev/null"), (["--honour-stdin"], "pipe:")])
def test_standard_input(tmp_path, nothing_left, options, kept):
    shutil.copy(paths.APPS / "probe.py", tmp_path)
    process = subprocess.Popen([paths.OURS, *AUTO, "-M", "--wsgi-file", tmp_path / "probe.py", "--logto", tmp_path / "log", *options],
                               stdin=subprocess.PIPE, env=plain_environment())
    try:
        until(lambda: listens(process.pid, tmp_path / "log"), "a server that listens")
        worker = procs.children(process.pid)[0]
        assert [os.readlink(f"/proc/{p}/fd/0").startswith(kept) for p in (process.pid, worker)] == [True, True]
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)


# --- sockets and routers --------------------------------------------------------------------------------------------------

def test_listen_is_the_length_of_the_queue(probe, tmp_path):
    server = probe("--listen", "17", "-M", "--thunder-lock", "--stats", tmp_path / "s")
    document = server.wait_stats(lambda s: s["sockets"][0]["max_queue"] == 17, "a queue of 17")
    assert any("thunder" in lock for lock in document["locks"])
    server.wait_log("your server socket listen backlog is limited to 17 connections")


@pytest.mark.ours
@pytest.mark.parametrize("options, shared", [([], False), (["--reuse-port"], True)])
def test_reuse_port_lets_others_bind(probe, options, shared):
    server = probe(*options)
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        with contextlib.nullcontext() if shared else pytest.raises(OSError, match="in use"):
            other.bind(server.address())


@pytest.mark.parametrize("option, mode", [("--chmod-socket=640", 0o640), ("--chmod-socket", 0o666), ("-C", 0o666)])
def test_the_mode_of_a_socket(probe, tmp_path, option, mode):
    probe(option, listen=("--http-socket", tmp_path / "x.sock"))
    assert (tmp_path / "x.sock").stat().st_mode & 0o777 == mode


@pytest.mark.ours
def test_plain_names_may_be_abstract(probe, tmp_path):
    name = f"options{tmp_path.name}"
    probe("--abstract-socket", listen=("--http-socket", name))
    assert wire.http(f"@{name}", "/?1").body == b"1"


@pytest.mark.parametrize("options, line", [
    (["--http-processes", "2"], r"spawned uWSGI http 2 \(pid: \d+\)"),
    (["--http-modifier1", "0", "--http-modifier2", "9", "--log-format", "m%(modifier1)-%(modifier2)"], r"^m0-9$"),
])
def test_router_options(probe, options, line):
    port = free_port()
    server = probe("-M", *options, listen=("--httprouter", f"127.0.0.1:{port}"))
    server.wait_log(r"spawned uWSGI http 1 \(")
    assert wire.http(port, "/?1").body == b"1"
    server.wait_log(line)


@pytest.mark.parametrize("listen, option", [("--http", "--http-modifier1"), ("--http-socket", "--http-socket-modifier1")])
def test_another_modifier_needs_another_language(probe, listen, option):
    port = free_port()
    server = probe("-M", option, "5", listen=(listen, f"127.0.0.1:{port}"))
    wire.raw(port, wire.request_bytes(path="/?1", headers={"Connection": "close"}))
    server.wait_log(r"-- unavailable modifier requested: 5 --")


@pytest.mark.ours
@pytest.mark.parametrize("options, kept", [([], True), (["--http-keepalive=0"], False)])
def test_http_keepalive_can_be_switched_off(probe, options, kept):
    port = free_port()
    probe("-M", *options, listen=("--http", f"127.0.0.1:{port}"))
    with contextlib.closing(wire.connect(port)) as stream:
        reader = wire.Reader(stream)
        stream.sendall(wire.request_bytes(path="/?1"))
        assert reader.response().body == b"1"
        closed = bool(select.select([stream], [], [], 0 if kept else 10)[0])
        assert closed != kept


def test_http_timeout_ends_a_silent_session(probe, tmp_path):
    port, fifo = free_port(), tmp_path / "fifo"
    os.mkfifo(fifo)
    server = probe("-M", "--http-timeout", "1", listen=("--http", f"127.0.0.1:{port}"))
    answer = wire.raw(port, wire.request_bytes(path="/?" + quote(f"open({str(fifo)!r}).read()")))
    assert answer == b"" or answer.startswith(b"HTTP/1.1 504 ")
    fifo.write_text("")
    server.wait_log("=> generated")


# --- metrics --------------------------------------------------------------------------------------------------------------

@pytest.mark.ours
@pytest.mark.parametrize("options, cores, histograms", [([], False, True), (["--prometheus-cores"], True, True),
                                                        (["--request-metrics=false"], False, False)])
def test_what_is_published(probe, options, cores, histograms):
    port = free_port()
    server = probe("-M", "--stats", f"127.0.0.1:{port}", "--stats-http", *options)
    assert ask(server, "1") == "1"
    server.quiet()  # what is counted after the answer is counted
    text = wire.http(port, "/metrics").body.decode()
    counts = re.findall(r"^uwsgi_request_duration_seconds_count(?:\{.*\})? (\d+)$", text, re.M)
    assert (bool(re.search(r"^uwsgi_\w+\{.*core_id=", text, re.M)), "1" in counts) == (cores, histograms)


# --- plugins and configuration --------------------------------------------------------------------------------------------

@pytest.mark.ours
def test_plugins_of_packages_are_built_in(probe):
    server = probe("--plugins", "python3,http", "--need-plugin", "python")
    assert ask(server, "1") == "1"
    assert not re.search(r"(?i)unable to load|not (found|available)|\.so|python3", server.log())


@pytest.mark.ours
def test_plugins_dir_adds_a_place(tmp_path, nothing_left):
    (tmp_path / "bin").mkdir()
    (tmp_path / "lib").mkdir()
    binary = shutil.copy(paths.OURS, tmp_path / "bin/uwsgi")
    shutil.copy(paths.OURS.resolve().parent / "libuwsgi_python.so", tmp_path / "lib")
    shutil.copy(paths.APPS / "probe.py", tmp_path)
    for options, code, line in [([], 1, "libuwsgi_python.so not found in"), (["--plugins-dir", tmp_path / "lib"], 0, "WSGI app 0")]:
        done = subprocess.run([binary, *AUTO, "--no-server", "--wsgi-file", tmp_path / "probe.py", *options], env=plain_environment(),
                              capture_output=True, text=True, timeout=20, check=False)
        assert (done.returncode, line in done.stderr) == (code, True), done.stderr


@pytest.mark.ours
def test_a_missing_plugin_that_is_needed(nothing_left):
    assert 'unable to load plugin "nonsense"' in run(*AUTO, "--need-plugins", "python,nonsense", code=1)
    assert "!!! UNABLE to load uWSGI plugin: ./nonsense_plugin.so" in run(*AUTO, "--plugins", "nonsense", "--no-server")


LOGIC = """\
[uwsgi]
set-placeholder = word=held
set-ph = other=too
if-dir = {tmp}
print = dir %(_)
endif =
if-not-dir = {tmp}
print = no dir
else =
print = else
endif =
if-not-file = {tmp}
print = not a file
endif =
for = a b
print = for %(_)
endfor =
print = %(word) %(other)
iprint = at once
exit = 7
"""


@pytest.mark.ours
def test_logic_and_prints(tmp_path):
    (tmp_path / "l.ini").write_text(LOGIC.format(tmp=tmp_path))
    lines = [line for line in run("--config", tmp_path / "l.ini", code=7).splitlines() if not line.startswith("[uWSGI]")]
    assert lines == ["at once"]
    (tmp_path / "l.ini").write_text(LOGIC.format(tmp=tmp_path).replace("exit = 7\n", "check = 1\n"))
    text = run("--ini", tmp_path / "l.ini")
    wanted = ["at once", f"dir {tmp_path}", "else", "not a file", "for a", "for b", "held too"]
    assert [line for line in text.splitlines() if line in wanted] == wanted
    assert "configuration ok" in text


def test_conditions_see_a_reload(probe, tmp_path):
    (tmp_path / "r.ini").write_text("[uwsgi]\nif-reload = 1\nprint = again\nendif =\nif-not-reload = 1\nprint = first\nendif =\n")
    server = probe("-M", "--ini", tmp_path / "r.ini")
    assert re.findall("^(?:first|again)$", server.log(), re.M) == ["first"]
    server.send(signal.SIGHUP)
    server.wait_log("^again$")
    server.wait_log(r"(?s)RE\)spawned.*^spawned uWSGI worker 1 ")
    server.settle()
    assert re.findall("^(?:first|again)$", server.log(), re.M) == ["first", "again"]


COMMANDS = [(["--version"], r"^2\.\d+\.\d+\n$"), (["--help"], r"--http-socket"), (["--dump-options"], r"(?m)^http-socket$"),
            (["--option-status"], r"(?m)^\s*http-socket\s.*works"), (["--get", "processes", "--processes", "3"], r"(?m)^3$"),
            (["--check", *AUTO], r"configuration ok"), (["--test", "json", *AUTO], r"initialized"), (["--print", "hello", "--check"], r"(?m)^hello$"),
            (["--show-config", "--no-server", *AUTO], r"(?m)^\s*http-socket = 127"), (["--set", "processes=3", "--get", "processes"], r"(?m)^3$")]


@pytest.mark.ours
@pytest.mark.parametrize("args, text", COMMANDS, ids=[a[0] for a, _ in COMMANDS])
def test_commands_answer_and_end(tmp_path, nothing_left, args, text):
    assert re.search(text, run(*args, cwd=tmp_path))
