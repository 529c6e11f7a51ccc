"""Responses of every shape, right and wrong."""
import io
import sys
import uwsgi

HTML = [("Content-Type", "text/html")]


class Closing(list):
    def close(self):
        print("list closed")


def application(environ, start_response):
    return globals()[environ["PATH_INFO"].strip("/")](environ, start_response)


def as_bytes(environ, start_response):
    start_response("200 OK", HTML)
    return b"whole"


def as_tuple(environ, start_response):
    start_response("200 OK", HTML)
    return (b"whole",)


def closing(environ, start_response):
    start_response("200 OK", HTML)
    return Closing([b"x"])


def two(environ, start_response):
    start_response("200 OK", HTML)
    return [b"1", b"22"]


def empty(environ, start_response):
    start_response("204 No Content", HTML)
    return []


def nothing(environ, start_response):
    start_response("200 OK", HTML)


def text(environ, start_response):
    start_response("200 OK", HTML)
    return "abc"


def nones(environ, start_response):
    start_response("200 OK", HTML)
    return iter([None, b"x", None])


def no_start(environ, start_response):
    return [b"body"]


def no_start_empty(environ, start_response):
    return []


def raises(environ, start_response):
    raise KeyError("before")


def raises_late(environ, start_response):
    start_response("200 OK", HTML)
    yield b"first"
    raise KeyError("late")


def exits(environ, start_response):
    raise SystemExit(3)


def latin1(environ, start_response):
    start_response("200 OK", [("X-Name", "caf\xe9"), ("X-Path", environ.get("HTTP_X", ""))])
    return [b""]


def real_file(environ, start_response):
    start_response("200 OK", HTML)
    file = open(__file__, "rb")
    file.seek(4)
    return environ["wsgi.file_wrapper"](file)


def memory_file(environ, start_response):
    start_response("200 OK", HTML)
    return environ["wsgi.file_wrapper"](io.BytesIO(b"0123456789"), 4)


def wrapped_nothing(environ, start_response):
    return environ["wsgi.file_wrapper"](3)


def resent(environ, start_response):
    write = start_response("200 OK", HTML)
    write(b"x")
    try:
        start_response("500 Oops", HTML)
    except OSError as exc:
        write(str(exc).encode())
    try:
        raise ValueError("original")
    except ValueError:
        start_response("500 Oops", HTML, sys.exc_info())


def replaced(environ, start_response):
    start_response("200 OK", HTML)
    start_response("201 Created", [])
    return [b"x"]


def keeps(environ, start_response):
    uwsgi.kept = environ["wsgi.input"]
    start_response("200 OK", HTML)
    return [b"kept"]


def reuses(environ, start_response):
    start_response("200 OK", HTML)
    try:
        return [uwsgi.kept.read()]
    except SystemError as exc:
        return [str(exc).encode()]


def off_thread(environ, start_response):
    import threading
    out = []

    def other():
        try:
            start_response("200 OK", HTML)
        except SystemError as exc:
            out.append(str(exc).encode())

    thread = threading.Thread(target=other)
    thread.start()
    thread.join()
    start_response("200 OK", HTML)
    return out


def bad_head(environ, start_response):
    cases = [
        ((), {}), (("200 OK",), {}), ((200, []), {}), (("200 \u20ac", []), {}),
        (("200 OK", ()), {}), (("200 OK", ["x"]), {}), (("200 OK", [("x",)]), {}),
        (("200 OK", [(1, "x")]), {}), (("200 OK", [("x", 1)]), {}),
        (("200 OK", [("x", "\u20ac")]), {}), (("200 OK", [("x", "a\r\nb: c")]), {}),
        (("200 OK\n", []), {}),
    ]
    out = []
    for args, _ in cases:
        try:
            start_response(*args)
            out.append("accepted")
        except Exception as exc:
            out.append("%s: %s" % (type(exc).__name__, exc))
    start_response("200 OK", HTML)
    return ["\n".join(out).encode()]


def environ_keys(environ, start_response):
    start_response("200 OK", HTML)
    keep = sorted((k, v) for k, v in environ.items() if isinstance(v, (str, bytes, bool, tuple)))
    return ["\n".join("%s=%r" % pair for pair in keep).encode()]


def pollutes(environ, start_response):
    environ["HTTP_HOST"] = environ["polluted"] = "polluted"
    start_response("200 OK", HTML)
    return [b"x"]


def hooked(environ, start_response):
    sys.excepthook = lambda kind, value, tb: print("hooked", kind.__name__)
    print("hook set")
    start_response("200 OK", HTML)
    return []
