"""Behind a real nginx: `uwsgi_pass`, `fastcgi_pass` and `scgi_pass` over TCP and UNIX."""

import hashlib
import os
import shutil
import subprocess

import pytest

from harness import cgi, paths, procs, wire
from harness.server import free_port
from harness.waiting import until

CONFIG = """\
daemon off;
master_process off;
pid {dir}/nginx.pid;
error_log {dir}/nginx.error warn;
events {{ worker_connections 256; }}
http {{
    access_log off;
    client_max_body_size 100m;
    client_body_temp_path {dir}/body;
    proxy_temp_path {dir}/proxy;
    uwsgi_temp_path {dir}/uwsgi;
    fastcgi_temp_path {dir}/fastcgi;
    scgi_temp_path {dir}/scgi;
    upstream kept {{ server {target}; keepalive 4; }}
    server {{
        listen 127.0.0.1:{port};
        location / {{ include /etc/nginx/{protocol}_params; {more} {protocol}_pass {target}; }}
        location /kept/ {{ include /etc/nginx/fastcgi_params; fastcgi_param PATH_INFO /length; fastcgi_keep_conn on; fastcgi_pass kept; }}
    }}
}}
"""
# Debian's files of these leave the path to whoever writes the location.
MORE = {name: f"{name}_param PATH_INFO $document_uri;" for name in ("fastcgi", "scgi")}
NGINX = shutil.which("nginx") or "/usr/sbin/nginx"


@pytest.fixture
def nginx(tmp_path):
    """Factory: nginx in front of a uwsgi address; answers its port."""
    assert os.path.exists(NGINX), "nginx is missing: run tests/setup.sh as root"
    running = []

    def start(target: str, protocol: str = "uwsgi") -> int:
        port = free_port()
        (tmp_path / "nginx.conf").write_text(
            CONFIG.format(dir=tmp_path, port=port, target=target, protocol=protocol, more=MORE.get(protocol, "")))
        process = subprocess.Popen([NGINX, "-p", tmp_path, "-c", tmp_path / "nginx.conf", "-e", tmp_path / "nginx.start"])
        running.append(process)
        until(lambda: process.poll() is None and _accepts(port), "nginx to listen")
        return port

    yield start
    for process in running:
        process.terminate()
        process.wait(10)
        assert not procs.alive(process.pid)


def _accepts(port) -> bool:
    try:
        wire.connect(port).close()
        return True
    except OSError:
        return False


@pytest.mark.parametrize("protocol", ["uwsgi", "fastcgi", "scgi"])
@pytest.mark.parametrize("where", ["tcp", "unix"])
def test_nginx_in_front(uwsgi, nginx, app, tmp_path, where, protocol):
    socket = "127.0.0.1:0" if where == "tcp" else str(tmp_path / "u.sock")
    options = ["--chmod-socket=666"] if where == "unix" else []
    option = "--socket" if protocol == "uwsgi" else f"--{protocol}-socket"
    server = uwsgi(option, socket, "-M", "-p", "2", "--wsgi-file", app("wires"), *options)
    target = f"unix:{socket}" if where == "unix" else "%s:%d" % server.address()
    port = nginx(target, protocol)
    assert wire.http(port, "/length").body == b"12345"
    assert wire.http(port, "/length", "HEAD").header("Content-Length") == "5"
    assert wire.http(port, "/missing").status == 404
    assert wire.http(port, "/generator").body.count(b"part") == 5
    data = os.urandom(1 << 20) * 10
    assert wire.http(port, "/digest", "POST", body=data).body == f"{hashlib.md5(data).hexdigest()} {len(data)}".encode()
    body = wire.http(port, "/env?a=b", headers={"X-Forwarded-Proto": "https"}).body
    assert b'"wsgi.url_scheme": "https"' in body and b'"QUERY_STRING": "a=b"' in body
    server.allow("Traceback")
    assert wire.http(port, "/exc-before").status == 502
    assert wire.http(port, "/length").status == 200


def test_nginx_keeps_connections_of_fastcgi(uwsgi, nginx, app):
    server = uwsgi("--fastcgi-socket", "127.0.0.1:0", "-M", "--wsgi-file", app("wires"), "--stats", "stats", "--stats-http")
    port = nginx("%s:%d" % server.address(), "fastcgi")
    for _ in range(20):
        assert wire.http(port, "/kept/").body == b"12345"
    assert cgi.socket_row(server)["accepted"] == 1


def test_flask_behind_nginx(uwsgi, nginx, app):
    server = uwsgi("--socket", "127.0.0.1:0", "-M", "-p", "2", "--wsgi-file", app("flaskapp"), "--callable", "app",
                   "-H", paths.VENV)
    port = nginx("%s:%d" % server.address())
    assert wire.http(port, "/").body == b"Hello from Flask"
    data = os.urandom(1 << 20)
    assert hashlib.md5(data).hexdigest().encode() in wire.http(port, "/upload", "POST", body=data).body


def test_django_upload_behind_nginx(uwsgi, nginx):
    server = uwsgi("--socket", "127.0.0.1:0", "-M", "--chdir", paths.APPS, "--module", "djangosite.wsgi", "-H", paths.VENV)
    port = nginx("%s:%d" % server.address())
    assert wire.http(port, "/").body == b"django says GET /"
    data = os.urandom(1 << 20) * 50
    body = b'--xyz\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n' + data + b"\r\n--xyz--\r\n"
    answer = wire.http(port, "/upload", "POST", {"Content-Type": "multipart/form-data; boundary=xyz"}, body, timeout=60)
    assert hashlib.md5(data).hexdigest().encode() in answer.body
