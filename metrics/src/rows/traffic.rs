//! The traffic row: what one worker did for the clients of one listening socket.

use super::core::class_of;
use super::row;
use crate::cells::Counter;

row! {
    /// One row per worker and listening socket, and one per worker for the router's link. Counts use
    /// `add` with one thread, `add_shared` with more.
    pub struct TrafficRow => TrafficCells {
        /// Requests closed (pings are not accounted).
        pub requests: Counter,
        /// Responses by class: 1xx, 2xx, 3xx, 4xx, 5xx, other.
        pub responses: [Counter; 6],
        /// Bytes taken from connections for requests, those that were refused included.
        pub rx: Counter,
        /// Bytes of answers that connections took, framing included.
        pub tx: Counter,
        /// Requests on a connection that had served one before.
        pub keepalive_reuses: Counter,
        /// Reads of a request's body that failed.
        pub read_errors: Counter,
        /// Writes of a response that failed.
        pub write_errors: Counter,
        /// Requests whose client left before all of the response was written.
        pub aborted: Counter,
        /// Requests that the server itself answered with a status of 4xx or 5xx, before anybody
        /// served them.
        pub rejected: Counter,
    }
}

impl TrafficRow {
    /// The count of responses with such a status code.
    #[inline]
    pub fn response(&self, status: u16) -> &Counter {
        &self.responses[class_of(status)]
    }
}

impl TrafficCells {
    /// Adds what another worker did.
    pub(crate) fn merge(&mut self, other: &TrafficCells) {
        let pairs = [
            (&mut self.requests, other.requests),
            (&mut self.rx, other.rx),
            (&mut self.tx, other.tx),
            (&mut self.keepalive_reuses, other.keepalive_reuses),
            (&mut self.read_errors, other.read_errors),
            (&mut self.write_errors, other.write_errors),
            (&mut self.aborted, other.aborted),
            (&mut self.rejected, other.rejected),
        ];
        let classes = self.responses.iter_mut().zip(other.responses);
        pairs.into_iter().chain(classes).for_each(|(sum, n)| *sum = sum.wrapping_add(n));
    }
}
