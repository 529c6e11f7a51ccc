//! The worker row: identity, state and per-process figures. Request counts live in its cores.

use super::row;
use crate::cells::{Counter, Gauge};

row! {
    /// One row per worker, index 1 to P; index 0 is the totals slot. The worker writes what it
    /// knows of itself, the master what it knows from outside; no field has both as writers.
    pub struct WorkerRow => WorkerCells {
        /// 1-based id; 0 until the first spawn (master).
        pub id: Gauge,
        /// Process id, 0 when dead (master).
        pub pid: Gauge,
        /// 1 once the accept loop runs (worker; the master clears it at spawn).
        pub accepting: Gauge,
        /// Sum of the cores' requests at the last spawn; `delta_requests` counts from here (master).
        pub delta_base: Gauge,
        /// Harakiri shots at this worker (master).
        pub harakiri_count: Counter,
        /// Deadline of the running request, epoch seconds, 0 for none.
        pub harakiri_pending: Gauge,
        /// uwsgi signals handled.
        pub signals: Counter,
        /// Bytes pending in the signal pipe towards the worker.
        pub signal_queue: Gauge,
        /// 1 while a uwsgi signal handler runs.
        pub sig: Gauge,
        /// Number of the signal being handled.
        pub signum: Gauge,
        /// Resident memory, bytes.
        pub rss: Gauge,
        /// Address space, bytes.
        pub vsz: Gauge,
        /// Unique memory, bytes.
        pub uss: Gauge,
        /// Proportional memory, bytes.
        pub pss: Gauge,
        /// Swapped memory, bytes.
        pub swap: Gauge,
        /// Exponential average of response times with factor 1/2, microseconds (worker).
        pub avg_rt_us: Gauge,
        /// Last spawn, epoch seconds (master).
        pub last_spawn: Gauge,
        /// Spawns including the first (master).
        pub respawn_count: Counter,
        /// 1 when put away by cheaper (master).
        pub cheaped: Gauge,
        /// 1 when paused (master).
        pub suspended: Gauge,
        /// Requests that ended in harakiri or in the death of the worker (master).
        pub failed_requests: Counter,
        /// Processor time over all lives of this slot, microseconds (master).
        pub cpu_us: Counter,
        /// Voluntary context switches (master).
        pub voluntary_switches: Counter,
        /// Involuntary context switches (master).
        pub involuntary_switches: Counter,
        /// Minor page faults (master).
        pub minor_faults: Counter,
        /// Major page faults (master).
        pub major_faults: Counter,
        /// Open descriptors; 0 while unmeasured (master).
        pub open_fds: Gauge,
        /// Threads; 0 while unmeasured (master).
        pub threads: Gauge,
        /// Deaths by a signal (master).
        pub killed_count: Counter,
        /// Exit code of the last death (master).
        pub exit_code: Gauge,
        /// Signal of the last death, 0 for an ordinary exit (master).
        pub exit_signal: Gauge,
        /// Why it last ended, as a code the master defines.
        pub exit_reason: Gauge,
        /// Connections parked in the worker's event loop.
        pub parked: Gauge,
        /// Connections accepted.
        pub accepted: Counter,
    }
}

impl WorkerRow {
    /// Folds one response time into the average, in microseconds. Threads of one worker may race:
    /// an update can be lost, never invented.
    #[inline]
    pub fn note_response_time(&self, us: u64) {
        self.avg_rt_us.set(self.avg_rt_us.get().wrapping_add(us) / 2);
    }
}
