"""Configuration logic in a running server: what applications, commands and later images see of it."""

import ast
import os
import shutil
import signal

import pytest

from harness import paths
from harness.server import ask
from harness.waiting import until

OPTIONS = "{k.decode() if isinstance(k, bytes) else k for k in __import__('uwsgi').opt}"


@pytest.fixture
def site(uwsgi, tmp_path):
    """`site(text)`: a server of the probing application with these lines in its file."""
    shutil.copy(paths.APPS / "probe.py", tmp_path)

    def start(text, *args, **kw):
        (tmp_path / "site.ini").write_text(f"[uwsgi]\nhttp-socket = 127.0.0.1:0\n{text}\n")
        return uwsgi("--master", "--ini", tmp_path / "site.ini", *args, **kw)
    return start


def variable(server, name):
    return str(ast.literal_eval(ask(server, f"os.environ.get({name!r})")))


def test_a_declared_option_serves_and_stays_out_of_the_list(site):
    server = site("declare-option = app=wsgi-file=$1;processes=$2;env=FROM=template;set=kind=$1\napp = probe.py 2")
    assert variable(server, "FROM") == "template"
    names = ask(server, OPTIONS)
    assert "'app'" in names and "'kind'" in names and "'wsgi-file'" not in names
    assert server.wait_log("spawned uWSGI worker 2 ")


def test_declared_options_on_the_command_line(site):
    server = site("declare-option2 = late=env=LATE=$1\nlate = %(x)\nx = y\ndeclare-option = app=wsgi-file=$1", "--app", "probe.py")
    assert variable(server, "LATE") == "y"


def test_immediate_variables_reach_commands_and_the_rest_only_the_application(site, tmp_path):
    for name, text in {"early/EARLY": "e \n", "early/GONE": "", "late/LATE": "l\0m\n", "late/SET": "directory"}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    server = site("""wsgi-file = probe.py
ienv = NOW=n
early-envdir = early
env = SET=option
env = SEEN=@(exec://echo $NOW/$EARLY/$GONE/$SET)
unenv = LEFT
envdir = late""", env={"GONE": "g", "LEFT": "l"})
    for name, value in {"NOW": "n", "EARLY": "e", "GONE": "None", "SEEN": "n/e//", "SET": "directory", "LATE": "l\nm", "LEFT": "None"}.items():
        assert variable(server, name) == value, name


def test_a_reloaded_instance_knows_it(site):
    server = site("wsgi-file = probe.py\nif-reload =\nenv = STATE=again\nelse =\nenv = STATE=first\nendif =\nenv = ONCE=1")
    assert [variable(server, name) for name in ("STATE", "UWSGI_RELOADS", "ONCE")] == ["first", "0", "1"]
    assert variable(server, "UWSGI_ORIGINAL_PROC_NAME").endswith("uwsgi")
    os.kill(server.pid, signal.SIGHUP)
    until(lambda: variable(server, "STATE") == "again", "the new image")
    assert variable(server, "UWSGI_RELOADS") == "1"


def test_loops_over_paths_and_hosts(site, tmp_path):
    for name in ("b", "a"):
        (tmp_path / f"more.d/{name}").mkdir(parents=True)
    server = site("wsgi-file = probe.py\nfor-glob = more.d/*\npythonpath = %(_)\nendfor =\n"
                  "if-hostname-match = .\nenv = HOST=matches\nend =\nif-not-hostname-match = .\nenv = HOST=no\nend =")
    assert variable(server, "HOST") == "matches"
    assert ask(server, "sorted(p for p in sys.path if 'more.d' in p)") == "['more.d/a/', 'more.d/b/']"


def test_injected_lines_and_addresses(site, tmp_path):
    (tmp_path / "after").write_text("\nenv = FILE=%s\nresolve = here=localhost\nenv = ADDRESS=%(here)\n")
    (tmp_path / "before").write_text("[uwsgi]\nenv = BEFORE=%n\n")
    (tmp_path / "main.ini").write_text("wsgi-file = probe.py")
    server = site("inject-before = before\ninject-after = after\ninclude = main.ini\nblacklist = processes\nend-blacklist =\nprocesses = 1")
    assert [variable(server, name) for name in ("BEFORE", "FILE", "ADDRESS")] == ["main", "main.ini", "127.0.0.1"]
