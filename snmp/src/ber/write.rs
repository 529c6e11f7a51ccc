//! Writing: elements one after the other, lengths put in once they are known.

use super::tag;
use crate::oid::Oid;

/// Bytes under construction.
#[derive(Clone, Debug, Default)]
pub struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    /// Nothing yet.
    pub fn new() -> Writer {
        Writer::default()
    }

    /// What was written.
    pub fn finish(self) -> Vec<u8> {
        self.bytes
    }

    /// How many bytes there are.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// True while there are none.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Bytes that are encoded already.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// An element of this tag and content.
    pub fn element(&mut self, tag: u8, content: &[u8]) {
        self.bytes.push(tag);
        let (octets, used) = length(content.len());
        self.bytes.extend_from_slice(&octets[..used]);
        self.bytes.extend_from_slice(content);
    }

    /// An element of this tag around what `fill` writes.
    pub fn around(&mut self, tag: u8, fill: impl FnOnce(&mut Writer)) {
        self.bytes.push(tag);
        self.bytes.push(0);
        let start = self.bytes.len();
        fill(self);
        let (octets, used) = length(self.bytes.len() - start);
        // Most elements are short: one octet was kept, more of them move what follows.
        self.bytes.splice(start - 1..start, octets[..used].iter().copied());
    }

    /// An INTEGER.
    pub fn integer(&mut self, value: i32) {
        let octets = value.to_be_bytes();
        self.element(tag::INTEGER, shortest(&octets));
    }

    /// An unsigned number under a tag of its own.
    pub fn unsigned(&mut self, tag: u8, value: u64) {
        let mut octets = [0; 9];
        octets[1..].copy_from_slice(&value.to_be_bytes());
        self.element(tag, shortest(&octets));
    }

    /// An OCTET STRING.
    pub fn octets(&mut self, content: &[u8]) {
        self.element(tag::OCTETS, content);
    }

    /// A NULL.
    pub fn null(&mut self) {
        self.element(tag::NULL, &[]);
    }

    /// An OBJECT IDENTIFIER.
    pub fn oid(&mut self, oid: &Oid) {
        self.around(tag::OID, |out| oid.encode(&mut out.bytes));
    }
}

/// The octets of a length, and how many of them count.
fn length(len: usize) -> ([u8; 5], usize) {
    let octets = (len as u32).to_be_bytes();
    if len < 0x80 {
        return ([octets[3], 0, 0, 0, 0], 1);
    }
    let skip = octets.iter().take_while(|octet| **octet == 0).count();
    let mut out = [0; 5];
    let used = octets.len() - skip;
    out[0] = 0x80 | used as u8;
    out[1..=used].copy_from_slice(&octets[skip..]);
    (out, used + 1)
}

/// Without the octets that only repeat the sign.
fn shortest(octets: &[u8]) -> &[u8] {
    let repeats = |pair: &&[u8]| matches!((pair[0], pair[1] & 0x80), (0, 0) | (0xff, 0x80));
    &octets[octets.windows(2).take_while(repeats).count()..]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ber::Reader;

    #[test]
    fn integers_take_the_fewest_octets() {
        for (value, want) in [
            (0, &[2, 1, 0][..]),
            (127, &[2, 1, 127]),
            (128, &[2, 2, 0, 128]),
            (-1, &[2, 1, 0xff]),
            (-129, &[2, 2, 0xff, 0x7f]),
            (i32::MIN, &[2, 4, 0x80, 0, 0, 0]),
        ] {
            let mut out = Writer::new();
            out.integer(value);
            assert_eq!(out.finish(), want, "{value}");
        }
    }

    #[test]
    fn unsigned_numbers_keep_the_zero_that_makes_them_positive() {
        for (value, want) in [
            (0, &[0x46, 1, 0][..]),
            (0x80, &[0x46, 2, 0, 0x80]),
            (u64::MAX, &[0x46, 9, 0, 255, 255, 255, 255, 255, 255, 255, 255]),
        ] {
            let mut out = Writer::new();
            out.unsigned(0x46, value);
            assert_eq!(out.finish(), want, "{value}");
        }
    }

    #[test]
    fn lengths_change_form_at_128_256_and_65536() {
        for (len, head) in [
            (127, &[0x30, 127][..]),
            (128, &[0x30, 0x81, 128]),
            (255, &[0x30, 0x81, 255]),
            (256, &[0x30, 0x82, 1, 0]),
            (65536, &[0x30, 0x83, 1, 0, 0]),
        ] {
            let mut out = Writer::new();
            out.around(0x30, |out| out.raw(&vec![7; len]));
            let bytes = out.finish();
            assert_eq!(&bytes[..head.len()], head, "{len}");
            assert_eq!(bytes.len(), head.len() + len);
            assert_eq!(Reader::new(&bytes).expect(0x30), Ok(&vec![7; len][..]));
        }
    }
}
