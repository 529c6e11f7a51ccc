//! A sequence lock for records of several words: one writer, any number of readers, nobody waits.
//!
//! The writer makes the sequence odd, writes, makes it even. A reader that saw the same even
//! sequence before and after its copy has a copy of one write; any other copy is thrown away.
//! Two writers at once are refused by contract, not by code: the owner of the row is the writer,
//! and the master becomes it only after the owner is reaped.

use crate::sync::{AtomicU64, Ordering, fence};

/// The sequence word. Zeroed memory is a valid, never written record.
#[derive(Debug)]
#[repr(transparent)]
pub(crate) struct Seq(AtomicU64);

impl Seq {
    /// A sequence that was never written, for records that do not live in the mapping.
    #[cfg(any(test, loom))]
    pub(crate) fn new() -> Seq {
        Seq(AtomicU64::new(0))
    }

    /// Runs `store` as one write: readers see all of it or none of it.
    ///
    /// A writer that died inside left the sequence odd; the next write steps over it.
    #[inline]
    pub(crate) fn write(&self, store: impl FnOnce()) {
        let seen = self.0.load(Ordering::Relaxed);
        let odd = if seen & 1 == 0 { seen.wrapping_add(1) } else { seen.wrapping_add(2) };
        self.0.store(odd, Ordering::Relaxed);
        // A reader that sees any word stored below and then fences must see the odd sequence.
        fence(Ordering::Release);
        store();
        // Publishes the words: pairs with the acquire load at the start of a read.
        self.0.store(odd.wrapping_add(1), Ordering::Release);
    }

    /// One attempt: `None` when a write was under way or happened meanwhile.
    pub(crate) fn try_read<R>(&self, copy: impl FnOnce() -> R) -> Option<R> {
        let before = self.0.load(Ordering::Acquire);
        if before & 1 == 1 {
            return None;
        }
        let got = copy();
        // Pairs with the writer's release fence: if `copy` saw a word of a later write, the load
        // below sees at least that write's odd sequence.
        fence(Ordering::Acquire);
        (self.0.load(Ordering::Relaxed) == before).then_some(got)
    }

    /// Up to `tries` attempts. `None` means a writer that is very busy, or one that died mid-write.
    #[cfg_attr(loom, allow(dead_code, reason = "the model makes single attempts"))]
    pub(crate) fn read<R>(&self, tries: u32, mut copy: impl FnMut() -> R) -> Option<R> {
        for _ in 0..tries {
            if let Some(got) = self.try_read(&mut copy) {
                return Some(got);
            }
            core::hint::spin_loop();
        }
        None
    }
}

#[cfg(all(test, loom))]
mod model {
    use super::*;
    use loom::sync::Arc;

    struct Record {
        seq: Seq,
        words: [AtomicU64; 2],
    }

    fn record() -> Arc<Record> {
        Arc::new(Record { seq: Seq::new(), words: [AtomicU64::new(0), AtomicU64::new(0)] })
    }

    fn store(record: &Record, value: u64) {
        record.seq.write(|| {
            record.words[0].store(value, Ordering::Relaxed);
            record.words[1].store(value, Ordering::Relaxed);
        });
    }

    fn load(record: &Record) -> Option<(u64, u64)> {
        record.seq.try_read(|| {
            (record.words[0].load(Ordering::Relaxed), record.words[1].load(Ordering::Relaxed))
        })
    }

    #[test]
    fn no_interleaving_shows_a_mixed_pair() {
        loom::model(|| {
            let shared = record();
            let writer = {
                let shared = Arc::clone(&shared);
                loom::thread::spawn(move || {
                    store(&shared, 1);
                    store(&shared, 2);
                })
            };
            let writes_seen = shared.seq.0.load(Ordering::Relaxed) / 2;
            if let Some((a, b)) = load(&shared) {
                assert_eq!(a, b, "a reader was given halves of two writes");
                assert!(a >= writes_seen, "a finished write was not seen");
            }
            writer.join().unwrap();
            assert_eq!(load(&shared), Some((2, 2)), "the last write is readable when all is quiet");
        });
    }

    #[test]
    fn a_write_after_a_death_inside_a_write_heals_the_record() {
        loom::model(|| {
            let shared = record();
            // The dead writer: odd sequence, half the words.
            shared.seq.0.store(1, Ordering::Relaxed);
            shared.words[0].store(9, Ordering::Relaxed);
            let writer = {
                let shared = Arc::clone(&shared);
                loom::thread::spawn(move || store(&shared, 3))
            };
            if let Some(pair) = load(&shared) {
                assert_eq!(pair, (3, 3), "only the whole new write may be seen");
            }
            writer.join().unwrap();
            assert_eq!(load(&shared), Some((3, 3)));
        });
    }
}
