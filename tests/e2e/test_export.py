"""Pushing to what people run beside Prometheus: remote write, Pushgateway, line protocol of InfluxDB."""

import gzip
import time
from urllib.parse import quote

import pytest

from harness.exports import InfluxDB, Prometheus, Pushgateway, VictoriaMetrics, closing, unsnappy, write_two
from harness.receivers import WebSink, self_signed
from harness.server import free_port
from harness.waiting import until
from test_pushers import metrics, refusal, sample

pytestmark = pytest.mark.ours


@pytest.fixture
def start(uwsgi, app):
    """A server with a master, stats over HTTP, and these pushes each second."""
    def started(*pushes, name="ask", more=()):
        options = [part for push in pushes for part in ("--stats-push", push)]
        port = free_port()
        server = uwsgi("--http-socket", "127.0.0.1:0", "-M", "--stats", f"127.0.0.1:{port}", "--stats-http", *options,
                       "--stats-pusher-default-freq", "1", *more, "--wsgi-file", app(name))
        server.metrics_port = port
        return server
    return started


@pytest.fixture
def sink():
    with closing(WebSink()) as sink:
        yield sink


@pytest.mark.parametrize(("push", "text"), [
    ("remote-write", "invalid remote-write stats pusher syntax: the URL is malformed"),
    ("remote-write:udp://h:1", 'the URL is of scheme "udp", not of http, https'),
    ("remote-write:h,version=3", "version = 3 is neither 1 nor 2"),
    ("pushgateway:h,job=", "invalid pushgateway stats pusher syntax: job must not be empty"),
    ("influx:h:8086", "invalid influx stats pusher syntax: give db=NAME for version 1"),
    ("influx:udp://h:1,token=x", "token has no meaning over udp"),
])
def test_what_cannot_be_pushed_is_refused_at_the_start(push, text):
    code, said = refusal("--http-socket", "127.0.0.1:0", "--stats-push", push)
    assert code == 1
    assert text in said


def test_prometheus_has_what_was_written_to_it(start, tmp_path):
    with closing(Prometheus(tmp_path)) as prometheus:
        url = f"http://127.0.0.1:{prometheus.port}/api/v1/write"
        server = start(f"remote-write:{url},job=shop,instance=one,label=zone=a,histograms=both")
        for _ in range(3):
            server.get("/?1")
        mine = 'job="shop",instance="one",zone="a"'
        until(lambda: prometheus.value(f'sum(uwsgi_worker_requests_total{{{mine}}})') == 3, "the requests arrive")
        until(lambda: prometheus.value(f'sum(uwsgi_request_duration_seconds_count{{{mine}}})') == 3, "classic buckets")
        assert prometheus.value(f'histogram_count(sum(uwsgi_request_duration_seconds{{{mine}}}))') == 3
        assert 0 < prometheus.value(f'histogram_quantile(0.9, sum(uwsgi_request_duration_seconds{{{mine}}}))') < 5
        server.stop()
        assert prometheus.value(f"uwsgi_up{{{mine}}}") is None, "a server that ended is not shown for five more minutes"
        assert prometheus.value(f"count_over_time(uwsgi_up{{{mine}}}[5m])") >= 1


def test_a_gap_is_filled_when_prometheus_returns(start, tmp_path):
    port = free_port()
    server = start(f"remote-write:http://127.0.0.1:{port}/api/v1/write,job=shop")
    labels = {"pusher": "remote-write", "target": f"127.0.0.1:{port}"}
    until(lambda: (sample(metrics(server), "uwsgi_pusher_queued", **labels) or 0) >= 4, "pushes wait")
    assert sample(metrics(server), "uwsgi_pusher_failing", **labels) >= 1
    assert server.get("/?1").status == 200
    begun = time.time()
    with closing(Prometheus(tmp_path, port)) as prometheus:
        server.wait_log(rf"^\[uwsgi-stats-pusher\] remote-write to 127.0.0.1:{port} works again after \d+ failures$", timeout=90)
        until(lambda: not sample(metrics(server), "uwsgi_pusher_queued", **labels), "nothing waits any more")
        values = prometheus.query('uwsgi_up{job="shop"}[5m]')[0]["values"]
        assert values[0][0] < begun, "the first sample is from before the receiver was there"
        assert not sample(metrics(server), "uwsgi_pusher_dropped_total", **labels)
        server.stop()


def test_version_two_is_what_its_proto_says(start, sink):
    server = start(f"remote-write:http://127.0.0.1:{sink.port}/w,version=2,job=shop,histograms=both,token=t", name="counting")
    message = write_two()

    def series():
        request = message.FromString(unsnappy(sink.requests[-1].body))
        text = request.symbols
        assert text[0] == "" and len(set(text)) == len(text)
        found = {}
        for one in request.timeseries:
            words = [text[number] for number in one.labels_refs]
            labels = dict(zip(words[::2], words[1::2], strict=True))
            assert list(labels) == sorted(labels)
            found[labels.pop("__name__"), tuple(labels.items())] = one, text
        return found

    server.get("/?" + quote("served.labels('x').inc(4)"))

    def arrived():
        return sink.requests and {k[0]: v for k, v in series().items()}.get("served_total")

    one, text = until(arrived, "the application's series")
    assert one.samples[0].value == 4 and one.metadata.type == 1 and text[one.metadata.help_ref] == "Requests"
    all_of_them = series()
    requests, _ = all_of_them["uwsgi_worker_requests_total", (("instance", instance(all_of_them)), ("job", "shop"), ("worker_id", "1"))]
    assert requests.samples[0].value >= 1
    assert 0 < requests.created_timestamp <= requests.samples[0].timestamp
    assert requests.created_timestamp == requests.samples[0].start_timestamp
    native = [one for (name, _), (one, _) in all_of_them.items() if name == "uwsgi_request_duration_seconds"]
    assert sum(one.histograms[0].count_int for one in native) >= 1
    assert all(sum(span.length for span in one.histograms[0].positive_spans) == len(one.histograms[0].positive_deltas)
               for one in native)
    head = sink.requests[-1].headers
    assert head["Content-Type"] == "application/x-protobuf;proto=io.prometheus.write.v2.Request"
    assert (head["Content-Encoding"], head["X-Prometheus-Remote-Write-Version"]) == ("snappy", "2.0.0")
    assert head["Authorization"] == "Bearer t" and head["User-Agent"].startswith("uwsgi/")
    server.wait_log(r"remote-write\] 127.0.0.1:\d+ answered 200 OK without x-prometheus-remote-write-samples-written")


def instance(series) -> str:
    return next(dict(labels)["instance"] for _, labels in series)


def test_victoria_takes_remote_write_and_line_protocol(start, tmp_path):
    with closing(VictoriaMetrics(tmp_path)) as victoria:
        place = f"http://127.0.0.1:{victoria.port}"
        server = start(f"remote-write:{place}/api/v1/write,job=shop", f"influx:{place}/write,host=here,gzip=true")
        server.get("/?1")
        until(lambda: victoria.value('uwsgi_worker_requests_total{job="shop",worker_id="1"}') == 1, "remote write", 30)
        until(lambda: victoria.value('uwsgi_worker_requests{host="here",worker="1"}') == 1, "line protocol", 30)


def test_the_group_of_a_pushgateway_is_replaced_and_forgotten(start, tmp_path):
    with closing(Pushgateway(tmp_path)) as gateway:
        url = f"http://127.0.0.1:{gateway.port}"
        server = start(f"pushgateway:{url},job=batch,instance=a b,group=dir=/tmp")
        server.get("/?1")

        def requests():
            group = gateway.group()
            return group and group["uwsgi_worker_requests_total"]["metrics"][0]["value"]

        until(lambda: requests() == "1", "the page is there")
        labels = gateway.group()["labels"]
        assert labels == {"job": "batch", "instance": "a b", "dir": "/tmp"}
        server.get("/?1")
        server.stop()
        assert requests() == "2", "the last numbers are pushed at the end"
        again = start(f"pushgateway:{url},job=batch,instance=a b,group=dir=/tmp,delete=true")
        until(lambda: requests() == "0", "a new start replaces the group")
        again.stop()
        assert gateway.group() is None


def test_influxdb_has_a_line_for_each_worker(start, tmp_path):
    with closing(InfluxDB(tmp_path, auth=True)) as influx:
        http = f"influx:http://127.0.0.1:{influx.port},db=numbers,user=admin,password=secret,tag=zone=a b\\,c"
        server = start(http, f"influx:udp://127.0.0.1:{influx.udp},host=over=udp", name="counting")
        server.get("/?" + quote("(served.labels('a b').inc(4), took.labels('x').observe(0.25))"))

        def last(query):
            rows = influx.rows(query)
            return rows[-1] if rows else None

        def worker(host):
            return last(f"SELECT requests, rss FROM uwsgi_worker WHERE worker = '1' AND host {host} ORDER BY time")

        until(lambda: (worker("!= 'over=udp'") or {}).get("requests") == 1, "HTTP")
        until(lambda: (worker("= 'over=udp'") or {}).get("requests") == 1, "UDP")
        row = last("SELECT * FROM served_total WHERE \"path\" = 'a b' AND host != 'over=udp'")
        assert (row["value"], row["zone"]) == (4, "a b,c")
        spread = last("SELECT \"_count\", \"_sum\" FROM took_seconds WHERE host != 'over=udp'")
        assert (spread["_count"], spread["_sum"]) == (1, 0.25)


def test_version_two_of_influxdb_is_asked_its_way(start, sink, tmp_path):
    token = tmp_path / "token"
    token.write_text("first\n")
    start(f"influx:http://127.0.0.1:{sink.port},org=o,bucket=b/c,token-file={token},gzip=true")
    request = sink.wait()[0]
    assert request.path == "/api/v2/write?org=o&bucket=b%2Fc&precision=ns"
    assert (request.headers["Authorization"], request.headers["Content-Encoding"]) == ("Token first", "gzip")
    lines = gzip.decompress(request.body).decode().splitlines()
    assert any(line.startswith("uwsgi_worker,host=") and ",worker=1 requests=0i," in line for line in lines)
    assert all(len(line.rsplit(" ", 1)[1]) == 19 for line in lines)
    token.write_text("second\n")
    until(lambda: sink.requests[-1].headers["Authorization"] == "Token second", "a token may change while the server runs")


def test_tls_with_an_authority_of_ones_own(start, tmp_path):
    identity = self_signed(tmp_path)
    with closing(WebSink(identity.context())) as sink:
        url = f"https://localhost:{sink.port}/w"
        server = start(f"remote-write:{url},ca={identity.certificate}", f"pushgateway:{url}")
        sink.wait()
        assert {request.path for request in sink.requests} == {"/w"}
        server.wait_log(r"pushgateway\] SSL peer certificate .* signed by nobody who is trusted")


@pytest.mark.parametrize("status", [503, 400, 301])
def test_a_receiver_that_refuses_costs_no_request_and_is_counted(start, sink, status):
    sink.status = status
    server = start(f"remote-write:http://127.0.0.1:{sink.port}/w")
    labels = {"pusher": "remote-write", "target": f"127.0.0.1:{sink.port}"}
    what = "uwsgi_pusher_retries_total" if status == 503 else "uwsgi_pusher_dropped_total"
    until(lambda: (sample(metrics(server), what, **labels) or 0) >= 2, "it is counted")
    assert all(server.get("/?1").status == 200 for _ in range(20))
    server.wait_log(rf"remote-write\] 127.0.0.1:{sink.port} answered {status} ")
    sink.status = 200
    server.wait_log("works again", timeout=30)
    until(lambda: not sample(metrics(server), "uwsgi_pusher_queued", **labels), "nothing waits any more", 30)
