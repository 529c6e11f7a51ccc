//! Numbers and times as text, in the words the screen has always used.
//!
//! Pure functions: the time zone and every moment are arguments.

use jiff::{Timestamp, tz::TimeZone};

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;
const GIB: u64 = 1024 * MIB;

/// Running time in milliseconds above which minutes are shown.
const RUNT_MINUTES_FROM: f64 = 9_999_999.0;

/// A byte count: `%.1fG`, `%.1fM`, `%.1fK` from one unit of each, plain digits below.
pub(crate) fn size(bytes: u64) -> String {
    let unit = |unit: u64, letter: char| format!("{:.1}{letter}", bytes as f64 / unit as f64);
    match bytes {
        GIB.. => unit(GIB, 'G'),
        MIB.. => unit(MIB, 'M'),
        KIB.. => unit(KIB, 'K'),
        _ => bytes.to_string(),
    }
}

/// The RunT column: microseconds as a float of milliseconds, or minutes with an `m`.
pub(crate) fn running_time(micros: u64) -> String {
    let millis = micros as f64 / 1000.0;
    if millis > RUNT_MINUTES_FROM {
        format!("{:?}m", millis / 60_000.0)
    } else {
        format!("{millis:?}")
    }
}

/// The AVG column: microseconds cut to whole milliseconds.
pub(crate) fn average(micros: u64) -> String {
    format!("{}ms", micros / 1000)
}

/// A share of `total` in percent with one decimal; 0.0 of nothing.
pub(crate) fn percent(total: u64, part: u64) -> String {
    if total == 0 {
        return "0.0".to_owned();
    }
    format!("{:.1}", 100.0 * part as f64 / total as f64)
}

/// A rate rounded to a whole number; blank while there is no second sample.
pub(crate) fn rate(per_second: Option<f64>) -> String {
    per_second.map_or_else(String::new, |rate| format!("{}", rate.round_ties_even() as u64))
}

/// A latency or an age given in microseconds: `0us`, `850us`, `1.2ms`, `3.4s`, `2m05s`, `3h07m`.
pub(crate) fn duration(micros: u64) -> String {
    let seconds = micros / 1_000_000;
    match micros {
        0..1_000 => format!("{micros}us"),
        1_000..1_000_000 => format!("{:.1}ms", micros as f64 / 1e3),
        1_000_000..100_000_000 => format!("{:.1}s", micros as f64 / 1e6),
        100_000_000..3_600_000_000 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        _ => format!("{}h{:02}m", seconds / 3600, seconds / 60 % 60),
    }
}

/// The wall clock as C's `ctime` prints it, without the line end.
pub(crate) fn ctime(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned(zone.clone()).strftime("%a %b %e %H:%M:%S %Y").to_string()
}

/// The LastSpwn column: local `HH:MM:SS`, or `--:--:--` for 0 (never spawned).
pub(crate) fn clock(epoch_seconds: u64, zone: &TimeZone) -> String {
    let at = i64::try_from(epoch_seconds).ok().and_then(|s| Timestamp::from_second(s).ok());
    match at {
        Some(at) if epoch_seconds > 0 => at.to_zoned(zone.clone()).strftime("%H:%M:%S").to_string(),
        _ => "--:--:--".to_owned(),
    }
}

/// Foreign text made safe for a terminal: control characters become `?`.
pub(crate) fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_change_unit_at_whole_units() {
        for (bytes, text) in [
            (0, "0"),
            (1023, "1023"),
            (1024, "1.0K"),
            (1536, "1.5K"),
            (1024 * 1024 - 1, "1024.0K"),
            (1024 * 1024, "1.0M"),
            (35_651_584, "34.0M"),
            (1024 * 1024 * 1024, "1.0G"),
            (u64::MAX, "17179869184.0G"),
        ] {
            assert_eq!(size(bytes), text, "{bytes}");
        }
    }

    #[test]
    fn running_time_prints_floats_and_turns_to_minutes() {
        for (micros, text) in [
            (0, "0.0"),
            (1, "0.001"),
            (1_234_567, "1234.567"),
            (5_000_000, "5000.0"),
            (9_999_999_000, "9999999.0"),
            (12_000_000_000, "200.0m"),
            (10_000_000_000, "166.66666666666666m"),
        ] {
            assert_eq!(running_time(micros), text, "{micros}");
        }
    }

    #[test]
    fn averages_are_cut_and_shares_rounded() {
        assert_eq!(average(1999), "1ms");
        assert_eq!(percent(0, 5), "0.0", "no division by zero");
        assert_eq!(percent(3, 1), "33.3");
        assert_eq!(percent(1000, 1000), "100.0");
    }

    #[test]
    fn a_rate_is_blank_until_it_is_known() {
        assert_eq!(rate(None), "");
        assert_eq!(rate(Some(0.4)), "0");
        assert_eq!(rate(Some(99.6)), "100");
        assert_eq!(rate(Some(-3.0)), "0", "a rate is never negative");
    }

    #[test]
    fn durations_keep_two_leading_digits() {
        for (micros, text) in [
            (0, "0us"),
            (999, "999us"),
            (1_200, "1.2ms"),
            (3_400_000, "3.4s"),
            (125_000_000, "2m05s"),
            (11_220_000_000, "3h07m"),
        ] {
            assert_eq!(duration(micros), text, "{micros}");
        }
    }

    #[test]
    fn times_follow_the_zone() {
        let zone = TimeZone::fixed(jiff::tz::offset(2));
        let at = Timestamp::from_second(1_795_162_608).unwrap();
        assert_eq!(ctime(at, &TimeZone::UTC), "Fri Nov 20 08:16:48 2026");
        assert_eq!(clock(1_795_162_608, &zone), "10:16:48");
        assert_eq!(clock(0, &zone), "--:--:--");
        assert_eq!(clock(u64::MAX, &zone), "--:--:--", "beyond the calendar");
        let early = Timestamp::from_second(1_000_000_000 - 5 * 86_400).unwrap();
        assert_eq!(ctime(early, &TimeZone::UTC), "Tue Sep  4 01:46:40 2001", "day padded by space");
    }

    #[test]
    fn foreign_text_cannot_steer_the_terminal() {
        assert_eq!(clean("/a\u{1b}[2J\n\u{9b}é"), "/a?[2J??é");
    }
}
