//! Loop engines and the runtimes that live in them.

use crate::row::{Flags, Kind, Row, flag, req};

pub(super) const ASYNCIO: &[Row] = &[req("asyncio", Kind::Int, "?").on(Flags::THREADS)];

pub(super) const COROAE: &[Row] = &[req("coroae", Kind::Int, "?")];

pub(super) const DUMBLOOP: &[Row] = &[
    req("dumbloop-modifier1", Kind::Int, "?"),
    req("dumbloop-code", Kind::Str, "?"),
    req("dumbloop-function", Kind::Str, "?"),
];

pub(super) const FIBER: &[Row] = &[flag("fiber", "?")];

pub(super) const GCCGO: &[Row] = &[
    req("go-load", Kind::List, "?").aliases(&["gccgo-load"]),
    req("go-args", Kind::Str, "?").aliases(&["gccgo-args"]),
    req("goroutines", Kind::Int, "?").on(Flags::THREADS),
];

pub(super) const GEVENT: &[Row] = &[
    req("gevent", Kind::Int, "?").on(Flags::THREADS),
    flag("gevent-monkey-patch", "?"),
    flag("gevent-early-monkey-patch", "?"),
    flag("gevent-wait-for-hub", "?"),
];

pub(super) const GREENLET: &[Row] = &[flag("greenlet", "?")];

pub(super) const PYPY: &[Row] = &[
    req("pypy-lib", Kind::Str, "?"),
    req("pypy-setup", Kind::Str, "?"),
    req("pypy-home", Kind::Str, "?"),
    req("pypy-wsgi", Kind::Str, "?"),
    req("pypy-wsgi-file", Kind::Str, "?"),
    req("pypy-ini-paste", Kind::List, "?").on(Flags::IMMEDIATE),
    req("pypy-paste", Kind::Str, "?"),
    req("pypy-eval", Kind::List, "?"),
    req("pypy-eval-post-fork", Kind::List, "?"),
    req("pypy-exec", Kind::List, "?"),
    req("pypy-exec-post-fork", Kind::List, "?"),
    req("pypy-pp", Kind::List, "?").aliases(&["pypy-python-path", "pypy-pythonpath"]),
];

pub(super) const RBTHREADS: &[Row] =
    &[flag("rbthreads", "?").aliases(&["rb-threads", "rbthread", "rb-thread"])];

pub(super) const STACKLESS: &[Row] = &[flag("stackless", "?")];

pub(super) const TORNADO: &[Row] = &[req("tornado", Kind::Int, "?").on(Flags::THREADS)];

pub(super) const UGREEN: &[Row] =
    &[flag("ugreen", "?"), req("ugreen-stacksize", Kind::Int, "?").unit("bytes")];
