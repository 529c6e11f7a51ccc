//! Connections that live: what went over them so far, whose windows are closed.
//!
//! A connection that is kept for hours would show its bytes at its end only. Once a second the
//! observer asks the kernel for those of our ports, and adds what they have to what has ended.
//!
//! A look takes about 0.8 ms to walk the kernel's table of 262,144 places, and 2.5 us for each
//! connection. It is followed by a rest of [`REST`] times the processor time that it took: with a
//! thousand connections there is one each second, with 10,000 one in five. An iterator program in
//! the kernel would be quicker, but before Linux 5.19 whoever has dropped privileges may not start
//! one where `kernel.unprivileged_bpf_disabled` is set, as it is in most distributions; this
//! question needs none.

use std::collections::HashSet;
use std::io;

use uwsgi_metrics::KernelSocketRow;
use uwsgi_sys::diag::{self, Connection};
use uwsgi_sys::machine::thread_cpu_ns;

use crate::listeners::{self, INET6};
use crate::live::{Live, now_ns};

/// Keeps looks to half a percent of one processor.
const REST: u64 = 200;

/// Looks at connections that live; see the module.
#[derive(Debug)]
pub struct Connections {
    live: &'static Live,
    kernel: Option<diag::Connections>,
    /// Those whose client had closed its window at the last look, by cookie.
    stalled: HashSet<u64>,
    /// No look before; monotonic nanoseconds.
    rest_until: u64,
}

/// Of one listening socket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Sum {
    live: u64,
    stalled: u64,
    newly_stalled: u64,
    shut: u64,
    bytes: [u64; 2],
    limited_us: [u64; 2],
    rtt_us: u64,
    measured: u64,
}

/// Which connections are of which socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    ipv6: bool,
    port: u16,
    /// See [`listeners::halves`].
    address: (u64, u64),
    socket: usize,
}

impl Live {
    /// Who looks at connections that live, when the probe counts those that end.
    pub fn connections(&'static self) -> Option<Connections> {
        self.has_program("network_closed").then_some(())?;
        Some(Connections { live: self, kernel: None, stalled: HashSet::new(), rest_until: 0 })
    }

    fn places(&self) -> Vec<Place> {
        let rows = self.maps.listeners.iter().take_while(|row| row.port.get() != 0);
        let one = |row: &uwsgi_metrics::ListenerRow| Place {
            ipv6: row.family.get() == INET6,
            port: row.port.get() as u16,
            address: (row.address[0].get(), row.address[1].get()),
            socket: row.socket.get() as usize,
        };
        rows.map(one).collect()
    }
}

impl Connections {
    /// One look. Where the kernel does not answer, numbers stay as they are.
    pub fn look(&mut self) {
        if now_ns() < self.rest_until {
            return;
        }
        let began = thread_cpu_ns();
        let places = self.live.places();
        let most = places.iter().map(|place| place.socket + 1).max().unwrap_or(0);
        // What has ended is read first: what ends during the look is missed, never counted twice.
        let ended: Vec<_> = (0..most).map(|socket| self.ended(socket)).collect();
        match self.sums(&places, most) {
            Ok(sums) => {
                for (socket, (sum, ended)) in sums.iter().zip(ended).enumerate() {
                    if let Some(row) = self.live.maps.sockets.get(socket) {
                        sum.tell(row, ended.unwrap_or_default());
                    }
                }
            }
            Err(_) => self.kernel = None,
        }
        self.rest_until = now_ns() + thread_cpu_ns().saturating_sub(began) * REST;
    }

    fn ended(&self, socket: usize) -> Option<[u64; 4]> {
        let row = self.live.maps.sockets.get(socket)?;
        let [received, sent] = &row.bytes;
        Some([received, sent, &row.window_limited_ns, &row.buffer_limited_ns].map(|c| c.get()))
    }

    fn sums(&mut self, places: &[Place], sockets: usize) -> io::Result<Vec<Sum>> {
        let mut sums = vec![Sum::default(); sockets];
        let mut stalled = HashSet::new();
        let kernel = match &mut self.kernel {
            Some(kernel) => kernel,
            none => none.insert(diag::Connections::open()?),
        };
        for ipv6 in [false, true] {
            let mut ports: Vec<u16> =
                places.iter().filter(|place| place.ipv6 == ipv6).map(|place| place.port).collect();
            ports.sort_unstable();
            ports.dedup();
            if ports.is_empty() {
                continue;
            }
            kernel.each(ipv6, &ports, |one| {
                let Some(socket) = socket_of(places, one) else { return };
                let known = self.stalled.contains(&one.cookie);
                if one.stalled {
                    stalled.insert(one.cookie);
                }
                sums[socket].add(one, known);
            })?;
        }
        self.stalled = stalled;
        Ok(sums)
    }
}

/// The same choice as that of the programs (`listener_of`).
fn socket_of(places: &[Place], one: &Connection) -> Option<usize> {
    let address = listeners::halves(one.address);
    let here = |place: &&Place| {
        place.port == one.port
            && place.ipv6 == one.address.is_ipv6()
            && (place.address == (0, 0) || place.address == address)
    };
    places.iter().find(here).map(|place| place.socket)
}

impl Sum {
    fn add(&mut self, one: &Connection, known: bool) {
        self.live += 1;
        self.stalled += u64::from(one.stalled);
        self.newly_stalled += u64::from(one.stalled && !known);
        self.shut += u64::from(one.shut);
        self.bytes[0] += one.received;
        self.bytes[1] += one.sent;
        self.limited_us[0] += one.window_limited_us;
        self.limited_us[1] += one.buffer_limited_us;
        self.rtt_us += one.rtt_us;
        self.measured += u64::from(one.rtt_us > 0);
    }

    /// Levels are set, counts are raised: between its end and the close of its descriptor a
    /// connection is in neither sum.
    fn tell(&self, row: &KernelSocketRow, ended: [u64; 4]) {
        row.live.set(self.live);
        row.live_stalled.set(self.stalled);
        row.live_shut.set(self.shut);
        row.live_rtt_ns.set((self.rtt_us * 1_000).checked_div(self.measured).unwrap_or(0));
        row.zero_windows[0].add_shared(self.newly_stalled);
        for (way, bytes) in self.bytes.iter().enumerate() {
            row.live_bytes[way].set(*bytes);
            row.all_bytes[way].raise_shared(ended[way] + bytes);
        }
        for (by, us) in self.limited_us.iter().enumerate() {
            row.all_limited_ns[by].raise_shared(ended[2 + by] + us * 1_000);
        }
    }
}

/// Connections that lived under programs of another start have ended with it: what was seen of them
/// is what goes on.
pub(crate) fn carried(row: &KernelSocketRow) {
    for (ended, all) in row.bytes.iter().zip(&row.all_bytes) {
        ended.raise_shared(all.get());
    }
    row.window_limited_ns.raise_shared(row.all_limited_ns[0].get());
    row.buffer_limited_ns.raise_shared(row.all_limited_ns[1].get());
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::IpAddr;

    fn one(address: &str, port: u16) -> Connection {
        Connection {
            address: address.parse().unwrap(),
            port,
            cookie: 1,
            received: 10,
            sent: 20,
            rtt_us: 40,
            window_limited_us: 1,
            buffer_limited_us: 2,
            stalled: true,
            shut: false,
        }
    }

    #[test]
    fn a_connection_is_of_the_socket_with_its_port_address_and_family() {
        let place = |address: &str, port, socket| {
            let ip: IpAddr = address.parse().unwrap();
            Place { ipv6: ip.is_ipv6(), port, address: listeners::halves(ip), socket }
        };
        let places = [
            place("127.0.0.1", 80, 0),
            place("0.0.0.0", 81, 1),
            place("::", 80, 2),
            place("127.0.0.2", 80, 3),
        ];
        let of = |address, port| socket_of(&places, &one(address, port));
        assert_eq!(of("127.0.0.1", 80), Some(0));
        assert_eq!(of("127.0.0.2", 80), Some(3));
        assert_eq!(of("10.1.2.3", 81), Some(1));
        assert_eq!(of("::ffff:127.0.0.1", 80), Some(2), "a socket of both families");
        assert_eq!(of("127.0.0.3", 80), None);
        assert_eq!(of("127.0.0.1", 82), None);
    }

    #[test]
    fn a_closed_window_is_counted_when_it_is_new() {
        let mut sum = Sum::default();
        sum.add(&one("127.0.0.1", 80), false);
        sum.add(&one("127.0.0.1", 80), true);
        assert_eq!((sum.live, sum.stalled, sum.newly_stalled), (2, 2, 1));
        assert_eq!((sum.bytes, sum.rtt_us, sum.measured), ([20, 40], 80, 2));
    }
}
