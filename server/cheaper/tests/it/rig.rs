//! A pool and an engine, cycle by cycle, with what must hold in every one of them.

use uwsgi_cheaper::sim::Pool;
use uwsgi_cheaper::trace::Machine;
use uwsgi_cheaper::{Busyness, Decision, Engine, Settings, Snapshot};

pub(crate) const SECOND: u64 = 1_000_000;

/// Every algorithm that starts workers by itself.
pub(crate) const FOLLOW: [&str; 4] = ["spare", "spare2", "backlog", "busyness"];

/// Numbers that look random and follow from a seed.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x2545_f491_4f6c_dd1d) | 1)
    }

    /// From `least` to `most`.
    pub(crate) fn from(&mut self, least: u64, most: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        least + (self.0 >> 11) % (most - least + 1)
    }
}

/// Settings that fit together, for processes up to 16.
pub(crate) fn any_settings(algo: &str, dice: &mut Dice) -> Settings {
    let processes = dice.from(2, 16) as usize;
    let cheaper = dice.from(1, processes as u64 - 1) as usize;
    let busyness =
        Busyness { multiplier: dice.from(1, 4), penalty: dice.from(1, 3), ..Busyness::default() };
    Settings {
        processes,
        cheaper,
        initial: dice.from(cheaper as u64, processes as u64) as usize,
        algo: algo.into(),
        step: dice.from(0, 4),
        overload: dice.from(0, 5),
        idle: dice.from(1, 10),
        busyness,
        ..Settings::default()
    }
}

pub(crate) struct Rig {
    pub(crate) pool: Pool,
    pub(crate) settings: Settings,
    engine: Engine,
    /// Hides how long requests have run, as where nobody knows it.
    pub(crate) times_unknown: bool,
    /// The operator or memory may push below the floor.
    pub(crate) below_floor: bool,
}

impl Rig {
    pub(crate) fn new(settings: &Settings, machine: Machine) -> Self {
        let pool = Pool::new(machine, settings.processes, settings.initial);
        let (engine, log) = Engine::new(settings.clone(), &pool.snapshot(0));
        assert_eq!(log, []);
        let settings = settings.clone();
        Self { pool, settings, engine, times_unknown: false, below_floor: false }
    }

    /// One cycle now.
    pub(crate) fn cycle(&mut self, fifo: i64) -> Decision {
        let mut snapshot = self.pool.snapshot(fifo);
        if self.times_unknown {
            snapshot.slots.iter_mut().for_each(|slot| slot.in_request_us = None);
        }
        let decision = self.engine.step(&snapshot);
        self.check(&snapshot, &decision);
        self.pool.carry_out(&decision);
        assert_eq!(self.pool.active() as u64, decision.gauges.target, "the target is what runs");
        decision
    }

    fn check(&self, before: &Snapshot, decision: &Decision) {
        let Decision { spawn, cheap, gauges, .. } = decision;
        let slot = |worker: &usize| before.slots[worker - 1];
        assert!(spawn.is_empty() || cheap.is_empty(), "both ways at once");
        assert!(spawn.is_sorted_by(|a, b| a < b), "{spawn:?}");
        assert!(spawn.iter().all(|worker| slot(worker).spawnable()), "a slot that is not free");
        assert!(cheap.iter().all(|worker| slot(worker).active()), "a worker that does not run");
        assert!(cheap.iter().all(|worker| slot(worker).busy_cores == 0), "a worker with requests");
        let (floor, most) = (self.settings.cheaper as u64, self.settings.processes as u64);
        assert!(self.below_floor || gauges.target >= floor, "{} under {floor}", gauges.target);
        assert!(gauges.target <= most, "{} over {most}", gauges.target);
        if let Some(busyness) = &gauges.busyness {
            assert!(busyness.workers.iter().all(|percent| *percent <= 100), "{busyness:?}");
            let shown = busyness.workers.iter().zip(&before.slots);
            assert!(shown.into_iter().all(|(percent, slot)| slot.active() || *percent == 0));
            assert!(busyness.average <= 100);
        }
    }

    /// One cycle of `parallel` clients that each send again at once, `ticks` times a cycle.
    pub(crate) fn closed_loop(&mut self, parallel: u64, ticks: u64) -> Decision {
        let tick = SECOND / ticks;
        for _ in 0..ticks {
            let now = self.pool.now_us();
            let inside = (self.pool.serving() + self.pool.waiting()) as u64;
            (inside..parallel).for_each(|_| self.pool.arrive(tick));
            self.pool.advance(now + tick);
        }
        let inside = (self.pool.serving() + self.pool.waiting()) as u64;
        (inside..parallel).for_each(|_| self.pool.arrive(tick));
        self.cycle(0)
    }

    /// One cycle after a second in which nothing arrives.
    pub(crate) fn rest(&mut self) -> Decision {
        self.rest_until(self.pool.now_us() + SECOND)
    }

    /// One cycle at that time, before which nothing arrives.
    pub(crate) fn rest_until(&mut self, at_us: u64) -> Decision {
        self.pool.advance(at_us);
        self.cycle(0)
    }
}
