//! Processes that were started beside this one and that nobody else ends: when a signal ends this one,
//! they are told to end, too.
//!
//! They are told from within the signal handler, so that it does not matter what this process is doing
//! then; nothing here takes memory or a lock once a process is noted. Each is known by a descriptor,
//! never by its number, which could be somebody else's by then. What cannot be noted, for want of room
//! or of such descriptors, is on its own.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{FromRawFd, IntoRawFd, OwnedFd};
use std::sync::atomic::{AtomicI32, AtomicUsize, Ordering};

use crate::process::{self, Fork};

const ROOM: usize = 1024;

static FDS: [AtomicI32; ROOM] = [const { AtomicI32::new(-1) }; ROOM];
static COUNT: AtomicUsize = AtomicUsize::new(0);
/// Whose companions they are: what an application forks inherits the list and must not act on it.
static OWNER: AtomicI32 = AtomicI32::new(0);

/// Forks like [`process::fork`]. There is no moment at which a signal finds the child and does not find
/// it noted: signals wait until it is. What the child inherits of the list it forgets.
pub fn fork() -> io::Result<Fork> {
    let mut before = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: sigfillset writes the set before it is read, and the old mask has room of its own.
    unsafe {
        let mut all = MaybeUninit::<libc::sigset_t>::uninit();
        libc::sigfillset(all.as_mut_ptr());
        libc::sigprocmask(libc::SIG_SETMASK, all.as_ptr(), before.as_mut_ptr());
    }
    let side = process::fork();
    match side {
        Ok(Fork::Parent(pid)) => note(pid),
        Ok(Fork::Child) => forget(),
        Err(_) => {}
    }
    // SAFETY: written by the first call, which fails for no valid set.
    unsafe { libc::sigprocmask(libc::SIG_SETMASK, before.as_ptr(), std::ptr::null_mut()) };
    side
}

fn note(pid: i32) {
    let Ok(fd) = process::pidfd(pid) else { return };
    let at = COUNT.load(Ordering::Relaxed);
    if let Some(place) = FDS.get(at) {
        OWNER.store(process::pid(), Ordering::Relaxed);
        place.store(fd.into_raw_fd(), Ordering::Release);
        COUNT.store(at + 1, Ordering::Release);
    }
}

/// This process ends nobody; to be called while no signal comes.
fn forget() {
    for place in FDS.iter().take(COUNT.swap(0, Ordering::AcqRel)) {
        let fd = place.swap(-1, Ordering::AcqRel);
        if fd >= 0 {
            // SAFETY: it came from an owner and is taken out of the list once.
            drop(unsafe { OwnedFd::from_raw_fd(fd) });
        }
    }
}

/// Tells all of them to end, by INT. It may be called in a signal handler.
pub fn end() {
    let known = COUNT.load(Ordering::Acquire);
    // SAFETY: a number.
    if known == 0 || OWNER.load(Ordering::Relaxed) != unsafe { libc::getpid() } {
        return;
    }
    for place in FDS.iter().take(known) {
        let (fd, info) = (place.load(Ordering::Acquire), std::ptr::null::<libc::siginfo_t>());
        // SAFETY: numbers and a null pointer, and this thread's own errno, which the interrupted code
        // may be about to read. Of a process that has ended the descriptor answers an error.
        unsafe {
            let errno = *libc::__errno_location();
            libc::syscall(libc::SYS_pidfd_send_signal, fd, libc::SIGINT, info, 0);
            *libc::__errno_location() = errno;
        }
    }
}
