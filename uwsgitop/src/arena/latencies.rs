//! Latencies of an arena: four histograms of each worker, merged once a second.
//!
//! They are nearly all there is to read in a large arena, and nothing that is made of them changes
//! faster than an operator can see. Pictures in between have those of the same second.

use std::time::{Duration, Instant};

use uwsgi_metrics::{Latency as Kind, Snapshot, View};

use crate::picture::Latency;

/// Pictures that are this far apart never share them, whatever the clock says.
const APART: Duration = Duration::from_millis(900);

/// What was merged last.
#[derive(Default)]
pub(super) struct Reading {
    /// Epoch second, the moment, and the instance: master and generation.
    last: Option<(u64, Instant, (u64, u64))>,
    latencies: Vec<Latency>,
}

impl Reading {
    /// The latencies of the second of the snapshot, of this very moment if `fresh`.
    pub(super) fn list(&mut self, view: &View, snapshot: &Snapshot, fresh: bool) -> Vec<Latency> {
        let second = snapshot.taken_us / 1_000_000;
        let of = (snapshot.globals.master_pid, snapshot.generation);
        let known = self.last.is_some_and(|(then, since, whose)| {
            then == second && whose == of && since.elapsed() < APART
        });
        if fresh || !known {
            self.last = Some((second, Instant::now(), of));
            let whole = Snapshot::default().with_latencies(view);
            self.latencies = Kind::ALL.iter().filter_map(|kind| latency(&whole, *kind)).collect();
        }
        self.latencies.clone()
    }
}

/// The kinds everybody asks for are always there, the others once something was recorded.
fn latency(snapshot: &Snapshot, kind: Kind) -> Option<Latency> {
    let recorded = snapshot.latency(kind);
    let always = matches!(kind, Kind::Request | Kind::Application);
    (always || recorded.count > 0).then(|| Latency {
        name: kind.as_str().to_owned(),
        count: recorded.count,
        sum: recorded.sum_us,
        p50: recorded.quantile(0.5),
        p90: recorded.quantile(0.9),
        p99: recorded.quantile(0.99),
        cells: recorded.cells().map(|(_, highest, count)| (highest, count)).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use uwsgi_metrics::{Arena, Shape};

    #[test]
    fn pictures_of_one_second_share_them_unless_they_must_be_fresh() {
        let arena = Arena::create(&Shape { workers: 1, cores: 1, ..Shape::default() }).unwrap();
        let mut reading = Reading::default();
        let mut count = |taken_us, fresh| {
            arena.histogram(1, Kind::Request).record(1_000);
            let mut snapshot = Snapshot::without_latencies(&arena);
            snapshot.taken_us = taken_us;
            reading.list(&arena, &snapshot, fresh)[0].count
        };
        let counts =
            [(5_000_000, false), (5_900_000, false), (5_950_000, true), (6_000_000, false)];
        assert_eq!(counts.map(|(at, fresh)| count(at, fresh)), [1, 1, 3, 4]);
    }

    #[test]
    fn another_instance_shares_nothing() {
        let arena = Arena::create(&Shape { workers: 1, cores: 1, ..Shape::default() }).unwrap();
        let mut reading = Reading::default();
        let mut snapshot = Snapshot::without_latencies(&arena);
        assert_eq!(reading.list(&arena, &snapshot, false)[0].count, 0);
        arena.histogram(1, Kind::Request).record(1_000);
        assert_eq!(reading.list(&arena, &snapshot, false)[0].count, 0, "the same second");
        snapshot.globals.master_pid = 7;
        assert_eq!(reading.list(&arena, &snapshot, false)[0].count, 1);
    }
}
