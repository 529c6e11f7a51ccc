//! The views: one file each, a pure function from what is known to a [`Page`].
//!
//! Owns the list of them ([`ALL`]), from which the menu, the help, the keys and `--view` are made. A view
//! whose rows no source has is not in the menu; asked for all the same it says what would fill it.

mod alarms;
mod app;
mod apps;
mod caches;
mod cores;
mod details;
mod emperor;
mod jobs;
mod kinds;
mod legion;
mod loggers;
mod metrics;
mod mounts;
mod overview;
mod parts;
mod probes;
mod pushers;
mod request;
mod routers;
mod sockets;
pub(crate) mod sources;
pub(crate) mod spark;
mod worker;
pub(crate) mod workers;

use std::time::Duration;

use jiff::{Timestamp, tz::TimeZone};

use crate::page::Page;
use crate::picture::Picture;
use crate::state::ui::Choice;
use crate::state::{App, State};

pub(crate) use details::lines as detail_lines;

/// A view.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Id {
    /// All sources together.
    Sources,
    /// The instance at a glance.
    Overview,
    /// The classic table.
    Workers,
    /// Cores and their requests.
    Cores,
    /// Caches.
    Caches,
    /// Metrics by name.
    Metrics,
    /// Listening sockets.
    Sockets,
    /// Spoolers, mules, crons, daemons.
    Jobs,
    /// Routers and subscriptions.
    Routers,
    /// Vassals.
    Emperor,
    /// Legions.
    Legion,
    /// Applications and kinds of requests.
    Apps,
    /// Alarms and thresholds.
    Alarms,
    /// Receivers of metrics.
    Pushers,
    /// Probes in the kernel.
    Probes,
}

impl Id {
    /// Its place in [`ALL`].
    pub(crate) fn index(self) -> usize {
        ALL.iter().position(|view| view.id == self).unwrap_or_default()
    }

    /// Its row of [`ALL`].
    pub(crate) fn view(self) -> &'static View {
        ALL.iter().find(|view| view.id == self).unwrap_or(&workers::VIEW)
    }
}

/// One view.
#[derive(Debug)]
pub(crate) struct View {
    /// Which.
    pub(crate) id: Id,
    /// The key that shows it.
    pub(crate) key: char,
    /// Its name in the menu and for `--view`, in lower case.
    pub(crate) name: &'static str,
    /// The questions it answers, for the help.
    pub(crate) answers: &'static str,
    /// Keys of its own and what they do, for the help.
    pub(crate) keys: &'static [(&'static str, &'static str)],
    /// What would fill it, where nothing does.
    pub(crate) absent: &'static str,
    /// Whether the source that is shown has something for it.
    pub(crate) present: fn(&App, &Picture) -> bool,
    /// Makes the page.
    pub(crate) build: fn(&Context<'_>) -> Page,
}

/// Everything a view may use.
pub(crate) struct Context<'a> {
    /// The whole screen.
    pub(crate) app: &'a App,
    /// The source that is shown.
    pub(crate) state: &'a State,
    /// What was chosen in this view.
    pub(crate) choice: &'a Choice,
    /// Columns there are.
    pub(crate) width: usize,
    /// Rows there are for the page; a view may fill them but need not.
    pub(crate) height: usize,
    /// The terminal shows more than ASCII.
    pub(crate) utf8: bool,
    /// Wall clock.
    pub(crate) now: Timestamp,
    /// Local zone.
    pub(crate) zone: &'a TimeZone,
    /// The clock of the readings.
    pub(crate) at: Duration,
}

impl<'a> Context<'a> {
    /// The picture to show.
    pub(crate) fn picture(&self) -> Option<&'a Picture> {
        self.state.picture.as_deref()
    }

    /// The moment of the picture in epoch seconds; that of the wall clock where it does not say.
    pub(crate) fn seconds(&self) -> u64 {
        let taken = self.picture().map_or(0, |picture| picture.taken / 1_000_000);
        if taken > 0 { taken } else { u64::try_from(self.now.as_second()).unwrap_or_default() }
    }

    /// How long a moment is past; nothing for 0, which is never.
    pub(crate) fn since(&self, moment: u64) -> Option<u64> {
        (moment > 0).then(|| self.seconds().saturating_sub(moment))
    }
}

/// All of them, in the order of the menu.
pub(crate) const ALL: &[View] = &[
    sources::VIEW,
    overview::VIEW,
    workers::VIEW,
    cores::VIEW,
    caches::VIEW,
    metrics::VIEW,
    sockets::VIEW,
    jobs::VIEW,
    routers::VIEW,
    emperor::VIEW,
    legion::VIEW,
    apps::VIEW,
    alarms::VIEW,
    pushers::VIEW,
    probes::VIEW,
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_view_has_a_key_and_a_name_of_its_own() {
        let keys: BTreeSet<char> = ALL.iter().map(|view| view.key).collect();
        let names: BTreeSet<&str> = ALL.iter().map(|view| view.name).collect();
        assert_eq!((keys.len(), names.len()), (ALL.len(), ALL.len()));
        for taken in "qaflphrmtx<>/?".chars() {
            assert!(!keys.contains(&taken), "{taken} means something else");
        }
        for (index, view) in ALL.iter().enumerate() {
            assert_eq!(view.id.index(), index);
            assert!(view.answers.len() <= 78, "{}: one line of a terminal", view.name);
        }
    }
}
