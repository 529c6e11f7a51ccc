"""Exceptions that leave an application, as the exception handler `log` tells of them."""

import re

import pytest

from harness import wire
from harness.server import run

APP = '''
class Own(Exception):
    pass

def deeper(what):
    raise Own("what <%s>\\nand more" % what)

def application(environ, start_response):
    if environ["PATH_INFO"] == "/well":
        start_response("200 OK", [])
        return [b"well"]
    deeper("it")
'''


@pytest.mark.ours
@pytest.mark.parametrize("name", ["log", "log:whatever"])
def test_the_log_tells_all_about_an_exception(uwsgi, tmp_path, name):
    (tmp_path / "fails.py").write_text(APP)
    server = uwsgi("--http-socket", "127.0.0.1:0", "-M", "--threads", "2", "--exception-handler", name, "--wsgi-file",
                   tmp_path / "fails.py").allow("Traceback", "exception handler")
    assert wire.http(server.address(), "/well").body == b"well"
    wire.raw(server.address(), wire.request_bytes(path="/bad%1b?a=b"))
    server.wait_log(r'^!!! end of "log" exception handler output !!!$')
    text = server.log()
    begin, end = text.index('!!! "log" exception handler !!!'), text.index('!!! end of "log"')
    said = text[begin:end]
    assert "\tREQUEST_METHOD=GET\n" in said and "\tQUERY_STRING=a=b\n" in said and "/well" not in said
    assert re.search(r'^\tfilename: ".*/fails\.py" line: 6 function: "deeper" text/code: "raise Own\(', said, re.M)
    assert re.search(r'^\tfilename: ".*/fails\.py" line: 12 function: "application"', said, re.M)
    assert "\nclass: Own\nmsg: what <it>?and more\nrepr: Own: what <it>?and more\nunix: " in said
    worker = server.worker_pids()[1]
    assert re.search(rf"^wid: 1\npid: {worker}\ncore: [01]\nnode: \S+$", said, re.M)
    assert "\tPATH_INFO=/bad?\n" in said, "a client writes to terminals"


def test_a_handler_that_nobody_knows(tmp_path):
    out = run("--http-socket", "127.0.0.1:0", "-M", "--exception-handler", "nobody", code=1)
    assert "unable to find exception handler: nobody" in out
