//! What is remembered from one push to the next: how busy workers had been, and how many requests
//! the last push that arrived told of.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use uwsgi_metrics::Snapshot;

/// Requests of the last push that a server took; shared by the encoder, which asks, and the
/// transports, which know.
#[derive(Debug, Default)]
pub(super) struct Delivered(AtomicU64);

impl Delivered {
    /// A server took a push of so many requests.
    pub(super) fn note(&self, requests: u64) {
        self.0.store(requests.saturating_add(1), Ordering::Relaxed);
    }

    /// True when no push has arrived yet, or none was served since.
    fn is_idle(&self, requests: u64) -> bool {
        let noted = self.0.load(Ordering::Relaxed);
        noted == 0 || noted == requests.saturating_add(1)
    }
}

/// See the module.
#[derive(Debug)]
pub(super) struct Memory {
    delivered: Arc<Delivered>,
    /// Time in requests of each worker at the push before.
    busy_us: Vec<u64>,
    at_us: u64,
    /// Since then, percent.
    busyness: Vec<u64>,
}

impl Memory {
    /// Counting began at `since_us`.
    pub(super) fn new(delivered: Arc<Delivered>, since_us: u64) -> Memory {
        Memory { delivered, busy_us: Vec::new(), at_us: since_us, busyness: Vec::new() }
    }

    /// Whether the average response time is an old one.
    pub(super) fn is_idle(&self, requests: u64) -> bool {
        self.delivered.is_idle(requests)
    }

    /// How busy each worker was since the last call, in percent of the time that really passed.
    /// The running requests are part of it, so a worker in one long request is fully busy.
    pub(super) fn busyness(&mut self, snapshot: &Snapshot) -> &[u64] {
        let passed = snapshot.taken_us.saturating_sub(self.at_us);
        self.at_us = snapshot.taken_us;
        self.busy_us.resize(snapshot.workers.len(), 0);
        self.busyness.clear();
        for (worker, before) in snapshot.workers.iter().zip(&mut self.busy_us) {
            let busy = worker.busy_us.saturating_sub(*before);
            *before = worker.busy_us;
            let percent = busy.saturating_mul(100).checked_div(passed).unwrap_or(0);
            self.busyness.push(percent.min(100));
        }
        &self.busyness
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uwsgi_metrics::WorkerSnap;

    #[test]
    fn busyness_is_measured_over_the_time_that_passed() {
        let mut memory = Memory::new(Arc::default(), 1_000_000);
        for (at_s, busy_ms, expected) in
            [(2, 250, 25), (4, 750, 25), (5, 1750, 100), (6, 1750, 0), (6, 1800, 0), (7, 9000, 100)]
        {
            let worker = WorkerSnap { busy_us: busy_ms * 1000, ..WorkerSnap::default() };
            let workers = vec![worker];
            let taken_us = at_s * 1_000_000;
            let snapshot = Snapshot { taken_us, workers, ..Snapshot::default() };
            assert_eq!(memory.busyness(&snapshot), [expected], "at {at_s} s");
        }
    }

    #[test]
    fn idle_is_what_was_not_served_since_the_last_push_that_arrived() {
        let delivered = Arc::new(Delivered::default());
        let memory = Memory::new(Arc::clone(&delivered), 0);
        assert!(memory.is_idle(5), "nothing arrived yet");
        delivered.note(5);
        assert!(memory.is_idle(5));
        assert!(!memory.is_idle(6));
        delivered.note(0);
        assert!(memory.is_idle(0) && !memory.is_idle(1));
    }
}
