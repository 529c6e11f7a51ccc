//! What the screen knows and how keys and readings change it.
//!
//! Owns the last picture, the rates, the modes chosen by keys. Data only: no sockets, no clock,
//! no drawing; every moment is an argument.

use std::time::Duration;

use crate::picture::{Body, Picture};
use crate::rates::Rates;
use crate::source::Fault;
use crate::transport::Reading;

/// How cores are shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Cores {
    /// Not at all.
    #[default]
    Hidden,
    /// Each core that has served a request is a row of its own, `worker:core`.
    Merged,
    /// Each such core is a row under its worker.
    Below,
}

impl Cores {
    /// The mode after this one.
    fn next(self) -> Self {
        match self {
            Self::Hidden => Self::Merged,
            Self::Merged => Self::Below,
            Self::Below => Self::Hidden,
        }
    }

    /// The number users know it by.
    pub(crate) fn number(self) -> u8 {
        match self {
            Self::Hidden => 0,
            Self::Merged => 1,
            Self::Below => 2,
        }
    }
}

/// A key, in the words of the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Key {
    /// `a`.
    Cores,
    /// `f`.
    Fast,
    /// `l`.
    Details,
    /// Arrows and page keys: rows down, negative for up.
    Scroll(isize),
    /// Home.
    Top,
}

/// Everything the drawing needs.
pub(crate) struct State {
    /// The last good picture.
    pub(crate) picture: Option<Picture>,
    /// Rates of its workers.
    pub(crate) rates: Rates,
    /// How cores are shown.
    pub(crate) cores: Cores,
    /// Refresh ten times a second.
    pub(crate) fast: bool,
    /// Show what only the arena knows.
    pub(crate) details: bool,
    /// First table row shown, as wished; the drawing clamps it.
    pub(crate) scroll: usize,
    /// Why the last reading failed, and when readings began to fail.
    pub(crate) failure: Option<(String, Duration)>,
}

impl Default for State {
    fn default() -> Self {
        Self {
            picture: None,
            rates: Rates::default(),
            cores: Cores::default(),
            fast: false,
            details: true,
            scroll: 0,
            failure: None,
        }
    }
}

impl State {
    /// Takes in one reading made at `at` (any clock that does not go back).
    pub(crate) fn ingest(&mut self, reading: Reading, at: Duration) {
        match reading {
            Ok(picture) => self.show(picture, at),
            // One bad document skips one refresh.
            Err(Fault::Unreadable(_)) => {}
            Err(Fault::Unreachable(reason)) => {
                let since = self.failure.as_ref().map_or(at, |(_, since)| *since);
                self.failure = Some((reason, since));
            }
        }
    }

    fn show(&mut self, picture: Picture, at: Duration) {
        self.failure = None;
        if self.picture.as_ref().is_some_and(|last| last.pid != picture.pid) {
            self.rates.clear();
        }
        if let Body::Workers(workers) = &picture.body {
            self.rates.ingest(workers, at);
        }
        self.picture = Some(picture);
    }

    /// Applies a key.
    pub(crate) fn press(&mut self, key: Key) {
        match key {
            Key::Cores => self.cores = self.cores.next(),
            Key::Fast => self.fast = !self.fast,
            Key::Details => self.details = !self.details,
            Key::Scroll(rows) => self.scroll = self.scroll.saturating_add_signed(rows),
            Key::Top => self.scroll = 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::Worker;

    fn picture(pid: u64, requests: u64) -> Reading {
        let worker = Worker { requests, ..Worker::default() };
        Ok(Picture { pid: Some(pid), body: Body::Workers(vec![worker]), ..Picture::default() })
    }

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn keys_cycle_and_toggle() {
        let mut state = State::default();
        let mut seen = Vec::new();
        for _ in 0..4 {
            seen.push(state.cores.number());
            state.press(Key::Cores);
        }
        assert_eq!(seen, [0, 1, 2, 0]);
        state.press(Key::Fast);
        state.press(Key::Details);
        state.press(Key::Scroll(3));
        state.press(Key::Scroll(-1));
        assert!(state.fast && !state.details);
        assert_eq!(state.scroll, 2);
        state.press(Key::Scroll(-9));
        assert_eq!(state.scroll, 0, "the top is the end of up");
    }

    #[test]
    fn an_unreadable_document_skips_the_refresh() {
        let mut state = State::default();
        state.ingest(picture(1, 5), at(0));
        let before = state.picture.clone();
        state.ingest(Err(Fault::Unreadable("x".into())), at(1));
        assert_eq!((&state.picture, &state.failure), (&before, &None));
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
        assert_eq!(state.rates.total(), Some(10.0));
        state.ingest(picture(2, 900), at(2));
        assert_eq!(state.rates.total(), None);
    }
}
