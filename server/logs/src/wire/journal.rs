//! Entries of the journal.
//!
//! Format: the native journal protocol: `KEY=value` lines, and for values with a newline the key, a
//! newline, the length in 64 bits little endian, the value, a newline.

use crate::template::bare;

/// One entry: the message, and fields with it.
pub fn entry(message: &[u8], fields: &[(&str, &str)]) -> Vec<u8> {
    let mut out = Vec::with_capacity(message.len() + 64);
    field("MESSAGE", bare(message), &mut out);
    for (key, value) in fields {
        field(key, value.as_bytes(), &mut out);
    }
    out
}

fn field(key: &str, value: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(key.as_bytes());
    if value.contains(&b'\n') {
        out.push(b'\n');
        out.extend((value.len() as u64).to_le_bytes());
    } else {
        out.push(b'=');
    }
    out.extend_from_slice(value);
    out.push(b'\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_of_several_lines_brings_its_length() {
        assert_eq!(entry(b"a\n", &[("PRIORITY", "6")]), b"MESSAGE=a\nPRIORITY=6\n");
        assert_eq!(entry(b"a\nb\n", &[]), b"MESSAGE\n\x03\0\0\0\0\0\0\0a\nb\n");
    }
}
