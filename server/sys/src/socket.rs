//! Listening sockets, accepted connections and their options.
//!
//! Owns how an address becomes a bound descriptor. Which addresses, in which order, with what
//! said to the user, is the caller's.

use std::ffi::OsStr;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::net::{AddressFamily, SocketAddrAny, SocketAddrUnix, SocketFlags, SocketType, sockopt};

/// How a listening socket is made.
#[derive(Clone, Copy, Debug, Default)]
pub struct ListenOptions {
    /// Length of the accept queue.
    pub backlog: i32,
    /// SO_REUSEPORT.
    pub reuse_port: bool,
    /// SO_KEEPALIVE, inherited by accepted connections.
    pub keepalive: bool,
    /// Seconds of TCP_DEFER_ACCEPT; 0 leaves it off.
    pub defer_accept: u32,
    /// IP_FREEBIND: this host need not have the address yet.
    pub freebind: bool,
    /// What the kernel may buffer.
    pub buffers: Buffers,
}

/// Kernel buffers of a socket, bytes; 0 leaves one to the system. Connections of TCP inherit them
/// from the listening socket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Buffers {
    /// SO_SNDBUF.
    pub send: usize,
    /// SO_RCVBUF.
    pub receive: usize,
}

impl Buffers {
    /// Whether anything is asked for.
    pub fn any(self) -> bool {
        self != Buffers::default()
    }

    /// Sets what is asked for.
    pub fn set(self, fd: impl AsFd) -> io::Result<()> {
        if self.send > 0 {
            sockopt::set_socket_send_buffer_size(&fd, self.send)?;
        }
        if self.receive > 0 {
            sockopt::set_socket_recv_buffer_size(&fd, self.receive)?;
        }
        Ok(())
    }
}

/// Whether a TCP address could be bound; nobody can connect meanwhile.
pub fn try_tcp(address: SocketAddr, options: &ListenOptions) -> io::Result<()> {
    bound_tcp(address, options).map(drop)
}

/// Binds and listens on a TCP address.
pub fn listen_tcp(address: SocketAddr, options: &ListenOptions) -> io::Result<OwnedFd> {
    let fd = bound_tcp(address, options)?;
    if options.defer_accept > 0 {
        set_int(&fd, libc::IPPROTO_TCP, libc::TCP_DEFER_ACCEPT, options.defer_accept as i32)?;
    }
    rustix::net::listen(&fd, options.backlog)?;
    Ok(fd)
}

fn bound_tcp(address: SocketAddr, options: &ListenOptions) -> io::Result<OwnedFd> {
    let family = if address.is_ipv6() { AddressFamily::INET6 } else { AddressFamily::INET };
    let fd = stream(family)?;
    sockopt::set_socket_reuseaddr(&fd, true)?;
    if options.reuse_port {
        sockopt::set_socket_reuseport(&fd, true)?;
    }
    if options.keepalive {
        sockopt::set_socket_keepalive(&fd, true)?;
    }
    if options.freebind {
        set_freebind(&fd, address.is_ipv6())?;
    }
    options.buffers.set(&fd)?;
    rustix::net::bind(&fd, &address)?;
    Ok(fd)
}

/// Binds and listens on a UNIX path; an existing socket file is replaced.
pub fn listen_unix(path: &Path, options: &ListenOptions) -> io::Result<OwnedFd> {
    let address = SocketAddrUnix::new(path)?;
    let fd = stream(AddressFamily::UNIX)?;
    options.buffers.set(&fd)?;
    let _ = std::fs::remove_file(path);
    rustix::net::bind(&fd, &address)?;
    rustix::net::listen(&fd, options.backlog)?;
    Ok(fd)
}

/// Binds and listens on an abstract name, given as the bytes after the leading NUL.
pub fn listen_abstract(name: &[u8], options: &ListenOptions) -> io::Result<OwnedFd> {
    let address = SocketAddrUnix::new_abstract_name(name)?;
    let fd = stream(AddressFamily::UNIX)?;
    options.buffers.set(&fd)?;
    rustix::net::bind(&fd, &address)?;
    rustix::net::listen(&fd, options.backlog)?;
    Ok(fd)
}

/// Whether an abstract name is free; nobody can connect meanwhile.
pub fn try_abstract(name: &[u8]) -> io::Result<()> {
    let address = SocketAddrUnix::new_abstract_name(name)?;
    Ok(rustix::net::bind(&stream(AddressFamily::UNIX)?, &address)?)
}

fn set_freebind(fd: &OwnedFd, v6: bool) -> io::Result<()> {
    match v6 {
        true => set_int(fd, libc::IPPROTO_IPV6, libc::IPV6_FREEBIND, 1),
        false => set_int(fd, libc::IPPROTO_IP, libc::IP_FREEBIND, 1),
    }
}

/// TCP_FASTOPEN: up to `pending` connections whose first bytes came with their SYN.
pub fn enable_fast_open(fd: impl AsFd, pending: i32) -> io::Result<()> {
    set_int(fd, libc::IPPROTO_TCP, libc::TCP_FASTOPEN, pending)
}

/// Whether somebody listens on a UNIX path. Does not wait, also when their queue is full.
pub fn answers(path: &Path) -> bool {
    let Ok(address) = SocketAddrUnix::new(path) else { return false };
    let Ok(fd) = stream(AddressFamily::UNIX) else { return false };
    matches!(rustix::net::connect(&fd, &address), Ok(()) | Err(rustix::io::Errno::AGAIN))
}

/// Ends a listening socket for every process that holds it: what waits in its queue is refused.
pub fn end_listening(fd: impl AsFd) -> io::Result<()> {
    Ok(rustix::net::shutdown(fd, rustix::net::Shutdown::Both)?)
}

/// Whether an error of accept means that this socket does not listen any more.
pub fn is_over(error: &io::Error) -> bool {
    error.raw_os_error() == Some(libc::EINVAL)
}

/// Whether `raw` is a stream socket that listens.
pub fn listens(raw: RawFd) -> bool {
    crate::fd::duplicate(raw).is_ok_and(|fd| sockopt::socket_acceptconn(&fd).unwrap_or(false))
}

/// Takes over a socket that somebody else has bound. Anything but a socket stays with its owner.
pub fn adopt(raw: RawFd, options: &ListenOptions) -> io::Result<OwnedFd> {
    let probe = crate::fd::duplicate(raw)?;
    rustix::net::getsockname(&probe)?;
    if !sockopt::socket_acceptconn(&probe)? {
        rustix::net::listen(&probe, options.backlog)?;
    }
    rustix::io::ioctl_fionbio(&probe, true)?;
    let fd = crate::fd::adopt(raw)?;
    if raw > 2 {
        crate::fd::close_on_exec(&fd)?;
    }
    Ok(fd)
}

/// Path of a UNIX socket; `None` for every other one.
pub fn unix_path(fd: impl AsFd) -> Option<PathBuf> {
    let address = SocketAddrUnix::try_from(rustix::net::getsockname(fd).ok()?).ok()?;
    Some(PathBuf::from(OsStr::from_bytes(address.path()?.to_bytes())))
}

/// Name of a socket of the abstract namespace, without the leading NUL; `None` for every other one.
pub fn abstract_name(fd: impl AsFd) -> Option<Vec<u8>> {
    let address = SocketAddrUnix::try_from(rustix::net::getsockname(fd).ok()?).ok()?;
    address.abstract_name().map(<[u8]>::to_vec)
}

/// Starts a connection to an abstract name; UNIX connections are made or refused at once.
pub fn connect_abstract(name: &[u8]) -> io::Result<OwnedFd> {
    let address = SocketAddrUnix::new_abstract_name(name)?;
    let fd = stream(AddressFamily::UNIX)?;
    rustix::net::connect(&fd, &address)?;
    Ok(fd)
}

fn stream(family: AddressFamily) -> io::Result<OwnedFd> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    Ok(rustix::net::socket_with(family, SocketType::STREAM, flags, None)?)
}

/// A connection, with the address of its peer where it is one of TCP.
pub type Accepted = (OwnedFd, Option<SocketAddr>);

/// Accepts one connection, non-blocking and close-on-exec; `None` when none waits.
pub fn accept(listener: impl AsFd) -> io::Result<Option<Accepted>> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    match rustix::net::acceptfrom_with(listener, flags) {
        Ok((fd, address)) => Ok(Some((fd, address.and_then(inet)))),
        Err(e) if is_empty_queue(e) => Ok(None),
        Err(e) => Err(e.into()),
    }
}

/// The same where no peer has an address worth knowing, as on a UNIX socket.
pub fn accept_nameless(listener: impl AsFd) -> io::Result<Option<Accepted>> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    match rustix::net::accept_with(listener, flags) {
        Ok(fd) => Ok(Some((fd, None))),
        Err(e) if is_empty_queue(e) => Ok(None),
        Err(e) => Err(e.into()),
    }
}

/// Errors of accept that mean "nothing here now": the queue is empty or the peer went away.
fn is_empty_queue(e: rustix::io::Errno) -> bool {
    use rustix::io::Errno;
    matches!(e, Errno::AGAIN | Errno::INTR | Errno::CONNABORTED | Errno::PROTO)
}

fn inet(address: SocketAddrAny) -> Option<SocketAddr> {
    SocketAddr::try_from(address).ok()
}

/// Address a TCP socket is bound to.
pub fn local_address(fd: impl AsFd) -> Option<SocketAddr> {
    rustix::net::getsockname(fd).ok().and_then(inet)
}

/// User id of the process at the other end of a UNIX connection.
pub fn peer_uid(fd: impl AsFd) -> io::Result<u32> {
    Ok(sockopt::socket_peercred(fd)?.uid.as_raw())
}

/// TCP_NODELAY.
pub fn set_nodelay(fd: impl AsFd) -> io::Result<()> {
    Ok(sockopt::set_tcp_nodelay(fd, true)?)
}

fn set_int(fd: impl AsFd, level: i32, name: i32, value: i32) -> io::Result<()> {
    // SAFETY: four readable bytes of an int.
    let r = unsafe {
        libc::setsockopt(
            fd.as_fd().as_raw_fd(),
            level,
            name,
            (&raw const value).cast(),
            size_of::<i32>() as libc::socklen_t,
        )
    };
    if r < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// System-wide bound of a listen queue.
pub fn somaxconn() -> Option<i64> {
    std::fs::read_to_string("/proc/sys/net/core/somaxconn").ok()?.trim().parse().ok()
}

/// The number by which the kernel knows a socket, never used again.
pub fn cookie(fd: impl AsFd) -> io::Result<u64> {
    Ok(sockopt::socket_cookie(fd)?)
}

/// Address of a socket of TCP; `None` for any other.
pub fn inet_address(fd: impl AsFd) -> Option<SocketAddr> {
    SocketAddr::try_from(rustix::net::getsockname(fd).ok()?).ok()
}
