//! Where configuration comes from, configuration logic, one-shot commands, plugins.

use crate::row::{Flags, Kind, Row, bare, flag, opt, req};

pub(super) const ROWS: &[Row] = &[
    req("xmlconfig", Kind::Config, "read an XML configuration")
        .short('x')
        .aliases(&["xml"])
        .on(Flags::IMMEDIATE),
    req("config", Kind::Config, "read a configuration, format by suffix").on(Flags::IMMEDIATE),
    req(
        "fallback-config",
        Kind::Str,
        "execute the server again with this file when it ends with code 1 or 22",
    )
    .on(Flags::IMMEDIATE),
    flag("strict", "refuse keys that are no option").on(Flags::IMMEDIATE),
    flag("skip-zero", "do not check for a descriptor 0"),
    req("set", Kind::Placeholder, "set an option or placeholder: key=value")
        .short('S')
        .on(Flags::IMMEDIATE),
    req("set-placeholder", Kind::Placeholder, "set a placeholder that is no option: key=value")
        .aliases(&["set-ph"])
        .on(Flags::IMMEDIATE),
    req("get", Kind::List, "print the value of an option and end").on(Flags::NO_INITIAL),
    req("declare-option", Kind::Logic, "define a new option from others: name=template")
        .on(Flags::IMMEDIATE),
    req("declare-option2", Kind::Logic, "define a new option from others, applied late"),
    req("resolve", Kind::Logic, "set a placeholder to the address of a host: key=host")
        .on(Flags::IMMEDIATE),
    req("for", Kind::Logic, "repeat the following options for each word").on(Flags::IMMEDIATE),
    req("for-glob", Kind::Logic, "repeat the following options for each matching path")
        .on(Flags::IMMEDIATE),
    req("for-times", Kind::Logic, "repeat the following options this many times")
        .on(Flags::IMMEDIATE),
    req("for-readline", Kind::Logic, "repeat the following options for each line of a file")
        .on(Flags::IMMEDIATE),
    opt("endfor", Kind::Logic, "end a loop").aliases(&["end-for"]).on(Flags::IMMEDIATE),
    req("if-opt", Kind::Logic, "use the following options when an option is set")
        .on(Flags::IMMEDIATE),
    req("if-not-opt", Kind::Logic, "use the following options unless an option is set")
        .on(Flags::IMMEDIATE),
    req("if-env", Kind::Logic, "use the following options when a variable is set")
        .aliases(&["ifenv"])
        .on(Flags::IMMEDIATE),
    req("if-not-env", Kind::Logic, "use the following options unless a variable is set")
        .on(Flags::IMMEDIATE),
    bare("if-reload", Kind::Logic, "use the following options in a reloaded instance")
        .on(Flags::IMMEDIATE),
    bare("if-not-reload", Kind::Logic, "use the following options in a fresh instance")
        .on(Flags::IMMEDIATE),
    req("if-hostname", Kind::Logic, "use the following options on this host").on(Flags::IMMEDIATE),
    req("if-not-hostname", Kind::Logic, "use the following options on other hosts")
        .on(Flags::IMMEDIATE),
    req("if-hostname-match", Kind::Logic, "use the following options on hosts that match")
        .on(Flags::IMMEDIATE),
    req(
        "if-not-hostname-match",
        Kind::Logic,
        "use the following options on hosts that do not match",
    )
    .on(Flags::IMMEDIATE),
    req("if-exists", Kind::Logic, "use the following options when a path is readable")
        .aliases(&["ifexists"])
        .on(Flags::IMMEDIATE),
    req("if-not-exists", Kind::Logic, "use the following options unless a path is readable")
        .on(Flags::IMMEDIATE),
    req("if-plugin", Kind::Logic, "use the following options when a plugin is loaded")
        .aliases(&["ifplugin"])
        .on(Flags::IMMEDIATE),
    req("if-not-plugin", Kind::Logic, "use the following options unless a plugin is loaded")
        .on(Flags::IMMEDIATE),
    req("if-file", Kind::Logic, "use the following options when a path is a file")
        .on(Flags::IMMEDIATE),
    req("if-not-file", Kind::Logic, "use the following options unless a path is a file")
        .on(Flags::IMMEDIATE),
    req("if-dir", Kind::Logic, "use the following options when a path is a directory")
        .aliases(&["ifdir", "if-directory"])
        .on(Flags::IMMEDIATE),
    req("if-not-dir", Kind::Logic, "use the following options unless a path is a directory")
        .on(Flags::IMMEDIATE),
    opt("endif", Kind::Logic, "end a condition").aliases(&["end-if"]).on(Flags::IMMEDIATE),
    req("blacklist", Kind::Logic, "forbid the listed options from here on").on(Flags::IMMEDIATE),
    bare("end-blacklist", Kind::Logic, "end a blacklist").on(Flags::IMMEDIATE),
    req("whitelist", Kind::Logic, "allow only the listed options from here on")
        .on(Flags::IMMEDIATE),
    bare("end-whitelist", Kind::Logic, "end a whitelist").on(Flags::IMMEDIATE),
    req("inherit", Kind::Config, "read a file late, without placeholders"),
    req("include", Kind::Config, "read a file in place").on(Flags::IMMEDIATE),
    req("inject-before", Kind::Logic, "put the content of a file before every later configuration")
        .on(Flags::IMMEDIATE),
    req("inject-after", Kind::Logic, "put the content of a file after every later configuration")
        .on(Flags::IMMEDIATE),
    req("stop", Kind::Action, "stop the instance of this pidfile").on(Flags::IMMEDIATE),
    req("reload", Kind::Action, "reload the instance of this pidfile").on(Flags::IMMEDIATE),
    req("pause", Kind::Action, "pause or resume the instance of this pidfile").on(Flags::IMMEDIATE),
    req("suspend", Kind::Action, "pause or resume the instance of this pidfile")
        .on(Flags::IMMEDIATE),
    req("resume", Kind::Action, "pause or resume the instance of this pidfile")
        .on(Flags::IMMEDIATE),
    req("connect-and-read", Kind::Action, "connect to an address and print what it sends")
        .on(Flags::IMMEDIATE),
    req("extract", Kind::Action, "print the content of a configuration source")
        .on(Flags::IMMEDIATE),
    flag("imperial-monitor-list", "list the ways an Emperor can watch for vassals")
        .aliases(&["imperial-monitors-list"]),
    bare("help", Kind::Action, "show this text")
        .short('h')
        .aliases(&["usage"])
        .on(Flags::IMMEDIATE),
    req("print-sym", Kind::Action, "print the content of a symbol of the binary")
        .aliases(&["print-symbol"])
        .on(Flags::IMMEDIATE),
    req("signal", Kind::Action, "send a numbered signal to an instance: address,number")
        .on(Flags::IMMEDIATE),
    req("flock", Kind::List, "end unless this file can be locked").on(Flags::IMMEDIATE),
    req("flock-wait", Kind::List, "wait until this file can be locked").on(Flags::IMMEDIATE),
    req("flock2", Kind::Str, "end unless this file can be locked, after logging is set up")
        .on(Flags::IMMEDIATE),
    req("flock-wait2", Kind::Str, "wait until this file can be locked, after logging is set up")
        .on(Flags::IMMEDIATE),
    req("ini", Kind::Config, "read an INI configuration").on(Flags::IMMEDIATE),
    req("yaml", Kind::Config, "read a YAML configuration")
        .short('y')
        .aliases(&["yml"])
        .on(Flags::IMMEDIATE),
    req("json", Kind::Config, "read a JSON configuration")
        .short('j')
        .aliases(&["js"])
        .on(Flags::IMMEDIATE),
    flag("no-server", "prepare everything, then end instead of serving"),
    flag("command-mode", "run as one worker without sockets and end when done")
        .on(Flags::IMMEDIATE),
    req("binary-path", Kind::Str, "binary to execute at a reload"),
    req("privileged-binary-patch", Kind::Str, "execute another binary before dropping privileges"),
    req("unprivileged-binary-patch", Kind::Str, "execute another binary after dropping privileges"),
    req(
        "privileged-binary-patch-arg",
        Kind::Str,
        "execute a command line before dropping privileges",
    ),
    req(
        "unprivileged-binary-patch-arg",
        Kind::Str,
        "execute a command line after dropping privileges",
    ),
    flag("logger-list", "list the loggers").aliases(&["loggers-list"]),
    flag("alarm-list", "list the kinds of alarm").aliases(&["alarms-list"]),
    flag("cheaper-algo-list", "list the cheaper algorithms")
        .aliases(&["cheaper-algos-list", "cheaper-list"]),
    flag("router-list", "list the internal routing actions").aliases(&["routers-list"]),
    flag("clock-list", "list the clock sources").aliases(&["clocks-list"]),
    req("mode", Kind::Str, "name that XML elements can ask for"),
    req("env", Kind::Env, "set an environment variable: NAME=value"),
    req("ienv", Kind::Env, "set an environment variable while reading the configuration")
        .on(Flags::IMMEDIATE),
    req("envdir", Kind::List, "read environment variables from the files of a directory"),
    req(
        "early-envdir",
        Kind::List,
        "read environment variables from a directory before placeholders are replaced",
    )
    .on(Flags::IMMEDIATE),
    req("unenv", Kind::List, "remove an environment variable"),
    req("file-write", Kind::List, "write a value into a file at start: file=value"),
    flag("loop-list", "list the loop engines").aliases(&["loops-list"]),
    req("plugins", Kind::Plugins, "load plugins, comma list")
        .aliases(&["plugin"])
        .on(Flags::IMMEDIATE),
    req("need-plugins", Kind::Plugins, "load plugins, end when one is missing")
        .aliases(&["need-plugin"])
        .on(Flags::IMMEDIATE),
    req("plugins-dir", Kind::List, "look for plugins in this directory")
        .aliases(&["plugin-dir"])
        .on(Flags::IMMEDIATE),
    flag("plugins-list", "list the loaded plugins").aliases(&["plugin-list"]),
    flag("autoload", "look for a plugin that knows an unknown option").on(Flags::IMMEDIATE),
    req("dlopen", Kind::List, "load a shared library").on(Flags::IMMEDIATE),
    bare("dump-options", Kind::Action, "list all option names"),
    flag("show-config", "print the configuration as an INI file and go on"),
    req(
        "binary-append-data",
        Kind::Action,
        "print a source in the form that can be appended to the binary",
    )
    .on(Flags::IMMEDIATE),
    req("print", Kind::List, "print a text when the configuration is applied"),
    req("iprint", Kind::List, "print a text at once").on(Flags::IMMEDIATE),
    opt("exit", Kind::Action, "end at once with this code").on(Flags::IMMEDIATE),
    bare("cflags", Kind::Action, "print the compiler flags").on(Flags::IMMEDIATE),
    bare("dot-h", Kind::Action, "print the plugin interface").on(Flags::IMMEDIATE),
    bare("config-py", Kind::Action, "print the build script").on(Flags::IMMEDIATE),
    req("build-plugin", Kind::Action, "build a plugin for this binary").on(Flags::IMMEDIATE),
    bare("version", Kind::Action, "print the version"),
    bare("else", Kind::Logic, "use the following options when the last condition failed")
        .on(Flags::IMMEDIATE),
    bare("check", Kind::Action, "read and judge the configuration as a start would, and end")
        .aliases(&["check-config"])
        .on(Flags::IMMEDIATE),
    req("check-format", Kind::Str, "form of the answer of check; --json next to --check is short")
        .words(&["text", "json"])
        .default("text")
        .on(Flags::IMMEDIATE),
    bare("option-status", Kind::Action, "count and list the options that this build acts on"),
    flag("show-config-origin", "print where each option was written in show-config"),
    req("explain", Kind::Action, "print all that is known about an option, comma list"),
    bare("json-schema", Kind::Action, "print the JSON Schema of a YAML or JSON configuration"),
    req("completion", Kind::Action, "print the completion of the command line for a shell")
        .words(&["bash", "zsh", "fish"]),
    bare("build-info", Kind::Action, "print what this build consists of"),
    req("cheaper-replay", Kind::Action, "print what each algorithm had made of a recorded load"),
    bare(
        "ebpf-check",
        Kind::Action,
        "try all probes in the kernel and print what works, and why not",
    ),
];
