"""What an application sees of request bodies: how they were stored, how they fail."""

import hashlib
import os
import time

OK = [("Content-Type", "text/plain")]


def digest(source):
    md5, size = hashlib.md5(), 0
    while piece := source.read(32768):
        md5.update(piece)
        size += len(piece)
    return f"{md5.hexdigest()} {size}"


def stored():
    """Names in the directory of temporary files, and how many files without a name are open."""
    links = []
    for number in os.listdir("/proc/self/fd"):
        try:
            links.append(os.readlink(f"/proc/self/fd/{number}"))
        except OSError:  # the directory that was just read
            continue
    temporary = os.environ["TMPDIR"]
    return f"{sorted(os.listdir(temporary))} {sum(link.startswith(temporary) and '(deleted)' in link for link in links)}"


def twice(environ):
    source = environ["wsgi.input"]
    first = digest(source)
    return f"{stored()} {first} {source.seek(0) or digest(source)} {source.read()!r}"


def digests(environ):
    source = environ["wsgi.input"]
    first = digest(source)
    source.seek(0)  # the original answers nothing here
    return f"{first} {digest(source)}"


def positions(environ):
    source = environ["wsgi.input"]
    seen = [source.readline(), source.tell(), source.seek(-5, 1), source.read(3), source.seek(-4, 2), source.read(), source.seek(2)]
    for offset, whence in ((-1, 0), (10_000, 0), (1, 2), (0, 3)):
        try:
            seen.append(source.seek(offset, whence))
        except OSError as error:
            seen.append(str(error))
    return repr(seen + [source.tell(), source.read(4)])


def read(environ):
    try:
        return repr(environ["wsgi.input"].read())
    except OSError as error:
        print(f"the application got: {error}", flush=True)
        return str(error)


def length(environ):
    source = environ["wsgi.input"]
    first = len(source.read())
    source.seek(0)
    return str(min(first, len(source.read())))


def slow(environ):
    time.sleep(0.5)
    return digest(environ["wsgi.input"])


def unread(environ):
    return "not read"


def application(environ, start_response):
    answer = globals()[environ["PATH_INFO"].strip("/")](environ)
    start_response("200 OK", OK)
    return [answer.encode()]
