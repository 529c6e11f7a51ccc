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

use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

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
    /// Tells programs the listening sockets of this process, each with its row in the table of
    /// sockets. Counts of a row whose socket has another name end; what is no socket of TCP is
    /// left out.
    pub fn listen<'a>(
        &self,
        arena: &View,
        sockets: impl Iterator<Item = (u32, &'a str, BorrowedFd<'a>)>,
    ) {
        // Programs read up to the first row without a port.
        self.maps.listeners.iter().for_each(|row| row.port.set(0));
        let tcp = sockets.filter_map(|(index, name, fd)| {
            self.own_row(arena, index, name);
            Some((index, name, fd, socket::inet_address(fd)?))
        });
        for (at, (index, name, fd, address)) in tcp.enumerate() {
            let Some(row) = self.maps.listeners.get(at) else { return };
            if let Some(socket) = self.maps.sockets.get(index as usize) {
                socket.name.set(name.as_bytes());
            }
            let (low, high) = halves(address.ip());
            row.address[0].set(low);
            row.address[1].set(high);
            row.socket.set(u64::from(index));
            row.sock.set(0);
            if let Some(program) = self.program("accept_register") {
                let _ = bpf::run(program, &[fd.as_raw_fd() as u64, at as u64]);
            }
            row.port.set(u64::from(address.port()));
        }
    }

    /// Rows of this index in the map and in the arena count for the socket of this name.
    fn own_row(&self, arena: &View, index: u32, name: &str) {
        let there = self.maps.sockets.get(index as usize);
        if there.is_some_and(|row| !row.name.is(name.as_bytes())) {
            self.maps.sockets.clear(index as usize);
        }
        if !arena.kernel_socket(index).name.is(name.as_bytes()) {
            arena.forget_kernel_socket(index);
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
