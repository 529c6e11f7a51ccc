//! One cycle: memory first, then the operator, then the algorithm; and the slots it comes to.
//!
//! Owns the order of these and the removals that are owed because every worker was busy. Such a
//! removal is tried again in the next cycle, and nobody else is asked then. One that the operator
//! asked for is tried until it succeeds; one that an algorithm or a limit asked for is tried again
//! once, because a pool that never rests would never again ask whether it must grow. The caller
//! owns when a cycle happens (once per `check-interval`; not while the instance is cheap, reloads,
//! ends or is suspended) and carries the decision out.

use crate::algorithm::{Algorithm, View, find, usual};
use crate::memory::{Pressure, pressure};
use crate::{Census, Decision, Gauges, Line, Reason, Settings, Snapshot, apply};

/// Decides how many workers run, cycle by cycle.
#[derive(Debug)]
pub struct Engine {
    settings: Settings,
    algorithm: Box<dyn Algorithm>,
    debt: Debt,
    totals: Totals,
}

/// Workers that are still to stop, because none was without work when that was decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Debt {
    count: u64,
    /// Active workers it must leave.
    floor: u64,
    /// It is owed until it is paid.
    lasting: bool,
    why: Reason,
}

impl Debt {
    const NONE: Self = Self { count: 0, floor: 0, lasting: false, why: Reason::Idle };
}

/// What a cycle wants, and how few active workers it may leave.
#[derive(Debug, Clone, Copy)]
struct Wish {
    count: i64,
    floor: u64,
    retry: Retry,
    why: Reason,
}

/// What becomes of a removal nobody is idle for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Retry {
    No,
    Once,
    Always,
}

#[derive(Debug, Clone, Copy, Default)]
struct Totals {
    spawned: u64,
    cheaped: u64,
    rss_soft: u64,
    rss_hard: u64,
}

impl Engine {
    /// An engine for settings that are [`Settings::bounded`]; `start` is the instance before its
    /// first cycle. The lines are for the log.
    #[must_use]
    pub fn new(settings: Settings, start: &Snapshot) -> (Self, Vec<Line>) {
        let found = find(&settings.algo, &settings, start);
        let log = match found {
            Some(_) => Vec::new(),
            None => vec![Line::plain(
                "unable to find requested cheaper algorithm, falling back to spare",
            )],
        };
        (Self::with(settings, found.unwrap_or_else(usual)), log)
    }

    /// An engine with an algorithm of the caller's own.
    #[must_use]
    pub fn with(settings: Settings, algorithm: Box<dyn Algorithm>) -> Self {
        Self { settings, algorithm, debt: Debt::NONE, totals: Totals::default() }
    }

    /// Name of the algorithm that decides.
    #[must_use]
    pub fn algorithm(&self) -> &'static str {
        self.algorithm.name()
    }

    /// Cycles begin again after some were left out: the instance was cheap or suspended.
    pub fn resume(&mut self, now: &Snapshot) {
        self.debt = Debt::NONE;
        self.algorithm.resume(now);
    }

    /// Decides one cycle. The caller sets `fifo` to zero afterwards: it is used up.
    pub fn step(&mut self, snapshot: &Snapshot) -> Decision {
        let census = Census::of(&snapshot.slots, self.settings.busy_cores);
        let mut log = Vec::new();
        let wish = self.wish(snapshot, census, &mut log);
        let count = wish.count.unsigned_abs();
        let (spawn, cheap) = match wish.count {
            0 => (Vec::new(), Vec::new()),
            1.. => (apply::spawn(&snapshot.slots, count), Vec::new()),
            _ => (Vec::new(), apply::cheap(&snapshot.slots, self.settings.busy_cores, count)),
        };
        if wish.count < 0 && wish.retry != Retry::No {
            let (count, lasting) = (count - cheap.len() as u64, wish.retry == Retry::Always);
            self.debt = Debt { count, floor: wish.floor, lasting, why: wish.why };
        }
        self.totals.spawned += spawn.len() as u64;
        self.totals.cheaped += cheap.len() as u64;
        let gauges = self.gauges(snapshot, census, &spawn, &cheap);
        let reason = (!spawn.is_empty() || !cheap.is_empty()).then_some(wish.why);
        Decision { spawn, cheap, reason, log, gauges }
    }

    fn wish(&mut self, snapshot: &Snapshot, census: Census, log: &mut Vec<Line>) -> Wish {
        let pressure = pressure(&snapshot.slots, &self.settings);
        let operator = self.operator(snapshot.fifo, census.active);
        let floor = self.settings.floor();
        match pressure {
            Pressure::Hard(count) => {
                self.totals.rss_hard += 1;
                log.push(Line::plain(format!(
                    "cheaper hard rss memory limit exceeded, cheap one of {count} workers"
                )));
                return Wish { count: -1, floor: 1, retry: Retry::Once, why: Reason::Memory };
            }
            Pressure::Soft => {
                self.totals.rss_soft += 1;
                if operator.count != 0 {
                    return Wish { count: 0, retry: Retry::No, ..operator };
                }
            }
            Pressure::None if operator.count != 0 => {
                return self.keep_one(operator, census.active, log);
            }
            Pressure::None => {}
        }
        let can_spawn = pressure == Pressure::None;
        let alarmed = self.algorithm.emergency_total();
        let count = self.ask(snapshot, census, can_spawn, log);
        let why = match count {
            ..=0 => Reason::Idle,
            _ if self.algorithm.emergency_total() > alarmed => Reason::Emergency,
            _ => Reason::Load,
        };
        Wish { count, floor, retry: Retry::Once, why }
    }

    /// What came through the FIFO together with what is owed, which is forgiven by this.
    ///
    /// A debt that would leave fewer workers than it may is dropped.
    fn operator(&mut self, fifo: i64, active: u64) -> Wish {
        let debt = std::mem::replace(&mut self.debt, Debt::NONE);
        let owed = debt.count.min(active.saturating_sub(debt.floor));
        let own = fifo < 0 || owed == 0;
        let floor = if own { self.operators_floor() } else { debt.floor };
        let retry = if own || debt.lasting { Retry::Always } else { Retry::No };
        let count = fifo.saturating_sub(i64::try_from(owed).unwrap_or(i64::MAX));
        let why = match count {
            1.. => Reason::More,
            _ if own => Reason::Fewer,
            _ => debt.why,
        };
        Wish { count, floor, retry, why }
    }

    /// The operator may stop the last worker only where nothing else starts one.
    fn operators_floor(&self) -> u64 {
        u64::from(self.algorithm.name() != "manual")
    }

    fn keep_one(&self, wish: Wish, active: u64, log: &mut Vec<Line>) -> Wish {
        let most = active.saturating_sub(self.operators_floor());
        if wish.count >= 0 || wish.count.unsigned_abs() <= most {
            return wish;
        }
        if self.operators_floor() > 0 {
            log.push(Line::dated(
                "the last worker is not stopped on request: cheaper-algo is not \"manual\"",
            ));
        }
        Wish { count: -i64::try_from(most).unwrap_or(i64::MAX), ..wish }
    }

    fn ask(
        &mut self,
        snapshot: &Snapshot,
        census: Census,
        can_spawn: bool,
        log: &mut Vec<Line>,
    ) -> i64 {
        let view = View { snapshot, settings: &self.settings, census, can_spawn };
        let count = self.algorithm.decide(&view, log);
        if can_spawn || count <= 0 {
            return count;
        }
        log.push(Line::plain(format!(
            "BUG! cheaper algo returned {count} but it cannot spawn any worker at this time!"
        )));
        0
    }

    fn gauges(
        &self,
        snapshot: &Snapshot,
        census: Census,
        spawn: &[usize],
        cheap: &[usize],
    ) -> Gauges {
        let mut busyness = self.algorithm.gauges();
        let shown = busyness.iter_mut().flat_map(|own| own.workers.iter_mut());
        for ((percent, slot), worker) in shown.zip(&snapshot.slots).zip(1..) {
            if !slot.active() || cheap.contains(&worker) {
                *percent = 0;
            }
        }
        Gauges {
            active: census.active,
            busy: census.busy,
            target: census.active + spawn.len() as u64 - cheap.len() as u64,
            owed: self.debt.count,
            spawned_total: self.totals.spawned,
            cheaped_total: self.totals.cheaped,
            emergency_total: self.algorithm.emergency_total(),
            rss_soft_hits: self.totals.rss_soft,
            rss_hard_hits: self.totals.rss_hard,
            busyness,
        }
    }
}

#[cfg(test)]
mod tests;
