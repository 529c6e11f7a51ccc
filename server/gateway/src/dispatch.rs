//! Which worker gets a request, and what happens when none can.

use std::io;

use uwsgi_proto::error_response;
use uwsgi_sys::socket;

use crate::client::State;
use crate::link::{Choice, Link, busy_cores, draining_links, running};
use crate::router::Router;
use crate::slab::Key;

const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

impl Router<'_> {
    /// Finds a link for a client in [`State::Queued`], or lets it wait.
    pub(crate) fn dispatch(&mut self, key: Key) {
        if !self.waiting.is_empty() || !self.try_dispatch(key) {
            self.waiting.push_back((key, self.now));
            self.row.queue.set(self.waiting.len() as u64);
        }
    }

    /// Serves those who wait, in their order, while workers are free.
    pub(crate) fn serve_waiting(&mut self) {
        self.link_full = false;
        while let Some((key, since)) = self.waiting.pop_front() {
            let queued = self.clients.get(key).is_some_and(|c| c.state == State::Queued);
            if !queued {
                continue;
            }
            if !self.try_dispatch(key) {
                self.waiting.push_front((key, since));
                break;
            }
            let waited = self.now.saturating_duration_since(since);
            self.row.waits.record(u64::try_from(waited.as_micros()).unwrap_or(u64::MAX));
            self.drive(key);
        }
        self.row.queue.set(self.waiting.len() as u64);
    }

    /// False when the client has to wait.
    fn try_dispatch(&mut self, key: Key) -> bool {
        let arena = self.arena;
        let running = || running(arena);
        let busy = |worker| busy_cores(arena, worker);
        let draining = |worker| draining_links(arena, worker);
        match self.links.choose(self.now, running, busy, draining) {
            Choice::Wait => false,
            Choice::Connect => self.connect(key),
            Choice::Reuse(link) => {
                self.row.backend_reuses.add(1);
                self.assign(key, link);
                true
            }
        }
    }

    /// Opens a link for a client. False when the listener's queue is full.
    fn connect(&mut self, key: Key) -> bool {
        let opened = socket::connect_abstract(&self.settings.link).and_then(|fd| {
            let link = self.links.add(Link::new(fd, self.now));
            let added = self.links.all.get(link);
            let added = added.map(|l| self.poll.watch_link(&l.fd, link));
            added.unwrap_or(Ok(())).map(|()| link)
        });
        match opened {
            Ok(link) => {
                self.row.backend_connects.add(1);
                self.assign(key, link);
                true
            }
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                self.link_full = true;
                false
            }
            Err(e) => {
                let name = String::from_utf8_lossy(&self.settings.link);
                (self.settings.log)(&format!(
                    "[uwsgi-http] unable to connect() to node \"@{name}\" (0 retries): {e}"
                ));
                self.row.errors.add(1);
                self.refuse(key, 502);
                true
            }
        }
    }

    /// Queued -> Busy.
    fn assign(&mut self, key: Key, link: Key) {
        let Some(client) = self.clients.get_mut(key) else { return };
        if !self.links.assign(link, key) {
            return;
        }
        client.state = State::Busy(link);
        if client.expects {
            client.expects = false;
            client.keep_output(CONTINUE);
        }
    }

    /// Ends a request that has no response yet with an error of ours; one that has is cut off.
    pub(crate) fn refuse(&mut self, key: Key, status: u16) {
        let Some(client) = self.clients.get_mut(key) else { return };
        if client.responded {
            return self.close(key);
        }
        if let State::Busy(link) = client.state {
            self.links.close(link);
        }
        if client.is_waiting() {
            client.fire_done(self.settings.index, None, status);
        }
        if self.settings.silent {
            return self.close(key);
        }
        client.keep_output(error_response(status));
        client.state = State::Flush { keep: false };
        client.surplus = true;
        self.arm(key, self.settings.timeout);
    }

    /// The worker went away before the end of its response. `untouched`: it had not taken the
    /// request, so another may have it.
    pub(crate) fn link_lost(&mut self, key: Key, link: Key, untouched: bool) {
        let was_used = self.links.all.get(link).is_some_and(|l| l.worker.is_some());
        self.links.close(link);
        let Some(client) = self.clients.get_mut(key) else { return };
        if untouched && was_used && !client.responded && !client.had_body {
            client.sent = 0;
            client.state = State::Queued;
            return self.dispatch(key);
        }
        let line = format!(
            "[uwsgi-http client_addr: {} client_port: {}] worker closed the link before the \
             response ended",
            String::from_utf8_lossy(client.addr.as_bytes()),
            String::from_utf8_lossy(client.port.as_bytes()),
        );
        (self.settings.log)(&line);
        self.row.errors.add(1);
        self.refuse(key, 502);
    }
}
