"""Lives of instances: banners, logs, signals, pidfiles, loading of applications."""

import os
import re
import signal

from harness import wire
from harness.waiting import until

from .box import AUTO
from .scenarios import scenario


@scenario
def banner_single_process(box):
    server = box.serve("--http-socket", AUTO, "--wsgi-file", box.app("hello"))
    box.get(server, "/")
    box.stop(server)


@scenario
def banner_preforking_threaded(box):
    server = box.serve("--http-socket", AUTO, "-M", "-p", "2", "--threads", "2", "--wsgi-file", box.app("hello"))
    box.stop(server)


@scenario
def banner_lazy_apps(box):
    server = box.serve("--http-socket", AUTO, "-M", "--lazy-apps", "--wsgi-file", box.app("hello"))
    server.wait_log("WSGI app 0")
    box.stop(server, "sorted")


@scenario
def banner_threaded_without_master(box):
    server = box.serve("--http-socket", AUTO, "--threads", "3", "--wsgi-file", box.app("hello"))
    box.stop(server, "sorted")


@scenario
def banner_no_master_processes(box):
    server = box.serve("--http-socket", AUTO, "-p", "3", "--wsgi-file", box.app("hello"))
    box.log(server, "sorted", only="spawned|WARNING|MODE")
    for pid in server.worker_pids().values():
        if pid != server.pid:
            os.kill(pid, signal.SIGINT)
    box.stop(server, "none")


# What every start says, as far as it does not depend on the build: the order is what is compared.
KNOWN = (r"^(\*\*\* Starting|nodename|machine|detected|current working|writing pidfile|set[ug]id\(\)|set additional|chdir|\*\*\* WARNING: you are running "
         r"uWSGI without|limiting|your |scheduler|!!! number|lock engine|thunder|uwsgi socket|uWSGI http bound|Python version|python threads|mapped|"
         r"\*\*\* Operational|WSGI app|\*\*\* uWSGI is running in|spawned|\*\*\* Stats|threads stack|mapping worker|\*\*\* no app|"
         r"\*\*\* daemonizing|\[uwsgi-KSM\]|setting capability)")


@scenario
def banner_of_a_whole_instance(box):
    server = box.serve("--http-socket", AUTO, "-M", "-p", "2", "--threads", "2", "--pidfile", "one.pid", "--pidfile2", "two.pid",
                       "--safe-pidfile2", "four.pid", "--stats", "stats", "--mule", "--http", AUTO, "--chdir", box.directory,
                       "--limit-as", "8000", "--prio", "1", "--max-fd", "2000", "--wsgi-file", box.app("hello"))
    server.wait_log("^spawned uWSGI mule 1")
    box.stop(server, only=KNOWN)


@scenario
def banner_after_the_drop(box):
    """The group only: the interpreter of the original may be closed to other users. It drops at every later point again."""
    if os.geteuid():
        box.note("log", "only root has privileges to drop")
        return
    # The plugin says that it has threads a step too early for the drop behind it.
    known = KNOWN.replace("python threads|", "")
    for options in ([], ["--drop-after-init"], ["--drop-after-apps"]):
        box.note("log", " ".join(options))
        server = box.serve("--http-socket", AUTO, "-M", "--gid", "nogroup", "--add-gid", "games", *options, "--wsgi-file", box.app("hello"))
        box.stop(server, "none")
        lines = [line for line in box.normal.lines(server.log()) if re.search(known, line)]
        box.seen += [f"log| {line}" for line in dict.fromkeys(lines)]


@scenario
def banner_at_a_reload(box):
    server = box.serve("--http-socket", AUTO, "-M", "-p", "2", "--wsgi-file", box.app("hello"))
    mark = server.mark()
    server.send(signal.SIGHUP)
    server.wait_log("^spawned uWSGI worker 2 ", after=mark)
    server.settle()
    text = box.normal.lines(server.log()[mark:])
    box.seen += [f"log| {line}" for line in text[next(i for i, line in enumerate(text) if line.startswith("*** Starting")):]]
    box.stop(server, "none")


@scenario
def banner_without_sockets(box):
    box.run("-M", "--wsgi-file", box.app("hello"))


@scenario
def processors_of_workers(box):
    server = box.serve("--http-socket", AUTO, "-M", "-p", "3", "--cpu-affinity", "1", "--wsgi-file", box.app("hello"))
    server.quiet()
    box.stop(server, "sorted", only="^mapping worker")


@scenario
def request_log_lines(box):
    server = box.serve("--http-socket", AUTO, "-M", "--wsgi-file", box.app("wires"))
    box.get(server, "/length?q=1", X_Long="y" * 100)
    box.exchange(server, "POST", wire.request_bytes("POST", "/echo", body=b"12345"))
    box.get(server, "/many?n=50", "HEAD")
    box.stop(server, only="=> generated")


@scenario
def log_options(box):
    for options in (["--disable-logging"], ["--disable-logging", "--log-4xx"], ["--log-micros"], ["--memory-report"],
                    ["--log-format", "%(addr) %(method) %(uri) %(proto) %(status) %(size) %(rsize) %(hsize) %(headers) %(vars) "
                     "%(host) %(uagent) %(referer) %(user) %(wid) %(cl) %(werr) %(rerr) %(modifier1) %(var.PATH_INFO) %(nope) %x %%"]):
        server = box.serve("--http-socket", AUTO, "-M", *options, "--wsgi-file", box.app("wires"))
        box.note("log", " ".join(options)[:30])
        box.get(server, "/length", User_Agent="agent")
        box.get(server, "/missing", Referer="http://r/")
        box.stop(server, only=r"=> generated|GET /|^\{")


@scenario
def log_x_forwarded_for(box):
    server = box.serve("--http-socket", AUTO, "-M", "--log-x-forwarded-for", "--wsgi-file", box.app("hello"))
    box.get(server, "/", X_Forwarded_For="1.2.3.4, 5.6.7.8")
    box.stop(server, only="=> generated")


@scenario
def usr1_report(box):
    server = box.serve("--http-socket", AUTO, "-M", "-p", "2", "--wsgi-file", box.app("hello"))
    mark = server.mark()
    server.send(signal.SIGUSR1)
    server.wait_log(r"worker 2 app 0 \[\] requests: 0 exceptions: 0\n-----------------", after=mark)
    box.note("usr1", server.log()[mark:])
    mark = server.mark()
    os.kill(server.worker_pids()[1], signal.SIGUSR1)
    server.wait_log(r"app 0 \[\] requests: 0", after=mark)
    box.note("usr1", server.log()[mark:])
    box.stop(server, "none")


def end_by(number, *options):
    def run(box):
        server = box.serve("--http-socket", AUTO, "-M", "-p", "2", *options, "--wsgi-file", box.app("hello"))
        server.quiet()
        mark = server.mark()
        box.note("exit", server.stop(number))
        box.seen += [f"log| {line}" for line in box.normal.lines(server.log()[mark:])]
    run.__name__ = f"end_by_{signal.Signals(number).name}{'_die_on_term' if options else ''}"
    scenario(run)


end_by(signal.SIGINT)
end_by(signal.SIGQUIT)
end_by(signal.SIGTERM, "--die-on-term")


def reload_by(number, *options):
    def run(box):
        server = box.serve("--http-socket", AUTO, "-M", "-p", "2", *options, "--wsgi-file", box.app("wires"))
        mark = server.mark()
        server.send(number)
        server.wait_log(r"^spawned uWSGI worker 2 ", after=mark)
        server.settle()
        box.seen += [f"log| {line}" for line in sorted(box.normal.lines(server.log()[mark:]))]
        box.wire("after", wire.raw(server.address(after=mark), wire.request_bytes(path="/length")))
        box.stop(server, "none")
    run.__name__ = f"reload_by_{signal.Signals(number).name}{'_die_on_term' if options else ''}"
    scenario(run)


reload_by(signal.SIGHUP)
reload_by(signal.SIGTERM)
reload_by(signal.SIGQUIT, "--die-on-term")


@scenario
def killed_worker(box):
    server = box.serve("--http-socket", AUTO, "-M", "-p", "2", "--wsgi-file", box.app("hello"))
    mark, victim = server.mark(), server.worker_pids()[2]
    os.kill(victim, signal.SIGKILL)
    server.wait_log(r"Respawned uWSGI worker 2 \(new pid: \d+\)", after=mark)
    server.settle()
    box.note("log", server.log()[mark:])
    box.get(server, "/")
    box.stop(server, "none")


@scenario
def max_requests(box):
    server = box.serve("--http-socket", AUTO, "-M", "--max-requests", "2", "--min-worker-lifetime", "0", "--wsgi-file", box.app("hello"))
    mark, first = server.mark(), server.worker_pids()[1]
    for _ in range(3):
        box.get(server, "/")
    server.wait_log("Respawned", after=mark)
    until(lambda: server.worker_pids()[1] != first, "the next worker")
    server.settle()
    server.quiet()
    box.note("log", "\n".join(sorted(box.normal.lines(server.log()[mark:]))))
    box.stop(server, "none")


@scenario
def harakiri(box):
    server = box.serve("--http-socket", AUTO, "-M", "--harakiri", "1", "--wsgi-file", box.app("wires"))
    mark = server.mark()
    box.get(server, "/sleep?s=30")
    server.wait_log("Respawned", after=mark)
    server.settle()
    box.note("log", server.log()[mark:])
    box.stop(server, "none")


def ends(name, path, *options, until_line="Respawned", code=None):
    """A worker that is ended, or goes by itself: the lines from the request to its successor."""
    def run(box):
        master = [] if code is not None else ["-M"]
        server = box.serve("--http-socket", AUTO, *master, *options, "--wsgi-file", box.app("stuck"))
        mark = server.mark()
        if path is not None:
            wire.raw(server.address(), wire.request_bytes(path=path, headers={"Connection": "close"}), timeout=30)
        if code is None:
            server.wait_log(until_line, after=mark, timeout=20)
            server.settle()
        else:
            box.note("exit", server.wait_exit())
        lines = box.normal.lines(server.log()[mark:])
        box.seen += [f"log| {line}" for line in lines]
        if code is None:
            # A worker that has answered listens to signals; it may have threads that never rest.
            wire.raw(server.address(), wire.request_bytes(headers={"Connection": "close"}))
        box.note("exit", server.stop())
    run.__name__ = name
    scenario(run)


ends("harakiri_graceful", "/asleep", "--harakiri", "1", "--harakiri-graceful-timeout", "3")
ends("harakiri_ignored", "/deaf?15", "--harakiri", "1", "--harakiri-graceful-timeout", "2")
ends("harakiri_other_signal", "/deaf?10", "--harakiri", "1", "--harakiri-graceful-timeout", "2", "--harakiri-graceful-signal", "10")
ends("harakiri_by_the_app", "/limited?1&30")
ends("harakiri_verbose", "/asleep", "--harakiri", "1", "--harakiri-verbose")
ends("harakiri_without_master", "/asleep", "--harakiri", "1", code=0)
ends("reload_on_rss", "/grown?200", "--reload-on-rss", "150", "--min-worker-lifetime", "0")
ends("reload_on_as", "/reserved?1500", "--reload-on-as", "1500", "--min-worker-lifetime", "0")
ends("evil_reload_on_rss", "/grown?200", "--evil-reload-on-rss", "150", "--mem-collector-freq", "1")
ends("max_worker_lifetime", None, "--max-worker-lifetime", "2", "--min-worker-lifetime", "1")
ends("max_worker_lifetime_delta", None, "-p", "2", "--max-worker-lifetime", "2", "--min-worker-lifetime", "1",
     "--max-worker-lifetime-delta", "2", until_line="Respawned uWSGI worker 2")
ends("reload_on_exception", "/failed?ValueError&x", "--reload-on-exception")
ends("reload_on_exception_value", "/failed?ValueError&boom", "--reload-on-exception-value", "boom")


@scenario
def user_harakiri_without_master(box):
    server = box.serve("--http-socket", AUTO, "--wsgi-file", box.app("stuck"))
    wire.raw(server.address(), wire.request_bytes(path="/limited?1&0", headers={"Connection": "close"}))
    box.stop(server, only="harakiri")


@scenario
def max_worker_lifetime_refused(box):
    box.run("--http-socket", AUTO, "-M", "--max-worker-lifetime", "5", show=False)


@scenario
def pidfiles_and_vacuum(box):
    server = box.serve("--http-socket", "h.sock", "-M", "--vacuum", "--pidfile", "one.pid", "--pidfile2", "two.pid",
                       "--safe-pidfile", "three.pid", "--safe-pidfile2", "four.pid", "--stats", "st.sock",
                       "--wsgi-file", box.app("hello"))
    until((box.directory / "three.pid").exists, "the safe pidfile")
    for name in ("one", "two", "three", "four"):
        text = (box.directory / f"{name}.pid").read_text()
        box.note("file", f"{name} {'master' if text == f'{server.pid}{chr(10)}' else repr(text)}")
    box.note("log", "\n".join(sorted({line for line in server.log().splitlines() if line.startswith("writing")})))
    box.stop(server, only="VACUUM|goodbye")
    box.note("file", sorted(p.name for p in box.directory.iterdir()))


@scenario
def pidfile_commands(box):
    pidfile = box.directory / "p.pid"
    server = box.serve("--http-socket", AUTO, "-M", "--pidfile", pidfile, "--wsgi-file", box.app("hello"))
    mark = server.mark()
    box.run("--reload", pidfile)
    server.wait_log(r"^spawned uWSGI worker 1 ", after=mark)
    server.settle()
    box.run("--stop", pidfile)
    box.note("exit", server.wait_exit())
    box.run("--stop", pidfile)
    box.run("--stop", "no-such-file.pid")


def loads(name, source, *options, code=None):
    """An application file that is wrong in one way: log lines and what a client sees."""
    def run(box):
        server = box.serve("--http-socket", AUTO, "-M", *options, "--wsgi-file", box.file("broken.py", source), ready=code is None)
        if code is None:
            box.get(server, "/")
            box.stop(server, only=r"^(?!\*\*\* Start|compiled|os:|clock|detected|lock|thunder|your|mapped|uWSGI running|\*\*\* WARN|python threads|Python|nodename|machine)")
        else:
            box.note("exit", server.wait_exit())
            box.log(server, only=r"app|Error")
    run.__name__ = f"load_{name}"
    scenario(run)


loads("syntax_error", "def application(:\n")
loads("import_error", "import there_is_no_such_module\n")
loads("no_callable", "x = 1\n")
loads("not_callable", "application = 5\n")
loads("need_app", "1/0\n", "--need-app", code=22)


@scenario
def load_missing_file(box):
    server = box.serve("--http-socket", AUTO, "-M", "--wsgi-file", "missing.py")
    box.get(server, "/")
    box.stop(server, only="app|missing|=> generated")


@scenario
def load_module_and_callable(box):
    box.file("pkg/__init__.py", "")
    box.file("pkg/site.py", "class A:\n    def __call__(self, e, s):\n        s('200 OK', [])\n        return [b'object']\nthing = A()\n")
    for option in ("pkg.site:thing", "pkg.site:nothing", "pkg.nowhere:thing"):
        server = box.serve("--http-socket", AUTO, "-M", "--module", option)
        box.get(server, "/")
        box.stop(server, only="app|Error|=> generated")


@scenario
def mounts(box):
    for name in ("one", "two"):
        box.file(f"{name}.py", "def application(e, s):\n    s('200 OK', [])\n"
                 f"    return [f'{name} {{e.get(\"SCRIPT_NAME\")}}|{{e[\"PATH_INFO\"]}}'.encode()]\n")
    server = box.serve("--http-socket", AUTO, "-M", "--manage-script-name", "--mount", "/one=one.py", "--mount", "/two=two.py",
                       "--single-interpreter")
    for path in ("/one", "/one/", "/one/x", "/onelegged", "/two/y/z", "/three", "/"):
        box.get(server, path)
    box.stop(server, only="mount|WSGI app|=> generated")


@scenario
def mounts_in_interpreters(box):
    for name in ("one", "two"):
        box.file(f"{name}.py", "import helper\nhelper.seen.append(1)\ndef application(e, s):\n    s('200 OK', [])\n"
                 "    return [repr(helper.seen).encode()]\n")
    box.file("helper.py", "seen = []\n")
    server = box.serve("--http-socket", AUTO, "-M", "--manage-script-name", "--mount", "/one=one.py", "--mount", "/two=two.py",
                       "--pythonpath", ".")
    for path in ("/one", "/two"):
        box.get(server, path)
    box.stop(server, only="mount|=> generated")


@scenario
def unix_and_abstract_sockets(box):
    name = f"@parity{box.port()}"
    server = box.serve("--http-socket", "a.sock", "--http-socket", name, "--socket", "[::1]:0", "-M", "--wsgi-file", box.app("hello"))
    box.wire("unix", wire.raw(str(box.directory / "a.sock"), wire.request_bytes()))
    box.wire("abstract", wire.raw(name + "\0", wire.request_bytes()))
    text = server.log().replace(name, "@NAME")
    box.note("log", "\n".join(line for line in text.splitlines() if "bound" in line or "abstract" in line))
    box.stop(server, "none")


API_APP = """
import json, uwsgi
def show(value):
    if isinstance(value, dict):
        return {show(k): show(v) for k, v in value.items()}
    if isinstance(value, (tuple, list)):
        return [show(v) for v in value]
    return repr(value)
def application(e, s):
    s('200 OK', [])
    name = e['QUERY_STRING']
    return [json.dumps(show(eval(name, {'uwsgi': uwsgi})), indent=1).encode()]
"""


@scenario
def python_api(box):
    server = box.serve("--http-socket", AUTO, "-M", "-p", "2", "--enable-metrics", "--metric", "mine", "--set", "alpha=beta",
                       "--wsgi-file", box.file("api.py", API_APP), "--pythonpath", "x")
    for name in ("uwsgi.version", "uwsgi.numproc", "sorted(uwsgi.opt)", "uwsgi.opt['pythonpath']", "uwsgi.opt['alpha']",
                 "uwsgi.opt['master']", "uwsgi.worker_id()in(1,2)", "[list(w)for(w)in(uwsgi.workers())]",
                 "[list(w['apps'][0])for(w)in(uwsgi.workers())]", "type(uwsgi.workers()[0]['status'])", "uwsgi.total_requests()>0",
                 "uwsgi.metric_get('mine')", "uwsgi.metric_inc('mine')", "uwsgi.metric_inc('mine',5)", "uwsgi.metric_dec('mine')",
                 "uwsgi.metric_set('mine',40)", "uwsgi.metric_get('mine')", "uwsgi.metric_get('nope')", "type(uwsgi.hostname)",
                 "uwsgi.log('from-the-app')", "uwsgi.masterpid()>1", "sorted(uwsgi.magic_table)", "list(uwsgi.applications)"):
        box.get(server, f"/?{name}")
    box.stop(server, only="^from-the-app")
