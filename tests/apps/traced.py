"""For tracers: sleeps or computes for so many milliseconds, and sends what other processes take. The body of the first two is
the processor time they took, in milliseconds."""

import time

import uwsgi


def burn(milliseconds):
    until = time.thread_time() + int(milliseconds) / 1000
    while time.thread_time() < until:
        pass


def handler(_number):
    pass


if uwsgi.masterpid():
    uwsgi.register_signal(17, "worker1", handler)

DEEDS = {
    "sleep": lambda milliseconds: time.sleep(int(milliseconds) / 1000),
    "burn": burn,
    "signal": lambda number: uwsgi.signal(int(number)),
    "message": lambda text: uwsgi.mule_msg(text.encode()),
    "alarm": lambda text: uwsgi.alarm("note", text),
}


def application(environ, start_response):
    began = time.thread_time()
    deed, _, argument = environ["PATH_INFO"].lstrip("/").partition("/")
    if deed in DEEDS:
        DEEDS[deed](argument)
    body = b"%d" % ((time.thread_time() - began) * 1000)
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]
