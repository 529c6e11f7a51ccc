"""Lines of requests beyond those of the original: escaped, with ids, as JSON objects; and what else a quiet server logs."""

import json
import os
import re
import shutil
import signal
from urllib.parse import quote

import pytest

from harness import paths, procs, wire
from harness.waiting import until

AUTO = ("--http-socket", "127.0.0.1:0")
TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
SHOWN = "/?" + quote("environ.get('REQUEST_ID')")


@pytest.fixture
def probe(uwsgi, tmp_path):
    """`probe(*options)`: a server of the probing application."""
    shutil.copy(paths.APPS / "probe.py", tmp_path)

    def start(*options, listen=AUTO, **kw):
        return uwsgi(*listen, *options, "--wsgi-file", tmp_path / "probe.py", **kw)
    return start


def raw(expression: str) -> str:
    return "/raw?" + quote(expression)


def objects(server) -> list[dict]:
    server.quiet()
    return [json.loads(line) for line in server.log().splitlines() if line.startswith("{")]


def requests(server) -> list[dict]:
    return [line for line in objects(server) if line["kind"] == "request"]


# --- what a quiet server logs, and dates ------------------------------------------------------------------------------------

def test_a_quiet_server_logs_files(probe):
    server = probe("-L", "--log-sendfile", "1")
    server.get("/?1")
    file = raw("start_response('200 OK', []) and environ['wsgi.file_wrapper'](open(__file__, 'rb'))")
    server.get(file)
    server.quiet()
    assert re.findall(r"GET (\S+) => generated \d+ bytes in \d+ msecs via sendfile\(\) \(", server.log()) == [file]
    assert server.log().count("=> generated") == 1


@pytest.mark.parametrize("reads", [True, False], ids=["read", "write"])
def test_a_quiet_server_logs_errors_of_either_direction(probe, reads):
    server = probe("-L", "-M", "--log-ioerror", "1", "--socket-timeout", "1", "--log-format", "line %(rerr) %(werr) %(ioerr)")
    server.allow("Traceback|Error|SIGPIPE|uwsgi_response")
    server.get("/?1")
    if reads:
        path = raw("start_response('200 OK', []) and [environ['wsgi.input'].read()]")
        wire.raw(server.address(), b"POST %s HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nhalf" % path.encode(), shut=True)
    else:
        path = raw("start_response('200 OK', []) and (b'x' * 100000 for _ in range(1000))")
        stream = wire.connect(server.address())
        stream.sendall(b"GET %s HTTP/1.1\r\nHost: h\r\n\r\n" % path.encode())
        stream.recv(10)
        stream.close()
    server.wait_log(r"^line 1 0 1$" if reads else r"^line 0 [1-9]\d* [1-9]\d*$")
    assert len(re.findall("^line ", server.log(), re.M)) == 1


def test_a_format_of_dates_is_that_of_the_log_where_that_is_asked_for(probe):
    server = probe("--log-date=%d day", "--logformat-strftime", "--log-format", "line %(ftime)|%(ltime)|%(ctime)")
    server.get("/?1")
    server.wait_log(r"^line \d\d day\|\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\|\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4}$")


def test_memory_is_shown_where_a_limit_measures_it(probe):
    server = probe("-M", "--reload-on-rss", "4000", "--log-format", "line %(rss) %(vszM)")
    server.get("/?1")
    server.wait_log(r"^line [1-9]\d{5,} [1-9]\d*$")


# --- forged lines -----------------------------------------------------------------------------------------------------------

FORGED = [("HTTP_USER_AGENT", 'a" 200 "\x1b[31m\\'), ("HTTP_REFERER", "\xe9")]


def test_quotes_and_control_bytes_of_clients_are_escaped_where_that_is_asked_for(probe):
    form = 'line "%(uagent)" "%(referer)" %(var.HTTP_USER_AGENT)'
    plain, safe = (probe("--log-format", form, *more, listen=("--socket", "127.0.0.1:0")) for more in ([], ["--log-escape"]))
    for server in (plain, safe):
        wire.raw(server.address(), wire.packet([*wire.basic_vars("/", query="1"), *FORGED]))
    escaped = r'a\\" 200 \\"\\x1b\[31m\\\\'
    safe.wait_log(rf'^line "{escaped}" ".+" {escaped}$')
    plain.wait_log(r'^line "a" 200 "\x1b\[31m\\" ".+" a" 200 "\x1b\[31m\\$')


def test_a_packet_cannot_forge_the_line_of_another_request(probe):
    server = probe("--log-escape", listen=("--socket", "127.0.0.1:0"))
    uri = "/?1 => generated\n[pid: 1|app: 0|req: 1/1] forged"
    wire.raw(server.address(), wire.packet([*wire.basic_vars("/", query="1"), ("REQUEST_URI", uri)]))
    server.wait_log(r"GET /\?1 => generated\\n\[pid: 1\|app: 0\|req: 1/1\] forged => generated 1 bytes")
    assert not re.search("^.pid: 1.app", server.log(), re.M)


# --- ids --------------------------------------------------------------------------------------------------------------------

def test_every_request_has_an_id_in_log_environment_and_header(probe):
    server = probe("--request-id-header", "X-Request-ID", "--log-format", "line %(request_id) %(vars)")
    answers = [server.get(SHOWN) for _ in range(3)]
    ids = [answer.header("x-request-id") for answer in answers]
    assert len(set(ids)) == 3 and all(re.fullmatch("[0-9a-f]{32}", i) for i in ids), ids
    assert [answer.body.decode().strip("'") for answer in answers] == ids
    server.quiet()
    lines = re.findall(r"^line (\S+) (\d+)$", server.log(), re.M)
    assert [i for i, _ in lines] == ids
    assert len({vars_ for _, vars_ in lines}) == 1


def test_requests_through_the_router_have_theirs(uwsgi, app):
    server = uwsgi("--http", "127.0.0.1:0", "-M", "--request-id-header", "X-Request-ID", "--request-id-trust", "--log-format", "line %(request_id)",
                   "--wsgi-file", app("hello"))
    router = ("127.0.0.1", int(server.wait_log(r"uWSGI http bound on 127\.0\.0\.1:(\d+)").group(1)))
    made, kept = (wire.http(router, "/", headers=headers) for headers in ({}, {"X-Request-ID": "client-0001"}))
    assert kept.header("x-request-id") == "client-0001" and re.fullmatch("[0-9a-f]{32}", made.header("x-request-id"))
    server.wait_log("^line client-0001$")
    assert re.search(f"^line {made.header('x-request-id')}$", server.log(), re.M)


def test_variables_that_came_are_counted_without_the_id(probe):
    plain, with_id = probe("--log-format", "line %(vars) %(request_id2)"), probe("--request-id", "--log-format", "line %(vars)")
    for server in (plain, with_id):
        server.get("/?1")
        server.wait_log("^line ")
    first, second = (re.search(r"^line (\d+)", server.log(), re.M).group(1) for server in (plain, with_id))
    assert first == second


def test_an_id_that_came_is_kept_only_where_that_is_asked_for(probe):
    for options, kept in ((["--request-id"], False), (["--request-id-trust"], True)):
        server = probe(*options)
        assert (server.get(SHOWN, headers={"X-Request-ID": "client-0001"}).body == b"'client-0001'") is kept
        for bad in ("short", "with space 1", "a" * 65, "quote\"-----"):
            assert re.fullmatch(rb"'[0-9a-f]{32}'", server.get(SHOWN, headers={"X-Request-ID": bad}).body)


def test_an_application_that_tells_an_id_itself_is_left_alone(probe):
    server = probe("--request-id-header", "X-Request-ID")
    answer = server.get(raw("start_response('200 OK', [('x-request-id', 'mine')]) and [b'']"))
    assert [v for k, v in answer.headers if k.lower() == "x-request-id"] == ["mine"]


def test_the_page_of_a_failure_tells_the_id(probe):
    server = probe("--request-id-header", "X-Request-ID", "--exception-500", "--log-format", "line %(request_id)")
    server.allow("NameError|Traceback")
    failed = server.get("/?nonsense")
    assert failed.status == 500
    server.wait_log(f"^line {failed.header('x-request-id')}$")


def test_a_running_request_shows_its_id(probe, tmp_path):
    server = probe("-M", "--request-id-trust", "--stats", tmp_path / "s")
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    with wire.connect(server.address()) as stream:
        stream.sendall(b"GET /?%s HTTP/1.1\r\nHost: h\r\nX-Request-ID: the-running-one\r\n\r\n" % quote(f"open({str(gate)!r}).read()").encode())
        until(lambda: "REQUEST_ID=the-running-one" in json.dumps(server.stats()), "the id among the variables of the running request")
        gate.write_text("")
        assert b"200 OK" in wire.read_all(stream)


# --- JSON -------------------------------------------------------------------------------------------------------------------

def test_every_line_of_the_server_is_an_object(probe):
    server = probe("-M", "-p", "2", "--log-json", "--disable-logging")
    server.quiet()
    server.send(signal.SIGHUP)
    server.wait_log("gracefully")
    until(lambda: server.log().count("spawned uWSGI worker 2") == 2, "the workers of the second life")
    server.stop(2)
    lines = [line for line in server.log().splitlines() if line]
    own = [json.loads(line) for line in lines if line.startswith("{")]
    assert [line for line in lines if not line.startswith("{")] == []
    assert all({"time", "level", "kind", "pid", "role", "message"} <= set(line) for line in own)
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", line["time"]) for line in own)
    assert {"main", "master"} <= {line["role"] for line in own}
    spawned = [line for line in own if line["message"].startswith("spawned uWSGI worker 1")]
    assert {line["pid"] for line in spawned} == {server.pid} and {line["role"] for line in spawned} == {"master"}


def test_objects_pass_loggers_and_look_like_lines_to_rules(probe, tmp_path):
    server = probe("-M", "--log-json", "--logger", "stdio", "--logger", f"file:{tmp_path}/all", "--log-drain", '"message":"[*]{3} Operational MODE')
    server.get("/?1")
    server.quiet()
    kept = tmp_path / "all"
    until(lambda: kept.exists() and '"kind":"request"' in kept.read_text(), "the line of the request in the file of the logger")
    server.stop(2)
    lines = [json.loads(line) for line in kept.read_text().splitlines() if line]
    assert {"master", "worker"} <= {line["role"] for line in lines}
    assert "Operational MODE" not in kept.read_text() and "spawned uWSGI master" in kept.read_text()


def test_a_request_is_an_object_with_stable_names(probe):
    server = probe("-M", "--log-json", "--log-format", "%(method) %(status)")
    server.get(raw("__import__('uwsgi').set_logvar('who', 'a\\nb') or start_response('404 No', []) and [b'12']"),
               headers={"User-Agent": 'a"b', "Referer": "http://r/", "traceparent": f"00-{TRACE}-{SPAN}-01"})
    [line] = requests(server)
    assert re.fullmatch("[0-9a-f]{32}", line["request_id"])
    expected = {"level": "warning", "role": "worker", "worker": 1, "core": 0, "app": 0, "method": "GET", "protocol": "HTTP/1.1", "status": 404,
                "remote_addr": "127.0.0.1", "user_agent": 'a"b', "referer": "http://r/", "trace_id": TRACE, "span_id": SPAN, "response_body_bytes": 2,
                "vars": {"who": "a\nb"}, "message": "GET 404", "app_requests": 1, "total_requests": 1, "read_errors": 0, "write_errors": 0}
    assert {name: line.get(name) for name in expected} == expected
    assert line["uri"].startswith("/raw?") and line["duration_us"] >= 0


def test_bytes_that_are_no_text_make_no_broken_object(probe):
    server = probe("--log-json", listen=("--socket", "127.0.0.1:0"))
    variables = [*wire.basic_vars("/", query="1"), ("HTTP_USER_AGENT", "\xff\xfe\x00\x1b\n"), ("REMOTE_USER", "caf\xe9")]
    wire.raw(server.address(), wire.packet(variables))
    [line] = requests(server)
    assert line["user_agent"] == "\ufffd\ufffd\x00\x1b\n" and line["remote_user"] == "caf\ufffd"


def test_traces_are_variables_of_log_format(probe):
    server = probe("--log-format", "line %(trace_id) %(span_id)")
    server.get("/?1", headers={"traceparent": f"00-{TRACE}-{SPAN}-00"})
    server.get("/?2", headers={"traceparent": f"00-{TRACE}-{SPAN}"})
    server.wait_log(rf"^line {TRACE} {SPAN}$")
    server.wait_log(r"^line - -$")


def test_the_id_of_a_request_that_is_lost_is_in_the_log(probe):
    server = probe("-M", "--request-id-trust", "--harakiri", "60")
    server.allow("DAMN", "was managing request")
    [worker] = [pid for pid in procs.tree(server.pid) if f"spawned uWSGI worker 1 (pid: {pid}," in server.log()]
    wire.raw(server.address(), b"GET /?%s HTTP/1.1\r\nHost: h\r\nX-Request-ID: the-lost-one\r\n\r\n"
             % quote(f"__import__('os').kill({worker}, 9)").encode())
    server.wait_log(r"was managing request GET .* id the-lost-one")
