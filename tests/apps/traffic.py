"""A Flask application whose pages behave as real ones do: fast, slow, busy, large, failing, leaking, hanging."""

import os
import time

from flask import Flask, Response, request

app = Flask(__name__)
kept: list[bytes] = []


def number(name: str, default: float) -> float:
    return request.args.get(name, default, type=float)


@app.get("/")
def index():
    return "Hello"


@app.get("/slow")
def slow():
    """Waits as for a database."""
    time.sleep(number("ms", 100) / 1000)
    return "slept"


@app.get("/work")
def work():
    """Uses a processor."""
    until = time.thread_time() + number("ms", 20) / 1000
    while time.thread_time() < until:
        sum(range(1000))
    return "done"


@app.get("/big")
def big():
    return Response(b"x" * int(number("kb", 512)) * 1024, mimetype="application/octet-stream")


@app.get("/error")
def error():
    raise RuntimeError("on purpose")


@app.get("/leak")
def leak():
    kept.append(os.urandom(1024) * int(number("kb", 64)))
    return str(len(kept))


@app.post("/upload")
def upload():
    return str(len(request.get_data()))


@app.get("/mule")
def mule():
    import uwsgi
    return str(uwsgi.mule_msg(b"work"))


@app.get("/alarm")
def alarm():
    import uwsgi
    uwsgi.alarm("note", "on purpose")
    return "raised"
