//! Gets a push to one server: over a connection of its own, encrypted where that is asked for, or
//! in datagrams.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::time::{Instant, timeout};
use uwsgi_net::dial::{self, Stream};
use uwsgi_net::{Failure, Trust, names, plain, tls};

use super::encode::Push;
use super::server::{Carrier, Server};
use super::state::Delivered;
use crate::Log;
use crate::address::Address;
use crate::datagrams::{Datagrams, Sender};
use crate::instance::{Sending, Transport};

/// Largest datagram: what every network takes in one piece.
const DATAGRAM: usize = 1400;

/// Time in which a server may say that it threw the push away.
const FAREWELL: Duration = Duration::from_millis(100);

/// See the module.
pub(super) struct Courier {
    pub(super) server: Server,
    pub(super) timeout: Duration,
    /// Names may be looked up.
    pub(super) resolve: bool,
    pub(super) delivered: Arc<Delivered>,
    pub(super) log: Log,
    /// The push that failed last, and how often it did.
    pub(super) failed: Option<(u64, u32)>,
}

impl Transport<Push> for Courier {
    fn send<'a>(&'a mut self, push: &'a Push) -> Sending<'a> {
        Box::pin(async move {
            let failed = self.failed.filter(|(number, _)| *number == push.number);
            let errors = failed.map_or(0, |(_, errors)| errors);
            if errors > 0 {
                let host = self.server.host();
                (self.log)(&format!("[carbon] Retrying failed server at {host} ({errors})"));
            }
            // An attempt that is dropped has failed as well.
            self.failed = Some((push.number, errors + 1));
            self.carry(push).await?;
            self.failed = None;
            self.delivered.note(push.requests);
            Ok(())
        })
    }
}

impl Courier {
    async fn carry(&self, push: &Push) -> Result<(), Failure> {
        if self.server.is_named() && !self.resolve {
            return Err(self.unreachable(None));
        }
        if self.server.carrier == Carrier::Datagrams {
            return self.datagrams(push).await;
        }
        let stream = match timeout(self.timeout, self.connect()).await {
            Ok(stream) => stream?,
            Err(_) => return Err(self.unreachable(Some("no answer in time"))),
        };
        match timeout(self.timeout, write(stream, &push.bytes)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(self.broken(&plain(&error))),
            Err(_) => Err(self.broken("it takes nothing")),
        }
    }

    async fn connect(&self) -> Result<Stream, Failure> {
        let stream: Stream = match &self.server.address {
            Address::Unix(path) => match UnixStream::connect(path).await {
                Ok(stream) => Box::new(stream),
                Err(error) => return Err(self.unreachable(Some(&plain(&error)))),
            },
            Address::Net(host, port) => Box::new(self.dial(host, *port).await?),
        };
        match (&self.server.address, self.server.carrier) {
            (Address::Net(host, _), Carrier::Tls) => {
                tls::over(stream, host, Trust::System).await.map_err(|failure| Failure {
                    again: failure.again,
                    ..self.unreachable(Some(&failure.text))
                })
            }
            _ => Ok(stream),
        }
    }

    /// To the first address of the host that answers.
    async fn dial(&self, host: &str, port: u16) -> Result<tokio::net::TcpStream, Failure> {
        let until = Instant::now() + self.timeout;
        let found = names::lookup(host, port).await.unwrap_or_default();
        if found.is_empty() {
            return Err(self.unknown(host));
        }
        for (index, address) in found.iter().enumerate() {
            // A silent address must leave time for those behind it.
            let left = until.saturating_duration_since(Instant::now());
            let share = left / (found.len() - index) as u32;
            let ip = address.ip().to_string();
            if let Ok(stream) = dial::connect(&ip, address.port(), share).await {
                return Ok(stream);
            }
        }
        Err(self.unreachable(None))
    }

    async fn datagrams(&self, push: &Push) -> Result<(), Failure> {
        let mut sender = Sender::new(self.server.address.clone(), "sendto()");
        let packed = pack(&push.bytes);
        match timeout(self.timeout, sender.send(&packed)).await {
            Ok(sent) => sent.map_err(|failure| self.broken(&failure.text)),
            Err(_) => Err(self.broken("no answer in time")),
        }
    }

    /// The words of the original; what only this server can reach says why besides.
    fn unreachable(&self, why: Option<&str>) -> Failure {
        let server = &self.server;
        let known = server.carrier == Carrier::Stream && matches!(server.address, Address::Net(..));
        let why = why.filter(|_| !known).map(|why| format!(" ({why})")).unwrap_or_default();
        Failure::passing(format!("[carbon] Could not connect to carbon server at {server}{why}"))
    }

    fn unknown(&self, host: &str) -> Failure {
        Failure::passing(format!("[carbon] Could not resolve hostname {host}"))
    }

    fn broken(&self, why: &str) -> Failure {
        let server = &self.server;
        Failure::passing(format!("[carbon] Could not send to carbon server at {server} ({why})"))
    }
}

/// Writes everything and ends the connection. A server that resets it then did not read it all; one
/// that just keeps it open is not waited for.
async fn write(mut stream: Stream, bytes: &[u8]) -> io::Result<()> {
    stream.write_all(bytes).await?;
    stream.shutdown().await?;
    let mut ignored = [0; 512];
    let last = async {
        loop {
            match stream.read(&mut ignored).await {
                Ok(0) => return Ok(()),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return Err(error),
                Err(_) => return Ok(()),
            }
        }
    };
    timeout(FAREWELL, last).await.unwrap_or(Ok(()))
}

/// Whole lines, as many in each datagram as fit.
fn pack(bytes: &[u8]) -> Datagrams {
    let mut packed = Datagrams { bytes: bytes.to_vec(), ends: Vec::new() };
    let (mut start, mut end) = (0, 0);
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        if end > start && end + line.len() - start > DATAGRAM {
            packed.ends.push(end);
            start = end;
        }
        end += line.len();
    }
    if end > start {
        packed.ends.push(end);
    }
    packed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn datagrams_are_whole_lines_of_a_bounded_size() {
        let line = format!("{}\n", "x".repeat(99));
        let long = format!("{}\n", "y".repeat(2000));
        for (text, sizes) in [
            (line.repeat(14), vec![1400]),
            (line.repeat(15), vec![1400, 100]),
            (format!("{line}{long}{line}"), vec![100, 2001, 100]),
            (String::new(), vec![]),
        ] {
            let packed = pack(text.as_bytes());
            let found: Vec<usize> = packed.iter().map(<[u8]>::len).collect();
            assert_eq!(found, sizes);
            assert_eq!(packed.iter().collect::<Vec<_>>().concat(), text.as_bytes());
        }
    }
}
