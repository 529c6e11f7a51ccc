"""carbon: lines, order, names and values to a server of ours, and what the log says of one that is not there."""

import re

from harness.graphite import LineSink
from harness.server import free_port

from .box import AUTO
from .scenarios import scenario

MEASURED = re.compile(r"(\.(?:rss_size|vsz_size|busyness|running_time|total_running_time)) \d+|(\.(?:avg_rt|avg_response_time)) [1-9]\d*")


def lines(push) -> str:
    """A push without its time, its port and what is measured."""
    text = re.sub(r" \d+$", " TIME", push.text, flags=re.M)
    text = re.sub(r"127_0_0_1:\d+", "127_0_0_1:PORT", text)
    return MEASURED.sub(lambda found: f"{found[1] or found[2]} N", text)


def served(push) -> int:
    """Requests of all workers: the first line, or a metric of its own."""
    found = push.lines()
    return next((value for path, value, _ in found if path.endswith("worker.0.requests")), found[0][1])


def pushed(box, *options, requests=2, shown=("first", "served", "end")):
    """The pushes of the start, after some requests, and of the end."""
    sink = LineSink()
    try:
        server = box.serve("--http-socket", AUTO, "-M", "--carbon", f"127.0.0.1:{sink.port}", *options, "--wsgi-file", box.app("probe"))
        pushes = {"first": sink.wait()}
        for number in range(requests):
            box.get(server, f"/?{number}")
        pushes["served"] = sink.wait(what=lambda push: served(push) == requests)
        box.stop(server, only="carbon")
    finally:
        sink.close()
    pushes["end"] = sink.pushes[-1]
    for name in shown:
        box.note(name, lines(pushes[name]))


@scenario
def carbon_classic(box):
    pushed(box, "--carbon-freq", "1", "--memory-report")
    pushed(box, "--carbon-freq", "1", "-p", "3", requests=0)


@scenario
def carbon_classic_named(box):
    pushed(box, "--carbon-freq", "1", "--carbon-root", "a.b", "--carbon-id", "my.id", "--carbon-no-workers")


@scenario
def carbon_without_root(box):
    pushed(box, "--carbon-freq", "1", "--carbon-root", "", "--carbon-id", "_app")


@scenario
def carbon_idle_averages(box):
    for word in ("last", "zero", "none"):
        sink = LineSink()
        try:
            server = box.serve("--http-socket", AUTO, "-M", "--carbon", f"127.0.0.1:{sink.port}", "--carbon-freq", "1", "--carbon-id",
                               "app", "--carbon-idle-avg", word, "--wsgi-file", box.app("probe"))
            pushes = [sink.wait()]
            for count in (1, 2):
                box.get(server, "/?1")
                pushes.append(sink.wait(what=lambda push, count=count: served(push) == count))
            pushes.append(sink.wait(2, what=lambda push: served(push) == 2))
            box.stop(server, only="carbon")
        finally:
            sink.close()
        # The original takes a push that told of no requests for none at all: what follows is idle to it.
        for name, push in zip(("first", "busy", "idle"), [pushes[0], *pushes[2:]], strict=True):
            box.note(f"{word} {name}", lines(push))


@scenario
def carbon_metrics(box):
    pushed(box, "--carbon-freq", "1", "--metrics-no-cores", "--carbon-use-metrics", "--metric", "mym", "--metric",
           "name=rap,initial_value=7,reset_after_push=1", "--enable-metrics", "--carbon-id", "_app",
           shown=("served", "end"))


@scenario
def carbon_unix_socket_name(box):
    """The name of a UNIX socket keeps its slashes."""
    sink = LineSink()
    try:
        server = box.serve("--http-socket", "app.sock", "-M", "--carbon", f"127.0.0.1:{sink.port}", "--wsgi-file", box.app("probe"))
        box.note("first", lines(sink.wait()))
        box.stop(server, only="carbon")
    finally:
        sink.close()


@scenario
def carbon_servers_that_are_none(box):
    dead = free_port()
    server = box.serve("--http-socket", AUTO, "-M", "--carbon", "127.0.0.1", "--carbon", f"127.0.0.1:{dead}", "--carbon-freq", "0",
                       "--carbon-timeout", "0", "--carbon-max-retry", "2", "--carbon-retry-delay", "1", "--wsgi-file", box.app("probe"))
    server.wait_log("maximum number of retries was reached")
    box.stop(server, only="carbon")


@scenario
def carbon_retry_that_works(box):
    port = free_port()
    server = box.serve("--http-socket", AUTO, "-M", "--carbon", f"127.0.0.1:{port}", "--carbon-max-retry", "3",
                       "--carbon-retry-delay", "1", "--carbon-id", "app", "--wsgi-file", box.app("probe"))
    server.wait_log("failed .0., retry in 1s")
    sink = LineSink(("127.0.0.1", port))
    try:
        box.note("late", lines(sink.wait()))
        server.wait_log("retry succeeded")
        box.stop(server, only="carbon")
    finally:
        sink.close()


@scenario
def carbon_names_are_not_looked_up(box):
    sink = LineSink()
    try:
        server = box.serve("--http-socket", AUTO, "-M", "--carbon", f"localhost:{sink.port}", "--wsgi-file", box.app("probe"))
        server.wait_log("Could not connect to carbon")
        box.stop(server, only="carbon.*Could not")
        box.note("connections", sink.connections)
    finally:
        sink.close()


@scenario
def carbon_name_is_looked_up(box):
    sink = LineSink()
    try:
        server = box.serve("--http-socket", AUTO, "-M", "--carbon", f"localhost:{sink.port}", "--carbon-name-resolve", "--carbon-id", "app",
                           "--carbon-hostname-dots", "_", "--wsgi-file", box.app("probe"))
        box.note("first", lines(sink.wait()))
        box.stop(server, only="carbon")
    finally:
        sink.close()


@scenario
def carbon_wrong_idle_average(box):
    assert box.run("--http-socket", AUTO, "-M", "--carbon", "127.0.0.1:1", "--carbon-idle-avg", "nil", show=False) == 1
