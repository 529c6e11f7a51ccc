//! SNMPv3 with the user-based security model: who a message is from, that it is fresh, and that
//! nobody else reads it (RFC 3412, 3414, 3826, 7860).
//!
//! [`User`] is a line of the configuration, [`Keys`] what it becomes for one engine, [`Engine`] the
//! authoritative side that an agent is. [`Outgoing`] seals a message for any engine.

mod cipher;
mod engine;
mod hash;
mod keys;
mod message;
mod user;

pub use cipher::Cipher;
pub(crate) use engine::Opened;
pub use engine::{Engine, engine_id};
pub use hash::Hash;
pub use keys::Keys;
pub use message::{Incoming, Outgoing, Payload, Scoped, flag};
pub use user::{Level, User};
