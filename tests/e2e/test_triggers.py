"""Reloads that files and descriptors ask for: touch-*, fs-*, reload-on-fd."""

import os
import re
import signal
import time

import pytest

from harness import fifo, paths
from harness.waiting import until

pytestmark = pytest.mark.ours

APP = "def application(e, s):\n    s('200 OK', [])\n    return [b'%s']\n"
RESPAWNED = r"Respawned uWSGI worker 2 \(new pid: \d+\)"
SPAWNED = r"^spawned uWSGI worker 2 "


@pytest.fixture
def start(uwsgi, tmp_path):
    """`start(*options)`: a server with two workers and an application that may be rewritten."""
    (tmp_path / "app.py").write_text(APP % "one")

    def go(*options, **kw):
        return uwsgi("--http11-socket", "127.0.0.1:0", "-M", "-p", "2", "--stats", tmp_path / "s", *options,
                     "--wsgi-file", tmp_path / "app.py", **kw)

    return go


def later(path):
    """A change that no clock is too coarse for."""
    stat = path.stat()
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns + 1_000_000))


@pytest.mark.parametrize("option, what, over", [
    ("--touch-reload", "grace them all", SPAWNED), ("--touch-workers-reload", "workers reload", RESPAWNED),
    ("--touch-chain-reload", "chain reload", "chain reloading complete"),
], ids=["reload", "workers", "chain"])
def test_a_touched_file_is_a_reload_within_milliseconds(start, tmp_path, option, what, over):
    path = tmp_path / "t"
    path.touch()
    server = start(option, path)
    mark, began = server.mark(), time.monotonic()
    later(path)
    server.wait_log(rf"^\w+ \w+ .* - \*\*\* {path} has been touched\.\.\. {what} !!! \*\*\*$", after=mark)
    assert time.monotonic() - began < 0.7, "it was found by the second, not by the kernel's notice"
    server.wait_log(over, after=mark, timeout=20)
    server.settle()
    assert server.get().body == b"one"


@pytest.mark.parametrize("change", ["created", "removed", "replaced", "older"])
def test_every_change_of_a_file_counts(start, tmp_path, change):
    path = tmp_path / "t"
    if change != "created":
        path.touch()
    server = start("--touch-workers-reload", path)
    missing = f"unable to stat() {path}, events will be triggered as soon as the file is created"
    if change == "created":
        server.wait_log(re.escape(missing))
    mark = server.mark()
    if change == "created":
        path.touch()
    elif change == "removed":
        path.unlink()
    else:
        stat, new = path.stat(), tmp_path / "new"
        new.touch()
        os.utime(new, ns=(stat.st_atime_ns, stat.st_mtime_ns - (change == "older")))
        new.rename(path)
    server.wait_log(r"has been touched\.\.\. workers reload !!!", after=mark)
    server.wait_log(RESPAWNED, after=mark)
    server.settle()


def test_a_directory_counts_and_a_file_written_in_steps_counts_once(start, tmp_path):
    watched = tmp_path / "d"
    watched.mkdir()
    server = start("--touch-workers-reload", watched)
    mark = server.mark()
    for number in range(20):
        (watched / f"f{number}").touch()
    server.wait_log(RESPAWNED, after=mark)
    server.settle()
    assert 1 <= server.log()[mark:].count("has been touched") <= 3


def test_a_touch_that_brings_new_code_serves_it(start, tmp_path):
    path = tmp_path / "t"
    path.touch()
    server = start("--touch-reload", path)
    (tmp_path / "app.py").write_text(APP % "two")
    mark = server.mark()
    later(path)
    server.wait_log(SPAWNED, after=mark, timeout=20)
    server.settle()
    assert server.get().body == b"two"


def test_commands_and_signals(start, tmp_path):
    files = [tmp_path / name for name in ("a", "b", "out", "c")]
    for path in (*files[:2], files[3]):
        path.touch()
    (tmp_path / "app.py").write_text(
        "import uwsgi\n" + f"uwsgi.register_signal(17, 'workers', lambda n: open({str(tmp_path / 'sig')!r}, 'a').write('x'))\n" + APP % "one")
    server = start("--touch-exec", f"{files[0]} echo touched >> {files[2]}", "--touch-signal", f"{files[1]} 17",
                   "--hook-touch", f"{files[3]} exec:echo hooked >> {files[2]}")
    later(files[0])
    server.wait_log(rf"\[uwsgi-touch-exec\] running echo touched >> {files[2]}")
    until(lambda: files[2].exists() and files[2].read_text() == "touched\n", "the command")
    later(files[1])
    server.wait_log(r"\[uwsgi-touch-signal\] raising 17")
    until(lambda: (tmp_path / "sig").exists() and (tmp_path / "sig").read_text() == "xx", "both handlers")
    later(files[3])
    until(lambda: files[2].read_text() == "touched\nhooked\n", "the hook")


def test_mules_are_reloaded_by_a_file(start, tmp_path):
    path = tmp_path / "t"
    path.touch()
    server = start("--mule", "--touch-mules-reload", path)
    first = int(server.wait_log(r"spawned uWSGI mule 1 \(pid: (\d+)\)")[1])
    mark = server.mark()
    later(path)
    server.wait_log(rf"{path} has been touched\.\.\. mules reload !!!", after=mark)
    assert int(server.wait_log(r"spawned uWSGI mule 1 \(pid: (\d+)\)", after=mark)[1]) != first
    assert "OOOPS" not in server.log()[mark:]


@pytest.mark.parametrize("option, how", [("--fs-reload", "gracefully"), ("--fs-brutal-reload", "brutally")])
def test_a_change_below_a_path_is_a_reload(start, tmp_path, option, how):
    watched = tmp_path / "d"
    watched.mkdir()
    server = start(option, watched)
    server.wait_log(rf'\[uwsgi-fsmon\] registered monitor for "{watched}"')
    mark = server.mark()
    (watched / "new").touch()
    server.wait_log(rf'- \[uwsgi-fsmon\] detected event on "{watched}"$', after=mark)
    server.wait_log(rf"\.\.\.{how} killing workers\.\.\.", after=mark)
    server.wait_log(SPAWNED, after=mark, timeout=20)
    server.settle()


def test_a_signal_for_each_change_also_of_a_file_that_is_replaced(start, tmp_path):
    path, out = tmp_path / "f", tmp_path / "sig"
    path.touch()
    (tmp_path / "app.py").write_text(
        "import uwsgi\n" + f"uwsgi.register_signal(9, 'worker1', lambda n: open({str(out)!r}, 'a').write('x'))\n" + APP % "one")
    server = start("--fs-signal", f"{path} 9", "--fs-reload", tmp_path / "missing")
    server.wait_log(rf'unable to register monitor for "{tmp_path}/missing"')
    for count in (1, 2, 3):
        before = server.log().count("detected event")
        new = tmp_path / "new"
        new.write_text(str(count))
        new.rename(path)
        until(lambda b=before: server.log().count("detected event") > b, f"change {count}")
        until(lambda c=count: out.exists() and len(out.read_text()) >= c, f"handler {count}")


@pytest.mark.parametrize("option, how", [("--reload-on-fd", "gracefully"), ("--brutal-reload-on-fd", "brutally")])
def test_a_ready_descriptor_is_a_reload(start, option, how):
    read, write = os.pipe()
    try:
        server = start(f"{option}={read}:8 deploy now", pass_fds=[read])
        kind = "graceful" if how == "gracefully" else "brutal"
        server.wait_log(rf"added {kind} reload monitor for fd {read} \(read size: 8\)")
        mark = server.mark()
        os.write(write, b"12345678")
        server.wait_log(rf"- \*\*\* fd {read} ready: deploy now \*\*\*$", after=mark)
        server.wait_log(rf"\.\.\.{how} killing workers\.\.\.", after=mark)
        server.wait_log(SPAWNED, after=mark, timeout=20)
        server.settle()
        server.wait_log(rf"added {kind} reload monitor for fd {read}", after=mark)
        os.close(write)
        write = None
        server.wait_log(rf"fd {read} is closed at its other end: it starts no reload any more", after=mark)
        assert server.get().body == b"one"
    finally:
        for fd in (read, write):
            if fd is not None:
                os.close(fd)


@pytest.mark.parametrize("option, value, allowed", [
    ("fs-signal", "/tmp", "a path, a blank and a signal from 0 to 255"),
    ("reload-on-fd", "x:3", "a descriptor as fd, fd:bytes, fd:bytes text"),
    ("touch-exec", "/tmp/x", 'must be "file command"'),
    ("touch-signal", "/tmp/x 300", "a signal from 0 to 255 is needed"),
    ("reload-preflight", "all", "none, config, app"),
])
def test_a_wrong_value_names_the_option_and_the_remedy(uwsgi, option, value, allowed):
    server = uwsgi("--http11-socket", "127.0.0.1:0", f"--{option}={value}", ready=False)
    server.expect = {1}
    assert server.wait_exit() == 1
    assert option in server.log() and allowed in server.log()


def test_a_chain_leaves_the_other_workers_serving(uwsgi, tmp_path):
    """At every moment all but one worker accept, and the lines come in their order."""
    (tmp_path / "app.py").write_text("import time\ntime.sleep(0.5)\n" + APP % "one")
    path = tmp_path / "t"
    path.touch()
    server = uwsgi("--http11-socket", "127.0.0.1:0", "-M", "-p", "3", "--lazy-apps", "--stats", tmp_path / "s",
                   "--touch-chain-reload", path, "--wsgi-file", tmp_path / "app.py")
    server.wait_stats(lambda s: all(w["accepting"] for w in s["workers"]), "three that accept")
    (tmp_path / "app.py").write_text("import time\ntime.sleep(0.5)\n" + APP % "two")
    mark, accepting, pid = server.mark(), set(), server.pid
    later(path)

    def watched():
        accepting.add(sum(1 for w in server.stats()["workers"] if w["accepting"]))
        return "chain reloading complete" in server.log()[mark:]

    until(watched, "the end of the chain", 20)
    assert accepting <= {2, 3}, accepting
    lines = re.findall(r"chain reload starting\.\.\.|chain next victim is worker \d|chain reloading complete", server.log()[mark:])
    assert lines == [*[f"chain next victim is worker {n}" for n in (1, 2, 3)], "chain reloading complete"]
    assert server.get().body == b"two" and server.pid == pid


@pytest.mark.parametrize("options, code", [((), "import os\nos._exit(1)\n"), (("--need-app",), "import nothing_of_that_name\n")], ids=["exit", "need-app"])
def test_a_chain_over_code_that_does_not_load_spares_the_rest(uwsgi, tmp_path, options, code):
    (tmp_path / "app.py").write_text(APP % "one")
    path = tmp_path / "t"
    path.touch()
    server = uwsgi("--http11-socket", "127.0.0.1:0", "-M", "-p", "3", "--lazy-apps", "--forkbomb-delay", "0", "--stats", tmp_path / "s", *options,
                   "--reload-preflight", "none", "--touch-chain-reload", path, "--wsgi-file", tmp_path / "app.py").allow("DAMN", "Traceback", "OOPS")
    server.wait_stats(lambda s: all(w["accepting"] for w in s["workers"]), "three that accept")
    (tmp_path / "app.py").write_text(code)
    mark = server.mark()
    later(path)
    server.wait_log("chain reload aborted: worker 1 failed to start 2 times", after=mark, timeout=20)
    document = server.wait_stats(lambda s: s["reload_outcomes"]["chain_failed"] == 1, "the failure")
    assert "worker 1 failed" in document["reload_refused"]["reason"]
    died = server.wait_stats(lambda s: s["workers"][0]["respawn_count"] > document["workers"][0]["respawn_count"] + 1, "more tries", 20)
    assert [w["id"] for w in died["workers"] if w["accepting"]] == [2, 3]
    assert server.get().body == b"one"


@pytest.mark.parametrize("by", ["touch", "fifo"])
@pytest.mark.parametrize("kind, byte, over", [("chain", b"c", "chain reloading complete"),
                                              ("workers", b"w", r"(?s)(Respawned uWSGI worker.*){3}")])
def test_applications_are_tried_before_anybody_is_asked_to_go(uwsgi, tmp_path, kind, byte, over, by):
    """Without `need-app` workers accept that have no application: every one would come back without it."""
    (tmp_path / "app.py").write_text(APP % "one")
    path, pipe, ini = tmp_path / "t", tmp_path / "fifo", tmp_path / "site.ini"
    path.touch()
    ini.write_text(f"[uwsgi]\nhttp11-socket = 127.0.0.1:0\nmaster = true\nprocesses = 3\nlazy-apps = true\nstats = {tmp_path}/s\n"
                   f"touch-{kind}-reload = {path}\nmaster-fifo = {pipe}\nwsgi-file = {tmp_path}/app.py\n")
    server = uwsgi("--ini", ini, ready=False).allow(r"^\[preflight\]")
    server.stats_address = lambda: str(tmp_path / "s")
    server.ready(3)

    def ask():
        mark = server.mark()
        if by == "touch":
            later(path)
        else:
            fifo.send(pipe, byte)
        return mark

    server.wait_stats(lambda s: all(w["accepting"] for w in s["workers"]), "three that accept")
    pids = server.worker_pids()
    (tmp_path / "app.py").write_text("import nothing_of_that_name\n")
    why = server.wait_log(rf"\*\*\* {kind} reload refused, everything goes on as it was: (.*) \*\*\*", after=ask(), timeout=20)[1]
    assert why == "ModuleNotFoundError: No module named 'nothing_of_that_name'"
    document = server.wait_stats(lambda s: s["reload_refused"]["reason"] == why, "the failure")
    assert document["reload_outcomes"][f"{kind}_done"] == 0
    if kind == "chain":
        server.wait_stats(lambda s: s["reload_outcomes"]["chain_failed"] == 1, "its count")
    assert server.worker_pids() == pids and server.get().body == b"one"
    (tmp_path / "app.py").write_text(APP % "two")
    ini.write_text("[uwsgi]\nprocesses = many\n")
    mark = ask()
    server.wait_log(f"the {kind} reload goes on without a trial", after=mark, timeout=20)
    server.wait_log(over, after=mark, timeout=20)
    assert server.get().body == b"two", "workers read no configuration"


@pytest.mark.skipif(not paths.ORIGINAL.exists(), reason="the C original is not built here")
@pytest.mark.parametrize("option, over", [("--touch-reload", SPAWNED), ("--touch-workers-reload", RESPAWNED),
                                          ("--touch-chain-reload", "chain reloading complete")])
def test_lines_are_those_of_the_original(start, tmp_path, option, over):
    def lines(binary):
        path = tmp_path / f"t{binary.stat().st_ino}"
        path.touch()
        # Signals that come while a worker of the original starts are lost on it.
        server = start(option, path, "--worker-reload-mercy", "2", binary=binary).allow("NO MERCY")
        mark, touched = server.mark(), [0.0, 5]

        def noticed():  # the original looks at the file for the first time at some moment of its own
            if time.monotonic() > touched[0] + 3:
                touched[:] = [time.monotonic(), touched[1] + 5]
                os.utime(path, (time.time() + touched[1],) * 2)
            return "has been touched" in server.log()

        until(noticed, "the touch", 20)
        for worker in "12":  # in whichever order they end
            server.wait_log(over.replace("worker 2", f"worker {worker}"), timeout=20, after=mark)
        server.settle()
        text = server.log()[mark:]
        keep = re.findall(r"^.*(?:touched|chain|gracefully|Gracefully|killed successfully|binary reloading|RE\)spawned).*$", text, re.M)
        server.send(signal.SIGINT)
        server.wait_exit()
        plain = [re.sub(r"^\w+ \w+ +\d+ \S+ \d+ - ", "V ", line) for line in keep]
        plain = [re.sub(r"pid: \d+|after \d+ seconds", "N", line).replace(str(path), "PATH") for line in plain]
        return {line for line in plain if "still waiting" not in line}

    assert lines(paths.OURS) == lines(paths.ORIGINAL)
