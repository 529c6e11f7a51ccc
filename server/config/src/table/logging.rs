//! Logs, log formats and alarms.

use crate::row::{Flags, Kind, Row, bare, flag, opt, req};

pub(super) const ROWS: &[Row] = &[
    req("backtrace-depth", Kind::Int, "frames of a backtrace"),
    req("daemonize", Kind::Str, "go to the background and log to this file").short('d'),
    req("daemonize2", Kind::Str, "go to the background after the applications are loaded"),
    bare("disable-logging", Kind::InverseFlag, "do not log requests").short('L'),
    req("logto", Kind::Str, "log to this file or UDP address"),
    req("logto2", Kind::Str, "log to this file, opened after dropping privileges"),
    req("log-format", Kind::Str, "format of request lines").aliases(&["logformat"]),
    flag("logformat-strftime", "expand time codes in the log format")
        .aliases(&["log-format-strftime"]),
    flag("log-escape", "escape quotes and control bytes of what clients sent in request lines"),
    flag("request-id", "give each request an id, for the log and as REQUEST_ID"),
    flag("request-id-trust", "keep the id that a request brings along as X-Request-ID"),
    req("request-id-header", Kind::Str, "tell the id of a request in this header of its response"),
    flag("log-json", "write each line of the server and of requests as a JSON object"),
    flag("logfile-chown", "give log files to the final user"),
    req("logfile-chmod", Kind::Chmod, "mode of log files"),
    opt("log-syslog", Kind::List, "log to syslog, with this name")
        .on(Flags::LOG_MASTER)
        .on(Flags::MASTER),
    req("req-logger", Kind::List, "send request lines to this logger")
        .aliases(&["logger-req"])
        .on(Flags::LOG_MASTER)
        .on(Flags::MASTER)
        .on(Flags::REQ_LOG_MASTER),
    req("logger", Kind::List, "send the log to this logger")
        .on(Flags::LOG_MASTER)
        .on(Flags::MASTER),
    flag("threaded-logger", "write the log in a thread of the master")
        .on(Flags::LOG_MASTER)
        .on(Flags::MASTER),
    req("log-encoder", Kind::List, "change log lines with this encoder")
        .on(Flags::LOG_MASTER)
        .on(Flags::MASTER),
    req("log-req-encoder", Kind::List, "change request lines with this encoder")
        .on(Flags::LOG_MASTER)
        .on(Flags::MASTER),
    req("log-drain", Kind::Regexp, "drop log lines that match")
        .on(Flags::LOG_MASTER)
        .on(Flags::MASTER),
    req("log-filter", Kind::Regexp, "keep only log lines that match")
        .on(Flags::LOG_MASTER)
        .on(Flags::MASTER),
    req("log-route", Kind::NamedRegexp, "send matching log lines to a named logger")
        .on(Flags::LOG_MASTER)
        .on(Flags::MASTER),
    req("log-req-route", Kind::NamedRegexp, "send matching request lines to a named logger")
        .on(Flags::LOG_MASTER)
        .on(Flags::MASTER)
        .on(Flags::REQ_LOG_MASTER),
    flag("use-abort", "abort with a core file on a crash"),
    req("alarm", Kind::List, "define an alarm: name kind:argument").on(Flags::MASTER),
    req("alarm-cheap", Kind::Flag, "run alarms without a thread of their own"),
    req("alarm-freq", Kind::Int, "least time between two equal alarms").unit("s").default("3"),
    req("alarm-fd", Kind::List, "raise an alarm when a descriptor is readable").on(Flags::MASTER),
    req("alarm-segfault", Kind::List, "raise an alarm when a process crashes")
        .aliases(&["segfault-alarm"])
        .on(Flags::MASTER),
    req("alarm-backlog", Kind::List, "raise an alarm when the listen queue is full")
        .aliases(&[
            "backlog-alarm",
            "lq-alarm",
            "alarm-lq",
            "alarm-listen-queue",
            "listen-queue-alarm",
        ])
        .on(Flags::MASTER),
    req("log-alarm", Kind::List, "raise an alarm when a log line matches")
        .aliases(&["alarm-log"])
        .on(Flags::LOG_MASTER)
        .on(Flags::MASTER),
    req("not-log-alarm", Kind::List, "lines that never raise a log alarm")
        .aliases(&["not-alarm-log"])
        .on(Flags::LOG_MASTER)
        .on(Flags::MASTER),
    req("alarm-rate", Kind::Int, "most runs of one alarm in a second; 0 is no limit")
        .default("100"),
    req("alarm-msg-size", Kind::U64, "longest text of an alarm").unit("bytes").default("8192"),
    flag("log-master", "let the master write the log of all processes")
        .on(Flags::LOG_MASTER)
        .on(Flags::MASTER),
    req("log-master-bufsize", Kind::U64, "longest line of the master log")
        .default("8192")
        .unit("bytes"),
    flag("log-master-stream", "use a stream socket towards the master log"),
    flag("log-master-req-stream", "use a stream socket towards the master request log"),
    req(
        "log-ring",
        Kind::U64,
        "room of each worker for request lines on their way to the master log",
    )
    .default("262144")
    .range(16_384, 2_097_152)
    .unit("bytes"),
    req("log-ring-wait", Kind::U64, "longest wait of a worker for room in it; then a line is lost")
        .default("500")
        .range(0, 60_000)
        .unit("ms"),
    flag("log-reopen", "open log files again at a reload"),
    flag("log-truncate", "empty log files at start"),
    req("log-maxsize", Kind::U64, "rotate the log when it grows beyond this")
        .default("0")
        .unit("bytes")
        .on(Flags::LOG_MASTER)
        .on(Flags::MASTER),
    req("log-backupname", Kind::Str, "name of the rotated log"),
    opt("logdate", Kind::Str, "start log lines with date and time, or with this time format")
        .aliases(&["log-date", "log-prefix"]),
    flag("log-zero", "log requests with an empty response, even when logging is off"),
    req(
        "log-slow",
        Kind::Int,
        "log requests slower than this many milliseconds, even when logging is off",
    )
    .default("0")
    .unit("ms"),
    flag("log-4xx", "log requests answered with 4xx, even when logging is off"),
    flag("log-5xx", "log requests answered with 5xx, even when logging is off"),
    req(
        "log-big",
        Kind::U64,
        "log requests with a response larger than this, even when logging is off",
    )
    .default("0")
    .unit("bytes"),
    req("log-sendfile", Kind::Flag, "log requests served by sendfile, even when logging is off"),
    req("log-ioerror", Kind::Flag, "log requests with an I/O error, even when logging is off"),
    flag("log-micros", "log times in microseconds"),
    flag("log-x-forwarded-for", "log the address of X-Forwarded-For"),
    req("worker-log-encoder", Kind::List, "change log lines in the worker"),
    req("worker-log-req-encoder", Kind::List, "change request lines in the worker"),
    req("worker-logger", Kind::List, "send the log to this logger from the worker"),
    req("worker-logger-req", Kind::List, "send request lines to this logger from the worker"),
];
