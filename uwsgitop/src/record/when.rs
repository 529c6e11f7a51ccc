//! A moment of a recording as users write it: a time of day, a date and a time, seconds.
//!
//! Pure: the zone and what was recorded are arguments. What is outside of the recording is refused
//! with what would be inside.

use jiff::civil::{DateTime, Time};
use jiff::{Timestamp, ToSpan, tz::TimeZone};

/// A moment that may need a date and a zone yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum When {
    /// Epoch microseconds.
    Moment(u64),
    /// Local date and time.
    Local(DateTime),
    /// Local time of day: its first occurrence in the recording.
    Daily(Time),
}

impl When {
    /// Reads the word of a user; `None` when it is none.
    pub(crate) fn parse(word: &str) -> Option<Self> {
        if let Ok(seconds) = word.parse::<f64>() {
            let micros = seconds * 1e6;
            return (0.0..9e18).contains(&micros).then_some(Self::Moment(micros as u64));
        }
        if let Ok(moment) = word.parse::<Timestamp>() {
            return u64::try_from(moment.as_microsecond()).ok().map(Self::Moment);
        }
        if !word.contains(':') {
            return None;
        }
        if let Ok(time) = word.parse::<DateTime>() {
            return Some(Self::Local(time));
        }
        word.parse().ok().map(Self::Daily)
    }

    /// The moment within a recording from `first` to `last`, epoch microseconds. Who names a second
    /// means all of it, so what was recorded in the last second is inside.
    ///
    /// # Errors
    /// A sentence that says what was recorded.
    pub(crate) fn within(self, (first, last): (u64, u64), zone: &TimeZone) -> Result<u64, String> {
        let moment = match self {
            Self::Moment(moment) => Some(moment),
            Self::Local(time) => moment_of(time, zone),
            Self::Daily(time) => daily(time, (first, last), zone),
        };
        let begin = first / 1_000_000 * 1_000_000;
        match moment {
            Some(moment) if moment >= begin && moment <= last => Ok(moment.max(first)),
            _ => Err(format!(
                "not in the recording, which goes from {} to {}",
                shown(first, zone),
                shown(last, zone)
            )),
        }
    }
}

fn moment_of(time: DateTime, zone: &TimeZone) -> Option<u64> {
    let moment = zone.to_ambiguous_timestamp(time).compatible().ok()?;
    u64::try_from(moment.as_microsecond()).ok()
}

/// The first such time of day from `first` on.
fn daily(time: Time, (first, last): (u64, u64), zone: &TimeZone) -> Option<u64> {
    let begin = timestamp(first)?.to_zoned(zone.clone()).datetime();
    let days = last.saturating_sub(first) / 86_400_000_000 + 1;
    let second = first / 1_000_000 * 1_000_000;
    (0..=i64::try_from(days).ok()?)
        .filter_map(|day| begin.date().checked_add(day.days()).ok())
        .filter_map(|date| moment_of(date.to_datetime(time), zone))
        .find(|moment| *moment >= second)
}

/// A moment of a recording as a timestamp.
pub(crate) fn timestamp(micros: u64) -> Option<Timestamp> {
    Timestamp::from_microsecond(i64::try_from(micros).ok()?).ok()
}

/// A moment as the user may write it.
pub(crate) fn shown(micros: u64, zone: &TimeZone) -> String {
    let time = timestamp(micros).map(|moment| zone.to_datetime(moment));
    time.map_or_else(String::new, |time| time.strftime("%Y-%m-%d %H:%M:%S").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-20 08:16:48.5 UTC.
    const FIRST: u64 = 1_795_162_608_500_000;
    const LAST: u64 = FIRST + 30 * 3_600 * 1_000_000;

    fn at(word: &str) -> Result<u64, String> {
        let when = When::parse(word).ok_or("no moment")?;
        when.within((FIRST, LAST), &TimeZone::UTC).map(|moment| (moment - FIRST) / 1_000)
    }

    #[test]
    fn moments_are_understood_in_every_form() {
        for (word, millis) in [
            ("1795162609", 500),
            ("1795162608.75", 250),
            ("2026-11-20 08:17", 11_500),
            ("2026-11-20T08:17:00", 11_500),
            ("2026-11-20T09:17:00+01:00", 11_500),
            ("08:17", 11_500),
            ("08:17:01.5", 13_000),
            ("08:16:48", 0),
            ("00:00", 56_591_500),
            ("08:16", 86_351_500),
        ] {
            assert_eq!(at(word), Ok(millis), "{word}");
        }
    }

    #[test]
    fn what_is_outside_or_no_moment_is_told() {
        for word in ["1795162607", "2026-11-19 08:17", "2027-01-01T00:00:00Z", "1"] {
            let told = at(word).unwrap_err();
            let span = "from 2026-11-20 08:16:48 to 2026-11-21 14:16:48";
            assert!(told.contains(span), "{word}: {told}");
        }
        let short = When::parse("07:00").unwrap().within((FIRST, FIRST + 1), &TimeZone::UTC);
        assert!(short.is_err());
        for word in ["", "now", "25:00", "-5", "nan", "inf", "1e30", "2026-11-20", "20261120T"] {
            assert_eq!(When::parse(word), None, "{word}");
        }
    }
}
