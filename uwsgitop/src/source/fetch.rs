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

use crate::source::access::Access;
use crate::source::address::Address;
use crate::source::http;
use crate::source::tls::{Duplex, Tls};

/// Time for one whole document. A server in stats-http mode closes a connection without a request
/// after 4 s, which is worth waiting for, as it tells what is wrong; a longer refresh shows
/// nothing an operator could act on.
const PATIENCE: Duration = Duration::from_secs(5);

/// Largest document kept: a thousand workers with a hundred cores and their request variables
/// stay below it; more is not a stats document.
const LIMIT: usize = 256 << 20;

/// Reads the document that `address` serves; over HTTP the request has this `query` too, unless it
/// is empty. `tls` is what earlier connections to it left.
///
/// # Errors
/// The operating system's reason, a time-out, what is wrong with a secret or a certificate, or an
/// answer that is no HTTP 200 where HTTP was asked for.
pub(crate) fn fetch(
    address: &Address,
    query: &str,
    access: &Access,
    tls: &mut Tls,
) -> io::Result<Vec<u8>> {
    let end = Instant::now() + PATIENCE;
    match address {
        Address::Tcp { host, port } => read_all(&mut Until { stream: tcp(host, *port, end)?, end }),
        Address::Http { tls: encrypted, host, port, path, .. } => {
            let authorization = access.authorization(address)?;
            let target = http::asking(path, query);
            let request = http::request(host, *port, &target, authorization.as_ref());
            let plain = Until { stream: tcp(host, *port, end)?, end };
            let mut stream: Box<dyn Duplex> =
                if *encrypted { tls.over(host, plain, access)? } else { Box::new(plain) };
            stream.write_all(request.as_bytes())?;
            stream.flush()?;
            let answer = read_all(&mut stream)?;
            http::body(&answer).map(<[u8]>::to_vec).map_err(io::Error::other)
        }
        Address::Unix(path) => {
            let stream = unix(&SocketAddrUnix::new(path.as_str())?, end)?;
            read_all(&mut Until { stream, end })
        }
        Address::Abstract(name) => read_all(&mut Until { stream: abstract_name(name, end)?, end }),
    }
}

/// A stream whose waits can be bounded.
trait Timed: Read + Write {
    fn bound(&self, left: Duration) -> io::Result<()>;
}

impl Timed for TcpStream {
    fn bound(&self, left: Duration) -> io::Result<()> {
        self.set_read_timeout(Some(left))?;
        self.set_write_timeout(Some(left))
    }
}

impl Timed for UnixStream {
    fn bound(&self, left: Duration) -> io::Result<()> {
        self.set_read_timeout(Some(left))
    }
}

/// A stream that ends in an error at a moment, however slowly the other side drips.
struct Until<S> {
    stream: S,
    end: Instant,
}

impl<S: Timed> Read for Until<S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream.bound(left(self.end)?)?;
        self.stream.read(buffer).map_err(expired)
    }
}

impl<S: Timed> Write for Until<S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.bound(left(self.end)?)?;
        self.stream.write(bytes).map_err(expired)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

/// The kernel's name for an expired time-out is "try again".
fn expired(error: io::Error) -> io::Error {
    if error.kind() == io::ErrorKind::WouldBlock { late() } else { error }
}

fn read_all(stream: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut document = Vec::new();
    let mut chunk = vec![0; 64 << 10];
    loop {
        match stream.read(&mut chunk) {
            Ok(0) => return Ok(document),
            Ok(n) => document.extend_from_slice(chunk.get(..n).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
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
    let addresses: Vec<_> = (host, port).to_socket_addrs()?.collect();
    for (tried, address) in addresses.iter().enumerate() {
        // One that swallows what is sent to it leaves time to those after it.
        let share = u32::try_from(addresses.len() - tried).unwrap_or(u32::MAX);
        match TcpStream::connect_timeout(address, left(end)? / share) {
            Ok(stream) => return Ok(stream),
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
