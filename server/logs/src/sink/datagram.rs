//! Receivers of datagrams: plain ones, syslog, Graylog, the journal, encrypted ones.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs, UdpSocket};
use std::os::unix::net::UnixDatagram;

use super::{Facts, Message, Sink};
use crate::Moment;
use crate::logger::{Address, Kind};
use crate::wire::crypto::Cipher;
use crate::wire::{gelf, journal, syslog};

/// Where the journal listens.
const JOURNAL: &str = "/run/systemd/journal/socket";

/// Where the system's log listens.
const SYSLOG: &str = "/dev/log";

/// Bytes of a message that a datagram of the journal surely takes.
const MOST: usize = 100 << 10;

/// How a message becomes datagrams.
enum Form {
    Plain(String),
    Syslog { priority: u16, id: String },
    Rsyslog { priority: u16, id: String, size: usize, split: bool },
    Graylog { host: String, version: String },
    Journal,
    Crypto(Cipher),
}

/// See the module.
pub(super) struct Datagrams {
    to: Address,
    form: Form,
    socket: Option<Socket>,
}

enum Socket {
    Udp(UdpSocket),
    Unix(UnixDatagram),
}

impl Datagrams {
    pub(super) fn new(kind: &Kind, facts: &Facts) -> Result<Datagrams, String> {
        let path = |path: &str| Address::Path(path.to_owned());
        let (to, form) = match kind {
            Kind::Socket(to, prefix) => (to.clone(), Form::Plain(prefix.clone())),
            Kind::Syslog { ident, facility } => {
                let priority = u16::from(*facility) << 3 | syslog::INFO;
                (path(SYSLOG), Form::Syslog { priority, id: ident.clone() })
            }
            Kind::Rsyslog { to, id, priority } => {
                let own = || format!("{} uwsgi", facts.hostname);
                let (size, split) = (facts.rsyslog_packet, facts.rsyslog_split);
                let id = id.clone().unwrap_or_else(own);
                (to.clone(), Form::Rsyslog { priority: *priority, id, size, split })
            }
            Kind::Graylog2 { to, host } => {
                (to.clone(), Form::Graylog { host: host.clone(), version: facts.version.clone() })
            }
            Kind::Crypto { to, algorithm, secret, iv, prefix } => {
                let cipher = Cipher::new(algorithm, secret, iv.as_deref(), prefix.as_deref())?;
                (to.clone(), Form::Crypto(cipher))
            }
            _ => (path(JOURNAL), Form::Journal),
        };
        Ok(Datagrams { to, form, socket: None })
    }

    fn send(&mut self, message: &[u8], at: Moment) -> io::Result<()> {
        let socket = match &self.socket {
            Some(socket) => socket,
            None => self.socket.insert(connect(&self.to)?),
        };
        for packet in self.form.packets(message, at) {
            match socket.send(&packet) {
                // Nobody can receive it: it is settled.
                Err(e) if e.raw_os_error() == Some(rustix::io::Errno::MSGSIZE.raw_os_error()) => {}
                Err(e) => return Err(e),
                Ok(_) => {}
            }
        }
        Ok(())
    }
}

impl Form {
    fn packets(&self, message: &[u8], at: Moment) -> Vec<Vec<u8>> {
        match self {
            Form::Plain(prefix) => vec![[prefix.as_bytes(), message].concat()],
            Form::Syslog { priority, id } => vec![syslog::whole(*priority, id, message, at)],
            Form::Rsyslog { priority, id, size, split } => {
                syslog::packets(*priority, id, message, at, *size, *split)
            }
            Form::Graylog { host, version } => {
                gelf::packet(host, version, message, at).into_iter().collect()
            }
            Form::Journal => {
                let message = message.get(..MOST).unwrap_or(message);
                let fields = [("PRIORITY", "6"), ("SYSLOG_IDENTIFIER", "uwsgi")];
                vec![journal::entry(message, &fields)]
            }
            Form::Crypto(cipher) => vec![cipher.packet(message, at)],
        }
    }
}

fn connect(to: &Address) -> io::Result<Socket> {
    match to {
        Address::Path(path) => {
            let socket = UnixDatagram::unbound()?;
            socket.set_write_timeout(Some(super::PATIENCE))?;
            socket.connect(path)?;
            Ok(Socket::Unix(socket))
        }
        Address::Host(host, port) => {
            let missing = || io::Error::new(io::ErrorKind::NotFound, "the name has no address");
            let address = (host.as_str(), *port).to_socket_addrs()?.next().ok_or_else(missing)?;
            let any: SocketAddr = match address.is_ipv4() {
                true => ([0, 0, 0, 0], 0).into(),
                false => ([0u16; 8], 0).into(),
            };
            let socket = UdpSocket::bind(any)?;
            socket.set_write_timeout(Some(super::PATIENCE))?;
            socket.connect(address)?;
            Ok(Socket::Udp(socket))
        }
    }
}

impl Socket {
    /// That nobody listens at a UDP port is said with the next datagram, and is no reason to keep
    /// either: a receiver that comes back gets what comes then.
    fn send(&self, packet: &[u8]) -> io::Result<usize> {
        match self {
            Socket::Unix(socket) => socket.send(packet),
            Socket::Udp(socket) => match socket.send(packet) {
                Err(e) if e.kind() == io::ErrorKind::ConnectionRefused => socket.send(packet),
                sent => sent,
            },
        }
    }
}

impl Sink for Datagrams {
    fn deliver(&mut self, messages: &[Message]) -> (usize, io::Result<()>) {
        for (done, Message { at, text }) in messages.iter().enumerate() {
            if let Err(e) = self.send(text, *at) {
                self.socket = None;
                return (done, Err(e));
            }
        }
        (messages.len(), Ok(()))
    }

    fn reopen(&mut self) {
        self.socket = None;
    }
}
