//! Numbers, names and texts of AgentX, in the byte order of whoever sent them.
//!
//! Source: RFC 2741, 5. What is written here is always in network byte order.

use std::fmt;

use crate::oid::Oid;
use crate::pdu::VarBind;
use crate::value::Value;

/// Most arcs of a name.
const ARCS: usize = 128;

/// `1.3.6.1`, which names may leave out.
const INTERNET: [u32; 4] = [1, 3, 6, 1];

/// What is wrong with a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// It ends in the middle of something.
    Truncated,
    /// Another version than 1.
    Version,
    /// A packet of an unknown type, or one that only a subagent sends.
    Type(u8),
    /// A name of more than 128 arcs.
    Name,
    /// A value of an unknown type.
    Value(u16),
    /// It is longer than any that is accepted, or not a multiple of four bytes.
    Length,
    /// Bytes behind its end.
    Surplus,
}

impl fmt::Display for Malformed {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Malformed::Truncated => out.write_str("it ends too early"),
            Malformed::Version => out.write_str("it is not of version 1"),
            Malformed::Type(code) => write!(out, "type {code} is not for a subagent"),
            Malformed::Name => out.write_str("a name has more than 128 arcs"),
            Malformed::Value(code) => write!(out, "a value has the unknown type {code}"),
            Malformed::Length => out.write_str("its length is not one"),
            Malformed::Surplus => out.write_str("bytes follow its end"),
        }
    }
}

/// A cursor over a packet.
#[derive(Clone, Debug)]
pub(super) struct Reader<'a> {
    rest: &'a [u8],
    network: bool,
}

impl<'a> Reader<'a> {
    pub(super) fn new(rest: &'a [u8], network: bool) -> Reader<'a> {
        Reader { rest, network }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(super) fn end(&self) -> Result<(), Malformed> {
        if self.is_empty() { Ok(()) } else { Err(Malformed::Surplus) }
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (taken, rest) = self.rest.split_first_chunk().ok_or(Malformed::Truncated)?;
        self.rest = rest;
        Ok(*taken)
    }

    pub(super) fn u8(&mut self) -> Result<u8, Malformed> {
        self.take::<1>().map(|[byte]| byte)
    }

    pub(super) fn u16(&mut self) -> Result<u16, Malformed> {
        let bytes = self.take()?;
        Ok(if self.network { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) })
    }

    pub(super) fn u32(&mut self) -> Result<u32, Malformed> {
        let bytes = self.take()?;
        Ok(if self.network { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) })
    }

    fn u64(&mut self) -> Result<u64, Malformed> {
        let bytes = self.take()?;
        Ok(if self.network { u64::from_be_bytes(bytes) } else { u64::from_le_bytes(bytes) })
    }

    /// A name, and whether a search that begins with it includes it.
    pub(super) fn oid(&mut self) -> Result<(Oid, bool), Malformed> {
        let [count, prefix, include, _] = self.take()?;
        let mut arcs = Vec::with_capacity(usize::from(count) + 5);
        if prefix != 0 {
            arcs.extend_from_slice(&INTERNET);
            arcs.push(prefix.into());
        }
        if arcs.len() + usize::from(count) > ARCS {
            return Err(Malformed::Name);
        }
        for _ in 0..count {
            arcs.push(self.u32()?);
        }
        Ok((Oid::new(&arcs), include != 0))
    }

    pub(super) fn octets(&mut self) -> Result<&'a [u8], Malformed> {
        let length = self.u32()? as usize;
        let padded = length.checked_next_multiple_of(4).ok_or(Malformed::Truncated)?;
        let (content, rest) = self.rest.split_at_checked(padded).ok_or(Malformed::Truncated)?;
        self.rest = rest;
        Ok(content.get(..length).unwrap_or_default())
    }

    pub(super) fn bind(&mut self) -> Result<VarBind, Malformed> {
        let code = self.u16()?;
        let _reserved = self.u16()?;
        let (name, _) = self.oid()?;
        let value = match code {
            2 => Value::Integer(self.u32()?.cast_signed()),
            4 => Value::Octets(self.octets()?.to_vec()),
            5 => Value::Null,
            6 => Value::Oid(self.oid()?.0),
            64 => {
                let octets = self.octets()?;
                Value::IpAddress(octets.try_into().map_err(|_| Malformed::Value(code))?)
            }
            65 => Value::Counter32(self.u32()?),
            66 => Value::Gauge32(self.u32()?),
            67 => Value::TimeTicks(self.u32()?),
            68 => Value::Opaque(self.octets()?.to_vec()),
            70 => Value::Counter64(self.u64()?),
            128 => Value::NoSuchObject,
            129 => Value::NoSuchInstance,
            130 => Value::EndOfMibView,
            other => return Err(Malformed::Value(other)),
        };
        Ok(VarBind { name, value })
    }
}

/// What is sent.
#[derive(Clone, Debug, Default)]
pub(super) struct Writer(pub(super) Vec<u8>);

impl Writer {
    pub(super) fn u8(&mut self, value: u8) {
        self.0.push(value);
    }

    pub(super) fn u16(&mut self, value: u16) {
        self.0.extend_from_slice(&value.to_be_bytes());
    }

    pub(super) fn u32(&mut self, value: u32) {
        self.0.extend_from_slice(&value.to_be_bytes());
    }

    /// A name; the first five arcs are left out where the protocol has a short form for them.
    pub(super) fn oid(&mut self, oid: &Oid, include: bool) {
        let arcs = oid.arcs();
        let (prefix, arcs) = match arcs.strip_prefix(&INTERNET) {
            Some([first @ 1..=255, rest @ ..]) => (*first as u8, rest),
            _ => (0, arcs),
        };
        // No name is longer, see `Oid`.
        self.0.extend_from_slice(&[arcs.len() as u8, prefix, include.into(), 0]);
        arcs.iter().for_each(|arc| self.u32(*arc));
    }

    pub(super) fn octets(&mut self, octets: &[u8]) {
        self.u32(octets.len() as u32);
        self.0.extend_from_slice(octets);
        let padded = self.0.len().next_multiple_of(4);
        self.0.resize(padded, 0);
    }

    pub(super) fn bind(&mut self, bind: &VarBind) {
        self.u16(code(&bind.value));
        self.u16(0);
        self.oid(&bind.name, false);
        match &bind.value {
            Value::Integer(value) => self.u32(value.cast_unsigned()),
            Value::Octets(octets) | Value::Opaque(octets) => self.octets(octets),
            Value::Oid(oid) => self.oid(oid, false),
            Value::IpAddress(address) => self.octets(address),
            Value::Counter32(value) | Value::Gauge32(value) | Value::TimeTicks(value) => {
                self.u32(*value);
            }
            Value::Counter64(value) => self.0.extend_from_slice(&value.to_be_bytes()),
            Value::Null | Value::NoSuchObject | Value::NoSuchInstance | Value::EndOfMibView => {}
        }
    }
}

/// The types have the numbers of their BER tags, and the exceptions, too.
fn code(value: &Value) -> u16 {
    value.tag().into()
}
