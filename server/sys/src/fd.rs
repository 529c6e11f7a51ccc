//! Descriptors that cross an exec, and redirection of the standard ones.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use rustix::event::{PollFd, PollFlags};
use rustix::io::FdFlags;

/// Lets `fd` survive the next exec.
pub fn keep_over_exec(fd: impl AsFd) -> io::Result<()> {
    Ok(rustix::io::fcntl_setfd(fd, FdFlags::empty())?)
}

/// Lets the descriptor with this number survive the next exec, whoever owns it.
pub fn keep_number_over_exec(raw: RawFd) -> io::Result<()> {
    if raw < 0 {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    // SAFETY: borrowed for one fcntl that fails on a closed number.
    keep_over_exec(unsafe { BorrowedFd::borrow_raw(raw) })
}

/// `fd` is closed at the next exec.
pub fn close_on_exec(fd: impl AsFd) -> io::Result<()> {
    Ok(rustix::io::fcntl_setfd(fd, FdFlags::CLOEXEC)?)
}

/// Takes ownership of a descriptor that the previous image of this process left open.
///
/// Answers an error when it is not open. The number must come from that image's own table: it is
/// given away once.
pub fn adopt(raw: RawFd) -> io::Result<OwnedFd> {
    if raw < 0 {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    // SAFETY: borrowed for one fcntl that fails on a closed number.
    rustix::io::fcntl_getfd(unsafe { BorrowedFd::borrow_raw(raw) })?;
    // SAFETY: open, and given to us alone by the image that exec'ed us.
    Ok(unsafe { OwnedFd::from_raw_fd(raw) })
}

/// A second descriptor for what `raw` refers to; `raw` stays with its owner.
pub fn duplicate(raw: RawFd) -> io::Result<OwnedFd> {
    if raw < 0 {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    // SAFETY: borrowed for one fcntl that fails on a closed number.
    Ok(rustix::io::fcntl_dupfd_cloexec(unsafe { BorrowedFd::borrow_raw(raw) }, 3)?)
}

/// Makes `target` (0, 1 or 2) refer to what `source` refers to.
pub fn redirect(source: impl AsFd, target: RawFd) -> io::Result<()> {
    // SAFETY: two descriptor numbers, no memory.
    match unsafe { libc::dup2(source.as_fd().as_raw_fd(), target) } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

/// Lends the descriptor with this number, whoever owns it, for one call. An error when it is not
/// open.
pub fn with<T>(raw: RawFd, work: impl FnOnce(BorrowedFd<'_>) -> T) -> io::Result<T> {
    if raw < 0 {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    // SAFETY: checked to be open right below, and borrowed no longer than this call.
    let fd = unsafe { BorrowedFd::borrow_raw(raw) };
    rustix::io::fcntl_getfd(fd)?;
    Ok(work(fd))
}

/// Reads what is there now, whether or not the descriptor would wait: nothing when there is
/// nothing, 0 at its end.
pub fn read_now(fd: BorrowedFd<'_>, into: &mut [u8]) -> io::Result<Option<usize>> {
    let now = rustix::time::Timespec { tv_sec: 0, tv_nsec: 0 };
    let mut wanted = [PollFd::new(&fd, PollFlags::IN)];
    if rustix::event::poll(&mut wanted, Some(&now))? == 0 {
        return Ok(None);
    }
    match rustix::io::read(fd, into) {
        Ok(read) => Ok(Some(read)),
        Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => Ok(None),
        Err(e) => Err(e.into()),
    }
}
