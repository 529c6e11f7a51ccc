//! A moment in the forms that receivers and templates want.

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// Longest date of a template, bytes.
const LONGEST: usize = 63;

/// A moment, microseconds since the epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(pub u64);

impl Moment {
    /// Seconds since the epoch.
    pub fn seconds(self) -> u64 {
        self.0 / 1_000_000
    }

    /// Milliseconds since the epoch.
    pub fn millis(self) -> u64 {
        self.0 / 1_000
    }

    /// Local time in a format of `strftime`. A format that means nothing, or a date that is too long,
    /// is an empty text, as the C library has it.
    pub fn strftime(self, format: &str) -> String {
        let at = Timestamp::from_microsecond(i64::try_from(self.0).unwrap_or(i64::MAX));
        let at = at.unwrap_or_default().to_zoned(TimeZone::system());
        let text = jiff::fmt::strtime::format(format, &at).unwrap_or_default();
        if text.len() > LONGEST { String::new() } else { text }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_that_is_wrong_or_too_long_is_empty() {
        let at = Moment(1_795_162_707_123_456);
        assert_eq!((at.seconds(), at.millis()), (1_795_162_707, 1_795_162_707_123));
        assert_eq!(at.strftime("%Y"), "2026");
        assert_eq!(at.strftime(&"%Y".repeat(15)).len(), 60);
        assert_eq!(at.strftime(&"%Y".repeat(16)), "");
        assert_eq!(at.strftime("%!"), "");
    }
}
