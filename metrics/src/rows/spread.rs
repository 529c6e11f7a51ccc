//! How long something took, many times: count, sum, last, longest, and how they spread.
//!
//! For what happens seldom enough that a few buckets do, from a tenth of a millisecond to half a
//! minute: turns of a loop, reloads, waits. The latencies of requests have finer histograms.

use crate::cells::{Cell, Counter, Gauge};

/// Upper bounds of the buckets, microseconds; one more bucket holds what is longer.
pub const SPREAD_BOUNDS_US: [u64; 14] = [
    100, 1_000, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000,
    5_000_000, 10_000_000, 30_000_000,
];

const BUCKETS: usize = SPREAD_BOUNDS_US.len() + 1;

/// Durations with one writer.
#[derive(Debug, Default)]
#[repr(C)]
pub struct Spread {
    sum_us: Counter,
    last_us: Gauge,
    max_us: Gauge,
    buckets: [Counter; BUCKETS],
}

/// Plain copy of a [`Spread`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SpreadCells {
    /// Sum of all durations, microseconds.
    pub sum_us: u64,
    /// The last one.
    pub last_us: u64,
    /// The longest one.
    pub max_us: u64,
    /// How many fell into each bucket, the last one for what is beyond all bounds.
    pub buckets: [u64; BUCKETS],
}

impl Spread {
    /// Adds one duration, as the only writer.
    pub fn record(&self, us: u64) {
        self.sum_us.add(us);
        self.last_us.set(us);
        if us > self.max_us.get() {
            self.max_us.set(us);
        }
        let bucket = SPREAD_BOUNDS_US.partition_point(|bound| *bound < us);
        if let Some(bucket) = self.buckets.get(bucket) {
            bucket.add(1);
        }
    }
}

impl SpreadCells {
    /// How many durations there were.
    pub fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }

    /// Adds another writer's durations. Of the two last ones the longer is kept.
    pub fn merge(&mut self, other: &SpreadCells) {
        self.sum_us += other.sum_us;
        self.last_us = self.last_us.max(other.last_us);
        self.max_us = self.max_us.max(other.max_us);
        for (to, from) in self.buckets.iter_mut().zip(other.buckets) {
            *to += from;
        }
    }

    /// Each bound with how many durations were at most that long.
    pub fn cumulative(&self) -> impl Iterator<Item = (u64, u64)> {
        let mut below = 0;
        SPREAD_BOUNDS_US.iter().zip(self.buckets).map(move |(bound, n)| {
            below += n;
            (*bound, below)
        })
    }
}

impl Cell for Spread {
    type Plain = SpreadCells;

    fn plain(&self) -> SpreadCells {
        SpreadCells {
            sum_us: self.sum_us.get(),
            last_us: self.last_us.get(),
            max_us: self.max_us.get(),
            buckets: self.buckets.plain(),
        }
    }

    fn carry(&self, from: &Spread) {
        self.sum_us.carry(&from.sum_us);
        self.last_us.carry(&from.last_us);
        self.max_us.carry(&from.max_us);
        self.buckets.carry(&from.buckets);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_fall_into_the_bucket_that_ends_at_or_above_them() {
        let spread = Spread::default();
        for us in [0, 100, 101, 1_000, 30_000_000, 30_000_001] {
            spread.record(us);
        }
        let plain = spread.plain();
        assert_eq!((plain.count(), plain.last_us, plain.max_us), (6, 30_000_001, 30_000_001));
        let below: Vec<_> = plain.cumulative().collect();
        assert_eq!((below[0], below[1], below[13]), ((100, 2), (1_000, 4), (30_000_000, 5)));
        spread.record(7);
        assert_eq!(spread.plain().max_us, 30_000_001, "the longest stays");
    }

    #[test]
    fn what_two_counted_is_merged() {
        let (a, b) = (Spread::default(), Spread::default());
        a.record(50);
        b.record(2_000_000);
        let mut sum = a.plain();
        sum.merge(&b.plain());
        assert_eq!((sum.count(), sum.sum_us, sum.max_us), (2, 2_000_050, 2_000_000));
    }
}
