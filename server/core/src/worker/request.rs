//! One request, from its complete head to its log line.
//!
//! Owns a core's buffers and its rows in the arena. Everything a plugin may ask of a running
//! request is answered by [`Live`].

use std::cell::Cell;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use uwsgi_abi::host::{RequestHost, RequestView};
use uwsgi_abi::running::{Deed, NoChunk};
use uwsgi_abi::{OK, Pair, Str, WRITE_ERROR, WRITE_LAST};
use uwsgi_ebpf::Thread;
use uwsgi_metrics::{CoreRow, Phase, Start};
use uwsgi_proto::{Exchange, VarBlock};
use uwsgi_sys::{process, signal};

use super::app::AppCount;
use super::body::Body;
use super::clock::Clock;
use super::conn::{Conn, Drain};
use super::dates::Dates;
use super::ids::Ids;
use super::io;
use super::mounts::{self, Mounts};
use super::notes::Notes;
use super::phases::{Phases, Times};
use super::reactor::Luck;
use super::reply::{Reply, Wire};
use super::stored::Plan;
use super::tally::Tally;
use super::traffic::Traffic;
use super::wire::Meta;
use crate::hooks::after_request::{self, Finished};
use crate::instance::Instance;
use crate::settings::Protocol;
use crate::warning::{self, PING};
use crate::{log, logv, signals};

mod account;
mod asked;
mod bodies;
mod failures;
mod lines;
mod wires;

pub(crate) use failures::{Asker, Lost, count_slow};

/// A request thread's own things.
pub(crate) struct Core {
    pub(crate) instance: &'static Instance,
    pub(crate) worker: u32,
    pub(crate) id: u32,
    pub(crate) row: &'static CoreRow,
    pub(crate) vars: VarBlock,
    pub(crate) clock: Clock,
    pub(crate) spare: Vec<u8>,
    /// What a client is told in front of its answer.
    pub(crate) aside: Vec<u8>,
    pairs: Vec<Pair>,
    reply: Reply,
    phases: Phases,
    mounts: Mounts,
    plan: Plan,
    notes: Notes,
    ids: Option<Ids>,
    /// Key of an app that was put together.
    app_key: Vec<u8>,
    /// With connections that were not announced.
    pub(crate) luck: Luck,
    tally: Tally,
    dates: Dates,
    line: Vec<u8>,
    /// A part of a line that stands in it as one value.
    message: Vec<u8>,
    pid: i32,
    /// This thread as probes in the kernel know it.
    thread: Option<Thread>,
    /// The log line of this request has measured the memory of the process.
    measured: Cell<bool>,
    /// When shares of memory are measured again, on the core's clock.
    shares_due_us: u64,
}

/// What a served request leaves behind.
pub(crate) struct Served {
    /// The connection may serve another.
    pub(crate) keep: bool,
    /// Bytes that already belong to that one.
    pub(crate) rest: Vec<u8>,
    /// The client's unread bytes should be taken before closing.
    pub(crate) unread: bool,
    /// The end of the answer, which the client is to take before anything else happens.
    pub(crate) drain: Option<Box<Drain>>,
}

impl Core {
    pub(crate) fn new(instance: &'static Instance, worker: u32, id: u32) -> Core {
        let settings = &instance.settings;
        let mut vars = VarBlock::new();
        vars.set_limits(settings.buffer_size.max(65_536), settings.max_vars * 2);
        Core {
            instance,
            worker,
            id,
            row: instance.arena.core(worker, id),
            vars,
            clock: Clock::new(),
            spare: Vec::with_capacity(16_384),
            aside: Vec::new(),
            pairs: Vec::with_capacity(settings.max_vars * 2),
            reply: Reply::new(settings.response_headers_limit)
                .with_pages(&settings.policy.requests.error_pages),
            phases: Phases::default(),
            mounts: Mounts::new(instance, worker),
            plan: Plan::new(&settings.policy.bodies),
            notes: Notes::default(),
            ids: settings.policy.ids.as_ref().map(|policy| Ids::new(policy, worker, id)),
            app_key: Vec::new(),
            luck: Luck::default(),
            tally: Tally::new(instance, worker, id),
            dates: Dates::default(),
            line: Vec::with_capacity(512),
            message: Vec::new(),
            pid: uwsgi_sys::process::pid(),
            thread: instance.probes.and_then(|probes| probes.register(worker, id)),
            measured: Cell::new(false),
            shares_due_us: 0,
        }
    }

    /// Serves the request whose head was found in `input` (its variables are in `self.vars`).
    pub(crate) fn serve(
        &mut self,
        conn: &Conn,
        input: Vec<u8>,
        meta: &Meta,
        retiring: bool,
    ) -> Served {
        let start = self.clock.now_us();
        let start_epoch = self.clock.epoch_us(start);
        let received = input.len() as u64;
        if let Some(ids) = &mut self.ids {
            ids.begin(&mut self.vars);
        }
        self.begin(start, conn, meta);
        let timeout_ms = wires::timeout_ms(&self.instance.settings);
        let kind = wires::body_kind(conn.protocol, meta);
        let limit = match self.instance.settings.limit_post {
            0 => u64::MAX,
            limit => limit,
        };
        let mut body = Body::limited(input, meta.head_len, kind, timeout_ms, limit);
        body.waited_ms = conn.awaited_ms;
        (body.ended, body.pace) = (conn.ended, self.instance.settings.policy.bodies.sending);
        self.reply.reset();
        self.notes.reset();
        if conn.protocol == Protocol::Raw {
            self.reply.give_away();
        }
        self.phases = Phases::default();
        let moved = io::moved();
        let (keep, app, sendfile, raised) = self.run(conn, meta, retiring, &mut body);
        let unread = !body.skip_buffered();
        self.refuse_others(conn, &mut body);
        let drain = self.take_drain(conn, keep);
        if self.reply.corked && !keep && drain.is_none() {
            io::end(conn.fd.as_fd());
        }
        self.note_trouble(conn, &body);
        let end = self.clock.now_us();
        let closed = self.closed(conn, moved, (received, body.left(unread)), &body);
        self.account(
            conn,
            Times::of(&self.reply, &self.phases, start, end - start),
            &closed,
            raised,
        );
        self.tally(app, end - start, start_epoch, accept_us(conn, meta), &body);
        // Pings and modifiers nobody serves have no line.
        let logged = self.served(meta) && conn.protocol != Protocol::Raw;
        let (duration_us, received) = (end - start, closed.rx);
        self.fire_done(duration_us, received);
        let outcome = Outcome { app, sendfile, duration_us, received, start_epoch, logged };
        self.finish(conn, meta, &outcome, body.errors);
        Served { keep, rest: body.into_rest(), unread, drain }
    }

    fn begin(&mut self, start: u64, conn: &Conn, meta: &Meta) {
        self.row.in_request.set(1);
        if let Some(thread) = &self.thread {
            thread.begin();
        }
        signal::enter_busy();
        // What was said between requests bounds none of them.
        if self.row.user_deadline_us.get() > 0 {
            self.row.user_deadline_us.set(0);
        }
        let known = self.vars.known();
        let remote = || match known.remote_addr() {
            b"" => conn.peer.as_bytes(),
            address => address,
        };
        uwsgi_usdt::request__start(|| {
            (self.worker, self.id, known.uri(), known.method(), remote())
        });
        if self.instance.settings.inflight {
            self.instance.arena.inflight(self.worker, self.id).begin(&Start {
                method: known.method(),
                uri: known.uri(),
                remote: remote(),
                host: known.host(),
                proto: known.protocol(),
                start_us: self.clock.epoch_us(start),
                since_us: self.clock.shared_us(start),
                uncounted: self.is_health_check(meta),
                vars: self.vars.as_bytes(),
            });
        }
        if conn.served > 0 {
            self.row.keepalive_reuses.add(1);
        }
    }

    /// Calls the plugin. Answers: keep the connection, app id, sent by sendfile, raised.
    fn run(
        &mut self,
        conn: &Conn,
        meta: &Meta,
        retiring: bool,
        body: &mut Body,
    ) -> (bool, i32, bool, bool) {
        let instance = self.instance;
        let health_check = self.is_health_check(meta);
        let settings = &instance.settings;
        if settings.manage_script_name {
            self.mounts.refresh(instance, self.worker);
        }
        let mounts = settings.manage_script_name.then_some(&self.mounts);
        let frames = self.frames(conn.protocol, meta);
        let options = &settings.policy.requests;
        let script_name =
            mounts::route(mounts, options, &self.vars, &mut self.app_key, &mut self.pairs);
        let known = self.vars.known();
        let managed = matches!(conn.protocol, Protocol::Http11 | Protocol::Link);
        let wire = Wire {
            fd: conn.fd.as_fd(),
            exchange: Exchange {
                http11: meta.http11,
                head_request: meta.head_request,
                keep_alive: meta.keep_alive,
                server_close: retiring && conn.protocol != Protocol::Link,
                managed,
            },
            frames,
            tcp: conn.tcp,
            protocol: match conn.protocol.says_status(settings.cgi_mode) {
                true => b"Status:",
                false => known.protocol(),
            },
            retiring,
            add_headers: &settings.add_headers,
            id_header: self.ids.as_ref().and_then(|ids| {
                let name = settings.policy.ids.as_ref()?.header.as_deref()?;
                Some((name, ids.current())).filter(|(_, id)| !id.is_empty())
            }),
            timeout_ms: wires::send_timeout_ms(settings),
            pace: settings.policy.sockets.taking,
            bounds: settings.policy.sockets.drain,
            row: self.row,
            traffic: Traffic::of(instance, self.worker, conn.listener),
            clock: &self.clock,
        };
        let mut live = Live {
            instance,
            core: (self.worker, self.id),
            wire,
            reply: &mut self.reply,
            phases: &mut self.phases,
            body,
            vars: &self.vars,
            notes: &mut self.notes,
            protocol: conn.protocol,
            peer: &conn.peer,
            continue_first: meta.expect_continue && !conn.continued,
            app: -1,
            exceptions: 0,
            sendfile: false,
        };
        // A body that lies here completely does not stand in the way of keeping the connection.
        live.note_body();
        let view = RequestView {
            vars: &self.pairs,
            content_length: meta.content_length,
            core: self.id,
            flags: wires::flags(instance, conn.protocol, meta, known),
            fd: conn.fd.as_raw_fd(),
            modifiers: meta.modifiers,
            scheme: known.scheme(),
            script_name,
        };
        let ready = live.store_body(&self.plan, meta);
        match instance.plugins.serving(meta.modifiers.0) {
            _ if !ready => {}
            Some(plugin) => {
                if !plugin.request(&view, &mut live) {
                    live.plugin_failed(plugin.name());
                }
            }
            None => {
                live.reply.uncounted = health_check;
                live.no_plugin(meta);
            }
        }
        live.note_body();
        let packet = matches!(meta.modifiers.0, PING | SPOOLER | signals::MODIFIER);
        let told = managed && !settings.policy.clients.silent;
        let page = ready && (told || settings.exception_500) && !packet;
        let keep = live.reply.finish(&live.wire, page, live.exceptions > 0)
            && (live.wire.frames.is_link() || !live.notes.disconnected);
        (keep, live.app, live.sendfile, live.exceptions > 0)
    }

    fn finish(&mut self, conn: &Conn, meta: &Meta, outcome: &Outcome, read_errors: u64) {
        self.note_failure(conn);
        if outcome.logged {
            self.log_request(conn, meta, outcome, read_errors);
        }
        // Part of the request, as harakiri sees it (but for harakiri-no-arh).
        self.run_after_request(outcome);
        if self.instance.settings.inflight {
            self.instance.arena.inflight(self.worker, self.id).end();
        }
        if self.instance.settings.reaper {
            while let Ok(Some(_)) = process::reap() {}
        }
        if let Some(thread) = &self.thread {
            thread.end();
        }
        if self.row.user_deadline_us.get() > 0 {
            self.row.user_deadline_us.set(0);
        }
        self.row.in_request.set(0);
        signal::leave_busy();
    }

    /// Functions of the configuration (`after-request-hook`).
    fn run_after_request(&self, outcome: &Outcome) {
        if !after_request::wanted() {
            return;
        }
        let (reply, known) = (&self.reply, self.vars.known());
        after_request::call(&mut Finished {
            size: size_of::<Finished>(),
            worker: self.worker,
            core: self.id,
            app: outcome.app.max(NO_APP),
            status: u32::from(reply.status()),
            duration_us: outcome.duration_us,
            received: outcome.received,
            sent: reply.head_bytes + reply.body_bytes,
            method: Str::new(known.method()),
            uri: Str::new(known.uri()),
            remote: Str::new(known.remote_addr()),
        });
    }

    /// The probes at the end of a request.
    fn fire_done(&self, duration_us: u64, rx: u64) {
        let (reply, uri) = (&self.reply, || self.vars.known().uri());
        let slow_ms = self.instance.settings.request_log.slow_ms;
        if slow_ms > 0 && duration_us / 1000 >= slow_ms {
            let measured = self.instance.probes.is_some_and(|probes| probes.has("scheduler"));
            let waits = self.thread.filter(|_| measured).map(|thread| thread.waited().ns);
            let waits = waits.as_ref().map_or(0, |waits| waits.as_ptr() as usize);
            uwsgi_usdt::request__slow(|| (self.worker, self.id, duration_us, uri(), waits));
        }
        uwsgi_usdt::request__done(|| {
            let tx = reply.head_bytes + reply.body_bytes;
            (self.worker, self.id, reply.status(), duration_us, uri(), rx, tx)
        });
    }
}

/// How long the connection of this request, the first one on it, waited to be accepted here or by
/// the router.
fn accept_us(conn: &Conn, meta: &Meta) -> Option<u64> {
    meta.waited_us.or(conn.waited_us.filter(|_| conn.served == 0))
}

/// Modifier of packets that are jobs for a spooler.
const SPOOLER: u8 = 17;
/// A link frame's length is 32 bits: larger bodies go out in parts.
const LARGEST_WRITE: usize = 1 << 30;
/// Log value of a request that no app served.
const NO_APP: i32 = -1;
/// Stands in the outcome of a request that was refused before an app was looked for.
const REFUSED: i32 = -2;

/// What a request came to.
struct Outcome {
    app: i32,
    sendfile: bool,
    duration_us: u64,
    received: u64,
    start_epoch: u64,
    logged: bool,
}

/// A running request as its plugin sees it.
struct Live<'a> {
    instance: &'static Instance,
    core: (u32, u32),
    wire: Wire<'a>,
    reply: &'a mut Reply,
    phases: &'a mut Phases,
    body: &'a mut Body,
    vars: &'a VarBlock,
    notes: &'a mut Notes,
    protocol: Protocol,
    /// Address of the connection's other end.
    peer: &'a str,
    /// The client waits for `100 Continue` before it sends its body.
    continue_first: bool,
    app: i32,
    exceptions: u64,
    sendfile: bool,
}

impl Live<'_> {
    /// Remembers whether the request's body is out of the way of the next request.
    fn note_body(&mut self) {
        self.reply.request_body_done = self.body.is_over();
    }

    fn phase(&self, phase: Phase) {
        if self.instance.settings.inflight {
            self.instance.arena.inflight(self.core.0, self.core.1).phase(phase);
        }
    }

    /// Requests that no language answers.
    fn no_plugin(&mut self, meta: &Meta) {
        match meta.modifiers.0 {
            PING if self.instance.plugins.allows(PING) => {
                log!("PING");
                let mut switches = 0;
                // Healthy: an answer without a message. A peer that left needs none.
                let pong = warning::pong(self.instance.arena.globals());
                let _ =
                    io::send_all(self.wire.fd, &pong, false, self.wire.timeout_ms, &mut switches);
            }
            signals::MODIFIER if self.instance.plugins.allows(signals::MODIFIER) => {
                let answer = signals::answer(signals::raise(self.instance, meta.modifiers.1));
                let (limit, mut switches) = (self.wire.timeout_ms, 0);
                // A peer that left has raised it all the same.
                let _ = io::send_all(self.wire.fd, &answer, false, limit, &mut switches);
            }
            SPOOLER if self.instance.plugins.allows(SPOOLER) => {
                log!("the spooler is inactive !!!...skip");
                let (limit, mut switches) = (self.wire.timeout_ms, 0);
                // Whoever asks hears that nothing was taken over.
                let _ = io::send_all(self.wire.fd, &[255, 0, 0, 0], false, limit, &mut switches);
            }
            0 if self.vars.is_empty() => log!("Empty request. skip."),
            other => log!("-- unavailable modifier requested: {other} --"),
        }
    }

    /// A plugin gave up on its request. A client that left is no failure of the plugin.
    fn plugin_failed(&mut self, name: &str) {
        if self.reply.failed.is_none() {
            let known = self.vars.known();
            let (method, uri) = (known.method().escape_ascii(), known.uri().escape_ascii());
            logv!("plugin {name} failed on request {method} {uri}");
            self.exception(b"", b"");
        }
    }

    /// What the app hears of a failed write.
    fn tolerate(&mut self, result: i32) -> i32 {
        if result != WRITE_ERROR {
            return result;
        }
        self.tell_failure();
        let most = self.instance.settings.write_errors_tolerance;
        if self.reply.write_errors <= most { OK } else { result }
    }
}

impl RequestHost for Live<'_> {
    fn begin_app(&mut self, app: i32) {
        self.app = app;
        uwsgi_usdt::request__app(|| (self.core.0, self.core.1, app));
        let Ok(id) = u32::try_from(app) else { return };
        let row = self.instance.arena.app(self.core.0, id);
        let count = AppCount::new(row, self.instance.settings.threads > 1);
        count.dispatched();
        self.reply.app = Some(count);
        if self.instance.settings.inflight {
            let record = self.instance.arena.inflight(self.core.0, self.core.1);
            record.app(app);
            record.phase(Phase::Application);
        }
    }

    fn head(&mut self, status: &[u8], headers: &mut dyn Iterator<Item = (&[u8], &[u8])>) -> i32 {
        match &self.instance.settings.policy.requests.headers {
            None => self.reply.set_head(&self.wire, status, headers),
            Some(rules) => self.filtered_head(rules, status, headers),
        }
    }

    fn write(&mut self, data: &[u8], flags: u32) -> i32 {
        if !self.reply.sent {
            self.note_body();
            self.phase(Phase::Writing);
        }
        let last = flags & WRITE_LAST != 0;
        let mut parts = data.chunks(LARGEST_WRITE).peekable();
        let mut result = match parts.peek() {
            None => self.reply.write(&self.wire, data, last),
            Some(_) => OK,
        };
        while let Some(part) = parts.next() {
            result = self.reply.write(&self.wire, part, last && parts.peek().is_none());
        }
        self.tolerate(result)
    }

    fn sendfile(&mut self, fd: i32, offset: u64, len: u64) -> i32 {
        self.note_body();
        self.phase(Phase::Writing);
        let Ok(file) = uwsgi_sys::fd::duplicate(fd) else { return WRITE_ERROR };
        let size = rustix::fs::fstat(&file).map_or(0, |s| s.st_size as u64);
        let len = len.min(size.saturating_sub(offset));
        self.sendfile = true;
        let result = self.reply.sendfile(&self.wire, file.as_fd(), offset, len);
        self.tolerate(result)
    }

    fn read(&mut self, buffer: &mut [u8]) -> isize {
        self.invite_body();
        let fd: BorrowedFd<'_> = self.wire.fd;
        let n = if self.body.is_here() {
            self.body.read(fd, buffer)
        } else {
            self.phases.reading(self.wire.clock, || self.body.read(fd, buffer))
        };
        if n < 0 {
            self.log_read_error(buffer.len());
        }
        n
    }

    fn seek(&mut self, offset: i64, from_end: bool) -> Option<u64> {
        self.body.seek(offset, from_end)
    }

    fn exception(&mut self, _class: &[u8], _message: &[u8]) {
        self.exceptions += 1;
        self.wire.row.exceptions.add(1);
        if let Some(app) = self.reply.app {
            app.exception();
        }
    }

    fn response_state(&self) -> (u64, u32) {
        let sent = u32::from(self.reply.sent);
        let set = u32::from(self.reply.has_head()) << 1;
        (self.reply.body_bytes, sent | set)
    }

    fn deed(&mut self, deed: Deed, key: &[u8], value: &[u8]) -> Option<&[u8]> {
        self.do_deed(deed, key, value)
    }

    fn chunk(&mut self, seconds: i64) -> Result<&[u8], NoChunk> {
        self.next_chunk(seconds)
    }

    fn send(&mut self, data: &[u8]) -> i32 {
        self.send_raw(data)
    }
}
