//! The pushes of one receiver: waiting, tried, tried again, given up. Pure: time comes in, decisions
//! go out.
//!
//! ```text
//! offer ─▶ no room ─▶ the oldest is lost       begin ─▶ (an attempt) ─▶ end ─┬─ delivered
//!    └───▶ queue ────────────────────────────────▲                          ├─ lost
//!                                                └──── later, once more ────┘
//! ```

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

/// What may happen to a push that fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// It is lost: the next one carries newer numbers.
    Never,
    /// So many more attempts, with a pause in front of each.
    Times(u32, Duration),
    /// Attempts until it is delivered or crowded out; pauses double from one second to one minute,
    /// are longer when the receiver says so, and a little longer by chance.
    Patient,
}

/// Bounds of a lane.
#[derive(Clone, Copy, Debug)]
pub struct Policy {
    /// Pushes that wait, the one under way included; at least 1.
    pub pushes: usize,
    /// Their bytes; a single push may be larger.
    pub bytes: usize,
    /// What happens after a failure.
    pub retry: Retry,
    /// Time for one attempt.
    pub deadline: Duration,
}

/// The first pause of [`Retry::Patient`].
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// Its longest.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// A receiver that wants to hear nothing for longer is asked all the same.
const LONGEST_WISH: Duration = Duration::from_secs(300);

/// Between a push that [`Retry::Patient`] saw refused and the next one.
const AFTER_REFUSAL: Duration = Duration::from_millis(100);

/// A push that waits.
#[derive(Debug)]
pub(crate) struct Parcel<P> {
    pub(crate) payload: P,
    /// When the numbers were read, epoch seconds.
    pub(crate) at_s: u64,
    pub(crate) values: u64,
    pub(crate) bytes: usize,
}

/// What became of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// The receiver has it; so many attempts had failed.
    Delivered(u32),
    /// It is tried again after a pause; so many attempts have failed.
    Again(u32, Duration),
    /// It is lost; so many attempts have failed.
    Lost(u32),
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Queue<P> {
    policy: Policy,
    waiting: VecDeque<Arc<Parcel<P>>>,
    bytes: usize,
    /// Attempts of the first one that failed.
    failed: u32,
    /// Failures since the last delivery, of whatever push.
    row_of_failures: u32,
    due: Duration,
    under_way: bool,
    hurried: bool,
}

impl<P> Queue<P> {
    pub(crate) fn new(policy: Policy) -> Queue<P> {
        let (waiting, due) = (VecDeque::new(), Duration::ZERO);
        Queue {
            policy,
            waiting,
            bytes: 0,
            failed: 0,
            row_of_failures: 0,
            due,
            under_way: false,
            hurried: false,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// A push comes in; returns those that it crowds out.
    pub(crate) fn offer(&mut self, parcel: Parcel<P>) -> Vec<Arc<Parcel<P>>> {
        self.bytes += parcel.bytes;
        self.waiting.push_back(Arc::new(parcel));
        let mut lost = Vec::new();
        while self.is_crowded() {
            // What is being sent is not taken out of the sender's hands.
            let oldest = usize::from(self.under_way);
            let Some(parcel) = self.waiting.remove(oldest) else { break };
            self.bytes -= parcel.bytes;
            if oldest == 0 {
                self.failed = 0;
            }
            lost.push(parcel);
        }
        lost
    }

    fn is_crowded(&self) -> bool {
        let kept = usize::from(self.under_way) + 1;
        self.waiting.len() > self.policy.pushes.max(1) && self.waiting.len() > kept
            || self.bytes > self.policy.bytes && self.waiting.len() > kept
    }

    /// There is no time for another attempt any more: what waits is tried once.
    pub(crate) fn hurry(&mut self) {
        self.hurried = true;
        self.due = Duration::ZERO;
    }

    /// Whether that was said.
    pub(crate) fn is_hurried(&self) -> bool {
        self.hurried
    }

    /// When the next attempt is to be made.
    pub(crate) fn due(&self) -> Option<Duration> {
        (!self.under_way && !self.waiting.is_empty()).then_some(self.due)
    }

    /// The next attempt begins.
    pub(crate) fn begin(&mut self) -> Option<Arc<Parcel<P>>> {
        let first = self.waiting.front().cloned();
        self.under_way = first.is_some();
        first
    }

    /// It ended: `Err` says whether another one may help. What the receiver asked for is `wish`,
    /// the time before it wants to hear more.
    pub(crate) fn end(
        &mut self,
        result: Result<(), bool>,
        now: Duration,
        wish: Option<Duration>,
    ) -> Ended {
        self.under_way = false;
        let Err(again) = result else {
            let failed = self.failed;
            self.pop();
            self.row_of_failures = 0;
            self.due = now;
            return Ended::Delivered(failed);
        };
        self.failed += 1;
        self.row_of_failures = self.row_of_failures.saturating_add(1);
        let failed = self.failed;
        let again = again && !self.hurried;
        let pause = match self.policy.retry {
            Retry::Times(most, pause) if again && failed <= most => Some(pause),
            Retry::Patient if again => Some(doubled(self.row_of_failures)),
            _ => None,
        };
        match pause {
            Some(pause) => {
                let pause = wish.map_or(pause, |wish| pause.max(wish.min(LONGEST_WISH)));
                self.due = now + pause;
                Ended::Again(failed, pause)
            }
            None => {
                self.pop();
                // A receiver that refuses everything is not asked in a tight loop; one that refuses
                // what became too old for it must come to what is new.
                let patient = self.policy.retry == Retry::Patient && !self.hurried;
                self.due = now + if patient { AFTER_REFUSAL } else { Duration::ZERO };
                Ended::Lost(failed)
            }
        }
    }

    /// Moves the next attempt away from those of other instances that failed with this one.
    pub(crate) fn spread(&mut self, by: Duration) {
        self.due += by;
    }

    fn pop(&mut self) {
        if let Some(first) = self.waiting.pop_front() {
            self.bytes -= first.bytes;
        }
        self.failed = 0;
    }
}

fn doubled(failures: u32) -> Duration {
    let doublings = failures.saturating_sub(1).min(6);
    (FIRST_PAUSE * 2u32.pow(doublings)).min(LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: Duration = Duration::from_secs(1);

    fn queue(retry: Retry) -> Queue<u32> {
        Queue::new(Policy { pushes: 3, bytes: 100, retry, deadline: S })
    }

    fn parcel(payload: u32, bytes: usize) -> Parcel<u32> {
        Parcel { payload, at_s: 0, values: 1, bytes }
    }

    fn numbers(lost: &[Arc<Parcel<u32>>]) -> Vec<u32> {
        lost.iter().map(|parcel| parcel.payload).collect()
    }

    #[test]
    fn a_full_queue_loses_the_oldest_but_not_the_one_under_way() {
        let mut queue = queue(Retry::Patient);
        for n in 1..=3 {
            assert!(queue.offer(parcel(n, 1)).is_empty());
        }
        assert_eq!(queue.begin().unwrap().payload, 1);
        assert_eq!(queue.due(), None, "one attempt at a time");
        assert_eq!(numbers(&queue.offer(parcel(4, 1))), [2]);
        assert_eq!(queue.end(Ok(()), S, None), Ended::Delivered(0));
        assert_eq!(queue.begin().unwrap().payload, 3);
    }

    #[test]
    fn bytes_are_bounded_but_a_single_push_may_be_large() {
        let mut queue = queue(Retry::Patient);
        assert!(queue.offer(parcel(1, 1000)).is_empty());
        assert_eq!(numbers(&queue.offer(parcel(2, 60))), [1]);
        assert_eq!(numbers(&queue.offer(parcel(3, 60))), [2]);
        assert_eq!(queue.len(), 1);
    }

    #[test]
    fn attempts_are_counted_and_pauses_are_fixed() {
        let mut queue = queue(Retry::Times(2, 7 * S));
        queue.offer(parcel(1, 1));
        for failed in 1..=2 {
            queue.begin();
            assert_eq!(queue.end(Err(true), S, None), Ended::Again(failed, 7 * S));
            assert_eq!(queue.due(), Some(8 * S));
        }
        queue.begin();
        assert_eq!(queue.end(Err(true), S, None), Ended::Lost(3));
        assert_eq!(queue.len(), 0);
    }

    #[test]
    fn pauses_of_the_patient_double_and_one_success_ends_that() {
        let mut queue = queue(Retry::Patient);
        queue.offer(parcel(1, 1));
        let mut pauses = Vec::new();
        for _ in 0..9 {
            queue.begin();
            let Ended::Again(_, pause) = queue.end(Err(true), S, None) else { panic!() };
            pauses.push(pause.as_secs());
        }
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
        queue.begin();
        assert_eq!(queue.end(Ok(()), S, None), Ended::Delivered(9));
        queue.offer(parcel(2, 1));
        queue.begin();
        assert_eq!(queue.end(Err(true), S, None), Ended::Again(1, S));
    }

    #[test]
    fn a_receiver_may_ask_for_a_longer_pause_but_not_for_ever() {
        for (wish, pause) in [(0, 1), (30, 30), (86_400, 300)] {
            let mut queue = queue(Retry::Patient);
            queue.offer(parcel(1, 1));
            queue.begin();
            assert_eq!(queue.end(Err(true), S, Some(wish * S)), Ended::Again(1, pause * S));
            queue.spread(S);
            assert_eq!(queue.due(), Some((pause + 2) * S));
        }
    }

    #[test]
    fn what_is_refused_makes_way_for_what_is_new() {
        let mut queue = queue(Retry::Patient);
        for n in 0..3 {
            queue.offer(parcel(n, 1));
        }
        for _ in 0..2 {
            queue.begin();
            queue.end(Err(false), S, None);
            assert_eq!(queue.due(), Some(S + AFTER_REFUSAL));
        }
    }

    #[test]
    fn at_the_end_everything_is_tried_once_and_at_once() {
        let mut queue = queue(Retry::Times(5, 7 * S));
        queue.offer(parcel(1, 1));
        queue.begin();
        queue.end(Err(true), S, None);
        queue.offer(parcel(2, 1));
        queue.hurry();
        for failed in [2, 1] {
            assert_eq!(queue.due(), Some(Duration::ZERO));
            queue.begin();
            assert_eq!(queue.end(Err(true), Duration::ZERO, None), Ended::Lost(failed));
        }
        assert_eq!(queue.len(), 0);
    }

    #[test]
    fn what_cannot_succeed_is_lost_at_once() {
        for retry in [Retry::Never, Retry::Patient, Retry::Times(3, S)] {
            let mut queue = queue(retry);
            queue.offer(parcel(1, 1));
            queue.begin();
            assert_eq!(queue.end(Err(false), S, None), Ended::Lost(1), "{retry:?}");
        }
    }
}
