//! What a reload keeps: all families and series, as far as the new arena has room for them.

use super::read::{read_family, values_of};
use super::register::{insert_family, insert_series};
use super::rows::SeriesRow;
use super::spec::FamilySpec;
use super::{NO_SLOT, READY};
use crate::cells::Cell;
use crate::header::families;
use crate::sync::Ordering;
use crate::view::View;

/// True when most of the room is taken and some of it by series that nobody asked for since the
/// last start: label values of the past. A new arena leaves them behind.
pub(crate) fn is_crowded(view: &View) -> bool {
    let head = view.series_head();
    let total = u64::from(view.shape().series);
    let words = view.words(crate::header::Section::SeriesWords).len() as u64;
    let full = |used: u64, total: u64| used.saturating_mul(4) > total.saturating_mul(3);
    let crowded = full(head.series.get(), total) || full(head.words.get(), words);
    crowded && slots(view).any(|(_, row)| !is_fresh(view, row))
}

/// Brings families and series along. They are shown again once the family is registered again.
/// Series that nobody asked for in the last generation come last, and only into the first half.
pub(crate) fn carry_over(to: &View, from: &View) {
    let same: Vec<u32> = (0..families(from.shape().series))
        .map(|slot| carry_family(to, from, slot).unwrap_or(NO_SLOT))
        .collect();
    let of = |row: &SeriesRow| {
        let slot = usize::try_from(row.family.get()).ok()?;
        same.get(slot).copied().filter(|slot| *slot != NO_SLOT)
    };
    for fresh in [true, false] {
        for (slot, row) in slots(from).filter(|(_, row)| is_fresh(from, row) == fresh) {
            let room = to.series_head().series.get() * 2 < u64::from(to.shape().series);
            if let Some(family) = of(row).filter(|_| fresh || room) {
                carry_series(to, from, slot, family);
            }
        }
    }
    to.series_head().dropped.add_shared(from.series_head().dropped.get());
}

fn slots(view: &View) -> impl Iterator<Item = (u32, &SeriesRow)> {
    let used = view.series_head().series.get().min(u64::from(view.shape().series));
    let slots = (0..u32::try_from(used).unwrap_or(0)).map(|slot| (slot, view.series_row(slot)));
    slots.filter(|(_, row)| row.state.get() == READY)
}

fn is_fresh(view: &View, row: &SeriesRow) -> bool {
    row.generation.get() == view.generation()
}

fn carry_family(to: &View, from: &View, slot: u32) -> Option<u32> {
    if from.family_row(slot).state.get() != READY {
        return None;
    }
    let family = read_family(from, slot)?;
    let labels: Vec<&str> = family.labels.iter().map(String::as_str).collect();
    let spec = FamilySpec {
        name: &family.name,
        help: &family.help,
        unit: &family.unit,
        kind: family.kind,
        mode: family.mode,
        labels: &labels,
        bounds: &family.bounds,
    };
    insert_family(to, &spec)
}

fn carry_series(to: &View, from: &View, slot: u32, family: u32) {
    let (old, values) = (from.series_row(slot), values_of(from, from.series_row(slot)));
    let values: Vec<&[u8]> = values.iter().map(Vec::as_slice).collect();
    let Some(new) = insert_series(to, family, &values) else {
        to.series_head().dropped.add_shared(1);
        return;
    };
    let row = to.series_row(new);
    row.whole.carry(&old.whole);
    row.part.carry(&old.part);
    row.generation.carry(&old.generation);
    // Buckets are the same, because bounds are part of the definition; of processes those that
    // both arenas have are at the front.
    for (cell, value) in to.series_at(new).cells().iter().zip(from.series_at(slot).cells()) {
        cell.store(value.load(Ordering::Relaxed), Ordering::Relaxed);
    }
}
