"""uwsgi signals: what handlers see, what is logged, what the stats count."""

from harness import wire
from harness.waiting import until

from .box import AUTO
from .scenarios import scenario

ONE_WORKER = "signum|error managing|wid|HANDLER|Traceback|Error"

APP = """
import uwsgi

def handler(number):
    print("HANDLER %d in %d" % (number, uwsgi.worker_id()), flush=True)

def fails(number):
    raise ValueError("fails %d" % number)

for number, target in ((1, ""), (2, "workers"), (3, "worker1"), (4, "active-workers"), (5, "worker")):
    uwsgi.register_signal(number, target, handler)
uwsgi.register_signal(6, "", fails)
for arguments in ((1, "", handler), ("x", "", handler), (7, b"", handler), (7, "")):
    try:
        uwsgi.register_signal(*arguments)
    except Exception as error:
        print("HANDLER refused:", type(error).__name__, flush=True)

def application(environ, start_response):
    if environ["PATH_INFO"] == "/registered":
        body = repr([n for n in range(256) if uwsgi.signal_registered(n)] + [uwsgi.signal_received()])
    elif environ["PATH_INFO"] == "/own":
        body = repr((uwsgi.register_signal(50, "worker1", handler), uwsgi.signal_registered(50), uwsgi.signal_registered(51)))
    else:
        body = repr(uwsgi.signal(int(environ["PATH_INFO"][1:])))
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body.encode()]
"""


def numbers(server):
    stats = server.stats()
    metrics = {name: row["value"] for name, row in stats["metrics"].items() if "routed_signals" in name}
    return [metrics, stats["signal_queue"], [(w["signals"], w["signal_queue"], w["status"]) for w in stats["workers"]]]


@scenario
def signals_of_one_worker(box):
    server = box.serve("--http-socket", AUTO, "-M", "--wsgi-file", box.file("app.py", APP), "--enable-metrics", "--stats", "st.sock")
    box.get(server, "/registered")
    for turn, number in enumerate([1, 2, 3, 4, 5, 6, 99, 260], 1):
        box.get(server, f"/{number}")
        done = len([n for n in [1, 2, 3, 4, 5, 6, 99, 260][:turn] if n != 99])  # nobody handles 99
        server.wait_stats(lambda s, done=done: s["workers"][0]["signals"] == done, f"{done} signals")
    server.wait_log("error managing signal 99")
    box.get(server, "/own")
    box.get(server, "/50")  # goes where the master's table says: to the first worker, which is this one
    server.wait_log("HANDLER 50 in 1")
    server.wait_stats(lambda s: s["metrics"]["core.routed_signals"]["value"] == 18, "all counted")
    box.note("numbers", numbers(server))
    box.stop(server, only=ONE_WORKER)


@scenario
def signals_to_all_of_three(box):
    server = box.serve("--http-socket", AUTO, "-M", "-p", "3", "--wsgi-file", box.file("app.py", APP), "--enable-metrics",
                       "--stats", "st.sock")
    for number in (2, 4, 2):
        wire.http(server.address(), f"/{number}")
    server.wait_stats(lambda s: all(w["signals"] == 3 for w in s["workers"]), "three signals for each")
    server.wait_stats(lambda s: s["metrics"]["core.routed_signals"]["value"] == 12, "all counted")
    until(lambda: server.log().count("HANDLER 2 in") == 6, "the lines of the handlers")
    box.note("numbers", numbers(server))
    box.stop(server, "sorted", only="HANDLER")


@scenario
def signals_without_a_master(box):
    server = box.serve("--http-socket", AUTO, "--wsgi-file", box.file("app.py", APP.replace(
        "for number, target", "try:\n    uwsgi.register_signal(1, '', handler)\nexcept ValueError as error:\n    print('HANDLER', error)\n"
        "for number, target").replace("((1, \"\"), (2, \"workers\"), (3, \"worker1\"), (4, \"active-workers\"), (5, \"worker\"))", "()")
        .replace('uwsgi.register_signal(6, "", fails)', "")))
    box.get(server, "/registered")
    box.stop(server, only="HANDLER|signals")
