//! How long the respawn of a daemon waits. Pure.

/// The longest delay in seconds when `max_throttle` is not given.
pub const MOST_DELAY: u64 = 300;

/// A respawn within so many seconds of the last spawn is delayed.
const FAST: u64 = 3;

/// Seconds to wait before a daemon that was spawned `spawns` times, the last time `elapsed` seconds
/// ago, is spawned again. `most` is its `max_throttle`; 0 stands for [`MOST_DELAY`].
///
/// The time it waited does not count as time it ran: one that always dies at once waits longer and
/// longer.
pub(super) fn delay(spawns: u64, elapsed: u64, most: u64) -> u64 {
    if spawns == 0 || elapsed > FAST {
        return 0;
    }
    let most = if most == 0 { MOST_DELAY } else { most };
    spawns.saturating_sub(elapsed).clamp(1, most.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_delay_grows_with_the_respawns_and_has_a_cap() {
        for ((spawns, elapsed, most), want) in [
            ((0, 0, 0), 0),
            ((1, 0, 0), 1),
            ((1, 3, 0), 1),
            ((5, 0, 0), 5),
            ((5, 2, 0), 3),
            ((5, 4, 0), 0),
            ((1000, 0, 0), 300),
            ((1000, 0, 7), 7),
        ] {
            assert_eq!(delay(spawns, elapsed, most), want, "{spawns} {elapsed} {most}");
        }
    }
}
