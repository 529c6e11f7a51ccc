//! A PUSH socket of ZeroMQ that connects.

use std::io::{self, Read, Write};

use super::address::Stream;
use super::{Message, Sink};
use crate::logger::{self, Address};
use crate::wire::zmtp::{self, Received};

/// See the module.
pub(super) struct Push {
    to: Address,
    stream: Option<Stream>,
    out: Vec<u8>,
}

impl Push {
    /// `tcp://host:port` or `ipc://path`.
    pub(super) fn new(endpoint: &str) -> Result<Push, String> {
        let to = logger::endpoint(endpoint)?;
        Ok(Push { to, stream: None, out: Vec::new() })
    }

    fn send(&mut self, message: &[u8]) -> io::Result<()> {
        // A peer that only pulls is silent until it goes.
        self.stream.take_if(|stream| stream.is_over());
        let stream = match &mut self.stream {
            Some(stream) => stream,
            none => none.insert(greeted(Stream::connect(&self.to)?)?),
        };
        self.out.clear();
        zmtp::frame(message, &mut self.out);
        stream.write_all(&self.out)
    }
}

fn greeted(mut stream: Stream) -> io::Result<Stream> {
    let strange = || io::Error::new(io::ErrorKind::InvalidData, "this is no ZeroMQ of version 3");
    stream.write_all(&zmtp::greeting())?;
    let mut theirs = [0; zmtp::GREETING];
    stream.read_exact(&mut theirs)?;
    if !zmtp::is_welcome(&theirs) {
        return Err(strange());
    }
    stream.write_all(&zmtp::ready())?;
    let mut have = Vec::new();
    loop {
        match zmtp::receive(&have) {
            Received::Frame(_, true) => return Ok(stream),
            Received::Frame(_, false) | Received::Strange => return Err(strange()),
            Received::More => {
                let mut piece = [0; 512];
                match stream.read(&mut piece)? {
                    0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                    n => have.extend_from_slice(piece.get(..n).unwrap_or_default()),
                }
            }
        }
    }
}

impl Sink for Push {
    fn deliver(&mut self, messages: &[Message]) -> (usize, io::Result<()>) {
        for (done, Message { text, .. }) in messages.iter().enumerate() {
            if let Err(e) = self.send(text) {
                self.stream = None;
                return (done, Err(e));
            }
        }
        (messages.len(), Ok(()))
    }

    fn reopen(&mut self) {
        self.stream = None;
    }
}
