//! The PROXY protocol: what a balancer puts in front of the first bytes of a connection to say
//! who its client is. Version 1 is a line of text, version 2 a binary header.
//!
//! Owns the meaning of these bytes and, as [`Trust`], who may send them. A header is looked for
//! only where a configuration says that one may come.

mod trust;
mod v1;
mod v2;

use std::net::SocketAddr;

pub use trust::{Awaits, Trust, Verdict};

/// Whom a header names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The balancer speaks for itself, or does not know: the addresses of the socket hold.
    Unsaid,
    /// A client on a UNIX socket of the balancer's machine.
    Local,
    /// A client of the network.
    Client {
        /// Where it connects from.
        src: SocketAddr,
        /// What it connected to.
        dst: SocketAddr,
    },
}

/// What the first bytes of a connection hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// Too few bytes to tell, or a header that is not complete.
    Partial,
    /// No header.
    Absent,
    /// A header of `len` bytes.
    Found {
        /// Bytes to skip.
        len: usize,
        /// Whom it names.
        origin: Origin,
    },
    /// The beginning of a header, and then something else.
    Broken,
}

/// Looks for a header at the start of `input`.
pub fn parse(input: &[u8]) -> Start {
    match v1::parse(input) {
        Start::Absent => v2::parse(input),
        found => found,
    }
}

#[cfg(test)]
mod tests;
