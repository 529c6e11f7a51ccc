//! The messages of one alarm: let in, waiting, tried, tried again, given up. Pure: time comes in,
//! decisions go out.
//!
//! ```text
//! offer ─▶ too long, no room ─▶ dropped        begin ─▶ (a delivery) ─▶ end ─┬─ delivered
//!    └──▶ guard ─▶ suppressed                    ▲                          ├─ failed
//!           └────▶ queue ────────────────────────┘◀──── later, once more ───┘
//! ```

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use crate::guard::{Guard, Verdict};
use crate::{Event, Failure};

/// Messages that wait for one alarm: a receiver that is dead for long must not take the memory.
const MAX_WAITING: usize = 1000;

/// Their bytes; a single message may be longer.
const MAX_BYTES: usize = 1 << 20;

/// Attempts for one message.
const MAX_ATTEMPTS: u32 = 10;

/// A message older than this is not worth a delivery any more.
const MAX_AGE: Duration = Duration::from_secs(600);

/// The pause after the first failed attempt; doubled by each one more.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Limits of an alarm.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Time within which the same message is not repeated (`alarm-freq`).
    pub freq: Duration,
    /// Longest message (`alarm-msg-size`).
    pub size: u64,
    /// Messages in one second (`alarm-rate`); 0 is no limit.
    pub rate: u32,
}

/// What became of a message that came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// It waits for its delivery.
    Queued,
    /// The same one ran a moment ago, or too many did.
    Suppressed,
    /// It is too long, or too many wait.
    Dropped,
}

/// What became of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// The message is delivered.
    Delivered,
    /// It is tried again later.
    Again,
    /// It is given up.
    Failed,
}

#[derive(Debug)]
struct Waiting {
    event: Arc<Event>,
    since: Duration,
    due: Duration,
    attempts: u32,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Lane {
    limits: Limits,
    guard: Guard,
    queue: VecDeque<Waiting>,
    bytes: usize,
}

impl Lane {
    pub(crate) fn new(limits: Limits) -> Lane {
        let guard = Guard::new(limits.freq, limits.rate);
        Lane { limits, guard, queue: VecDeque::new(), bytes: 0 }
    }

    /// Messages that wait, the one under way included.
    pub(crate) fn len(&self) -> usize {
        self.queue.len()
    }

    /// A message comes in.
    pub(crate) fn offer(&mut self, event: Event, now: Duration) -> Taken {
        let size = event.text.len();
        if size as u64 > self.limits.size {
            return Taken::Dropped;
        }
        let crowded = self.queue.len() >= MAX_WAITING
            || (!self.queue.is_empty() && self.bytes + size > MAX_BYTES);
        // Without room nothing runs, so nothing counts as the last that ran.
        if crowded {
            return Taken::Dropped;
        }
        if self.guard.judge(&event, now) != Verdict::Run {
            return Taken::Suppressed;
        }
        self.bytes += size;
        self.queue.push_back(Waiting { event: Arc::new(event), since: now, due: now, attempts: 0 });
        Taken::Queued
    }

    /// When the first message is to be tried.
    pub(crate) fn due(&self) -> Option<Duration> {
        self.queue.front().map(|first| first.due)
    }

    /// The first message, for an attempt that [`Lane::end`] ends. One that is too old, which
    /// can only be after an attempt, is given up instead.
    pub(crate) fn begin(&mut self, now: Duration) -> Result<Arc<Event>, Ended> {
        let Some(first) = self.queue.front_mut() else { return Err(Ended::Delivered) };
        if first.attempts > 0 && now.saturating_sub(first.since) > MAX_AGE {
            self.leave();
            return Err(Ended::Failed);
        }
        first.attempts += 1;
        Ok(Arc::clone(&first.event))
    }

    /// The attempt is over; `jitter` is any number.
    pub(crate) fn end(
        &mut self,
        result: Result<(), &Failure>,
        now: Duration,
        jitter: u64,
    ) -> Ended {
        let Some(first) = self.queue.front_mut() else { return Ended::Delivered };
        match result {
            Ok(()) => {
                self.leave();
                Ended::Delivered
            }
            Err(failure) if failure.again && first.attempts < MAX_ATTEMPTS => {
                first.due = now + pause(first.attempts, jitter);
                Ended::Again
            }
            Err(_) => {
                self.leave();
                Ended::Failed
            }
        }
    }

    /// Empties the queue; how many waited.
    pub(crate) fn clear(&mut self) -> usize {
        let waited = self.queue.len();
        self.queue.clear();
        self.bytes = 0;
        waited
    }

    fn leave(&mut self) {
        if let Some(first) = self.queue.pop_front() {
            self.bytes -= first.event.text.len();
        }
    }
}

/// The pause after attempt number `attempt`: doubled each time, and between three quarters and
/// five quarters of that, so that servers that failed together do not come back together.
fn pause(attempt: u32, jitter: u64) -> Duration {
    let doubled = FIRST_PAUSE.saturating_mul(1 << attempt.saturating_sub(1).min(16));
    doubled.min(LONGEST_PAUSE) * (750 + (jitter % 501) as u32) / 1000
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lane() -> Lane {
        let limits = Limits { freq: Duration::ZERO, size: 10, rate: 0 };
        Lane::new(limits)
    }

    fn event(text: &str) -> Event {
        Event { text: text.into(), ..Event::default() }
    }

    fn refused(again: bool) -> Failure {
        Failure { text: "no".into(), again }
    }

    #[test]
    fn a_message_too_long_is_dropped_and_one_byte_is_a_message() {
        let mut lane = lane();
        let now = Duration::ZERO;
        assert_eq!(lane.offer(event("12345678901"), now), Taken::Dropped);
        assert_eq!(lane.offer(event("1234567890"), now), Taken::Queued);
        assert_eq!(lane.offer(event("1"), now), Taken::Queued);
        assert_eq!(lane.offer(event(""), now), Taken::Queued);
        assert_eq!(lane.len(), 3);
    }

    #[test]
    fn a_dead_receiver_holds_a_bounded_queue() {
        let mut lane = Lane::new(Limits { freq: Duration::ZERO, size: 1 << 30, rate: 0 });
        let now = Duration::ZERO;
        let taken = (0..5000).filter(|n| lane.offer(event(&n.to_string()), now) == Taken::Queued);
        assert_eq!(taken.count(), MAX_WAITING);
        assert_eq!(lane.clear(), MAX_WAITING);
        let big = "x".repeat(MAX_BYTES);
        assert_eq!(lane.offer(event(&format!("{big}yz")), now), Taken::Queued, "one always fits");
        assert_eq!(lane.offer(event("x"), now), Taken::Dropped);
        lane.begin(now).unwrap();
        assert_eq!(lane.end(Ok(()), now, 0), Ended::Delivered);
        assert_eq!(lane.offer(event("x"), now), Taken::Queued, "the room is free again");
    }

    #[test]
    fn failures_are_tried_again_ever_later_and_then_given_up() {
        let mut lane = lane();
        let mut now = Duration::ZERO;
        lane.offer(event("a"), now);
        lane.offer(event("b"), now);
        let mut pauses = Vec::new();
        loop {
            assert_eq!(lane.begin(now).unwrap().text, b"a", "order is kept");
            match lane.end(Err(&refused(true)), now, 250) {
                Ended::Again => {
                    let due = lane.due().unwrap();
                    pauses.push((due - now).as_secs());
                    now = due;
                }
                ended => break assert_eq!(ended, Ended::Failed),
            }
        }
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
        assert_eq!(lane.begin(now).unwrap().text, b"b", "the next one is not held up for ever");
        assert_eq!(lane.end(Err(&refused(false)), now, 0), Ended::Failed, "no use to try again");
        assert_eq!((lane.len(), lane.bytes), (0, 0));
    }

    #[test]
    fn an_old_message_is_not_delivered_after_all() {
        let mut lane = lane();
        lane.offer(event("a"), Duration::ZERO);
        let late = MAX_AGE * 2;
        assert!(lane.begin(late).is_ok(), "waiting for others is not its fault");
        assert_eq!(lane.end(Err(&refused(true)), late, 0), Ended::Again);
        assert_eq!(lane.begin(late).unwrap_err(), Ended::Failed);
        assert_eq!(lane.len(), 0);
    }

    #[test]
    fn jitter_stays_within_a_quarter() {
        for jitter in [0, 1, 250, 500, 501, u64::MAX] {
            let got = pause(3, jitter).as_millis();
            assert!((3000..=5000).contains(&got), "{jitter}: {got}");
        }
    }
}
