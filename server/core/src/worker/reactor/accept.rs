//! The reactor's listening sockets: watched, accepted from, given a rest. Part of the reactor.

use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::atomic::Ordering;

use rustix::event::epoll;
use uwsgi_sys::socket;

use super::{ACCEPTS, LISTENER, PAUSE_MS, Reactor, Source};
use crate::log;
use crate::settings::Protocol;
use crate::worker::conn::Conn;
use crate::worker::request::Core;
use crate::worker::wire::Meta;

/// One waiting worker is woken for a connection, not all of them.
const LISTENING: epoll::EventFlags = epoll::EventFlags::IN.union(epoll::EventFlags::EXCLUSIVE);

impl Reactor {
    pub(super) fn listen(&self, index: usize, source: &Source) -> std::io::Result<()> {
        self.add(&source.listener.fd, LISTENER | index as u64, LISTENING)?;
        match &source.listener.alias {
            Some(alias) => self.add(alias, LISTENER | index as u64 | 1 << 32, LISTENING),
            None => Ok(()),
        }
    }

    pub(super) fn stop_listening(&self) {
        for (_, source) in self.served() {
            let _ = epoll::delete(&self.poll, &source.listener.fd);
            if let Some(alias) = &source.listener.alias {
                let _ = epoll::delete(&self.poll, alias);
            }
        }
    }

    /// The system has no descriptor or memory for another connection. They wait in the queues for
    /// a while: trying again at once would only burn a core.
    pub(super) fn pause_accepting(&self, why: &std::io::Error) {
        let next = self.now_ms() + PAUSE_MS;
        if self.resume_at.compare_exchange(0, next, Ordering::AcqRel, Ordering::Relaxed).is_ok() {
            log!("accept(): {} [core/socket.c line {}]", crate::sockets::plain(why), line!());
            self.stop_listening();
        }
    }

    /// Accepts again when the pause is over; one core does it.
    pub(super) fn resume_accepting(&self) {
        let due = self.resume_at.load(Ordering::Relaxed);
        if due == 0 || self.now_ms() < due || self.retiring() {
            return;
        }
        let swapped = self.resume_at.compare_exchange(due, 0, Ordering::AcqRel, Ordering::Relaxed);
        if swapped.is_err() {
            return;
        }
        for (i, source) in self.served() {
            // What cannot be watched now is tried again with the others.
            if let Err(e) = self.listen(i, source) {
                return self.pause_accepting(&e);
            }
        }
        if self.retiring() {
            self.stop_listening();
        }
    }

    /// With `thunder-lock` one worker after the other accepts, and each goes to the end of the line
    /// behind it: the kernel wakes the first idle one of those who wait. Without it that is always
    /// the same one, as long as it can keep up.
    fn in_turn(
        &self,
        fd: &OwnedFd,
        data: u64,
        tcp: bool,
    ) -> std::io::Result<Option<socket::Accepted>> {
        let accept = || if tcp { socket::accept(fd) } else { socket::accept_nameless(fd) };
        // Who leaves takes what it alone was woken for.
        if self.retiring() {
            return accept();
        }
        let Some(turn) = self.instance.locks.turn(self.pid) else { return accept() };
        // While it waited for its turn the worker may have been told to go.
        if self.retiring() {
            return Ok(None);
        }
        let accepted = accept()?;
        if accepted.is_some() {
            self.step_back(fd, data);
        }
        drop(turn);
        Ok(accepted)
    }

    /// Puts this worker at the end of the kernel's line before a listening socket.
    fn step_back(&self, fd: &OwnedFd, data: u64) {
        // Another core may have taken it out for a while, or for good.
        if epoll::delete(&self.poll, fd).is_err() {
            return;
        }
        match self.add(fd, data, LISTENING) {
            Ok(()) if self.retiring() => drop(epoll::delete(&self.poll, fd)),
            Ok(()) => {}
            Err(e) => self.pause_accepting(&e),
        }
    }

    /// The end of listening without a last call: all workers look who waits, and whoever is started
    /// next finds the rest.
    pub(super) fn hand_over(&self) {
        // It fails only when it is written already and nobody has looked for ages.
        let _ = rustix::io::write(&self.instance.nudge, &1u64.to_ne_bytes());
    }

    /// The end of listening: of several workers that wait for a connection one is woken. What woke a
    /// core of this worker is served here, because nobody else knows of it.
    pub(super) fn accept_the_last(&self, core: &mut Core) {
        if !self.last_call.swap(false, Ordering::AcqRel) {
            return;
        }
        for (index, _) in self.served() {
            for alias in [false, true] {
                // Each core was woken for one connection at most.
                let cores = 0..self.instance.settings.threads;
                let _ = cores.take_while(|_| self.take_one(core, index, alias)).count();
            }
        }
    }

    /// Takes a connection that waits at any of the listening sockets, if one does.
    pub(super) fn look_everywhere(&self, core: &mut Core) {
        if self.resume_at.load(Ordering::Relaxed) > 0 {
            return;
        }
        for (index, source) in self.served() {
            self.accept(core, index, false);
            if source.listener.alias.is_some() {
                self.accept(core, index, true);
            }
        }
    }

    /// Accepts and serves the connection that was announced. Under load the next one is often there
    /// already: taking it saves a wait. Where others are parked it always looks, because their requests may
    /// all come before the next turn of this socket.
    pub(super) fn accept_some(&self, core: &mut Core, index: usize, alias: bool) {
        let mut found = self.accept(core, index, alias);
        let more = if self.turns { 0 } else { ACCEPTS - 1 };
        for _ in 0..more {
            let worth_it = self.table.parked() > 0 || core.luck.guess();
            // A signal does not wait for more of them.
            if !found || uwsgi_sys::signal::pending() || !worth_it {
                return;
            }
            found = self.accept(core, index, alias);
            core.luck.learn(found);
        }
    }

    /// Accepts and serves one connection; false when none was there.
    pub(super) fn accept(&self, core: &mut Core, index: usize, alias: bool) -> bool {
        !self.retiring() && self.take_one(core, index, alias)
    }

    fn take_one(&self, core: &mut Core, index: usize, alias: bool) -> bool {
        let Some(source) = self.sources.get(index) else { return false };
        let fd = match (&source.listener.alias, alias) {
            (Some(alias), true) => alias,
            (None, true) => return false,
            (_, false) => &source.listener.fd,
        };
        let data = LISTENER | index as u64 | u64::from(alias) << 32;
        let (fd, peer) = match self.in_turn(fd, data, source.listener.tcp) {
            Ok(Some(accepted)) => accepted,
            Ok(None) => return false,
            Err(e) if socket::is_over(&e) => {
                let _ = epoll::delete(&self.poll, fd);
                return false;
            }
            Err(e) => {
                self.pause_accepting(&e);
                return false;
            }
        };
        if source.protocol == Protocol::Link && !self.is_ours(&fd) {
            return true;
        }
        let settings = &self.instance.settings;
        if peer.is_some() && settings.tcp_nodelay {
            let _ = socket::set_nodelay(&fd);
        }
        let buffers = settings.policy.sockets.buffers;
        if peer.is_none() && buffers.any() {
            // Connections of TCP inherit them.
            let _ = buffers.set(&fd);
        }
        let probes = self.instance.probes.filter(|_| peer.is_some());
        let waited = probes.and_then(|p| p.accepted(&self.instance.arena, index as u32, &fd));
        uwsgi_usdt::connection__accept(|| {
            let waited = waited.and_then(|ns| i64::try_from(ns).ok()).unwrap_or(-1);
            (self.instance.worker_id(), fd.as_raw_fd(), index as u32, waited)
        });
        if let Some(i) = source.index {
            self.instance.arena.socket(i).accepted.add_shared(1);
            let accepted = &self.instance.arena.worker(self.instance.worker_id()).accepted;
            match self.single {
                true => accepted.add(1),
                false => accepted.add_shared(1),
            }
        }
        let mut conn = Conn::new(fd, source.protocol, index as u32, peer);
        conn.waited_us = waited.map(|ns| ns / 1_000);
        conn.awaits = self.awaits(source.protocol, peer);
        if conn.protocol == Protocol::Raw {
            self.give_away(core, &conn);
            return true;
        }
        self.pump(core, Box::new(conn));
        true
    }

    /// Nothing is read from a raw connection, and its end is what the plugin makes it.
    fn give_away(&self, core: &mut Core, conn: &Conn) {
        core.vars.clear();
        let modifiers = self.instance.settings.modifiers_of(conn.protocol);
        let meta = Meta { modifiers, ..Meta::default() };
        core.serve(conn, Vec::new(), &meta, self.retiring());
        self.after_request(core);
    }

    /// The router's link has no name in the file system: its peers are known by their user.
    pub(super) fn is_ours(&self, fd: &OwnedFd) -> bool {
        let own = uwsgi_sys::user::effective().0;
        socket::peer_uid(fd).is_ok_and(|uid| uid == own || uid == 0)
    }
}
