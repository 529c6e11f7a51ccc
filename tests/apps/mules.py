"""Mules: messages and signals for them, told in the log; requests send both."""

import os

import uwsgi


def told(*words):
    print("mule", uwsgi.mule_id(), *words, flush=True)


def hook(message):
    if message == b"fail":
        raise ValueError("hook fails")
    if message == b"wait":
        with open("hold", "rb") as fifo:
            fifo.read()
    told("got", message[:20], len(message))


def handler(number):
    told("handles", number, "as worker", uwsgi.worker_id())


def stuck(number):
    told("stuck in", number)
    with open("hold", "rb") as fifo:
        fifo.read()


if os.environ.get("WITH_HOOK", "1") == "1":
    uwsgi.mule_msg_hook = hook
for number, target, function in ((20, "mule", handler), (21, "mule2", handler), (22, "mules", handler), (23, "mule1", stuck)):
    try:
        uwsgi.register_signal(number, target, function)
    except ValueError as error:
        print("refused", number, error, flush=True)


def sent(name, to=None):
    message = {"small": b"hello", "big": b"x" * 300000, "large": b"y" * 100000, "empty": b"", "text": "\u00e4", "fail": b"fail",
               "wait": b"wait"}[name]
    to = None if to is None else int(to) if to.lstrip("-").isdigit() else to
    try:
        return uwsgi.mule_msg(message) if to is None else uwsgi.mule_msg(message, to)
    except ValueError as error:
        return str(error)


def many(count, to):
    return sum(uwsgi.mule_msg(b"m%d" % n, int(to)) for n in range(int(count)))


def received(size=65536):
    try:
        return uwsgi.mule_get_msg(timeout=1, buffer_size=int(size))
    except ValueError as error:
        return str(error)


ACTIONS = {"send": sent, "many": many, "raise": lambda n: uwsgi.signal(int(n)), "id": uwsgi.mule_id, "receive": received}


def application(environ, start_response):
    name, *arguments = environ["PATH_INFO"].strip("/").split("/")
    body = repr(ACTIONS[name](*arguments)).encode()
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]
