//! The interactive session: keys, signals and readings in, frames out.
//!
//! Owns the loop and nothing else; it wakes for keys and at least every [`TICK`], and draws
//! only when something changed.

mod descend;
pub(crate) mod hunt;

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crossterm::event::{
    self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers, MouseButton, MouseEvent,
    MouseEventKind,
};
use hunt::Hunt;
use jiff::{Timestamp, tz::TimeZone};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use signal_hook::consts::{SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP, SIGWINCH};

use crate::args::{FAST, Options};
use crate::control::asking::worker_of;
use crate::control::{Control, Target};
use crate::draw::{self, Look, Shown};
use crate::record::recorder::Recorder;
use crate::record::replay::Replay;
use crate::source::Needs;
use crate::source::transport::{Order, Reading, Transport};
use crate::state::tape::Turn as Time;
use crate::state::ui::Move;
use crate::state::{App, Feed, Key, Mode, State};
use crate::terminal::{self, Guard, Input, Screen};
use crate::theme::Theme;
use crate::views::{self, Id};

/// Longest wait for a key: how late a reading or a signal is noticed. Half of the fastest
/// refresh, so none of them is missed.
const TICK: Duration = Duration::from_millis(50);

/// Redraw at least this often: the clock and the age of a failure move on.
const STILL: Duration = Duration::from_secs(1);

/// How a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Ending {
    /// By key.
    Quit,
    /// By this signal.
    Signal(i32),
}

/// What stays the same for a whole session.
pub(crate) struct Setting {
    /// Colours.
    pub(crate) theme: Theme,
    /// The terminal shows UTF-8.
    pub(crate) utf8: bool,
    /// The mouse is the screen's.
    pub(crate) mouse: bool,
    /// The view to begin with.
    pub(crate) view: Id,
    /// What may be asked of servers.
    pub(crate) control: Option<Control>,
    /// How sources are read that are opened later.
    pub(crate) options: Options,
}

/// A source, its names and its first reading.
pub(crate) struct Opened {
    /// Its names.
    pub(crate) feed: Feed,
    /// Time between readings, when not in fast mode.
    pub(crate) interval: Duration,
    /// Who reads it.
    pub(crate) transport: Transport,
    /// The reading made before the screen opened, if there was time for it.
    pub(crate) first: Option<Reading>,
}

/// Who reads a source, in the order of the feeds.
struct Reader {
    transport: Transport,
    interval: Duration,
    ordered: Option<Order>,
}

/// Least time between readings of a source that is not shown, or shown among others.
const BESIDE: Duration = Duration::from_secs(1);

struct Session<'a> {
    setting: &'a Setting,
    readers: Vec<Reader>,
    recorder: Option<Recorder>,
    hunt: Option<Hunt>,
    replay: Option<Replay>,
    zone: TimeZone,
    began: Instant,
    app: App,
    shown: Shown,
    /// The signal that ends the session.
    signal: Arc<AtomicUsize>,
    /// The last one that stops or continues it; it must not hide the other, which shells send first.
    job: Arc<AtomicUsize>,
    /// The terminal has another size.
    resized: Arc<AtomicBool>,
    /// Events may wait inside the library.
    more: bool,
    drawn: Option<Instant>,
}

/// What a wake-up means for the loop; of several things that came at once, the greatest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Turn {
    Nothing,
    Draw,
    Clear,
    End(Ending),
}

/// Runs until a key or a signal ends it.
///
/// # Errors
/// A sentence about the terminal, a reading thread or the recording; the terminal is restored
/// before.
pub(crate) fn run(
    setting: &Setting,
    sources: Vec<Opened>,
    recorder: Option<Recorder>,
    hunt: Option<Hunt>,
) -> Result<Ending, String> {
    let (mut feeds, mut readers, mut firsts) = (Vec::new(), Vec::new(), Vec::new());
    let mut remarks = Vec::new();
    for Opened { feed, interval, transport, first } in sources {
        feeds.push(feed);
        readers.push(Reader { transport, interval, ordered: None });
        firsts.push(first);
    }
    if let Some(hunt) = &hunt {
        feeds.iter_mut().for_each(|feed| feed.found = true);
        remarks.clone_from(&hunt.remarks);
    }
    let mut session = Session { readers, recorder, hunt, ..Session::new(setting, feeds) };
    session.app.remarks = remarks;
    for (feed, first) in firsts.into_iter().enumerate() {
        if let Some(first) = first {
            session.ingest(feed, first);
        }
    }
    // Each source learns whether it is shown alone; a single one is read as it was opened.
    if session.readers.len() > 1 {
        session.order();
    }
    let ending = session.hold();
    match session.recorder.take().map(Recorder::finish) {
        Some(Err(reason)) => ending.and(Err(reason)),
        _ => ending,
    }
}

/// The same for a recording, from this moment on.
///
/// # Errors
/// A sentence about the terminal, which is restored before.
pub(crate) fn replay(setting: &Setting, replay: Replay, moment: u64) -> Result<Ending, String> {
    let mut session = Session::new(setting, replay.feeds());
    session.replay.insert(replay).seek(&mut session.app, moment);
    session.hold()
}

impl<'a> Session<'a> {
    fn new(setting: &'a Setting, feeds: Vec<Feed>) -> Self {
        Self {
            setting,
            readers: Vec::new(),
            recorder: None,
            hunt: None,
            replay: None,
            zone: TimeZone::system(),
            began: Instant::now(),
            app: App::new(feeds, setting.view).with_control(setting.control.clone()),
            shown: Shown::default(),
            signal: Arc::new(AtomicUsize::new(0)),
            job: Arc::new(AtomicUsize::new(0)),
            resized: Arc::new(AtomicBool::new(false)),
            more: false,
            drawn: None,
        }
    }

    /// Holds the terminal until a key or a signal ends it.
    fn hold(&mut self) -> Result<Ending, String> {
        let ending = [SIGINT, SIGTERM, SIGHUP, SIGQUIT].map(|signal| (signal, &self.signal));
        let job = [SIGCONT, SIGTSTP].map(|signal| (signal, &self.job));
        for (signal, flag) in ending.into_iter().chain(job) {
            let number = usize::try_from(signal).unwrap_or_default();
            signal_hook::flag::register_usize(signal, Arc::clone(flag), number)
                .map_err(|error| format!("signal handler: {error}"))?;
        }
        signal_hook::flag::register(SIGWINCH, Arc::clone(&self.resized))
            .map_err(|error| format!("signal handler: {error}"))?;
        // The library has an opinion of its own on NO_COLOR; the theme has heard it already.
        crossterm::style::force_color_output(true);
        let _guard =
            Guard::enter(self.setting.mouse).map_err(|error| format!("terminal: {error}"))?;
        self.turns()
    }

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
        let input = match terminal::wait(if self.more { Duration::ZERO } else { TICK }) {
            Input::Nothing if self.more => Input::Ready,
            input => input,
        };
        self.more = false;
        // A panic in any thread gives it back; nobody should look at a screen that has stopped.
        terminal::held().map_err(broken)?;
        match input {
            Input::Gone => return Ok(Turn::End(Ending::Signal(SIGHUP))),
            Input::Nothing => {}
            // One read may have brought several events: all are taken now, because nothing wakes
            // us for those that wait inside the library.
            Input::Ready => {
                while event::poll(Duration::ZERO).map_err(broken)? {
                    let event = event::read().map_err(broken)?;
                    let page = self.page();
                    turn = turn.max(self.event(&event).map_err(broken)?);
                    // What comes next is about the rows of another page, which must be known first.
                    self.more = self.page() != page;
                    if self.more || matches!(turn, Turn::End(_)) {
                        return Ok(turn);
                    }
                }
                terminal::remind().map_err(broken)?;
            }
        }
        if self.resized.swap(false, Ordering::Relaxed) {
            turn = turn.max(Turn::Draw);
        }
        match i32::try_from(self.signal.swap(0, Ordering::Relaxed)).unwrap_or_default() {
            0 => {}
            signal => return Ok(Turn::End(Ending::Signal(signal))),
        }
        match i32::try_from(self.job.swap(0, Ordering::Relaxed)).unwrap_or_default() {
            0 => {}
            SIGTSTP => turn = turn.max(self.stop().map_err(broken)?),
            _ => {
                terminal::take().map_err(broken)?;
                turn = Turn::Clear;
            }
        }
        let moved = match &mut self.replay {
            Some(replay) => replay.tick(&mut self.app, Instant::now()),
            None => self.join()?,
        };
        if moved {
            turn = turn.max(Turn::Draw);
        }
        let mut readings = Vec::new();
        for (feed, reader) in self.readers.iter().enumerate() {
            if let Some(reading) = reader.transport.take()? {
                readings.push((feed, reading));
            }
        }
        if !readings.is_empty() {
            turn = turn.max(Turn::Draw);
        }
        for (feed, reading) in readings {
            self.ingest(feed, reading);
        }
        Ok(turn)
    }

    /// Takes in the servers that were started since; true when there is something new to show.
    fn join(&mut self) -> Result<bool, String> {
        let Some(mut hunt) = self.hunt.take() else { return Ok(false) };
        let fresh = hunt.fresh(&self.app.feeds)?;
        self.app.remarks.clone_from(&hunt.remarks);
        self.hunt = Some(hunt);
        let Some(fresh) = fresh else { return Ok(false) };
        for opened in fresh {
            self.admit(opened);
        }
        self.order();
        Ok(true)
    }

    /// Takes a source in; its place.
    fn admit(&mut self, Opened { feed, interval, transport, first }: Opened) -> usize {
        let place = self.app.join(feed);
        // It may have been looked at to know it; its time begins with its first reading.
        if let Some(feed) = self.app.feeds.get_mut(place) {
            feed.state = State::default();
        }
        let reader = Reader { transport, interval, ordered: None };
        match self.readers.get_mut(place) {
            Some(old) => *old = reader,
            None => self.readers.push(reader),
        }
        if let Some(first) = first {
            self.ingest(place, first);
        }
        place
    }

    /// A reading goes into the recording, whether the screen stands still or not, and is shown.
    fn ingest(&mut self, feed: usize, reading: Reading) {
        if let (Some(recorder), Some(feed)) = (&self.recorder, self.app.feeds.get(feed)) {
            recorder.put(&feed.name, &feed.host, &reading);
        }
        self.app.ingest(feed, reading, self.began.elapsed());
    }

    /// What decides which rows there are, but for the filter.
    fn page(&self) -> (Id, usize, bool) {
        (self.app.view, self.app.current, self.app.choice().open.is_some())
    }

    fn event(&mut self, event: &Event) -> io::Result<Turn> {
        let key = match event {
            Event::Key(key) if key.kind == KeyEventKind::Release => return Ok(Turn::Nothing),
            Event::Key(key) => key,
            Event::Mouse(mouse) => return Ok(self.mouse(mouse)),
            _ => return Ok(Turn::Draw),
        };
        let meaning = meaning(key, self.app.mode);
        if self.app.asking.is_open() && meaning != Meaning::Stop && !is_control(key, 'c') {
            self.ask(key.code);
            return Ok(Turn::Draw);
        }
        self.app.asking.forget();
        match meaning {
            Meaning::Ask => self.app.asking.open(),
            Meaning::Quit => return Ok(Turn::End(Ending::Quit)),
            Meaning::Stop => return self.stop(),
            Meaning::Press(key) => self.press(key),
            Meaning::Type(typed) => self.app.type_filter(typed),
            Meaning::Typed(keep) => self.app.end_filter(keep),
            Meaning::Other => {}
        }
        self.order();
        Ok(Turn::Draw)
    }

    fn stop(&mut self) -> io::Result<Turn> {
        terminal::stop()?;
        // What continued us has been done; it is forgotten.
        self.job.store(0, Ordering::Relaxed);
        Ok(Turn::Clear)
    }

    /// A key of the menu of actions.
    fn ask(&mut self, code: KeyCode) {
        let key = if let KeyCode::Char(key) = code { Some(key) } else { None };
        let Some(action) = self.app.asking.key(key) else { return };
        let feed = self.app.feed();
        let Some(picture) = feed.state.picture.clone() else { return };
        let worker = worker_of(&picture, self.app.choice().cursor.as_deref());
        let target = Target { picture: &picture, local: feed.local, worker };
        self.app.asking.perform(action, &target);
    }

    /// Asks for a fresh picture of the source that is shown alone; the others are told only what
    /// has changed for them: they need not hold what the view needs, and are worth one look a
    /// second.
    fn order(&mut self) {
        // A recording is worth as much of every source.
        let records = self.recorder.is_some();
        for (feed, reader) in self.readers.iter_mut().enumerate() {
            let shown = feed == self.app.current && self.app.view != Id::Sources;
            // Thousands of metrics are listed once a second, and drawing them costs most.
            let often = records || (shown && self.app.view != Id::Metrics);
            let usual = if often { reader.interval } else { reader.interval.max(BESIDE) };
            let interval = if self.app.fast { FAST } else { usual };
            let needs = match shown {
                _ if records => Needs::ALL,
                true => self.app.needs(),
                false => Needs::default(),
            };
            let order = Order { interval, needs };
            if shown || reader.ordered != Some(order) {
                reader.transport.refresh(order);
                reader.ordered = Some(order);
            }
        }
    }

    fn press(&mut self, key: Key) {
        if let Some(replay) = &mut self.replay
            && replay.press(&mut self.app, key, Instant::now())
        {
            return;
        }
        self.app.press(key);
        for gone in self.app.closed.drain(..) {
            self.readers.remove(gone);
        }
        if let Some(id) = self.app.wanted.take() {
            self.app.notice = self.descend(&id).err();
        }
    }

    fn mouse(&mut self, mouse: &MouseEvent) -> Turn {
        let key = match mouse.kind {
            MouseEventKind::ScrollDown => Some(Key::Go(Move::By(1))),
            MouseEventKind::ScrollUp => Some(Key::Go(Move::By(-1))),
            MouseEventKind::Down(MouseButton::Left) => self.shown.at(mouse.column, mouse.row),
            _ => None,
        };
        let Some(key) = key else { return Turn::Nothing };
        self.press(key);
        self.order();
        Turn::Draw
    }

    fn draw(&mut self, screen: &mut Screen) -> io::Result<()> {
        self.app.taping = self.recorder.as_ref().map(Recorder::taping);
        self.app.tape = self.replay.as_ref().map(Replay::tape);
        let look = Look {
            app: &self.app,
            theme: self.setting.theme.after(self.app.themes),
            utf8: self.setting.utf8,
            now: self.replay.as_ref().map_or_else(Timestamp::now, Replay::wall),
            zone: &self.zone,
            at: self.replay.as_ref().map_or_else(|| self.began.elapsed(), Replay::at),
        };
        let mut shown = Shown::default();
        terminal::write(|| screen.draw(|frame| shown = draw::render(frame, &look)).map(drop))?;
        // Several keys may come before the next frame: all of them are about this one.
        self.app.rows = std::mem::take(&mut shown.rows);
        (self.app.columns, self.app.furthest) = (shown.columns, shown.furthest);
        self.shown = shown;
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
    /// The menu of actions.
    Ask,
    /// Into the filter; nothing takes the last character away.
    Type(Option<char>),
    /// The filter is done, to be kept or not.
    Typed(bool),
    Other,
}

fn meaning(key: &KeyEvent, mode: Mode) -> Meaning {
    let control = key.modifiers.contains(KeyModifiers::CONTROL);
    match key.code {
        KeyCode::Char('c') if control => Meaning::Quit,
        KeyCode::Char('z') if control => Meaning::Stop,
        KeyCode::Char(_) if control => Meaning::Other,
        code if mode == Mode::Filter => typed(code),
        // Whatever has no meaning here ends it, too.
        code if mode == Mode::Help => Meaning::Press(helped(code)),
        KeyCode::Char('q') => Meaning::Quit,
        KeyCode::Char('x') => Meaning::Ask,
        code => pressed(code).map_or(Meaning::Other, Meaning::Press),
    }
}

fn is_control(key: &KeyEvent, letter: char) -> bool {
    key.code == KeyCode::Char(letter) && key.modifiers.contains(KeyModifiers::CONTROL)
}

fn typed(code: KeyCode) -> Meaning {
    match code {
        KeyCode::Char(typed) => Meaning::Type(Some(typed)),
        KeyCode::Backspace => Meaning::Type(None),
        KeyCode::Enter => Meaning::Typed(true),
        KeyCode::Esc => Meaning::Typed(false),
        _ => Meaning::Other,
    }
}

/// A key while the help is shown: quitting it must not quit the program.
fn helped(code: KeyCode) -> Key {
    if code == KeyCode::Char('q') { Key::Back } else { pressed(code).unwrap_or(Key::Back) }
}

fn pressed(code: KeyCode) -> Option<Key> {
    Some(match code {
        KeyCode::Char('a') => Key::Cores,
        KeyCode::Char('f') => Key::Fast,
        KeyCode::Char('l') => Key::Details,
        KeyCode::Char('p') => Key::Pause,
        KeyCode::Char('h' | '?') => Key::Help,
        KeyCode::Char('/') => Key::Filter,
        KeyCode::Char('<') | KeyCode::Left => Key::Sort(-1),
        KeyCode::Char('>') | KeyCode::Right => Key::Sort(1),
        KeyCode::Char('r') => Key::Reverse,
        KeyCode::Char('m') => Key::Form,
        KeyCode::Char('t') => Key::Theme,
        KeyCode::Char(' ') => Key::Mark,
        KeyCode::Enter => Key::Open,
        KeyCode::Esc => Key::Back,
        KeyCode::Char('[') => Key::Turn(Time::Step(false)),
        KeyCode::Char(']') => Key::Turn(Time::Step(true)),
        KeyCode::Char('{') => Key::Turn(Time::By(-60)),
        KeyCode::Char('}') => Key::Turn(Time::By(60)),
        KeyCode::Char('(') => Key::Turn(Time::Begin),
        KeyCode::Char(')') => Key::Turn(Time::End),
        KeyCode::Char('+' | '=') => Key::Turn(Time::Faster(true)),
        KeyCode::Char('-') => Key::Turn(Time::Faster(false)),
        KeyCode::Tab => Key::Source(1),
        KeyCode::BackTab => Key::Source(-1),
        KeyCode::Up => Key::Go(Move::By(-1)),
        KeyCode::Down => Key::Go(Move::By(1)),
        KeyCode::PageUp => Key::Go(Move::By(-10)),
        KeyCode::PageDown => Key::Go(Move::By(10)),
        KeyCode::Home => Key::Go(Move::First),
        KeyCode::End => Key::Go(Move::Last),
        KeyCode::Char(other) => Key::View(views::ALL.iter().find(|view| view.key == other)?.id),
        _ => return None,
    })
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
            (plain(KeyCode::Down), Meaning::Press(Key::Go(Move::By(1)))),
            (plain(KeyCode::Char('1')), Meaning::Press(Key::View(Id::Workers))),
            (plain(KeyCode::Char('~')), Meaning::Other),
        ] {
            assert_eq!(meaning(&key, Mode::View), wanted, "{key:?}");
        }
        for (key, wanted) in [
            (plain(KeyCode::Char('q')), Meaning::Type(Some('q'))),
            (plain(KeyCode::Backspace), Meaning::Type(None)),
            (plain(KeyCode::Enter), Meaning::Typed(true)),
            (plain(KeyCode::Esc), Meaning::Typed(false)),
            (control('c'), Meaning::Quit),
        ] {
            assert_eq!(meaning(&key, Mode::Filter), wanted, "{key:?} while typing");
        }
    }
}
