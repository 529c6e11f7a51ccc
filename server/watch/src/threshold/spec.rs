//! What one `metric-threshold` says, as types.

use super::quantity::Quantity;

/// One threshold of the configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct Spec {
    /// As written.
    pub text: String,
    /// What is compared.
    pub what: What,
    /// How it is compared.
    pub op: Op,
    /// Bound; a burn rate has its own.
    pub bound: Quantity,
    /// Where it stops holding, when that is not the bound.
    pub clear: Option<Quantity>,
    /// Seconds it must hold before it fires (`for`).
    pub hold: u64,
    /// Alarm to raise.
    pub alarm: Option<String>,
    /// When the alarm is raised again while it goes on.
    pub repeat: Repeat,
    /// Text of the alarm; without it the metric's name, or one that tells what happened.
    pub message: Option<String>,
    /// Text when it is over; nothing is sent without one.
    pub recovery: Option<String>,
    /// Value written into the metric whenever the condition holds.
    pub reset: Option<i64>,
    /// Below so many events in the window nothing holds (`min`).
    pub least: f64,
    /// Only the keys of the original are used: it behaves as there.
    pub classic: bool,
    /// What was read otherwise than it looks.
    pub remarks: Vec<String>,
}

/// What is compared with the bound.
#[derive(Clone, Debug, PartialEq)]
pub enum What {
    /// The value of a metric.
    Value(String),
    /// How fast it changes, per second, over so many seconds.
    Delta(String, u64),
    /// One metric divided by another: what was added in so many seconds, or as they are.
    Ratio(String, String, Option<u64>),
    /// A quantile (0 to 1) of a histogram over so many seconds.
    Percentile(String, f64, u64),
    /// How many times faster than allowed errors use up their budget.
    Burn(Burn),
}

/// A service level objective and the windows it is watched in.
#[derive(Clone, Debug, PartialEq)]
pub struct Burn {
    /// Share of events that may be bad, 0 to 1.
    pub budget: f64,
    /// What is good and what is bad.
    pub over: Over,
    /// Pairs of windows, each enough to page.
    pub pairs: Vec<Pair>,
}

/// Where good and bad events are counted.
#[derive(Clone, Debug, PartialEq)]
pub enum Over {
    /// Two counters.
    Counters {
        /// Bad events.
        bad: String,
        /// All events.
        total: String,
    },
    /// A histogram: bad is what took longer than the limit.
    Latency {
        /// The histogram.
        key: String,
        /// Microseconds.
        limit_us: u64,
    },
}

/// A long window that says it matters and a short one that says it goes on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pair {
    /// Seconds.
    pub long: u64,
    /// Seconds.
    pub short: u64,
    /// Burn rate that both must reach.
    pub factor: f64,
}

/// How a value is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// `>=`
    AtLeast,
    /// `>`
    Above,
    /// `<`
    Below,
    /// `<=`
    AtMost,
    /// `==`
    Equal,
}

/// When an alarm is raised again while the condition goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeat {
    /// Once for each time it fires.
    Never,
    /// Whenever so many seconds have passed since the last one.
    After(u64),
}

impl Spec {
    /// The metric it is about; of a burn rate the bad events.
    pub fn key(&self) -> &str {
        match &self.what {
            What::Value(key)
            | What::Delta(key, _)
            | What::Ratio(key, _, _)
            | What::Percentile(key, _, _) => key,
            What::Burn(burn) => match &burn.over {
                Over::Counters { bad, .. } => bad,
                Over::Latency { key, .. } => key,
            },
        }
    }
}

impl Op {
    /// All, as written.
    pub(super) const ALL: [(&'static str, Op); 5] = [
        (">=", Op::AtLeast),
        (">", Op::Above),
        ("<", Op::Below),
        ("<=", Op::AtMost),
        ("==", Op::Equal),
    ];

    /// As written.
    pub fn sign(self) -> &'static str {
        Op::ALL.iter().find(|(_, op)| *op == self).map_or("", |(sign, _)| sign)
    }

    /// Whether `value op bound`; what is no number never does.
    pub fn holds(self, value: f64, bound: f64) -> bool {
        match self {
            Op::AtLeast => value >= bound,
            Op::Above => value > bound,
            Op::Below => value < bound,
            Op::AtMost => value <= bound,
            // Values are whole numbers, or results for which nobody asks this.
            Op::Equal => (value - bound).abs() < 1e-9,
        }
    }

    /// True when larger values hold.
    pub(super) fn is_upper(self) -> bool {
        matches!(self, Op::AtLeast | Op::Above)
    }
}
