"""Hello world that announces the end of its connection, as load generators need it for connection per request."""


def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "11"), ("Connection", "close")])
    return [b"Hello World"]
