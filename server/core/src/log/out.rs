//! Bytes to the log itself, descriptors 1 and 2.
//!
//! A log that takes nothing, because a disk is full or a reader has gone, must not stop a server: what
//! cannot be written is lost. Its lines are counted, and told of as soon as something can be written again;
//! a line that was interrupted ends there.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU64, Ordering};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use uwsgi_sys::forked;

use crate::sockets::plain;

/// The wait for a descriptor that somebody else has made so that nothing waits.
const PATIENCE: Timespec = Timespec { tv_sec: 1, tv_nsec: 0 };

/// Lines lost since that was told; in the upper half the process that has lost them, because a child is
/// forked with all of this.
static LOST: AtomicU64 = AtomicU64::new(0);

/// What was wrong.
static REASON: AtomicI32 = AtomicI32::new(0);

/// The log ends in the middle of a line.
static TORN: AtomicBool = AtomicBool::new(false);

/// Writes all of it, or loses it. `target` is 1 or 2. Threads take turns; a copy of this process may
/// have inherited the turn of one that it does not have, which never ends.
pub(crate) fn write(target: i32, bytes: &[u8]) {
    match target {
        1 if forked::is_copy() => deliver(io::stdout().as_fd(), bytes),
        _ if forked::is_copy() => deliver(io::stderr().as_fd(), bytes),
        1 => deliver(io::stdout().lock().as_fd(), bytes),
        _ => deliver(io::stderr().lock().as_fd(), bytes),
    }
}

fn deliver(fd: BorrowedFd<'_>, bytes: &[u8]) {
    let lost = lost();
    if lost > 0 && !tell(fd, lost) {
        return note(bytes);
    }
    if let Err(rest) = whole(fd, bytes, true) {
        note(rest);
    }
}

/// The error is what was not written. Who is not `patient` waits for nobody.
fn whole<'a>(fd: BorrowedFd<'_>, bytes: &'a [u8], patient: bool) -> Result<(), &'a [u8]> {
    let (mut rest, mut refused) = (bytes, false);
    while !rest.is_empty() {
        match rustix::io::write(fd, rest) {
            Ok(n @ 1..) => {
                TORN.store(
                    rest.get(..n).is_some_and(|some| !some.ends_with(b"\n")),
                    Ordering::Relaxed,
                );
                rest = rest.get(n..).unwrap_or_default();
            }
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) if patient && has_room(fd) => {}
            // A datagram before this one found nobody.
            Err(Errno::CONNREFUSED) if !refused => refused = true,
            failed => {
                let reason = failed.map_or_else(|e| e.raw_os_error(), |_| 0);
                REASON.store(reason, Ordering::Relaxed);
                return Err(rest);
            }
        }
    }
    Ok(())
}

fn has_room(fd: BorrowedFd<'_>) -> bool {
    let mut fds = [PollFd::new(&fd, PollFlags::OUT)];
    rustix::io::retry_on_intr(|| poll(&mut fds, Some(&PATIENCE))).is_ok_and(|ready| ready > 0)
}

/// How many lines this process has lost and not told of.
fn lost() -> u64 {
    let known = LOST.load(Ordering::Relaxed);
    match known >> 32 {
        _ if known == 0 => 0,
        pid if pid == u64::from(std::process::id()) => known & u64::from(u32::MAX),
        _ => 0,
    }
}

fn note(rest: &[u8]) {
    uwsgi_usdt::log__drop(|| (rest.len() as u64,));
    let lines = rest.iter().filter(|byte| **byte == b'\n').count().max(1) as u64;
    let all = lost().saturating_add(lines).min(u64::from(u32::MAX));
    LOST.store(u64::from(std::process::id()) << 32 | all, Ordering::Relaxed);
}

/// True when it is told.
fn tell(fd: BorrowedFd<'_>, lost: u64) -> bool {
    let reason = io::Error::from_raw_os_error(REASON.load(Ordering::Relaxed));
    let why = plain(&reason);
    let text =
        format!("[uwsgi-log] {lost} lines could not be written to the log and are lost: {why}");
    let line = super::composed(text.as_bytes(), false);
    let begin: &[u8] = if TORN.load(Ordering::Relaxed) { b"\n" } else { b"" };
    // The first line that was lost has waited for all that come after it.
    let told = whole(fd, &[begin, &line].concat(), false).is_ok();
    if told {
        LOST.store(0, Ordering::Relaxed);
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    #[test]
    fn what_is_lost_is_told_when_there_is_room() {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        deliver(full.as_fd(), b"one\ntwo\n");
        deliver(full.as_fd(), b"three");
        assert_eq!(lost(), 3);
        let (mut read, write) = io::pipe().unwrap();
        TORN.store(true, Ordering::Relaxed);
        deliver(write.as_fd(), b"four\n");
        deliver(write.as_fd(), b"five\n");
        drop(write);
        let mut text = String::new();
        read.read_to_string(&mut text).unwrap();
        let why = "No space left on device";
        let told =
            format!("[uwsgi-log] 3 lines could not be written to the log and are lost: {why}");
        assert_eq!(text, format!("\n{told}\nfour\nfive\n"));
        LOST.store(1 << 32 | 7, Ordering::Relaxed);
        assert_eq!(lost(), 0, "what another process has lost is told by that");
    }
}
