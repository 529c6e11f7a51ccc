//! Names this project adds to the options of uWSGI: new options, and spellings that only its
//! documentation knows, which people therefore write.
//!
//! They never take part in abbreviations that the older names decide alone, so that a script
//! with `--show-conf` keeps its meaning.

/// The names, in byte order, because they are searched by halving.
pub(super) const OWN: &[&str] = &[
    "alarm-rate",
    "build-info",
    "catch-exception",
    "check",
    "check-config",
    "check-format",
    "completion",
    "ebpf",
    "emperor-prometheus",
    "emperor-use-fork-serve",
    "exception-500",
    "exec-as-user-at-exit",
    "explain",
    "json-schema",
    "metrics-arena",
    "metrics-extended",
    "metrics-series",
    "nagios-crit",
    "nagios-perfdata",
    "nagios-warn",
    "option-status",
    "prometheus",
    "prometheus-cores",
    "prometheus-path",
    "prometheus-stats-uri",
    "psgi-file",
    "py-executable-compat",
    "py-prometheus-client",
    "python-lib",
    "request-metrics",
    "show-config-origin",
    "snmp-allow",
    "snmp-compat",
    "snmp-gauge64",
    "snmp-silent",
    "socket-modifier1",
    "socket-modifier2",
    "static-offload-to-thread",
    "stats-no-vars",
    "vassal-inherit",
];
