"""Fixtures, and the look at what a test leaves behind: processes, zombies, sockets, alerts."""

import os
import pathlib
import signal
import stat as stat_module

import pytest

from harness import paths, procs
from harness.server import Server
from harness.waiting import until


def pytest_configure(config):
    procs.become_subreaper()
    # A shell that starts the suite in the background passes an ignored INT on to every process.
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_runtest_logreport(report):
    """Names of tests that failed, for a second look; the process that others report to writes them."""
    path = os.environ.get("TEST_FAILED")
    if path and report.failed and "PYTEST_XDIST_WORKER" not in os.environ:
        with open(path, "a") as file:
            file.write(f"{report.nodeid}\n")


def pytest_report_header(config):
    return [f"server under test: {paths.OURS} ({'uwsgi-rs' if paths.is_successor(paths.OURS) else 'C original'})"]


def pytest_collection_modifyitems(items):
    """Tests of what only this server has are left out when another binary is named."""
    if paths.is_successor(paths.OURS):
        return
    skip = pytest.mark.skip(reason="only uwsgi-rs has this")
    for item in items:
        if item.get_closest_marker("ours"):
            item.add_marker(skip)


def loose_sockets() -> set[pathlib.Path]:
    found = set()
    for entry in pathlib.Path("/tmp").iterdir():
        try:
            if stat_module.S_ISSOCK(entry.lstat().st_mode):
                found.add(entry)
        except OSError:
            continue
    return found


def strays(before: set[int]) -> list[int]:
    """Children nobody waited for; ended ones are buried here, living ones are reported."""
    left = []
    for pid in set(procs.children(os.getpid())) - before:
        if (procs.stat(pid) or [""])[0] == "Z":
            os.waitpid(pid, os.WNOHANG)
        else:
            left.append(pid)
    return left


@pytest.fixture
def nothing_left():
    """After the test no process and no socket file of it may remain."""
    processes, sockets = set(procs.children(os.getpid())), loose_sockets()
    yield
    try:
        until(lambda: not strays(processes), "strays", timeout=3)
    except AssertionError:
        left = strays(processes)
        named = [f"{p} {procs.command_line(p)}" for p in left]
        for pid in left:
            procs.kill_quietly(pid)
        pytest.fail(f"processes left behind: {named}")
    new = loose_sockets() - sockets
    assert not {p for p in new if p.name.startswith("uwsgi")}, f"sockets left in /tmp: {new}"


@pytest.fixture
def uwsgi(nothing_left, tmp_path):
    """Factory: `uwsgi(*args)` starts a server and waits until it is ready."""
    servers: list[Server] = []

    def start(*args, ready=True, workers=None, **kw) -> Server:
        kw.setdefault("directory", tmp_path)
        server = Server(args, name=f"server{len(servers)}", **kw)
        servers.append(server)
        return server.ready(workers) if ready else server

    yield start
    problems = [p for server in servers for p in end(server)]
    assert not problems, "\n".join(problems)


def end(server: Server) -> list[str]:
    """Stop a server if the test did not; say everything that is wrong with it."""
    problems = []
    if server.process.poll() is None:
        try:
            until(lambda: server.process.poll() is not None or not procs.zombies(server.pid), "burial of zombies", timeout=5)
        except AssertionError:
            problems.append(f"zombies: {procs.zombies(server.pid)}")
    members = procs.tree(server.pid)
    try:
        code = server.stop()
        if code not in server.expect:
            problems.append(f"exit code {code}, expected {sorted(server.expect)}")
    except AssertionError as late:
        problems.append(str(late))
        for pid in members:
            procs.kill_quietly(pid)
        server.process.wait(10)
    problems += [f"alert in the log: {line}" for line in server.alerts()]
    return [f"{p}\n{server.tail()}" for p in problems]


@pytest.fixture
def app():
    """Path of an application by name: `app("hello")`."""
    return lambda name: str(paths.APPS / f"{name}.py")
