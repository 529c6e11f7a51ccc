"""The real Zabbix: templates are imported by its API, values are pushed and read back. Opt-in, because it takes a minute: `make test-zabbix`."""

import os

import pytest

from harness import paths
from harness.waiting import until
from harness.zabbix_server import Zabbix, lacking

pytestmark = [pytest.mark.ours, pytest.mark.skipif(os.environ.get("ZABBIX") != "1", reason="opt-in: make test-zabbix")]


@pytest.fixture(scope="module")
def zabbix():
    missing = lacking()
    if missing:
        pytest.skip(f"not installed: {missing} (tests/setup.sh zabbix, as root)")
    server = Zabbix()
    yield server
    server.close()


def serve(uwsgi, app, push, *options):
    return uwsgi("--http-socket", "127.0.0.1:0", "-p", "2", "--stats", "stats.sock", "--stats-http", "--stats-pusher-default-freq", "1",
                 "--stats-push", f"zabbix:{push}", *options, "--wsgi-file", app("ask"))


def value(zabbix, host, key):
    return zabbix.items(host).get(key, {}).get("lastvalue")


def test_the_committed_template_is_imported_and_filled(zabbix, uwsgi, app):
    text = (paths.REPO / "dashboards/zabbix/uwsgi-6.0.yaml").read_text()
    zabbix.load(text, "yaml")
    host = zabbix.host("web-1", [zabbix.template()])
    server = serve(uwsgi, app, f"127.0.0.1:{zabbix.port},uwsgi,host=web-1,discovery=1,clock=1,compress=1,batch=20")
    until(lambda: value(zabbix, host, "uwsgi.core.idle_workers") == "2", "a value is read back", 60)
    found = until(lambda: "uwsgi.worker.requests[2]" in zabbix.items(host) and zabbix.items(host), "workers are discovered", 60)
    assert "uwsgi.worker.core.requests[1,0]" in until(
        lambda: "uwsgi.worker.core.requests[1,0]" in zabbix.items(host) and zabbix.items(host), "cores are discovered", 60)
    assert found["uwsgi.worker.avg_response_time[1]"]["units"] == "s"

    def busy():
        server.get("/?1")
        return float(value(zabbix, host, "uwsgi.worker.0.requests") or 0) > 0

    until(busy, "requests per second", 60)
    until(lambda: float(value(zabbix, host, "uwsgi.worker.rss_size[1]") or -1) >= 0, "an item of a worker has a value", 60)
    broken = {key: item["error"] for key, item in zabbix.items(host).items() if item["state"] != "0"}
    assert broken == {}, "every item is supported"
    assert not [line for line in server.log().splitlines() if "stats_pusher_zabbix" in line]

    before = len(zabbix.items(host))
    zabbix.load(text, "yaml")
    assert len(zabbix.items(host)) == before, "importing again adds nothing"


@pytest.mark.parametrize("form", ["2.0", "2.1", "6.0"])
def test_templates_of_the_server_are_imported(zabbix, uwsgi, app, tmp_path, form):
    """But for the form of the original, which importers of today refuse."""
    path = tmp_path / "template"
    server = serve(uwsgi, app, f"127.0.0.1:{zabbix.port},own{form[0]}{form[2]},host=nobody", f"--zabbix-template={path}",
                   "--zabbix-template-format", form, "--metric", "name=mine,type=gauge,initial_value=-4")
    server.wait_log("refused all|values were refused", 30)
    if form == "2.0":
        with pytest.raises(AssertionError, match='tag .*"snmp_community.* is missing'):
            zabbix.load(path.read_text(), "xml")
        return
    zabbix.load(path.read_text(), "yaml" if form == "6.0" else "xml")
    items = zabbix.api("item.get", templateids=[zabbix.template()], output=["key_"])
    keys = {item["key_"] for item in items}
    assert f"own{form[0]}{form[2]}.mine" in keys


def test_an_agent_with_active_checks(zabbix, uwsgi, app):
    host = zabbix.host("agent-1")
    for key, kind in [("a.core.idle_workers", 3), ("a.neg", 0)]:
        zabbix.api("item.create", hostid=host, name=key, key_=key, type=7, value_type=kind, delay="1s")
    serve(uwsgi, app, f"127.0.0.1:{zabbix.port},a,host=agent-1,active=1", "--metric", "name=neg,type=gauge,initial_value=-4")
    until(lambda: value(zabbix, host, "a.core.idle_workers") == "2", "an active item has its value", 90)
    until(lambda: float(value(zabbix, host, "a.neg") or 0) == -4, "and the other one", 60)


def test_values_pass_a_restart_of_the_server_with_their_own_time(zabbix, uwsgi, app):
    host = zabbix.host("late")
    item = zabbix.api("item.create", hostid=host, name="t", key_="uwsgi.core.idle_workers", type=2, value_type=3)["itemids"][0]
    server = serve(uwsgi, app, f"127.0.0.1:1;127.0.0.1:{zabbix.port},host=late,clock=1")

    def clocks():
        rows = zabbix.api("history.get", itemids=[item], history=3, output=["clock"], sortfield="clock")
        return [int(row["clock"]) for row in rows]

    got = until(lambda: len(clocks()) >= 3 and clocks(), "a history", 60)
    assert len(set(got)) == len(got), "each value has a time of its own"
    assert server.get("/?1").status == 200
