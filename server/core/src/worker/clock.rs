//! A core's clock: one system call-free reading gives both durations and the time of day.

use std::cell::Cell;

/// Monotonic microseconds, with the wall clock a fixed distance away that is measured anew from
/// time to time.
pub(crate) struct Clock {
    /// When it was made, microseconds of the clock that all processes share.
    base: u64,
    /// Epoch microseconds at `base`, as last measured.
    epoch_at_base: Cell<u64>,
    /// When to measure again, microseconds since `base`.
    measure_at: Cell<u64>,
}

/// A stepped wall clock is noticed after this long.
const MEASURE_EVERY_US: u64 = 1_000_000;

impl Clock {
    pub(crate) fn new() -> Clock {
        Clock {
            base: crate::clock::monotonic_us(),
            epoch_at_base: Cell::new(crate::clock::epoch_us()),
            measure_at: Cell::new(MEASURE_EVERY_US),
        }
    }

    /// Microseconds since this clock was made.
    pub(crate) fn now_us(&self) -> u64 {
        crate::clock::monotonic_us().saturating_sub(self.base)
    }

    /// A reading of [`Clock::now_us`] on the clock that all processes share, microseconds.
    pub(crate) fn shared_us(&self, now_us: u64) -> u64 {
        self.base + now_us
    }

    /// Epoch microseconds of a reading of [`Clock::now_us`].
    pub(crate) fn epoch_us(&self, now_us: u64) -> u64 {
        if now_us >= self.measure_at.get() {
            self.measure_at.set(now_us + MEASURE_EVERY_US);
            self.epoch_at_base.set(crate::clock::epoch_us().saturating_sub(now_us));
        }
        self.epoch_at_base.get() + now_us
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_times_come_from_one_reading() {
        let clock = Clock::new();
        let wall = crate::clock::epoch_us();
        let now = clock.now_us();
        assert!(clock.epoch_us(now).abs_diff(wall) < 1_000_000);
        let shared = crate::clock::monotonic_us();
        assert!(clock.shared_us(clock.now_us()).abs_diff(shared) < 1_000_000);
        assert_eq!(clock.epoch_us(now + 5) - clock.epoch_us(now), 5);
    }
}
