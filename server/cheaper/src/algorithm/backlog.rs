//! backlog: the accept queue decides; `cheaper-overload` is the length it may have.
//!
//! `backlog2` is another name of the same.

use super::{Algorithm, View, up};
use crate::Line;

#[derive(Debug)]
pub(super) struct Backlog {
    name: &'static str,
}

impl Backlog {
    pub(super) fn named(name: &'static str) -> Self {
        Self { name }
    }
}

impl Algorithm for Backlog {
    fn name(&self) -> &'static str {
        self.name
    }

    fn decide(&mut self, view: &View<'_>, _: &mut Vec<Line>) -> i64 {
        let (waiting, bearable) = (view.snapshot.backlog, view.settings.overload());
        if view.can_spawn && waiting > bearable {
            up(view.growth())
        } else if waiting < bearable && view.above_floor() {
            -1
        } else {
            0
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::algorithm::tests::ask;
    use crate::fixture::{at, settings};
    use crate::{Settings, Snapshot};

    fn answer(settings: &Settings, backlog: u64, counts: (usize, usize, usize), may: bool) -> i64 {
        let snapshot = Snapshot { backlog, ..at(1, counts) };
        ask(&mut Backlog::named("backlog"), settings, &snapshot, may).0
    }

    #[test]
    fn the_queue_alone_decides() {
        let settings = Settings { step: 2, ..settings("backlog") };
        let cases = [
            (4, (0, 1, 3), true, 2),
            (4, (3, 0, 1), true, 1),
            (4, (4, 0, 0), true, 0),
            (4, (1, 0, 3), false, 0),
            (3, (1, 0, 3), true, 0),
            (2, (2, 0, 2), true, -1),
            (2, (0, 2, 2), false, -1),
            (0, (1, 0, 3), true, 0),
        ];
        for (waiting, counts, may, want) in cases {
            let got = answer(&settings, waiting, counts, may);
            assert_eq!(got, want, "{waiting} wait, {counts:?}, may grow: {may}");
        }
    }

    #[test]
    fn a_bearable_queue_of_zero_means_one() {
        let zero = Settings { overload: 0, ..settings("backlog") };
        assert_eq!(answer(&zero, 0, (0, 2, 2), true), -1, "it can shrink");
        assert_eq!(answer(&zero, 1, (0, 2, 2), true), 0);
        assert_eq!(answer(&zero, 2, (0, 2, 2), true), 1);
    }
}
