//! Reads and writes that never wait, with the three outcomes that matter named.

use std::os::fd::AsFd;

use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, Shutdown};

/// Outcome of a read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Read {
    /// So many bytes.
    Bytes(usize),
    /// Nothing there now.
    Empty,
    /// The peer will send no more.
    Eof,
    /// The connection is broken.
    Failed(Errno),
}

/// Reads once.
pub(crate) fn read(fd: impl AsFd, buf: &mut [u8]) -> Read {
    loop {
        return match rustix::net::recv(&fd, &mut *buf, RecvFlags::empty()) {
            Ok((0, _)) => Read::Eof,
            Ok((n, _)) => Read::Bytes(n),
            Err(Errno::INTR) => continue,
            Err(Errno::AGAIN) => Read::Empty,
            Err(e) => Read::Failed(e),
        };
    }
}

/// Writes until everything is gone or the socket takes no more: how much went, and whether the
/// socket is full. Writing on after a short write makes sure that the kernel knows of the wish
/// for an event.
pub(crate) fn write(fd: impl AsFd, data: &[u8]) -> Result<(usize, bool), Errno> {
    let mut sent = 0;
    while sent < data.len() {
        match rustix::net::send(&fd, &data[sent..], SendFlags::NOSIGNAL) {
            Ok(n) => sent += n,
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => return Ok((sent, true)),
            Err(e) => return Err(e),
        }
    }
    Ok((sent, false))
}

/// Says that nothing more will be sent; the peer can still be read.
pub(crate) fn finish_writing(fd: impl AsFd) {
    // A peer that is gone already needs no goodbye.
    let _ = rustix::net::shutdown(fd, Shutdown::Write);
}
