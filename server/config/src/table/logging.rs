//! Logs, log formats and alarms.

use crate::row::{Flags, Kind, Row, bare, flag, opt, req};

pub(super) const ROWS: &[Row] = &[
    req("backtrace-depth", Kind::Int, "?"),
    req("daemonize", Kind::Str, "?").short('d'),
    req("daemonize2", Kind::Str, "?"),
    bare("disable-logging", Kind::InverseFlag, "?").short('L'),
    req("logto", Kind::Str, "?"),
    req("logto2", Kind::Str, "?"),
    req("log-format", Kind::Str, "?").aliases(&["logformat"]),
    flag("logformat-strftime", "?").aliases(&["log-format-strftime"]),
    flag("logfile-chown", "?"),
    req("logfile-chmod", Kind::Chmod, "?"),
    opt("log-syslog", Kind::List, "?").on(Flags::LOG_MASTER).on(Flags::MASTER),
    req("req-logger", Kind::List, "?")
        .aliases(&["logger-req"])
        .on(Flags::LOG_MASTER)
        .on(Flags::MASTER)
        .on(Flags::REQ_LOG_MASTER),
    req("logger", Kind::List, "?").on(Flags::LOG_MASTER).on(Flags::MASTER),
    flag("threaded-logger", "?").on(Flags::LOG_MASTER).on(Flags::MASTER),
    req("log-encoder", Kind::List, "?").on(Flags::LOG_MASTER).on(Flags::MASTER),
    req("log-req-encoder", Kind::List, "?").on(Flags::LOG_MASTER).on(Flags::MASTER),
    req("log-drain", Kind::Regexp, "?").on(Flags::LOG_MASTER).on(Flags::MASTER),
    req("log-filter", Kind::Regexp, "?").on(Flags::LOG_MASTER).on(Flags::MASTER),
    req("log-route", Kind::NamedRegexp, "?").on(Flags::LOG_MASTER).on(Flags::MASTER),
    req("log-req-route", Kind::NamedRegexp, "?")
        .on(Flags::LOG_MASTER)
        .on(Flags::MASTER)
        .on(Flags::REQ_LOG_MASTER),
    flag("use-abort", "?"),
    req("alarm", Kind::List, "?").on(Flags::MASTER),
    req("alarm-cheap", Kind::Flag, "?"),
    req("alarm-freq", Kind::Int, "?").unit("s").default("3"),
    req("alarm-fd", Kind::List, "?").on(Flags::MASTER),
    req("alarm-segfault", Kind::List, "?").aliases(&["segfault-alarm"]).on(Flags::MASTER),
    req("alarm-backlog", Kind::List, "?")
        .aliases(&[
            "backlog-alarm",
            "lq-alarm",
            "alarm-lq",
            "alarm-listen-queue",
            "listen-queue-alarm",
        ])
        .on(Flags::MASTER),
    req("log-alarm", Kind::List, "?")
        .aliases(&["alarm-log"])
        .on(Flags::LOG_MASTER)
        .on(Flags::MASTER),
    req("not-log-alarm", Kind::List, "?")
        .aliases(&["not-alarm-log"])
        .on(Flags::LOG_MASTER)
        .on(Flags::MASTER),
    req("alarm-msg-size", Kind::U64, "?").unit("bytes").default("8192"),
    flag("log-master", "?").on(Flags::LOG_MASTER).on(Flags::MASTER),
    req("log-master-bufsize", Kind::U64, "?").unit("bytes"),
    flag("log-master-stream", "?"),
    flag("log-master-req-stream", "?"),
    flag("log-reopen", "?"),
    flag("log-truncate", "?"),
    req("log-maxsize", Kind::U64, "?").unit("bytes").on(Flags::LOG_MASTER).on(Flags::MASTER),
    req("log-backupname", Kind::Str, "?"),
    opt("logdate", Kind::Str, "?").aliases(&["log-date", "log-prefix"]),
    flag("log-zero", "?"),
    req("log-slow", Kind::Int, "?").unit("ms"),
    flag("log-4xx", "?"),
    flag("log-5xx", "?"),
    req("log-big", Kind::U64, "?").unit("bytes"),
    req("log-sendfile", Kind::Flag, "?"),
    req("log-ioerror", Kind::Flag, "?"),
    flag("log-micros", "?"),
    flag("log-x-forwarded-for", "?"),
    req("worker-log-encoder", Kind::List, "?"),
    req("worker-log-req-encoder", Kind::List, "?"),
    req("worker-logger", Kind::List, "?"),
    req("worker-logger-req", Kind::List, "?"),
];
