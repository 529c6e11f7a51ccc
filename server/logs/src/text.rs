//! Values as bytes of a line, without memory of their own.

/// Appends a number.
pub fn number(mut n: u64, out: &mut Vec<u8>) {
    // Most numbers of a line are a digit.
    if n < 10 {
        return out.push(b'0' + n as u8);
    }
    let mut digits = [0; 20];
    let mut at = digits.len();
    while n > 0 {
        at -= 1;
        digits[at] = b'0' + (n % 10) as u8;
        n /= 10;
    }
    out.extend_from_slice(&digits[at..]);
}

/// Appends a number that may be negative.
pub fn signed(n: i64, out: &mut Vec<u8>) {
    if n < 0 {
        out.push(b'-');
    }
    number(n.unsigned_abs(), out);
}

/// Appends `micros` as seconds with six decimals.
pub fn seconds(micros: u64, out: &mut Vec<u8>) {
    number(micros / 1_000_000, out);
    out.push(b'.');
    let mut unit = 100_000;
    while unit > 0 {
        out.push(b'0' + (micros / unit % 10) as u8);
        unit /= 10;
    }
}

/// Appends `bytes` so that they can neither end a quoted value nor the line: `\"`, `\\`, `\n`, `\r`,
/// `\t`, other control bytes as `\xNN`. Bytes above ASCII stay as they are.
pub fn escaped(bytes: &[u8], out: &mut Vec<u8>) {
    let is_plain = |b: &&u8| !matches!(b, b'"' | b'\\' | 0..=31 | 127);
    let mut rest = bytes;
    loop {
        let (plain, other) = rest.split_at(rest.iter().take_while(is_plain).count());
        out.extend_from_slice(plain);
        let Some((byte, behind)) = other.split_first() else { return };
        one_escaped(*byte, out);
        rest = behind;
    }
}

fn one_escaped(byte: u8, out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let short = match byte {
        b'\n' => b'n',
        b'\r' => b'r',
        b'\t' => b't',
        b'"' | b'\\' => byte,
        _ => {
            let (high, low) = (HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]);
            return out.extend_from_slice(&[b'\\', b'x', high, low]);
        }
    };
    out.extend_from_slice(&[b'\\', short]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn made(write: impl Fn(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn what_could_forge_a_line_is_escaped() {
        let text = "a\"b\\c\nd\re\tf\u{1b}[31m\u{7f}\u{0}é";
        assert_eq!(
            made(|out| escaped(text.as_bytes(), out)),
            r#"a\"b\\c\nd\re\tf\x1b[31m\x7f\x00é"#
        );
    }

    proptest! {
        #[test]
        fn numbers_are_as_everywhere(n in any::<u64>(), i in any::<i64>(), us in 0u64..1 << 50) {
            for n in [n, n % 1000, n % 10] {
                prop_assert_eq!(made(|out| number(n, out)), n.to_string());
            }
            prop_assert_eq!(made(|out| signed(i, out)), i.to_string());
            let expected = format!("{}.{:06}", us / 1_000_000, us % 1_000_000);
            prop_assert_eq!(made(|out| seconds(us, out)), expected);
        }

        #[test]
        fn nothing_escaped_ends_a_line_or_a_quote(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            let mut out = Vec::new();
            escaped(&bytes, &mut out);
            prop_assert!(!out.iter().any(|b| *b < 32 || *b == 127));
            let quotes = (0..out.len()).filter(|at| out[*at] == b'"');
            for at in quotes {
                let slashes = out[..at].iter().rev().take_while(|b| **b == b'\\').count();
                prop_assert!(slashes % 2 == 1);
            }
        }
    }
}
