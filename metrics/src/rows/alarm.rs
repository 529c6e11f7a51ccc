//! The alarm row: one configured alarm and what became of its messages.

use super::row;
use crate::cells::{Counter, Gauge, Text};

row! {
    /// One row per alarm in configuration order. The observer writes it; where a process finds the
    /// way to the observer full, it adds to `dropped` itself (`add_shared`).
    pub struct AlarmRow => AlarmCells {
        /// Name; empty marks an unused row.
        pub name: Text<8>,
        /// Kind of action: `cmd`, `curl` ...
        pub kind: Text<2>,
        /// Messages that were to be delivered.
        pub triggered: Counter,
        /// Messages held back: the same one again too soon, or too many in one second.
        pub suppressed: Counter,
        /// Messages lost: too long, or no room to keep them; any process adds (`add_shared`).
        pub dropped: Counter,
        /// Messages delivered.
        pub delivered: Counter,
        /// Messages given up after the last retry.
        pub failed: Counter,
        /// Attempts that failed and were repeated.
        pub retries: Counter,
        /// Messages waiting for delivery now.
        pub queued: Gauge,
        /// Last message taken, epoch seconds; 0 when there was none.
        pub last_run: Gauge,
        /// Last delivery, epoch seconds; 0 when there was none.
        pub last_delivered: Gauge,
        /// Bytes of the last message.
        pub last_len: Gauge,
        /// Why the last attempt failed; empty after a delivery.
        pub last_error: Text<16>,
    }
}
