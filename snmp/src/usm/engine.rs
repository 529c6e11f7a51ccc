//! The authoritative engine of an agent: which messages it accepts, what it says about the others,
//! and how it seals its answers and notifications.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::hash::Hash;
use super::keys::Keys;
use super::message::{Incoming, MODEL, Outgoing, Payload, Scoped, flag};
use super::user::{Level, User};
use crate::oid::Oid;
use crate::pdu::{Kind, Pdu, VarBind};
use crate::value::Value;

/// Seconds by which the clocks of manager and agent may differ.
const WINDOW: u64 = 150;

/// The least answer every manager takes.
const LEAST: i32 = 484;

/// Why a message is not accepted, in the order of the counters of usmStats, and the one of contexts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refusal {
    Level = 1,
    Window = 2,
    User = 3,
    Engine = 4,
    Digest = 5,
    Decryption = 6,
    Context = 7,
}

impl Refusal {
    fn counter(self) -> Oid {
        match self {
            Refusal::Context => Oid::new(&[1, 3, 6, 1, 6, 3, 12, 1, 5, 0]),
            of_users => Oid::new(&[1, 3, 6, 1, 6, 3, 15, 1, 1, of_users as u32, 0]),
        }
    }
}

/// The engine. Clones are the same engine: whoever holds one, no salt is given out twice.
#[derive(Clone, Debug)]
pub struct Engine {
    id: Vec<u8>,
    boots: i32,
    users: Vec<(User, Keys)>,
    counter: Arc<AtomicU64>,
    refused: [u32; 8],
}

/// What has to be remembered of a request to answer it.
#[derive(Clone, Debug)]
pub(crate) struct Ticket {
    id: i32,
    flags: u8,
    user: Vec<u8>,
    context: Vec<u8>,
    /// The largest answer the manager takes.
    pub size: usize,
}

/// What became of a message.
#[derive(Clone, Debug)]
pub(crate) enum Opened {
    /// Accepted.
    Request(Ticket, Pdu),
    /// Not accepted; a report, if it wants one.
    Refused(Option<Vec<u8>>),
    /// No message.
    Malformed,
}

/// A stable id for whatever this text names: enterprise number, then a hash.
pub fn engine_id(text: &str) -> Vec<u8> {
    let mut id = vec![0x80, 0x00, 0x89, 0x54, 0x05];
    id.extend(Hash::Sha256.of(&[text.as_bytes()]).into_iter().take(16));
    id
}

impl Engine {
    /// An engine that has started `boots` times. `counter` begins the salts and should be random.
    pub fn new(id: Vec<u8>, boots: i32, users: Vec<User>, counter: u64) -> Engine {
        let with_keys = |user: User| {
            let keys = Keys::of(&user, &id);
            (user, keys)
        };
        let users = users.into_iter().map(with_keys).collect();
        Engine { id, boots, users, counter: Arc::new(counter.into()), refused: [0; 8] }
    }

    /// Its id.
    pub fn id(&self) -> &[u8] {
        &self.id
    }

    /// How often it has started.
    pub fn boots(&self) -> i32 {
        self.boots
    }

    /// A notification from this user, with all the protection that the passwords allow, at a time
    /// in seconds since the start of the engine. The sender of a trap is its authority, so the
    /// receiver needs the id of this engine; `id` is any number.
    ///
    /// # Errors
    /// There is no such user.
    pub fn trap(&self, user: &str, id: i32, pdu: Pdu, time: u64) -> Result<Vec<u8>, String> {
        let none = || format!("there is no SNMPv3 user \"{user}\"");
        let (_, keys) = self.user(user.as_bytes()).ok_or_else(none)?;
        let auth = if keys.auth.is_some() { flag::AUTH } else { 0 };
        let private = if keys.privacy.is_some() { flag::PRIVATE } else { 0 };
        let (user, context) = (user.as_bytes().to_vec(), Vec::new());
        let ticket = Ticket { id, flags: auth | private, user, context, size: 0 };
        self.seal(&ticket, pdu, time).ok_or_else(none)
    }

    /// Opens a datagram at a time in seconds since the start of the engine.
    pub(crate) fn open(&mut self, datagram: &[u8], time: u64) -> Opened {
        let Ok(message) = Incoming::decode(datagram) else { return Opened::Malformed };
        let unsigned = message.flags & (flag::AUTH | flag::PRIVATE) == flag::PRIVATE;
        let secret = matches!(message.payload, Payload::Secret(_));
        let wrong_form = secret != (message.flags & flag::PRIVATE != 0);
        if message.model != MODEL || unsigned || wrong_form {
            return Opened::Malformed;
        }
        match self.accept(&message, time) {
            Ok(scoped) => {
                let ticket = Ticket {
                    id: message.id,
                    flags: message.flags & (flag::AUTH | flag::PRIVATE),
                    user: message.user.to_vec(),
                    context: scoped.context,
                    size: usize::try_from(message.max_size.max(LEAST)).unwrap_or(0),
                };
                Opened::Request(ticket, scoped.pdu)
            }
            Err(refusal) => Opened::Refused(self.report(&message, refusal, time)),
        }
    }

    fn accept(&self, message: &Incoming<'_>, time: u64) -> Result<Scoped, Refusal> {
        if message.engine_id != self.id {
            return Err(Refusal::Engine);
        }
        let (user, keys) = self.user(message.user).ok_or(Refusal::User)?;
        let level = match message.flags & (flag::AUTH | flag::PRIVATE) {
            0 => Level::NoAuthNoPriv,
            flag::AUTH => Level::AuthNoPriv,
            _ => Level::AuthPriv,
        };
        let lacks = (level >= Level::AuthNoPriv && keys.auth.is_none())
            || (level == Level::AuthPriv && keys.privacy.is_none());
        if level < user.level || lacks {
            return Err(Refusal::Level);
        }
        if level >= Level::AuthNoPriv {
            if !message.is_signed_by(keys) {
                return Err(Refusal::Digest);
            }
            let theirs = u64::try_from(message.time).map_err(|_| Refusal::Window)?;
            let worn_out = self.boots == i32::MAX;
            if worn_out || message.boots != self.boots || theirs.abs_diff(time) > WINDOW {
                return Err(Refusal::Window);
            }
        }
        let scoped = message.open(keys).ok_or(Refusal::Decryption)?;
        // Some managers name the engine only once.
        let ours = scoped.engine_id.is_empty() || scoped.engine_id == self.id;
        let known = scoped.context.is_empty() && ours;
        if known { Ok(scoped) } else { Err(Refusal::Context) }
    }

    fn user(&self, name: &[u8]) -> Option<&(User, Keys)> {
        self.users.iter().find(|(user, _)| user.name.as_bytes() == name)
    }

    /// Tells a manager what it needs to do better. Only that its clock is wrong, and what follows
    /// from a right digest, is signed: nobody else must be believed.
    fn report(&mut self, message: &Incoming<'_>, refusal: Refusal, time: u64) -> Option<Vec<u8>> {
        let count = self.refused.get_mut(refusal as usize)?;
        *count = count.wrapping_add(1);
        let value = Value::Counter32(*count);
        let request_id = match &message.payload {
            // Whoever wants no answer gets no report either, whatever its flags say: two engines
            // must not talk to each other for ever.
            Payload::Plain(scoped) if !scoped.pdu.kind.wants_answer() => return None,
            Payload::Plain(scoped) => scoped.pdu.request_id,
            Payload::Secret(_) => 0,
        };
        if message.flags & flag::REPORTABLE == 0 {
            return None;
        }
        let bind = VarBind { name: refusal.counter(), value };
        let ticket = Ticket {
            id: message.id,
            flags: match refusal {
                Refusal::Window => flag::AUTH,
                Refusal::Context => message.flags & (flag::AUTH | flag::PRIVATE),
                _ => 0,
            },
            user: message.user.to_vec(),
            context: Vec::new(),
            size: 0,
        };
        self.seal(&ticket, Pdu::new(Kind::Report, request_id, vec![bind]), time)
    }

    /// The answer as the manager expects it.
    pub(crate) fn seal(&self, ticket: &Ticket, pdu: Pdu, time: u64) -> Option<Vec<u8>> {
        let counter = self.counter.fetch_add(1, Ordering::Relaxed);
        let scoped = Scoped { engine_id: self.id.clone(), context: ticket.context.clone(), pdu };
        let out = Outgoing {
            id: ticket.id,
            max_size: crate::agent::LARGEST as i32,
            flags: ticket.flags,
            engine_id: &self.id,
            boots: self.boots,
            time: i32::try_from(time).unwrap_or(i32::MAX),
            user: &ticket.user,
            scoped: &scoped,
        };
        let none = Keys { auth: None, privacy: None };
        out.seal(self.user(&ticket.user).map_or(&none, |(_, keys)| keys), counter)
    }
}
