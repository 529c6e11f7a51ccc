"""Receivers of pushed metrics that we did not write: Prometheus, Pushgateway, InfluxDB, VictoriaMetrics, and the messages that
libraries of others decode."""

import contextlib
import json
import pathlib
import subprocess
import sys
import tempfile
import threading
import urllib.error
import urllib.parse
import urllib.request
from concurrent import futures

import cramjam
import grpc
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2, metrics_service_pb2_grpc

from .receivers import Program
from .server import free_port
from .waiting import until

# The fields of the published message that the tests look at, with their published numbers.
WRITE_TWO = """
syntax = "proto3";
package io.prometheus.write.v2;
message Request { repeated string symbols = 4; repeated TimeSeries timeseries = 5; }
message TimeSeries { repeated uint32 labels_refs = 1; repeated Sample samples = 2; repeated Histogram histograms = 3;
  repeated Exemplar exemplars = 4; Metadata metadata = 5; int64 created_timestamp = 6; }
message Exemplar { repeated uint32 labels_refs = 1; double value = 2; int64 timestamp = 3; }
message Sample { double value = 1; int64 timestamp = 2; int64 start_timestamp = 3; }
message Metadata { uint32 type = 1; uint32 help_ref = 3; uint32 unit_ref = 4; }
message Span { sint32 offset = 1; uint32 length = 2; }
message Histogram { uint64 count_int = 1; double sum = 3; sint32 schema = 4; double zero_threshold = 5; uint64 zero_count_int = 6;
  repeated Span positive_spans = 11; repeated sint64 positive_deltas = 12; int64 timestamp = 15; int64 start_timestamp = 17; }
"""


class Web(Program):
    """A program that answers over HTTP at a port of its own."""

    def __init__(self, arguments, home: pathlib.Path, ready: str, port: int):
        self.port = port
        super().__init__(arguments, home / f"{pathlib.Path(arguments[0]).name}.log")
        until(lambda: self.answers(ready), f"{arguments[0]} to be ready:\n{self.text()}", 30)

    def get(self, path: str, **query) -> str:
        url = f"http://127.0.0.1:{self.port}{path}"
        with urllib.request.urlopen(f"{url}?{urllib.parse.urlencode(query)}" if query else url, timeout=5) as answer:
            return answer.read().decode()

    def answers(self, path: str) -> bool:
        try:
            self.get(path)
        except (OSError, urllib.error.URLError):
            return False
        return True


class Prometheus(Web):
    """One that scrapes nobody and takes what is written to it."""

    def __init__(self, home: pathlib.Path, port: int | None = None):
        port = port or free_port()
        (home / "empty.yml").write_text("global: {scrape_interval: 1m}\n")
        super().__init__(["prometheus", f"--config.file={home}/empty.yml", f"--storage.tsdb.path={home}/tsdb",
                          f"--web.listen-address=127.0.0.1:{port}", "--web.enable-remote-write-receiver",
                          "--enable-feature=native-histograms,exemplar-storage"], home, "/-/ready", port)

    def query(self, expression: str) -> list[dict]:
        return json.loads(self.get("/api/v1/query", query=expression))["data"]["result"]

    def value(self, expression: str) -> float | None:
        found = self.query(expression)
        return float(found[0]["value"][1]) if found else None


class Pushgateway(Web):
    def __init__(self, home: pathlib.Path):
        port = free_port()
        super().__init__(["prometheus-pushgateway", f"--web.listen-address=127.0.0.1:{port}"], home, "/-/ready", port)

    def group(self) -> dict | None:
        """The metrics of the only group there is."""
        groups = json.loads(self.get("/api/v1/metrics"))["data"]
        return groups[0] if groups else None


INFLUX = """
reporting-disabled = true
bind-address = "127.0.0.1:{rpc}"
[meta]
  dir = "{home}/meta"
[data]
  dir = "{home}/data"
  wal-dir = "{home}/wal"
[http]
  bind-address = "127.0.0.1:{port}"
  auth-enabled = {auth}
[[udp]]
  enabled = true
  bind-address = "127.0.0.1:{udp}"
  database = "numbers"
  batch-timeout = "100ms"
"""


class InfluxDB(Web):
    def __init__(self, home: pathlib.Path, auth: bool = False):
        port, self.udp = free_port(), free_port()
        config = home / "influxdb.conf"
        config.write_text(INFLUX.format(home=home, port=port, udp=self.udp, rpc=free_port(), auth=str(auth).lower()))
        super().__init__(["influxd", "-config", config], home, "/ping", port)
        self.login = {}
        if auth:
            self.command("CREATE USER admin WITH PASSWORD 'secret' WITH ALL PRIVILEGES")
            self.login = {"u": "admin", "p": "secret"}
        self.command("CREATE DATABASE numbers")

    def command(self, text: str):
        url = f"http://127.0.0.1:{self.port}/query?{urllib.parse.urlencode(self.login)}"
        with urllib.request.urlopen(url, urllib.parse.urlencode({"q": text}).encode(), timeout=5) as answer:
            return json.load(answer)

    def rows(self, text: str) -> list[dict]:
        """The points of the only series of an answer."""
        answer = json.loads(self.get("/query", db="numbers", q=text, **self.login))["results"][0]
        series = answer.get("series", [{"columns": [], "values": []}])[0]
        return [dict(zip(series["columns"], values, strict=True)) for values in series["values"]]


class VictoriaMetrics(Web):
    def __init__(self, home: pathlib.Path):
        port = free_port()
        super().__init__(["victoria-metrics", f"-storageDataPath={home}/victoria", f"-httpListenAddr=127.0.0.1:{port}",
                          "-search.latencyOffset=0s"], home, "/health", port)

    def value(self, expression: str) -> float | None:
        found = json.loads(self.get("/api/v1/query", query=expression))["data"]["result"]
        return float(found[0]["value"][1]) if found else None


def write_two():
    """The class of version 2.0's message, compiled here."""
    with tempfile.TemporaryDirectory() as home:
        (pathlib.Path(home) / "uwsgi_write_two.proto").write_text(WRITE_TWO)
        subprocess.run([sys.executable, "-m", "grpc_tools.protoc", f"-I{home}", f"--python_out={home}", "uwsgi_write_two.proto"],
                       check=True, capture_output=True)
        sys.path.insert(0, home)
        try:
            import uwsgi_write_two_pb2
        finally:
            sys.path.remove(home)
    return uwsgi_write_two_pb2.Request


def unsnappy(body: bytes) -> bytes:
    return bytes(cramjam.snappy.decompress_raw(body))


def points(request) -> dict:
    """Metrics of an OTLP request by name: the metric, and its points by their attributes."""
    found = {}
    for metric in request.resource_metrics[0].scope_metrics[0].metrics:
        data = getattr(metric, metric.WhichOneof("data"))
        found[metric.name] = (metric, {attributes(point.attributes): point for point in data.data_points})
    return found


def attributes(pairs) -> tuple:
    return tuple(sorted((pair.key, getattr(pair.value, pair.value.WhichOneof("value"))) for pair in pairs))


class OtlpServer(metrics_service_pb2_grpc.MetricsServiceServicer):
    """A server of gRPC by grpcio. `refuse` are statuses for the next calls; `partial` goes into every answer."""

    def __init__(self):
        self.requests, self.metadata = [], []
        self.refuse: list[grpc.StatusCode] = []
        self.partial = (0, "")
        self.arrived = threading.Event()
        self.server = grpc.server(futures.ThreadPoolExecutor(2))
        metrics_service_pb2_grpc.add_MetricsServiceServicer_to_server(self, self.server)
        self.port = self.server.add_insecure_port("127.0.0.1:0")
        self.server.start()

    def Export(self, request, context):
        if self.refuse:
            context.abort(self.refuse.pop(0), "not now")
        self.metadata.append(dict(context.invocation_metadata()))
        self.requests.append(request)
        rejected, why = self.partial
        partial = metrics_service_pb2.ExportMetricsPartialSuccess(rejected_data_points=rejected, error_message=why)
        return metrics_service_pb2.ExportMetricsServiceResponse(partial_success=partial)

    def close(self):
        self.server.stop(0).wait()


@contextlib.contextmanager
def closing(thing):
    try:
        yield thing
    finally:
        thing.close()
