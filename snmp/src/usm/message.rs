//! Messages of SNMPv3 on the wire: head, security parameters, and what is inside.

use super::cipher::Moment;
use super::keys::Keys;
use crate::ber::{Error, Reader, Writer, tag};
use crate::message::version;
use crate::pdu::Pdu;

/// Bits of the flags.
pub mod flag {
    /// Signed.
    pub const AUTH: u8 = 1;
    /// Encrypted.
    pub const PRIVATE: u8 = 2;
    /// Wants a report when it is not accepted.
    pub const REPORTABLE: u8 = 4;
}

/// The user-based security model.
pub(crate) const MODEL: i32 = 3;

/// What is inside: a PDU and whom it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scoped {
    /// The engine that has the numbers.
    pub engine_id: Vec<u8>,
    /// A part of them; empty for all.
    pub context: Vec<u8>,
    /// The PDU.
    pub pdu: Pdu,
}

impl Scoped {
    /// Reads it; what follows is padding of a cipher.
    pub fn decode(bytes: &[u8]) -> Result<Scoped, Error> {
        Scoped::read(&mut Reader::new(bytes))
    }

    fn read(from: &mut Reader<'_>) -> Result<Scoped, Error> {
        let mut inside = from.inside(tag::SEQUENCE)?;
        let engine_id = inside.octets()?.to_vec();
        let context = inside.octets()?.to_vec();
        let pdu = Pdu::read(&mut inside)?;
        inside.end()?;
        Ok(Scoped { engine_id, context, pdu })
    }

    fn write(&self, out: &mut Writer) {
        out.around(tag::SEQUENCE, |out| {
            out.octets(&self.engine_id);
            out.octets(&self.context);
            self.pdu.write(out);
        });
    }
}

/// What a message carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Payload<'a> {
    /// In the clear.
    Plain(Scoped),
    /// Encrypted.
    Secret(&'a [u8]),
}

/// A message that came in; nothing of it is to be trusted yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incoming<'a> {
    /// Joins message and answer.
    pub id: i32,
    /// The largest answer the sender takes.
    pub max_size: i32,
    /// See [`flag`].
    pub flags: u8,
    /// The security model; everything below belongs to that of users.
    pub model: i32,
    /// The authoritative engine.
    pub engine_id: &'a [u8],
    /// Its boots.
    pub boots: i32,
    /// Its time.
    pub time: i32,
    /// The user.
    pub user: &'a [u8],
    /// The digest.
    pub digest: &'a [u8],
    /// The salt of the cipher.
    pub salt: &'a [u8],
    /// What it carries.
    pub payload: Payload<'a>,
    /// The message in front of the digest and behind it.
    around_digest: [&'a [u8]; 2],
}

impl<'a> Incoming<'a> {
    /// Reads a datagram of version 3.
    pub fn decode(datagram: &'a [u8]) -> Result<Incoming<'a>, Error> {
        let mut whole = Reader::new(datagram);
        let mut message = whole.inside(tag::SEQUENCE)?;
        // What stands behind the message is not signed.
        let used = datagram.len() - whole.rest().len();
        if message.integer()? != version::V3 {
            return Err(Error::Number);
        }
        let mut head = message.inside(tag::SEQUENCE)?;
        let (id, max_size) = (head.integer()?, head.integer()?);
        let &[flags] = head.octets()? else { return Err(Error::Number) };
        let model = head.integer()?;
        let mut security = Reader::new(message.octets()?).inside(tag::SEQUENCE)?;
        let engine_id = security.octets()?;
        let (boots, time) = (security.integer()?, security.integer()?);
        let user = security.octets()?;
        let digest = security.octets()?;
        let digest_end = used - (security.rest().len() + message.rest().len());
        let salt = security.octets()?;
        security.end()?;
        let payload = match message.peek() {
            Some(tag::OCTETS) => Payload::Secret(message.octets()?),
            _ => Payload::Plain(Scoped::read(&mut message)?),
        };
        message.end()?;
        let before = datagram.get(..digest_end - digest.len()).ok_or(Error::Truncated)?;
        let after = datagram.get(digest_end..used).ok_or(Error::Truncated)?;
        Ok(Incoming {
            id,
            max_size,
            flags,
            model,
            engine_id,
            boots,
            time,
            user,
            digest,
            salt,
            payload,
            around_digest: [before, after],
        })
    }

    /// Whether the digest is right for these keys.
    pub fn is_signed_by(&self, keys: &Keys) -> bool {
        let [before, after] = self.around_digest;
        let zeroes = [0; 64];
        let Some(zeroes) = zeroes.get(..self.digest.len()) else { return false };
        let Some((hash, key)) = &keys.auth else { return false };
        hash.verify(key, &[before, zeroes, after], self.digest)
    }

    /// What is inside; nothing when these keys do not open it.
    pub fn open(&self, keys: &Keys) -> Option<Scoped> {
        match (&self.payload, &keys.privacy) {
            (Payload::Plain(scoped), _) => Some(scoped.clone()),
            (Payload::Secret(secret), Some((cipher, key))) => {
                let moment =
                    Moment { boots: self.boots.cast_unsigned(), time: self.time.cast_unsigned() };
                Scoped::decode(&cipher.decrypt(key, self.salt, moment, secret)?).ok()
            }
            (Payload::Secret(_), None) => None,
        }
    }
}

/// A message to send.
#[derive(Clone, Copy, Debug)]
pub struct Outgoing<'a> {
    /// Joins message and answer.
    pub id: i32,
    /// The largest answer we take.
    pub max_size: i32,
    /// See [`flag`]; protection needs the keys for it.
    pub flags: u8,
    /// The authoritative engine.
    pub engine_id: &'a [u8],
    /// Its boots.
    pub boots: i32,
    /// Its time.
    pub time: i32,
    /// The user.
    pub user: &'a [u8],
    /// What it carries.
    pub scoped: &'a Scoped,
}

impl Outgoing<'_> {
    /// The datagram. `counter` must not have been given before under these keys. Nothing when the
    /// flags ask for protection that the keys cannot give.
    pub fn seal(&self, keys: &Keys, counter: u64) -> Option<Vec<u8>> {
        let mut inner = Writer::new();
        self.scoped.write(&mut inner);
        let mut body = inner.finish();
        let mut salt = Vec::new();
        if self.flags & flag::PRIVATE != 0 {
            let (cipher, key) = keys.privacy.as_ref()?;
            let moment =
                Moment { boots: self.boots.cast_unsigned(), time: self.time.cast_unsigned() };
            let used = cipher.salt(counter, moment);
            let mut out = Writer::new();
            out.octets(&cipher.encrypt(key, used, moment, &body)?);
            body = out.finish();
            salt = used.to_vec();
        }
        if self.flags & flag::AUTH == 0 {
            return Some(self.write(&[], &salt, &body));
        }
        let (hash, key) = keys.auth.as_ref()?;
        let unsigned = self.write(&vec![0; hash.carried()], &salt, &body);
        // Of one size, so nothing else moves.
        Some(self.write(&hash.sign(key, &unsigned), &salt, &body))
    }

    fn write(&self, digest: &[u8], salt: &[u8], body: &[u8]) -> Vec<u8> {
        let mut security = Writer::new();
        security.around(tag::SEQUENCE, |out| {
            out.octets(self.engine_id);
            out.integer(self.boots);
            out.integer(self.time);
            out.octets(self.user);
            out.octets(digest);
            out.octets(salt);
        });
        let security = security.finish();
        let mut out = Writer::new();
        out.around(tag::SEQUENCE, |out| {
            out.integer(version::V3);
            out.around(tag::SEQUENCE, |out| {
                out.integer(self.id);
                out.integer(self.max_size);
                out.octets(&[self.flags]);
                out.integer(MODEL);
            });
            out.octets(&security);
            out.raw(body);
        });
        out.finish()
    }
}
