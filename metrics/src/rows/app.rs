//! The application row: one application as one worker has it loaded.

use super::core::class_of;
use super::row;
use crate::cells::{Counter, Gauge, Text};

/// Upper bounds of the latency buckets, microseconds: those that `/metrics` shows for all requests.
pub const APP_BUCKETS_US: [u64; 14] = crate::prometheus::DEFAULT_BUCKETS_US;

row! {
    /// One row per worker and app slot. Counts use `add` with one thread, `add_shared` with more.
    pub struct AppRow => AppCells {
        /// 1 when the slot holds an application; written last.
        pub used: Gauge,
        /// Id of the application.
        pub id: Gauge,
        /// Plugin number that serves it.
        pub modifier1: Gauge,
        /// Mount point, empty for the default application.
        pub mountpoint: Text<32>,
        /// Seconds the application took to load.
        pub startup_time: Gauge,
        /// Requests dispatched to it.
        pub requests: Counter,
        /// Uncaught exceptions.
        pub exceptions: Counter,
        /// Responses by class: 1xx, 2xx, 3xx, 4xx, 5xx, other.
        pub responses: [Counter; 6],
        /// Time spent in its requests, microseconds.
        pub running_time_us: Counter,
        /// Response bytes written, head and body.
        pub tx: Counter,
        /// Its requests by duration: one count for each of [`APP_BUCKETS_US`], not cumulative, and
        /// one for longer ones.
        pub latencies: [Counter; APP_BUCKETS_US.len() + 1],
        /// Directory it runs in, empty when unset.
        pub chdir: Text<32>,
        /// Its requests that took too long, by harakiri (master).
        pub harakiri_count: Counter,
        /// Time inside the application, without reading and writing, microseconds.
        pub application_us: Counter,
        /// Time spent writing its responses, microseconds.
        pub write_us: Counter,
        /// Request bytes read, head and body.
        pub rx: Counter,
        /// Reads of its requests' bodies that failed.
        pub read_errors: Counter,
        /// Writes of its responses that failed.
        pub write_errors: Counter,
        /// Its requests whose client left before all of the response was written.
        pub aborted: Counter,
    }
}

impl AppRow {
    /// The count of responses with such a status code.
    #[inline]
    pub fn response(&self, status: u16) -> &Counter {
        &self.responses[class_of(status)]
    }

    /// The count of requests that took so long.
    #[inline]
    pub fn latency(&self, us: u64) -> &Counter {
        &self.latencies[APP_BUCKETS_US.partition_point(|bound| *bound < us)]
    }

    /// Another app takes the slot: its counts begin anew.
    pub fn clear_counts(&self) {
        let own = [&self.requests, &self.exceptions, &self.running_time_us, &self.tx];
        let times = [&self.harakiri_count, &self.application_us, &self.write_us, &self.rx];
        let failed = [&self.read_errors, &self.write_errors, &self.aborted];
        let own = own.into_iter().chain(times).chain(failed);
        let all = own.chain(&self.responses).chain(&self.latencies);
        all.for_each(|count| count.set(0));
    }
}
