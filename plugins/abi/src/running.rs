//! What a plugin may ask about a running request, beyond reading its body and answering it, and
//! a few facts about the instance.
//!
//! It owns the numbers of [`Deed`] and the safe calls of the plugin's side. It refuses to keep
//! bytes of the server: what is answered is copied by the caller at once.

use crate::plugin::ServerRef;
use crate::{Fact, OK, Request, Str};

/// What [`crate::Server::deed`] does.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    /// Keeps `value` under `key` for the log line. Both are cut at 255 bytes.
    SetLogvar = 0,
    /// Answers what is kept under `key`; -1 without it.
    Logvar = 1,
    /// Adds a request variable for the log; -1 without room.
    AddVar = 2,
    /// The request gets a log line, whatever the configuration says.
    LogAlways = 3,
    /// Ends the response and the connection; what is sent later goes nowhere.
    Disconnect = 4,
}

impl Deed {
    /// The deed of a number.
    pub fn of(op: u32) -> Option<Deed> {
        use Deed::{AddVar, Disconnect, LogAlways, Logvar, SetLogvar};
        [SetLogvar, Logvar, AddVar, LogAlways, Disconnect].into_iter().find(|d| *d as u32 == op)
    }
}

/// Wait of [`crate::Server::chunk`]: none.
pub const CHUNK_NOW: i64 = i64::MIN;
/// Result of `chunk`: none is here yet.
pub const CHUNK_LATER: i32 = -3;

/// A chunk that could not be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoChunk {
    /// The connection, the coding or the patience is broken.
    Failed,
    /// It has not come yet.
    Later,
}

impl ServerRef {
    /// Does what needs no answer but whether it worked.
    pub fn deed(&self, request: *mut Request, deed: Deed, key: &[u8], value: &[u8]) -> bool {
        let mut nothing = Str::EMPTY;
        (self.table().deed)(request, deed as u32, Str::new(key), Str::new(value), &mut nothing) == 0
    }

    /// What is kept for the log line under `key`.
    pub fn logvar(&self, request: *mut Request, key: &[u8]) -> Option<Vec<u8>> {
        let mut found = Str::EMPTY;
        let (op, none) = (Deed::Logvar as u32, Str::EMPTY);
        if (self.table().deed)(request, op, Str::new(key), none, &mut found) != 0 {
            return None;
        }
        // SAFETY: the server keeps the value until the next call about this request.
        Some(unsafe { found.bytes() }.to_vec())
    }

    /// The next chunk of the body, see [`crate::Server::chunk`].
    ///
    /// # Errors
    /// There is none, now or for good.
    pub fn chunk(&self, request: *mut Request, seconds: i64) -> Result<Vec<u8>, NoChunk> {
        let mut chunk = Str::EMPTY;
        match (self.table().chunk)(request, seconds, &mut chunk) {
            // SAFETY: the server keeps the chunk until the next call about this request.
            OK => Ok(unsafe { chunk.bytes() }.to_vec()),
            CHUNK_LATER => Err(NoChunk::Later),
            _ => Err(NoChunk::Failed),
        }
    }

    /// Sends bytes as they are, see [`crate::Server::send`]. The result is that of `write`.
    pub fn send(&self, request: *mut Request, data: &[u8]) -> i32 {
        (self.table().send)(request, Str::new(data))
    }

    /// A number about the instance, see [`crate::Server::fact`].
    pub fn fact(&self, fact: Fact, nth: usize) -> Option<u64> {
        u64::try_from((self.table().fact)(fact as u32, nth)).ok()
    }

    /// See [`crate::Server::title`].
    pub fn title(&self, text: &[u8]) {
        (self.table().title)(Str::new(text));
    }
}
