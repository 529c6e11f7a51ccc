"""Names of processes as ps shows them."""

import pathlib
import signal

import pytest

from harness import procs, wire
from harness.waiting import until

AUTO = ("--http-socket", "127.0.0.1:0")
LONG = "x" * 150


def title(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0].decode()
    except OSError:
        return ""


def titles(server):
    return sorted(title(pid) for pid in procs.tree(server.pid))


@pytest.fixture
def start(uwsgi, app):
    def start(*options, **kw):
        return uwsgi(*AUTO, "-M", "-p", "2", *options, "--wsgi-file", app("hello"), **kw)
    return start


AUTOMATIC = {"uWSGI master", "uWSGI worker 1", "uWSGI worker 2"}
CASES = {
    "auto": (["--auto-procname"], AUTOMATIC),
    "all": (["--procname", "site"], {"site"}),
    "master": (["--procname-master", "boss"], {"boss", "uWSGI worker 1", "uWSGI worker 2"}),
    "master and all": (["--procname", "site", "--procname-master", "boss"], {"boss", "site"}),
    "prefix": (["--auto-procname", "--procname-prefix", "p-"], {f"p-{name}" for name in AUTOMATIC}),
    "spaced prefix": (["--auto-procname", "--procname-prefix-spaced", "p"], {f"p {name}" for name in AUTOMATIC}),
    "append": (["--auto-procname", "--procname-append", " a"], {f"{name} a" for name in AUTOMATIC}),
    "prefix of a name": (["--procname", "site", "--procname-prefix", "p-", "--procname-append", "-a"], {"p-site-a"}),
}


@pytest.mark.parametrize("case", CASES)
def test_titles(start, case):
    options, expected = CASES[case]
    server = start(*options)
    binary = str(server.binary)
    until(lambda: set(titles(server)) - {"uWSGI observer", "p-uWSGI observer", "p uWSGI observer", "uWSGI observer a", binary} == expected,
          f"{expected}, not {titles(server)}")
    until(lambda: title(server.pid) == next((name for name in expected if "master" in name or name == "boss"), title(server.pid)), "the master")


def test_without_names_the_command_line_stays(start):
    server = start()
    assert set(titles(server)) == {str(server.binary)}


def test_mules_and_routers_have_names(start):
    server = start("--auto-procname", "--mule", "--mule", "--http", "127.0.0.1:0")
    expected = AUTOMATIC | {"uWSGI mule 1", "uWSGI mule 2", "uWSGI http 1"}
    until(lambda: set(titles(server)) - {"uWSGI observer"} == expected, f"{expected}, not {titles(server)}")


@pytest.mark.ours
def test_a_long_title_takes_the_room_of_the_environment(start):
    server = start("--procname", LONG, env={"ROOM": "r" * 200})
    until(lambda: set(titles(server)) == {LONG}, f"long titles, not {titles(server)}")


@pytest.mark.ours
def test_a_title_without_room_is_cut_and_harms_nothing(uwsgi, app, tmp_path):
    (tmp_path / "x.ini").write_text(f"[uwsgi]\nmaster = 1\nhttp-socket = 127.0.0.1:0\nwsgi-file = {app('probe')}\nprocname = {'y' * 30000}\n")
    server = uwsgi("x.ini")
    shown = title(server.pid)
    assert set(shown) == {"y"} and 100 < len(shown) < 30000
    assert server.get("/?os.environ['LC_ALL']").body == b"'C.UTF-8'"


@pytest.mark.ours
def test_the_environment_stays_whole_over_a_title_and_a_reload(uwsgi, app):
    server = uwsgi(*AUTO, "-M", "--auto-procname", "--wsgi-file", app("probe"), env={"MARK": "kept", "EMPTY": ""})
    for _ in range(2):
        mark = server.mark()
        server.send(signal.SIGHUP)
        server.wait_log("^spawned uWSGI worker 1 ", after=mark)
        server.settle()
        answer = wire.http(server.address(after=mark), "/?[os.environ[n]for(n)in('MARK','EMPTY')]")
        assert answer.body == b"['kept', '']"
    assert title(server.pid) == "uWSGI master"
    until(lambda: title(server.worker_pids()[1]) == "uWSGI worker 1", "the worker's name")
