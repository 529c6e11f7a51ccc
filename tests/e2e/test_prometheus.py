"""The Prometheus endpoint: formats, native histograms, examples, filters, TLS, credentials, and what is no request."""

import base64
import contextlib
import gzip
import re
import shutil
import ssl
import subprocess

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as classic

from harness import metric_families, paths, wire
from harness.prometheus import prometheus
from harness.receivers import self_signed
from harness.server import free_port
from harness.waiting import until

pytestmark = pytest.mark.ours
OPEN = "application/openmetrics-text; version=1.0.0"
PROTOBUF = "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
SAMPLED = {"traceparent": f"00-{TRACE}-{SPAN}-01"}
DURATION = "uwsgi_request_duration_seconds"


@pytest.fixture
def site(uwsgi, app):
    """`site(*options)`: two workers behind the endpoint at `server.endpoint`."""
    def started(*options, address=None):
        endpoint = address or free_port()
        server = uwsgi("--http-socket", "127.0.0.1:0", "-M", "-p", "2", "--wsgi-file", app("wires"), "--prometheus",
                       endpoint if address else f"127.0.0.1:{endpoint}", *options)
        server.endpoint = endpoint
        return server
    return started


def page(server, query="", path="/metrics", accept="", **headers) -> wire.Response:
    fields = {name.replace("_", "-"): value for name, value in headers.items()} | ({"Accept": accept} if accept else {})
    return wire.http(server.endpoint, path + query, headers=fields)


def text(server, *args, **kw) -> str:
    answer = page(server, *args, **kw)
    assert answer.status == 200, answer
    return answer.body.decode()


def served(server, count: int, **kw) -> None:
    """Waits until so many requests are accounted for: an answer is sent a moment before its request is closed."""
    def closed():
        lines = re.findall(rf"^{DURATION}_count(?:{{.*}})? (\d+)$", text(server, **kw), re.M)
        return sum(map(int, lines)) >= count
    until(closed, f"{count} requests to be closed")


def test_every_format_tells_the_same(site):
    server = site("--prometheus-cores")
    for path in ["/length"] * 3 + ["/missing"]:
        server.get(path)
    served(server, 4)
    wanted = "uwsgi_worker_requests_total"
    answer = page(server, accept=PROTOBUF)
    assert answer.header("Content-Type") == PROTOBUF

    def all_formats():
        plain = {f.name: f for f in classic(text(server))}
        opened = {f.name: f for f in openmetrics(text(server, accept=OPEN))}
        packed = metric_families.families(page(server, accept=PROTOBUF).body)
        # Counters are named without their suffix by the text parsers; all else is called the same everywhere.
        names = {name.removesuffix("_total") for name in packed}
        return (plain, opened, packed) if {name.removesuffix("_total") for name in plain} == names == set(opened) else None
    # What the observer measures joins in the first second.
    plain, opened, packed = until(all_formats, "the same families in all formats")
    assert sum(s.value for s in plain["uwsgi_worker_requests"].samples) == 4
    assert sum(s.value for s in opened["uwsgi_worker_requests"].samples) == 4
    assert sum(m.counter.value for m in packed[wanted].metric) == 4
    assert packed[wanted].metric[0].counter.created_timestamp.seconds > 1_700_000_000
    kinds = {0: "counter", 1: "gauge", 2: "summary", 4: "histogram"}
    for name, family in packed.items():
        assert plain[name.removesuffix("_total")].type == kinds[family.type], name
    states = {(metric_families.labels(m)["worker_id"], metric_families.labels(m)["state"]): m.gauge.value
              for m in packed["uwsgi_worker_status"].metric}
    assert states[("1", "idle")] == 1 and states[("1", "busy")] == 0
    check = subprocess.run(["promtool", "check", "metrics"], input=page(server).body, capture_output=True, timeout=30, check=False)
    complaints = {line.split()[0] for line in (check.stdout + check.stderr).decode().splitlines()}
    assert complaints <= {"uwsgi_worker_harakiri_count_total", "uwsgi_worker_respawn_count_total", "uwsgi_listen_queue_errors"}


def test_requests_are_told_apart_by_app_method_and_code(site):
    server = site()
    for method, path in [("GET", "/length"), ("GET", "/length"), ("GET", "/missing"), ("PROPFIND", "/length"), ("POST", "/length")]:
        wire.http(server.address(), path, method, body=b"x" * 100 if method == "POST" else b"")
    served(server, 5)
    family = {f.name: f for f in classic(text(server))}[DURATION]
    counts = {(s.labels["app"], s.labels["method"], s.labels["code"]): s.value for s in family.samples if s.name.endswith("_count")}
    assert counts == {("/", "GET", "2xx"): 2, ("/", "GET", "4xx"): 1, ("/", "_OTHER", "2xx"): 1, ("/", "POST", "2xx"): 1}
    sizes = {s.name: s.value for f in classic(text(server)) if f.name.endswith("_body_bytes") for s in f.samples}
    assert sizes["uwsgi_request_body_bytes_count"] == sizes["uwsgi_response_body_bytes_count"] == 5
    assert sizes["uwsgi_response_body_bytes_sum"] > 0


def test_options_of_the_page(site, app):
    server = site("--prometheus-path", "/numbers", "--prometheus-stats-uri", "tcp://here:1", "--metrics-buckets", "0.5, 30",
                  "--prometheus-exact-codes", "--prometheus-created")
    server.get("/length")
    server.get("/missing")
    assert page(server).status == 404
    served(server, 2, path="/numbers")
    document = text(server, path="/numbers", accept=OPEN)
    lines = [line for line in document.splitlines() if line.startswith(f"{DURATION}_bucket")]
    uri = 'stats_uri="tcp://here:1",app="/",method="GET"'
    assert [line.rsplit(" ", 1)[0] for line in lines] == [
        f'{DURATION}_bucket{{{uri},code="{code}",le="{le}"}}' for code in ("200", "404") for le in ("0.5", "30.0", "+Inf")]
    created = {s.name for f in openmetrics(document) for s in f.samples if s.name.endswith("_created")}
    assert {"uwsgi_worker_requests_created", f"{DURATION}_created"} <= created
    info = next(line for line in document.splitlines() if line.startswith("uwsgi_build_info{"))
    assert re.search(r'version="2\.\d[^"]*",rustc="\d+\.\d+\.\d+",features="tls"', info), info


def test_the_examples_of_the_guide_are_configurations():
    """Each is checked; what they name on the machine of the reader (files) is not looked at by a check."""
    examples = re.findall(r"```ini\n(.*?)```", (paths.REPO / "docs/prometheus.md").read_text(), re.S)
    assert len(examples) == 2
    for example in examples:
        done = subprocess.run([paths.OURS, "--ini", "-", "--check"], input=example.encode(), capture_output=True, timeout=30, check=False)
        assert done.returncode == 0, (example, done.stdout + done.stderr)


def test_a_check_sees_what_no_file_is_needed_for():
    """The secret is shown neither in what it says nor in what it quotes."""
    for said in ["basic:secret", "bearer:", "digest:secret", "basic:@"]:
        done = subprocess.run([paths.OURS, "--http-socket", ":0", "--prometheus", ":0", "--prometheus-auth", said, "--check"], timeout=30,
                              capture_output=True, check=False)
        told = (done.stdout + done.stderr).decode()
        assert done.returncode == 1 and "basic:USER:PASSWORD, bearer:TOKEN" in told and "secret" not in told, told
    done = subprocess.run([paths.OURS, "--http-socket", ":0", "--prometheus", ":0", "--prometheus-auth", "bearer:@/nonexistent", "--check"],
                          timeout=30, capture_output=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("options, complaint", [
    (["--metrics-buckets", "1,0.5"], 'invalid value for option "metrics-buckets": 1,0.5'),
    (["--prometheus-path", "metrics"], 'invalid value for option "prometheus-path": metrics'),
    (["--prometheus-allow", "10.0.0.0/99"], 'invalid value for option "prometheus-allow": 10.0.0.0/99'),
    (["--prometheus-tls", "only-one.pem"], 'option "prometheus-tls": two or three files are needed'),
    (["--prometheus-tls", "/nonexistent.crt,/nonexistent.key"], "unable to read the key /nonexistent.key"),
    (["--prometheus-path", "/readyz"], 'option "prometheus-path": /readyz answers how the instance does'),
    (["--prometheus-auth", "digest:secret"], 'option "prometheus-auth": basic:USER:PASSWORD, bearer:TOKEN, or @FILE'),
])
def test_what_cannot_be_meant_ends_the_start(options, complaint, tmp_path):
    done = subprocess.run([paths.OURS, "--http-socket", "127.0.0.1:0", "-M", "--prometheus", "127.0.0.1:0", *options], timeout=30,
                          capture_output=True, check=False)
    said = (done.stdout + done.stderr).decode()
    assert done.returncode == 1 and complaint in said, said
    assert "secret" not in said


def test_what_clients_make_up_does_not_make_series_without_bound(site, uwsgi, tmp_path):
    """Of an application that makes a label of what clients send, the first label sets are shown, and the rest together."""
    program = tmp_path / "labels.py"
    program.write_text("import uwsgi_metrics\nhits = uwsgi_metrics.Counter('hits', 'Hits.', labels=['path'])\n"
                       "def application(environ, start_response):\n    hits.labels(environ['PATH_INFO']).inc()\n"
                       "    start_response('200 OK', [])\n    return [b'']\n")
    endpoint = free_port()
    server = uwsgi("--http-socket", "127.0.0.1:0", "-M", "--wsgi-file", program, "--prometheus", f"127.0.0.1:{endpoint}",
                   "--prometheus-label-limit", "3")
    server.endpoint = endpoint
    for number in range(10):
        server.get(f"/{number}")
    assert re.findall(r'^hits_total{path="(.*)"} (\d+)$', text(server), re.M) == [("/0", "1"), ("/1", "1"), ("/2", "1"), ("__overflow__", "7")]


def test_only_what_is_asked_for_is_answered(site):
    server = site()
    server.get("/length")
    document = text(server, "?name[]=uwsgi_workers&name%5B%5D=uwsgi_worker_requests_total")
    assert {f.name for f in classic(document)} == {"uwsgi_workers", "uwsgi_worker_requests"}
    assert {f.name for f in classic(text(server, f"?name[]={DURATION}_bucket"))} == {DURATION}
    assert text(server, "?name[]=nothing", accept=OPEN) == "# EOF\n"


def test_pages_are_packed_for_who_takes_them(site):
    server = site()
    answer = page(server, Accept_Encoding="deflate, gzip;q=0.9")
    assert answer.header("Content-Encoding") == "gzip"
    document = gzip.decompress(answer.body).decode()
    assert {"uwsgi_workers", DURATION, "uwsgi_build_info"} <= {f.name for f in classic(document)} and len(answer.body) < len(document) / 3
    assert page(server, Accept_Encoding="gzip;q=0").header("Content-Encoding") is None
    assert wire.http(server.endpoint, "/metrics", "HEAD").body == b""


def test_native_histograms_hold_every_request(site):
    server = site()
    for _ in range(20):
        server.get("/length")
    server.get("/slow")
    served(server, 21)
    families = metric_families.families(page(server, f"?name[]={DURATION}", accept=PROTOBUF).body)
    assert set(families) == {DURATION}
    histograms = [metric.histogram for metric in families[DURATION].metric]
    assert sum(h.sample_count for h in histograms) == 21
    for histogram in histograms:
        assert histogram.schema == 3 and 0 < histogram.zero_threshold < 1e-37
        counts, index, level = {}, 0, 0
        deltas = iter(histogram.positive_delta)
        for span in histogram.positive_span:
            index += span.offset
            for _ in range(span.length):
                level += next(deltas)
                counts[index] = level
                index += 1
        assert list(deltas) == [] and all(count >= 0 for count in counts.values())
        assert histogram.zero_count + sum(counts.values()) == histogram.sample_count == histogram.bucket[-1].cumulative_count
        middle = sum(2 ** ((index - 0.5) / 8) * count for index, count in counts.items())
        assert abs(middle - histogram.sample_sum) <= 0.06 * histogram.sample_sum + 1e-4


def test_a_traced_request_is_an_example_of_its_bucket(site):
    server = site()
    server.get("/length")
    served(server, 1)
    assert " # {" not in text(server, accept=OPEN)
    server.get("/length", headers={"traceparent": SAMPLED["traceparent"][:-1] + "0"})
    server.get("/length", headers={"traceparent": "00-nonsense-01"})
    served(server, 3)
    assert " # {" not in text(server, accept=OPEN), "it was not sampled"
    server.get("/length", headers=SAMPLED)
    until(lambda: " # {" in text(server, accept=OPEN), "the example")
    bucket = [s for f in openmetrics(text(server, accept=OPEN)) if f.name == DURATION for s in f.samples if s.exemplar]
    assert [s.exemplar.labels for s in bucket] == [{"trace_id": TRACE, "span_id": SPAN}]
    assert bucket[0].exemplar.value <= float(bucket[0].labels["le"])
    assert " # {" not in text(server), "plain text has no examples"
    metric = metric_families.families(page(server, accept=PROTOBUF).body)[DURATION].metric[0]
    examples = [b.exemplar for b in metric.histogram.bucket if b.HasField("exemplar")]
    assert [metric_families.labels(e) for e in examples] == [{"trace_id": TRACE, "span_id": SPAN}]


def test_time_in_front_of_the_server_is_measured_by_its_stamp(site):
    server = site()
    assert "uwsgi_request_queue_seconds" not in text(server)
    server.get("/length", headers={"X-Request-Start": "t=1000000000.0"})
    served(server, 1)
    assert "uwsgi_request_queue_seconds" not in text(server), "a stamp of another age is a mistake"
    server.get("/length", headers={"X-Request-Start": "t=9000000000.0"})
    until(lambda: "uwsgi_request_queue_seconds_count 1\n" in text(server), "the stamp to be read")


def test_connections_are_kept_and_requests_ahead_are_answered_in_order(site):
    server = site()
    until(lambda: wire.http(server.endpoint, "/readyz").status == 200, "a server that is ready")
    with contextlib.closing(wire.connect(server.endpoint)) as stream:
        reader = wire.Reader(stream)
        ahead = [wire.request_bytes(path=path, headers={"Host": "a"}) for path in ("/healthz", "/nothing", "/metrics", "/readyz")]
        stream.sendall(b"".join(ahead))
        assert [reader.response().status for _ in ahead] == [200, 404, 200, 200]
        whole = wire.request_bytes("POST", "/metrics", {"Host": "a", "Content-Length": "5"}, b"hello")
        for byte in whole:
            stream.sendall(bytes([byte]))
        refused = reader.response()
        assert (refused.status, refused.header("Allow")) == (405, "GET, HEAD")
        stream.sendall(wire.request_bytes(path="/-/healthy", headers={"Host": "a", "Connection": "close"}))
        assert (reader.response().body, wire.read_all(stream)) == (b"ok\n", b"")


@pytest.mark.parametrize("request_, status", [
    (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
    (b"GET /metrics HTTP/1.1\r\n\r\n", 400),
    (b"GET /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999\r\n\r\n", 413),
    (b"GET /" + b"x" * 9000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414),
    (b"GET /metrics HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 20000 + b"\r\n\r\n", 431),
    (b"GET /metrics HTTP/1.1\r\nHo", 408),
])
def test_what_is_no_request_is_told_so_and_closed(site, request_, status):
    server = site("--socket-timeout", "1")
    answer = wire.raw(server.endpoint, request_)
    assert answer.startswith(b"HTTP/1.1 %d " % status), answer[:200]
    assert 'uwsgi_scrape_refusals_total{reason="request"} 1\n' in text(server)
    server.wait_log("prometheus: 127.0.0.1 was refused: its request is malformed or too large")


def test_a_unix_socket_and_a_reload(site, tmp_path):
    address = str(tmp_path / "metrics.sock")
    server = site("--vacuum", "--prometheus-allow", "192.0.2.0/24", address=address)
    server.get("/length")
    served(server, 1)
    mark = server.mark()
    with contextlib.closing(wire.connect(address)) as kept:
        kept.sendall(wire.request_bytes(path="/healthz", headers={"Host": "a"}))
        assert wire.Reader(kept).response().status == 200
        server.send(1)
        server.wait_log("your server socket listen backlog|spawned uWSGI worker 2", after=mark)
        # The listener went over: who connects in between waits and is answered.
        document = text(server)
    assert "uwsgi_reloads_total 1\n" in document and 'method="GET",code="2xx"} 1\n' in document
    server.stop()
    assert not (tmp_path / "metrics.sock").exists()


def test_strangers_are_refused_and_counted(site):
    server = site("--prometheus-allow", "192.0.2.0/24, 2001:db8::/32", "--stats", f"127.0.0.1:{free_port()}", "--stats-http")
    for _ in range(3):
        assert wire.raw(server.endpoint, wire.request_bytes(path="/metrics")) == b""
    stats = wire.http(server.stats_address(), "/metrics").body.decode()
    assert 'uwsgi_scrape_refusals_total{reason="address"} 3\n' in stats
    server.wait_log("prometheus: 127.0.0.1 was refused: its address is not allowed")
    assert server.log().count("was refused") == 1, "one line for all of them"


def test_the_page_wants_the_right_words(site, tmp_path):
    (tmp_path / "tokens").write_text("# scrapers\nfirst-token\n\nsecond-token\n")
    server = site("--prometheus-auth", "basic:ada:s3:cret", "--prometheus-auth", f"bearer:@{tmp_path}/tokens")
    basic = "Basic " + base64.b64encode(b"ada:s3:cret").decode()
    cases = [(basic, 200), ("Bearer second-token", 200), ("Bearer third-token", 401), ("Basic AAAA", 401), (None, 401)]
    for said, status in cases:
        answer = page(server, **({"Authorization": said} if said else {}))
        assert answer.status == status, said
        assert (answer.header("WWW-Authenticate") is None) == (status == 200)
        assert b"uwsgi_" not in answer.body or status == 200
    assert page(server, path="/readyz").status == 200, "who watches has no secrets"
    document = page(server, Authorization=basic).body.decode()
    assert 'uwsgi_scrape_refusals_total{reason="credentials"} 3\n' in document
    assert "s3:cret" not in server.log() and "token" not in server.log().replace(str(tmp_path), "")


@pytest.fixture
def authority(tmp_path):
    """A certificate authority with one client: paths of its certificate, and of the client's certificate and key."""
    def run(*args):
        subprocess.run(["openssl", *args], check=True, capture_output=True, cwd=tmp_path)
    new_key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    run("req", "-x509", *new_key, "-days", "2", "-subj", "/CN=authority", "-keyout", "ca.key", "-out", "ca.crt")
    run("req", *new_key, "-subj", "/CN=scraper", "-addext", "extendedKeyUsage=clientAuth", "-keyout", "client.key", "-out", "client.csr")
    run("x509", "-req", "-in", "client.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-copy_extensions", "copy",
        "-days", "2", "-out", "client.crt")
    return tmp_path / "ca.crt", tmp_path / "client.crt", tmp_path / "client.key"


def over_tls(server, context) -> bytes:
    with contextlib.closing(wire.connect(server.endpoint)) as plain, context.wrap_socket(plain, server_hostname="localhost") as stream:
        stream.sendall(wire.request_bytes(path="/healthz", headers={"Connection": "close", "Host": "a"}))
        return wire.read_all(stream)


def test_over_tls_a_client_may_have_to_show_a_certificate(site, tmp_path, authority):
    identity = self_signed(tmp_path)
    authority_, client, key = authority
    server = site("--prometheus-tls", f"{identity.certificate},{identity.key},{authority_}", "--stats", f"127.0.0.1:{free_port()}", "--stats-http")
    context = ssl.create_default_context(cafile=identity.certificate)
    with pytest.raises((ssl.SSLError, ConnectionResetError, AssertionError)):
        assert over_tls(server, context), "closed without an answer"
    assert not wire.raw(server.endpoint, wire.request_bytes(path="/metrics")).startswith(b"HTTP"), "nothing in the clear"
    context.load_cert_chain(client, key)
    assert over_tls(server, context).startswith(b"HTTP/1.1 200 OK\r\n")
    document = wire.http(server.stats_address(), "/metrics").body.decode()
    assert 'uwsgi_scrape_refusals_total{reason="tls"} 2\n' in document


def test_a_real_prometheus_over_tls_with_native_histograms_and_examples(site, tmp_path, authority):
    identity = self_signed(tmp_path)
    authority_, client, key = authority
    server = site("--prometheus-tls", f"{identity.certificate},{identity.key},{authority_}", "--prometheus-auth", "bearer:let-me-in")
    job = ("scheme: https\nauthorization: {type: Bearer, credentials: let-me-in}\n"
           f"tls_config: {{ca_file: {identity.certificate}, cert_file: {client}, key_file: {key}, server_name: localhost}}\n")
    assert shutil.which("promtool")
    for _ in range(50):
        server.get("/length")
    with prometheus(server.endpoint, tmp_path, job=job, features="native-histograms,exemplar-storage") as ask:
        until(lambda: ask("up") == "1", "the target is up", 40)
        server.get("/length", headers=SAMPLED)
        query = f"histogram_count(sum({DURATION}))"
        until(lambda: ask(query) == "51", "51 requests in a native histogram", 30)
        median = float(ask(f"histogram_quantile(0.5, sum({DURATION}))"))
        assert 0 < median < 1, median
        assert ask('uwsgi_build_info{features="tls"}') == "1"

        def traced():
            # Native histograms have the name of the family, classic buckets one of their own.
            all_time = {"start": "2001-01-01T00:00:00Z", "end": "2199-01-01T00:00:00Z"}
            found = [ask.get("query_exemplars", query=name, **all_time)["data"] for name in (DURATION, f"{DURATION}_bucket")]
            return [e["labels"]["trace_id"] for one in found for series in one for e in series["exemplars"]]
        assert until(traced, "the example is stored", 20)[0] == TRACE
    document = (tmp_path / "prometheus.log").read_text()
    assert "append failed" not in document and "Error on ingesting" not in document, document
