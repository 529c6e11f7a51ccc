//! How long something took, counted inside the kernel: four steps for each doubling.
//!
//! The layout is one that a program without floating point, division or loops can index: durations
//! in nanoseconds, from one microsecond to more than two minutes. A cell is at most a quarter
//! wider than its lower end, so a quantile is off by an eighth; the sum is exact. Programs add
//! with atomic adds, readers copy.

use crate::cells::{Cell, Counter};

/// log2 of the shortest duration that is told from zero, in nanoseconds.
const SHORTEST: u32 = 10;

/// Doublings that are told apart.
const DOUBLINGS: usize = 27;

/// Cells: what is shorter than all, four for each doubling, what is longer than all.
pub const STEP_CELLS: usize = DOUBLINGS * 4 + 2;

/// Durations, as the programs in the kernel count them.
#[derive(Debug)]
#[repr(C)]
pub struct Steps {
    cells: [Counter; STEP_CELLS],
    sum_ns: Counter,
    _reserved: Counter,
}

/// Plain copy of [`Steps`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepsSnap {
    /// How many fell into each cell.
    pub cells: [u64; STEP_CELLS],
    /// Sum of all durations, nanoseconds.
    pub sum_ns: u64,
}

impl Default for StepsSnap {
    fn default() -> StepsSnap {
        StepsSnap { cells: [0; STEP_CELLS], sum_ns: 0 }
    }
}

/// The cell of a duration; the programs compute the same (`step_of` in `program/steps.h`).
pub fn step_of(ns: u64) -> usize {
    if ns < 1 << SHORTEST {
        return 0;
    }
    let top = ns.ilog2();
    let index = 1 + (top - SHORTEST) as usize * 4 + (ns >> (top - 2) & 3) as usize;
    index.min(STEP_CELLS - 1)
}

/// The shortest duration of a cell, and the shortest of the one after; nanoseconds.
pub fn step_bounds(cell: usize) -> (u64, u64) {
    (lower(cell), lower(cell + 1))
}

fn lower(cell: usize) -> u64 {
    match cell {
        0 => 0,
        1..STEP_CELLS => (4 + (cell as u64 - 1) % 4) << (SHORTEST - 2 + (cell as u32 - 1) / 4),
        _ => u64::MAX,
    }
}

impl Steps {
    /// Adds one duration, where several may write.
    pub fn record_shared(&self, ns: u64) {
        self.cells[step_of(ns)].add_shared(1);
        self.sum_ns.add_shared(ns);
    }
}

impl StepsSnap {
    /// How many durations there were.
    pub fn count(&self) -> u64 {
        self.cells.iter().sum()
    }

    /// Adds another writer's durations.
    pub fn merge(&mut self, other: &StepsSnap) {
        self.cells.iter_mut().zip(other.cells).for_each(|(to, from)| *to += from);
        self.sum_ns += other.sum_ns;
    }

    /// The mean, nanoseconds; 0 without any.
    pub fn mean_ns(&self) -> u64 {
        self.sum_ns.checked_div(self.count()).unwrap_or(0)
    }

    /// The duration at quantile `q` (0 to 1), nanoseconds: the middle of the cell that holds it.
    pub fn quantile_ns(&self, q: f64) -> u64 {
        let rank = ((q.clamp(0.0, 1.0) * self.count() as f64).ceil() as u64).max(1);
        let mut seen = 0;
        let cell = self.cells.iter().position(|n| {
            seen += n;
            seen >= rank
        });
        cell.map_or(0, |cell| {
            let (low, next) = step_bounds(cell);
            if next == u64::MAX { low } else { low.midpoint(next) }
        })
    }

    /// For each ascending bound in nanoseconds, how many durations were shorter, to the resolution
    /// of the cells: a cell counts where its middle lies.
    pub fn cumulative(&self, bounds_ns: &[u64]) -> Vec<u64> {
        let middle = |cell| {
            let (low, next) = step_bounds(cell);
            low.midpoint(next)
        };
        let below = |bound: &u64| {
            let inside = (0..STEP_CELLS).take_while(|&cell| middle(cell) <= *bound);
            inside.map(|cell| self.cells[cell]).sum()
        };
        bounds_ns.iter().map(below).collect()
    }
}

impl Cell for Steps {
    type Plain = StepsSnap;

    fn plain(&self) -> StepsSnap {
        StepsSnap {
            cells: core::array::from_fn(|i| self.cells[i].get()),
            sum_ns: self.sum_ns.get(),
        }
    }

    fn carry(&self, from: &Steps) {
        self.cells.iter().zip(&from.cells).for_each(|(to, from)| to.carry(from));
        self.sum_ns.carry(&from.sum_ns);
    }

    fn fold(&self, from: &Steps) {
        self.cells.iter().zip(&from.cells).for_each(|(to, from)| to.fold(from));
        self.sum_ns.fold(&from.sum_ns);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_duration_lies_between_the_bounds_of_its_cell() {
        for shift in 0..63 {
            for ns in [1u64 << shift, (1 << shift) + (1 << shift) / 3, (2 << shift) - 1] {
                let (low, next) = step_bounds(step_of(ns));
                assert!(low <= ns && ns < next, "{ns} is not in {low}..{next}");
            }
        }
        assert_eq!((step_of(0), step_of(u64::MAX)), (0, STEP_CELLS - 1));
    }

    #[test]
    fn cells_follow_each_other_without_gap() {
        for cell in 0..STEP_CELLS {
            assert_eq!(step_of(lower(cell)), cell);
            assert!(cell == 0 || step_of(lower(cell) - 1) == cell - 1);
        }
    }

    #[test]
    fn five_waits_of_200_ms_are_seen_as_such() {
        let mut snap = StepsSnap::default();
        snap.cells[step_of(200_000_000)] = 5;
        snap.sum_ns = 1_001_000_000;
        assert_eq!((snap.count(), snap.mean_ns()), (5, 200_200_000));
        let median = snap.quantile_ns(0.5);
        assert!((170_000_000..230_000_000).contains(&median), "{median}");
        assert_eq!(snap.cumulative(&[100_000_000, 250_000_000]), [0, 5]);
    }
}
