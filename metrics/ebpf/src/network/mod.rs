//! Network: what becomes of client connections, by listening socket.
//!
//! A connection is ours when its local port, address and network namespace are those of a listening
//! socket of this server (`program/listeners.h`). What is counted, exactly:
//!
//! - **Ended connections**, their bytes, round trip and the time they were limited: when the kernel
//!   destroys the socket, from what it kept itself. Bytes are payload: the kernel's own counts have
//!   one more for the end of a stream. The round trip is the smoothed one; with deferred accepts
//!   (`no-defer-accept` is not set) its first sample ends with the first request, so a client that
//!   connects long before it asks has a long one.
//! - **Connections that live** are looked at by the observer, see [`connections`]. Counts of bytes
//!   and of limited time are ended ones plus those, and never fall.
//! - **Retransmits**: segments, as `RetransSegs` of /proc/net/snmp; not those of handshakes, which
//!   the probe `accept` counts.
//! - **Resets**: of connections that are known. A reset that answers a segment for nobody is sent
//!   for no socket of ours, since ours listen. A client that resets during the handshake is not seen.
//! - **Receive queue full**: segments thrown away because they lay beyond the window, or since
//!   memory, the receive buffer or the backlog of a connection were full (`kfree_skb` with its
//!   reason and socket: Linux 6.11; TCP does not pass the tracepoint `sock_rcvqueue_full`).
//! - **Windows of ours that were closed**: a segment or a question of the client arrived at a closed
//!   window; counted once for each time it closed. One that opens again before the client asks, some
//!   200 ms, is not seen.
//! - **Windows of clients that were closed**: seen so by a look, and not by the look before. One that
//!   is closed for less than a second may be missed; the time it cost is in the limited time, which is
//!   exact.
//!
//! The tracepoint that would see every window, `tcp_probe`, runs for each segment of the machine at
//! 85 ns, `tcp_rcv_space_adjust` for each read at 65 ns: each would make a request on a kept
//! connection cost one percent of the worker's time more.
//!
//! Cost, measured on Linux 6.18 with both ends on one machine: none on a request of a kept
//! connection, since no program runs (13 paired runs at 20,000 requests/s: 1.003 x the processor time
//! of the worker, within what runs differ). For each new connection `network_closed` 130 ns and
//! `network_dropped` 70 ns, both twice, once for each end: 0.4 us, half of it with a client elsewhere.
//! Resets 90 to 130 ns, retransmits 1.1 us each. The kernel's own measuring is a good part of that.
//! Somebody else's events end after the port's bit.

mod connections;

pub use connections::Connections;
pub(crate) use connections::carried;

use crate::probe::{Probe, Program};

pub(crate) const PROBE: Probe = Probe {
    name: "network",
    about: "retransmits, resets, full queues, closed windows, bytes, round trips",
    default: true,
    programs: &[
        Program {
            name: "network_closed",
            tracepoint: "tcp_destroy_sock",
            gives: "bytes, round trips and limits of connections",
        },
        Program {
            name: "network_retransmit",
            tracepoint: "tcp_retransmit_skb",
            gives: "retransmits",
        },
        Program { name: "network_reset_sent", tracepoint: "tcp_send_reset", gives: "resets sent" },
        Program {
            name: "network_reset_received",
            tracepoint: "tcp_receive_reset",
            gives: "resets received",
        },
        Program {
            name: "network_dropped",
            tracepoint: "kfree_skb",
            gives: "full receive queues, and closed windows of ours",
        },
        crate::listeners::REGISTER,
    ],
};
