//! The gateway row: one router process.

use super::row;
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
        /// Connections waiting to be accepted.
        pub listen_queue: Gauge,
        /// Size of the accept queue.
        pub max_queue: Gauge,
    }
}
