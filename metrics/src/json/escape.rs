//! Bytes to a JSON string that every parser accepts, and that is the text itself for clean text.

/// Appends `bytes` as a quoted JSON string.
///
/// Valid UTF-8 stays as it is. Control bytes become `\u00XX` (tab, newline and return their short
/// forms); a byte that is not UTF-8 becomes `\u00XX` of itself, its Latin-1 reading.
pub(super) fn push_string(out: &mut Vec<u8>, bytes: &[u8]) {
    out.push(b'"');
    for chunk in bytes.utf8_chunks() {
        push_text(out, chunk.valid());
        for byte in chunk.invalid() {
            push_code(out, *byte);
        }
    }
    out.push(b'"');
}

fn push_text(out: &mut Vec<u8>, text: &str) {
    for byte in text.bytes() {
        match byte {
            b'"' => out.extend_from_slice(br#"\""#),
            b'\\' => out.extend_from_slice(br"\\"),
            b'\t' => out.extend_from_slice(br"\t"),
            b'\n' => out.extend_from_slice(br"\n"),
            b'\r' => out.extend_from_slice(br"\r"),
            0..=0x1f => push_code(out, byte),
            _ => out.push(byte),
        }
    }
}

fn push_code(out: &mut Vec<u8>, byte: u8) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let digits = [HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]];
    out.extend_from_slice(br"\u00");
    out.extend_from_slice(&digits);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn escaped(bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        push_string(&mut out, bytes);
        out
    }

    /// What a reader must get back: text as it is, stray bytes as Latin-1.
    fn expected(bytes: &[u8]) -> String {
        let chunks = bytes.utf8_chunks();
        chunks
            .map(|c| {
                c.valid().to_owned() + &c.invalid().iter().map(|b| *b as char).collect::<String>()
            })
            .collect()
    }

    #[test]
    fn known_strings_have_known_bytes() {
        let cases: [(&[u8], &[u8]); 6] = [
            (b"", br#""""#),
            (b"/sleep", br#""/sleep""#),
            (b"a\"b\\c\td", br#""a\"b\\c\td""#),
            (b"\r\n\x00\x1f\x7f", b"\"\\r\\n\\u0000\\u001f\x7f\""),
            ("é€".as_bytes(), "\"é€\"".as_bytes()),
            (b"x\xffy\xc3", br#""x\u00ffy\u00c3""#),
        ];
        for (bytes, want) in cases {
            assert_eq!(escaped(bytes), want, "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_back_by_a_strict_parser(bytes: Vec<u8>) {
            let value: serde_json::Value = serde_json::from_slice(&escaped(&bytes)).unwrap();
            let want = expected(&bytes);
            prop_assert_eq!(value.as_str(), Some(want.as_str()));
        }

        #[test]
        fn no_raw_newline_or_tab_is_left(bytes: Vec<u8>) {
            prop_assert!(!escaped(&bytes).iter().any(|b| matches!(b, b'\n' | b'\t' | b'\r')));
        }
    }
}
