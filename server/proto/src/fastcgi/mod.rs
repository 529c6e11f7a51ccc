//! FastCGI 1.0 as a responder speaks it: records in, a variable block and a body out, records back.
//! Pure.
//!
//! ```text
//! record   version u8 = 1 | type u8 | request id u16 | content length u16 | padding length u8 | 0
//!          content, padding                                          (all integers big endian)
//! request  BEGIN_REQUEST, PARAMS..., PARAMS empty, STDIN..., STDIN empty
//! answer   STDOUT..., STDOUT empty, END_REQUEST
//! ```
//!
//! [`look`] reads up to the body, which [`Stdin`] unpacks; [`reply`] makes what goes back. One
//! request runs on a connection at a time: whoever begins another one meanwhile is told so. The
//! stream of parameters is put together before it is read, so clients may cut it anywhere.
//!
//! Format: the FastCGI specification 1.0, sections 3 to 6.

mod head;
mod params;
pub mod reply;
mod stdin;

use std::fmt;

pub use head::{Head, Look, Scan, look};
pub use stdin::{Stdin, Step};

use crate::VarError;

/// Bytes of a record's header.
pub const HEADER_LEN: usize = 8;

/// Most content a record has.
pub const MOST: usize = 65_535;

/// Types of records.
pub mod kind {
    /// A request begins.
    pub const BEGIN_REQUEST: u8 = 1;
    /// The client gives up.
    pub const ABORT_REQUEST: u8 = 2;
    /// The answer is over.
    pub const END_REQUEST: u8 = 3;
    /// A piece of the stream of variables.
    pub const PARAMS: u8 = 4;
    /// A piece of the body.
    pub const STDIN: u8 = 5;
    /// A piece of the answer.
    pub const STDOUT: u8 = 6;
    /// What can this server do?
    pub const GET_VALUES: u8 = 9;
    /// The answer to that.
    pub const GET_VALUES_RESULT: u8 = 10;
    /// The answer to a question of a type that nobody knows.
    pub const UNKNOWN_TYPE: u8 = 11;
}

/// The header of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    /// One of [`kind`], or a type that nobody knows.
    pub kind: u8,
    /// The request; 0 for records that belong to none.
    pub id: u16,
    /// Bytes of content.
    pub length: u16,
    /// Bytes behind the content that mean nothing.
    pub padding: u8,
}

/// Why bytes were refused; `Display` gives the log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FastcgiError {
    /// Another version than 1: no FastCGI, most likely.
    Version(u8),
    /// The variables, or what stands around them, need more than so many bytes.
    Oversize(usize),
    /// A length of a variable runs past the end of all.
    Overrun,
    /// Records of a request that never began.
    NoRequest,
    /// The client gave the request up.
    Aborted,
    /// The variables themselves.
    Vars(VarError),
}

impl fmt::Display for FastcgiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Version(n) => write!(f, "invalid FastCGI record (version {n})...skip"),
            Self::Oversize(limit) => write!(f, "invalid FastCGI request size (max {limit})...skip"),
            Self::Overrun => f.write_str("invalid FastCGI variable length...skip"),
            Self::NoRequest => f.write_str("FastCGI record without a request...skip"),
            Self::Aborted => f.write_str("FastCGI request aborted by the web server"),
            Self::Vars(e) => e.fmt(f),
        }
    }
}

impl std::error::Error for FastcgiError {}

impl From<VarError> for FastcgiError {
    fn from(e: VarError) -> Self {
        Self::Vars(e)
    }
}

impl Record {
    /// The header as bytes.
    pub fn encode(self) -> [u8; HEADER_LEN] {
        let [id0, id1] = self.id.to_be_bytes();
        let [length0, length1] = self.length.to_be_bytes();
        [1, self.kind, id0, id1, length0, length1, self.padding, 0]
    }

    /// Reads a header; `None` while it is not whole.
    pub fn parse(input: &[u8]) -> Result<Option<Record>, FastcgiError> {
        match *input {
            [version, ..] if version != 1 => Err(FastcgiError::Version(version)),
            [_, kind, id0, id1, length0, length1, padding, _, ..] => Ok(Some(Record {
                kind,
                id: u16::from_be_bytes([id0, id1]),
                length: u16::from_be_bytes([length0, length1]),
                padding,
            })),
            _ => Ok(None),
        }
    }

    /// Bytes of the whole record.
    pub fn size(self) -> usize {
        HEADER_LEN + usize::from(self.length) + usize::from(self.padding)
    }
}

#[cfg(test)]
mod tests;
