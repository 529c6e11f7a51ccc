//! The dashboards, one file each.

pub(crate) mod inside;
pub(crate) mod kernel;
pub(crate) mod latency;
mod logs;
pub(crate) mod overview;
mod probes;
pub(crate) mod reference;
mod traffic;
pub(crate) mod workers;

/// Colours of response classes, the same on every panel.
pub(crate) const CLASSES: &[(&str, &str)] = &[
    ("1xx", "purple"),
    ("2xx", "green"),
    ("3xx", "blue"),
    ("4xx", "yellow"),
    ("5xx", "red"),
    ("other", "gray"),
];

/// Colours of the ends of workers: good order is cool, everything else warm.
pub(crate) const REASONS: &[(&str, &str)] = &[
    ("asked", "blue"),
    ("recycled", "green"),
    ("cheap", "light-blue"),
    ("harakiri", "orange"),
    ("no_mercy", "dark-orange"),
    ("signal", "red"),
    ("no_app", "dark-red"),
    ("exit", "yellow"),
];

/// Colours of percentiles.
pub(crate) const PERCENTILES: &[(&str, &str)] =
    &[("p50", "green"), ("p90", "yellow"), ("p99", "red"), ("mean", "blue")];
