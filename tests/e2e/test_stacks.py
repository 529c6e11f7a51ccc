"""SIGUSR2 to a Python worker: where its threads stand, what it says anyway, and whose handler it is."""

import os
import signal

import pytest

IDLE = r"SIGUSR2: --- uWSGI worker 1 \(pid: {pid}\) is idle ---"
ANSWER = """
def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"hello"]
"""
OWN = """
import os, signal
def own(number, frame):
    os.write(2, b"the app's own handler\\n")
def register():
    signal.signal(signal.SIGUSR2, own)
"""
POST_FORK = OWN + "import uwsgi\nuwsgi.post_fork_hook = register\n"
IN_MASTER = "import faulthandler, signal\nfaulthandler.register(signal.SIGUSR2)\n"

pytestmark = pytest.mark.ours


@pytest.fixture
def start(uwsgi, tmp_path):
    """A server with one worker and an app that begins with `code`, and the worker's pid."""
    def start(code, *options, master=("-M",)):
        (tmp_path / "stacks.py").write_text(code + ANSWER)
        server = uwsgi("--http-socket", "127.0.0.1:0", *master, "--wsgi-file", tmp_path / "stacks.py", *options)
        assert server.get().body == b"hello"
        server.quiet()
        return server, server.worker_pids()[1] if master else server.pid

    return start


@pytest.mark.parametrize("code", ["", IN_MASTER], ids=["plain", "registered-in-master"])
@pytest.mark.parametrize("master", [("-M",), ()], ids=["master", "alone"])
def test_a_worker_tells_its_stacks_and_that_it_is_idle(start, code, master):
    server, pid = start(code, master=master)
    for _ in range(2):
        mark = server.mark()
        os.kill(pid, signal.SIGUSR2)
        server.wait_log(IDLE.format(pid=pid), after=mark)
        server.wait_log(r"^Current thread 0x[0-9a-f]+ \(most recent call first\):$", after=mark)
    assert server.get().body == b"hello"


@pytest.mark.parametrize("code, options", [(POST_FORK, ()), (OWN + "register()\n", ("--lazy-apps",))], ids=["post-fork", "lazy"])
def test_a_handler_of_the_app_has_its_way(start, code, options):
    server, pid = start(code, *options)
    os.kill(pid, signal.SIGUSR2)
    # CPython runs it when Python code runs next.
    assert server.get().body == b"hello"
    server.wait_log("the app's own handler")
    assert "most recent call first" not in server.log()
