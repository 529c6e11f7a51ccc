//! The load of each second, written down for a replay (`cheaper-trace`).
//!
//! A line says how many requests of about one length ended in a second; lengths that differ by less
//! than a factor of two share a line, and all of them together are as long as the requests were. A
//! reload goes on in the same file. When it cannot be written, that is said once and all.

use std::fs::{File, OpenOptions};
use std::io::Write as _;

use uwsgi_cheaper::trace::{Event, Machine, Trace, What};
use uwsgi_metrics::{Latency, LatencySnap, Snapshot};

use crate::instance::Instance;
use crate::{clock, log};

/// Upper ends of the groups: 64 µs, doubled up to nine hours.
const OCTAVES: u32 = 29;

/// The file, and what it knows.
pub(super) struct Load {
    path: String,
    file: Option<File>,
    /// The head is written: an earlier observer, or an earlier image, has begun.
    begun: bool,
    before: LatencySnap,
    last_us: u64,
}

impl Load {
    /// Nothing where no file is named.
    pub(super) fn new(instance: &Instance) -> Option<Load> {
        let path = instance.settings.policy.scale.trace.clone()?;
        let globals = instance.arena.globals();
        let goes_on = instance.reloads > 0 || globals.observer_respawns.get() > 1;
        let mut options = OpenOptions::new();
        let options = match goes_on {
            true => options.append(true).create(true),
            false => options.write(true).truncate(true).create(true),
        };
        let file = options.open(&path).inspect_err(|e| complain(&path, e)).ok();
        let begun =
            file.as_ref().and_then(|file| file.metadata().ok()).is_some_and(|m| m.len() > 0);
        let before = instance.arena.snapshot().latency(Latency::Request).clone();
        Some(Load { path, file, begun, before, last_us: 0 })
    }

    /// One second.
    pub(super) fn round(&mut self, instance: &Instance, snapshot: &Snapshot) {
        let Some(file) = &mut self.file else { return };
        let mut text = String::new();
        if !self.begun {
            let Some(machine) = machine(instance, snapshot) else { return };
            self.begun = true;
            text = Trace { machine, ..Trace::default() }.to_string();
        }
        let since = instance.arena.globals().started_at_us.get();
        let now = clock::epoch_us().saturating_sub(since);
        // The second that ends now; a clock that was set back does not take the file along.
        self.last_us = now.saturating_sub(1_000_000).max(self.last_us);
        let latency = snapshot.latency(Latency::Request);
        for what in cycles(&latency.since(&self.before)) {
            text.push_str(&Event { at_us: self.last_us, what }.to_string());
        }
        self.before = latency.clone();
        if let Err(e) = file.write_all(text.as_bytes()) {
            complain(&self.path, &e);
            self.file = None;
        }
    }
}

fn complain(path: &str, e: &std::io::Error) {
    let e = crate::sockets::plain(e);
    log!("cheaper-trace: {path}: {e}: the load is not recorded any more");
}

/// What the workers are like, once one has started.
fn machine(instance: &Instance, snapshot: &Snapshot) -> Option<Machine> {
    let runs = || snapshot.workers.iter().filter(|worker| worker.startup_us() > 0);
    let count = runs().count() as u64;
    let mean = |sum: u64| sum.checked_div(count);
    let listen = snapshot.sockets.iter().map(|socket| socket.cells.max_queue).max();
    Some(Machine {
        cores: instance.settings.threads,
        start_up_us: mean(runs().map(|worker| worker.startup_us()).sum())?,
        listen: listen.filter(|most| *most > 0).unwrap_or(Machine::default().listen),
        rss: mean(runs().map(|worker| worker.cells.rss).sum())?,
    })
}

/// Requests in groups of like length; one of none where there were none.
fn cycles(latency: &LatencySnap) -> Vec<What> {
    let bounds: Vec<u64> = (0..OCTAVES).map(|octave| 64 << octave).collect();
    let below = latency.counts_up_to(&bounds);
    let before = [0].into_iter().chain(below.iter().copied());
    let groups = bounds.iter().zip(below.iter().zip(before));
    let groups: Vec<_> = groups
        .map(|(bound, (now, before))| (now.saturating_sub(before), bound - bound / 4))
        .filter(|(count, _)| *count > 0)
        .collect();
    let guessed: u64 = groups.iter().map(|(count, middle)| count.saturating_mul(*middle)).sum();
    let exact = |middle: u64| {
        let scaled = u128::from(middle) * u128::from(latency.sum_us) / u128::from(guessed.max(1));
        u64::try_from(scaled).unwrap_or(u64::MAX).max(1)
    };
    match groups.is_empty() {
        true => vec![What::Cycle { count: 0, service_us: 0 }],
        false => groups
            .into_iter()
            .map(|(count, middle)| What::Cycle { count, service_us: exact(middle) })
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uwsgi_metrics::{Arena, Shape};

    #[test]
    fn groups_are_as_many_and_as_long_as_the_requests() {
        let arena = Arena::create(&Shape { workers: 1, cores: 1, ..Shape::default() }).unwrap();
        let histogram = arena.histogram(1, Latency::Request);
        for _ in 0..40 {
            histogram.record(5_000);
        }
        histogram.record(2_000_000);
        let latency = arena.snapshot().latency(Latency::Request).clone();
        let groups = cycles(&latency);
        let (mut count, mut sum) = (0, 0);
        for group in &groups {
            let What::Cycle { count: n, service_us } = group else { panic!("{group:?}") };
            (count, sum) = (count + n, sum + n * service_us);
        }
        assert_eq!((groups.len(), count), (2, 41), "{groups:?}");
        assert!(sum.abs_diff(2_200_000) < 22_000, "{sum}");
        let none = cycles(&latency.since(&latency));
        assert_eq!(none, [What::Cycle { count: 0, service_us: 0 }]);
    }
}
