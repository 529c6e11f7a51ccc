//! The cells rows are made of: 8-byte atomics and short strings of them.
//!
//! All accesses are relaxed: a cell orders nothing but itself. Zeroed memory is a valid cell of
//! every kind. A cell refuses nothing; who may write it is said by the row that holds it.

use crate::seqlock::Seq;
use crate::sync::{AtomicU64, Ordering};

/// Attempts to copy a text that is being rewritten; texts change at start-up and reload only.
const TEXT_TRIES: u32 = 1000;

/// What every kind of cell can do: become a plain value in a snapshot, take over another's value.
pub trait Cell {
    /// The owned plain form.
    type Plain: Clone + Default + core::fmt::Debug;
    /// Copies the present value.
    fn plain(&self) -> Self::Plain;
    /// Takes over the value of the same cell of another arena.
    fn carry(&self, from: &Self);
    /// Adds the count of a cell whose row is given up; what is no count ends with its row.
    fn fold(&self, _from: &Self) {}
}

/// A count that only grows (until it is carried into a new arena it never falls).
#[derive(Debug, Default)]
#[repr(transparent)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds as the only writer of this cell: a load and a store, no bus lock.
    #[inline]
    pub fn add(&self, n: u64) {
        let seen = self.0.load(Ordering::Relaxed);
        self.0.store(seen.wrapping_add(n), Ordering::Relaxed);
    }

    /// Adds where several threads or processes may write.
    #[inline]
    pub fn add_shared(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    /// Adds like [`Counter::add_shared`] and returns the count before.
    pub(crate) fn take_shared(&self, n: u64) -> u64 {
        self.0.fetch_add(n, Ordering::Relaxed)
    }

    /// Raises the count to at least `to`, where several processes may write.
    #[inline]
    pub fn raise_shared(&self, to: u64) {
        self.0.fetch_max(to, Ordering::Relaxed);
    }

    /// The present count.
    #[inline]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Overwrites, for counts that somebody else keeps (the kernel's socket drops).
    #[inline]
    pub fn set(&self, n: u64) {
        self.0.store(n, Ordering::Relaxed);
    }
}

/// A number that may be unknown. Zeroed memory is an unknown one.
#[derive(Debug, Default)]
#[repr(transparent)]
pub struct Reading(AtomicU64);

impl Reading {
    /// Stores what was read; the largest number of all cannot be told from the one below it.
    pub fn set(&self, value: Option<u64>) {
        self.0.store(value.map_or(0, |v| v.saturating_add(1)), Ordering::Relaxed);
    }

    /// What was read last.
    pub fn get(&self) -> Option<u64> {
        self.0.load(Ordering::Relaxed).checked_sub(1)
    }
}

/// A level: an unsigned value that goes up and down.
#[derive(Debug, Default)]
#[repr(transparent)]
pub struct Gauge(AtomicU64);

impl Gauge {
    /// Sets the level.
    #[inline]
    pub fn set(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }

    /// The present level.
    #[inline]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// The word itself, for operations only one module needs.
    #[inline]
    pub(crate) fn as_atomic(&self) -> &AtomicU64 {
        &self.0
    }

    /// Raises it where several threads may write.
    #[inline]
    pub fn add_shared(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    /// Lowers it where several threads may write; stops at zero.
    #[inline]
    pub fn sub_shared(&self, n: u64) {
        let _ = self
            .0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |v| Some(v.saturating_sub(n)));
    }
}

/// A signed 64-bit value, written by several processes (user metrics).
#[derive(Debug, Default)]
#[repr(transparent)]
pub struct Signed(AtomicU64);

impl Signed {
    /// Sets the value.
    #[inline]
    pub fn set(&self, value: i64) {
        self.0.store(value.cast_unsigned(), Ordering::Relaxed);
    }

    /// The present value.
    #[inline]
    pub fn get(&self) -> i64 {
        self.0.load(Ordering::Relaxed).cast_signed()
    }

    /// Adds with wrap-around; safe with any number of writers.
    #[inline]
    pub fn add_shared(&self, n: i64) {
        self.0.fetch_add(n.cast_unsigned(), Ordering::Relaxed);
    }

    /// Sets the value and answers the one before, in one step.
    pub fn swap(&self, value: i64) -> i64 {
        self.0.swap(value.cast_unsigned(), Ordering::Relaxed).cast_signed()
    }

    /// Replaces the value by `next(value)` atomically; false when `next` declines.
    #[inline]
    pub fn update(&self, next: impl Fn(i64) -> Option<i64>) -> bool {
        let step = |seen: u64| next(seen.cast_signed()).map(i64::cast_unsigned);
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, step).is_ok()
    }
}

/// A floating point value, as its bits.
#[derive(Debug, Default)]
#[repr(transparent)]
pub struct Real(AtomicU64);

impl Real {
    /// Sets the value.
    #[inline]
    pub fn set(&self, value: f64) {
        self.0.store(value.to_bits(), Ordering::Relaxed);
    }

    /// The present value.
    #[inline]
    pub fn get(&self) -> f64 {
        f64::from_bits(self.0.load(Ordering::Relaxed))
    }

    /// Adds; safe with any number of writers.
    #[inline]
    pub fn add_shared(&self, by: f64) {
        add_real(&self.0, by);
    }
}

/// Adds to the floating point value whose bits a word holds.
#[inline]
pub(crate) fn add_real(word: &AtomicU64, by: f64) {
    let sum = |bits: u64| Some((f64::from_bits(bits) + by).to_bits());
    let _ = word.fetch_update(Ordering::Relaxed, Ordering::Relaxed, sum);
}

/// A short byte string of at most `8 * WORDS` bytes, replaced as a whole by its single writer.
#[derive(Debug)]
#[repr(C)]
pub struct Text<const WORDS: usize> {
    seq: Seq,
    len: AtomicU64,
    words: [AtomicU64; WORDS],
}

impl<const WORDS: usize> Text<WORDS> {
    /// Bytes that fit.
    pub const CAPACITY: usize = 8 * WORDS;

    /// Replaces the string; what does not fit is cut off.
    pub fn set(&self, bytes: &[u8]) {
        let kept = bytes.get(..Self::CAPACITY).unwrap_or(bytes);
        self.seq.write(|| {
            self.len.store(kept.len() as u64, Ordering::Relaxed);
            store_bytes(&self.words, kept);
        });
    }

    /// The bytes as they were set. Empty when the writer died inside `set`.
    pub fn get(&self) -> Vec<u8> {
        let copy = || load_bytes(&self.words, self.len.load(Ordering::Relaxed));
        self.seq.read(TEXT_TRIES, copy).unwrap_or_default()
    }

    /// True when the string equals `bytes` (as `set` would keep them).
    pub fn is(&self, bytes: &[u8]) -> bool {
        let bytes = bytes.get(..Self::CAPACITY).unwrap_or(bytes);
        let same = || {
            self.len.load(Ordering::Relaxed) == bytes.len() as u64
                && self.words.iter().zip(bytes.chunks(8)).all(|(word, chunk)| {
                    word.load(Ordering::Relaxed).to_ne_bytes().starts_with(chunk)
                })
        };
        self.seq.read(TEXT_TRIES, same).unwrap_or(false)
    }
}

/// Stores `bytes` into the first words; the last partial word is padded with zeros.
///
/// Bytes beyond the words are dropped.
#[inline]
pub(crate) fn store_bytes(words: &[AtomicU64], bytes: &[u8]) {
    let (whole, rest) = bytes.as_chunks::<8>();
    let store = |cell: &AtomicU64, word: &[u8; 8]| {
        cell.store(u64::from_ne_bytes(*word), Ordering::Relaxed);
    };
    // Four at a time: this copies all variables of each request.
    let room = words.len().min(whole.len());
    let (fours, last_cells) = words[..room].as_chunks::<4>();
    let (four_words, last_words) = whole[..room].as_chunks::<4>();
    for (cells, words) in fours.iter().zip(four_words) {
        for (cell, word) in cells.iter().zip(words) {
            store(cell, word);
        }
    }
    for (cell, word) in last_cells.iter().zip(last_words) {
        store(cell, word);
    }
    if let (false, Some(cell)) = (rest.is_empty(), words.get(whole.len())) {
        let word = rest.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte));
        store(cell, &word.to_le_bytes());
    }
}

/// Loads `len` bytes, or as many as the words hold: a torn length never reads past them.
pub(crate) fn load_bytes(words: &[AtomicU64], len: u64) -> Vec<u8> {
    let len = usize::try_from(len).unwrap_or(usize::MAX).min(words.len() * 8);
    let mut bytes = Vec::with_capacity(len.next_multiple_of(8));
    for cell in words.iter().take(len.div_ceil(8)) {
        bytes.extend_from_slice(&cell.load(Ordering::Relaxed).to_ne_bytes());
    }
    bytes.truncate(len);
    bytes
}

// === impl Cell ===

impl Cell for Counter {
    type Plain = u64;
    fn plain(&self) -> u64 {
        self.get()
    }
    fn carry(&self, from: &Self) {
        self.set(from.get());
    }
    fn fold(&self, from: &Self) {
        self.add(from.get());
    }
}

impl Cell for Gauge {
    type Plain = u64;
    fn plain(&self) -> u64 {
        self.get()
    }
    fn carry(&self, from: &Self) {
        self.set(from.get());
    }
}

impl Cell for Reading {
    type Plain = Option<u64>;
    fn plain(&self) -> Option<u64> {
        self.get()
    }
    fn carry(&self, from: &Self) {
        self.set(from.get());
    }
}

impl Cell for Signed {
    type Plain = i64;
    fn plain(&self) -> i64 {
        self.get()
    }
    fn carry(&self, from: &Self) {
        self.set(from.get());
    }
}

impl Cell for Real {
    type Plain = f64;
    fn plain(&self) -> f64 {
        self.get()
    }
    fn carry(&self, from: &Self) {
        self.set(from.get());
    }
}

impl<const WORDS: usize> Cell for Text<WORDS> {
    type Plain = Vec<u8>;
    fn plain(&self) -> Vec<u8> {
        self.get()
    }
    fn carry(&self, from: &Self) {
        self.set(&from.get());
    }
}

impl<T: Cell, const N: usize> Cell for [T; N]
where
    [T::Plain; N]: Clone + Default + core::fmt::Debug,
{
    type Plain = [T::Plain; N];
    fn plain(&self) -> Self::Plain {
        core::array::from_fn(|i| self[i].plain())
    }
    fn carry(&self, from: &Self) {
        for (to, from) in self.iter().zip(from) {
            to.carry(from);
        }
    }
    fn fold(&self, from: &Self) {
        for (to, from) in self.iter().zip(from) {
            to.fold(from);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text<const W: usize>() -> Text<W> {
        Text { seq: Seq::new(), len: 0.into(), words: core::array::from_fn(|_| 0.into()) }
    }

    #[test]
    fn a_text_keeps_bytes_and_cuts_what_does_not_fit() {
        let cases: [(&[u8], &[u8]); 6] = [
            (b"", b""),
            (b"a", b"a"),
            (b"12345678", b"12345678"),
            (b"123456789", b"123456789"),
            (b"0123456789abcdef", b"0123456789abcdef"),
            (b"0123456789abcdefXYZ", b"0123456789abcdef"),
        ];
        let cell = text::<2>();
        for (set, want) in cases {
            cell.set(set);
            assert_eq!(cell.get(), want);
            assert!(cell.is(set));
        }
        cell.set(b"\xff\x00\x01");
        assert_eq!(cell.get(), b"\xff\x00\x01", "bytes are kept as they are");
    }

    #[test]
    fn as_many_bytes_are_stored_as_there_is_room_for() {
        let bytes: Vec<u8> = (1..=80).collect();
        for room in 0..=7 {
            for len in 0..=bytes.len() {
                let words: Vec<AtomicU64> = (0..room).map(|_| AtomicU64::new(u64::MAX)).collect();
                store_bytes(&words, &bytes[..len]);
                let kept = len.min(room * 8);
                assert_eq!(load_bytes(&words, kept as u64), bytes[..kept], "{len} in {room}");
                let rest = words.iter().skip(kept.div_ceil(8));
                assert!(rest.into_iter().all(|word| word.load(Ordering::Relaxed) == u64::MAX));
            }
        }
    }

    #[test]
    fn a_reading_knows_unknown_from_zero() {
        let reading = Reading::default();
        assert_eq!(reading.get(), None);
        for value in [Some(0), Some(7), None, Some(u64::MAX - 1)] {
            reading.set(value);
            assert_eq!(reading.get(), value);
        }
    }

    #[test]
    fn a_gauge_stops_at_zero_and_a_signed_value_wraps() {
        let gauge = Gauge::default();
        gauge.add_shared(2);
        gauge.sub_shared(5);
        assert_eq!(gauge.get(), 0);
        let signed = Signed::default();
        signed.set(i64::MAX);
        signed.add_shared(1);
        assert_eq!(signed.get(), i64::MIN);
        assert!(!signed.update(|_| None));
    }
}
