//! The gateway row: one router process.

use super::{Spread, Used, row};
use crate::cells::{Counter, Gauge, Text};

row! {
    /// One row per router process; the process writes its figures, the master pid and respawns.
    pub struct GatewayRow => GatewayCells {
        /// Kind of router: `http`, `fastrouter` ...; empty marks an unused row.
        pub name: Text<4>,
        /// Process id, 0 when dead.
        pub pid: Gauge,
        /// Spawns including the first.
        pub respawns: Counter,
        /// Client connections open now.
        pub active_sessions: Gauge,
        /// Connections accepted.
        pub accepted: Counter,
        /// Requests passed on.
        pub requests: Counter,
        /// Bytes received from clients.
        pub rx: Counter,
        /// Bytes sent to clients.
        pub tx: Counter,
        /// Sessions that ended in an error of ours or of a backend.
        pub errors: Counter,
        /// Requests refused by the parser.
        pub bad_requests: Counter,
        /// Sessions ended by a timeout.
        pub timeouts: Counter,
        /// Connections opened to backends.
        pub backend_connects: Counter,
        /// Requests sent over a backend connection that had served one before.
        pub backend_reuses: Counter,
        /// Requests waiting for a backend now.
        pub queue: Gauge,
        /// How long requests waited for a backend; those that did not wait are not in it.
        pub waits: Spread,
        /// Connections waiting to be accepted (observer).
        pub listen_queue: Gauge,
        /// Size of the accept queue (observer).
        pub max_queue: Gauge,
        /// Connections dropped by full accept queues (observer).
        pub drops: Counter,
        /// At the last look: the kernel's count of this socket, what of it was not believed, and the
        /// clients the namespace had lost, raised by one (observer).
        pub drops_seen: [Gauge; 3],
        /// Processor time, switches and faults over all lives (observer and master).
        pub used: Used,
        /// Resident memory, bytes (observer).
        pub rss: Gauge,
        /// Address space, bytes (observer).
        pub vsz: Gauge,
        /// Swapped memory, bytes (observer).
        pub swap: Gauge,
        /// Open descriptors (observer).
        pub open_fds: Gauge,
        /// Threads (observer).
        pub threads: Gauge,
    }
}
