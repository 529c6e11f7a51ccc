//! The socket row: one listening socket.

use super::row;
use crate::cells::{Counter, Gauge, Text};

row! {
    /// One row per listening socket in configuration order. The master writes the name, the
    /// observer queue and drops; workers add to the rest with `add_shared`.
    pub struct SocketRow => SocketCells {
        /// Address as configured, automatic ports resolved.
        pub name: Text<16>,
        /// Protocol name, `uwsgi` by default.
        pub proto: Text<2>,
        /// Connections waiting to be accepted.
        pub queue: Gauge,
        /// Size of the accept queue.
        pub max_queue: Gauge,
        /// 1 for a shared socket.
        pub shared: Gauge,
        /// 1 when its protocol allows offloading.
        pub can_offload: Gauge,
        /// Connections accepted.
        pub accepted: Counter,
        /// Connections dropped by the kernel because the queue was full.
        pub drops: Counter,
        /// At the last look: the kernel's count of this socket, what of it was not believed, and the
        /// clients the namespace had lost, raised by one (observer).
        pub drops_seen: [Gauge; 3],
        /// Connections that were seen waiting: a lower bound, since most waits begin and end between
        /// two looks (observer).
        pub waited: Counter,
        /// Requests refused: head or packet larger than the buffer.
        pub oversize: Counter,
        /// Requests refused: bytes that are not the protocol.
        pub bad: Counter,
        /// Connections dropped: the request did not arrive in time.
        pub timeouts: Counter,
        /// Connections closed by the peer inside a request.
        pub eof: Counter,
        /// Requests refused: too many variables, or broken ones.
        pub vars: Counter,
        /// Requests refused: a body larger than `limit-post`.
        pub limit_post: Counter,
        /// Connections closed: the head of a request took too long (`socket-header-timeout`).
        pub slow_head: Counter,
        /// Requests whose body came too slowly (`socket-body-timeout`).
        pub slow_body: Counter,
        /// Responses that were taken too slowly (`socket-response-timeout`).
        pub slow_reader: Counter,
    }
}
