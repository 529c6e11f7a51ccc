//! Signals, two ways.
//!
//! The master blocks what it handles and reads it from a signalfd ([`Signals`]). A worker runs
//! foreign code whose children would inherit a blocked mask, so it installs handlers instead
//! ([`catch`]): each sets a bit of one word and makes an eventfd readable. It owns that word and
//! that descriptor; it refuses to act on anything but the exit-at-once rule of [`enter_busy`].

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicPtr, AtomicU64, Ordering};

pub use libc::{
    SIGALRM, SIGCHLD, SIGHUP, SIGINT, SIGKILL, SIGPIPE, SIGQUIT, SIGTERM, SIGTSTP, SIGURG, SIGUSR1,
    SIGUSR2, SIGWINCH,
};

/// Bits of signals caught since the last [`take_caught`].
static CAUGHT: AtomicU64 = AtomicU64::new(0);
/// Eventfd written by the handler, or -1.
static WAKE: AtomicI32 = AtomicI32::new(-1);
/// Cores that run foreign code; while there is one, INT and TERM end the process from within the
/// handler.
static BUSY: AtomicI32 = AtomicI32::new(0);
/// The thread whose signals are read from a descriptor.
static READER: AtomicI32 = AtomicI32::new(0);
/// INT or TERM came: foreign code is not begun any more.
static ENDING: AtomicBool = AtomicBool::new(false);
/// What is said when a signal ends the process while it starts.
static FAREWELL: AtomicPtr<&'static str> = AtomicPtr::new(std::ptr::null_mut());
/// A `fn()` that tells what the process is doing, or null.
static REPORT: AtomicPtr<()> = AtomicPtr::new(std::ptr::null_mut());
/// Exit code used then: the normal end of a worker.
const BUSY_EXIT_CODE: i32 = 30;

/// Blocked signals, delivered as reads.
pub struct Signals {
    fd: OwnedFd,
}

impl Signals {
    /// Blocks `signals` in this thread and opens a descriptor that delivers them, those on [`hold`]
    /// first.
    pub fn block(signals: &[i32]) -> io::Result<Signals> {
        let set = set_of(signals);
        // SAFETY: a valid set; the old mask is not asked for.
        check(unsafe { libc::sigprocmask(libc::SIG_BLOCK, &set, std::ptr::null_mut()) })?;
        // SAFETY: a valid set; -1 asks for a new descriptor.
        let fd =
            check(unsafe { libc::signalfd(-1, &set, libc::SFD_NONBLOCK | libc::SFD_CLOEXEC) })?;
        READER.store(rustix::thread::gettid().as_raw_nonzero().get(), Ordering::Relaxed);
        // Threads that foreign code has started do not block them.
        install(signals.iter().filter(|s| **s != SIGPIPE), pass_to_reader)?;
        // SAFETY: just opened, nobody else owns it.
        let signals_fd = Signals { fd: unsafe { OwnedFd::from_raw_fd(fd) } };
        for &signal in signals.iter().filter(|s| take_caught(**s)) {
            // SAFETY: blocked in this thread, so it only becomes pending for the new descriptor.
            unsafe { libc::raise(signal) };
        }
        Ok(signals_fd)
    }

    /// The next pending signal.
    pub fn next(&self) -> Option<i32> {
        let mut info = MaybeUninit::<libc::signalfd_siginfo>::uninit();
        let size = size_of::<libc::signalfd_siginfo>();
        // SAFETY: the buffer is `size` bytes long and writable.
        let n = unsafe { libc::read(self.fd.as_raw_fd(), info.as_mut_ptr().cast(), size) };
        if n != size as isize {
            return None;
        }
        // SAFETY: the kernel filled all of it.
        let info = unsafe { info.assume_init() };
        Some(info.ssi_signo as i32)
    }
}

impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// Unblocks every signal and gives all of `signals` their default action.
pub fn reset(signals: &[i32]) {
    for &signal in signals {
        // SAFETY: SIG_DFL for a signal number the kernel checks.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
    }
    let empty = set_of(&[]);
    // SAFETY: a valid set; the old mask is not asked for.
    unsafe { libc::sigprocmask(libc::SIG_SETMASK, &empty, std::ptr::null_mut()) };
}

/// Ignores `signal`.
pub fn ignore(signal: i32) {
    // SAFETY: SIG_IGN for a signal number the kernel checks.
    unsafe { libc::signal(signal, libc::SIG_IGN) };
}

/// Blocks every signal in the calling thread: threads other than the first never run handlers. Faults
/// come through: where they are blocked the kernel ends the process without a word.
pub fn block_all_in_thread() {
    let mut set = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: `set` is written by sigfillset before it is read.
    unsafe {
        libc::sigfillset(set.as_mut_ptr());
        for fault in [libc::SIGSEGV, libc::SIGBUS, libc::SIGFPE, libc::SIGILL] {
            libc::sigdelset(set.as_mut_ptr(), fault);
        }
        libc::pthread_sigmask(libc::SIG_SETMASK, set.as_ptr(), std::ptr::null_mut());
    }
}

/// Remembers `signals` from now on, for [`Signals::block`], and lets all others through, also
/// those that the image before this one left blocked. Handlers, unlike a mask, are not inherited
/// by commands that are run in the meantime.
pub fn hold(signals: &[i32]) -> io::Result<()> {
    install(signals.iter(), on_signal)?;
    let empty = set_of(&[]);
    // SAFETY: a valid set; the old mask is not asked for.
    check(unsafe { libc::sigprocmask(libc::SIG_SETMASK, &empty, std::ptr::null_mut()) }).map(drop)
}

/// Until [`Signals::block`] or [`catch`] these end the process at once, with code 0 and `text` in
/// the log, without what [`leftovers`](crate::leftovers) knows; [`companions`](crate::companions) end with
/// it. None of them can be ignored as process 1 of a container would.
pub fn end_at(signals: &[i32], text: &'static str) -> io::Result<()> {
    FAREWELL.store(Box::into_raw(Box::new(text)), Ordering::Release);
    install(signals.iter(), on_end)
}

extern "C" fn on_end(_: i32) {
    crate::companions::end();
    crate::leftovers::remove();
    // SAFETY: null, or a text that is never freed; write and _exit are allowed in handlers.
    unsafe {
        if let Some(text) = FAREWELL.load(Ordering::Acquire).as_ref() {
            libc::write(2, text.as_ptr().cast(), text.len());
        }
        libc::_exit(0)
    }
}

/// Runs `report` whenever `signal` comes, in the middle of whatever the process is doing.
///
/// `report` runs in a signal handler: it takes no memory and no lock, it writes by [`say`] only.
pub fn report_at(signal: i32, report: fn()) -> io::Result<()> {
    REPORT.store(report as *mut (), Ordering::Release);
    install(std::iter::once(&signal), on_report)
}

extern "C" fn on_report(_: i32) {
    let report = REPORT.load(Ordering::Acquire);
    if report.is_null() {
        return;
    }
    // SAFETY: stored by `report_at` from a `fn()`. The interrupted code may be about to read its
    // errno, which stays.
    unsafe {
        let errno = *libc::__errno_location();
        std::mem::transmute::<*mut (), fn()>(report)();
        *libc::__errno_location() = errno;
    }
}

/// Writes to the log from within a handler.
pub fn say(bytes: &[u8]) {
    // SAFETY: readable bytes; what cannot be written is given up.
    unsafe { libc::write(2, bytes.as_ptr().cast(), bytes.len()) };
}

/// Forgets what came since [`hold`].
pub fn forget_held() {
    CAUGHT.store(0, Ordering::Release);
}

/// Catches `signals` in this process from now on: see [`take_caught`] and the returned eventfd.
pub fn catch(signals: &[i32]) -> io::Result<OwnedFd> {
    // SAFETY: no pointers; the result is checked.
    let fd = check(unsafe { libc::eventfd(0, libc::EFD_NONBLOCK | libc::EFD_CLOEXEC) })?;
    WAKE.store(fd, Ordering::SeqCst);
    install(signals.iter(), on_signal)?;
    // SAFETY: just opened; the handler only writes to it by number, and the owner lives as long
    // as the process' event loop.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

fn install<'a>(
    signals: impl Iterator<Item = &'a i32>,
    handler: extern "C" fn(i32),
) -> io::Result<()> {
    for &signal in signals {
        // SAFETY: an all-zero sigaction is a valid value of the struct.
        let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
        action.sa_sigaction = handler as *const () as usize;
        action.sa_flags = libc::SA_RESTART;
        // SAFETY: all handlers are async-signal-safe: atomics, write, tgkill and _exit only; what
        // `report_at` runs keeps to that too.
        check(unsafe { libc::sigaction(signal, &action, std::ptr::null_mut()) })?;
    }
    Ok(())
}

/// Whether `signal` was caught since it was last taken; takes it.
pub fn take_caught(signal: i32) -> bool {
    let bit = 1u64 << signal;
    CAUGHT.load(Ordering::Relaxed) & bit != 0 && CAUGHT.fetch_and(!bit, Ordering::AcqRel) & bit != 0
}

/// Whether a caught signal waits to be taken.
pub fn pending() -> bool {
    CAUGHT.load(Ordering::Relaxed) != 0
}

/// Makes the wake descriptor of [`catch`] readable, from any thread.
pub fn wake() {
    wake_fd(WAKE.load(Ordering::Relaxed));
}

/// A core begins to run foreign code that nobody can interrupt in an orderly way: until
/// [`leave_busy`], INT and TERM end the process at once with status 30.
///
/// Of a signal that comes at this very moment either the handler sees the core or the core sees
/// the signal: it never goes on unseen until the foreign code is done.
pub fn enter_busy() {
    BUSY.fetch_add(1, Ordering::SeqCst);
    if ENDING.load(Ordering::SeqCst) {
        // SAFETY: never returns and touches no memory of ours.
        unsafe { libc::_exit(BUSY_EXIT_CODE) };
    }
}

/// The counterpart of [`enter_busy`].
pub fn leave_busy() {
    BUSY.fetch_sub(1, Ordering::Relaxed);
}

/// Makes the wake descriptor unreadable again.
pub fn drain_wake() {
    let mut count = 0u64;
    // SAFETY: eight writable bytes; an error means there was nothing to take.
    unsafe { libc::read(WAKE.load(Ordering::Relaxed), (&raw mut count).cast(), 8) };
}

/// Runs in a thread that does not block what the reading thread blocks.
extern "C" fn pass_to_reader(signal: i32) {
    // SAFETY: three numbers, and this thread's own errno, which the interrupted code may be about
    // to read; a reader that is gone answers an error.
    unsafe {
        let errno = *libc::__errno_location();
        libc::syscall(libc::SYS_tgkill, libc::getpid(), READER.load(Ordering::Relaxed), signal);
        *libc::__errno_location() = errno;
    }
}

extern "C" fn on_signal(signal: i32) {
    // Without a descriptor to wake the signal is on hold: nobody has decided what it means.
    if WAKE.load(Ordering::Relaxed) >= 0 && (signal == SIGINT || signal == SIGTERM) {
        crate::companions::end();
        ENDING.store(true, Ordering::SeqCst);
        if BUSY.load(Ordering::SeqCst) > 0 {
            // SAFETY: async-signal-safe, never returns.
            unsafe { libc::_exit(BUSY_EXIT_CODE) };
        }
    }
    CAUGHT.fetch_or(1u64 << signal, Ordering::AcqRel);
    wake_fd(WAKE.load(Ordering::Relaxed));
}

fn wake_fd(fd: RawFd) {
    let one = 1u64;
    // SAFETY: eight readable bytes; a closed or full descriptor answers an error that nobody needs,
    // least of all code that a handler interrupts: its errno stays.
    unsafe {
        let errno = *libc::__errno_location();
        libc::write(fd, (&raw const one).cast(), 8);
        *libc::__errno_location() = errno;
    }
}

fn set_of(signals: &[i32]) -> libc::sigset_t {
    let mut set = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: initialised by sigemptyset before anything else looks at it.
    unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        for &signal in signals {
            libc::sigaddset(set.as_mut_ptr(), signal);
        }
        set.assume_init()
    }
}

fn check(result: i32) -> io::Result<i32> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}
