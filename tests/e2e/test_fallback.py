"""`fallback-config`: another configuration takes over, in the same process, when the first one fails."""

import contextlib
import os
import pathlib
import re
import socket
import subprocess

import pytest

from harness import paths, procs, wire
from harness.server import free_port, plain_environment
from harness.waiting import until

FELL = r"^\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4} - !!! "


@pytest.fixture
def safe(tmp_path, app):
    """`safe(*lines)`: a configuration that works, on a port of the kernel's choice."""
    def write(*lines, name="safe.ini"):
        path = tmp_path / name
        path.write_text("\n".join(["[uwsgi]", "http-socket = 127.0.0.1:0", f"wsgi-file = {app('hello')}", *lines]) + "\n")
        return path
    return write


@pytest.fixture
def taken():
    """A TCP port that somebody else listens on."""
    with socket.create_server(("127.0.0.1", 0)) as holder:
        yield holder.getsockname()[1]


def fell(server, code=1, file="safe.ini", timeout=10):
    """The two lines, dated, with the process that was started."""
    server.wait_log(rf"(?m){FELL}\S+ \(pid: {server.pid}\) exited with status {code} !!!\n{FELL[1:]}Fallback config to \S*{file} !!!$", timeout)


def run(*args, cwd, env=None, timeout=30):
    done = subprocess.run([paths.OURS, *map(str, args)], capture_output=True, timeout=timeout, cwd=cwd, check=False,
                          stdin=subprocess.DEVNULL, env={**plain_environment(), **(env or {})})
    return done.returncode, (done.stdout + done.stderr).decode(errors="replace")


@pytest.mark.ours
def test_an_occupied_port(uwsgi, safe, taken, tmp_path):
    """The acceptance: the other port answers, the pid is the one that was started, both lines are there."""
    server = uwsgi("--fallback-config", safe("master = true", f"pidfile = {tmp_path}/pid"), "--http-socket", f"127.0.0.1:{taken}")
    fell(server)
    assert server.get().body == b"Hello World"
    until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text() == f"{server.pid}\n", "the pidfile"), "a fallback is a first start: pidfiles are written"
    assert not re.search(r"\(RE\)spawned", server.log())
    assert pathlib.Path(f"/proc/{server.pid}/cmdline").read_bytes().split(b"\0")[1:] == [str(tmp_path / "safe.ini").encode(), b""]


FAILURES = {
    "an unknown option behind it": (["--no-such-option"], 1, "unrecognized option"),
    "a missing file": (["--ini", "missing.ini"], 1, r"realpath\(\) of missing.ini failed"),
    "a bad value": (["--http-socket", "127.0.0.1:0", "--protocol", "gopher"], 1, "unable to find protocol gopher"),
    "exit": (["--exit"], 1, ""),
    "no socket": ([], 1, "The -s/--socket option is missing"),
    "chdir": (["--http-socket", "127.0.0.1:0", "--chdir", "/no/such/place"], 1, r"chdir\(\)"),
    "need-app": (["--http-socket", "127.0.0.1:0", "--need-app"], 22, "GAME OVER"),
    "need-app in the worker of a master": (["--http-socket", "127.0.0.1:0", "--need-app", "--lazy-apps", "-M"], 22, "GAME OVER"),
    "need-app without a master": (["--http-socket", "127.0.0.1:0", "--need-app", "--lazy-apps"], 22, "GAME OVER"),
    "need-app of three without a master": (["--http", "127.0.0.1:0", "--need-app", "--lazy-apps", "-p", "2"], 22, "GAME OVER"),
    "need-app with vacuum": (["--http-socket", "{tmp}/x.sock", "--need-app", "--lazy-apps", "-M", "--vacuum"], 22, "GAME OVER"),
}


@pytest.mark.ours
@pytest.mark.parametrize("options, code, line", FAILURES.values(), ids=list(FAILURES))
def test_every_failure_falls_back(uwsgi, safe, tmp_path, options, code, line):
    options = [o.replace("{tmp}", str(tmp_path)) for o in options]
    server = uwsgi("--fallback-config", safe("master = true"), *options, ready=False)
    fell(server, code)
    server.wait_log(line)
    start = server.log().index("Fallback config to")
    address = server.address(after=start)
    server.wait_log(r"spawned uWSGI worker 1 \(pid", after=start)
    assert wire.http(address).body == b"Hello World"
    until(lambda: len(procs.children(server.pid)) == 2, "one worker, one observer and nobody else")
    assert procs.zombies(server.pid) == []


def test_codes_that_are_no_failure(tmp_path, safe, nothing_left):
    for code in (0, 2, 26, 255):
        seen, text = run("--fallback-config", safe(), f"--exit={code}", cwd=tmp_path)
        assert seen == code and "Fallback" not in text


@pytest.mark.ours
@pytest.mark.parametrize("command", [["--stop", "missing.pid"], ["--connect-and-read", "/no/such/socket"], ["--http-socket", "127.0.0.1:0", "--protocol", "gopher", "--check"]])
def test_a_command_starts_no_server(tmp_path, safe, nothing_left, command):
    code, text = run("--fallback-config", safe(), *command, cwd=tmp_path)
    assert code == 1 and "Fallback" not in text


def test_what_comes_before_the_directive_does_not_fall_back(tmp_path, safe, nothing_left):
    code, text = run("--no-such-option", "--fallback-config", safe(), cwd=tmp_path)
    assert code == 1 and "Fallback" not in text


@pytest.mark.ours
def test_a_relative_file_is_meant_where_the_server_was_started(uwsgi, safe, taken, tmp_path):
    (tmp_path / "sub").mkdir()
    safe("master = true")
    server = uwsgi("--fallback-config", "safe.ini", "--chdir", tmp_path / "sub", "--http-socket", f"127.0.0.1:{taken}")
    fell(server)
    assert server.get().body == b"Hello World"


@pytest.mark.ours
def test_sockets_go_over_with_those_who_wait(uwsgi, app, tmp_path):
    """A client in the queue of the first configuration is served by the second one."""
    port = free_port()
    ready = tmp_path / "ready"
    os.mkfifo(ready)
    (tmp_path / "slow.py").write_text(f"open({str(ready)!r}).read()\n")
    good = tmp_path / "good.ini"
    good.write_text(f"[uwsgi]\nmaster = true\nhttp-socket = 127.0.0.1:{port}\nwsgi-file = {app('hello')}\n")
    server = uwsgi("--fallback-config", good, "--http-socket", f"127.0.0.1:{port}", "--need-app", "--wsgi-file", tmp_path / "slow.py", ready=False)
    with open(ready, "w") as gate:
        early = wire.connect(port)
        gate.write("go")
    with contextlib.closing(early):
        early.sendall(wire.request_bytes(headers={"Connection": "close"}))
        fell(server, 22, "good.ini")
        assert wire.Reader(early).response().body == b"Hello World"
    server.wait_log(r"uwsgi socket 0 inherited INET address")


@pytest.mark.ours
def test_a_file_that_names_itself_is_tried_once(tmp_path, nothing_left, taken):
    """No circle keeps a processor busy: what fails twice in a row ends with the code it had."""
    (tmp_path / "loop.ini").write_text(f"[uwsgi]\nfallback-config = loop.ini\nhttp-socket = 127.0.0.1:{taken}\n")
    code, text = run("loop.ini", cwd=tmp_path)
    assert code == 1
    assert (text.count("Fallback config to loop.ini"), text.count("Starting uWSGI")) == (1, 2), text[-3000:]
    assert re.search(rf"(?m){FELL}Fallback config loop\.ini has just failed, not executed again !!!$", text)


@pytest.mark.ours
def test_levels_of_fallbacks(tmp_path, nothing_left, uwsgi, safe):
    safe("master = true")
    for name, after in [("a", "b.ini"), ("b", "c.ini"), ("c", "safe.ini")]:
        (tmp_path / f"{name}.ini").write_text(f"[uwsgi]\nfallback-config = {after}\nno-such-thing = 1\nhttp-socket = x:y:z\n")
    server = uwsgi("--ini", "a.ini")
    assert re.findall(r"Fallback config to (\S+) !!!", server.log()) == ["b.ini", "c.ini", "safe.ini"]
    assert server.get().body == b"Hello World"


@pytest.mark.ours
def test_a_circle_of_two_ends(tmp_path, nothing_left):
    for name, after in [("a", "b"), ("b", "a")]:
        (tmp_path / f"{name}.ini").write_text(f"[uwsgi]\nfallback-config = {after}.ini\nhttp-socket = x:y:z\n")
    code, text = run("a.ini", cwd=tmp_path)
    assert code == 1
    assert re.findall(r"Fallback config to (\S+) !!!", text) == ["b.ini", "a.ini"]


@pytest.mark.ours
def test_a_reload_into_a_broken_file_falls_back(uwsgi, safe, tmp_path):
    """The edit that breaks a configuration is noticed at a reload that tries nothing first: the fallback serves on, no longer as a reload."""
    safe("master = true", f"safe-pidfile = {tmp_path}/pid")
    main = tmp_path / "main.ini"
    text = safe("master = true", "reload-preflight = none", name="main.ini").read_text().replace("[uwsgi]", "[uwsgi]\nfallback-config = safe.ini")
    main.write_text(text)
    server = uwsgi("--ini", "main.ini")
    address = server.address()
    main.write_text(text + "chdir = /no/such/place\n")
    after = server.mark()
    os.kill(server.pid, 1)
    fell(server)
    server.wait_log(r"spawned uWSGI worker 1 \(pid", after=server.log().index("Fallback config to"))
    assert wire.http(address).body == b"Hello World", "the socket went through reload and fallback"
    assert "inherited INET address" in server.log()[after:]
    until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text() == f"{server.pid}\n", "the pidfile")
