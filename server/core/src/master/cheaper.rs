//! How many workers run: what a cycle of cheaper sees, and what is done about it. Part of the master.
//!
//! The rules are those of `uwsgi_cheaper`. Nothing is decided while the instance is cheap, pauses,
//! reloads or ends.

use std::os::fd::AsFd;
use std::time::Instant;

use uwsgi_cheaper::algorithm::busyness;
use uwsgi_cheaper::{Decision, Engine, Settings, Slot, Snapshot};
use uwsgi_metrics::CHEAPER_REASONS;
use uwsgi_sys::{procfs, queue::UnixQueues, signal};

use super::children::Child;
use super::{Master, Phase, edge};
use crate::instance::Instance;
use crate::log;
use crate::observer::waiting;

/// The state of cheaper, where it is on.
pub(super) struct Cheaper {
    engine: Engine,
    settings: Settings,
    /// When the next cycle begins, as [`edge::now`] counts.
    next_us: u64,
    /// Cycles were left out.
    stalled: bool,
    /// Asked for through the FIFO: `+` minus `-`.
    asked: i64,
    /// The kernel's answers about UNIX sockets; a socket of the master's own.
    unix: Option<UnixQueues>,
}

impl Cheaper {
    /// Nothing where the number of workers does not follow the load.
    pub(super) fn new(instance: &Instance) -> Option<Cheaper> {
        let settings = instance.settings.policy.scale.cheaper.clone()?;
        let (engine, lines) = Engine::new(settings.clone(), &Snapshot::default());
        lines.iter().for_each(log::say);
        if engine.algorithm() == "busyness" {
            busyness::banner(&settings, instance.settings.metrics).iter().for_each(log::say);
        }
        let queues = matches!(engine.algorithm(), "backlog" | "backlog2" | "busyness");
        let unix = if queues { UnixQueues::open().ok() } else { None };
        // Empty until the workers are there: the first cycle begins the count.
        Some(Cheaper { engine, settings, next_us: 0, stalled: true, asked: 0, unix })
    }

    /// When the next cycle begins.
    pub(super) fn due(&self) -> Instant {
        edge::instant(self.next_us)
    }

    /// Workers that are started first.
    pub(super) fn initial(&self) -> u32 {
        u32::try_from(self.settings.initial).unwrap_or(u32::MAX)
    }

    /// What no child may keep.
    pub(super) fn descriptor(&self) -> Option<std::os::fd::BorrowedFd<'_>> {
        self.unix.as_ref().map(AsFd::as_fd)
    }
}

/// An image begins: what the last one decided is not of this one, which may follow other rules or
/// none.
pub(super) fn forget_numbers(instance: &Instance) {
    let globals = instance.arena.globals();
    let numbers = [&globals.cheaper_wanted, &globals.cheaper_busyness, &globals.cheaper_multiplier];
    numbers.into_iter().for_each(|number| number.set(0));
}

impl Master<'_> {
    /// A cycle, when one is due.
    pub(super) fn cheaper_turn(&mut self) {
        let now_us = edge::now().us;
        let asleep = !matches!(self.phase, Phase::Running) || self.pause.is_on();
        let asleep = asleep || self.idle.is_cheap();
        let due = |cheaper: &mut Cheaper| now_us >= cheaper.next_us;
        let Some(mut cheaper) = self.cheaper.take_if(due) else { return };
        // Never less than a cycle apart: windows of the rules are whole cycles.
        cheaper.next_us = now_us.saturating_add(cheaper.settings.cycle_us());
        if asleep {
            cheaper.stalled = true;
        } else {
            let snapshot = self.cheaper_snapshot(&mut cheaper, now_us);
            if std::mem::take(&mut cheaper.stalled) {
                cheaper.engine.resume(&snapshot);
            }
            let decision = cheaper.engine.step(&snapshot);
            self.note_decision(&decision);
            decision.log.iter().for_each(log::say);
            decision.cheap.iter().for_each(|id| self.cheapen(number(*id), signal::SIGWINCH));
            decision.spawn.iter().for_each(|id| self.revive(number(*id)));
        }
        self.cheaper = Some(cheaper);
    }

    /// So many workers more, or fewer, whatever the load; through the FIFO.
    pub(super) fn cheaper_asked(&mut self, delta: i64) {
        match &mut self.cheaper {
            Some(cheaper) => cheaper.asked = cheaper.asked.saturating_add(delta),
            None => log!("the number of workers is fixed: \"cheaper\" is not set"),
        }
    }

    fn cheaper_snapshot(&self, cheaper: &mut Cheaper, now_us: u64) -> Snapshot {
        let weighed = cheaper.settings.rss_soft > 0;
        let slot = |(id, child)| slot(self.instance, id, child, weighed);
        Snapshot {
            slots: self.workers().map(slot).collect(),
            backlog: waiting(self.instance, cheaper.unix.as_ref()),
            now_us,
            fifo: std::mem::take(&mut cheaper.asked),
        }
    }

    /// Shows what was decided.
    fn note_decision(&self, decision: &Decision) {
        let (globals, gauges) = (self.instance.arena.globals(), &decision.gauges);
        globals.cheaper_wanted.set(gauges.target);
        if let Some(reason) = decision.reason {
            let changed = decision.spawn.len() + decision.cheap.len();
            if let Some(cell) = globals.cheaper_changes.get(reason.index()) {
                cell.add(changed as u64);
            }
            globals.cheaper_last_reason.set(reason.index() as u64 + 1);
        }
        if let Some(busyness) = &gauges.busyness {
            globals.cheaper_busyness.set(busyness.average);
            globals.cheaper_multiplier.set(busyness.multiplier);
            for (id, percent) in (1..).zip(&busyness.workers) {
                self.instance.arena.worker(id).busyness.set(*percent);
            }
        }
    }
}

// Every reason has its cell.
const _: () = assert!(CHEAPER_REASONS.len() == uwsgi_cheaper::Reason::ALL.len());

fn number(id: usize) -> u32 {
    u32::try_from(id).unwrap_or(u32::MAX)
}

/// One worker as the rules see it.
fn slot(instance: &Instance, id: u32, child: &Child, weighed: bool) -> Slot {
    let (arena, threads) = (&instance.arena, instance.settings.threads);
    let mut slot = Slot {
        alive: child.pid.is_some(),
        cheaped: child.cheap,
        cores: threads,
        sig: arena.worker(id).sig.get() > 0,
        last_spawn: arena.worker(id).last_spawn.get(),
        in_request_us: instance.settings.inflight.then_some(0),
        rss: arena.worker(id).rss.get(),
        ..Slot::default()
    };
    // Who served no request lately was measured long ago.
    if let Some(pid) = child.pid.filter(|_| weighed) {
        slot.rss = procfs::usage(pid).map_or(slot.rss, |usage| usage.rss);
    }
    let now = crate::clock::monotonic_us();
    for core in 0..threads {
        let row = arena.core(id, core);
        slot.busy_cores += u32::from(row.in_request.get() > 0);
        let record = arena.inflight(id, core);
        let (spent, since) = record.busy(|| row.running_time_us.get());
        slot.running_us = slot.running_us.saturating_add(spent);
        let running = since.and_then(|_| record.running());
        if let (Some(so_far), Some(running)) = (&mut slot.in_request_us, running) {
            *so_far = so_far.saturating_add(now.saturating_sub(running.since_us));
        }
    }
    slot
}
