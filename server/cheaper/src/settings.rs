//! What the options say, as plain values with the defaults of an instance that says nothing.
//!
//! Fields hold what was written; methods tell what it means where zero means something else.

/// Options that concern every algorithm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// `processes`: most workers.
    pub processes: usize,
    /// `cheaper`: the floor; 0 switches everything off.
    pub cheaper: usize,
    /// `cheaper-initial`: workers at start; 0 means as many as the floor.
    pub initial: usize,
    /// `cheaper-algo`.
    pub algo: String,
    /// `cheaper-step`: workers per decision to start some.
    pub step: u64,
    /// `cheaper-overload`: cycles (spare), waiting connections (backlog) or seconds (busyness).
    pub overload: u64,
    /// `cheaper-idle`: cycles before spare2 stops a worker.
    pub idle: u64,
    /// `cheaper-rss-limit-soft`, bytes; 0 is off.
    pub rss_soft: u64,
    /// `cheaper-rss-limit-hard`, bytes; 0 is off.
    pub rss_hard: u64,
    /// `cheaper-busy-cores`, percent of a worker's cores in a request that make it busy; 0: one.
    pub busy_cores: u64,
    /// `cheaper-cycle`, else `check-interval`: milliseconds between cycles.
    pub cycle_ms: u64,
    /// Options of busyness.
    pub busyness: Busyness,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            processes: 1,
            cheaper: 0,
            initial: 0,
            algo: "spare".into(),
            step: 1,
            overload: 3,
            idle: 10,
            rss_soft: 0,
            rss_hard: 0,
            busy_cores: 0,
            cycle_ms: 1_000,
            busyness: Busyness::default(),
        }
    }
}

impl Settings {
    /// The floor, as a number to compare counts with.
    #[must_use]
    pub fn floor(&self) -> u64 {
        self.cheaper as u64
    }

    /// Workers per decision; at least 1, also for spare2, which without an option would never grow.
    #[must_use]
    pub fn step(&self) -> u64 {
        self.step.max(1)
    }

    /// `cheaper-overload`; at least 1, because algorithms divide by it.
    #[must_use]
    pub fn overload(&self) -> u64 {
        self.overload.max(1)
    }

    /// The time between two cycles in microseconds; none at all is read as a second.
    #[must_use]
    pub fn cycle_us(&self) -> u64 {
        let ms = if self.cycle_ms == 0 { 1_000 } else { self.cycle_ms };
        ms.saturating_mul(1_000)
    }

    /// With the number of workers at the start between the floor and `processes`; nothing where
    /// the number of workers does not follow the load.
    #[must_use]
    pub fn bounded(mut self) -> Option<Self> {
        if self.cheaper == 0 || self.cheaper >= self.processes {
            return None;
        }
        self.initial = self.initial.clamp(self.cheaper, self.processes);
        Some(self)
    }
}

/// The options `cheaper-busyness-*`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Busyness {
    /// Percent above which workers are started.
    pub max: u64,
    /// Percent below which a worker is stopped.
    pub min: u64,
    /// Windows of idleness before a worker is stopped.
    pub multiplier: u64,
    /// What a start too soon after a stop adds to the multiplier.
    pub penalty: u64,
    /// Logs every window.
    pub verbose: bool,
    /// Waiting connections beyond which emergency workers are started.
    pub backlog_alert: u64,
    /// Windows before a worker is stopped while emergency workers run.
    pub backlog_multiplier: u64,
    /// Emergency workers per alert.
    pub backlog_step: u64,
    /// Seconds for which connections may wait before emergency workers are started.
    pub backlog_nonzero: u64,
}

impl Default for Busyness {
    fn default() -> Self {
        Self {
            max: 50,
            min: 25,
            multiplier: 10,
            penalty: 2,
            verbose: false,
            backlog_alert: 33,
            backlog_multiplier: 3,
            backlog_step: 1,
            backlog_nonzero: 60,
        }
    }
}

impl Busyness {
    /// The same with a default in place of every zero: these options cannot be set to 0.
    #[must_use]
    pub fn effective(self) -> Self {
        let or = |value: u64, default: u64| if value == 0 { default } else { value };
        let usual = Self::default();
        Self {
            max: or(self.max, usual.max),
            min: or(self.min, usual.min),
            multiplier: or(self.multiplier, usual.multiplier),
            penalty: or(self.penalty, usual.penalty),
            verbose: self.verbose,
            backlog_alert: or(self.backlog_alert, usual.backlog_alert),
            backlog_multiplier: or(self.backlog_multiplier, usual.backlog_multiplier),
            backlog_step: or(self.backlog_step, usual.backlog_step),
            backlog_nonzero: or(self.backlog_nonzero, usual.backlog_nonzero),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_means_one_where_it_would_stop_or_divide() {
        let zero =
            Settings { step: 0, overload: 0, cycle_ms: 0, cheaper: 2, ..Settings::default() };
        let meant = (zero.step(), zero.overload(), zero.cycle_us(), zero.floor());
        assert_eq!(meant, (1, 1, 1_000_000, 2));
    }

    #[test]
    fn the_number_at_start_is_brought_between_floor_and_ceiling() {
        let asked =
            |cheaper, initial| Settings { processes: 4, cheaper, initial, ..Settings::default() };
        for (initial, want) in [(0, 2), (1, 2), (2, 2), (3, 3), (4, 4), (9, 4)] {
            assert_eq!(asked(2, initial).bounded().unwrap().initial, want, "asked for {initial}");
        }
        for cheaper in [0, 4, 5] {
            assert_eq!(asked(cheaper, 0).bounded(), None, "a floor of {cheaper}");
        }
    }

    #[test]
    fn zero_means_the_default_for_every_option_of_busyness() {
        let zero = Busyness {
            max: 0,
            min: 0,
            multiplier: 0,
            penalty: 0,
            verbose: false,
            backlog_alert: 0,
            backlog_multiplier: 0,
            backlog_step: 0,
            backlog_nonzero: 0,
        };
        assert_eq!(zero.effective(), Busyness::default());
        let own = Busyness { max: 80, backlog_step: 4, verbose: true, ..Busyness::default() };
        assert_eq!(own.effective(), own);
    }
}
