//! Which of our addresses a datagram came to, so that its answer leaves from the same one.
//!
//! A socket that is bound to every address sends from whichever the route prefers, and a peer that
//! waits for an answer from where it asked drops what comes from elsewhere. Here is the part of
//! recvmsg(2) and sendmsg(2) that tells and chooses the address, for IPv4 and IPv6.

use std::io;
use std::mem::{self, MaybeUninit};
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::ptr;

use rustix::net::SocketAddrAny;
use rustix::net::addr::{SocketAddrArg, SocketAddrStorage};

/// Room for the one control message that is asked for, aligned as its header wants it.
type Control = [u64; 16];

/// The address of ours that a datagram was sent to.
#[derive(Clone, Copy, Debug)]
pub enum Local {
    /// The kernel did not tell, or it was one of many: the route chooses.
    Any,
    /// Of IPv4.
    V4(libc::in_pktinfo),
    /// Of IPv6, also one of IPv4 on a socket for both.
    V6(libc::in6_pktinfo),
}

/// A datagram that came in.
#[derive(Clone, Copy, Debug)]
pub struct Received {
    /// Bytes of it in the buffer.
    pub length: usize,
    /// Its sender.
    pub from: SocketAddr,
    /// Where it came to.
    pub to: Local,
}

/// Has the kernel tell where each datagram came to that comes in from now on.
pub(super) fn tell(fd: BorrowedFd<'_>, ipv6: bool) -> io::Result<()> {
    let (level, name) = match ipv6 {
        true => (libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO),
        false => (libc::IPPROTO_IP, libc::IP_PKTINFO),
    };
    let on: libc::c_int = 1;
    let size = size_of_val(&on) as libc::socklen_t;
    // SAFETY: the value is an int that lives through the call, and `size` is its size.
    let done =
        unsafe { libc::setsockopt(fd.as_raw_fd(), level, name, ptr::from_ref(&on).cast(), size) };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Takes the next datagram.
///
/// # Errors
/// Those of recvmsg; an address of another family is `InvalidData`.
pub fn receive(fd: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<Received> {
    let mut name = MaybeUninit::<SocketAddrStorage>::zeroed();
    let mut control: Control = [0; 16];
    let mut part = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
    let mut head = empty();
    head.msg_name = name.as_mut_ptr().cast();
    head.msg_namelen = size_of::<SocketAddrStorage>() as _;
    head.msg_iov = &raw mut part;
    head.msg_iovlen = 1;
    head.msg_control = control.as_mut_ptr().cast();
    head.msg_controllen = size_of::<Control>() as _;
    // SAFETY: every pointer in the header is to a buffer of the size beside it that outlives the call.
    let length = unsafe { libc::recvmsg(fd.as_raw_fd(), &raw mut head, 0) };
    let length = usize::try_from(length).map_err(|_| io::Error::last_os_error())?;
    // SAFETY: the kernel has written `msg_namelen` bytes of an address there, over zeroes.
    let from = unsafe { SocketAddrAny::read(name.as_ptr(), head.msg_namelen) };
    let from = SocketAddr::try_from(from).map_err(|_| io::ErrorKind::InvalidData)?;
    Ok(Received { length, from, to: place(&head) })
}

/// Sends a datagram from where another one came to.
///
/// # Errors
/// Those of sendmsg.
pub fn send(fd: BorrowedFd<'_>, bytes: &[u8], to: SocketAddr, from: Local) -> io::Result<usize> {
    let mut control: Control = [0; 16];
    // The kernel only reads it.
    let mut part = libc::iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() };
    let mut head = empty();
    head.msg_iov = &raw mut part;
    head.msg_iovlen = 1;
    head.msg_control = control.as_mut_ptr().cast();
    head.msg_controllen = size_of::<Control>() as _;
    let used = match from {
        Local::Any => 0,
        Local::V4(info) => put(&head, libc::IPPROTO_IP, libc::IP_PKTINFO, info),
        Local::V6(info) => put(&head, libc::IPPROTO_IPV6, libc::IPV6_PKTINFO, info),
    };
    head.msg_controllen = used as _;
    // SAFETY: the pointer and the length that the closure is given are those of an address that
    // lives through it; so are all others in the header.
    let sent = unsafe {
        to.with_sockaddr(|name, size| {
            head.msg_name = name.cast_mut().cast();
            head.msg_namelen = size as _;
            libc::sendmsg(fd.as_raw_fd(), &raw const head, libc::MSG_NOSIGNAL)
        })
    };
    usize::try_from(sent).map_err(|_| io::Error::last_os_error())
}

fn empty() -> libc::msghdr {
    // SAFETY: zeroes are a header without anything.
    unsafe { mem::zeroed() }
}

/// The local address in the control messages of a received header.
fn place(head: &libc::msghdr) -> Local {
    // SAFETY: the kernel has filled in the control buffer and its length, and the buffer lives; the
    // walk stays within it, and what is read has the type that level and type say.
    unsafe {
        let mut at = libc::CMSG_FIRSTHDR(head);
        while let Some(message) = at.as_ref() {
            let data = libc::CMSG_DATA(at);
            match (message.cmsg_level, message.cmsg_type) {
                (libc::IPPROTO_IP, libc::IP_PKTINFO) => return of_v4(data.cast()),
                (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO) => return of_v6(data.cast()),
                _ => at = libc::CMSG_NXTHDR(head, at),
            }
        }
    }
    Local::Any
}

/// # Safety
/// There is such a value, aligned or not.
unsafe fn of_v4(data: *const libc::in_pktinfo) -> Local {
    // SAFETY: the caller's word.
    let mut info = unsafe { data.read_unaligned() };
    // The route knows the interface.
    info.ipi_ifindex = 0;
    Local::V4(info)
}

/// # Safety
/// As above.
unsafe fn of_v6(data: *const libc::in6_pktinfo) -> Local {
    // SAFETY: the caller's word.
    let mut info = unsafe { data.read_unaligned() };
    let address = std::net::Ipv6Addr::from(info.ipi6_addr.s6_addr);
    let mapped = address.to_ipv4_mapped();
    if address.is_multicast() || mapped.is_some_and(|v4| v4.is_multicast() || v4.is_broadcast()) {
        return Local::Any;
    }
    if !address.is_unicast_link_local() {
        info.ipi6_ifindex = 0;
    }
    Local::V6(info)
}

/// Puts the one control message in; how many bytes it takes.
fn put<T: Copy>(head: &libc::msghdr, level: libc::c_int, kind: libc::c_int, info: T) -> usize {
    let size = size_of::<T>() as u32;
    // SAFETY: the control buffer is larger than the space of one such message, so the first header
    // is there and the value fits behind it.
    unsafe {
        if let Some(message) = libc::CMSG_FIRSTHDR(head).as_mut() {
            message.cmsg_level = level;
            message.cmsg_type = kind;
            message.cmsg_len = libc::CMSG_LEN(size) as _;
            libc::CMSG_DATA(message).cast::<T>().write_unaligned(info);
        }
        libc::CMSG_SPACE(size) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::UdpSocket;
    use std::os::fd::AsFd;

    /// An answer to a peer that accepts none but from where it asked.
    fn round(bind: &str, ask: &str) {
        let server = UdpSocket::from(super::super::bind(bind.parse().unwrap()).unwrap());
        server.set_nonblocking(false).unwrap();
        let port = server.local_addr().unwrap().port();
        let peer =
            UdpSocket::bind(if ask.contains(':') { "[::1]:0" } else { "127.0.0.1:0" }).unwrap();
        peer.connect((ask, port)).unwrap();
        peer.set_read_timeout(Some(std::time::Duration::from_secs(10))).unwrap();
        peer.send(b"question").unwrap();
        let mut buffer = [0; 64];
        let came = receive(server.as_fd(), &mut buffer).unwrap();
        assert_eq!(&buffer[..came.length], b"question");
        assert_eq!(came.from.port(), peer.local_addr().unwrap().port());
        assert_eq!(send(server.as_fd(), b"answer", came.from, came.to).unwrap(), 6);
        let length = peer.recv(&mut buffer).unwrap();
        assert_eq!(&buffer[..length], b"answer", "{bind} {ask}");
    }

    #[test]
    fn an_answer_leaves_from_where_the_question_came_to() {
        round("127.0.0.1:0", "127.0.0.1");
        round("0.0.0.0:0", "127.0.0.2");
        if UdpSocket::bind("[::1]:0").is_ok() {
            round("[::1]:0", "::1");
            round("[::]:0", "::1");
            round("[::]:0", "127.0.0.2");
        }
    }

    #[test]
    fn without_a_place_the_route_chooses() {
        let server = UdpSocket::bind("127.0.0.1:0").unwrap();
        let peer = UdpSocket::bind("127.0.0.1:0").unwrap();
        send(server.as_fd(), b"x", peer.local_addr().unwrap(), Local::Any).unwrap();
        let mut buffer = [0; 2];
        let came = receive(peer.as_fd(), &mut buffer).unwrap();
        assert_eq!((came.length, came.from), (1, server.local_addr().unwrap()));
        assert!(matches!(came.to, Local::Any), "nobody asked");
    }
}
