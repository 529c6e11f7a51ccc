//! One message and its answer, at the first of several servers that gives one.
//!
//! The server that answered last is asked first. A proxy of a group may name another one that has
//! the host now; that one is asked until it fails. A connection carries one message, as the protocol
//! wants it.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use uwsgi_net::dial::{self, Stream};
use uwsgi_net::{Failure, Trust, plain, tls, within};

use super::answer::{self, Answer};
use super::frame;
use crate::address::Address;

/// The port of servers and proxies.
const PORT: u16 = 10051;
/// How often a message may be sent on to another proxy.
const REDIRECTS: usize = 3;

/// Encryption, and the name that the server's certificate must have in place of its address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Tls {
    pub(super) trust: Trust,
    pub(super) name: Option<String>,
}

/// See the module.
pub(super) struct Link {
    servers: Vec<Address>,
    /// The one that answered last.
    at: usize,
    /// Where a proxy sent us.
    elsewhere: Option<Address>,
    timeout: Duration,
    tls: Option<Tls>,
}

/// Reads the address of a server, whose port may be missing.
pub(super) fn address(text: &str) -> Option<Address> {
    let whole = || (!text.is_empty()).then(|| format!("{text}:{PORT}"));
    Address::parse(text).or_else(|| Address::parse(&whole()?))
}

impl Link {
    pub(super) fn new(servers: Vec<Address>, timeout: Duration, tls: Option<Tls>) -> Link {
        Link { servers, at: 0, elsewhere: None, timeout, tls }
    }

    /// Sends a message and returns the answer, which says success.
    pub(super) async fn exchange(&mut self, message: &[u8]) -> Result<Vec<u8>, Failure> {
        for _ in 0..=REDIRECTS {
            let (place, text) = self.first_answer(message).await?;
            let failed = |why: &str| Err(named(&place, "read", why));
            match answer::read(&text) {
                Ok(Answer::Taken { .. }) => return Ok(text),
                Ok(Answer::Failed(info)) => return failed(&format!("refused: {info}")),
                Ok(Answer::Elsewhere(to)) => match address(&to) {
                    // A server has no say in what is opened on this machine.
                    Some(to @ Address::Net(..)) => self.elsewhere = Some(to),
                    Some(Address::Unix(_)) | None => {
                        return failed("it sends us to an address that is none");
                    }
                },
                Ok(Answer::Nowhere) => {
                    self.elsewhere = None;
                    return failed("no proxy of the group has the host now");
                }
                Err(why) => return failed(why),
            }
        }
        Err(Failure::passing("stats_pusher_zabbix()/read(): proxies send us from one to the other"))
    }

    async fn first_answer(&mut self, message: &[u8]) -> Result<(String, Vec<u8>), Failure> {
        if let Some(server) = self.elsewhere.clone() {
            match self.ask(&server, message).await {
                Ok(text) => return Ok((server.to_string(), text)),
                Err(_) => self.elsewhere = None,
            }
        }
        let mut last = Failure::lasting("stats_pusher_zabbix()/connect(): no server");
        for step in 0..self.servers.len() {
            let index = (self.at + step) % self.servers.len();
            let Some(server) = self.servers.get(index).cloned() else { break };
            match self.ask(&server, message).await {
                Ok(text) => {
                    self.at = index;
                    return Ok((server.to_string(), text));
                }
                Err(failure) => last = failure,
            }
        }
        Err(last)
    }

    async fn ask(&self, server: &Address, message: &[u8]) -> Result<Vec<u8>, Failure> {
        let place = server.to_string();
        let timeout = self.timeout;
        let work = async {
            let stream = self.open(server).await;
            let stream = stream.map_err(|f| Failure {
                text: format!("stats_pusher_zabbix()/connect(): {}", f.text),
                again: f.again,
            })?;
            dialogue(stream, &place, message).await
        };
        within(timeout, &place, work).await
    }

    async fn open(&self, server: &Address) -> Result<Stream, Failure> {
        let stream: Stream = match server {
            Address::Net(host, port) => Box::new(dial::connect(host, *port, self.timeout).await?),
            Address::Unix(path) => {
                let stream = UnixStream::connect(path).await;
                let trouble = |e| Failure::passing(format!("{} ({})", plain(&e), path.display()));
                Box::new(stream.map_err(trouble)?)
            }
        };
        let Some(tls) = &self.tls else { return Ok(stream) };
        let host = match (&tls.name, server) {
            (Some(name), _) => name,
            (None, Address::Net(host, _)) => host,
            (None, Address::Unix(_)) => "localhost",
        };
        tls::over(stream, host, tls.trust).await
    }
}

fn named(place: &str, call: &str, why: &str) -> Failure {
    Failure::passing(format!("stats_pusher_zabbix()/{call}(): {why} ({place})"))
}

async fn dialogue(mut stream: Stream, place: &str, message: &[u8]) -> Result<Vec<u8>, Failure> {
    let write = |e: io::Error| named(place, "write", &plain(&e));
    stream.write_all(message).await.map_err(write)?;
    stream.flush().await.map_err(write)?;
    let text = answer(&mut stream).await.map_err(|why| named(place, "read", &why))?;
    // An encrypted stream says goodbye; what becomes of that does not matter.
    let _ = stream.shutdown().await;
    Ok(text)
}

async fn answer(stream: &mut Stream) -> Result<Vec<u8>, String> {
    let cut = |e: io::Error| match e.kind() {
        io::ErrorKind::UnexpectedEof => "the answer is missing or cut off".to_owned(),
        _ => plain(&e),
    };
    let mut header = [0; frame::LONG];
    let mut first = [0; frame::SHORT];
    stream.read_exact(&mut first).await.map_err(cut)?;
    let length = frame::head_length(first)?;
    let (short, rest) = header.split_at_mut(frame::SHORT);
    short.copy_from_slice(&first);
    if let Some(rest) = rest.get_mut(..length - frame::SHORT) {
        stream.read_exact(rest).await.map_err(cut)?;
    }
    let head = frame::head(header.get(..length).unwrap_or(&header))?;
    // The length is only a promise: memory grows with what truly comes.
    let mut data = Vec::new();
    let read = stream.take(head.length as u64).read_to_end(&mut data).await.map_err(cut)?;
    if read < head.length {
        return Err("the answer is missing or cut off".to_owned());
    }
    Ok(frame::unwrap(head, data)?)
}
