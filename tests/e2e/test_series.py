"""Labelled series of applications: counted over the C interface, shown by /metrics, alive after kills and reloads."""

import concurrent.futures
import os
import shutil
import signal
import subprocess

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as classic

from harness import paths, wire
from harness.prometheus import prometheus
from harness.server import free_port, plain_environment
from harness.waiting import until

pytestmark = pytest.mark.ours
ROUNDS = 200


@pytest.fixture(scope="module")
def plugin(tmp_path_factory):
    directory = tmp_path_factory.mktemp("series")
    header = subprocess.run([paths.OURS, "--dot-h"], capture_output=True, check=True, env=plain_environment(), timeout=30)
    (directory / "uwsgi_plugin.h").write_bytes(header.stdout)
    path = directory / "series_plugin.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-Wall", "-Werror", "-I", directory, paths.TESTS / "plugins/series.c", "-o", path],
                   check=True, timeout=60)
    return path


@pytest.fixture
def shop(uwsgi, plugin):
    def started(*options):
        port = free_port()
        server = uwsgi("--http-socket", "127.0.0.1:0", "-M", "-p", "2", "--stats", f"127.0.0.1:{port}", "--stats-http",
                       "--need-plugin", f"0:{plugin}", *options)
        server.metrics_port = port
        return server
    return started


def do(server, operation, series, value, label="x") -> float:
    return float(server.get(f"/{operation}/{series}/{label}/{value}").body)


def scrape(server, accept="") -> str:
    answer = wire.http(server.metrics_port, "/metrics", headers={"Accept": accept} if accept else {})
    assert answer.status == 200
    return answer.body.decode()


def samples(server) -> dict:
    """Every sample that the plugin made, from the document in text format."""
    found = (sample for family in classic(scrape(server)) for sample in family.samples)
    return {(s.name, *sorted(s.labels.items())): s.value for s in found if s.name.startswith("shop_")}


def in_worker(server, wanted, operation, series, value) -> None:
    """Repeats an operation, many at once, until this worker has done it; others may have done it too."""
    def requests():
        return {worker["id"]: worker["requests"] for worker in server.stats()["workers"]}[wanted]

    def done():
        before = requests()
        list(pool.map(lambda _: do(server, operation, series, value), range(16)))
        return requests() > before

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        until(done, f"worker {wanted} serves")


def test_every_kind_in_both_formats(shop, tmp_path):
    server = shop()
    assert "series: a name that is none is refused" in server.log()
    do(server, "add", "shop_orders", 2)
    assert do(server, "add", "shop_orders", 0.5) == 2.5
    assert do(server, "add", "shop_orders", -1) == -1, "a counter never falls"
    assert do(server, "observe", "shop_orders", 1) == -1, "a counter observes nothing"
    do(server, "set", "shop_stock", -7, label="a%22b")
    for value in (0.05, 0.1, 0.5, 3):
        do(server, "observe", "shop_wait_seconds", value)
    do(server, "observe", "shop_size_bytes", 100)
    do(server, "set", "uwsgi_up", 99)
    found = samples(server)
    kind = ("kind", "x")
    assert found[("shop_orders_total", kind)] == 2.5
    assert found[("shop_stock", ("kind", 'a"b'))] == -7
    assert [found[("shop_wait_seconds_bucket", kind, ("le", le))] for le in ("0.1", "1", "+Inf")] == [2, 3, 4]
    assert (found[("shop_wait_seconds_count", kind)], found[("shop_wait_seconds_sum", kind)]) == (4, 3.65)
    assert (found[("shop_size_bytes_count",)], found[("shop_size_bytes_sum",)]) == (1, 100)
    document = scrape(server, "application/openmetrics-text; version=1.0.0")
    families = {family.name: family for family in openmetrics(document)}
    assert (families["shop_wait_seconds"].unit, families["shop_orders"].type) == ("seconds", "counter")
    assert families["shop_orders"].documentation == "Counted by the series plugin."
    assert "uwsgi_up 1\n" in document and " 99\n" not in document, "our names stay ours"
    assert shutil.which("promtool"), "promtool is missing: run tests/setup.sh as root"
    done = subprocess.run(["promtool", "check", "metrics"], input=scrape(server).encode(), capture_output=True, timeout=30,
                          check=False)
    assert b"shop_" not in done.stdout + done.stderr
    dump = server.get("/dump").body.decode()
    assert "shop_orders 0 0\n  2.5 worker -1 x\n" in dump
    assert "shop_wait_seconds 2 0\n  3.65 worker -1 x [2] [1] [1]\n" in dump
    do(server, "remove", "shop_orders", 0)
    assert ("shop_orders_total", kind) not in samples(server)


def test_no_count_is_lost_while_workers_are_killed_and_the_instance_reloads(shop):
    """Whoever got an answer was counted: a worker dies between the count and the answer at worst."""
    server = shop()
    server.allow("DAMN", "worker .* (died|killed)")

    def one(number):
        try:
            return do(server, "add", "shop_orders", 1, label=f"l{number % 7}") > 0
        except (OSError, EOFError, ValueError):
            return False

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        answered = [pool.submit(one, number) for number in range(ROUNDS)]
        for _ in range(3):
            victims = server.worker_pids()
            os.kill(victims[1], signal.SIGKILL)
            until(lambda pid=victims[1]: server.worker_pids().get(1) not in (None, pid), "a new worker 1", timeout=20)
        answered = sum(future.result() for future in answered)
    counted = sum(value for (name, *_), value in samples(server).items() if name == "shop_orders_total")
    assert answered <= counted <= ROUNDS and answered > ROUNDS / 2
    mark = server.mark()
    os.kill(server.pid, signal.SIGHUP)
    server.wait_log(r"^spawned uWSGI worker 2 ", after=mark)
    server.settle()
    do(server, "add", "shop_orders", 1, label="l0")
    again = until(lambda: _scraped(server), "metrics after the reload")
    assert sum(value for (name, *_), value in again.items() if name == "shop_orders_total") == counted + 1


def _scraped(server):
    try:
        return samples(server)
    except (OSError, EOFError):
        return None


def test_gauges_of_workers_go_with_their_worker_where_they_are_live(shop):
    server = shop()
    server.allow("DAMN", "worker .* (died|killed)")
    for series in ("shop_busy", "shop_peak", "shop_each"):
        for worker, value in ((1, 10), (2, 4)):
            in_worker(server, worker, "set", series, value)
    # Who was asked on the way to the wanted worker has the value of its round.
    found = samples(server)
    assert found[("shop_each", ("worker_id", "2"))] == 4
    assert found[("shop_busy",)] in (14, 8) and found[("shop_peak",)] in (10, 4)
    pid = server.worker_pids()[2]
    os.kill(pid, signal.SIGKILL)
    until(lambda: server.worker_pids().get(2) not in (None, pid), "a new worker 2", timeout=20)
    after = samples(server)
    assert ("shop_each", ("worker_id", "2")) not in after
    assert after[("shop_busy",)] == found[("shop_busy",)] - 4
    assert after[("shop_peak",)] == found[("shop_peak",)], "what is not live stays"


def test_metrics_series_is_the_room_there_is(shop):
    server = shop("--metrics-series", "3")
    for label in "abcde":
        do(server, "add", "shop_orders", 1, label=label)
    orders = [key for key in samples(server) if key[0] == "shop_orders_total"]
    assert len(orders) == 3
    assert "uwsgi_series_dropped_total 2\n" in scrape(server)
    none = shop("--metrics-series", "0")
    assert do(none, "add", "shop_orders", 1) == 0, "there is no room, and the plugin does not notice"
    assert "series: no room for a family" in none.log() and samples(none) == {}


def test_apps_have_numbers_of_their_own(shop):
    server = shop()
    for _ in range(5):
        server.get("/dump")
    # A duration is counted when the answer is out.
    counted = 'uwsgi_app_request_duration_seconds_count{app="/shop"} 5'
    page = until(lambda: (page := scrape(server)) and counted in page and page, "five durations")
    lines = [line for line in page.splitlines() if line.startswith("uwsgi_app_")]
    for name, labels, value in (("requests_total", "", 5), ("exceptions_total", "", 0), ("responses_total", ',code="2xx"', 5),
                                ("request_duration_seconds_bucket", ',le="+Inf"', 5), ("request_duration_seconds_count", "", 5)):
        assert f'uwsgi_app_{name}{{app="/shop"{labels}}} {value}' in lines
    sent = next(float(line.split()[-1]) for line in lines if line.startswith("uwsgi_app_transmitted_bytes_total{"))
    assert sent == sum(worker["tx"] for worker in server.stats()["workers"]) > 0


@pytest.mark.slow
def test_a_real_prometheus_takes_every_kind(shop, tmp_path):
    server = shop()
    do(server, "add", "shop_orders", 2)
    for value in (0.05, 0.5, 3):
        do(server, "observe", "shop_wait_seconds", value)
    in_worker(server, 1, "set", "shop_each", 4)
    with prometheus(server.metrics_port, tmp_path) as query:
        assert float(until(lambda: query("shop_orders_total"), "a scraped sample", timeout=40)) == 2
        assert float(query('up{job="uwsgi"}')) == 1
        assert float(query("histogram_quantile(0.5, shop_wait_seconds_bucket)")) == pytest.approx(0.55)
        assert float(query('shop_each{worker_id="1"}')) == 4
        assert float(query('sum(uwsgi_app_request_duration_seconds_bucket{app="/shop",le="+Inf"})')) >= 4
