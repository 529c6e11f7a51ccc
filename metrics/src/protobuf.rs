//! Protocol Buffers, the writing half: fields appended to bytes that the caller owns.
//!
//! What Prometheus scrapes, remote write and OTLP carry is a handful of messages with fixed field
//! numbers, so their writers name the numbers and this file knows only the wire: tags, varints,
//! zigzag, fixed words, packed lists and nested messages. It writes what it is told, zeros too:
//! whether a default may be left out is the knowledge of the message. It reads nothing and never
//! fails.
//!
//! ```
//! use uwsgi_metrics::protobuf::Message;
//!
//! let mut out = Vec::new();
//! let mut point = Message::new(&mut out);
//! point.string(1, "le");
//! point.message(2, |inner| inner.packed_sints(4, [3, -2]));
//! assert_eq!(out, b"\x0a\x02le\x12\x04\x22\x02\x06\x03");
//! ```

/// Wire types.
const VARINT: u64 = 0;
const FIXED64: u64 = 1;
const BYTES: u64 = 2;
const FIXED32: u64 = 5;

/// Room that is kept for the length of a nested message: one byte serves up to 127 bytes, and
/// longer messages are moved once.
const LENGTH_ROOM: usize = 1;

/// A message being written at the end of some bytes.
#[derive(Debug)]
pub struct Message<'a> {
    out: &'a mut Vec<u8>,
}

impl<'a> Message<'a> {
    /// A message whose fields are appended to `out`.
    pub fn new(out: &'a mut Vec<u8>) -> Message<'a> {
        Message { out }
    }

    /// `uint32`, `uint64` and enumerations.
    pub fn uint(&mut self, field: u32, value: u64) {
        self.tag(field, VARINT);
        push_varint(self.out, value);
    }

    /// `int32` and `int64`: ten bytes when negative.
    pub fn int(&mut self, field: u32, value: i64) {
        self.uint(field, value.cast_unsigned());
    }

    /// `sint32` and `sint64`: short when close to zero on either side.
    pub fn sint(&mut self, field: u32, value: i64) {
        self.uint(field, zigzag(value));
    }

    /// `bool`.
    pub fn boolean(&mut self, field: u32, value: bool) {
        self.uint(field, value.into());
    }

    /// `double`.
    pub fn double(&mut self, field: u32, value: f64) {
        self.fixed64(field, value.to_bits());
    }

    /// `fixed64`.
    pub fn fixed64(&mut self, field: u32, value: u64) {
        self.tag(field, FIXED64);
        self.out.extend_from_slice(&value.to_le_bytes());
    }

    /// `sfixed64`.
    pub fn sfixed64(&mut self, field: u32, value: i64) {
        self.fixed64(field, value.cast_unsigned());
    }

    /// `fixed32`.
    pub fn fixed32(&mut self, field: u32, value: u32) {
        self.tag(field, FIXED32);
        self.out.extend_from_slice(&value.to_le_bytes());
    }

    /// `bytes`.
    pub fn bytes(&mut self, field: u32, value: &[u8]) {
        self.tag(field, BYTES);
        push_varint(self.out, value.len() as u64);
        self.out.extend_from_slice(value);
    }

    /// `string`.
    pub fn string(&mut self, field: u32, value: &str) {
        self.bytes(field, value.as_bytes());
    }

    /// `string` out of bytes that may not be UTF-8: a stray byte is shown by its Latin-1 reading,
    /// as the text expositions show it.
    pub fn text(&mut self, field: u32, value: &[u8]) {
        if let Ok(text) = str::from_utf8(value) {
            return self.string(field, text);
        }
        let mut text = String::with_capacity(value.len() * 2);
        for chunk in value.utf8_chunks() {
            text.push_str(chunk.valid());
            text.extend(chunk.invalid().iter().map(|byte| char::from(*byte)));
        }
        self.string(field, &text);
    }

    /// Fields that somebody has written already.
    pub fn append(&mut self, fields: &[u8]) {
        self.out.extend_from_slice(fields);
    }

    /// A nested message, filled by `write`.
    pub fn message(&mut self, field: u32, write: impl FnOnce(&mut Message<'_>)) {
        self.tag(field, BYTES);
        delimited(self.out, write);
    }

    /// A packed list of `uint32`, `uint64` or enumerations; nothing for an empty one.
    pub fn packed_uints(&mut self, field: u32, values: impl IntoIterator<Item = u64>) {
        self.packed(field, values, push_varint);
    }

    /// A packed list of `sint32` or `sint64`; nothing for an empty one.
    pub fn packed_sints(&mut self, field: u32, values: impl IntoIterator<Item = i64>) {
        self.packed(field, values, |out, value| push_varint(out, zigzag(value)));
    }

    /// A packed list of `fixed64`; nothing for an empty one.
    pub fn packed_fixed64(&mut self, field: u32, values: impl IntoIterator<Item = u64>) {
        self.packed(field, values, |out, value| out.extend_from_slice(&value.to_le_bytes()));
    }

    /// A packed list of `double`; nothing for an empty one.
    pub fn packed_doubles(&mut self, field: u32, values: impl IntoIterator<Item = f64>) {
        self.packed_fixed64(field, values.into_iter().map(f64::to_bits));
    }

    fn packed<T>(
        &mut self,
        field: u32,
        values: impl IntoIterator<Item = T>,
        push: impl Fn(&mut Vec<u8>, T),
    ) {
        let mut values = values.into_iter().peekable();
        if values.peek().is_some() {
            self.message(field, |list| values.for_each(|value| push(list.out, value)));
        }
    }

    fn tag(&mut self, field: u32, wire: u64) {
        push_varint(self.out, u64::from(field) << 3 | wire);
    }
}

/// Appends a message behind its length, without a field number: the framing of a stream of
/// messages, such as the `encoding=delimited` of a scrape.
pub fn delimited(out: &mut Vec<u8>, write: impl FnOnce(&mut Message<'_>)) {
    let start = out.len();
    out.extend_from_slice(&[0; LENGTH_ROOM]);
    write(&mut Message::new(out));
    let len = (out.len() - start - LENGTH_ROOM) as u64;
    let mut length = [0; MAX_VARINT];
    let used = put_varint(&mut length, len);
    if used == LENGTH_ROOM {
        // Most are short; moving nothing by way of `splice` costs more than writing them.
        out[start..start + LENGTH_ROOM].copy_from_slice(&length[..used]);
        return;
    }
    out.splice(start..start + LENGTH_ROOM, length[..used].iter().copied());
}

/// Appends a varint.
pub fn push_varint(out: &mut Vec<u8>, value: u64) {
    let mut bytes = [0; MAX_VARINT];
    let used = put_varint(&mut bytes, value);
    out.extend_from_slice(&bytes[..used]);
}

/// Longest varint: 64 bits, seven in each byte.
const MAX_VARINT: usize = 10;

fn put_varint(bytes: &mut [u8; MAX_VARINT], mut value: u64) -> usize {
    let mut used = 0;
    for byte in bytes {
        used += 1;
        *byte = (value & 0x7f) as u8;
        value >>= 7;
        if value == 0 {
            break;
        }
        *byte |= 0x80;
    }
    used
}

/// Signs moved to the lowest bit.
fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)).cast_unsigned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(write: impl FnOnce(&mut Message<'_>)) -> Vec<u8> {
        let mut out = Vec::new();
        write(&mut Message::new(&mut out));
        out
    }

    /// The other half, for the tests alone.
    fn read_varint(bytes: &mut &[u8]) -> u64 {
        let (mut value, mut shift) = (0, 0);
        loop {
            let (first, rest) = bytes.split_first().unwrap();
            *bytes = rest;
            value |= u64::from(first & 0x7f) << shift;
            shift += 7;
            if first & 0x80 == 0 {
                return value;
            }
        }
    }

    #[test]
    fn fields_have_the_bytes_of_the_wire_format() {
        type Case = (&'static str, Vec<u8>, &'static [u8]);
        let cases: [Case; 12] = [
            ("a varint of two bytes", written(|m| m.uint(1, 150)), b"\x08\x96\x01"),
            ("zero is written", written(|m| m.uint(2, 0)), b"\x10\x00"),
            ("a large number", written(|m| m.uint(16, 1)), b"\x80\x01\x01"),
            (
                "negative",
                written(|m| m.int(1, -1)),
                b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
            ),
            ("zigzag", written(|m| m.sint(1, -2)), b"\x08\x03"),
            ("double", written(|m| m.double(1, 1.0)), b"\x09\0\0\0\0\0\0\xf0\x3f"),
            ("fixed32", written(|m| m.fixed32(1, 7)), b"\x0d\x07\0\0\0"),
            ("string", written(|m| m.string(2, "testing")), b"\x12\x07testing"),
            ("stray byte", written(|m| m.text(1, b"a\xff")), b"\x0a\x03a\xc3\xbf"),
            ("packed", written(|m| m.packed_uints(4, [3, 270])), b"\x22\x03\x03\x8e\x02"),
            ("an empty list is nothing", written(|m| m.packed_sints(4, [])), b""),
            ("nested", written(|m| m.message(3, |n| n.uint(1, 150))), b"\x1a\x03\x08\x96\x01"),
        ];
        for (name, got, want) in cases {
            assert_eq!(got, want, "{name}");
        }
    }

    #[test]
    fn lengths_of_more_than_a_byte_move_what_they_precede() {
        for len in [127, 128, 16_383, 16_384] {
            let mut out = b"before".to_vec();
            delimited(&mut out, |m| m.out.extend(vec![b'x'; len]));
            let mut rest = &out[6..];
            assert_eq!(read_varint(&mut rest), len as u64);
            assert_eq!(rest.len(), len);
            assert!(out.starts_with(b"before") && rest.iter().all(|b| *b == b'x'));
        }
    }

    proptest! {
        #[test]
        fn varints_come_back(value: u64, signed: i64) {
            let mut out = Vec::new();
            push_varint(&mut out, value);
            push_varint(&mut out, zigzag(signed));
            let mut rest = out.as_slice();
            prop_assert_eq!(read_varint(&mut rest), value);
            let folded = read_varint(&mut rest);
            prop_assert_eq!((folded >> 1).cast_signed() ^ -(folded & 1).cast_signed(), signed);
            prop_assert!(rest.is_empty());
        }
    }
}
