//! The logger row: one receiver of lines of the log.

use super::row;
use crate::cells::{Counter, Gauge, Text};

row! {
    /// One row per logger, main loggers first, in option order; written by the observer.
    pub struct LoggerRow => LoggerCells {
        /// The name that routes use; the kind where the option gives none. Empty marks an unused row.
        pub name: Text<8>,
        /// What it is and where: `file /var/log/x`, `redislog host:port`.
        pub target: Text<16>,
        /// Lines that the receiver has.
        pub messages: Counter,
        /// Their bytes, as it got them.
        pub bytes: Counter,
        /// Lines that found no room to wait.
        pub dropped: Counter,
        /// Failures of the receiver.
        pub errors: Counter,
        /// Times that it took lines again after a failure.
        pub reconnects: Counter,
        /// Files of it that were moved away.
        pub rotations: Counter,
        /// Lines waiting for it now.
        pub queued: Gauge,
    }
}

impl LoggerRow {
    /// Makes the row that of this logger; counts of another one end.
    pub fn assign(&self, name: &str, target: &str) {
        if !self.name.is(name.as_bytes()) || !self.target.is(target.as_bytes()) {
            let counts = [&self.messages, &self.bytes, &self.dropped, &self.errors];
            counts.into_iter().chain([&self.reconnects, &self.rotations]).for_each(|c| c.set(0));
        }
        self.queued.set(0);
        self.name.set(name.as_bytes());
        self.target.set(target.as_bytes());
    }
}
