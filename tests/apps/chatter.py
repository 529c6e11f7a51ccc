"""Writes as many long lines to standard error as the query string says."""

import sys


def application(environ, start_response):
    for number in range(int(environ["QUERY_STRING"])):
        sys.stderr.write(f"long {number} {'x' * 400}\n")
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"all"]
