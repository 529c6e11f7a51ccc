//! Accept queue: how long connections wait between the end of their handshake and `accept`.
//!
//! The program at `inet_sock_set_state` writes down when a connection was completed, under the
//! cookie of its socket, in a table that workers have in their memory. A worker that accepted one
//! asks the socket for its cookie and finds the time there: no system call of anybody else is
//! touched, and the wait is known to the request itself.
//!
//! Depth is the length of the queue that a connection found, itself included. It comes from the
//! listening socket, whose address in the kernel `listener_register` has written down.

use std::os::fd::AsFd;

use uwsgi_metrics::View;
use uwsgi_sys::socket;

use crate::live::Live;
use crate::maps::STAMPS;
use crate::probe::{Probe, Program};

pub(crate) const PROBE: Probe = Probe {
    name: "accept",
    about: "time connections wait to be accepted, depth of the queue",
    default: true,
    programs: &[
        Program {
            name: "accept_established",
            tracepoint: "inet_sock_set_state",
            gives: "waits and depths",
        },
        Program {
            name: "accept_synack_again",
            tracepoint: "tcp_retransmit_synack",
            gives: "handshakes that had to be repeated",
        },
        crate::listeners::REGISTER,
    ],
};

impl Live {
    /// A connection was accepted from the socket in row `index`: its wait is counted.
    pub fn accepted(&self, arena: &View, index: u32, connection: impl AsFd) -> Option<u64> {
        let ns = self.waited(connection)?;
        arena.accept_waits(index).record_shared(ns / 1_000);
        Some(ns)
    }

    /// How long a connection that was just accepted had waited, nanoseconds.
    pub fn waited(&self, accepted: impl AsFd) -> Option<u64> {
        // Without the program there is nothing to find: the question to the kernel is spared.
        self.has_program("accept_established").then_some(())?;
        let cookie = socket::cookie(accepted.as_fd()).ok()?;
        let at = (cookie as usize % STAMPS) * 2;
        let [place, stamp] = self.maps.stamps.all().get(at..at + 2)? else { return None };
        use std::sync::atomic::Ordering::Relaxed;
        if place.load(Relaxed) != cookie {
            return None;
        }
        let began = stamp.load(Relaxed);
        place.store(0, Relaxed);
        Some(crate::live::now_ns().saturating_sub(began))
    }
}
