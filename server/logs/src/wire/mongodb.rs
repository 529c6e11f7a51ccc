//! Documents for MongoDB: `{node, ts, msg}`, inserted without an acknowledgement.
//!
//! Format: the MongoDB wire protocol, `OP_MSG` with `moreToCome`, and BSON 1.1. Integers are little
//! endian.

use crate::Moment;

/// `OP_MSG`.
const OP_MSG: i32 = 2013;
/// The server answers nothing.
const MORE_TO_COME: u32 = 2;

/// Types of elements.
mod kind {
    pub(super) const TEXT: u8 = 0x02;
    pub(super) const DOCUMENT: u8 = 0x03;
    pub(super) const ARRAY: u8 = 0x04;
    pub(super) const DATE: u8 = 0x09;
    pub(super) const INT32: u8 = 0x10;
}

/// The message that inserts one line.
pub fn insert(
    collection: (&str, &str),
    node: &str,
    message: &[u8],
    at: Moment,
    id: i32,
) -> Vec<u8> {
    let line = document(|out| {
        text("node", node, out);
        date("ts", at, out);
        text("msg", &String::from_utf8_lossy(message), out);
    });
    let body = document(|out| {
        text("insert", collection.1, out);
        nested(
            kind::ARRAY,
            "documents",
            &document(|out| nested(kind::DOCUMENT, "0", &line, out)),
            out,
        );
        nested(kind::DOCUMENT, "writeConcern", &document(|out| int32("w", 0, out)), out);
        text("$db", collection.0, out);
    });
    let length = 16 + 4 + 1 + body.len();
    let mut out = Vec::with_capacity(length);
    for number in [length as i32, id, 0, OP_MSG] {
        out.extend(number.to_le_bytes());
    }
    out.extend(MORE_TO_COME.to_le_bytes());
    // A section of kind 0: the body.
    out.push(0);
    out.extend(body);
    out
}

/// Length, elements, a zero.
fn document(fill: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = vec![0; 4];
    fill(&mut out);
    out.push(0);
    let length = (out.len() as i32).to_le_bytes();
    out[..4].copy_from_slice(&length);
    out
}

fn name(kind: u8, name: &str, out: &mut Vec<u8>) {
    out.push(kind);
    out.extend(name.bytes());
    out.push(0);
}

fn text(key: &str, value: &str, out: &mut Vec<u8>) {
    name(kind::TEXT, key, out);
    out.extend((value.len() as i32 + 1).to_le_bytes());
    out.extend(value.bytes());
    out.push(0);
}

fn date(key: &str, at: Moment, out: &mut Vec<u8>) {
    name(kind::DATE, key, out);
    out.extend(at.millis().to_le_bytes());
}

fn int32(key: &str, value: i32, out: &mut Vec<u8>) {
    name(kind::INT32, key, out);
    out.extend(value.to_le_bytes());
}

fn nested(kind: u8, key: &str, inner: &[u8], out: &mut Vec<u8>) {
    name(kind, key, out);
    out.extend_from_slice(inner);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_one_document_of_a_message_that_wants_no_answer() {
        let bytes = insert(("uwsgi", "logs"), "box", b"hello\n", Moment(7_001_000), 3);
        assert_eq!(bytes[..4], (bytes.len() as i32).to_le_bytes());
        assert_eq!(bytes[4..8], 3i32.to_le_bytes());
        assert_eq!(bytes[12..21], [0xdd, 7, 0, 0, 2, 0, 0, 0, 0]);
        let body = &bytes[21..];
        assert_eq!(body[..4], (body.len() as i32).to_le_bytes());
        let has = |part: &[u8]| bytes.windows(part.len()).any(|window| window == part);
        assert!(has(b"\x02insert\0\x05\0\0\0logs\0") && has(b"\x02$db\0\x06\0\0\0uwsgi\0"));
        assert!(has(b"\x02node\0\x04\0\0\0box\0") && has(b"\x02msg\0\x07\0\0\0hello\n\0"));
        assert!(has(b"\x09ts\0\x59\x1b\0\0\0\0\0\0") && has(b"\x10w\0\0\0\0\0"));
    }
}
