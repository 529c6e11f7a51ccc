//! busyness: the mean share of time workers spend in requests, over windows of `cheaper-overload`
//! seconds.
//!
//! At the end of a window: above the maximum it starts workers, below the minimum it stops one once
//! the timer allows, and in between it lets the timer run longer. Between the ends it watches the
//! accept queue and starts emergency workers when too many connections wait, or some wait too long.

mod meter;
mod timer;

use meter::{Meter, Share};
use timer::Timer;

use super::{Algorithm, View, up};
use crate::{Busyness, BusynessGauges, Line, Settings, Snapshot};

/// Windows between minimum and maximum in a row after which the timer begins anew.
const CALM_WINDOWS: u64 = 3;

/// What is logged at start when this is the algorithm; `metrics` tells that its numbers are shown.
#[must_use]
pub fn banner(settings: &Settings, metrics: bool) -> Vec<Line> {
    let options = settings.busyness.effective();
    let mut texts = vec![
        format!(
            "[busyness] settings: min={}%, max={}%, overload={}, multiplier={}, respawn penalty={}",
            options.min,
            options.max,
            settings.overload(),
            options.multiplier,
            options.penalty
        ),
        format!(
            "[busyness] backlog alert is set to {} request(s), step is {}",
            options.backlog_alert, options.backlog_step
        ),
        format!(
            "[busyness] backlog non-zero alert is set to {} second(s)",
            options.backlog_nonzero
        ),
    ];
    if metrics {
        texts.push("[busyness] metrics registered".into());
    }
    texts.into_iter().map(Line::plain).collect()
}

/// The algorithm.
#[derive(Debug)]
pub(super) struct Busy {
    options: Busyness,
    /// Seconds of a window.
    window: u64,
    meter: Meter,
    timer: Timer,
    /// Windows between minimum and maximum since the last outside.
    tolerance: u64,
    /// Since when connections wait without a break.
    waiting_since_us: Option<u64>,
    emergency_total: u64,
}

impl Busy {
    pub(super) fn new(settings: &Settings, start: &Snapshot) -> Self {
        let (options, window) = (settings.busyness.effective(), settings.overload());
        Self {
            options,
            window,
            meter: Meter::new(start),
            timer: Timer::new(options, window, start.now_us),
            tolerance: 0,
            waiting_since_us: None,
            emergency_total: 0,
        }
    }

    /// A window has ended.
    fn judge(&mut self, view: &View<'_>, log: &mut Vec<Line>) -> i64 {
        let average = self.meter.average();
        if average > self.options.max {
            self.grow(view, log)
        } else if self.alert(view) {
            self.emergency(view, log)
        } else if view.census.active == 1 {
            0 // the last worker: nothing to stop, nothing to wait for
        } else if average < self.options.min {
            self.shrink(view, log)
        } else {
            self.tolerate(view, log);
            0
        }
    }

    fn grow(&mut self, view: &View<'_>, log: &mut Vec<Line>) -> i64 {
        self.tolerance = 0;
        let count = if view.can_spawn { view.growth() } else { 0 };
        let outcome = if count > 0 {
            self.timer.spawned(view.snapshot.now_us, log);
            format!(", will spawn {count} new worker(s)")
        } else {
            format!(
                " but we already started maximum number of workers available with current limits \
                 ({})",
                view.census.active
            )
        };
        log.push(self.standing(&outcome));
        up(count)
    }

    fn shrink(&mut self, view: &View<'_>, log: &mut Vec<Line>) -> i64 {
        self.tolerance = 0;
        if !view.above_floor() {
            return 0;
        }
        let now = view.snapshot.now_us;
        if let Some(seconds) = self.timer.wait(now) {
            self.detail(log, || {
                format!("[busyness] need to wait {seconds} more second(s) to cheap worker")
            });
            return 0;
        }
        self.timer.cheaping(now, log);
        let outcome = format!(", cheap one of {} running workers", view.census.active);
        log.push(self.standing(&outcome));
        self.timer.calm();
        -1
    }

    /// Between minimum and maximum: nothing is done, and nothing soon.
    fn tolerate(&mut self, view: &View<'_>, log: &mut Vec<Line>) {
        self.timer.calm();
        self.tolerance = self.tolerance.saturating_add(1);
        let reset = self.tolerance >= CALM_WINDOWS;
        let what = if reset { "resetting" } else { "adjusting" };
        let outcome = format!(", {} non-idle cycle(s), {what} cheaper timer", self.tolerance);
        self.detail(log, || self.standing(&outcome).text);
        match reset {
            true => self.timer.arm(view.snapshot.now_us, log),
            false => self.timer.postpone(),
        }
    }

    /// Between two ends of windows: only the accept queue matters.
    fn watch(&mut self, view: &View<'_>, log: &mut Vec<Line>) -> i64 {
        let (now, waiting) = (view.snapshot.now_us, view.snapshot.backlog);
        if self.alert(view) {
            return self.emergency(view, log);
        }
        match self.waiting_since_us {
            None if waiting > 0 => {
                self.detail(log, || format!("[busyness] backlog is starting to fill ({waiting})"));
                self.waiting_since_us = Some(now);
            }
            Some(_) if waiting == 0 => {
                self.detail(log, || "[busyness] backlog is now empty".into());
                self.waiting_since_us = None;
            }
            Some(since) => {
                let seconds = now.saturating_sub(since) / 1_000_000;
                if view.can_spawn && seconds >= self.options.backlog_nonzero {
                    log.push(Line::plain(format!(
                        "[busyness] backlog was non-zero for {seconds} second(s), spawning new \
                         worker(s)"
                    )));
                    self.waiting_since_us = Some(now);
                    return self.emergency(view, log);
                }
            }
            None => {}
        }
        0
    }

    fn alert(&self, view: &View<'_>) -> bool {
        view.can_spawn
            && view.snapshot.backlog > self.options.backlog_alert
            && view.census.active < view.snapshot.slots.len() as u64
    }

    fn emergency(&mut self, view: &View<'_>, log: &mut Vec<Line>) -> i64 {
        let count = self.options.backlog_step.min(view.census.spawnable);
        let waiting = view.snapshot.backlog;
        self.timer.alarmed(view.snapshot.now_us, count, log);
        self.emergency_total = self.emergency_total.saturating_add(count);
        log.push(Line::plain(match count {
            0 => format!(
                "[busyness] {waiting} requests in listen queue but we are already started maximum \
                 number of workers ({})",
                view.snapshot.slots.len()
            ),
            _ => format!(
                "[busyness] {waiting} requests in listen queue, spawning {count} emergency \
                 worker(s) ({})!",
                self.timer.emergency()
            ),
        }));
        up(count)
    }

    /// The line that most decisions share.
    fn standing(&self, outcome: &str) -> Line {
        let (window, average) = (self.window, self.meter.average());
        Line::plain(format!("[busyness] {window}s average busyness is at {average}%{outcome}"))
    }

    fn tell(&self, shares: &[Share], log: &mut Vec<Line>) {
        for share in shares {
            let (worker, percent) = (share.worker, share.percent);
            if let Some(times) = share.guessed {
                self.detail(log, || {
                    format!(
                        "[busyness] worker {worker} was busy {times} time(s) in last cycle but no \
                         request was completed during this time, marking as 100% busy"
                    )
                });
            }
            if shares.len() > 1 {
                let window = self.window;
                self.detail(log, || {
                    format!(
                        "[busyness] worker nr {worker} {window}s average busyness is at {percent}%"
                    )
                });
            }
        }
        let (window, average, count) = (self.window, self.meter.average(), shares.len());
        self.detail(log, || {
            format!("[busyness] {window}s average busyness of {count} worker(s) is at {average}%")
        });
    }

    /// Logs what only `cheaper-busyness-verbose` asks for.
    fn detail(&self, log: &mut Vec<Line>, text: impl FnOnce() -> String) {
        if self.options.verbose {
            log.push(Line::plain(text()));
        }
    }
}

impl Algorithm for Busy {
    fn name(&self) -> &'static str {
        "busyness"
    }

    fn decide(&mut self, view: &View<'_>, log: &mut Vec<Line>) -> i64 {
        let window_us = self.window.saturating_mul(1_000_000);
        match self.meter.look(view.snapshot, window_us, view.settings.busy_cores) {
            Some(shares) => {
                self.tell(&shares, log);
                self.judge(view, log)
            }
            None => self.watch(view, log),
        }
    }

    fn resume(&mut self, now: &Snapshot) {
        self.meter = Meter::new(now);
        self.waiting_since_us = None;
    }

    fn gauges(&self) -> Option<BusynessGauges> {
        Some(BusynessGauges {
            workers: self.meter.percents(),
            average: self.meter.average(),
            multiplier: self.timer.multiplier(),
            emergency: self.timer.emergency(),
        })
    }

    fn emergency_total(&self) -> u64 {
        self.emergency_total
    }
}

#[cfg(test)]
mod tests;
