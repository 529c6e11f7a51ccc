//! The epoll set and what its 64 bits of user data mean.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};

use crate::slab::Key;

/// Whose event it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Token {
    /// A listening socket, by its index.
    Front(usize),
    /// The signals.
    Signals,
    /// A client connection.
    Client(Key),
    /// A link connection.
    Link(Key),
}

impl Token {
    fn to_bits(self) -> u64 {
        let (kind, bits) = match self {
            Self::Front(i) => (0, i as u64),
            Self::Signals => (1, 0),
            Self::Client(key) => (2, key.to_bits()),
            Self::Link(key) => (3, key.to_bits()),
        };
        kind << 56 | bits
    }

    fn from_bits(bits: u64) -> Self {
        match bits >> 56 {
            0 => Self::Front((bits & u64::from(u32::MAX)) as usize),
            1 => Self::Signals,
            2 => Self::Client(Key::from_bits(bits)),
            _ => Self::Link(Key::from_bits(bits)),
        }
    }
}

/// What happened to a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Happened {
    pub(crate) readable: bool,
    pub(crate) writable: bool,
    /// The peer sends no more.
    pub(crate) ended: bool,
    /// Both directions are over.
    pub(crate) gone: bool,
}

/// What is always watched of a link.
const LINK: EventFlags = EventFlags::IN.union(EventFlags::RDHUP).union(EventFlags::ET);

pub(crate) struct Poll {
    epoll: OwnedFd,
}

impl Poll {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self { epoll: epoll::create(CreateFlags::CLOEXEC)? })
    }

    /// Watches a connection for everything, once and for all: edges, so that flow control needs
    /// no further system calls.
    pub(crate) fn watch(&self, fd: impl AsFd, token: Token) -> io::Result<()> {
        let flags = EventFlags::IN | EventFlags::OUT | EventFlags::RDHUP | EventFlags::ET;
        Ok(epoll::add(&self.epoll, fd, EventData::new_u64(token.to_bits()), flags)?)
    }

    /// Watches a link, for bytes only. A UNIX socket reports room to write each time its peer
    /// reads anything: a wake-up per request for nothing.
    pub(crate) fn watch_link(&self, fd: impl AsFd, key: Key) -> io::Result<()> {
        let data = EventData::new_u64(Token::Link(key).to_bits());
        Ok(epoll::add(&self.epoll, fd, data, LINK)?)
    }

    /// Watches a link for room to write too, or no longer. What is there already is reported
    /// anew, so no edge is lost.
    pub(crate) fn rewatch_link(&self, fd: impl AsFd, key: Key, room: bool) {
        let data = EventData::new_u64(Token::Link(key).to_bits());
        let flags = if room { LINK | EventFlags::OUT } else { LINK };
        // Changing what is in the set allocates nothing and cannot fail.
        let _ = epoll::modify(&self.epoll, fd, data, flags);
    }

    /// Watches a listening socket or the signals, by level. Processes that share a listening
    /// socket are not all woken for one connection.
    pub(crate) fn watch_level(&self, fd: impl AsFd, token: Token) -> io::Result<()> {
        let exclusive = matches!(token, Token::Front(_));
        let flags = if exclusive { EventFlags::EXCLUSIVE } else { EventFlags::empty() };
        let data = EventData::new_u64(token.to_bits());
        Ok(epoll::add(&self.epoll, fd, data, EventFlags::IN | flags)?)
    }

    /// Forgets a descriptor.
    pub(crate) fn forget(&self, fd: impl AsFd) {
        // It may not be in the set; either way it is not afterwards.
        let _ = epoll::delete(&self.epoll, fd);
    }

    /// Waits for events; a signal or the timeout ends it with none.
    pub(crate) fn wait(
        &self,
        events: &mut Vec<Event>,
        timeout: Option<Duration>,
    ) -> io::Result<()> {
        events.clear();
        let timeout = timeout.map(|t| Timespec {
            tv_sec: t.as_secs() as i64,
            tv_nsec: i64::from(t.subsec_nanos()) as _,
        });
        match epoll::wait(&self.epoll, rustix::buffer::spare_capacity(events), timeout.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(e) => Err(e.into()),
        }
    }
}

/// Reads an event.
pub(crate) fn decode(event: &Event) -> (Token, Happened) {
    let flags = event.flags;
    let has = |f: EventFlags| flags.intersects(f);
    let happened = Happened {
        readable: has(EventFlags::IN | EventFlags::RDHUP | EventFlags::HUP | EventFlags::ERR),
        writable: has(EventFlags::OUT),
        ended: has(EventFlags::RDHUP | EventFlags::HUP | EventFlags::ERR),
        gone: has(EventFlags::HUP | EventFlags::ERR),
    };
    (Token::from_bits(event.data.u64()), happened)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_survive_the_kernel() {
        let key = Key::from_bits(0x00ab_cdef_1234_5678);
        for token in [Token::Front(3), Token::Signals, Token::Client(key), Token::Link(key)] {
            assert_eq!(Token::from_bits(token.to_bits()), token);
        }
    }
}
