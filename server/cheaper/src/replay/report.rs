//! What a replay found, as numbers.

use crate::Line;

/// A trace under several algorithms.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// Requests of the trace.
    pub requests: u64,
    /// Microseconds the load lasted.
    pub length_us: u64,
    /// Most workers there may be.
    pub processes: usize,
    /// The floor.
    pub floor: usize,
    /// Microseconds between cycles.
    pub cycle_us: u64,
    /// One per algorithm, in the order they were asked for.
    pub outcomes: Vec<Outcome>,
}

/// What one algorithm did.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// The name that was asked for.
    pub name: String,
    /// Workers over the time of the load, on average.
    pub mean_workers: f64,
    /// Most workers during the load.
    pub max_workers: usize,
    /// Fewest workers during the load.
    pub min_workers: usize,
    /// Workers started.
    pub spawned: u64,
    /// Workers stopped.
    pub cheaped: u64,
    /// Workers started because connections waited; part of `spawned`.
    pub emergency: u64,
    /// Connections dropped because too many waited.
    pub dropped: u64,
    /// Connections that still waited when the run was given up.
    pub unserved: u64,
    /// How long requests waited.
    pub queue: Queue,
    /// Every change of the number of workers, from time 0.
    pub timeline: Vec<Point>,
    /// What it logged, with microseconds since the start.
    pub log: Vec<(u64, Line)>,
    /// Lines beyond those that are kept.
    pub lines_left_out: u64,
}

/// From here on there are so many workers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Point {
    /// Microseconds since the start.
    pub at_us: u64,
    /// Workers that are meant to run.
    pub workers: usize,
}

/// Microseconds that requests waited before a worker took them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Queue {
    /// Half of them at most this.
    pub p50_us: u64,
    /// Nine of ten at most this.
    pub p90_us: u64,
    /// 99 of 100 at most this.
    pub p99_us: u64,
    /// The longest.
    pub max_us: u64,
}

impl Queue {
    pub(super) fn of(waits_us: &[u64]) -> Self {
        let mut sorted = waits_us.to_vec();
        sorted.sort_unstable();
        let at = |percent: usize| {
            let rank = (sorted.len() * percent).div_ceil(100).max(1);
            sorted.get(rank - 1).copied().unwrap_or(0)
        };
        Self { p50_us: at(50), p90_us: at(90), p99_us: at(99), max_us: at(100) }
    }
}

impl Outcome {
    /// Workers at a time.
    #[must_use]
    pub fn workers_at(&self, at_us: u64) -> usize {
        let after = self.timeline.partition_point(|point| point.at_us <= at_us);
        let point = after.checked_sub(1).and_then(|index| self.timeline.get(index));
        point.map_or(0, |point| point.workers)
    }
}

/// The number of workers over the time of the load.
#[derive(Debug)]
pub(super) struct Timeline {
    pub(super) points: Vec<Point>,
    length_us: u64,
}

impl Timeline {
    pub(super) fn new(workers: usize, length_us: u64) -> Self {
        Self { points: vec![Point { at_us: 0, workers }], length_us }
    }

    pub(super) fn set(&mut self, at_us: u64, workers: usize) {
        let same = self.points.last().is_some_and(|point| point.workers == workers);
        if !same && at_us <= self.length_us {
            self.points.push(Point { at_us, workers });
        }
    }

    pub(super) fn most(&self) -> usize {
        self.points.iter().map(|point| point.workers).max().unwrap_or(0)
    }

    pub(super) fn least(&self) -> usize {
        self.points.iter().map(|point| point.workers).min().unwrap_or(0)
    }

    pub(super) fn mean(&self) -> f64 {
        let ends = self.points.iter().skip(1).map(|point| point.at_us).chain([self.length_us]);
        let area: u128 = self.points.iter().zip(ends).fold(0, |sum, (point, end)| {
            let span = end.saturating_sub(point.at_us);
            sum + u128::from(span) * point.workers as u128
        });
        match self.length_us {
            0 => self.points.last().map_or(0.0, |point| point.workers as f64),
            length => area as f64 / length as f64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_those_of_the_nearest_rank() {
        let waits: Vec<u64> = (1..=200).rev().collect();
        let queue = Queue::of(&waits);
        let seen = (queue.p50_us, queue.p90_us, queue.p99_us, queue.max_us);
        assert_eq!(seen, (100, 180, 198, 200));
        assert_eq!(Queue::of(&[7]), Queue { p50_us: 7, p90_us: 7, p99_us: 7, max_us: 7 });
        assert_eq!(Queue::of(&[]), Queue::default());
    }

    #[test]
    fn the_mean_is_weighed_by_time_and_ends_with_the_load() {
        let mut timeline = Timeline::new(2, 10);
        for (at, workers) in [(4, 4), (5, 4), (8, 3), (12, 9)] {
            timeline.set(at, workers);
        }
        assert_eq!(timeline.points.len(), 3, "only changes, only within the load");
        assert_eq!((timeline.mean(), timeline.most(), timeline.least()), (3.0, 4, 2));
        assert_eq!(Timeline::new(3, 0).mean(), 3.0);
    }
}
