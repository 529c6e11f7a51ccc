//! Reading: a cursor over bytes that takes one element after the other.

use super::{Error, tag};
use crate::oid::Oid;

/// A cursor over encoded elements.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Reads from the start of these bytes.
    pub fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader { rest: bytes }
    }

    /// True when nothing is left.
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// What is left.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// The tag of the next element, which stays.
    pub fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    /// Nothing may be left.
    pub fn end(&self) -> Result<(), Error> {
        if self.is_empty() { Ok(()) } else { Err(Error::Surplus) }
    }

    /// The next element, whatever it is: its tag and its content.
    pub fn any(&mut self) -> Result<(u8, &'a [u8]), Error> {
        let (&tag, rest) = self.rest.split_first().ok_or(Error::Truncated)?;
        if tag & 0x1f == 0x1f {
            // A tag of several bytes; SNMP has none.
            return Err(Error::Tag(tag));
        }
        let (len, rest) = length(rest)?;
        let (content, rest) = rest.split_at_checked(len).ok_or(Error::Truncated)?;
        self.rest = rest;
        Ok((tag, content))
    }

    /// The content of the next element, which must have this tag.
    pub fn expect(&mut self, want: u8) -> Result<&'a [u8], Error> {
        match self.any()? {
            (tag, content) if tag == want => Ok(content),
            (tag, _) => Err(Error::Tag(tag)),
        }
    }

    /// The elements inside the next one, which must have this tag.
    pub fn inside(&mut self, want: u8) -> Result<Reader<'a>, Error> {
        self.expect(want).map(Reader::new)
    }

    /// An INTEGER of 32 bits, the only size SNMP has.
    pub fn integer(&mut self) -> Result<i32, Error> {
        signed(self.expect(tag::INTEGER)?)
    }

    /// An OCTET STRING.
    pub fn octets(&mut self) -> Result<&'a [u8], Error> {
        self.expect(tag::OCTETS)
    }

    /// An OBJECT IDENTIFIER.
    pub fn oid(&mut self) -> Result<Oid, Error> {
        Oid::decode(self.expect(tag::OID)?)
    }
}

/// A length and what follows it. Four octets are what some managers always send.
fn length(bytes: &[u8]) -> Result<(usize, &[u8]), Error> {
    let (&first, rest) = bytes.split_first().ok_or(Error::Truncated)?;
    if first < 0x80 {
        return Ok((first.into(), rest));
    }
    let octets = usize::from(first & 0x7f);
    if !(1..=4).contains(&octets) {
        return Err(Error::Length);
    }
    let (octets, rest) = rest.split_at_checked(octets).ok_or(Error::Truncated)?;
    let len = octets.iter().fold(0_u32, |len, octet| len << 8 | u32::from(*octet));
    usize::try_from(len).map(|len| (len, rest)).map_err(|_| Error::Length)
}

/// A signed number of 32 bits. Octets that only repeat the sign are let pass.
pub(crate) fn signed(content: &[u8]) -> Result<i32, Error> {
    let (&first, _) = content.split_first().ok_or(Error::Number)?;
    let sign = if first & 0x80 == 0 { 0 } else { u8::MAX };
    let (extra, tail) = content.split_at(content.len().saturating_sub(4));
    let start = if sign == 0 { 0 } else { -1 };
    let value = tail.iter().fold(start, |value: i32, octet| value << 8 | i32::from(*octet));
    let fits = extra.iter().all(|octet| *octet == sign) && (value < 0) == (sign != 0);
    if fits { Ok(value) } else { Err(Error::Number) }
}

/// An unsigned number of up to `width` octets beside zeroes in front. The leading zero that keeps
/// a number positive may be missing: fixed-width agents leave it out.
pub(crate) fn unsigned(content: &[u8], width: usize) -> Result<u64, Error> {
    if content.is_empty() {
        return Err(Error::Number);
    }
    let (extra, tail) = content.split_at(content.len().saturating_sub(width));
    if extra.iter().any(|octet| *octet != 0) {
        return Err(Error::Number);
    }
    Ok(tail.iter().fold(0, |value, octet| value << 8 | u64::from(*octet)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_read_in_every_form_managers_use() {
        for (bytes, want) in [
            (&[0x04, 0x01, 7][..], Ok(&[7_u8][..])),
            (&[0x04, 0x81, 0x01, 7], Ok(&[7])),
            (&[0x04, 0x82, 0x00, 0x01, 7], Ok(&[7])),
            (&[0x04, 0x84, 0x00, 0x00, 0x00, 0x01, 7], Ok(&[7])),
            (&[0x04, 0x00], Ok(&[])),
            (&[0x04, 0x80, 7, 0, 0], Err(Error::Length)),
            (&[0x04, 0x85, 0, 0, 0, 0, 1, 7], Err(Error::Length)),
            (&[0x04, 0xff], Err(Error::Length)),
            (&[0x04, 0x84, 0xff, 0xff, 0xff, 0xff, 7], Err(Error::Truncated)),
            (&[0x04, 0x82, 0x01], Err(Error::Truncated)),
            (&[0x04, 0x02, 7], Err(Error::Truncated)),
            (&[0x04], Err(Error::Truncated)),
            (&[], Err(Error::Truncated)),
            (&[0x1f, 0x81, 0x00], Err(Error::Tag(0x1f))),
            (&[0x05, 0x00], Err(Error::Tag(0x05))),
        ] {
            assert_eq!(Reader::new(bytes).octets(), want, "{bytes:02x?}");
        }
    }

    #[test]
    fn integers_fit_32_bits_or_are_refused() {
        for (content, want) in [
            (&[0_u8][..], Ok(0)),
            (&[0xff], Ok(-1)),
            (&[0x80, 0, 0, 0], Ok(i32::MIN)),
            (&[0x7f, 0xff, 0xff, 0xff], Ok(i32::MAX)),
            (&[0, 0, 0, 0, 5], Ok(5)),
            (&[0xff, 0xff, 0xff, 0xff, 0xff, 0xfe], Ok(-2)),
            (&[0, 0x80, 0, 0, 0], Err(Error::Number)),
            (&[0xff, 0x7f, 0xff, 0xff, 0xff], Err(Error::Number)),
            (&[1, 0, 0, 0, 0], Err(Error::Number)),
            (&[], Err(Error::Number)),
        ] {
            assert_eq!(signed(content), want, "{content:02x?}");
        }
    }

    #[test]
    fn unsigned_numbers_may_lack_their_leading_zero() {
        for (content, width, want) in [
            (&[0xff, 0xff, 0xff, 0xff][..], 4, Ok(u64::from(u32::MAX))),
            (&[0, 0xff, 0xff, 0xff, 0xff], 4, Ok(u64::from(u32::MAX))),
            (&[1, 0, 0, 0, 0], 4, Err(Error::Number)),
            (&[0xff; 8], 8, Ok(u64::MAX)),
            (&[0; 20], 8, Ok(0)),
            (&[], 8, Err(Error::Number)),
        ] {
            assert_eq!(unsigned(content, width), want, "{content:02x?}");
        }
    }
}
