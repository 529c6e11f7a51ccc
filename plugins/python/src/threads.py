"""Helper threads of workers: reloading on changed modules, and dumps of all stacks.

Runs in the namespace of the helper code of the main interpreter, only when an option asks.
"""


def _thread(name, function, *arguments):
    import signal
    import threading

    def run():
        # signals are for the server's own threads
        signal.pthread_sigmask(signal.SIG_BLOCK, set(range(1, signal.NSIG)) - {32, 33})
        try:
            function(*arguments)
        except Exception:
            report()

    threading.Thread(target=run, name=name, daemon=True).start()


def auto_reload(seconds, ignored, worker):
    _thread("uWSGIAutoReloader", _watch, seconds, ignored)
    if worker == 1:
        log("Python auto-reloader enabled")


def _watch(seconds, ignored):
    import time
    seen = {}
    while True:
        changed = _changed(seen, ignored)
        if changed:
            log("[uwsgi-python-reloader] module/file %s has been modified" % changed)
            uwsgi.reload()
            return
        time.sleep(seconds)


def _changed(seen, ignored):
    import os
    from fnmatch import fnmatchcase
    for name, module in list(sys.modules.items()):
        path = getattr(module, "__file__", None)
        if not isinstance(path, str) or any(fnmatchcase(name, rule) for rule in ignored):
            continue
        if path.endswith((".pyc", ".pyo", ".pyd")):
            path = path[:-1]
        try:
            stamp = os.stat(path).st_mtime_ns
        except OSError:
            continue  # being written, or inside an archive
        if seen.setdefault((name, path), stamp) != stamp:
            return path
    return None


def tracebacker(prefix, mode, worker):
    import os
    import socket
    path = "%s%d" % (prefix, worker)
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    abstract = path.startswith("@")
    if not abstract and os.path.exists(path):
        os.unlink(path)
    server.bind("\0" + path[1:] if abstract else path)
    if mode and not abstract:
        os.chmod(path, int(mode, 8))
    server.listen(8)
    _thread("uWSGITraceBacker", _answer, server)
    log("python tracebacker for worker %d available on %s" % (worker, path))


def _answer(server):
    while True:
        client, _ = server.accept()
        with client:
            try:
                client.sendall(_dump().encode("utf-8", "backslashreplace"))
            except OSError:
                pass  # the reader left


def _dump():
    import threading
    import traceback
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    lines = ["*** uWSGI Python tracebacker output ***", ""]
    for ident, frame in sys._current_frames().items():
        name = names.get(ident, "<UnnamedPythonThread>")
        for entry in traceback.extract_stack(frame):
            text = " line = %s" % entry.line if entry.line else ""
            lines.append("thread_id = %s filename = %s lineno = %d function = %s%s"
                         % (name, entry.filename, entry.lineno, entry.name, text))
        lines.append("")
    return "\n".join(lines) + "\n"
