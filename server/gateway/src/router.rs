//! The event loop: who is woken, in which order, and what ends it.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::event::epoll::Event;
use uwsgi_metrics::{GatewayRow, View};
use uwsgi_proto::VarBlock;
use uwsgi_proto::proxy::Awaits;
use uwsgi_sys::signal::{
    SIGALRM, SIGHUP, SIGINT, SIGPIPE, SIGQUIT, SIGTERM, SIGTSTP, SIGUSR1, SIGUSR2, Signals,
};
use uwsgi_sys::socket;

use crate::client::{Client, State};
use crate::drain::Drain;
use crate::link::{Links, running};
use crate::net::{self, Read};
use crate::poll::{Happened, Poll, Token, decode};
use crate::settings::{EXIT_CODE, Settings};
use crate::slab::{Key, Slab};
use crate::wheel::Wheel;

/// Connections accepted in a row before others get a turn.
const ACCEPT_BATCH: usize = 64;
/// Events taken from the kernel at a time.
const EVENTS: usize = 256;
/// Bytes moved at a time: one read of this size empties a full UNIX socket buffer in four turns.
const SCRATCH: usize = 64 * 1024;

/// Runs a router until it is told to end; answers the exit code. Called in the forked child,
/// which must have no other thread. SIGHUP drains: present requests end, clients
/// are told to close, and when they are gone no new ones are taken. SIGINT, SIGTERM and SIGQUIT end at once.
pub fn run(settings: &Settings<'_>, arena: &View) -> i32 {
    match serve(settings, arena) {
        Ok(()) => EXIT_CODE,
        Err(e) => {
            (settings.log)(&format!("http router: unable to wait for events: {e}"));
            EXIT_CODE
        }
    }
}

fn serve(settings: &Settings<'_>, arena: &View) -> io::Result<()> {
    let signals = Signals::block(&[SIGHUP, SIGINT, SIGTERM, SIGQUIT])?;
    for signal in [SIGUSR1, SIGUSR2, SIGPIPE, SIGALRM, SIGTSTP] {
        uwsgi_sys::signal::ignore(signal);
    }
    let mut router = Router::new(settings, arena)?;
    router.poll.watch_level(&signals, Token::Signals)?;
    let mut events = Vec::with_capacity(EVENTS);
    while !router.is_over() {
        if router.turn(&mut events)? {
            while let Some(signal) = signals.next() {
                match signal {
                    SIGHUP => router.start_drain(),
                    _ => return Ok(()),
                }
            }
        }
    }
    Ok(())
}

pub(crate) struct Router<'a> {
    pub(crate) settings: &'a Settings<'a>,
    pub(crate) arena: &'a View,
    pub(crate) row: &'a GatewayRow,
    pub(crate) poll: Poll,
    pub(crate) clients: Slab<Client>,
    pub(crate) links: Links,
    /// Clients in [`State::Queued`] and since when, oldest first; stale keys are skipped.
    pub(crate) waiting: VecDeque<(Key, Instant)>,
    /// The link listener's queue was full: try again soon.
    pub(crate) link_full: bool,
    /// The variables of the head being parsed.
    pub(crate) block: VarBlock,
    /// The one buffer bytes are read into; whoever needs it takes it and puts it back.
    pub(crate) scratch: Vec<u8>,
    pub(crate) wheel: Wheel,
    pub(crate) start: Instant,
    /// Time of this turn.
    pub(crate) now: Instant,
    /// The same in ticks.
    pub(crate) tick: u64,
    /// Whether it is ending, and how far.
    pub(crate) drain: Drain,
    /// Out of descriptors: no accepts until behind this tick.
    pub(crate) paused: Option<u64>,
    /// Clients that had their share of this turn and could go on.
    pub(crate) unfinished: Vec<Key>,
    expired: Vec<u64>,
}

impl<'a> Router<'a> {
    pub(crate) fn new(settings: &'a Settings<'a>, arena: &'a View) -> io::Result<Self> {
        let mut block = VarBlock::new();
        block.set_limits(settings.head_limit, settings.max_pairs);
        let poll = Poll::new()?;
        for (i, front) in settings.fronts.iter().enumerate() {
            poll.watch_level(front.fd, Token::Front(i))?;
        }
        let now = Instant::now();
        let row = arena.gateway(settings.index);
        for gauge in [&row.active_sessions, &row.queue] {
            gauge.set(0);
        }
        Ok(Self {
            settings,
            arena,
            row,
            poll,
            clients: Slab::new(),
            links: Links::new(arena.shape().workers, arena.shape().cores),
            waiting: VecDeque::new(),
            link_full: false,
            block,
            scratch: vec![0; SCRATCH],
            wheel: Wheel::new(0),
            start: now,
            now,
            tick: 0,
            drain: Drain::Open,
            paused: None,
            unfinished: Vec::new(),
            expired: Vec::new(),
        })
    }

    /// Waits once and handles what happened; true when signals are pending.
    pub(crate) fn turn(&mut self, events: &mut Vec<Event>) -> io::Result<bool> {
        self.turn_within(events, self.patience())
    }

    /// As [`Router::turn`] with a limit of the caller's.
    pub(crate) fn turn_within(
        &mut self,
        events: &mut Vec<Event>,
        patience: Option<Duration>,
    ) -> io::Result<bool> {
        self.poll.wait(events, patience)?;
        self.set_now();
        let unfinished = std::mem::take(&mut self.unfinished);
        let mut signals = false;
        for event in events.iter() {
            let (token, happened) = decode(event);
            match token {
                Token::Front(front) => self.accept(front),
                Token::Signals => signals = true,
                Token::Client(key) => self.client_event(key, happened),
                Token::Link(key) => self.link_event(key, happened),
            }
        }
        unfinished.into_iter().for_each(|key| self.drive(key));
        let mut expired = std::mem::take(&mut self.expired);
        self.sweep(&mut expired);
        self.expired = expired;
        if !self.waiting.is_empty() {
            self.serve_waiting();
        }
        Ok(signals)
    }

    /// How long to wait for events.
    fn patience(&self) -> Option<Duration> {
        /// Between attempts to get into the link listener's full queue, and between looks for workers
        /// that are started because somebody waits.
        const RETRY: Duration = Duration::from_millis(5);
        if !self.unfinished.is_empty() {
            return Some(Duration::ZERO);
        }
        let more_may_come = || running(self.arena) < self.arena.shape().workers;
        if self.link_full || (!self.waiting.is_empty() && more_may_come()) {
            return Some(RETRY);
        }
        let timers = !self.wheel.is_empty() || self.paused.is_some() || self.drain != Drain::Open;
        timers.then(|| self.until_next_tick())
    }

    fn accept(&mut self, front: usize) {
        let Some(listener) = self.settings.fronts.get(front) else { return };
        for _ in 0..ACCEPT_BATCH {
            match socket::accept(listener.fd) {
                Ok(Some((fd, peer))) => self.welcome(fd, front, peer),
                Ok(None) => return,
                // The instance is ending.
                Err(e) if socket::is_over(&e) => return,
                Err(e) => return self.pause_accepting(&e),
            }
        }
    }

    fn welcome(&mut self, fd: OwnedFd, front: usize, peer: Option<SocketAddr>) {
        if peer.is_some() {
            // A response that is sent in two parts must not wait for the client's delayed
            // acknowledgement; without the option it is only slower.
            let _ = socket::set_nodelay(&fd);
        }
        let arrivals = self.settings.arrivals.filter(|_| peer.is_some());
        let waited = arrivals.and_then(|arrivals| arrivals.accepted(front, fd.as_fd()));
        let mut client = Client::new(fd, front, peer);
        client.late = self.drain != Drain::Open;
        let trust = self.settings.proxies.as_ref();
        client.awaits = trust.map_or(Awaits::Request, |t| t.awaits(peer.map(|p| p.ip())));
        client.waited_us = waited.map_or(0, |us| u32::try_from(us).unwrap_or(u32::MAX).max(1));
        let key = self.clients.insert(client);
        self.row.accepted.add(1);
        self.row.active_sessions.set(self.clients.len() as u64);
        let watched = self.clients.get(key).map(|c| self.poll.watch(&c.fd, Token::Client(key)));
        if !matches!(watched, Some(Ok(()))) {
            return self.close(key);
        }
        self.arm(key, self.settings.timeout);
        self.drive(key);
    }

    fn client_event(&mut self, key: Key, happened: Happened) {
        let Some(client) = self.clients.get_mut(key) else { return };
        client.readable |= happened.readable;
        client.writable |= happened.writable;
        client.ended |= happened.ended;
        if happened.gone && matches!(client.state, State::Busy(_) | State::Queued) {
            return self.close(key);
        }
        self.drive(key);
    }

    fn link_event(&mut self, key: Key, happened: Happened) {
        let Some(link) = self.links.all.get_mut(key) else { return };
        link.readable |= happened.readable;
        link.writable |= happened.writable;
        link.ended |= happened.ended;
        match link.owner {
            Some(owner) => self.drive(owner),
            // A worker that ends closes its links; one that speaks unasked is not understood.
            None => self.idle_link_event(key),
        }
    }

    /// A worker that ends closes its links; one that speaks unasked is not understood. The event
    /// may also be about a response that was read in the meantime.
    fn idle_link_event(&mut self, key: Key) {
        let Some(link) = self.links.all.get_mut(key) else { return };
        if link.readable && net::read(&link.fd, &mut self.scratch) != Read::Empty {
            return self.links.close(key);
        }
        link.readable = false;
    }

    /// Moves a client on as far as the bytes at hand allow.
    pub(crate) fn drive(&mut self, key: Key) {
        while let Some(client) = self.clients.get(key) {
            let moved = match client.state {
                State::Reading => self.read_head(key),
                State::Queued => false,
                State::Busy(link) => self.exchange(key, link),
                State::Flush { keep } => self.flush(key, keep),
                State::Linger => self.linger(key),
            };
            if !moved {
                return;
            }
        }
    }

    /// Ends a connection, and with it the link it uses.
    pub(crate) fn close(&mut self, key: Key) {
        let Some(client) = self.clients.remove(key) else { return };
        self.left(client.late);
        if client.is_waiting() {
            client.fire_done(self.settings.index, None, 0);
        }
        if let State::Busy(link) = client.state {
            self.links.close(link);
        }
        self.row.active_sessions.set(self.clients.len() as u64);
    }
}
