"""An applications dictionary."""


def one(environ, start_response):
    start_response("200 OK", [])
    return [b"one"]


def two(environ, start_response):
    start_response("200 OK", [])
    return [b"two"]


applications = {"": one, "/two": "two", "/broken": 7}
