//! The listening sockets that programs look for: written down when they are open, by port, address
//! and the kernel's own address of the socket, which only a program in the kernel can tell.

use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsRawFd, BorrowedFd};
use std::sync::atomic::Ordering::Relaxed;

use uwsgi_metrics::{ListenerRow, View};
use uwsgi_sys::{bpf, socket};

use crate::live::Live;
use crate::maps::{PORTS, PORTS_EACH};
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

/// What tells one listening socket from another.
struct Place {
    port: u64,
    address: (u64, u64),
    family: u64,
    socket: u64,
}

impl Place {
    fn of(index: u32, address: SocketAddr) -> Place {
        Place {
            port: address.port().into(),
            address: halves(address.ip()),
            family: if address.is_ipv4() { INET } else { INET6 },
            socket: index.into(),
        }
    }

    fn is(&self, row: &ListenerRow) -> bool {
        let address = (row.address[0].get(), row.address[1].get());
        row.port.get() == self.port
            && address == self.address
            && row.family.get() == self.family
            && row.socket.get() == self.socket
    }

    /// All but the port, with which a row begins to count.
    fn tell(&self, row: &ListenerRow) {
        row.address[0].set(self.address.0);
        row.address[1].set(self.address.1);
        row.socket.set(self.socket);
        row.family.set(self.family);
        row.sock.set(0);
        row.net.set(0);
    }
}

impl Live {
    /// Tells programs the listening sockets of this process, each with its row in the table of
    /// sockets. Counts of a row whose socket has another name end; what is no socket of TCP is
    /// left out.
    pub fn listen<'a>(
        &self,
        arena: &View,
        sockets: impl Iterator<Item = (u32, &'a str, BorrowedFd<'a>)>,
    ) {
        let tcp = sockets.filter_map(|(index, name, fd)| {
            self.own_row(arena, index, name);
            Some((index, name, fd, socket::inet_address(fd)?))
        });
        let mut bits = vec![0; PORTS];
        let mut rows = self.maps.listeners.iter();
        for ((at, (index, name, fd, address)), row) in tcp.enumerate().zip(rows.by_ref()) {
            if let Some(socket) = self.maps.sockets.get(index as usize) {
                socket.name.set(name.as_bytes());
            }
            // Connections come while a new image takes over: what is still true stays as it is.
            let place = Place::of(index, address);
            if !place.is(row) {
                row.port.set(0);
                place.tell(row);
            }
            let register = |program| bpf::run(program, &[fd.as_raw_fd() as u64, at as u64]);
            if self.program(REGISTER.name).is_none_or(|program| register(program).is_err()) {
                // What stands there may be the kernel's address of an older socket.
                row.sock.set(0);
                row.net.set(0);
            }
            row.port.set(place.port);
            let port = usize::from(address.port());
            bits[port / PORTS_EACH] |= 1 << (port % PORTS_EACH);
        }
        // Programs read up to the first row without a port.
        rows.for_each(|row| row.port.set(0));
        let words = self.maps.ports.all().iter();
        words.zip(bits).for_each(|(word, bits)| word.store(bits, Relaxed));
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

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::os::fd::AsFd;
    use std::sync::atomic::AtomicBool;

    use uwsgi_metrics::{Arena, Shape};

    use super::*;
    use crate::maps::{Maps, Sizes};

    const SIZES: Sizes = Sizes { workers: 1, cores: 1 };

    fn live() -> Live {
        Live::new(Maps::of_files(SIZES), SIZES, Vec::new(), Vec::new(), Vec::new())
    }

    fn arena() -> Arena {
        let shape = Shape { workers: 1, cores: 1, probes: 1, listeners: 3, ..Shape::default() };
        Arena::create(&shape).unwrap()
    }

    fn listen(live: &Live, arena: &Arena, sockets: &[TcpListener]) {
        let names = ["first", "second", "third"];
        let all = (0..).zip(names).zip(sockets).map(|((at, name), fd)| (at, name, fd.as_fd()));
        live.listen(arena, all);
    }

    /// Ports that programs find, in the order of the rows.
    fn found(live: &Live) -> Vec<u64> {
        let ports = live.maps.listeners.iter().map(|row| row.port.get());
        let ports = ports.take_while(|port| *port != 0);
        let words = live.maps.ports.all();
        let known = |port: &u64| {
            let port = *port as usize;
            words[port / PORTS_EACH].load(Relaxed) & 1 << (port % PORTS_EACH) != 0
        };
        ports.filter(known).collect()
    }

    #[test]
    fn sockets_that_stay_are_found_all_the_time() {
        let (live, arena) = (live(), arena());
        let sockets = [0; 3].map(|_| TcpListener::bind("127.0.0.1:0").unwrap());
        let ports = sockets.each_ref().map(|s| u64::from(s.local_addr().unwrap().port()));
        listen(&live, &arena, &sockets);
        assert_eq!(found(&live), ports);
        let over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let watcher = scope.spawn(|| {
                let mut looks = std::iter::from_fn(|| (!over.load(Relaxed)).then(|| found(&live)));
                looks.find(|seen| *seen != ports)
            });
            (0..3_000).for_each(|_| listen(&live, &arena, &sockets));
            over.store(true, Relaxed);
            assert_eq!(watcher.join().unwrap(), None, "a connection that comes now is not counted");
        });
    }

    #[test]
    fn what_is_gone_or_has_changed_is_found_no_more() {
        let (live, arena) = (live(), arena());
        let sockets = [0; 3].map(|_| TcpListener::bind("127.0.0.1:0").unwrap());
        let [first, second, third] = sockets.each_ref().map(|s| s.local_addr().unwrap().port());
        listen(&live, &arena, &sockets);
        live.maps.listeners.get(0).unwrap().sock.set(9);
        let [one, two, three] = sockets;
        listen(&live, &arena, &[three, one]);
        assert_eq!(found(&live), [third, first].map(u64::from));
        assert_eq!(live.maps.listeners.get(0).unwrap().sock.get(), 0, "of the one before it");
        listen(&live, &arena, &[two]);
        assert_eq!(found(&live), [u64::from(second)]);
        let bits: u32 = live.maps.ports.all().iter().map(|w| w.load(Relaxed).count_ones()).sum();
        assert_eq!(bits, 1);
    }
}
