"""GET /metrics: what promtool, the OpenMetrics parser and a real Prometheus make of it."""

import os
import shutil
import subprocess

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as classic

from harness import wire
from harness.prometheus import prometheus
from harness.server import free_port
from harness.waiting import until

pytestmark = pytest.mark.ours
TEXT = "text/plain; version=0.0.4; charset=utf-8"
OPEN = "application/openmetrics-text; version=1.0.0; charset=utf-8"
LEGACY = {"uwsgi_worker_harakiri_count_total", "uwsgi_worker_respawn_count_total", "uwsgi_cache_hits", "uwsgi_cache_misses",
          "uwsgi_cache_full", "uwsgi_listen_queue_errors"}


@pytest.fixture
def site(uwsgi, app):
    port = free_port()
    server = uwsgi("--http-socket", "127.0.0.1:0", "-M", "-p", "2", "--threads", "2", "--stats", f"127.0.0.1:{port}",
                   "--stats-http", "--enable-metrics", "--wsgi-file", app("wires"))
    server.allow("Traceback")
    for path in ["/length"] * 7 + ["/missing"] * 2:
        server.get(path)
    wire.raw(server.address(), wire.request_bytes(path="/exc-before"))
    server.wait_stats(lambda s: sum(w["requests"] for w in s["workers"]) == 10, "10 requests")
    server.metrics_port = port
    return server


def scrape(server, accept=None) -> wire.Response:
    return wire.http(server.metrics_port, "/metrics", headers={"Accept": accept} if accept else {})


def families(text: str, parser=classic) -> dict:
    return {f.name: f for f in parser(text)}


def total(family) -> float:
    return sum(s.value for s in family.samples if s.name.endswith("_total") or s.name == family.name)


@pytest.mark.parametrize("accept, content_type", [
    (None, TEXT), ("*/*", TEXT), ("text/plain", TEXT), ("application/x-unknown", TEXT),
    ("application/openmetrics-text; version=1.0.0", OPEN),
    ("application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.9", TEXT),
    ("application/openmetrics-text;version=1.0.0;q=0.9,text/plain;version=0.0.4;q=0.5,*/*;q=0.1", OPEN),
])
def test_negotiation(site, accept, content_type):
    answer = scrape(site, accept)
    assert (answer.status, answer.header("Content-Type")) == (200, content_type)


def test_values_agree_with_stats(site):
    found = families(scrape(site).body.decode())
    assert total(found["uwsgi_worker_requests"]) == 10
    assert total(found["uwsgi_worker_exceptions"]) == 1
    assert total(found["uwsgi_workers"]) == 2
    assert found["uwsgi_up"].samples[0].value == 1
    document = site.stats()
    wanted = {str(w["id"]): w["requests"] for w in document["workers"]}
    assert {s.labels["worker_id"]: s.value for s in found["uwsgi_worker_requests"].samples} == wanted
    assert {s.labels["worker_id"]: s.value for s in found["uwsgi_worker_transmitted_bytes"].samples} == \
        {str(w["id"]): w["tx"] for w in document["workers"]}


EXPORTER = """listen_queue_length listen_queue_errors signal_queue_length workers socket_queue_length socket_max_queue_length
socket_shared socket_can_offload worker_accepting worker_delta_requests worker_signal_queue_length worker_rss_bytes
worker_vsz_bytes worker_running_time_seconds worker_last_spawn_time_seconds worker_average_response_time_seconds worker_apps
worker_cores worker_busy worker_idle worker_cheap worker_app_startup_time_seconds worker_requests worker_exceptions
worker_harakiri_count worker_signals worker_respawn_count worker_transmitted_bytes worker_app_requests worker_app_exceptions
up exporter_scrapes exporter_scrape_errors exporter_scrape_duration_seconds exporter_last_scrape_error""".split()


def test_every_family_of_the_exporter_is_there(site):
    found = families(scrape(site).body.decode())
    assert [name for name in EXPORTER if f"uwsgi_{name}" not in found] == []


def test_latency_histogram(site):
    found = families(scrape(site).body.decode())["uwsgi_request_duration_seconds"]
    assert found.type == "histogram"
    assert sum(s.value for s in found.samples if s.name.endswith("_count")) == 10
    buckets = [s for s in found.samples if s.name.endswith("_bucket")]
    series = {tuple(sorted((k, v) for k, v in s.labels.items() if k != "le")) for s in buckets}
    for labels in series:
        values = [s.value for s in buckets if tuple(sorted((k, v) for k, v in s.labels.items() if k != "le")) == labels]
        assert values == sorted(values)


def test_openmetrics_parser_accepts(site):
    text = scrape(site, "application/openmetrics-text; version=1.0.0").body.decode()
    assert text.endswith("# EOF\n") and "\r" not in text
    found = families(text, openmetrics)
    assert total(found["uwsgi_worker_requests"]) == 10


def test_promtool_is_clean(site):
    assert shutil.which("promtool"), "promtool is missing: run tests/setup.sh as root"
    done = subprocess.run(["promtool", "check", "metrics"], input=scrape(site).body, capture_output=True, timeout=30, check=False)
    complaints = [line for line in (done.stdout + done.stderr).decode().splitlines()
                  if line and line.split()[0].strip(":") not in LEGACY]
    assert complaints == []


def test_head_and_other_methods(site):
    assert wire.http(site.metrics_port, "/metrics", "HEAD").status == 200
    assert wire.http(site.metrics_port, "/metrics", "POST", body=b"x").status == 405


@pytest.mark.slow
def test_a_real_prometheus_scrapes(site, tmp_path):
    with prometheus(site.metrics_port, tmp_path) as query:
        answer = until(lambda: query("sum(uwsgi_worker_requests_total)"), "a scraped sample", timeout=40)
        assert float(answer) == 10
        assert float(query('up{job="uwsgi"}')) == 1
        assert float(query("sum(uwsgi_request_duration_seconds_count)")) == 10


def test_scraping_is_counted(site):
    first = families(scrape(site).body.decode())["uwsgi_exporter_scrapes"].samples[0].value
    second = families(scrape(site).body.decode())["uwsgi_exporter_scrapes"].samples[0].value
    assert second == first + 1


def test_counters_survive_a_reload(site):
    mark = site.mark()
    os.kill(site.pid, 1)
    site.wait_log(r"^spawned uWSGI worker 2 ", after=mark)
    site.settle()
    found = until(lambda: _families_or_none(site), "metrics after the reload")
    assert total(found["uwsgi_worker_requests"]) == 10


def _families_or_none(site):
    try:
        return families(scrape(site).body.decode())
    except (OSError, EOFError):
        return None
