//! One client connection and where its request stands.

use std::io::Write;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, OwnedFd};

use uwsgi_proto::proxy::{Awaits, Origin};

use crate::request::Body;
use crate::slab::Key;

/// Where a client stands. Arrows: see the crate's header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// Waits for (the rest of) a head. -> Queued, Flush (refused), gone
    Reading,
    /// A head is complete and waits for a link. -> Busy, Flush (timeout), gone
    Queued,
    /// Served over this link. -> Flush, Queued (link was stale), gone
    Busy(Key),
    /// The response is complete, bytes of it are still to be sent. -> Reading, Linger, gone
    Flush {
        /// The connection serves on afterwards.
        keep: bool,
    },
    /// Everything is sent; input that nobody wants is thrown away, so that the kernel does not
    /// reset the connection under the response. -> gone
    Linger,
}

/// Text of an address or port, without an allocation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Text {
    bytes: [u8; 46],
    len: u8,
}

impl Text {
    const EMPTY: Self = Self { bytes: [0; 46], len: 0 };

    pub(crate) fn new(text: &[u8]) -> Self {
        let mut out = Self::EMPTY;
        let len = text.len().min(out.bytes.len());
        out.bytes[..len].copy_from_slice(&text[..len]);
        out.len = len as u8;
        out
    }

    fn display(value: impl std::fmt::Display) -> Self {
        let mut out = Self::EMPTY;
        let mut rest = &mut out.bytes[..];
        let room = rest.len();
        // The longest address is 45 bytes; what cannot fit cannot be an address.
        let _ = write!(rest, "{value}");
        out.len = (room - rest.len()) as u8;
        out
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) fd: OwnedFd,
    /// Index of the socket it came through.
    pub(crate) front: usize,
    pub(crate) state: State,
    pub(crate) addr: Text,
    pub(crate) port: Text,
    /// The kernel has bytes or an end for us, as far as we know.
    pub(crate) readable: bool,
    /// The kernel takes bytes, as far as we know.
    pub(crate) writable: bool,
    /// The client said it sends no more: read to the end even after a short read.
    pub(crate) ended: bool,
    /// Bytes read and not used: part of a head, or what followed the present request.
    pub(crate) input: Vec<u8>,
    /// How many of them were searched for the end of a head.
    pub(crate) scanned: usize,
    /// Bytes for the worker: packet and body so far.
    pub(crate) packet: Vec<u8>,
    /// How many of them are gone.
    pub(crate) sent: usize,
    /// Body still to come.
    pub(crate) body: Body,
    /// The present request came with a body.
    pub(crate) had_body: bool,
    /// The client waits for `100 Continue`.
    pub(crate) expects: bool,
    /// The client would keep the connection after the present request.
    pub(crate) keep: bool,
    /// Bytes of a response the client has not taken yet.
    pub(crate) output: Vec<u8>,
    /// How many of them are gone.
    pub(crate) output_at: usize,
    /// Bytes of the present response went out.
    pub(crate) responded: bool,
    /// The client may send bytes that nobody will read: see [`State::Linger`].
    pub(crate) surplus: bool,
    /// It came when the router was about to end.
    pub(crate) late: bool,
    /// What its first bytes may be.
    pub(crate) awaits: Awaits,
    /// How long it waited to be accepted, until its first request has taken that along;
    /// microseconds, 0 when nobody knows.
    pub(crate) waited_us: u32,
    /// Tick after which the client is given up.
    pub(crate) deadline: u64,
    /// Tick at which the wheel will ask, 0 when it will not.
    pub(crate) armed: u64,
}

impl Client {
    pub(crate) fn new(fd: OwnedFd, front: usize, peer: Option<SocketAddr>) -> Self {
        let addr = peer.map_or(Text::new(b"0.0.0.0"), |p| Text::display(p.ip().to_canonical()));
        let port = peer.map_or(Text::new(b"0"), |p| Text::display(p.port()));
        Self {
            fd,
            front,
            state: State::Reading,
            addr,
            port,
            readable: true,
            writable: true,
            ended: false,
            input: Vec::new(),
            scanned: 0,
            packet: Vec::new(),
            sent: 0,
            body: Body::Done,
            had_body: false,
            expects: false,
            keep: false,
            output: Vec::new(),
            output_at: 0,
            responded: false,
            waited_us: 0,
            surplus: false,
            late: false,
            awaits: Awaits::Request,
            deadline: 0,
            armed: 0,
        }
    }

    /// Takes over what a PROXY header has said, for all requests of the connection.
    pub(crate) fn name(&mut self, origin: Origin) {
        self.awaits = Awaits::Request;
        match origin {
            Origin::Unsaid => {}
            Origin::Local => (self.addr, self.port) = (Text::new(b"0.0.0.0"), Text::new(b"0")),
            Origin::Client { src, .. } => {
                self.addr = Text::display(src.ip().to_canonical());
                self.port = Text::display(src.port());
            }
        }
    }

    /// True between requests: nothing of the next one is here.
    pub(crate) fn is_idle(&self) -> bool {
        self.state == State::Reading && self.input.is_empty()
    }

    /// True from the head of a request to the end of its response.
    pub(crate) fn is_waiting(&self) -> bool {
        matches!(self.state, State::Queued | State::Busy(_))
    }

    /// The probe at the end of a request: who answered it, or our own status.
    #[inline(never)]
    pub(crate) fn fire_done(&self, gateway: u32, by: Option<(u16, u16)>, status: u16) {
        uwsgi_usdt::gateway__request__done(|| {
            let (worker, core) = by.map_or((-1, -1), |(w, c)| (i32::from(w), i32::from(c)));
            (gateway, self.fd.as_raw_fd(), worker, core, status)
        });
    }

    /// True while bytes of a response wait for the client.
    pub(crate) fn is_full(&self) -> bool {
        self.output_at < self.output.len()
    }

    /// Bytes of a response that wait for the client.
    pub(crate) fn pending(&self) -> usize {
        self.output.len() - self.output_at
    }

    /// Appends to the output, in front of which everything must have been tried already.
    pub(crate) fn keep_output(&mut self, bytes: &[u8]) {
        // What is gone makes room, once that is most of it.
        if self.output_at >= self.pending() {
            self.output.drain(..self.output_at);
            self.output_at = 0;
        }
        self.output.extend_from_slice(bytes);
    }

    /// True when the whole packet went to the worker.
    pub(crate) fn is_sent(&self) -> bool {
        self.sent == self.packet.len()
    }

    /// Ready for the next request; memory of an unusually large one is given back.
    pub(crate) fn reset(&mut self) {
        const KEPT: usize = 4 * 1024;
        self.state = State::Reading;
        self.packet.clear();
        self.sent = 0;
        self.output.clear();
        self.output_at = 0;
        self.responded = false;
        self.scanned = 0;
        for buffer in [&mut self.packet, &mut self.output] {
            buffer.shrink_to(KEPT);
        }
        if self.input.is_empty() {
            self.input.shrink_to(KEPT);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peers_are_named_as_text() {
        let of = |peer: Option<&str>| {
            let (a, _b) = rustix_pair();
            let client = Client::new(a, 0, peer.map(|p| p.parse().unwrap()));
            let text = |t: Text| String::from_utf8(t.as_bytes().to_vec()).unwrap();
            (text(client.addr), text(client.port))
        };
        for (peer, addr, port) in [
            (Some("127.0.0.1:42854"), "127.0.0.1", "42854"),
            (Some("[::ffff:10.0.0.1]:1"), "10.0.0.1", "1"),
            (Some("[2001:db8::1]:65535"), "2001:db8::1", "65535"),
            (None, "0.0.0.0", "0"),
        ] {
            assert_eq!(of(peer), (addr.to_owned(), port.to_owned()));
        }
    }

    fn rustix_pair() -> (OwnedFd, OwnedFd) {
        let (a, b) = std::os::unix::net::UnixStream::pair().unwrap();
        (a.into(), b.into())
    }
}
