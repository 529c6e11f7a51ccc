"""OTLP: metrics to receivers made of the published messages, over HTTP and gRPC."""

import gzip
from urllib.parse import quote

import grpc
import pytest
from google.protobuf import json_format
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2

from harness.exports import OtlpServer, attributes, closing, points
from harness.receivers import WebSink, self_signed
from harness.server import free_port
from harness.waiting import until
from test_pushers import metrics, refusal, sample

pytestmark = pytest.mark.ours
Request = metrics_service_pb2.ExportMetricsServiceRequest
ONE = (("uwsgi.worker.id", 1),)


@pytest.fixture
def start(uwsgi, app):
    """A server that pushes there."""
    def started(*values, name="ask", env=None, more=()):
        options = [part for value in values for part in ("--otlp", value)]
        port = free_port()
        server = uwsgi("--http-socket", "127.0.0.1:0", "-M", "--stats", f"127.0.0.1:{port}", "--stats-http", *options, *more,
                       "--wsgi-file", app(name), env=env)
        server.metrics_port = port
        return server
    return started


@pytest.fixture
def sink():
    with closing(WebSink()) as sink:
        yield sink


@pytest.fixture
def collector():
    with closing(OtlpServer()) as server:
        yield server


def decoded(request) -> Request:
    body = gzip.decompress(request.body) if request.headers.get("Content-Encoding") == "gzip" else request.body
    if request.headers["Content-Type"] == "application/json":
        return json_format.Parse(body, Request())
    return Request.FromString(body)


def newest(sink, name, key=()):
    """A point of the last request, and its metric; None without."""
    if not sink.requests:
        return None
    last = sink.requests[-1]
    metric, found = points(last if isinstance(last, Request) else decoded(last)).get(name, (None, {}))
    return (metric, found[key]) if key in found else None


@pytest.mark.parametrize(("value", "text"), [
    ("ftp://h", 'invalid otlp: the URL is of scheme "ftp", not of http, https'),
    ("h,protocol=smoke", "protocol smoke is none of grpc, http/protobuf, http/json"),
    ("h,speed=1", '"speed" is not one of'),
])
def test_what_cannot_be_pushed_is_refused_at_the_start(value, text):
    code, said = refusal("--http-socket", "127.0.0.1:0", "--otlp", value)
    assert code == 1
    assert text in said


@pytest.mark.parametrize("protocol", ["http/protobuf", "http/json"])
def test_requests_decode_and_say_what_the_stats_say(start, sink, protocol):
    server = start(f"http://127.0.0.1:{sink.port},protocol={protocol},compression=gzip,freq=1,attribute=team=blue", name="counting",
                   more=("--metric", "mine.own"))
    server.get("/?" + quote("(served.labels('x').inc(4), size.observe(3), uwsgi.metric_inc('mine.own', 7))"))
    metric, point = until(lambda: newest(sink, "served", (("path", "x"),)), "the application's series")
    assert metric.sum.is_monotonic and metric.sum.aggregation_temporality == 2
    assert point.as_double == 4
    metric, point = newest(sink, "size")
    assert (list(point.explicit_bounds), list(point.bucket_counts)) == ([1, 2, 5], [0, 0, 1, 0])
    assert (point.count, point.sum) == (1, 3)
    metric, point = newest(sink, "uwsgi.metric.mine.own")
    assert point.as_int == 7
    metric, point = newest(sink, "uwsgi.worker.requests", ONE)
    assert (point.as_int, metric.unit, metric.sum.is_monotonic) == (1, "{request}", True)
    assert 0 < point.start_time_unix_nano < point.time_unix_nano
    metric, _ = newest(sink, "uwsgi.worker.memory.rss", ONE)
    assert metric.unit == "By" and metric.HasField("gauge")
    metric, found = points(decoded(sink.requests[-1]))["http.server.request.duration"]
    assert metric.unit == "s" and sum(point.count for point in found.values()) == 1
    assert all(len(point.bucket_counts) == len(point.explicit_bounds) + 1 for point in found.values())
    metric, _ = newest(sink, "http.server.active_requests")
    assert metric.unit == "{request}" and not metric.sum.is_monotonic
    request = sink.requests[-1]
    assert request.path == "/v1/metrics"
    resource = dict(attributes(decoded(request).resource_metrics[0].resource.attributes))
    assert (resource["service.name"], resource["team"]) == ("uwsgi", "blue")
    assert resource["process.pid"] == server.process.pid and resource["host.name"] and resource["service.instance.id"]
    scope = decoded(request).resource_metrics[0].scope_metrics[0].scope
    assert (scope.name, scope.version) == ("uwsgi", resource["uwsgi.version"])


def test_grpc_speaks_to_grpcio(start, collector):
    collector.refuse = [grpc.StatusCode.UNAVAILABLE]
    collector.partial = (3, "too old")
    server = start(f"http://127.0.0.1:{collector.port},protocol=grpc,compression=gzip,freq=1,header=x-tenant: blue,token=t")
    labels = {"pusher": "otlp", "target": f"127.0.0.1:{collector.port}"}
    server.get("/?1")

    def requests():
        found = newest(collector, "uwsgi.worker.requests", ONE)
        return found and found[1].as_int

    until(lambda: requests() == 1, "the request is pushed", 20)
    assert collector.metadata[0]["x-tenant"] == "blue" and collector.metadata[0]["authorization"] == "Bearer t"
    server.wait_log(rf"^\[otlp\] 127.0.0.1:{collector.port} answered gRPC status 14: not now$")
    server.wait_log(rf"^\[otlp\] 127.0.0.1:{collector.port} rejected 3 data points: too old$")
    assert sample(metrics(server), "uwsgi_pusher_retries_total", **labels) == 1
    assert not sample(metrics(server), "uwsgi_pusher_dropped_total", **labels), "what waited was delivered"
    collector.refuse = [grpc.StatusCode.INVALID_ARGUMENT]
    until(lambda: sample(metrics(server), "uwsgi_pusher_dropped_total", **labels), "a refusal for good is not tried again")
    server.stop()


def test_differences_add_up_to_the_whole(start, sink):
    server = start(f"127.0.0.1:{sink.port},temporality=delta,freq=1,histograms=exponential")
    ends = []
    for number in range(1, 4):
        server.get("/?1")

        def pushed():
            return sum(points(decoded(r))["uwsgi.worker.requests"][1][ONE].as_int for r in sink.requests)

        until(lambda: pushed() == number, "all requests are told once")
    for request in sink.requests:
        metric, found = points(decoded(request))["uwsgi.worker.requests"]
        assert metric.sum.aggregation_temporality == 1
        ends.append((found[ONE].start_time_unix_nano, found[ONE].time_unix_nano))
    assert all(before[1] == after[0] for before, after in zip(ends, ends[1:])), "each begins where the one before ended"
    counted = 0
    for request in sink.requests:
        metric, found = points(decoded(request))["http.server.request.duration"]
        assert metric.HasField("exponential_histogram")
        for point in found.values():
            assert point.count == point.zero_count + sum(point.positive.bucket_counts)
            counted += point.count
    assert counted == 3
    metric, _ = points(decoded(sink.requests[-1]))["http.server.active_requests"]
    assert metric.sum.aggregation_temporality == 2, "what goes up and down has no differences"


def test_the_environment_is_enough_and_an_option_wins(start, sink):
    env = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{sink.port}/pre", "OTEL_METRIC_EXPORT_INTERVAL": "1000",
           "OTEL_EXPORTER_OTLP_HEADERS": "api-key=a%20b", "OTEL_SERVICE_NAME": "shop", "OTEL_EXPORTER_OTLP_PROTOCOL": "http/json"}
    server = start(env=env)
    request = sink.wait()[0]
    assert (request.path, {k.lower(): v for k, v in request.headers.items()}["api-key"]) == ("/pre/v1/metrics", "a b")
    resource = dict(attributes(decoded(request).resource_metrics[0].resource.attributes))
    assert resource["service.name"] == "shop"
    server.wait_log(rf"^otlp: OTEL_EXPORTER_OTLP_ENDPOINT asks for metrics at 127.0.0.1:{sink.port} every 1 s")
    server.stop()
    silent = start("none", env=env)
    assert not sample(metrics(silent), "uwsgi_pusher_pushes_total", pusher="otlp") and "asks for metrics" not in silent.log()


def test_a_receiver_says_when_to_come_again_and_nothing_is_lost(start, sink):
    sink.status = 503
    server = start(f"http://127.0.0.1:{sink.port}/x,freq=1")
    labels = {"pusher": "otlp", "target": f"127.0.0.1:{sink.port}"}
    until(lambda: (sample(metrics(server), "uwsgi_pusher_queued", **labels) or 0) >= 3, "pushes wait")
    sink.status = 200
    server.wait_log("works again", timeout=30)
    until(lambda: not sample(metrics(server), "uwsgi_pusher_queued", **labels), "all are delivered", 30)
    times = [points(decoded(r))["uwsgi.worker.requests"][1][ONE].time_unix_nano for r in sink.requests]
    assert len(set(times)) >= 4, "each with its own time"
    assert not sample(metrics(server), "uwsgi_pusher_dropped_total", **labels)


def test_the_end_has_a_push_of_its_own(start, sink):
    server = start(f"http://127.0.0.1:{sink.port}/x,freq=3600")
    sink.wait()
    server.get("/?1")
    server.stop()
    assert newest(sink, "uwsgi.worker.requests", ONE)[1].as_int == 1


def test_tls_with_an_authority_of_the_environment(start, tmp_path):
    identity = self_signed(tmp_path)
    with closing(WebSink(identity.context())) as sink:
        start(f"https://localhost:{sink.port}/v1/metrics,freq=1", env={"OTEL_EXPORTER_OTLP_CERTIFICATE": str(identity.certificate)})
        assert decoded(sink.wait()[0]).resource_metrics
