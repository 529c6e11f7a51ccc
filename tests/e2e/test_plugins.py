"""Plugins by name: what is found and refused, their options, and several that serve side by side."""

import os
import pathlib
import re
import shutil
import signal
import subprocess

import pytest

from harness import paths, wire
from harness.server import plain_environment
from harness.waiting import until

pytestmark = pytest.mark.ours

UWSGI = ("--socket", "127.0.0.1:0")
UNABLE = "!!! UNABLE to load uWSGI plugin: "
GONE = "cannot open shared object file: No such file or directory !!!"
PROBE = paths.TESTS / "plugins/probe.c"


def run(*args, code=0, cwd=None, binary=paths.OURS, **variables) -> str:
    """Output of a command that ends by itself."""
    done = subprocess.run([binary, *map(str, args)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=30,
                          check=False, cwd=cwd, env={**plain_environment(), **variables})
    assert code is None or done.returncode == code, done.stdout
    return done.stdout


def ask(server, modifier1=0, path="/p", **kw) -> bytes:
    """The answer's body, or nothing at all."""
    answer = wire.raw(server.address(**kw), wire.packet(wire.basic_vars(path), modifier1=modifier1))
    return answer.split(b"\r\n\r\n", 1)[-1]


@pytest.fixture
def build(tmp_path):
    """`build(name, MACRO=value)`: the path of a plugin compiled from the C interface."""
    def compiled(name="probe", **macros):
        path, header = tmp_path / f"{name}_plugin.so", tmp_path / "uwsgi_plugin.h"
        header.write_text(run("--dot-h"))
        given = [f"-D{key}={value}" for key, value in {"NAME": f'"{name}"', **macros}.items()]
        subprocess.run(["cc", "-shared", "-fPIC", "-Wall", "-Werror", "-I", tmp_path, *given, PROBE, "-o", path], check=True)
        return path
    return compiled


# --- names ------------------------------------------------------------------------------------------------------------------

def test_a_missing_plugin_is_said_with_every_place_that_was_looked_at(tmp_path):
    text = run("--plugins-dir", "/p", "--plugin", "0:nope,http", "--check", cwd=tmp_path)
    said = [line for line in text.splitlines() if "nope" in line]
    assert [re.sub(r" \[core/.*", "", line) for line in said] == [
        'open("/p/nope_plugin.so"): No such file or directory', 'open("./nope_plugin.so"): No such file or directory',
        UNABLE + "./nope_plugin.so: " + GONE]
    assert "configuration ok" in text
    needed = run("--need-plugin", "nope", "--check", code=1, cwd=tmp_path)
    assert 'unable to load plugin "nope"' in needed and "configuration ok" not in needed


DISTRIBUTIONS = ["python", "python3", "python311,http", "0:python3", "corerouter,http,python27", "ping,pyuwsgi", "cheaper_busyness"]


@pytest.mark.parametrize("names", DISTRIBUTIONS)
def test_names_of_packages_load_without_a_word(names):
    text = run("--need-plugins", names, "--check")
    assert "configuration ok" in text and "lugin" not in text


def test_a_plugin_that_is_shipped_and_not_built_says_so():
    for name in ("psgi", "rack_ruby31", "router_redirect", "cheaper_own", "gevent_python3"):
        line = f"{UNABLE}{name} is not part of this build ("
        assert line in run("--plugin", name, "--check")
        assert f'{line}' in (text := run("--need-plugin", name, "--check", code=1)) and f'unable to load plugin "{name}"' in text


def test_a_plugin_is_found_by_name_in_a_directory_by_path_and_once(build, tmp_path):
    path = build()
    shutil.copy(path, tmp_path / "libuwsgi_other.so")
    for wish in (["--plugins-dir", tmp_path, "--need-plugin", "probe"], ["--plugins-dir", tmp_path, "--need-plugin", "other"],
                 ["--need-plugin", path], ["--need-plugin", "./probe"], ["--need-plugin", "./libuwsgi_other.so"],
                 ["--need-plugin", "probe, ./probe"], ["--need-plugin", "probe", "--plugin", "./probe_plugin.so"]):
        text = run(*wish, "--no-server", "--probe-level", "3", "--no-server", cwd=tmp_path)
        assert text.count("probe init\n") == 1 and UNABLE not in text, wish
    twice = run("--plugin", "probe,./libuwsgi_other.so", "--no-server", cwd=tmp_path)
    assert f"plugin probe is loaded already, {tmp_path}/libuwsgi_other.so is left out" in twice and twice.count("probe init\n") == 1


BROKEN = [
    ({"VERSION": "1"}, "it speaks ABI 1 ("),
    ({"REFUSE": "1"}, "it refused to give its descriptor"),
    ({"NO_SYMBOL": "1"}, "it has no symbol uwsgi_plugin"),
    ({"MODIFIER": "256"}, "its modifier 256 is larger than 255"),
    ({"NAME": '"a b"'}, 'it calls itself "a b", which is no name'),
    ({"VALUE_KIND": "0"}, "its option 0: probe-level: value kind 0 means nothing"),
]


@pytest.mark.parametrize("macros, why", BROKEN, ids=[" ".join(m) for m, _ in BROKEN])
def test_what_makes_no_sense_is_refused_with_its_reason(build, macros, why):
    path = build(**macros)
    assert f"{UNABLE}{path}: {why}" in run("--plugin", path, "--check")
    assert 'unable to load plugin "' in run("--need-plugin", path, "--check", code=1)


def test_a_library_that_is_no_plugin_is_refused(build, tmp_path):
    (tmp_path / "text_plugin.so").write_text("no library")
    assert "text_plugin.so: " in run("--plugin", tmp_path / "text_plugin.so", "--check")
    foreign = build("foreign", FOREIGN=1)
    assert f"{UNABLE}{foreign}: it is built for the C server (symbol foreign_plugin)" in run("--plugin", foreign, "--check")


def test_an_initialiser_behind_the_name_runs_when_the_library_is_open(uwsgi, build):
    path = build()
    assert "undefined symbol: nothing_there" in run("--need-plugin", f"{path}|nothing_there", "--check", code=1)
    assert "PROBE_SET_UP" not in os.environ
    server = uwsgi(*UWSGI, "--plugin", f"{path}|set_up", "--eval", "import os\ndef application(e, s):\n    s('200 OK', [])\n"
                   "    return [os.environ['PROBE_SET_UP'].encode()]")
    assert ask(server) == b"called"


def test_the_name_of_the_program_asks_for_plugins(tmp_path):
    program = tmp_path / "uwsgi_python3_hello"
    program.symlink_to(paths.OURS)
    text = run("--hello-loud", "--no-server", binary=program)
    assert text.count("[uwsgi] implicit plugin requested ") == 2 and "hello plugin ready" in text


def test_dlopen_opens_a_library_for_everybody(build, tmp_path):
    assert "cannot open shared object file" in run("--dlopen", tmp_path / "nope.so", "--check")
    text = run("--dlopen", build(), "--check")
    assert "shared object" not in text and "configuration ok" in text


# --- options ------------------------------------------------------------------------------------------------------------

def test_options_of_a_plugin_are_like_all_others(tmp_path):
    assert "--hello-greeting" not in run("--help") and "hello-greeting" not in run("--dump-options")
    assert re.search(r"^    --hello-greeting +what to say$", run("--plugin", "hello", "--help"), re.M)
    assert run("--plugin", "hello", "--dump-options").endswith("hello-greeting\nhello-name\nhello-loud\n")
    ini = tmp_path / "x.ini"
    ini.write_text("[uwsgi]\nplugin = hello\nstrict = true\nhello-gretting = x\n")
    assert 'did you mean "hello-greeting"?' in run("--ini", ini, "--check", code=1)
    assert "option '--hello-loud' doesn't allow an argument" in run("--plugin", "hello", "--hello-loud=1", code=1)
    assert "unrecognized option '--hello-name'" in run("--hello-name", "x", code=1)


def test_a_value_of_the_wrong_kind_is_noticed_like_for_any_other_option(build):
    own, core = (run("--plugin", build(), f"--{name}", "much", "--check", code=None) for name in ("probe-level", "forkbomb-delay"))
    assert '"probe-level"' in own and '"much"' in own and own.replace("probe-level", "forkbomb-delay") == core.replace(" (s)", "")


def test_an_option_is_searched_for_in_plugins_with_autoload(tmp_path):
    ini = tmp_path / "x.ini"
    for wish in (["--autoload", "--hello-name", "x"], ["--autoload", "--ini", ini]):
        ini.write_text("[uwsgi]\nmy-own-word = 1\nhello-name = %(my-own-word)\n")
        text = run(*wish, "--no-server")
        found = re.findall(r'^option "(.*)" found in plugin (.*)$', text, re.M)
        assert found == [("hello-name", str(paths.OURS.resolve().parent / "libuwsgi_hello.so"))]
        assert "hello plugin ready, 1 names to greet" in text
    assert "hello plugin ready" not in run("--ini", ini, "--no-server")


def test_the_python_plugin_asks_for_options_that_exist():
    """Its rows stand in the server's own table: nothing but this keeps the two together."""
    known = set(run("--dump-options").split())
    asked = set()
    for path in (paths.REPO / "plugins/python/src").glob("*.rs"):
        text = path.read_text().partition("#[cfg(test)]")[0]
        asked |= set(re.findall(r'(?:\b(?:option|option_last|option_all|flag|list|path|aliases|imports)\(\s*(?:server,\s*)?)"([^"{]+)"', text))
        for table in re.findall(r"(?:const MISSING: &\[&str\] = &|let options = )\[(.*?)\];", text, re.S):
            asked |= set(re.findall(r'"([^"]+)"', table))
    assert len(asked) > 40 and {"module", "wsgi-strict", "reload-on-exception-type", "python-raw"} <= asked, "the sources are read differently now"
    assert asked - known == {"python-program-name"}, "the server tells that one itself"


def test_the_list_of_plugins(build, tmp_path):
    silent = build("silent", GENERIC=1)
    text = run("--plugins-list", "--plugin", f"252:{build()},{silent}", "--http", "127.0.0.1:0", "--no-server")
    assert text.startswith("\n*** uWSGI loaded generic plugins ***\ncorerouter\nhttp\nsilent\n\n*** uWSGI loaded request plugins ***\n"
                           "0: python\n100: ping\n252: probe\n--- end of plugins list ---\n\n*** Starting uWSGI")
    alone = run("--plugins-list", "--clock-list", code=1)
    assert "0: python\n100: ping\n" in alone and "*** uWSGI loaded clocks ***\nunix\n" in alone
    assert alone.endswith("The -s/--socket option is missing and stdin is not a socket.\n"), "a list is no command: the start goes on"


# --- serving ----------------------------------------------------------------------------------------------------------------

def test_plugins_serve_side_by_side_by_modifier(uwsgi, app, build, tmp_path):
    server = uwsgi(*UWSGI, "-M", "-p", "2", "--threads", "2", "--plugin", f"hello,{build()}", "--hello-name", "you", "--hello-loud",
                   "--probe-level", "7", "--wsgi-file", app("hello"), "--stats", tmp_path / "s")
    assert ask(server) == ask(server, 30) == b"Hello World"
    assert ask(server, 250, "/there") == b"HELLO, YOU FROM /THERE\n"
    assert ask(server, 251) == b"7probe\n"
    mark = server.mark()
    assert ask(server, 5) == b""
    server.wait_log(r"^-- unavailable modifier requested: 5 --$", after=mark)
    apps = server.stats()["workers"][0]["apps"]
    assert [(a["id"], a["modifier1"]) for a in apps] == [(0, 0), (1, 250)]
    server.send(signal.SIGHUP)
    server.wait_log(r"^spawned uWSGI worker 2 ", after=mark)
    server.settle()
    assert ask(server, 250, after=mark) == b"HELLO, YOU FROM /P\n"


def test_a_modifier_in_front_of_a_name_decides(uwsgi, app, build):
    server = uwsgi(*UWSGI, "--plugin", f"9:hello,250:{build()}", "--wsgi-file", app("hello"))
    assert (ask(server, 9), ask(server, 250), ask(server)) == (b"Hello from /p\n", b"probe\n", b"Hello World")
    server.stop()
    server = uwsgi(*UWSGI, "--plugin", "0:hello", "--wsgi-file", app("hello"))
    assert ask(server) == b"Hello from /p\n"
    assert "modifier 0 goes to plugin hello instead of python" in server.log()


def test_modifier_0_without_a_plugin_goes_to_the_default_app(uwsgi):
    server = uwsgi(*UWSGI, "--plugin", "5:python,hello")
    assert (ask(server), ask(server, 250)) == (b"Hello from /p\n", b"Hello from /p\n")
    assert ask(server, 7) == b""
    server.stop()
    strict = uwsgi(*UWSGI, "--plugin", "5:python,hello", "--no-default-app")
    assert ask(strict) == b""
    strict.wait_log(r"^-- unavailable modifier requested: 0 --$")


def test_modifiers_go_elsewhere_or_nowhere(uwsgi, app):
    server = uwsgi(*UWSGI, "--plugin", "hello", "--wsgi-file", app("hello"), "--remap-modifier", "250:6,0:7")
    assert (ask(server, 6), ask(server, 7), ask(server, 8)) == (b"Hello from /p\n", b"Hello World", b"")
    server.stop()
    server = uwsgi(*UWSGI, "--plugin", "hello", "--wsgi-file", app("hello"), "--allowed-modifiers", "250, 9")
    assert (ask(server), ask(server, 250)) == (b"", b"Hello from /p\n")
    assert wire.raw(server.address(), wire.packet(b"", modifier1=100)) == b""
    server.wait_log(r"^-- unavailable modifier requested: 100 --$")
    assert "invalid remap-modifier value: 1:x" in run("--remap-modifier", "1:x", "--check", code=1)
    assert "invalid allowed-modifiers value: 256" in run("--allowed-modifiers", "256", "--check", code=1)


@pytest.mark.parametrize("lazy", [False, True], ids=["preforking", "lazy-apps"])
def test_hooks_run_for_every_plugin_in_order(uwsgi, build, lazy):
    one, two = build("one", MODIFIER=1), build("two", MODIFIER=2)
    server = uwsgi(*UWSGI, "-M", "--threads", "2", "--plugin", f"{one},{two}", *["--lazy-apps"] * lazy)
    server.wait_log("^two init_thread 1$")
    server.stop()
    log = server.log()
    where = [line for line in log.splitlines() if re.match(r"(one|two) ", line)]

    def order(hook):
        return [line.split()[0] for line in where if line.endswith(hook)]

    for hook in ("init", "init_apps", "before_fork", "after_fork_child", "after_fork_parent", "init_thread 0", "init_thread 1"):
        assert order(f" {hook}") == ["one", "two"], (hook, where)
    assert sorted(order(" atexit")) == ["one", "one", "two", "two"], "in the worker and in the master"
    assert ("two init_apps" in where[:where.index("one before_fork")]) != lazy


FAILURES = [
    ({"REQUEST": "-1"}, b"", "plugin probe failed on request GET /p"),
    ({"REQUEST": "0"}, b"", None),
    ({"REQUEST": "77"}, b"", "plugin probe failed on request GET /p"),
    ({"REQUEST": "half(request)"}, b"half", "plugin probe failed on request GET /p"),
]


def test_a_plugin_brings_a_variable_of_log_format_along(uwsgi, app, build):
    server = uwsgi(*UWSGI, "--plugin", build(LOG_VARIABLE=1), "--wsgi-file", app("hello"), "--log-format", "line %(of_probe) %(uri) %(of_nobody)")
    ask(server)
    server.wait_log("^line QUERY_STRING /p -$")



@pytest.mark.parametrize("macros, body, line", FAILURES, ids=[m["REQUEST"] for m, *_ in FAILURES])
def test_a_request_that_a_plugin_gives_up_ends_alone(uwsgi, app, build, tmp_path, macros, body, line):
    server = uwsgi(*UWSGI, "-M", "--plugin", build(**macros), "--wsgi-file", app("hello"), "--stats", tmp_path / "s")
    before = server.worker_pids()
    assert ask(server, 251) == body
    server.quiet()
    assert line is None or line in server.log()
    assert ask(server) == b"Hello World" and server.worker_pids() == before
    assert server.stats()["workers"][0]["exceptions"] == (line is not None)


def test_a_plugin_that_takes_its_process_down_costs_a_worker(uwsgi, app, build):
    server = uwsgi(*UWSGI, "-M", "--plugin", build(REQUEST="(abort(), 0)"), "--wsgi-file", app("hello")).allow("DAMN", "SIGABRT")
    before, mark = server.worker_pids()[1], server.mark()
    assert ask(server, 251) == b""
    server.wait_log(r"Respawned uWSGI worker 1", after=mark)
    until(lambda: ask(server) == b"Hello World", "the next worker")
    assert server.worker_pids()[1] != before


def test_a_plugin_that_cannot_start_ends_the_start(build):
    assert "plugin probe failed in init, exit code 7" in run(*UWSGI, "--plugin", build(INIT_RESULT=7), code=7)
    assert "plugin probe failed in init, exit code 1" in run(*UWSGI, "--plugin", build(INIT_RESULT=-3), code=1)
    assert "plugin probe failed in init_apps, exit code 22" in run(*UWSGI, "--plugin", build(APPS_RESULT=-22), code=22)
    assert "plugin hello failed in init, exit code 1" in run(*UWSGI, "--plugin", "hello", "--hello-greeting=", code=1)


def test_without_a_plugin_for_requests_there_is_a_warning(uwsgi, tmp_path):
    """The binary alone, away from its library."""
    binary = shutil.copy(paths.OURS, tmp_path / "uwsgi")
    server = uwsgi(*UWSGI, binary=pathlib.Path(binary))
    assert "no request plugin is loaded, you will not be able to manage requests." in server.log()
    assert ask(server) == b""
