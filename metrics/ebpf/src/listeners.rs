//! The listening sockets that programs look for: written down when they are open, by port, address
//! and the kernel's own address of the socket, which only a program in the kernel can tell.

use std::net::IpAddr;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::sync::atomic::Ordering::Relaxed;

use uwsgi_metrics::View;
use uwsgi_sys::{bpf, socket};

use crate::live::Live;
use crate::maps::PORTS_EACH;
use crate::probe::Program;

/// The server runs it once for each socket, with its descriptor: a part of every probe that tells
/// sockets apart.
pub(crate) const REGISTER: Program = Program {
    name: "listener_register",
    tracepoint: "",
    gives: "depths, and what other network namespaces do on the same port",
};

/// Address families, as the kernel numbers them.
const INET: u64 = 2;
pub(crate) const INET6: u64 = 10;

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
        self.maps.ports.all().iter().for_each(|word| word.store(0, Relaxed));
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
            row.family.set(if address.is_ipv4() { INET } else { INET6 });
            row.sock.set(0);
            row.net.set(0);
            if let Some(program) = self.program(REGISTER.name) {
                let _ = bpf::run(program, &[fd.as_raw_fd() as u64, at as u64]);
            }
            let port = usize::from(address.port());
            row.port.set(port as u64);
            if let Some(word) = self.maps.ports.all().get(port / PORTS_EACH) {
                word.fetch_or(1 << (port % PORTS_EACH), Relaxed);
            }
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
}

/// An address as the kernel keeps it: network order in memory; 0 for any.
pub(crate) fn halves(ip: IpAddr) -> (u64, u64) {
    match ip {
        IpAddr::V4(v4) => (u64::from(u32::from_ne_bytes(v4.octets())), 0),
        IpAddr::V6(v6) => {
            let [low, high] = [0, 8].map(|at| {
                let mut half = [0; 8];
                half.copy_from_slice(&v6.octets()[at..at + 8]);
                u64::from_ne_bytes(half)
            });
            (low, high)
        }
    }
}
