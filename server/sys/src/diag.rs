//! The TCP connections of this network namespace, as the kernel lists them.
//!
//! It asks the sock_diag netlink family and needs no privileges. Layouts are those of
//! linux/inet_diag.h, linux/sock_diag.h and linux/tcp.h. Which ports are of interest is said to the
//! kernel, so that connections of others are passed over there.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::OwnedFd;

use crate::queue::netlink;

/// One connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connection {
    /// Our address.
    pub address: IpAddr,
    /// Our port.
    pub port: u16,
    /// What tells it from all others that ever were.
    pub cookie: u64,
    /// Bytes that the other side sent.
    pub received: u64,
    /// Bytes that the other side acknowledged.
    pub sent: u64,
    /// Smoothed round trip, microseconds; 0 when none was measured.
    pub rtt_us: u64,
    /// Time in which the other side's window kept data from being sent, microseconds.
    pub window_limited_us: u64,
    /// Time in which the send buffer did, microseconds.
    pub buffer_limited_us: u64,
    /// The other side's window is closed.
    pub stalled: bool,
    /// Our own window is closed (Linux 6.2).
    pub shut: bool,
}

/// States in which a connection can be: all but those that wait for the end of stray segments,
/// begin, or listen.
const STATES: u32 = 1 << 1 | 1 << 4 | 1 << 5 | 1 << 8 | 1 << 9 | 1 << 11;
/// CLOSE_WAIT, LAST_ACK and CLOSING: the other side has ended its stream.
const ENDED: [u8; 3] = [8, 9, 11];

const SOCK_DIAG_BY_FAMILY: u16 = 20;
const NLM_F_REQUEST: u16 = 1;
const NLM_F_DUMP: u16 = 0x300;
const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
const INET_DIAG_INFO: u16 = 2;
const INET_DIAG_REQ_BYTECODE: u16 = 1;
const BC_JMP: u8 = 1;
const BC_S_EQ: u8 = 11;

/// Lists connections; keeps its netlink socket and its buffer between questions.
#[derive(Debug)]
pub struct Connections {
    netlink: OwnedFd,
    buffer: Vec<u8>,
}

impl Connections {
    /// Opens the netlink socket.
    pub fn open() -> io::Result<Connections> {
        Ok(Connections { netlink: netlink()?, buffer: vec![0; 64 * 1024] })
    }

    /// Shows every connection of one family whose local port is one of `ports`.
    ///
    /// # Errors
    /// Those of netlink; after one the next question needs a new socket.
    pub fn each(
        &mut self,
        ipv6: bool,
        ports: &[u16],
        mut see: impl FnMut(&Connection),
    ) -> io::Result<()> {
        let family = if ipv6 { libc::AF_INET6 } else { libc::AF_INET };
        let question = request(family as u8, ports);
        rustix::net::send(&self.netlink, &question, rustix::net::SendFlags::empty())?;
        loop {
            let flags = rustix::net::RecvFlags::empty();
            // The kernel fills in the next part within each call: there is no waiting.
            let (n, _) = rustix::net::recv(&self.netlink, &mut self.buffer[..], flags)?;
            let mut rest = &self.buffer[..n];
            while let Some((kind, message, after)) = message(rest) {
                match kind {
                    NLMSG_DONE => return Ok(()),
                    NLMSG_ERROR => {
                        let code = i32::from_ne_bytes(bytes(message, 16).unwrap_or_default());
                        return Err(io::Error::from_raw_os_error(-code));
                    }
                    _ => connection(message).iter().for_each(&mut see),
                }
                rest = after;
            }
        }
    }
}

/// nlmsghdr (16), inet_diag_req_v2 (56), one attribute with what the kernel is to compare.
fn request(family: u8, ports: &[u16]) -> Vec<u8> {
    let mut filter = Vec::with_capacity(ports.len() * 12);
    for (index, port) in ports.iter().enumerate() {
        let left = ((ports.len() - index) * 12) as u16;
        // Equal: to the jump behind; else to the next comparison, after the last one out.
        let other = if left == 12 { 16 } else { 12 };
        op(&mut filter, BC_S_EQ, 8, other);
        op(&mut filter, 0, 0, *port);
        op(&mut filter, BC_JMP, 4, left - 8); // to the end: accepted
    }
    let mut m = vec![0u8; 72];
    m[4..6].copy_from_slice(&SOCK_DIAG_BY_FAMILY.to_ne_bytes());
    m[6..8].copy_from_slice(&(NLM_F_REQUEST | NLM_F_DUMP).to_ne_bytes());
    m[16] = family;
    m[17] = libc::IPPROTO_TCP as u8;
    m[18] = 1 << (INET_DIAG_INFO - 1);
    m[20..24].copy_from_slice(&STATES.to_ne_bytes());
    m.extend(((filter.len() + 4) as u16).to_ne_bytes());
    m.extend(INET_DIAG_REQ_BYTECODE.to_ne_bytes());
    m.extend(filter);
    let len = (m.len() as u32).to_ne_bytes();
    m[0..4].copy_from_slice(&len);
    m
}

/// inet_diag_bc_op.
fn op(to: &mut Vec<u8>, code: u8, yes: u8, no: u16) {
    to.extend([code, yes]);
    to.extend(no.to_ne_bytes());
}

fn bytes<const N: usize>(of: &[u8], at: usize) -> Option<[u8; N]> {
    of.get(at..at + N)?.try_into().ok()
}

/// The first message of a buffer: kind, all of it, what is behind.
fn message(buffer: &[u8]) -> Option<(u16, &[u8], &[u8])> {
    let len = u32::from_ne_bytes(bytes(buffer, 0)?) as usize;
    let kind = u16::from_ne_bytes(bytes(buffer, 4)?);
    let message = buffer.get(..len).filter(|message| message.len() >= 16)?;
    Some((kind, message, buffer.get(len.next_multiple_of(4)..).unwrap_or_default()))
}

/// nlmsghdr (16), inet_diag_msg (72), then attributes of u16 length and u16 type.
fn connection(message: &[u8]) -> Option<Connection> {
    let mut at = 88;
    loop {
        let len = u16::from_ne_bytes(bytes(message, at)?) as usize;
        if u16::from_ne_bytes(bytes(message, at + 2)?) == INET_DIAG_INFO {
            return figures(message, message.get(at + 4..at + len)?);
        }
        at += len.max(4).next_multiple_of(4);
    }
}

/// From inet_diag_msg and tcp_info; what a kernel does not have yet is not in the latter.
fn figures(message: &[u8], info: &[u8]) -> Option<Connection> {
    let word = |at| bytes(info, at).map(u32::from_ne_bytes);
    let long = |at| bytes(info, at).map(u64::from_ne_bytes);
    let [family, state] = bytes(message, 16)?;
    let ended = u64::from(ENDED.contains(&state));
    let acknowledged = long(120)?;
    // What was sent without what was sent again lacks the end of the stream, which is no data.
    let once = long(200).zip(long(208)).map_or(u64::MAX, |(all, again)| all.wrapping_sub(again));
    Some(Connection {
        address: match i32::from(family) {
            libc::AF_INET => Ipv4Addr::from(bytes::<4>(message, 24)?).into(),
            _ => Ipv6Addr::from(bytes::<16>(message, 24)?).into(),
        },
        port: u16::from_be_bytes(bytes(message, 20)?),
        cookie: u64::from(u32::from_ne_bytes(bytes(message, 60)?))
            | u64::from(u32::from_ne_bytes(bytes(message, 64)?)) << 32,
        received: long(128)?.saturating_sub(ended),
        sent: acknowledged.min(once),
        rtt_us: word(68)?.into(),
        window_limited_us: long(176).unwrap_or(0),
        buffer_limited_us: long(184).unwrap_or(0),
        stalled: word(228) == Some(0),
        shut: word(232) == Some(0),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};

    fn of(port: u16, others: &[u16]) -> Vec<Connection> {
        let mut found = Vec::new();
        let ports: Vec<u16> = others.iter().copied().chain([port]).collect();
        Connections::open().unwrap().each(false, &ports, |one| found.push(*one)).unwrap();
        found
    }

    #[test]
    fn connections_of_a_port_are_listed_with_what_went_over_them() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let mut client = TcpStream::connect(address).unwrap();
        let (mut server, _) = listener.accept().unwrap();
        client.write_all(&[7; 300]).unwrap();
        server.read_exact(&mut [0; 300]).unwrap();
        server.write_all(&[7; 500]).unwrap();
        client.read_exact(&mut [0; 500]).unwrap();
        // The acknowledgement of what was read may still be on its way.
        client.write_all(&[7; 1]).unwrap();
        server.read_exact(&mut [0; 1]).unwrap();
        let [one] = of(address.port(), &[1, 2, 3])[..] else { panic!("one connection") };
        assert_eq!((one.address, one.port), (address.ip(), address.port()));
        assert_eq!((one.received, one.sent), (301, 500));
        assert_eq!(one.cookie, crate::socket::cookie(&server).unwrap());
        assert!(!one.stalled && !one.shut && one.rtt_us > 0);
        client.shutdown(std::net::Shutdown::Write).unwrap();
        assert_eq!(server.read(&mut [0; 1]).unwrap(), 0);
        let [ended] = of(address.port(), &[])[..] else { panic!("one connection") };
        assert_eq!(ended.received, 301, "the end of a stream is no data");
    }

    #[test]
    fn other_ports_are_not_listed_however_many_are_asked_for() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let many: Vec<u16> = (1..=64).collect();
        let mut connections = Connections::open().unwrap();
        for ipv6 in [false, true] {
            connections.each(ipv6, &many, |one| assert!(one.port <= 64, "{one:?}")).unwrap();
        }
        let port = listener.local_addr().unwrap().port();
        assert_eq!(of(port, &many).iter().filter(|one| one.port == port).count(), 1);
        drop(client);
    }

    #[test]
    fn what_is_cut_short_is_no_connection() {
        let whole = vec![0u8; 88];
        assert_eq!(connection(&whole), None);
        assert!(message(&[1, 0, 0, 0, 0, 0]).is_none());
        assert!(message(&[200; 20]).is_none());
    }
}
