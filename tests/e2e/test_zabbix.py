"""The pusher to Zabbix, its templates, and what becomes of both when a server misbehaves."""

import json
import os
import re
import signal
import socket
import ssl
import subprocess
import xml.etree.ElementTree

import pytest

from harness import paths, wire
from harness.receivers import self_signed
from harness.server import free_port, plain_environment
from harness.waiting import until
from harness.zabbix import Trapper, taken, wrapped

pytestmark = pytest.mark.ours


def serve(uwsgi, app, push, *options):
    return uwsgi("--http-socket", "127.0.0.1:0", "-p", "2", "--stats", "stats.sock", "--stats-http", "--metrics-no-cores",
                 "--stats-pusher-default-freq", "1", "--stats-push", f"zabbix:{push}", *options, "--wsgi-file", app("ask"))


def sample(server, name):
    page = wire.raw(server.stats_address(), b"GET /metrics HTTP/1.0\r\n\r\n").decode()
    found = re.search(rf'^{name}\{{pusher="zabbix",[^}}]*\}} (\S+)$', page, re.M)
    return float(found[1]) if found else 0.0


def names(server):
    return list(server.stats()["metrics"])


def run(*args, cwd=None):
    """A start that ends at once, because nothing serves."""
    return subprocess.run([paths.OURS, *args], capture_output=True, timeout=60, check=False, text=True, stdin=subprocess.DEVNULL,
                          env=plain_environment(), cwd=cwd)


def test_one_message_has_every_metric_in_the_order_of_the_list(uwsgi, app):
    with Trapper() as trapper:
        server = serve(uwsgi, app, f"{trapper.place},zpfx", "--metric", "mym", "--metric", "name=g,type=gauge,initial_value=-4",
                       "--plugins", "zabbix")
        message = trapper.next()
        assert message.flags == 1 and message.header[9:] == b"\0\0\0\0"
        host, listed = socket.gethostname(), names(server)
        assert [value["key"] for value in message.parsed["data"]] == [f"zpfx.{name}" for name in listed]
        objects = [f'{{"host":"{host}","key":"{value["key"]}","value":"{value["value"]}"}}' for value in message.parsed["data"]]
        assert message.text == '{"request":"sender data","data":[' + ",".join(objects) + "]}"
        assert message.values["zpfx.g"] == "-4"
        server.get("/?1")
        trapper.find(lambda m: m.values["zpfx.worker.0.requests"] == "1")
        until(lambda: sample(server, "uwsgi_pusher_pushes_total") >= 2, "pushes are counted")
        assert "not built" not in server.log(), "the name of the plugin is known"


def test_values_are_packed_split_timed_and_named_as_asked(uwsgi, app):
    with Trapper(lambda message: wrapped(json.loads(taken(message)[13:]), compress=True)) as trapper:
        server = serve(uwsgi, app, f"{trapper.place},p,host=web 1,clock=1,batch=5,compress=1")
        count = len(names(server))
        messages = trapper.wait(-(-count // 5) * 2)
        assert {m.flags for m in messages} == {3}
        assert [len(m.parsed["data"]) for m in messages[: count // 5]] == [5] * (count // 5)
        values = [value for m in messages for value in m.parsed["data"]]
        assert {value["host"] for value in values} == {"web 1"}
        first, again = values[0], values[count]
        assert first["key"] == again["key"] and first["clock"] < again["clock"]
        assert 0 <= first["ns"] < 10**9 and first["ns"] % 1000 == 0


def test_unix_sockets_and_ipv6(uwsgi, app, tmp_path):
    with Trapper(unix=str(tmp_path / "z.sock")) as unix, Trapper(family=socket.AF_INET6) as six:
        serve(uwsgi, app, unix.place, "--stats-push", f"zabbix:{six.place}")
        assert "uwsgi.core.overloaded" in unix.next().values
        assert "uwsgi.core.overloaded" in six.next().values


def test_certificates_are_shown_and_looked_at(uwsgi, app, tmp_path):
    """As a Zabbix server wants it: each side has a certificate that the other one trusts."""
    ours, theirs, foreign = (tmp_path / name for name in ("ours", "theirs", "foreign"))
    identities = []
    for directory in (ours, theirs, foreign):
        directory.mkdir()
        identities.append(self_signed(directory))
    ours, theirs, foreign = identities
    context = theirs.context()
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(ours.certificate)
    with Trapper(context=context) as trapper:
        tls = f"{trapper.place},uwsgi,tls=cert,server-name=localhost,cert={ours.certificate},key={ours.key}"
        server = serve(uwsgi, app, f"{tls},ca={theirs.certificate}", "--stats-push", f"zabbix:{tls},ca={foreign.certificate}")
        assert "uwsgi.core.overloaded" in trapper.next().values
        server.wait_log(r"connect\(\): SSL peer certificate or SSH remote key was not OK \(localhost: ")
        assert trapper.broken, "the one that trusts somebody else gave up"


def test_the_second_server_stands_in_for_the_first(uwsgi, app):
    port = free_port()
    with Trapper() as second:
        server = serve(uwsgi, app, f"127.0.0.1:{port};{second.place}")
        second.next()
        second.close()
        with Trapper(port=port) as first:
            first.next()
        assert sample(server, "uwsgi_pusher_pushes_total") >= 1


def test_a_proxy_of_a_group_may_name_another_one(uwsgi, app):
    with Trapper() as other:
        elsewhere = wrapped({"response": "failed", "redirect": {"revision": 2, "address": other.place}})
        with Trapper(lambda _: elsewhere) as proxy:
            serve(uwsgi, app, proxy.place)
            other.wait(3)
            assert len(proxy.messages) == 1, "the new one is kept"


@pytest.mark.parametrize(("answer", "text"), [
    (wrapped({"response": "failed", "info": "go away"}), r"refused: go away \("),
    (wrapped({"response": "failed", "redirect": {"reset": True}}), "no proxy of the group has the host now"),
    (wrapped(b"<html>"), "the answer is no JSON"),
    (wrapped({}), "neither success nor failure"),
    (b"HTTP/1.1 400 Bad Request\r\n\r\n", "not the protocol of Zabbix"),
    (b"ZBXD\1\xff\xff\xff\x7f\0\0\0\0{", "the answer is too long"),
    (b"ZBXD\1\x08\0\0\0\0\0\0\0{", "the answer is missing or cut off"),
    (b"ZBXD\3\x08\0\0\0\x10\0\0\0notzlib!", "the answer cannot be unpacked"),
    (b"", "the answer is missing or cut off"),
])
def test_what_is_no_answer_is_a_failure_that_ends(uwsgi, app, answer, text):
    with Trapper(lambda _: answer) as trapper:
        server = serve(uwsgi, app, trapper.place)
        server.wait_log(rf"stats_pusher_zabbix\(\)/read\(\): .*{text}")
        until(lambda: sample(server, "uwsgi_pusher_dropped_total") >= 2, "losses are counted")
        trapper.answer = taken
        server.wait_log(r"\[uwsgi-stats-pusher\] zabbix to \S+ works again after \d+ failures")
        assert server.get("/?1").status == 200


def test_nobody_listens_and_then_somebody_does(uwsgi, app):
    port = free_port()
    server = serve(uwsgi, app, f"127.0.0.1:{port}")
    server.wait_log(rf"stats_pusher_zabbix\(\)/connect\(\): .*127.0.0.1:{port}: Connection refused")
    with Trapper(port=port):
        server.wait_log("works again")


def test_a_silent_server_is_given_up_and_costs_no_request(uwsgi, app):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        server = serve(uwsgi, app, f"127.0.0.1:{silent.getsockname()[1]},timeout=1")
        server.wait_log(r"Timeout was reached \(127.0.0.1:\d+ did not finish within 1 s\)")
        assert server.get("/?1").status == 200
        until(lambda: sample(server, "uwsgi_pusher_dropped_total") >= 1, "the gap shows")


def test_timed_values_wait_for_a_server_that_is_away(uwsgi, app):
    port = free_port()
    server = serve(uwsgi, app, f"127.0.0.1:{port},clock=1")
    until(lambda: sample(server, "uwsgi_pusher_queued") >= 3, "pushes wait")
    with Trapper(port=port) as trapper:
        messages = trapper.wait(3)
        clocks = [m.parsed["data"][0]["clock"] for m in messages[:3]]
        assert clocks == sorted(set(clocks)), "each with its own time, the oldest first"
    assert not sample(server, "uwsgi_pusher_dropped_total")


def test_refused_values_are_told_once_and_counted(uwsgi, app):
    with Trapper(lambda message: taken(message, failed=3)) as trapper:
        server = serve(uwsgi, app, trapper.place)
        server.wait_log(r"\[zabbix\] \S+: 3 of \d+ values were refused")
        until(lambda: sample(server, "uwsgi_pusher_dropped_values_total") >= 6, "they are counted")
        assert server.log().count("values were refused") == 1
        assert not sample(server, "uwsgi_pusher_failures_total")
        trapper.answer = taken
        server.wait_log("every value is accepted again")
        trapper.answer = lambda message: taken(message, failed=len(message.parsed["data"]))
        server.wait_log(r"\[zabbix\] \S+ refused all \d+ values")


def test_workers_are_discovered(uwsgi, app):
    with Trapper() as trapper:
        serve(uwsgi, app, f"{trapper.place},discovery=1")
        values = trapper.next().values
        found = json.loads(values["uwsgi.workers.discovery"])
        assert found == [{"{#WORKER}": "1"}, {"{#WORKER}": "2"}]
        assert "uwsgi.worker.requests[2]" in values and "uwsgi.worker.0.requests" in values
        assert not any(key.startswith("uwsgi.worker.1.") for key in values)
        assert "uwsgi.workers.discovery" not in trapper.next().values


def test_an_agent_sends_what_it_is_asked_for(uwsgi, app):
    """A host that is not known yet is asked for again; then each value comes in its own time, with a number of its own."""
    known = []

    def answer(message):
        if message.parsed["request"] == "agent data":
            return taken(message)
        if not known:
            known.append(message)
            return wrapped({"response": "failed", "info": "host [me] not found"})
        items = [("uwsgi.core.busy_workers", "1s"), ("uwsgi.worker.0.requests", "1h"), ("system.uptime", 1)]
        return wrapped({"response": "success", "data": [{"key": key, "delay": delay, "itemid": 7} for key, delay in items]})

    with Trapper(answer) as trapper:
        server = serve(uwsgi, app, f"{trapper.place},host=me,active=1,metadata=uwsgi")
        question = trapper.next().parsed
        assert question == {"request": "active checks", "host": "me", "host_metadata": "uwsgi", "version": "6.0"}
        server.wait_log(r"refused: host \[me\] not found")
        until(lambda: len([m for m in trapper.messages if m.parsed["request"] == "agent data"]) >= 3, "data")
        data = [m.parsed for m in trapper.messages if m.parsed["request"] == "agent data"]
        keys = [[value["key"] for value in message["data"]] for message in data]
        assert keys[:3] == [["uwsgi.core.busy_workers", "uwsgi.worker.0.requests"]] + [["uwsgi.core.busy_workers"]] * 2
        ids = [value["id"] for message in data for value in message["data"]]
        assert ids == sorted(set(ids))
        assert {message["session"] for message in data} == {data[0]["session"]} and len(data[0]["session"]) == 32


@pytest.mark.parametrize(("argument", "text"), [
    ("z:port", '"z:port" is no address'),
    ("z:1,a b", "cannot be in a key"),
    ("z:1,p,speed=1", '"speed" is not one of prefix, host'),
    ("z:1,p,batch=x", "batch = x is not a number of values"),
    ("z:1,p,tls=psk,identity=a,psk=/b", "knows no pre-shared keys: use tls=cert"),
])
def test_what_cannot_be_pushed_is_refused_at_the_start(argument, text):
    done = run("--http-socket", "127.0.0.1:0", "--stats-push", f"zabbix:{argument}")
    assert done.returncode == 1 and text in done.stderr


def test_the_template_is_in_a_file_and_the_server_goes_on(uwsgi, app, tmp_path):
    path = tmp_path / "t.xml"
    path.write_text("old" * 10_000)
    path.chmod(0o640)
    server = uwsgi("--http-socket", "127.0.0.1:0", "-M", "--stats", "stats.sock", f"--zabbix-template={path}", "--metric", "mine",
                   "--wsgi-file", app("ask"))
    server.wait_log(rf"^zabbix template written to {re.escape(str(path))}$")
    root = xml.etree.ElementTree.fromstring(path.read_text())
    assert [item.text for item in root.iter("key")] == names(server)
    assert server.get("/?1").status == 200
    path.unlink()
    server.send(signal.SIGHUP)
    until(path.exists, "a reload writes it again")
    assert os.stat(path).st_mode & 0o777 == 0o640


def test_the_template_is_printed_without_a_file(uwsgi, app):
    """Without a master, too: the metrics are there, though nobody collects them."""
    server = uwsgi("--http-socket", "127.0.0.1:0", "--zabbix-template", "--zabbix-template-format", "2.1", "--wsgi-file", app("ask"))
    log = server.log()
    text = log[log.index("<?xml"):log.index("</zabbix_export>")]
    assert text.count("<units></units>") == text.count("<item>") > 20
    assert "<key>uwsgi.core.overloaded</key>" in text


@pytest.mark.parametrize(("form", "push"), [("2.1", "mine"), ("6.0", "mine"), ("7.0", "mine"), ("7.0", "mine,discovery=1")])
def test_keys_of_the_template_are_those_that_are_pushed(uwsgi, app, tmp_path, form, push):
    path = tmp_path / "template"
    with Trapper() as trapper:
        serve(uwsgi, app, f"{trapper.place},{push}", f"--zabbix-template={path}", "--zabbix-template-format", form)
        pushed = set(trapper.next().values)
    keys = re.findall("<key>(.*)</key>" if form == "2.1" else r"^ +key: '(.*)'$", path.read_text(), re.M)
    patterns = [re.sub(r"\\{\\?#[A-Z]+\\}", r"\\d+", re.escape(key)) for key in keys]
    assert keys and not [key for key in pushed if not any(re.fullmatch(p, key) for p in patterns)]
    assert not [p for p in patterns if not any(re.fullmatch(p, key) for key in pushed)]


@pytest.mark.parametrize(("options", "text"), [
    (["--zabbix-template=/dev/null/t"], 'open("/dev/null/t"): Not a directory'),
    (["--zabbix-template", "--zabbix-template-format", "5.0"], "5.0 is not one of 2.0, 2.1, 6.0, 7.0"),
    (["--zabbix-template", "--zabbix-template-prefix", "a/b"], "'/' cannot be in a key"),
])
def test_a_template_that_cannot_be_written_ends_the_start(options, text):
    done = run("--http-socket", "127.0.0.1:0", *options)
    assert done.returncode == 1 and text in done.stderr
