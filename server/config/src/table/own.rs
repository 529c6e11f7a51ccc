//! Names this project adds to the options of uWSGI.
//!
//! They never take part in abbreviations that the older names decide alone, so that a script
//! with `--show-conf` keeps its meaning.

/// The names, in byte order, because they are searched by halving.
pub(super) const OWN: &[&str] = &[
    "build-info",
    "check",
    "check-config",
    "check-format",
    "completion",
    "ebpf",
    "emperor-prometheus",
    "exception-500",
    "explain",
    "json-schema",
    "metrics-arena",
    "option-status",
    "prometheus",
    "prometheus-cores",
    "prometheus-path",
    "prometheus-stats-uri",
    "py-executable-compat",
    "python-lib",
    "request-metrics",
    "show-config-origin",
    "stats-no-vars",
];
