"""Raises alarms and sets metrics: `POST /name` raises it with the body as its message, `POST /metric/name` sets it."""

import uwsgi


def application(environ, start_response):
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    kind, _, name = environ["PATH_INFO"].lstrip("/").rpartition("/")
    if kind == "metric":
        uwsgi.metric_set(name, int(body))
    else:
        uwsgi.alarm(name, body)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"done"]
