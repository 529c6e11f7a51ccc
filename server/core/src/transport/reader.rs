//! The reader's side: lines out of all rings, in batches.

use std::time::{Duration, Instant};

use uwsgi_metrics::Arena;

use crate::log;

/// Bytes of a batch after which it is handed on.
const BATCH: usize = 64 << 10;

/// Time between two lines that tell of losses.
const TELLING: Duration = Duration::from_secs(1);

/// Lines that are handed on together.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    text: Vec<u8>,
    ends: Vec<usize>,
}

impl Batch {
    /// All of them, one behind the other.
    pub(crate) fn text(&self) -> &[u8] {
        &self.text
    }

    /// One after the other.
    pub(crate) fn lines(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).filter_map(|(start, end)| self.text.get(start..*end))
    }
}

/// Who takes lines out of the rings. One at a time.
pub(crate) struct Reader<'a> {
    arena: &'a Arena,
    /// How far the rings were written at the last look.
    seen: Vec<u64>,
    batch: Batch,
    /// Rings that the batch is from, and how far.
    taken: Vec<(u32, u64)>,
    told: Option<Instant>,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(arena: &'a Arena) -> Reader<'a> {
        // Who was killed while he took something out of the pipe never said that he was done.
        arena.line_desk().taken(0);
        let (batch, taken) = (Batch::default(), Vec::new());
        Reader { arena, seen: Vec::new(), batch, taken, told: None }
    }

    fn workers(&self) -> std::ops::RangeInclusive<u32> {
        1..=self.arena.shape().workers
    }

    /// Notes which lines are there: who finds the pipe empty afterwards has all that was written
    /// before them.
    pub(crate) fn look(&mut self) {
        let heads = self.workers().map(|worker| self.arena.lines(worker).head());
        self.seen = heads.collect();
    }

    /// Hands on the lines that were said before byte `piped` of the pipe.
    pub(crate) fn hand_over_before(&mut self, piped: u64, give: impl FnMut(&Batch)) -> usize {
        let seen = std::mem::take(&mut self.seen);
        let count = self.hand_over(piped, give);
        self.seen = seen;
        count
    }

    /// The same, and all that were there at the last look. Returns how many; what comes in meanwhile
    /// waits for the next call.
    pub(crate) fn hand_over(&mut self, piped: u64, mut give: impl FnMut(&Batch)) -> usize {
        let mut count = 0;
        for worker in self.workers() {
            count += self.collect(worker, piped, &mut give);
        }
        self.flush(&mut give);
        count
    }

    fn collect(&mut self, worker: u32, piped: u64, give: &mut impl FnMut(&Batch)) -> usize {
        let ring = self.arena.lines(worker);
        let (mut at, head, mut count) = (ring.tail(), ring.head(), 0);
        let seen = self.seen.get(worker as usize - 1).copied().unwrap_or(0);
        while at != head
            && let Some(line) = ring.find(at).filter(|line| line.stamp <= piped || line.end <= seen)
        {
            ring.copy(&line, &mut self.batch.text);
            self.batch.ends.push(self.batch.text.len());
            (at, count) = (line.end, count + 1);
            if self.batch.text.len() >= BATCH {
                self.taken.push((worker, at));
                self.flush(give);
            }
        }
        if count > 0 {
            self.taken.push((worker, at));
        }
        count
    }

    /// First they are handed on, then they are taken out.
    fn flush(&mut self, give: &mut impl FnMut(&Batch)) {
        if !self.batch.ends.is_empty() {
            give(&self.batch);
        }
        for (worker, at) in self.taken.drain(..) {
            self.arena.lines(worker).take(at);
        }
        self.batch.text.clear();
        self.batch.ends.clear();
    }

    /// Before a wait: for a line, or, where lines `gather`, for a ring that fills up. False when there
    /// is such a thing already.
    pub(crate) fn rests(&self, gather: bool) -> bool {
        match gather {
            true => self.arena.reader_naps(),
            false => self.arena.reader_lies_down(),
        }
    }

    /// After it.
    pub(crate) fn gets_up(&self) {
        self.arena.reader_gets_up();
    }

    /// Tells how many lines found no room since that was told; not again and again, unless it is the
    /// last time. Answers when there is more to tell.
    pub(crate) fn tell_losses(&mut self, last: bool) -> Option<Duration> {
        let lost = |worker| {
            let dropped = self.arena.worker(worker).log_dropped.get();
            dropped.saturating_sub(self.arena.line_tail(worker).told.get())
        };
        let lost: Vec<(u32, u64)> = self.workers().map(|worker| (worker, lost(worker))).collect();
        if lost.iter().all(|(_, lost)| *lost == 0) {
            return None;
        }
        let since = self.told.map_or(TELLING, |told| told.elapsed());
        if since < TELLING && !last {
            return Some(TELLING - since);
        }
        self.told = Some(Instant::now());
        for (worker, lost) in lost.into_iter().filter(|(_, lost)| *lost > 0) {
            self.arena.line_tail(worker).told.add(lost);
            let text = "found no room on their way to the log and are lost";
            log::aside(&format!("[uwsgi-log] {lost} lines of requests of worker {worker} {text}"));
        }
        None
    }
}
