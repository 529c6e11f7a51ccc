//! SCGI requests: a netstring of names and values, each ended by a NUL, and the body behind it.
//! Pure.
//!
//! Format: <https://python.ca/scgi/protocol.txt>. More tolerant than it, like the servers it is
//! spoken by: `CONTENT_LENGTH` need not come first and `SCGI` need not be there.

use std::fmt;

use crate::{VarBlock, VarError};

/// Where a complete head ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Bytes of input up to the body.
    pub head_len: usize,
}

/// Why a head was refused; `Display` gives the log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScgiError {
    /// The head would not fit the limit, which it carries.
    Oversize(usize),
    /// It is no netstring of pairs.
    Malformed,
    /// The variables themselves.
    Vars(VarError),
}

impl fmt::Display for ScgiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Oversize(limit) => write!(f, "invalid SCGI request size (max {limit})...skip"),
            Self::Malformed => f.write_str("invalid SCGI request...skip"),
            Self::Vars(e) => e.fmt(f),
        }
    }
}

impl std::error::Error for ScgiError {}

impl From<VarError> for ScgiError {
    fn from(e: VarError) -> Self {
        Self::Vars(e)
    }
}

/// Reads a head of at most `limit` bytes; `None` while it is not whole. `out` gets its variables.
pub fn parse(input: &[u8], limit: usize, out: &mut VarBlock) -> Result<Option<Head>, ScgiError> {
    let Some((size, at)) = length(input, limit)? else { return Ok(None) };
    let end = at + size;
    if end >= limit {
        return Err(ScgiError::Oversize(limit));
    }
    match input.get(end) {
        None => Ok(None),
        Some(b',') => {
            pairs(&input[at..end], out)?;
            Ok(Some(Head { head_len: end + 1 }))
        }
        Some(_) => Err(ScgiError::Malformed),
    }
}

/// The length in front and where the content begins.
fn length(input: &[u8], limit: usize) -> Result<Option<(usize, usize)>, ScgiError> {
    let mut size = 0;
    for (at, byte) in input.iter().enumerate() {
        match byte {
            b'0'..=b'9' => size = size * 10 + usize::from(byte - b'0'),
            b':' if size > 0 => return Ok(Some((size, at + 1))),
            _ => return Err(ScgiError::Malformed),
        }
        // Zeros in front must not make a head of their own.
        if size >= limit || at >= DIGITS {
            return Err(ScgiError::Oversize(limit));
        }
    }
    Ok(None)
}

/// As many digits as any length that fits memory.
const DIGITS: usize = 19;

fn pairs(content: &[u8], out: &mut VarBlock) -> Result<(), ScgiError> {
    out.clear();
    let mut rest = content;
    while !rest.is_empty() {
        let (name, behind) = until_nul(rest)?;
        let (value, behind) = until_nul(behind)?;
        out.push(name, value)?;
        rest = behind;
    }
    Ok(())
}

fn until_nul(bytes: &[u8]) -> Result<(&[u8], &[u8]), ScgiError> {
    let at = memchr::memchr(0, bytes).ok_or(ScgiError::Malformed)?;
    Ok((&bytes[..at], &bytes[at + 1..]))
}

#[cfg(test)]
#[path = "scgi_test.rs"]
mod tests;
