//! The terminal: taken over once, given back on every way out.
//!
//! Owns raw mode, the alternate screen and the cursor. They are restored by [`Guard`]'s drop,
//! by the panic hook (any thread), and, because the loop ends on signals, by every signal that
//! can be caught. Only SIGKILL leaves the terminal as it is.

use std::fs::File;
use std::io::{self, IsTerminal, Stdout, Write, stdout};
use std::os::fd::{AsFd, BorrowedFd};
use std::panic;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Once, OnceLock};
use std::time::Duration;

use crossterm::cursor::{Hide, Show};
use crossterm::execute;
use crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use rustix::event::{PollFd, PollFlags, Timespec};

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

/// Holds the terminal; dropping it gives it back.
pub(crate) struct Guard(());

impl Guard {
    /// Takes the terminal over.
    ///
    /// # Errors
    /// The operating system's; the terminal is then as it was.
    pub(crate) fn enter() -> io::Result<Self> {
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
    HELD.store(true, Ordering::Relaxed);
    enable_raw_mode()?;
    execute!(stdout(), EnterAlternateScreen, Hide)
}

/// Gives the terminal back, if it is held. Any thread may call it.
pub(crate) fn restore() {
    if !HELD.swap(false, Ordering::Relaxed) {
        return;
    }
    // On the way out there is nobody left to tell: a terminal that is gone needs no restoring.
    let _ = execute!(stdout(), Show, LeaveAlternateScreen);
    let _ = disable_raw_mode();
    let _ = stdout().flush();
}

/// The message of a panic would be lost on the alternate screen, so it is left first.
fn restore_on_panic() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let print = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            restore();
            print(panic);
        }));
    });
}

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
