//! SNMP without I/O: datagrams and time in, datagrams out.
//!
//! [`Agent`] answers managers from a [`Tree`], which [`tree`] makes of the arena's numbers. [`ber`]
//! is the encoding, [`Oid`], [`Value`], [`Pdu`] and [`Message`] are what it carries, [`usm`] is what
//! SNMPv3 puts around it. The crate opens
//! no socket and reads no clock; whoever holds the sockets hands it datagrams. It only answers
//! questions: nothing can be set through it.

mod acl;
mod agent;
pub mod agentx;
pub mod ber;
mod legacy;
mod message;
mod numbers;
mod oid;
mod pdu;
mod reply;
mod tree;
pub mod usm;
mod value;

pub use acl::Network;
pub use agent::{Access, Agent, Outcome, Source, Verdict};
pub use message::{Message, version};
pub use numbers::{Rules, System, tree};
pub use oid::Oid;
pub use pdu::{Kind, Pdu, VarBind, status};
pub use tree::Tree;
pub use value::Value;
