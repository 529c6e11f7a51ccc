//! Respawn back-off: deaths that follow each other too fast delay the next respawn. Pure.
//!
//! The master never sleeps; a delayed respawn is a due time it looks at.

use std::time::{Duration, Instant};

/// Counts deaths that come right after a respawn.
#[derive(Debug)]
pub(crate) struct Throttle {
    /// Deaths tolerated in a row.
    limit: u32,
    /// Length of the pause; zero switches the back-off off.
    pause: Duration,
    last_spawn: Option<Instant>,
    fast_deaths: u32,
}

/// Deaths within this time of the last respawn count as fast.
const WINDOW: Duration = Duration::from_secs(1);

impl Throttle {
    /// `limit` fast deaths in a row are tolerated, then respawning pauses for `pause`.
    pub(crate) fn new(limit: u32, pause: Duration) -> Throttle {
        Throttle { limit, pause, last_spawn: None, fast_deaths: 0 }
    }

    /// A child was started at `now`.
    pub(crate) fn spawned(&mut self, now: Instant) {
        self.last_spawn = Some(now);
    }

    /// A child died at `now`: when it may be started again, and whether the pause begins here.
    pub(crate) fn died(&mut self, now: Instant) -> (Instant, bool) {
        let fast = self.last_spawn.is_some_and(|t| now.saturating_duration_since(t) <= WINDOW);
        self.fast_deaths = if fast { self.fast_deaths + 1 } else { 0 };
        if self.fast_deaths <= self.limit || self.pause.is_zero() {
            return (now, false);
        }
        self.fast_deaths = 0;
        (now + self.pause, true)
    }

    /// Seconds of the pause, for the log.
    pub(crate) fn pause_seconds(&self) -> u64 {
        self.pause.as_secs()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_single_death_is_answered_at_once() {
        let t0 = Instant::now();
        let mut throttle = Throttle::new(2, Duration::from_secs(2));
        throttle.spawned(t0);
        assert_eq!(
            throttle.died(t0 + Duration::from_secs(5)),
            (t0 + Duration::from_secs(5), false)
        );
    }

    #[test]
    fn fast_deaths_beyond_the_limit_pause_the_respawn_once() {
        let t0 = Instant::now();
        let mut throttle = Throttle::new(2, Duration::from_secs(2));
        for _ in 0..2 {
            throttle.spawned(t0);
            assert!(!throttle.died(t0).1, "the limit is tolerated");
        }
        throttle.spawned(t0);
        assert_eq!(throttle.died(t0), (t0 + Duration::from_secs(2), true));
        throttle.spawned(t0);
        assert!(!throttle.died(t0).1, "the count starts again after a pause");
    }

    #[test]
    fn zero_delay_switches_the_pause_off() {
        let t0 = Instant::now();
        let mut throttle = Throttle::new(0, Duration::ZERO);
        for _ in 0..9 {
            throttle.spawned(t0);
            assert_eq!(throttle.died(t0), (t0, false));
        }
    }
}
