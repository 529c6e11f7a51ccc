//! spare2: `cheaper` is the number of workers without work that are kept at hand.
//!
//! Missing ones are started in the very next cycle, a step at a time; one of too many goes after
//! `cheaper-idle` cycles in a row.

use super::{Algorithm, View, up};
use crate::Line;

#[derive(Debug, Default)]
pub(super) struct Spare2 {
    /// Cycles in a row with more idle workers than are wanted.
    idle: u64,
}

impl Algorithm for Spare2 {
    fn name(&self) -> &'static str {
        "spare2"
    }

    fn decide(&mut self, view: &View<'_>, _: &mut Vec<Line>) -> i64 {
        let (idle, wanted) = (view.census.idle(), view.settings.floor());
        if idle <= wanted {
            self.idle = 0;
            let empty = (view.snapshot.slots.len() as u64).saturating_sub(view.census.active);
            let growth = (wanted - idle).min(empty).min(view.settings.step());
            return if view.can_spawn { up(growth) } else { 0 };
        }
        self.idle = self.idle.saturating_add(1);
        if self.idle < view.settings.idle {
            return 0;
        }
        self.idle = 0;
        -1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Settings;
    use crate::algorithm::tests::ask;
    use crate::fixture::{at, settings};

    fn many() -> Settings {
        Settings { processes: 64, cheaper: 8, step: 4, ..settings("spare2") }
    }

    fn answer(settings: &Settings, counts: (usize, usize, usize)) -> i64 {
        ask(&mut Spare2::default(), settings, &at(1, counts), true).0
    }

    #[test]
    fn missing_idle_workers_come_in_steps() {
        let cases = [
            ((0, 8, 56), 0),
            ((2, 6, 56), 2),
            ((8, 0, 56), 4),
            ((8, 4, 52), 4),
            ((20, 8, 36), 0),
            ((60, 1, 3), 3),
            ((64, 0, 0), 0),
        ];
        for (counts, want) in cases {
            assert_eq!(answer(&many(), counts), want, "{counts:?}");
        }
    }

    #[test]
    fn without_a_step_it_grows_by_one() {
        assert_eq!(answer(&Settings { step: 0, ..many() }, (8, 0, 56)), 1);
        assert_eq!(answer(&Settings { cheaper: 8, ..settings("spare2") }, (8, 0, 56)), 1);
    }

    #[test]
    fn memory_may_forbid_growth() {
        let got = ask(&mut Spare2::default(), &many(), &at(1, (8, 0, 56)), false);
        assert_eq!(got.0, 0);
    }

    #[test]
    fn one_of_too_many_goes_after_ten_cycles_in_a_row() {
        let mut spare2 = Spare2::default();
        let mut next = |counts| ask(&mut spare2, &many(), &at(1, counts), true).0;
        for _ in 0..2 {
            for cycle in 1..=9 {
                assert_eq!(next((0, 20, 44)), 0, "cycle {cycle}");
            }
            assert_eq!(next((0, 20, 44)), -1);
        }
        for _ in 0..9 {
            assert_eq!(next((0, 20, 44)), 0);
        }
        assert_eq!(next((0, 8, 56)), 0, "enough is enough");
        for cycle in 1..=9 {
            assert_eq!(next((0, 9, 55)), 0, "counted anew, cycle {cycle}");
        }
        assert_eq!(next((0, 9, 55)), -1);
    }
}
