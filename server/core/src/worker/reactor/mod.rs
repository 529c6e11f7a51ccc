//! A worker's event loop, shared by its cores.
//!
//! All sockets and all parked connections sit in one epoll set. A core takes an event, reads,
//! and runs the app only when a request is complete; everything else goes back to the set, so an
//! idle or slow client costs a slot and no core. With one core connections stay armed (level
//! triggered) and a keep-alive request costs three system calls; with several they are armed for
//! one event at a time, so that no two cores work on the same connection.

mod accept;
mod drain;
mod luck;
mod parking;
mod patience;
mod pause;
mod proxied;
mod refusing;
mod signals;

use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU64, Ordering};
use std::time::Duration;

use rustix::event::{Timespec, epoll};
use rustix::io::Errno;
use rustix::net::{RecvFlags, recv};
use uwsgi_duties::{Line, recycle};
use uwsgi_proto::{HttpEnv, VarBlock};

pub(crate) use self::luck::Luck;
use self::pause::Pause;
use super::conn::Conn;
use super::io;
use super::progress;
use super::request::Core;
use super::table::Table;
use super::traffic::Traffic;
use super::trouble::Trouble;
use super::wire::{self, Limits, Look, Meta};
use crate::instance::Instance;
use crate::log;
use crate::settings::Protocol;
use crate::sockets::Listener;

const KIND: u64 = 0xff << 56;
const LISTENER: u64 = 1 << 56;
const CONN: u64 = 2 << 56;
const WAKE: u64 = 3 << 56;
const LIFELINE: u64 = 4 << 56;
const SIGNAL: u64 = 5 << 56;
const NUDGE: u64 = 6 << 56;

/// Bodies up to this size are awaited in the event loop; larger ones are read by the app.
const PARKED_BODY: u64 = 64 * 1024;

/// Events one core takes at a time when it is alone.
const BATCH: usize = 64;

/// Connections accepted in a row before other events get their turn.
const ACCEPTS: usize = 8;

/// How long nothing is accepted after the system had no room for a connection.
const PAUSE_MS: u64 = 1000;

/// A retiring worker keeps connections that were active within this time, for their next request.
const LINGER_MS: u64 = 250;

/// What a listening socket accepts for.
struct Source {
    listener: &'static Listener,
    protocol: Protocol,
    /// Index in the stats; the router's link is not listed.
    index: Option<u32>,
}

/// See the module.
pub(crate) struct Reactor {
    instance: &'static Instance,
    poll: OwnedFd,
    table: Table,
    sources: Vec<Source>,
    single: bool,
    /// Workers take turns in accept.
    turns: bool,
    pid: i32,
    retire: AtomicBool,
    /// When that was.
    retired_ms: AtomicU64,
    stop: AtomicBool,
    /// When to accept again after the system refused a connection; 0 when it did not.
    resume_at: AtomicU64,
    /// Connections that woke a core of this worker and nobody else are still to be accepted.
    last_call: AtomicBool,
    pause: Pause,
    /// Readable when the master is gone; unlike the other end of a pipe no copy can keep it.
    master: Option<OwnedFd>,
    started_ms: u64,
    sweep_at: AtomicU64,
    exit_code: AtomicI32,
    /// It goes because it has done enough.
    recycled: AtomicBool,
    /// There are limits to look at after each request.
    limited: bool,
}

impl Reactor {
    pub(crate) fn new(instance: &'static Instance, wake: &OwnedFd) -> std::io::Result<Reactor> {
        let sockets = instance.sockets.iter().enumerate().map(|(i, (listener, protocol))| Source {
            listener,
            protocol: *protocol,
            index: Some(i as u32),
        });
        let link = instance.link.iter();
        let link = link.map(|l| Source { listener: l, protocol: Protocol::Link, index: None });
        let reactor = Reactor {
            instance,
            poll: epoll::create(epoll::CreateFlags::CLOEXEC)?,
            table: Table::new(),
            sources: sockets.chain(link).collect(),
            single: instance.settings.threads == 1,
            turns: instance.settings.policy.sockets.turns,
            pid: uwsgi_sys::process::pid(),
            retire: AtomicBool::new(false),
            retired_ms: AtomicU64::new(0),
            stop: AtomicBool::new(false),
            resume_at: AtomicU64::new(0),
            last_call: AtomicBool::new(false),
            pause: Pause::new(wake)?,
            master: watch_master(instance),
            started_ms: crate::clock::coarse_ms(),
            sweep_at: AtomicU64::new(0),
            exit_code: AtomicI32::new(super::END),
            recycled: AtomicBool::new(false),
            limited: instance.settings.policy.recycling.limits.bound_requests(),
        };
        for (i, source) in reactor.served() {
            reactor.listen(i, source)?;
        }
        reactor.add(wake, WAKE, epoll::EventFlags::IN)?;
        reactor.watch_signals()?;
        // Edge-triggered: each write wakes every worker once, and nobody reads.
        let once = epoll::EventFlags::IN | epoll::EventFlags::ET;
        reactor.add(&instance.nudge, NUDGE, once)?;
        if instance.settings.master {
            reactor.add(&instance.lifeline, LIFELINE, epoll::EventFlags::IN)?;
            if let Some(master) = &reactor.master {
                reactor.add(master, LIFELINE, epoll::EventFlags::IN)?;
            }
            reactor.pause.watch_master(instance, reactor.master.as_ref())?;
            // It may have ended before anybody watched it, and what an application has forked may
            // hold the pipe open.
            if uwsgi_sys::process::parent_pid() != instance.master_pid() {
                reactor.orphaned(instance.worker_id());
            }
        }
        Ok(reactor)
    }

    /// The listening sockets that this worker serves, by their place in `sources`.
    fn served(&self) -> impl Iterator<Item = (usize, &Source)> {
        let map = &self.instance.settings.policy.sockets;
        let own = self.instance.worker_id();
        let mine = move |source: &Source| source.index.is_none_or(|i| map.serves(i as usize, own));
        self.sources.iter().enumerate().filter(move |(_, source)| mine(source))
    }

    fn add(&self, fd: impl AsFd, data: u64, flags: epoll::EventFlags) -> std::io::Result<()> {
        Ok(epoll::add(&self.poll, fd, epoll::EventData::new_u64(data), flags)?)
    }

    /// Accepts nothing any more; the loop ends when parked connections are served or gone.
    pub(crate) fn retire(&self) {
        self.leave(true);
    }

    /// As [`Self::retire`]; `last_call`: connections that woke this worker and nobody else are served
    /// here. Otherwise everybody else is woken for them.
    fn leave(&self, last_call: bool) {
        self.retired_ms.fetch_max(self.now_ms(), Ordering::Relaxed);
        if self.retire.swap(true, Ordering::AcqRel) {
            return;
        }
        self.stop_listening();
        match last_call {
            true => self.last_call.store(true, Ordering::Release),
            false => self.hand_over(),
        }
        self.leave_signals();
        self.sweep_at.store(0, Ordering::Relaxed);
        uwsgi_sys::signal::wake();
    }

    /// The loop ends at once.
    pub(crate) fn stop(&self) {
        self.stop.store(true, Ordering::Release);
        uwsgi_sys::signal::wake();
    }

    pub(crate) fn retiring(&self) -> bool {
        self.retire.load(Ordering::Acquire)
    }

    fn over(&self) -> bool {
        let nothing_left = || !self.last_call.load(Ordering::Acquire) && self.table.parked() == 0;
        self.stop.load(Ordering::Acquire) || (self.retiring() && nothing_left())
    }

    fn now_ms(&self) -> u64 {
        crate::clock::coarse_ms().saturating_sub(self.started_ms)
    }

    /// Runs one core until the worker ends.
    pub(crate) fn run(&self, core: &mut Core) {
        let mut events = [epoll::Event {
            flags: epoll::EventFlags::empty(),
            data: epoll::EventData::new_u64(0),
        }; BATCH];
        let batch = if self.single { BATCH } else { 1 };
        while !self.over() {
            let paused = self.paused();
            let (poll, timeout) = match paused {
                true => (self.pause.poll(), Pause::timeout()),
                false => (&self.poll, self.timeout()),
            };
            let ready = match epoll::wait(poll, &mut events[..batch], timeout.as_ref()) {
                Ok(n) => n,
                Err(Errno::INTR) => 0,
                Err(e) => {
                    log!("epoll_wait(): {e}");
                    return;
                }
            };
            if self.single {
                self.instance.arena.worker(core.worker).parked.set(self.table.parked() as u64);
            }
            for event in &events[..ready] {
                // A signal does not queue behind the requests that are ready.
                if uwsgi_sys::signal::pending() {
                    self.woken(core.worker);
                }
                self.dispatch(core, event.data.u64());
            }
            if paused {
                self.look_at_row(core.worker);
                continue;
            }
            self.accept_the_last(core);
            self.sweep(core);
            self.resume_accepting();
        }
    }

    /// With parked connections the loop looks at their deadlines once per second.
    fn timeout(&self) -> Option<Timespec> {
        let paused = self.resume_at.load(Ordering::Relaxed) > 0;
        let wait = match (self.retiring(), self.table.parked()) {
            (true, _) => Duration::from_millis(20),
            (false, _) if paused => Duration::from_millis(100),
            (false, 0) => return None,
            (false, _) => Duration::from_secs(1),
        };
        Timespec::try_from(wait).ok()
    }

    fn dispatch(&self, core: &mut Core, data: u64) {
        match data & KIND {
            LISTENER | CONN | SIGNAL | NUDGE if self.paused() => self.put_back(data),
            LISTENER => self.accept_some(core, data as u32 as usize, data & (1 << 32) != 0),
            CONN => {
                let conn = self.table.take(data as u32 as i32);
                if let Some(conn) = conn.and_then(|conn| self.drain(core, conn)) {
                    self.pump(core, conn);
                }
            }
            WAKE => self.woken(core.worker),
            SIGNAL => self.handle_signal(core),
            NUDGE => self.look_everywhere(core),
            LIFELINE => self.orphaned(core.worker),
            _ => {}
        }
    }

    /// The master is gone.
    fn orphaned(&self, id: u32) {
        if !self.stop.swap(true, Ordering::AcqRel) {
            crate::logv!(
                "uWSGI worker {id} error: the master disconnected from this worker. Shutting down the worker."
            );
        }
        self.stop();
    }

    /// The master has changed something in the row of this worker, or may have.
    pub(crate) fn look_at_row(&self, worker: u32) {
        let row = self.instance.arena.worker(worker);
        if row.dismissed.get() > 0 {
            self.retire();
        }
        self.suspend(worker, row.suspended.get() > 0);
    }

    /// A signal was caught, or another core wants all cores to look up. While the worker ends the
    /// descriptor stays readable, so that every waiting core sees it; a short nap keeps those that
    /// have seen it from spinning.
    fn woken(&self, worker: u32) {
        uwsgi_sys::signal::drain_wake();
        if let Some(code) = super::on_wake(self.instance, worker, self) {
            self.exit_code.store(code, Ordering::Relaxed);
        }
        // Only now: whoever drained what another core had just written sees the end it stood for.
        if self.retiring() || self.stop.load(Ordering::Acquire) {
            uwsgi_sys::signal::wake();
        }
        if self.retiring() {
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Exit code the signals asked for.
    pub(crate) fn exit_code(&self) -> i32 {
        self.exit_code.load(Ordering::Relaxed)
    }

    /// Works on a connection until it waits for its client again or is closed.
    fn pump(&self, core: &mut Core, mut conn: Box<Conn>) {
        let mut input = match conn.input.is_empty() {
            true => std::mem::take(&mut core.spare),
            false => std::mem::take(&mut conn.input),
        };
        let mut readable = conn.ended.is_none();
        loop {
            if readable {
                readable = match self.receive(&conn, &mut input) {
                    Received::All => false,
                    Received::Perhaps => true,
                    Received::Closed(_) if input.is_empty() => break,
                    Received::Closed(why) => {
                        conn.ended = Some(why);
                        false
                    }
                };
            }
            let look = proxied::take(&mut conn, &mut input);
            match look.unwrap_or_else(|| self.examine(core, &mut conn, &input)) {
                Look::More if readable => {}
                Look::More if conn.ended.is_some() => {
                    self.note_end(&conn, &input);
                    break;
                }
                Look::More if self.is_too_slow(&mut conn, input.len()) => {
                    conn.ended = Some(Trouble::Slow);
                }
                Look::More => return self.wait_for_rest(core, conn, input),
                Look::Refused(refusal) => {
                    self.refuse(core, &conn, &refusal, &input);
                    break;
                }
                Look::Said(said) => {
                    if !self.say(&conn, &said, &mut input) {
                        break;
                    }
                    // Whoever only asks waits in line with the others for each buffer of questions.
                    readable = false;
                }
                Look::Ready(meta) => {
                    let served = core.serve(&conn, input, &meta, self.retiring());
                    conn.turn_page();
                    input = served.rest;
                    self.after_request(core);
                    if served.drain.is_some() {
                        conn.drain = served.drain;
                        return self.wait_for_client(conn, input);
                    }
                    if !served.keep || self.stop.load(Ordering::Relaxed) {
                        if served.unread {
                            io::drain(conn.fd.as_fd());
                        }
                        break;
                    }
                    if input.is_empty() {
                        return self.wait_for_next(core, conn, input);
                    }
                    readable = false;
                }
            }
        }
        self.close(&conn);
        self.give_back(core, input);
    }

    /// Takes a connection out of the epoll set before it is closed: a process that the app has
    /// forked may hold a copy of the descriptor, which would keep its events coming.
    fn close(&self, conn: &Conn) {
        if conn.registered {
            let _ = epoll::delete(&self.poll, &conn.fd);
        }
    }

    fn give_back(&self, core: &mut Core, mut input: Vec<u8>) {
        input.clear();
        if input.capacity() <= 256 * 1024 && input.capacity() > core.spare.capacity() {
            core.spare = input;
        }
    }

    fn receive(&self, conn: &Conn, input: &mut Vec<u8>) -> Received {
        if input.capacity() - input.len() < 4096 {
            input.reserve(16_384);
        }
        loop {
            let spare = rustix::buffer::spare_capacity(input);
            return match recv(&conn.fd, spare, RecvFlags::DONTWAIT) {
                Ok((_, 0)) => Received::Closed(Trouble::Closed),
                Ok(_) if input.len() == input.capacity() => Received::Perhaps,
                Ok(_) | Err(Errno::AGAIN) => Received::All,
                Err(Errno::INTR) => continue,
                Err(e) => Received::Closed(Trouble::Errno(e)),
            };
        }
    }

    fn examine(&self, core: &mut Core, conn: &mut Conn, input: &[u8]) -> Look {
        if input.is_empty() || (conn.ended.is_none() && conn.arriving.lacks(input)) {
            return Look::More;
        }
        let instance = self.instance;
        let settings = &instance.settings;
        let source = &self.sources[conn.listener as usize];
        let named = conn.named.as_deref();
        let port = source.listener.port();
        let env = HttpEnv {
            server_name: instance.hostname.as_bytes(),
            server_port: named.map_or(port, |named| &named.server_port).as_bytes(),
            server_addr: named.map(|named| named.server_addr.as_bytes()),
            remote_addr: conn.peer.as_bytes(),
            remote_port: named.map(|named| named.remote_port.as_bytes()),
            manage_script_name: settings.manage_script_name,
            keep_slashes: settings.policy.clients.keep_slashes,
            lenient: settings.policy.clients.lenient,
            ..HttpEnv::default()
        };
        let limits = Limits {
            buffer_size: settings.buffer_size,
            limit_post: settings.limit_post,
            cores: settings.processes.saturating_mul(settings.threads),
            modifiers: settings.modifiers_of(conn.protocol),
        };
        let (vars, aside) = (&mut core.vars, &mut core.aside);
        let arriving = &mut conn.arriving;
        match wire::look(conn.protocol, input, arriving, &env, &limits, vars, aside) {
            Look::Ready(meta) if self.body_is_late(conn, &meta, input, vars) => Look::More,
            other => other,
        }
    }

    /// A small body that has not arrived yet is awaited here, so that its sender costs no core. One
    /// that will not arrive is told the application.
    fn body_is_late(&self, conn: &mut Conn, meta: &Meta, input: &[u8], vars: &VarBlock) -> bool {
        let small = (1..=PARKED_BODY).contains(&meta.content_length);
        let awaited = small
            && !(meta.chunked || meta.post_file)
            && conn.protocol != Protocol::Puwsgi
            && !progress::is_wanted(&self.instance.settings.policy.bodies, vars.known().uri());
        if !awaited || conn.ended.is_some() {
            conn.awaited_ms = conn.head_ms.map_or(0, |since| self.now_ms().saturating_sub(since));
            return false;
        }
        let late = conn.arriving.await_body(meta, conn.protocol.is_fastcgi(), input);
        if late && conn.head_ms.is_none() {
            conn.head_ms = Some(self.now_ms());
        }
        if late && meta.expect_continue && !conn.continued {
            conn.continued = true;
            let mut switches = 0;
            // A client that left is noticed when the body does not come.
            let _ = io::send_all(
                conn.fd.as_fd(),
                b"HTTP/1.1 100 Continue\r\n\r\n",
                false,
                1000,
                &mut switches,
            );
        }
        late
    }

    /// What this worker does for clients of the socket of this one.
    fn traffic(&self, conn: &Conn) -> Traffic {
        Traffic::of(self.instance, self.instance.worker_id(), conn.listener)
    }

    /// Checks that follow each request: is it time for this worker to be replaced?
    fn after_request(&self, core: &mut Core) {
        let wish = super::RECYCLE.load(Ordering::Relaxed);
        if wish > 0 {
            if wish == super::reason("exception") {
                self.exit_code.store(super::EXCEPTION, Ordering::Relaxed);
            }
            self.recycle(core.worker, wish, None);
            return;
        }
        let limits = &self.instance.settings.policy.recycling.limits;
        if !self.limited {
            return;
        }
        let age_s = self.now_ms() / 1000;
        if age_s < limits.min_lifetime_s || self.retiring() {
            return;
        }
        let (id, pid) = (core.worker, uwsgi_sys::process::pid());
        let requests = self.instance.delta_requests(id);
        let memory = core.sizes(limits);
        let why = limits.after_request(&recycle::Worker { id, pid, requests, age_s, memory });
        let word = match why {
            None => return,
            Some(recycle::Reason::Requests) => "requests",
            Some(_) => "memory",
        };
        self.recycle(id, super::reason(word), Some(&recycle::farewell(pid)));
    }

    /// Retires, with a line, and lets the master know why; unless the worker goes already.
    fn recycle(&self, worker: u32, reason: u64, line: Option<&Line>) {
        if self.retiring() || self.recycled.swap(true, Ordering::AcqRel) {
            return;
        }
        if let Some(line) = line {
            log::say(line);
        }
        self.instance.arena.worker(worker).retires.set(reason);
        // Who has enough serves nobody else, but where nobody would come after it.
        self.leave(!self.instance.settings.master);
    }
}

/// A descriptor that tells the end of the master, where there is one and the kernel offers it.
fn watch_master(instance: &Instance) -> Option<OwnedFd> {
    let master = instance.settings.master.then(|| instance.master_pid())?;
    let fd = uwsgi_sys::process::pidfd(master).ok()?;
    // Had it ended before, the number could be somebody else's; the pipe tells then.
    (uwsgi_sys::process::parent_pid() == master).then_some(fd)
}

/// What a read brought.
enum Received {
    /// All that the client has sent so far.
    All,
    /// The buffer is full: there may be more.
    Perhaps,
    /// The client is gone.
    Closed(Trouble),
}
