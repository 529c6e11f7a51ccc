//! The interactive session: keys, signals and readings in, frames out.
//!
//! Owns the loop and nothing else; it wakes for keys and at least every [`TICK`], and draws
//! only when something changed.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use jiff::{Timestamp, tz::TimeZone};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use signal_hook::consts::{SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP};

use crate::args::FAST;
use crate::draw::{self, View};
use crate::state::{Key, State};
use crate::terminal::{self, Guard, Input, Screen};
use crate::theme::Theme;
use crate::transport::{Reading, Transport};

/// Longest wait for a key: how late a reading or a signal is noticed. Half of the fastest
/// refresh, so none of them is missed.
const TICK: Duration = Duration::from_millis(50);

/// Redraw at least this often: the clock and the age of a failure move on.
const STILL: Duration = Duration::from_secs(1);

/// How a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// By key.
    Quit,
    /// By this signal.
    Signal(i32),
}

/// What stays the same for a whole session.
pub(crate) struct Setting {
    /// Shown host.
    pub(crate) host: String,
    /// Name of the source.
    pub(crate) source: String,
    /// Colours.
    pub(crate) theme: Theme,
    /// The terminal shows UTF-8.
    pub(crate) utf8: bool,
    /// Time between readings, when not in fast mode.
    pub(crate) interval: Duration,
}

struct Session<'a> {
    setting: &'a Setting,
    transport: Transport,
    zone: TimeZone,
    began: Instant,
    state: State,
    signal: Arc<AtomicUsize>,
    drawn: Option<Instant>,
}

/// What a wake-up means for the loop.
enum Turn {
    Nothing,
    Draw,
    Clear,
    End(Ending),
}

/// Runs until a key or a signal ends it. `first` is the reading made before the screen opened.
///
/// # Errors
/// A sentence about the terminal or the reading thread; the terminal is restored before.
pub(crate) fn run(
    setting: &Setting,
    transport: Transport,
    first: Reading,
) -> Result<Ending, String> {
    let mut session = Session {
        setting,
        transport,
        zone: TimeZone::system(),
        began: Instant::now(),
        state: State::default(),
        signal: Arc::new(AtomicUsize::new(0)),
        drawn: None,
    };
    session.state.ingest(first, Duration::ZERO);
    for signal in [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGCONT] {
        let number = usize::try_from(signal).unwrap_or_default();
        signal_hook::flag::register_usize(signal, Arc::clone(&session.signal), number)
            .map_err(|error| format!("signal handler: {error}"))?;
    }
    let guard = Guard::enter().map_err(|error| format!("terminal: {error}"))?;
    let ending = session.turns();
    drop(guard);
    ending
}

impl Session<'_> {
    fn turns(&mut self) -> Result<Ending, String> {
        let broken = |error: io::Error| format!("terminal: {error}");
        let mut screen = Terminal::new(CrosstermBackend::new(io::stdout())).map_err(broken)?;
        screen.clear().map_err(broken)?;
        let mut turn = Turn::Draw;
        loop {
            match turn {
                Turn::End(ending) => return Ok(ending),
                Turn::Clear => {
                    screen.clear().map_err(broken)?;
                    self.draw(&mut screen).map_err(broken)?;
                }
                Turn::Draw => self.draw(&mut screen).map_err(broken)?,
                Turn::Nothing => {}
            }
            turn = self.turn()?;
        }
    }

    fn turn(&mut self) -> Result<Turn, String> {
        let broken = |error: io::Error| format!("terminal: {error}");
        let mut turn = if self.drawn.is_some_and(|drawn| drawn.elapsed() < STILL) {
            Turn::Nothing
        } else {
            Turn::Draw
        };
        match terminal::wait(TICK) {
            Input::Gone => return Ok(Turn::End(Ending::Signal(SIGHUP))),
            Input::Nothing => {}
            // One read may have brought several events: all are taken now, because nothing wakes
            // us for those that wait inside the library.
            Input::Ready => {
                while event::poll(Duration::ZERO).map_err(broken)? {
                    turn = self.event(&event::read().map_err(broken)?).map_err(broken)?;
                    if matches!(turn, Turn::End(_)) {
                        return Ok(turn);
                    }
                }
            }
        }
        match i32::try_from(self.signal.swap(0, Ordering::Relaxed)).unwrap_or_default() {
            0 => {}
            SIGCONT => {
                terminal::take().map_err(broken)?;
                turn = Turn::Clear;
            }
            signal => return Ok(Turn::End(Ending::Signal(signal))),
        }
        if let Some(reading) = self.transport.take()? {
            self.state.ingest(reading, self.began.elapsed());
            turn = match turn {
                Turn::Nothing => Turn::Draw,
                turn => turn,
            };
        }
        Ok(turn)
    }

    fn event(&mut self, event: &Event) -> io::Result<Turn> {
        let Event::Key(key) = event else {
            return Ok(Turn::Draw);
        };
        if key.kind == KeyEventKind::Release {
            return Ok(Turn::Nothing);
        }
        match meaning(key) {
            Meaning::Quit => return Ok(Turn::End(Ending::Quit)),
            Meaning::Stop => {
                terminal::restore();
                signal_hook::low_level::raise(SIGTSTP)?;
                // Back again, or never stopped: the kernel ignores it where no shell is watching.
                terminal::take()?;
                let continued = usize::try_from(SIGCONT).unwrap_or_default();
                let order = Ordering::Relaxed;
                // Whether the signal was seen does not matter; another one must not be lost.
                let _ = self.signal.compare_exchange(continued, 0, order, order);
                return Ok(Turn::Clear);
            }
            Meaning::Press(key) => self.state.press(key),
            Meaning::Other => {}
        }
        // Any key asks for a fresh picture.
        let interval = if self.state.fast { FAST } else { self.setting.interval };
        self.transport.refresh(interval);
        Ok(Turn::Draw)
    }

    fn draw(&mut self, screen: &mut Screen) -> io::Result<()> {
        let view = View {
            state: &self.state,
            host: &self.setting.host,
            source: &self.setting.source,
            theme: self.setting.theme,
            utf8: self.setting.utf8,
            now: Timestamp::now(),
            zone: &self.zone,
            at: self.began.elapsed(),
        };
        screen.draw(|frame| draw::render(frame, &view))?;
        self.drawn = Some(Instant::now());
        Ok(())
    }
}

/// What a key press asks for.
#[derive(Debug, PartialEq, Eq)]
enum Meaning {
    Quit,
    Stop,
    Press(Key),
    Other,
}

fn meaning(key: &KeyEvent) -> Meaning {
    let control = key.modifiers.contains(KeyModifiers::CONTROL);
    match key.code {
        KeyCode::Char('c') if control => Meaning::Quit,
        KeyCode::Char('z') if control => Meaning::Stop,
        KeyCode::Char(_) if control => Meaning::Other,
        KeyCode::Char('q') => Meaning::Quit,
        KeyCode::Char('a') => Meaning::Press(Key::Cores),
        KeyCode::Char('f') => Meaning::Press(Key::Fast),
        KeyCode::Char('l') => Meaning::Press(Key::Details),
        KeyCode::Up => Meaning::Press(Key::Scroll(-1)),
        KeyCode::Down => Meaning::Press(Key::Scroll(1)),
        KeyCode::PageUp => Meaning::Press(Key::Scroll(-10)),
        KeyCode::PageDown => Meaning::Press(Key::Scroll(10)),
        KeyCode::Home => Meaning::Press(Key::Top),
        _ => Meaning::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_mean_what_their_users_expect() {
        let plain = |code| KeyEvent::new(code, KeyModifiers::NONE);
        let control = |c| KeyEvent::new(KeyCode::Char(c), KeyModifiers::CONTROL);
        for (key, wanted) in [
            (plain(KeyCode::Char('q')), Meaning::Quit),
            (control('c'), Meaning::Quit),
            (control('z'), Meaning::Stop),
            (control('a'), Meaning::Other),
            (plain(KeyCode::Char('a')), Meaning::Press(Key::Cores)),
            (plain(KeyCode::Char('f')), Meaning::Press(Key::Fast)),
            (plain(KeyCode::Char('l')), Meaning::Press(Key::Details)),
            (plain(KeyCode::Down), Meaning::Press(Key::Scroll(1))),
            (plain(KeyCode::Char('c')), Meaning::Other),
        ] {
            assert_eq!(meaning(&key), wanted, "{key:?}");
        }
    }
}
