"""Every pair of blocks of docs/web-servers.md, run as written; only ports and directories are this test's."""

import contextlib
import hashlib
import json
import os
import pathlib
import re
import shutil
import socket
import tempfile
import threading

import pytest

from harness import paths, wire
from harness.apache import Apache
from harness.haproxy import Haproxy
from harness.lighttpd import Lighttpd
from harness.nginx import Nginx
from harness.server import free_port
from harness.waiting import until

pytestmark = [pytest.mark.ours]

PAGE = (paths.REPO / "docs/web-servers.md").read_text()
KINDS = {front.kind: front for front in (Nginx, Apache, Lighttpd, Haproxy)}
PAIR = re.compile(r"^### (.*?)$\n+```ini\n(.*?)^```\n+```(\w+)\n(.*?)^```", re.M | re.S)
PAIRS = {title: (ini, kind, block) for title, ini, kind, block in PAIR.findall(PAGE)}
CLIENT = "127.0.0.9"


def test_every_block_of_the_page_is_run():
    kinds = [kind for kind in re.findall(r"^```(\w+)$", PAGE, re.M) if kind != "ini"]
    assert len(kinds) == len(PAIRS) >= 13 and set(kinds) == set(KINDS)


def connect(port) -> socket.socket:
    """As a client with an address of its own."""
    return socket.create_connection(("127.0.0.1", port), 20, (CLIENT, 0))


def ask(port, path="/", method="GET", body=b"", headers=None) -> wire.Response:
    with contextlib.closing(connect(port)) as stream:
        stream.sendall(wire.request_bytes(method, path, {"Connection": "close"} | (headers or {}), body))
        return wire.Reader(stream).response(method)


@pytest.fixture
def site(uwsgi, tmp_path):
    """Factory: our server and the front of a section, front first ended."""
    with contextlib.ExitStack() as stack:
        # Fronts give up root: they must be able to come here.
        place = pathlib.Path(tempfile.mkdtemp(prefix="uwsgi-front-"))
        stack.callback(shutil.rmtree, place)
        place.chmod(0o777)

        def start(title, *options):
            ini, kind, block = PAIRS[title]
            (tmp_path / "app.ini").write_text(re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:0", ini).replace("/run/app", str(place))
                                              .replace("app.py", str(paths.APPS / "fronted.py")))
            server = uwsgi("--ini", tmp_path / "app.ini", *options)
            if "/run/app" not in ini:
                port = str(address_of(server, ini)[1])
                block = re.sub(r"127\.0\.0\.1:\d+", f"127.0.0.1:{port}", block).replace('"port" => 3031', f'"port" => {port}')
            front = KINDS[kind](place, block.replace("/run/app", str(place)))
            stack.callback(front.close)
            until(lambda: ask(front.port).body == b"hello", "a way through")
            return server, front

        yield start


def address_of(server, ini):
    if re.search(r"^http = ", ini, re.M):
        return "127.0.0.1", int(server.wait_log(r"uWSGI http bound on 127\.0\.0\.1:(\d+)")[1])
    return server.address()


def streams(front, tmp_path):
    """The first part is here while the last one is not made."""
    gate = tmp_path / "gate"
    with contextlib.closing(connect(front.port)) as stream:
        stream.sendall(wire.request_bytes(path=f"/stream?{gate}", headers={"Connection": "close"}))
        got = b""
        while b"first" not in got:
            piece = stream.recv(65536)
            assert piece, got
            got += piece
        assert b"last" not in got
        gate.touch()
        assert b"last" in got + wire.read_all(stream)


@pytest.mark.parametrize("title", PAIRS)
def test_what_a_front_must_not_spoil(site, tmp_path, title):
    server, front = site(title)
    port = front.port
    environ = json.loads(ask(port, "/env?a=b%20c", headers={"X-Marked": "yes"}).body)
    said = {name: environ.get(name) for name in ("REQUEST_METHOD", "PATH_INFO", "SCRIPT_NAME", "QUERY_STRING", "HTTP_X_MARKED", "wsgi.url_scheme")}
    assert said == {"REQUEST_METHOD": "GET", "PATH_INFO": "/env", "SCRIPT_NAME": "", "QUERY_STRING": "a=b%20c", "HTTP_X_MARKED": "yes",
                    "wsgi.url_scheme": "http"}
    assert environ["HTTP_X_FORWARDED_FOR" if "X-Forwarded-For" in front.config.read_text() else "REMOTE_ADDR"] == CLIENT
    if title != "Apache, SCGI":
        assert json.loads(ask(port, "/%65nv").body)["PATH_INFO"] == "/env"
    server.wait_log(rf"{CLIENT.replace('.', '[.]')}.* GET /env")
    data = os.urandom(1 << 20) * 10
    assert ask(port, "/digest", "POST", data).body == f"{hashlib.md5(data).hexdigest()} {len(data)}".encode()
    assert ask(port, "/digest", "POST", headers={"Content-Length": "0"}).body == f"{hashlib.md5(b'').hexdigest()} 0".encode()
    assert ask(port, "/", "HEAD").header("Content-Length") == "5"
    missing = ask(port, "/missing")
    assert (missing.status, missing.body) == (404, b"nothing")
    streams(front, tmp_path)
    with contextlib.closing(connect(port)) as stream:
        reader = wire.Reader(stream)
        for _ in range(20):
            stream.sendall(wire.request_bytes())
            assert reader.response().body == b"hello"
        stream.sendall(wire.request_bytes("POST", "/digest", body=b"abc"))
        assert reader.response().body == b"900150983cd24fb0d6963f7d28e17f72 3"


@pytest.mark.parametrize("title", PAIRS)
def test_no_request_fails_while_uwsgi_reloads(site, title):
    server, front = site(title)
    done, wrong, asked = threading.Event(), [], [0]

    def hammer():
        while not done.is_set():
            try:
                answer = ask(front.port)
                if (answer.status, answer.body) != (200, b"hello"):
                    wrong.append(answer)
            except (OSError, EOFError) as e:
                wrong.append(e)
            asked[0] += 1

    hammers = [threading.Thread(target=hammer) for _ in range(3)]
    for one in hammers:
        one.start()
    try:
        for _ in range(2):
            mark, before = server.reload(), asked[0]
            server.wait_log("WSGI app 0", after=mark)
            until(lambda b=before: asked[0] > b + 20, "requests after the reload")
    finally:
        done.set()
        for one in hammers:
            one.join()
    assert not wrong, f"{len(wrong)} of {asked[0]}: {wrong[:3]}\n{front.said()}"


@pytest.mark.parametrize("title", ["nginx, HTTP with kept connections", "HAProxy, HTTP with kept connections"])
def test_a_front_that_keeps_connections_keeps_them(site, title):
    numbers = free_port()
    _, front = site(title, "--prometheus", f"127.0.0.1:{numbers}", "--prometheus-cores")

    def reused():
        page = wire.http(numbers, "/metrics").body.decode()
        return sum(map(int, re.findall(r"^uwsgi_worker_core_keepalive_reuses_total\S* (\d+)$", page, re.M)))

    before = reused()
    with contextlib.closing(connect(front.port)) as stream:
        reader = wire.Reader(stream)
        for _ in range(20):
            stream.sendall(wire.request_bytes())
            assert reader.response().body == b"hello"
    until(lambda: reused() >= before + 19, "requests on a connection that was kept")
