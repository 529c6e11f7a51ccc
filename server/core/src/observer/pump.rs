//! Out of a pipe of the log, and out of the rings of requests beside it, in the order in which they
//! were filled: see [`crate::transport`].
//!
//! It waits for nobody but the log. While there is much it lets lines of requests gather for
//! [`GATHER`]; a packet in the pipe, or a ring that fills up, ends that.

use std::os::fd::BorrowedFd;
use std::time::Duration;

use super::lines::Lines;
use crate::alarm::tap::{self, MARK, Peek, Pipe, Taker};
use crate::instance::Instance;
use crate::transport::Reader;

/// Time for lines of requests to gather.
const GATHER: Duration = Duration::from_millis(5);

/// Bytes that a pipe gives as one packet at most; a longer write comes in pieces of this.
const PIECE: usize = 4096;

/// See the module.
pub(super) struct Pump {
    pipe: Pipe,
    peek: Peek,
    work: Work,
    bell: Option<BorrowedFd<'static>>,
}

impl Pump {
    pub(super) fn new(
        lines: Lines,
        instance: &'static Instance,
        pipe: Pipe,
    ) -> std::io::Result<Pump> {
        let arena = &instance.arena;
        let rings = (pipe.target == 2 && arena.shape().lines > 0).then(|| Reader::new(arena));
        let bell = rings.as_ref().and(instance.log_tap.as_ref()).map(|tap| tap.bell());
        let work = Work { lines, target: pipe.target, rings, unit: Vec::new(), gathers: false };
        Ok(Pump { pipe, peek: Peek::new()?, work, bell })
    }

    pub(super) fn run(mut self) {
        uwsgi_sys::signal::block_all_in_thread();
        loop {
            self.work.look();
            if self.peek.each(&self.pipe, &mut self.work) > 0 {
                continue;
            }
            // What looked like the first part of more is all there is.
            self.work.complete();
            self.work.hand_over(self.pipe.position());
            if !self.wait() {
                return;
            }
        }
    }

    /// Until there is something to do; false when there will never be.
    fn wait(&mut self) -> bool {
        let gathers = std::mem::take(&mut self.work.gathers);
        let Some(rings) = &mut self.work.rings else { return self.pipe.wait() };
        let tell = rings.tell_losses(false);
        let limit = if gathers { Some(GATHER) } else { tell };
        if !rings.rests(gathers) {
            return true;
        }
        let goes_on = self.pipe.wait_or(self.bell, limit);
        rings.gets_up();
        goes_on
    }
}

/// What is done with what comes.
struct Work {
    lines: Lines,
    target: i32,
    rings: Option<Reader<'static>>,
    /// Parts of one message.
    unit: Vec<u8>,
    /// There were lines in the rings.
    gathers: bool,
}

impl Taker for Work {
    fn before(&mut self, position: u64) {
        // A message is not torn apart.
        if let Some(rings) = self.rings.as_mut().filter(|_| self.unit.is_empty()) {
            let (lines, target) = (&self.lines, self.target);
            rings.hand_over_before(position, |batch| lines.carry_requests(target, batch));
        }
    }

    /// Writes a packet, or keeps it until it is complete; then it is looked at.
    fn packet(&mut self, packet: &[u8]) {
        if packet == MARK {
            return self.end();
        }
        if self.lines.is_plain() {
            tap::write_all(self.target, packet);
        }
        self.unit.extend_from_slice(packet);
        let goes_on = packet.len() == PIECE && packet.last() != Some(&b'\n');
        if !goes_on || self.unit.len() >= self.lines.longest() {
            self.complete();
        }
    }
}

impl Work {
    fn look(&mut self) {
        if let Some(rings) = &mut self.rings {
            rings.look();
        }
    }

    /// The pipe has given everything up to `position`, and was empty after the last look.
    fn hand_over(&mut self, position: u64) {
        if let Some(rings) = &mut self.rings {
            let (lines, target) = (&self.lines, self.target);
            let count = rings.hand_over(position, |batch| lines.carry_requests(target, batch));
            self.gathers = count > 0;
        }
    }

    fn complete(&mut self) {
        if self.unit.is_empty() {
            return;
        }
        match self.lines.is_plain() {
            true => self.lines.offer(&self.unit),
            false => self.lines.carry(self.target, &self.unit),
        }
        self.unit.clear();
    }

    /// All there is belongs in front of the mark.
    fn end(&mut self) {
        self.complete();
        self.hand_over(u64::MAX);
        if let Some(rings) = &mut self.rings {
            rings.tell_losses(true);
        }
        self.lines.mark();
    }
}
