//! Numbers at the start of texts.

/// Digits of a 64-bit number, and one more.
const DIGITS: usize = 20;

/// The integer at the start of a text, 0 without one, the nearest that fits when it is too large.
pub fn prefix(text: &[u8]) -> i64 {
    scaled(text, 0)
}

/// The decimal number at the start of a text times ten to the power of `shift`, cut to an integer:
/// `0.52` with 2 is 52.
pub fn scaled(text: &[u8], shift: i64) -> i64 {
    let (negative, rest) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    };
    let whole = digits(rest);
    let fraction = match rest.get(whole.len()..) {
        Some([b'.', fraction @ ..]) => digits(fraction),
        _ => &[],
    };
    let places = usize::try_from(shift.unsigned_abs()).unwrap_or(DIGITS).min(DIGITS);
    let (kept, moved) =
        if shift < 0 { (&whole[..whole.len().saturating_sub(places)], 0) } else { (whole, places) };
    let moved = (0..moved).map(|place| fraction.get(place).copied().unwrap_or(b'0'));
    let size = kept.iter().copied().chain(moved).fold(0_i128, |number, digit| {
        (number * 10 + i128::from(digit - b'0')).min(i128::from(i64::MAX) + 1)
    });
    let number = if negative { -size } else { size };
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn digits(text: &[u8]) -> &[u8] {
    let end = text.iter().position(|b| !b.is_ascii_digit()).unwrap_or(text.len());
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_are_read_as_far_as_they_go() {
        let table: [(&str, i64, i64); 17] = [
            ("", 0, 0),
            ("12", 0, 12),
            ("-12kB", 0, -12),
            ("+3", 0, 3),
            ("0.52", 0, 0),
            ("0.52", 2, 52),
            ("0.5299", 2, 52),
            ("1.5", 3, 1500),
            ("-0.52", 2, -52),
            ("12345", -2, 123),
            ("12", -5, 0),
            ("kB", 2, 0),
            ("1", 40, i64::MAX),
            ("0", 1_000_000, 0),
            ("9223372036854775807", 0, i64::MAX),
            ("-9223372036854775808", 0, i64::MIN),
            ("99999999999999999999999", 0, i64::MAX),
        ];
        for (text, shift, expected) in table {
            assert_eq!(scaled(text.as_bytes(), shift), expected, "{text} {shift}");
        }
        assert_eq!(prefix(b"-99999999999999999999999"), i64::MIN);
    }

    proptest! {
        #[test]
        fn any_integer_is_itself(number: i64, rest in "[^0-9.]{0,5}") {
            prop_assert_eq!(prefix(format!("{number}{rest}").as_bytes()), number);
        }

        #[test]
        fn any_text_and_any_shift_are_a_number(text: Vec<u8>, shift: i64) {
            scaled(&text, shift);
        }
    }
}
