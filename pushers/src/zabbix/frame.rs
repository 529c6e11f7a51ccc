//! The envelope of every message: `ZBXD`, flags, two lengths, data. Pure.
//!
//! A message beyond 4 GiB has lengths of eight bytes (the flag "large"); whoever writes one in eight
//! bytes without the flag, as the original does, writes the same bytes for everything smaller.

use std::io::{Read, Write};

use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;

/// The first bytes.
const MAGIC: &[u8] = b"ZBXD";
/// The protocol; always set.
const PROTOCOL: u8 = 1;
/// The data is compressed with zlib; the second length is the one without.
const COMPRESSED: u8 = 2;
/// Lengths of eight bytes.
const LARGE: u8 = 4;

/// Bytes up to which every header is complete.
pub(super) const SHORT: usize = 13;
/// Bytes of a header with large lengths.
pub(super) const LONG: usize = 21;
/// What an answer may have, before and after it is unpacked: that of a server that names the items
/// of a large host is a few hundred kilobytes.
const ANSWER: u64 = 16 << 20;

/// What follows a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    /// Bytes of data.
    pub(super) length: usize,
    compressed: bool,
}

/// Wraps a message.
pub(super) fn wrap(data: &[u8], compress: bool) -> Vec<u8> {
    if compress && let Some(packed) = packed(data) {
        return framed(COMPRESSED, &packed, data.len() as u64);
    }
    framed(0, data, 0)
}

fn packed(data: &[u8]) -> Option<Vec<u8>> {
    let mut packer = ZlibEncoder::new(Vec::new(), Compression::fast());
    // Writing to memory does not fail.
    packer.write_all(data).and_then(|()| packer.finish()).ok()
}

fn framed(flags: u8, data: &[u8], unpacked: u64) -> Vec<u8> {
    let mut out = Vec::with_capacity(LONG + data.len());
    header(&mut out, flags, data.len() as u64, unpacked);
    out.extend_from_slice(data);
    out
}

fn header(out: &mut Vec<u8>, flags: u8, length: u64, unpacked: u64) {
    out.extend_from_slice(MAGIC);
    match (u32::try_from(length), u32::try_from(unpacked)) {
        (Ok(length), Ok(unpacked)) => {
            out.push(PROTOCOL | flags);
            out.extend_from_slice(&length.to_le_bytes());
            out.extend_from_slice(&unpacked.to_le_bytes());
        }
        _ => {
            out.push(PROTOCOL | flags | LARGE);
            out.extend_from_slice(&length.to_le_bytes());
            out.extend_from_slice(&unpacked.to_le_bytes());
        }
    }
}

/// How long the header is that begins with these bytes.
///
/// # Errors
/// What is wrong with them.
pub(super) fn head_length(first: [u8; SHORT]) -> Result<usize, &'static str> {
    let [a, b, c, d, flags, ..] = first;
    if [a, b, c, d] != *MAGIC || flags & PROTOCOL == 0 {
        return Err("this is not the protocol of Zabbix");
    }
    if flags & !(PROTOCOL | COMPRESSED | LARGE) != 0 {
        return Err("a flag of the header is unknown");
    }
    Ok(if flags & LARGE == 0 { SHORT } else { LONG })
}

/// Reads a whole header.
///
/// # Errors
/// What is wrong with it.
pub(super) fn head(bytes: &[u8]) -> Result<Head, &'static str> {
    let flags = bytes.get(4).copied().unwrap_or_default();
    let length = match bytes.get(5..).unwrap_or_default() {
        [a, b, c, d, _, _, _, _] => u64::from(u32::from_le_bytes([*a, *b, *c, *d])),
        [a, b, c, d, e, f, g, h, ..] => u64::from_le_bytes([*a, *b, *c, *d, *e, *f, *g, *h]),
        _ => return Err("the header is cut off"),
    };
    if length > ANSWER {
        return Err("the answer is too long");
    }
    Ok(Head { length: length as usize, compressed: flags & COMPRESSED != 0 })
}

/// Unpacks the data that followed a header.
///
/// # Errors
/// What is wrong with it.
pub(super) fn unwrap(head: Head, data: Vec<u8>) -> Result<Vec<u8>, &'static str> {
    if !head.compressed {
        return Ok(data);
    }
    let mut out = Vec::new();
    match ZlibDecoder::new(&data[..]).take(ANSWER + 1).read_to_end(&mut out) {
        Ok(_) if out.len() as u64 <= ANSWER => Ok(out),
        Ok(_) => Err("the answer is too long"),
        Err(_) => Err("the answer cannot be unpacked"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opened(message: &[u8]) -> Result<Vec<u8>, &'static str> {
        let first = message[..SHORT].try_into().unwrap();
        let length = head_length(first)?;
        let head = head(&message[..length])?;
        assert_eq!(head.length, message.len() - length);
        unwrap(head, message[length..].to_vec())
    }

    #[test]
    fn a_message_is_what_the_original_writes() {
        assert_eq!(wrap(b"{}", false), b"ZBXD\x01\x02\0\0\0\0\0\0\0{}");
        assert_eq!(opened(b"ZBXD\x01\x02\0\0\0\0\0\0\0{}").unwrap(), b"{}");
    }

    #[test]
    fn a_packed_message_says_both_lengths() {
        let data = vec![b'x'; 70_000];
        let message = wrap(&data, true);
        assert_eq!(message[..5], *b"ZBXD\x03");
        assert_eq!(message[5..9], ((message.len() - SHORT) as u32).to_le_bytes());
        assert_eq!(message[9..13], 70_000u32.to_le_bytes());
        assert_eq!(opened(&message).unwrap(), data);
    }

    #[test]
    fn what_is_large_says_so() {
        for (length, unpacked) in [(1 << 32, 0), (5, 1 << 32)] {
            let mut out = Vec::new();
            header(&mut out, COMPRESSED, length, unpacked);
            assert_eq!(out.len(), LONG);
            assert_eq!(out[4], PROTOCOL | COMPRESSED | LARGE);
            assert_eq!(out[5..13], length.to_le_bytes());
            assert_eq!(out[13..], unpacked.to_le_bytes());
        }
        let large = b"ZBXD\x05\x02\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0{}";
        assert_eq!(opened(large).unwrap(), b"{}");
    }

    #[test]
    fn garbage_is_refused() {
        for (bytes, why) in [
            (&b"HTTP/1.1 400 "[..], "this is not the protocol of Zabbix"),
            (b"ZBXD\x02\x02\0\0\0\0\0\0\0", "this is not the protocol of Zabbix"),
            (b"ZBXD\x09\x02\0\0\0\0\0\0\0", "a flag of the header is unknown"),
        ] {
            assert_eq!(head_length(bytes.try_into().unwrap()), Err(why));
        }
        assert_eq!(head(b"ZBXD\x01\xff\xff\xff\xff\0\0\0\0"), Err("the answer is too long"));
        assert_eq!(head(b"ZBXD\x01\xff"), Err("the header is cut off"));
        let packed = Head { length: 3, compressed: true };
        assert_eq!(unwrap(packed, b"abc".to_vec()), Err("the answer cannot be unpacked"));
        let bomb = super::packed(&vec![0; ANSWER as usize + 1]).unwrap();
        assert!(bomb.len() < ANSWER as usize / 10);
        assert_eq!(unwrap(packed, bomb), Err("the answer is too long"));
    }
}
