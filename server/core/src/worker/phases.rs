//! What is noted of a request while it runs, and what it came to: times of its phases, bytes, and
//! whether its client stayed.

use super::body::Body;
use super::clock::Clock;
use super::io;
use super::reply::{Failure, Reply};
use super::trouble::Trouble;

/// Times of the running request that nobody else keeps.
#[derive(Debug, Default)]
pub(crate) struct Phases {
    /// Time spent waiting for its body, where that was not here, microseconds.
    pub(super) read_us: Option<u64>,
}

impl Phases {
    /// Times one read of a body that is not here yet.
    pub(super) fn reading<T>(&mut self, clock: &Clock, read: impl FnOnce() -> T) -> T {
        let start = clock.now_us();
        let done = read();
        let us = clock.now_us().saturating_sub(start);
        self.read_us = Some(self.read_us.unwrap_or(0).saturating_add(us));
        done
    }
}

/// Where the time of a closed request went, microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Times {
    pub(super) whole: u64,
    pub(super) application: u64,
    pub(super) write: u64,
    pub(super) read: Option<u64>,
    /// From the start to the system call that carried the head; nothing without a head.
    pub(super) first_byte: Option<u64>,
}

impl Times {
    /// `start` and `whole` by the core's clock.
    pub(super) fn of(reply: &Reply, phases: &Phases, start: u64, whole: u64) -> Times {
        let write = reply.write_us.min(whole);
        let read = phases.read_us.map(|us| us.min(whole - write));
        Times {
            whole,
            application: whole - write - read.unwrap_or(0),
            write,
            read,
            first_byte: reply.first_us.map(|at| at.saturating_sub(start)),
        }
    }
}

/// The client left before all of the response was written.
pub(super) fn is_aborted(reply: &Reply, body: &Body) -> bool {
    let inside = matches!(body.trouble, Trouble::Closed | Trouble::Errno(_));
    (body.errors > 0 && inside)
        || matches!(reply.failed, Some(Failure::Error(errno)) if io::means_gone(errno))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_of_a_request_make_the_whole() {
        let mut reply = Reply::new(100);
        for (write, read, want) in [
            (30, None, (70, 30, None)),
            (30, Some(20), (50, 30, Some(20))),
            // Clocks are read one after the other: no part is larger than the rest.
            (130, Some(20), (0, 100, Some(0))),
            (30, Some(200), (0, 30, Some(70))),
        ] {
            (reply.write_us, reply.first_us) = (write, Some(1_060));
            let phases = Phases { read_us: read };
            let times = Times::of(&reply, &phases, 1_000, 100);
            assert_eq!((times.application, times.write, times.read), want);
            assert_eq!((times.whole, times.first_byte), (100, Some(60)));
        }
    }
}
