//! Latency histograms: the HdrHistogram bucket layout over atomic cells of the arena.
//!
//! Values are microseconds, 1 µs to 1 h at two significant digits (an error of at most 1 %);
//! larger values count as 1 h. The index of a value is exactly that of the `hdrhistogram` crate
//! for the same bounds, so a reader may load the cells into it. Readers scan only up to the
//! highest cell ever used, which keeps untouched pages of a sparse arena untouched.

use crate::cells::{Counter, Gauge};
use crate::sync::{AtomicU64, Ordering};

/// What a latency histogram measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Latency {
    /// Start of the request to the end of its close.
    Request = 0,
    /// Entry into the accept queue (or the front server's stamp) to dispatch.
    Queue = 1,
    /// Inside the application, without reading the body and writing the response.
    Application = 2,
    /// Writing the response.
    Write = 3,
    /// Start of the request to the system call that carries the head of its response.
    FirstByte = 4,
    /// Waiting for the body of the request, where it was not there at the start.
    Read = 5,
}

impl Latency {
    /// All of them, in arena order.
    pub const ALL: [Latency; LATENCIES] = [
        Latency::Request,
        Latency::Queue,
        Latency::Application,
        Latency::Write,
        Latency::FirstByte,
        Latency::Read,
    ];

    /// Lower case name.
    pub fn as_str(self) -> &'static str {
        match self {
            Latency::Request => "request",
            Latency::Queue => "queue",
            Latency::Application => "application",
            Latency::Write => "write",
            Latency::FirstByte => "first_byte",
            Latency::Read => "read",
        }
    }
}

/// Kinds of latency per worker.
pub(crate) const LATENCIES: usize = 6;

/// Largest value kept: one hour.
pub(crate) const MAX_US: u64 = 3_600_000_000;

/// log2 of the cells per doubling, times two: 256 is the first power of two above 2 x 10^2.
const SUB_BITS: u32 = 8;
const HALF: usize = 1 << (SUB_BITS - 1);
/// Doublings from 256 until one hour fits (256 << 24 is above 3.6 x 10^9), the first included.
const BUCKETS: usize = 25;
/// Cells of one histogram.
pub(crate) const CELLS: usize = (BUCKETS + 1) * HALF;

/// Words before the cells: sum, highest index used; the rest keeps the cells aligned.
const HEAD_WORDS: usize = 16;
pub(crate) const HISTOGRAM_WORDS: usize = HEAD_WORDS + CELLS;
pub(crate) const HISTOGRAM_BYTES: usize = HISTOGRAM_WORDS * 8;

/// One histogram in the arena.
#[derive(Debug)]
#[repr(C, align(128))]
pub struct Histogram {
    sum_us: Counter,
    /// One more than the highest index used, 0 for an empty histogram.
    high: Gauge,
    _reserved: [AtomicU64; HEAD_WORDS - 2],
    cells: [Counter; CELLS],
}

// SAFETY: repr(C), aligned to 128, every field an atomic word.
unsafe impl crate::rows::Row for Histogram {}

const _: () = assert!(size_of::<Histogram>() == HISTOGRAM_BYTES);

impl Histogram {
    /// Records one value as the only writer of this histogram.
    #[inline]
    pub fn record(&self, us: u64) {
        let index = index_of(us);
        self.cells[index].add(1);
        self.sum_us.add(us);
        if index as u64 >= self.high.get() {
            self.high.set(index as u64 + 1);
        }
    }

    /// Records one value where several threads of a worker write.
    #[inline]
    pub fn record_shared(&self, us: u64) {
        let index = index_of(us);
        self.cells[index].add_shared(1);
        self.sum_us.add_shared(us);
        if index as u64 >= self.high.get() {
            self.high.raise_shared(index as u64 + 1);
        }
    }

    /// Adds its counts to `into`.
    pub(crate) fn merge_into(&self, into: &mut LatencySnap) {
        let high = usize::try_from(self.high.get()).unwrap_or(CELLS).min(CELLS);
        if into.counts.len() < high {
            into.counts.resize(high, 0);
        }
        for (sum, cell) in into.counts.iter_mut().zip(&self.cells) {
            let n = cell.get();
            *sum = sum.wrapping_add(n);
            into.count = into.count.wrapping_add(n);
        }
        into.sum_us = into.sum_us.wrapping_add(self.sum_us.get());
    }

    /// Forgets all counts.
    pub(crate) fn clear(&self) {
        let high = usize::try_from(self.high.get()).unwrap_or(CELLS);
        self.high.set(0);
        self.sum_us.set(0);
        self.cells.iter().take(high).for_each(|cell| cell.set(0));
    }

    /// Takes over all counts of another arena's histogram.
    pub(crate) fn carry(&self, from: &Histogram) {
        self.sum_us.set(from.sum_us.get());
        self.high.set(from.high.get());
        let high = usize::try_from(from.high.get()).unwrap_or(CELLS);
        for (to, from) in self.cells.iter().zip(&from.cells).take(high) {
            to.set(from.get());
        }
    }

    /// Adds all counts of another arena's histogram that is given up.
    pub(crate) fn fold(&self, from: &Histogram) {
        self.sum_us.add(from.sum_us.get());
        self.high.set(self.high.get().max(from.high.get()));
        let high = usize::try_from(from.high.get()).unwrap_or(CELLS);
        for (to, from) in self.cells.iter().zip(&from.cells).take(high) {
            to.add(from.get());
        }
    }
}

impl Gauge {
    /// Raises the level to at least `to`.
    fn raise_shared(&self, to: u64) {
        self.as_atomic().fetch_max(to, Ordering::Relaxed);
    }
}

/// The cell of a value: bucket by magnitude, 128 linear steps inside (256 in the first).
#[inline]
pub(crate) fn index_of(us: u64) -> usize {
    let value = us.min(MAX_US);
    let bucket = (64 - SUB_BITS) - (value | ((1 << SUB_BITS) - 1)).leading_zeros();
    let step = (value >> bucket) as usize;
    (bucket as usize * HALF + step).min(CELLS - 1)
}

/// The lowest and the highest value that share cell `index`.
pub(crate) fn bounds_of(index: usize) -> (u64, u64) {
    let bucket = (index / HALF).saturating_sub(1);
    let step = (index - bucket * HALF) as u64;
    (step << bucket, ((step + 1) << bucket) - 1)
}

/// Owned counts of one or many histograms.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LatencySnap {
    /// Count per cell, cut after the highest cell used.
    pub counts: Vec<u64>,
    /// Sum of `counts`.
    pub count: u64,
    /// Sum of the recorded values, microseconds.
    pub sum_us: u64,
}

impl LatencySnap {
    /// The value at quantile `q` (0 to 1): the upper end of the cell that holds it, microseconds.
    /// 0 when nothing was recorded.
    pub fn quantile(&self, q: f64) -> u64 {
        let rank = ((q.clamp(0.0, 1.0) * self.count as f64).ceil() as u64).max(1);
        let mut seen = 0;
        for (index, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= rank {
                return bounds_of(index).1;
            }
        }
        0
    }

    /// How many values are at most `us` (to the resolution of the cell that holds `us`).
    pub fn count_up_to(&self, us: u64) -> u64 {
        self.counts.iter().take(index_of(us) + 1).sum()
    }

    /// The same for many ascending bounds, in one pass over the cells.
    pub fn counts_up_to(&self, bounds: &[u64]) -> Vec<u64> {
        let (mut cells, mut sum) = (self.counts.iter(), 0);
        let mut taken = 0;
        let upto = bounds.iter().map(|us| {
            let end = index_of(*us) + 1;
            sum += cells.by_ref().take(end.saturating_sub(taken)).sum::<u64>();
            taken = taken.max(end);
            sum
        });
        upto.collect()
    }

    /// Mean, microseconds; 0 when nothing was recorded.
    pub fn mean(&self) -> u64 {
        self.sum_us.checked_div(self.count).unwrap_or(0)
    }

    /// Adds the counts of another.
    pub fn merge(&mut self, other: &LatencySnap) {
        if self.counts.len() < other.counts.len() {
            self.counts.resize(other.counts.len(), 0);
        }
        for (to, from) in self.counts.iter_mut().zip(&other.counts) {
            *to += from;
        }
        self.count += other.count;
        self.sum_us += other.sum_us;
    }

    /// What was recorded since `before`. Cells that fell (a new arena) count as zero.
    pub fn since(&self, before: &LatencySnap) -> LatencySnap {
        let mut counts = self.counts.clone();
        for (now, then) in counts.iter_mut().zip(&before.counts) {
            *now = now.saturating_sub(*then);
        }
        let count = counts.iter().sum();
        LatencySnap { counts, count, sum_us: self.sum_us.saturating_sub(before.sum_us) }
    }

    /// Lowest value, highest value and count of every used cell, ascending: what a reader needs to
    /// fill a histogram of its own.
    pub fn cells(&self) -> impl Iterator<Item = (u64, u64, u64)> + '_ {
        let used = self.counts.iter().enumerate().filter(|(_, n)| **n > 0);
        used.map(|(i, n)| (bounds_of(i).0, bounds_of(i).1, *n))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Arena, Shape};
    use hdrhistogram::Histogram as Reference;
    use proptest::prelude::*;

    fn arena() -> Arena {
        Arena::create(&Shape { workers: 2, cores: 1, ..Shape::default() }).unwrap()
    }

    fn reference() -> Reference<u64> {
        Reference::new_with_bounds(1, MAX_US, 2).unwrap()
    }

    /// Values around every boundary of the layout.
    fn edges() -> impl Iterator<Item = u64> {
        let around = |v: u64| [v.saturating_sub(1), v, v + 1];
        (0..32)
            .flat_map(move |bit| (0..=4).flat_map(move |q| around((1 << bit) + q * (1 << bit) / 4)))
    }

    #[test]
    fn the_layout_is_that_of_the_reference() {
        let reference = reference();
        assert_eq!(CELLS, reference.distinct_values(), "same number of cells");
        for us in edges().filter(|us| *us <= MAX_US) {
            let bounds = (reference.lowest_equivalent(us), reference.highest_equivalent(us));
            assert_eq!(bounds_of(index_of(us)), bounds, "cell of {us}");
        }
    }

    #[test]
    fn cells_follow_each_other_without_gap_or_overlap() {
        for index in 0..CELLS {
            let (low, high) = bounds_of(index);
            assert_eq!(index_of(low.min(MAX_US)), index_of(high.min(MAX_US)));
            if index > 0 {
                assert_eq!(low, bounds_of(index - 1).1 + 1, "between {} and {index}", index - 1);
            }
        }
    }

    #[test]
    fn a_value_beyond_the_hour_counts_as_the_hour() {
        let arena = arena();
        let histogram = arena.histogram(1, Latency::Write);
        histogram.record(u64::MAX);
        histogram.record_shared(MAX_US + 1);
        let merged = arena.snapshot().latency(Latency::Write).clone();
        assert_eq!(merged.count, 2);
        assert!(merged.quantile(1.0) >= MAX_US && merged.quantile(0.0) >= MAX_US);
    }

    #[test]
    fn recording_from_many_threads_loses_nothing() {
        let arena = arena();
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let histogram = arena.histogram(1, Latency::Request);
                scope.spawn(move || (0..10_000).for_each(|n| histogram.record_shared(n * thread)));
            }
        });
        assert_eq!(arena.snapshot().latency(Latency::Request).count, 40_000);
    }

    #[test]
    fn what_happened_since_is_the_difference_and_a_reset_is_zero() {
        let arena = arena();
        let take = || arena.snapshot().latency(Latency::Queue).clone();
        arena.histogram(1, Latency::Queue).record(10);
        let before = take();
        arena.histogram(2, Latency::Queue).record(1_000);
        let since = take().since(&before);
        assert_eq!((since.count, since.sum_us, since.quantile(0.5)), (1, 1_000, 1_003));
        assert_eq!(before.since(&take()).count, 0);
    }

    proptest! {
        #[test]
        fn merged_workers_have_the_quantiles_of_the_reference(
            values in prop::collection::vec(1..MAX_US, 1..200),
            q in 0.0..=1.0f64,
        ) {
            let (arena, mut expected) = (arena(), reference());
            for (n, us) in values.iter().enumerate() {
                arena.histogram(1 + n as u32 % 2, Latency::Request).record(*us);
                expected.record(*us).unwrap();
            }
            let merged = arena.snapshot().latency(Latency::Request).clone();
            prop_assert_eq!(merged.count, expected.len());
            prop_assert_eq!(merged.sum_us, values.iter().sum::<u64>());
            prop_assert_eq!(merged.quantile(q), expected.value_at_quantile(q));
            let mut bounds = values.clone();
            bounds.sort_unstable();
            let one_by_one: Vec<u64> = bounds.iter().map(|us| merged.count_up_to(*us)).collect();
            prop_assert_eq!(merged.counts_up_to(&bounds), one_by_one);
            for us in &values {
                prop_assert_eq!(merged.count_up_to(*us), expected.count_between(0, *us));
            }
            let mut loaded = reference();
            for (low, _, count) in merged.cells() {
                loaded.record_n(low, count).unwrap();
            }
            prop_assert_eq!(loaded, expected);
        }
    }
}
