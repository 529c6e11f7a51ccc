//! Ending well, in two steps: those who were here when it began are served and let go while new
//! clients are still taken; then the doors close, and the few who came meanwhile are served.
//!
//! ```text
//! Open ── SIGHUP ──▶ Leaving ── the old ones are gone, or most of the time is ──▶ Closed ── nobody left ──▶ over
//! ```
//!
//! So a long request holds the reload up, but keeps nobody else waiting, and the time in which new
//! clients wait in the queue of the listening socket is that of a short request.

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

/// The same for connections that have sent nothing when the doors close: others wait for them.
const HASTE: Duration = Duration::from_millis(250);

/// Of ten parts of the time of a drain, those in which new clients are taken.
const LEAVING: u64 = 8;

/// Where a drain stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Drain {
    /// There is none.
    Open,
    /// Clients of before it are still here.
    Leaving {
        /// How many.
        old: usize,
        /// Tick at which the doors close all the same.
        close: u64,
        /// Tick at which it is over.
        until: u64,
    },
    /// No new clients.
    Closed {
        /// Tick at which it is over.
        until: u64,
    },
}

impl Router<'_> {
    /// Begins a drain; a second call changes nothing.
    pub(crate) fn start_drain(&mut self) {
        if self.drain != Drain::Open {
            return;
        }
        self.set_now();
        let whole = ticks(self.settings.drain);
        let (close, until) = (self.tick + whole * LEAVING / 10, self.tick + whole);
        self.drain = Drain::Leaving { old: self.clients.len(), close, until };
        self.hurry_readers(GRACE);
    }

    /// Also those that have begun a head: one that sends a byte at a time would hold up the end.
    fn hurry_readers(&mut self, grace: Duration) {
        let reading = self.clients.iter().filter(|(_, c)| c.state == State::Reading);
        let reading: Vec<Key> = reading.map(|(key, _)| key).collect();
        for key in reading {
            self.arm(key, grace);
        }
    }

    /// How long a connection that reads may take, once a drain began.
    pub(crate) fn grace(&self) -> Option<Duration> {
        match self.drain {
            Drain::Open => None,
            Drain::Leaving { .. } => Some(GRACE),
            Drain::Closed { .. } => Some(HASTE),
        }
    }

    /// A client is gone; `late`: it came during the drain.
    pub(crate) fn left(&mut self, late: bool) {
        if let Drain::Leaving { old, .. } = &mut self.drain {
            *old = old.saturating_sub(usize::from(!late));
        }
    }

    /// Moves the drain on; true when it has nothing left to wait for.
    pub(crate) fn is_over(&mut self) -> bool {
        if let Drain::Leaving { old, close, until } = self.drain
            && (old == 0 || self.tick >= close)
        {
            self.drain = Drain::Closed { until };
            self.shut_doors();
            self.hurry_readers(HASTE);
        }
        match self.drain {
            Drain::Closed { until } => self.clients.len() == 0 || self.tick >= until,
            Drain::Open | Drain::Leaving { .. } => false,
        }
    }

    fn shut_doors(&self) {
        for front in &self.settings.fronts {
            self.poll.forget(front.fd);
        }
    }

    /// Stops accepting until the next tick: out of descriptors or memory, where trying again at
    /// once would only spin.
    pub(crate) fn pause_accepting(&mut self, why: &io::Error) {
        (self.settings.log)(&format!("http router: unable to accept(): {why}"));
        self.row.errors.add(1);
        self.shut_doors();
        self.paused = Some(self.tick);
    }

    pub(crate) fn resume_accepting(&mut self) {
        self.paused = None;
        if matches!(self.drain, Drain::Closed { .. }) {
            return;
        }
        for (i, front) in self.settings.fronts.iter().enumerate() {
            if let Err(e) = self.poll.watch_level(front.fd, Token::Front(i)) {
                return self.pause_accepting(&e);
            }
        }
    }
}
