//! Respawn back-off: deaths that follow each other too fast delay the next respawn. Pure.
//!
//! The master never sleeps; a delayed respawn is a due time it looks at. While the pause lasts, those
//! that die right after their start wait for its end; a child that had lived is replaced at once all
//! the same.

use std::time::{Duration, Instant};

/// Counts deaths that come right after a start.
#[derive(Debug)]
pub(crate) struct Throttle {
    /// Deaths tolerated in a row.
    limit: u32,
    /// Length of the pause; zero switches the back-off off.
    pause: Duration,
    fast_deaths: u32,
    /// End of the pause.
    until: Option<Instant>,
}

impl Throttle {
    /// `limit` fast deaths in a row are tolerated, then respawning pauses for `pause`.
    pub(crate) fn new(limit: u32, pause: Duration) -> Throttle {
        Throttle { limit, pause, fast_deaths: 0, until: None }
    }

    /// A child died at `now`, `fast` when it had only just been started: when it may be started
    /// again, and whether the pause begins here.
    pub(crate) fn died(&mut self, now: Instant, fast: bool) -> (Instant, bool) {
        if !fast || self.pause.is_zero() {
            self.fast_deaths = 0;
            return (now, false);
        }
        if let Some(until) = self.until.filter(|until| now < *until) {
            return (until, false);
        }
        self.fast_deaths += 1;
        if self.fast_deaths <= self.limit {
            return (now, false);
        }
        self.fast_deaths = 0;
        let until = now + self.pause;
        self.until = Some(until);
        (until, true)
    }

    /// Seconds of the pause, for the log.
    pub(crate) fn pause_seconds(&self) -> u64 {
        self.pause.as_secs()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAUSE: Duration = Duration::from_secs(2);

    #[test]
    fn a_single_death_is_answered_at_once() {
        let (t0, mut throttle) = (Instant::now(), Throttle::new(2, PAUSE));
        assert_eq!(throttle.died(t0, true), (t0, false));
        assert_eq!(throttle.died(t0, false), (t0, false));
    }

    #[test]
    fn fast_deaths_beyond_the_limit_pause_the_respawn() {
        let (t0, mut throttle) = (Instant::now(), Throttle::new(2, PAUSE));
        for _ in 0..3 {
            for _ in 0..2 {
                assert!(!throttle.died(t0, true).1, "the limit is tolerated");
            }
            assert_eq!(throttle.died(t0, true), (t0 + PAUSE, true));
            throttle.until = None;
        }
    }

    #[test]
    fn others_that_die_fast_wait_with_the_first_and_healthy_ones_do_not() {
        let (t0, mut throttle) = (Instant::now(), Throttle::new(0, PAUSE));
        assert_eq!(throttle.died(t0, true), (t0 + PAUSE, true));
        let t1 = t0 + PAUSE / 2;
        assert_eq!(throttle.died(t1, true), (t0 + PAUSE, false), "told once");
        assert_eq!(throttle.died(t1, false), (t1, false), "it had lived");
        let t2 = t0 + PAUSE;
        assert_eq!(throttle.died(t2, true), (t2 + PAUSE, true));
    }

    #[test]
    fn a_life_in_between_begins_the_count_anew() {
        let (t0, mut throttle) = (Instant::now(), Throttle::new(1, PAUSE));
        for _ in 0..5 {
            assert!(!throttle.died(t0, true).1);
            assert!(!throttle.died(t0, false).1);
        }
    }

    #[test]
    fn zero_delay_switches_the_pause_off() {
        let (t0, mut throttle) = (Instant::now(), Throttle::new(0, Duration::ZERO));
        for _ in 0..9 {
            assert_eq!(throttle.died(t0, true), (t0, false));
        }
    }
}
