"""A Flask application that counts with prometheus_client, as it would without this server."""
import prometheus_client as client
import uwsgi
from flask import Flask, request
from prometheus_client import multiprocess

app = Flask(__name__)
served = client.Counter("served_total", "Requests", ["path"])
size = client.Histogram("size", "Sizes", ["kind"], buckets=(1, 2, 5))
took = client.Summary("took_seconds", "Durations")
build = client.Info("build", "What runs")
build.info({"version": "1.2", "host": "here"})
state = client.Enum("state", "What it does", states=["idle", "busy"])
by_function = client.Gauge("by_function", "Computed")
by_function.set_function(lambda: 42)
MODES = sorted(client.Gauge._MULTIPROC_MODES)
gauges = {mode: client.Gauge(f"gauge_{mode}", "Levels", multiprocess_mode=mode) for mode in MODES}
NAMES = ("served", "size", "took", "build", "state", "by_function", "gauge_")


def own(text):
    """The samples of this application, without times of creation."""
    lines = text.decode().splitlines()
    return "\n".join(sorted(line for line in lines if line.startswith(NAMES) and "_created" not in line))


@app.get("/count")
def count():
    served.labels(request.path).inc()
    size.labels(kind="a").observe(1.5)
    took.observe(0.5)
    return ""


@app.get("/set")
def put():
    for gauge in gauges.values():
        gauge.set(10 * uwsgi.worker_id())
    state.state("busy")
    sum(range(200000))
    return str(uwsgi.worker_id())


@app.get("/remove")
def remove():
    served.remove("/count")
    size.clear()
    return ""


@app.get("/clear")
def clear():
    served.clear()
    return str(uwsgi.worker_id())


@app.get("/odd")
def odd():
    served.labels("half \udc80").inc()
    return ""


@app.get("/metrics")
def metrics():
    return own(client.generate_latest())


@app.get("/collected")
def collected():
    registry = client.CollectorRegistry()
    multiprocess.MultiProcessCollector(registry)
    return own(client.generate_latest(registry))
