"""Applications that requests name, and how the application of a request is found."""

import concurrent.futures
import os
import pathlib

import pytest

from harness import wire
from harness.waiting import until

CORES = [(), ("--threads", "4")]


def ask(server, path="/", headers=(), **variables) -> wire.Response:
    pairs = [(k, v) for k, v in wire.basic_vars(path) if k not in variables] + list(variables.items()) + list(headers)
    with wire.connect(server.address()) as stream:
        stream.sendall(wire.packet(pairs))
        return wire.Reader(stream).response()


def said(server, **variables):
    answer = ask(server, **variables)
    assert answer.status == 200, answer
    return answer.body.decode()


@pytest.fixture
def named(app):
    return pathlib.Path(app("named"))


@pytest.fixture(params=CORES, ids=["one core", "threads"])
def server(request, uwsgi, named):
    return uwsgi("--socket", "127.0.0.1:0", "-M", *request.param, "--pythonpath", named.parent)


def test_the_first_application_comes_with_a_request(server, named, tmp_path):
    assert ask(server).status == 500
    server.wait_log("--- no python application found, check your startup logs for errors ---")
    here = str(tmp_path)
    assert said(server, SCRIPT_NAME="/a", UWSGI_FILE=str(named)) == repr(["named", "/a", here, None, None])
    server.wait_log(r"WSGI app 0 \(mountpoint='/a'\) ready in \d seconds on interpreter 0x\w+ pid: \d+ \(default app\)")
    assert said(server, SCRIPT_NAME="/a") == repr(["named", "/a", here, None, None])
    assert said(server, SCRIPT_NAME="") == repr(["named", "", here, None, None]), "it is the default one"


def test_modules_files_and_callables(server, named):
    assert said(server, SCRIPT_NAME="/1", UWSGI_SCRIPT="named:other") == "other"
    assert said(server, SCRIPT_NAME="/2", UWSGI_MODULE="named").startswith("['named', '/2'")
    assert said(server, SCRIPT_NAME="/3", UWSGI_MODULE="named", UWSGI_CALLABLE="other") == "other"
    assert said(server, UWSGI_APPID="key", UWSGI_MODULE="named", UWSGI_CALLABLE="other") == "other"
    assert said(server, UWSGI_APPID="key") == "other"
    if server.ours:  # the original looks for `application` in files
        assert said(server, SCRIPT_NAME="/4", UWSGI_FILE=str(named), UWSGI_CALLABLE="other") == "other"
    assert server.log().count("loading ") == (5 if server.ours else 4), "each in an interpreter of its own, once"


def test_what_cannot_be_loaded_goes_to_the_default_one(server):
    assert said(server, SCRIPT_NAME="/1", UWSGI_SCRIPT="named:other") == "other"
    for _ in range(3):
        assert said(server, SCRIPT_NAME="/2", UWSGI_MODULE="nowhere") == "other"
    server.allow("Traceback", "ModuleNotFoundError")
    server.wait_log(r"unable to load app 1 \(mountpoint='/2'\) \(callable not found or import error\)")
    assert said(server, SCRIPT_NAME="/3", UWSGI_MODULE="named", UWSGI_CALLABLE="other") == "other"


def test_many_at_once_load_it_once(uwsgi, named):
    server = uwsgi("--socket", "127.0.0.1:0", "-M", "--threads", "8", "--pythonpath", named.parent)
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        def one(n):
            return said(server, SCRIPT_NAME=f"/{n % 4}", UWSGI_FILE=str(named))
        assert all(f"'/{n % 4}'" in text for n, text in enumerate(pool.map(one, range(200))))
    assert server.log().count("WSGI app ") == 4 and server.log().count("loading ") == 4
    assert server.stop() in (0, 30)


@pytest.mark.parametrize("cores", CORES, ids=["one core", "threads"])
def test_single_interpreter_loads_into_it(uwsgi, named, cores):
    server = uwsgi("--socket", "127.0.0.1:0", "-M", *cores, "--single-interpreter", "--pythonpath", named.parent)
    assert said(server, SCRIPT_NAME="/1", UWSGI_MODULE="named", UWSGI_CALLABLE="other") == "other"
    assert said(server, SCRIPT_NAME="/2", UWSGI_MODULE="named").startswith("['named', '/2'")
    assert server.log().count("loading ") == 1


def test_the_directory_and_the_environment_of_an_application(uwsgi, named, tmp_path):
    server = uwsgi("--socket", "127.0.0.1:0", "-M", "--reload-os-env", "--pythonpath", named.parent)
    variables = {"SCRIPT_NAME": "/1", "UWSGI_FILE": str(named), "UWSGI_CHDIR": str(tmp_path), "UWSGI_SETENV": "SAID=this"}
    assert said(server, **variables) == repr(["named", "/1", str(tmp_path), None, "this"])
    assert said(server, SCRIPT_NAME="/1") == repr(["named", "/1", str(tmp_path), None, "this"])


@pytest.mark.ours
def test_the_virtualenv_of_an_application(uwsgi, named, tmp_path):
    """The original fails to set it on Python 3 and goes on without."""
    running = uwsgi("--socket", "127.0.0.1:0", "-M", "--pythonpath", named.parent, "--eval",
                    "import sys\ndef application(e, s):\n    s('200 OK', [])\n    return [b'%d.%d' % sys.version_info[:2]]")
    version = said(running, SCRIPT_NAME="/")
    place = tmp_path / "env" / "lib" / f"python{version}" / "site-packages"
    place.mkdir(parents=True)
    (place / "in_a_virtualenv.py").write_text("VALUE = 42\n")
    for name, variable in (("/1", "UWSGI_HOME"), ("/2", "UWSGI_PYHOME")):
        values = {"SCRIPT_NAME": name, "UWSGI_SCRIPT": "named:prefix", variable: str(tmp_path / "env")}
        assert said(running, **values) == repr((str(tmp_path / "env"), 42))


def test_a_touch_of_its_file_replaces_the_worker(uwsgi, named, tmp_path):
    file = tmp_path / "touched"
    file.write_text("")
    os.utime(file, (1, 1))
    server = uwsgi("--socket", "127.0.0.1:0", "-M", "--pythonpath", named.parent)
    variables = {"SCRIPT_NAME": "/1", "UWSGI_SCRIPT": "named:other", "UWSGI_TOUCH_RELOAD": str(file)}
    assert said(server, **variables) == "other"
    first = server.worker_pids()[1]
    assert said(server, **variables) == "other"
    assert server.worker_pids()[1] == first
    os.utime(file, (2, 2))
    assert said(server, **variables) == "other", "the request at hand is served"
    until(lambda: server.worker_pids().get(1) not in (None, first), "another worker")
    assert said(server, **variables) == "other"


@pytest.mark.ours
@pytest.mark.parametrize("line", ["no-dynamic-apps = true", "dynamic-apps = false"])
def test_requests_may_be_forbidden_to_name_any(uwsgi, named, tmp_path, line):
    (tmp_path / "c.ini").write_text(f"[uwsgi]\nsocket = 127.0.0.1:0\nmaster = true\n{line}\n")
    server = uwsgi(tmp_path / "c.ini")
    assert ask(server, SCRIPT_NAME="/a", UWSGI_FILE=str(named)).status == 500
    assert "loading" not in server.log()


def test_clients_of_http_name_none(uwsgi, named):
    server = uwsgi("--http-socket", "127.0.0.1:0", "-M", "--pythonpath", named.parent)
    assert server.get(headers={"UWSGI_FILE": str(named), "UWSGI-FILE": str(named)}).status == 500
    assert "loading" not in server.log()


@pytest.mark.parametrize("option", ["--vhost", "--vhost-host"])
def test_hosts_have_applications_of_their_own(uwsgi, named, option):
    server = uwsgi("--socket", "127.0.0.1:0", "-M", option, "--pythonpath", named.parent)
    host = [("HTTP_HOST", "one.example")]
    assert "'one.example|/a'" in ask(server, headers=host, SCRIPT_NAME="/a", UWSGI_FILE=str(named)).body.decode()
    assert "'one.example|/a'" in ask(server, headers=host, SCRIPT_NAME="/a").body.decode()
    assert ask(server, headers=[("HTTP_HOST", "two.example")], SCRIPT_NAME="/a").status == 500
    server.wait_log(r"WSGI app 0 \(mountpoint='one\.example\|/a'\) ready in \d seconds on interpreter 0x\w+ pid: \d+\n")


def test_script_names_may_be_ignored(uwsgi, named):
    server = uwsgi("--socket", "127.0.0.1:0", "-M", "--ignore-script-name", "--pythonpath", named.parent, "--module", "named:other",
                   "--mount", "/m=named:application", "--single-interpreter")
    assert said(server, SCRIPT_NAME="/m") == "other"
    assert said(server, SCRIPT_NAME="/m", UWSGI_APPID="/m").startswith("['named'")


def test_mountpoints_that_requests_bring_are_found_in_paths(server_of_mounts, named):
    """`manage-script-name` sees them as soon as they are there, whichever core has loaded them."""
    server = server_of_mounts
    here = str(server.cwd)

    def names(path, **variables):
        answer = ask(server, path, **variables)
        assert answer.status == 200, answer
        return answer.body.decode()

    assert names("/late/x") == "other", "nobody has brought it yet"
    assert names("/late/x", SCRIPT_NAME="/late", UWSGI_FILE=str(named)) == repr(["named", "/late", here, None, None])
    # By an id that is a path, too.
    assert names("/id/x", UWSGI_APPID="/id", UWSGI_FILE=str(named)) == repr(["named", "", here, "/id", None])
    for _ in range(12):
        assert names("/late") == names("/late/x") == repr(["named", "/late", here, None, None])
        assert names("/id/y") == repr(["named", "/id", here, None, None])
        assert names("/later") == names("/ide") == "other"
        # An id chooses the application, a mountpoint the script name.
        assert names("/id/y", UWSGI_APPID="/late") == repr(["named", "/id", here, "/late", None])


@pytest.fixture(params=CORES, ids=["one core", "threads"])
def server_of_mounts(request, uwsgi, named):
    return uwsgi("--socket", "127.0.0.1:0", "-M", *request.param, "--manage-script-name", "--pythonpath", named.parent,
                 "--module", "named:other")
