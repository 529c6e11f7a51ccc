//! One line as one JSON object.
//!
//! Owns commas, quotes and escapes: control bytes are escaped, what is no UTF-8 becomes U+FFFD, so that
//! every line is read by every reader of JSON. Refuses nesting beyond one object in another.

use crate::{template, text};

/// An object that is being written behind what is there.
pub struct Object<'a> {
    out: &'a mut Vec<u8>,
    empty: bool,
}

impl<'a> Object<'a> {
    /// Begins one.
    pub fn new(out: &'a mut Vec<u8>) -> Object<'a> {
        out.push(b'{');
        Object { out, empty: true }
    }

    fn key(&mut self, name: &[u8]) -> &mut Vec<u8> {
        if !std::mem::take(&mut self.empty) {
            self.out.push(b',');
        }
        string(name, self.out);
        self.out.push(b':');
        self.out
    }

    /// A text.
    pub fn text(&mut self, name: &str, value: &[u8]) {
        string(value, self.key(name.as_bytes()));
    }

    /// A text, unless it is empty.
    pub fn known(&mut self, name: &str, value: &[u8]) {
        if !value.is_empty() {
            self.text(name, value);
        }
    }

    /// A number.
    pub fn number(&mut self, name: &str, value: u64) {
        text::number(value, self.key(name.as_bytes()));
    }

    /// A number that may be negative.
    pub fn signed(&mut self, name: &str, value: i64) {
        text::signed(value, self.key(name.as_bytes()));
    }

    /// An object of texts, unless it is empty.
    pub fn texts<'v>(&mut self, name: &str, values: impl Iterator<Item = (&'v [u8], &'v [u8])>) {
        let mut values = values.peekable();
        if values.peek().is_none() {
            return;
        }
        let mut inner = Object::new(self.key(name.as_bytes()));
        values.for_each(|(key, value)| string(value, inner.key(key)));
        inner.end();
    }

    /// Ends it.
    pub fn end(self) {
        self.out.push(b'}');
    }
}

/// Appends a string of JSON.
fn string(bytes: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    let plain = |b: &u8| matches!(b, b' '..=b'~') && !matches!(b, b'"' | b'\\');
    let (plain, rest) = bytes.split_at(bytes.iter().take_while(|b| plain(b)).count());
    out.extend_from_slice(plain);
    if !rest.is_empty() {
        template::json(rest, out);
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn commas_stand_between_and_what_is_unknown_is_left_out() {
        let mut out = b"x".to_vec();
        let mut object = Object::new(&mut out);
        object.known("nobody", b"");
        object.number("n", 1);
        object.texts("none", std::iter::empty());
        object.signed("i", -1);
        object.text("empty", b"");
        object.texts("vars", [(&b"a\""[..], &b"b\n"[..]), (b"c", b"d")].into_iter());
        object.end();
        let expected = r#"x{"n":1,"i":-1,"empty":"","vars":{"a\"":"b\n","c":"d"}}"#;
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    proptest! {
        #[test]
        fn any_bytes_become_one_line_that_is_read(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            let mut out = Vec::new();
            let mut object = Object::new(&mut out);
            object.text("t", &bytes);
            object.end();
            prop_assert!(!out.iter().any(|b| *b < 32 || *b == 127));
            let read: serde_json::Value = serde_json::from_slice(&out).unwrap();
            prop_assert_eq!(read["t"].as_str().unwrap(), String::from_utf8_lossy(&bytes));
        }
    }
}
