//! What may run and what is held back: equal messages, and too many of them. Pure: time comes in.

use std::time::Duration;

use crate::Event;

/// One message in the unit of [`Guard::room`]: with a rate of one each microsecond gives one unit.
const ONE: u64 = 1_000_000;

/// Decides about each message of one alarm.
#[derive(Debug)]
pub(crate) struct Guard {
    /// Time within which the same message is not repeated.
    freq: Duration,
    /// Messages let through in a second; a second's worth may come at once. 0 is no limit.
    rate: u32,
    /// What ran last, whether it was a recovery, and when.
    last: Option<(Vec<u8>, bool, Duration)>,
    /// Messages that may still come now, in millionths.
    room: u64,
    /// When that was true.
    refilled: Duration,
}

/// What becomes of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It runs.
    Run,
    /// The same one ran a moment ago.
    Repeated,
    /// Too many ran within a second.
    TooMany,
}

impl Guard {
    pub(crate) fn new(freq: Duration, rate: u32) -> Guard {
        Guard { freq, rate, last: None, room: u64::from(rate) * ONE, refilled: Duration::ZERO }
    }

    /// Judges a message; one that runs is remembered.
    pub(crate) fn judge(&mut self, event: &Event, now: Duration) -> Verdict {
        // A recovery with the words of its alarm is news all the same.
        let over = event.detail.as_ref().is_some_and(|d| d.resolved);
        let again = self.last.as_ref().is_some_and(|(text, was_over, at)| {
            now.saturating_sub(*at) < self.freq && *was_over == over && *text == event.text
        });
        if again {
            return Verdict::Repeated;
        }
        if !self.has_room(now) {
            return Verdict::TooMany;
        }
        self.last = Some((event.text.clone(), over, now));
        Verdict::Run
    }

    fn has_room(&mut self, now: Duration) -> bool {
        if self.rate == 0 {
            return true;
        }
        let passed = now.saturating_sub(self.refilled).min(Duration::from_secs(1));
        let gained = passed.as_micros() as u64 * u64::from(self.rate);
        self.room = (self.room + gained).min(u64::from(self.rate) * ONE);
        self.refilled = now;
        let fits = self.room >= ONE;
        self.room -= if fits { ONE } else { 0 };
        fits
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Detail;

    fn event(text: &str) -> Event {
        Event { text: text.into(), ..Event::default() }
    }

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn only_the_message_before_is_compared_and_only_for_a_while() {
        let mut guard = Guard::new(ms(3000), 0);
        use Verdict::{Repeated, Run};
        for (at, text, expected) in [
            (0, "a", Run),
            (2999, "a", Repeated),
            (3000, "a", Run),
            (3001, "b", Run),
            (3002, "a", Run),
            (6001, "a", Repeated),
            (6002, "a", Run),
        ] {
            assert_eq!(guard.judge(&event(text), ms(at)), expected, "{text} at {at}");
        }
        let mut always = Guard::new(Duration::ZERO, 0);
        assert_eq!(always.judge(&event("a"), ms(0)), Run);
        assert_eq!(always.judge(&event("a"), ms(0)), Run, "without a window nothing is held back");
    }

    #[test]
    fn a_recovery_is_never_a_repetition() {
        let mut guard = Guard::new(ms(3000), 0);
        let detail =
            |resolved| Some(Detail { key: "k".into(), value: 1.0, bound: 1.0, since: 0, resolved });
        let event = |resolved| Event { detail: detail(resolved), ..event("x") };
        assert_eq!(guard.judge(&event(false), ms(0)), Verdict::Run);
        assert_eq!(guard.judge(&event(true), ms(1)), Verdict::Run);
        assert_eq!(guard.judge(&event(true), ms(2)), Verdict::Repeated);
    }

    #[test]
    fn a_storm_is_cut_to_its_rate_whatever_its_steps() {
        for step_us in [7, 100, 999, 5_000, 33_333] {
            let mut guard = Guard::new(ms(3000), 100);
            let ran = |guard: &mut Guard, from: u64, to: u64| {
                let times = (from..to).step_by(step_us);
                let text = |at: u64| event(&at.to_string());
                times
                    .filter(|at| {
                        guard.judge(&text(*at), Duration::from_micros(*at)) == Verdict::Run
                    })
                    .count() as i64
            };
            let offered = 1_000_000 / step_us as i64;
            let first = ran(&mut guard, 0, 1_000_000);
            assert!(
                (first - offered.min(200)).abs() <= 1,
                "{step_us}: a second's worth at once: {first}"
            );
            let second = ran(&mut guard, 1_000_000, 2_000_000);
            assert!((second - offered.min(100)).abs() <= 1, "{step_us}: {second}");
        }
    }
}
