//! Other languages and storage handlers.

use crate::row::{Flags, Kind, Row, bare, flag, opt, req};

pub(super) const CGI: &[Row] = &[
    req("cgi", Kind::List, "?"),
    req("cgi-map-helper", Kind::List, "?").aliases(&["cgi-helper"]),
    flag("cgi-from-docroot", "?"),
    req("cgi-buffer-size", Kind::U64, "?").unit("bytes"),
    req("cgi-timeout", Kind::Int, "?").unit("s"),
    req("cgi-index", Kind::List, "?"),
    req("cgi-allowed-ext", Kind::List, "?"),
    req("cgi-unset", Kind::List, "?"),
    req("cgi-loadlib", Kind::List, "?"),
    flag("cgi-optimize", "?").aliases(&["cgi-optimized"]),
    flag("cgi-path-info", "?"),
    flag("cgi-do-not-kill-on-error", "?"),
    bare("cgi-async-max-attempts", Kind::Int, "?"),
    flag("cgi-close-stdin-on-eof", "?"),
    req("cgi-safe", Kind::List, "?"),
];

pub(super) const GLUSTERFS: &[Row] = &[
    req("glusterfs-mount", Kind::List, "?").on(Flags::MIME),
    req("glusterfs-timeout", Kind::Int, "?").unit("s"),
];

pub(super) const GRIDFS: &[Row] = &[
    req("gridfs-mount", Kind::List, "?").on(Flags::MIME),
    flag("gridfs-debug", "?").on(Flags::MIME),
];

pub(super) const JVM: &[Row] = &[
    req("jvm-main-class", Kind::List, "?"),
    req("jvm-opt", Kind::List, "?"),
    req("jvm-class", Kind::List, "?"),
    req("jvm-classpath", Kind::List, "?"),
];

pub(super) const JWSGI: &[Row] = &[req("jwsgi", Kind::Str, "?")];

pub(super) const LUA: &[Row] = &[
    req("lua", Kind::Str, "?"),
    req("lua-load", Kind::List, "?"),
    bare("lua-shell", Kind::List, "?").aliases(&["luashell"]),
    bare("lua-gc-freq", Kind::Int, "?"),
];

pub(super) const MONGREL2: &[Row] = &[req("zeromq", Kind::Socket, "?").aliases(&[
    "zmq",
    "zeromq-socket",
    "zmq-socket",
    "mongrel2",
])];

pub(super) const MONO: &[Row] = &[
    req("mono-app", Kind::List, "?"),
    req("mono-gc-freq", Kind::U64, "?"),
    req("mono-key", Kind::List, "?"),
    req("mono-version", Kind::Str, "?"),
    req("mono-config", Kind::Str, "?"),
    req("mono-assembly", Kind::Str, "?"),
    req("mono-exec", Kind::List, "?"),
    req("mono-index", Kind::List, "?"),
];

pub(super) const NOTFOUND: &[Row] = &[flag("notfound-log", "?")];

pub(super) const PAM: &[Row] = &[req("pam", Kind::Str, "?"), req("pam-user", Kind::Str, "?")];

pub(super) const PHP: &[Row] = &[
    req("php-ini", Kind::List, "?").aliases(&["php-config"]),
    req("php-ini-append", Kind::List, "?").aliases(&["php-config-append"]),
    req("php-set", Kind::List, "?"),
    req("php-index", Kind::List, "?"),
    req("php-docroot", Kind::Str, "?"),
    req("php-allowed-docroot", Kind::List, "?"),
    req("php-allowed-ext", Kind::List, "?"),
    req("php-allowed-script", Kind::List, "?"),
    req("php-server-software", Kind::Str, "?"),
    req("php-app", Kind::Str, "?"),
    req("php-app-qs", Kind::Str, "?"),
    req("php-fallback", Kind::Str, "?"),
    req("php-app-bypass", Kind::Regexp, "?"),
    req("php-var", Kind::List, "?"),
    flag("php-dump-config", "?"),
    req("php-exec-before", Kind::List, "?").aliases(&["php-exec-begin"]),
    req("php-exec-after", Kind::List, "?").aliases(&["php-exec-end"]),
    req("php-sapi-name", Kind::Str, "?"),
    req("early-php-sapi-name", Kind::Str, "?").on(Flags::IMMEDIATE),
    bare("early-php", Kind::List, "?").on(Flags::IMMEDIATE),
    req("php-constant", Kind::List, "?"),
    req("php-fallback-qs", Kind::Str, "?"),
    req("php-fallback2", Kind::Str, "?"),
];

pub(super) const PSGI: &[Row] = &[
    req("psgi", Kind::Str, "?"),
    flag("psgi-enable-psgix-io", "?"),
    flag("perl-no-die-catch", "?"),
    req("perl-local-lib", Kind::Str, "?"),
    bare("perl-version", Kind::List, "?").on(Flags::IMMEDIATE),
    req("perl-args", Kind::Str, "?"),
    req("perl-arg", Kind::List, "?"),
    req("perl-exec", Kind::List, "?"),
    req("perl-exec-post-fork", Kind::List, "?"),
    req("perl-auto-reload", Kind::Int, "?").on(Flags::MASTER),
    req("perl-auto-reload-ignore", Kind::List, "?").on(Flags::MASTER),
    opt("plshell", Kind::List, "?"),
    bare("plshell-oneshot", Kind::List, "?"),
    flag("perl-no-plack", "?"),
    req("early-perl", Kind::List, "?").on(Flags::IMMEDIATE),
    req("early-psgi", Kind::List, "?").on(Flags::IMMEDIATE),
    req("early-perl-exec", Kind::List, "?").on(Flags::IMMEDIATE),
];

pub(super) const PTY: &[Row] = &[
    req("pty-socket", Kind::Str, "?"),
    flag("pty-log", "?"),
    flag("pty-input", "?"),
    req("pty-connect", Kind::Str, "?").on(Flags::NO_INITIAL),
    req("pty-uconnect", Kind::Str, "?").on(Flags::NO_INITIAL),
    flag("pty-no-isig", "?"),
    req("pty-exec", Kind::Str, "?"),
];

pub(super) const RACK: &[Row] = &[
    req("rails", Kind::Str, "?").on(Flags::POST_BUFFERING),
    req("rack", Kind::Str, "?").on(Flags::POST_BUFFERING),
    req("ruby-gc-freq", Kind::Int, "?").aliases(&["rb-gc-freq"]),
    req("rb-lib", Kind::List, "?").aliases(&["ruby-lib"]),
    req("rb-require", Kind::List, "?").aliases(&[
        "ruby-require",
        "rbrequire",
        "rubyrequire",
        "require",
    ]),
    req("shared-rb-require", Kind::List, "?").aliases(&[
        "shared-ruby-require",
        "shared-rbrequire",
        "shared-rubyrequire",
        "shared-require",
    ]),
    req("gemset", Kind::Str, "?").aliases(&["rvm"]),
    req("rvm-path", Kind::List, "?"),
    opt("rbshell", Kind::List, "?"),
    bare("rbshell-oneshot", Kind::List, "?"),
];

pub(super) const RADOS: &[Row] = &[
    req("rados-mount", Kind::List, "?").on(Flags::MIME),
    req("rados-timeout", Kind::Int, "?").unit("s"),
];

pub(super) const RING: &[Row] = &[
    req("ring-load", Kind::List, "?").aliases(&["clojure-load"]),
    req("ring-app", Kind::Str, "?"),
];

pub(super) const SYMCALL: &[Row] = &[
    req("symcall", Kind::List, "?"),
    flag("symcall-use-next", "?"),
    req("symcall-register-rpc", Kind::List, "?"),
    req("symcall-post-fork", Kind::List, "?"),
];

pub(super) const V8: &[Row] = &[
    req("v8-load", Kind::List, "?"),
    req("v8-preemptive", Kind::Int, "?"),
    req("v8-gc-freq", Kind::U64, "?"),
    req("v8-module-path", Kind::List, "?"),
    req("v8-jsgi", Kind::Str, "?"),
];

pub(super) const WEBDAV: &[Row] = &[
    req("webdav-mount", Kind::List, "?").on(Flags::MIME),
    req("webdav-css", Kind::List, "?").on(Flags::MIME),
    req("webdav-javascript", Kind::List, "?").aliases(&["webdav-js"]).on(Flags::MIME),
    req("webdav-class-directory", Kind::Str, "?").on(Flags::MIME),
    req("webdav-div", Kind::Str, "?").on(Flags::MIME),
    req("webdav-lock-cache", Kind::Str, "?").on(Flags::MIME),
    req("webdav-principal-base", Kind::Str, "?").on(Flags::MIME),
    req("webdav-add-option", Kind::List, "?").on(Flags::MIME),
    req("webdav-add-prop", Kind::List, "?").on(Flags::MIME),
    req("webdav-add-collection-prop", Kind::List, "?").on(Flags::MIME),
    req("webdav-add-object-prop", Kind::List, "?").on(Flags::MIME),
    req("webdav-add-prop-href", Kind::List, "?").on(Flags::MIME),
    req("webdav-add-collection-prop-href", Kind::List, "?").on(Flags::MIME),
    req("webdav-add-object-prop-href", Kind::List, "?").on(Flags::MIME),
    req("webdav-add-prop-comp", Kind::List, "?").on(Flags::MIME),
    req("webdav-add-collection-prop-comp", Kind::List, "?").on(Flags::MIME),
    req("webdav-add-object-prop-comp", Kind::List, "?").on(Flags::MIME),
    req("webdav-add-rtype-prop", Kind::List, "?").on(Flags::MIME),
    req("webdav-add-rtype-collection-prop", Kind::List, "?").on(Flags::MIME),
    req("webdav-add-rtype-object-prop", Kind::List, "?").on(Flags::MIME),
    req("webdav-skip-prop", Kind::List, "?").on(Flags::MIME),
];

pub(super) const XSLT: &[Row] = &[
    req("xslt-docroot", Kind::List, "?"),
    req("xslt-ext", Kind::List, "?"),
    req("xslt-var", Kind::List, "?"),
    req("xslt-stylesheet", Kind::List, "?"),
    req("xslt-content-type", Kind::Str, "?"),
];
