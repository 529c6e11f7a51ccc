//! The request body as the app reads it: bytes already here first, then from the socket.
//!
//! Owns the input buffer of the request while it runs; what is left in it afterwards is the
//! beginning of the next one. Where `post-buffering` wants it, all of the body is received before
//! anything is read (`Body::store`).

use std::fs::File;
use std::os::fd::BorrowedFd;
use std::time::Instant;

use rustix::io::Errno;
use uwsgi_abi::{READ_ERROR, READ_TIMEOUT};
use uwsgi_proto::chunked::{Decoder, Step};
use uwsgi_proto::fastcgi;
use uwsgi_proto::link::{FrameReader, FrameStep};

use super::io;
use super::stored::{Plan, Sink, Stored};
use super::trouble::Trouble;
use crate::policy::Pace;

mod chunks;

/// How the end of the body is known.
enum Coding {
    /// So many bytes are left.
    Length(u64),
    Chunked(Decoder),
    Framed(FrameReader),
    Records(Records),
    /// The protocol has no bodies.
    Unknown,
    /// All of it was received and can be read again.
    Stored(Stored),
    /// All of it was read.
    Done,
    /// It cannot be read any further.
    Broken,
}

/// See the module.
pub(crate) struct Body {
    pub(crate) input: Vec<u8>,
    /// First byte of `input` that was not used.
    at: usize,
    coding: Coding,
    timeout_ms: i32,
    /// Most bytes the app may read (`limit-post`); a coded body does not announce its length.
    limit: u64,
    /// Body bytes given to the app.
    pub(crate) consumed: u64,
    /// Failed reads.
    pub(crate) errors: u64,
    /// Why the last of them failed.
    pub(crate) trouble: Trouble,
    /// How slowly it may come.
    pub(crate) pace: Pace,
    /// For how long the client was waited for, milliseconds.
    pub(crate) waited_ms: u64,
    /// Nothing more comes from the client, and why.
    pub(crate) ended: Option<Trouble>,
    /// FastCGI requests that were begun on the connection meanwhile.
    others: Vec<u16>,
    /// Nobody knows where the body on the connection ends.
    unread: bool,
}

/// A body in records of FastCGI.
struct Records {
    stdin: fastcgi::Stdin,
    /// Bytes of it that are missing, where its length was announced.
    left: Option<u64>,
}

/// How a body is framed on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Length(u64),
    Chunked,
    Framed,
    /// FastCGI: number of the request, and the length when it is known.
    Records(u16, Option<u64>),
    /// One that was announced where the protocol cannot carry it.
    Unknown,
}

impl Body {
    #[cfg(test)]
    pub(crate) fn new(input: Vec<u8>, at: usize, kind: Kind, timeout_ms: i32) -> Body {
        Body::limited(input, at, kind, timeout_ms, u64::MAX)
    }

    /// A body of which the app gets at most `limit` bytes; more is a failed read.
    pub(crate) fn limited(
        input: Vec<u8>,
        at: usize,
        kind: Kind,
        timeout_ms: i32,
        limit: u64,
    ) -> Body {
        let coding = match kind {
            Kind::Length(0) => Coding::Done,
            Kind::Length(n) => Coding::Length(n),
            Kind::Chunked => Coding::Chunked(Decoder::new()),
            Kind::Framed => Coding::Framed(FrameReader::body()),
            Kind::Records(id, left) => {
                Coding::Records(Records { stdin: fastcgi::Stdin::new(id), left })
            }
            Kind::Unknown => Coding::Unknown,
        };
        Body {
            input,
            at,
            coding,
            timeout_ms,
            limit,
            consumed: 0,
            errors: 0,
            trouble: Trouble::Closed,
            pace: Pace::new(0, 0),
            waited_ms: 0,
            ended: None,
            others: Vec::new(),
            unread: false,
        }
    }

    /// Reads up to `out.len()` bytes: their number, 0 at the end, or `READ_*`.
    pub(crate) fn read(&mut self, fd: BorrowedFd<'_>, out: &mut [u8]) -> isize {
        match self.take(fd, out) {
            Ok(n) => n as isize,
            Err(trouble) => {
                self.errors += 1;
                self.trouble = trouble;
                match trouble {
                    Trouble::Timeout | Trouble::Slow => READ_TIMEOUT,
                    _ => READ_ERROR,
                }
            }
        }
    }

    fn take(&mut self, fd: BorrowedFd<'_>, out: &mut [u8]) -> Result<usize, Trouble> {
        if let Coding::Stored(stored) = &mut self.coding {
            let unreadable = |e| Trouble::Errno(Errno::from_io_error(&e).unwrap_or(Errno::IO));
            return stored.read(&self.input, out).map_err(unreadable);
        }
        let taken = match self.coding {
            Coding::Broken => Err(self.trouble),
            Coding::Length(left) => self.read_length(fd, out, left),
            Coding::Records(Records { left: Some(left), .. }) => {
                let most = out.len().min(usize::try_from(left).unwrap_or(usize::MAX));
                if most == 0 {
                    // What follows is not for the application.
                    return Ok(0);
                }
                self.read_coded(fd, &mut out[..most])
            }
            Coding::Chunked(_) | Coding::Framed(_) | Coding::Records(_) => self.read_coded(fd, out),
            Coding::Unknown => return Err(Trouble::Unknown),
            Coding::Done | Coding::Stored(_) => Ok(0),
        };
        let taken = match taken {
            Ok(n) if self.consumed.saturating_add(n as u64) > self.limit => Err(Trouble::TooLarge),
            other => other,
        };
        match taken {
            Ok(0) => self.coding = Coding::Done,
            Ok(n) => self.consumed += n as u64,
            Err(Trouble::Timeout) => {}
            Err(_) => self.coding = Coding::Broken,
        }
        taken
    }

    fn read_length(
        &mut self,
        fd: BorrowedFd<'_>,
        out: &mut [u8],
        left: u64,
    ) -> Result<usize, Trouble> {
        let want = out.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let here = &self.input[self.at..];
        let n = if here.is_empty() {
            let out = &mut out[..want];
            self.wait(|_, timeout_ms| io::recv(fd, out, timeout_ms))?
        } else {
            let n = want.min(here.len());
            out[..n].copy_from_slice(&here[..n]);
            self.at += n;
            n
        };
        let left = left - n as u64;
        self.coding = if left == 0 { Coding::Done } else { Coding::Length(left) };
        Ok(n)
    }

    /// Requests that the client began while this one ran, where only one runs at a time.
    pub(crate) fn others(&mut self) -> Vec<u16> {
        std::mem::take(&mut self.others)
    }

    /// Chunked and framed bodies: one piece of payload, however many bytes of coding it takes.
    fn read_coded(&mut self, fd: BorrowedFd<'_>, out: &mut [u8]) -> Result<usize, Trouble> {
        loop {
            match self.step(out.len()) {
                Ok(Some(0)) => return Ok(0),
                Ok(Some(n)) => {
                    out[..n].copy_from_slice(&self.input[self.at - n..self.at]);
                    return Ok(n);
                }
                Ok(None) => {}
                Err(()) => return Err(Trouble::Coding),
            }
            self.input.clear();
            self.at = 0;
            self.wait(|input, timeout_ms| io::recv_into(fd, input, 16_384, timeout_ms))?;
        }
    }

    /// Receives something, as long as the client is not too slow. What it sends at once costs it no
    /// time.
    fn wait(
        &mut self,
        receive: impl FnOnce(&mut Vec<u8>, i32) -> Result<usize, io::Wait>,
    ) -> Result<usize, Trouble> {
        if let Some(trouble) = self.ended {
            return Err(trouble);
        }
        let left = self.pace.allowed_ms(self.consumed).saturating_sub(self.waited_ms);
        let left = i32::try_from(left).unwrap_or(i32::MAX);
        let since = Instant::now();
        let received = receive(&mut self.input, left.min(self.timeout_ms));
        self.waited_ms += since.elapsed().as_millis() as u64;
        match received {
            Ok(0) => Err(Trouble::Closed),
            Err(io::Wait::Timeout) if left < self.timeout_ms => Err(Trouble::Slow),
            other => Ok(other?),
        }
    }

    /// Receives all of the body, to memory or to a file, so that it can be read more than once.
    /// `each` hears how much has arrived. An error tells how many bytes were waited for, too.
    pub(crate) fn store(
        &mut self,
        fd: BorrowedFd<'_>,
        plan: &Plan,
        each: &mut dyn FnMut(u64),
    ) -> Result<(), (Trouble, u64)> {
        let announced = match &self.coding {
            Coding::Unknown => return Ok(()),
            Coding::Length(left) => Some(*left),
            Coding::Records(records) => records.left,
            Coding::Chunked(_) | Coding::Framed(_) => None,
            _ => Some(0),
        };
        if let Coding::Length(size) = self.coding
            && size < plan.threshold
            && self.is_here()
        {
            self.coding = Coding::Stored(Stored::in_input(self.at, size));
            self.at += size as usize;
            self.consumed = size;
            return Ok(());
        }
        let stored = self.receive(fd, plan, announced, each);
        let stored = stored.inspect_err(|(trouble, _)| {
            (self.trouble, self.coding) = (*trouble, Coding::Broken);
            self.errors += 1;
        })?;
        self.coding = Coding::Stored(stored);
        Ok(())
    }

    fn receive(
        &mut self,
        fd: BorrowedFd<'_>,
        plan: &Plan,
        announced: Option<u64>,
        each: &mut dyn FnMut(u64),
    ) -> Result<Stored, (Trouble, u64)> {
        let mut sink = Sink::new(plan, announced).map_err(|e| (e.into(), 0))?;
        let mut left = announced.unwrap_or(u64::MAX);
        let size = plan.chunk.min(usize::try_from(left).unwrap_or(usize::MAX)).max(1);
        let mut chunk = vec![0; size];
        loop {
            let bound = if sink.in_file() { plan.threshold } else { u64::MAX };
            let wanted = announced.map_or(plan.chunk as u64, |_| left.min(bound));
            let n = self.take(fd, &mut chunk).map_err(|trouble| (trouble, wanted))?;
            if n == 0 {
                self.pass_end(fd, &mut chunk).map_err(|trouble| (trouble, 0))?;
                return Ok(sink.finish());
            }
            sink.add(&chunk[..n]).map_err(|e| (e.into(), wanted))?;
            left -= n as u64;
            each(self.consumed);
        }
    }

    /// The end of a body that is in records has a record of its own.
    fn pass_end(&mut self, fd: BorrowedFd<'_>, scratch: &mut [u8]) -> Result<(), Trouble> {
        while let Coding::Records(_) = self.coding {
            if self.read_coded(fd, scratch)? == 0 {
                self.coding = Coding::Done;
            }
        }
        Ok(())
    }

    /// A file stands for the body: what the client may send as one is nobody's.
    pub(crate) fn stand_in(&mut self, file: File, size: u64) {
        self.coding = Coding::Stored(Stored::in_file(file, size));
        self.unread = true;
    }

    /// Whether bytes of the client are left that no request begins with.
    pub(crate) fn is_over(&self) -> bool {
        self.is_here() && !self.unread
    }

    /// Moves to a position of a stored body and answers it; none where that cannot be.
    pub(crate) fn seek(&mut self, offset: i64, from_end: bool) -> Option<u64> {
        match &mut self.coding {
            Coding::Stored(stored) => stored.seek(offset, from_end),
            _ => None,
        }
    }

    /// Advances over buffered bytes: `Some(n)` payload bytes end at `self.at`, `Some(0)` the body
    /// is over, `None` more input is needed.
    fn step(&mut self, most: usize) -> Result<Option<usize>, ()> {
        // A piece larger than the app's buffer is offered in parts by showing less of the input.
        let shown = self.input.len().min(self.at.saturating_add(most));
        let input = &self.input[..shown];
        let (range, end) = match &mut self.coding {
            Coding::Chunked(decoder) => match decoder.next(input, self.at).map_err(drop)? {
                Step::More => (None, None),
                Step::Data(range) => (Some(range), None),
                Step::End(at) => (None, Some(at)),
            },
            Coding::Framed(reader) => match reader.next(input, self.at) {
                FrameStep::More => (None, None),
                FrameStep::Data(range) => (Some(range), None),
                FrameStep::End(_, at) => (None, Some(at)),
            },
            Coding::Records(records) => {
                let step = records.stdin.next(input, self.at);
                self.others.extend(records.stdin.others());
                match step.map_err(drop)? {
                    fastcgi::Step::More => (None, None),
                    fastcgi::Step::Data(range) => {
                        let n = range.len() as u64;
                        records.left = records.left.map(|left| left.saturating_sub(n));
                        (Some(range), None)
                    }
                    // It was to be longer.
                    fastcgi::Step::End(_) if records.left.is_some_and(|left| left > 0) => {
                        return Err(());
                    }
                    fastcgi::Step::End(at) => (None, Some(at)),
                }
            }
            _ => return Ok(Some(0)),
        };
        match (range, end) {
            (Some(range), _) => {
                self.at = range.end;
                Ok(Some(range.len()))
            }
            (None, Some(at)) => {
                self.at = at;
                Ok(Some(0))
            }
            (None, None) if shown < self.input.len() => {
                self.at = shown;
                self.step(most)
            }
            (None, None) => Ok(None),
        }
    }

    /// Whether all of the body was read or lies in the buffer.
    pub(crate) fn is_here(&self) -> bool {
        match &self.coding {
            Coding::Done | Coding::Unknown | Coding::Stored(_) => true,
            Coding::Length(left) => (self.input.len() - self.at) as u64 >= *left,
            Coding::Records(records) => records.end_in(&self.input, self.at),
            _ => false,
        }
    }

    /// Skips what is left of the body, as far as it is already buffered. True when the
    /// connection stands at the beginning of the next request.
    pub(crate) fn skip_buffered(&mut self) -> bool {
        if let Coding::Length(left) = self.coding {
            let here = (self.input.len() - self.at) as u64;
            if here >= left {
                self.at += left as usize;
                self.coding = Coding::Done;
            }
        }
        while let Coding::Chunked(_) | Coding::Framed(_) | Coding::Records(_) = self.coding {
            match self.step(usize::MAX / 2) {
                Ok(Some(0)) => self.coding = Coding::Done,
                Ok(Some(_)) => {}
                Ok(None) | Err(()) => return false,
            }
        }
        !self.unread && matches!(self.coding, Coding::Done | Coding::Unknown | Coding::Stored(_))
    }

    /// Buffered bytes that are no part of this request; `unread`: nobody knows where the next begins.
    pub(crate) fn left(&self, unread: bool) -> u64 {
        if unread { 0 } else { (self.input.len() - self.at) as u64 }
    }

    /// The buffer, with the bytes that belong to the next request moved to its front.
    pub(crate) fn into_rest(mut self) -> Vec<u8> {
        if self.at >= self.input.len() {
            self.input.clear();
        } else {
            self.input.drain(..self.at);
        }
        self.input
    }
}

impl Records {
    /// Whether the end of the body lies in `input`.
    fn end_in(&self, input: &[u8], mut at: usize) -> bool {
        let mut stdin = self.stdin.clone();
        loop {
            match stdin.next(input, at) {
                Ok(fastcgi::Step::Data(range)) => at = range.end,
                Ok(fastcgi::Step::End(_)) => return true,
                Ok(fastcgi::Step::More) | Err(_) => return false,
            }
        }
    }
}

#[cfg(test)]
#[path = "body_test.rs"]
mod tests;
