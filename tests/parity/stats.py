"""The stats document, byte for byte where possible."""

import json
import re

from harness import wire

from .box import AUTO
from .metric_lists import shape
from .scenarios import scenario


def instance(box, *options):
    return box.serve("--http-socket", AUTO, "-M", "-p", "2", "--threads", "2", "--stats", "st.sock", *options,
                     "--wsgi-file", box.app("wires"))


def document(server) -> bytes:
    server.wait_stats(lambda s: all(w["accepting"] for w in s["workers"]) and s["sockets"][0]["max_queue"], "a settled instance")
    return wire.raw(server.stats_address(), b"GET / HTTP/1.0\r\n\r\n" if "--stats-http" in server.args else b"")


def classic(text: str) -> str:
    """The document without the keys that this server adds at the end of sockets, workers, apps and of the whole."""
    for first in ("accepted", "responses", "harakiri_pending", "gateways", "mules", "started_at"):
        while found := re.search(rf',\s*"{first}":', text):
            text = text[:found.start()] + text[end_of_object(text, found.end()):]
    return text


def end_of_object(text: str, at: int) -> int:
    """Where the brace that closes the object around `at` is, with the blanks before it."""
    depth = 0
    for token in re.finditer(r'"(?:[^"\\]|\\.)*"|\s*([{}\[\]])', text[at:]):
        depth += {"{": 1, "[": 1, "}": -1, "]": -1}.get(token[1], 0)
        if depth < 0:
            return at + token.start()
    raise AssertionError("the document has no end")


@scenario
def stats_key_order(box):
    server = instance(box)
    box.note("stats", "\n".join(shape(json.loads(document(server)))))
    box.stop(server, only="Stats server")


@scenario
def stats_bytes(box):
    server = instance(box)
    text = re.sub(r'"(pid|last_spawn|rss|vsz|fd|startup_time)":\d+', r'"\1":N', classic(document(server).decode()))
    box.note("bytes", text.replace("\t", "\\t"))
    box.note("bytes", repr(text[-4:]))
    box.stop(server, "none")


@scenario
def stats_minified(box):
    server = instance(box, "--stats-minified")
    box.note("bytes", re.sub(r'"(pid|last_spawn|rss|vsz|startup_time)":\d+', r'"\1":N', classic(document(server).decode())).replace(",", ",\n"))
    box.stop(server, "none")


@scenario
def stats_without_cores(box):
    server = instance(box, "--stats-no-cores")
    box.note("stats", "\n".join(shape(json.loads(document(server)))))
    box.stop(server, "none")


@scenario
def stats_metrics(box):
    server = instance(box, "--enable-metrics")
    for name, metric in json.loads(document(server))["metrics"].items():
        box.note("metric", f"{name} type={metric['type']} oid={metric['oid']}")
    box.stop(server, "none")


@scenario
def stats_http_header(box):
    server = instance(box, "--stats-http")
    box.wire("head", document(server).split(b"\r\n\r\n")[0])
    box.stop(server, "none")


@scenario
def stats_after_requests(box):
    server = instance(box)
    for path in ("/length", "/missing", "/exc-before", "/many?n=10", "/length"):
        wire.raw(server.address(), wire.request_bytes(path=path))
    server.quiet()
    found = server.wait_stats(lambda s: sum(w["requests"] for w in s["workers"]) == 5, "5 requests")
    for key in ("requests", "exceptions", "tx", "harakiri_count", "signals", "respawn_count"):
        box.note("sum", f"{key} {sum(w[key] for w in found['workers'])}")
    for key in ("requests", "write_errors", "read_errors", "static_requests", "routed_requests", "offloaded_requests", "in_request"):
        box.note("sum", f"cores {key} {sum(c[key] for w in found['workers'] for c in w['cores'])}")
    box.note("sum", f"apps {sum(a['requests'] for w in found['workers'] for a in w['apps'])}")
    box.stop(server, "none")


@scenario
def connect_and_read(box):
    server = instance(box, "--stats-minified", "--stats-no-cores")
    document(server)
    box.run("--connect-and-read", str(box.directory / "st.sock"), show=False)
    box.run("--connect-and-read", "nobody.sock")
    box.stop(server, "none")
