"""Metrics of the configuration: definitions, collectors, the metrics directory, restoring."""

import itertools
import json
import os
import pathlib
import re
import signal
import subprocess

import pytest

from harness import paths, procs, wire
from harness.server import free_port, plain_environment
from harness.waiting import until


@pytest.fixture
def site(uwsgi, app, tmp_path):
    """`site(*options)`: one worker of the probing application with stats."""
    numbers = itertools.count()

    def start(*options, **kw):
        return uwsgi("--http-socket", "127.0.0.1:0", "-M", "--stats", tmp_path / f"stats{next(numbers)}", "--wsgi-file", app("probe"),
                     *options, **kw)
    return start


def metrics(*definitions) -> list[str]:
    return [word for text in definitions for word in ("--metric", text)]


def values(server) -> dict:
    return {name: m["value"] for name, m in server.stats()["metrics"].items()}


def wait_value(server, name, wanted):
    seen = []

    def look():
        seen.append(values(server)[name])
        return seen[-1] == wanted

    try:
        until(look, "")
    except AssertionError:
        raise AssertionError(f"{name} became {sorted(set(seen))}, never {wanted}\n{server.tail()}") from None


def number_in(path) -> int | None:
    """The number of a file of the directory; None while it is not a whole page with a line."""
    data = pathlib.Path(path).read_bytes()
    line = re.fullmatch(rb"(-?\d+)\n\0*", data)
    return int(line[1]) if line and len(data) == 4096 else None


def refused(*options) -> str:
    done = subprocess.run([paths.OURS, "--http-socket", "127.0.0.1:0", "-M", *map(str, options)], capture_output=True, text=True,
                          timeout=20, check=False, env=plain_environment())
    assert done.returncode == 1, done.stderr + done.stdout
    return done.stdout + done.stderr


# --- definitions ----------------------------------------------------------------------------------------------------------

def test_lines_of_the_start(site):
    server = site(*metrics("foo", "name=bar,oid=100.1", "foo"))
    server.wait_log("^metrics collector thread started$")
    log = server.log()
    lines = re.findall(r"^(?:added custom metric.*|initialized .*|\*\*\* Operational.*|WSGI app 0.*|metrics collector.*)$", log, re.M)
    assert lines[:5] == ["*** Operational MODE: single process ***", "added custom metric: foo", "added custom metric: bar",
                         "added custom metric: foo", "initialized 40 metrics"]
    assert lines[5].startswith("WSGI app 0") and lines[6] == "metrics collector thread started"


@pytest.mark.parametrize("options, line", [
    (["name=a b"], "invalid metric name: a b"),
    (["a/b"], "invalid metric name: a/b"),
    (["type=gauge"], "you need to specify a metric name: type=gauge"),
    (["name=a,oid=1.x"], "invalid metric oid: 1.x"),
    (["name=a,collector=nope"], 'unable to find metric collector "nope"'),
    (["name=a,collector=sum,children=b"], 'unable to find metric "b"'),
    (["name=a,type=alias,alias=zz"], 'unable to find metric "zz"'),
    (["name=a,type=alias"], 'metric alias "a" requires a mapping !!!'),
])
def test_refused_definitions(options, line):
    assert line in refused(*metrics(*options)).splitlines()


@pytest.mark.ours
@pytest.mark.parametrize("options, line", [
    (["name=a,type=couter"], "unknown metric type: couter"),
    (["name=a,collector=ptr"], 'metric collector "ptr" belongs to the server\'s own metrics'),
    (["a", "name=b,type=alias,alias=a", "name=a,type=alias,alias=b"], 'metric alias "a" stands for itself'),
    (["name=a,collector=sum,children=worker.3.requests"], 'unable to find metric "worker.3.requests"'),
])
def test_check_names_option_and_value(tmp_path, options, line):
    ini = tmp_path / "c.ini"
    ini.write_text("[uwsgi]\nhttp-socket = 127.0.0.1:0\nprocesses = 2\n" + "".join(f"metric = {o}\n" for o in options))
    done = subprocess.run([paths.OURS, "--check", ini], capture_output=True, text=True, timeout=20, check=False,
                          env=plain_environment())
    said = done.stdout + done.stderr
    assert done.returncode == 1 and line in said and f"c.ini:{3 + len(options)}" in said, said
    assert said.count(line) == 1, said


@pytest.mark.ours
def test_a_missing_name_is_told_once():
    assert refused(*metrics("type=gauge")).count("you need to specify a metric name") == 1


def test_a_built_in_metric_is_redefined_in_its_place(site):
    before = list(site("--enable-metrics").stats()["metrics"])
    server = site(*metrics("name=worker.1.requests,type=gauge,oid=7.7,initial_value=5"))
    assert list(server.stats()["metrics"]) == before
    assert server.stats()["metrics"]["worker.1.requests"] == {"type": 1, "oid": "7.7", "value": 5}


def test_aliases(site):
    server = site(*metrics("name=m,oid=100.1,initial_value=3", "name=a,type=alias,alias=m", "name=r,type=alias,alias=worker.0.requests"))
    found = server.stats()["metrics"]
    assert found["a"] == {"type": 3, "oid": "100.1", "value": 3}
    server.get("/?1")
    wait_value(server, "r", 1)
    assert server.get("/?__import__('uwsgi').metric_set('a',+9)").body == b"None"
    assert server.get("/?__import__('uwsgi').metric_set('m',+9)").body == b"True"
    assert values(server)["a"] == 9
    assert server.get("/?__import__('uwsgi').metric_get('a')").body == b"9"


def test_without_metrics_there_is_no_list_and_no_value(site):
    server = site()
    assert "metrics" in site("--enable-metrics").stats() and "metrics" not in server.stats()
    assert server.get("/?__import__('uwsgi').metric_get('worker.0.requests')").body == b"0"
    assert server.get("/?__import__('uwsgi').metric_inc('worker.0.requests')").body == b"None"


@pytest.mark.parametrize("options, count", [([], 38), (["--metric", "foo"], 39), (["-p", "2", "--threads", "3"], 12 + 27 + 42 + 1),
                                            (["-p", "2", "--threads", "3", "--metrics-no-cores"], 12 + 27 + 1)])
def test_the_number_of_metrics(site, options, count):
    server = site("--enable-metrics", *options)
    assert f"initialized {count} metrics" in server.log().splitlines()
    assert len(server.stats()["metrics"]) == count


@pytest.mark.ours
def test_extended_metrics_stand_between_built_in_and_own_ones(site):
    names = list(site("--metrics-extended", "--metric", "foo").stats()["metrics"])
    plain = list(site("--metric", "foo").stats()["metrics"])
    added = names[len(plain) - 1:-1]
    assert names[:len(plain) - 1] + names[-1:] == plain
    assert {"core.responses.5xx", "worker.1.status", "socket.0.drops", "core.listen_queue_errors"} <= set(added)


def test_a_metric_in_the_request_log(site):
    server = site("--metric", "m", "--log-format", "served %(metric.worker.1.requests) own %(metric.m) none %(metric.nope)")
    server.get("/?__import__('uwsgi').metric_inc('m',+5)")
    server.wait_log(r"^served \d own 5 none 0$")


# --- collectors -----------------------------------------------------------------------------------------------------------

def test_children(site):
    server = site("-p", "2", *metrics(
        "name=reqs,collector=sum,children=worker.1.requests;worker.2.requests",
        "name=one,initial_value=6", "name=two,initial_value=-3",
        "name=avg,collector=avg,children=one;two", "name=none,collector=avg",
        "name=twice,collector=multiplier,arg1n=2,children=one;two", "name=more,collector=adder,arg1n=10,children=one;two",
        "name=start,collector=sum,children=one,initial_value=100"))
    for _ in range(5):
        server.get("/?1")
    wait_value(server, "reqs", 5)
    found = values(server)
    assert [found[n] for n in ("avg", "none", "twice", "more", "start")] == [1, 0, 6, 13, 106]


@pytest.mark.ours
def test_largest_and_smallest_child(site):
    server = site(*metrics("name=one,initial_value=6", "name=two,initial_value=-3", "name=max,collector=max,children=one;two",
                           "name=min,collector=min,children=one;two"))
    wait_value(server, "max", 6)
    wait_value(server, "min", -3)


def test_the_accumulator_adds_initial_and_children_each_round(site):
    server = site(*metrics("name=one,initial_value=1", "name=acc,collector=accumulator,children=one,initial_value=10"))
    first = until(lambda: values(server)["acc"], "a round")
    second = until(lambda: (v := values(server)["acc"]) != first and v, "another round")
    assert (first - 10) % 11 == 0 and (second - first) % 11 == 0


def test_files(site, tmp_path):
    path = tmp_path / "numbers"
    path.write_text("12 -7\t0.52\n 99kB")
    server = site(*metrics(f"name=a,collector=file,arg1={path}", f"name=b,collector=file,arg1={path},arg1n=1",
                           f"name=c,collector=file,arg1={path},arg1n=2", f"name=d,collector=file,arg1={path},arg1n=3,initial_value=1",
                           f"name=e,collector=file,arg1={path},arg1n=9", "name=f,collector=file,arg1=/nonexistent/file",
                           "name=g,collector=file", "name=mem,type=gauge,collector=file,arg1=/proc/meminfo,arg1n=1"))
    wait_value(server, "a", 12)
    found = values(server)
    assert [found[n] for n in "bcdefg"] == [-7, 0, 100, 0, 0, 0]
    total = int(re.search(r"MemTotal:\s+(\d+)", pathlib.Path("/proc/meminfo").read_text())[1])
    assert found["mem"] == total
    server.wait_log(r'^open\("/nonexistent/file"\): No such file or directory \[core/metrics\.c line \d+\]$')
    path.write_text("13")
    wait_value(server, "a", 13)


@pytest.mark.ours
def test_scaled_fields_expressions_and_groups(site, tmp_path):
    path = tmp_path / "load"
    path.write_text("0.52 0.58\nqueue: 17 jobs\n")
    server = site(*metrics(f"name=load,collector=file,arg1={path},arg2n=2",
                           f"name=jobs,collector=regex,arg1={path},arg2=queue: ([0-9]+) jobs",
                           "name=pids,collector=cgroup,arg1=cgroup.procs"))
    wait_value(server, "load", 52)
    wait_value(server, "jobs", 17)
    path.write_text("0.52 0.58\nno jobs\n")
    server.wait_log(r"^metric jobs: \S+/load has nothing like ")
    assert values(server)["jobs"] == 17, "a value that cannot be read stays"


@pytest.mark.ours
def test_commands(site, tmp_path):
    late = tmp_path / "late.pid"
    server = site(*metrics("name=x,collector=exec,arg1=echo load is -4.5; ls -l /proc/self/fd >&2,arg2n=1",
                           f"name=late,collector=exec,arg1n=200,initial_value=3,arg1=echo $$ > {late}; sleep 600",
                           "name=bad,collector=exec,arg1=exit 4"))
    wait_value(server, "x", -45)
    server.wait_log(r'^metric late: ".*" took longer than 200 ms$')
    server.wait_log(r'^metric bad: "exit 4" ended with exit status: 4$')
    assert values(server)["late"] == 3
    assert len(re.findall("took longer", server.log())) == 1, "a failure that goes on is told once"
    inherited = re.findall(r" \d+ -> (socket:|/memfd)", server.log())
    assert inherited == [], "a command holds no socket and no arena"
    server.stop()
    assert not procs.alive(int(late.read_text())), "what still ran ended with the server"


@pytest.mark.ours
def test_what_does_not_answer_holds_nobody_up(site, tmp_path):
    """A pipe without writer, and a command that sleeps, beside metrics that must stay fresh."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    fresh = tmp_path / "fresh"
    fresh.write_text("1")
    server = site(*metrics(f"name=pipe,collector=file,arg1={pipe}", "name=slow,collector=exec,arg1n=60000,arg1=sleep 600",
                           f"name=fresh,collector=file,arg1={fresh}", "name=sum,collector=sum,children=fresh"))
    for value in range(2, 5):
        fresh.write_text(str(value))
        wait_value(server, "sum", value)
    assert values(server)["pipe"] == 0


def test_a_function_of_a_library(site, tmp_path):
    source = tmp_path / "meter.c"
    source.write_text("""#include <stdint.h>
        #include <string.h>
        struct head { char *name; size_t length; };
        int64_t meter(void *metric) { struct head *h = metric; return 1000 + (int64_t) strlen(h->name); }""")
    library = tmp_path / "meter.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source], check=True, timeout=60)
    server = site("--dlopen", library, *metrics("name=four,collector=func,arg1=meter,initial_value=1",
                                                "name=nobody,collector=func,arg1=no_such_symbol", "name=mute,collector=func"))
    wait_value(server, "four", 1005)
    assert [values(server)[n] for n in ("nobody", "mute")] == [0, 0]


def test_freq(site, tmp_path):
    """Of two metrics of one file, the one with a longer period lags behind."""
    path = tmp_path / "n"
    path.write_text("1")
    server = site(*metrics(f"name=often,collector=file,arg1={path}", f"name=seldom,collector=file,arg1={path},freq=3600"))
    wait_value(server, "seldom", 1)
    path.write_text("2")
    wait_value(server, "often", 2)
    assert values(server)["seldom"] == 1


# --- the directory --------------------------------------------------------------------------------------------------------

def test_the_directory_must_exist():
    text = refused("--metrics-dir", "/nonexistent/directory")
    assert re.search(r"^realpath\(\) of /nonexistent/directory failed: No such file or directory \[core/utils\.c line \d+\]$", text, re.M)


def test_a_file_for_each_metric(site, tmp_path):
    directory = tmp_path / "metrics"
    directory.mkdir()
    server = site("--metrics-dir", directory, *metrics("foo"))
    names = list(server.stats()["metrics"])
    assert sorted(p.name for p in directory.iterdir()) == sorted(names)
    assert f"memory allocated for metrics storage: {len(names) * 4096} bytes (0 MB)" in server.log().splitlines()
    for name in names:
        meta = (directory / name).stat()
        assert (meta.st_size, meta.st_mode & 0o777) == (4096, 0o640)
    server.get("/?1")
    until(lambda: number_in(directory / "worker.1.requests") == 1, "a number in the file")


@pytest.mark.ours
def test_manual_metrics_aliases_and_first_values_are_written_too(site, tmp_path):
    directory = tmp_path / "metrics"
    directory.mkdir()
    server = site("--metrics-dir", directory, *metrics("name=m,initial_value=41", "name=a,type=alias,alias=m", "name=new"))
    assert number_in(directory / "m") == 41 and number_in(directory / "new") == 0, "there before the first round"
    server.get("/?__import__('uwsgi').metric_inc('m')")
    until(lambda: (number_in(directory / "m"), number_in(directory / "a")) == (42, 42), "the new value")
    (directory / "m").unlink()
    server.get("/?__import__('uwsgi').metric_inc('m')")
    until(lambda: (directory / "m").exists() and number_in(directory / "m") == 43, "the file that was lost")


@pytest.mark.ours
def test_counters_go_on_after_a_restart(site, tmp_path):
    directory = tmp_path / "metrics"
    directory.mkdir()
    options = ["--metrics-dir", directory, "--metrics-dir-restore", "--memory-report", *metrics(
        "m", "name=g,type=gauge", "name=a,type=alias,alias=m", "name=sum,collector=sum,children=worker.1.requests;m")]
    server = site(*options)
    for _ in range(3):
        server.get("/?__import__('uwsgi').metric_inc('m')")
    server.get("/?__import__('uwsgi').metric_set('g',+7)")
    wait_value(server, "sum", 7)
    assert server.stop() == 0
    assert number_in(directory / "m") == 3, "the last values are in the files"
    server = site(*options)
    found = values(server)
    assert (found["m"], found["g"], found["a"], found["worker.1.requests"]) == (3, 0, 3, 4)
    assert server.stats()["workers"][0]["requests"] == 0, "the worker itself begins anew"
    for _ in range(3):
        server.get("/?__import__('uwsgi').metric_inc('m')")
    wait_value(server, "m", 6)
    wait_value(server, "worker.1.requests", 7)
    wait_value(server, "sum", 13)
    until(lambda: number_in(directory / "worker.1.requests") == 7, "the sum in the file")
    rss = values(server)["core.total_rss"]
    assert rss < 2 * server.stats()["workers"][0]["rss"], "a gauge is of now"


def test_a_saved_counter_is_continued(site, tmp_path):
    """55 in the file and three requests make 58."""
    directory = tmp_path / "metrics"
    directory.mkdir()
    (directory / "worker.1.requests").write_text("55\n")
    server = site("--metrics-dir", directory, "--metrics-dir-restore")
    for _ in range(3):
        server.get("/?1")
    until(lambda: number_in(directory / "worker.1.requests") == 58, "58")


@pytest.mark.ours
def test_a_reload_adds_nothing_twice(site, tmp_path):
    directory = tmp_path / "metrics"
    directory.mkdir()
    (directory / "m").write_text("10\n")
    (directory / "worker.1.requests").write_text("55\n")
    (tmp_path / "n").write_text("5")
    (directory / "f").write_text("100\n")
    server = site("--metrics-dir", directory, "--metrics-dir-restore", *metrics("m", f"name=f,collector=file,arg1={tmp_path / 'n'}"))
    server.get("/?__import__('uwsgi').metric_inc('m')")
    wait_value(server, "worker.1.requests", 56)
    wait_value(server, "f", 105)
    mark = server.mark()
    server.send(signal.SIGHUP)
    server.wait_log(r"^spawned uWSGI worker 1 ", after=mark)
    server.settle()
    server.wait_log("metrics collector thread started", after=mark)
    server.get("/?__import__('uwsgi').metric_inc('m')")
    wait_value(server, "worker.1.requests", 57)
    assert (values(server)["m"], values(server)["f"]) == (12, 105)


@pytest.mark.ours
def test_a_name_that_cannot_be_a_file_ends_the_start(tmp_path):
    (tmp_path / "foo").mkdir()
    text = refused("--metrics-dir", tmp_path, "--metric", "foo")
    assert re.search(rf'^open\("{tmp_path}/foo"\): Is a directory \[core/metrics\.c line \d+\]$', text, re.M), text


@pytest.mark.ours
def test_a_killed_observer_loses_no_number(site, tmp_path):
    directory = tmp_path / "metrics"
    directory.mkdir()
    server = site("--metrics-dir", directory, *metrics("m", "name=s,collector=sum,children=m;worker.1.requests"))
    server.get("/?__import__('uwsgi').metric_set('m',+9)")
    wait_value(server, "s", 10)
    observer = int(re.findall(r"spawned uWSGI observer \(pid: (\d+)", server.log())[-1])
    mark = server.mark()
    os.kill(observer, signal.SIGKILL)
    server.wait_log("metrics collector thread started", after=mark)
    server.get("/?__import__('uwsgi').metric_inc('m')")
    wait_value(server, "s", 12)
    until(lambda: number_in(directory / "s") == 12, "the number in the file")


def test_stats_are_json(site):
    document = json.loads(json.dumps(site(*metrics("a", "name=b,collector=sum,children=a")).stats()))
    assert list(document["metrics"])[-2:] == ["a", "b"]


@pytest.mark.ours
def test_the_examples_of_the_guide_are_right(tmp_path):
    blocks = re.findall(r"```ini\n(.*?)```", (paths.REPO / "docs/metrics-guide.md").read_text(), re.S)
    assert len(blocks) == 2 and sum(block.count("metric = ") for block in blocks) > 10
    for number, block in enumerate(blocks):
        ini = tmp_path / f"guide{number}.ini"
        ini.write_text(block)
        done = subprocess.run([paths.OURS, "--check", ini], capture_output=True, text=True, timeout=20, check=False,
                              env=plain_environment())
        said = done.stdout + done.stderr
        assert done.returncode == 0 and "warning" not in said.lower() and "ignored" not in said, said


@pytest.mark.ours
def test_an_application_that_changes_its_directory_moves_no_file(uwsgi, tmp_path):
    (tmp_path / "metrics").mkdir()
    (tmp_path / "moving.py").write_text("import os, uwsgi\nos.chdir('/')\ndef application(e, s):\n    uwsgi.metric_inc('m')\n"
                                        "    s('200 OK', [])\n    return [b'moved']\n")
    server = uwsgi("--http-socket", "127.0.0.1:0", "-M", "--metrics-dir", "metrics", "--metric", "m", "--wsgi-file", tmp_path / "moving.py")
    server.get("/")
    until(lambda: number_in(tmp_path / "metrics/m") == 1, "the number in the file")
    server.get("/")
    server.stop()
    assert number_in(tmp_path / "metrics/m") == 2


@pytest.mark.ours
def test_a_router_with_several_processes_is_one_in_the_list(uwsgi, app, tmp_path):
    def once(pairs):
        names = [name for name, _ in pairs]
        assert len(set(names)) == len(names), f"a name twice in {names}"
        return dict(pairs)

    server = uwsgi("--http", f"127.0.0.1:{(port := free_port())}", "--http-processes", "2", "-M", "--stats", tmp_path / "stats",
                   "--metrics-extended", "--metric", "name=seen,collector=sum,children=router.http.requests", "--wsgi-file", app("probe"))
    for _ in range(6):
        assert wire.http(port, "/?1").status == 200
    found = json.loads(wire.raw(server.stats_address(), b""), object_pairs_hook=once)["metrics"]
    assert found["router.http.requests"] == {"type": 0, "oid": "6.1.2", "value": 6}
    wait_value(server, "seen", 6)


@pytest.mark.ours
def test_metrics_that_would_be_one_family_are_told_once(site):
    server = site(*metrics("a.b", "a-b", "orders_total"), "--stats-http")
    text = server.log()
    assert text.count("metric a-b is not shown in /metrics: the name uwsgi_metric_a_b_total is taken there\n") == 1
    assert "orders_total is not" not in text and "metric a.b is not" not in text
    body = wire.http(server.stats_address(), path="/metrics").body.decode()
    assert re.findall(r"^uwsgi_metric_(?:a|orders).*$", body, re.M) == ["uwsgi_metric_a_b_total 0", "uwsgi_metric_orders_total 0"]
    start = int(re.search(r"^process_start_time_seconds (\d+)$", body, re.M).group(1))
    with open(f"/proc/{server.pid}/stat") as stat, open("/proc/stat") as machine:
        ticks = int(stat.read().rsplit(")", 1)[1].split()[19])
        boot = int(re.search(r"^btime (\d+)$", machine.read(), re.M).group(1))
    assert abs(start - boot - ticks / os.sysconf("SC_CLK_TCK")) < 5


@pytest.mark.ours
def test_a_file_that_cannot_be_read_is_told_once(site, tmp_path):
    server = site(*metrics(f"name=d,collector=file,arg1={tmp_path}", "name=n,collector=accumulator,initial_value=1"))
    until(lambda: values(server)["n"] > 4, "rounds")
    assert values(server)["d"] == 0
    assert server.log().count(f"metric d: {tmp_path}: Is a directory\n") == 1, server.tail()


@pytest.mark.ours
def test_commands_of_a_killed_observer_do_not_go_on(site, tmp_path):
    command = f"echo $$ >> {tmp_path}/pids; (setsid sleep 1000 & echo $! >> {tmp_path}/pids); exec sleep 1000"
    server = site(*metrics(f"name=e,collector=exec,arg1={command},arg1n=600000")).allow("DAMN|observer")
    pids = tmp_path / "pids"
    until(lambda: pids.exists() and len(pids.read_text().split()) == 2, "the first command")
    first = [int(pid) for pid in pids.read_text().split()]
    os.kill(int(re.findall(r"observer \(pid: (\d+)\)", server.log())[-1]), signal.SIGKILL)
    until(lambda: len(pids.read_text().split()) == 4, "the command of the next observer")
    until(lambda: not any(procs.alive(pid) for pid in first), "the end of what the killed observer started")
    for pid in pids.read_text().split()[2:]:
        os.kill(int(pid), signal.SIGKILL)
