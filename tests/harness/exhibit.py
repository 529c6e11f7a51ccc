"""A server that has something to show on every panel: router, sockets, mule, alarm, threshold, two applications."""

import contextlib
import time

from harness import paths, probes, wire


def options(directory, stats_port: int, http_port: int, snmp_port: int, udp_port: int, workers: int = 2, threads: int = 2, harakiri: int = 2) -> list[str]:
    """Of the command line. The level of memory-report can only be given in a file, which is written to the directory."""
    app = paths.APPS / "traffic.py"
    (directory / "memory.ini").write_text("[uwsgi]\nmemory-report = 2\n")
    return ["--http", f"127.0.0.1:{http_port}", "--http-socket", "127.0.0.1:0", "-M", "-p", str(workers), "--threads", str(threads),
            "--stats", f"127.0.0.1:{stats_port}", "--stats-http", "--enable-metrics", "--metrics-extended", "--ini", str(directory / "memory.ini"), "--prometheus-cores",
            # Nobody is ever less busy than 0 %: the workers stay.
            "--cheaper", "1", "--cheaper-initial", str(workers), "--cheaper-algo", "busyness", "--cheaper-overload", "1", "--cheaper-busyness-min", "0",
            "--harakiri", str(harakiri), "--mules", "1", "--attach-daemon", "exec sleep 1000", "--home", str(paths.VENV), "--manage-script-name",
            "--mount", f"/shop={app}", "--mount", f"/admin={app}", "--wsgi-file", str(app), "--callable", "app",
            "--metric", "name=orders,type=counter,initial_value=3", "--alarm", "note cmd:cat >/dev/null",
            "--metric-threshold", f"key=core.busy_workers,value={workers},alarm=note",
            "--logger", f"shown file:{directory}/shown.log", "--log-route", "shown ^nobody says this",
            "--stats-push", "file:path=pushed,freq=1", "--stats-push", "socket:127.0.0.1:9,exhibit",
            *(["--ebpf=all"] if probes.CAN else []), f"--snmp=127.0.0.1:{snmp_port}", "--snmp-community", "public", "--udp", f"127.0.0.1:{udp_port}"]


def page(stats_port: int) -> str:
    """What Prometheus reads."""
    return wire.http(("127.0.0.1", stats_port), "/metrics").body.decode()


def names(page_text: str) -> set[str]:
    return {line.split("{")[0].split(" ")[0] for line in page_text.splitlines() if line and not line.startswith("#")}


def upload(address) -> wire.Response:
    """A request whose body is not there when it begins."""
    body = b"5\r\nhello\r\n0\r\n\r\n"
    return wire.http(address, "/shop/upload", "POST", {"Transfer-Encoding": "chunked"}, body)


def crowd(address, path: str, count: int):
    """Requests that begin at once, on connections of their own; answers are awaited by the block's end."""
    stack = contextlib.ExitStack()
    streams = [stack.enter_context(contextlib.closing(wire.connect(address, 20))) for _ in range(count)]
    for stream in streams:
        headers = {"Connection": "close", "X-Request-Start": f"t={time.time():.6f}"}
        stream.sendall(wire.request_bytes(path=path, headers=headers))
    with stack:
        return [wire.Reader(stream).response() for stream in streams]
