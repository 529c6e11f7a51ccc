"""One plugin build serves every libpython of the machine."""

import glob
import os
import re
import subprocess

import pytest

from harness import paths

pytestmark = pytest.mark.ours
CANDIDATES = ["/usr/bin/python3", *sorted(glob.glob(os.path.expanduser("~/.pyenv/versions/*/bin/python3"))),
              *sorted(glob.glob("/usr/local/bin/python3.[0-9]*")), *sorted(glob.glob("/opt/python*/bin/python3"))]
PROBE = ("import sys, sysconfig as s; print('%d.%d.%d' % sys.version_info[:3], s.get_config_var('LIBDIR'),"
         " s.get_config_var('INSTSONAME'), s.get_config_var('Py_ENABLE_SHARED'))")


def found() -> list[tuple[str, str, str]]:
    """(version, interpreter, library) of every shared CPython from 3.9 on."""
    pythons = {}
    for binary in CANDIDATES:
        if not os.access(binary, os.X_OK):
            continue
        done = subprocess.run([binary, "-c", PROBE], capture_output=True, text=True, timeout=30, check=False)
        if done.returncode:
            continue
        version, directory, name, _ = done.stdout.split()
        known = [os.path.join(d, name) for d in (directory, "/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu")]
        library = next((k for k in known if ".so" in k and os.path.exists(k)), None)
        if library and tuple(map(int, version.split(".")[:2])) >= (3, 9):
            pythons[os.path.realpath(library)] = (version, binary, library)
    return sorted(pythons.values())


PYTHONS = found()
APP = ("import sys, wsgiref.validate, ssl, json, threading\n"
       "def app(e, s):\n    s('200 OK', [('Content-Type', 'text/plain')])\n"
       "    return [sys.version.split()[0].encode()]\n"
       "application = wsgiref.validate.validator(app)\n")


def test_some_python_was_found():
    assert PYTHONS


@pytest.fixture(params=PYTHONS, ids=lambda p: p[0])
def python(request):
    return request.param


def check(server, version):
    assert server.get().body == version.encode()
    server.wait_log(rf"Python version: {re.escape(version)}")
    assert server.stop() == 0


def test_by_python_lib(uwsgi, tmp_path, python):
    version, _, library = python
    (tmp_path / "app.py").write_text(APP)
    server = uwsgi("--http-socket", "127.0.0.1:0", "-M", "-p", "2", "--threads", "2", "--python-lib", library,
                   "--wsgi-file", tmp_path / "app.py")
    check(server, version)


def test_by_virtual_environment(uwsgi, tmp_path, python):
    version, binary, _ = python
    (tmp_path / "app.py").write_text(APP)
    subprocess.run([binary, "-m", "venv", "--without-pip", tmp_path / "venv"], check=True, timeout=120)
    server = uwsgi("--http-socket", "127.0.0.1:0", "-M", "-H", tmp_path / "venv", "--wsgi-file", tmp_path / "app.py")
    server.wait_log(r"PEP 405 virtualenv detected: ")
    check(server, version)


def test_by_path(uwsgi, tmp_path, python):
    version, binary, _ = python
    (tmp_path / "app.py").write_text(APP)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python3").symlink_to(binary)
    server = uwsgi("--http-socket", "127.0.0.1:0", "-M", "--wsgi-file", tmp_path / "app.py",
                   env={"PATH": f"{tmp_path}/bin:/usr/bin:/bin"})
    check(server, version)


COUNTING = ("import prometheus_client as client, uwsgi_metrics as m\n"
            "own, theirs = m.Counter('own', '', ['l']), client.Counter('theirs', 'x', ['l'])\n"
            "size, took = m.Histogram('size', ''), client.Histogram('took', 'x')\n"
            "def application(e, s):\n    s('200 OK', [('Content-Type', 'text/plain')])\n"
            "    own.labels('a').inc(); theirs.labels('a').inc(); size.observe(1); took.observe(1)\n"
            "    text = client.generate_latest().decode()\n"
            "    return [repr((own.labels('a').value, size.count, 'theirs_total{l=\\\"a\\\"} 3.0' in text, 'took_count 3.0' in text)).encode()]\n")


def test_metrics_of_applications(uwsgi, tmp_path, python):
    _, _, library = python
    (tmp_path / "app.py").write_text(COUNTING)
    server = uwsgi("--http-socket", "127.0.0.1:0", "-M", "-p", "2", "--threads", "2", "--python-lib", library, "--pythonpath",
                   paths.CACHE / "prometheus_client/0.20.0", "--py-prometheus-client", "--wsgi-file", tmp_path / "app.py")
    assert [server.get().body for _ in range(3)][-1] == b"(3.0, 3, True, True)"


def test_flask_of_a_virtual_environment(uwsgi, app):
    server = uwsgi("--http-socket", "127.0.0.1:0", "-M", "-H", paths.VENV, "--wsgi-file", app("flaskapp"), "--callable", "app")
    assert server.get().body == b"Hello from Flask"
