//! What watches the numbers: metrics of the configuration and their collectors, the metrics
//! directory, thresholds.
//!
//! It owns what `metric`, `metrics-dir` and `metric-threshold` mean. Everything that decides is a
//! pure function of a snapshot and a time; what touches files takes them through a trait or a
//! directory of its own. It refuses to deliver anything: a threshold that is crossed is a value
//! ([`threshold::Crossing`]) for whoever runs the alarms.

pub mod collector;
pub mod definition;
pub mod directory;
pub mod keyval;
pub mod plan;
pub mod threshold;
