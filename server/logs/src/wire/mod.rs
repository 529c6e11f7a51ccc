//! The bytes that each receiver wants. No I/O.

pub mod crypto;
pub mod gelf;
pub mod journal;
pub mod mongodb;
pub mod redis;
pub mod syslog;
pub mod zmtp;
