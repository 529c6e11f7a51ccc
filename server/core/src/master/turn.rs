//! How long a turn of the master takes: what it does and what it waits for, not what the machine
//! takes from it. Part of the master.
//!
//! A turn that was preempted, or that stood in the run queue, says nothing about the master. The
//! kernel counts that time for each thread (`schedstat`), so it can be left out; on a kernel that
//! does not, a turn is wall time.

use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::FileExt;
use std::time::{Duration, Instant};

/// The clock of turns.
#[derive(Debug)]
pub(super) struct Turns {
    schedstat: Option<File>,
    /// Where the present turn began, and the nanoseconds in the run queue until then.
    began: (Instant, u64),
}

impl Turns {
    /// For the calling thread, which stays the master's only one.
    pub(super) fn new() -> Turns {
        let schedstat = File::open("/proc/thread-self/schedstat").ok();
        Turns { schedstat, began: (Instant::now(), 0) }
    }

    /// A turn begins.
    pub(super) fn begin(&mut self) {
        self.began = (Instant::now(), self.queued());
    }

    /// How long the turn has taken.
    pub(super) fn taken(&self) -> Duration {
        let (began, queued) = self.began;
        let away = Duration::from_nanos(self.queued().saturating_sub(queued));
        began.elapsed().saturating_sub(away)
    }

    /// What children do not need.
    pub(super) fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.schedstat.as_ref().map(AsFd::as_fd)
    }

    /// Nanoseconds this thread has waited for a processor.
    fn queued(&self) -> u64 {
        let mut text = [0; 96];
        let read = self.schedstat.as_ref().and_then(|file| file.read_at(&mut text, 0).ok());
        read.and_then(|length| text.get(..length)).and_then(waited).unwrap_or(0)
    }
}

/// The second number of `schedstat`: time on the processor, time waiting for it, slices.
fn waited(text: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(text).ok()?;
    text.split_ascii_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_number_is_the_wait() {
        assert_eq!(waited(b"123456 789 42\n"), Some(789));
        for other in [&b""[..], b"1", b"1 x 3", b"\xff 1"] {
            assert_eq!(waited(other), None);
        }
    }

    #[test]
    fn sleeping_counts() {
        let mut turns = Turns::new();
        turns.begin();
        std::thread::sleep(Duration::from_millis(20));
        // It wakes up later than asked for, and that is the machine's.
        assert!(turns.taken() >= Duration::from_millis(19), "{:?}", turns.taken());
    }

    #[test]
    fn waiting_for_a_processor_does_not_count() {
        let mut turns = Turns::new();
        turns.begin();
        if turns.queued() == 0 {
            return;
        }
        let second = Duration::from_secs(1);
        turns.began = (Instant::now().checked_sub(second).unwrap(), 0);
        let queued = turns.queued();
        assert!(
            turns.taken() <= turns.began.0.elapsed() - Duration::from_nanos(queued).min(second)
        );
    }
}
