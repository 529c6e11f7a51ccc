"""What counting costs an application: one worker, the price of a statement without the loop around it.

`uwsgi_metrics` and prometheus_client on top of it, against the library alone, the library in its multiprocess mode, and
`metric_inc` here and in the original. COUNTING_NUMBER (200000) counts for each run, the best of five.
"""

import os
import pathlib
import sys
import tempfile
from urllib.parse import quote

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from harness import paths  # noqa: E402
from harness.server import Server  # noqa: E402

NUMBER = os.environ.get("COUNTING_NUMBER", "200000")
APP = f"""
import timeit
from urllib.parse import unquote
import uwsgi
NAMES = {{"uwsgi": uwsgi}}

def net(setup, statement):
    exec(setup, NAMES)
    def best(what):
        return min(timeit.repeat(what, number={NUMBER}, repeat=5, globals=NAMES))
    return (best(statement) - best("pass")) / {NUMBER} * 1e9

def application(environ, start_response):
    start_response("200 OK", [])
    setup, _, statement = unquote(environ["QUERY_STRING"]).partition("|")
    return [b"%f" % net(setup, statement)]
"""
OWN = "import uwsgi_metrics as m; c = m.Counter('c', ''); l = m.Counter('l', '', ['a']); g = m.Gauge('g', ''); h = m.Histogram('h', '')"
CLIENT = ("import prometheus_client as m; c = m.Counter('c', '', registry=None); l = m.Counter('l', '', ['a'], registry=None); "
          "g = m.Gauge('g', '', registry=None); h = m.Histogram('h', '', registry=None)")
COUNTS = {"inc": "c.inc()", "labels + inc": "l.labels('x').inc()", "set": "g.set(1)", "observe": "h.observe(0.3)"}
BY_NAME = "uwsgi.metric_inc('m')"


def serve(directory, name, binary, *args, env=None):
    home = directory / name
    home.mkdir()
    (home / "app.py").write_text(APP)
    return Server(["--http-socket", "127.0.0.1:0", "-M", "-L", "--metric", "m", "--wsgi-file", home / "app.py", *args], home,
                  binary=binary, env=env).ready()


def price(server, setup, statement) -> float:
    return float(server.get("/?" + quote(f"{setup}|{statement}"), timeout=300).body)


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        directory = pathlib.Path(name)
        (directory / "files").mkdir()
        library = ["--home", paths.VENV]
        runs = {
            "uwsgi_metrics": (paths.OURS, [], OWN, None),
            "prometheus_client here": (paths.OURS, [*library, "--py-prometheus-client"], CLIENT, None),
            "prometheus_client alone": (paths.OURS, library, CLIENT, None),
            "prometheus_client multiprocess": (paths.OURS, library, CLIENT, {"PROMETHEUS_MULTIPROC_DIR": str(directory / "files")}),
        }
        print(f"{'nanoseconds':32}" + "".join(f"{what:>14}" for what in COUNTS))
        for who, (binary, args, setup, env) in runs.items():
            server = serve(directory, who.replace(" ", "-"), binary, *args, env=env)
            print(f"{who:32}" + "".join(f"{price(server, setup, count):14.0f}" for count in COUNTS.values()), flush=True)
            server.stop()
        for who, binary in {"metric_inc here": paths.OURS, "metric_inc of the original": paths.ORIGINAL}.items():
            server = serve(directory, who.replace(" ", "-"), binary)
            print(f"{who:32}{price(server, '', BY_NAME):14.0f}", flush=True)
            server.stop()


if __name__ == "__main__":
    main()
