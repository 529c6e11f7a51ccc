//! The subset of BER that SNMP uses: definite lengths, one-byte tags, no nesting beyond the grammar.
//!
//! The reader is tolerant of what real managers send (lengths in long form, integers with more
//! octets than needed) and refuses what has no meaning; it copies nothing and does not recurse, so
//! no input costs more than its length. The writer produces the shortest form of everything.

pub(crate) mod read;
mod write;

use std::fmt;

pub use read::Reader;
pub use write::Writer;

/// Tags of the universal class.
pub mod tag {
    /// INTEGER.
    pub const INTEGER: u8 = 0x02;
    /// OCTET STRING.
    pub const OCTETS: u8 = 0x04;
    /// NULL.
    pub const NULL: u8 = 0x05;
    /// OBJECT IDENTIFIER.
    pub const OID: u8 = 0x06;
    /// SEQUENCE.
    pub const SEQUENCE: u8 = 0x30;
}

/// Why bytes are not what they should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// They end too early.
    Truncated,
    /// A length that is indefinite or larger than any datagram.
    Length,
    /// Another tag than the grammar has here.
    Tag(u8),
    /// A number that does not fit its type, or has no octet at all.
    Number,
    /// An object identifier with a broken, too large or surplus arc.
    Oid,
    /// Something where the grammar has nothing.
    Surplus,
}

impl fmt::Display for Error {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Truncated => out.write_str("ends too early"),
            Error::Length => out.write_str("a length that cannot be"),
            Error::Tag(tag) => write!(out, "tag 0x{tag:02x} where it has no place"),
            Error::Number => out.write_str("a number that does not fit"),
            Error::Oid => out.write_str("a broken object identifier"),
            Error::Surplus => out.write_str("more than belongs here"),
        }
    }
}

impl std::error::Error for Error {}
