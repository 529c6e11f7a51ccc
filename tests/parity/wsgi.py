"""The request-time part of the module `uwsgi`."""

from harness import wire

from .box import AUTO
from .scenarios import scenario


def running(box, *options):
    return box.serve("--http-socket", AUTO, "-M", *options, "--wsgi-file", box.app("running"))


@scenario
def wsgi_sendfile(box):
    server = running(box)
    path = box.file("data", "0123456789")
    for numbers in ("", ",0,3,4", ",0,0,4"):
        box.get(server, f"/sendfile?{path}{numbers}")
    box.get(server, f"/sendfile-number?{path}")
    box.stop(server, "none")


@scenario
def wsgi_raw_bytes(box):
    server = running(box)
    for path in ("/send", "/send-only"):
        box.get(server, path)
    box.stop(server, "none")


@scenario
def wsgi_log_variables(box):
    server = running(box, "--log-format", "line %(uri) %(who)/%(other)/%(var.ADDED)/%(nobody)")
    for path in ("/logvars", "/values?1"):
        box.get(server, path)
    box.stop(server, only="^line ")


@scenario
def wsgi_chunks(box):
    server = running(box)
    for path, body in (("/chunks", b"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"), ("/chunks-now", b"5\r\nhel")):
        head = wire.request_bytes("POST", path, {"Transfer-Encoding": "chunked"})
        box.exchange(server, f"POST {path} {body!r}", head + body)
    box.stop(server, "none")


@scenario
def wsgi_facts(box):
    server = running(box, "--disable-logging")
    for path in ("/descriptors", "/engines", "/facts", "/log-me"):
        box.get(server, path)
    box.stop(server, only="ASYNC|=> generated")


@scenario
def wsgi_removed_headers(box):
    server = box.serve("--http-socket", AUTO, "--rem-header", "x-ONE", "--add-header", "X-One: added", "--wsgi-file", box.app("wires"))
    box.get(server, "/headers")
    box.stop(server, "none")


@scenario
def wsgi_error_page(box):
    server = box.serve("--http-socket", AUTO, "--error-page-500", box.file("page.html", "<h1>later</h1>"))
    box.get(server, "/")
    box.stop(server, "none")
