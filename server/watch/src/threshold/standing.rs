//! Where one threshold stands: quiet, pending, firing, and when it says so.
//!
//! A pure state machine over seconds that never jump; dates are kept beside them for readers and
//! for the observer after this one, which takes over what is known of it.

use uwsgi_metrics::ThresholdState;

use super::spec::Repeat;

/// The time of a look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moment {
    /// Seconds of a clock that nobody sets.
    pub steady_s: i64,
    /// Seconds since the epoch.
    pub epoch_s: u64,
}

/// What a look at the numbers says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Reading {
    /// Not enough was seen to tell; everything stays as it is.
    Unknown,
    /// Known.
    Known {
        /// What was compared.
        value: f64,
        /// With what.
        bound: f64,
        /// The condition holds.
        holds: bool,
        /// It is over, if it held before.
        over: bool,
    },
}

/// What is known of a threshold of the observer before this one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Past {
    /// State.
    pub state: ThresholdState,
    /// Since when, epoch seconds.
    pub since: u64,
    /// Last alarm, epoch seconds; 0 for none.
    pub last_alarm: u64,
    /// Times it fired.
    pub fired: u64,
}

/// Where a threshold stands.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Standing {
    /// What is kept for readers and successors.
    pub past: Past,
    /// Last value compared; no number while there is none.
    pub value: f64,
    /// What it was compared with.
    pub bound: f64,
    since: i64,
    last_alarm: Option<i64>,
}

/// What the configuration wants said.
#[derive(Clone, Copy, Debug)]
pub(super) struct Policy {
    /// Seconds the condition must hold.
    pub(super) hold: i64,
    pub(super) repeat: Repeat,
    /// There is an alarm.
    pub(super) alarm: bool,
    /// There is a text for the end.
    pub(super) recovery: bool,
}

/// What is to be said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Say {
    Nothing,
    Alarm,
    /// It is over; it began at this date and lasted so many seconds.
    Recovery {
        since: u64,
        held: u64,
    },
}

impl Standing {
    /// Quiet, with nothing seen yet.
    pub(super) fn new(bound: f64) -> Standing {
        Standing { value: f64::NAN, bound, ..Standing::default() }
    }

    /// Goes on where another observer stopped. A date in the future is one before the clock was
    /// set: it counts as now.
    pub(super) fn adopt(past: Past, now: Moment) -> Standing {
        let age = |date: u64| i64::try_from(now.epoch_s.saturating_sub(date)).unwrap_or(i64::MAX);
        let at = |date: u64| now.steady_s.saturating_sub(age(date));
        Standing {
            past,
            value: f64::NAN,
            bound: f64::NAN,
            since: at(past.since),
            last_alarm: (past.last_alarm > 0).then(|| at(past.last_alarm)),
        }
    }

    /// Seconds in the present state.
    pub(super) fn held(&self, now: Moment) -> u64 {
        now.steady_s.saturating_sub(self.since).max(0).cast_unsigned()
    }

    /// One look.
    pub(super) fn step(&mut self, now: Moment, reading: Reading, policy: Policy) -> Say {
        let Reading::Known { value, bound, holds, over } = reading else { return Say::Nothing };
        (self.value, self.bound) = (value, bound);
        match self.past.state {
            ThresholdState::Firing if over => {
                let told = self.last_alarm.is_some_and(|at| at >= self.since);
                let end = Say::Recovery { since: self.past.since, held: self.held(now) };
                self.turn(ThresholdState::Quiet, now);
                return if told && policy.recovery { end } else { Say::Nothing };
            }
            ThresholdState::Quiet if holds => self.turn(ThresholdState::Pending, now),
            ThresholdState::Pending if !holds => self.turn(ThresholdState::Quiet, now),
            _ => {}
        }
        let waited = now.steady_s.saturating_sub(self.since) >= policy.hold;
        if self.past.state == ThresholdState::Pending && waited {
            self.past.state = ThresholdState::Firing;
            self.past.fired += 1;
        }
        let says = self.past.state == ThresholdState::Firing && policy.alarm;
        if !says || !self.is_due(now, policy.repeat) {
            return Say::Nothing;
        }
        self.last_alarm = Some(now.steady_s);
        self.past.last_alarm = now.epoch_s;
        Say::Alarm
    }

    fn turn(&mut self, state: ThresholdState, now: Moment) {
        self.past.state = state;
        self.past.since = now.epoch_s;
        self.since = now.steady_s;
    }

    fn is_due(&self, now: Moment, repeat: Repeat) -> bool {
        match (self.last_alarm, repeat) {
            (None, _) => true,
            (Some(last), Repeat::Never) => last < self.since,
            (Some(last), Repeat::After(seconds)) => {
                let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
                last.saturating_add(seconds) <= now.steady_s
            }
        }
    }
}

#[cfg(test)]
#[path = "standing_test.rs"]
mod tests;
