//! Datagrams over UDP or a UNIX socket: what `socket`, `statsd` and their kin send.
//!
//! A push is many datagrams. The first that cannot be sent ends the push, except that a receiver
//! that is not there costs that datagram alone. One that has no room is waited for until the
//! deadline of the push; that happens to UNIX sockets only.

use std::io;
use std::net::SocketAddr::{V4, V6};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::{self, net::SocketAddr};
use std::time::{Duration, Instant};

use tokio::net::{UdpSocket, UnixDatagram};
use uwsgi_net::{Failure, names, plain};

use crate::address::Address;
use crate::instance::{Sending, Transport};
use crate::lane::{Policy, Retry};

/// A name is looked up again after this time.
const RESOLVED_FOR: Duration = Duration::from_secs(60);

/// Newer numbers replace what could not be sent.
pub(crate) const POLICY: Policy =
    Policy { pushes: 1, bytes: 16 << 20, retry: Retry::Never, deadline: Duration::from_secs(3) };

/// One push: datagrams end to end, and where each of them ends.
#[derive(Debug, Default)]
pub(crate) struct Datagrams {
    pub(crate) bytes: Vec<u8>,
    pub(crate) ends: Vec<usize>,
}

impl Datagrams {
    /// Ends the datagram that was written to `bytes`.
    pub(crate) fn end(&mut self) {
        self.ends.push(self.bytes.len());
    }

    /// The datagrams.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).filter_map(|(start, end)| self.bytes.get(start..*end))
    }
}

/// Sends datagrams to one address.
pub(crate) struct Sender {
    address: Address,
    /// What an error is called in the log: `statsd_send_metric()/sendto()`.
    call: &'static str,
    socket: Option<Socket>,
    since: Instant,
}

enum Socket {
    Udp(UdpSocket),
    Unix(UnixDatagram),
}

impl Sender {
    pub(crate) fn new(address: Address, call: &'static str) -> Sender {
        Sender { address, call, socket: None, since: Instant::now() }
    }

    async fn push(&mut self, datagrams: &Datagrams) -> Result<(), Failure> {
        let named = |e: &io::Error| Failure::passing(format!("{}: {}", self.call, plain(e)));
        if self.since.elapsed() > RESOLVED_FOR {
            self.socket = None;
        }
        if self.socket.is_none() {
            self.socket = Some(open(&self.address).await.map_err(|e| named(&e))?);
            self.since = Instant::now();
        }
        let Some(socket) = &self.socket else { return Ok(()) };
        let mut refused = None;
        for datagram in datagrams.iter() {
            match socket.send(datagram).await {
                Ok(()) => {}
                // Nobody listens: that is the answer to the datagram before this one, and whoever
                // starts to listen gets the rest.
                Err(e) if e.kind() == io::ErrorKind::ConnectionRefused => refused = Some(named(&e)),
                Err(e) => {
                    let failure = named(&e);
                    self.socket = None;
                    return Err(failure);
                }
            }
        }
        refused.map_or(Ok(()), Err)
    }
}

impl Transport<Datagrams> for Sender {
    fn send<'a>(&'a mut self, datagrams: &'a Datagrams) -> Sending<'a> {
        Box::pin(self.push(datagrams))
    }
}

impl Socket {
    // One system call for many datagrams was measured and saves nothing: the way through the
    // kernel's network code costs all of it. Fewer datagrams do.
    async fn send(&self, datagram: &[u8]) -> io::Result<()> {
        match self {
            Socket::Udp(socket) => socket.send(datagram).await,
            Socket::Unix(socket) => socket.send(datagram).await,
        }
        .map(|_| ())
    }
}

async fn open(address: &Address) -> io::Result<Socket> {
    match address {
        Address::Unix(path) => {
            let socket = unix::net::UnixDatagram::unbound()?;
            match path.as_os_str().as_bytes() {
                [b'@', name @ ..] => socket.connect_addr(&SocketAddr::from_abstract_name(name)?)?,
                _ => socket.connect(path)?,
            }
            socket.set_nonblocking(true)?;
            Ok(Socket::Unix(UnixDatagram::from_std(socket)?))
        }
        Address::Net(host, port) => {
            let found = names::lookup(host, *port).await?;
            let to = *found.first().ok_or(io::ErrorKind::NotFound)?;
            let from: IpAddr = match to {
                V4(_) => Ipv4Addr::UNSPECIFIED.into(),
                V6(_) => Ipv6Addr::UNSPECIFIED.into(),
            };
            let socket = UdpSocket::bind((from, 0)).await?;
            socket.connect(to).await?;
            Ok(Socket::Udp(socket))
        }
    }
}
