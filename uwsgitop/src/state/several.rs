//! Several sources: their names and tabs, going from one to the next, joining and closing.
//!
//! Owns [`Feed`] and the order of the tabs: all sources together first, then each of them. A source
//! that the user named stays for ever, because it may come back; one that was found by itself is
//! closed with Escape once it has ended, or makes room for the server that took its place.

use super::{App, Mode, State};
use crate::human::clean;
use crate::page::cut;
use crate::views::Id;

/// Columns of a tab at most.
const WIDEST: usize = 24;

/// One source and its names.
#[derive(Default)]
pub(crate) struct Feed {
    /// What it is read from, for sentences about it; no other source has it.
    pub(crate) name: String,
    /// The shown host.
    pub(crate) host: String,
    /// It is on this machine.
    pub(crate) local: bool,
    /// It was found by itself, not named by the user.
    pub(crate) found: bool,
    /// What was seen of it.
    pub(crate) state: State,
}

/// How a source is doing, the worst last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Health {
    /// It answers.
    Answers,
    /// It has not answered yet.
    Waiting,
    /// It answers no more, or never did, or its server has ended.
    Silent,
}

impl Feed {
    /// A source of which nothing was seen yet.
    pub(crate) fn new(name: impl Into<String>, host: impl Into<String>, local: bool) -> Self {
        let (name, host) = (clean(&name.into()), clean(&host.into()));
        Self { name, host, local, ..Self::default() }
    }

    /// How it is doing.
    pub(crate) fn health(&self) -> Health {
        let ended = |picture: &crate::picture::Picture| picture.remark.is_some();
        match &self.state.picture {
            _ if self.state.failure.is_some() => Health::Silent,
            Some(picture) if ended(picture) => Health::Silent,
            Some(_) => Health::Answers,
            None => Health::Waiting,
        }
    }

    /// A short name for its tab: what the user typed, or the directory and process of a server that
    /// was found.
    pub(crate) fn label(&self) -> String {
        let typed =
            ["http://", "https://"].iter().find_map(|scheme| self.name.strip_prefix(scheme));
        let typed = typed.unwrap_or(&self.name).trim_end_matches('/');
        let seen = self.state.picture.as_ref().filter(|_| self.name.starts_with("process "));
        let folder = seen.and_then(|picture| picture.cwd.as_deref()).and_then(last);
        match (folder, self.name.strip_prefix("process ")) {
            (Some(folder), Some(pid)) => {
                format!("{} {pid}", cut(folder, WIDEST - pid.len().min(8)))
            }
            _ if typed.starts_with('/') => cut_front(typed),
            _ => cut(typed, WIDEST),
        }
    }

    /// Whether it is the same server as `other` by what it serves, started again.
    fn succeeds(&self, other: &Self) -> bool {
        let mark = |feed: &Self| {
            let picture = feed.state.picture.as_ref()?;
            let sockets: Vec<String> = picture.sockets.iter().map(|s| s.name.clone()).collect();
            Some((picture.cwd.clone(), sockets)).filter(|(_, sockets)| !sockets.is_empty())
        };
        self.name == other.name || mark(self).is_some_and(|mine| mark(other) == Some(mine))
    }
}

/// Of a long path the end tells most.
fn cut_front(path: &str) -> String {
    let count = path.chars().count();
    if count <= WIDEST {
        return path.to_owned();
    }
    let kept: String = path.chars().skip(count - WIDEST + 2).collect();
    format!("..{kept}")
}

fn last(path: &str) -> Option<&str> {
    path.rsplit('/').find(|part| !part.is_empty())
}

impl App {
    /// Takes in a source that was found while the screen is open; its place, which is that of a
    /// server that has ended where this one is its successor.
    pub(crate) fn join(&mut self, feed: Feed) -> usize {
        let heir = |old: &Feed| old.found && old.health() == Health::Silent && feed.succeeds(old);
        match self.feeds.iter().position(heir) {
            Some(place) => {
                if let Some(old) = self.feeds.get_mut(place) {
                    *old = feed;
                }
                place
            }
            None => {
                self.feeds.push(feed);
                self.feeds.len() - 1
            }
        }
    }

    /// Goes `step` tabs on, round the end.
    pub(super) fn turn(&mut self, step: isize) {
        let count = self.feeds.len();
        if count < 2 {
            return;
        }
        let now = if self.view == Id::Sources { 0 } else { self.current + 1 };
        let next = (now + count + 1).saturating_add_signed(step) % (count + 1);
        self.tab(next.checked_sub(1));
    }

    /// Shows one source, or all of them together.
    pub(super) fn tab(&mut self, place: Option<usize>) {
        self.mode = Mode::View;
        match place {
            None => self.show(Id::Sources),
            Some(place) => {
                self.current = place.min(self.feeds.len().saturating_sub(1));
                self.show(self.alone);
            }
        }
    }

    /// Goes to the source under the cursor.
    pub(super) fn enter(&mut self) {
        let key = self.choice().cursor.clone();
        let place = self.feeds.iter().position(|feed| Some(&feed.name) == key.as_ref());
        if place.is_some() {
            self.tab(place);
        }
    }

    /// Closes a source that was found and has ended: the one that is shown, or the first of them.
    pub(super) fn close(&mut self) {
        let ended = |feed: &Feed| feed.found && feed.health() == Health::Silent;
        let place = match self.view {
            Id::Sources => self.feeds.iter().position(ended),
            _ => Some(self.current),
        };
        let Some(place) = place.filter(|place| self.feeds.get(*place).is_some_and(ended)) else {
            return;
        };
        if self.feeds.len() < 2 {
            return;
        }
        self.feeds.remove(place);
        self.closed.push(place);
        if self.current >= place {
            self.current = self.current.saturating_sub(1);
        }
        let view = if self.feeds.len() < 2 { self.alone } else { Id::Sources };
        self.show(view);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::{Picture, Socket};
    use crate::source::Fault;
    use crate::state::Key;
    use crate::state::ui::Move;
    use std::time::Duration;

    fn app(names: &[&str]) -> App {
        let feeds = names.iter().map(|name| Feed::new(*name, "h", true)).collect();
        App::new(feeds, Id::Sources)
    }

    fn seen(app: &mut App, place: usize, cwd: &str, socket: &str) {
        let sockets = vec![Socket { name: socket.to_owned(), ..Socket::default() }];
        let picture = Picture { cwd: Some(cwd.to_owned()), sockets, ..Picture::default() };
        app.ingest(place, Ok(picture), Duration::ZERO);
    }

    fn dies(app: &mut App, place: usize) {
        app.ingest(place, Err(Fault::Unreachable("gone".into())), Duration::ZERO);
    }

    fn place(app: &App) -> Option<usize> {
        (app.view != Id::Sources).then_some(app.current)
    }

    #[test]
    fn tab_goes_round_over_all_and_each() {
        let mut app = app(&["a", "b"]);
        let mut places = Vec::new();
        for _ in 0..4 {
            app.press(Key::Source(1));
            places.push(place(&app));
        }
        assert_eq!(places, [Some(0), Some(1), None, Some(0)]);
        app.press(Key::View(Id::Sockets));
        app.press(Key::Source(-1));
        app.press(Key::Source(-1));
        assert_eq!((place(&app), app.view), (Some(1), Id::Sockets), "the view stays");
        app.press(Key::Tab(Some(7)));
        assert_eq!(place(&app), Some(1), "a tab that is gone is the last one");
    }

    #[test]
    fn one_source_has_no_tabs() {
        let mut app = App::new(vec![Feed::new("a", "h", true)], Id::Workers);
        app.press(Key::Source(1));
        assert_eq!((app.view, app.current), (Id::Workers, 0));
    }

    #[test]
    fn enter_goes_to_the_source_under_the_cursor() {
        let mut app = app(&["a", "b"]);
        app.press(Key::Open);
        assert_eq!(place(&app), None, "there is no cursor yet");
        app.rows = vec!["b".into(), "a".into()];
        app.press(Key::Go(Move::First));
        app.press(Key::Open);
        assert_eq!(place(&app), Some(1));
    }

    #[test]
    fn what_ended_is_closed_only_when_it_was_found() {
        let mut app = app(&["a", "process 7", "process 8"]);
        app.feeds[1].found = true;
        app.feeds[2].found = true;
        (0..3).for_each(|place| seen(&mut app, place, "/srv", "s"));
        app.press(Key::Back);
        assert_eq!(app.feeds.len(), 3, "all of them answer");
        (0..3).for_each(|place| dies(&mut app, place));
        app.press(Key::Back);
        app.press(Key::Back);
        app.press(Key::Back);
        let names: Vec<&str> = app.feeds.iter().map(|feed| feed.name.as_str()).collect();
        assert_eq!((names, app.closed.clone()), (vec!["a"], vec![1, 1]));
        assert_eq!(app.view, Id::Workers, "of one source there is nothing to compare");
    }

    #[test]
    fn a_server_that_was_started_again_takes_its_old_place() {
        let mut app = app(&["process 1", "process 2"]);
        app.feeds.iter_mut().for_each(|feed| feed.found = true);
        seen(&mut app, 0, "/srv/a", ":80");
        seen(&mut app, 1, "/srv/b", ":81");
        let newcomer = |name: &str, cwd: &str, socket: &str| {
            let mut one = super::tests::app(&[name]);
            seen(&mut one, 0, cwd, socket);
            one.feeds.remove(0)
        };
        assert_eq!(app.join(newcomer("process 3", "/srv/a", ":80")), 2, "the old one lives");
        dies(&mut app, 1);
        assert_eq!(app.join(newcomer("process 4", "/srv/b", ":82")), 3, "another server");
        assert_eq!(app.join(newcomer("process 5", "/srv/b", ":81")), 1);
        assert_eq!(app.feeds[1].name, "process 5");
        assert_eq!(app.join(newcomer("process 1", "/", "x")), 4);
    }

    #[test]
    fn labels_are_short_and_say_which() {
        let label = |name: &str, cwd: Option<&str>| {
            let mut feed = Feed::new(name, "h", true);
            let picture = Picture { cwd: cwd.map(str::to_owned), ..Picture::default() };
            feed.state.ingest(Ok(picture), Duration::ZERO);
            feed.label()
        };
        assert_eq!(label("https://web1:9191/", None), "web1:9191");
        assert_eq!(label("process 4242", Some("/srv/shop/")), "shop 4242");
        assert_eq!(label("process 4242", Some("/")), "process 4242");
        let long = label("/run/a/very/long/path/to/a/stats.sock", None);
        assert_eq!((long.len(), long.ends_with("/stats.sock")), (WIDEST, true));
    }
}
