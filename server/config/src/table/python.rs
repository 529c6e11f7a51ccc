//! The Python plugin.

use crate::row::{Flags, Kind, Row, bare, flag, opt, req};

pub(super) const ROWS: &[Row] = &[
    req("wsgi-file", Kind::Str, "load a WSGI application from this file").aliases(&["file"]),
    req("eval", Kind::Str, "run this Python text as application"),
    req("module", Kind::Str, "load a WSGI application from this module")
        .short('w')
        .aliases(&["wsgi"]),
    req("callable", Kind::Str, "name of the callable in module or file").default("application"),
    req("test", Kind::Str, "import a module and end").short('J'),
    req("home", Kind::Str, "virtual environment or Python home").short('H').aliases(&[
        "virtualenv",
        "venv",
        "pyhome",
    ]),
    req("py-programname", Kind::Str, "name Python sees as its program")
        .aliases(&["py-program-name"]),
    req("pythonpath", Kind::List, "add a directory or glob to the module path")
        .aliases(&["python-path", "pp"]),
    req("pymodule-alias", Kind::List, "load a module under another name: name=module"),
    req("post-pymodule-alias", Kind::List, "like pymodule-alias, after loading applications"),
    req("import", Kind::List, "import a Python module in each worker").aliases(&[
        "pyimport",
        "py-import",
        "python-import",
    ]),
    req("spooler-python-import", Kind::List, "import a Python module in each spooler").aliases(&[
        "spooler-pyimport",
        "spooler-py-import",
        "spooler-import",
    ]),
    req("shared-import", Kind::List, "import a Python module in every process").aliases(&[
        "shared-pyimport",
        "shared-py-import",
        "shared-python-import",
    ]),
    req("pyargv", Kind::Str, "arguments Python sees in sys.argv"),
    req("optimize", Kind::Int, "Python optimization level").default("0").short('O'),
    req("pecan", Kind::Str, "load a Pecan configuration"),
    req("paste", Kind::Str, "load a Paste Deploy configuration"),
    req("paste-name", Kind::Str, "section of the Paste configuration"),
    flag("paste-logger", "set up logging from the Paste configuration"),
    req("web3", Kind::Str, "load a web3 application"),
    req("pump", Kind::Str, "load a pump application"),
    req("wsgi-lite", Kind::Str, "load a wsgi-lite application"),
    req("ini-paste", Kind::List, "load a Paste file with a section for the server")
        .on(Flags::IMMEDIATE),
    req(
        "ini-paste-logged",
        Kind::List,
        "load a Paste file with a section for the server, and its logging",
    )
    .on(Flags::IMMEDIATE),
    flag("reload-os-env", "bring os.environ up to date before each application is loaded"),
    flag("no-site", "start Python without the site module"),
    opt("pyshell", Kind::List, "run a Python shell in the first worker"),
    opt("pyshell-oneshot", Kind::List, "run a Python shell in the first worker once"),
    req("python", Kind::List, "run a Python script before serving").aliases(&["py", "pyrun"]),
    req(
        "py-tracebacker",
        Kind::Str,
        "serve Python tracebacks of each worker on UNIX sockets of this prefix",
    )
    .on(Flags::MASTER)
    .on(Flags::THREADS),
    req("py-auto-reload", Kind::Int, "reload when a loaded module changes, looked for this often")
        .unit("s")
        .aliases(&["py-autoreload", "python-auto-reload", "python-autoreload"])
        .on(Flags::MASTER)
        .on(Flags::THREADS),
    req("py-auto-reload-ignore", Kind::List, "module that auto reload does not watch")
        .on(Flags::MASTER)
        .on(Flags::THREADS),
    req("wsgi-env-behaviour", Kind::Str, "how the environ of requests is made")
        .default("cheat")
        .words(&["cheat", "holy"])
        .aliases(&["wsgi-env-behavior"]),
    flag("start_response-nodelay", "send headers as soon as start_response is called"),
    flag("wsgi-strict", "follow PEP 3333 to the letter"),
    flag("wsgi-accept-buffer", "accept buffers where bytes are wanted")
        .aliases(&["wsgi-accept-buffers"]),
    bare("python-version", Kind::Action, "print the Python version").on(Flags::IMMEDIATE),
    req("python-raw", Kind::Str, "load a raw Python handler"),
    req("py-sharedarea", Kind::List, "make a shared area from a Python buffer"),
    flag("py-call-osafterfork", "run the Python hooks after fork"),
    flag("py-master-check-signals", "run Python signal handlers in the master"),
    bare("early-python", Kind::Flag, "start Python before privileges are dropped")
        .on(Flags::IMMEDIATE),
    req("early-pyimport", Kind::List, "import a module before privileges are dropped")
        .aliases(&["early-python-import"])
        .on(Flags::IMMEDIATE),
    req("early-pythonpath", Kind::List, "add a directory to the module path of early Python")
        .aliases(&["early-python-path"])
        .on(Flags::IMMEDIATE),
    flag("py-call-uwsgi-fork-hooks", "run the Python fork hooks around worker forks"),
    req("py-executable", Kind::Str, "value of sys.executable").aliases(&["py-sys-executable"]),
    req("python-worker-override", Kind::Str, "Python script that replaces the worker loop"),
    flag("wsgi-disable-file-wrapper", "no wsgi.file_wrapper"),
    flag("wsgi-manage-chunked-input", "wsgi.input takes chunked bodies apart"),
    flag("py-executable-compat", "sys.executable is the server, as it used to be"),
    flag("py-prometheus-client", "prometheus_client counts in memory that all workers share"),
    req("python-lib", Kind::Str, "libpython to load"),
    flag("exception-500", "answer an exception before the headers with status 500")
        .default("false"),
];
