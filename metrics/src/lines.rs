//! Lines on their way from a process to the one that writes them down: a ring of words.
//!
//! One process writes (its threads take turns), one reads. A line is there for the reader when it is
//! whole: who dies while writing one leaves nothing of it, and everything before it. A ring that is
//! full takes no line and says so: nobody waits for a reader here.
//!
//! ```text
//! head ─▶ words written, tail ─▶ words read (both only grow)
//! line    length in bytes u64, then its bytes in words, the last one filled up with zeros
//! ```

use crate::sync::{AtomicU64, Ordering, fence};

/// A ring and its two ends. Zeroed memory is an empty one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lines<'a> {
    head: &'a AtomicU64,
    tail: &'a AtomicU64,
    words: &'a [AtomicU64],
}

/// Bytes of a word.
const WORD: usize = size_of::<u64>();

impl<'a> Lines<'a> {
    /// The ring in `words`.
    pub(crate) fn new(
        head: &'a AtomicU64,
        tail: &'a AtomicU64,
        words: &'a [AtomicU64],
    ) -> Lines<'a> {
        Lines { head, tail, words }
    }

    fn word(&self, at: u64) -> Option<&'a AtomicU64> {
        let count = self.words.len() as u64;
        at.checked_rem(count).and_then(|at| self.words.get(at as usize))
    }

    /// Appends a line; false when there is no room for it now.
    pub(crate) fn push(&self, line: &[u8]) -> bool {
        let head = self.head.load(Ordering::Relaxed);
        // The words that the reader gave back are no longer read: pairs with its release store.
        let used = head.wrapping_sub(self.tail.load(Ordering::Acquire));
        let need = 1 + line.len().div_ceil(WORD) as u64;
        if used.saturating_add(need) > self.words.len() as u64 {
            return false;
        }
        let store = |at: u64, value: u64| {
            if let Some(word) = self.word(at) {
                word.store(value, Ordering::Relaxed);
            }
        };
        store(head, line.len() as u64);
        for (at, piece) in (head + 1..).zip(line.chunks(WORD)) {
            let mut bytes = [0; WORD];
            bytes.iter_mut().zip(piece).for_each(|(to, from)| *to = *from);
            store(at, u64::from_le_bytes(bytes));
        }
        // Publishes the words: pairs with the acquire load of the reader.
        self.head.store(head + need, Ordering::Release);
        true
    }

    /// Appends the oldest line to `out` without taking it; answers where the ring goes on behind it,
    /// for [`Lines::take`]. `None` when there is none. A length that cannot be one, left by who knows
    /// whom, empties the ring.
    pub(crate) fn peek(&self, out: &mut Vec<u8>) -> Option<u64> {
        let (tail, head) = (self.tail.load(Ordering::Relaxed), self.head.load(Ordering::Acquire));
        let used = head.wrapping_sub(tail);
        if used == 0 {
            return None;
        }
        let load = |at: u64| self.word(at).map_or(0, |word| word.load(Ordering::Relaxed));
        let length = load(tail);
        let need = length.div_ceil(WORD as u64).saturating_add(1);
        if need > used || used > self.words.len() as u64 {
            self.tail.store(head, Ordering::Release);
            return None;
        }
        let (before, mut left) = (out.len(), length as usize);
        for at in tail + 1..tail + need {
            let bytes = load(at).to_le_bytes();
            out.extend(bytes.iter().take(left));
            left = left.saturating_sub(WORD);
        }
        debug_assert_eq!(out.len() - before, length as usize, "a line has its length");
        Some(tail + need)
    }

    /// Gives the words up to `end` back to the writer.
    pub(crate) fn take(&self, end: u64) {
        self.tail.store(end, Ordering::Release);
    }

    /// Whether a line is there.
    pub(crate) fn has_some(&self) -> bool {
        self.head.load(Ordering::Acquire) != self.tail.load(Ordering::Relaxed)
    }
}

/// The bed of the reader: who writes a line wakes it once, and only when it sleeps.
#[derive(Debug)]
#[repr(transparent)]
pub(crate) struct Bed(AtomicU64);

impl Bed {
    /// A bed outside the mapping.
    #[cfg(any(test, loom))]
    pub(crate) fn new() -> Bed {
        Bed(AtomicU64::new(0))
    }

    /// After a line was written: true when its writer has to wake the reader.
    pub(crate) fn is_to_be_woken(&self) -> bool {
        // The line first, then the look: or the reader lay down between both and nobody knows.
        fence(Ordering::SeqCst);
        self.0.load(Ordering::Relaxed) != 0 && self.0.swap(0, Ordering::AcqRel) != 0
    }

    /// The reader lies down; it looks at every ring once more before it sleeps.
    pub(crate) fn lie_down(&self) {
        self.0.store(1, Ordering::Relaxed);
        fence(Ordering::SeqCst);
    }

    /// The reader is up, woken or not.
    pub(crate) fn get_up(&self) {
        self.0.store(0, Ordering::Relaxed);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use proptest::prelude::*;

    struct Memory {
        ends: [AtomicU64; 2],
        words: Vec<AtomicU64>,
    }

    fn memory(words: usize) -> Memory {
        Memory { ends: Default::default(), words: (0..words).map(|_| AtomicU64::new(0)).collect() }
    }

    impl Memory {
        fn ring(&self) -> Lines<'_> {
            Lines::new(&self.ends[0], &self.ends[1], &self.words)
        }
    }

    fn next(ring: &Lines<'_>) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        let end = ring.peek(&mut out)?;
        ring.take(end);
        Some(out)
    }

    #[test]
    fn a_full_ring_takes_nothing_and_goes_on_when_it_was_read() {
        let memory = memory(8);
        let ring = memory.ring();
        assert!(ring.push(&[1; 16]) && ring.push(&[2; 24]));
        assert!(!ring.push(&[3; 8]), "two words are needed and one is left");
        assert!(ring.push(&[]));
        assert_eq!(next(&ring), Some(vec![1; 16]));
        assert!(ring.push(&[3; 9]), "around the end");
        assert_eq!(next(&ring), Some(vec![2; 24]));
        assert_eq!((next(&ring), next(&ring), next(&ring)), (Some(vec![]), Some(vec![3; 9]), None));
        assert!(!ring.push(&[0; 64]), "it would never fit");
        assert!(!Lines { words: &[], ..ring }.push(b""));
    }

    #[test]
    fn a_line_that_was_only_looked_at_is_there_again() {
        let memory = memory(8);
        let ring = memory.ring();
        ring.push(b"once");
        let mut out = Vec::new();
        assert!(ring.peek(&mut out).is_some() && ring.has_some());
        assert_eq!(next(&ring).as_deref(), Some(&b"once"[..]));
        assert!(!ring.has_some());
    }

    #[test]
    fn nonsense_empties_the_ring() {
        let memory = memory(8);
        let ring = memory.ring();
        ring.push(b"x");
        memory.words[0].store(u64::MAX, Ordering::Relaxed);
        assert_eq!(next(&ring), None);
        assert!(ring.push(b"y"));
        assert_eq!(next(&ring).as_deref(), Some(&b"y"[..]));
    }

    proptest! {
        #[test]
        fn what_was_taken_in_comes_out_in_order(
            steps in proptest::collection::vec(proptest::option::of(proptest::collection::vec(any::<u8>(), 0..40)), 0..60),
            size in 1usize..20,
        ) {
            let memory = memory(size);
            let ring = memory.ring();
            let mut expected = std::collections::VecDeque::new();
            for step in steps {
                match step {
                    Some(line) if ring.push(&line) => expected.push_back(line),
                    Some(_) => {}
                    None => prop_assert_eq!(next(&ring), expected.pop_front()),
                }
            }
            while let Some(line) = expected.pop_front() {
                prop_assert_eq!(next(&ring), Some(line));
            }
            prop_assert_eq!(next(&ring), None);
        }

        #[test]
        fn no_memory_makes_the_reader_go_astray(words in proptest::collection::vec(any::<u64>(), 0..12), head: u64, tail: u64) {
            let memory = Memory {
                ends: [AtomicU64::new(head >> 1), AtomicU64::new(tail >> 1)],
                words: words.into_iter().map(AtomicU64::new).collect(),
            };
            let ring = memory.ring();
            let mut out = Vec::new();
            if let Some(end) = ring.peek(&mut out) {
                prop_assert!(out.len() <= memory.words.len() * 8);
                ring.take(end);
            }
        }
    }
}

#[cfg(all(test, loom))]
mod model {
    use super::*;
    use loom::sync::Arc;

    struct Memory {
        ends: [AtomicU64; 2],
        words: [AtomicU64; 4],
        bed: Bed,
    }

    fn memory() -> Arc<Memory> {
        let zero = || AtomicU64::new(0);
        Arc::new(Memory {
            ends: [zero(), zero()],
            words: [zero(), zero(), zero(), zero()],
            bed: Bed::new(),
        })
    }

    fn ring(memory: &Memory) -> Lines<'_> {
        Lines::new(&memory.ends[0], &memory.ends[1], &memory.words)
    }

    #[test]
    fn a_line_is_seen_whole_or_not_at_all() {
        loom::model(|| {
            let shared = memory();
            let writer = {
                let shared = Arc::clone(&shared);
                loom::thread::spawn(move || {
                    let mut taken = 0;
                    for n in 1..=3u8 {
                        taken += u8::from(ring(&shared).push(&[n; 8]));
                    }
                    taken
                })
            };
            let mut seen = Vec::new();
            let ring = ring(&shared);
            for _ in 0..2 {
                let mut out = Vec::new();
                if let Some(end) = ring.peek(&mut out) {
                    seen.push(out);
                    ring.take(end);
                }
            }
            let taken = writer.join().unwrap();
            let mut out = Vec::new();
            while let Some(end) = ring.peek(&mut out) {
                seen.push(std::mem::take(&mut out));
                ring.take(end);
            }
            assert_eq!(seen.len(), usize::from(taken), "a line is lost or doubled");
            for line in &seen {
                assert!(line.len() == 8 && line.iter().all(|byte| *byte == line[0]), "{line:?}");
            }
            assert!(seen.is_sorted(), "out of order");
        });
    }

    #[test]
    fn nobody_sleeps_over_a_line() {
        loom::model(|| {
            let shared = memory();
            let writer = {
                let shared = Arc::clone(&shared);
                loom::thread::spawn(move || {
                    assert!(ring(&shared).push(b"line"));
                    shared.bed.is_to_be_woken()
                })
            };
            shared.bed.lie_down();
            let sleeps = !ring(&shared).has_some();
            let woken = writer.join().unwrap();
            assert!(!sleeps || woken, "the reader sleeps, and a line is there");
        });
    }
}
