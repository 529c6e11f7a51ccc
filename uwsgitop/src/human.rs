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

/// A rate with one decimal below ten: a slow site is told from a dead one.
pub(crate) fn per_second(rate: f64) -> String {
    if rate > 0.0 && rate < 9.95 { format!("{rate:.1}") } else { format!("{rate:.0}") }
}

/// A share between 0 and 1 in percent, with one decimal below ten.
pub(crate) fn share(share: f64) -> String {
    let percent = share * 100.0;
    if percent > 0.0 && percent < 9.95 {
        format!("{percent:.1}%")
    } else {
        format!("{percent:.0}%")
    }
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

/// For how long somebody is silent, given in microseconds: what is less than a second is none.
pub(crate) fn silence(micros: u64) -> String {
    if micros < 1_000_000 { "0s".to_owned() } else { duration(micros) }
}

/// Nanoseconds, as [`duration`] has microseconds: `740ns`, `1.2us`, `3.4ms`.
pub(crate) fn nanos(ns: u64) -> String {
    match ns {
        0..1_000 => format!("{ns}ns"),
        1_000..1_000_000 => format!("{:.1}us", ns as f64 / 1e3),
        _ => duration(ns / 1_000),
    }
}

/// An age in whole seconds: `12s`, `2m05s`, `3h07m`, `4d02h`.
pub(crate) fn age(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3_600 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        3_600..86_400 => format!("{}h{:02}m", seconds / 3_600, seconds / 60 % 60),
        _ => format!("{}d{:02}h", seconds / 86_400, seconds / 3_600 % 24),
    }
}

/// A number of which nobody knows the unit: digits, decimals where they tell something, and
/// thousands as letters from ten million on.
pub(crate) fn amount(value: f64) -> String {
    let letter = |unit: f64, letter: char| format!("{:.1}{letter}", value / unit);
    match value.abs() {
        1e12.. => letter(1e12, 'T'),
        1e9.. => letter(1e9, 'G'),
        1e7.. => letter(1e6, 'M'),
        size if size >= 100.0 || value.fract() == 0.0 => format!("{value:.0}"),
        _ => format!("{value:.3}").trim_end_matches('0').trim_end_matches('.').to_owned(),
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

/// Foreign text made safe for a terminal: what steers it becomes `?`.
pub(crate) fn clean(text: &str) -> String {
    text.chars().map(|c| if steers(c) { '?' } else { c }).collect()
}

/// Whether a character does something else on a terminal than to be seen: controls, what turns the
/// direction of writing, what breaks lines, and what takes no place at all.
pub(crate) fn steers(c: char) -> bool {
    let unseen = matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
        | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}');
    c.is_control() || unseen
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
    fn small_shares_and_rates_keep_a_decimal() {
        assert_eq!([0.0, 0.5, 9.94, 9.96, 260.4].map(per_second), ["0", "0.5", "9.9", "10", "260"]);
        assert_eq!([0.0, 0.021, 0.5, 1.0].map(share), ["0%", "2.1%", "50%", "100%"]);
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
        assert_eq!([285, 999_999, 1_500_000].map(silence), ["0s", "0s", "1.5s"]);
    }

    #[test]
    fn ages_nanoseconds_and_amounts_are_short() {
        assert_eq!(
            [0, 59, 125, 11_220, 266_400].map(age),
            ["0s", "59s", "2m05s", "3h07m", "3d02h"]
        );
        assert_eq!([740, 1_200, 3_400_000].map(nanos), ["740ns", "1.2us", "3.4ms"]);
        let amounts = [0.0, 0.061, 31.5, 250.4, 2_130_000.0, 356_515_840.0, 2e10, -1.25, 1e300];
        let texts = amounts.map(amount);
        let wanted = ["0", "0.061", "31.5", "250", "2130000", "356.5M", "20.0G", "-1.25"];
        assert_eq!(texts[..8], wanted);
        assert_eq!(amount(f64::NAN), "NaN");
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
        assert_eq!(clean("/\u{202e}nimda\u{2069}\u{200b}\u{2028}"), "/?nimda???", "nor turn it");
        assert_eq!(clean("e\u{301} \u{754c} עברית"), "e\u{301} \u{754c} עברית", "words stay");
    }
}
