//! Workers that have done enough: those that retire by themselves, those whose lifetime is over, and
//! those that are killed for their size. Part of the master.
//!
//! A worker says by a cell of its row that it retires; the master gives it the mercy that everybody
//! has. Sizes are those that the observer measures each second: so no process needs a thread of its
//! own for that (there is no `mem-collector thread started`), and a worker that hangs is measured
//! like any other. `mem-collector-freq` is how often the master judges by them.

use uwsgi_duties::recycle::{Memory, WAKE, Worker};
use uwsgi_metrics::RECYCLES;

use super::children::Role;
use super::fate::Shot;
use super::{Master, edge};
use crate::instance::Instance;
use crate::log;

impl Master<'_> {
    /// Each second: who is to be replaced.
    pub(super) fn recycle(&mut self) {
        let now = edge::now();
        let policy = &self.instance.settings.policy.recycling;
        let (limits, evil) = (policy.limits, self.evil_is_due());
        for at in 0..self.children.len() {
            let child = &self.children[at];
            let (Role::Worker(id), Some(pid), false) = (child.role, child.pid, child.retiring)
            else {
                continue;
            };
            let row = self.instance.arena.worker(id);
            if row.retires.get() > 0 {
                self.retires(at);
                continue;
            }
            let memory =
                Memory { address_space: row.vsz.get(), rss: row.rss.get(), uss: 0, pss: 0 };
            let age_s = now.seconds_since(child.since_us);
            let worker = Worker { id, pid, requests: 0, age_s, memory };
            if let Some(line) = limits.evil(&worker).filter(|_| evil) {
                log::say(&line);
                count(self.instance, id, "evil");
                self.shoot(id, Shot::Evil);
            } else if let Some(line) = limits.lifetime(&worker)
                && row.accepting.get() > 0
            {
                log::say(&line);
                count(self.instance, id, "lifetime");
                self.children[at].recycled = true;
                self.retire(id, WAKE);
            }
        }
    }

    /// It is time to judge by sizes.
    fn evil_is_due(&self) -> bool {
        let policy = &self.instance.settings.policy.recycling;
        let second = self.instance.arena.globals().master_cycles.get();
        policy.limits.needs_collector() && second.is_multiple_of(policy.collector_s)
    }
}

/// A worker that retired by itself has ended: counts why. Whether it had.
pub(super) fn note_end(instance: &Instance, id: u32) -> bool {
    let reason = usize::try_from(instance.arena.worker(id).retires.get()).unwrap_or(0);
    let word = reason.checked_sub(1).and_then(|at| RECYCLES.get(at));
    word.inspect(|word| count(instance, id, word)).is_some()
}

fn count(instance: &Instance, id: u32, word: &str) {
    let counts = RECYCLES.iter().zip(&instance.arena.worker(id).recycles);
    counts.filter(|(reason, _)| **reason == word).for_each(|(_, count)| count.add(1));
}
