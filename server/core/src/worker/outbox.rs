//! What is left of a response when its client takes no more: bytes in memory, and parts of files.
//!
//! A core does not wait for the end of a response that it can leave here: the reactor sends the rest
//! when the client takes bytes again (`reactor/drain.rs`). Owns the bounds of what is held: so much
//! for a connection, so much for the worker. It refuses what goes beyond them; the core waits then.

use std::collections::VecDeque;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicUsize, Ordering};

use rustix::io::Errno;

use super::io;
use super::reply::Stage;
use crate::policy::DrainBounds as Bounds;

/// Bytes that all connections of this worker hold.
static HELD: AtomicUsize = AtomicUsize::new(0);

/// Most bytes sent before others get their turn.
const BURST: usize = 1 << 20;

/// The end of a body's coding always fits: it counts, but is never refused.
const TAIL: usize = 64;

/// What a connection came to by sending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sent {
    All,
    /// Bytes are left; whether some went out.
    Some(bool),
}

/// See the module.
#[derive(Default)]
pub(crate) struct Outbox {
    parts: VecDeque<Part>,
    /// Bytes in memory.
    held: usize,
}

enum Part {
    Bytes { data: Vec<u8>, at: usize },
    File { file: OwnedFd, at: u64, left: u64 },
}

impl Outbox {
    pub(crate) fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// What goes out next.
    pub(crate) fn stage(&self) -> Stage {
        match self.parts.front() {
            Some(Part::File { .. }) => Stage::File,
            _ => Stage::Body,
        }
    }

    /// Takes bytes behind all others; false when there is no room for them.
    pub(crate) fn hold(&mut self, data: &[u8], bounds: Bounds) -> bool {
        if bounds.connection == 0 {
            return false;
        }
        let more = data.len();
        if more > TAIL && self.held + more > bounds.connection {
            return false;
        }
        if HELD.fetch_add(more, Ordering::Relaxed) + more > bounds.worker && more > TAIL {
            HELD.fetch_sub(more, Ordering::Relaxed);
            return false;
        }
        self.held += more;
        self.parts.push_back(Part::Bytes { data: data.to_vec(), at: 0 });
        true
    }

    /// Takes a part of a file, which costs a descriptor and no memory; false without one.
    pub(crate) fn hold_file(
        &mut self,
        file: BorrowedFd<'_>,
        at: u64,
        left: u64,
        bounds: Bounds,
    ) -> bool {
        if bounds.connection == 0 {
            return false;
        }
        let Ok(file) = file.try_clone_to_owned() else { return false };
        self.parts.push_back(Part::File { file, at, left });
        true
    }

    /// Sends what `fd` takes without waiting, and not too much of it in a row.
    pub(crate) fn send(&mut self, fd: BorrowedFd<'_>) -> Result<Sent, Errno> {
        let mut burst = BURST;
        while let Some(part) = self.parts.front_mut() {
            let (sent, over) = match part {
                Part::Bytes { data, at } => {
                    let rest = data.get(*at..).unwrap_or_default();
                    let sent = io::send_some(fd, &rest[..rest.len().min(burst)], false)?;
                    *at += sent;
                    (sent, *at >= data.len())
                }
                Part::File { file, at, left } => {
                    let want = usize::try_from(*left).unwrap_or(usize::MAX).min(burst);
                    let sent = io::sendfile_some(fd, file.as_fd(), at, want)?;
                    *left -= sent as u64;
                    (sent, *left == 0)
                }
            };
            burst -= sent;
            match over {
                true => self.drop_front(),
                false => return Ok(Sent::Some(burst < BURST)),
            }
        }
        Ok(Sent::All)
    }

    fn drop_front(&mut self) {
        if let Some(Part::Bytes { data, .. }) = self.parts.pop_front() {
            self.held -= data.len();
            HELD.fetch_sub(data.len(), Ordering::Relaxed);
        }
    }
}

impl Drop for Outbox {
    fn drop(&mut self) {
        HELD.fetch_sub(self.held, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::os::unix::net::UnixStream;

    const BOUNDS: Bounds = Bounds { connection: 1 << 20, worker: 4 << 20 };

    fn pair() -> (UnixStream, UnixStream) {
        let (ours, peer) = UnixStream::pair().unwrap();
        ours.set_nonblocking(true).unwrap();
        (ours, peer)
    }

    fn memfd() -> OwnedFd {
        rustix::fs::memfd_create("held", rustix::fs::MemfdFlags::CLOEXEC).unwrap()
    }

    /// Sends until the peer, which reads as long as there is something, has all of it.
    fn pump(outbox: &mut Outbox, ours: &UnixStream, peer: &mut UnixStream) -> Vec<u8> {
        peer.set_nonblocking(true).unwrap();
        let (mut got, mut buffer) = (Vec::new(), vec![0; 65_536]);
        loop {
            let sent = outbox.send(ours.as_fd()).unwrap();
            while let Ok(n @ 1..) = peer.read(&mut buffer) {
                got.extend_from_slice(&buffer[..n]);
            }
            if sent == Sent::All {
                return got;
            }
        }
    }

    #[test]
    fn what_is_held_arrives_in_its_order_whole() {
        let (ours, mut peer) = pair();
        let file = memfd();
        let content: Vec<u8> = (0..600_000u32).map(|i| i as u8).collect();
        assert_eq!(rustix::io::write(&file, &content).unwrap(), content.len());
        let mut outbox = Outbox::default();
        assert!(outbox.hold(b"head", BOUNDS));
        assert!(outbox.hold_file(file.as_fd(), 100, 500_000, BOUNDS));
        assert!(outbox.hold(b"tail", BOUNDS));
        drop(file);
        let got = pump(&mut outbox, &ours, &mut peer);
        assert_eq!(got.len(), 500_008);
        assert!(got.starts_with(b"head") && got.ends_with(b"tail"));
        assert_eq!(&got[4..500_004], &content[100..500_100]);
    }

    #[test]
    fn a_connection_holds_no_more_than_its_bound_but_for_the_end_of_a_coding() {
        let bounds = Bounds { connection: 1000, worker: 4 << 20 };
        let mut outbox = Outbox::default();
        assert!(outbox.hold(&[0; 900], bounds));
        assert!(!outbox.hold(&[0; 200], bounds), "a slow client would cost more than its share");
        assert!(outbox.hold(b"0\r\n\r\n", bounds), "the core would wait for seven bytes");
        assert!(!Outbox::default().hold(b"x", Bounds { connection: 0, ..bounds }), "it is off");
    }

    #[test]
    fn a_file_that_became_shorter_is_an_error() {
        let (ours, _peer) = pair();
        let file = memfd();
        let mut outbox = Outbox::default();
        assert!(outbox.hold_file(file.as_fd(), 0, 10, BOUNDS));
        assert_eq!(outbox.send(ours.as_fd()), Err(Errno::IO), "it would be tried for ever");
    }

    #[test]
    fn a_client_that_takes_nothing_is_told_from_one_that_is_slow() {
        let (ours, mut peer) = pair();
        let mut outbox = Outbox::default();
        assert!(outbox.hold(&vec![7; 900_000], BOUNDS));
        assert_eq!(outbox.send(ours.as_fd()), Ok(Sent::Some(true)));
        assert_eq!(outbox.send(ours.as_fd()), Ok(Sent::Some(false)));
        assert_eq!(pump(&mut outbox, &ours, &mut peer).len(), 900_000);
    }
}
