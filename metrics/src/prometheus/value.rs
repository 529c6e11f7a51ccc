//! Numbers as the expositions show them: exact decimals in text, doubles in protobuf.

use std::io::Write as _;

/// A number in the form its owner keeps it in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value {
    /// A count.
    Uint(u64),
    /// A whole number.
    Int(i64),
    /// A count of `10^-digits`.
    Decimal(u64, u32),
    /// Thousandths.
    Milli(i64),
    /// A double.
    Real(f64),
}

/// Microseconds as seconds.
pub(super) fn seconds(us: u64) -> Value {
    Value::Decimal(us, 6)
}

impl Value {
    /// Appends it: no exponent, no trailing zeros, floating point values so that they come back.
    pub fn push(self, out: &mut Vec<u8>) {
        match self {
            Value::Uint(value) => push_uint(out, value),
            Value::Int(value) => push_int(out, value),
            Value::Decimal(value, digits) => push_decimal(out, value, digits),
            Value::Milli(value) => {
                if value < 0 {
                    out.push(b'-');
                }
                push_decimal(out, value.unsigned_abs(), 3);
            }
            Value::Real(value) => push_real(out, value),
        }
    }

    /// The nearest double.
    pub fn as_f64(self) -> f64 {
        match self {
            Value::Uint(value) => value as f64,
            Value::Int(value) => value as f64,
            Value::Decimal(value, digits) => value as f64 / 10u64.pow(digits) as f64,
            Value::Milli(value) => value as f64 / 1000.0,
            Value::Real(value) => value,
        }
    }
}

/// Digits of a number, two at a time: most of a page are numbers.
pub(super) fn push_uint(out: &mut Vec<u8>, mut value: u64) {
    const PAIRS: &[u8; 200] = b"0001020304050607080910111213141516171819\
        2021222324252627282930313233343536373839404142434445464748495051525354555657585960616263646566676869\
        707172737475767778798081828384858687888990919293949596979899";
    let mut digits = [0; 20];
    let mut at = digits.len();
    while value >= 10 {
        let pair = (value % 100) as usize * 2;
        value /= 100;
        at -= 2;
        digits[at..at + 2].copy_from_slice(&PAIRS[pair..pair + 2]);
    }
    if value > 0 || at == digits.len() {
        at -= 1;
        digits[at] = b'0' + value as u8;
    } else if digits[at] == b'0' {
        at += 1;
    }
    out.extend_from_slice(&digits[at..]);
}

fn push_int(out: &mut Vec<u8>, value: i64) {
    if value < 0 {
        out.push(b'-');
    }
    push_uint(out, value.unsigned_abs());
}

fn push_decimal(out: &mut Vec<u8>, value: u64, digits: u32) {
    let unit = 10u64.pow(digits);
    push_uint(out, value / unit);
    let rest = value % unit;
    if rest == 0 {
        return;
    }
    // A one in front keeps the leading zeros; the point takes its place.
    let at = out.len();
    push_uint(out, unit + rest);
    out[at] = b'.';
    while out.last() == Some(&b'0') {
        out.pop();
    }
}

fn push_real(out: &mut Vec<u8>, value: f64) {
    // Up to here every whole number is a double of its own.
    const WHOLE: f64 = (1u64 << 53) as f64;
    if value.trunc() == value && value.abs() <= WHOLE {
        push_int(out, value as i64);
    } else if value.is_nan() {
        out.extend_from_slice(b"NaN");
    } else if value.is_infinite() {
        out.extend_from_slice(if value > 0.0 { b"+Inf" } else { b"-Inf" });
    } else {
        // Writing to memory does not fail.
        let _ = write!(out, "{value:?}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(value: Value) -> String {
        let mut out = Vec::new();
        value.push(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn decimals_are_exact() {
        let cases = [
            (seconds(0), "0"),
            (seconds(1), "0.000001"),
            (seconds(5_000), "0.005"),
            (seconds(1_000_000), "1"),
            (seconds(1_500_000), "1.5"),
            (seconds(u64::MAX), "18446744073709.551615"),
            (Value::Decimal(291, 4), "0.0291"),
            (Value::Decimal(150, 2), "1.5"),
            (Value::Milli(-1_500), "-1.5"),
            (Value::Milli(-7), "-0.007"),
            (Value::Milli(250_000_000), "250000"),
            (Value::Int(i64::MIN), "-9223372036854775808"),
            (Value::Real(-0.5), "-0.5"),
            (Value::Real(9_007_199_254_740_992.0), "9007199254740992"),
            (Value::Real(3e20), "3e20"),
            (Value::Real(f64::NAN), "NaN"),
            (Value::Real(f64::INFINITY), "+Inf"),
            (Value::Real(f64::NEG_INFINITY), "-Inf"),
        ];
        for (value, want) in cases {
            assert_eq!(text(value), want, "{value:?}");
        }
    }

    proptest! {
        #[test]
        fn numbers_come_back(small in 0u64..100_000, uint: u64, int: i64, real: f64) {
            prop_assert_eq!(text(Value::Uint(small)), small.to_string());
            prop_assert_eq!(text(Value::Uint(uint)), uint.to_string());
            prop_assert_eq!(text(Value::Int(int)), int.to_string());
            let back: f64 = text(Value::Real(real)).parse().unwrap();
            prop_assert!(back == real || (back.is_nan() && real.is_nan()));
        }
    }
}
