"""Cold paths of the plugin that read best in Python: streams, paths, loading apps, reports.

Runs once in each interpreter, in a namespace of its own that holds `log` (one line to the
server's log), `metric_names`, `mule_receive`, `load_metrics` and `uwsgi` (the module). Names without
underscore are called from Rust.
"""
import sys

_HERE = __name__


class LoadError(Exception):
    """An app cannot be loaded, and the log says why already."""


def set_up(argv, executable, paths, honour_stdin, prometheus_client):
    _streams(honour_stdin)
    sys.argv[:] = argv
    if executable:
        sys.executable = executable
    _paths(paths)
    uwsgi.__class__ = _Module
    uwsgi.mule_get_msg = mule_get_msg
    from importlib.machinery import ModuleSpec
    uwsgi.__spec__ = ModuleSpec("uwsgi", None, origin="built-in")
    sys.meta_path.append(_MetricsFinder)
    if prometheus_client:
        import uwsgi_metrics
        uwsgi_metrics.install()


class _MetricsFinder:
    """Finds the module `uwsgi_metrics`, which is made when an app asks for it."""

    @classmethod
    def find_spec(cls, name, path=None, target=None):
        if name != "uwsgi_metrics":
            return None
        from importlib.machinery import ModuleSpec
        return ModuleSpec(name, cls, origin="built-in")

    @staticmethod
    def create_module(spec):
        return None

    @staticmethod
    def exec_module(module):
        load_metrics(module)


class _Module(type(sys)):
    """The class of the module `uwsgi`: attributes that are computed when they are read."""

    @property
    def metrics(self):
        return metric_names()


def _streams(honour_stdin):
    import os
    try:
        tty = honour_stdin or os.isatty(0)
    except OSError:
        tty = False
    if not tty:
        out = errors()
        sys.stdout = sys.__stdout__ = sys.stderr = sys.__stderr__ = out


def errors():
    return open(2, "w", buffering=1, encoding="utf-8", errors="backslashreplace", closefd=False)


def _paths(paths):
    import glob
    import os
    sys.path.insert(0, "")
    sys.path.insert(0, ".")
    for value in paths:
        for path in sorted(glob.glob(value)) or [value]:
            if os.path.isdir(path) and not path.endswith("/"):
                path += "/"
            sys.path.insert(0, path)
            log("added %s to pythonpath." % path)


def report(exc=None):
    """Prints the traceback of the current exception without the frames of this file."""
    exc = exc or sys.exc_info()[1]
    tb = exc.__traceback__
    while tb is not None and tb.tb_frame.f_globals.get("__name__") == _HERE:
        tb = tb.tb_next
    _print(exc, tb)


def print_exception(exc):
    """Prints an uncaught exception, by the app's own hook if it has set one."""
    if sys.excepthook is sys.__excepthook__ or isinstance(exc, (SystemExit, KeyboardInterrupt)):
        _print(exc, exc.__traceback__)
    else:
        sys.excepthook(type(exc), exc, exc.__traceback__)


def _print(exc, tb):
    import traceback
    # one write: lines of other processes cannot come between
    sys.stderr.write("".join(traceback.format_exception(type(exc), exc, tb)))
    sys.stderr.flush()


def after_fork():
    random = sys.modules.get("random")
    if random is not None:
        random.seed()


def hook(name):
    """Calls a hook that the app may have put into the module."""
    function = getattr(uwsgi, name, None)
    if function is not None:
        try:
            function()
        except SystemExit as exc:
            if uwsgi.mule_id():
                _leave(exc)  # what runs here may be all that a mule does
            report()
        except BaseException:
            report()


def forget_stacks():
    """What an app registered in the master would be in the way: its handler is not there any more."""
    import faulthandler
    import signal
    faulthandler.unregister(signal.SIGUSR2)


def tell_stacks():
    """SIGUSR2 writes to the log where each thread stands, also while a request hangs, before what it
    did anyway. An app that registers something else later has its way; apps in interpreters of their
    own are not seen."""
    import faulthandler
    import signal
    faulthandler.register(signal.SIGUSR2, file=2, all_threads=True, chain=True)


def name_thread(name):
    import threading
    threading.current_thread().name = name


def run_exit_functions():
    import atexit
    atexit._run_exitfuncs()


# --- loading -----------------------------------------------------------------------------------

def use_home(home):
    """Packages of the virtualenv `home` go first in this interpreter."""
    import os
    import site
    place = os.path.join(home, "lib", "python%d.%d" % sys.version_info[:2], "site-packages")
    if not os.path.isdir(place):
        log("virtualenv %s has no packages for this python (%s)" % (home, place))
        return
    before = list(sys.path)
    site.addsitedir(place)
    sys.path[:] = [p for p in sys.path if p not in before] + before
    sys.prefix = sys.exec_prefix = home


def reload_environ(pairs):
    """Puts variables of the process into `os.environ`."""
    import os
    for name, value in pairs:
        if os.environb.get(name) != value:
            os.environb[name] = value


def import_one(value):
    """Imports a module or runs a file; whether that worked."""
    try:
        if "/" in value or value.endswith(".py"):
            _run_file(value)
        else:
            __import__(value)
    except LoadError:
        return False
    except BaseException:
        report()
        return False
    return True


def load_module(value, default):
    """Loads `pkg.mod[:callable]`: a list of (mountpoint or None, callable)."""
    name, _, expression = value.partition(":")
    try:
        __import__(name)
        module = sys.modules[name]
        apps = getattr(uwsgi, "applications", None)
        if not isinstance(apps, dict):
            apps = getattr(module, "applications", None)
        if isinstance(apps, dict):
            return _app_map(module, apps)
        return [(None, _checked(_resolve(module, expression or default)))]
    except LoadError:
        return []
    except BaseException as exc:
        _load_failed(exc, value)
        return []


def load_file(value, default):
    """Loads a file the mod_wsgi way."""
    try:
        module = _run_file(value)
    except LoadError:
        return []
    except BaseException as exc:
        _load_failed(exc, value)
        return []
    try:
        app = _resolve(module, default)
    except AttributeError as exc:
        if "(" in default:
            _load_failed(exc, value)
        else:
            log('unable to find "%s" callable in file %s' % (default, value))
        return []
    except BaseException as exc:
        _load_failed(exc, value)
        return []
    if not callable(app):
        log('"%s" must be a callable object in file %s' % (default, value))
        return []
    return [(None, app)]


def load_eval(source, default):
    try:
        code = compile(source, "uwsgi_eval_config", "exec", dont_inherit=True)
        module = _new_module("uwsgi_eval_config", None)
        exec(code, module.__dict__)
    except BaseException:
        report()
        log("failed to compile eval code")
        return []
    app = getattr(module, default, None)
    if not callable(app):
        log("you must define a callable object in your code")
        return []
    return [(None, app)]


def load_pecan(config):
    log("Loading pecan environment: %s" % config)
    try:
        from pecan.deploy import deploy
        return [(None, deploy(config))]
    except BaseException as exc:
        _load_failed(exc, config)
        return []


def load_paste(uri, logger):
    log("Loading paste environment: %s" % uri)
    try:
        if logger:
            from logging.config import fileConfig
            fileConfig(uri[len("config:"):] if uri.startswith("config:") else uri)
        from paste.deploy import loadapp
        return [(None, loadapp(uri))]
    except BaseException as exc:
        _load_failed(exc, uri)
        return []


def _load_failed(exc, app):
    report(exc)
    if isinstance(exc, ImportError) and "subinterpreter" in str(exc):
        tb = exc.__traceback__
        while tb.tb_next is not None:
            tb = tb.tb_next
        log('app %s imports a module without support for sub-interpreters at %s line %d: '
            'set "single-interpreter = true"' % (app, tb.tb_frame.f_code.co_filename, tb.tb_lineno))


def _checked(app):
    if not callable(app):
        raise TypeError("%r object is not callable" % type(app).__name__)
    return app


def _app_map(module, apps):
    log("found a multiapp module...")
    if not apps:
        log("you have to define at least one app in the applications dictionary")
        return []
    found = []
    for key, value in apps.items():
        mountpoint = _text(key)
        if mountpoint is None:
            if not found:
                log("the app mountpoint must be a string")
                return []
            log("applications dictionary key must be a string, skipping.")
            continue
        name = _text(value)
        try:
            app = value if name is None else _resolve(module, name)
        except Exception:
            report()
            app = None
        if not callable(app):
            log("skipping broken app %s" % mountpoint)
            continue
        found.append((mountpoint, app))
    return found


def _text(value):
    if isinstance(value, bytes):
        return value.decode("utf-8", "surrogateescape")
    return value if isinstance(value, str) else None


def _resolve(module, expression):
    """`name`, `a.b`, `make()` or `make("x", key=1)` within a module."""
    if "(" not in expression:
        return _dotted(module, expression.split("."))
    import ast
    call = ast.parse(expression, mode="eval").body
    if not isinstance(call, ast.Call):
        raise ValueError("%r is neither a name nor a call" % expression)
    names, node = [], call.func
    while isinstance(node, ast.Attribute):
        names.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        raise ValueError("%r does not call a name of the module" % expression)
    names.append(node.id)
    function = _dotted(module, reversed(names))
    arguments = [ast.literal_eval(a) for a in call.args]
    keywords = {k.arg: ast.literal_eval(k.value) for k in call.keywords}
    return function(*arguments, **keywords)


def _dotted(value, names):
    for name in names:
        value = getattr(value, name)
    return value


def _new_module(name, path):
    module = type(sys)(name)
    if path is not None:
        module.__file__ = path
    sys.modules[name] = module
    return module


def _run_file(value):
    import os
    if "://" in value:
        log('resource scheme "%s" is not supported for python files: give a path'
            % value.partition("://")[0])
        raise LoadError
    path, package = value, None
    if os.path.isdir(value):
        path, package = os.path.join(value, "__init__.py"), value
    try:
        with open(path, "rb") as file:
            source = file.read()
    except OSError:
        log("failed to open python file %s" % value)
        raise LoadError
    if not source:
        log("no data read from file %s" % value)
        raise LoadError
    try:
        code = compile(source, path, "exec", dont_inherit=True)
    except BaseException:
        report()
        log("failed to compile %s" % value)
        raise LoadError
    name = "uwsgi_file_" + value.replace(".", "_").replace("/", "_")
    if name.endswith("_py"):
        name = name[:-3]
    module = _new_module(name, path)
    if package is not None:
        module.__path__ = [package]
    exec(code, module.__dict__)
    return module


def alias(value):
    """`name=module` or `name=path`; false when it cannot be done."""
    name, equals, target = value.partition("=")
    if not equals:
        log("invalid pymodule-alias syntax")
        return True
    try:
        if "/" in target:
            module = _run_file(target)
        else:
            __import__(target)
            module = sys.modules[target]
    except LoadError:
        return False
    except BaseException:
        report()
        return False
    sys.modules[name] = module
    log('mapped virtual pymodule "%s" to real pymodule "%s"' % (name, target))
    return True


# --- catch-exceptions ----------------------------------------------------------------------------

def _frames(tb):
    import linecache
    while tb is not None:
        code = tb.tb_frame.f_code
        line = 'filename: "%s" line: %d function: "%s"' % (
            code.co_filename, tb.tb_lineno, code.co_name)
        text = linecache.getline(code.co_filename, tb.tb_lineno, tb.tb_frame.f_globals).strip()
        yield line + (' text/code: "%s"' % text if text else "")
        tb = tb.tb_next


def exception_log(facts, tb, pairs):
    """What the exception handler `log` says, as one text: lines of other threads stay out of it."""
    import os
    import time
    name, message, core = facts
    name = name.rpartition(".")[2]
    text = ["", '!!! "log" exception handler !!!', "", "vars:"]
    text += ["\t%s=%s" % (key, _printable(value)) for key, value in pairs]
    text += ["", "backtrace:"] + ["\t" + _printable(frame) for frame in _frames(tb)]
    text += ["", "class: " + name, "msg: " + _printable(message), "repr: %s: %s" % (name, _printable(message)),
             "unix: %d" % time.time(), "wid: %d" % uwsgi.worker_id(), "pid: %d" % os.getpid(), "core: %d" % core,
             "node: " + os.uname().nodename, "", '!!! end of "log" exception handler output !!!', ""]
    log("\n".join(text))


def _printable(text):
    """One line stays one line, whatever a client has sent."""
    return "".join(c if c >= " " and c != "\x7f" else "?" for c in text)


def exception_page(facts, tb, pairs):
    name, message, _core = facts
    env = dict(pairs)
    lines = ['uWSGI exceptions catcher for "%s %s" (request plugin: "python", modifier1: 0)'
             % (env.get("REQUEST_METHOD", ""), env.get("REQUEST_URI", "")), ""]
    lines += ["Exception: %s: %s" % (name, message), "", "Exception class: %s" % name, "",
              "Exception message: %s" % message, "", "Backtrace:"]
    lines += _frames(tb)
    lines.append("")
    lines += ["%s = %s" % pair for pair in pairs]
    return "\n".join(lines + [""]).encode("utf-8", "backslashreplace")


# --- signals -----------------------------------------------------------------------------------

_handlers = {}


def keep_handler(number, handler):
    _handlers[number] = handler


def run_handler(number):
    """Runs a handler; whether it went well."""
    try:
        _handlers[number](number)
        return True
    except BaseException:
        report()
        return False


# --- mules -------------------------------------------------------------------------------------

def mule_get_msg(signals=True, farms=True, buffer_size=65536, timeout=-1):
    """The next message to this mule; empty when none comes within `timeout` seconds."""
    return mule_receive(bool(signals), buffer_size, int(timeout * 1000))


def mule_message(message):
    """Hands a message to the application's hook; whether there is one."""
    function = getattr(uwsgi, "mule_msg_hook", None)
    if function is None:
        return False
    try:
        function(message)
    except BaseException:
        report()
    return True


def run_program(value):
    """Runs a mule's program until it is over; whether it is one of Python's."""
    if not value.endswith(".py") and ":" not in value:
        return False
    try:
        if value.endswith(".py"):
            _run_main(value)
        else:
            name, _, function = value.partition(":")
            __import__(name)
            _dotted(sys.modules[name], function.split("."))()
    except SystemExit as exc:
        _leave(exc)
    except BaseException:
        report()
    return True


def _run_main(path):
    with open(path, "rb") as file:
        source = file.read()
    code = compile(source, path, "exec", dont_inherit=True)
    exec(code, _new_module("__main__", path).__dict__)


def _leave(exc):
    """Ends this process as `sys.exit` asks, after what was registered for its end."""
    import os
    run_exit_functions()
    if exc.code is not None and not isinstance(exc.code, int):
        sys.stderr.write("%s\n" % exc.code)
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(exc.code if isinstance(exc.code, int) else int(exc.code is not None))
