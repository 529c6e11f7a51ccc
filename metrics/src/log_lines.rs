//! The ring of each worker for the lines of its requests, in the arena.
//!
//! It refuses nothing but a line without room. Who reads is one process at a time: the observer, and
//! the master once there is none.

use crate::header::Section;
use crate::lines::{Bed, Found, Lines, Piped};
use crate::rows::{LineDesk, LineHead, LineTail};
use crate::view::View;

/// The ring of one worker.
#[derive(Clone, Copy, Debug)]
pub struct LineRing<'a>(Lines<'a>);

impl LineRing<'_> {
    /// Appends a line with a stamp; false when there is no room for it now. For its worker, one
    /// thread at a time.
    pub fn push(&self, stamp: u64, line: &[u8]) -> bool {
        self.0.push(stamp, line)
    }

    /// Whether more than half of it is used.
    pub fn is_half_full(&self) -> bool {
        self.0.is_half_full()
    }

    /// Whether a line is there.
    pub fn has_some(&self) -> bool {
        self.0.has_some()
    }

    /// Where its first line is.
    pub fn tail(&self) -> u64 {
        self.0.tail()
    }

    /// Where its next line will be.
    pub fn head(&self) -> u64 {
        self.0.head()
    }

    /// The line at `at`: the tail, or the end of another line.
    pub fn find(&self, at: u64) -> Option<Found> {
        self.0.find(at)
    }

    /// Appends the bytes of a line to `out`; it stays where it is.
    pub fn copy(&self, line: &Found, out: &mut Vec<u8>) {
        self.0.copy(line, out);
    }

    /// What is before `end` is written down.
    pub fn take(&self, end: u64) {
        self.0.take(end);
    }
}

impl View {
    /// The ring of a worker (from 1); one without room where lines have no rings.
    pub fn lines(&self, worker: u32) -> LineRing<'_> {
        let size = self.shape().lines as usize;
        let first = (worker as usize).wrapping_sub(1).saturating_mul(size);
        let words = self.words(Section::LineWords);
        let words = words.get(first..first.saturating_add(size)).unwrap_or_default();
        let (head, tail) = (self.line_head(worker), self.line_tail(worker));
        LineRing(Lines::new(head.words.as_atomic(), tail.words.as_atomic(), words))
    }

    /// The reader's end of a worker's ring.
    pub fn line_tail(&self, worker: u32) -> &LineTail {
        let index = (worker as usize).wrapping_sub(1);
        self.map.row(self.layout.place(Section::LineTails).at(index))
    }

    fn line_head(&self, worker: u32) -> &LineHead {
        let index = (worker as usize).wrapping_sub(1);
        self.map.row(self.layout.place(Section::LineHeads).at(index))
    }

    /// What the reader tells the writers.
    pub fn line_desk(&self) -> &LineDesk {
        self.map.row(self.layout.place(Section::LineDesk).offset)
    }

    /// After a line was pushed: true when its writer has to wake the reader.
    pub fn reader_is_to_be_woken(&self, urgent: bool) -> bool {
        self.line_bed().is_to_be_woken(urgent)
    }

    /// The reader sleeps, unless a line is there: true when it may.
    pub fn reader_lies_down(&self) -> bool {
        self.line_bed().lie_down();
        let sleeps = (1..=self.shape().workers).all(|worker| !self.lines(worker).has_some());
        if !sleeps {
            self.reader_gets_up();
        }
        sleeps
    }

    /// The reader lets lines gather, unless a ring fills up: true when it may.
    pub fn reader_naps(&self) -> bool {
        self.line_bed().nap();
        let naps = (1..=self.shape().workers).all(|worker| !self.lines(worker).is_half_full());
        if !naps {
            self.reader_gets_up();
        }
        naps
    }

    /// The reader is up.
    pub fn reader_gets_up(&self) {
        self.line_bed().get_up();
    }

    fn line_bed(&self) -> Bed<'_> {
        Bed(self.line_desk().bed.as_atomic())
    }
}

impl LineDesk {
    /// Before something is taken out of the pipe.
    pub fn begin_taking(&self) {
        Piped(self.piped.as_atomic()).begin();
    }

    /// So many bytes were taken out of it.
    pub fn taken(&self, bytes: u64) {
        Piped(self.piped.as_atomic()).end(bytes);
    }

    /// Bytes that were taken out of it.
    pub fn position(&self) -> u64 {
        Piped(self.piped.as_atomic()).position()
    }

    /// Bytes that were ever put in, of which `waiting` are still there; `None` when somebody took
    /// some meanwhile.
    pub fn put_in(&self, waiting: impl FnOnce() -> u64) -> Option<u64> {
        Piped(self.piped.as_atomic()).look(waiting)
    }
}

/// Lines that nobody has read stay to be read. Those of a worker that is no more stand in the ring of
/// the first one; there are some only where the last reader was killed at the very end.
pub(crate) fn carry_over(to: &View, from: &View) {
    let mut text = Vec::new();
    for worker in 1..=from.shape().workers {
        let heir = if worker > to.shape().workers { 1 } else { worker };
        let (old, new) = (from.lines(worker), to.lines(heir));
        let mut at = old.tail();
        while let Some(line) = old.find(at) {
            text.clear();
            old.copy(&line, &mut text);
            // Nobody knows any longer what came through the pipe before it.
            if !new.push(0, &text) {
                to.worker(heir).log_dropped.add(1);
            }
            at = line.end;
        }
        if worker == heir {
            to.line_tail(worker).told.set(from.line_tail(worker).told.get());
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::{Arena, Shape};

    const SHAPE: Shape = Shape { workers: 2, cores: 1, lines: 16, ..DEFAULT };
    const DEFAULT: Shape = Shape {
        workers: 0,
        cores: 0,
        apps: 0,
        sockets: 0,
        gateways: 0,
        metrics: 0,
        vars: 0,
        alarms: 0,
        thresholds: 0,
        series: 0,
        mules: 0,
        pushers: 0,
        probes: 0,
        listeners: 0,
        daemons: 0,
        loggers: 0,
        lines: 0,
    };

    fn all(arena: &Arena, worker: u32) -> Vec<u8> {
        let (ring, mut out) = (arena.lines(worker), Vec::new());
        let mut at = ring.tail();
        while let Some(line) = ring.find(at) {
            ring.copy(&line, &mut out);
            at = line.end;
        }
        out
    }

    #[test]
    fn each_worker_has_a_ring_and_nobody_else() {
        let arena = Arena::create(&SHAPE).unwrap();
        assert!(arena.lines(1).push(1, b"one") && arena.lines(2).push(2, b"two"));
        for nobody in [0, 3, u32::MAX] {
            assert!(!arena.lines(nobody).push(0, b""), "{nobody}");
        }
        assert_eq!((all(&arena, 1), all(&arena, 2)), (b"one".to_vec(), b"two".to_vec()));
        assert!(!arena.reader_lies_down(), "a line is there");
        for worker in [1, 2] {
            arena.lines(worker).take(arena.lines(worker).head());
        }
        assert!(arena.reader_lies_down() && arena.reader_is_to_be_woken(false));
        assert!(!Arena::create(&DEFAULT).unwrap().lines(1).push(0, b""));
    }

    #[test]
    fn lines_that_nobody_read_survive_another_image_of_any_shape() {
        for shape in [SHAPE, Shape { lines: 32, ..SHAPE }, Shape { workers: 1, lines: 64, ..SHAPE }]
        {
            let before = Arena::create(&SHAPE).unwrap();
            assert!(before.lines(1).push(9, b"one\n") && before.lines(2).push(9, b"two\n"));
            let fd = before.fd().try_clone_to_owned().unwrap();
            let after = Arena::adopt(fd, &shape).unwrap();
            let both: Vec<u8> = (1..=shape.workers).flat_map(|w| all(&after, w)).collect();
            assert_eq!(both, b"one\ntwo\n", "{shape:?}");
        }
        let before = Arena::create(&SHAPE).unwrap();
        assert!(before.lines(1).push(9, b"one\n"));
        let shape = Shape { lines: 0, ..SHAPE };
        let after = Arena::adopt(before.fd().try_clone_to_owned().unwrap(), &shape).unwrap();
        assert_eq!(after.worker(1).log_dropped.get(), 1, "what has no place any more is counted");
    }
}
