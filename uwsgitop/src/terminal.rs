//! The terminal: taken over once, given back on every way out.
//!
//! Owns raw mode, the alternate screen and the cursor. They are restored by [`Guard`]'s drop,
//! by the panic hook (any thread), and, because the loop ends on signals, by every signal that
//! can be caught. Only SIGKILL leaves the terminal as it is.

use std::io::{self, Stdout, Write, stdout};
use std::panic;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

use crossterm::cursor::{Hide, Show};
use crossterm::execute;
use crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;

/// The drawing surface of the interactive screen.
pub(crate) type Screen = Terminal<CrosstermBackend<Stdout>>;

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
