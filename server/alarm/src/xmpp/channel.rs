//! The stream to an XMPP server: elements in, text out.

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::node::{self, Next, Node};
use crate::action::Failure;
use crate::net::dial::Stream;
use crate::net::{Trust, plain, tls};

/// No element that concerns us is longer.
const LONGEST: usize = 256 * 1024;

/// An open stream.
pub(super) struct Channel {
    stream: Stream,
    received: Vec<u8>,
    place: String,
    pub(super) encrypted: bool,
}

impl Channel {
    pub(super) fn new(stream: Stream, place: String) -> Self {
        Self { stream, received: Vec::new(), place, encrypted: false }
    }

    /// Opens a stream of XMPP, or opens it anew; what the server can do.
    pub(super) async fn open(&mut self, domain: &str) -> Result<Node, Failure> {
        let domain = quick_xml::escape::escape(domain);
        self.send(&format!(
            "<?xml version='1.0'?><stream:stream to='{domain}' version='1.0' xml:lang='en' \
             xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>"
        ))
        .await?;
        loop {
            match node::next(&self.received, false) {
                Next::Begin(size) => {
                    self.received.drain(..size);
                    break;
                }
                Next::More => self.receive().await?,
                _ => return Err(self.broken("it does not speak XMPP")),
            }
        }
        let features = self.next().await?;
        match features.name.as_str() {
            "features" => Ok(features),
            _ => Err(self.broken("it says nothing about what it can do")),
        }
    }

    /// Sends text.
    pub(super) async fn send(&mut self, text: &str) -> Result<(), Failure> {
        let done = async {
            self.stream.write_all(text.as_bytes()).await?;
            self.stream.flush().await
        };
        done.await.map_err(|error| self.broken(&plain(&error)))
    }

    /// The next element. Dropping this future loses nothing.
    pub(super) async fn next(&mut self) -> Result<Node, Failure> {
        loop {
            match node::next(&self.received, true) {
                Next::Element(node, size) => {
                    self.received.drain(..size);
                    match node.name.as_str() {
                        "error" => return Err(self.broken(&node.condition())),
                        _ => return Ok(node),
                    }
                }
                Next::More => self.receive().await?,
                Next::Broken(why) => return Err(self.broken(&why)),
                Next::End | Next::Begin(_) => return Err(self.broken("it ended the stream")),
            }
        }
    }

    /// Goes on encrypted.
    pub(super) async fn encrypt(&mut self, domain: &str, trust: Trust) -> Result<(), Failure> {
        if !self.received.is_empty() {
            // Somebody in between could have put elements in front of the encrypted stream.
            return Err(Failure::lasting(format!("{} said more than <proceed/>", self.place)));
        }
        let gone: Stream = Box::new(tokio::io::empty());
        let plain = std::mem::replace(&mut self.stream, gone);
        self.stream = tls::over(plain, domain, trust).await?;
        self.encrypted = true;
        Ok(())
    }

    async fn receive(&mut self) -> Result<(), Failure> {
        match self.stream.read_buf(&mut self.received).await {
            Ok(0) => Err(self.broken("it closed the connection")),
            Ok(_) if self.received.len() > LONGEST => Err(self.broken("an element without end")),
            Ok(_) => Ok(()),
            Err(error) => Err(self.broken(&plain(&error))),
        }
    }

    fn broken(&self, why: &str) -> Failure {
        Failure::passing(format!("lost the XMPP server ({}: {why})", self.place))
    }
}
