"""Signals to master and workers, death and respawn, loading failures."""

import os
import signal
import threading
import time

import pytest

from harness import procs, wire
from harness.waiting import until


@pytest.fixture
def instance(uwsgi, app, tmp_path):
    def start(*options):
        return uwsgi("--http-socket", "127.0.0.1:0", "-M", "-p", "2", "--wsgi-file", app("wires"),
                     "--stats", tmp_path / "s", *options)
    return start


@pytest.mark.parametrize("number, options, reloads", [
    (signal.SIGINT, [], False), (signal.SIGQUIT, [], False), (signal.SIGTERM, [], True), (signal.SIGHUP, [], True),
    (signal.SIGTERM, ["--die-on-term"], False), (signal.SIGQUIT, ["--die-on-term"], True),
    (signal.SIGINT, ["--die-on-term"], False),
], ids=lambda value: getattr(value, "name", None) or ("".join(value) if isinstance(value, list) else ""))
def test_master_signals(instance, number, options, reloads):
    server, mark = (s := instance(*options)), s.mark()
    if not reloads:
        assert server.stop(number) == 0
        assert "SIGINT/SIGTERM received...killing workers..." in server.log()
        assert server.log().rstrip().endswith("goodbye to uWSGI.")
        return
    old = server.worker_pids()
    server.send(number)
    kind = "gracefully" if number == signal.SIGHUP else "brutally"
    server.wait_log(rf"\.\.\.{kind} killing workers\.\.\.", after=mark)
    server.wait_log(rf"gracefully \(RE\)spawned uWSGI master process \(pid: {server.pid}\)", after=mark)
    server.wait_log(r"^spawned uWSGI worker 2 ", after=mark)
    server.settle()
    assert not set(old.values()) & set(server.worker_pids().values())
    assert wire.http(server.address(after=mark), "/length").body == b"12345"


def test_usr1_reports_configuration_and_counters(instance, uwsgi):
    server = instance()
    for _ in range(3):
        assert server.get("/length").status == 200
    server.wait_stats(lambda s: sum(w["requests"] for w in s["workers"]) == 3, "3 requests")
    mark = server.mark()
    server.send(signal.SIGUSR1)
    server.wait_log(r"worker 2 app 0 \[\] requests: \d+ exceptions: 0\n-----------------", after=mark)
    text = server.log()[mark:]
    assert ";uWSGI instance configuration" in text and ";end of configuration" in text
    assert "\tworkers total requests: 3\n-----------------\n\tworker 1 app 0 [] requests: " in text


def test_a_killed_worker_is_replaced_and_its_totals_stay(instance):
    server = instance().allow("DAMN")
    for _ in range(6):
        server.get("/length")
    before = server.wait_stats(lambda s: sum(w["requests"] for w in s["workers"]) == 6, "6 requests")
    victim = before["workers"][0]
    os.kill(victim["pid"], signal.SIGKILL)
    server.wait_log(rf"DAMN ! worker 1 \(pid: {victim['pid']}\) died, killed by signal 9 :\( trying respawn \.\.\.")
    server.wait_log(r"Respawned uWSGI worker 1 \(new pid: \d+\)")
    after = server.wait_stats(lambda s: s["workers"][0]["pid"] != victim["pid"], "a new pid")["workers"][0]
    assert after["id"] == 1 and after["respawn_count"] == victim["respawn_count"] + 1
    assert after["requests"] == victim["requests"] and after["delta_requests"] == 0
    assert server.get("/length").status == 200


@pytest.mark.ours
def test_the_log_names_the_request_a_killed_worker_was_managing(instance, tmp_path):
    server = instance().allow("DAMN")
    stream = wire.connect(server.address())
    stream.sendall(wire.request_bytes(path=f"/gate?path={tmp_path}/g"))
    mark = until(lambda: list(tmp_path.glob("g.*.in")), "the request in the application")[0]
    os.kill(int(mark.name.split(".")[1]), signal.SIGKILL)
    server.wait_log(rf"GET /gate\?path={tmp_path}/g (from \S+ )?since \d+ ms")
    assert wire.read_all(stream) == b""
    stream.close()


def test_hup_finishes_the_request_that_runs(instance, tmp_path):
    server = instance()
    stream, mark = wire.connect(server.address()), server.mark()
    stream.sendall(wire.request_bytes(path=f"/gate?path={tmp_path}/g", headers={"Connection": "close"}))
    until(lambda: list(tmp_path.glob("g.*.in")), "the request in the application")
    server.send(signal.SIGHUP)
    server.wait_log(r"\.\.\.gracefully killing workers\.\.\.", after=mark)
    (tmp_path / "g.out").touch()
    assert wire.Reader(stream).response().body == b"through the gate"
    stream.close()
    server.wait_log(r"^spawned uWSGI worker 2 ", after=mark)
    server.settle()


def test_worker_reload_mercy_ends_a_stuck_request(instance, tmp_path):
    server = instance("--worker-reload-mercy", "2").allow("NO MERCY", "DAMN")
    stream, mark = wire.connect(server.address()), server.mark()
    stream.sendall(wire.request_bytes(path=f"/gate?path={tmp_path}/never"))
    until(lambda: list(tmp_path.glob("never.*.in")), "the request in the application")
    server.send(signal.SIGHUP)
    server.wait_log(r"worker \d \(pid: \d+\) is taking too much time to die\.\.\.NO MERCY !!!", after=mark)
    server.wait_log(r"^spawned uWSGI worker 2 ", after=mark)
    server.settle()
    stream.close()


def test_workers_end_when_the_master_is_killed(instance):
    server = instance()
    server.expect = {-9}
    workers = list(server.worker_pids().values())
    server.send(signal.SIGKILL)
    server.wait_exit()
    until(lambda: not any(procs.alive(p) for p in workers), "the end of orphaned workers")


def test_usr1_to_a_worker_reports_its_own_counters(instance):
    server = instance()
    server.quiet()
    mark = server.mark()
    os.kill(server.worker_pids()[1], signal.SIGUSR1)
    server.wait_log(r"worker 1 total requests: 0\n\tapp 0 \[\] requests: 0 exceptions: 0", after=mark)


def test_max_requests_recycles(uwsgi, app):
    server = uwsgi("--http-socket", "127.0.0.1:0", "-M", "--max-requests", "3", "--min-worker-lifetime", "0",
                   "--wsgi-file", app("hello"))
    first = server.worker_pids()[1]
    for _ in range(4):
        assert server.get().body == b"Hello World"
    server.wait_log(rf"\.\.\.The work of process {first} is done\. Seeya!")
    server.wait_log(rf"worker 1 killed successfully \(pid: {first}\)")
    until(lambda: server.worker_pids()[1] != first, "the next worker")
    assert server.get().body == b"Hello World"


def test_harakiri_kills_a_stuck_request(uwsgi, app):
    server = uwsgi("--http-socket", "127.0.0.1:0", "-M", "--harakiri", "1", "--wsgi-file", app("wires"))
    server.allow("DAMN")
    assert wire.raw(server.address(), wire.request_bytes(path="/sleep?s=20")) == b""
    server.wait_log(r"\*\*\* HARAKIRI ON WORKER 1 \(pid: \d+, try: 1, graceful: yes\) \*\*\*")
    server.wait_log(r"HARAKIRI \[core 0\] 127\.0\.0\.1 - GET /sleep\?s=20 since \d+")
    server.wait_log(r"HARAKIRI triggered by worker 1 core 0 !!!")
    server.wait_log(r"Respawned uWSGI worker 1")
    assert server.get("/length").status == 200


def test_the_end_of_a_request_by_harakiri_is_known_beforehand(uwsgi, app, tmp_path):
    server = uwsgi("--http-socket", "127.0.0.1:0", "-M", "--threads", "2", "--harakiri", "100", "--stats", tmp_path / "stats",
                   "--wsgi-file", app("calls"))
    before = int(time.time())
    held = threading.Thread(target=lambda: wire.http(server.address(), "/held/1", timeout=60))
    held.start()
    seen = server.wait_stats(lambda stats: stats["workers"][0]["harakiri_pending"], "a deadline")
    assert before + 100 <= seen["workers"][0]["harakiri_pending"] <= int(time.time()) + 100
    assert server.get("/locked/0").status == 200
    held.join()
    server.wait_stats(lambda stats: stats["workers"][0]["harakiri_pending"] == 0, "no deadline")


def test_a_request_keeps_its_deadline_at_a_reload(uwsgi, app, tmp_path):
    server = uwsgi("--http-socket", "127.0.0.1:0", "-M", "--threads", "2", "--harakiri", "100", "--stats", tmp_path / "stats",
                   "--wsgi-file", app("calls"))
    held = threading.Thread(target=lambda: wire.raw(server.address(), wire.request_bytes(path="/held/1")))
    held.start()
    before = server.wait_stats(lambda stats: stats["workers"][0]["harakiri_pending"], "a deadline")
    deadline, mark = before["workers"][0]["harakiri_pending"], server.mark()
    os.kill(server.pid, signal.SIGHUP)
    server.wait_log(r"Gracefully killing worker 1", after=mark)
    cycles = server.stats()["master"]["lateness"]["count"]
    stats = server.wait_stats(lambda stats: stats["master"]["lateness"]["count"] > cycles + 1, "two more seconds")
    assert abs(stats["workers"][0]["harakiri_pending"] - deadline) <= 1
    assert any(core["in_request"] for core in stats["workers"][0]["cores"]), "it still runs"
    server.stop()
    held.join()


def test_broken_lazy_app_is_throttled(uwsgi, tmp_path):
    """A worker that dies at import must not turn the instance into a fork bomb."""
    (tmp_path / "dies.py").write_text("import os\nos._exit(1)\n")
    server = uwsgi("--http-socket", "127.0.0.1:0", "-M", "-p", "2", "--lazy-apps", "--wsgi-file", tmp_path / "dies.py",
                   ready=False).allow("DAMN")
    server.wait_log(r"worker respawning too fast !!! i have to sleep a bit \(2 seconds\)\.\.\.", timeout=20)
    assert len(server.worker_pids()) == 2
    before = len(server.log())
    server.wait_log(r"respawning too fast", after=before, timeout=20)
    deaths = server.log()[before:].count("DAMN !")
    assert deaths <= 12


def test_import_error_keeps_serving_500(uwsgi, tmp_path):
    (tmp_path / "broken.py").write_text("import there_is_no_such_module\n")
    server = uwsgi("--http-socket", "127.0.0.1:0", "-M", "--wsgi-file", tmp_path / "broken.py").allow("Traceback")
    server.wait_log(r"ModuleNotFoundError: No module named 'there_is_no_such_module'")
    server.wait_log(r"unable to load app 0 \(mountpoint=''\) \(callable not found or import error\)")
    assert server.get().status == 500


@pytest.mark.parametrize("lazy", [[], ["--lazy-apps"]], ids=["prefork", "lazy-apps"])
def test_need_app_ends_with_22(uwsgi, tmp_path, lazy):
    (tmp_path / "broken.py").write_text("1/0\n")
    server = uwsgi("--http-socket", "127.0.0.1:0", "-M", "--need-app", *lazy, "--wsgi-file", tmp_path / "broken.py",
                   ready=False).allow("Traceback", "DAMN")
    server.expect = {22}
    server.wait_log(r"\*\*\* no app loaded\. GAME OVER \*\*\*")
    assert server.wait_exit() == 22


def test_lazy_apps_load_in_each_worker(uwsgi, tmp_path):
    (tmp_path / "who.py").write_text(
        "import os\nloaded = os.getpid()\n"
        "def application(e, s):\n    s('200 OK', [])\n    return [b'%d %d' % (loaded, os.getpid())]\n")
    server = uwsgi("--http-socket", "127.0.0.1:0", "-M", "--lazy-apps", "--wsgi-file", tmp_path / "who.py")
    loaded, served = server.get().body.split()
    assert loaded == served
    assert server.log().count("WSGI app 0") == 1


def test_fork_hooks_of_python_run(uwsgi, tmp_path):
    (tmp_path / "hooks.py").write_text(
        "import os\nseen = []\nos.register_at_fork(after_in_child=lambda: seen.append(os.getpid()))\n"
        "def application(e, s):\n    s('200 OK', [])\n    return [repr(seen == [os.getpid()]).encode()]\n")
    server = uwsgi("--http-socket", "127.0.0.1:0", "-M", "-p", "2", "--wsgi-file", tmp_path / "hooks.py")
    assert server.get().body == (b"True" if server.ours else b"False")


@pytest.mark.ours
@pytest.mark.slow
def test_respawn_storm_with_a_thread_made_at_import(uwsgi, tmp_path):
    """A thread of the master's interpreter must not lock the children up: 100 kills, 100 answers."""
    (tmp_path / "threaded.py").write_text(
        "import threading, time\n"
        "def work():\n    while True:\n        time.sleep(0.001)\n"
        "threading.Thread(target=work, daemon=True).start()\n"
        "def application(e, s):\n    s('200 OK', [])\n    return [b'alive']\n")
    server = uwsgi("--http-socket", "127.0.0.1:0", "-M", "--enable-threads", "--forkbomb-delay", "0",
                   "--wsgi-file", tmp_path / "threaded.py").allow("DAMN", "MISTERIOUSLY")
    for _ in range(100):
        pid = server.worker_pids()[1]
        os.kill(pid, signal.SIGKILL)
        until(lambda old=pid: server.worker_pids()[1] != old, "a respawn", timeout=20)
        assert server.get().body == b"alive"
    server.settle()
