//! Other languages and storage handlers.

use crate::row::{Flags, Kind, Row, bare, flag, opt, req};

pub(super) const CGI: &[Row] = &[
    req("cgi", Kind::List, "run CGI scripts: directory, or path=directory"),
    req("cgi-map-helper", Kind::List, "interpreter by suffix: suffix=interpreter")
        .aliases(&["cgi-helper"]),
    flag("cgi-from-docroot", "take CGI scripts from DOCUMENT_ROOT"),
    req("cgi-buffer-size", Kind::U64, "buffer between script and client")
        .default("65536")
        .unit("bytes"),
    req("cgi-timeout", Kind::Int, "longest silence of a script").default("60").unit("s"),
    req("cgi-index", Kind::List, "script of a directory"),
    req("cgi-allowed-ext", Kind::List, "suffix that counts as a script"),
    req("cgi-unset", Kind::List, "variable that scripts do not get"),
    req("cgi-loadlib", Kind::List, "run scripts with a library function: suffix=library:function"),
    flag("cgi-optimize", "start scripts with vfork").aliases(&["cgi-optimized"]),
    flag("cgi-path-info", "no PATH_INFO in scripts"),
    flag("cgi-do-not-kill-on-error", "let a script run on when its client is gone"),
    bare("cgi-async-max-attempts", Kind::Int, "attempts to reap a script in async mode"),
    flag("cgi-close-stdin-on-eof", "close the input of a script after the body"),
    req("cgi-safe", Kind::List, "directory that scripts may be linked to"),
];

pub(super) const ERLANG: &[Row] = &[
    req("erlang", Kind::Str, "take part in a cluster of Erlang under this node name"),
    req("erlang-cookie", Kind::Str, "shared secret of the Erlang cluster"),
];

pub(super) const GLUSTERFS: &[Row] = &[
    req("glusterfs-mount", Kind::List, "serve a GlusterFS volume").on(Flags::MIME),
    req("glusterfs-timeout", Kind::Int, "longest wait for GlusterFS").unit("s"),
];

pub(super) const GRIDFS: &[Row] = &[
    req("gridfs-mount", Kind::List, "serve a GridFS collection").on(Flags::MIME),
    flag("gridfs-debug", "log GridFS details").on(Flags::MIME),
];

pub(super) const JVM: &[Row] = &[
    req("jvm-main-class", Kind::List, "run the main method of this class"),
    req("jvm-opt", Kind::List, "option of the Java machine"),
    req("jvm-class", Kind::List, "load this class"),
    req("jvm-classpath", Kind::List, "add to the class path"),
];

pub(super) const JWSGI: &[Row] = &[req("jwsgi", Kind::Str, "load a JWSGI application")];

pub(super) const LUA: &[Row] = &[
    req("lua", Kind::Str, "load a Lua WSAPI application"),
    req("lua-load", Kind::List, "run a Lua script before the application"),
    bare("lua-shell", Kind::List, "run a Lua shell").aliases(&["luashell"]),
    bare("lua-gc-freq", Kind::Int, "requests between two Lua collections"),
];

pub(super) const MONGREL2: &[Row] =
    &[req("zeromq", Kind::Socket, "listen for mongrel2 requests over ZeroMQ").aliases(&[
        "zmq",
        "zeromq-socket",
        "zmq-socket",
        "mongrel2",
    ])];

pub(super) const MONO: &[Row] = &[
    req("mono-app", Kind::List, "load a Mono application"),
    req("mono-gc-freq", Kind::U64, "requests between two Mono collections"),
    req("mono-key", Kind::List, "variable that names the Mono application"),
    req("mono-version", Kind::Str, "version of the Mono runtime"),
    req("mono-config", Kind::Str, "Mono configuration file"),
    req("mono-assembly", Kind::Str, "load this assembly"),
    req("mono-exec", Kind::List, "run this assembly"),
    req("mono-index", Kind::List, "file of a directory"),
];

pub(super) const NOTFOUND: &[Row] =
    &[flag("notfound-log", "log requests that find no application")];

pub(super) const PAM: &[Row] =
    &[req("pam", Kind::Str, "PAM service of the instance"), req("pam-user", Kind::Str, "PAM user")];

pub(super) const PHP: &[Row] = &[
    req("php-ini", Kind::List, "PHP configuration file").aliases(&["php-config"]),
    req("php-ini-append", Kind::List, "another PHP configuration file")
        .aliases(&["php-config-append"]),
    req("php-set", Kind::List, "set a PHP directive: key=value"),
    req("php-index", Kind::List, "script of a directory"),
    req("php-docroot", Kind::Str, "document root of PHP"),
    req("php-allowed-docroot", Kind::List, "document root that is allowed"),
    req("php-allowed-ext", Kind::List, "suffix that is allowed"),
    req("php-allowed-script", Kind::List, "script that is allowed"),
    req("php-server-software", Kind::Str, "value of SERVER_SOFTWARE"),
    req("php-app", Kind::Str, "script that answers every request"),
    req("php-app-qs", Kind::Str, "query string for php-app"),
    req("php-fallback", Kind::Str, "script used when the wanted one is missing"),
    req("php-app-bypass", Kind::Regexp, "paths that php-app does not answer"),
    req("php-var", Kind::List, "add a variable for PHP: key=value"),
    flag("php-dump-config", "log the PHP configuration"),
    req("php-exec-before", Kind::List, "PHP text run before the script")
        .aliases(&["php-exec-begin"]),
    req("php-exec-after", Kind::List, "PHP text run after the script").aliases(&["php-exec-end"]),
    req("php-sapi-name", Kind::Str, "name of the PHP interface"),
    req("early-php-sapi-name", Kind::Str, "name of the PHP interface for early PHP")
        .on(Flags::IMMEDIATE),
    bare("early-php", Kind::Flag, "start PHP before privileges are dropped").on(Flags::IMMEDIATE),
    req("php-constant", Kind::List, "define a PHP constant: key=value"),
    req("php-fallback-qs", Kind::Str, "query variable with the path for php-fallback"),
    req("php-fallback2", Kind::Str, "second script used when the wanted one is missing"),
];

pub(super) const PSGI: &[Row] = &[
    req("psgi", Kind::Str, "load a PSGI application").aliases(&["psgi-file"]),
    flag("psgi-enable-psgix-io", "offer the connection as psgix.io"),
    flag("perl-no-die-catch", "no backtrace when Perl dies"),
    req("perl-local-lib", Kind::Str, "local library of Perl"),
    bare("perl-version", Kind::Action, "print the Perl version").on(Flags::IMMEDIATE),
    req("perl-args", Kind::Str, "arguments of Perl, separated by blanks"),
    req("perl-arg", Kind::List, "one argument of Perl"),
    req("perl-exec", Kind::List, "run a Perl script before serving"),
    req("perl-exec-post-fork", Kind::List, "run a Perl script after fork"),
    req("perl-auto-reload", Kind::Int, "reload when a Perl module changes, looked for this often")
        .unit("s")
        .on(Flags::MASTER),
    req("perl-auto-reload-ignore", Kind::List, "Perl module that auto reload does not watch")
        .on(Flags::MASTER),
    opt("plshell", Kind::List, "run a Perl shell"),
    bare("plshell-oneshot", Kind::List, "run a Perl shell once"),
    flag("perl-no-plack", "do not use Plack helpers"),
    req("early-perl", Kind::List, "start Perl before privileges are dropped").on(Flags::IMMEDIATE),
    req("early-psgi", Kind::List, "load a PSGI application before privileges are dropped")
        .on(Flags::IMMEDIATE),
    req("early-perl-exec", Kind::List, "run a Perl script before privileges are dropped")
        .on(Flags::IMMEDIATE),
];

pub(super) const PTY: &[Row] = &[
    req("pty-socket", Kind::Address, "share the terminal of the first worker on this address"),
    flag("pty-log", "log the shared terminal"),
    flag("pty-input", "read input from the shared terminal"),
    req("pty-connect", Kind::Address, "connect to a shared terminal").on(Flags::NO_INITIAL),
    req("pty-uconnect", Kind::Address, "connect to a shared terminal over UNIX with credentials")
        .on(Flags::NO_INITIAL),
    flag("pty-no-isig", "leave control characters to the program"),
    req("pty-exec", Kind::Str, "run a program in the shared terminal"),
];

pub(super) const RACK: &[Row] = &[
    req("rails", Kind::Str, "load a Rails application").on(Flags::POST_BUFFERING),
    req("rack", Kind::Str, "load a Rack application").on(Flags::POST_BUFFERING),
    req("ruby-gc-freq", Kind::Int, "requests between two Ruby collections")
        .aliases(&["rb-gc-freq"]),
    req("rb-lib", Kind::List, "add a directory to the Ruby path").aliases(&["ruby-lib"]),
    req("rb-require", Kind::List, "require a Ruby file in each worker").aliases(&[
        "ruby-require",
        "rbrequire",
        "rubyrequire",
        "require",
    ]),
    req("shared-rb-require", Kind::List, "require a Ruby file before fork").aliases(&[
        "shared-ruby-require",
        "shared-rbrequire",
        "shared-rubyrequire",
        "shared-require",
    ]),
    req("gemset", Kind::Str, "use this gem set").aliases(&["rvm"]),
    req("rvm-path", Kind::List, "look for gem sets in this directory"),
    opt("rbshell", Kind::List, "run a Ruby shell"),
    bare("rbshell-oneshot", Kind::List, "run a Ruby shell once"),
];

pub(super) const RADOS: &[Row] = &[
    req("rados-mount", Kind::List, "serve a RADOS pool").on(Flags::MIME),
    req("rados-timeout", Kind::Int, "longest wait for RADOS").unit("s"),
];

pub(super) const RING: &[Row] = &[
    req("ring-load", Kind::List, "load a Clojure script").aliases(&["clojure-load"]),
    req("ring-app", Kind::Str, "load a Ring application"),
];

pub(super) const SYMCALL: &[Row] = &[
    req("symcall", Kind::List, "answer requests with this symbol"),
    flag("symcall-use-next", "look symbols up in the next library"),
    req("symcall-register-rpc", Kind::List, "offer a symbol by RPC: name symbol"),
    req("symcall-post-fork", Kind::List, "call this symbol after fork"),
];

pub(super) const V8: &[Row] = &[
    req("v8-load", Kind::List, "load a JavaScript file"),
    req("v8-preemptive", Kind::Int, "milliseconds between two switches of V8"),
    req("v8-gc-freq", Kind::U64, "requests between two V8 collections"),
    req("v8-module-path", Kind::List, "directory of JavaScript modules"),
    req("v8-jsgi", Kind::Str, "load a JSGI application"),
];

pub(super) const WEBDAV: &[Row] = &[
    req("webdav-mount", Kind::List, "serve a directory by WebDAV").on(Flags::MIME),
    req("webdav-css", Kind::List, "style sheet of directory pages").on(Flags::MIME),
    req("webdav-javascript", Kind::List, "script of directory pages")
        .aliases(&["webdav-js"])
        .on(Flags::MIME),
    req("webdav-class-directory", Kind::Str, "CSS class of directories").on(Flags::MIME),
    req("webdav-div", Kind::Str, "HTML id of the listing").on(Flags::MIME),
    req("webdav-lock-cache", Kind::Str, "cache that holds the locks").on(Flags::MIME),
    req("webdav-principal-base", Kind::Str, "base path of principals").on(Flags::MIME),
    req("webdav-add-option", Kind::List, "add a value to the DAV header").on(Flags::MIME),
    req("webdav-add-prop", Kind::List, "add a property").on(Flags::MIME),
    req("webdav-add-collection-prop", Kind::List, "add a property of directories").on(Flags::MIME),
    req("webdav-add-object-prop", Kind::List, "add a property of files").on(Flags::MIME),
    req("webdav-add-prop-href", Kind::List, "add a link property").on(Flags::MIME),
    req("webdav-add-collection-prop-href", Kind::List, "add a link property of directories")
        .on(Flags::MIME),
    req("webdav-add-object-prop-href", Kind::List, "add a link property of files").on(Flags::MIME),
    req("webdav-add-prop-comp", Kind::List, "add a component property").on(Flags::MIME),
    req("webdav-add-collection-prop-comp", Kind::List, "add a component property of directories")
        .on(Flags::MIME),
    req("webdav-add-object-prop-comp", Kind::List, "add a component property of files")
        .on(Flags::MIME),
    req("webdav-add-rtype-prop", Kind::List, "add a resource type").on(Flags::MIME),
    req("webdav-add-rtype-collection-prop", Kind::List, "add a resource type of directories")
        .on(Flags::MIME),
    req("webdav-add-rtype-object-prop", Kind::List, "add a resource type of files").on(Flags::MIME),
    req("webdav-skip-prop", Kind::List, "leave a property out").on(Flags::MIME),
];

pub(super) const XSLT: &[Row] = &[
    req("xslt-docroot", Kind::List, "directory of XML files"),
    req("xslt-ext", Kind::List, "suffix of style sheets"),
    req("xslt-var", Kind::List, "variable that names the style sheet"),
    req("xslt-stylesheet", Kind::List, "style sheet of all files"),
    req("xslt-content-type", Kind::Str, "content type of results"),
];
