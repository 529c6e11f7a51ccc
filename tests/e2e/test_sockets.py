"""Forms of listening addresses, and the protocols spoken on them."""

import socket

import pytest

from harness import wire
from harness.server import free_port


def unix_request(address) -> wire.Response:
    return wire.http(str(address))


def test_tcp_with_auto_port_is_reported(uwsgi, app):
    server = uwsgi("--http-socket", "127.0.0.1:0", "--wsgi-file", app("hello"))
    line = server.wait_log(r"uwsgi socket 0 bound to TCP address 127\.0\.0\.1:(\d+) \(port auto-assigned\) fd \d+")
    assert wire.http(int(line[1])).body == b"Hello World"


def test_tcp_with_given_port(uwsgi, app):
    port = free_port()
    server = uwsgi("--http-socket", f"127.0.0.1:{port}", "--wsgi-file", app("hello"))
    server.wait_log(rf"uwsgi socket 0 bound to TCP address 127\.0\.0\.1:{port} fd \d+")
    assert wire.http(port).status == 200


def test_ipv6(uwsgi, app):
    port = free_port(socket.AF_INET6, "::1")
    server = uwsgi("--http-socket", f"[::1]:{port}", "--wsgi-file", app("hello"))
    server.wait_log(rf"uwsgi socket 0 bound to TCP6 address \[::1\]:{port} fd \d+")
    assert wire.http(("::1", port)).body == b"Hello World"


def test_unix_http(uwsgi, app, tmp_path):
    server = uwsgi("--http-socket", tmp_path / "h.sock", "--wsgi-file", app("hello"), "--chmod-socket=666")
    server.wait_log(rf"uwsgi socket 0 bound to UNIX address {tmp_path}/h.sock fd \d+")
    assert unix_request(tmp_path / "h.sock").body == b"Hello World"
    assert (tmp_path / "h.sock").stat().st_mode & 0o777 == 0o666


def test_relative_unix_name(uwsgi, app, tmp_path):
    uwsgi("--http-socket", "rel.sock", "--wsgi-file", app("hello"))
    assert unix_request(tmp_path / "rel.sock").body == b"Hello World"


def test_abstract_padded_form(uwsgi, app, tmp_path):
    name = f"uwsgitest{tmp_path.name}{tmp_path.parent.name}"
    uwsgi("--http-socket", f"@{name}", "--wsgi-file", app("hello"))
    assert wire.http(f"@{name}\0").body == b"Hello World"


@pytest.mark.ours
def test_abstract_exact_form_is_an_alias(uwsgi, app, tmp_path):
    name = f"uwsgitest{tmp_path.name}{tmp_path.parent.name}"
    uwsgi("--http-socket", f"@{name}", "--wsgi-file", app("hello"))
    for _ in range(3):
        assert wire.http(f"@{name}").body == b"Hello World"
        assert wire.http(f"@{name}\0").body == b"Hello World"


def test_several_sockets_are_numbered_in_order(uwsgi, app, tmp_path):
    server = uwsgi("--http-socket", "127.0.0.1:0", "--socket", tmp_path / "u.sock", "--http11-socket", "127.0.0.1:0",
                   "--wsgi-file", app("hello_length"))
    assert server.get().body == b"Hello World"
    assert wire.raw(server.address(1), wire.packet(wire.basic_vars())).endswith(b"Hello World")
    assert wire.http(server.address(2)).body == b"Hello World"


def test_uwsgi_protocol_over_tcp(uwsgi, app):
    server = uwsgi("--uwsgi-socket", "127.0.0.1:0", "--wsgi-file", app("wires"))
    answer = wire.raw(server.address(), wire.packet(wire.basic_vars("/echo", "POST", CONTENT_LENGTH=4), b"body"))
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n") and answer.endswith(b"\r\n\r\nbody")


def test_ping_packet(uwsgi, app):
    server = uwsgi("--socket", "127.0.0.1:0", "--wsgi-file", app("hello"))
    assert wire.raw(server.address(), b"\x64\x00\x00\x00") == b"\x64\x00\x00\x01"
    server.wait_log("PING")


def test_http_bytes_on_a_uwsgi_socket_name_the_block_size(uwsgi, app):
    server = uwsgi("--socket", "127.0.0.1:0", "--wsgi-file", app("hello"))
    assert wire.raw(server.address(), b"GET / HTTP/1.0\r\n\r\n") == b""
    server.wait_log(r"invalid request block size: 21573 \(max 4096\)\.\.\.skip")


@pytest.mark.parametrize("pairs, lives", [(128, True), (129, False)])
def test_the_number_of_variables_is_limited(uwsgi, app, pairs, lives):
    server = uwsgi("--socket", "127.0.0.1:0", "--wsgi-file", app("hello"))
    block = wire.basic_vars()
    block += [(f"V{i}", "x") for i in range(pairs - len(block))]
    answer = wire.raw(server.address(), wire.packet(block))
    if lives:
        assert answer.endswith(b"Hello World")
    else:
        assert answer == b""
        server.wait_log(r"max vec size reached\. skip this var\.")


def test_max_vars_raises_the_limit(uwsgi, app):
    server = uwsgi("--socket", "127.0.0.1:0", "--max-vars", "200", "--wsgi-file", app("hello"))
    block = wire.basic_vars() + [(f"V{i}", "x") for i in range(200)]
    assert wire.raw(server.address(), wire.packet(block)).endswith(b"Hello World")


@pytest.mark.parametrize("options, most", [([], 128), (["--max-vars", "10"], 20)], ids=["default", "10"])
def test_max_vars_counts_half_of_the_pairs(uwsgi, app, options, most):
    server = uwsgi("--socket", "127.0.0.1:0", *options, "--wsgi-file", app("hello"))
    base = wire.basic_vars()
    for count, answered in ((most, True), (most + 1, False)):
        more = [(f"X{i}", "v") for i in range(count - len(base))]
        assert (b"200 OK" in wire.raw(server.address(), wire.packet([*base, *more]))) == answered
        server.wait_log(rf"{{{2 * most} vars in \d+ bytes}}")
    server.wait_log(r"^max vec size reached\. skip this var\.$")


@pytest.mark.parametrize("block, text", [
    (b"\x00\x00\x01\x00x", r"uwsgi key cannot be null\. skip this var\."),
    (b"\x04\x00NAME\xff\x00v", r"invalid uwsgi request \(current strsize: \d+\)\. skip\."),
])
def test_broken_variables_close_without_a_byte(uwsgi, app, block, text):
    server = uwsgi("--socket", "127.0.0.1:0", "--wsgi-file", app("hello"))
    assert wire.raw(server.address(), wire.packet(block)) == b""
    server.wait_log(text)
    assert wire.raw(server.address(), wire.packet(wire.basic_vars())).endswith(b"Hello World")


def test_unknown_modifier_is_named(uwsgi, app):
    server = uwsgi("--socket", "127.0.0.1:0", "--wsgi-file", app("hello"))
    assert wire.raw(server.address(), wire.packet(wire.basic_vars(), modifier1=77)) == b""
    server.wait_log(r"-- unavailable modifier requested: 77 --")


def test_protocol_option_applies_to_plain_sockets(uwsgi, app):
    server = uwsgi("--socket", "127.0.0.1:0", "--protocol", "http", "--wsgi-file", app("hello"))
    assert server.get().body == b"Hello World"


def test_vacuum_removes_unix_sockets_and_pidfiles(uwsgi, app, tmp_path):
    server = uwsgi("-M", "--vacuum", "--http-socket", tmp_path / "v.sock", "--pidfile", tmp_path / "v.pid",
                   "--stats", tmp_path / "s.sock", "--wsgi-file", app("hello"))
    assert unix_request(tmp_path / "v.sock").status == 200
    assert server.stop() == 0
    assert f"VACUUM: unix socket {tmp_path}/v.sock removed." in server.log()
    assert not [p for p in tmp_path.iterdir() if p.suffix in (".sock", ".pid")]


@pytest.mark.ours
def test_vacuum_still_removes_after_a_reload(uwsgi, app, tmp_path):
    server = uwsgi("-M", "--vacuum", "--http-socket", tmp_path / "v.sock", "--wsgi-file", app("hello"))
    mark = server.mark()
    server.send(1)
    server.wait_log(r"^spawned uWSGI worker 1 ", after=mark)
    server.settle()
    assert server.stop() == 0
    assert not (tmp_path / "v.sock").exists()


@pytest.mark.ours
@pytest.mark.parametrize("protocol, data, parser", [
    ("uwsgi", b"\0\x20\0\0\x03\0abc", "uwsgi"), ("uwsgi", b"\0\x20", "uwsgi"), ("puwsgi", b"\0\x20\0\0", "uwsgi"),
    ("scgi", b"70:CONTENT_LENGTH", "scgi"), ("fastcgi", b"\x01\x01\0\x01\0\x08\0\0\0\x01", "fastcgi"), ("http", b"GET / HT", "http")])
def test_a_request_that_breaks_off_has_a_line(uwsgi, app, protocol, data, parser):
    server = uwsgi(f"--{protocol}-socket", "127.0.0.1:0", "-M", "--wsgi-file", app("hello"))
    with wire.connect(server.address()) as stream:
        stream.sendall(data)
        stream.shutdown(socket.SHUT_WR)
        assert wire.read_all(stream) == b""
    server.wait_log(rf"^uwsgi_proto_{parser}_parser\(\) -> client closed connection$")


def test_a_job_for_a_spooler_is_refused_in_the_words_of_the_protocol(uwsgi, app):
    """Who enqueues one over the network hears that nobody has taken it, and nothing is counted as a request of an application."""
    server = uwsgi("--socket", "127.0.0.1:0", "-M", "--wsgi-file", app("hello"))
    packet = wire.packet([("spooler", "x"), ("key", "value")], modifier1=17)
    assert wire.raw(server.address(), packet) == b"\xff\0\0\0"
    server.wait_log(r"^the spooler is inactive !!!\.\.\.skip$")
    assert "=> generated" not in server.log()


def test_keep_alive_on_http11_socket(uwsgi, app):
    server = uwsgi("--http11-socket", "127.0.0.1:0", "--wsgi-file", app("hello_length"))
    with wire.connect(server.address()) as stream:
        reader = wire.Reader(stream)
        for _ in range(5):
            stream.sendall(wire.request_bytes())
            assert reader.response().body == b"Hello World"


@pytest.mark.ours
def test_http11_socket_does_better(uwsgi, app):
    """Pipelining, Connection: close honoured, framing added, the peer's address kept."""
    server = uwsgi("--http11-socket", "127.0.0.1:0", "--wsgi-file", app("wires"))
    with wire.connect(server.address()) as stream:
        reader = wire.Reader(stream)
        stream.sendall(wire.request_bytes(path="/length") + wire.request_bytes(path="/generator")
                       + wire.request_bytes(path="/env", headers={"Connection": "close"}))
        assert reader.response().body == b"12345"
        assert reader.response().body.count(b"part") == 5
        third = reader.response()
        assert b'"REMOTE_ADDR": "127.0.0.1"' in third.body
        assert reader.rest() == b""


def test_http_router_keeps_alive_when_asked(uwsgi, app):
    port = free_port()
    uwsgi("--http", f"127.0.0.1:{port}", "--http-keepalive", "--wsgi-file", app("hello_length"))
    with wire.connect(port) as stream:
        reader = wire.Reader(stream)
        for _ in range(5):
            stream.sendall(wire.request_bytes())
            assert reader.response().body == b"Hello World"


@pytest.mark.ours
def test_http_router_passes_chunks_both_ways_when_asked(uwsgi, app):
    port = free_port()
    server = uwsgi("--http", f"127.0.0.1:{port}", "--http-keepalive", "--http-auto-chunked", "--http-chunked-input",
                   "--wsgi-manage-chunked-input", "--wsgi-file", app("wires"))
    with wire.connect(port) as stream:
        reader = wire.Reader(stream)
        for _ in range(2):
            stream.sendall(wire.request_bytes(path="/generator"))
            answer = reader.response()
            assert answer.header("Transfer-Encoding") == "chunked" and answer.body.count(b"part") == 5
        stream.sendall(b"POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
                       b"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n")
        assert reader.response().body == b"hello world"
    assert "not implemented" not in server.log()


def test_http_router_adds_its_variables(uwsgi, app):
    port = free_port()
    uwsgi("--http", f"127.0.0.1:{port}", "--wsgi-file", app("wires"))
    body = wire.http(port, "/env").body
    assert b'"UWSGI_ROUTER": "http"' in body and b'"REMOTE_PORT"' in body and b'"REMOTE_ADDR": "127.0.0.1"' in body


def test_upload_through_the_router(uwsgi, app):
    port, data = free_port(), b"0123456789abcdef" * 65536 * 4
    uwsgi("--http", f"127.0.0.1:{port}", "-M", "-p", "2", "--wsgi-file", app("wires"))
    for _ in range(3):
        assert wire.http(port, "/echo", "POST", body=data).body == data
