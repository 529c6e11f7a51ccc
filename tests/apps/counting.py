"""Metrics of the module `uwsgi_metrics`, and the expression of the query string with them in reach."""
import threading
import timeit
from urllib.parse import unquote

import uwsgi
import uwsgi_metrics as um

served = um.Counter("served_total", "Requests", ["path"])
plain = um.Counter("plain", "A counter")
level = um.Gauge("level", "A gauge", unit="bytes")
mine = um.Gauge("mine", "One for each worker", per_worker=True)
most = um.Gauge("most", "The largest", mode="max")
running = um.Gauge("running", "In progress", mode="livesum")
size = um.Histogram("size", "Sizes", buckets=(1, 2, 5))
took = um.Timer("took", "Durations", ["what"])


@took.labels("work").time()
@running.track_inprogress()
def work(*args):
    return (running.value, *args)


def threads(function, count=4):
    """Runs `function` in several threads at once."""
    all_of_them = [threading.Thread(target=function) for _ in range(count)]
    for thread in all_of_them:
        thread.start()
    for thread in all_of_them:
        thread.join()


def net(statement, number=200000):
    """Nanoseconds for a statement, without those of the loop around it."""
    def best(what):
        return min(timeit.repeat(what, number=number, repeat=5, globals=globals()))
    return (best(statement) - best("pass")) / number * 1e9


def application(environ, start_response):
    query = unquote(environ.get("QUERY_STRING", ""))
    start_response("200 OK", [("Content-Type", "text/plain")])
    if not query:
        served.labels(environ["PATH_INFO"]).inc()
        size.observe(len(environ["PATH_INFO"]))
        return [b"%d" % uwsgi.worker_id()]
    try:
        return [repr(eval(query)).encode()]
    except Exception as exc:
        return [("%s: %s" % (type(exc).__name__, exc)).encode()]
