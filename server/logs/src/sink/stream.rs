//! Descriptors of the server itself, and MongoDB.

use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use super::address::Stream;
use super::{Facts, Message, Sink};
use crate::Moment;
use crate::logger::Address;
use crate::wire::mongodb;

/// A descriptor that was there before.
pub(super) struct Descriptor(Arc<OwnedFd>);

impl Descriptor {
    /// The log before it led here. In the master itself 1 and 2 lead here too.
    pub(super) fn original(facts: &Facts) -> Result<Descriptor, String> {
        facts.original.clone().map(Descriptor).ok_or_else(|| "the log is not open".to_owned())
    }

    /// One that whoever started the server has opened.
    pub(super) fn inherited(fd: i32, facts: &Facts) -> Result<Descriptor, String> {
        let own = (facts.duplicate)(fd);
        own.map(|own| Descriptor(Arc::new(own)))
            .map_err(|e| format!("fd logger: descriptor {fd}: {e}"))
    }
}

impl Sink for Descriptor {
    fn deliver(&mut self, messages: &[Message]) -> (usize, io::Result<()>) {
        for (done, Message { text, .. }) in messages.iter().enumerate() {
            if let Err(e) = write_all(self.0.as_fd(), text) {
                return (done, Err(e));
            }
        }
        (messages.len(), Ok(()))
    }
}

/// Writes all of it.
pub(super) fn write_all(fd: BorrowedFd<'_>, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match rustix::io::write(fd, bytes) {
            Ok(n) => bytes = bytes.get(n..).unwrap_or_default(),
            Err(rustix::io::Errno::INTR) => {}
            Err(e) => return Err(e.into()),
        }
    }
    Ok(())
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
