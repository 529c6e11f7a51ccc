//! Labelled series of applications: counters, gauges, histograms that every process shares.
//!
//! A family is registered once, a series of it once for each set of label values; the answer is a
//! slot that is the same in every process and stays valid. All processes count in the same cells,
//! so the numbers are merged as they are made, survive a kill and continue over a reload. Gauges
//! that are kept for each worker have a cell for each of them.
//!
//! It owns the pools, their rules, what a reload keeps, and the copy that expositions and readers
//! work on. It refuses to fail for want of room: a full pool is a counted drop, and the caller
//! counts into a spare row that nobody reads.
//!
//! A family is shown once it is registered in the present generation. Of two definitions of one
//! name the one registered last is shown.

mod carry;
mod read;
mod register;
mod rows;
mod spec;
#[cfg(test)]
mod tests;
mod update;
mod words;

pub(crate) use carry::{carry_over, is_crowded};
pub use read::{FamilySnap, Sample, families, families_of};
pub use rows::{FamilyRow, SeriesHead, SeriesRow};
pub use spec::{FamilyKind, FamilyRefused, FamilySpec, GaugeMode};
pub use update::SeriesRef;

use crate::header::Section;
use crate::index::Index;
use crate::view::View;

/// States of a slot.
const READY: u64 = 1;
const LOST: u64 = 2;
const REMOVED: u64 = 3;

/// The slot of what found no room: an index that lands in the spare row.
pub const NO_SLOT: u32 = u32::MAX;

impl View {
    /// What is used of the pools.
    pub fn series_head(&self) -> &SeriesHead {
        self.map.row(self.layout.place(Section::SeriesHead).offset)
    }

    /// A series by the slot that registration answered.
    #[inline]
    pub fn series_at(&self, slot: u32) -> SeriesRef<'_> {
        SeriesRef { view: self, row: self.series_row(slot), kept: slot < self.shape().series }
    }

    pub(crate) fn family_row(&self, slot: u32) -> &FamilyRow {
        self.map.row(self.layout.place(Section::Families).at(slot as usize))
    }

    #[inline]
    pub(crate) fn series_row(&self, slot: u32) -> &SeriesRow {
        self.map.row(self.layout.place(Section::Series).at(slot as usize))
    }

    fn family_index(&self) -> Index<'_> {
        Index(self.words(Section::FamilyIndex))
    }

    fn series_index(&self) -> Index<'_> {
        Index(self.words(Section::SeriesIndex))
    }
}
