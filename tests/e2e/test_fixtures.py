"""Configurations quoted all over the web. What is built must start and serve as written (ports and
directories are ours); of the rest every option resolves as written, and each one that is not built is
named in one line with its place."""

import contextlib
import os
import signal

import pytest

from corpus.cases import HERE
from corpus.resolve import listed, pending, resolved, run
from harness import paths, procs, wire
from harness.server import free_port
from harness.waiting import until

pytestmark = pytest.mark.ours

HELLO = str(paths.APPS / "hello.py")


# ---- what serves
@pytest.mark.parametrize("more", [[], ["--master", "--processes", "4", "--threads", "2", "--stats", "127.0.0.1:{stats}"]])
def test_http_router_and_file(uwsgi, more):
    port, stats = free_port(), free_port()
    uwsgi("--http", f":{port}", "--wsgi-file", HELLO, *(word.format(stats=stats) for word in more))
    assert wire.http(port).body == b"Hello World"


@pytest.mark.parametrize("way", ["--socket", "--http-socket"])
def test_behind_a_web_server(uwsgi, way):
    stats = free_port()
    server = uwsgi(way, "127.0.0.1:0", "--wsgi-file", HELLO, "--master", "--processes", "4", "--threads", "2",
                   "--stats", f"127.0.0.1:{stats}")
    speak(server, way)
    assert len(server.stats()["workers"]) == 4


def speak(server, way: str) -> None:
    """One request in the protocol of the socket."""
    if way == "--socket":
        answer = wire.raw(server.address(), wire.packet(wire.basic_vars()))
        assert answer.startswith(b"HTTP/1.1 200 OK") and answer.endswith(b"Hello World")
    else:
        assert server.get().body == b"Hello World"


GROWING = ["-w hello", "-w hello -p 4", "-w hello -M -p 4", "-w hello -M -p 4 -t 30",
           "-w hello -M -p 4 -t 30 --limit-as 2048", "-w hello -M -p 4 -t 30 --limit-as 2048 -R 10000"]


@pytest.mark.parametrize("line", GROWING)
def test_each_prefix_of_the_growing_line(uwsgi, line):
    server = uwsgi("-s", "127.0.0.1:0", *line.split(), cwd=paths.APPS)
    speak(server, "--socket")
    server.expect = {0} if "-M" in line else {0, 30}
    if "-M" not in line:
        os.killpg(server.pid, signal.SIGINT)  # as a terminal does: nobody watches the other workers


@contextlib.contextmanager
def daemon(*args, cwd, log, pidfile, workers=4):
    """Starts a server that leaves; waits for its workers, and at the end for its last words."""
    code, text = run(*args, cwd=cwd)
    assert code == 0, text
    pid = int(until(lambda: pidfile.exists() and pidfile.read_text().strip(), "the pidfile"))
    until(lambda: f"spawned uWSGI worker {workers} (" in log.read_text(), "its workers")
    try:
        yield
    finally:
        assert run("--stop", pidfile, cwd=cwd)[0] == 0
        until(lambda: not procs.alive(pid), "the end of the daemon")
    assert "goodbye to uWSGI." in log.read_text()


def test_the_growing_line_as_a_daemon(nothing_left, tmp_path):
    """Its last form: the first process ends, the daemon writes its log and its pid."""
    log, pidfile, path = tmp_path / "uwsgi.log", tmp_path / "u.pid", tmp_path / "s.sock"
    line = [*GROWING[-1].split(), "-d", log, "--pidfile", pidfile, "--chdir", paths.APPS]
    with daemon("-s", path, *line, cwd=tmp_path, log=log, pidfile=pidfile):
        assert wire.raw(str(path), wire.packet(wire.basic_vars())).endswith(b"Hello World")


DJANGO = """\
[uwsgi]
socket = 127.0.0.1:0
chdir = {apps}
home = {venv}
wsgi-file = djangosite/wsgi.py
processes = 4
threads = 2
stats = 127.0.0.1:{stats}
"""
DJANGO_OLD = """\
[uwsgi]
http-socket = 127.0.0.1:0
chdir = {apps}/djangosite
home = {venv}
pythonpath = ..
env = DJANGO_SETTINGS_MODULE=djangosite.settings
module = django.core.wsgi:get_wsgi_application()
master = true
"""


def test_django_by_its_file(uwsgi, tmp_path):
    path, stats = tmp_path / "yourfile.ini", free_port()
    path.write_text(DJANGO.format(apps=paths.APPS, venv=paths.VENV, stats=stats))
    server = uwsgi(path, workers=4)
    assert wire.raw(server.address(), wire.packet(wire.basic_vars())).endswith(b"django says GET /")


def test_django_by_handler_and_environment(uwsgi, tmp_path):
    path = tmp_path / "old.ini"
    path.write_text(DJANGO_OLD.format(apps=paths.APPS, venv=paths.VENV))
    assert uwsgi("--ini", path).get().body == b"django says GET /"


def test_flask_callable_and_three_mounts(uwsgi, tmp_path):
    for number in (1, 2, 3):
        (tmp_path / f"app{number}.py").write_text(
            "def app(e, s):\n    s('200 OK', [])\n"
            f"    return [('%s %s {number}' % (e['SCRIPT_NAME'], e['PATH_INFO'])).encode()]\n")
    path = tmp_path / "mounts.ini"
    path.write_text("[uwsgi]\nplugin = python\nmount = /app1=app1.py\nmount = /app2=app2.py\nmount = /app3=app3.py\n"
                    "callable = app\nmanage-script-name = true\nhttp-socket = 127.0.0.1:0\nmaster = 1\n")
    server = uwsgi("--ini", path)
    assert [server.get(f"/app{n}/x").body for n in (1, 2, 3)] == [f"/app{n} /x {n}".encode() for n in (1, 2, 3)]


PRODUCTION = """\
[uwsgi]
chdir = {apps}
chmod-socket=664
module = hello
master = True
processes = %(%k * 4)
pidfile = {dir}/%n.pid
uwsgi-socket = {dir}/%n.sock
stats = {dir}/%n_stat.sock
vacuum = True
harakiri = 50
harakiri-verbose = True
single-interpreter = True
memory-report = True
max-requests = 10000
listen = {listen}
log-truncate = True
disable-logging = True
daemonize = {dir}/%n_uwsgi.log
procname-master = uwsgi --ini %n.ini (master)
procname = uwsgi --ini %n.ini
need-app = True
"""


def production(directory, listen: int):
    path = directory / "prod.ini"
    path.write_text(PRODUCTION.format(apps=paths.APPS, dir=directory, listen=listen))
    return path


def test_the_production_file(nothing_left, tmp_path):
    log, path, workers = tmp_path / "prod_uwsgi.log", tmp_path / "prod.sock", 4 * len(os.sched_getaffinity(0))
    with daemon("--ini", production(tmp_path, 128), cwd=tmp_path, log=log, pidfile=tmp_path / "prod.pid", workers=workers):
        assert wire.raw(str(path), wire.packet(wire.basic_vars())).endswith(b"Hello World")
        assert path.stat().st_mode & 0o777 == 0o664
    assert not [name for name in tmp_path.iterdir() if name.suffix in (".sock", ".pid")]


def test_the_production_file_asks_for_a_long_queue(tmp_path):
    path = production(tmp_path, 1 << 28)
    path.write_text(path.read_text().replace("daemonize", ";daemonize"))
    code, text = run("--ini", path, cwd=tmp_path)
    assert code == 1 and "Listen queue size is greater than the system max net.core.somaxconn" in text


def test_values_with_comment_tails(uwsgi, tmp_path):
    """A cheaper value that is legal starts, although values carry comments; `env` passes the text through."""
    path = tmp_path / "tails.ini"
    path.write_text(f"[uwsgi]\nmaster=true // x\nprocesses=2 // y\ncheaper=1 // z\nthreads=2\t// t\nenv=A=x // y\n"
                    f"http-socket=127.0.0.1:0\nwsgi-file={HELLO}\n")
    server = uwsgi("--ini", path, workers=1)
    assert server.get().body == b"Hello World"


def test_environment_only_with_a_socket_without_a_colon(uwsgi, tmp_path):
    """A socket value without a colon is a path."""
    env = {"UWSGI_SOCKET": "127.0.0.1", "UWSGI_MASTER": "1", "UWSGI_WORKERS": "3", "UWSGI_WSGI_FILE": HELLO}
    server = uwsgi(env=env, workers=3)
    assert (tmp_path / "127.0.0.1").is_socket()
    assert wire.raw(str(tmp_path / "127.0.0.1"), wire.packet(wire.basic_vars())).endswith(b"Hello World")
    server.expect = {0}


# ---- what resolves
def seed(number: int):
    (path,) = (HERE / "seeds").glob(f"{number:03}-*")
    return path


RESOLVING = [(name, seed(number)) for name, number in [
    ("https-web2py", 6), ("psgi", 15), ("psgi-xml", 16), ("rack", 20), ("route-cache", 1), ("x-sendfile", 33), ("force-https", 34),
    ("force-https-by-label", 35), ("hsts", 36), ("cgi-with-placeholders", 38), ("websocket-proxy", 43), ("hook-setcon", 44),
    ("map-socket", 156)] if list((HERE / "seeds").glob(f"{number:03}-*"))]


def places_of_warnings(path, text: str) -> list[tuple[str, str]]:
    """Option and line of every line that says that an option is not built."""
    lines = [line for line in text.splitlines() if "is not implemented yet" in line]
    return sorted((line.split('"')[1], line.split(f"{path}:")[1].split()[0]) for line in lines)


@pytest.mark.parametrize(("name", "path"), RESOLVING, ids=[name for name, _ in RESOLVING])
def test_each_option_that_is_not_built_is_named_once(name, path, tmp_path):
    code, text = run("--check", "--show-config", path, cwd=tmp_path)
    assert code == 0, text
    first: dict[str, str] = {}
    if path.suffix == ".ini":
        for number, line in enumerate(path.read_text().splitlines(), 1):
            key = line.partition("=")[0].strip()
            if key in pending():
                first.setdefault(key, str(number))
        assert places_of_warnings(path, text) == sorted(first.items())
    assert len(listed(text)) >= 2


def test_placeholder_in_placeholder(tmp_path):
    lines = resolved(seed(43), cwd=tmp_path)
    assert "is-kafka-ws-request = regexp:${HTTP_UPGRADE};^[Ww]eb[Ss]ocket$" in lines
    assert lines[-3].startswith("route-if = regexp:${HTTP_UPGRADE};^[Ww]eb[Ss]ocket$ rpcvar:AUTH_KAFKA auth_kafka ${REQUEST_URI}")
    assert lines[-1] == "route-if-not = empty:${AUTH_KAFKA} httpdumb:127.0.0.1:7080"


def test_cgi_with_placeholders(tmp_path):
    lines = resolved(seed(38), cwd=tmp_path)
    assert {"http = 0.0.0.0:8080", "check-static = /var/www", "cgi = /cgi-bin=/var/cgi"} <= set(lines)


@pytest.mark.parametrize("there", [[], ["sleeping.fifo"], ["running.fifo"], ["sleeping.fifo", "running.fifo"]], ids=str)
def test_zerg_dance_looks_for_its_fifos(tmp_path, there):
    for name in there:
        (tmp_path / name).touch()
    path = tmp_path / "dance.ini"
    path.write_text(seed(161).read_text().replace("/var/run/", f"{tmp_path}/"))
    hooks = [line.split("writefifo:")[1].replace(f"{tmp_path}/", "") for line in resolved(path, cwd=tmp_path) if "writefifo" in line]
    all_hooks = {"sleeping.fifo": "sleeping.fifo Q", "running.fifo": "running.fifo 2p"}
    assert hooks == [*(hook for name, hook in all_hooks.items() if name in there), "new.fifo 1"]


def test_template_links_of_an_emperor(tmp_path):
    """One template, a link for each vassal: the name is that of the link."""
    (tmp_path / "foo.template").write_text("[uwsgi]\nsocket = :%n\nmaster = 1\n")
    for port in (9091, 9092):
        (tmp_path / f"{port}.ini").symlink_to("foo.template")
        assert resolved(tmp_path / f"{port}.ini", cwd=tmp_path) == [f"socket = :{port}", "master = 1"]


def test_monitoring_and_spooler(tmp_path):
    (path,) = (HERE / "seeds").glob("492-*")
    legal = tmp_path / "legal.ini"
    legal.write_text(path.read_text().replace("cheaper=10", "cheaper=2"))
    code, text = run("--check", "--show-config", legal, cwd=tmp_path)
    assert code == 0 and "cheaper = 2 // keep at least this many" in listed(text)
    assert run("--check", path, cwd=tmp_path)[0] == 1
