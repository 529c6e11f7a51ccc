//! A hash index in shared memory: a name becomes a slot by one compare-and-swap.
//!
//! Any process may insert and any process finds what another inserted. Who inserts takes a slot,
//! fills it, and publishes it last, so a name that can be found is complete; who loses a race uses
//! the slot of the winner. It owns the protocol and the words of the index; what a slot holds, and
//! whether two names are the same, is the caller's. It refuses to remove: words are only added.

use crate::sync::{AtomicU64, Ordering};

/// Slot number in the low half of an index word, plus one; hash bits in the high half.
const SLOT_MASK: u64 = 0xffff_ffff;

/// Where a name is, or where it would go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Probe {
    Found(u32),
    Vacant(usize),
    Full,
}

/// The words of one index: a power of two, at most half of them used.
#[derive(Clone, Copy)]
pub(crate) struct Index<'a>(pub(crate) &'a [AtomicU64]);

impl Index<'_> {
    /// Looks a hash up; `same` says whether a slot holds the name in question.
    pub(crate) fn probe(&self, hash: u64, same: impl Fn(u32) -> bool) -> Probe {
        let start = usize::try_from(hash & SLOT_MASK).unwrap_or(0);
        for step in 0..self.0.len() {
            let position = (start + step) & (self.0.len() - 1);
            let Some(cell) = self.0.get(position) else { return Probe::Full };
            // Pairs with the publication: a slot that is seen is seen complete.
            let word = cell.load(Ordering::Acquire);
            if word == 0 {
                return Probe::Vacant(position);
            }
            if word & !SLOT_MASK == hash & !SLOT_MASK && same(slot_of(word)) {
                return Probe::Found(slot_of(word));
            }
        }
        Probe::Full
    }

    /// Publishes a filled slot at the vacant `position` that a probe answered. The answer is the
    /// slot that holds the name from now on: this one, or that of somebody who was faster; `None`
    /// when there is no word left.
    pub(crate) fn publish(
        &self,
        hash: u64,
        mut position: usize,
        slot: u32,
        same: impl Fn(u32) -> bool,
    ) -> Option<u32> {
        let word = (hash & !SLOT_MASK) | (u64::from(slot) + 1);
        loop {
            let cell = self.0.get(position)?;
            if cell.compare_exchange(0, word, Ordering::AcqRel, Ordering::Acquire).is_ok() {
                return Some(slot);
            }
            // Somebody else took the place: with the same name, or with one that hashes nearby.
            match self.probe(hash, &same) {
                Probe::Vacant(next) => position = next,
                Probe::Found(other) => return Some(other),
                Probe::Full => return None,
            }
        }
    }
}

/// FNV-1a, 64 bit: short names, no secrets, the same in every build.
pub(crate) fn hash_of(name: &[u8]) -> u64 {
    name.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

fn slot_of(word: u64) -> u32 {
    u32::try_from(word & SLOT_MASK).unwrap_or(u32::MAX).wrapping_sub(1)
}

/// The protocol under every interleaving and every reordering that the orderings allow.
#[cfg(all(test, loom))]
mod model {
    use super::*;
    use loom::sync::Arc;
    use loom::thread;

    /// An index of two words and two slots; a slot's one cell holds the name it was filled with.
    struct Pool {
        index: [AtomicU64; 2],
        slots: [AtomicU64; 2],
    }

    impl Pool {
        fn new() -> Pool {
            let zero = || AtomicU64::new(0);
            Pool { index: [zero(), zero()], slots: [zero(), zero()] }
        }

        fn holds(&self, slot: u32, name: u64) -> bool {
            let held = self.slots[slot as usize].load(Ordering::Relaxed);
            assert_ne!(held, 0, "a slot was found before it was filled");
            held == name
        }

        /// Both names hash alike, so they meet in the index.
        fn insert(&self, own: u32, name: u64) -> Option<u32> {
            let index = Index(&self.index);
            match index.probe(0, |slot| self.holds(slot, name)) {
                Probe::Found(slot) => Some(slot),
                Probe::Full => None,
                Probe::Vacant(position) => {
                    self.slots[own as usize].store(name, Ordering::Relaxed);
                    index.publish(0, position, own, |slot| self.holds(slot, name))
                }
            }
        }
    }

    fn race(names: [u64; 2]) -> (u32, u32) {
        let pool = Arc::new(Pool::new());
        let other = Arc::clone(&pool);
        let thread = thread::spawn(move || other.insert(1, names[1]).unwrap());
        let ours = pool.insert(0, names[0]).unwrap();
        let theirs = thread.join().unwrap();
        for (slot, name) in [(ours, names[0]), (theirs, names[1])] {
            assert!(pool.holds(slot, name), "the slot that was answered holds the name");
        }
        (ours, theirs)
    }

    #[test]
    fn one_name_gets_one_slot() {
        loom::model(|| {
            let (ours, theirs) = race([7, 7]);
            assert_eq!(ours, theirs);
        });
    }

    #[test]
    fn two_names_that_meet_in_the_index_get_two_slots() {
        loom::model(|| {
            let (ours, theirs) = race([7, 8]);
            assert_ne!(ours, theirs);
        });
    }
}
