"""One MiB in either direction: what is posted is read in pieces, what is asked for is generated in pieces."""

PIECE = b"x" * 32768
PIECES = 32


def application(environ, start_response):
    if environ["REQUEST_METHOD"] == "POST":
        source, size = environ["wsgi.input"], 0
        while piece := source.read(32768):
            size += len(piece)
        body = str(size).encode()
        start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body))), ("Connection", "close")])
        return [body]
    if environ["PATH_INFO"] != "/generated":
        start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "11"), ("Connection", "close")])
        return [b"Hello World"]
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(PIECES * len(PIECE))), ("Connection", "close")])
    return (PIECE for _ in range(PIECES))
