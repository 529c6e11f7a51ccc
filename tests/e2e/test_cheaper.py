"""The number of workers follows the load: every algorithm, the limits, the operator's view."""

import re
import signal
import subprocess

import pytest

from harness import paths, wire
from harness.crowd import Crowd
from harness.load import Hammer
from harness.server import plain_environment
from harness.waiting import until

pytestmark = pytest.mark.ours
FAST = ("--cheaper-cycle", "50")


@pytest.fixture
def pool(uwsgi, app, tmp_path):
    """`pool(*options)`: four workers at most, one at least, a cycle every 50 ms."""

    def start(*options, workers=1, cycle=FAST, socket=("--http-socket", "127.0.0.1:0"), processes=4, **kw):
        return uwsgi(*socket, "-M", "-p", processes, "--cheaper", "1", *cycle, "--stats", str(tmp_path / "stats"), "--stats-http", "--vacuum",
                     *options, "--wsgi-file", app("holding"), workers=workers, **kw)
    return start


def statuses(server):
    return [worker["status"] for worker in server.stats()["workers"]]


def running(server):
    return sum(worker["pid"] > 0 for worker in server.stats()["workers"])


def reaches(server, count):
    until(lambda: running(server) == count, f"{count} workers\n{server.tail(30)}", 20)


def stays(server, count):
    """So many during two seconds of the master, which are many looks at the load."""
    changes = len(re.findall("cheaped|pawned uWSGI worker", server.log()))
    first = metric(server, "uwsgi_master_cycles_total")
    until(lambda: metric(server, "uwsgi_master_cycles_total") >= first + 2, "two seconds of the master")
    assert running(server) == count, server.tail(30)
    assert len(re.findall("cheaped|pawned uWSGI worker", server.log())) == changes, server.tail(30)


def metric(server, name, **labels):
    page = wire.http(server.stats_address(), "/metrics").body.decode()
    want = name + ("{" + ",".join(f'{k}="{v}"' for k, v in labels.items()) + "}" if labels else "")
    found = re.search(rf"^{re.escape(want)} (\S+)$", page, re.M)
    return float(found[1]) if found else None


# --- the algorithms ---------------------------------------------------------------------------------------------------------

def test_spare_keeps_one_at_hand(pool, tmp_path):
    server = pool("--cheaper-overload", "2")
    assert statuses(server) == ["idle", "cheap", "cheap", "cheap"]
    crowd = Crowd(server.address(), tmp_path)
    for busy in (1, 2, 3):
        crowd.join()
        reaches(server, busy + 1)
    crowd.join(4)
    until(lambda: statuses(server) == ["busy"] * 4, "all four at work")
    stays(server, 4)
    crowd.answered()
    reaches(server, 1)
    stays(server, 1)
    assert len(re.findall(r"^uWSGI worker \d cheaped\.$", server.log(), re.M)) == 3
    assert len(re.findall(r"^worker \d killed successfully \(pid: \d+\)$", server.log(), re.M)) == 3
    assert metric(server, "uwsgi_cheaper_wanted_workers") == 1
    assert metric(server, "uwsgi_cheaper_changes_total", reason="load") == 3
    assert metric(server, "uwsgi_cheaper_changes_total", reason="idle") == 3
    assert metric(server, "uwsgi_cheaper_last_reason") == 4
    away = [worker for worker in server.stats()["workers"] if worker["status"] == "cheap"]
    assert [(w["pid"], w["accepting"], w["rss"]) for w in away] == [(0, 0, 0)] * 3
    assert all(w["id"] for w in server.stats()["workers"])


def test_spare2_keeps_so_many_without_work(pool, tmp_path):
    server = pool("--cheaper-algo", "spare2", "--cheaper-idle", "3", "--cheaper", "2", "--cheaper-step", "2", processes=6, workers=2)
    crowd = Crowd(server.address(), tmp_path).join(2)
    reaches(server, 4)
    crowd.join(2)
    reaches(server, 6)
    crowd.join(2)
    stays(server, 6)
    crowd.answered()
    reaches(server, 2)
    stays(server, 2)


@pytest.mark.parametrize("algo", ["backlog", "backlog2"])
@pytest.mark.parametrize("family", ["tcp", "unix"])
def test_backlog_follows_the_queue_of_either_family(pool, tmp_path, algo, family):
    socket = ("--http-socket", "127.0.0.1:0" if family == "tcp" else tmp_path / "s")
    server = pool("--cheaper-algo", algo, "--cheaper-overload", "2", socket=socket)
    crowd = Crowd(server.address(), tmp_path).join()
    until(lambda: statuses(server)[0] == "busy", "a busy worker")
    crowd.join(2)
    stays(server, 1)
    crowd.join(1)
    reaches(server, 2)
    crowd.join(2)
    reaches(server, 4)
    crowd.answered()
    reaches(server, 1)


def test_backlog_counts_who_waits_behind_the_router(pool, tmp_path):
    server = pool("--cheaper-algo", "backlog", "--cheaper-overload", "2", socket=("--http", "127.0.0.1:0"))
    found = server.wait_log(r"uWSGI http bound on 127\.0\.0\.1:(\d+)")
    crowd = Crowd(("127.0.0.1", int(found[1])), tmp_path).join(6)
    reaches(server, 4)
    crowd.answered()
    reaches(server, 1)


def test_busyness_measures_windows_and_has_emergency_workers(pool, tmp_path):
    server = pool("--cheaper-algo", "busyness", "--cheaper-initial", "2", "--cheaper-overload", "1", "--cheaper-busyness-multiplier", "2",
                  "--cheaper-busyness-backlog-alert", "2", "--cheaper-busyness-verbose", "--enable-metrics", workers=2)
    for line in ("[busyness] settings: min=25%, max=50%, overload=1, multiplier=2, respawn penalty=2",
                 "[busyness] backlog alert is set to 2 request(s), step is 1",
                 "[busyness] backlog non-zero alert is set to 60 second(s)", "[busyness] metrics registered"):
        assert line in server.log()
    crowd = Crowd(server.address(), tmp_path).join(8)
    server.wait_log(r"\[busyness\] \d+ requests in listen queue, spawning 1 emergency worker\(s\) \(1\)!")
    reaches(server, 4)
    server.wait_log(r"\[busyness\] 1s average busyness is at 100% but we already started maximum number of workers available with "
                    r"current limits \(4\)")
    assert metric(server, "uwsgi_cheaper_busyness_percent") > 50
    assert metric(server, "uwsgi_cheaper_changes_total", reason="emergency") >= 1
    crowd.answered()
    reaches(server, 1)
    server.wait_log(r"\[busyness\] 1s average busyness is at 0%, cheap one of 2 running workers")
    # What rests was measured too.
    until(lambda: metric(server, "uwsgi_cheaper_busyness_percent") == 0, "a window without requests")
    assert [metric(server, "uwsgi_worker_busyness_percent", worker_id=n) for n in (1, 2, 3, 4)] == [0] * 4


def test_numbers_of_cheaper_end_with_it(uwsgi, app, tmp_path):
    config = tmp_path / "site.ini"
    text = f"[uwsgi]\nmaster = true\nprocesses = 2\nhttp-socket = 127.0.0.1:0\nwsgi-file = {app('holding')}\n"
    config.write_text(text + "cheaper = 1\ncheaper-algo = busyness\ncheaper-cycle = 50\n")
    server = uwsgi("--ini", config, "--stats", str(tmp_path / "stats"), "--stats-http", workers=1)
    names = ["uwsgi_cheaper_busyness_percent", "uwsgi_cheaper_busyness_multiplier", "uwsgi_cheaper_wanted_workers"]
    until(lambda: [metric(server, name) for name in names] == [0, 10, 1], "numbers of busyness")
    config.write_text(text)
    after = server.mark()
    server.send(signal.SIGHUP)
    server.wait_log(r"^spawned uWSGI worker 2 \(pid", after=after)
    until(lambda: metric(server, "uwsgi_master_cycles_total"), "metrics")
    assert [metric(server, name) for name in names] == [None] * 3
    assert metric(server, "uwsgi_worker_busyness_percent", worker_id=1) is None


def test_busyness_tells_its_settings_and_starts_emergency_workers_in_steps(pool, tmp_path):
    server = pool("--cheaper-algo", "busyness", "--cheaper-initial", "1", "--cheaper-overload", "30",
                  "--cheaper-busyness-min", "10", "--cheaper-busyness-max", "90", "--cheaper-busyness-penalty", "3",
                  "--cheaper-busyness-backlog-alert", "2", "--cheaper-busyness-backlog-step", "2",
                  "--cheaper-busyness-backlog-multiplier", "5", "--cheaper-busyness-backlog-nonzero", "30", "--cheaper-busyness-verbose")
    for line in ("[busyness] settings: min=10%, max=90%, overload=30, multiplier=10, respawn penalty=3",
                 "[busyness] backlog alert is set to 2 request(s), step is 2",
                 "[busyness] backlog non-zero alert is set to 30 second(s)"):
        assert line in server.log()
    crowd = Crowd(server.address(), tmp_path).join(8)
    server.wait_log(r"\[busyness\] \d+ requests in listen queue, spawning 2 emergency worker\(s\) \(2\)!")
    reaches(server, 4)
    crowd.answered()


def test_check_interval_is_the_time_between_two_looks(pool, tmp_path):
    server = pool("--check-interval", "3600", "--cheaper-overload", "1", cycle=())
    crowd = Crowd(server.address(), tmp_path).join(2)
    stays(server, 1)
    crowd.answered()


def test_manual_changes_nothing_by_itself(pool, tmp_path):
    server = pool("--cheaper-algo", "manual", "--cheaper-initial", "2", workers=2)
    crowd = Crowd(server.address(), tmp_path).join(6)
    stays(server, 2)
    crowd.answered()
    stays(server, 2)


def test_an_unknown_algorithm_is_replaced(pool, tmp_path):
    server = pool("--cheaper-algo", "sparse", "--cheaper-overload", "1")
    server.wait_log(r"unable to find requested cheaper algorithm, falling back to spare$")
    crowd = Crowd(server.address(), tmp_path).join()
    reaches(server, 2)
    crowd.answered()


def test_a_share_of_cores_may_count_as_busy(pool, tmp_path):
    server = pool("--threads", "4", "--cheaper-busy-cores", "50", "--cheaper-overload", "1")
    crowd = Crowd(server.address(), tmp_path).join(1)
    stays(server, 1)
    crowd.join(1)
    reaches(server, 2)
    crowd.answered()


def test_the_operator_decides_through_the_fifo(pool, tmp_path):
    server = pool("--cheaper-algo", "manual", "--master-fifo", tmp_path / "fifo")
    command(tmp_path, "+++")
    reaches(server, 4)
    assert len(re.findall("pawned uWSGI worker [234]", server.log())) == 3
    command(tmp_path, "--")
    reaches(server, 2)
    assert metric(server, "uwsgi_cheaper_changes_total", reason="more") == 3
    assert metric(server, "uwsgi_cheaper_changes_total", reason="fewer") == 2
    crowd = Crowd(server.address(), tmp_path).join(2)
    until(lambda: statuses(server).count("busy") == 2, "two busy workers")
    command(tmp_path, "-")
    stays(server, 2)
    crowd.answered()
    reaches(server, 1)


def test_the_last_worker_is_not_stopped_on_request(pool, tmp_path):
    server = pool("--master-fifo", tmp_path / "fifo")
    command(tmp_path, "--")
    server.wait_log(r'the last worker is not stopped on request: cheaper-algo is not "manual"')
    stays(server, 1)


def command(tmp_path, text):
    with open(tmp_path / "fifo", "w", encoding="ascii") as fifo:
        fifo.write(text)


# --- limits and options -----------------------------------------------------------------------------------------------------

def test_the_soft_limit_of_memory_holds_workers_back(pool, tmp_path):
    server = pool("--cheaper-overload", "1", "--memory-report", "--cheaper-rss-limit-soft", "1")
    crowd = Crowd(server.address(), tmp_path).join(3)
    stays(server, 1)
    crowd.answered()


def test_the_hard_limit_of_memory_takes_workers_away(pool):
    server = pool("--cheaper-initial", "3", "--memory-report", "--cheaper-rss-limit-soft", "1", "--cheaper-rss-limit-hard", "2", workers=3)
    for count in (3, 2):
        server.wait_log(rf"cheaper hard rss memory limit exceeded, cheap one of {count} workers")
    for worker in (1, 2):
        server.wait_log(rf"uWSGI worker {worker} cheaped\.")
    stays(server, 1)
    assert metric(server, "uwsgi_cheaper_changes_total", reason="memory") == 2


def run(*args, cwd):
    return subprocess.run([paths.OURS, *map(str, args)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60, cwd=cwd, text=True,
                          check=False, stdin=subprocess.DEVNULL, env=plain_environment())


@pytest.mark.parametrize("initial, workers, text", [
    (1, 2, "warning: invalid cheaper-initial value (1), must be equal or higher than cheaper (2), using 2 as initial number of workers"),
    (9, 4, "warning: invalid cheaper-initial value (9), must be lower or equal than worker count (4), using 4 as initial number of workers"),
    (3, 3, None),
])
def test_workers_at_the_start(pool, initial, workers, text):
    server = pool("--cheaper", "2", "--cheaper-initial", initial, "--cheaper-algo", "manual", workers=workers)
    assert running(server) == workers
    assert text is None or text in server.log()


@pytest.mark.parametrize("plugin", ["cheaper_busyness", "cheaper_backlog2"])
def test_algorithms_that_were_plugins_are_built_in(pool, plugin):
    server = pool("--need-plugin", plugin)
    assert "not built" not in server.log() and "not implemented" not in server.log(), server.log()


def test_the_list_of_algorithms(tmp_path):
    text = run("--cheaper-algos-list", "--no-server", "--http-socket", "127.0.0.1:0", cwd=tmp_path).stdout
    assert "\n*** uWSGI loaded cheaper algorithms ***\nbusyness\nspare\nspare2\nbacklog\nmanual\n--- end of cheaper algorithms list ---\n" in text


def test_a_reload_begins_with_the_first_number_again(pool, tmp_path):
    server = pool("--cheaper-overload", "1", "--cheaper-initial", "2", workers=2)
    crowd = Crowd(server.address(), tmp_path).join(3)
    reaches(server, 4)
    crowd.answered()
    after = server.mark()
    server.send(1)
    server.wait_log(r"spawned uWSGI worker 2 \(pid", after=after)
    assert not re.search(r"spawned uWSGI worker [34]", server.log()[after:])


# --- nothing is lost --------------------------------------------------------------------------------------------------------

def churn(server, address, tmp_path, cycles, body=b""):
    """Load that comes and goes until workers were put away so often; every request is answered."""
    request = wire.request_bytes("POST" if body else "GET", "/", {"Connection": "close"}, body)

    def away():
        return len(re.findall(r"worker \d+ cheaped\.", server.log()))

    crowd = Crowd(address, tmp_path)
    while away() < cycles:
        before = away()
        crowd.join(3)
        until(lambda: len(re.findall("pawned uWSGI worker", server.log())) - away() > 1, "a second worker")
        hammer = Hammer(address, request, b" 200 OK", 60, connections=6, keep=False)
        hammer.start()
        crowd.answered()
        counts = hammer.finish()
        assert (counts.answered >= 60, counts.broken, counts.refused) == (True, 0, 0), counts
        until(lambda: away() > before, "a worker that is put away", 5)


@pytest.mark.parametrize("threads", [1, 3])
def test_no_request_is_lost_while_workers_come_and_go(pool, tmp_path, threads):
    server = pool("--cheaper-overload", "1", "--threads", threads, "--disable-logging", cycle=("--cheaper-cycle", "10"))
    churn(server, server.address(), tmp_path, 200)


@pytest.mark.parametrize("body", [b"", b"x" * 9000], ids=["get", "post"])
def test_no_request_is_lost_behind_the_router(pool, tmp_path, body):
    server = pool("--cheaper-overload", "1", "--disable-logging", cycle=("--cheaper-cycle", "10"), socket=("--http", "127.0.0.1:0"))
    found = server.wait_log(r"uWSGI http bound on 127\.0\.0\.1:(\d+)")
    churn(server, ("127.0.0.1", int(found[1])), tmp_path, 120, body)


# --- the trace and its replay -----------------------------------------------------------------------------------------------

def test_a_recorded_load_is_replayed(pool, tmp_path):
    server = pool("--cheaper-trace", tmp_path / "load.trace", "--cheaper-overload", "1")
    until((tmp_path / "load.trace").exists, "the trace")
    for _ in range(20):
        assert server.get("/sleep/0.02").status == 200
    until(lambda: re.search(r"cycle [1-9]\d* ", (tmp_path / "load.trace").read_text()), "requests in the trace")
    until(lambda: len(re.findall(" cycle ", (tmp_path / "load.trace").read_text())) >= 4, "four seconds of it")
    text = (tmp_path / "load.trace").read_text()
    assert text.startswith("uwsgi-cheaper-trace 1\nset cores 1\nset start-up ")
    done = run("--cheaper-replay", tmp_path / "load.trace", "-p", "4", "--cheaper", "1", "--cheaper-algo", "spare", cwd=tmp_path)
    assert done.returncode == 0, done.stdout
    counted = sum(int(n) for n in re.findall(r" cycle (\d+) ", text))
    assert int(re.search(r"^(\d+) requests in .*, 1 to 4 workers, a cycle every 1s$", done.stdout, re.M)[1]) >= min(counted, 20)
    for name in ("busyness", "spare", "spare2", "backlog", "manual"):
        assert re.search(rf"^{name} +\d", done.stdout, re.M), done.stdout
    after = server.mark()
    server.send(1)
    server.wait_log(r"spawned uWSGI worker 1 \(pid", after=after)
    before = len((tmp_path / "load.trace").read_text().splitlines())
    until(lambda: len((tmp_path / "load.trace").read_text().splitlines()) > before + 1, "more of it after a reload")
    assert (tmp_path / "load.trace").read_text().count("uwsgi-cheaper-trace 1") == 1
    assert run("--cheaper-replay", tmp_path / "load.trace", "-p", "4", "--cheaper", "1", cwd=tmp_path).returncode == 0


@pytest.mark.parametrize("text, args, complaint", [
    (None, (), r"unable to read the trace missing\.trace: No such file or directory"),
    ("nonsense\n", ("-p", "4"), r'x\.trace, line 1: the first line of a trace is "uwsgi-cheaper-trace 1"'),
    ("uwsgi-cheaper-trace 1\n0 cycle 1 1s\n", (), r'needs more "processes" \(here 1\) than "cheaper" \(here 1\)'),
])
def test_what_cannot_be_replayed(tmp_path, text, args, complaint):
    name = "missing.trace"
    if text:
        name = "x.trace"
        (tmp_path / name).write_text(text)
    done = run("--cheaper-replay", name, *args, cwd=tmp_path)
    assert done.returncode == 1 and re.search(complaint, done.stdout), done.stdout


def test_a_trace_that_cannot_be_written_stops_nothing(pool):
    server = pool("--cheaper-trace", "/nowhere/load.trace")
    server.wait_log(r"cheaper-trace: /nowhere/load\.trace: No such file or directory: the load is not recorded any more")
    assert server.get().status == 200
