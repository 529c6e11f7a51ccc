"""carbon: what goes to Graphite, when, and what the log says of servers that are not there."""

import os
import pathlib
import re
import socket
import subprocess

import pytest

from harness import paths, wire
from harness.graphite import Carbon, LineSink
from harness.receivers import self_signed
from harness.server import free_port, plain_environment
from harness.waiting import until

pytestmark = pytest.mark.ours

HOST = socket.gethostname()


@pytest.fixture
def sink():
    server = LineSink()
    yield server
    server.close()


@pytest.fixture(scope="module")
def graphite(tmp_path_factory):
    server = Carbon(tmp_path_factory.mktemp("graphite") / "storage")
    yield server
    server.close()


def place(server) -> str:
    return f"127.0.0.1:{server.port}"


def keys(push, prefix) -> list[str]:
    assert all(path.startswith(prefix) for path, _, _ in push.lines()), push.text
    return [path.removeprefix(prefix) for path, _, _ in push.lines()]


def page(port: int) -> str:
    return wire.raw(("127.0.0.1", port), b"GET /metrics HTTP/1.0\r\n\r\n").decode()


def sample(port: int, name: str, target: str) -> float:
    found = re.search(rf'^uwsgi_pusher_{name}\{{[^}}]*target="{re.escape(target)}"[^}}]*\}} (\S+)$', page(port), re.M)
    return float(found[1]) if found else 0.0


OF_WORKER = ["requests", "rss_size", "vsz_size", "avg_rt", "tx", "busyness", "harakiri"]


def test_the_classic_set_in_its_order_with_true_values_and_once_more_at_the_end(uwsgi, app, sink):
    server = uwsgi("--plugins", "carbon", "--http-socket", "127.0.0.1:0", "-M", "-p", "2", "--stats", "stats.sock", "--memory-report",
                   "--carbon", place(sink), "--carbon-freq", "1", "--wsgi-file", app("ask"))
    host, port = server.address()
    prefix = f"uwsgi.{HOST}.{host.replace('.', '_')}:{port}."
    sink.wait()
    for _ in range(3):
        server.get("/?1")
    push = sink.wait(what=lambda push: push.values(prefix).get("requests") == 3)
    assert keys(push, prefix) == (
        ["requests"] + [f"worker{n}.{key}" for n in (1, 2) for key in OF_WORKER]
        + ["rss_size", "vsz_size", "avg_rt", "tx", "busyness", "active_workers", "harakiri"])
    assert len({at for _, _, at in push.lines()}) == 1 and push.text.endswith("\n")
    seen, stats = push.values(prefix), server.stats()
    for worker in stats["workers"]:
        mine = {key: seen[f"worker{worker['id']}.{key}"] for key in OF_WORKER}
        assert mine["requests"] == worker["requests"] and mine["tx"] == worker["tx"]
        assert mine["avg_rt"] == worker["avg_rt"] and mine["vsz_size"] > mine["rss_size"] > 1 << 20
        assert mine["harakiri"] == 0 and 0 <= mine["busyness"] <= 100
    averages = [worker["avg_rt"] for worker in stats["workers"]]
    assert seen["avg_rt"] == sum(averages) // 2 and seen["active_workers"] == 2
    assert seen["tx"] == sum(worker["tx"] for worker in stats["workers"])
    assert seen["rss_size"] == seen["worker1.rss_size"] + seen["worker2.rss_size"]
    log = server.log()
    assert (f"[carbon] added server {place(sink)}\n[carbon] carbon plugin started, 1s frequency, 3s timeout, max retries 0, "
            "retry delay 7s\n") in log
    assert "not implemented" not in log and "carbon plugin" in log.split("WSGI app 0")[0]


@pytest.mark.parametrize("number", [2, 1])
def test_the_end_and_a_reload_push_what_is_newest(uwsgi, app, sink, number):
    """With the default period the second push can only be the last one."""
    server = uwsgi("--http-socket", "127.0.0.1:0", "-M", "--carbon", place(sink), "--carbon-id", "app", "--wsgi-file", app("ask"))
    sink.wait()
    server.get("/?1")
    server.get("/?1")
    server.quiet()
    server.send(number)
    assert sink.wait(2).values(f"uwsgi.{HOST}.app.")["requests"] == 2
    if number == 1:
        assert sink.wait(3).values(f"uwsgi.{HOST}.app.")["requests"] == 2, "the next life goes on counting"
    else:
        server.wait_exit()
        assert len(sink.pushes) == 2


def test_names_are_made_of_root_host_and_id(uwsgi, app, sink):
    server = uwsgi("--http-socket", "127.0.0.1:0", "-M", "-p", "2", "--carbon", place(sink), "--carbon-freq", "1",
                   "--carbon-root", "", "--carbon-id", "my.id/x:1 y", "--carbon-no-workers", "--carbon-sanitize",
                   "--carbon-extended", "--wsgi-file", app("ask"))
    push = sink.wait()
    assert keys(push, f"{HOST}.my.id_x_1_y.") == ["requests", "avg_rt", "tx", "busyness", "active_workers", "busy_workers",
                                                  "idle_workers", "harakiri", "respawns", "exceptions"]
    assert push.values(f"{HOST}.my.id_x_1_y.")["respawns"] == 2
    server.get("/?1")
    sink.wait(what=lambda push: push.values(f"{HOST}.my.id_x_1_y.")["requests"] == 1)


def test_dots_of_the_host_give_way(uwsgi, app, sink, tmp_path):
    """A host name with dots, in a name space of its own where that is possible."""
    command = ["unshare", "--uts", "sh", "-c", 'hostname a.b.c && exec "$@"', "sh"]
    if subprocess.run([*command, "true"], capture_output=True, check=False).returncode:
        pytest.skip("no right to another host name")
    script = tmp_path / "named"
    script.write_text(f"#!/bin/sh\nexec {' '.join(command[:4])} '{command[4]}' sh {paths.OURS} \"$@\"\n")
    script.chmod(0o755)
    for dots, shown in (([], "a.b.c"), (["--carbon-hostname-dots", "_-"], "a_b_c")):
        before = len(sink.pushes)
        server = uwsgi("--http-socket", "127.0.0.1:0", "-M", "--carbon", place(sink), "--carbon-id", "app", *dots,
                       "--wsgi-file", app("ask"), binary=script)
        assert sink.wait(before + 1).text.startswith(f"uwsgi.{shown}.app.requests ")
        server.stop()
        sink.wait(before + 2)


@pytest.mark.parametrize(("word", "shown"), [("last", None), ("zero", 0), ("none", "absent")])
def test_the_average_of_an_idle_instance(uwsgi, app, sink, word, shown):
    server = uwsgi("--http-socket", "127.0.0.1:0", "-M", "--carbon", place(sink), "--carbon-freq", "1", "--carbon-id", "app",
                   "--carbon-idle-avg", word, "--wsgi-file", app("ask"))
    prefix = f"uwsgi.{HOST}.app."
    assert ("avg_rt" in sink.wait().values(prefix)) == (word != "none"), "before the first request all is idle"
    server.get("/?__import__('time').sleep(0.05)")
    served = sink.wait(what=lambda push: push.values(prefix)["requests"] == 1)
    average = served.values(prefix)["avg_rt"]
    assert average > 20000 and average == served.values(prefix)["worker1.avg_rt"]
    idle = sink.wait(2, what=lambda push: push.values(prefix)["requests"] == 1).values(prefix)
    expected = average if shown is None else shown
    assert (idle.get("avg_rt", "absent"), idle.get("worker1.avg_rt", "absent")) == (expected, expected)


def test_a_worker_in_one_long_request_is_fully_busy(uwsgi, app, sink):
    server = uwsgi("--http-socket", "127.0.0.1:0", "-M", "-p", "2", "--carbon", place(sink), "--carbon-freq", "1", "--carbon-id",
                   "app", "--wsgi-file", app("ask"))
    sink.wait()
    with wire.connect(server.address()) as client:
        client.sendall(b"GET /?__import__('time').sleep(5) HTTP/1.0\r\n\r\n")
        values = sink.wait(what=lambda push: " 100 " in push.text).values(f"uwsgi.{HOST}.app.")
        workers = sorted(values[f"worker{n}.busyness"] for n in (1, 2))
        assert workers[1] == 100 and workers[0] <= 20 and 50 <= values["busyness"] <= 60
        assert values["requests"] == 0, "it is still running"


def test_metrics_in_the_order_of_the_list_and_signed(uwsgi, app, sink):
    server = uwsgi("--http-socket", "127.0.0.1:0", "-M", "-p", "2", "--stats", "stats.sock", "--metric", "mym", "--metric",
                   "name=g,type=gauge,initial_value=-4", "--carbon", place(sink), "--carbon-use-metrics", "--carbon-freq", "1",
                   "--carbon-root", "foo", "--carbon-id", "my.id", "--wsgi-file", app("ask"))
    server.get("/?1")
    prefix = f"foo.{HOST}.my.id."
    push = sink.wait(what=lambda push: push.values(prefix)["worker.0.requests"] == 1)
    assert keys(push, prefix) == list(server.stats()["metrics"])
    assert push.values(prefix)["g"] == -4 and push.values(prefix)["mym"] == 0


def test_metrics_that_are_off_are_told(uwsgi, app, sink):
    server = uwsgi("--http-socket", "127.0.0.1:0", "-M", "--carbon", place(sink), "--carbon-use-metrics", "--carbon-freq", "1",
                   "--wsgi-file", app("ask"))
    server.wait_log(r"^\[carbon\] carbon-use-metrics has no metrics to push without enable-metrics$")
    server.stop()
    assert sink.connections == 0


def test_numbers_of_workers_as_tags(uwsgi, app, sink):
    uwsgi("--http-socket", "127.0.0.1:0", "-M", "-p", "2", "--enable-metrics", "--carbon", place(sink), "--carbon-tags",
          "--carbon-use-metrics", "--carbon-id", "app", "--wsgi-file", app("ask"))
    seen = sink.wait().values()
    assert seen[f"uwsgi.worker.requests;host={HOST};id=app;worker=2"] == 0
    assert seen[f"uwsgi.worker.core.requests;host={HOST};id=app;worker=1;core=0"] == 0


def test_a_dead_server_is_tried_again_and_a_healthy_one_gets_each_push_once(uwsgi, app, sink):
    dead, own = free_port(), free_port()
    server = uwsgi("--http-socket", "127.0.0.1:0", "-M", "--stats", f"127.0.0.1:{own}", "--stats-http", "--carbon", place(sink),
                   "--carbon", f"127.0.0.1:{dead}", "--carbon-freq", "4", "--carbon-max-retry", "2", "--carbon-retry-delay", "1",
                   "--carbon-timeout", "2", "--carbon-id", "app", "--wsgi-file", app("ask"))
    server.wait_log("maximum number of retries")
    sink.wait(2)
    server.wait_log("maximum number of retries", after=server.log().index("maximum number of retries") + 30)
    lines = [line for line in server.log().splitlines() if line.startswith(("[carbon] C", "[carbon] R", "[uwsgi-stats"))]
    unreachable = f"[carbon] Could not connect to carbon server at 127.0.0.1:{dead}"
    turn = [unreachable, "[uwsgi-stats-pusher] carbon failed (0), retry in 1s",
            "[carbon] Retrying failed server at 127.0.0.1 (1)", unreachable, "[uwsgi-stats-pusher] carbon failed (1), retry in 1s",
            "[carbon] Retrying failed server at 127.0.0.1 (2)", unreachable,
            "[uwsgi-stats-pusher] carbon failed and maximum number of retries was reached (2)"]
    assert lines[:16] == turn + turn
    times = [push.lines()[0][2] for push in sink.pushes]
    assert times == sorted(set(times)) and all(later - sooner >= 3 for sooner, later in zip(times, times[1:], strict=False)), times
    target = f"127.0.0.1:{dead}"
    assert sample(own, "retries_total", target) >= 4 and sample(own, "dropped_total", target) >= 2
    assert sample(own, "errors_total", target) >= 6 and sample(own, "pushes_total", target) == 0
    assert sample(own, "errors_total", place(sink)) == 0 and sample(own, "pushes_total", place(sink)) >= 2


def test_a_retry_that_works_brings_the_numbers_of_then(uwsgi, app):
    port = free_port()
    server = uwsgi("--http-socket", "127.0.0.1:0", "-M", "--carbon", f"127.0.0.1:{port}", "--carbon-max-retry", "60",
                   "--carbon-retry-delay", "1", "--carbon-id", "app", "--wsgi-file", app("ask"))
    server.wait_log(r"^\[carbon\] Could not connect")
    server.get("/?1")
    late = LineSink(("127.0.0.1", port))
    try:
        assert late.wait().values(f"uwsgi.{HOST}.app.")["requests"] == 0
        server.wait_log(r"^\[uwsgi-stats-pusher\] retry succeeded for carbon$")
        server.stop()
        assert late.wait(2).values(f"uwsgi.{HOST}.app.")["requests"] == 1
    finally:
        late.close()


def test_what_is_no_server_is_skipped_and_names_want_permission(uwsgi, app, sink):
    given = ["127.0.0.1", f"localhost:{sink.port}", place(sink)]
    options = [word for text in given for word in ("--carbon", text)]
    server = uwsgi("--http-socket", "127.0.0.1:0", "-M", *options, "--carbon-freq", "1", "--wsgi-file", app("ask"))
    server.wait_log(rf"^\[carbon\] Could not connect to carbon server at localhost:{sink.port}$")
    log = server.log()
    for line in ("invalid carbon server address (127.0.0.1)", f"added server localhost:{sink.port}",
                 "localhost is a name: it is looked up with carbon-name-resolve only"):
        assert f"[carbon] {line}\n" in log
    sink.wait()


@pytest.mark.parametrize("option", ["--carbon-name-resolve", "--carbon-resolve-names"])
def test_names_are_looked_up_when_that_is_allowed(uwsgi, app, sink, option):
    server = uwsgi("--http-socket", "127.0.0.1:0", "-M", "--carbon", f"localhost:{sink.port}", "--carbon", "no.such.host.invalid:2003",
                   option, "--carbon-timeout", "20", "--wsgi-file", app("ask"))
    sink.wait()
    server.wait_log(r"^\[carbon\] Could not resolve hostname no.such.host.invalid$", timeout=30)


@pytest.mark.parametrize(("args", "text"), [
    (["--carbon-idle-avg", "nil"], '[carbon] invalid value for carbon-idle-avg: "nil"'),
    (["--carbon", "udp:127.0.0.1:2003", "--carbon-proto", "pickle"], "[carbon] pickles do not travel in datagrams"),
    (["--carbon-proto", "xml"], "xml"),
])
def test_what_cannot_be_is_refused_at_the_start(args, text):
    done = subprocess.run([paths.OURS, "--http-socket", "127.0.0.1:0", "--carbon", "127.0.0.1:1", *args], capture_output=True, text=True,
                          timeout=60, check=False, stdin=subprocess.DEVNULL, env=plain_environment())
    assert done.returncode == 1 and text in done.stderr


def test_unix_sockets_and_ipv6(uwsgi, app, tmp_path):
    sinks = [LineSink(str(tmp_path / "carbon.sock"), socket.AF_UNIX), LineSink(("::1", 0), socket.AF_INET6)]
    try:
        server = uwsgi("--http-socket", "127.0.0.1:0", "-M", "--carbon", str(tmp_path / "carbon.sock"), "--carbon", f"[::1]:{sinks[1].port}",
                       "--carbon", f"unix:{tmp_path}/nobody", "--carbon-id", "app", "--wsgi-file", app("ask"))
        assert sinks[0].wait().text == sinks[1].wait().text != ""
        server.wait_log(rf"^\[carbon\] Could not connect to carbon server at {tmp_path}/nobody \(No such file or directory\)$")
    finally:
        for server in sinks:
            server.close()


def test_tls_with_a_certificate_that_is_trusted_and_one_that_is_not(uwsgi, app, tmp_path):
    identity = self_signed(tmp_path)
    relay = LineSink(context=identity.context())
    try:
        options = ["--http-socket", "127.0.0.1:0", "-M", "--carbon", f"tls:localhost:{relay.port}", "--carbon-name-resolve", "--carbon-id",
                   "app", "--carbon-freq", "1", "--wsgi-file", app("ask")]
        uwsgi(*options, env={"SSL_CERT_FILE": str(identity.certificate)})
        assert relay.wait().text.startswith(f"uwsgi.{HOST}.app.requests 0 ")
        other = uwsgi(*options)
        other.wait_log(rf"^\[carbon\] Could not connect to carbon server at tls:localhost:{relay.port} \(.*certificate.*\)$")
    finally:
        relay.close()


def resident(server) -> int:
    """Bytes of memory of the observer."""
    pid = server.wait_log(r"spawned uWSGI observer \(pid: (\d+)\)")[1]
    return int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text())[1]) << 10


@pytest.mark.alone
@pytest.mark.parametrize("mood", ["reset", "hang", "babble"])
def test_a_server_that_misbehaves_harms_nobody_and_is_used_again(uwsgi, app, sink, mood):
    """Pushes are large, so that one that is not read does not fit into the buffers of the kernel; reading one in time takes a processor."""
    own = free_port()
    sink.mood = mood
    metrics = [word for n in range(60) for word in ("--metric", f"m{n}")]
    server = uwsgi("--http-socket", "127.0.0.1:0", "-M", "--stats", f"127.0.0.1:{own}", "--stats-http", "--carbon", place(sink),
                   "--carbon-use-metrics", *metrics, "--carbon-id", "x" * 100_000, "--carbon-freq", "1", "--carbon-timeout", "1", "--carbon-max-retry", "1",
                   "--carbon-retry-delay", "1", "--wsgi-file", app("ask"))
    if mood == "babble":
        sink.wait(2)
        return
    until(lambda: sample(own, "dropped_total", place(sink)) >= 1, "a lost push", 30)
    before = resident(server)
    until(lambda: sample(own, "dropped_total", place(sink)) >= 4, "lost pushes", 60)
    assert resident(server) - before < 64 << 20, "what waits is bounded"
    assert sample(own, "queued", place(sink)) <= 4
    assert server.get("/?6*7").body == b"42"
    sink.mood = "read"
    server.wait_log(r"^\[uwsgi-stats-pusher\] (retry succeeded for carbon|carbon to \S+ works again after \d+ failures)$", timeout=30)
    until(lambda: sample(own, "pushes_total", place(sink)) >= 1 and sample(own, "failing", place(sink)) == 0, "recovery", 20)


def test_the_real_carbon_stores_lines_datagrams_pickles_and_tags(uwsgi, app, graphite):
    base = ["--http-socket", "127.0.0.1:0", "-M", "--carbon-freq", "1", "--wsgi-file", app("ask")]
    line, pickle = f"127.0.0.1:{graphite.line}", f"127.0.0.1:{graphite.pickle}"
    for name, options in {
        "lines": ["--carbon", line],
        "datagrams": ["--carbon", f"udp:{line}"],
        "pickles": ["--carbon", pickle, "--carbon-proto", "pickle", "--metric", "name=g,initial_value=-4", "--metric",
                    "name=big,initial_value=5000000000", "--carbon-use-metrics"],
        "tags": ["--carbon", line, "--carbon-tags"],
    }.items():
        server = uwsgi(*base, "--carbon-id", name, *options)
        for _ in range(5):
            server.get("/?1")
        prefix = f"uwsgi.{HOST}.{name}."
        if name == "tags":
            graphite.wait(graphite.tagged_file(f"uwsgi.worker.requests;host={HOST};id=tags;worker=1"), 5)
        elif name == "pickles":
            graphite.wait(prefix + "worker.0.requests", 5)
            graphite.wait(prefix + "g", -4)
            graphite.wait(prefix + "big", 5000000000)
        else:
            graphite.wait(prefix + "worker1.requests", 5)
        server.stop()


def test_the_graphite_tutorial(uwsgi, graphite, tmp_path):
    """The configuration of a vassal as the tutorial gives it, up to the picture's data."""
    (tmp_path / "app.py").write_text("def application(e, s):\n    s('200 OK', [])\n    return [b'Hello']\n")
    vassal = tmp_path / "frontend1.ini"
    vassal.write_text("[uwsgi]\nhttp-socket = 127.0.0.1:0\nmaster = true\nprocesses = 2\nplugins = carbon\nwsgi-file = app.py\n"
                      "enable-metrics = true\ncarbon-use-metrics = true\ncarbon-id = %n\n"
                      f"carbon = 127.0.0.1:{graphite.line}\ncarbon-freq = 1\n")
    server = uwsgi("--ini", str(vassal), workers=2)
    for _ in range(7):
        assert server.get("/").body == b"Hello"
    path = f"uwsgi.{HOST}.frontend1.worker.0.requests"
    graphite.wait(path, 7)
    assert graphite.file(f"uwsgi.{HOST}.frontend1.core.busy_workers").exists()
    both = f"uwsgi.{HOST}.frontend1.worker.{{1,2}}.requests"
    [series] = graphite.render(target=[f"sumSeries({both})"], **{"from": "-2min"})
    assert 7 in [value for value, _ in series["datapoints"]]
    assert os.path.commonprefix([series["target"], "sumSeries("]) == "sumSeries("
