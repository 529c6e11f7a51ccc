"""The list of metrics and the shape of the stats for many configurations, and the metrics directory."""

import json
import pathlib
import re

from harness import wire
from harness.waiting import until

from .box import AUTO
from .scenarios import scenario

# Keys the original has; what else there is stands behind them.
CLASSIC = {
    "": "version listen_queue listen_queue_errors signal_queue load pid uid gid cwd daemons locks caches metrics sockets workers spoolers "
        "crons legions".split(),
    "workers": "id pid accepting requests delta_requests exceptions harakiri_count signals signal_queue status rss vsz running_time "
               "last_spawn respawn_count tx avg_rt apps cores".split(),
    "cores": "id requests static_requests routed_requests offloaded_requests write_errors read_errors in_request vars req_info".split(),
    "apps": "id modifier1 mountpoint startup_time requests exceptions chdir".split(),
    "sockets": "name proto queue max_queue shared can_offload".split(),
}


def shape(value, name="", indent="") -> list[str]:
    """Classic keys in order with the type of each value, for every element of a list."""
    if isinstance(value, list):
        return [line for item in value for line in [f"{indent}-", *shape(item, name, indent)] if isinstance(item, dict)]
    if not isinstance(value, dict):
        return []
    known = [key for key in value if name not in CLASSIC or key in CLASSIC[name]]
    assert list(value)[:len(known)] == known, f"a new key before a known one in {name or 'the document'}: {list(value)}"
    return [line for key in known
            for line in [f"{indent}{key}: {type(value[key]).__name__}", *shape(value[key], key, indent + "  ")]]


def stats(server) -> dict:
    return json.loads(wire.raw(server.stats_address(), b""))


def lists(name, *options, values=(), files=None, requests=0, paths=("/length",), log=r"^(added|initialized|memory allocated)"):
    """Register a configuration: list, shape and log must be the same; `values` must be reached on both sides."""
    def run(box):
        for file, text in (files or {}).items():
            box.file(file, text)
        given = [str(o).replace("DIR", str(box.directory)).replace("APP", box.app("wires")) for o in options]
        listen = [] if "--http" in given or "--socket" in given else ["--http-socket", AUTO]
        app = [] if "--no-app" in given else ["--wsgi-file", box.app("wires")]
        given = [o for o in given if o != "--no-app"]
        server = box.serve(*listen, "-M", "--stats", "st.sock", *app, *given)
        server.wait_stats(lambda s: all(w["accepting"] for w in s["workers"]), "workers that accept")
        for number in range(requests):
            wire.raw(server.address(), wire.request_bytes(path=paths[number % len(paths)]))
        wanted = dict(values)
        if wanted:
            until(lambda: {n: stats(server)["metrics"][n]["value"] for n in wanted} == wanted, f"{wanted} of {given}", timeout=8)
        if requests:
            server.quiet()
        document = stats(server)
        for metric, found in document.get("metrics", {}).items():
            box.note("metric", f"{metric} type={found['type']} oid={found['oid']} value={type(found['value']).__name__}")
        for metric, value in wanted.items():
            box.note("value", f"{metric} {value}")
        box.note("stats", "\n".join(shape(document)))
        box.note("locks", [next(iter(lock)) for lock in document["locks"] if "metrics" in lock or "user" in next(iter(lock))])
        box.stop(server, only=log)
    run.__name__ = f"list_{name}"
    scenario(run)


M, ON = "--metric", "--enable-metrics"
lists("plain", ON)
lists("two_sockets", ON, "--http-socket", AUTO, "--http-socket", AUTO)
lists("three_protocols", ON, "--socket", "u.sock", "--http-socket", AUTO, "--uwsgi-socket", AUTO)
lists("threads", ON, "--threads", "3")
lists("processes", ON, "-p", "3")
lists("processes_and_threads", ON, "-p", "3", "--threads", "4")
lists("no_metrics_of_cores", ON, "-p", "2", "--threads", "2", "--metrics-no-cores")
lists("no_cores_in_stats", ON, "--threads", "2", "--stats-no-cores")
lists("no_metrics_in_stats", ON, "--stats-no-metrics", M, "foo")
lists("minified", ON, "--stats-minified", M, "foo")
lists("off")
lists("no_app", ON, "--no-app")
lists("requests", ON, requests=5, values={"worker.0.requests": 5, "worker.1.requests": 5, "worker.1.core.0.requests": 5,
                                          "worker.1.delta_requests": 5, "worker.1.core.0.exceptions": 0, "worker.1.respawns": 1})
lists("exceptions", ON, requests=3, paths=("/exc-before",), values={"worker.1.core.0.exceptions": 3})
lists("manual", M, "foo", M, "bar.baz-1_2", values={"foo": 0})
lists("gauge_with_oid", M, "name=g,type=gauge,oid=100.1,initial_value=-30", values={"g": -30})
lists("all_types", M, "name=a,type=counter", M, "name=b,type=gauge", M, "name=c,type=absolute", M, "name=d,type=alias,alias=a")
lists("sum", "-p", "2", M, "name=s,collector=sum,children=worker.1.requests;worker.2.requests", requests=4, values={"s": 4})
lists("avg", M, "name=a,initial_value=7", M, "name=b", M, "name=c,collector=avg,children=a;b", values={"c": 3})
lists("avg_of_nothing", M, "name=c,collector=avg", values={"c": 0})
lists("avg_below_zero", M, "name=a,initial_value=-7", M, "name=b", M, "name=c,collector=avg,children=a;b", values={"c": -3})
lists("multiplier", M, "name=a,initial_value=7", M, "name=c,collector=multiplier,arg1n=-3,children=a", values={"c": -21})
lists("adder", M, "name=a,initial_value=7", M, "name=c,collector=adder,arg1n=3,children=a,initial_value=100", values={"c": 110})
lists("accumulator_of_nothing", M, "name=c,collector=accumulator", values={"c": 0})
lists("file", M, "name=f,collector=file,arg1=DIR/n", M, "name=g,collector=file,arg1=DIR/n,arg1n=2,initial_value=1",
      files={"n": "12 x -34kB\n"}, values={"f": 12, "g": -33})
lists("file_with_blanks_in_front", M, "name=f,collector=file,arg1=DIR/n", M, "name=g,collector=file,arg1=DIR/n,arg1n=1",
      files={"n": "\t 12\n"}, values={"f": 12, "g": 12})
lists("file_without_fields", M, "name=f,collector=file,arg1=DIR/n", M, "name=g,collector=file,arg1=DIR/m,arg1n=7", M, "name=h,collector=file",
      files={"n": "", "m": "1 2"}, values={"f": 0, "g": 0, "h": 0})
lists("alias", M, "name=m,oid=100.1,initial_value=4", M, "name=a,type=alias,alias=m,oid=5.5", values={"m": 4, "a": 4})
lists("alias_of_a_built_in_metric", M, "name=a,type=alias,alias=worker.1.requests", requests=2, values={"a": 2})
lists("alias_key_without_the_type", M, "name=a,alias=core.total_tx", values={"a": 0})
lists("redefined", M, "a", M, "b", M, "name=a,type=gauge,initial_value=3,oid=1.2", values={"a": 3})
lists("redefined_built_in", M, "name=core.total_tx,type=gauge,oid=9.9", M, "b")
lists("odd_lists", M, r"name=x,name=y,nothing,unknown=1,oid=1\.2,initial_value=5", M, "name=z,type=gauge,=x", values={"y": 5})
lists("freq_and_reset", M, "name=x,freq=7,reset_after_push=1,initial_value=2", values={"x": 2})
lists("directory", ON, "--metrics-dir", "DIR", M, "foo")
lists("restored", "--metrics-dir", "DIR/m", "--metrics-dir-restore", files={"m/worker.1.requests": "55\n"}, requests=3,
      values={"worker.1.requests": 58})


@scenario
def metric_files(box):
    """Collected metrics have the same files with the same content."""
    directory = pathlib.Path(box.file("m/old", "")).parent
    server = box.serve("--http-socket", AUTO, "-M", "--stats", "st.sock", "--metrics-dir", directory, "--wsgi-file", box.app("wires"),
                       M, "name=s,collector=sum,children=worker.1.requests,initial_value=100")
    for _ in range(3):
        wire.raw(server.address(), wire.request_bytes(path="/length"))
    names = ("worker.0.requests", "worker.1.requests", "worker.1.core.0.requests", "worker.1.respawns", "s")
    until(lambda: all((directory / n).read_bytes()[:1].strip(b"\0") for n in names) and (directory / "s").read_bytes()[:3] == b"103", "values")
    for path in sorted(directory.iterdir()):
        content = repr(path.read_bytes().rstrip(b"\0")) if path.name in names else ""
        box.note("file", f"{path.name} {path.stat().st_size} {path.stat().st_mode:o} {content}")
    box.stop(server, "none")


def refused(name, *options):
    """Register a definition that ends the start."""
    def run(box):
        box.run("--http-socket", AUTO, "-M", *options, show=False)
        server = box.serve("--http-socket", AUTO, "-M", *options, ready=False)
        server.wait_exit()
        box.log(server, only=r"^(invalid|unable|you need|metric alias|realpath)")
    run.__name__ = f"refused_{name}"
    scenario(run)


refused("name", M, "a b")
refused("name_in_list", M, "name=a/b")
refused("no_name", M, "type=gauge")
refused("oid", M, "name=a,oid=1.x")
refused("collector", M, "name=a,collector=nope")
refused("child", M, "name=a,collector=sum,children=worker.1.requests;nobody")
refused("child_without_collector", M, "name=a,children=nobody")
refused("later_child", M, "name=a,children=b", M, "b")
refused("alias_to_nothing", M, "name=a,type=alias")
refused("alias_to_nobody", M, "name=a,type=alias,alias=nobody")
refused("directory", "--metrics-dir", "/nonexistent/directory")


@scenario
def metrics_in_the_request_log(box):
    server = box.serve("--http-socket", AUTO, "-M", ON, M, "name=m,initial_value=7", "--log-format", "log %(metric.m) %(metric.nobody)",
                       "--wsgi-file", box.app("wires"))
    wire.raw(server.address(), wire.request_bytes(path="/length"))
    server.wait_log("^log ")
    box.stop(server, only="^log ")
    assert re.search("^log ", server.log(), re.M)
