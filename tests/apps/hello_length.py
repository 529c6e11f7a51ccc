"""Hello world with a length, so that any HTTP/1.1 server may keep the connection."""


def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "11")])
    return [b"Hello World"]
