//! Pushers, loggers, and other small plugins.

use crate::row::{Flags, Kind, Row, bare, flag, opt, req};

pub(super) const CARBON: &[Row] = &[
    req("carbon", Kind::List, "?").on(Flags::MASTER),
    req("carbon-timeout", Kind::Int, "?").unit("s"),
    req("carbon-freq", Kind::Int, "?").unit("s").default("60"),
    req("carbon-id", Kind::Str, "?"),
    flag("carbon-no-workers", "?"),
    req("carbon-max-retry", Kind::Int, "?"),
    req("carbon-retry-delay", Kind::Int, "?").unit("s"),
    req("carbon-root", Kind::Str, "?"),
    req("carbon-hostname-dots", Kind::Str, "?"),
    flag("carbon-name-resolve", "?").aliases(&["carbon-resolve-names"]),
    req("carbon-idle-avg", Kind::Str, "?"),
    flag("carbon-use-metrics", "?"),
];

pub(super) const CURL_CRON: &[Row] = &[
    req("curl-cron", Kind::List, "?").aliases(&["cron-curl"]).on(Flags::MASTER),
    req("legion-curl-cron", Kind::List, "?")
        .aliases(&["legion-cron-curl", "curl-cron-legion", "cron-curl-legion"])
        .on(Flags::MASTER),
];

pub(super) const GEOIP: &[Row] = &[
    req("geoip-country", Kind::Str, "?"),
    req("geoip-city", Kind::Str, "?"),
    flag("geoip-use-disk", "?"),
];

pub(super) const LDAP: &[Row] = &[
    req("ldap", Kind::List, "?").on(Flags::IMMEDIATE),
    bare("ldap-schema", Kind::List, "?").on(Flags::IMMEDIATE),
    bare("ldap-schema-ldif", Kind::List, "?").on(Flags::IMMEDIATE),
];

pub(super) const LOGZMQ: &[Row] =
    &[req("log-zeromq", Kind::List, "?").on(Flags::LOG_MASTER).on(Flags::MASTER)];

pub(super) const NAGIOS: &[Row] = &[flag("nagios", "?").on(Flags::NO_INITIAL)];

pub(super) const PING: &[Row] = &[
    req("ping", Kind::Str, "?").on(Flags::NO_INITIAL).on(Flags::NO_SERVER),
    req("ping-timeout", Kind::Int, "?").unit("s"),
];

pub(super) const RRDTOOL: &[Row] = &[
    req("rrdtool", Kind::List, "?").on(Flags::MASTER).on(Flags::METRICS),
    req("rrdtool-freq", Kind::Int, "?").unit("s"),
    req("rrdtool-lib", Kind::Str, "?"),
];

pub(super) const RSYSLOG: &[Row] = &[
    req("rsyslog-packet-size", Kind::Int, "?").unit("bytes"),
    flag("rsyslog-split-messages", "?"),
];

pub(super) const SQLITE3: &[Row] =
    &[req("sqlite3", Kind::List, "?").aliases(&["sqlite"]).on(Flags::IMMEDIATE)];

pub(super) const ZABBIX: &[Row] = &[opt("zabbix-template", Kind::List, "?").on(Flags::METRICS)];
