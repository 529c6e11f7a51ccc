//! SNMP without I/O: datagrams and time in, datagrams out.
//!
//! [`ber`] is the encoding, [`Oid`], [`Value`], [`Pdu`] and [`Message`] are what it carries. The
//! crate opens no socket and reads no clock; whoever holds the sockets hands it datagrams.

pub mod ber;
mod message;
mod oid;
mod pdu;
mod value;

pub use message::{Message, version};
pub use oid::Oid;
pub use pdu::{Kind, Pdu, VarBind, status};
pub use value::Value;
