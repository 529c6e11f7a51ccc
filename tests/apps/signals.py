"""uwsgi signals: registered before the fork, raised by requests, handled into the file `handled`."""

import os

import uwsgi

HANDLED = os.open("handled", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)


def note(number):
    os.write(HANDLED, b"%d %d %d\n" % (number, uwsgi.worker_id(), uwsgi.mule_id() if hasattr(uwsgi, "mule_id") else 0))


def fails(number):
    raise ValueError("handler of %d" % number)


def waits(number):
    """Until somebody writes to the fifo `hold`."""
    note(number)
    with open("hold", "rb") as fifo:
        fifo.read()


def refused(number, target):
    try:
        uwsgi.register_signal(number, target, note)
    except ValueError as error:
        print("refused %d %r: %s" % (number, target, error), flush=True)


if uwsgi.masterpid():
    uwsgi.register_signal(10, "", note)
    uwsgi.register_signal(11, "worker", note)
    uwsgi.register_signal(12, "workers", note)
    uwsgi.register_signal(13, "active-workers", note)
    if uwsgi.numproc > 1:
        uwsgi.register_signal(14, "worker2", note)
    uwsgi.register_signal(15, "worker1", fails)
    uwsgi.register_signal(16, "worker1", waits)
    uwsgi.register_signal(17, "worker0", note)
    uwsgi.register_signal(18, "subscribed", note)
refused(10, "workers")


def application(environ, start_response):
    name, *words = environ["PATH_INFO"].strip("/").split("/")
    answer = ACTIONS[name](*[int(word) if word.isdigit() and name not in TEXTS else word for word in words])
    body = repr(answer).encode()
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]


def raised(number, times=1):
    for _ in range(times):
        uwsgi.signal(number)


def waited(*wanted):
    return uwsgi.signal_received(), uwsgi.signal_wait(*wanted), uwsgi.signal_received()


def own(number):
    uwsgi.register_signal(number, "workers", note)
    return uwsgi.signal_registered(number)


TEXTS = ("remote", "timer")  # what they take is text


def remote(number, *node):
    try:
        return uwsgi.signal(int(number), "/" + "/".join(node))
    except Exception as error:
        return "%s: %s" % (type(error).__name__, error)


def timer(name, *numbers):
    try:
        return getattr(uwsgi, name)(*map(int, numbers))
    except Exception as error:
        return "%s: %s" % (type(error).__name__, error)


ACTIONS = {
    "remote": remote,
    "timer": timer,
    "raise": raised,
    "wait": waited,
    "own": own,
    "wid": uwsgi.worker_id,
    "registered": lambda: [n for n in range(256) if uwsgi.signal_registered(n)],
    "status": lambda: [w["status"] for w in uwsgi.workers()],
    "refused": lambda number: refused(number, "no_such"),
}
