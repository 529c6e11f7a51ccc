//! Counting: what a series does with a value.
//!
//! A counter has two cells: whole numbers are added to one without a loop, however many processes
//! do it at once, and stay exact beyond 2^53; the rest goes to the other.

use super::rows::SeriesRow;
use super::spec::{FamilyKind, GaugeMode};
use super::words::Span;
use super::{READY, REMOVED};
use crate::cells::add_real;
use crate::sync::{AtomicU64, Ordering};
use crate::view::View;
use std::time::{SystemTime, UNIX_EPOCH};

/// Whole numbers up to here have a floating point value of their own.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// One series.
#[derive(Clone, Copy, Debug)]
pub struct SeriesRef<'a> {
    pub(super) view: &'a View,
    pub(super) row: &'a SeriesRow,
    /// False for the spare row, whose value means nothing.
    pub(super) kept: bool,
}

impl SeriesRef<'_> {
    /// Adds to a counter, a gauge, or a sum; false for a counter that would fall. `process` is the
    /// number of the calling worker, 0 in other processes.
    #[inline]
    pub fn add(&self, process: u32, value: f64) -> bool {
        self.show();
        match self.kind() {
            FamilyKind::Counter if value >= 0.0 => self.count(value),
            FamilyKind::Counter => return false,
            _ => match self.own(process) {
                Some((cell, stamp)) => {
                    add_real(cell, value);
                    stamp.store(self.stamp(), Ordering::Relaxed);
                }
                None => self.row.part.add_shared(value),
            },
        }
        true
    }

    /// Sets a gauge or a sum, or starts a counter anew at `value`.
    #[inline]
    pub fn set(&self, process: u32, value: f64) {
        self.show();
        match self.own(process) {
            Some((cell, stamp)) => {
                cell.store(value.to_bits(), Ordering::Relaxed);
                stamp.store(self.stamp(), Ordering::Relaxed);
            }
            None => {
                self.row.whole.set(0);
                self.row.part.set(value);
            }
        }
    }

    /// Observes a value with a histogram or a summary; false for other kinds.
    #[inline]
    pub fn observe(&self, value: f64) -> bool {
        if !matches!(self.kind(), FamilyKind::Histogram | FamilyKind::Summary) {
            return false;
        }
        self.show();
        let bounds = self.view.run(Span::from_word(self.row.bounds.get()));
        let below = |bound: &AtomicU64| f64::from_bits(bound.load(Ordering::Relaxed)) < value;
        // Nothing is below NaN; it belongs where only `+Inf` counts it.
        let bucket = if value.is_nan() {
            bounds.len()
        } else {
            bounds.partition_point(|bound| below(bound))
        };
        self.bucket(bucket, |cell| {
            cell.fetch_add(1, Ordering::Relaxed);
        });
        self.row.part.add_shared(value);
        true
    }

    /// Adds to one bucket alone, not to the sum; false when there is no such bucket. The last one
    /// is that of `+Inf`; counts are not cumulative.
    pub fn add_bucket(&self, bucket: u32, count: u64) -> bool {
        self.bucket(bucket as usize, |cell| {
            cell.fetch_add(count, Ordering::Relaxed);
        })
    }

    /// Sets one bucket; false when there is no such bucket.
    pub fn set_bucket(&self, bucket: u32, count: u64) -> bool {
        self.bucket(bucket as usize, |cell| cell.store(count, Ordering::Relaxed))
    }

    /// The count of one bucket; 0 when there is no such bucket.
    pub fn bucket_count(&self, bucket: u32) -> u64 {
        let cells = self.buckets();
        cells.get(bucket as usize).map_or(0, |cell| cell.load(Ordering::Relaxed))
    }

    /// The value as this process sees it: of a gauge that each worker has for itself, its own.
    pub fn value(&self, process: u32) -> f64 {
        match self.own(process) {
            _ if !self.kept => 0.0,
            Some((cell, _)) => f64::from_bits(cell.load(Ordering::Relaxed)),
            None => self.row.part.get() + self.row.whole.get() as f64,
        }
    }

    /// Takes it out of sight and back to zero; asking for it or counting shows it again.
    pub fn remove(&self) {
        if self.row.state.get() == READY {
            self.row.state.set(REMOVED);
            self.row.whole.set(0);
            self.row.part.set(0.0);
            self.cells().iter().for_each(|cell| cell.store(0, Ordering::Relaxed));
        }
    }

    /// Whoever counts may not know that another process has removed the series.
    #[inline]
    fn show(&self) {
        if self.row.state.get() == REMOVED {
            self.row.state.set(READY);
        }
    }

    /// Forgets what a process said, where its value goes with it.
    pub(super) fn forget(&self, process: u32) {
        if GaugeMode::from_code(self.row.mode.get()).is_live()
            && let Some((cell, stamp)) = self.own(process)
        {
            stamp.store(0, Ordering::Relaxed);
            cell.store(0, Ordering::Relaxed);
        }
    }

    #[inline]
    fn count(&self, value: f64) {
        if value < EXACT && value.trunc() == value {
            self.row.whole.add_shared(value as u64);
        } else {
            self.row.part.add_shared(value);
        }
    }

    fn bucket(&self, bucket: usize, change: impl Fn(&AtomicU64)) -> bool {
        let cells = self.buckets();
        cells.get(bucket).is_some_and(|cell| {
            change(cell);
            true
        })
    }

    fn buckets(&self) -> &[AtomicU64] {
        let counted = matches!(self.kind(), FamilyKind::Histogram | FamilyKind::Summary);
        if counted { self.cells() } else { &[] }
    }

    pub(super) fn cells(&self) -> &[AtomicU64] {
        self.view.run(Span::from_word(self.row.cells.get()))
    }

    /// Value and stamp of a process, where each has its own.
    #[inline]
    pub(super) fn own(&self, process: u32) -> Option<(&AtomicU64, &AtomicU64)> {
        if self.row.mode.get() == GaugeMode::Shared as u64 {
            return None;
        }
        match self.cells().get(2 * process as usize..)? {
            [cell, stamp, ..] => Some((cell, stamp)),
            _ => None,
        }
    }

    #[inline]
    fn kind(&self) -> FamilyKind {
        FamilyKind::from_code(self.row.kind.get())
    }

    /// When a value was set, never 0. Only the modes that compare times pay for the clock.
    fn stamp(&self) -> u64 {
        let mode = GaugeMode::from_code(self.row.mode.get());
        if !matches!(mode, GaugeMode::MostRecent | GaugeMode::LiveMostRecent) {
            return 1;
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(now.as_nanos()).unwrap_or(u64::MAX).max(1)
    }
}

impl View {
    /// Forgets what a worker said that is dead or about to start anew.
    pub fn forget_process(&self, process: u32) {
        let used = self.series_head().series.get().min(u64::from(self.shape().series));
        (0..u32::try_from(used).unwrap_or(0)).for_each(|slot| self.series_at(slot).forget(process));
    }
}
