//! Metrics, statistics, and what exposes them.

use crate::row::{Flags, Kind, Row, flag, opt, req};

pub(super) const ROWS: &[Row] = &[
    flag("memory-report", "?").short('m'),
    req("profiler", Kind::Str, "?"),
    flag("enable-metrics", "?").on(Flags::MASTER),
    req("metric", Kind::List, "?").on(Flags::MASTER).on(Flags::METRICS),
    req("metric-threshold", Kind::List, "?")
        .aliases(&["metric-alarm", "alarm-metric"])
        .on(Flags::MASTER)
        .on(Flags::METRICS),
    req("metrics-dir", Kind::Str, "?")
        .aliases(&["metric-dir"])
        .on(Flags::MASTER)
        .on(Flags::METRICS),
    flag("metrics-dir-restore", "?")
        .aliases(&["metric-dir-restore"])
        .on(Flags::MASTER)
        .on(Flags::METRICS),
    flag("metrics-no-cores", "?").on(Flags::MASTER).on(Flags::METRICS),
    req("stats", Kind::Str, "?").aliases(&["stats-server"]).on(Flags::MASTER),
    flag("stats-http", "?").on(Flags::MASTER),
    flag("stats-minified", "?").aliases(&["stats-min"]).on(Flags::MASTER),
    req("stats-push", Kind::List, "?").on(Flags::MASTER).on(Flags::METRICS),
    req("stats-pusher-default-freq", Kind::Int, "?")
        .aliases(&["stats-pushers-default-freq"])
        .unit("s")
        .default("3")
        .on(Flags::MASTER),
    flag("stats-no-cores", "?").on(Flags::MASTER),
    flag("stats-no-metrics", "?").on(Flags::MASTER),
    opt("snmp", Kind::List, "?"),
    req("snmp-community", Kind::List, "?"),
    req("metrics-arena", Kind::Str, "?"),
    flag("stats-no-vars", "?"),
    opt("request-metrics", Kind::Flag, "?").default("true"),
    req("prometheus", Kind::Str, "?").on(Flags::MASTER).on(Flags::METRICS),
    flag("prometheus-cores", "?"),
    flag("ebpf", "?"),
    req("prometheus-path", Kind::Str, "?"),
    req("prometheus-stats-uri", Kind::Str, "?"),
];
