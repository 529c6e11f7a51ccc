"""The command lines of the manuals run as written; only ports are the kernel's choice."""

import hashlib
import json
import signal
import subprocess
import time

import pytest

from harness import paths, procs, wire
from harness.server import free_port, plain_environment
from harness.waiting import until


def test_http_and_wsgi_file(uwsgi, app):
    port = free_port()
    server = uwsgi("--http", f"127.0.0.1:{port}", "--wsgi-file", app("hello"))
    answer = wire.http(port)
    assert (answer.status, answer.body) == (200, b"Hello World")
    server.wait_log(r"WSGI app 0 \(mountpoint=''\) ready in \d+ seconds on interpreter 0x[0-9a-f]+ pid: \d+ \(default app\)")
    server.wait_log(r"^\[pid: \d+\|app: 0\|req: 1/1\] 127.0.0.1 \(\) \{\d+ vars in \d+ bytes\} \[.{24}\] GET / => "
                    r"generated 11 bytes in \d+ msecs \(HTTP/1.1 200\) 1 headers in 44 bytes \(\d+ switches on core 0\)$")


def test_http_on_all_addresses_by_bare_port(uwsgi, app):
    port = free_port()
    uwsgi("--http", f":{port}", "--wsgi-file", app("hello"))
    assert wire.http(port).body == b"Hello World"


def test_master_processes_threads_stats(uwsgi, app):
    port, stats = free_port(), free_port()
    server = uwsgi("--http", f"127.0.0.1:{port}", "--wsgi-file", app("hello"), "--master", "--processes", "4",
                   "--threads", "2", "--stats", f"127.0.0.1:{stats}")
    assert "*** Operational MODE: preforking+threaded ***" in server.log()
    for _ in range(20):
        assert wire.http(port).status == 200
    document = server.wait_stats(lambda s: sum(w["requests"] for w in s["workers"]) == 20, "20 requests")
    assert [w["id"] for w in document["workers"]] == [1, 2, 3, 4]
    assert all(len(w["cores"]) == 2 for w in document["workers"])
    pids = {server.pid, *(w["pid"] for w in document["workers"])}
    assert len(pids) == 5 and all(procs.alive(p) for p in pids)


INI = """\
[uwsgi]
pidfile = {dir}/uwsgi.pid
chdir = {apps}
vacuum = true
http-socket = 127.0.0.1:0
wsgi-file = flaskapp.py
callable = app
home = {venv}
; a comment line
# another one
enable-threads = true
master = true
processes = 8
threads = 4
cheaper = 2
idle = 60
reload-on-rss = 1000
reload-on-as = 8192
max-requests = 500000
stats = 127.0.0.1:{stats}
memory-report = true
auto-procname = true
procname-prefix-spaced = test-uwsgi-ax
"""


@pytest.fixture
def ini(tmp_path):
    stats = free_port()
    path = tmp_path / "uwsgi.ini"
    path.write_text(INI.format(dir=tmp_path, apps=paths.APPS, venv=paths.VENV, stats=stats))
    return path, stats


def test_the_large_ini_starts_serves_and_vacuums(uwsgi, ini, tmp_path):
    path, stats = ini
    server = uwsgi("--ini", path, workers=2)
    assert server.get("/").body == b"Hello from Flask"
    server.args += ["--stats", f"127.0.0.1:{stats}"]
    until(server.stats_answer, "the stats server to listen")
    document = server.wait_stats(lambda s: sum(w["requests"] for w in s["workers"]) == 1, "one request")
    assert len(document["workers"]) == 8
    assert any(w["rss"] > 0 and w["vsz"] > w["rss"] for w in document["workers"])
    assert (tmp_path / "uwsgi.pid").read_text() == f"{server.pid}\n"
    titles = until(lambda: [t for p in procs.tree(server.pid) if "test-uwsgi-ax uWSGI" in (t := title(p))], "titles")
    assert any(t.startswith("test-uwsgi-ax uWSGI worker 1") for t in titles)
    assert title(server.pid).startswith("test-uwsgi-ax uWSGI master")
    assert "{address space usage: " in server.wait_log(r"^.*GET / => .*$").group()
    assert server.stop() == 0
    assert not (tmp_path / "uwsgi.pid").exists()
    assert "VACUUM: pidfile removed." in server.log()


def title(pid: int) -> str:
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return file.read().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        return ""


def run(*args, cwd=None) -> subprocess.CompletedProcess:
    return subprocess.run([paths.OURS, *map(str, args)], capture_output=True, text=True, timeout=20, cwd=cwd, check=False,
                          env=plain_environment())


def test_comments_behind_values_are_part_of_the_value(tmp_path, nothing_left):
    """`cheaper=10 // text` is 10; a path with `//` text is a path that does not exist."""
    (tmp_path / "a.ini").write_text("[uwsgi]\nhttp-socket=127.0.0.1:0\nmaster=true // x\nprocesses=8 // n\ncheaper=10 // m\n")
    done = run("--ini", "a.ini", cwd=tmp_path)
    assert done.returncode == 1
    assert "invalid cheaper value: must be lower than processes" in done.stderr + done.stdout
    (tmp_path / "b.ini").write_text("[uwsgi]\npidfile=uwsgi.pid // text\nmaster=true\nhttp-socket=127.0.0.1:0\n")
    done = run("--ini", "b.ini", cwd=tmp_path)
    assert done.returncode == 1
    assert 'open("uwsgi.pid // text"): No such file or directory' in done.stderr + done.stdout


def test_numbers_with_trailing_comments_start(uwsgi, tmp_path, app):
    (tmp_path / "c.ini").write_text(
        f"[uwsgi]\nmaster=true // one\nprocesses=2 // two\nthreads=2 // three\nhttp-socket=127.0.0.1:0\nwsgi-file={app('hello')}\n")
    server = uwsgi("--ini", tmp_path / "c.ini", workers=2)
    assert server.get().body == b"Hello World"
    assert "preforking+threaded" in server.log()


def test_reload_and_stop_by_pidfile(uwsgi, app, tmp_path):
    pidfile = tmp_path / "u.pid"
    server = uwsgi("--http-socket", "127.0.0.1:0", "--master", "--wsgi-file", app("hello"), "--pidfile", pidfile)
    assert pidfile.read_text() == f"{server.pid}\n"
    before, address = server.mark(), server.address()
    assert run("--reload", pidfile).returncode == 0
    server.wait_log(r"gracefully \(RE\)spawned uWSGI master process \(pid: \d+\)", after=before)
    server.wait_log(r"^spawned uWSGI worker 1 ", after=before)
    server.settle()
    assert server.address(after=before)[0] == address[0]
    assert wire.http(server.address(after=before)).body == b"Hello World"
    assert run("--stop", pidfile).returncode == 0
    assert server.wait_exit() == 0
    assert "goodbye to uWSGI." in server.log()


def test_environment_only(uwsgi, app, tmp_path):
    """UWSGI_* variables are options."""
    env = {"UWSGI_HTTP_SOCKET": "127.0.0.1:0", "UWSGI_MASTER": "1", "UWSGI_WORKERS": "3", "UWSGI_WSGI_FILE": app("hello")}
    server = uwsgi(env=env, workers=3)
    assert server.get().body == b"Hello World"
    assert len(server.worker_pids()) == 3
    server.expect = {0}


def test_clustered_short_options(uwsgi, app):
    server = uwsgi("--http-socket", "127.0.0.1:0", "-Mp2", "--wsgi-file", app("hello"), workers=2)
    assert server.get().status == 200
    server.expect = {0}


def test_module_with_chdir_and_pythonpath(uwsgi, tmp_path):
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "helper.py").write_text("TEXT = b'from the python path'\n")
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "mysite.py").write_text(
        "import os, helper\n"
        "def serve(e, s):\n    s('200 OK', [])\n    return [helper.TEXT, b' in ', os.getcwd().encode()]\n")
    server = uwsgi("--http-socket", "127.0.0.1:0", "--master", "--chdir", tmp_path / "site", "--pythonpath",
                   tmp_path / "lib", "--module", "mysite:serve")
    assert server.get().body == f"from the python path in {tmp_path}/site".encode()


def test_flask(uwsgi, app):
    server = uwsgi("--http-socket", "127.0.0.1:0", "--master", "--wsgi-file", app("flaskapp"), "--callable", "app",
                   "--virtualenv", paths.VENV)
    assert server.get("/").body == b"Hello from Flask"
    assert b'"remote":"127.0.0.1"' in server.get("/json?a=1").body
    assert server.get("/stream").body == b"".join(b"line %d\n" % i for i in range(5))
    assert server.get("/file").body == bytes(range(256)) * 1000
    assert server.get("/missing").status == 404
    server.allow("Traceback")
    assert server.get("/boom").status == 500


def test_django(uwsgi):
    server = uwsgi("--http-socket", "127.0.0.1:0", "--master", "--chdir", paths.APPS, "--module", "djangosite.wsgi",
                   "-H", paths.VENV)
    assert server.get("/").body == b"django says GET /"
    assert server.get("/stream").body.count(b"line") == 5
    boundary, data = "xyz", bytes(range(256)) * 20000
    body = (f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n').encode() + data
    body += f"\r\n--{boundary}--\r\n".encode()
    answer = server.get("/upload", method="POST", body=body,
                        headers={"Content-Type": f"multipart/form-data; boundary={boundary}"})
    assert json.loads(answer.body) == {"md5": hashlib.md5(data).hexdigest(), "size": len(data)}


def test_no_master_single_process_stops_on_interrupt(uwsgi, app):
    server = uwsgi("--http-socket", "127.0.0.1:0", "--wsgi-file", app("hello"))
    assert "spawned uWSGI worker 1 (and the only)" in server.log()
    assert server.get().status == 200
    assert server.stop(signal.SIGINT) in {0, 30}


def test_stop_is_prompt(uwsgi, app):
    """An idle instance ends within three seconds of SIGINT."""
    server = uwsgi("--http-socket", "127.0.0.1:0", "-M", "-p", "2", "--wsgi-file", app("hello"))
    started = time.monotonic()
    assert server.stop() == 0
    assert time.monotonic() - started < 3
