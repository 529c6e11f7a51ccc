//! Lines on their way from a process to the one that writes them down: a ring of words.
//!
//! One process writes (its threads take turns), one reads. A line is there for the reader when it is
//! whole: who dies while writing one leaves nothing of it, and everything before it. A ring that is
//! full takes no line and says so: nobody waits for a reader here. A reader looks first and gives the
//! words back afterwards: who dies in between leaves the lines to the next one.
//!
//! ```text
//! head ─▶ words written, tail ─▶ words read (both only grow)
//! line    length in bytes u64, a stamp of its writer u64, then its bytes in words, the last one
//!         filled up with zeros
//! ```

use crate::sync::{AtomicU64, Ordering, fence};

/// A ring and its two ends. Zeroed memory is an empty one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lines<'a> {
    head: &'a AtomicU64,
    tail: &'a AtomicU64,
    words: &'a [AtomicU64],
}

/// A line that is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// What its writer stamped on it.
    pub stamp: u64,
    /// Its bytes.
    pub length: usize,
    /// Where the ring goes on behind it.
    pub end: u64,
    first: u64,
}

/// Bytes of a word.
const WORD: usize = size_of::<u64>();

/// Words in front of the bytes.
const HEAD: u64 = 2;

impl<'a> Lines<'a> {
    /// The ring in `words`.
    pub(crate) fn new(
        head: &'a AtomicU64,
        tail: &'a AtomicU64,
        words: &'a [AtomicU64],
    ) -> Lines<'a> {
        Lines { head, tail, words }
    }

    /// The `count` words from place `at` on: those up to the end of the ring, and those from its
    /// beginning on.
    fn run(&self, at: u64, count: usize) -> [&'a [AtomicU64]; 2] {
        let start = at.checked_rem(self.words.len() as u64).unwrap_or(0) as usize;
        let (before, behind) = self.words.split_at(start);
        let first = behind.get(..count).unwrap_or(behind);
        [first, before.get(..count - first.len()).unwrap_or(before)]
    }

    /// Appends a line; false when there is no room for it now.
    pub(crate) fn push(&self, stamp: u64, line: &[u8]) -> bool {
        let head = self.head.load(Ordering::Relaxed);
        // The words that the reader gave back are no longer read: pairs with its release store.
        let used = head.wrapping_sub(self.tail.load(Ordering::Acquire));
        let need = HEAD + line.len().div_ceil(WORD) as u64;
        if used.saturating_add(need) > self.words.len() as u64 {
            return false;
        }
        let places = self.run(head, HEAD as usize).into_iter().flatten();
        let ends = places.zip([line.len() as u64, stamp]);
        ends.for_each(|(word, value)| word.store(value, Ordering::Relaxed));
        let (whole, rest) = line.as_chunks();
        let [first, second] = self.run(head + HEAD, whole.len());
        let (front, back) = whole.split_at(first.len());
        store(first, front);
        store(second, back);
        if !rest.is_empty() {
            let mut last = [0; WORD];
            last.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
            let [first, second] = self.run(head + need - 1, 1);
            store(first, &[last]);
            store(second, &[last]);
        }
        // Publishes the words: pairs with the acquire load of the reader.
        self.head.store(head + need, Ordering::Release);
        true
    }

    /// Where the first line is that nobody has taken.
    pub(crate) fn tail(&self) -> u64 {
        self.tail.load(Ordering::Relaxed)
    }

    /// Where the next line will be: what is before it is whole.
    pub(crate) fn head(&self) -> u64 {
        self.head.load(Ordering::Acquire)
    }

    /// The line at `at`, which is the tail or the end of a line; `None` when there is none yet. A
    /// length that cannot be one, left by who knows whom, empties the ring.
    pub(crate) fn find(&self, at: u64) -> Option<Found> {
        let (tail, head) = (self.tail(), self.head());
        let left = head.wrapping_sub(at);
        if left == 0 {
            return None;
        }
        let words = self.run(at, HEAD as usize).into_iter().flatten();
        let mut words = words.map(|word| word.load(Ordering::Relaxed));
        let (length, stamp) = (words.next().unwrap_or(0), words.next().unwrap_or(0));
        let need = length.div_ceil(WORD as u64).saturating_add(HEAD);
        let used = head.wrapping_sub(tail);
        if need > left || left > used || used > self.words.len() as u64 {
            self.tail.store(head, Ordering::Release);
            return None;
        }
        Some(Found { stamp, length: length as usize, end: at + need, first: at + HEAD })
    }

    /// Appends the bytes of a line to `out`; it stays where it is.
    pub(crate) fn copy(&self, line: &Found, out: &mut Vec<u8>) {
        let end = out.len() + line.length;
        out.reserve(line.length.next_multiple_of(WORD));
        for half in self.run(line.first, line.length.div_ceil(WORD)) {
            for word in half {
                out.extend_from_slice(&word.load(Ordering::Relaxed).to_le_bytes());
            }
        }
        out.truncate(end);
    }

    /// Gives the words up to `end` back to the writer.
    pub(crate) fn take(&self, end: u64) {
        self.tail.store(end, Ordering::Release);
    }

    /// Whether a line is there that nobody has taken.
    pub(crate) fn has_some(&self) -> bool {
        self.head() != self.tail()
    }

    /// Whether more than half of it is used.
    pub(crate) fn is_half_full(&self) -> bool {
        self.head().wrapping_sub(self.tail()) > self.words.len() as u64 / 2
    }
}

fn store(words: &[AtomicU64], bytes: &[[u8; WORD]]) {
    for (word, bytes) in words.iter().zip(bytes) {
        word.store(u64::from_le_bytes(*bytes), Ordering::Relaxed);
    }
}

/// The bed of the reader: who writes a line wakes it once, and only when it sleeps; from a nap only
/// when it matters.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bed<'a>(pub(crate) &'a AtomicU64);

const UP: u64 = 0;
const ASLEEP: u64 = 1;
const NAPPING: u64 = 2;

impl Bed<'_> {
    /// After a line was written: true when its writer has to wake the reader. `urgent` ends a nap,
    /// which would end by itself a little later.
    pub(crate) fn is_to_be_woken(self, urgent: bool) -> bool {
        // The line first, then the look: or the reader lay down between both and nobody knows.
        fence(Ordering::SeqCst);
        match self.0.load(Ordering::Relaxed) {
            UP => false,
            NAPPING if !urgent => false,
            _ => self.0.swap(UP, Ordering::AcqRel) != UP,
        }
    }

    /// The reader lies down; it looks at every ring once more before it sleeps.
    pub(crate) fn lie_down(self) {
        self.0.store(ASLEEP, Ordering::Relaxed);
        fence(Ordering::SeqCst);
    }

    /// The same for a moment: lines may gather, and only a ring that fills up ends it early.
    pub(crate) fn nap(self) {
        self.0.store(NAPPING, Ordering::Relaxed);
        fence(Ordering::SeqCst);
    }

    /// The reader is up, woken or not.
    pub(crate) fn get_up(self) {
        self.0.store(UP, Ordering::Relaxed);
    }
}

/// How much was taken out of a pipe: twice the bytes, and one more while somebody is taking.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Piped<'a>(pub(crate) &'a AtomicU64);

impl Piped<'_> {
    /// Before something is taken out: what is counted now does not fit what is in the pipe.
    pub(crate) fn begin(self) {
        self.0.fetch_or(1, Ordering::AcqRel);
    }

    /// So much was taken out.
    pub(crate) fn end(self, bytes: u64) {
        let add = |seen: u64| Some((seen & !1).wrapping_add(bytes << 1));
        let _ = self.0.fetch_update(Ordering::AcqRel, Ordering::Relaxed, add);
    }

    /// Bytes that were taken out.
    pub(crate) fn position(self) -> u64 {
        self.0.load(Ordering::Acquire) >> 1
    }

    /// Bytes that were ever put in, of which `waiting` are still there; `None` when somebody took
    /// some meanwhile.
    pub(crate) fn look(self, waiting: impl FnOnce() -> u64) -> Option<u64> {
        let before = self.0.load(Ordering::Acquire);
        if before & 1 == 1 {
            return None;
        }
        let waiting = waiting();
        let same = self.0.load(Ordering::Acquire) == before;
        same.then(|| (before >> 1).wrapping_add(waiting))
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
        let line = ring.find(ring.tail())?;
        assert_eq!(line.stamp, 7);
        ring.copy(&line, &mut out);
        ring.take(line.end);
        Some(out)
    }

    fn push(ring: &Lines<'_>, line: &[u8]) -> bool {
        ring.push(7, line)
    }

    #[test]
    fn a_full_ring_takes_nothing_and_goes_on_when_it_was_read() {
        let memory = memory(10);
        let ring = memory.ring();
        assert!(push(&ring, &[1; 16]) && !ring.is_half_full());
        assert!(push(&ring, &[2; 16]) && ring.is_half_full());
        assert!(!push(&ring, &[3; 8]), "three words are needed and two are left");
        assert!(push(&ring, &[]));
        assert_eq!(next(&ring), Some(vec![1; 16]));
        assert!(push(&ring, &[3; 9]), "around the end");
        assert_eq!(next(&ring), Some(vec![2; 16]));
        assert_eq!((next(&ring), next(&ring), next(&ring)), (Some(vec![]), Some(vec![3; 9]), None));
        assert!(!push(&ring, &[0; 80]), "it would never fit");
        assert!(!push(&Lines { words: &[], ..ring }, b""));
    }

    #[test]
    fn a_line_that_was_only_looked_at_is_there_again() {
        let memory = memory(16);
        let ring = memory.ring();
        assert!(push(&ring, b"once") && push(&ring, b"and again"));
        let first = ring.find(ring.tail()).unwrap();
        let second = ring.find(first.end).unwrap();
        assert_eq!((first.length, second.length, ring.find(second.end)), (4, 9, None));
        assert!(ring.has_some());
        assert_eq!(next(&ring).as_deref(), Some(&b"once"[..]));
        assert_eq!(next(&ring).as_deref(), Some(&b"and again"[..]));
        assert!(!ring.has_some());
    }

    #[test]
    fn nonsense_empties_the_ring() {
        let memory = memory(8);
        let ring = memory.ring();
        push(&ring, b"x");
        memory.words[0].store(u64::MAX, Ordering::Relaxed);
        assert_eq!(next(&ring), None);
        assert!(push(&ring, b"y"));
        assert_eq!(next(&ring).as_deref(), Some(&b"y"[..]));
    }

    #[test]
    fn a_nap_ends_early_only_when_it_matters() {
        let word = AtomicU64::new(0);
        let bed = Bed(&word);
        assert!(!bed.is_to_be_woken(true), "nobody sleeps");
        bed.nap();
        assert!(!bed.is_to_be_woken(false) && bed.is_to_be_woken(true));
        assert!(!bed.is_to_be_woken(true), "once is enough");
        bed.lie_down();
        assert!(bed.is_to_be_woken(false) && !bed.is_to_be_woken(false));
        bed.lie_down();
        bed.get_up();
        assert!(!bed.is_to_be_woken(true));
    }

    proptest! {
        #[test]
        fn what_was_taken_in_comes_out_in_order(
            steps in proptest::collection::vec(proptest::option::of(proptest::collection::vec(any::<u8>(), 0..40)), 0..60),
            size in 1usize..20,
            batches: bool,
        ) {
            let memory = memory(size);
            let ring = memory.ring();
            let mut expected = std::collections::VecDeque::new();
            for step in steps {
                match step {
                    Some(line) if push(&ring, &line) => expected.push_back(line),
                    Some(_) => {}
                    None if batches => {
                        let (mut at, mut out) = (ring.tail(), Vec::new());
                        while let Some(line) = ring.find(at) {
                            ring.copy(&line, &mut out);
                            at = line.end;
                        }
                        ring.take(at);
                        prop_assert_eq!(out, expected.drain(..).collect::<Vec<_>>().concat());
                    }
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
            match ring.find(ring.tail()) {
                Some(line) => {
                    ring.copy(&line, &mut out);
                    prop_assert!(out.len() == line.length && out.len() <= memory.words.len() * 8);
                    ring.take(line.end);
                }
                None => prop_assert!(!ring.has_some()),
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
        words: [AtomicU64; 6],
        bed: AtomicU64,
    }

    fn memory() -> Arc<Memory> {
        let zero = || AtomicU64::new(0);
        Arc::new(Memory {
            ends: [zero(), zero()],
            words: [zero(), zero(), zero(), zero(), zero(), zero()],
            bed: zero(),
        })
    }

    fn ring(memory: &Memory) -> Lines<'_> {
        Lines::new(&memory.ends[0], &memory.ends[1], &memory.words)
    }

    /// Takes what is there in one go.
    fn batch(ring: &Lines<'_>, seen: &mut Vec<Vec<u8>>) {
        let mut at = ring.tail();
        while let Some(line) = ring.find(at) {
            let mut out = Vec::new();
            ring.copy(&line, &mut out);
            assert_eq!(line.stamp, u64::from(out[0]), "the stamp of another line");
            seen.push(out);
            at = line.end;
        }
        ring.take(at);
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
                        taken += u8::from(ring(&shared).push(n.into(), &[n; 8]));
                    }
                    taken
                })
            };
            let mut seen = Vec::new();
            batch(&ring(&shared), &mut seen);
            batch(&ring(&shared), &mut seen);
            let taken = writer.join().unwrap();
            batch(&ring(&shared), &mut seen);
            assert_eq!(seen.len(), usize::from(taken), "a line is lost or doubled");
            for line in &seen {
                assert!(line.len() == 8 && line.iter().all(|byte| *byte == line[0]), "{line:?}");
            }
            assert!(seen.is_sorted(), "out of order");
        });
    }

    #[test]
    fn who_follows_a_reader_that_died_misses_nothing() {
        loom::model(|| {
            let shared = memory();
            let writer = {
                let shared = Arc::clone(&shared);
                loom::thread::spawn(move || ring(&shared).push(1, &[1; 8]))
            };
            let ring = ring(&shared);
            // It looked, wrote the line down, and was killed before it took it.
            let _ = ring.find(ring.tail());
            let taken = writer.join().unwrap();
            let mut seen = Vec::new();
            batch(&ring, &mut seen);
            assert!(taken && seen == [[1; 8]]);
        });
    }

    #[test]
    fn nobody_sleeps_over_a_line() {
        loom::model(|| {
            let shared = memory();
            let writer = {
                let shared = Arc::clone(&shared);
                loom::thread::spawn(move || {
                    assert!(ring(&shared).push(1, b"line"));
                    Bed(&shared.bed).is_to_be_woken(false)
                })
            };
            Bed(&shared.bed).lie_down();
            let sleeps = !ring(&shared).has_some();
            let woken = writer.join().unwrap();
            assert!(!sleeps || woken, "the reader sleeps, and a line is there");
        });
    }

    #[test]
    fn a_look_at_the_pipe_is_right_or_none() {
        loom::model(|| {
            let pipe = Arc::new((loom::sync::Mutex::new(8), AtomicU64::new(0)));
            let reader = {
                let pipe = Arc::clone(&pipe);
                loom::thread::spawn(move || {
                    let piped = Piped(&pipe.1);
                    piped.begin();
                    *pipe.0.lock().unwrap() -= 8;
                    piped.end(8);
                })
            };
            *pipe.0.lock().unwrap() += 8;
            let seen = Piped(&pipe.1).look(|| *pipe.0.lock().unwrap());
            assert!(seen.is_none_or(|seen| seen == 16), "{seen:?}");
            reader.join().unwrap();
            assert_eq!(Piped(&pipe.1).position(), 8);
        });
    }

    #[test]
    fn nobody_naps_over_a_ring_that_fills_up() {
        loom::model(|| {
            let shared = memory();
            let writer = {
                let shared = Arc::clone(&shared);
                loom::thread::spawn(move || {
                    let ring = ring(&shared);
                    assert!(ring.push(1, &[1; 16]));
                    Bed(&shared.bed).is_to_be_woken(ring.is_half_full())
                })
            };
            Bed(&shared.bed).nap();
            let naps = !ring(&shared).is_half_full();
            let woken = writer.join().unwrap();
            assert!(!naps || woken, "the reader naps, and the ring is nearly full");
        });
    }
}
