//! The terminal: taken over once, given back on every way out.
//!
//! Owns raw mode, the alternate screen and the cursor. They are restored by [`Guard`]'s drop,
//! by the panic hook (any thread), and, because the loop ends on signals, by every signal that
//! can be caught. Only SIGKILL and SIGSTOP leave the terminal as it is. No frame is written once
//! the terminal was given back, and it is not given back in the middle of one.

use std::fs::File;
use std::io::{self, IsTerminal, Stdout, Write, stdout};
use std::os::fd::{AsFd, BorrowedFd};
use std::panic;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, Once, OnceLock, PoisonError, TryLockError};
use std::thread;
use std::time::{Duration, Instant};

use crossterm::cursor::{Hide, Show};
use crossterm::event::{DisableMouseCapture, EnableMouseCapture};
use crossterm::execute;
use crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};

/// The drawing surface of the interactive screen.
pub(crate) type Screen = Terminal<CrosstermBackend<Stdout>>;

/// What a wait for the terminal ended with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Input {
    /// Keys, or a change of its size.
    Ready,
    /// Nothing within the time.
    Nothing,
    /// The terminal was closed: nobody looks any more.
    Gone,
}

/// Waits for the terminal. The event library reads a closed terminal for ever, so it is asked
/// only when there is something to read.
pub(crate) fn wait(time: Duration) -> Input {
    let stdin = io::stdin();
    match control() {
        Some(tty) => poll(tty.as_fd(), time),
        None => poll(stdin.as_fd(), time),
    }
}

/// Makes the event library look at the terminal again when something is left to read although it
/// says that nothing is. It hears of keys once, when they come, and forgets them when a change of
/// the size is noticed at the same moment. Setting modes as they are wakes all who wait for the
/// terminal, so it hears of them again.
///
/// # Errors
/// The operating system's.
pub(crate) fn remind() -> io::Result<()> {
    if wait(Duration::ZERO) != Input::Ready {
        return Ok(());
    }
    let stdin = io::stdin();
    let tty = control().map_or_else(|| stdin.as_fd(), AsFd::as_fd);
    Ok(tcsetattr(tty, OptionalActions::Now, &tcgetattr(tty)?)?)
}

/// The controlling terminal, where standard input is something else.
fn control() -> Option<&'static File> {
    static TTY: OnceLock<Option<File>> = OnceLock::new();
    let open = || if io::stdin().is_terminal() { None } else { File::open("/dev/tty").ok() };
    TTY.get_or_init(open).as_ref()
}

fn poll(fd: BorrowedFd<'_>, time: Duration) -> Input {
    let mut fds = [PollFd::from_borrowed_fd(fd, PollFlags::IN)];
    let limit = Timespec::try_from(time).ok();
    match rustix::event::poll(&mut fds, limit.as_ref()) {
        Ok(0) => Input::Nothing,
        Ok(_) if fds[0].revents() == PollFlags::IN => Input::Ready,
        Ok(_) => Input::Gone,
        // A signal: the size may have changed.
        Err(rustix::io::Errno::INTR) => Input::Nothing,
        Err(_) => Input::Gone,
    }
}

/// Whether the terminal is ours. Leaving the alternate screen twice would send the cursor back
/// over what was printed in between, a panic's message for instance.
static HELD: AtomicBool = AtomicBool::new(false);

/// Whether the mouse is taken with it.
static MOUSE: AtomicBool = AtomicBool::new(true);

/// Locked while a frame is written.
static FRAME: Mutex<()> = Mutex::new(());

/// How long a panic waits for the frame that another thread writes; in its own it waits in vain.
const FRAME_TIME: Duration = Duration::from_millis(100);

/// Holds the terminal; dropping it gives it back.
pub(crate) struct Guard(());

impl Guard {
    /// Takes the terminal over, the mouse with it or not.
    ///
    /// # Errors
    /// The operating system's; the terminal is then as it was.
    pub(crate) fn enter(mouse: bool) -> io::Result<Self> {
        MOUSE.store(mouse, Ordering::Relaxed);
        restore_on_panic();
        // From here on drop restores, whichever step fails.
        let guard = Self(());
        take()?;
        Ok(guard)
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        restore();
    }
}

/// Switches to raw mode and the alternate screen; also after a stop.
///
/// # Errors
/// The operating system's.
pub(crate) fn take() -> io::Result<()> {
    if HELD.swap(true, Ordering::Relaxed) {
        // Who continued us may have set other modes; the library believes in its own.
        disable_raw_mode()?;
    }
    enable_raw_mode()?;
    execute!(stdout(), EnterAlternateScreen, Hide)?;
    if MOUSE.load(Ordering::Relaxed) { execute!(stdout(), EnableMouseCapture) } else { Ok(()) }
}

/// Whether the terminal is ours.
///
/// # Errors
/// A sentence, when a panic gave it back: what it says stands on the terminal now.
pub(crate) fn held() -> io::Result<()> {
    if HELD.load(Ordering::Relaxed) {
        return Ok(());
    }
    Err(io::Error::other("given back because of the fault above, which should be reported"))
}

/// Writes a frame.
///
/// # Errors
/// Those of the frame, and that of [`held`].
pub(crate) fn write<T>(frame: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    let _frame = FRAME.lock().unwrap_or_else(PoisonError::into_inner);
    held()?;
    frame()
}

/// Stops the process as Ctrl-Z does, with the terminal given back until it is continued. Without a
/// shell that could continue it nothing happens, as the kernel does with the signal itself.
///
/// # Errors
/// The operating system's.
pub(crate) fn stop() -> io::Result<()> {
    if !is_watched() {
        return Ok(());
    }
    restore();
    signal_hook::low_level::raise(signal_hook::consts::SIGSTOP)?;
    take()
}

/// Whether the parent controls jobs: it is of our session and not of our group.
fn is_watched() -> bool {
    let Some(parent) = rustix::process::getppid() else { return false };
    let (getpgid, getsid) = (rustix::process::getpgid, rustix::process::getsid);
    getsid(Some(parent)).is_ok_and(|session| getsid(None) == Ok(session))
        && getpgid(Some(parent)).is_ok_and(|group| getpgid(None) != Ok(group))
}

/// Gives the terminal back, if it is held. Any thread may call it.
pub(crate) fn restore() {
    if !HELD.swap(false, Ordering::Relaxed) {
        return;
    }
    // On the way out there is nobody left to tell: a terminal that is gone needs no restoring.
    let _ = execute!(stdout(), DisableMouseCapture, Show, LeaveAlternateScreen);
    let _ = disable_raw_mode();
    let _ = stdout().flush();
}

/// The message of a panic would be lost on the alternate screen, so it is left first.
fn restore_on_panic() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let print = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            wait_for_frame();
            restore();
            print(panic);
        }));
    });
}

fn wait_for_frame() {
    let end = Instant::now() + FRAME_TIME;
    while let Err(TryLockError::WouldBlock) = FRAME.try_lock() {
        if Instant::now() >= end {
            return;
        }
        thread::sleep(Duration::from_millis(1));
    }
}

#[cfg(test)]
mod tests;

#[cfg(test)]
mod wait_tests {
    use super::*;
    use std::os::unix::net::UnixStream;

    #[test]
    fn a_terminal_that_was_closed_is_told_from_one_that_is_silent() {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        assert_eq!(poll(ours.as_fd(), Duration::ZERO), Input::Nothing);
        theirs.write_all(b"q").unwrap();
        assert_eq!(poll(ours.as_fd(), Duration::ZERO), Input::Ready);
        drop(theirs);
        assert_eq!(poll(ours.as_fd(), Duration::ZERO), Input::Gone, "it would be read for ever");
    }
}
