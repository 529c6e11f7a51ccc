//! What the router is told before it starts.

use std::os::fd::BorrowedFd;
use std::time::Duration;

use uwsgi_proto::Lenient;
use uwsgi_proto::proxy::Trust;

/// Exit code of a router on any orderly way out.
pub const EXIT_CODE: i32 = 30;

/// A listening socket of the router.
#[derive(Debug, Clone)]
pub struct Front<'a> {
    /// The socket, non-blocking.
    pub fd: BorrowedFd<'a>,
    /// Its bound name; what follows the last colon becomes `SERVER_PORT`.
    pub name: String,
}

/// Who knows how long connections waited to be accepted.
pub trait Arrivals: std::fmt::Debug {
    /// A connection was accepted from the front with this index: how long it had waited,
    /// microseconds.
    fn accepted(&self, front: usize, connection: BorrowedFd<'_>) -> Option<u64>;
}

/// Settings of one router process.
#[derive(Debug, Clone)]
pub struct Settings<'a> {
    /// Sockets to accept clients from.
    pub fronts: Vec<Front<'a>>,
    /// Abstract name (without the leading NUL) of the workers' shared link listener.
    pub link: Vec<u8>,
    /// Row of this process in the arena.
    pub index: u32,
    /// `SERVER_NAME`: the machine's name.
    pub server_name: Vec<u8>,
    /// Longest request head in bytes.
    pub head_limit: usize,
    /// `buffer-size` of the workers: the largest block of variables they take.
    pub buffer_size: usize,
    /// Most variables of a request (twice `max-vars`).
    pub max_pairs: usize,
    /// Longest silence while a request is served (`http-timeout`).
    pub timeout: Duration,
    /// Longest time from the first byte of a head to its last (`http-headers-timeout`).
    pub headers_timeout: Duration,
    /// Longest silence between requests of one connection; `None` closes after each response.
    pub keepalive: Option<Duration>,
    /// Longest time a drain may take.
    pub drain: Duration,
    /// Who may send PROXY headers, if anybody.
    pub proxies: Option<Trust>,
    /// What is let pass.
    pub lenient: Lenient,
    /// Who is refused sees the connection close, and is told nothing.
    pub silent: bool,
    /// `%2F` stays as it is in `PATH_INFO`.
    pub keep_slashes: bool,
    /// Told of each TCP connection.
    pub arrivals: Option<&'a dyn Arrivals>,
    /// Where log lines go.
    pub log: fn(&str),
}

impl Settings<'_> {
    /// Settings with the usual limits and no sockets.
    pub fn new(link: &[u8], log: fn(&str)) -> Self {
        Self {
            fronts: Vec::new(),
            link: link.to_vec(),
            index: 0,
            server_name: Vec::new(),
            head_limit: 65536,
            buffer_size: uwsgi_proto::DEFAULT_BYTES,
            max_pairs: uwsgi_proto::DEFAULT_PAIRS,
            timeout: Duration::from_secs(60),
            headers_timeout: Duration::from_secs(60),
            keepalive: Some(Duration::from_secs(60)),
            drain: Duration::from_secs(60),
            proxies: None,
            lenient: Lenient::default(),
            silent: false,
            keep_slashes: false,
            arrivals: None,
            log,
        }
    }
}

impl Front<'_> {
    /// `SERVER_PORT`: empty for sockets without one.
    pub(crate) fn port(&self) -> &[u8] {
        match self.name.rsplit_once(':') {
            Some((_, port)) if !self.name.starts_with(['/', '@']) => port.as_bytes(),
            _ => b"",
        }
    }
}
