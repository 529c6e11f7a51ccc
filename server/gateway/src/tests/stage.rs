//! A router, a front socket and a scripted worker in one thread: whoever waits lets the router
//! take its turn, so no test sleeps.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use rustix::event::epoll::Event;
use uwsgi_metrics::{Arena, Shape};
use uwsgi_proto::VarBlock;
use uwsgi_proto::link::{END_BODY_READ, END_KEEP, End, REQUEST_LEN, RequestHeader, frame};
use uwsgi_sys::socket::{self, ListenOptions};

use crate::router::Router;
use crate::settings::{Front, Settings};

/// Longest patience with a condition that should come true at once.
const PATIENCE: Duration = Duration::from_secs(20);

pub(super) struct Stage<'a> {
    pub(super) router: Router<'a>,
    events: Vec<Event>,
    address: SocketAddr,
    link: Option<OwnedFd>,
}

/// Runs `play` on a stage with the given workers and cores.
pub(super) fn perform(
    workers: u32,
    tweak: impl FnOnce(&mut Settings<'_>),
    play: impl FnOnce(&mut Stage<'_>),
) {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let name = format!("uwsgi-gateway-test-{}-{number}", std::process::id());
    let link = socket::listen_abstract(
        name.as_bytes(),
        &ListenOptions { backlog: 100, ..ListenOptions::default() },
    );
    let front = TcpListener::bind("127.0.0.1:0").unwrap();
    front.set_nonblocking(true).unwrap();
    let address = front.local_addr().unwrap();
    let mut settings = Settings::new(name.as_bytes(), |_| {});
    settings.fronts.push(Front { fd: front.as_fd(), name: address.to_string() });
    settings.server_name = b"box".to_vec();
    tweak(&mut settings);
    let shape = Shape { workers, cores: 1, gateways: 1, ..Shape::default() };
    let arena = Arena::create(&shape).unwrap();
    let router = Router::new(&settings, &arena).unwrap();
    let events = Vec::with_capacity(64);
    play(&mut Stage { router, events, address, link: Some(link.unwrap()) });
}

impl Stage<'_> {
    pub(super) fn connect(&mut self) -> TcpStream {
        let client = TcpStream::connect(self.address).unwrap();
        client.set_nonblocking(true).unwrap();
        client
    }

    pub(super) fn turn(&mut self) {
        self.router.turn(&mut self.events).unwrap();
    }

    /// Lets the router work until `done`.
    pub(super) fn until(&mut self, what: &str, mut done: impl FnMut(&mut Self) -> bool) {
        let start = Instant::now();
        while !done(self) {
            assert!(start.elapsed() < PATIENCE, "never came true: {what}");
            self.turn();
        }
    }

    /// Moves the router's clock; it handles what is there and does not wait.
    pub(super) fn pass(&mut self, time: Duration) {
        self.router.start = self.router.start.checked_sub(time).unwrap();
        self.router.turn_within(&mut self.events, Some(Duration::ZERO)).unwrap();
    }

    /// Reads `n` bytes from a connection.
    pub(super) fn read(&mut self, from: &mut impl Read, n: usize) -> Vec<u8> {
        let (mut buf, mut have) = (vec![0; n], 0);
        self.until("bytes arrive", |_| {
            match from.read(&mut buf[have..]) {
                Ok(0) if have < n => {
                    panic!("ended after {have} of {n} bytes: {}", buf[..have].escape_ascii())
                }
                Ok(got) => have += got,
                Err(e) => assert_eq!(e.kind(), ErrorKind::WouldBlock, "{e}"),
            }
            have == n
        });
        buf
    }

    /// Reads until the peer closes.
    pub(super) fn read_all(&mut self, from: &mut impl Read) -> String {
        let (mut out, mut buf) = (Vec::new(), [0; 4096]);
        self.until("the connection closes", |_| match from.read(&mut buf) {
            Ok(0) => true,
            Ok(n) => {
                out.extend_from_slice(&buf[..n]);
                false
            }
            Err(e) => e.kind() != ErrorKind::WouldBlock,
        });
        String::from_utf8(out).unwrap()
    }

    pub(super) fn expect(&mut self, from: &mut impl Read, text: &str) {
        let got = self.read(from, text.len());
        assert_eq!(String::from_utf8_lossy(&got), text);
    }

    /// Writes all of `data`.
    pub(super) fn write(&mut self, to: &mut impl Write, data: &[u8]) {
        let mut sent = 0;
        self.until("bytes are taken", |_| {
            match to.write(&data[sent..]) {
                Ok(n) => sent += n,
                Err(e) => assert_eq!(e.kind(), ErrorKind::WouldBlock, "{e}"),
            }
            sent == data.len()
        });
    }

    /// A worker takes the next link connection.
    pub(super) fn accept(&mut self) -> Worker {
        let mut found = None;
        self.until("a link is opened", |stage| {
            let listener = stage.link.as_ref().unwrap();
            found = socket::accept(listener).unwrap();
            found.is_some()
        });
        Worker { link: UnixStream::from(found.unwrap().0), id: 1 }
    }

    /// True when the router opened a link that nobody accepted yet; takes it.
    pub(super) fn link_waits(&mut self) -> bool {
        socket::accept(self.link.as_ref().unwrap()).unwrap().is_some()
    }

    /// No worker listens any more.
    pub(super) fn close_link_listener(&mut self) {
        self.link = None;
    }
}

/// One end of a link connection.
pub(super) struct Worker {
    pub(super) link: UnixStream,
    pub(super) id: u16,
}

/// A request as a worker sees it, without its body.
pub(super) struct Seen {
    pub(super) header: RequestHeader,
    pub(super) vars: VarBlock,
}

impl Seen {
    pub(super) fn var(&self, name: &str) -> String {
        let value = self.vars.get(name.as_bytes());
        value.map_or("(none)".into(), |v| String::from_utf8_lossy(v).into_owned())
    }
}

impl Worker {
    pub(super) fn request(&mut self, stage: &mut Stage<'_>) -> Seen {
        let header =
            RequestHeader::parse(&stage.read(&mut self.link, REQUEST_LEN)).unwrap().unwrap();
        let block = stage.read(&mut self.link, header.vars_len as usize);
        let mut vars = VarBlock::new();
        vars.load(&block).unwrap();
        Seen { header, vars }
    }

    /// Sends one frame of a response.
    pub(super) fn frame(&mut self, stage: &mut Stage<'_>, payload: &[u8]) {
        let wire = [&frame(payload.len() as u32)[..], payload].concat();
        stage.write(&mut self.link, &wire);
    }

    /// Ends a response; the client may be kept, the body was read.
    pub(super) fn end(&mut self, stage: &mut Stage<'_>) {
        self.end_with(stage, END_KEEP | END_BODY_READ);
    }

    pub(super) fn end_with(&mut self, stage: &mut Stage<'_>, flags: u32) {
        let end = End { flags, worker: self.id, core: 0 };
        stage.write(&mut self.link, &end.encode());
    }

    /// Answers with a whole response of this body.
    pub(super) fn answer(&mut self, stage: &mut Stage<'_>, body: &str) {
        self.frame(stage, response(body).as_bytes());
        self.end(stage);
    }
}

pub(super) fn response(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

pub(super) const GET: &[u8] = b"GET /a?b=c HTTP/1.1\r\nHost: h\r\n\r\n";
