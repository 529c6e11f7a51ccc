//! Registration: a definition becomes a family slot, label values become a series slot.

use super::rows::{FamilyRow, SeriesRow};
use super::spec::{FamilyKind, FamilyRefused, FamilySpec, GaugeMode, push_text};
use super::words::Span;
use super::{LOST, NO_SLOT, READY, REMOVED};
use crate::arena::Arena;
use crate::cells::Gauge;
use crate::header::families;
use crate::index::{Probe, hash_of};
use crate::sync::Ordering;
use crate::view::View;

/// Longest text of a definition or of label values, in bytes.
const KEY_MAX: usize = 16 * 1024;

impl Arena {
    /// Registers a family, or finds it: the slot is the same in every process. Its series continue
    /// where they were.
    ///
    /// # Errors
    /// [`FamilyRefused`].
    pub fn register_family(&self, spec: &FamilySpec<'_>) -> Result<u32, FamilyRefused> {
        if !spec.is_valid() {
            return Err(FamilyRefused::Invalid);
        }
        let Some(slot) = insert_family(self, spec) else {
            self.series_head().dropped.add_shared(1);
            return Err(FamilyRefused::Full);
        };
        let row = self.family_row(slot);
        if row.generation.get() != self.generation() {
            // Once in a generation: the room of texts is not given back, and each process may
            // word it its own way.
            keep_changed(self, &row.help, spec.help);
            keep_changed(self, &row.unit, spec.unit);
            row.order.set(self.series_head().registered.take_shared(1));
            row.generation.set(self.generation());
        }
        Ok(slot)
    }

    /// The series of a family with these label values, in the order of the family's labels.
    /// [`NO_SLOT`] when there is no room, no such family, or another number of values; that is
    /// counted, and the slot may be used like any other.
    pub fn register_series(&self, family: u32, values: &[&[u8]]) -> u32 {
        let Some(slot) = insert_series(self, family, values) else {
            self.series_head().dropped.add_shared(1);
            return NO_SLOT;
        };
        let row = self.series_row(slot);
        if row.state.get() == REMOVED {
            row.state.set(READY);
        }
        row.generation.set(self.generation());
        slot
    }
}

/// Finds a definition or gives it a slot.
pub(super) fn insert_family(view: &View, spec: &FamilySpec<'_>) -> Option<u32> {
    let key = spec.key();
    let hash = hash_of(&key);
    let same = |slot| holds(view, &view.family_row(slot).key, &key);
    let position = match view.family_index().probe(hash, same) {
        Probe::Found(slot) => return Some(slot),
        Probe::Vacant(position) if key.len() <= KEY_MAX => position,
        Probe::Vacant(_) | Probe::Full => return None,
    };
    let slot = take_slot(&view.series_head().families, families(view.shape().series))?;
    let row = view.family_row(slot);
    fill_family(view, row, spec, &key)?;
    let holder = view.family_index().publish(hash, position, slot, same)?;
    if holder != slot {
        row.state.set(LOST);
    }
    Some(holder)
}

fn fill_family(view: &View, row: &FamilyRow, spec: &FamilySpec<'_>, key: &[u8]) -> Option<()> {
    let bounds = view.take_words(spec.bounds.len())?;
    for (word, bound) in view.run(bounds).iter().zip(spec.bounds) {
        word.store(bound.to_bits(), Ordering::Relaxed);
    }
    row.kind.set(spec.kind as u64);
    row.mode.set(spec.mode as u64);
    row.labels.set(spec.labels.len() as u64);
    row.bounds.set(bounds.to_word());
    row.key.set(view.keep_text(key)?.to_word());
    row.state.set(READY);
    Some(())
}

/// Finds a series or gives it a slot.
pub(super) fn insert_series(view: &View, family: u32, values: &[&[u8]]) -> Option<u32> {
    let of = view.family_row(family);
    let known = family < families(view.shape().series) && of.state.get() == READY;
    if !known || of.labels.get() != values.len() as u64 {
        return None;
    }
    let key = series_key(family, values);
    let hash = hash_of(&key);
    let same = |slot| holds(view, &view.series_row(slot).key, &key);
    let position = match view.series_index().probe(hash, same) {
        Probe::Found(slot) => return Some(slot),
        Probe::Vacant(position) if key.len() <= KEY_MAX => position,
        Probe::Vacant(_) | Probe::Full => return None,
    };
    let slot = take_slot(&view.series_head().series, view.shape().series)?;
    let row = view.series_row(slot);
    fill_series(view, row, family, &key)?;
    let holder = view.series_index().publish(hash, position, slot, same)?;
    if holder != slot {
        row.state.set(LOST);
    }
    Some(holder)
}

fn fill_series(view: &View, row: &SeriesRow, family: u32, key: &[u8]) -> Option<()> {
    let of = view.family_row(family);
    row.cells.set(view.take_words(cells(view, of))?.to_word());
    row.key.set(view.keep_text(key)?.to_word());
    row.kind.set(of.kind.get());
    row.mode.set(of.mode.get());
    row.bounds.set(of.bounds.get());
    row.family.set(u64::from(family));
    row.state.set(READY);
    Some(())
}

/// Words a series needs beside its row.
fn cells(view: &View, family: &FamilyRow) -> usize {
    match FamilyKind::from_code(family.kind.get()) {
        // One count for each bound, and one for what is beyond the last.
        FamilyKind::Histogram | FamilyKind::Summary => {
            Span::from_word(family.bounds.get()).len as usize + 1
        }
        // Value and stamp of the master and of each worker.
        FamilyKind::Gauge if family.mode.get() != GaugeMode::Shared as u64 => {
            2 * (view.shape().workers as usize + 1)
        }
        _ => 0,
    }
}

fn series_key(family: u32, values: &[&[u8]]) -> Vec<u8> {
    let mut key = family.to_ne_bytes().to_vec();
    values.iter().for_each(|value| push_text(&mut key, value));
    key
}

fn holds(view: &View, text: &Gauge, bytes: &[u8]) -> bool {
    view.text_is(Span::from_word(text.get()), bytes)
}

/// The next slot, while there is one.
fn take_slot(used: &Gauge, total: u32) -> Option<u32> {
    let next = |used: u64| Some(used + 1).filter(|used| *used <= u64::from(total));
    let taken = used.as_atomic().fetch_update(Ordering::Relaxed, Ordering::Relaxed, next);
    u32::try_from(taken.ok()?).ok()
}

/// Replaces a text of a row when it says something else. The old one stays in the pool, and what
/// does not fit leaves the row as it is.
fn keep_changed(view: &View, cell: &Gauge, text: &str) {
    if !holds(view, cell, text.as_bytes())
        && text.len() <= KEY_MAX
        && let Some(span) = view.keep_text(text.as_bytes())
    {
        cell.set(span.to_word());
    }
}
