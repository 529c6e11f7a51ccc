"""Metrics by name, the warning message, and the two commands that ask an instance whether it is well."""

import socket
from urllib.parse import quote

from harness import wire

from .box import AUTO
from .scenarios import scenario


def asked(box, server, *expressions, index=0):
    """What the app makes of each expression, in order."""
    for expression in expressions:
        raw = wire.raw(server.address(index), wire.request_bytes(path=f"/?{quote(expression)}", version="1.0"))
        box.note("asked", f"{expression} -> {raw.partition(bytes([13, 10] * 2))[2].decode()}")


@scenario
def metric_functions(box):
    server = box.serve("--http-socket", AUTO, "-M", "-L", "--metric", "m", "--metric", "name=low,initial_value=-5,type=gauge",
                       "--wsgi-file", box.app("ask"))
    calls = ["uwsgi.metric_get('m')", "uwsgi.metric_inc('m')", "uwsgi.metric_inc('m', 2**63 - 1)", "uwsgi.metric_get('m')",
             "uwsgi.metric_set('m')", "uwsgi.metric_get('m')", "uwsgi.metric_set('m', -7)", "uwsgi.metric_div('m', 2)",
             "uwsgi.metric_get('m')", "uwsgi.metric_mul('m', 3)", "uwsgi.metric_get('m')", "uwsgi.metric_dec('m')",
             "uwsgi.metric_dec('m', 5)", "uwsgi.metric_get('m')", "uwsgi.metric_mul('m', 2**62)", "uwsgi.metric_get('m')",
             "uwsgi.metric_set('m', 10)", "uwsgi.metric_set_max('m', 5)", "uwsgi.metric_get('m')", "uwsgi.metric_set_max('m', 50)",
             "uwsgi.metric_get('m')", "uwsgi.metric_set_min('m', 5)", "uwsgi.metric_get('m')", "uwsgi.metric_set_min('m', -1)",
             "uwsgi.metric_get('m')", "uwsgi.metric_get('low')", "uwsgi.metric_set_min('low', -6)", "uwsgi.metric_get('low')",
             "uwsgi.metric_inc('nope')", "uwsgi.metric_get('nope')", "uwsgi.metric_inc('worker.1.requests')",
             "uwsgi.metric_set('core.busy_workers', 4)"]
    wrong = ["uwsgi.metric_inc('m', 2**63)", "uwsgi.metric_inc('m', 1.5)", "uwsgi.metric_inc('m', '1')", "uwsgi.metric_inc('m', True)",
             "uwsgi.metric_inc(1)", "uwsgi.metric_inc(b'm')", "uwsgi.metric_inc()", "uwsgi.metric_inc('m', 1, 2)",
             "uwsgi.metric_get('m', 1)", "uwsgi.metric_get()", "uwsgi.metric_inc('m' + chr(0))", "uwsgi.metric_inc(name='m')"]
    asked(box, server, *calls, *wrong)
    box.stop(server, "none")


@scenario
def metric_functions_switched_off(box):
    server = box.serve("--http-socket", AUTO, "-M", "-L", "--wsgi-file", box.app("ask"))
    asked(box, server, "uwsgi.metric_get('m')", "uwsgi.metric_inc('m')", "uwsgi.metric_set('m', 3)", "uwsgi.metric_get('m')")
    box.stop(server, "none")


@scenario
def module_small_calls(box):
    server = box.serve("--http-socket", AUTO, "-M", "-L", "--wsgi-file", box.app("ask"))
    asked(box, server, "uwsgi.alarm('none', 'text')", "uwsgi.alarm('none', b'text')", "uwsgi.alarm('none')", "uwsgi.alarm(b'n', 't')",
          "uwsgi.listen_queue()", "uwsgi.listen_queue(0)", "uwsgi.listen_queue(7)", "uwsgi.listen_queue('a')",
          "[type(n) for n in uwsgi.mem()], 0 < uwsgi.mem()[0] < uwsgi.mem()[1]")
    box.stop(server, "none")


def health(box, server, index):
    """What a ping packet and both commands say of a socket."""
    node = server.address(index)
    node = f"127.0.0.1:{node[1]}" if isinstance(node, tuple) else f"127.0.0.1:{node}" if isinstance(node, int) else node
    box.exchange(server, "ping", b"\x64\x00\x00\x00", index)
    box.run("--ping", node)
    box.run("--ping", node, "--ping-timeout", "9")
    box.run("--socket", node, "--nagios")


@scenario
def health_warnings(box):
    server = box.serve("--http-socket", AUTO, "--socket", AUTO, "-M", "-p", "2", "-L", "--wsgi-file", box.app("ask"))
    health(box, server, 1)
    for text in ("'disk almost full'", "'x' * 80", "'y' * 81", "''"):
        asked(box, server, f"uwsgi.set_warning_message({text})")
        health(box, server, 1)
    asked(box, server, "in_thread(lambda: uwsgi.set_warning_message('from a thread'))")
    health(box, server, 1)
    asked(box, server, "uwsgi.set_warning_message(b'x')", "uwsgi.set_warning_message()", "uwsgi.set_warning_message('a', 'b')")
    box.stop(server, "none")


@scenario
def health_of_nobody(box):
    port = box.port()
    for node in ("none.sock", f"127.0.0.1:{port}"):
        box.run("--ping", node)
        box.run("--socket", node, "--nagios")
    box.run("--nagios")


@scenario
def health_of_the_silent(box):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        node = f"127.0.0.1:{silent.getsockname()[1]}"
        box.run("--ping", node, "--ping-timeout", "1")
        box.run("--socket", node, "--nagios", "--socket-timeout", "1")
