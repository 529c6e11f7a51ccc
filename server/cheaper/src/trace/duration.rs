//! Lengths of time as people write them, exact to the microsecond.

/// Units, in microseconds, the longest first.
const UNITS: [(&str, u64); 5] =
    [("h", 3_600_000_000), ("m", 60_000_000), ("s", 1_000_000), ("ms", 1_000), ("us", 1)];

/// Decimals that are read.
const DECIMALS: usize = 6;

/// Microseconds of a text such as `1.5s`, `20ms` or `3`; `None` when it is no such text or too long.
pub(super) fn parse(text: &str) -> Option<u64> {
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(digits)?;
    let unit = match unit {
        "" => 1_000_000,
        name => UNITS.iter().find(|(unit, _)| *unit == name)?.1,
    };
    let (whole, part) = number.split_once('.').unwrap_or((number, "0"));
    if whole.is_empty() || part.is_empty() || part.len() > DECIMALS || part.contains('.') {
        return None;
    }
    let scale = 10u64.pow(u32::try_from(part.len()).ok()?);
    let part = part.parse::<u64>().ok()?.checked_mul(unit)? / scale;
    whole.parse::<u64>().ok()?.checked_mul(unit)?.checked_add(part)
}

/// The shortest exact text: the largest unit of seconds, ms and us that divides it.
pub(super) fn exact(us: u64) -> String {
    let units = UNITS.iter().filter(|(_, size)| *size <= 1_000_000);
    let (unit, size) =
        units.clone().find(|(_, size)| us.is_multiple_of(*size)).unwrap_or(&("us", 1));
    format!("{}{unit}", us / size)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_read_to_the_microsecond() {
        let cases = [
            ("0", Some(0)),
            ("3", Some(3_000_000)),
            ("1.5", Some(1_500_000)),
            ("1.000001", Some(1_000_001)),
            ("20ms", Some(20_000)),
            ("0.5ms", Some(500)),
            ("7us", Some(7)),
            ("2m", Some(120_000_000)),
            ("1.5h", Some(5_400_000_000)),
            ("", None),
            ("s", None),
            (".5", None),
            ("5.", None),
            ("1.2.3", None),
            ("1.0000001", None),
            ("-1", None),
            ("1e3", None),
            ("1 s", None),
            ("1S", None),
            ("5é", None),
            ("99999999999999999999", None),
            ("18446744073709551615h", None),
        ];
        for (text, want) in cases {
            assert_eq!(parse(text), want, "{text:?}");
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        for us in [0, 1, 999, 1_000, 1_001, 1_000_000, 1_500_000, 3_600_000_000, u64::MAX] {
            assert_eq!(parse(&exact(us)), Some(us), "{}", exact(us));
        }
    }
}
