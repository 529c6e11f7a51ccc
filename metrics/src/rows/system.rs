//! The system row: what the machine and the control group of the instance say.

use super::row;
use crate::cells::{Counter, Reading};

row! {
    /// One row, written by the observer. What the kernel does not tell stays unmeasured.
    pub struct SystemRow => SystemCells {
        /// Load average over 1, 5 and 15 minutes, hundredths.
        pub load: [Reading; 3],
        /// Memory that can be had without swapping, bytes.
        pub mem_available: Reading,
        /// Most memory the control group may use, bytes.
        pub memory_limit: Reading,
        /// Memory beyond which it is slowed down, bytes.
        pub memory_high: Reading,
        /// Memory it uses, bytes.
        pub memory_usage: Reading,
        /// Times it went over `memory_high`, reached the limit, could reclaim nothing at the limit,
        /// and lost a process to that.
        pub memory_events: [Reading; 4],
        /// Processors it may use, thousandths.
        pub cpu_limit_milli: Reading,
        /// Processor time it used, microseconds.
        pub cpu_usage_us: Reading,
        /// Periods in which that limit was enforced.
        pub cpu_periods: Reading,
        /// Periods in which it had to wait.
        pub cpu_throttled: Reading,
        /// Time it waited, microseconds.
        pub cpu_throttled_us: Reading,
        /// Most tasks it may have.
        pub pids_limit: Reading,
        /// Tasks it has.
        pub pids_current: Reading,
        /// Stalls on the machine, by [`stall_at`].
        pub machine_stalls: [Reading; STALLS],
        /// Stalls in the control group, by [`stall_at`].
        pub group_stalls: [Reading; STALLS],
        /// Looks at all of this; tells a reader that somebody measures.
        pub looks: Counter,
    }
}

/// Readings of one scope: three resources, two kinds, three windows and a total.
pub const STALLS: usize = 3 * 2 * 4;

/// Where a reading of stalls lies: resource (processor, memory, input and output), whether all tasks
/// stalled, and what (share over 10, 60, 300 seconds in hundredths of a percent; total in
/// microseconds).
pub const fn stall_at(resource: usize, full: bool, what: usize) -> usize {
    (resource * 2 + full as usize) * 4 + what
}
