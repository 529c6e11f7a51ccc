//! Thresholds: when a number pages somebody.
//!
//! [`parse`] reads one `metric-threshold`, [`Thresholds`] looks at all of them once per second.
//! Everything here is a pure function of samples and a simulated or real [`Moment`]: where samples
//! come from, who delivers a [`Crossing`] and where a [`Standing`] is kept is the caller's matter.

mod message;
mod meter;
mod parse;
mod quantity;
mod spec;
mod standing;
mod thresholds;
mod window;

use uwsgi_metrics::schema::Unit;
use uwsgi_metrics::{Latency, LatencySnap};

pub use parse::{Refusal, parse};
pub use quantity::Quantity;
pub use spec::{Burn, Op, Over, Pair, Repeat, Spec, What};
pub use standing::{Moment, Past, Standing};
pub use thresholds::{Reset, Thresholds, Tick};

/// Every key of `metric-threshold`.
pub const KEYS: [&str; 22] = [
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
];

/// A threshold that began to hold, holds again after its pause, or stopped holding.
#[derive(Clone, Debug, PartialEq)]
pub struct Crossing {
    /// Position of the threshold in the configuration.
    pub threshold: usize,
    /// Alarm to raise, by name.
    pub alarm: String,
    /// Text for the alarm.
    pub message: String,
    /// True when it stopped holding.
    pub resolved: bool,
    /// Metric it watches.
    pub key: String,
    /// Value that was compared, in the unit of the metric.
    pub value: f64,
    /// Bound it was compared with.
    pub bound: f64,
    /// Since when it holds (or held), epoch seconds.
    pub since: u64,
}

/// What a key names.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Found {
    /// A metric of the list.
    Number {
        /// Unit of its value.
        unit: Unit,
        /// It only grows, but for beginning anew.
        counter: bool,
        /// Seconds between two looks at its value.
        every: u64,
        /// What is written into it stays.
        writable: bool,
    },
    /// A histogram, in microseconds.
    Latency(Latency),
}

/// Finds metrics by name.
pub trait Names {
    /// What a key names; nothing when there is no such metric.
    fn find(&self, key: &str) -> Option<Found>;
}

/// Numbers of one look.
pub trait Samples {
    /// The value of a metric, by its position in [`Thresholds::sources`]; nothing when it is not to
    /// be had just now.
    fn number(&self, source: usize) -> Option<i64>;

    /// A histogram of all workers.
    fn latency(&self, what: Latency) -> &LatencySnap;
}

/// Histograms by the names that thresholds use.
pub const HISTOGRAMS: [(&str, Latency); 6] = [
    ("core.request_duration", Latency::Request),
    ("core.request_queue", Latency::Queue),
    ("core.application_duration", Latency::Application),
    ("core.response_write", Latency::Write),
    ("core.first_byte", Latency::FirstByte),
    ("core.request_read", Latency::Read),
];
