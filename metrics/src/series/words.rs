//! The word pool: texts, bounds and buckets, taken from one end and never given back.

use crate::cells::{load_bytes, store_bytes};
use crate::header::Section;
use crate::sync::{AtomicU64, Ordering};
use crate::view::View;

/// A place in the pool: first word, and a length in the unit of its owner (bytes or words).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Span {
    first: u32,
    pub(crate) len: u32,
}

impl Span {
    /// As one cell holds it.
    pub(crate) fn to_word(self) -> u64 {
        u64::from(self.first) << 32 | u64::from(self.len)
    }

    /// Out of a cell.
    #[inline]
    pub(crate) fn from_word(word: u64) -> Span {
        Span { first: (word >> 32) as u32, len: word as u32 }
    }
}

/// Texts are packed; what is counted in begins at a line of its own.
const LINE_WORDS: usize = 8;

impl View {
    /// Takes a run of zeroed words that begins at a line; `None` when there are too few.
    pub(crate) fn take_words(&self, count: usize) -> Option<Span> {
        self.take(count, LINE_WORDS)
    }

    /// Keeps a text; `None` when it does not fit.
    pub(crate) fn keep_text(&self, bytes: &[u8]) -> Option<Span> {
        if bytes.is_empty() {
            return Some(Span::default());
        }
        let span = self.take(bytes.len().div_ceil(8), 1)?;
        store_bytes(self.run(span), bytes);
        Some(Span { first: span.first, len: u32::try_from(bytes.len()).ok()? })
    }

    /// The bytes of a text.
    pub(crate) fn text(&self, span: Span) -> Vec<u8> {
        let words = Span { first: span.first, len: span.len.div_ceil(8) };
        load_bytes(self.run(words), u64::from(span.len))
    }

    /// True when a text equals `bytes`.
    pub(crate) fn text_is(&self, span: Span, bytes: &[u8]) -> bool {
        let words = self.run(Span { first: span.first, len: span.len.div_ceil(8) });
        span.len as usize == bytes.len()
            && words.len() == bytes.len().div_ceil(8)
            && words
                .iter()
                .zip(bytes.chunks(8))
                .all(|(word, chunk)| word.load(Ordering::Relaxed).to_ne_bytes().starts_with(chunk))
    }

    /// The words of a run; none for a place outside the pool, which only a foreign file can name.
    #[inline]
    pub(crate) fn run(&self, span: Span) -> &[AtomicU64] {
        let first = span.first as usize;
        self.words(Section::SeriesWords).get(first..first + span.len as usize).unwrap_or_default()
    }

    fn take(&self, count: usize, align: usize) -> Option<Span> {
        let total = self.words(Section::SeriesWords).len();
        let used = self.series_head().words.as_atomic();
        let end = |used: u64| {
            let first = usize::try_from(used).ok()?.next_multiple_of(align);
            first.checked_add(count).filter(|end| *end <= total)
        };
        let next = |used: u64| end(used).map(|end| end as u64);
        let before = used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).ok()?;
        let first = end(before)? - count;
        Some(Span { first: u32::try_from(first).ok()?, len: u32::try_from(count).ok()? })
    }
}
