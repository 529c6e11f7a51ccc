//! One document from one address: connect, read to the end, under a deadline.
//!
//! Owns the sockets. Refuses to wait longer than [`PATIENCE`] in all, or to keep more than
//! [`LIMIT`] bytes, whatever the other side does.

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with};

use crate::address::Address;
use crate::http;

/// Time for one whole document. A server in stats-http mode closes a connection without a request
/// after 4 s, which is worth waiting for, as it tells what is wrong; a longer refresh shows
/// nothing an operator could act on.
const PATIENCE: Duration = Duration::from_secs(5);

/// Largest document kept: a thousand workers with a hundred cores and their request variables
/// stay below it; more is not a stats document.
const LIMIT: usize = 256 << 20;

/// Reads the document that `address` serves.
///
/// # Errors
/// The operating system's reason, a time-out, or an answer that is no HTTP 200 where HTTP was
/// asked for.
pub(crate) fn fetch(address: &Address) -> io::Result<Vec<u8>> {
    let end = Instant::now() + PATIENCE;
    match address {
        Address::Tcp { host, port } => read_all(&mut tcp(host, *port, end)?, end),
        Address::Http { host, port, path } => {
            let mut stream = tcp(host, *port, end)?;
            stream.write_all(http::request(host, *port, path).as_bytes())?;
            let answer = read_all(&mut stream, end)?;
            http::body(&answer).map(<[u8]>::to_vec).map_err(io::Error::other)
        }
        Address::Unix(path) => read_all(&mut unix(&SocketAddrUnix::new(path.as_str())?, end)?, end),
        Address::Abstract(name) => read_all(&mut abstract_name(name, end)?, end),
    }
}

/// A stream whose reads can be bounded.
trait Timed: Read {
    fn bound(&self, left: Duration) -> io::Result<()>;
}

impl Timed for TcpStream {
    fn bound(&self, left: Duration) -> io::Result<()> {
        self.set_read_timeout(Some(left))
    }
}

impl Timed for UnixStream {
    fn bound(&self, left: Duration) -> io::Result<()> {
        self.set_read_timeout(Some(left))
    }
}

fn read_all(stream: &mut impl Timed, end: Instant) -> io::Result<Vec<u8>> {
    let mut document = Vec::new();
    let mut chunk = vec![0; 64 << 10];
    loop {
        stream.bound(left(end)?)?;
        match stream.read(&mut chunk) {
            Ok(0) => return Ok(document),
            Ok(n) => document.extend_from_slice(chunk.get(..n).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            // The kernel's name for an expired read time-out is "try again".
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Err(late()),
            Err(error) => return Err(error),
        }
        if document.len() > LIMIT {
            return Err(io::Error::other(format!("the document is larger than {LIMIT} bytes")));
        }
    }
}

fn tcp(host: &str, port: u16, end: Instant) -> io::Result<TcpStream> {
    let host = if host.is_empty() { "localhost" } else { host };
    let mut last = io::Error::new(io::ErrorKind::NotFound, format!("\"{host}\" has no address"));
    for address in (host, port).to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, left(end)?) {
            Ok(stream) => {
                stream.set_write_timeout(Some(left(end)?))?;
                return Ok(stream);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Servers differ: some bind the bare name, the C server counts its closing NUL in. Both are
/// tried, the longer first, as it is the one that cannot belong to anybody else.
fn abstract_name(name: &str, end: Instant) -> io::Result<UnixStream> {
    let closed = [name.as_bytes(), b"\0"].concat();
    unix(&SocketAddrUnix::new_abstract_name(&closed)?, end).or_else(|_| {
        let open = SocketAddrUnix::new_abstract_name(name.as_bytes())?;
        unix(&open, end)
    })
}

/// Connecting to a UNIX socket whose backlog is full blocks, so the send time-out, which the
/// kernel applies to connect as well, is set first.
fn unix(address: &SocketAddrUnix, end: Instant) -> io::Result<UnixStream> {
    let fd = socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    set_socket_timeout(&fd, Timeout::Send, Some(left(end)?))?;
    match connect(&fd, address) {
        Ok(()) => Ok(UnixStream::from(fd)),
        Err(rustix::io::Errno::AGAIN) => Err(late()),
        Err(error) => Err(error.into()),
    }
}

fn left(end: Instant) -> io::Result<Duration> {
    let left = end.saturating_duration_since(Instant::now());
    if left.is_zero() { Err(late()) } else { Ok(left) }
}

fn late() -> io::Error {
    io::Error::new(
        io::ErrorKind::TimedOut,
        format!("no whole answer within {} s", PATIENCE.as_secs()),
    )
}
