"""What everybody relies on when a configuration is read: one test for each promise."""

import functools
import http.server
import os
import pathlib
import re
import subprocess
import threading

import pytest

from corpus.resolve import listed, pending, resolved, run
from harness import paths
from harness.server import free_port, plain_environment

pytestmark = pytest.mark.ours

REFERENCE = paths.REPO / "server/config/tests/options.tsv"
MATH = [("foo + bar + 3", "50"), ("foo + bar + 3 * 2", "100"), ("foo ++", "18"), ("foo bar ++", "1731"), ("foo - bar", "-13"),
        ("bar / 0", "0"), ("nope + 1", "1"), ("nope", "%(nope)")]


def test_placeholder_arithmetic(tmp_path):
    """Through a start that ends before it serves."""
    lines = [f"r{n} = %({expression})" for n, (expression, _) in enumerate(MATH)]
    (tmp_path / "math.ini").write_text("\n".join(["[uwsgi]", "foo = 17", "bar = 30", *lines, "processes = %(%k * 4)", ""]))
    code, text = run("--ini", "math.ini", "--show-config", "--no-server", cwd=tmp_path)
    assert code == 0 and "no-server mode requested. Goodbye." in text
    shown = listed(text)
    assert [line for line in shown if line.startswith("r")] == [f"r{n} = {value}" for n, (_, value) in enumerate(MATH)]
    assert f"processes = {4 * len(os.sched_getaffinity(0))}" in shown


def test_environment_then_command_line_then_files(tmp_path):
    (tmp_path / "b.ini").write_text("[uwsgi]\nprocesses = 3\nthreads = 2\n")
    env = {"UWSGI_PROCESSES": "1", "UWSGI_FOO_BAR": "xx_YY"}
    assert resolved("b.ini", "--processes", "2", cwd=tmp_path, env=env) == [
        "processes = 1", "foo-bar = xx_YY", "processes = 2", "processes = 3", "threads = 2"]
    assert resolved("--ini", "b.ini", "--processes", "2", cwd=tmp_path) == ["ini = b.ini", "processes = 3", "threads = 2", "processes = 2"]


def test_inherit_is_literal_and_include_is_not(tmp_path):
    (tmp_path / "base.ini").write_text("[uwsgi]\nlog-prefix = $(HOME) %n\n")
    (tmp_path / "a.ini").write_text("[uwsgi]\ninherit = base.ini\n")
    (tmp_path / "b.ini").write_text("[uwsgi]\ninclude = base.ini\n")
    env = {"HOME": "/nobody"}
    assert resolved("a.ini", cwd=tmp_path, env=env) == ["inherit = base.ini", "log-prefix = $(HOME) base"]
    assert resolved("b.ini", cwd=tmp_path, env=env) == ["include = base.ini", "log-prefix = /nobody base"]


def test_a_missing_section_warns(tmp_path):
    (tmp_path / "x.ini").write_text("[uwsgi]\nprocesses = 1\n[app1]\nprocesses = 2\n")
    assert resolved("--ini", "x.ini:app1", cwd=tmp_path)[1:] == ["processes = 2"]
    code, text = run("--check", "--ini", "x.ini:app2", cwd=tmp_path)
    assert code == 0 and '*** WARNING: Can\'t find section "app2" in INI configuration file x.ini ***' in text


NAMED = [("ini", "[app1]\nprocesses = 1\n[app2]\nprocesses = 2\n"), ("yaml", "app1:\n  processes: 1\napp2:\n  processes: 2\n"),
         ("json", '{"app1": {"processes": 1}, "app2": {"processes": 2}}'),
         ("xml", '<all><uwsgi id="app1"><processes>1</processes></uwsgi><uwsgi id="app2"><processes>2</processes></uwsgi></all>')]


@pytest.mark.parametrize(("suffix", "text"), NAMED, ids=[suffix for suffix, _ in NAMED])
def test_a_section_by_its_name(tmp_path, suffix, text):
    (tmp_path / f"x.{suffix}").write_text(text)
    assert resolved(f"--{suffix}", f"x.{suffix}:app2", cwd=tmp_path)[1:] == ["processes = 2"]


def test_three_files_become_one_list(tmp_path):
    (tmp_path / "file1.ini").write_text("[uwsgi]\nsocket = :3031\nini = file2.ini\nsocket = :3032\nchdir = /var/www\n")
    (tmp_path / "file2.ini").write_text("[uwsgi]\nmaster = true\nxml = file3.xml\nmemory-report = true\nprocesses = 4\n")
    (tmp_path / "file3.xml").write_text("<uwsgi><plugins>router_uwsgi</plugins><route>^/foo uwsgi:127.0.0.1:4040,0,0</route></uwsgi>")
    assert resolved("file1.ini", cwd=tmp_path) == [
        "socket = :3031", "ini = file2.ini", "master = true", "xml = file3.xml", "plugins = router_uwsgi",
        "route = ^/foo uwsgi:127.0.0.1:4040,0,0", "memory-report = true", "processes = 4", "socket = :3032", "chdir = /var/www"]


DECLARED = """\
[uwsgi]
declare-option = hello=wsgi-file=$1;threads=$2;env=GREETING=$1
hello = {app} 2
http-socket = 127.0.0.1:0
master = true
"""


def test_a_declared_option_acts(uwsgi, app, tmp_path):
    path = tmp_path / "declared.ini"
    path.write_text(DECLARED.format(app=app("hello")))
    server = uwsgi("--ini", path)
    assert server.get().body == b"Hello World" and "threaded" in server.log()


def test_a_declared_option_names_what_it_cannot_do(tmp_path):
    """The redirect of the manual: its route is not built, or is and is silent."""
    (tmp_path / "r.ini").write_text("[uwsgi]\ndeclare-option = redirect=route=$1 redirect:$2\nredirect = ^/foo http://127.0.0.1/\n")
    code, text = run("--check", "r.ini", cwd=tmp_path)
    assert code == 0 and ('option "route"' in text) == ("route" in pending())


def test_strict_and_its_placeholders(tmp_path):
    (tmp_path / "s.ini").write_text("[uwsgi]\nstrict = true\nset-ph = mine=1\nprocesses = %(mine)\n")
    assert resolved("s.ini", cwd=tmp_path)[-1] == "processes = 1"
    code, text = run("--strict", "--ini", "s.ini", "--set", "unheard=1", cwd=tmp_path)
    assert code == 1 and "[strict-mode] unknown config directive: unheard" in text


# ---- sources
SECTION = b"[uwsgi]\nprocesses = 1\n[app]\nprocesses = 7\n"


class Files(http.server.BaseHTTPRequestHandler):
    """One file, and 404 for everything else."""

    def do_GET(self):
        found = self.path == "/x.ini"
        self.send_response(200 if found else 404)
        self.end_headers()
        self.wfile.write(SECTION if found else b"no")

    def log_message(self, *_):
        pass


@pytest.fixture
def web():
    server = http.server.HTTPServer(("127.0.0.1", 0), Files)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    thread.join()
    server.server_close()


def test_standard_input_descriptor_and_command(tmp_path):
    (tmp_path / "x.ini").write_bytes(SECTION)
    assert resolved("--ini", "-", cwd=tmp_path, stdin=SECTION.decode())[1:] == ["processes = 1"]
    assert resolved("--ini", "fd://0:app", cwd=tmp_path, stdin=SECTION.decode())[1:] == ["processes = 7"]
    assert resolved("--ini", "exec://cat x.ini:app", cwd=tmp_path)[1:] == ["processes = 7"]


def test_a_web_server_and_the_binary_itself(tmp_path, web):
    code, text = run("--check", "--show-config", "--ini", f"http://127.0.0.1:{web}/x.ini:app", cwd=tmp_path)
    assert code == 0 and listed(text)[1:] == ["processes = 7"]
    code, text = run("--check", "--ini", f"http://127.0.0.1:{web}/gone.ini", cwd=tmp_path)
    assert code == 1 and "Not usable HTTP response: 4xx" in text
    (tmp_path / "x.ini").write_bytes(SECTION)
    blob = subprocess.run([paths.OURS, "--binary-append-data", "x.ini"], cwd=tmp_path, capture_output=True, timeout=30, check=True).stdout
    with_blob = tmp_path / "uwsgi"
    with_blob.write_bytes(paths.OURS.read_bytes() + blob)
    with_blob.chmod(0o755)
    done = subprocess.run([with_blob, "--check", "--show-config", "--ini", "data://0:app"], cwd=tmp_path, capture_output=True, text=True,
                          timeout=30, env=plain_environment(), check=True)
    assert listed(done.stdout + done.stderr)[1:] == ["processes = 7"]


PIPES = [("json", '{"uwsgi": {"processes": 5}}'), ("yaml", "uwsgi:\n  processes: 5\n"), ("xml", "<uwsgi><processes>5</processes></uwsgi>")]


@pytest.mark.parametrize(("suffix", "text"), PIPES, ids=[suffix for suffix, _ in PIPES])
def test_every_format_from_every_source(tmp_path, suffix, text):
    (tmp_path / "c.txt").write_text(text)
    for source in ("-", "fd://0", "exec://cat c.txt", "c.txt"):
        assert resolved(f"--{suffix}={source}", cwd=tmp_path, stdin=text)[1:] == ["processes = 5"]


def test_a_pipe_between_two_programs(tmp_path):
    """As in `generator | uwsgi --ini -`, with the binary at its own path."""
    line = f"printf '[uwsgi]\\nprocesses = 5\\n' | {paths.OURS} --ini - --check --show-config"
    done = subprocess.run(line, shell=True, capture_output=True, text=True, timeout=30, cwd=tmp_path, check=True)
    assert "processes = 5" in listed(done.stdout + done.stderr)


# ---- the command line
GETOPT = [
    ("--socket 127.0.0.1:1", ["socket = 127.0.0.1:1"]), ("--socket=127.0.0.1:1", ["socket = 127.0.0.1:1"]),
    ("-s 127.0.0.1:1", ["socket = 127.0.0.1:1"]), ("-s127.0.0.1:1", ["socket = 127.0.0.1:1"]),
    ("-Mp4", ["master = true", "processes = 4"]), ("x.ini --master", ["master = true", "processes = 1"]),
    ("--master -- x.ini", ["master = true", "processes = 1"]), ("--process 3", ["processes = 3"]),
    ("-C664", ["chmod-socket = 664"]), ("--logdate=%Y", ["logdate = %Y"]), ("[ignored] --master", ["master = true"]),
]


@pytest.mark.parametrize(("line", "lines"), GETOPT, ids=[line for line, _ in GETOPT])
def test_command_lines_that_are_understood(tmp_path, line, lines):
    (tmp_path / "x.ini").write_bytes(SECTION)
    assert resolved(*line.split(), cwd=tmp_path) == lines


@functools.cache
def reference() -> list[tuple[str, str]]:
    """Names and arity of the reference list."""
    rows = [line.split("\t") for line in REFERENCE.read_text().splitlines()[1:]]
    return [(row[1], row[3]) for row in rows if row[1] != "0x1f"]


def test_every_name_is_registered(tmp_path):
    code, text = run("--dump-options", cwd=tmp_path)
    assert code == 0 and len(reference()) >= 1250
    assert {name for name, _ in reference()} - set(text.split()) == set()


# Declared without argument there: the first may have one here, the others take one and want it.
LOOSE = {"need-app", "subscription-mountpoint", "subscription-mountpoints"}
MEND = {"so-send-timeout", "socket-send-timeout", "so-write-timeout", "socket-write-timeout", "ssl-option"}


def test_every_name_has_its_arity(tmp_path):
    """What wants an argument refuses its absence, what wants none refuses one."""
    wrong = []
    for name, arity in reference():
        if arity == "none" and name not in LOOSE | MEND:
            asked, said = f"--{name}=x", f"option '--{name}' doesn't allow an argument"
        elif arity == "required" or name in MEND:
            asked, said = f"--{name}", f"option '--{name}' requires an argument"
        else:
            continue
        code, text = run(asked, cwd=tmp_path)
        if code != 1 or said not in text or "getopt_long() error" not in text:
            wrong.append((name, arity, code, text[-120:]))
    assert not wrong


IMPLY = ["--cron=-1 -1 -1 -1 -1 true", "--timer=5 60", "--rbtimer=5 60", "--mule", "--mules=1", "--touch-reload=x", "--cheap", "--idle=60",
         "--stats=127.0.0.1:{port}", "--log-master", "--master-fifo=x.fifo", "--attach-daemon=true", "--metric=mine", "--evil-reload-on-rss=900",
         "--subscribe-to=127.0.0.1:{port}:k", "--py-tracebacker=tb."]


@pytest.mark.parametrize("option", IMPLY)
def test_some_options_need_a_master(uwsgi, app, option):
    server = uwsgi("--http-socket", "127.0.0.1:0", "--wsgi-file", app("hello"), option.format(port=free_port()), ready=False)
    server.wait_log(r"^spawned uWSGI master process \(pid: \d+\)$")
    server.expect = {0}


def test_no_master_unless_asked(uwsgi, app):
    server = uwsgi("--http-socket", "127.0.0.1:0", "--wsgi-file", app("hello"), "--threads", "2", "--vacuum")
    assert "spawned uWSGI master process" not in server.log()


# ---- pidfiles
def test_stop_by_pidfile(uwsgi, app, tmp_path):
    gone = subprocess.Popen(["true"])
    gone.wait()
    (tmp_path / "stale.pid").write_text(f"{gone.pid}\n")
    code, text = run("--stop", "stale.pid", cwd=tmp_path)
    assert code == 255 and "signal_pidfile()/kill(): No such process" in text
    assert run("--stop", "missing.pid", cwd=tmp_path)[0] == 1
    server = uwsgi("--http-socket", "127.0.0.1:0", "-M", "--wsgi-file", app("hello"), "--pidfile", "live.pid")
    assert run("--stop", "live.pid", cwd=tmp_path)[0] == 0
    assert server.wait_exit() == 0


@pytest.mark.parametrize("content", ["", "nonsense\n", "0\n", "-1\n"])
def test_a_pidfile_with_nonsense_harms_nobody(tmp_path, content):
    (tmp_path / "bad.pid").write_text(content)
    code, text = run("--stop", "bad.pid", cwd=tmp_path)
    assert code == 1 and "error: invalid pidfile" in text


@pytest.mark.skipif("uwsgi" in pathlib.Path("/proc/1/cmdline").read_text(), reason="process 1 is an instance")
def test_a_pidfile_that_names_another_init_harms_nobody(tmp_path):
    (tmp_path / "init.pid").write_text("1\n")
    code, text = run("--stop", "init.pid", cwd=tmp_path)
    assert code == 255 and re.search(r'is stale: process 1 is "[^"]+", no instance of uWSGI; nothing was sent', text)
