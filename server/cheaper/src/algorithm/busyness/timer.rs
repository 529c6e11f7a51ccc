//! When a worker may be stopped: the multiplier and the due time made from it.
//!
//! A start too soon after a stop makes the next stop wait longer; stops in a row and starts after a
//! long calm make it wait less again, down to what the option says. While emergency workers run a
//! multiplier of their own holds.

use crate::{Busyness, Line};

/// What was done last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Action {
    None,
    Spawn,
    Cheap,
}

#[derive(Debug)]
pub(super) struct Timer {
    options: Busyness,
    /// Seconds of a window.
    window: u64,
    multiplier: u64,
    due_us: u64,
    /// When a worker was stopped last; nothing before the first.
    cheaped_us: Option<u64>,
    last: Action,
    emergency: u64,
}

impl Timer {
    /// Armed at once: a worker is not stopped before the first wait is over.
    pub(super) fn new(options: Busyness, window: u64, now_us: u64) -> Self {
        let multiplier = options.multiplier;
        let (cheaped_us, last) = (None, Action::None);
        let mut timer =
            Self { options, window, multiplier, due_us: 0, cheaped_us, last, emergency: 0 };
        timer.due_us = timer.after(now_us, multiplier);
        timer
    }

    pub(super) fn multiplier(&self) -> u64 {
        self.multiplier
    }

    pub(super) fn emergency(&self) -> u64 {
        self.emergency
    }

    /// Whole seconds until a worker may be stopped; `None` when it may be now.
    pub(super) fn wait(&self, now_us: u64) -> Option<u64> {
        (now_us < self.due_us).then(|| (self.due_us - now_us) / 1_000_000)
    }

    /// The wait begins anew.
    pub(super) fn arm(&mut self, now_us: u64, log: &mut Vec<Line>) {
        if self.emergency == 0 {
            self.due_us = self.after(now_us, self.multiplier);
            return;
        }
        let multiplier = self.options.backlog_multiplier;
        if self.options.verbose {
            log.push(Line::plain(format!(
                "[busyness] {} emergency worker(s) running, using {} seconds cheaper timer",
                self.emergency,
                self.window.saturating_mul(multiplier)
            )));
        }
        self.due_us = self.after(now_us, multiplier);
    }

    /// The wait takes one window more.
    pub(super) fn postpone(&mut self) {
        self.due_us = self.due_us.saturating_add(self.window.saturating_mul(1_000_000));
    }

    /// Workers are started because of busyness.
    pub(super) fn spawned(&mut self, now_us: u64, log: &mut Vec<Line>) {
        self.last = Action::Spawn;
        let windows = |since: u64| now_us.saturating_sub(since) / self.window.max(1) / 1_000_000;
        if self.cheaped_us.is_some_and(|since| windows(since) <= self.multiplier) {
            let penalty = self.options.penalty;
            self.multiplier = self.multiplier.saturating_add(penalty);
            log.push(Line::plain(format!(
                "[busyness] worker(s) respawned to fast, increasing cheaper multiplier to {} \
                 (+{penalty})",
                self.multiplier
            )));
        } else {
            self.relax(log);
        }
        self.arm(now_us, log);
    }

    /// A worker is about to be stopped: the next one waits again.
    pub(super) fn cheaping(&mut self, now_us: u64, log: &mut Vec<Line>) {
        if self.last == Action::Cheap {
            self.relax(log);
        }
        self.arm(now_us, log);
        self.cheaped_us = Some(now_us);
        self.last = Action::Cheap;
    }

    /// Connections wait: `count` emergency workers are started.
    pub(super) fn alarmed(&mut self, now_us: u64, count: u64, log: &mut Vec<Line>) {
        self.multiplier = self.options.multiplier;
        self.last = Action::Spawn;
        self.arm(now_us, log);
        self.emergency = self.emergency.saturating_add(count);
    }

    /// One emergency worker counts as an ordinary one, or is gone.
    pub(super) fn calm(&mut self) {
        self.emergency = self.emergency.saturating_sub(1);
    }

    fn relax(&mut self, log: &mut Vec<Line>) {
        if self.multiplier > self.options.multiplier {
            self.multiplier -= 1;
            let text = format!("[busyness] decreasing cheaper multiplier to {}", self.multiplier);
            log.push(Line::plain(text));
        }
    }

    fn after(&self, now_us: u64, multiplier: u64) -> u64 {
        let wait = self.window.saturating_mul(multiplier).saturating_mul(1_000_000);
        now_us.saturating_add(wait)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000;

    /// Windows of 3 s, multiplier 2.
    fn timer(verbose: bool) -> Timer {
        Timer::new(Busyness { multiplier: 2, verbose, ..Busyness::default() }, 3, 0)
    }

    fn texts(log: &mut Vec<Line>) -> Vec<String> {
        std::mem::take(log).into_iter().map(|line| line.text).collect()
    }

    #[test]
    fn a_worker_may_go_after_the_multiplier_in_windows() {
        let timer = timer(false);
        assert_eq!(timer.wait(0), Some(6));
        assert_eq!(timer.wait(5 * SECOND + 1), Some(0));
        assert_eq!(timer.wait(6 * SECOND), None);
    }

    #[test]
    fn the_first_start_is_never_too_soon() {
        let (mut timer, mut log) = (timer(true), Vec::new());
        timer.spawned(3 * SECOND, &mut log);
        assert_eq!((texts(&mut log), timer.multiplier()), (Vec::new(), 2));
        assert_eq!(timer.wait(3 * SECOND), Some(6), "and the wait begins anew");
    }

    #[test]
    fn a_start_soon_after_a_stop_costs_a_penalty() {
        let (mut timer, mut log) = (timer(false), Vec::new());
        timer.cheaping(10 * SECOND, &mut log);
        timer.spawned(18 * SECOND, &mut log);
        let text =
            "[busyness] worker(s) respawned to fast, increasing cheaper multiplier to 4 (+2)";
        assert_eq!(texts(&mut log), [text]);
        assert_eq!(timer.wait(18 * SECOND), Some(12));
        timer.spawned(24 * SECOND, &mut log);
        assert_eq!(timer.multiplier(), 6, "4 windows after the stop are not more than 4");
        log.clear();
        timer.spawned(31 * SECOND, &mut log);
        assert_eq!(texts(&mut log).len(), 1, "7 windows are more than 6");
        assert_eq!(timer.multiplier(), 5);
    }

    #[test]
    fn stops_in_a_row_take_it_back_to_the_option_and_no_further() {
        let (mut timer, mut log) = (timer(false), Vec::new());
        timer.cheaping(0, &mut log);
        timer.spawned(SECOND, &mut log);
        log.clear();
        timer.cheaping(100 * SECOND, &mut log);
        assert_eq!((texts(&mut log).len(), timer.multiplier()), (0, 4), "the first of the row");
        for (multiplier, lines) in [(3, 1), (2, 1), (2, 0)] {
            timer.cheaping(200 * SECOND, &mut log);
            let got = texts(&mut log);
            assert_eq!((timer.multiplier(), got.len()), (multiplier, lines));
            if lines > 0 {
                let text = format!("[busyness] decreasing cheaper multiplier to {multiplier}");
                assert_eq!(got, [text]);
            }
        }
    }

    #[test]
    fn emergency_workers_bring_their_own_wait_from_the_next_arming() {
        let (mut timer, mut log) = (timer(true), Vec::new());
        timer.cheaping(0, &mut log);
        timer.spawned(SECOND, &mut log);
        log.clear();
        timer.alarmed(2 * SECOND, 2, &mut log);
        assert_eq!((timer.multiplier(), timer.emergency()), (2, 2));
        assert_eq!((texts(&mut log).len(), timer.wait(2 * SECOND)), (0, Some(6)));
        timer.arm(2 * SECOND, &mut log);
        let text = "[busyness] 2 emergency worker(s) running, using 9 seconds cheaper timer";
        assert_eq!((texts(&mut log), timer.wait(2 * SECOND)), (vec![text.to_owned()], Some(9)));
        for left in [1, 0, 0] {
            timer.calm();
            assert_eq!(timer.emergency(), left);
        }
    }

    #[test]
    fn no_option_is_too_large() {
        let huge = Busyness { multiplier: u64::MAX, penalty: u64::MAX, ..Busyness::default() };
        let (mut timer, mut log) = (Timer::new(huge, u64::MAX, u64::MAX), Vec::new());
        timer.cheaping(0, &mut log);
        timer.spawned(1, &mut log);
        timer.postpone();
        timer.alarmed(2, u64::MAX, &mut log);
        timer.alarmed(2, u64::MAX, &mut log);
        assert_eq!(timer.wait(0), Some(u64::MAX / 1_000_000));
    }
}
