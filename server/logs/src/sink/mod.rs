//! Where lines end: one sink for each kind of logger.
//!
//! A sink blocks for as long as its receiver lets it, but never beyond [`PATIENCE`]; so each has a
//! thread and a queue of its own ([`lane`]). It keeps nothing: a message that could not be delivered
//! is offered again by whoever carries it.

mod address;
mod command;
mod datagram;
mod file;
pub mod lane;
mod redis;
mod stream;
mod zeromq;

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use crate::Moment;
use crate::logger::Kind;

/// The longest wait for a receiver.
pub const PATIENCE: Duration = Duration::from_secs(3);

/// A line on its way, as its receiver gets it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    /// When it was said.
    pub at: Moment,
    /// Its bytes, the newline among them.
    pub text: Vec<u8>,
}

/// One receiver.
pub trait Sink: Send {
    /// Delivers messages in order. Answers how many of them are settled: delivered, or refused by the
    /// receiver for good. The rest is offered again after a pause.
    fn deliver(&mut self, messages: &[Message]) -> (usize, io::Result<()>);

    /// What there is to tell since the last call, one line each.
    fn news(&mut self) -> Vec<String> {
        Vec::new()
    }

    /// Files that were moved away since the last call.
    fn moved(&mut self) -> u64 {
        0
    }

    /// What was opened is closed: a file of another name, another receiver.
    fn reopen(&mut self) {}

    /// A file gets another name, and a new one its place.
    fn rotate(&mut self, _at: Moment) {}
}

/// What sinks may know of their surroundings.
#[derive(Clone, Debug)]
pub struct Facts {
    /// Name of this machine.
    pub hostname: String,
    /// Version of this server.
    pub version: String,
    /// `rsyslog-packet-size`, bytes.
    pub rsyslog_packet: usize,
    /// `rsyslog-split-messages`.
    pub rsyslog_split: bool,
    /// The log before it led here, for `stdio` and descriptors 1 and 2.
    pub original: Option<Arc<OwnedFd>>,
    /// Makes a second descriptor of one that whoever started the server has opened.
    pub duplicate: fn(i32) -> io::Result<OwnedFd>,
    /// Mode of files, where one is configured.
    pub mode: Option<u32>,
}

/// Opens nothing yet: the receiver is looked for with the first message. The error is the line for
/// the log.
pub fn sink(kind: &Kind, facts: &Facts) -> Result<Box<dyn Sink>, String> {
    Ok(match kind {
        Kind::File { path, most, backup } => {
            Box::new(file::File::new(path, *most, backup.as_deref(), facts.mode))
        }
        Kind::Fd(1 | 2) | Kind::Stdio => Box::new(stream::Descriptor::original(facts)?),
        Kind::Fd(fd) => Box::new(stream::Descriptor::inherited(*fd, facts)),
        Kind::Pipe(command) => Box::new(command::Command::new(command)),
        Kind::Redis(target) => Box::new(redis::Redis::new(target.clone())),
        Kind::Zeromq(endpoint) => Box::new(zeromq::Push::new(endpoint)?),
        Kind::Mongodb { to, collection, node } => {
            let node = node.clone().unwrap_or_else(|| facts.hostname.clone());
            Box::new(stream::Mongodb::new(to.clone(), collection.clone(), node))
        }
        kind => Box::new(datagram::Datagrams::new(kind, facts)?),
    })
}

#[cfg(test)]
mod tests;
