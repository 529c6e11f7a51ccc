//! Accept queue: how long connections wait between the end of their handshake and `accept`.
//!
//! The program at `inet_sock_set_state` writes down when a connection was completed, under the
//! cookie of its socket, in a table that workers have in their memory. A worker that accepted one
//! asks the socket for its cookie and finds the time there: no system call of anybody else is
//! touched, and the wait is known to the request itself.
//!
//! Depth is the length of the queue that a connection found, itself included. It comes from the
//! listening socket, whose address in the kernel `accept_register` has written down: the server runs
//! that program once for each socket, with its descriptor.

use std::os::fd::{AsFd, AsRawFd};

use uwsgi_metrics::View;
use uwsgi_sys::{bpf, socket};

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
        Program { name: "accept_register", tracepoint: "", gives: "depths" },
    ],
};

impl Live {
    /// Tells the programs of a listening socket of this process, once.
    pub fn listen(&self, index: u32, name: &str, fd: impl AsFd) {
        let Some(row) = self.maps.listeners.get(index as usize) else { return };
        let Some(address) = socket::inet_address(fd.as_fd()) else { return };
        if let Some(socket) = self.maps.sockets.get(index as usize) {
            socket.name.set(name.as_bytes());
        }
        let (low, high) = halves(address.ip());
        row.port.set(u64::from(address.port()));
        row.socket.set(u64::from(index));
        row.address[0].set(low);
        row.address[1].set(high);
        if let Some(program) = self.program("accept_register") {
            let fd = fd.as_fd().as_raw_fd() as u64;
            let _ = bpf::run(program, &[fd, u64::from(index)]);
        }
    }

    /// A connection was accepted from the socket in row `index`: its wait is counted.
    pub fn accepted(&self, arena: &View, index: u32, connection: impl AsFd) -> Option<u64> {
        let ns = self.waited(connection)?;
        arena.accept_waits(index).record_shared(ns / 1_000);
        Some(ns)
    }

    /// How long a connection that was just accepted had waited, nanoseconds.
    pub fn waited(&self, accepted: impl AsFd) -> Option<u64> {
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

/// An address as the kernel keeps it: network order in memory; 0 for any.
fn halves(ip: std::net::IpAddr) -> (u64, u64) {
    match ip {
        std::net::IpAddr::V4(v4) => (u64::from(u32::from_ne_bytes(v4.octets())), 0),
        std::net::IpAddr::V6(v6) => {
            let [low, high] = [0, 8].map(|at| {
                let mut half = [0; 8];
                half.copy_from_slice(&v6.octets()[at..at + 8]);
                u64::from_ne_bytes(half)
            });
            (low, high)
        }
    }
}
