//! The core row: what one thread of one worker counts while serving.

use super::row;
use crate::cells::{Counter, Gauge};

row! {
    /// One row per core, worker-major. The only writer is the thread that is this core, so every
    /// count is a plain load and store.
    pub struct CoreRow => CoreCells {
        /// Requests closed (pings are not accounted).
        pub requests: Counter,
        /// Requests answered by the static file server.
        pub static_requests: Counter,
        /// Requests ended by internal routing.
        pub routed_requests: Counter,
        /// Tasks handed to offload threads.
        pub offloaded_requests: Counter,
        /// Uncaught application exceptions.
        pub exceptions: Counter,
        /// Write errors, added at close.
        pub write_errors: Counter,
        /// Read errors, added at close.
        pub read_errors: Counter,
        /// Responses of status 500 and above, and requests that ended in an exception.
        pub failed_requests: Counter,
        /// 1 from the start of parsing to the end of close.
        pub in_request: Gauge,
        /// Time spent in requests, microseconds.
        pub running_time_us: Counter,
        /// Time of requests that died with their worker, microseconds (master, after the death).
        pub lost_us: Counter,
        /// Time spent in requests, those that died and the running one included, as last seen by
        /// the observer, microseconds.
        pub busy_us: Counter,
        /// Response bytes written, head and body.
        pub tx: Counter,
        /// Request bytes read, head and body.
        pub rx: Counter,
        /// Responses by class: 1xx, 2xx, 3xx, 4xx, 5xx, other.
        pub responses: [Counter; 6],
        /// Requests refused by the parser.
        pub parse_errors: Counter,
        /// Requests served on a connection that had served one before.
        pub keepalive_reuses: Counter,
        /// When the request, or the handler of a signal, must be done by the word of the application:
        /// microseconds of the clock that nobody sets, 0 for no such limit.
        pub user_deadline_us: Gauge,
        /// The thread that is the core, as the kernel numbers it; 0 before the first.
        pub thread: Gauge,
    }
}

impl CoreRow {
    /// Counts a response by its status code.
    #[inline]
    pub fn count_response(&self, status: u16) {
        self.responses[class_of(status)].add(1);
    }
}

/// Place of a status code among the classes.
#[inline]
pub(super) fn class_of(status: u16) -> usize {
    match status / 100 {
        class @ 1..=5 => usize::from(class) - 1,
        _ => 5,
    }
}
