//! The algorithms: what each wants, given what a cycle sees.
//!
//! One file per algorithm behind [`Algorithm`]. An algorithm keeps what it remembers to itself,
//! starts anew with every reload, and answers with a number; which slots that means, and whether
//! memory allows it, is decided elsewhere.

mod backlog;
pub mod busyness;
mod manual;
mod spare;
mod spare2;

use std::fmt::Debug;

use crate::{BusynessGauges, Census, Line, Settings, Snapshot};

/// Everything an algorithm may look at in a cycle.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    /// Workers, queue, time.
    pub snapshot: &'a Snapshot,
    /// Floor, step, overload, the length of a cycle and the rest of the options.
    pub settings: &'a Settings,
    /// The workers, counted.
    pub census: Census,
    /// Memory allows more workers.
    pub can_spawn: bool,
}

impl View<'_> {
    /// How many workers a decision to start some starts: the step, where so many slots are free.
    #[must_use]
    pub fn growth(&self) -> u64 {
        self.settings.step().min(self.census.spawnable)
    }

    /// More workers run than the floor asks for.
    #[must_use]
    pub fn above_floor(&self) -> bool {
        self.census.active > self.settings.floor()
    }
}

/// A way to follow the load.
pub trait Algorithm: Debug + Send {
    /// The name `cheaper-algo` takes.
    fn name(&self) -> &'static str;

    /// Workers to start (positive) or to stop (negative) in this cycle.
    fn decide(&mut self, view: &View<'_>, log: &mut Vec<Line>) -> i64;

    /// Cycles begin again after a while without any; what happened meanwhile says nothing.
    fn resume(&mut self, _now: &Snapshot) {}

    /// Numbers that only this algorithm has; the engine clears those of workers that do not run.
    fn gauges(&self) -> Option<BusynessGauges> {
        None
    }

    /// Workers started because connections waited, since the start.
    fn emergency_total(&self) -> u64 {
        0
    }
}

/// Names that are listed, in the order they register in.
pub const NAMES: [&str; 5] = ["busyness", "spare", "spare2", "backlog", "manual"];

/// What `cheaper-algo-list` prints.
#[must_use]
pub fn list() -> String {
    let names: String = NAMES.iter().map(|name| format!("{name}\n")).collect();
    format!(
        "\n*** uWSGI loaded cheaper algorithms ***\n{names}--- end of cheaper algorithms list \
         ---\n\n"
    )
}

/// The algorithm of that name; `start` is what the workers look like before the first cycle.
#[must_use]
pub fn find(name: &str, settings: &Settings, start: &Snapshot) -> Option<Box<dyn Algorithm>> {
    Some(match name {
        "spare" => Box::new(spare::Spare::default()),
        "spare2" => Box::new(spare2::Spare2::default()),
        "backlog" => Box::new(backlog::Backlog::named("backlog")),
        "backlog2" => Box::new(backlog::Backlog::named("backlog2")),
        "busyness" => Box::new(busyness::Busy::new(settings, start)),
        "manual" => Box::new(manual::Manual),
        _ => return None,
    })
}

/// The algorithm of an instance that names none or an unknown one.
#[must_use]
pub fn usual() -> Box<dyn Algorithm> {
    Box::new(spare::Spare::default())
}

/// A count as a wish to start.
fn up(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::fixture::settings;

    /// What an algorithm answers to a snapshot, and its lines.
    pub(crate) fn ask(
        algorithm: &mut dyn Algorithm,
        settings: &Settings,
        snapshot: &Snapshot,
        can_spawn: bool,
    ) -> (i64, Vec<String>) {
        let census = Census::of(&snapshot.slots, settings.busy_cores);
        let mut log = Vec::new();
        let wish = algorithm.decide(&View { snapshot, settings, census, can_spawn }, &mut log);
        (wish, log.into_iter().map(|line| line.text).collect())
    }

    #[test]
    fn the_list_has_the_frame_and_the_order_that_scripts_read() {
        let want = "\n*** uWSGI loaded cheaper algorithms ***\nbusyness\nspare\nspare2\nbacklog\n\
                    manual\n--- end of cheaper algorithms list ---\n\n";
        assert_eq!(list(), want);
    }

    #[test]
    fn every_name_finds_its_algorithm() {
        let settings = settings("spare");
        for name in NAMES.into_iter().chain(["backlog2"]) {
            let found = find(name, &settings, &Snapshot::default()).expect(name);
            assert_eq!(found.name(), name);
        }
        for name in ["", "Spare", "spare ", "spare3"] {
            assert!(find(name, &settings, &Snapshot::default()).is_none(), "{name:?}");
        }
    }
}
