//! Pushers, loggers, and other small plugins.

use crate::row::{Flags, Kind, Row, bare, flag, opt, req};

pub(super) const CARBON: &[Row] = &[
    req("carbon", Kind::Address, "push metrics to this carbon server").on(Flags::MASTER),
    req("carbon-timeout", Kind::Int, "longest wait for carbon").default("3").unit("s"),
    req("carbon-freq", Kind::Int, "how often metrics are pushed to carbon").unit("s").default("60"),
    req("carbon-id", Kind::Str, "name of this instance in carbon"),
    flag("carbon-no-workers", "no metrics of single workers in carbon"),
    req("carbon-max-retry", Kind::Int, "attempts per carbon server"),
    req("carbon-retry-delay", Kind::Int, "pause between two attempts").default("7").unit("s"),
    req("carbon-root", Kind::Str, "prefix of carbon names").default("uwsgi"),
    req("carbon-hostname-dots", Kind::Str, "text in place of dots in the host name"),
    flag("carbon-name-resolve", "allow host names of carbon servers")
        .aliases(&["carbon-resolve-names"]),
    req(
        "carbon-idle-avg",
        Kind::Str,
        "average response time of an idle worker: last, zero or none",
    )
    .default("last")
    .words(&["last", "zero", "none"]),
    flag("carbon-use-metrics", "push the metrics subsystem instead of the fixed set"),
    req("carbon-proto", Kind::Str, "what carbon servers are sent: lines of text, or pickles")
        .default("plain")
        .words(&["plain", "pickle"]),
    flag("carbon-tags", "name host, instance and numbers of workers as tags of Graphite 1.1"),
    flag("carbon-sanitize", "no slashes and colons in carbon names, which make directories"),
    flag("carbon-extended", "add respawns, exceptions and busy workers to the fixed set"),
];

pub(super) const CURL_CRON: &[Row] = &[
    req("curl-cron", Kind::Cron, "request a URL at given times")
        .aliases(&["cron-curl"])
        .on(Flags::MASTER),
    req("legion-curl-cron", Kind::Cron, "request a URL at given times when this node is lord")
        .aliases(&["legion-cron-curl", "curl-cron-legion", "cron-curl-legion"])
        .on(Flags::MASTER),
];

pub(super) const GEOIP: &[Row] = &[
    req("geoip-country", Kind::Str, "GeoIP database of countries"),
    req("geoip-city", Kind::Str, "GeoIP database of cities"),
    flag("geoip-use-disk", "read the database from disk"),
];

pub(super) const LDAP: &[Row] = &[
    req("ldap", Kind::List, "read the configuration from LDAP").on(Flags::IMMEDIATE),
    bare("ldap-schema", Kind::Action, "print the LDAP schema").on(Flags::IMMEDIATE),
    bare("ldap-schema-ldif", Kind::Action, "print the LDAP schema as LDIF").on(Flags::IMMEDIATE),
];

pub(super) const LOGZMQ: &[Row] =
    &[req("log-zeromq", Kind::List, "send the log to this ZeroMQ address")
        .on(Flags::LOG_MASTER)
        .on(Flags::MASTER)];

pub(super) const NAGIOS: &[Row] = &[
    flag("nagios", "answer as a Nagios check").on(Flags::NO_INITIAL),
    flag("nagios-perfdata", "put numbers of the stats behind the line of a Nagios check"),
    req("nagios-warn", Kind::List, "warn when this number of the stats is above its bound"),
    req("nagios-crit", Kind::List, "be critical when this number of the stats is above its bound"),
];

pub(super) const PING: &[Row] = &[
    req("ping", Kind::Address, "ping an instance and end")
        .on(Flags::NO_INITIAL)
        .on(Flags::NO_SERVER),
    req("ping-timeout", Kind::Int, "longest wait for the ping").unit("s"),
];

pub(super) const RRDTOOL: &[Row] = &[
    req("rrdtool", Kind::List, "keep RRD files in this directory, or behind this rrdcached")
        .on(Flags::MASTER)
        .on(Flags::METRICS),
    req("rrdtool-freq", Kind::Int, "how often RRD files are written").default("300").unit("s"),
    req("rrdtool-lib", Kind::Str, "RRD library, which is not needed: a line of the log says so")
        .default("librrd.so"),
    req("rrdtool-rra", Kind::List, "archive of new RRD files, as RRA:CF:XFF:STEPS:ROWS"),
];

pub(super) const RSYSLOG: &[Row] = &[
    req("rsyslog-packet-size", Kind::Int, "largest packet to rsyslog")
        .default("1024")
        .unit("bytes"),
    flag("rsyslog-split-messages", "split long lines for rsyslog"),
];

pub(super) const STATSD: &[Row] = &[
    flag("statsd-no-workers", "push no metrics of single workers to statsd"),
    flag("statsd-all-gauges", "push every metric to statsd as a gauge"),
    flag("statsd-delta", "push counters to statsd as what they gained since the last push"),
    req("statsd-mtu", Kind::Int, "several metrics in a datagram to statsd, up to this size")
        .range(0, 65_507)
        .unit("bytes")
        .default("0"),
    req(
        "statsd-tags",
        Kind::Str,
        "take the numbers out of names and push them as tags, in this form",
    )
    .words(&["dogstatsd", "influx", "graphite", "signalfx"]),
    req("statsd-timers", Kind::Str, "push times of requests to statsd, as values of this type")
        .words(&["ms", "h", "d"]),
    req("statsd-timers-max", Kind::Int, "most values of each kind of time in a push to statsd")
        .range(1, 100_000)
        .default("200"),
    req("statsd-sample-rate", Kind::Str, "share of the times of requests that is pushed to statsd")
        .default("1"),
];

pub(super) const DOGSTATSD: &[Row] = &[
    flag("dogstatsd-no-workers", "push no metrics of single workers to dogstatsd"),
    flag("dogstatsd-all-gauges", "push every metric to dogstatsd as a gauge"),
    req("dogstatsd-extra-tags", Kind::Str, "tags of every metric: key:value,tag"),
    req("dogstatsd-whitelist-metric", Kind::List, "push only this metric to dogstatsd"),
    flag("dogstatsd-delta", "push counters to dogstatsd as what they gained since the last push"),
    req("dogstatsd-mtu", Kind::Int, "several metrics in a datagram to dogstatsd, up to this size")
        .range(0, 65_507)
        .unit("bytes")
        .default("0"),
    req(
        "dogstatsd-timers",
        Kind::Str,
        "push times of requests to dogstatsd, as values of this type",
    )
    .words(&["ms", "h", "d"]),
    req(
        "dogstatsd-timers-max",
        Kind::Int,
        "most values of each kind of time in a push to dogstatsd",
    )
    .range(1, 100_000)
    .default("200"),
    req(
        "dogstatsd-sample-rate",
        Kind::Str,
        "share of the times of requests that is pushed to dogstatsd",
    )
    .default("1"),
    req("dogstatsd-container-id", Kind::Str, "container that metrics belong to; auto finds it"),
    flag("dogstatsd-timestamps", "push the time of reading with counters and gauges"),
];

pub(super) const SQLITE3: &[Row] =
    &[req("sqlite3", Kind::List, "read the configuration from an SQLite database")
        .aliases(&["sqlite"])
        .on(Flags::IMMEDIATE)];

pub(super) const ZABBIX: &[Row] = &[
    opt("zabbix-template", Kind::Str, "print a Zabbix template of the metrics").on(Flags::METRICS),
    req("zabbix-template-format", Kind::Str, "form of that template: 2.0, 2.1, 6.0 or 7.0")
        .default("2.0"),
    req("zabbix-template-prefix", Kind::Str, "prefix of the keys in that template"),
];
