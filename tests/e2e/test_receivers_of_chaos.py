"""Every receiver dead, deaf, hanging up and talking nonsense: requests do not notice, memory has a bound, the gap shows, and all recover.

CHAOS_SECONDS makes the bad time longer than the 15 seconds of the suite.
"""

import os
import re
import threading

import pytest

from harness import chaos, wire
from harness.server import free_port
from harness.waiting import until

pytestmark = pytest.mark.ours

SECONDS = float(os.environ.get("CHAOS_SECONDS", "15"))

# What each pusher needs to be content again; nothing for those whose protocol only a real receiver speaks.
PUSHERS = {
    "carbon": (lambda port: ("--carbon", f"127.0.0.1:{port}", "--carbon-freq", "1", "--carbon-timeout", "1"), lambda request: b""),
    "zabbix": (lambda port: ("--stats-push", f"zabbix:127.0.0.1:{port}"), chaos.zabbix),
    "mongodb": (lambda port: ("--stats-push", f"mongodb:addr=127.0.0.1:{port},freq=1"), None),
    "remote-write": (lambda port: ("--stats-push", f"remote-write:http://127.0.0.1:{port}/api/v1/write,freq=1"), chaos.web),
    "pushgateway": (lambda port: ("--stats-push", f"pushgateway:http://127.0.0.1:{port},freq=1"), chaos.web),
    "influx": (lambda port: ("--stats-push", f"influx:http://127.0.0.1:{port},db=d,freq=1"), chaos.web),
    "otlp": (lambda port: ("--otlp", f"http://127.0.0.1:{port}/v1/metrics"), chaos.web),
}


@pytest.fixture
def receivers():
    made = {name: chaos.Receiver(answer) for name, (_, answer) in PUSHERS.items()}
    yield made
    for receiver in made.values():
        receiver.close()


def page(server) -> str:
    return wire.http(server.metrics_port, "/metrics").body.decode()


def shown(text: str, name: str) -> dict[str, float]:
    """Values of a family of the pushers, by pusher."""
    return {pusher: float(value) for pusher, value in re.findall(rf'^{name}\{{pusher="([^"]+)"[^}}]*\}} (\S+)$', text, re.M)}


def observer(server) -> tuple[int, int]:
    """Pid and memory of the observer."""
    text = page(server)
    return int(float(re.search(r"^uwsgi_observer_spawns_total (\S+)$", text, re.M)[1])), int(float(re.search(r"^uwsgi_observer_resident_memory_bytes (\S+)$", text, re.M)[1]))


def test_no_receiver_can_hurt(uwsgi, app, receivers, tmp_path):
    own = free_port()
    words = [word for name, (options, _) in PUSHERS.items() for word in options(receivers[name].port)]
    nowhere = free_port()
    server = uwsgi("--http-socket", "127.0.0.1:0", "-M", "-p", "2", "--stats", f"127.0.0.1:{own}", "--stats-http", "--metrics-extended",
                   "--stats-pusher-default-freq", "1", *words, "--stats-push", f"statsd:127.0.0.1:{nowhere}", "--stats-push", "file:path=/dev/full",
                   f"--snmp-agentx=127.0.0.1:{receivers['carbon'].port}", "--wsgi-file", app("hello"),
                   env={"OTEL_METRIC_EXPORT_INTERVAL": "1000"}).allow(".*")
    server.metrics_port = own
    until(lambda: "uwsgi_observer_resident_memory_bytes" in page(server), "the observer has looked at itself")
    lives, memory = observer(server)
    over, bad, served = threading.Event(), [], 0
    threading.Timer(SECONDS, over.set).start()
    while not over.is_set():
        served += 1
        answer = server.get("/")
        if answer.status != 200:
            bad.append(answer.status)
    assert not bad and served > 100
    text = page(server)
    failures = shown(text, "uwsgi_pusher_errors_total")
    assert {name for name in (*PUSHERS, "statsd", "file") if not failures.get(name)} == set(), failures
    now = observer(server)
    assert now[0] == lives, "the observer lives"
    assert now[1] - memory < 32 << 20, f"memory of the observer: {memory} -> {now[1]}"
    for receiver in receivers.values():
        receiver.recover()
    content = {name for name, (_, answer) in PUSHERS.items() if answer}
    until(lambda: {name for name in content if shown(page(server), "uwsgi_pusher_failing").get(name, 0) == 0
                   and shown(page(server), "uwsgi_pusher_pushes_total").get(name)} == content, "all of them push again", timeout=100)
