//! The pusher row: one receiver of one pusher and what became of the pushes to it.

use super::row;
use crate::cells::{Counter, Gauge, Text};

row! {
    /// One row per receiver in configuration order, written by the observer alone.
    pub struct PusherRow => PusherCells {
        /// Kind: `carbon`, `statsd` ...; empty marks an unused row.
        pub kind: Text<2>,
        /// The receiver, without secrets: an address, a directory, a file.
        pub target: Text<16>,
        /// Pushes that the receiver took.
        pub pushes: Counter,
        /// Values in them.
        pub values: Counter,
        /// Bytes in them, as encoded.
        pub bytes: Counter,
        /// Attempts that failed.
        pub failures: Counter,
        /// Attempts made again for a push that failed.
        pub retries: Counter,
        /// Pushes lost: given up after the last attempt, or crowded out by later ones.
        pub dropped: Counter,
        /// Values in them.
        pub dropped_values: Counter,
        /// Pushes that wait, the one under way included.
        pub queued: Gauge,
        /// When the numbers of the last push that was taken were read, epoch seconds; 0 when there
        /// was none. What is older than the period is the gap at the receiver.
        pub last_push: Gauge,
        /// When an attempt failed last, epoch seconds; 0 when none did.
        pub last_failure: Gauge,
        /// Failed attempts since the last success.
        pub failing: Gauge,
        /// Time of all attempts, microseconds.
        pub send_us: Counter,
        /// Time of the last attempt, microseconds.
        pub last_send_us: Gauge,
        /// Why the last attempt failed; empty after a success.
        pub last_error: Text<16>,
    }
}

impl PusherRow {
    /// Makes the row that of this receiver; counts of another one end.
    pub fn assign(&self, kind: &str, target: &str) {
        if !(self.kind.is(kind.as_bytes()) && self.target.is(target.as_bytes())) {
            let counts = [&self.pushes, &self.values, &self.bytes, &self.failures, &self.retries];
            let counts = counts.into_iter().chain([&self.dropped, &self.dropped_values]);
            counts.chain([&self.send_us]).for_each(|count| count.set(0));
            let levels = [&self.queued, &self.last_push, &self.last_failure, &self.failing];
            levels.into_iter().chain([&self.last_send_us]).for_each(|level| level.set(0));
            self.last_error.set(b"");
        }
        self.kind.set(kind.as_bytes());
        self.target.set(target.as_bytes());
    }
}
