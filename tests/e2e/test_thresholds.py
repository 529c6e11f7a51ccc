"""Thresholds: what pages, when, how often, and when it is over."""

import datetime
import os
import re
import signal
import subprocess

import pytest

from harness import paths, procs, wire
from harness.server import free_port, plain_environment
from harness.waiting import until

STATES = {0: "quiet", 1: "pending", 2: "firing"}


@pytest.fixture
def site(uwsgi, app):
    """`site(*options)`: one worker, `/metrics` on a port, an alarm `lg` that writes into the log."""
    def start(*options, name="probe"):
        port = free_port()
        server = uwsgi("--http-socket", "127.0.0.1:0", "-M", "--stats", f"127.0.0.1:{port}", "--stats-http", "--alarm", "lg log:",
                       "--wsgi-file", app(name), *options)
        server.metrics_port = port
        return server
    return start


def thresholds(*definitions) -> list[str]:
    return [word for text in definitions for word in ("--metric-threshold", text)]


def shown(server) -> list[dict]:
    """What /metrics says of each threshold, in order; nothing while no observer answers."""
    try:
        text = wire.http(server.metrics_port, "/metrics").body.decode()
    except (OSError, EOFError):
        return []
    found: dict[int, dict] = {}
    for what, key, number, value in re.findall(r'^uwsgi_threshold_(\w+)\{key="([^"]*)",threshold="(\d+)"\} (\S+)$', text, re.M):
        found.setdefault(int(number), {"key": key})[what] = float(value)
    return [found[number] for number in sorted(found)]


def wait_state(server, wanted, index=0, **also):
    def look():
        said = shown(server)
        return len(said) > index and STATES[said[index]["state"]] == wanted and all(said[index][k] == v for k, v in also.items())

    try:
        until(look, "")
    except AssertionError:
        raise AssertionError(f"never {wanted} {also}: {shown(server)}\n{server.tail()}") from None
    return shown(server)[index]


def alarms(server, after=0) -> list[str]:
    return re.findall(r"ALARM: (.*)", server.log()[after:])


def ask(server, expression):
    return wire.http(server.address(), "/?" + expression.replace(" ", "%20")).body.decode()


def observer_of(server) -> int:
    found = [p for p in procs.children(server.pid) if p not in server.worker_pids().values()]
    assert len(found) == 1, found
    return found[0]


# ------------------------------------------------------------------ the form uWSGI knows

def test_an_alarm_every_rate_seconds(site):
    server = site("--metric-alarm", "key=worker.0.requests,value=3,alarm=lg,rate=4", "--alarm-freq", "0")
    assert "added threshold for metric worker.0.requests (value: 3)" in server.log()
    server.get("/?1")
    server.get("/?1")
    if server.ours:
        wait_state(server, "quiet", value=2)
    server.get("/?1")

    def dates():
        found = re.findall(r"^(\w+ \w+ +\d+ [\d:]+ \d{4}) - ALARM: worker.0.requests$", server.log(), re.M)
        return [datetime.datetime.strptime(date, "%a %b %d %H:%M:%S %Y") for date in found]

    first, second, third = until(lambda: len(dates()) > 2 and dates()[:3], "three alarms", timeout=20)
    assert {(second - first).seconds, (third - second).seconds} <= {3, 4, 5}, "dates are whole seconds"
    if server.ours:
        assert shown(server)[0]["fired_total"] == 1


def test_a_reset_is_written_every_time(site):
    server = site("--metric", "name=mine", *thresholds("key=mine,value=5,reset=2,alarm=lg,rate=1000,msg=mine is full",
                                                       "key=mine,value=7,alarm=lg,rate=1000"))
    for _ in range(2):
        assert ask(server, '__import__("uwsgi").metric_set("mine", 6)') == "True"
        until(lambda: ask(server, '__import__("uwsgi").metric_get("mine")') == "2", "the reset")
    assert alarms(server) == ["mine is full"], "the rate holds for the alarm only"


@pytest.mark.ours
def test_a_reset_of_a_built_in_metric_is_remarked(site):
    server = site(*thresholds("key=worker.0.requests,value=1x,reset=0,alarm=nope,frobnicate=1"))
    log = server.log()
    assert "threshold for metric worker.0.requests: reset has no lasting effect, the value is collected" in log
    assert 'threshold for metric worker.0.requests: value "1x" is read as a number as far as it is one' in log
    assert re.search(r'option "metric-threshold" .* names the alarm "nope", which is not defined', log)
    assert re.search(r'unknown key "frobnicate" in option "metric-threshold"', log)


REFUSED = [
    ("x", "metric's threshold requires a key and a value: x"),
    ("key=worker.0.requests", "metric's threshold requires a key and a value: key=worker.0.requests"),
    ("value=3", "metric's threshold requires a key and a value: value=3"),
    ("key=nosuch,value=3", "unable to find metric nosuch"),
    ("key=worker.2.requests,value=3", "unable to find metric worker.2.requests"),
]
REFUSED_OURS = [
    ("key=worker.0.requests,value=3,op==>", "metric's threshold: op==> is no comparison: key=worker.0.requests,value=3,op==>"),
    ("key=worker.0.requests,value=3s", "metric's threshold: the unit of value does not fit worker.0.requests"),
    ("key=core.request_duration,value=3s", "metric's threshold: core.request_duration is a histogram"),
    ("objective=99,bad=core.responses.5xx", "metric's threshold: objective=99 does not say what is good and what is bad"),
]


@pytest.mark.parametrize("check", [[], ["--check"]])
@pytest.mark.parametrize("text, line", REFUSED + REFUSED_OURS)
def test_what_is_refused(text, line, check):
    if not paths.is_successor(paths.OURS) and ((text, line) in REFUSED_OURS or check):
        pytest.skip("only uwsgi-rs has this")
    done = subprocess.run([paths.OURS, "--http-socket", "127.0.0.1:0", "-M", "--metric-threshold", text, *check], capture_output=True,
                          text=True, timeout=20, check=False, env=plain_environment())
    said = done.stdout + done.stderr
    assert done.returncode == 1 and re.search("^" + re.escape(line), said, re.M), said
    assert said.count(line) == 1, said


@pytest.mark.ours
def test_a_good_configuration_passes_the_check():
    options = thresholds("key=mine,value=3", "key=rss_size,value=64Mi", "key=worker.1.core.0.requests,value=1k",
                         "key=core.request_duration,percentile=99,value=250ms", "key=router.http.requests,delta=1m,value=5",
                         "key=mule.1.signals,value=3")
    done = subprocess.run([paths.OURS, "--http", "127.0.0.1:0", "--mule", "--metric", "mine", *options, "--check"], text=True,
                          capture_output=True, timeout=20, check=False, env=plain_environment())
    assert done.returncode == 0, done.stdout + done.stderr


# ------------------------------------------------------------------ and beyond


@pytest.mark.ours
def test_hysteresis_and_recovery(site):
    server = site("--metric", "name=level,type=gauge", *thresholds(
        "key=level,value=10,clear=5,alarm=lg,msg={key} is {value} on {host},recovery={key} back at {value} after {held}s"))

    def level(value):
        ask(server, f'__import__("uwsgi").metric_set("level", {value})')

    level(12)
    wait_state(server, "firing", value=12)
    level(7)
    wait_state(server, "firing", value=7)
    level(4)
    wait_state(server, "quiet", value=4, fired_total=1)
    first, second = until(lambda: len(alarms(server)) == 2 and alarms(server), "both messages")
    assert first == f"level is 12 on {os.uname().nodename}"
    assert re.fullmatch(r"level back at 4 after \d+s", second)


@pytest.mark.ours
def test_for_a_while_and_below(site):
    server = site("--metric", "name=level,type=gauge,initial_value=3", *thresholds("key=level,op=<,value=2,for=2,alarm=lg"))
    wait_state(server, "quiet", value=3)
    ask(server, '__import__("uwsgi").metric_set("level", 1)')
    wait_state(server, "pending")
    assert alarms(server) == []
    wait_state(server, "firing", fired_total=1)
    until(lambda: alarms(server) == ["level is 1 (< 2)"], "the message")


@pytest.mark.ours
def test_change_per_second(site):
    server = site(*thresholds("key=worker.0.requests,delta=2,value=5,alarm=lg,clear-msg=calm"))
    mark = server.mark()
    until(lambda: server.get("/?1") and alarms(server, mark), "an alarm under load")
    assert re.fullmatch(r"worker.0.requests per second over 2s is [\d.]+ \(>= 5\)", alarms(server, mark)[0])
    until(lambda: alarms(server, mark)[-1] == "calm", "the end of the load")


@pytest.mark.ours
def test_a_ratio_and_a_burn_rate_of_errors(site):
    server = site(*thresholds(
        "key=core.responses.5xx,per=worker.0.requests,window=2,min=5,value=20%,alarm=lg,msg=ratio,clear-msg=ratio over",
        "objective=90,bad=core.responses.5xx,total=worker.0.requests,burn=3s:1s:2,alarm=lg,msg=burn {value},clear-msg=burn over"))

    def load(*wanted):
        for path in ["/raw?start_response('500%20Oops',[])%20and%20[]"] * 2 + ["/?1"] * 2:
            wire.raw(server.address(), wire.request_bytes(path=path))
        return all(any(text.startswith(word) for text in alarms(server)) for word in wanted)

    until(lambda: load("ratio", "burn "), "both alarms")
    until(lambda: server.get("/?1") and {"ratio over", "burn over"} <= set(alarms(server)), "both ends")
    assert [row["fired_total"] for row in shown(server)] == [1, 1]


@pytest.mark.ours
@pytest.mark.parametrize("definition", [
    "key=core.request_duration,percentile=90,window=2,value=50ms,alarm=lg,msg=slow {value},recovery=fast",
    "key=core.application_duration,percentile=90,window=2,value=50ms,alarm=lg,msg=slow {value},recovery=fast",
    "objective=90,key=core.request_duration,limit=50ms,burn=3s:1s:5,alarm=lg,msg=slow {value}ms,recovery=fast",
])
def test_latencies(site, definition):
    server = site(*thresholds(definition), name="wires")
    until(lambda: server.get("/sleep?s=0.1") and alarms(server), "an alarm about slow requests")
    value = float(re.fullmatch(r"slow ([\d.]+)m?s", alarms(server)[0])[1])
    assert (100 <= value < 5000) if definition.startswith("key") else 5 <= value <= 10
    until(lambda: server.get("/length") and alarms(server)[-1] == "fast", "fast requests")


# ------------------------------------------------------------------ those who come after

ONCE = "key=level,op=>,value=10,alarm=lg,msg=high,recovery=low"


@pytest.mark.ours
def test_a_killed_observer_neither_pages_again_nor_forgets(site):
    server = site("--metric", "name=level,type=gauge", *thresholds(ONCE))
    ask(server, '__import__("uwsgi").metric_set("level", 11)')
    before = wait_state(server, "firing")
    until(lambda: alarms(server) == ["high"], "the alarm")
    victim = observer_of(server)
    os.kill(victim, signal.SIGKILL)
    until(lambda: victim not in procs.children(server.pid), "the burial of the observer")
    ask(server, '__import__("uwsgi").metric_set("level", 12)')
    after = wait_state(server, "firing", value=12)
    assert (after["fired_total"], after["last_alarm_time_seconds"]) == (1, before["last_alarm_time_seconds"])
    ask(server, '__import__("uwsgi").metric_set("level", 1)')
    until(lambda: alarms(server) == ["high", "low"], "the end, told once")


@pytest.mark.ours
def test_a_reload_neither_pages_again_nor_forgets(site):
    server = site("--metric", "name=level,type=gauge", *thresholds(ONCE))
    ask(server, '__import__("uwsgi").metric_set("level", 11)')
    wait_state(server, "firing")
    until(lambda: alarms(server) == ["high"], "the alarm")
    mark = server.mark()
    os.kill(server.pid, signal.SIGHUP)
    server.wait_log(r"^spawned uWSGI worker 1 ", after=mark)
    server.settle()
    ask(server, '__import__("uwsgi").metric_set("level", 12)')
    assert wait_state(server, "firing", value=12)["fired_total"] == 1
    ask(server, '__import__("uwsgi").metric_set("level", 1)')
    until(lambda: alarms(server) == ["high", "low"], "the end, told once")


@pytest.mark.ours
def test_a_reload_with_another_order_keeps_what_fires(uwsgi, app, tmp_path):
    port, ini = free_port(), tmp_path / "uwsgi.ini"
    head = f"""[uwsgi]
http-socket = 127.0.0.1:0
stats = 127.0.0.1:{port}
stats-http = true
alarm = lg log:
metric = name=level,type=gauge
wsgi-file = {app("probe")}
"""
    ini.write_text(head + f"metric-threshold = {ONCE}\n")
    server = uwsgi("--ini", ini)
    server.metrics_port = port
    ask(server, '__import__("uwsgi").metric_set("level", 11)')
    wait_state(server, "firing")
    mark = server.mark()
    for before in (["key=level,value=1000"], []):
        ini.write_text(head + "".join(f"metric-threshold = {text}\n" for text in [*before, ONCE]))
        last = server.mark()
        os.kill(server.pid, signal.SIGHUP)
        server.wait_log(r"^spawned uWSGI worker 1 ", after=last)
        server.settle()
        assert wait_state(server, "firing", len(before))["fired_total"] == 1
        assert len(shown(server)) == len(before) + 1
    assert alarms(server, mark) == []


@pytest.mark.ours
def test_the_examples_of_the_page_are_read(tmp_path):
    page = (paths.REPO / "docs/thresholds.md").read_text()
    ini = tmp_path / "x.ini"
    ini.write_text("[uwsgi]\nhttp-socket = 127.0.0.1:0\nalarm = ops log:\nmetric = mycounter\n"
                   + re.search(r"```ini\n(.*?)```", page, re.S)[1])
    done = subprocess.run([paths.OURS, "--ini", ini, "--check"], capture_output=True, text=True, timeout=20, check=False,
                          env=plain_environment())
    assert done.returncode == 0 and "warning" not in done.stdout + done.stderr, done.stdout + done.stderr
