//! What the screen knows and how keys and readings change it.
//!
//! [`State`] is one source: its last picture and what changed lately. [`App`] is all of them and
//! what the user chose. Data only: no sockets, no clock, no drawing; every moment is an argument.

pub(crate) mod heat;
pub(crate) mod meter;
pub(crate) mod past;
pub(crate) mod peaks;
pub(crate) mod seen;
mod several;
pub(crate) mod tape;
pub(crate) mod ui;

use std::sync::Arc;
use std::time::Duration;

use crate::control::Control;
use crate::control::asking::Asking;
use crate::diagnosis::{self, Finding, Memory};
use crate::human;
use crate::picture::{Body, Picture, Trail};
use crate::source::{Fault, Needs, transport::Reading};
use crate::views::{self, Id};
use heat::Heat;
use meter::Meter;
use past::Past;
use peaks::Peaks;
use seen::Seen;
pub(crate) use several::{Feed, Health};
use tape::{Tape, Taping};
use ui::{Choice, Cores, Move};

/// A key, in the words of the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Key {
    /// `a`.
    Cores,
    /// `f`.
    Fast,
    /// `l`.
    Details,
    /// `p`.
    Pause,
    /// `h`, `?`.
    Help,
    /// `t`: the next theme.
    Theme,
    /// `/`.
    Filter,
    /// Arrows and page keys.
    Go(Move),
    /// `<`, `>` and arrows to the side.
    Sort(isize),
    /// `r`.
    Reverse,
    /// Enter.
    Open,
    /// Space.
    Mark,
    /// `m`: another form of the view.
    Form,
    /// Escape.
    Back,
    /// Tab: the next source, negative for the one before.
    Source(isize),
    /// A click on a tab: all sources, or one of them.
    Tab(Option<usize>),
    /// A key of a replay.
    Turn(tape::Turn),
    /// A view's own key.
    View(Id),
    /// A click on a row, by its number among those shown.
    Row(usize),
    /// A click on a title, by column.
    Column(usize),
}

/// One source as far as it was seen.
#[derive(Debug, Default)]
pub(crate) struct State {
    /// The last good picture.
    pub(crate) picture: Option<Arc<Picture>>,
    /// What changed lately.
    pub(crate) past: Past,
    /// The last minute, for the diagnosis.
    pub(crate) memory: Memory,
    /// What limits the server now, the most pressing first.
    pub(crate) findings: Vec<Finding>,
    /// What the screen wrote down itself, where the source tells no past.
    pub(crate) seen: Seen,
    /// How long requests took, moment by moment.
    pub(crate) heat: Heat,
    /// How metrics went lately.
    pub(crate) meter: Meter,
    /// The longest queues.
    pub(crate) peaks: Peaks,
    /// Why the last reading failed, and when readings began to fail.
    pub(crate) failure: Option<(String, Duration)>,
    /// Documents in a row that made no sense.
    unreadable: u32,
}

/// Unreadable documents in a row that are no accident.
const MANY: u32 = 3;

impl State {
    /// The past of this name and resolution: as the source tells it, or as the screen saw it.
    pub(crate) fn trail(&self, name: &str, step: u64) -> Option<&Trail> {
        let told = self.picture.iter().flat_map(|picture| &picture.trails);
        let mut told = told.filter(|trail| trail.step == step && trail.name == name);
        told.next().or_else(|| self.seen.get(name, step))
    }

    /// Takes in one reading made at `at` (any clock that does not go back).
    pub(crate) fn ingest(&mut self, reading: Reading, at: Duration) {
        match reading {
            Ok(picture) => self.show(picture, at),
            // One bad document skips one refresh: a server that reloads cuts them off.
            Err(Fault::Unreadable(reason)) => {
                self.unreadable += 1;
                if self.picture.is_none() || self.unreadable >= MANY {
                    self.fail(reason, at);
                }
            }
            Err(Fault::Unreachable(reason)) => self.fail(reason, at),
        }
    }

    fn fail(&mut self, reason: String, at: Duration) {
        let since = self.failure.as_ref().map_or(at, |(_, since)| *since);
        self.failure = Some((human::clean(&reason), since));
    }

    fn show(&mut self, picture: Picture, at: Duration) {
        self.failure = None;
        self.unreadable = 0;
        if self.picture.as_ref().is_some_and(|last| last.pid != picture.pid) {
            self.past.clear();
            self.peaks.clear();
            self.memory.clear();
            self.seen.clear();
            self.heat.clear();
            self.meter.clear();
        }
        self.seen.ingest(&picture);
        self.heat.ingest(&picture);
        self.meter.ingest(&picture);
        self.peaks.ingest(&picture);
        let picture = Arc::new(picture);
        self.memory.ingest(&picture);
        self.findings = diagnosis::of(&self.memory);
        self.past.ingest(Arc::clone(&picture), at);
        self.picture = Some(picture);
    }
}

/// What keys go to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Mode {
    /// The view.
    #[default]
    View,
    /// The filter that is being typed.
    Filter,
    /// The help.
    Help,
}

/// The whole screen.
pub(crate) struct App {
    /// The sources in the order of the command line; never empty.
    pub(crate) feeds: Vec<Feed>,
    /// The one that is shown.
    pub(crate) current: usize,
    /// Places of sources that were closed, in the order of their closing; whoever reads the sources
    /// takes them away.
    pub(crate) closed: Vec<usize>,
    /// Servers that were found and cannot be shown, a sentence for each.
    pub(crate) remarks: Vec<String>,
    /// The view of one source that was shown last.
    pub(crate) alone: Id,
    /// The view that is shown.
    pub(crate) view: Id,
    /// What was chosen in each view, by [`Id::index`].
    pub(crate) choices: Vec<Choice>,
    /// How cores are shown among workers.
    pub(crate) cores: Cores,
    /// Refresh ten times a second.
    pub(crate) fast: bool,
    /// Show latencies and requests in flight below the workers.
    pub(crate) details: bool,
    /// Nothing new is shown.
    pub(crate) paused: bool,
    /// What keys go to.
    pub(crate) mode: Mode,
    /// Key of the row whose own source is wanted; whoever reads the sources opens it.
    pub(crate) wanted: Option<String>,
    /// An answer to the last key.
    pub(crate) notice: Option<String>,
    /// What is being asked of a server.
    pub(crate) asking: Asking,
    /// How the recording goes, where one is made.
    pub(crate) taping: Option<Taping>,
    /// Where the replay is, where a recording is shown.
    pub(crate) tape: Option<Tape>,
    /// Keys of the rows that were drawn last, whatever part of them fits.
    pub(crate) rows: Vec<String>,
    /// Columns of the table that was drawn last.
    pub(crate) columns: usize,
    /// Themes beyond the one to begin with; how many there are is not the screen's business.
    pub(crate) themes: usize,
    /// First line of the help that is shown.
    pub(crate) help: usize,
    /// How far the lines that were drawn last can be scrolled.
    pub(crate) furthest: usize,
}

impl App {
    /// A screen over these sources.
    pub(crate) fn new(feeds: Vec<Feed>, view: Id) -> Self {
        Self {
            feeds,
            current: 0,
            closed: Vec::new(),
            remarks: Vec::new(),
            alone: if view == Id::Sources { Id::Workers } else { view },
            view,
            choices: vec![Choice::default(); views::ALL.len()],
            cores: Cores::default(),
            fast: false,
            details: true,
            paused: false,
            mode: Mode::default(),
            wanted: None,
            notice: None,
            asking: Asking::default(),
            taping: None,
            tape: None,
            rows: Vec::new(),
            columns: 0,
            themes: 0,
            help: 0,
            furthest: 0,
        }
    }

    /// The same with the permission to ask servers for something.
    pub(crate) fn with_control(self, control: Option<Control>) -> Self {
        Self { asking: Asking::new(control), ..self }
    }

    /// The source that is shown.
    pub(crate) fn feed(&self) -> &Feed {
        let at = self.current.min(self.feeds.len().saturating_sub(1));
        #[allow(clippy::indexing_slicing, reason = "there is always a source, and `at` is one")]
        &self.feeds[at]
    }

    /// What the source that is shown must tell: what the view shows, and the past of pinned metrics
    /// goes on while other views are shown.
    pub(crate) fn needs(&self) -> Needs {
        let needs = Needs::of(self.view);
        let pins = self.choices.get(Id::Metrics.index());
        let pinned = pins.is_some_and(|choice| !choice.marks.is_empty());
        Needs { metrics: needs.metrics || pinned, ..needs }
    }

    /// What was chosen in the view that is shown.
    pub(crate) fn choice(&self) -> &Choice {
        static NONE: std::sync::OnceLock<Choice> = std::sync::OnceLock::new();
        self.choices.get(self.view.index()).unwrap_or_else(|| NONE.get_or_init(Choice::default))
    }

    /// Takes in one reading of a source; nothing while paused.
    pub(crate) fn ingest(&mut self, feed: usize, reading: Reading, at: Duration) {
        if let Some(feed) = self.feeds.get_mut(feed).filter(|_| !self.paused) {
            feed.state.ingest(reading, at);
        }
    }

    /// Applies a key.
    pub(crate) fn press(&mut self, key: Key) {
        self.notice = None;
        match key {
            Key::View(_) | Key::Source(_) | Key::Tab(_) | Key::Theme => {}
            Key::Go(to) if self.mode == Mode::Help => {
                self.help = ui::scrolled(self.help, to, self.furthest);
                return;
            }
            _ if self.mode == Mode::Help => {
                self.mode = Mode::View;
                return;
            }
            _ => {}
        }
        match key {
            Key::Cores => self.cores = self.cores.next(),
            Key::Fast => self.fast = !self.fast,
            Key::Details => self.details = !self.details,
            Key::Pause => self.paused = !self.paused,
            Key::Help => (self.mode, self.help) = (Mode::Help, 0),
            Key::Theme => self.themes = self.themes.wrapping_add(1),
            Key::Filter => self.mode = Mode::Filter,
            Key::View(id) => self.show(id),
            Key::Source(step) => self.turn(step),
            Key::Tab(place) => self.tab(place),
            Key::Open if self.view == Id::Sources => self.enter(),
            Key::Open if self.lists_vassals() => self.wanted = self.choice().cursor.clone(),
            _ => self.choose(key),
        }
    }

    /// Whether the rows that are shown are vassals.
    fn lists_vassals(&self) -> bool {
        let picture = self.feed().state.picture.as_ref();
        let emperor = picture.is_some_and(|picture| matches!(picture.body, Body::Emperor(_)));
        emperor && matches!(self.view, Id::Emperor | Id::Workers)
    }

    /// Types into the filter; `None` takes the last character away.
    pub(crate) fn type_filter(&mut self, typed: Option<char>) {
        self.change(|choice| match typed {
            Some(typed) => choice.filter.push(typed),
            None => {
                choice.filter.pop();
            }
        });
    }

    /// Ends typing; `keep` the filter or forget it.
    pub(crate) fn end_filter(&mut self, keep: bool) {
        self.mode = Mode::View;
        if !keep {
            self.change(|choice| choice.filter.clear());
        }
    }

    fn show(&mut self, id: Id) {
        self.view = id;
        if id != Id::Sources {
            self.alone = id;
        }
        self.mode = Mode::View;
        self.rows.clear();
    }

    fn choose(&mut self, key: Key) {
        let rows = std::mem::take(&mut self.rows);
        let (columns, furthest) = (self.columns, self.furthest);
        let mut undone = true;
        self.change(|choice| match key {
            Key::Go(to) => choice.go(&rows, to, furthest),
            Key::Row(row) => choice.click(rows.get(row)),
            Key::Sort(step) => choice.sort_by(step, columns),
            Key::Column(column) => choice.sort_on(column),
            Key::Reverse => choice.reverse = !choice.reverse,
            Key::Open => choice.toggle_open(),
            Key::Mark => choice.toggle_mark(),
            Key::Form => choice.form = choice.form.wrapping_add(1),
            Key::Back => undone = choice.back(),
            _ => {}
        });
        self.rows = rows;
        if !undone {
            self.close();
        }
    }

    fn change(&mut self, change: impl FnOnce(&mut Choice)) {
        if let Some(choice) = self.choices.get_mut(self.view.index()) {
            change(choice);
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::picture::{Emperor, Worker};

    /// A screen over one source that has shown these pictures, a second apart.
    pub(crate) fn app(pictures: impl IntoIterator<Item = Picture>) -> App {
        let feed = Feed::new("127.0.0.1:1717", "web1", true);
        let mut app = App::new(vec![feed], Id::Workers);
        for (second, picture) in (0..).zip(pictures) {
            app.ingest(0, Ok(picture), at(second));
        }
        app
    }

    fn picture(pid: u64, requests: u64) -> Reading {
        let worker = Worker { requests, ..Worker::default() };
        Ok(Picture { pid: Some(pid), body: Body::Workers(vec![worker]), ..Picture::default() })
    }

    pub(crate) const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn keys_cycle_and_toggle() {
        let mut app = app([]);
        let mut seen = Vec::new();
        for _ in 0..4 {
            seen.push(app.cores.number());
            app.press(Key::Cores);
        }
        assert_eq!(seen, [0, 1, 2, 0]);
        for key in [Key::Fast, Key::Details, Key::Pause] {
            app.press(key);
        }
        assert!(app.fast && !app.details && app.paused);
        app.press(Key::Help);
        app.press(Key::Fast);
        assert!(app.fast && app.mode == Mode::View, "any key ends the help and does no more");
    }

    #[test]
    fn each_view_keeps_what_was_chosen_in_it() {
        let mut app = app([]);
        app.rows = vec!["one".into(), "two".into()];
        app.columns = 3;
        app.press(Key::Go(Move::Last));
        app.press(Key::Sort(1));
        app.press(Key::Filter);
        app.type_filter(Some('a'));
        app.type_filter(Some('b'));
        app.type_filter(None);
        app.end_filter(true);
        app.press(Key::View(Id::Sockets));
        assert_eq!(app.choice(), &Choice::default());
        app.press(Key::View(Id::Workers));
        let choice = app.choice();
        assert_eq!((choice.cursor.as_deref(), choice.sort), (Some("two"), Some(0)));
        assert_eq!(choice.filter, "a");
    }

    #[test]
    fn enter_on_a_vassal_asks_for_its_source() {
        let emperor = || Picture { body: Body::Emperor(Emperor::default()), ..Picture::default() };
        for (view, picture, wanted) in [
            (Id::Emperor, emperor(), Some("a.ini")),
            (Id::Workers, emperor(), Some("a.ini")),
            (Id::Metrics, emperor(), None),
            (Id::Workers, Picture::default(), None),
        ] {
            let mut app = app([picture]);
            app.press(Key::View(view));
            app.rows = vec!["a.ini".into()];
            app.press(Key::Go(Move::First));
            app.press(Key::Open);
            assert_eq!(app.wanted.as_deref(), wanted, "{view:?}");
            assert_eq!(app.choice().open.is_some(), wanted.is_none());
        }
    }

    #[test]
    fn a_paused_screen_stands_still() {
        let mut app = app([]);
        app.ingest(0, picture(1, 5), at(0));
        app.press(Key::Pause);
        app.ingest(0, picture(1, 6), at(1));
        assert_eq!(app.feed().state.picture.as_ref().unwrap().sum(|w| w.requests), 5);
        app.press(Key::Pause);
        app.ingest(0, picture(1, 7), at(2));
        assert_eq!(app.feed().state.picture.as_ref().unwrap().sum(|w| w.requests), 7);
    }

    #[test]
    fn an_unreadable_document_skips_the_refresh() {
        let mut state = State::default();
        state.ingest(picture(1, 5), at(0));
        let before = state.picture.clone();
        state.ingest(Err(Fault::Unreadable("x".into())), at(1));
        assert_eq!((&state.picture, &state.failure), (&before, &None));
        state.ingest(Err(Fault::Unreadable("x".into())), at(2));
        state.ingest(Err(Fault::Unreadable("no end".into())), at(3));
        assert_eq!(state.failure, Some(("no end".into(), at(3))), "it goes on");
        state.ingest(picture(1, 5), at(4));
        state.ingest(Err(Fault::Unreadable("x".into())), at(5));
        assert_eq!(state.failure, None, "it was well in between");
    }

    #[test]
    fn a_first_document_that_makes_no_sense_is_told() {
        let mut state = State::default();
        state.ingest(Err(Fault::Unreadable("no stats".into())), at(1));
        assert_eq!(state.failure, Some(("no stats".into(), at(1))));
    }

    #[test]
    fn a_dead_server_keeps_the_picture_and_the_first_moment() {
        let mut state = State::default();
        state.ingest(picture(1, 5), at(0));
        state.ingest(Err(Fault::Unreachable("refused".into())), at(1));
        state.ingest(Err(Fault::Unreachable("gone".into())), at(2));
        assert!(state.picture.is_some());
        assert_eq!(state.failure, Some(("gone".into(), at(1))));
        state.ingest(picture(1, 6), at(3));
        assert_eq!(state.failure, None);
    }

    #[test]
    fn another_master_starts_without_rates() {
        let mut state = State::default();
        state.ingest(picture(1, 5), at(0));
        state.ingest(picture(1, 15), at(1));
        assert_eq!(state.past.total(), Some(10.0));
        state.ingest(picture(2, 900), at(2));
        assert_eq!(state.past.total(), None);
    }
}
