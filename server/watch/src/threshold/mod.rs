//! Thresholds: when a number pages somebody.

/// A threshold that began to hold, holds again after its pause, or stopped holding.
#[derive(Clone, Debug, PartialEq)]
pub struct Crossing {
    /// Position of the threshold in the configuration.
    pub threshold: usize,
    /// Alarm to raise, by name; nothing when the threshold names none.
    pub alarm: Option<String>,
    /// Text for the alarm.
    pub message: String,
    /// True when it stopped holding.
    pub resolved: bool,
    /// Metric it watches.
    pub key: String,
    /// Value that was compared, in the unit of the threshold.
    pub value: f64,
    /// Bound it was compared with.
    pub bound: f64,
    /// Since when it holds (or held), epoch seconds.
    pub since: u64,
    /// Value to write into the metric, where the threshold asks for a reset.
    pub reset: Option<i64>,
}
