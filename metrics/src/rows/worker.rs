//! The worker row: identity, state and per-process figures. Request counts live in its cores.

use super::{Used, row};
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
        /// When it was last started, epoch microseconds (master).
        pub spawned_us: Gauge,
        /// When its present life began to accept, epoch microseconds; 0 before (worker; the master
        /// clears it at spawn).
        pub ready_us: Gauge,
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
        /// Mean response time of the last minute, microseconds; 0 without requests (observer).
        pub avg_rt_1m_us: Gauge,
        /// Processor time, switches and faults over all lives of this slot (observer and master).
        pub used: Used,
        /// Open descriptors; 0 while unmeasured (observer).
        pub open_fds: Gauge,
        /// Threads; 0 while unmeasured (observer).
        pub threads: Gauge,
        /// Deaths by a signal (master).
        pub killed_count: Counter,
        /// Exit code of the last death (master).
        pub exit_code: Gauge,
        /// Signal of the last death, 0 for an ordinary exit (master).
        pub exit_signal: Gauge,
        /// Why it last ended: one more than the index in [`EXITS`], 0 before the first end (master).
        pub exit_reason: Gauge,
        /// Ends by reason, in the order of [`EXITS`] (master).
        pub exits: [Counter; EXITS.len()],
        /// Connections parked in the worker's event loop.
        pub parked: Gauge,
        /// Connections accepted.
        pub accepted: Counter,
        /// It was asked to finish and go (master, cleared at spawn): what a wake-up then means.
        pub dismissed: Gauge,
        /// Why it retires by itself: one more than the index in [`RECYCLES`], 0 while it does not
        /// (worker; cleared at spawn).
        pub retires: Gauge,
        /// Times it was recycled, by reason, in the order of [`RECYCLES`] (master).
        pub recycles: [Counter; RECYCLES.len()],
        /// Times a signal made it tell its stacks (worker, from the handler of the signal).
        pub told_stacks: Counter,
        /// Links of routers on which an answer drains: they are in use, and no core is (worker; cleared at
        /// spawn).
        pub draining_links: Gauge,
        /// Busyness of the last window, percent; 0 without that algorithm (master).
        pub busyness: Gauge,
        /// Lines of requests that went on their way to the log through the worker's ring (worker).
        pub log_lines: Counter,
        /// Their bytes (worker).
        pub log_bytes: Counter,
        /// Lines of requests that found no room there in time, and are lost (worker).
        pub log_dropped: Counter,
        /// Lines of requests that were cut because they were too long (worker).
        pub log_truncated: Counter,
    }
}

/// Why workers are recycled.
///
/// `requests`: `max-requests`. `lifetime`: `max-worker-lifetime`. `memory`: `reload-on-rss` and its
/// kin. `evil`: killed, by `evil-reload-on-rss` or `-as`. `exception`: `reload-on-exception` and its
/// kin. `application`: it asked to be replaced.
pub const RECYCLES: [&str; 6] =
    ["requests", "lifetime", "memory", "evil", "exception", "application"];

/// Why workers end.
///
/// `asked`: by a stop or a reload. `recycled`: by itself, in good order, to be replaced. `harakiri`
/// and `no_mercy`: killed by the master. `signal`: killed by anybody else. `no_app`: nothing to run.
/// `cheap`: not needed now. `exit`: with any other code. `memory`: killed by the master for its size.
pub const EXITS: [&str; 9] =
    ["asked", "recycled", "harakiri", "no_mercy", "signal", "no_app", "cheap", "exit", "memory"];

impl WorkerRow {
    /// Folds one response time into the average, in microseconds. Threads of one worker may race:
    /// an update can be lost, never invented.
    #[inline]
    pub fn note_response_time(&self, us: u64) {
        self.avg_rt_us.set(self.avg_rt_us.get().wrapping_add(us) / 2);
    }
}
