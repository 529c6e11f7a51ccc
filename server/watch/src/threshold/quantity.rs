//! Numbers as thresholds write them: plain, with a unit of time, with a multiple, in percent.
//!
//! A number without a unit counts in the unit of the metric, as ever. What a unit means is decided
//! once the metric is known: `250ms` is 250000 of a metric in microseconds and nothing of one that
//! counts requests.

use uwsgi_metrics::schema::Unit;

/// A number and what its unit says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Quantity {
    /// In the unit of the metric.
    Plain(f64),
    /// Microseconds.
    Time(f64),
    /// A fraction, written in percent.
    Percent(f64),
}

/// Units of time, in microseconds.
const TIMES: &[(&str, f64)] =
    &[("us", 1.0), ("ms", 1e3), ("s", 1e6), ("m", 6e7), ("h", 3.6e9), ("d", 8.64e10)];

/// Multiples; a letter alone is a power of ten, with `i` behind it one of 1024.
const MULTIPLES: &[(&str, f64)] = &[
    ("k", 1e3),
    ("M", 1e6),
    ("G", 1e9),
    ("Ki", 1024.0),
    ("Mi", 1_048_576.0),
    ("Gi", 1_073_741_824.0),
];

/// Reads a number with its unit. What stands behind the number and is no unit is not read, as the
/// original does; the flag says so.
pub(super) fn read(text: &str) -> (Quantity, bool) {
    let (number, unit) = split(text);
    let known = |table: &[(&str, f64)]| {
        let found = table.iter().find(|(name, _)| *name == unit);
        found.map(|(_, factor)| number * factor)
    };
    if let Some(us) = known(TIMES) {
        return (Quantity::Time(us), false);
    }
    if let Some(number) = known(MULTIPLES) {
        return (Quantity::Plain(number), false);
    }
    match unit {
        "%" => (Quantity::Percent(number / 100.0), false),
        rest => (Quantity::Plain(number), !rest.is_empty() || text.trim().is_empty()),
    }
}

/// Seconds: a plain number of them or a time; nothing for all else.
pub(super) fn seconds(text: &str) -> Option<u64> {
    let seconds = match read(text) {
        (Quantity::Plain(seconds), false) => seconds,
        (Quantity::Time(us), _) => (us / 1e6).ceil(),
        _ => return None,
    };
    // A year is longer than anything that is watched.
    (0.0..=31_536_000.0).contains(&seconds).then_some(seconds as u64)
}

impl Quantity {
    /// The number in the unit of a metric; nothing when one has nothing to do with the other.
    pub(super) fn in_unit(self, unit: Unit) -> Option<f64> {
        match (self, unit) {
            (Quantity::Plain(number), _) => Some(number),
            (Quantity::Time(us), Unit::Micros) => Some(us),
            (Quantity::Time(us), Unit::Seconds | Unit::Epoch) => Some(us / 1e6),
            _ => None,
        }
    }

    /// The number as the bound of a ratio.
    pub(super) fn as_ratio(self) -> Option<f64> {
        match self {
            Quantity::Plain(number) | Quantity::Percent(number) => Some(number),
            Quantity::Time(_) => None,
        }
    }
}

/// The longest number in front, and the rest without blanks.
fn split(text: &str) -> (f64, &str) {
    let text = text.trim();
    let digits = |c: char| !(c.is_ascii_digit() || c == '.' || c == '-' || c == '+');
    let end = text.find(digits).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    (number.parse().unwrap_or(0.0), unit.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_units() {
        let cases = [
            ("3", Quantity::Plain(3.0), false),
            ("-4", Quantity::Plain(-4.0), false),
            ("0.5", Quantity::Plain(0.5), false),
            ("250ms", Quantity::Time(250_000.0), false),
            ("2 s", Quantity::Time(2e6), false),
            ("5m", Quantity::Time(3e8), false),
            ("5M", Quantity::Plain(5e6), false),
            ("10k", Quantity::Plain(10_000.0), false),
            ("64Mi", Quantity::Plain(67_108_864.0), false),
            ("5%", Quantity::Percent(0.05), false),
            ("3x", Quantity::Plain(3.0), true),
            ("", Quantity::Plain(0.0), true),
            ("x", Quantity::Plain(0.0), true),
        ];
        for (text, want, odd) in cases {
            assert_eq!(read(text), (want, odd), "{text}");
        }
    }

    #[test]
    fn a_duration_is_whole_seconds() {
        let cases = [
            ("30", Some(30)),
            ("1m", Some(60)),
            ("1h", Some(3600)),
            ("1ms", Some(1)),
            ("-3", None),
            ("3x", None),
            ("5%", None),
            ("", None),
            ("99999d", None),
        ];
        for (text, want) in cases {
            assert_eq!(seconds(text), want, "{text}");
        }
    }

    #[test]
    fn a_unit_must_fit_the_metric() {
        let time = Quantity::Time(2e6);
        assert_eq!(time.in_unit(Unit::Micros), Some(2e6));
        assert_eq!(time.in_unit(Unit::Seconds), Some(2.0));
        assert_eq!(time.in_unit(Unit::Count), None);
        assert_eq!(time.as_ratio(), None);
        assert_eq!(Quantity::Percent(0.05).in_unit(Unit::Count), None);
        assert_eq!(Quantity::Percent(0.05).as_ratio(), Some(0.05));
        assert_eq!(Quantity::Plain(7.0).in_unit(Unit::Bytes), Some(7.0));
    }
}
