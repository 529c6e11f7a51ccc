//! Descriptors of the server itself, and MongoDB.

use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use super::address::Stream;
use super::{Facts, Message, PATIENCE, Sink};
use crate::Moment;
use crate::logger::Address;
use crate::wire::mongodb;

/// A descriptor that was there before.
pub(super) struct Descriptor {
    /// Nothing where nobody has opened it; what has its number later is something else.
    fd: Option<Arc<OwnedFd>>,
    begun: Begun,
}

impl Descriptor {
    /// The log before it led here. In the master itself 1 and 2 lead here too.
    pub(super) fn original(facts: &Facts) -> Result<Descriptor, String> {
        let fd = facts.original.clone().ok_or("the log is not open")?;
        Ok(Descriptor { fd: Some(fd), begun: Begun::default() })
    }

    /// One that whoever started the server has opened.
    pub(super) fn inherited(fd: i32, facts: &Facts) -> Descriptor {
        let fd = (facts.duplicate)(fd).ok().map(Arc::new);
        Descriptor { fd, begun: Begun::default() }
    }
}

impl Sink for Descriptor {
    fn deliver(&mut self, messages: &[Message]) -> (usize, io::Result<()>) {
        let Some(fd) = &self.fd else {
            return (0, Err(io::Error::other("the descriptor is not open")));
        };
        for (done, Message { text, .. }) in messages.iter().enumerate() {
            if let Err(e) = self.begun.write(fd.as_fd(), text) {
                return (done, Err(e));
            }
        }
        (messages.len(), Ok(()))
    }
}

/// How much of the next message has been written: one that was interrupted goes on where it was.
#[derive(Debug, Default)]
pub(super) struct Begun(usize);

impl Begun {
    /// Writes the rest of a message.
    pub(super) fn write(&mut self, fd: BorrowedFd<'_>, message: &[u8]) -> io::Result<()> {
        while let Some(rest @ [_, ..]) = message.get(self.0..) {
            match rustix::io::write(fd, rest) {
                Ok(n) => self.0 += n,
                Err(Errno::INTR) => {}
                // Somebody else may have made it so that nothing waits.
                Err(Errno::AGAIN) if has_room(fd) => {}
                Err(e) => return Err(e.into()),
            }
        }
        self.0 = 0;
        Ok(())
    }

    /// Writes messages as one, whose bytes are put together in `text`. Answers how many are written.
    pub(super) fn write_all(
        &mut self,
        fd: BorrowedFd<'_>,
        messages: &[Message],
        text: &mut Vec<u8>,
    ) -> (usize, io::Result<()>) {
        text.clear();
        messages.iter().for_each(|message| text.extend_from_slice(&message.text));
        let said = self.write(fd, text);
        if said.is_ok() {
            return (messages.len(), said);
        }
        let whole = messages.iter().take_while(|message| {
            let left = self.0.checked_sub(message.text.len());
            self.0 = left.unwrap_or(self.0);
            left.is_some()
        });
        (whole.count(), said)
    }
}

fn has_room(fd: BorrowedFd<'_>) -> bool {
    let limit = Timespec::try_from(PATIENCE).ok();
    let mut fds = [PollFd::new(&fd, PollFlags::OUT)];
    rustix::io::retry_on_intr(|| poll(&mut fds, limit.as_ref())).is_ok_and(|ready| ready > 0)
}

/// A collection of MongoDB.
pub(super) struct Mongodb {
    to: Address,
    collection: (String, String),
    node: String,
    stream: Option<Stream>,
    id: i32,
}

impl Mongodb {
    pub(super) fn new(to: Address, collection: (String, String), node: String) -> Mongodb {
        Mongodb { to, collection, node, stream: None, id: 0 }
    }

    fn send(&mut self, message: &[u8], at: Moment) -> io::Result<()> {
        // It answers nothing: what it sends is the end.
        self.stream.take_if(|stream| stream.is_over());
        let stream = match &mut self.stream {
            Some(stream) => stream,
            none => none.insert(Stream::connect(&self.to)?),
        };
        self.id = self.id.wrapping_add(1);
        let collection = (self.collection.0.as_str(), self.collection.1.as_str());
        stream.write_all(&mongodb::insert(collection, &self.node, message, at, self.id))
    }
}

impl Sink for Mongodb {
    fn deliver(&mut self, messages: &[Message]) -> (usize, io::Result<()>) {
        for (done, Message { at, text }) in messages.iter().enumerate() {
            if let Err(e) = self.send(text, *at) {
                self.stream = None;
                return (done, Err(e));
            }
        }
        (messages.len(), Ok(()))
    }
}
