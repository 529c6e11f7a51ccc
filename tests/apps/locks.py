"""Locks of the server: what a request does is its path, with a number behind it."""

import os
import signal
import time

import uwsgi


def application(environ, start_response):
    action, _, number = environ["PATH_INFO"].strip("/").partition("/")
    number = [int(number)] if number else []
    answer = str(os.getpid())
    if action in ("lock", "unlock"):
        try:
            answer += f" {getattr(uwsgi, action)(*number)}"
        except ValueError as refused:
            answer += f" {refused}"
    elif action == "is_locked":
        answer += f" {uwsgi.is_locked(*number)}"
    elif action == "die":
        uwsgi.lock(*number)
        os.kill(os.getpid(), signal.SIGKILL)
    elif action == "count":
        # Without the lock, others would count from the same number.
        uwsgi.lock()
        try:
            with open(os.environ["COUNT"], "r+", encoding="ascii") as file:
                before = int(file.read() or 0)
                time.sleep(0)
                file.seek(0)
                file.write(str(before + 1))
        finally:
            uwsgi.unlock()
    start_response("200 OK", [("Content-Length", str(len(answer)))])
    return [answer.encode()]
