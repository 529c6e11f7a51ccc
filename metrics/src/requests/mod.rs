//! Requests by what they were: durations by app, method and code, sizes of bodies, examples.
//!
//! A worker has a fixed number of duration histograms, each for one label set; it takes one when
//! it meets a label set for the first time. The last of them is for all that found no room, so
//! nothing is lost and no client can make the arena grow. The words that say whose they are lie
//! together, because a reader must not touch pages that nobody wrote.
//!
//! It owns the rows, the finding of slots and the merged copy. Values are recorded through the
//! histograms themselves.

mod key;
mod read;

use crate::exemplar::{Exemplar, ExemplarView};
use crate::header::Section;
use crate::histogram::Histogram;
use crate::rows::Row;
use crate::sync::{AtomicU64, Ordering};
use crate::view::View;

pub use key::RequestKey;
pub(crate) use read::read;
pub use read::{DurationSnap, RequestsSnap};

/// Duration histograms of each worker, the one of the rest included.
pub(crate) const SLOTS: usize = 64;

/// Sizes of each worker.
pub(crate) const SIZES: usize = 2;

/// Magnitudes of durations, in doublings of a microsecond.
const MAGNITUDES: usize = 32;

/// What a size histogram measures, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Size {
    /// Bodies of requests.
    RequestBody = 0,
    /// Bodies of responses.
    ResponseBody = 1,
}

impl Size {
    /// Both, in arena order.
    pub const ALL: [Size; SIZES] = [Size::RequestBody, Size::ResponseBody];
}

/// Whose the duration histograms of a worker are; 0 for one that is free.
#[derive(Debug)]
#[repr(C, align(128))]
pub(crate) struct Keys {
    pub(crate) words: [AtomicU64; SLOTS],
}

/// The examples of a core.
#[derive(Debug)]
#[repr(C, align(128))]
pub(crate) struct Exemplars {
    /// How many were stored.
    stored: AtomicU64,
    _reserved: [AtomicU64; 15],
    records: [Exemplar; MAGNITUDES],
}

// SAFETY: repr(C), aligned to 128, every field an atomic word.
unsafe impl Row for Keys {}
// SAFETY: repr(C), aligned to 128, made of atomic words and of one word that nobody reads.
unsafe impl Row for Exemplars {}

impl View {
    /// The slot of a label set in a worker (from 1): the one it has, or a free one, or that of the
    /// rest. Cores of a worker may ask at the same time.
    pub fn duration_slot(&self, worker: u32, key: RequestKey) -> u32 {
        let words = &self.duration_keys(worker).words;
        let (last, free) = words.split_last().map_or((None, &words[..]), |(l, f)| (Some(l), f));
        for (slot, word) in (0..).zip(free) {
            let claim = || word.compare_exchange(0, key.0, Ordering::Relaxed, Ordering::Relaxed);
            let seen = word.load(Ordering::Relaxed);
            let mine =
                seen == key.0 || (seen == 0 && claim().map_or_else(|n| n == key.0, |_| true));
            if mine {
                return slot;
            }
        }
        if let Some(last) = last {
            last.store(RequestKey::REST.0, Ordering::Relaxed);
        }
        SLOTS as u32 - 1
    }

    /// The durations behind a slot.
    #[inline]
    pub fn duration(&self, worker: u32, slot: u32) -> &Histogram {
        let place = self.layout.place(Section::Durations);
        self.map.row(place.cell(worker.wrapping_sub(1), slot, SLOTS as u32))
    }

    /// Sizes of bodies in a worker (from 1).
    #[inline]
    pub fn size_of(&self, worker: u32, what: Size) -> &Histogram {
        let place = self.layout.place(Section::Sizes);
        self.map.row(place.cell(worker.wrapping_sub(1), what as u32, SIZES as u32))
    }

    /// Keeps an example, as the thread that is this core.
    pub fn keep_exemplar(&self, worker: u32, core: u32, key: RequestKey, example: &ExemplarView) {
        let row = self.exemplars(worker, core);
        let magnitude = example.value_us.checked_ilog2().unwrap_or(0) as usize;
        row.records[magnitude.min(MAGNITUDES - 1)].store(key.0, example);
        row.stored.fetch_add(1, Ordering::Relaxed);
    }

    /// Another app takes the slot `app` of a worker: its durations begin anew.
    pub fn clear_durations(&self, worker: u32, app: u32) {
        for (slot, word) in (0..).zip(&self.duration_keys(worker).words) {
            if RequestKey(word.load(Ordering::Relaxed)).app() == Some(app) {
                self.duration(worker, slot).clear();
            }
        }
    }

    pub(crate) fn duration_keys(&self, worker: u32) -> &Keys {
        let place = self.layout.place(Section::DurationKeys);
        self.map.row(place.cell(worker.wrapping_sub(1), 0, 1))
    }

    fn exemplars(&self, worker: u32, core: u32) -> &Exemplars {
        let place = self.layout.place(Section::Exemplars);
        self.map.row(place.cell(worker.wrapping_sub(1), core, self.shape().cores))
    }
}

/// Bytes of the rows of this module, in the order of their sections.
pub(crate) const ELEMENTS: [usize; 2] = [size_of::<Keys>(), size_of::<Exemplars>()];

/// Takes over what both arenas have room for; workers beyond the smaller one leave their counts to
/// the first. Examples are of the moment and stay behind.
pub(crate) fn carry_over(to: &View, from: &View) {
    let both = to.shape().workers.min(from.shape().workers);
    for worker in 1..=from.shape().workers {
        let lost = worker > both;
        let heir = if lost { 1 } else { worker };
        for (slot, word) in (0..).zip(&from.duration_keys(worker).words) {
            let key = RequestKey(word.load(Ordering::Relaxed));
            if key.is_some() {
                let place = to.duration_slot(heir, key);
                to.duration(heir, place).fold(from.duration(worker, slot));
            }
        }
        for what in Size::ALL {
            to.size_of(heir, what).fold(from.size_of(worker, what));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Arena, Shape};

    fn arena(workers: u32) -> Arena {
        Arena::create(&Shape { workers, cores: 2, apps: 2, ..Shape::default() }).unwrap()
    }

    fn observe(arena: &Arena, worker: u32, key: RequestKey, us: u64) {
        arena.duration(worker, arena.duration_slot(worker, key)).record(us);
    }

    fn counts(arena: &Arena) -> Vec<(String, u64)> {
        let all = arena.snapshot().with_requests(arena).requests_by.unwrap();
        let name = |d: &DurationSnap| {
            format!("{} {} {}", String::from_utf8_lossy(&d.app), d.method, d.code)
        };
        all.durations.iter().map(|d| (name(d), d.latency.count)).collect()
    }

    #[test]
    fn label_sets_are_merged_over_workers_and_apps_of_one_mountpoint() {
        let arena = arena(2);
        arena.app(1, 0).mountpoint.set(b"/shop");
        arena.app(2, 1).mountpoint.set(b"/shop");
        for (worker, app) in [(1, 0), (2, 1)] {
            observe(&arena, worker, RequestKey::new(Some(app), b"GET", 204, false), 10);
        }
        observe(&arena, 1, RequestKey::new(None, b"BREW", 999, false), 10);
        observe(&arena, 1, RequestKey::new(Some(1), b"PUT", 404, true), 10);
        let want = [(" _OTHER other", 1), ("/ PUT 404", 1), ("/shop GET 2xx", 2)];
        assert_eq!(counts(&arena), want.map(|(name, n)| (name.to_owned(), n)));
    }

    #[test]
    fn what_finds_no_room_is_counted_with_the_rest() {
        let arena = arena(1);
        for status in 100..300 {
            observe(&arena, 1, RequestKey::new(None, b"GET", status, true), 5);
        }
        let counts = counts(&arena);
        assert_eq!(counts.len(), SLOTS);
        assert!(counts.contains(&("__overflow__ __overflow__ __overflow__".to_owned(), 137)));
        assert_eq!(counts.iter().map(|(_, n)| n).sum::<u64>(), 200);
    }

    #[test]
    fn another_arena_goes_on_with_every_count_and_another_app_begins_anew() {
        let old = arena(3);
        for worker in 1..=3 {
            observe(&old, worker, RequestKey::new(Some(0), b"GET", 200, false), 7);
            old.size_of(worker, Size::ResponseBody).record(1_000);
        }
        let shape = Shape { workers: 1, cores: 1, apps: 1, ..Shape::default() };
        let new = Arena::adopt(old.fd().try_clone_to_owned().unwrap(), &shape).unwrap();
        assert_eq!(counts(&new), [("/ GET 2xx".to_owned(), 3)]);
        let sizes = new.snapshot().with_requests(&new).requests_by.unwrap().sizes;
        assert_eq!((sizes[1].count, sizes[1].sum_us), (3, 3_000));
        new.clear_durations(1, 0);
        assert_eq!(counts(&new), [("/ GET 2xx".to_owned(), 0)]);
    }

    #[test]
    fn the_last_example_of_each_magnitude_is_kept() {
        let arena = arena(1);
        let key = RequestKey::new(None, b"GET", 200, false);
        observe(&arena, 1, key, 9);
        for (core, value_us) in [(0, 8), (0, 9), (1, 5_000), (1, u64::MAX)] {
            let example = ExemplarView { value_us, at_us: 1, ..ExemplarView::default() };
            arena.keep_exemplar(1, core, key, &example);
        }
        let all = arena.snapshot().with_requests(&arena).requests_by.unwrap();
        let values: Vec<u64> = all.durations[0].examples.iter().map(|e| e.value_us).collect();
        assert_eq!(values, [9, 5_000, u64::MAX]);
    }
}
