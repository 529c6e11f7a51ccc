//! The reactor's listening sockets: watched, accepted from, given a rest. Part of the reactor.

use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::atomic::Ordering;

use rustix::event::epoll;
use uwsgi_sys::socket;

use super::{LISTENER, PAUSE_MS, Reactor, Source};
use crate::log;
use crate::settings::Protocol;
use crate::worker::conn::Conn;
use crate::worker::request::Core;

impl Reactor {
    pub(super) fn listen(&self, index: usize, source: &Source) -> std::io::Result<()> {
        // One waiting worker is woken for a connection, not all of them.
        let flags = epoll::EventFlags::IN | epoll::EventFlags::EXCLUSIVE;
        self.add(&source.listener.fd, LISTENER | index as u64, flags)?;
        match &source.listener.alias {
            Some(alias) => self.add(alias, LISTENER | index as u64 | 1 << 32, flags),
            None => Ok(()),
        }
    }

    pub(super) fn stop_listening(&self) {
        for source in &self.sources {
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
        for (i, source) in self.sources.iter().enumerate() {
            // What cannot be watched now is tried again with the others.
            if let Err(e) = self.listen(i, source) {
                return self.pause_accepting(&e);
            }
        }
        if self.retiring() {
            self.stop_listening();
        }
    }

    /// Accepts and serves one connection; false when none was there.
    pub(super) fn accept(&self, core: &mut Core, index: usize, alias: bool) -> bool {
        if self.retiring() {
            return false;
        }
        let Some(source) = self.sources.get(index) else { return false };
        let fd = match (&source.listener.alias, alias) {
            (Some(alias), true) => alias,
            _ => &source.listener.fd,
        };
        let (fd, peer) = match socket::accept(fd) {
            Ok(Some(accepted)) => accepted,
            Ok(None) => return false,
            Err(e) => {
                self.pause_accepting(&e);
                return false;
            }
        };
        if source.protocol == Protocol::Link && !self.is_ours(&fd) {
            return true;
        }
        if peer.is_some() && self.instance.settings.tcp_nodelay {
            let _ = socket::set_nodelay(&fd);
        }
        let probes = self.instance.probes.filter(|_| peer.is_some());
        let waited = probes.and_then(|p| p.accepted(&self.instance.arena, index as u32, &fd));
        uwsgi_usdt::connection__accept(|| {
            let waited = waited.and_then(|ns| i64::try_from(ns).ok()).unwrap_or(-1);
            (self.instance.worker_id(), fd.as_raw_fd(), index as u32, waited)
        });
        if let Some(i) = source.index {
            self.instance.arena.socket(i).accepted.add_shared(1);
            // Several cores of the worker accept.
            self.instance.arena.worker(self.instance.worker_id()).accepted.add_shared(1);
        }
        let mut conn = Conn::new(fd, source.protocol, index as u32, peer);
        conn.waited_us = waited.map(|ns| ns / 1_000);
        self.pump(core, Box::new(conn));
        true
    }

    /// The router's link has no name in the file system: its peers are known by their user.
    pub(super) fn is_ours(&self, fd: &OwnedFd) -> bool {
        let own = uwsgi_sys::user::effective().0;
        socket::peer_uid(fd).is_ok_and(|uid| uid == own || uid == 0)
    }
}
