//! A connection to an address of ours, for commands that talk to a running instance.

use std::fs::File;
use std::io;
use std::net::TcpStream;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use rustix::net::sockopt::{Timeout, set_socket_timeout};

use crate::address::{self, Address};

/// Without a limit, to an address of this host.
const LONG: Duration = Duration::from_secs(60);

/// Connects to `text`; an empty host is this machine. With a limit no single step takes longer.
pub(crate) fn dial(text: &str, limit: Option<Duration>) -> io::Result<File> {
    let invalid = |e: String| io::Error::new(io::ErrorKind::InvalidInput, e);
    let fd: OwnedFd = match address::parse(text, false).map_err(invalid)? {
        Address::Tcp { host, port } => {
            let host = if host.is_empty() { "127.0.0.1".to_owned() } else { host };
            let to = address::resolve(&host, port).map_err(invalid)?;
            match limit {
                Some(limit) => TcpStream::connect_timeout(&to, limit)?.into(),
                None => TcpStream::connect(to)?.into(),
            }
        }
        Address::Unix(path) => UnixStream::connect(path)?.into(),
        Address::Abstract { name, .. } => abstract_stream(&name)?.into(),
        Address::Auto { prefix, port } => {
            let (host, _) = address::of_this_host(&prefix).map_err(invalid)?;
            TcpStream::connect_timeout(&(host, port).into(), limit.unwrap_or(LONG))?.into()
        }
        Address::Shared(_) => return Err(invalid(format!("{text} is no address to connect to"))),
        Address::Fd(n) => uwsgi_sys::fd::adopt(n)?,
    };
    if limit.is_some() && rustix::net::getsockname(fd.as_fd()).is_ok() {
        set_socket_timeout(&fd, Timeout::Recv, limit)?;
        set_socket_timeout(&fd, Timeout::Send, limit)?;
    }
    Ok(fd.into())
}

/// The traditional form of the name first, then the exact one.
fn abstract_stream(name: &[u8]) -> io::Result<UnixStream> {
    let padded: Vec<u8> = name.iter().copied().chain([0]).collect();
    let fd = uwsgi_sys::socket::connect_abstract(&padded)
        .or_else(|_| uwsgi_sys::socket::connect_abstract(name))?;
    let stream = UnixStream::from(fd);
    stream.set_nonblocking(false)?;
    Ok(stream)
}
