//! AgentX (RFC 2741): the agent behind the SNMP agent that a machine has already.
//!
//! `bytes` is the encoding, `packet` what it carries, `session` who says what when. As everywhere in
//! this crate nothing here opens a socket: a [`Session`] takes the packets of a master agent and
//! makes the bytes for it.

mod bytes;
mod packet;
mod session;

pub use bytes::Malformed;
pub use packet::{Body, HEADER, LONGEST, Packet, Range, length};
pub use session::{Session, Step};
