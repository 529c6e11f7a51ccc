//! A chunked body read chunk by chunk, as its sender cut it.

use std::os::fd::BorrowedFd;

use uwsgi_abi::running::NoChunk;
use uwsgi_proto::chunked::Decoder;

use super::{Body, Coding};
use crate::worker::io::{self, Wait};
use crate::worker::trouble::Trouble;

impl Body {
    /// Takes the bytes of a body of unknown length as chunked, though nothing announced it.
    pub(crate) fn assume_chunked(&mut self) {
        if matches!(self.coding, Coding::Done) && self.consumed == 0 {
            self.coding = Coding::Chunked(Decoder::new());
        }
    }

    /// Appends what comes of the current chunk until it is whole; `into` stays empty at the end of
    /// the body. No wait is longer than `wait_ms`, none at all happens with 0. A chunk of more than
    /// `most` bytes breaks the body.
    pub(crate) fn chunk(
        &mut self,
        fd: BorrowedFd<'_>,
        wait_ms: i32,
        most: usize,
        into: &mut Vec<u8>,
    ) -> Result<(), NoChunk> {
        match &mut self.coding {
            Coding::Done => return Ok(()),
            Coding::Chunked(_) | Coding::Framed(_) | Coding::Records(_) => {}
            // How it was cut is forgotten once it is stored.
            Coding::Stored(stored) => {
                into.resize(most.min(STORED), 0);
                let read = stored.read(&self.input, into);
                into.truncate(*read.as_ref().unwrap_or(&0));
                return read.map(drop).or_else(|error| self.no_chunk(error.into()));
            }
            Coding::Length(_) => return self.no_chunk(Trouble::Coding),
            Coding::Unknown | Coding::Broken => return self.no_chunk(self.trouble),
        }
        loop {
            match self.step(usize::MAX / 2) {
                Ok(Some(0)) => {
                    self.coding = Coding::Done;
                    return Ok(());
                }
                Ok(Some(n)) => {
                    self.consumed += n as u64;
                    let left = self.chunk_left();
                    let size = (into.len() + n) as u64 + left;
                    if size > most as u64 || self.consumed > self.limit {
                        return self.no_chunk(Trouble::TooLarge);
                    }
                    into.extend_from_slice(&self.input[self.at - n..self.at]);
                    if left == 0 {
                        return Ok(());
                    }
                }
                Ok(None) => self.more(fd, wait_ms)?,
                Err(()) => return self.no_chunk(Trouble::Coding),
            }
        }
    }

    /// Bytes of the current chunk that are to come; frames are handed on as they are.
    fn chunk_left(&self) -> u64 {
        match &self.coding {
            Coding::Chunked(decoder) => decoder.left(),
            _ => 0,
        }
    }

    fn more(&mut self, fd: BorrowedFd<'_>, wait_ms: i32) -> Result<(), NoChunk> {
        self.input.clear();
        self.at = 0;
        if let Some(trouble) = self.ended {
            return self.no_chunk(trouble);
        }
        match io::recv_into(fd, &mut self.input, 16_384, wait_ms) {
            Ok(0) => self.no_chunk(Trouble::Closed),
            Ok(_) => Ok(()),
            Err(Wait::Timeout) if wait_ms == 0 => Err(NoChunk::Later),
            Err(wait) => self.no_chunk(wait.into()),
        }
    }

    /// What is missing after a wait that was too long may still come: who asks again gets it.
    fn no_chunk(&mut self, trouble: Trouble) -> Result<(), NoChunk> {
        self.errors += 1;
        self.trouble = trouble;
        if !matches!(self.coding, Coding::Unknown | Coding::Length(_))
            && trouble != Trouble::Timeout
        {
            self.coding = Coding::Broken;
        }
        Err(NoChunk::Failed)
    }
}

/// Piece of a body that was stored.
const STORED: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::fd::AsFd;
    use std::os::unix::net::UnixStream;

    use super::super::Kind;
    use super::*;

    /// Chunks of what `wire` holds, split at `split` between the buffer and the socket.
    fn chunks(wire: &[u8], split: usize, most: usize) -> (Vec<Vec<u8>>, Result<(), NoChunk>) {
        let (mut client, server) = UnixStream::pair().unwrap();
        client.write_all(&wire[split..]).unwrap();
        let mut body = Body::new(wire[..split].to_vec(), 0, Kind::Chunked, 1000);
        let mut all = Vec::new();
        loop {
            let mut chunk = Vec::new();
            match body.chunk(server.as_fd(), 10, most, &mut chunk) {
                Ok(()) if chunk.is_empty() => return (all, Ok(())),
                Ok(()) => all.push(chunk),
                Err(e) => return (all, Err(e)),
            }
        }
    }

    #[test]
    fn chunks_come_as_they_were_cut_however_the_bytes_arrive() {
        let wire = b"5;x=y\r\nhello\r\n6\r\n world\r\n0\r\nT: v\r\n\r\n";
        for split in 0..=wire.len() {
            let (all, end) = chunks(wire, split, 6);
            assert_eq!(all, [b"hello".to_vec(), b" world".to_vec()], "split at {split}");
            assert_eq!(end, Ok(()));
        }
    }

    #[test]
    fn a_chunk_that_is_too_large_odd_or_unfinished_is_an_error() {
        let cases: [&[u8]; 3] = [b"7\r\nseven..\r\n0\r\n\r\n", b"zz\r\nhello", b"5\r\nhel"];
        for wire in cases {
            assert_eq!(chunks(wire, 0, 6), (vec![], Err(NoChunk::Failed)), "{wire:?}");
        }
    }

    #[test]
    fn who_does_not_wait_gets_the_chunk_once_it_is_whole() {
        let (mut client, server) = UnixStream::pair().unwrap();
        let mut body = Body::new(Vec::new(), 0, Kind::Chunked, 1000);
        let mut chunk = Vec::new();
        for part in [&b"5\r"[..], b"\nhel"] {
            client.write_all(part).unwrap();
            assert_eq!(body.chunk(server.as_fd(), 0, 9, &mut chunk), Err(NoChunk::Later));
        }
        client.write_all(b"lo\r\n").unwrap();
        assert_eq!(body.chunk(server.as_fd(), 0, 9, &mut chunk), Ok(()));
        assert_eq!(chunk, b"hello");
    }
}
