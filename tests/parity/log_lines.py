"""The line of a request, byte for byte but for pids, times, durations and how often a core waited: shapes of requests over each
protocol, every variable of `log-format`, what is logged although logging is off."""

import contextlib
import re

from harness import cgi, wire
from harness.cgi import variables

from .box import AUTO
from .normal import DAY
from .scenarios import scenario

RULES = [(DAY, "DATE"), (r"\bpid: \d+", "pid: PID"), (r" in \d+ (msecs|micros)", r" in N \1"), (r"\(\d+ switches", "(N switches"),
         (r"\d+ bytes/\d+MB", "N bytes/NMB")]


def lines_of(box, server, pattern):
    """What the log says, as exactly as two runs can agree."""
    server.quiet()
    box.note("exit", f"{server.stop(2)}")
    for line in server.log().splitlines():
        if re.search(pattern, line):
            for rule, name in RULES:
                line = re.sub(rule, name, line)
            box.seen.append(f"line| {line}")


def unix(box, option, *options, app="wires"):
    """Without ports, sizes of requests are the same in both runs."""
    return box.serve(f"--{option}", str(box.directory / "s"), "-M", *options, "--wsgi-file", box.app(app))


def send(server, data):
    wire.raw(server.address(), data)


PATHS = ("/length", "/empty", "/generator", "/write", "/no-content", "/not-modified", "/headers", "/missing", "/twice", "/late-start",
         "/exc-before", "/exc-after", "/exc-mid", "/none", "/empty-chunk", "/bare-bytes", "/many?n=300")


@scenario
def lines_of_http(box):
    server = unix(box, "http-socket")
    for path in PATHS:
        send(server, wire.request_bytes("GET", path))
    send(server, wire.request_bytes("HEAD", "/empty"))
    for method in ("POST", "PUT", "DELETE", "OPTIONS", "PATCH", "PURGE", "get"):
        send(server, wire.request_bytes(method, "/generator"))
    for version in ("1.0", "1.1"):
        send(server, wire.request_bytes("GET", "/length", version=version))
    for uri in ("/length?", "/length?a=b&c=%20%22", "/length;a=b?c", "//length", "/length%0A", "/l%C3%A9", '/"quoted"', "/length?" + "q" * 1500):
        send(server, wire.request_bytes("GET", uri))
    send(server, wire.request_bytes("POST", "/echo", body=b"12345"))
    send(server, wire.request_bytes("POST", "/length", body=b"unread"))
    send(server, wire.request_bytes("GET", "/length", {"X-Forwarded-For": "1.2.3.4", "User-Agent": 'a "b"', "Referer": "http://r/"}))
    send(server, b"GET /length HTTP/1.0\r\n\r\n")
    send(server, b"GET /length HTTP/1.1\r\nHost: h\r\nX-A: 1\r\nx-a: 2\r\n\r\n")
    lines_of(box, server, "=> generated")


@scenario
def lines_of_long_requests(box):
    server = unix(box, "http-socket", "--buffer-size", "16384")
    for size in (3700, 3880, 4000, 4096, 8000):
        send(server, wire.request_bytes("GET", "/" + "u" * size))
    lines_of(box, server, "=> generated")


@scenario
def lines_of_long_requests_with_prefixes(box):
    server = unix(box, "http-socket", "--buffer-size", "16384", "--vhost", "--memory-report")
    for size in (1, 3700, 3880, 4000):
        send(server, wire.request_bytes("GET", "/" + "u" * size, {"Host": "a.example"}))
    lines_of(box, server, "=> generated")


@scenario
def lines_of_uwsgi(box):
    server = unix(box, "socket")
    for path in PATHS:
        send(server, wire.packet(wire.basic_vars(path)))
    for missing in ("REQUEST_METHOD", "REQUEST_URI", "SERVER_PROTOCOL", "REMOTE_ADDR", "PATH_INFO", "HTTP_HOST", "SERVER_NAME"):
        send(server, wire.packet([(k, v) for k, v in wire.basic_vars("/length") if k != missing]))
    for name, value in (("REMOTE_USER", "me"), ("REMOTE_ADDR", "a b"), ("REQUEST_METHOD", ""), ("SERVER_PROTOCOL", "HTTP/2.0"), ("REQUEST_URI", "no slash"),
                        ("REQUEST_URI", "two\\twords"), ("HTTP_X_FORWARDED_FOR", "1.1.1.1"), ("REMOTE_USER", "caf\u00e9")):
        send(server, wire.packet([*((k, v) for k, v in wire.basic_vars("/length") if k != name), (name, value)]))
    send(server, wire.packet([("A", "b")]))
    lines_of(box, server, "=> generated")


@scenario
def lines_of_kept_connections(box):
    server = unix(box, "http11-socket", "--add-header", "X-Added: yes")
    with contextlib.closing(wire.connect(server.address())) as stream:
        for n in range(3):
            stream.sendall(b"GET /length?%d HTTP/1.1\r\nHost: h\r\n\r\n" % n)
            got = b""
            while not got.endswith(b"12345"):
                got += stream.recv(4096)
    lines_of(box, server, "=> generated")


@scenario
def lines_of_scgi_and_fastcgi(box):
    for option, make in (("scgi-socket", cgi.scgi), ("fastcgi-socket", cgi.fastcgi)):
        server = unix(box, option)
        for path in ("/length", "/headers", "/missing", "/exc-before"):
            send(server, make(variables(path)))
        lines_of(box, server, "=> generated")


@scenario
def lines_with_forwarded_addresses(box):
    server = unix(box, "http-socket", "--log-micros", "--log-x-forwarded-for", "--need-app")
    for address in (None, "1.2.3.4, 5.6.7.8", "", " x "):
        send(server, wire.request_bytes("GET", "/length", {} if address is None else {"X-Forwarded-For": address}))
    lines_of(box, server, "=> generated")


STEADY = ("uri", "method", "user", "addr", "host", "proto", "uagent", "referer", "status", "rsize", "hsize", "size", "cl", "pktsize", "modifier1", "modifier2",
          "headers", "werr", "rerr", "ioerr", "wid", "core", "vars", "vsz", "rss", "vszM", "rssM", "var.PATH_INFO", "var.NOBODY", "var.", "metric.nobody",
          "metric.m", "nobody", "uwsgi.nobody", "who", "other", "var.ADDED")
MOVING = {"pid": r"\d+", "micros": r"\d+", "msecs": r"\d+", "secs": r"\d\.\d{6}", "time": r"\d{10}", "tmsecs": r"\d{13}", "tmicros": r"\d{16}", "epoch": r"\d{10}",
          "ctime": DAY, "ltime": r"\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}", "ftime": r"\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}",
          "switches": r"\d+"}


@scenario
def every_variable_of_log_format(box):
    steady = " ".join(f"{name}=<%({name})>" for name in STEADY)
    for option in ("socket", "http-socket"):
        server = unix(box, option, "--metric", "name=m,initial_value=-7", "--log-format", f"line {steady}", app="running")
        for headers in ({}, {"User-Agent": 'a"b', "Referer": "http://r/"}):
            if option == "socket":
                extra = [(f"HTTP_{name.upper().replace('-', '_')}", value) for name, value in headers.items()]
                send(server, wire.packet([*wire.basic_vars("/logvars"), *extra, ("REMOTE_USER", "me"), ("CONTENT_LENGTH", "")]))
            else:
                send(server, wire.request_bytes("POST", "/logvars?q", headers, body=b"1234567"))
        lines_of(box, server, "^line ")


@scenario
def moving_variables_of_log_format(box):
    moving = "|".join(f"{name}=<%({name})>" for name in MOVING)
    server = unix(box, "http-socket", "--log-format", f"line {moving}")
    send(server, wire.request_bytes("GET", "/length"))
    server.quiet()
    box.note("exit", f"{server.stop(2)}")
    line = re.search("^line (.*)", server.log(), re.M).group(1)
    for name, pattern in MOVING.items():
        box.note(name, bool(re.search(f"{name}=<{pattern}>", line)) or line)


@scenario
def dates_of_log_format(box):
    for options in (["--logformat-strftime"], ["--log-date=day %j"], ["--log-format-strftime", "--log-date=day %j"], ["--logformat-strftime", "--log-date"]):
        server = unix(box, "http-socket", *options, "--logformat", "line %(ftime)|")
        send(server, wire.request_bytes("GET", "/length"))
        server.quiet()
        server.stop(2)
        text = re.search("^line (.*)", server.log(), re.M).group(1)
        box.note(" ".join(options), re.sub(r"\d", "N", text))


@scenario
def literals_of_log_format(box):
    for form in ("", "100% %x %%(uri)", "%(nobody)%(nobody)", "a %(a(b)) c", "tab\\tnew", "%(uri)%%"):
        server = unix(box, "http-socket", "--log-format", f"line {form}")
        send(server, wire.request_bytes("GET", "/length"))
        lines_of(box, server, "^line ")


@scenario
def filters_of_request_lines(box):
    for options in (["--log-4xx"], ["--log-5xx"], ["--log-zero"], ["--log-big", "5"], ["--log-big", "6"], ["--log-sendfile", "1"], ["--log-slow", "100000"], []):
        server = unix(box, "http-socket", "--disable-logging", *options, app="running")
        for uri in ("/values", "/nowhere", "/log-me", f"/sendfile?{box.app('hello')}"):
            send(server, wire.request_bytes("GET", uri))
        box.note("filter", " ".join(options))
        lines_of(box, server, "=> generated")
    server = unix(box, "http-socket", "--disable-logging", "--log-4xx", "--log-5xx", "--log-zero", "--log-big", "200000")
    for path in PATHS:
        send(server, wire.request_bytes("GET", path))
    lines_of(box, server, "=> generated")
