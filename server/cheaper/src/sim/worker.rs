//! One simulated slot: no worker, one that starts, one that serves, one that ends.
//!
//! ```text
//! Off ── spawn ──▶ Starting ── ready ──▶ Up ── cheap ──▶ Ending ── last request ends ──▶ Off
//!                     └────────────── cheap ─────────────────────────────────────────────▲
//! ```

use crate::Slot;
use crate::trace::Machine;

/// Where a slot stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Off,
    Starting { ready_us: u64 },
    Up,
    Ending,
}

/// A request in progress.
#[derive(Debug, Clone, Copy)]
struct Running {
    began_us: u64,
    ends_us: u64,
}

#[derive(Debug)]
pub(super) struct Worker {
    phase: Phase,
    running: Vec<Running>,
    spent_us: u64,
    spawned_us: u64,
}

impl Worker {
    pub(super) fn new(up: bool) -> Self {
        let phase = if up { Phase::Up } else { Phase::Off };
        Self { phase, running: Vec::new(), spent_us: 0, spawned_us: 0 }
    }

    /// Forks; answers when it will be ready. Nothing happens where a worker is.
    pub(super) fn spawn(&mut self, now_us: u64, start_up_us: u64) -> Option<u64> {
        if self.phase != Phase::Off {
            return None;
        }
        let ready_us = now_us.saturating_add(start_up_us);
        self.phase = Phase::Starting { ready_us };
        self.spawned_us = now_us;
        Some(ready_us)
    }

    /// Takes no more requests and ends after those it has. False where no worker is meant to run.
    pub(super) fn cheap(&mut self) -> bool {
        if !self.active() {
            return false;
        }
        self.phase = if self.running.is_empty() { Phase::Off } else { Phase::Ending };
        true
    }

    /// Ends what is over by now.
    pub(super) fn settle(&mut self, now_us: u64) {
        if matches!(self.phase, Phase::Starting { ready_us } if ready_us <= now_us) {
            self.phase = Phase::Up;
        }
        for running in self.running.iter().filter(|running| running.ends_us <= now_us) {
            self.spent_us += running.ends_us - running.began_us;
        }
        self.running.retain(|running| running.ends_us > now_us);
        if self.phase == Phase::Ending && self.running.is_empty() {
            self.phase = Phase::Off;
        }
    }

    /// Takes a request; answers when it ends.
    pub(super) fn serve(&mut self, now_us: u64, service_us: u64) -> u64 {
        let ends_us = now_us.saturating_add(service_us);
        self.running.push(Running { began_us: now_us, ends_us });
        ends_us
    }

    /// Meant to run, whether it is ready or not.
    pub(super) fn active(&self) -> bool {
        matches!(self.phase, Phase::Starting { .. } | Phase::Up)
    }

    /// Requests it serves, when it could take one more.
    pub(super) fn room(&self, cores: u32) -> Option<usize> {
        let free = self.phase == Phase::Up && self.running.len() < cores as usize;
        free.then_some(self.running.len())
    }

    pub(super) fn serves(&self) -> usize {
        self.running.len()
    }

    pub(super) fn slot(&self, now_us: u64, machine: &Machine) -> Slot {
        let so_far = self.running.iter().map(|running| now_us.saturating_sub(running.began_us));
        let meant = self.active();
        Slot {
            alive: self.phase != Phase::Off,
            cheaped: !meant,
            busy_cores: u32::try_from(self.running.len()).unwrap_or(u32::MAX),
            cores: machine.cores,
            sig: false,
            last_spawn: self.spawned_us / 1_000_000,
            running_us: self.spent_us,
            in_request_us: Some(so_far.sum()),
            rss: if meant { machine.rss } else { 0 },
        }
    }
}
