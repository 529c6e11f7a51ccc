"""What must be good before a reload: whatever is wrong with the next generation, this one goes on serving and says why."""

import os
import pathlib
import re
import shutil
import signal
import socket
import tempfile

import pytest

from harness import paths, procs, wire
from harness.server import free_port
from harness.waiting import until

pytestmark = pytest.mark.ours

APP = "def application(e, s):\n    s('200 OK', [])\n    return [b'%s']\n"
REFUSED = r"\*\*\* reload refused, everything goes on as it was: (.*) \*\*\*"


@pytest.fixture
def site(uwsgi, tmp_path):
    """A server over a configuration and an application that a test may spoil."""
    class Site:
        ini, module = tmp_path / "site.ini", tmp_path / "shop.py"

        @staticmethod
        def write(extra="", code=APP % "one", binary=paths.OURS, **kw):
            Site.module.write_text(code)
            Site.ini.write_text("[uwsgi]\nhttp11-socket = 127.0.0.1:0\nmaster = true\nprocesses = 2\nneed-app = false\n"
                                f"stats = {tmp_path}/s\nwsgi-file = {Site.module}\n{extra}\n")
            server = uwsgi("--ini", Site.ini, binary=binary, workers=2, ready=False, **kw)
            server.stats_address = lambda: str(tmp_path / "s")
            server.ready(2)
            server.wait_stats(lambda s: all(w["accepting"] for w in s["workers"]), "workers that accept")
            return server

    return Site


def refused(server, number=signal.SIGHUP, timeout=20):
    """The reason in the log after a reload that must not take place."""
    pids, mark = server.worker_pids(), server.mark()
    server.send(number)
    why = server.wait_log(REFUSED, after=mark, timeout=timeout)[1]
    assert server.worker_pids() == pids, "nobody was touched"
    assert "killing workers" not in server.log()[mark:]
    return why


def copied(tmp_path):
    """A copy of the binary beside its plugins, for a test to take away."""
    binary = tmp_path / "bin" / "uwsgi"
    binary.parent.mkdir()
    shutil.copy(paths.OURS, binary)
    for library in paths.OURS.parent.glob("*.so"):
        (binary.parent / library.name).symlink_to(library)
    return binary


def body(server):
    return server.get().body


@pytest.mark.parametrize("number, kind", [(signal.SIGHUP, "graceful"), (signal.SIGTERM, "brutal")])
def test_a_configuration_that_is_wrong_is_refused_with_its_place(site, number, kind):
    server = site.write()
    good = site.ini.read_text()
    site.ini.write_text(good + "reload-preflight = many\n")
    why = refused(server, number)
    assert "reload-preflight" in why and "site.ini:9" in why and "many" in why
    assert body(server) == b"one"
    document = server.stats()
    assert document["reload_outcomes"][f"{kind}_refused"] == 1 and document["reloads"] == 0
    assert "reload-preflight" in document["reload_refused"]["reason"] and document["reload_refused"]["time"] > 0
    site.ini.write_text(good)
    site.module.write_text(APP % "two")
    server.reload(number, last=2, timeout=20)
    assert body(server) == b"two"
    document = server.wait_stats(lambda s: s["reloads"] == 1, "the reload")
    assert document["reload_outcomes"][f"{kind}_done"] == 1 and document["reload_outcomes"][f"{kind}_refused"] == 1


def test_a_configuration_that_is_gone_is_refused(site):
    server = site.write()
    site.ini.unlink()
    assert "site.ini" in refused(server)
    assert body(server) == b"one"


@pytest.mark.parametrize("text, why", [
    ("import nothing_of_that_name\n", r"ModuleNotFoundError: No module named 'nothing_of_that_name'"),
    ("def application(\n", r"SyntaxError: .*"),
    ("raise ValueError('no database')\n", r"ValueError: no database"),
    ("application_is_missing = 1\n", r".*(application|callable).*"),
    ("import os\nos._exit(7)\n", r"it ended with code 7, its last words: .*"),
    ("import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)\n", r"it was killed by signal 11 while it loaded"),
], ids=["import", "syntax", "raise", "callable", "exit", "fault"])
@pytest.mark.parametrize("lazy", ["", "lazy-apps = true"], ids=["prefork", "lazy-apps"])
def test_an_application_that_does_not_load_is_refused_with_its_exception(site, text, why, lazy):
    server = site.write(lazy).allow(r"^\[preflight\]")
    site.module.write_text(text)
    assert re.fullmatch(why, refused(server))
    assert body(server) == b"one"
    if "Error" in why:
        server.wait_log(r"^\[preflight\] .*shop.py")
    site.module.write_text(APP % "two")
    server.reload(last=2, timeout=20)
    assert body(server) == b"two"


def test_an_application_that_hangs_while_it_loads_is_given_up(site):
    server = site.write("reload-preflight-timeout = 1")
    site.module.write_text("import time\ntime.sleep(3600)\n")
    assert refused(server) == "it did not load within 1 seconds"
    assert body(server) == b"one"


def test_what_the_trial_starts_ends_with_it_and_holds_none_of_our_descriptors(site, tmp_path):
    server = site.write()
    site.module.write_text(
        "import os, subprocess\n"
        f"subprocess.Popen(['sleep', '3600'])\n"
        # A daemon, and somebody in a session of his own.
        f"subprocess.run('setsid sh -c \"echo \\$\\$ > {tmp_path}/daemon.pid; exec sleep 3600\" > /dev/null 2>&1 & while [ ! -s {tmp_path}/daemon.pid ]; do sleep 0.01; done', shell=True)\n"
        f"open({str(tmp_path / 'led.pid')!r}, 'w').write(str(subprocess.Popen(['sleep', '3600'], start_new_session=True).pid))\n"
        f"open({str(tmp_path / 'fds')!r}, 'w').write(' '.join(os.readlink(f'/proc/self/fd/{{f}}') for f in os.listdir('/proc/self/fd') if os.path.exists(f'/proc/self/fd/{{f}}')))\n"
        "raise ValueError('after that')\n")
    server.allow(r"^\[preflight\]")
    before = set(procs.tree(server.pid))
    assert refused(server) == "ValueError: after that"
    until(lambda: set(procs.tree(server.pid)) == before, "the end of what the trial started")
    for name in ("daemon.pid", "led.pid"):
        until(lambda pid=int((tmp_path / name).read_text()): not procs.alive(pid), f"the end of {name}")
    listening = [os.readlink(f"/proc/{server.pid}/fd/{f}") for f in os.listdir(f"/proc/{server.pid}/fd")]
    shared = {link for link in (tmp_path / "fds").read_text().split() if link.startswith("socket:")} & set(listening)
    assert not shared


def test_an_application_that_was_broken_before_keeps_nobody_from_reloading(uwsgi, tmp_path):
    """A site that lives with a broken mount must not be locked into its present configuration."""
    (tmp_path / "broken.py").write_text("raise ValueError('always')\n")
    server = uwsgi("--http-socket", "127.0.0.1:0", "-M", "--wsgi-file", tmp_path / "broken.py").allow("Traceback")
    mark = server.mark()
    server.send(signal.SIGHUP)
    server.wait_log(r"^spawned uWSGI worker 1 ", after=mark)
    server.settle()


@pytest.mark.parametrize("level, taken", [("none", True), ("config", True), ("app", False)])
def test_how_much_is_tried_can_be_chosen(site, level, taken):
    server = site.write(f"reload-preflight = {level}").allow("Traceback", r"^\[preflight\]")
    site.module.write_text("raise ValueError('no database')\n")
    if taken:
        server.reload(last=2, timeout=20)
        assert b"Internal Server Error" in body(server)
    else:
        assert refused(server) == "ValueError: no database"


def test_a_configuration_of_a_pipe_is_tried_as_well(uwsgi, tmp_path):
    (tmp_path / "shop.py").write_text(APP % "one")
    server = uwsgi("--ini", "-", stdin=f"[uwsgi]\nhttp11-socket = 127.0.0.1:0\nmaster = true\nwsgi-file = {tmp_path}/shop.py\n")
    (tmp_path / "shop.py").write_text(APP % "two")
    mark = server.mark()
    server.send(signal.SIGHUP)
    server.wait_log(r"^spawned uWSGI worker 1 ", after=mark)
    server.settle()
    assert body(server) == b"two"


@pytest.mark.parametrize("harm", ["gone", "no right", "no program"])
def test_a_binary_that_cannot_be_executed_is_noticed_while_everybody_serves(site, tmp_path, harm):
    binary = copied(tmp_path)
    server = site.write(binary=binary)
    if harm == "gone":
        binary.unlink()
    elif harm == "no right":
        binary.chmod(0o644)
    else:
        binary.unlink()
        binary.write_bytes(b"no program at all")
        binary.chmod(0o755)
    why = refused(server)
    assert str(binary) in why and (harm == "no program" or why.startswith("execvp(): "))
    assert body(server) == b"one"
    binary.unlink(missing_ok=True)
    shutil.copy(paths.OURS, binary)
    server.reload(last=2, timeout=20)
    assert body(server) == b"one"


def test_what_the_kernel_says_of_a_binary_is_the_reason_with_dates_too(site, tmp_path):
    binary = copied(tmp_path)
    server = site.write("log-date = true", binary=binary)
    binary.unlink()
    shutil.copy(paths.OURS, binary)
    with open(binary, "ab"):
        assert refused(server) == "it could not be tried: Text file busy"
    assert body(server) == b"one"


def test_a_binary_that_vanishes_at_the_last_moment_ends_nothing(site, tmp_path):
    """The trial has passed, everybody has gone, and the exec fails: this image starts everybody again."""
    binary = copied(tmp_path)
    server = site.write(binary=binary, code=(
        "import os\nfrom time import sleep\n"
        "def application(e, s):\n"
        "    if e['PATH_INFO'] == '/hold':\n"
        f"        open({str(tmp_path / 'in')!r}, 'w').close()\n"
        f"        while not os.path.exists({str(tmp_path / 'out')!r}): sleep(0.01)\n"
        "    s('200 OK', [])\n    return [b'one']\n"))
    held, mark = wire.connect(server.address()), server.mark()
    held.sendall(wire.request_bytes(path="/hold"))
    until((tmp_path / "in").exists, "the request")
    server.send(signal.SIGHUP)
    server.wait_log("gracefully killing workers", after=mark)
    binary.unlink()
    (tmp_path / "out").touch()
    server.wait_log(r"\*\*\* the reload failed, everything starts again as it was \*\*\*", after=mark)
    server.wait_log(r"Respawned uWSGI worker 2 ", after=mark)
    server.settle()
    held.close()
    assert body(server) == b"one"
    document = server.wait_stats(lambda s: s["reload_outcomes"]["graceful_failed"] == 1, "the failure")
    assert document["reload_refused"]["reason"] == "execvp(): No such file or directory"


def test_a_second_reload_meanwhile_tries_again_what_was_mended(site, tmp_path):
    server = site.write().allow(r"^\[preflight\]")
    site.module.write_text(
        f"import os\nfrom time import sleep\nopen({str(tmp_path / 'in')!r}, 'w').close()\n"
        f"while not os.path.exists({str(tmp_path / 'out')!r}): sleep(0.01)\nraise ValueError('not yet')\n")
    mark = server.mark()
    server.send(signal.SIGHUP)
    until((tmp_path / "in").exists, "the trial")
    assert body(server) == b"one", "everybody serves while it runs"
    site.module.write_text(APP % "two")
    server.send(signal.SIGHUP)
    until(lambda: procs.waiting(server.pid), "the master to have seen it")
    (tmp_path / "out").touch()
    server.wait_log(r"^spawned uWSGI worker 2 ", after=mark)
    server.settle()
    assert body(server) == b"two"
    assert "refused" not in server.log()[mark:]


def test_a_stop_does_not_wait_for_a_trial(site, tmp_path):
    server = site.write()
    site.module.write_text(f"import time\nopen({str(tmp_path / 'in')!r}, 'w').close()\ntime.sleep(3600)\n")
    server.send(signal.SIGHUP)
    until((tmp_path / "in").exists, "the trial")
    assert server.stop(timeout=10) == 0


# --- addresses


def test_a_new_address_that_cannot_be_bound_is_seen_before(site, tmp_path):
    server = site.write()
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = f"127.0.0.1:{other.getsockname()[1]}"
        wrong = {
            f"http-socket = {taken}": f"probably another instance of uWSGI is running on the same address ({taken}).",
            "http-socket = no-such-host.invalid:80": "unable to resolve name no-such-host.invalid",
            f"socket = {tmp_path}/nowhere/s": "bind(): No such file or directory",
            "socket = =3": "unable to use shared socket 3",
            "listen = 1000000": "Listen queue size is greater than the system max net.core.somaxconn",
        }
        good = site.ini.read_text()
        for line, reason in wrong.items():
            site.ini.write_text(good + line + "\n")
            assert refused(server).startswith(reason), line
            assert server.get().body == b"one"
        site.ini.write_text(good)
    server.reload(last=2, timeout=20)
    assert server.get().body == b"one"


# What the system must have: each of these ended the next image when this one had gone.
SYSTEM = {
    "uid = nobody-of-that-name": "user nobody-of-that-name not found.",
    "gid = nobody-of-that-name": "group nobody-of-that-name not found.",
    "uid = 1\nadd-gid = nobody-of-that-name": "unable to find group nobody-of-that-name",
    "cap = nothing-of-that-name": "[security] empty capabilities mask !!!",
    "chdir = {t}/nowhere": "chdir(): No such file or directory",
    "flock = {t}/nowhere": 'open("{t}/nowhere"): No such file or directory',
    "flock2 = {t}/nowhere": 'open("{t}/nowhere"): No such file or directory',
    "socket = {t}/x.sock\nchown-socket = nobody-of-that-name": "unable to find user nobody-of-that-name",
    "metrics-dir = {t}/nowhere": "realpath() of {t}/nowhere failed: No such file or directory",
    "master-fifo = {t}/nowhere/fifo": 'unable to create the master fifo "{t}/nowhere/fifo": No such file or directory',
    "master-fifo = {t}/site.ini": 'unable to create the master fifo "{t}/site.ini": there is a file',
    "map-socket = 7:1": "invalid socket num in map-socket: 7, there are 1 from 0",
    "attach-daemon2 = cmd=sleep 9,uid=nobody-of-that-name": '--attach-daemon2: there is no user "nobody-of-that-name"',
    "socket = @{name}": "probably another instance of uWSGI is running on the same address (@{name}).",
    "after-request-hook = nothing_of_that_name": 'unable to find symbol/function "nothing_of_that_name"',
    # Where memory ends first is not ours to say.
    "limit-as = 24": "",
}


@pytest.mark.skipif(os.geteuid() != 0, reason="whoever is not root is refused for that")
def test_what_the_system_does_not_have_is_seen_before(site, tmp_path):
    server = site.write("chdir = /tmp").allow(r"^\[preflight\]")
    good, name = site.ini.read_text(), f"uwsgi-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(f"\0{name}\0")
        other.listen()
        for line, reason in SYSTEM.items():
            words = {"t": tmp_path, "name": name}
            site.ini.write_text(good + line.format(**words) + "\n")
            assert refused(server).startswith(reason.format(**words)), line
            assert body(server) == b"one"
    site.ini.write_text(good)
    server.reload(last=2, timeout=20)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has somebody to become")
@pytest.mark.parametrize("lines, taken", [("", False), ("chown-socket = 65534", False), ("drop-after-apps = true", True),
                                          ("master-as-root = true", True), ("master-as-root = true\nlazy-apps = true", False)])
def test_an_application_is_tried_as_the_user_for_whom_it_is_loaded(uwsgi, lines, taken):
    """What only root may read keeps the next generation from loading, if that is not root any more."""
    with tempfile.TemporaryDirectory(prefix="refused") as directory:
        place = pathlib.Path(directory)
        place.chmod(0o777)
        ini, module, secret = place / "site.ini", place / "shop.py", place / "secret"
        module.write_text(APP % "one")
        secret.touch(0o600)
        base = f"[uwsgi]\nhttp11-socket = 127.0.0.1:0\nmaster = true\nprocesses = 2\nwsgi-file = {module}\n"
        ini.write_text(base)
        server = uwsgi("--ini", ini, cwd=place, env={"PATH": "/usr/bin:/bin"}, workers=2).allow(r"^\[preflight\]")
        module.write_text(f"open({str(secret)!r}).close()\n" + APP % "two")
        ini.write_text(f"{base}uid = 65534\ngid = 65534\n{lines}\n")
        if taken:
            server.reload(last=2, timeout=20)
        else:
            assert "PermissionError" in refused(server)
        assert body(server) == (b"two" if taken else b"one")
        assert server.stop() == 0


def test_a_path_is_looked_at_from_the_directory_of_the_next_generation(site, tmp_path):
    server = site.write()
    (tmp_path / "there" / "run").mkdir(parents=True)
    good = site.ini.read_text()
    site.ini.write_text(good + f"chdir = {tmp_path}/there\nsocket = run/x.sock\n")
    server.reload(last=2, timeout=20)
    assert (tmp_path / "there" / "run" / "x.sock").is_socket()
    site.ini.write_text(good + "chdir = there\n")
    server.reload(last=2, timeout=20)
    assert body(server) == b"one"


def test_a_configuration_with_nothing_to_serve_is_refused(site):
    server = site.write()
    good = site.ini.read_text()
    site.ini.write_text(good.replace("http11-socket = 127.0.0.1:0\n", ""))
    assert refused(server) == "The -s/--socket option is missing and stdin is not a socket."
    assert server.get().body == b"one"


def test_an_address_in_other_words_is_the_same_socket(uwsgi, app, tmp_path):
    port, ini = free_port(), tmp_path / "site.ini"

    def configured(tcp, path):
        ini.write_text(f"[uwsgi]\nmaster = true\nhttp-socket = {tcp}:{port}\nuwsgi-socket = {path}\nvacuum = true\nwsgi-file = {app('hello')}\n")

    configured("127.0.0.1", "one.sock")
    server = uwsgi("--ini", ini)
    for words in [("localhost", tmp_path / "one.sock"), ("127.0.0.1", "one.sock")]:
        configured(*words)
        mark = server.mark()
        server.send(signal.SIGHUP)
        server.wait_log(rf"uwsgi socket 0 inherited INET address {words[0]}:{port} fd", after=mark)
        server.wait_log(r"uwsgi socket 1 inherited UNIX address", after=mark)
        server.wait_log(r"^spawned uWSGI worker 1 ", after=mark)
        server.settle()
        assert wire.http(port).status == 200
    server.stop()
    assert not (tmp_path / "one.sock").exists()
