//! Percent of the time workers spend in requests, window by window.
//!
//! A request in progress counts with the time it has taken so far, and a window is as long as it
//! really was. Where nobody knows how long a request has run, a worker that was seen busy but ended
//! nothing counts as busy for the whole window.

use crate::{Slot, Snapshot};

/// One worker's course.
#[derive(Debug, Clone, Copy, Default)]
struct Course {
    /// Time in requests at the end of the last window, in microseconds.
    spent_us: u64,
    /// Cycles of this window in which it was at work that `spent_us` does not tell.
    seen_busy: u64,
    /// Percent of the last window.
    percent: u64,
}

/// A worker in a window that has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Share {
    /// Number of the worker.
    pub(super) worker: usize,
    /// Percent, at most 100.
    pub(super) percent: u64,
    /// It counts as busy because it was seen so this often and ended nothing.
    pub(super) guessed: Option<u64>,
}

#[derive(Debug)]
pub(super) struct Meter {
    began_us: u64,
    courses: Vec<Course>,
    average: u64,
}

impl Meter {
    /// Starts a window; what the workers did before is not part of it.
    pub(super) fn new(start: &Snapshot) -> Self {
        let course = |slot: &Slot| Course { spent_us: spent(slot), ..Course::default() };
        Self {
            began_us: start.now_us,
            courses: start.slots.iter().map(course).collect(),
            average: 0,
        }
    }

    /// Looks at the workers; once a window is over, answers with the active workers' shares.
    pub(super) fn look(
        &mut self,
        snapshot: &Snapshot,
        window_us: u64,
        busy_cores: u64,
    ) -> Option<Vec<Share>> {
        self.courses.resize(snapshot.slots.len(), Course::default());
        for (course, slot) in self.courses.iter_mut().zip(&snapshot.slots) {
            let untold = slot.sig || (slot.in_request_us.is_none() && slot.busy(busy_cores));
            match slot.active() {
                true => course.seen_busy += u64::from(untold),
                false => course.seen_busy = 0,
            }
        }
        let elapsed = snapshot.now_us.saturating_sub(self.began_us);
        (elapsed >= window_us).then(|| self.close(snapshot, elapsed))
    }

    fn close(&mut self, snapshot: &Snapshot, elapsed_us: u64) -> Vec<Share> {
        self.began_us = snapshot.now_us;
        let workers = self.courses.iter_mut().zip(&snapshot.slots).enumerate();
        let shares: Vec<_> = workers
            .filter_map(|(index, (course, slot))| {
                let guessed = course.close(slot, elapsed_us);
                let share = Share { worker: index + 1, percent: course.percent, guessed };
                slot.active().then_some(share)
            })
            .collect();
        let sum: u64 = shares.iter().map(|share| share.percent).sum();
        self.average = sum / (shares.len() as u64).max(1);
        shares
    }

    /// Percent of the last window over all workers that were active at its end.
    pub(super) fn average(&self) -> u64 {
        self.average
    }

    /// Percent of the last window per slot; 0 where no worker was active at its end.
    pub(super) fn percents(&self) -> Vec<u64> {
        self.courses.iter().map(|course| course.percent).collect()
    }
}

impl Course {
    /// Ends the window; tells how often the worker was seen busy when that decided.
    fn close(&mut self, slot: &Slot, elapsed_us: u64) -> Option<u64> {
        let now = spent(slot);
        let delta = now.saturating_sub(self.spent_us);
        self.spent_us = now;
        let seen = std::mem::take(&mut self.seen_busy);
        if !slot.active() {
            self.percent = 0;
            return None;
        }
        let guessed = (delta == 0 && seen > 0).then_some(seen);
        let measured = u128::from(delta) * 100 / u128::from(elapsed_us.max(1));
        self.percent = match guessed {
            Some(_) => 100,
            None => u64::try_from(measured).unwrap_or(u64::MAX).min(100),
        };
        guessed
    }
}

/// Microseconds in requests so far, with those in progress where they are known.
fn spent(slot: &Slot) -> u64 {
    slot.running_us.saturating_add(slot.in_request_us.unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{at, busy, cheaped, idle};

    const WINDOW: u64 = 3_000_000;

    fn snapshot(second: u64, slots: &[Slot]) -> Snapshot {
        Snapshot { slots: slots.to_vec(), ..at(second, (0, 0, 0)) }
    }

    fn ran(running_us: u64) -> Slot {
        Slot { running_us, ..idle() }
    }

    fn percents(shares: &[Share]) -> Vec<u64> {
        shares.iter().map(|share| share.percent).collect()
    }

    #[test]
    fn a_window_is_divided_by_its_real_length() {
        let mut meter = Meter::new(&snapshot(0, &[ran(0), ran(7)]));
        assert_eq!(meter.look(&snapshot(2, &[ran(5), ran(7)]), WINDOW, 0), None);
        let shares = meter.look(&snapshot(4, &[ran(2_000_000), ran(7)]), WINDOW, 0).unwrap();
        assert_eq!((percents(&shares), meter.average()), (vec![50, 0], 25));
    }

    #[test]
    fn time_before_the_start_is_not_counted() {
        let mut meter = Meter::new(&snapshot(100, &[ran(90_000_000)]));
        let shares = meter.look(&snapshot(103, &[ran(90_300_000)]), WINDOW, 0).unwrap();
        assert_eq!(percents(&shares), [10]);
    }

    #[test]
    fn a_request_in_progress_counts_with_its_time_so_far() {
        let long = |us| Slot { in_request_us: Some(us), ..busy() };
        let mut meter = Meter::new(&snapshot(0, &[idle()]));
        let shares = meter.look(&snapshot(3, &[long(600_000)]), WINDOW, 0).unwrap();
        assert_eq!(percents(&shares), [20], "it began 0.6 s ago");
        let shares = meter.look(&snapshot(6, &[long(3_600_000)]), WINDOW, 0).unwrap();
        assert_eq!(percents(&shares), [100]);
        let ended = Slot { running_us: 5_100_000, ..idle() };
        let shares = meter.look(&snapshot(9, &[ended]), WINDOW, 0).unwrap();
        assert_eq!(
            percents(&shares),
            [50],
            "what was counted before it ended is not counted twice"
        );
    }

    #[test]
    fn a_request_that_has_just_begun_is_not_a_full_window() {
        let mut meter = Meter::new(&snapshot(0, &[idle()]));
        let shares = meter.look(&snapshot(3, &[busy()]), WINDOW, 0).unwrap();
        assert_eq!(shares, [Share { worker: 1, percent: 0, guessed: None }]);
    }

    #[test]
    fn without_times_whoever_was_seen_busy_and_ended_nothing_is_busy() {
        let unknown = |slot: Slot| Slot { in_request_us: None, ..slot };
        let mut meter = Meter::new(&snapshot(0, &[unknown(idle())]));
        for second in [1, 2] {
            assert_eq!(meter.look(&snapshot(second, &[unknown(busy())]), WINDOW, 0), None);
        }
        let shares = meter.look(&snapshot(3, &[unknown(idle())]), WINDOW, 0).unwrap();
        assert_eq!(shares, [Share { worker: 1, percent: 100, guessed: Some(2) }]);
        let shares = meter.look(&snapshot(6, &[unknown(idle())]), WINDOW, 0).unwrap();
        assert_eq!(percents(&shares), [0], "the next window begins without it");
    }

    #[test]
    fn a_window_in_signal_handlers_is_a_busy_one() {
        let mut meter = Meter::new(&snapshot(0, &[idle()]));
        let shares = meter.look(&snapshot(3, &[Slot { sig: true, ..idle() }]), WINDOW, 0).unwrap();
        assert_eq!(percents(&shares), [100]);
    }

    #[test]
    fn only_active_workers_are_averaged_and_the_rest_is_zero() {
        let start = [ran(0), ran(0), ran(0)];
        let mut meter = Meter::new(&snapshot(0, &start));
        let end = [ran(3_000_000), Slot { running_us: 9_000_000, ..cheaped() }, ran(1_500_000)];
        let shares = meter.look(&snapshot(3, &end), WINDOW, 0).unwrap();
        assert_eq!((percents(&shares), meter.average()), (vec![100, 50], 75));
        assert_eq!(meter.percents(), [100, 0, 50]);
    }

    #[test]
    fn what_ended_while_a_worker_was_put_away_is_not_counted_in_its_next_life() {
        let mut meter = Meter::new(&snapshot(0, &[ran(0)]));
        let gone = Slot { running_us: 2_000_000, ..cheaped() };
        assert_eq!(meter.look(&snapshot(3, &[gone]), WINDOW, 0), Some(Vec::new()));
        let shares = meter.look(&snapshot(6, &[ran(2_300_000)]), WINDOW, 0).unwrap();
        assert_eq!(percents(&shares), [10]);
    }

    #[test]
    fn sums_over_cores_and_counters_that_go_back_stay_within_a_hundred() {
        let mut meter = Meter::new(&snapshot(0, &[ran(5_000_000), ran(0)]));
        let shares = meter.look(&snapshot(3, &[ran(1), ran(u64::MAX)]), WINDOW, 0).unwrap();
        assert_eq!(percents(&shares), [0, 100]);
    }

    #[test]
    fn no_worker_means_nothing() {
        let mut meter = Meter::new(&snapshot(0, &[]));
        assert_eq!(meter.look(&snapshot(3, &[]), WINDOW, 0), Some(Vec::new()));
        assert_eq!(meter.average(), 0);
    }
}
