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
    /// Inside the application.
    Application = 2,
    /// Writing the response.
    Write = 3,
}

impl Latency {
    /// All of them, in arena order.
    pub const ALL: [Latency; LATENCIES] =
        [Latency::Request, Latency::Queue, Latency::Application, Latency::Write];

    /// Lower case name.
    pub fn as_str(self) -> &'static str {
        match self {
            Latency::Request => "request",
            Latency::Queue => "queue",
            Latency::Application => "application",
            Latency::Write => "write",
        }
    }
}

/// Kinds of latency per worker.
pub(crate) const LATENCIES: usize = 4;

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
            *sum += n;
            into.count += n;
        }
        into.sum_us += self.sum_us.get();
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
