//! A client connection of a worker.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, OwnedFd};

use uwsgi_metrics::Gauge;
use uwsgi_proto::proxy::Awaits;

use super::app::AppCount;
use super::arriving::Arriving;
use super::outbox::Outbox;
use super::request::Asker;
use super::trouble::Trouble;
use crate::settings::Protocol;

/// The address of a client that has none.
pub(crate) const NOBODY: &str = "0.0.0.0";

/// What a parked connection waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Waiting {
    /// The rest of a request (or the first byte of the first one).
    Request,
    /// The next request on a connection that has served one.
    Next,
    /// The client, which takes an answer slowly.
    Client,
}

/// The rest of an answer, and what comes after it.
pub(crate) struct Drain {
    pub(crate) outbox: Outbox,
    /// The connection may serve another request.
    pub(crate) keep: bool,
    /// The app that has answered.
    pub(crate) app: Option<AppCount>,
    /// Whose answer it is, for the log.
    pub(crate) asker: Asker,
    /// Bytes of it that went out.
    pub(crate) sent: u64,
    /// For how long its client was waited for, milliseconds.
    pub(crate) waited_ms: u64,
    /// The router knows by it that this link costs no core.
    pub(crate) _told: Option<LinkDrains>,
}

/// As long as it lives, one more link of a router drains.
pub(crate) struct LinkDrains(&'static Gauge);

impl LinkDrains {
    pub(crate) fn new(links: &'static Gauge) -> LinkDrains {
        links.add_shared(1);
        LinkDrains(links)
    }
}

impl Drop for LinkDrains {
    fn drop(&mut self) {
        self.0.sub_shared(1);
    }
}

/// Beside the client's address, as text.
pub(crate) struct Named {
    pub(crate) remote_port: String,
    pub(crate) server_addr: String,
    pub(crate) server_port: String,
}

/// One client.
pub(crate) struct Conn {
    pub(crate) fd: OwnedFd,
    pub(crate) protocol: Protocol,
    /// Index of the socket it came through.
    pub(crate) listener: u32,
    /// Address text, `0.0.0.0` for UNIX peers; that of a PROXY header once one has come.
    pub(crate) peer: Cow<'static, str>,
    pub(crate) tcp: bool,
    /// What its first bytes may be.
    pub(crate) awaits: Awaits,
    /// What else a PROXY header has named.
    pub(crate) named: Option<Box<Named>>,
    /// How long it waited to be accepted, where a probe says so.
    pub(crate) waited_us: Option<u64>,
    /// Bytes of a request that is not complete; empty (and without memory) while idle.
    pub(crate) input: Vec<u8>,
    /// What is known of them.
    pub(crate) arriving: Arriving,
    /// It is in the worker's epoll set.
    pub(crate) registered: bool,
    /// `100 Continue` was sent for the request in `input`.
    pub(crate) continued: bool,
    pub(crate) waiting: Waiting,
    /// Closed when nothing arrives until then, milliseconds of the worker's clock.
    pub(crate) deadline_ms: u64,
    /// Last activity, same clock.
    pub(crate) active_ms: u64,
    /// Requests served.
    pub(crate) served: u32,
    /// The router was told to use this link no more.
    pub(crate) leaving: bool,
    /// When the first bytes of the request at hand were seen, same clock.
    pub(crate) begun_ms: Option<u64>,
    /// When its head was complete, where its body is awaited.
    pub(crate) head_ms: Option<u64>,
    /// How long that body was awaited when it was given up.
    pub(crate) awaited_ms: u64,
    /// When it must be complete; `u64::MAX` while none has begun.
    pub(crate) limit_ms: u64,
    /// Why nothing more comes from the client; the application hears it where it reads the body.
    pub(crate) ended: Option<Trouble>,
    /// It is armed for the moment when it takes bytes.
    pub(crate) armed_out: bool,
    /// An answer on its way out; nothing is read before it is gone.
    pub(crate) drain: Option<Box<Drain>>,
}

impl Conn {
    pub(crate) fn new(
        fd: OwnedFd,
        protocol: Protocol,
        listener: u32,
        peer: Option<SocketAddr>,
    ) -> Conn {
        let tcp = peer.is_some();
        let peer = peer.map(|a| a.ip().to_canonical().to_string());
        let peer = peer.map_or(Cow::Borrowed(NOBODY), Cow::Owned);
        Conn {
            fd,
            protocol,
            listener,
            peer,
            tcp,
            awaits: Awaits::Request,
            named: None,
            waited_us: None,
            input: Vec::new(),
            arriving: Arriving::default(),
            registered: false,
            continued: false,
            waiting: Waiting::Request,
            deadline_ms: 0,
            active_ms: 0,
            served: 0,
            leaving: false,
            begun_ms: None,
            head_ms: None,
            awaited_ms: 0,
            limit_ms: u64::MAX,
            ended: None,
            armed_out: false,
            drain: None,
        }
    }
}

impl Conn {
    /// A request was served: the next one has its own time.
    pub(crate) fn turn_page(&mut self) {
        (self.served, self.continued) = (self.served + 1, false);
        self.arriving.turn_page();
        (self.begun_ms, self.head_ms, self.limit_ms) = (None, None, u64::MAX);
        self.awaited_ms = 0;
    }
}

impl Drop for Conn {
    // Not a copy of the probe wherever a connection is dropped.
    #[inline(never)]
    fn drop(&mut self) {
        uwsgi_usdt::connection__close(|| (self.fd.as_raw_fd(), self.served));
    }
}
