"""The SNMP agent against net-snmp, and byte for byte against what the original answers."""

import itertools
import os
import re
import shutil
import signal
import socket
import subprocess
import time

import pytest

from harness import netsnmp, paths, procs
from harness.netsnmp import BRANCH, needs_tools
from harness.server import free_port
from harness.waiting import until
from parity import snmp as by_hand

pytestmark = needs_tools
GET_REQUESTS = bytes.fromhex("302902010104 03666f6f a01f020412345678020100020100 3011300f060b2b0601040182925411010105 00".replace(" ", ""))
ANSWER = bytes.fromhex("303102010104 03666f6f a227020412345678020100020100 30193017060b2b060104018292541101014608".replace(" ", ""))


def ask(port: int, datagram: bytes, patience: float = 5.0, host="127.0.0.1") -> bytes | None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(patience)
        client.sendto(datagram, (host, port))
        try:
            return client.recv(65535)
        except TimeoutError:
            return None


def port_of(server, host=r"127\.0\.0\.1:0", after=0) -> int:
    return int(server.wait_log(rf"SNMP server enabled on {host} \(port auto-assigned: (\d+)\)", after=after)[1])


@pytest.fixture
def site(uwsgi, app, tmp_path):
    numbers = itertools.count()

    def start(*options, community="public"):
        server = uwsgi("-M", "--http-socket", "127.0.0.1:0", "--stats", tmp_path / f"stats{next(numbers)}", "--wsgi-file", app("hello"),
                       "--snmp=127.0.0.1:0", "--snmp-community", community, *options)
        server.port = port_of(server)
        server.where = f"127.0.0.1:{server.port}"
        return server

    return start


def agent_counts(server) -> dict:
    metrics = server.stats()["metrics"]
    return {name.split(".")[1]: m["value"] for name, m in metrics.items() if name.startswith("snmp.")}


def test_tools_see_every_metric_in_the_order_of_a_walk(site):
    server = site("-p", "2", "--metric", "name=mine,oid=100.1,initial_value=7", "--metric", "name=ten,oid=100.10,initial_value=10",
                  "--metric", "name=two,oid=100.2,type=gauge,initial_value=2", "--metric", "name=hidden,oid=1.1,initial_value=77")
    server.get("/")
    assert netsnmp.get(server.where, "1.1") == ["1"]
    metrics = server.stats()["metrics"]
    for tool in ("snmpwalk", "snmpbulkwalk"):
        seen = netsnmp.walk(server.where, tool=tool)
        names = [tuple(map(int, name.split("."))) for name in seen]
        assert names == sorted(names), "a walk goes up"
        ours = {name.removeprefix(BRANCH + "."): value for name, value in seen.items()}
        assert {"1.1", "1.31", "1.32", "100.1", "100.2", "100.10"} <= set(ours)
        assert (ours["1.1"], ours["100.1"], ours["100.2"], ours["100.10"]) == ("1", "7", "2", "10")
        wanted = {m["oid"] for name, m in metrics.items() if m["oid"] and name != "hidden"}
        assert wanted <= set(ours), wanted - set(ours)


def test_the_time_of_a_worker_is_beside_the_count_that_hides_it(site):
    """3.N.13 is an OID of two metrics, of which the first one is shown; with more metrics the time has another one."""
    server = site("--metrics-extended")
    server.get("/")
    spent = server.wait_stats(lambda s: s["metrics"]["worker.1.running_time"]["value"], "time spent")["metrics"]["worker.1.running_time"]
    assert netsnmp.get(server.where, "3.1.13", "3.1.7") == ["0", str(spent["value"])]


def test_applications_are_beside_their_workers(site, app):
    """Worker and number of an application lie in front of each figure, and names lead to the same place."""
    server = site("-p", "2", "--metrics-extended", "--manage-script-name", "--single-interpreter", "--mount", f"/two={app('wires')}")
    for path in ("/", "/two/length", "/two/no-content", "/two/length"):
        assert server.get(path).status in (200, 204)
    listed = server.stats()["metrics"]
    figures = {1: "requests", 2: "exceptions", 5: "responses.2xx", 11: "tx", 17: "aborted"}
    for number, name in figures.items():
        said = [int(netsnmp.get(server.where, f"16.{worker}.{at}.{number}")[0]) for worker in (1, 2) for at in (0, 1)]
        assert said == [listed[f"worker.{worker}.app.{at}.{name}"]["value"] for worker in (1, 2) for at in (0, 1)]
        wanted = {"requests": [1, 3], "responses.2xx": [1, 3], "exceptions": [0, 0], "aborted": [0, 0]}
        assert name == "tx" or [said[0] + said[2], said[1] + said[3]] == wanted[name]
    assert netsnmp.get(server.where, "16.1.2.1") == ["No Such Instance currently exists at this OID"], "there are two"


def test_the_system_group_is_there_for_tools_that_ask_it_first(site):
    server = site()
    group = netsnmp.walk(server.where, "1.3.6.1.2.1.1")
    version, object_id, uptime, name = group.values()
    assert version.strip('"').startswith("uWSGI 2.0") and name.strip('"') == socket.gethostname()
    assert object_id.strip(".") == BRANCH and re.match(r"\d+:\d+:\d+:\d+", uptime)


def test_a_plain_get_is_answered_byte_for_byte_as_ever(site):
    server = site(community="foo")
    assert ask(server.port, GET_REQUESTS) == ANSWER + bytes(8)
    server.get("/")
    assert ask(server.port, GET_REQUESTS) == ANSWER + bytes(7) + b"\x01", "the number of now"
    null = ask(server.port, GET_REQUESTS.replace(b"\x11\x01\x01\x05", b"\x11\x02\x07\x05"))
    assert null and null[-2:] == b"\x05\x00", "a value that nobody set"


def test_errors_are_those_of_each_version(site):
    server = site("--enable-metrics")
    for access, unknown, write in (
        (("-v2c", "-c", "public"), "No Such Instance", "notWritable"),
        (("-v1", "-c", "public"), "noSuchName", "readOnly"),
    ):
        done = netsnmp.run("snmpget", server.where, f"{BRANCH}.1.1", f"{BRANCH}.77.1", access=access)
        assert unknown in done.stdout + done.stderr, done
        done = netsnmp.run("snmpset", server.where, f"{BRANCH}.1.1", "i", "5", access=access)
        assert write in done.stderr and done.returncode != 0, done
    assert netsnmp.get(server.where, "1.1", "1.31", "5.1")[:2] == ["0", "0"], "several names at once"
    v1 = netsnmp.walk(server.where, access=("-v1", "-c", "public"))
    assert f"{BRANCH}.1.1" not in v1 and len(v1) > 5, "v1 has no counters of 64 bits in a walk"
    assert netsnmp.get(server.where, "1.1", access=("-v1", "-c", "public")) == ["0"], "but in a get, as ever"


def test_who_may_ask(site):
    server = site("--snmp-community", "second", "--metrics-extended", "--snmp-allow", "10.0.0.0/8,127.0.0.1", "--snmp-allow", "::1")
    for community in ("public", "second"):
        assert netsnmp.get(server.where, "1.1", access=("-v2c", "-c", community)) == ["0"]
    done = netsnmp.run("snmpget", server.where, f"{BRANCH}.1.1", access=("-v2c", "-c", "wrong"), timeout=0.3)
    assert "Timeout" in done.stderr
    until(lambda: agent_counts(server)["bad_community"] == 1, "a count of the wrong community")
    closed = site("--snmp-allow", "10.0.0.0/8", "--metrics-extended")
    done = netsnmp.run("snmpget", closed.where, f"{BRANCH}.1.1", timeout=0.3)
    assert "Timeout" in done.stderr
    until(lambda: agent_counts(closed)["denied"] == 1, "a count of the address")
    assert agent_counts(closed)["responses"] == 0


def test_silence_and_gauges(site):
    gauges = ("--metric", "name=big,oid=100.1,type=gauge,initial_value=5000000000", "--metric", "name=neg,oid=100.2,type=gauge,initial_value=-20")
    plain = site(*gauges)
    assert netsnmp.get(plain.where, "100.1", "100.2") == ["4294967295", "0"]
    wide = site(*gauges, "--snmp-gauge64")
    assert netsnmp.get(wide.where, "100.1") == ["5000000000"]
    compat = site(*gauges, "--snmp-compat")
    assert netsnmp.get(compat.where, "100.1", "100.2") == ["705032704", "4294967276"]
    silent = site("--snmp-silent", "--metrics-extended")
    for server in (compat, silent):
        assert by_hand.get(server.port, b"public", "77.1", patience=0.3) is None
        assert by_hand.get(server.port, b"public", "1.1") == (by_hand.COUNTER64, 0)
    until(lambda: agent_counts(silent)["silent"] == 1, "a count of the silence")


def test_the_agent_answers_over_ipv6(uwsgi, app):
    if not procs_have_ipv6():
        pytest.skip("no IPv6 on this machine")
    server = uwsgi("-M", "--http-socket", "127.0.0.1:0", "--wsgi-file", app("hello"), "--snmp=[::1]:0", "--snmp-community", "public")
    port = port_of(server, r"\[::1\]:0")
    assert netsnmp.get(f"udp6:[::1]:{port}", "1.1") == ["0"]


@pytest.mark.parametrize("bound, asked", [("0.0.0.0:0", "127.0.0.2"), ("[::]:0", "::1"), ("[::]:0", "127.0.0.2")])
def test_an_answer_leaves_from_the_address_that_was_asked(uwsgi, app, bound, asked):
    """A manager that is connected drops what comes from elsewhere, and so do firewalls."""
    if bound[0] == "[" and not procs_have_ipv6():
        pytest.skip("no IPv6 on this machine")
    server = uwsgi("-M", "--http-socket", "127.0.0.1:0", "--wsgi-file", app("hello"), f"--snmp={bound}", "--snmp-community", "foo")
    with socket.socket(socket.AF_INET6 if ":" in asked else socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(10)
        client.connect((asked, port_of(server, re.escape(bound))))
        client.send(GET_REQUESTS)
        assert client.recv(65535) == ANSWER + bytes(8)


def procs_have_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


def udp_port(server) -> int:
    return int(server.wait_log(r"UDP server enabled\. \(port auto-assigned: (\d+)\)")[1])


def test_the_udp_socket_tells_messages_apart(uwsgi, app):
    """`snmp = true` is no address, but the agent is there."""
    server = uwsgi("-M", "--http-socket", "127.0.0.1:0", "--wsgi-file", app("hello"), "--udp", "127.0.0.1:0", "--snmp=true",
                   "--snmp-community", "public")
    server.wait_log(r"^unable to bind to udp socket\. SNMP service will be disabled\.$")
    port = udp_port(server)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.bind(("127.0.0.1", 0))
        own = client.getsockname()[1]
        for text in (b"hello from here", b"with a line\n", b"a\nforged line"):
            client.sendto(text, ("127.0.0.1", port))
        server.wait_log(rf"^\[udp:127\.0\.0\.1:{own}\] hello from here$")
        server.wait_log(rf"^\[udp:127\.0\.0\.1:{own}\] with a line$")
        server.wait_log(rf"^\[udp:127\.0\.0\.1:{own}\] a\\nforged line$")
    assert netsnmp.get(f"127.0.0.1:{port}", "1.1") == ["0"]


def test_without_an_agent_everything_is_a_message(uwsgi, app):
    server = uwsgi("-M", "--http-socket", "127.0.0.1:0", "--wsgi-file", app("hello"), "--udp", "127.0.0.1:0")
    assert ask(udp_port(server), b"0 but no packet", patience=0.2) is None
    server.wait_log(r"^\[udp:127\.0\.0\.1:\d+\] 0 but no packet$")


def test_a_group_of_multicast_and_broadcast_are_bound(uwsgi, app):
    port = free_port()
    server = uwsgi("-M", "--http-socket", "127.0.0.1:0", "--wsgi-file", app("hello"), "--udp", f"224.0.0.77:{port}", "--udp",
                   "255.255.255.255:0")
    server.wait_log(rf"^\[uwsgi-mcast\] joining multicast group: 224\.0\.0\.77:{port}$")
    server.wait_log(r"^UDP server enabled\.")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 1)
        try:
            client.sendto(b"to the group", ("224.0.0.77", port))
        except OSError as error:
            pytest.skip(f"no way for multicast here: {error}")
        server.wait_log(r"^\[udp:[\d.]+:\d+\] to the group$")


def test_a_port_that_is_taken_stops_no_server(uwsgi, app):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        server = uwsgi("-M", "--http-socket", "127.0.0.1:0", "--wsgi-file", app("hello"), f"--snmp=127.0.0.1:{port}")
        server.wait_log(r"^bind\(\): Address already in use")
        server.wait_log(r"^unable to bind to udp socket\. SNMP service will be disabled\.$")
        assert server.get("/").status == 200


def test_a_long_community_is_cut(site):
    server = site(community="c" * 80)
    server.wait_log(r"^\*\*\* warning the supplied SNMP community string will be truncated to 72 chars \*\*\*$")
    assert netsnmp.get(server.where, "1.1", access=("-v2c", "-c", "c" * 72)) == ["0"]


def test_the_agent_outlives_a_reload_and_its_observer(site):
    server = site()
    server.get("/")
    before = server.mark()
    server.send(signal.SIGHUP)
    server.wait_log(r"SNMP server enabled on", after=before)
    assert port_of(server, after=before) == server.port
    until(lambda: netsnmp.get(server.where, "1.1") == ["1"], "the count of before")
    observer = int(server.wait_log(r"spawned uWSGI observer \(pid: (\d+)\)", after=before)[1])
    before = server.mark()
    os.kill(observer, signal.SIGKILL)
    server.wait_log(r"respawned uWSGI observer", after=before)
    assert netsnmp.get(server.where, "1.1") == ["1"]


def test_ten_thousand_metrics_are_walked_in_a_moment(site, tmp_path):
    """The bound is on the agent: what the tool itself needs for so many lines is measured on a file."""
    ini = tmp_path / "many.ini"
    ini.write_text("[uwsgi]\n" + "".join(f"metric = name=m{n},oid=200.{n},initial_value={n}\n" for n in range(10_000)))
    server = site("--ini", ini)
    times = []
    for _ in range(3):
        used, begin = procs.cpu_seconds(observer_pid(server)), time.monotonic()
        seen = netsnmp.walk(server.where, BRANCH + ".200", tool="snmpbulkwalk", options=("-Cr40",))
        times.append((time.monotonic() - begin, procs.cpu_seconds(observer_pid(server)) - used))
        assert len(seen) == 10_000 and seen[f"{BRANCH}.200.9999"] == "9999"
    wall, cpu = min(times)
    print(f"walk of 10000: {wall * 1000:.0f} ms, of which the observer {cpu * 1000:.0f} ms")
    assert cpu < 0.2 and wall < float(os.environ.get("TEST_PATIENCE", "1")) * 0.6, times


def observer_pid(server) -> int:
    return int(re.findall(r"spawned uWSGI observer \(pid: (\d+)\)", server.log())[-1])


APPLICATION = """
import uwsgi

def application(environ, start_response):
    try:
        shown = repr(eval(environ["QUERY_STRING"].replace("%20", " ").replace("%22", '"'), {"u": uwsgi}))
    except Exception as error:
        shown = repr(error)
    start_response("200 OK", [])
    return [shown.encode()]
"""


@pytest.fixture
def application(uwsgi, tmp_path):
    """A server whose application evaluates what it is asked, with the module as `u`."""
    (tmp_path / "values.py").write_text(APPLICATION)

    def start(*options):
        server = uwsgi("-M", "--http-socket", "127.0.0.1:0", "--wsgi-file", tmp_path / "values.py", *options)
        server.say = lambda text: server.get("/?" + text.replace(" ", "%20").replace('"', "%22")).body.decode()
        return server

    return start


def test_applications_give_the_agent_values(application):
    server = application("-p", "2", "--snmp=127.0.0.1:0", "--snmp-community", "public")
    server.wait_log(r"^SNMP python functions initialized\.$")
    where = f"127.0.0.1:{port_of(server)}"
    for said, number, shown in (
        ("u.snmp_set_counter32(1, 4294967295) and u.snmp_incr_counter32(1, 2)", 1, "1"),
        ("u.snmp_set_gauge(2, 7) and u.snmp_decr_gauge(2, 9)", 2, "4294967294"),
        ("u.snmp_set_counter64(3, 2**64 - 1) and u.snmp_incr_counter64(3)", 3, "0"),
        ("u.snmp_incr_counter64(100)", 100, "1"),
        ("u.snmp_incr_gauge(4) and u.snmp_decr_counter64(4, 2)", 4, "18446744073709551615"),
        ("u.snmp_set_counter32(5, 2**32 + 5) and u.snmp_decr_counter32(5)", 5, "4"),
    ):
        assert server.say(said) == "True"
        assert netsnmp.get(where, f"2.{number}") == [shown], said
    assert server.say("u.snmp_set_gauge(0, 1), u.snmp_set_gauge(101, 1), u.snmp_incr_gauge(-1)") == "(None, None, None)"
    assert "TypeError" in server.say('u.snmp_set_gauge(1, "x")')
    walked = netsnmp.walk(where, BRANCH + ".2")
    assert [int(name.rsplit(".", 1)[1]) for name in walked] == [1, 2, 3, 4, 5, 100], "those that were set, in order"
    assert netsnmp.run("snmpget", where, f"{BRANCH}.2.50").stdout.split()[-1] == "NULL"


def test_many_processes_add_to_one_value(application):
    server = application("-p", "4", "--snmp=127.0.0.1:0", "--snmp-community", "public")
    for _ in range(40):
        assert server.say("[u.snmp_incr_counter64(9) for _ in range(100)][0]") == "True"
    assert netsnmp.get(f"127.0.0.1:{port_of(server)}", "2.9") == ["4000"]


def test_an_application_sets_the_community(application):
    server = application("--snmp=127.0.0.1:0", "--snmp-community", "public")
    where = f"127.0.0.1:{port_of(server)}"
    assert server.say('u.snmp_set_community("secret")') == "True"
    assert netsnmp.get(where, "1.1", access=("-v2c", "-c", "secret"))
    assert "Timeout" in netsnmp.run("snmpget", where, f"{BRANCH}.1.1", timeout=0.3).stderr
    assert server.say('u.snmp_set_community("x" * 80)') == "True"
    server.wait_log(r"^\*\*\* warning the supplied SNMP community string will be truncated to 72 chars \*\*\*$")
    assert netsnmp.get(where, "1.1", access=("-v2c", "-c", "x" * 72))


def test_without_an_agent_there_are_no_functions(application):
    server = application()
    assert server.say('[name for name in dir(u) if "snmp" in name]') == "[]"
    assert "SNMP" not in server.log()


def test_the_daemon_of_net_snmp_passes_requests_on(site, tmp_path, nothing_left):
    """The recipe of the documentation: `proxy -v 2c -c foo 127.0.0.1:PORT .1.3.6.1.4.1.35156.17`."""
    daemon = shutil.which("snmpd", path=os.environ["PATH"] + ":/usr/sbin")
    if not daemon:
        pytest.skip("the Debian package snmpd is not installed")
    server = site("--enable-metrics", community="foo")
    server.get("/")
    port = free_port()
    conf = tmp_path / "snmpd.conf"
    conf.write_text(f"agentaddress udp:127.0.0.1:{port}\nrocommunity front 127.0.0.1\nproxy -v 2c -c foo {server.where} .{BRANCH}\n")
    env = {**os.environ, "SNMP_PERSISTENT_DIR": str(tmp_path), "SNMPCONFPATH": str(tmp_path / "none")}
    with open(tmp_path / "snmpd.log", "wb") as log, subprocess.Popen(
            [daemon, "-f", "-C", "-c", conf, "-Lo", "-I", "-smux", "-x", tmp_path / "agentx"], stdout=log, stderr=log, env=env) as process:
        try:
            access = ("-v2c", "-c", "front")
            until(lambda: netsnmp.run("snmpget", f"127.0.0.1:{port}", "1.3.6.1.2.1.1.3.0", access=access, timeout=1).returncode == 0,
                  "snmpd to answer")
            assert netsnmp.get(f"127.0.0.1:{port}", "1.1", access=access) == ["1"]
            direct = netsnmp.walk(server.where, access=("-v2c", "-c", "foo"))
            assert set(netsnmp.walk(f"127.0.0.1:{port}", access=access)) == set(direct)
        finally:
            process.terminate()


def test_a_flood_takes_nothing_from_the_others(site):
    """Thousands of requests, right and wrong, while the stats are read: both are answered."""
    server = site("--metrics-extended", "--snmp-silent")
    name = by_hand.tlv(0x30, by_hand.tlv(6, by_hand.encode("3")) + by_hand.tlv(5, b""))
    numbers = by_hand.tlv(2, b"\1") + by_hand.tlv(2, b"\0") + by_hand.tlv(2, b"\x7f\xff")
    bulk = by_hand.tlv(0x30, by_hand.tlv(2, b"\1") + by_hand.tlv(4, b"public") + by_hand.tlv(0xA5, numbers + by_hand.tlv(0x30, name)))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as flood:
        for round_ in range(50):
            for _ in range(200):
                flood.sendto(GET_REQUESTS, ("127.0.0.1", server.port))
                flood.sendto(bulk, ("127.0.0.1", server.port))
                flood.sendto(bytes([0x30, round_ & 0x7F]) + bulk[:round_], ("127.0.0.1", server.port))
            assert server.stats()["workers"]
    assert netsnmp.get(server.where, "1.1") == ["0"]
    counts = agent_counts(server)
    assert counts["requests"] > 1000 and counts["bad_community"] > 300 and counts["malformed"] > 300
    dropped = counts["malformed"] + counts["bad_community"] + counts["denied"] + counts["silent"]
    assert counts["requests"] == counts["responses"] + dropped, "every datagram is one or the other"


def test_the_page_of_the_manual_is_true(uwsgi, app, tmp_path):
    """The two configurations of docs/snmp.md, together and on other ports, with the commands beside them."""
    text = (paths.REPO / "docs/snmp.md").read_text()
    blocks = re.findall(r"```(ini|sh)\n(.*?)```", text, re.S)
    port = free_port(socket.AF_INET)
    ini = "".join(block for kind, block in blocks if kind == "ini").replace("/var/lib/uwsgi", str(tmp_path)).replace("app.py", str(app("hello")))
    (tmp_path / "page.ini").write_text(ini.replace(":8080", ":0").replace(":2222", f":{port}"))
    uwsgi("--ini", tmp_path / "page.ini").wait_log(rf"SNMP server enabled on 127\.0\.0\.1:{port}")
    commands = [line for kind, block in blocks if kind == "sh" for line in block.replace("\\\n", " ").splitlines()]
    assert len(commands) == 3
    for command in commands:
        done = subprocess.run(command.replace(":2222", f":{port}").split(), capture_output=True, text=True, check=False, timeout=30,
                              env={**os.environ, "SNMPCONFPATH": str(tmp_path), "SNMP_PERSISTENT_DIR": str(tmp_path)})
        assert done.returncode == 0 and "Counter64: 0" in done.stdout, done
