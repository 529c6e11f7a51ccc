//! Sockets and descriptors that an application handles by number.
//!
//! It owns the conventions of these functions: numbers in, `None` or -1 for what failed. It
//! refuses to keep any of them.

use std::io;
use std::net::{TcpStream, ToSocketAddrs};
use std::os::fd::{IntoRawFd, OwnedFd};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixStream};
use std::time::Duration;

use crate::ffi::Method;
use crate::guard::{Args, builtin};
use crate::obj::Obj;
use crate::raise::Res;
use crate::state::unlocked;

/// The functions of this file.
pub(crate) static FUNCTIONS: [Method; 4] = [
    Method::new(c"is_connected", is_connected),
    Method::new(c"recv", recv),
    Method::new(c"close", close),
    Method::new(c"connect", connect),
];

/// Most bytes of one `recv`.
const MOST: usize = 4096;

fn descriptor(args: &Args<'_>) -> Res<i32> {
    Ok(i32::try_from(args.need(0)?.as_int()?).unwrap_or(-1))
}

/// Writes all of it; false when that cannot be. Waits where the descriptor does not.
pub(crate) fn write_all(fd: i32, mut data: &[u8]) -> bool {
    while !data.is_empty() {
        // SAFETY: `data.len()` readable bytes; a bad descriptor is an error, not undefined.
        let n = unsafe { libc::write(fd, data.as_ptr().cast(), data.len()) };
        match usize::try_from(n) {
            Ok(n) => data = data.get(n..).unwrap_or_default(),
            Err(_) => match io::Error::last_os_error().kind() {
                io::ErrorKind::Interrupted => {}
                io::ErrorKind::WouldBlock if writable(fd) => {}
                _ => return false,
            },
        }
    }
    true
}

fn writable(fd: i32) -> bool {
    let mut poll = libc::pollfd { fd, events: libc::POLLOUT, revents: 0 };
    // SAFETY: one entry of our own.
    unsafe { libc::poll(&raw mut poll, 1, -1) > 0 }
}

builtin!(is_connected = "is_connected", |_s, args| {
    args.exactly(1)?;
    let fd = descriptor(&args)?;
    let (mut error, mut size): (i32, libc::socklen_t) = (0, 4);
    let (place, size) = ((&raw mut error).cast(), &raw mut size);
    // SAFETY: four bytes for the answer; a bad descriptor is an error, not undefined.
    let known = unsafe { libc::getsockopt(fd, libc::SOL_SOCKET, libc::SO_ERROR, place, size) };
    Obj::bool(known == 0 && error == 0)
});

builtin!(recv = "recv", |_s, args| {
    args.at_most(2)?;
    let fd = descriptor(&args)?;
    let most = usize::try_from(args.int_or(1, 4096)?).unwrap_or(0).min(MOST);
    let mut room = [0u8; MOST];
    // SAFETY: `most` writable bytes; a bad descriptor is an error, not undefined.
    let n = unlocked(|| unsafe { libc::read(fd, room.as_mut_ptr().cast(), most) });
    match usize::try_from(n).ok().and_then(|n| room.get(..n)) {
        Some(data) if !data.is_empty() => Obj::bytes(data),
        _ => Ok(Obj::none()),
    }
});

builtin!(close = "close", |_s, args| {
    args.exactly(1)?;
    let fd = descriptor(&args)?;
    // SAFETY: the application says that this descriptor is its own.
    unlocked(|| unsafe { libc::close(fd) });
    Ok(Obj::none())
});

builtin!(connect = "connect", |_s, args| {
    args.at_most(2)?;
    let address = String::from_utf8_lossy(args.text(0)?).into_owned();
    let limit = u64::try_from(args.int_or(1, 0)?).ok().filter(|&seconds| seconds > 0);
    let fd = unlocked(|| open(&address, limit.map(Duration::from_secs)));
    Obj::int(fd.map_or(-1, |fd| i64::from(fd.into_raw_fd())))
});

/// Connects to `/path`, `@abstract` or `host:port`, where no host is this machine. Abstract names have a
/// NUL at their end, as servers of this family bind them, or none.
fn open(address: &str, limit: Option<Duration>) -> io::Result<OwnedFd> {
    if let Some(name) = address.strip_prefix('@') {
        let connect = |name: &[u8]| {
            let address = SocketAddr::from_abstract_name(name)?;
            UnixStream::connect_addr(&address).map(OwnedFd::from)
        };
        let padded = [name.as_bytes(), &[0]].concat();
        return connect(&padded).or_else(|_| connect(name.as_bytes()));
    }
    if !address.contains(':') {
        return UnixStream::connect(address).map(OwnedFd::from);
    }
    let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
    let host = if address.starts_with(':') { "127.0.0.1" } else { "" };
    for place in format!("{host}{address}").to_socket_addrs()? {
        let opened = match limit {
            Some(limit) => TcpStream::connect_timeout(&place, limit),
            None => TcpStream::connect(place),
        };
        match opened {
            Ok(stream) => return Ok(stream.into()),
            Err(e) => last = e,
        }
    }
    Err(last)
}
