//! What was seen how long ago, within a bound that does not grow with the window.
//!
//! A ring keeps one entry per step; a long window has coarse steps, so the oldest entry may be one
//! step older than asked for, which whoever computes a rate is told in seconds.

use std::collections::VecDeque;

/// Entries of one window.
#[derive(Debug)]
pub(super) struct Ring<T> {
    /// Seconds.
    length: i64,
    step: i64,
    kept: VecDeque<(i64, T)>,
    seen: i64,
}

/// The oldest entry that a window still needs.
#[derive(Debug)]
pub(super) struct Base<'a, T> {
    pub(super) entry: &'a T,
    /// Seconds since then.
    pub(super) seconds: i64,
    /// The whole window has been seen.
    pub(super) covered: bool,
}

impl<T> Ring<T> {
    /// A ring for a window of so many seconds in at most so many steps.
    pub(super) fn new(length: u64, slots: u64) -> Ring<T> {
        let signed = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
        let step = signed(length.div_ceil(slots.max(1)).max(1));
        Ring { length: signed(length.max(1)), step, kept: VecDeque::new(), seen: i64::MIN }
    }

    /// Takes note of what is seen at `now`; `entry` is made only when it is kept.
    pub(super) fn keep(&mut self, now: i64, entry: impl FnOnce() -> T) {
        // Nobody looked for longer than the window: what was seen before says nothing about it.
        if now < self.seen || now.saturating_sub(self.seen) > self.length {
            self.kept.clear();
        }
        self.seen = now;
        let oldest = now - self.length;
        while self.kept.get(1).is_some_and(|(at, _)| *at <= oldest) {
            self.kept.pop_front();
        }
        if self.kept.back().is_none_or(|(at, _)| now - at >= self.step) {
            self.kept.push_back((now, entry()));
        }
    }

    /// Seconds of the window.
    pub(super) fn length(&self) -> i64 {
        self.length
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        self.kept.clear();
    }

    /// Where the window that ends now begins; nothing before the second look.
    pub(super) fn base(&self, now: i64) -> Option<Base<'_, T>> {
        let (at, entry) = self.kept.front()?;
        let seconds = now - at;
        (seconds > 0).then_some(Base { entry, seconds, covered: seconds >= self.length })
    }

    /// Entries kept.
    #[cfg(test)]
    fn len(&self) -> usize {
        self.kept.len()
    }
}

/// A number that may begin anew, as one that never falls.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Steady {
    last: Option<i64>,
    sum: i64,
}

impl Steady {
    /// Takes the next value; the sum of what was added since the first one. A counter that fell
    /// began anew at zero.
    pub(super) fn add(&mut self, value: i64, counter: bool) -> i64 {
        let more = match self.last {
            None => 0,
            Some(last) if counter && value < last => value.max(0),
            Some(last) => value.wrapping_sub(last),
        };
        self.last = Some(value);
        self.sum = self.sum.wrapping_add(more);
        self.sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_base_is_the_newest_entry_that_is_old_enough() {
        let mut ring = Ring::new(10, 100);
        assert!(ring.base(0).is_none());
        for now in 0..=25 {
            ring.keep(now, || now);
            let Some(base) = ring.base(now) else {
                assert_eq!(now, 0);
                continue;
            };
            assert_eq!(*base.entry, (now - 10).max(0));
            assert_eq!((base.seconds, base.covered), (now.min(10), now >= 10));
        }
        assert_eq!(ring.len(), 11);
    }

    #[test]
    fn a_gap_longer_than_the_window_and_a_clock_that_went_back_begin_anew() {
        let mut ring = Ring::new(10, 100);
        (0..=20).for_each(|now| ring.keep(now, || now));
        ring.keep(30, || 30);
        assert_eq!(ring.base(30).map(|b| *b.entry), Some(20), "a gap as long as the window");
        ring.keep(41, || 41);
        assert!(ring.base(41).is_none());
        ring.keep(5, || 5);
        ring.keep(6, || 6);
        assert_eq!(ring.base(6).map(|b| *b.entry), Some(5));
    }

    #[test]
    fn a_counter_that_begins_anew_goes_on() {
        let mut counter = Steady::default();
        let sums = [5, 7, 7, 3, 4, -2, 6].map(|value| counter.add(value, true));
        assert_eq!(sums, [0, 2, 2, 5, 6, 6, 14]);
        let mut level = Steady::default();
        assert_eq!([5, 7, 3].map(|value| level.add(value, false)), [0, 2, -2]);
    }

    proptest! {
        #[test]
        fn memory_is_bounded_and_the_base_is_at_most_one_step_too_old(
            length in 1..100_000u64,
            slots in 1..400u64,
            steps in prop::collection::vec(1..30i64, 1..600),
        ) {
            let mut ring = Ring::new(length, slots);
            let mut now = 0;
            for step in steps {
                let gap = step > length as i64;
                now += step;
                ring.keep(now, || now);
                prop_assert!(ring.len() as u64 <= slots + 3, "{} entries", ring.len());
                if gap {
                    prop_assert!(ring.base(now).is_none());
                }
                if let Some(base) = ring.base(now).filter(|base| base.covered) {
                    let late = base.seconds - length as i64;
                    prop_assert!(late < ring.step + 30, "{late} s older than asked for");
                }
            }
        }
    }
}
