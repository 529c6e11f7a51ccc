//! Metrics, statistics, and what exposes them.

use crate::row::{Flags, Kind, Row, flag, opt, req};

pub(super) const ROWS: &[Row] = &[
    flag("memory-report", "log the memory of the worker with every request; 2: shares of it, too")
        .short('m')
        .most(2),
    req("profiler", Kind::Str, "run a profiler"),
    flag("enable-metrics", "count and publish metrics").on(Flags::MASTER),
    req("metric", Kind::List, "add a metric: a name or a key-value list")
        .keys(&[
            "name",
            "oid",
            "type",
            "collector",
            "freq",
            "initial_value",
            "reset_after_push",
            "children",
            "alias",
            "arg1",
            "arg2",
            "arg3",
            "arg1n",
            "arg2n",
            "arg3n",
        ])
        .on(Flags::MASTER)
        .on(Flags::METRICS),
    req("metric-threshold", Kind::List, "act when a metric reaches a value")
        .keys(&[
            "key",
            "value",
            "alarm",
            "rate",
            "msg",
            "reset",
            "op",
            "for",
            "clear",
            "clear-msg",
            "recovery",
            "delta",
            "rate-over",
            "per",
            "window",
            "percentile",
            "min",
            "objective",
            "bad",
            "total",
            "limit",
            "burn",
        ])
        .aliases(&["metric-alarm", "alarm-metric"])
        .on(Flags::MASTER)
        .on(Flags::METRICS),
    req("metrics-dir", Kind::Str, "publish each metric as a file of this directory")
        .aliases(&["metric-dir"])
        .on(Flags::MASTER)
        .on(Flags::METRICS),
    flag("metrics-dir-restore", "take initial values from the files of metrics-dir")
        .aliases(&["metric-dir-restore"])
        .on(Flags::MASTER)
        .on(Flags::METRICS),
    flag("metrics-no-cores", "no metrics for single cores").on(Flags::MASTER).on(Flags::METRICS),
    flag("metrics-extended", "list and publish the metrics that uWSGI does not have, too")
        .on(Flags::MASTER)
        .on(Flags::METRICS),
    req("stats", Kind::Address, "serve the statistics as JSON on this address")
        .aliases(&["stats-server"])
        .on(Flags::MASTER),
    flag("stats-http", "put HTTP headers before the statistics").on(Flags::MASTER),
    flag("stats-minified", "statistics without blanks").aliases(&["stats-min"]).on(Flags::MASTER),
    req("stats-push", Kind::List, "push statistics: pusher:arguments")
        .on(Flags::MASTER)
        .on(Flags::METRICS),
    req("otlp", Kind::List, "push metrics to this URL by the protocol of OpenTelemetry")
        .on(Flags::MASTER)
        .on(Flags::METRICS),
    req("stats-pusher-default-freq", Kind::Int, "how often statistics are pushed")
        .aliases(&["stats-pushers-default-freq"])
        .unit("s")
        .default("3")
        .on(Flags::MASTER),
    flag("stats-no-cores", "no cores in the statistics").on(Flags::MASTER),
    flag("stats-no-metrics", "no metrics in the statistics").on(Flags::MASTER),
    opt("snmp", Kind::Str, "answer SNMP, on this address when one is given"),
    req("snmp-community", Kind::List, "answer SNMPv1 and v2c for this community"),
    req(
        "snmp-user",
        Kind::List,
        "answer SNMPv3 for this user: NAME;auth=sha256:PASS;priv=aes:PASS",
    )
    .on(Flags::MASTER),
    req("snmp-engine-file", Kind::Str, "remember the starts of the SNMPv3 engine in this file"),
    req("snmp-allow", Kind::List, "answer SNMP for these addresses and networks only"),
    opt(
        "snmp-agentx",
        Kind::Str,
        "show the numbers through this AgentX master: unix:PATH or HOST:PORT",
    )
    .on(Flags::MASTER),
    flag("snmp-silent", "no SNMP answer about what is not there"),
    flag("snmp-gauge64", "show gauges over SNMP as counters of 64 bits, which they may need"),
    flag(
        "snmp-compat",
        "show numbers over SNMP as uWSGI does: gauges wrap, what is not there is silent",
    ),
    req("metrics-arena", Kind::Str, "keep the arena of numbers in this file, for readers outside"),
    req("metrics-series", Kind::Int, "room for labelled series that applications make")
        .range(0, 262_144)
        .default("8192"),
    flag("stats-no-vars", "no request variables in the statistics"),
    opt("request-metrics", Kind::Flag, "latency histograms and records of requests in flight")
        .default("true"),
    req("prometheus", Kind::Address, "serve Prometheus metrics over HTTP on this address")
        .on(Flags::MASTER)
        .on(Flags::METRICS),
    flag("prometheus-cores", "publish every core to Prometheus"),
    req("ebpf", Kind::List, "load probes into the kernel: all, default, none, or their names")
        .on(Flags::MASTER),
    req(
        "ebpf-pin",
        Kind::Str,
        "show the maps of the probes under this path while the server lives",
    ),
    req("prometheus-path", Kind::Str, "path of the Prometheus metrics").default("/metrics"),
    req("prometheus-stats-uri", Kind::Str, "value of the stats_uri label of Prometheus metrics"),
    req(
        "prometheus-tls",
        Kind::Str,
        "encrypt the Prometheus endpoint: CERTIFICATE,KEY or CERTIFICATE,KEY,CLIENT_CA",
    ),
    req("prometheus-auth", Kind::Str, "who may read: basic:USER:PASSWORD, bearer:TOKEN, or @FILE"),
    req("prometheus-allow", Kind::List, "networks that may read the Prometheus metrics"),
    flag("prometheus-created", "tell since when counters count in OpenMetrics text"),
    flag("prometheus-exact-codes", "requests by code of the response instead of its class"),
    req("prometheus-label-limit", Kind::Int, "label sets that a family of an application shows")
        .range(1, 1_048_576)
        .default("2000"),
    req("metrics-buckets", Kind::Str, "upper bounds of the buckets of durations, seconds"),
];
