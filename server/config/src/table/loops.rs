//! Loop engines and the runtimes that live in them.

use crate::row::{Flags, Kind, Row, flag, req};

pub(super) const ASYNCIO: &[Row] =
    &[req("asyncio", Kind::Int, "asyncio loop engine with so many cores").on(Flags::THREADS)];

pub(super) const COROAE: &[Row] =
    &[req("coroae", Kind::Int, "Coro::AnyEvent loop engine with so many cores")];

pub(super) const DUMBLOOP: &[Row] = &[
    req("dumbloop-modifier1", Kind::Int, "modifier1 of the dumb loop").range(0, 255),
    req("dumbloop-code", Kind::Str, "script of the dumb loop"),
    req("dumbloop-function", Kind::Str, "function of the dumb loop"),
];

pub(super) const FIBER: &[Row] = &[flag("fiber", "Ruby fibers as suspend engine")];

pub(super) const GCCGO: &[Row] = &[
    req("go-load", Kind::List, "load a Go library").aliases(&["gccgo-load"]),
    req("go-args", Kind::Str, "arguments of the Go runtime").aliases(&["gccgo-args"]),
    req("goroutines", Kind::Int, "goroutines loop engine with so many cores").on(Flags::THREADS),
];

pub(super) const GEVENT: &[Row] = &[
    req("gevent", Kind::Int, "gevent loop engine with so many cores").on(Flags::THREADS),
    flag("gevent-monkey-patch", "monkey patch before the application is loaded"),
    flag("gevent-early-monkey-patch", "monkey patch before anything is imported"),
    flag("gevent-wait-for-hub", "wait for the hub when a worker stops"),
];

pub(super) const GREENLET: &[Row] = &[flag("greenlet", "greenlets as suspend engine")];

pub(super) const PYPY: &[Row] = &[
    req("pypy-lib", Kind::Str, "PyPy library to load"),
    req("pypy-setup", Kind::Str, "script that sets PyPy up"),
    req("pypy-home", Kind::Str, "home of PyPy"),
    req("pypy-wsgi", Kind::Str, "load a WSGI module with PyPy"),
    req("pypy-wsgi-file", Kind::Str, "load a WSGI file with PyPy"),
    req("pypy-ini-paste", Kind::List, "load a Paste file with PyPy and its server section")
        .on(Flags::IMMEDIATE),
    req("pypy-paste", Kind::Str, "load a Paste configuration with PyPy"),
    req("pypy-eval", Kind::List, "run Python text with PyPy"),
    req("pypy-eval-post-fork", Kind::List, "run Python text with PyPy after fork"),
    req("pypy-exec", Kind::List, "run a Python script with PyPy"),
    req("pypy-exec-post-fork", Kind::List, "run a Python script with PyPy after fork"),
    req("pypy-pp", Kind::List, "add a directory to the module path of PyPy")
        .aliases(&["pypy-python-path", "pypy-pythonpath"]),
];

pub(super) const RBTHREADS: &[Row] =
    &[flag("rbthreads", "allow Ruby threads").aliases(&["rb-threads", "rbthread", "rb-thread"])];

pub(super) const STACKLESS: &[Row] = &[flag("stackless", "Stackless tasklets as suspend engine")];

pub(super) const TORNADO: &[Row] =
    &[req("tornado", Kind::Int, "tornado loop engine with so many cores").on(Flags::THREADS)];

pub(super) const UGREEN: &[Row] = &[
    flag("ugreen", "ugreen coroutines as suspend engine"),
    req("ugreen-stacksize", Kind::Int, "stack of each ugreen coroutine").unit("pages"),
];
