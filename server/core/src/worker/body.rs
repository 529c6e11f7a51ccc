//! The request body as the app reads it: bytes already here first, then from the socket.
//!
//! Owns the input buffer of the request while it runs; what is left in it afterwards is the
//! beginning of the next one.

use std::os::fd::BorrowedFd;

use uwsgi_abi::{READ_ERROR, READ_TIMEOUT};
use uwsgi_proto::chunked::{Decoder, Step};
use uwsgi_proto::fastcgi;
use uwsgi_proto::link::{FrameReader, FrameStep};

use super::io::{self, Wait};

/// How the end of the body is known.
enum Coding {
    /// So many bytes are left.
    Length(u64),
    Chunked(Decoder),
    Framed(FrameReader),
    Records(Records),
    /// The protocol has no bodies.
    Unknown,
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
    /// FastCGI requests that were begun on the connection meanwhile.
    others: Vec<u16>,
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
        let others = Vec::new();
        Body { input, at, coding, timeout_ms, limit, consumed: 0, errors: 0, others }
    }

    /// Reads up to `out.len()` bytes: their number, 0 at the end, or `READ_*`.
    pub(crate) fn read(&mut self, fd: BorrowedFd<'_>, out: &mut [u8]) -> isize {
        let n = match self.coding {
            Coding::Done => 0,
            Coding::Broken | Coding::Unknown => READ_ERROR,
            Coding::Length(left) => self.read_length(fd, out, left),
            Coding::Records(Records { left: Some(left), .. }) => {
                let most = out.len().min(usize::try_from(left).unwrap_or(usize::MAX));
                if most == 0 {
                    // What follows is not for the application.
                    return 0;
                }
                self.read_coded(fd, &mut out[..most])
            }
            Coding::Chunked(_) | Coding::Framed(_) | Coding::Records(_) => self.read_coded(fd, out),
        };
        let n = if n > 0 && self.consumed + n as u64 > self.limit { READ_ERROR } else { n };
        match n {
            n if n > 0 => self.consumed += n as u64,
            0 => self.coding = Coding::Done,
            _ => {
                self.errors += 1;
                if n == READ_ERROR && !self.is_unknown() {
                    self.coding = Coding::Broken;
                }
            }
        }
        n
    }

    fn read_length(&mut self, fd: BorrowedFd<'_>, out: &mut [u8], left: u64) -> isize {
        let want = out.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let here = &self.input[self.at..];
        let n = if here.is_empty() {
            match io::recv(fd, &mut out[..want], self.timeout_ms) {
                Ok(0) | Err(Wait::Failed) => return READ_ERROR,
                Ok(n) => n,
                Err(Wait::Timeout) => return READ_TIMEOUT,
            }
        } else {
            let n = want.min(here.len());
            out[..n].copy_from_slice(&here[..n]);
            self.at += n;
            n
        };
        let left = left - n as u64;
        self.coding = if left == 0 { Coding::Done } else { Coding::Length(left) };
        n as isize
    }

    /// Whether it was asked for a body that the protocol does not have.
    pub(crate) fn is_unknown(&self) -> bool {
        matches!(self.coding, Coding::Unknown)
    }

    /// Requests that the client began while this one ran, where only one runs at a time.
    pub(crate) fn others(&mut self) -> Vec<u16> {
        std::mem::take(&mut self.others)
    }

    /// Chunked and framed bodies: one piece of payload, however many bytes of coding it takes.
    fn read_coded(&mut self, fd: BorrowedFd<'_>, out: &mut [u8]) -> isize {
        loop {
            match self.step(out.len()) {
                Ok(Some(0)) => return 0,
                Ok(Some(n)) => {
                    out[..n].copy_from_slice(&self.input[self.at - n..self.at]);
                    return n as isize;
                }
                Ok(None) => {}
                Err(()) => return READ_ERROR,
            }
            self.input.clear();
            self.at = 0;
            match io::recv_into(fd, &mut self.input, 16_384, self.timeout_ms) {
                Ok(0) | Err(Wait::Failed) => return READ_ERROR,
                Ok(_) => {}
                Err(Wait::Timeout) => return READ_TIMEOUT,
            }
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
            Coding::Done | Coding::Unknown => true,
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
        matches!(self.coding, Coding::Done | Coding::Unknown)
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
mod tests {
    use super::*;
    use std::io::Write;
    use std::os::fd::AsFd;
    use std::os::unix::net::UnixStream;

    fn read_all(mut body: Body, fd: BorrowedFd<'_>, piece: usize) -> (Vec<u8>, Body) {
        let (mut out, mut buffer) = (Vec::new(), vec![0; piece]);
        loop {
            match body.read(fd, &mut buffer) {
                n if n > 0 => out.extend_from_slice(&buffer[..n as usize]),
                0 => return (out, body),
                e => panic!("read failed: {e}"),
            }
        }
    }

    #[test]
    fn a_body_is_whole_whatever_its_coding_and_the_size_of_reads() {
        let chunked = b"5;x=y\r\nhello\r\n6\r\n world\r\n0\r\nT: v\r\n\r\nNEXT";
        let framed = b"\x05\0\0\0hello\x06\0\0\0 world\0\0\0\0NEXT";
        let records = b"\x01\x05\0\x01\0\x05\x02\0hello\0\0\x01\x05\0\x01\0\x06\0\0 world\x01\x05\0\x01\0\0\0\0NEXT";
        let table: [(&[u8], Kind); 4] = [
            (b"hello worldNEXT", Kind::Length(11)),
            (chunked, Kind::Chunked),
            (framed, Kind::Framed),
            (records, Kind::Records(1, None)),
        ];
        for (wire, kind) in table {
            for piece in 1..14 {
                for split in 0..wire.len() {
                    let (mut client, server) = UnixStream::pair().unwrap();
                    client.write_all(&wire[split..]).unwrap();
                    let body = Body::new(wire[..split].to_vec(), 0, kind, 1000);
                    let (got, body) = read_all(body, server.as_fd(), piece);
                    assert_eq!(got, b"hello world", "{kind:?} read by {piece}, split at {split}");
                    assert_eq!(body.consumed, 11);
                    let rest = body.into_rest();
                    assert!(b"NEXT".starts_with(&rest), "{rest:?} would be lost or served twice");
                }
            }
        }
    }

    #[test]
    fn a_coded_body_beyond_the_limit_is_cut_off() {
        let (_client, server) = UnixStream::pair().unwrap();
        let wire = b"5\r\nhello\r\n5\r\nworld\r\n0\r\n\r\n".to_vec();
        let mut body = Body::limited(wire, 0, Kind::Chunked, 10, 7);
        let mut buffer = [0; 64];
        assert_eq!(body.read(server.as_fd(), &mut buffer), 5);
        assert_eq!(body.read(server.as_fd(), &mut buffer), READ_ERROR, "limit-post was passed by");
        assert!(!body.skip_buffered(), "the rest would be read as a request");
    }

    #[test]
    fn records_end_where_their_length_says_and_must_not_end_before() {
        let (_client, server) = UnixStream::pair().unwrap();
        let wire = b"\x01\x05\0\x01\0\x05\0\0hello\x01\x05\0\x01\0\0\0\0NEXT".to_vec();
        let body = Body::new(wire.clone(), 0, Kind::Records(1, Some(5)), 10);
        assert!(body.is_here());
        let (got, mut body) = read_all(body, server.as_fd(), 64);
        assert_eq!(got, b"hello");
        assert!(body.skip_buffered());
        assert_eq!(body.into_rest(), b"NEXT");
        let mut body = Body::new(wire, 0, Kind::Records(1, Some(6)), 10);
        let end =
            std::iter::repeat_with(|| body.read(server.as_fd(), &mut [0; 64])).find(|n| *n <= 0);
        assert_eq!(end, Some(READ_ERROR), "a cut upload looks whole");
    }

    #[test]
    fn a_client_that_leaves_or_stalls_is_told_apart() {
        let (client, server) = UnixStream::pair().unwrap();
        let mut body = Body::new(Vec::new(), 0, Kind::Length(4), 10);
        assert_eq!(body.read(server.as_fd(), &mut [0; 4]), READ_TIMEOUT);
        drop(client);
        assert_eq!(body.read(server.as_fd(), &mut [0; 4]), READ_ERROR);
        assert_eq!(body.errors, 2);
    }

    #[test]
    fn an_unread_body_is_skipped_only_when_all_of_it_is_here() {
        let mut body = Body::new(b"abcdGET".to_vec(), 0, Kind::Length(4), 10);
        assert!(body.skip_buffered());
        assert_eq!(body.into_rest(), b"GET");
        let mut body = Body::new(b"ab".to_vec(), 0, Kind::Length(4), 10);
        assert!(!body.skip_buffered(), "the rest of the body would be read as a request");
    }
}
