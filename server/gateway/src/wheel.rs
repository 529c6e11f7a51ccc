//! A coarse timer wheel: sessions by the tick at which somebody should look at them.
//!
//! Moving a deadline later costs nothing: the entry stays, and whoever it wakes up compares and
//! puts it back. It owns no clock; ticks are handed in.

/// Ticks per second; deadlines are rounded up to the next tick.
pub(crate) const TICKS_PER_SECOND: u64 = 4;
/// Buckets: longer waits go round more than once.
const BUCKETS: u64 = 256;

pub(crate) struct Wheel {
    buckets: Vec<Vec<u64>>,
    /// The last tick that was swept.
    now: u64,
    len: usize,
}

impl Wheel {
    pub(crate) fn new(now: u64) -> Self {
        Self { buckets: (0..BUCKETS).map(|_| Vec::new()).collect(), now, len: 0 }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Files `item` under `tick`; answers the tick at which it will come out, which is earlier
    /// for waits longer than the wheel.
    pub(crate) fn insert(&mut self, tick: u64, item: u64) -> u64 {
        let due = tick.clamp(self.now + 1, self.now + BUCKETS - 1);
        self.buckets[(due % BUCKETS) as usize].push(item);
        self.len += 1;
        due
    }

    /// Moves everything due up to `now` into `out`.
    pub(crate) fn sweep(&mut self, now: u64, out: &mut Vec<u64>) {
        let last = now.min(self.now + BUCKETS);
        for tick in self.now + 1..=last {
            out.append(&mut self.buckets[(tick % BUCKETS) as usize]);
        }
        self.now = self.now.max(now);
        self.len = self.len.saturating_sub(out.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_come_out_at_their_tick_and_never_before() {
        let mut wheel = Wheel::new(100);
        for tick in [101, 105, 105, 300] {
            assert_eq!(wheel.insert(tick, tick), tick);
        }
        let mut out = Vec::new();
        for (now, want) in [(100, 0), (104, 1), (105, 2), (299, 0), (300, 1)] {
            out.clear();
            wheel.sweep(now, &mut out);
            assert_eq!(out.len(), want, "at {now}");
            assert!(out.iter().all(|tick| *tick <= now));
        }
        assert!(wheel.is_empty());
    }

    #[test]
    fn a_long_wait_or_a_long_sleep_loses_nothing() {
        let mut wheel = Wheel::new(0);
        assert_eq!(wheel.insert(10_000, 1), BUCKETS - 1);
        assert_eq!(wheel.insert(0, 2), 1);
        let mut out = Vec::new();
        wheel.sweep(1_000_000, &mut out);
        out.sort_unstable();
        assert_eq!(out, [1, 2]);
    }
}
