//! Ending well: no new connections, what was begun is finished, idle clients are let go.

use std::io;
use std::time::Duration;

use crate::client::State;
use crate::poll::Token;
use crate::router::Router;
use crate::slab::Key;
use crate::timers::ticks;

/// How long idle connections stay open once a drain began: a client that is just sending its
/// next request gets an answer (with `Connection: close`) instead of a reset.
pub(crate) const GRACE: Duration = Duration::from_secs(2);

impl Router<'_> {
    /// Begins a drain; a second call changes nothing.
    pub(crate) fn start_drain(&mut self) {
        if self.drain_until.is_some() {
            return;
        }
        self.set_now();
        self.drain_until = Some(self.tick + ticks(self.settings.drain));
        for front in &self.settings.fronts {
            self.poll.forget(front.fd);
        }
        // Also those that have begun a head: one that sends a byte at a time would hold up the end.
        let reading = self.clients.iter().filter(|(_, c)| c.state == State::Reading);
        let reading: Vec<Key> = reading.map(|(key, _)| key).collect();
        for key in reading {
            self.arm(key, GRACE);
        }
    }

    /// True when a drain has nothing left to wait for.
    pub(crate) fn is_over(&self) -> bool {
        self.drain_until.is_some_and(|until| self.clients.len() == 0 || self.tick >= until)
    }

    /// Stops accepting until the next tick: out of descriptors or memory, where trying again at
    /// once would only spin.
    pub(crate) fn pause_accepting(&mut self, why: &io::Error) {
        (self.settings.log)(&format!("http router: unable to accept(): {why}"));
        self.row.errors.add(1);
        for front in &self.settings.fronts {
            self.poll.forget(front.fd);
        }
        self.paused = Some(self.tick);
    }

    pub(crate) fn resume_accepting(&mut self) {
        self.paused = None;
        if self.drain_until.is_some() {
            return;
        }
        for (i, front) in self.settings.fronts.iter().enumerate() {
            if let Err(e) = self.poll.watch_level(front.fd, Token::Front(i)) {
                return self.pause_accepting(&e);
            }
        }
    }
}
