"""Metrics that applications make: the module `uwsgi_metrics`, prometheus_client on top of it, and what /metrics shows of both."""

import ast
import concurrent.futures
import itertools
import os
import re
import signal
import subprocess
import sys
from urllib.parse import quote

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as classic

from harness import paths, wire
from harness.server import free_port
from harness.waiting import until

pytestmark = pytest.mark.ours
LIBRARIES = sorted(path for path in (paths.CACHE / "prometheus_client").glob("*"))


def ask(server, expression):
    """The value of an expression in the app, or the text of its exception."""
    text = server.get("/?" + quote(expression)).body.decode()
    try:
        return ast.literal_eval(text)
    except (SyntaxError, ValueError):
        return text


def scrape(server, accept=None):
    answer = wire.http(server.metrics_port, "/metrics", headers={"Accept": accept} if accept else {})
    parser = openmetrics if accept else classic
    return {s.name + "".join(f"{{{k}={v}}}" for k, v in sorted(s.labels.items())): s.value
            for family in parser(answer.body.decode()) for s in family.samples}


@pytest.fixture
def start(uwsgi, app):
    def run(name, *args, workers=2, **kw):
        port = free_port()
        server = uwsgi("--http-socket", "127.0.0.1:0", "-M", "-p", workers, "-L", "--stats", f"127.0.0.1:{port}", "--stats-http",
                       "--wsgi-file", app(name), *args, **kw)
        server.metrics_port = port
        return server
    return run


@pytest.fixture
def flask(start):
    def run(*args, **kw):
        return start("promflask", "--home", paths.VENV, "--callable", "app", "--py-prometheus-client", *args, **kw)
    return run


def load(server, path, count=200):
    """So many answers, asked for by eight clients at once."""
    with concurrent.futures.ThreadPoolExecutor(8) as clients:
        answers = list(clients.map(lambda _: server.get(path), range(count)))
    assert [a.status for a in answers] == [200] * count


def in_both(ask_one):
    """Asks until both workers have answered; an answer is the number of its worker."""
    def some():
        with concurrent.futures.ThreadPoolExecutor(8) as clients:
            return set(clients.map(lambda _: ask_one(), range(24))) >= {1, 2}
    until(some, "answers of both workers")


def kill_workers(server):
    """kill -9 for every worker, one after the other."""
    for worker, pid in sorted(server.worker_pids().items()):
        os.kill(pid, signal.SIGKILL)
        until(lambda w=worker, p=pid: server.worker_pids()[w] != p, "a new worker")
    server.allow("DAMN ! worker")
    server.quiet()


def reload(server):
    mark = server.mark()
    server.send(signal.SIGHUP)
    server.wait_log("spawned uWSGI worker 2", after=mark)
    server.wait_stats(lambda s: all(w["accepting"] for w in s["workers"]), "the workers")


# --- uwsgi_metrics ---------------------------------------------------------------------------------

@pytest.mark.parametrize("how", [[], ["--lazy-apps"], ["--threads", "2"]], ids=["before-fork", "after-fork", "threads"])
def test_what_any_worker_counts_all_see(start, how):
    server = start("counting", *how)
    for turn in range(1, 4):
        load(server, "/path", 100)
        assert ask(server, "served.labels('/path').value, size.count, size.sum") == (100 * turn, 100 * turn, 500 * turn)
        shown = scrape(server)
        assert shown["served_total{path=/path}"] == shown["size_count"] == 100 * turn
        assert (shown["size_bucket{le=2}"], shown["size_bucket{le=5}"]) == (0, 100 * turn)
        if turn == 1:
            kill_workers(server)
        if turn == 2:
            reload(server)


def test_all_kinds_and_what_they_answer(start):
    server = start("counting", "--threads", "2")
    for expression, answer in {
        "plain.inc(), plain.inc(2.5), plain.inc(True), plain.value": (None, None, None, 4.5),
        "level.set(10), level.inc(), level.dec(4), level.value": (None, None, None, 7.0),
        "level.set_to_current_time(), level.value > 1.7e9": (None, True),
        "size.observe(1), size.observe(1.5), size.observe(7), size.count, size.sum": (None, None, None, 3, 9.5),
        "[work(n) for n in (1, 2)], running.value": ([(1.0, 1), (1.0, 2)], 0.0),
        "took.labels('work').count, 0 < took.labels('work').sum < 1": (2, True),
        "served.labels('x', ).inc(), served.labels(path='x').value, served.labels('x') is served.labels(path='x')": (None, 1.0, True),
        "served.labels(200).inc(3), served.labels('200').value": (None, 3.0),
        "um.Counter('plain', 'Again').value, um.Counter('plain_total', 'Again').value": (4.5, 4.5),
        "threads(lambda: [plain.inc() for _ in range(5000)]), plain.value": (None, 20004.5),
        "threads(lambda: [served.labels(str(n)).inc() for n in range(50)]), served.labels('49').value": (None, 4.0),
        "served.remove('x'), served.labels('x').value": (None, 0.0),
        "um.Histogram('wide', 'x', buckets=range(600))": "ValueError: metric wide: its name, labels or buckets break a rule of the "
                                                          "exposition format",
        "um.Histogram('wide', 'x', buckets=range(6)).count": 0,
        "served.labels('half \\udc80').inc(), served.labels('half \\\\udc80').value": (None, 1.0),
    }.items():
        assert ask(server, expression) == answer, expression
    in_both(lambda: ask(server, "(n := uwsgi.worker_id(), mine.set(n), most.set(n), sum(range(200000)))[0]"))
    shown = scrape(server)
    assert (shown["mine{worker_id=1}"], shown["mine{worker_id=2}"], shown["most"]) == (1, 2, 2)
    assert scrape(server, "application/openmetrics-text; version=1.0.0")["plain_total"] == shown["plain_total"] == 20004.5


@pytest.mark.parametrize("expression, error", [
    ("plain.inc(-1)", "ValueError: counter plain: a counter only grows, not by -1"),
    ("plain.inc('1')", "TypeError: counter plain: a number is needed, not str"),
    ("level.set(None)", "TypeError: gauge level_bytes: a number is needed, not NoneType"),
    ("size.observe([])", "TypeError: histogram size: a number is needed, not list"),
    ("served.inc()", "ValueError: counter served: choose a series by labels() first"),
    ("plain.labels('x')", "ValueError: counter plain: it has no labels"),
    ("served.labels('x').labels('y')", "ValueError: counter served: its labels are chosen already"),
    ("served.labels()", "ValueError: counter served: 0 values for the labels path"),
    ("served.labels('a', 'b')", "ValueError: counter served: 2 values for the labels path"),
    ("served.labels(way='a')", "ValueError: counter served: its labels are path, not way"),
    ("served.labels('a', path='a')", "ValueError: counter served: label values come either by place or by name"),
    ("um.Counter('a b', 'x')", "ValueError: counter 'a b': the name must be letters, digits, underscores and colons, at most 128"),
    ("um.Counter(1, 'x')", "TypeError: counter 1: name and help must be str"),
    ("um.Counter('c', 'x', ['__a'])", "ValueError: counter c: '__a' cannot be a label"),
    ("um.Counter('c', 'x', ['a', 'a'])", "ValueError: counter c: a label occurs twice in ('a', 'a')"),
    ("um.Counter('c', 'x', 'abc')", "TypeError: counter c: labels must be a sequence of names, not 'abc'"),
    ("um.Histogram('h', 'x', ['le'])", "ValueError: histogram h: 'le' cannot be a label"),
    ("um.Histogram('h', 'x', buckets=[2, 1])", "ValueError: histogram h: buckets must be ascending numbers, not [2, 1]"),
    ("um.Gauge('g', 'x', mode='odd')", "ValueError: gauge g: 'odd' is no mode, but one of shared, all, liveall, min, "),
    ("um.Gauge('plain', 'x')", "ValueError: gauge plain: a metric of this name has another kind, other labels or other buckets"),
    ("um.Gauge('x_sum', 'x') and um.Histogram('x_sum', 'x')", "ValueError: histogram x_sum: a metric of this name has another"),
    ("um.Histogram('y_sum', 'x')", "ValueError: metric y_sum: its name, labels or buckets break a rule"),
    ("um.Gauge('g', 'x', unit=5)", "TypeError: gauge g: the unit must be str, not 5"),
])
def test_bad_use_names_the_metric(start, expression, error):
    assert str(ask(start("counting", workers=1), expression)).startswith(error)


def test_sub_interpreters_share(start, app):
    two = f"/two={app('counting')}"
    server = start("counting", "--mount", two, "--manage-script-name", workers=1)
    assert server.get("/path").status == server.get("/two/path").status == 200
    assert len(re.findall(r"on interpreter (\S+) pid", server.log())) == 2
    assert ask(server, "served.labels('/path').value") == 2


def test_full_is_no_failure(start):
    server = start("counting", "--metrics-series", "64", workers=1)
    assert ask(server, "[served.labels(str(n)).inc() for n in range(500)] and plain.inc(), plain.value") == (None, 1.0)
    assert sum(1 for name in scrape(server) if name.startswith("served_total")) < 64
    said = re.findall(r"no room for .*", server.log())
    assert len(said) == 1 and said[0].startswith("no room for a series of labels, it is counted nowhere (64 series of 64 in use")


def test_the_price_of_counting(start):
    """Far above what `make bench` shows, because other tests run on the same machine."""
    server = start("counting", workers=1)
    prices = ask(server, "{s: net(s, 50000) for s in ('plain.inc()', 'size.observe(1.5)')}")
    assert prices["plain.inc()"] < 600 and prices["size.observe(1.5)"] < 1000, prices


def test_the_stub_says_what_the_module_has(start):
    stub = ast.parse((paths.REPO / "plugins/python/stubs/uwsgi_metrics.pyi").read_text())
    said = {}
    for node in stub.body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            said[node.name] = {item.name for item in ast.walk(node) if isinstance(item, ast.FunctionDef)} - {"__init__"}
        if isinstance(node, ast.FunctionDef):
            said[node.name] = set()
    server = start("counting", workers=1)
    assert sorted(said) == sorted(ask(server, "um.__all__"))
    for name, methods in said.items():
        missing = ask(server, f"[m for m in {sorted(methods)} if not hasattr(um.{name}, m)]")
        assert name == "ArenaCollector" or missing == [], name


def test_elsewhere_there_is_no_such_module():
    done = subprocess.run([sys.executable, "-c", "import uwsgi_metrics"], capture_output=True, timeout=60, check=False, text=True)
    assert done.returncode == 1 and "No module named 'uwsgi_metrics'" in done.stderr


# --- prometheus_client -------------------------------------------------------------------------------

def samples(server, path="/metrics"):
    return dict(line.rsplit(" ", 1) for line in server.get(path).body.decode().splitlines())


def test_a_flask_application_needs_no_change(flask):
    server = flask("--threads", "2")
    for turn in range(1, 4):
        load(server, "/count")
        done = str(200.0 * turn)
        for shown in (samples(server) for _ in range(6)):
            assert shown['served_total{path="/count"}'] == shown['size_count{kind="a"}'] == shown["took_seconds_count"] == done
            assert shown['size_bucket{kind="a",le="1.0"}'] == "0.0" and shown['size_bucket{kind="a",le="+Inf"}'] == done
            assert float(shown["took_seconds_sum"]) == 100 * turn and float(shown['size_sum{kind="a"}']) == 300 * turn
        collected = samples(server, "/collected")
        assert collected.items() >= {(k, v) for k, v in samples(server).items() if "by_function" not in k}
        ours = scrape(server)
        assert ours["served_total{path=/count}"] == ours["size_count{kind=a}"] == ours["took_seconds_count"] == 200 * turn
        if turn == 1:
            kill_workers(server)
        if turn == 2:
            reload(server)
            again = scrape(server), samples(server)
            assert again[0]["served_total{path=/count}"] == 400 and again[1]['served_total{path="/count"}'] == "400.0", "before a request"
    assert shown['build_info{host="here",version="1.2"}'] == "1.0" and shown["by_function"] == "42.0"
    assert ours["build_info{host=here}{version=1.2}"] == 1


def test_gauges_know_the_modes_of_the_library(flask):
    server = flask()
    in_both(lambda: int(server.get("/set").body))
    shown, values = samples(server), [10, 20]
    assert [float(shown[f'gauge_{mode}{{pid="{n}"}}']) for mode in ("all", "liveall") for n in (1, 2)] == values * 2
    for mode, value in {"min": min(values), "max": max(values), "sum": sum(values)}.items():
        assert float(shown[f"gauge_{mode}"]) == float(shown[f"gauge_live{mode}"]) == value, mode
    assert shown["gauge_mostrecent"] == shown["gauge_livemostrecent"] in ("10.0", "20.0")
    assert (shown['state{state="busy"}'], shown['state{state="idle"}']) == ("1.0", "0.0")
    pid = server.worker_pids()[2]
    os.kill(pid, signal.SIGKILL)
    until(lambda: server.worker_pids()[2] != pid, "a new worker")
    server.allow("DAMN ! worker")
    shown = until(lambda: (s := samples(server)) and 'gauge_liveall{pid="2"}' not in s and s, "the end of what was live")
    assert float(shown["gauge_livesum"]) == values[0] and float(shown["gauge_sum"]) == sum(values)
    assert float(shown['gauge_all{pid="2"}']) == values[1]


def test_labels_can_be_removed(flask):
    server = flask(workers=1)
    load(server, "/count", 10)
    assert 'served_total{path="/count"}' in samples(server)
    server.get("/remove")
    assert not [name for name in samples(server) if name.startswith(("served", "size"))]
    load(server, "/count", 3)
    assert samples(server)['served_total{path="/count"}'] == samples(server)['size_count{kind="a"}'] == "3.0"


def test_what_an_application_says_of_itself_is_of_this_generation(start, tmp_path):
    said = tmp_path / "said"
    said.write_text("1.2 old")
    (tmp_path / "saying.py").write_text(
        f"import prometheus_client as client\nversion, state = open({str(said)!r}).read().split()\n"
        "client.Info('build', 'x').info({'version': version})\nclient.Enum('state', 'x', states=[state, 'any'])\n"
        "client.Gauge('jobs', 'x', ['of'], multiprocess_mode='livemax').labels(version).set(1)\n"
        "def application(e, s):\n    s('200 OK', [])\n    return [client.generate_latest()]\n")
    server = start("hello", "--mount", f"/s={tmp_path}/saying.py", "--home", paths.VENV, "--manage-script-name",
                   "--py-prometheus-client")
    for version, state in (("1.2", "old"), ("1.3", "new")):
        expected = {f"build_info{{version={version}}}": 1, f"state{{state={state}}}": 1, "state{state=any}": 0, f"jobs{{of={version}}}": 1}
        names = ("build", "state", "jobs")
        own = {k.replace('"', ""): float(v) for k, v in samples(server, "/s").items() if k.startswith(names)}
        assert own == expected
        assert {k: v for k, v in scrape(server).items() if k.startswith(names)} == expected
        said.write_text("1.3 new")
        reload(server)


def test_clear_is_for_all_processes(flask):
    server = flask(workers=1)
    load(server, "/count", 40)
    pid = server.worker_pids()[1]
    os.kill(pid, signal.SIGKILL)
    until(lambda: server.worker_pids()[1] != pid, "a worker that has counted nothing yet")
    server.allow("DAMN ! worker")
    assert scrape(server)["served_total{path=/count}"] == 40
    assert server.get("/clear").status == 200
    assert not [name for name in [*samples(server), *scrape(server)] if name.startswith("served")]


def test_half_a_character_in_a_label_is_shown_as_its_escape(flask):
    server = flask()
    load(server, "/odd", 10)
    assert samples(server)[r'served_total{path="half \\udc80"}'] == "10.0"
    assert scrape(server)["served_total{path=half \\udc80}"] == 10


@pytest.mark.parametrize("library", LIBRARIES, ids=lambda path: path.name)
def test_versions_of_the_library(flask, library):
    server = flask("--pythonpath", library)
    load(server, "/count", 50)
    shown = samples(server)
    assert shown['served_total{path="/count"}'] == shown['size_count{kind="a"}'] == shown["took_seconds_count"] == "50.0"
    assert samples(server, "/collected").items() >= {(k, v) for k, v in shown.items() if "by_function" not in k}


def test_there_are_versions_to_try():
    assert len(LIBRARIES) >= 3, "tests/setup.sh brings them"


def test_without_the_option_install_does_it(start, tmp_path):
    (tmp_path / "late.py").write_text(
        "import itertools, uwsgi_metrics\nimport prometheus_client as client\nearly = client.Counter('early', 'x')\n"
        "uwsgi_metrics.install()\nlate = client.Counter('late', 'x')\nregistry = client.CollectorRegistry()\n"
        "uwsgi_metrics.ArenaCollector(registry)\n"
        "def application(e, s):\n    s('200 OK', [])\n    early.inc(); late.inc()\n    return [client.generate_latest(registry)]\n")
    server = start("hello", "--mount", f"/late={tmp_path}/late.py", "--home", paths.VENV, "--manage-script-name")
    texts = [server.get("/late").body.decode() for _ in range(7)]
    assert "late_total 7.0" in texts[-1] and "early" not in texts[-1]
    assert scrape(server)["late_total"] == 7


def test_the_flask_exporter_counts_over_all_workers(start, tmp_path):
    (tmp_path / "exported.py").write_text(
        "from flask import Flask\nfrom prometheus_flask_exporter import PrometheusMetrics\n"
        "app = Flask(__name__)\nPrometheusMetrics(app)\n@app.get('/page')\ndef page():\n    return 'page'\n")
    server = start("hello", "--mount", f"/e={tmp_path}/exported.py", "--home", paths.VENV, "--manage-script-name", "--callable",
                   "app", "--py-prometheus-client")
    load(server, "/e/page", 60)
    for _ in range(4):
        text = server.get("/e/metrics").body.decode()
        assert 'flask_http_request_total{method="GET",status="200"}' in text
        pages = re.findall(r'flask_http_request_duration_seconds_count{.*path="/page".*} (\S+)', text)
        assert pages == ["60.0"]


def test_a_killed_worker_takes_at_most_what_it_was_doing(flask):
    server = flask("--threads", "2")
    server.allow("DAMN ! worker")
    victims = itertools.count()

    def kill():
        try:
            os.kill(server.worker_pids()[1], signal.SIGKILL)
        except ProcessLookupError:
            return False
        return True

    def one(_):
        if next(victims) in (100, 200, 300):
            until(kill, "a worker in the place of the last one")
        try:
            return server.get("/count").status == 200
        except (OSError, EOFError):
            return False

    with concurrent.futures.ThreadPoolExecutor(8) as clients:
        answered = sum(clients.map(one, range(400)))
    counted = float(samples(server)['served_total{path="/count"}'])
    assert answered <= counted <= 400 and answered > 300
