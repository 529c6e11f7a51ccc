"""Alarms: raised by the application, by descriptors, queues, crashes; what runs and what is held back."""

import os
import re
import shutil
import signal
import socket
import subprocess
import urllib.parse

import pytest

from harness import paths, procs, wire
from harness.waiting import until


@pytest.fixture
def instance(uwsgi, app, tmp_path):
    def start(*options, **kw):
        return uwsgi("--http-socket", "127.0.0.1:0", "-M", "--wsgi-file", app("alarms"), "--stats", tmp_path / "s",
                     *options, **kw)
    return start


def do(server, deed, text=""):
    assert server.get(f"/{deed}?{urllib.parse.quote_plus(text)}").status == 200


def families(server) -> dict[str, int]:
    """`uwsgi_alarm_messages_total{...}` and the like as {"name.family": value}."""
    text = wire.raw(server.stats_address(), b"GET /metrics HTTP/1.0\r\n\r\n").decode()
    found = re.findall(r'^uwsgi_alarm_(\w+)\{alarm="([^"]+)"[^}]*\} (\d+)$', text, re.M)
    return {f"{name}.{family}": int(value) for family, name, value in found}


def adds_up(counts: dict[str, int], name: str) -> bool:
    kinds = ("delivered_total", "suppressed_total", "dropped_total", "failed_total", "queued")
    return counts[f"{name}.triggered_total"] == sum(counts[f"{name}.{kind}"] for kind in kinds)


def test_the_same_message_runs_once_within_its_time(instance):
    server = instance("--alarm", "a log:PFX", "--alarm", "b log:")
    for text in ("a=hi", "a=hi", "a=new", "b=hi"):
        do(server, "alarm", text)
    server.wait_log(r"^\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4} - ALARM: hi$")
    lines = re.findall(r"- ALARM: (.*)", server.log())
    assert lines == ["PFX hi", "PFX new", "hi"]


def test_a_window_of_nothing_lets_all_through(instance):
    server = instance("--alarm", "a log:", "--alarm-freq", "0")
    for _ in range(3):
        do(server, "alarm", "a=same")
    until(lambda: server.log().count("ALARM: same") == 3, "three lines")


@pytest.mark.ours
def test_too_long_is_dropped_and_one_byte_is_delivered(instance):
    server = instance("--alarm", "a log:", "--alarm-msg-size", "10", "--stats-http")
    for text in ("a=12345678901", "a=1234567890", "a=x"):
        do(server, "alarm", text)
    server.wait_log("ALARM: x$")
    assert re.findall(r"- ALARM: (.*)", server.log()) == ["1234567890", "x"]
    counts = families(server)
    assert (counts["a.triggered_total"], counts["a.dropped_total"], counts["a.delivered_total"]) == (3, 1, 2)


@pytest.mark.ours
def test_an_unknown_name_is_told_once(instance):
    server = instance("--alarm", "a log:")
    for text in ("nobody=x", "nobody=y", "a=end"):
        do(server, "alarm", text)
    server.wait_log("ALARM: end")
    assert server.log().count('[uwsgi-alarm] unable to find alarm "nobody"') == 1


def test_without_a_master_nothing_happens(uwsgi, app):
    server = uwsgi("--http-socket", "127.0.0.1:0", "--wsgi-file", app("alarms"))
    do(server, "alarm", "a=hi")
    assert not re.search(r"ALARM|uwsgi-alarm", server.log())


def test_a_command_gets_the_message_and_its_end_is_logged(instance, tmp_path):
    out = tmp_path / "out"
    server = instance("--alarm", f"c cmd:cat >> {out}; exit 3")
    do(server, "alarm", "c=one line")
    server.wait_log(r"^subprocess \d+ exited with code 3$")
    assert out.read_bytes() == b"one line"


@pytest.mark.ours
def test_a_command_blocks_while_it_reads_and_may_be_fed_much(instance, tmp_path):
    """The original gives a socket that does not block, on which `cat` may fail."""
    out = tmp_path / "out"
    server = instance("--alarm", f"c cmd:dd bs=1 count=3 2>/dev/null > {out}; cat >> {out}", "--alarm-msg-size", "150000")
    do(server, "long", "c,150000")
    server.wait_log(r"^subprocess \d+ exited with code 0$")
    assert out.read_text() == "x" * 150_000


@pytest.mark.ours
def test_commands_that_hang_delay_nobody(instance, tmp_path):
    out = tmp_path / "out"
    server = instance("--alarm", f"slow cmd:cat > /dev/null; echo $$ >> {out}; exec sleep 1000", "--alarm", "quick log:")
    for n in range(40):
        do(server, "alarm", f"slow={n}")
    do(server, "alarm", "quick=here")
    server.wait_log("ALARM: here")
    until(lambda: out.exists() and len(out.read_text().split()) == 32, "as many as may run")
    assert server.get("/").status == 200
    pids = [int(pid) for pid in out.read_text().split()]
    assert server.stop() == 0
    for pid in pids:
        procs.kill_quietly(pid)


@pytest.mark.ours
def test_mail_by_the_recipe_everybody_has(instance, tmp_path):
    """bsd-mailx gives the message to sendmail; a stand-in writes down what a mail server would get."""
    if not shutil.which("bsd-mailx"):
        pytest.skip("bsd-mailx is not installed")
    sink, got = tmp_path / "sendmail", tmp_path / "got"
    sink.write_text(f"#!/bin/sh\n{{ echo \"$@\"; cat; }} > {got}.new && mv {got}.new {got}\n")
    sink.chmod(0o755)
    (tmp_path / "mailrc").write_text(f"set sendmail={sink}\n")
    server = instance("--alarm", "mailme cmd:bsd-mailx -s 'uWSGI alarm' -a 'From: foobar@example.com' admin@example.com",
                      env={"MAILRC": str(tmp_path / "mailrc")})
    do(server, "alarm", "mailme=the house burns")
    until(got.exists, "a mail")
    mail = got.read_text()
    assert "admin@example.com" in mail and "Subject: uWSGI alarm" in mail and "From: foobar@example.com" in mail
    assert "the house burns" in mail
    server.wait_log(r"^subprocess \d+ exited with code 0$")


@pytest.mark.ours  # the original runs one of several rules for a descriptor
def test_a_descriptor_raises_each_time_it_can_be_read(instance, tmp_path):
    """An eventfd: 8 bytes belong to one event. Two rules share it."""
    event = os.eventfd(0)
    os.set_inheritable(event, True)
    keep = os.dup(event)
    try:
        number = str(event)
        server = instance("--alarm", "a log:", "--alarm-fd", f"a {number}:8 OUT OF MEMORY !!!",
                          "--alarm-fd", f"a {number}:8 second", pass_fds=[event])
        server.wait_log(rf"^\[uwsgi-alarm\] added fd {number}$")
        os.eventfd_write(event, 1)
        server.wait_log("ALARM: OUT OF MEMORY !!!$")
        server.wait_log("ALARM: second$")
        mark = server.mark()
        server.send(signal.SIGHUP)
        server.wait_log(rf"^\[uwsgi-alarm\] added fd {number}$", after=mark)
        os.eventfd_write(event, 1)
        server.wait_log("ALARM: OUT OF MEMORY !!!$", after=mark)
    finally:
        os.close(event)
        os.close(keep)


def test_a_descriptor_at_its_end_is_left_alone(instance):
    read, write = os.pipe()
    os.set_inheritable(read, True)
    server = instance("--alarm", "a log:", "--alarm-fd", f"a {read} words: with a colon", pass_fds=[read])
    os.close(read)
    server.wait_log(r"\[uwsgi-alarm\] added fd")
    os.write(write, b"x")
    server.wait_log("ALARM: words" if not server.ours else "ALARM: words: with a colon$")
    os.close(write)
    server.wait_log(r"^\[uwsgi-alarm-fd\]/read\(\): ")
    server.wait_log(rf"^\[uwsgi-alarm-fd\] i will stop monitoring fd {read}$")
    assert server.get("/").status == 200


def test_a_full_listen_queue_pages_every_second(instance, tmp_path):
    server = instance("--alarm", "a log:", "--alarm-backlog", "a", "--listen", "2", "--alarm-freq", "0")
    for pid in server.worker_pids().values():
        os.kill(pid, signal.SIGSTOP)
    clients = []
    for _ in range(4):
        client = socket.socket()
        client.setblocking(False)
        client.connect_ex(server.address())
        clients.append(client)
    line = r'- ALARM: listen queue of socket "127\.0\.0\.1:\d+" \(fd: \d+\) full !!! \(\d+/2\)$'
    until(lambda: len(re.findall(line, server.log(), re.M)) >= 2, "two pages")
    assert "*** uWSGI listen queue of socket" in server.log()
    for pid in server.worker_pids().values():
        os.kill(pid, signal.SIGCONT)
    for client in clients:
        client.close()


@pytest.mark.ours  # the original raises it where nobody listens
def test_a_signal_reaches_its_handler(uwsgi, tmp_path):
    module = tmp_path / "handler.py"
    module.write_text("import uwsgi\n\ndef handle(number):\n    print('handled', number, flush=True)\n\n"
                      "uwsgi.register_signal(5, 'worker1', handle)\n\n\n"
                      "def application(environ, start_response):\n    uwsgi.alarm('s', 'x')\n"
                      "    start_response('200 OK', [])\n    return [b'']\n")
    server = uwsgi("--http-socket", "127.0.0.1:0", "-M", "--wsgi-file", module, "--alarm", "s signal:5")
    assert server.get("/").status == 200
    server.wait_log("^handled 5$")


@pytest.mark.parametrize("argument, warned", [("1", False), ("", False), ("9", True)])
def test_a_mule_gets_the_message(instance, tmp_path, argument, warned):
    (tmp_path / "job.py").write_text("import uwsgi\nwhile True:\n    print('mule got', uwsgi.mule_get_msg(), flush=True)\n")
    server = instance("--alarm", f"m mule:{argument}", f"--mule={tmp_path}/job.py")
    server.wait_log("spawned uWSGI mule 1")
    do(server, "alarm", "m=for the mule")
    server.wait_log("^mule got b'for the mule'$")
    line = "[uwsgi-alarm] invalid mule_id (1 mules available), fallback to 0"
    assert (line in server.log()) == warned


def crashed(server, deed):
    """Lets a worker crash and returns its pid and what the log says of it."""
    worker, mark = server.worker_pids()[1], server.mark()
    if deed == "signal":
        os.kill(worker, signal.SIGSEGV)
    else:
        with wire.connect(server.address()) as client:
            client.sendall(f"GET /{deed} HTTP/1.0\r\n\r\n".encode())
            client.recv(1)
    server.wait_log(rf"worker 1 \(pid: {worker}\) died", after=mark)
    return worker, server.log()[mark:]


@pytest.mark.parametrize("threads", [1, 4])
@pytest.mark.parametrize("deed", ["signal", "crash", "crash-with-faulthandler", "crash-in-thread", "overflow"])
def test_a_crash_tells_where_and_pages(instance, tmp_path, deed, threads):
    if not paths.is_successor(paths.OURS) and (threads > 1 or deed == "overflow"):
        pytest.skip("the original blocks faults in its threads, and its handler needs the stack that is full")
    out = tmp_path / "out"
    server = instance("--alarm", f"c cmd:cat > {out}.new && mv {out}.new {out}", "--alarm-segfault", "c",
                      "--threads", str(threads), "--enable-threads")
    server.allow("DAMN", "Segmentation Fault", "Fatal Python error")
    worker, log = crashed(server, deed)
    # Two writes: a line of another process may stand between them.
    fault, trace = log.find(f"!!! uWSGI process {worker} got Segmentation Fault !!!\n"), log.find(f"*** backtrace of {worker} ***\n")
    assert 0 <= fault < trace
    assert "*** end of backtrace ***\n" in log
    if server.ours:
        assert "killed by signal 11" in log
    until(out.exists, "a page")
    text = out.read_text()
    assert text.startswith(f"*** backtrace of {worker} ***\n") and text.endswith("*** end of backtrace ***\n")
    assert text in log
    assert re.search(r"^\S+\(\S*\+0x[0-9a-f]+\) \[0x[0-9a-f]+\]$", text, re.M), text
    assert server.get("/").status == 200


@pytest.mark.ours
def test_abort_and_the_depth_of_a_backtrace(instance):
    server = instance("--use-abort", "--backtrace-depth", "2").allow("DAMN", "Segmentation Fault")
    os.kill(server.worker_pids()[1], signal.SIGSEGV)
    server.wait_log(r"worker 1 \(pid: \d+\) died, killed by signal 6")
    text = re.search(r"\*\*\* backtrace of \d+ \*\*\*\n(.*?)\*\*\* end", server.log(), re.S)[1]
    assert len(text.splitlines()) == 2
    server.wait_log(r"^Respawned uWSGI worker 1")


@pytest.mark.ours
def test_a_backtrace_is_cut_to_what_alarms_take(instance, tmp_path):
    out = tmp_path / "out"
    server = instance("--alarm", f"c cmd:cat > {out}", "--alarm-segfault", "c", "--alarm-msg-size", "400").allow("!!!", "DAMN")
    pid = server.worker_pids()[1]
    os.kill(pid, signal.SIGSEGV)
    server.wait_log(r"^subprocess \d+ exited with code 0$")
    text = out.read_text()
    assert text.startswith(f"*** backtrace of {pid} ***\n") and text.endswith("\n*** end of backtrace ***\n")
    assert len(text) <= 400 and text.count("[0x") >= 1 and text.count("[0x") < server.log().count("[0x")


def test_cheap_alarms_still_arrive(instance):
    with socket.socket() as sink:
        sink.bind(("127.0.0.1", 0))
        sink.listen(4)
        sink.settimeout(20)
        url = f"http://127.0.0.1:{sink.getsockname()[1]}/"
        server = instance("--alarm", f"one curl:{url}", "--alarm", f"two curl:{url}", "--alarm-cheap=true")
        for name in ("one", "two"):
            do(server, "alarm", f"{name}=hello from {name}")
            with sink.accept()[0] as client:
                text = b""
                while f"hello from {name}".encode() not in text:
                    text += client.recv(65536)
                client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")


def test_other_faults_have_their_names(instance):
    server = instance().allow("DAMN", "Exception")
    os.kill(server.worker_pids()[1], signal.SIGFPE)
    server.wait_log(r"!!! uWSGI process \d+ got Floating Point Exception !!!")
    server.wait_log(r"worker 1 \(pid: \d+\) died")
    server.wait_log(r"^Respawned uWSGI worker 1")


@pytest.mark.ours
def test_a_storm_is_cut_and_counted(instance):
    server = instance("--alarm", "a log:", "--alarm-rate", "5", "--stats-http")
    do(server, "raise", "a,5000")
    do(server, "alarm", "a=x")
    counts = until(lambda: (c := families(server))["a.triggered_total"] == 5001 and adds_up(c, "a") and c, "all messages")
    assert 5 <= counts["a.delivered_total"] < 100
    assert server.get("/").status == 200


@pytest.mark.ours
def test_a_way_that_is_full_is_told_and_counted(instance):
    """The observer stands still: nobody reads."""
    server = instance("--alarm", "a log:", "--stats-http", "--alarm-rate", "0")
    observer = int(server.wait_log(r"spawned uWSGI observer \(pid: (\d+)\)")[1])
    os.kill(observer, signal.SIGSTOP)
    do(server, "raise", "a,50000")
    server.wait_log(r"^\[uwsgi-alarm-error\] uwsgi_alarm_trigger\(\)/writev\(\): Resource temporarily unavailable")
    os.kill(observer, signal.SIGCONT)
    counts = until(lambda: (c := families(server))["a.triggered_total"] == 50000 and adds_up(c, "a") and c, "all messages")
    assert counts["a.dropped_total"] > 0
    assert server.log().count("[uwsgi-alarm-error]") < 20


@pytest.mark.ours
def test_what_is_not_delivered_at_the_end_is_told(instance):
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(1)
        server = instance("--alarm", f"c curl:http://127.0.0.1:{deaf.getsockname()[1]}/;timeout=60")
        for n in range(3):
            do(server, "alarm", f"c={n}")
        assert server.stop() == 0
    assert "[uwsgi-alarm] 3 messages were not delivered" in server.log()


@pytest.mark.ours
def test_messages_outlive_the_observer(instance):
    server = instance("--alarm", "a log:", "--stats-http").allow("OOOPS")
    observer = int(server.wait_log(r"spawned uWSGI observer \(pid: (\d+)\)")[1])
    os.kill(observer, signal.SIGSTOP)
    do(server, "alarm", "a=kept")
    os.kill(observer, signal.SIGKILL)
    server.wait_log("ALARM: kept$")


FAULTS = [
    ("alarm = x nope:1", "invalid alarm: x nope:1"),
    ("alarm = x", "invalid alarm syntax: x"),
    ("alarm = x cmd", "invalid alarm syntax: x cmd"),
    ("alarm-fd = a 5", "invalid alarm-fd syntax: a 5"),
    ("alarm-fd = a 5:8", "invalid alarm-fd syntax: a 5:8"),
    ("alarm-fd = b 5 x", 'unable to find alarm "b"'),
    ("log-alarm = a", "invalid log-alarm syntax: a"),
    ("log-alarm = b x", "invalid log-alarm: b x"),
    ("log-alarm = a,b x", "invalid log-alarm: a,b x"),
    ("log-alarm = a (", "invalid log-alarm: a ("),
    ("not-log-alarm = b x", "invalid log-alarm: b x"),
]


@pytest.mark.parametrize("check", [[], ["--check"]], ids=["start", "check"])
@pytest.mark.parametrize("line, text", FAULTS)
def test_faults_have_their_texts(tmp_path, line, text, check):
    if not paths.is_successor(paths.OURS) and (check or "log-alarm" in line or "a 5" in line):
        pytest.skip("the original has no --check, here no regexps, and shows only a part of alarm-fd")
    file = tmp_path / "x.ini"
    file.write_text(f"[uwsgi]\nmaster = true\nsocket = 127.0.0.1:0\nalarm = a log:\n{line}\n")
    done = subprocess.run([paths.OURS, *check, file], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 1
    assert text in (done.stdout + done.stderr).splitlines()


@pytest.mark.ours
def test_monitors_without_any_alarm_start_as_ever(uwsgi, app):
    """Even wrong ones: there is nothing that they could raise."""
    server = uwsgi("--http-socket", "127.0.0.1:0", "-M", "--wsgi-file", app("hello"), "--log-alarm", "nobody (",
                   "--alarm-fd", "x")
    assert server.get("/").status == 200


def test_the_list_of_kinds(uwsgi):
    done = subprocess.run([paths.OURS, "--alarm-list", "--no-server", "--socket", "127.0.0.1:0"], capture_output=True,
                          text=True, timeout=30, check=False)
    text = done.stdout + done.stderr
    assert "*** uWSGI loaded alarms ***\nsignal\ncmd\nmule\nlog\n" in text and "--- end of alarms list ---" in text
