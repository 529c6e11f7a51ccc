//! A command of redis for each line, many of them at a time.

use std::io::{self, Read, Write};

use super::address::Stream;
use super::{Message, Sink};
use crate::wire::redis::{Reply, Target, reply};

/// Commands that are sent before their replies are read.
const AT_A_TIME: usize = 64;

/// See the module.
pub(super) struct Redis {
    target: Target,
    stream: Option<Stream>,
    out: Vec<u8>,
    news: Vec<String>,
}

impl Redis {
    pub(super) fn new(target: Target) -> Redis {
        Redis { target, stream: None, out: Vec::new(), news: Vec::new() }
    }

    fn send(&mut self, messages: &[Message]) -> io::Result<()> {
        let stream = match &mut self.stream {
            Some(stream) => stream,
            none => {
                let mut stream = Stream::connect(&self.target.to)?;
                let (hello, replies) = self.target.hello();
                stream.write_all(&hello)?;
                if let Some(refusal) = take(&mut stream, replies)? {
                    return Err(io::Error::other(refusal));
                }
                none.insert(stream)
            }
        };
        self.out.clear();
        messages.iter().for_each(|message| self.target.command(&message.text, &mut self.out));
        stream.write_all(&self.out)?;
        if let Some(refusal) = take(stream, messages.len())? {
            // A command that redis does not want today it does not want tomorrow either.
            self.news.push(format!("redis refuses: {refusal}"));
        }
        Ok(())
    }
}

/// Reads so many replies; the last refusal among them.
fn take(stream: &mut Stream, mut replies: usize) -> io::Result<Option<String>> {
    let (mut have, mut refusal) = (Vec::new(), None);
    while replies > 0 {
        match reply(&have) {
            Reply::Good(used) => {
                have.drain(..used);
                replies -= 1;
            }
            Reply::Refused(used, text) => {
                have.drain(..used);
                (refusal, replies) = (Some(text), replies - 1);
            }
            Reply::Strange => {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "this is no redis"));
            }
            Reply::More => {
                let mut piece = [0; 4096];
                match stream.read(&mut piece)? {
                    0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                    n => have.extend_from_slice(piece.get(..n).unwrap_or_default()),
                }
            }
        }
    }
    Ok(refusal)
}

impl Sink for Redis {
    fn deliver(&mut self, messages: &[Message]) -> (usize, io::Result<()>) {
        let mut done = 0;
        for some in messages.chunks(AT_A_TIME) {
            if let Err(e) = self.send(some) {
                self.stream = None;
                return (done, Err(e));
            }
            done += some.len();
        }
        (done, Ok(()))
    }

    fn news(&mut self) -> Vec<String> {
        std::mem::take(&mut self.news)
    }

    fn reopen(&mut self) {
        self.stream = None;
    }
}
