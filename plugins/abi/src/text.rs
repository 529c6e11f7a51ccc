//! What neither side lets into a line of a head: one rule for what clients send, what applications
//! answer and what plugins refuse before the server sees it.

/// Whether there is a control character other than a tab. Eight bytes at a time, the last eight of
/// which may overlap with others: there is none, nearly always.
#[inline]
pub fn has_control(text: &[u8]) -> bool {
    let suspicious = match text.last_chunk() {
        Some(last) => may_have_control(last) || text.as_chunks().0.iter().any(may_have_control),
        None => true,
    };
    suspicious && text.iter().any(|b| (*b < 0x20 && *b != b'\t') || *b == 0x7f)
}

/// Whether one of eight bytes is below 0x20, or 0x7f.
#[inline]
fn may_have_control(bytes: &[u8; 8]) -> bool {
    const ONES: u64 = u64::MAX / 255;
    let word = u64::from_ne_bytes(*bytes);
    // A byte below `n` borrows into its highest bit when `n` is taken off; one from 0x80 on has it.
    let below = |word: u64, n: u64| word.wrapping_sub(ONES * n) & !word & (ONES << 7);
    below(word, 0x20) | below(word ^ (ONES * 0x7f), 1) != 0
}

#[cfg(test)]
mod tests {
    use super::has_control;

    #[test]
    fn each_byte_at_each_place_is_judged_alike() {
        for byte in 0..=u8::MAX {
            let bad = (byte < 0x20 && byte != b'\t') || byte == 0x7f;
            for len in 1..20 {
                for at in 0..len {
                    for around in [b'a', 0xff, b' '] {
                        let mut text = vec![around; len];
                        text[at] = byte;
                        assert_eq!(has_control(&text), bad, "{byte:#x} at {at} of {len}");
                    }
                }
            }
        }
        assert!(!has_control(b""));
    }
}
