//! Datagram sockets that receive: UDP bound to an address, a multicast group, or the broadcast address;
//! UNIX bound to a path.

mod local;

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, sockopt};

pub use local::{Local, Received, receive, send};

/// Binds a UDP socket. A multicast address is also joined, and may be bound by several processes.
///
/// # Errors
/// Those of socket, bind and setsockopt.
pub fn bind(address: SocketAddr) -> io::Result<OwnedFd> {
    let family = if address.is_ipv6() { AddressFamily::INET6 } else { AddressFamily::INET };
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let fd = rustix::net::socket_with(family, SocketType::DGRAM, flags, None)?;
    let group = is_group(&address);
    if group {
        sockopt::set_socket_reuseaddr(&fd, true)?;
    }
    if address.ip() == IpAddr::V4(Ipv4Addr::BROADCAST) {
        sockopt::set_socket_broadcast(&fd, true)?;
    }
    // Before it is bound: what comes in without this has no place to be answered from. Without it
    // answers leave from the address that the route prefers, which is nearly always right.
    let _ = local::tell(fd.as_fd(), address.is_ipv6());
    rustix::net::bind(&fd, &address)?;
    match address.ip() {
        IpAddr::V4(to) if group => {
            sockopt::set_ip_add_membership(&fd, &to, &Ipv4Addr::UNSPECIFIED)?;
        }
        IpAddr::V6(to) if group => sockopt::set_ipv6_add_membership(&fd, &to, 0)?,
        _ => {}
    }
    Ok(fd)
}

/// Binds a UNIX datagram socket; a file that has the path is replaced.
///
/// # Errors
/// Those of socket and bind, and a path of more than 107 bytes.
pub fn bind_path(path: &Path) -> io::Result<OwnedFd> {
    let address = SocketAddrUnix::new(path)?;
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let fd = rustix::net::socket_with(AddressFamily::UNIX, SocketType::DGRAM, flags, None)?;
    let _ = std::fs::remove_file(path);
    rustix::net::bind(&fd, &address)?;
    Ok(fd)
}

/// Whether this is the address of a multicast group.
pub fn is_group(address: &SocketAddr) -> bool {
    address.ip().is_multicast()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::UdpSocket;

    #[test]
    fn a_group_is_bound_twice_and_another_address_once() {
        let any = "127.0.0.1:0".parse().unwrap();
        let first = UdpSocket::from(bind(any).unwrap());
        let taken = first.local_addr().unwrap();
        assert_eq!(bind(taken).unwrap_err().kind(), io::ErrorKind::AddrInUse);
        let group = SocketAddr::new("224.0.0.77".parse().unwrap(), taken.port());
        // Without a route for multicast the group cannot be joined at all.
        if let Ok(_one) = bind(group) {
            assert!(bind(group).is_ok(), "several processes listen to a group");
        }
    }

    #[test]
    fn the_broadcast_address_is_bound() {
        let fd = bind("255.255.255.255:0".parse().unwrap()).unwrap();
        assert!(UdpSocket::from(fd).broadcast().unwrap());
    }
}
