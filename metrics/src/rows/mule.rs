//! The mule row: one process beside the workers.

use super::{Used, row};
use crate::cells::{Counter, Gauge};

row! {
    /// One row per mule. The mule writes what it handles, the master what it knows from outside;
    /// a sender that finds a queue full adds to `dropped` (`add_shared`).
    pub struct MuleRow => MuleCells {
        /// 1-based id; 0 until the first spawn (master).
        pub id: Gauge,
        /// Process id, 0 when dead (master).
        pub pid: Gauge,
        /// Last spawn, epoch seconds (master).
        pub last_spawn: Gauge,
        /// Spawns including the first (master).
        pub respawn_count: Counter,
        /// Handlers that took too long (master).
        pub harakiri_count: Counter,
        /// uwsgi signals handled.
        pub signals: Counter,
        /// 1 while a uwsgi signal handler runs.
        pub sig: Gauge,
        /// Number of the signal being handled.
        pub signum: Gauge,
        /// Bytes pending in the signal pipe towards the mule.
        pub signal_queue: Gauge,
        /// Messages received.
        pub messages: Counter,
        /// Messages to this mule that were lost, because its queue was full or they were too
        /// large; any process adds (`add_shared`).
        pub dropped: Counter,
        /// Processor time, switches and faults over all lives (observer and master).
        pub used: Used,
        /// Resident memory, bytes; 0 while unmeasured (observer).
        pub rss: Gauge,
        /// Address space, bytes; 0 while unmeasured (observer).
        pub vsz: Gauge,
        /// Swapped memory, bytes (observer).
        pub swap: Gauge,
        /// Open descriptors; 0 while unmeasured (observer).
        pub open_fds: Gauge,
        /// Threads; 0 while unmeasured (observer).
        pub threads: Gauge,
        /// When it must be done by the word of the application: microseconds of the clock that
        /// nobody sets, 0 for no such limit (mule).
        pub user_deadline_us: Gauge,
    }
}
