"""What watches a server, as uwsgitop shows it in a real terminal: alarms, pushers, probes, mules; and the screen's own manners."""

import os
import re
import signal
import socket
import subprocess

import pytest

from harness import load, paths, wire
from harness.probes import attached, needs_probes
from harness.server import free_port
from harness.tmux import Tmux
from harness.waiting import until

pytestmark = pytest.mark.ours


@pytest.fixture
def screen(tmp_path):
    """`screen(server, view)`: uwsgitop over the arena of a server, in a terminal of its own."""
    opened = []

    def show(server, view, *options, **kw):
        terminal = Tmux(tmp_path, paths.UWSGITOP, "--pid", server.pid, "--view", view, *options, **kw)
        opened.append(terminal)
        return terminal

    yield show
    for terminal in opened:
        terminal.end()


def row(seen: str, pattern: str) -> list[str]:
    """The words of the only row that matches."""
    found = [line for line in seen.splitlines() if re.search(pattern, line)]
    assert len(found) == 1, seen
    return found[0].split()


def place(terminal, text: str) -> tuple[int, int]:
    """Column and row of a text, from 1."""
    lines = terminal.rows()
    number = next(n for n, line in enumerate(lines) if text in line)
    return lines[number].index(text) + 1, number + 1


# ------------------------------------------------------------------ alarms and pushers

def test_a_threshold_that_fires_is_on_top(uwsgi, app, screen):
    server = uwsgi("--http-socket", "127.0.0.1:0", "-M", "--alarm", "lg log:", "--metric-threshold", "key=core.busy_workers,value=90,alarm=lg",
                   "--metric-threshold", "key=worker.0.requests,value=5,alarm=lg,rate=1000", "--wsgi-file", app("wires"))
    top = screen(server, "alarms")
    top.wait(r"none of 2 thresholds fires")
    load.latencies(server.address(), 6, "/length")
    seen = top.wait(r"1 of 2 thresholds FIRING")
    said = row(seen, r"FIRING +\S+ +worker\.0\.requests")
    assert said[3:6] == ["6", ">=", "5"], said
    assert seen.index("worker.0.requests") < seen.index("core.busy_workers"), "what fires stands first"
    server.wait_log(r"ALARM: worker.0.requests")
    alarm = row(top.wait(r"^ ok +lg +log +1 "), r"^ ok +lg")
    assert alarm[3] == "1", alarm
    top.resize(60, 15)
    top.wait(r"^ FIRING +\S+ +worker\.0\.requests")


def test_a_receiver_that_is_not_there(uwsgi, app, screen):
    with socket.socket() as dead, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as alive:
        dead.bind(("127.0.0.1", 0))
        alive.bind(("127.0.0.1", 0))
        refusing, taking = (f"127.0.0.1:{s.getsockname()[1]}" for s in (dead, alive))
        server = uwsgi("--http-socket", "127.0.0.1:0", "-M", "--carbon", refusing, "--carbon-freq", "1", "--stats-push", f"statsd:{taking},mine",
                       "--stats-pusher-default-freq", "1", "--wsgi-file", app("probe"))
        top = screen(server, "pushers")
        seen = top.wait(rf"1 of 2 receivers FAIL(.*\n)+.*! .*carbon server at {refusing}")
        assert row(seen, r"FAILING +carbon")[2] == refusing
        assert seen.index("carbon") < seen.index("statsd"), "what fails stands first"
        pushed = row(top.wait(r"^ ok +statsd"), r"^ ok +statsd")
        assert pushed[2] == taking
        datagrams = alive.recv(65536).decode()
        assert datagrams.startswith("mine."), "the receiver has it"


def test_loggers_below_who_gets_the_metrics(uwsgi, app, screen, tmp_path):
    lines = tmp_path / "lines.log"
    with socket.socket() as dead:
        dead.bind(("127.0.0.1", 0))
        refusing, port = f"127.0.0.1:{dead.getsockname()[1]}", free_port()
        server = uwsgi("--http-socket", "127.0.0.1:0", "-M", "--logger", f"near file:{lines}", "--logger", f"far redislog:{refusing}",
                       "--log-route", "near ^said", "--log-route", "far ^said", "--disable-logging", "--stats", f"127.0.0.1:{port}", "--stats-http",
                       "--wsgi-file", app("alarms"))
        top = screen(server, "pushers", size=(200, 40))
        for number in range(3):
            assert server.get(f"/print?said%20{number}%0A").status == 200
        seen = top.wait(r"^ away +far +.* 3 +0 +\d+ +0 +0\n ok +near +file .* 3 +21 ")
        assert lines.read_text(encoding="utf-8") == "said 0\nsaid 1\nsaid 2\n"
        near, far = row(seen, r"^ ok +near"), row(seen, r"^ away +far")
        assert near[3:] == [str(lines), "3", "21", "0", "0", "0", "0", "0"], near
        assert far[3] == refusing and far[4:8] == ["0", "0", "3", "0"] and int(far[8]) > 0, far
        assert "no line of the log is lost for 2 loggers; 3 wait" in seen
        told = subprocess.run([paths.UWSGITOP, "--once", "--no-arena", "--view", "pushers", f"http://127.0.0.1:{port}"],
                              capture_output=True, text=True, timeout=20, check=True)
        assert row(told.stdout, r"^ ok +near")[4:] == near[4:], "the stats tell the same"
        assert row(told.stdout, r"^ away +far")[4:8] == far[4:8]
        top.resize(60, 15)
        top.wait(r"^ away +far +redislog .* 3 +0( +\d+)?$")


# ------------------------------------------------------------------ probes in the kernel

@needs_probes
def test_probes_tell_waits_calls_connections_and_killers(uwsgi, app, screen):
    server = uwsgi("--http-socket", "127.0.0.1:0", "-M", "-p", "2", "--ebpf=accept,scheduler,network,signals,syscalls,memory",
                   "--wsgi-file", app("waits"))
    attached(server, "scheduler", "syscalls")
    server.allow("DAMN !")
    top = screen(server, "probes", size=(160, 40))
    seen = top.wait(r"all of 6 probes work")
    assert row(seen, r"^ healthy +scheduler")[2].isdigit()
    top.press("m")
    top.wait(r"\[workers\]")
    sent = []

    def seen_waiting():
        wire.http(server.address(), "/recv?seconds=0.1")
        sent.append(1)
        return re.search(r"average: +0\.[3-9]\d for network", text := top.text()) and re.search(r"^ [12] +network \d\d%", text, re.M)

    until(seen_waiting, "requests that wait for the network", timeout=30)
    top.press("m")
    seen = top.wait(r"\[calls\]")
    assert int(row(top.wait(r"^ network "), r"^ network ")[-2]) >= len(sent), "a receive each"
    top.press("m")
    seen = top.wait(r"\[network\]")
    port = server.address()[1]
    assert row(top.wait(rf":{port} "), rf":{port} ")[0] == f"127.0.0.1:{port}"
    os.kill(server.worker_pids()[1], signal.SIGKILL)
    server.wait_log(r"worker 1 .*(died|signal 9)")
    top.press("m")
    seen = top.wait(r"1 worker ended by a signal(.*\n)+ +1 SIGKILL ")
    assert row(seen, r"SIGKILL")[2] in open("/proc/self/comm", encoding="ascii").read(), "this test did it"


# ------------------------------------------------------------------ jobs

def test_a_mule_that_died_was_started_again(uwsgi, app, screen):
    server = uwsgi("--http-socket", "127.0.0.1:0", "-M", "--mules", "2", "--wsgi-file", app("mules"))
    pids = {int(m): int(p) for m, p in until(lambda: re.findall(r"spawned uWSGI mule (\d+) \(pid: (\d+)\)", server.log())[1:]
                                             and re.findall(r"spawned uWSGI mule (\d+) \(pid: (\d+)\)", server.log()), "two mules")}
    top = screen(server, "jobs")
    seen = top.wait(r"^ \S+ +mule +2 ")
    assert row(seen, r"mule +1 ")[3] == str(pids[1])
    assert row(seen, r"^ \S+ +master")[2] == str(server.pid)
    server.allow("DAMN !", "OOOPS")
    os.kill(pids[1], signal.SIGKILL)
    again = row(top.wait(rf"mule +1 +(?!{pids[1]} )\d+ +1 "), r"mule +1 ")
    assert again[3] != str(pids[1]) and os.path.exists(f"/proc/{again[3]}"), again
    top.press("m")
    top.wait(r"^ mule 2 +\d+ ")


# ------------------------------------------------------------------ the screen

def test_the_mouse_sorts_moves_and_switches(uwsgi, app, screen):
    server = uwsgi("--http-socket", "127.0.0.1:0", "-M", "-p", "3", "--mules", "1", "--wsgi-file", app("mules"))
    top = screen(server, "workers")
    top.wait(r"^ 3 ")

    def order():
        return re.findall(r"^ ([123]) +\d", top.text(), re.M)

    top.click(*place(top, "PID"))
    top.wait("v *PID")
    descending = until(lambda: order() if len(order()) == 3 else None, "three rows")
    top.click(*place(top, "PID"))
    top.wait(r"\^ *PID")
    assert order() == descending[::-1], "a second click turns it round"
    column, line = place(top, " jobs ")
    top.click(column + 1, line)
    top.wait(r"^ \S+ +mule +1 ")
    top.click(*place(top, "alarms") if "alarms" in top.text() else place(top, " workers "))
    top.wait(r"WID")
    for _ in range(2):
        top.type("\x1b[<65;40;10M")
    # Reversed, and the row above it, where the first turn of the wheel put the cursor, is not.
    until(lambda: re.search(r"\x1b\[[0-9;]*7m\S* \d", top.painted()), "the second row under the cursor")


def test_the_help_scrolls_and_ends(uwsgi, app, screen):
    server = uwsgi("--http-socket", "127.0.0.1:0", "-M", "--wsgi-file", app("probe"))
    top = screen(server, "workers", size=(60, 15))
    top.wait("WID")
    top.press("h")
    first = top.wait("KEYS")
    top.press("Down", "Down")
    until(lambda: "KEYS" not in top.text(), "the help moves")
    top.press("End")
    top.wait("who killed a worker|receivers get the metrics|refuse")
    top.press("Home")
    assert "quit" in top.wait("KEYS") and "KEYS" in first
    top.press("q")
    top.wait("WID")
    top.press("q")
    assert top.status() == 0


@pytest.mark.parametrize("env", [{"LC_ALL": "C"}, {"LC_ALL": "de_DE.ISO-8859-1"}])
def test_a_locale_without_utf8_gets_ascii(uwsgi, app, screen, env):
    server = uwsgi("--http-socket", "127.0.0.1:0", "-M", "-p", "2", "--wsgi-file", app("wires"))
    load.latencies(server.address(), 10, "/length")
    top = screen(server, "overview", env=env)
    top.wait("overview")
    for key in "o126n":
        top.press(key)
        assert until(top.text, "a screen").isascii()


def test_themes_turn_by_key_and_no_color_is_kept(uwsgi, app, screen):
    server = uwsgi("--http-socket", "127.0.0.1:0", "-M", "--wsgi-file", app("probe"))
    top = screen(server, "workers", env={"NO_COLOR": "1", "TERM": "xterm-256color"}, size=(160, 40))
    top.wait("WID")
    colours = re.compile(r"\x1b\[(?:[0-9;]*;)?(?:3[0-7]|38;5;\d+)(?:;[0-9;]*)?m")
    assert not colours.search(top.painted())
    for name, coloured in [("dark", True), ("light", True), ("contrast", True), ("mono", False)]:
        top.press("t")
        top.wait(f"theme {name}")
        assert bool(colours.search(top.painted())) == coloured, name
