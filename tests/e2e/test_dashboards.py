"""dashboards/: everything that is asked there is exported, everything exported is shown, and the tools accept the files."""

import fnmatch
import itertools
import json
import re
import shutil
import signal
import socket
import subprocess

import pytest

from harness import dashboards, exhibit, paths, wire
from harness.prometheus import prometheus
from harness.server import free_port
from harness.waiting import until
from parity import snmp

pytestmark = pytest.mark.ours
BOARDS = dashboards.boards()
#: Families that only some machines have, because the kernel or the container must tell or a limit must be set; and
#: those that speak only once somebody tried SNMPv3 with a wrong secret or killed a worker, when the kernel counts runs of probes,
#: or when cheaper has decided something.
MACHINE = re.compile("|".join([
    r"uwsgi_(cgroup|pressure|system)_", r"_swap_bytes$", r"uwsgi_snmp_unauthentic_",
    r"uwsgi_worker_(run_queue|off_cpu|core_switches|migrations|waited)_",
    r"uwsgi_cheaper_last_reason$",
    r"uwsgi_worker_syscall_", r"uwsgi_worker_kills_", r"uwsgi_ebpf_", r"uwsgi_accept_wait_", r"uwsgi_worker_(block_io|faults_during|oom_kills)_",
    r"uwsgi_socket_(established|arrival|arrivals|synack|waits_lost|closed|retransmits|resets|receive|received|sent|zero|limited|connections|stalled|rtt)_",
    r"uwsgi_socket_connections$",
]))


def promtool(*arguments) -> str:
    assert shutil.which("promtool"), "promtool is missing: run tests/setup.sh as root"
    done = subprocess.run(["promtool", *map(str, arguments)], capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


# --- Prometheus: rules


def test_promtool_accepts_the_rules():
    assert f"SUCCESS: {len(dashboards.rules())} rules found" in promtool("check", "rules", dashboards.RULES)


@pytest.mark.slow
def test_every_alert_fires_and_keeps_quiet():
    promtool("test", "rules", dashboards.RULE_TESTS)
    text = dashboards.RULE_TESTS.read_text()
    groups = dict(zip(re.findall(r"- name: (\w+)", text), re.split(r"- name: \w+", text)[1:], strict=True))
    alerts = [rule["name"] for rule in dashboards.rules() if rule["kind"] == "alert"]
    assert sorted(groups) == sorted(alerts), "one group of made-up series for each alert"
    for name, group in groups.items():
        assert f'alertname="{name}"' in group and '"bad"' in group and '"good"' in group, name


# --- Grafana: the model


@pytest.mark.parametrize("name", BOARDS)
def test_ids_and_places_are_sound(name):
    board = BOARDS[name]
    panels = dashboards.panels(board)
    ids = [panel["id"] for panel in panels]
    assert len(ids) == len(set(ids)) and board["uid"] == name and board["id"] is None
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        at = panel["gridPos"]
        cells = set(itertools.product(range(at["x"], at["x"] + at["w"]), range(at["y"], at["y"] + at["h"])))
        assert at["x"] + at["w"] <= 24 and not cells & taken, f"{panel['title']} lies on another panel"
        taken |= cells


@pytest.mark.parametrize("name", BOARDS)
def test_queries_follow_the_variables(name):
    board = BOARDS[name]
    variables = {variable["name"]: variable for variable in board["templating"]["list"]}
    assert list(variables)[:3] == ["datasource", "job", "instance"] and variables["datasource"]["query"] == "prometheus"
    for panel in dashboards.panels(board):
        assert panel["type"] in ("row", "text") or panel["datasource"]["uid"] == "${datasource}", panel["title"]
        for target in panel.get("targets", []):
            named = set(re.findall(r"\$\{?(\w+)", target["expr"])) - {"__rate_interval"}
            assert named <= set(variables), target["expr"]
            selectors = re.findall(r"(?:uwsgi|process)_\w+(\{[^}]*)?", target["expr"])
            assert all("$job" in s and "$instance" in s for s in selectors), f"not for all instances: {target['expr']}"


def test_no_two_dashboards_share_a_uid():
    assert len({board["uid"] for board in BOARDS.values()}) == len(BOARDS) >= 6


#: Members of the data source's own plugin, the text Grafana lists a variable with, and what an import asks for.
OTHERS = re.compile(r"\.annotations\.list\[\d\]\.(step|titleFormat|textFormat|tagKeys|useValueForTime)"
                    r"|\.templating\.list\[\d\]\.definition|\.__requires")


def known(model: dict, read: dict, at: str = "") -> list[str]:
    """Members of our model that Grafana's own reading of it lost."""
    lost = []
    for key, value in model.items():
        if key not in read:
            lost += [f"{at}.{key}"] if value not in (None, [], {}) else []
        elif isinstance(value, dict) and isinstance(read[key], dict):
            lost += known(value, read[key], f"{at}.{key}")
        elif isinstance(value, list) and isinstance(read[key], list):
            lost += [f"{at}.{key}: {len(value) - len(read[key])}"] if len(value) != len(read[key]) else []
            pairs = [pair for pair in zip(value, read[key], strict=False) if isinstance(pair[0], dict) and isinstance(pair[1], dict)]
            lost += [loss for number, (a, b) in enumerate(pairs) for loss in known(a, b, f"{at}.{key}[{number}]")]
    return lost


@pytest.mark.parametrize("name", BOARDS)
def test_grafanas_own_types_know_every_member(name):
    """The official package has the types of Grafana's schema: what they do not know is lost between reading and writing."""
    sdk = pytest.importorskip("grafana_foundation_sdk", reason="run tests/setup.sh")
    from grafana_foundation_sdk.cog import encoder, plugins
    from grafana_foundation_sdk.models.dashboard import Dashboard

    assert sdk
    plugins.register_default_plugins()
    again = json.loads(encoder.JSONEncoder().encode(Dashboard.from_json(BOARDS[name])))
    assert [loss for loss in known(BOARDS[name], again) if not OTHERS.fullmatch(loss)] == []


# --- what is asked is exported, what is exported is shown


@pytest.fixture
def site(uwsgi, tmp_path):
    """A server that did a bit of everything, with one reload behind it."""
    port, http, snmp_port, udp_port = (free_port() for _ in range(4))
    server = uwsgi(*exhibit.options(tmp_path, port, http, snmp_port, udp_port), workers=2)
    server.allow("Traceback", "HARAKIRI", "DAMN", "SIGKILL")
    server.metrics_port, server.http = port, ("127.0.0.1", http)
    exhibit.crowd(server.http, "/shop/slow?ms=200", 12)
    assert wire.http(server.http, "/admin/error").status == 500
    for _ in range(3):
        wire.http(server.http, "/mule")
    wire.http(server.http, "/alarm")
    assert snmp.get(snmp_port, b"public", "1.1"), "no answer from the SNMP agent"
    assert snmp.get(snmp_port, b"wrong", "1.1", patience=0.2) is None
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as talker:
        talker.sendto(b"hello", ("127.0.0.1", udp_port))
    server.send(signal.SIGHUP)
    until(lambda: "uwsgi_reload_duration_seconds_count" in page(port), "a finished reload", timeout=30)
    exhibit.crowd(server.http, "/shop/slow?ms=200", 12)
    assert exhibit.upload(server.http).body == b"5"
    until(lambda: "uwsgi_router_wait_seconds_count" in page(port), "requests that waited")
    until(lambda: 'uwsgi_threshold_state{key="core.busy_workers"' in page(port) and "uwsgi_system_load" in page(port), "a look at all")
    return server


def page(port: int) -> str:
    try:
        return exhibit.page(port)
    except (OSError, EOFError):
        return ""


def test_every_series_of_every_question_is_exported_and_every_family_is_shown(site):
    text = page(site.metrics_port)
    exported = exhibit.names(text)
    asked: dict[str, str] = {}
    for question in dashboards.questions():
        asked |= {name: str(question) for name in dashboards.series(question.expr)}
    for rule in dashboards.rules():
        asked |= {name: rule["name"] for name in dashboards.series(rule["expr"])}
    missing = {name: by for name, by in asked.items() if name not in exported and not MACHINE.search(name)}
    assert sorted(missing) == [], "asked, but not exported"
    shown = {re.sub(r"_(bucket|sum|count)$", "", name) for name in asked}
    families = {name: kind for name, kind in re.findall(r"^# TYPE (\S+) (\S+)", text, re.M)}
    unseen = [name for name in families if name not in shown and not name.startswith("uwsgi_metric_")]
    assert unseen == [], "exported, but on no dashboard"


def test_labels_of_the_questions_exist(site):
    """A selector or a grouping by a label that the family lacks gives nothing, or one line instead of many."""
    labels: dict[str, set[str]] = {}
    for name, text in re.findall(r"^([a-z_]\w*)(\{.*\})? ", page(site.metrics_port), re.M):
        labels.setdefault(name, set()).update(re.findall(r'[{,](\w+)="', text))
    own = {"job", "instance"}
    for question in dashboards.questions():
        names = dashboards.series(question.target["expr"])
        have = own.union(*(labels.get(name, set()) for name in names))
        if any(name not in labels for name in names):
            continue
        wanted = set(re.findall(r"(\w+)(?:=~|=|!=|!~)\"", question.target["expr"]))
        for group in re.findall(r"\b(?:by|without|on) \(([^)]*)\)", question.target["expr"]):
            wanted |= {word.strip() for word in group.split(",")}
        legend = set(re.findall(r"\{\{(\w+)\}\}", question.target["legendFormat"]))
        assert wanted | legend <= have, f"{question}: no label {sorted((wanted | legend) - have)}"


def test_graphites_targets_name_metrics_that_are_sent(site):
    """Every pattern of the dashboard for `carbon-use-metrics` finds at least one name of the metric list."""
    names = list(site.stats()["metrics"])
    targets = [graph[1]["target"][0] for graph in json.loads((dashboards.HOME / "graphite/use-metrics.json").read_text())["graphs"]]
    for target in targets:
        assert target.count("(") == target.count(")") > 0, target
        for pattern in re.findall(r"uwsgi\.\*\.\*\.([^,)]+)", target):
            assert fnmatch.filter(names, pattern), f"{pattern} in {target}"


@pytest.mark.slow
def test_a_real_prometheus_answers_every_question_and_loads_the_rules(site, tmp_path):
    with prometheus(site.metrics_port, tmp_path, rules=dashboards.RULES) as query:
        until(lambda: query("count(rate(uwsgi_worker_requests_total[15s]))"), "two scrapes", timeout=40)
        wire.http(site.http, "/shop/")
        wrong = [f"{question}: {problem}" for question in dashboards.questions() if (problem := query.problem(question.expr))]
        assert wrong == []
        empty = {str(question) for question in dashboards.questions()
                 if "histogram_quantile" not in question.expr and query(question.expr) is None
                 and not any(MACHINE.search(name) for name in dashboards.series(question.expr))}
        # Comparisons of things that did not happen.
        assert {text for text in empty if "> 0" not in text} == set()
        until(lambda: query("instance:uwsgi_requests:rate5m"), "a recorded series", timeout=60)
