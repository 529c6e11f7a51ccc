//! Blocking reads and writes on non-blocking sockets, each wait bounded.

use std::cell::Cell;
use std::io::IoSlice;
use std::os::fd::BorrowedFd;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{
    RecvFlags, SendAncillaryBuffer, SendFlags, recv as sys_recv, send as sys_send, sendmsg,
};

thread_local! {
    /// Bytes that this thread has received and sent here.
    static MOVED: Cell<(u64, u64)> = const { Cell::new((0, 0)) };
}

/// Bytes that this thread has received and sent so far, by functions of this file and by those who
/// say so.
pub(crate) fn moved() -> (u64, u64) {
    MOVED.get()
}

/// Bytes went in.
pub(crate) fn note_in(n: usize) {
    let (taken, given) = MOVED.get();
    MOVED.set((taken + n as u64, given));
}

/// Bytes went out.
pub(crate) fn note_out(n: usize) {
    let (taken, given) = MOVED.get();
    MOVED.set((taken, given + n as u64));
}

/// Why a wait did not end well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wait {
    /// The peer did nothing for too long.
    Timeout,
    /// The connection is broken.
    Failed(Errno),
}

fn wait(fd: BorrowedFd<'_>, flags: PollFlags, timeout_ms: i32) -> Result<(), Wait> {
    let limit = Timespec {
        tv_sec: i64::from(timeout_ms / 1000),
        tv_nsec: i64::from(timeout_ms % 1000) * 1_000_000,
    };
    loop {
        match poll(&mut [PollFd::from_borrowed_fd(fd, flags)], Some(&limit)) {
            Ok(0) => return Err(Wait::Timeout),
            Ok(_) => return Ok(()),
            Err(Errno::INTR) => {}
            Err(e) => return Err(Wait::Failed(e)),
        }
    }
}

/// Receives at least one byte, or 0 at the end of the stream.
pub(crate) fn recv(fd: BorrowedFd<'_>, out: &mut [u8], timeout_ms: i32) -> Result<usize, Wait> {
    loop {
        match sys_recv(fd, &mut *out, RecvFlags::DONTWAIT) {
            Ok((n, _)) => {
                note_in(n);
                return Ok(n);
            }
            Err(Errno::AGAIN) => wait(fd, PollFlags::IN, timeout_ms)?,
            Err(Errno::INTR) => {}
            Err(e) => return Err(Wait::Failed(e)),
        }
    }
}

/// The same, appending up to `most` bytes to a vector.
pub(crate) fn recv_into(
    fd: BorrowedFd<'_>,
    out: &mut Vec<u8>,
    most: usize,
    timeout_ms: i32,
) -> Result<usize, Wait> {
    let before = out.len();
    out.resize(before + most, 0);
    let got = recv(fd, &mut out[before..], timeout_ms);
    out.truncate(before + got.unwrap_or(0));
    got
}

/// Sends all of `data`. Answers the system's error, or `None` in it for a timeout.
pub(crate) fn send_all(
    fd: BorrowedFd<'_>,
    mut data: &[u8],
    more: bool,
    timeout_ms: i32,
    switches: &mut u32,
) -> Result<(), Option<Errno>> {
    loop {
        data = &data[send_some(fd, data, more)?..];
        if data.is_empty() {
            return Ok(());
        }
        *switches += 1;
        writable(fd, timeout_ms)?;
    }
}

/// Sends what the client takes now: how many bytes.
pub(crate) fn send_some(fd: BorrowedFd<'_>, data: &[u8], more: bool) -> Result<usize, Errno> {
    let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
    let flags = if more { flags | SendFlags::MORE } else { flags };
    while !data.is_empty() {
        match sys_send(fd, data, flags) {
            // When it is less than offered there is no room for more.
            Ok(n) => {
                note_out(n);
                return Ok(n);
            }
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => break,
            Err(e) => return Err(e),
        }
    }
    Ok(0)
}

/// The same from a file, where `at` goes on: at most `want` bytes.
pub(crate) fn sendfile_some(
    fd: BorrowedFd<'_>,
    file: BorrowedFd<'_>,
    at: &mut u64,
    want: usize,
) -> Result<usize, Errno> {
    let mut sent = 0;
    while sent < want {
        match rustix::fs::sendfile(fd, file, Some(at), want - sent) {
            // The file is shorter than it was: what was promised cannot be sent.
            Ok(0) => return Err(Errno::IO),
            Ok(n) => {
                note_out(n);
                sent += n;
            }
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => break,
            Err(e) => return Err(e),
        }
    }
    Ok(sent)
}

/// The same of bytes that lie in several places; what was not sent is left in `slices`.
pub(crate) fn send_slices(
    fd: BorrowedFd<'_>,
    slices: &mut &mut [IoSlice<'_>],
) -> Result<(), Errno> {
    let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
    while !slices.is_empty() {
        match sendmsg(fd, slices, &mut SendAncillaryBuffer::default(), flags) {
            Ok(n) => {
                note_out(n);
                IoSlice::advance_slices(slices, n);
            }
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => break,
            Err(e) => return Err(e),
        }
    }
    Ok(())
}

/// Whether bytes wait to be read: not their end, not an error.
pub(crate) fn has_input(fd: BorrowedFd<'_>) -> bool {
    let flags = RecvFlags::DONTWAIT | RecvFlags::PEEK;
    sys_recv(fd, &mut [0u8; 1][..], flags).is_ok_and(|(n, _)| n > 0)
}

/// Whether an error tells that the peer is not there any more.
pub(crate) fn means_gone(errno: Errno) -> bool {
    use Errno as E;
    matches!(errno, E::PIPE | E::CONNRESET | E::NOTCONN | E::TIMEDOUT | E::HOSTUNREACH)
}

/// Waits until `fd` takes bytes again.
pub(crate) fn writable(fd: BorrowedFd<'_>, timeout_ms: i32) -> Result<(), Option<Errno>> {
    wait(fd, PollFlags::OUT, timeout_ms).map_err(|w| match w {
        Wait::Timeout => None,
        Wait::Failed(_) => Some(Errno::PIPE),
    })
}

/// Says that nothing more comes, and pushes what was held back.
pub(crate) fn end(fd: BorrowedFd<'_>) {
    // A client that is gone needs no end.
    let _ = rustix::net::shutdown(fd, rustix::net::Shutdown::Write);
}

/// Takes what a client that was answered still sends, so that closing does not reset the
/// connection under the answer. Never waits; reads a bounded amount.
pub(crate) fn drain(fd: BorrowedFd<'_>) {
    end(fd);
    let mut scratch = [0u8; 16_384];
    for _ in 0..16 {
        match sys_recv(fd, &mut scratch[..], RecvFlags::DONTWAIT) {
            Ok((n, _)) if n > 0 => {}
            _ => return,
        }
    }
}
