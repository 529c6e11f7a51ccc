"""An app under wsgiref's validator: one path per shape of response."""
import sys
from wsgiref.validate import validator


class Closing:
    def __init__(self, chunks):
        self.chunks = iter(chunks)

    def __iter__(self):
        return self

    def __next__(self):
        return next(self.chunks)

    def close(self):
        sys.stderr.write("closed\n")


def app(environ, start_response):
    headers = [("Content-Type", "text/plain")]
    path = environ["PATH_INFO"]
    if path == "/write":
        write = start_response("200 OK", headers)
        write(b"one,")
        return [b"two"]
    if path == "/generator":
        start_response("200 OK", headers)
        return Closing([b"a", b"b", b"c"])
    if path == "/exc_info":
        start_response("200 OK", headers)
        try:
            raise ValueError("replaced")
        except ValueError:
            start_response("500 Oops", headers, sys.exc_info())
        return [b"sorry"]
    if path == "/post":
        length = int(environ["CONTENT_LENGTH"])
        data = environ["wsgi.input"].read(length)
        start_response("200 OK", headers)
        return [data[::-1]]
    start_response("200 OK", headers)
    return [b"plain"]


application = validator(app)
