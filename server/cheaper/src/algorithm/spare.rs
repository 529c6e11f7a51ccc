//! spare, the default: one worker without work is kept at hand.
//!
//! It counts cycles in which every worker is busy; beyond `cheaper-overload` of them it grows. With
//! more than one idle worker it counts the other way and lets one go every `cheaper-overload`
//! cycles. Exactly one idle worker is the state it wants, so nothing is counted there.

use super::{Algorithm, View, up};
use crate::Line;

#[derive(Debug, Default)]
pub(super) struct Spare {
    /// Cycles without an idle worker; each one with an idle worker takes one off.
    overloaded: u64,
    /// Cycles with more than one idle worker since the last overload.
    idle: u64,
}

impl Algorithm for Spare {
    fn name(&self) -> &'static str {
        "spare"
    }

    fn decide(&mut self, view: &View<'_>, _: &mut Vec<Line>) -> i64 {
        let (idle, overload) = (view.census.idle(), view.settings.overload());
        if idle > 0 {
            self.overloaded = self.overloaded.saturating_sub(1);
        } else {
            self.overloaded = self.overloaded.saturating_add(1);
            self.idle = 0;
        }
        if view.can_spawn && self.overloaded > overload {
            self.overloaded = 0;
            return up(view.growth());
        }
        if self.overloaded > 0 || idle == 1 {
            return 0;
        }
        self.idle = self.idle.saturating_add(1);
        if view.above_floor() && self.idle.is_multiple_of(overload) { -1 } else { 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Settings;
    use crate::algorithm::tests::ask;
    use crate::fixture::{at, settings};

    /// What it answers to a course of (busy, idle, free) slots.
    fn course(settings: &Settings, counts: &[(usize, usize, usize)]) -> Vec<i64> {
        let mut spare = Spare::default();
        let answer = |&counts: &_| ask(&mut spare, settings, &at(1, counts), true).0;
        counts.iter().map(answer).collect()
    }

    #[test]
    fn the_fourth_cycle_without_an_idle_worker_grows() {
        let got = course(&settings("spare"), &[(1, 0, 3); 9]);
        assert_eq!(got, [0, 0, 0, 1, 0, 0, 0, 1, 0]);
    }

    #[test]
    fn no_worker_at_all_is_overload() {
        assert_eq!(course(&settings("spare"), &[(0, 0, 4); 4]), [0, 0, 0, 1]);
    }

    #[test]
    fn an_idle_cycle_takes_back_one_busy_cycle() {
        let (full, spare) = ((1, 0, 3), (0, 1, 3));
        let got = course(&settings("spare"), &[full, full, full, spare, full, full]);
        assert_eq!(got, [0, 0, 0, 0, 0, 1]);
    }

    #[test]
    fn a_step_is_bounded_by_the_free_slots() {
        for (step, want) in [(0, 1), (1, 1), (2, 2), (9, 3)] {
            let settings = Settings { step, ..settings("spare") };
            assert_eq!(course(&settings, &[(1, 0, 3); 4]), [0, 0, 0, want], "step {step}");
        }
        assert_eq!(course(&settings("spare"), &[(4, 0, 0); 4]), [0; 4], "no slot is free");
    }

    #[test]
    fn one_goes_every_third_cycle_until_the_floor() {
        let got = course(&settings("spare"), &[(0, 4, 0); 7]);
        assert_eq!(got, [0, 0, -1, 0, 0, -1, 0]);
        assert_eq!(course(&settings("spare"), &[(0, 1, 3); 7]), [0; 7]);
        let floor = Settings { cheaper: 3, ..settings("spare") };
        assert_eq!(course(&floor, &[(0, 3, 1); 7]), [0; 7]);
    }

    #[test]
    fn exactly_one_idle_worker_is_left_alone_and_not_counted() {
        let (two, one) = ((1, 2, 1), (2, 1, 1));
        assert_eq!(course(&settings("spare"), &[one; 9]), [0; 9]);
        assert_eq!(course(&settings("spare"), &[two, one, one, two, two]), [0, 0, 0, 0, -1]);
    }

    #[test]
    fn a_busy_cycle_begins_the_idle_count_anew() {
        let (two, full) = ((0, 2, 2), (2, 0, 2));
        let got = course(&settings("spare"), &[two, two, full, two, two, two]);
        assert_eq!(got, [0, 0, 0, 0, 0, -1]);
    }

    #[test]
    fn without_leave_to_grow_the_overload_is_kept() {
        let (mut spare, settings) = (Spare::default(), settings("spare"));
        for _ in 0..9 {
            assert_eq!(ask(&mut spare, &settings, &at(1, (2, 0, 2)), false).0, 0);
        }
        assert_eq!(ask(&mut spare, &settings, &at(1, (2, 0, 2)), true).0, 1);
    }

    #[test]
    fn an_overload_of_zero_means_one() {
        let zero = Settings { overload: 0, ..settings("spare") };
        assert_eq!(course(&zero, &[(1, 0, 3); 3]), [0, 1, 0]);
        assert_eq!(course(&zero, &[(0, 3, 1); 3]), [-1, -1, -1]);
    }
}
