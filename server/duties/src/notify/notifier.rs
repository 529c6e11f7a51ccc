//! When the service manager is told what.

use crate::Now;

/// When the instance calls itself ready.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Readiness {
    /// When the master has loaded what it loads, before workers are forked.
    #[default]
    Loaded,
    /// When the first worker accepts; with applications that load in the workers this is the later,
    /// honest moment.
    Accepting,
}

/// What was told so far. Each method gives the text of one datagram, or nothing to send.
#[derive(Clone, Debug, Default)]
pub struct Notifier {
    readiness: Readiness,
    /// Half of what the watchdog grants, monotonic microseconds.
    watchdog_us: Option<u64>,
    next_ping_us: u64,
    status: String,
    ready_us: Option<u64>,
    stopping: bool,
    pings: u64,
    /// The watchdog was asked to wait longer.
    widened: bool,
}

/// What workers do, as the status tells it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Workers {
    /// They run.
    pub alive: u64,
    /// They are in a request.
    pub busy: u64,
    /// Requests of the last second.
    pub requests: u64,
    /// There are none until somebody connects.
    pub cheap: bool,
    /// They rest.
    pub paused: bool,
}

impl Notifier {
    /// `watchdog_us` is what [`super::watchdog`] says. A vassal has no notifier: its Emperor does.
    pub fn new(readiness: Readiness, watchdog_us: Option<u64>) -> Notifier {
        Notifier { readiness, watchdog_us, ..Notifier::default() }
    }

    /// The first notice of the process.
    pub fn initializing(&mut self) -> Option<String> {
        self.change("initializing uWSGI")
    }

    /// Loading needs so much more time, microseconds; sent while the instance is not ready yet.
    /// Nobody can feed the watchdog meanwhile: it is asked to wait as long.
    pub fn extend(&mut self, more_us: u64) -> Option<String> {
        if self.ready_us.is_some() { None } else { self.standing_still(more_us) }
    }

    /// The master's loop stands still for so long at most, microseconds, for what runs at its end:
    /// as with [`Notifier::extend`].
    pub fn standing_still(&mut self, more_us: u64) -> Option<String> {
        if more_us == 0 {
            return None;
        }
        let mut text = format!("EXTEND_TIMEOUT_USEC={more_us}\n");
        if self.watchdog_us.is_some_and(|every| every.saturating_mul(2) < more_us) {
            self.widened = true;
            text.push_str(&format!("WATCHDOG=1\nWATCHDOG_USEC={more_us}\n"));
        }
        Some(text)
    }

    /// The image before this one may have asked the watchdog to wait: it is fed as it was meant to
    /// be once the loop runs.
    pub fn took_over(&mut self) {
        self.widened = true;
    }

    /// Ending what goes on takes so long at most, microseconds.
    pub fn draining(&self, longest_us: u64) -> Option<String> {
        (longest_us > 0).then(|| format!("EXTEND_TIMEOUT_USEC={longest_us}\n"))
    }

    /// The master's loop runs: the watchdog is fed again as it was meant to be.
    pub fn looping(&mut self) -> Option<String> {
        let widened = std::mem::take(&mut self.widened);
        let every = self.watchdog_us.filter(|_| widened)?;
        Some(format!("WATCHDOG=1\nWATCHDOG_USEC={}\n", every.saturating_mul(2)))
    }

    /// The master has loaded what it loads, and is about to fork workers (or, an Emperor without
    /// any, to begin its loop).
    pub fn loaded(&mut self, now: Now) -> Option<String> {
        (self.readiness == Readiness::Loaded).then(|| self.ready(now)).flatten()
    }

    /// A worker accepts. Only the first one matters.
    pub fn accepting(&mut self, now: Now) -> Option<String> {
        (self.readiness == Readiness::Accepting).then(|| self.ready(now)).flatten()
    }

    fn ready(&mut self, now: Now) -> Option<String> {
        if self.ready_us.is_some() {
            return None;
        }
        self.ready_us = Some(now.us);
        "uWSGI is ready".clone_into(&mut self.status);
        Some("STATUS=uWSGI is ready\nREADY=1\n".to_owned())
    }

    /// A full reload begins; the next image tells its end by being ready. The service manager
    /// compares the time with its own monotonic clock, so `now` must come from that clock.
    pub fn reloading(&mut self, now: Now) -> Option<String> {
        if self.stopping || self.ready_us.is_none() {
            return None;
        }
        self.ready_us = None;
        Some(format!("RELOADING=1\nMONOTONIC_USEC={}\n", now.us))
    }

    /// A reload that keeps the master is under way: nobody waits for it.
    pub fn reloaded(&mut self, now: Now) -> Option<String> {
        if self.stopping || self.ready_us.is_some() {
            return None;
        }
        self.ready_us = Some(now.us);
        Some("READY=1\n".to_owned())
    }

    /// The reload was given up, and the old generation serves on.
    pub fn reload_failed(&mut self, now: Now, why: &str) -> Option<String> {
        if self.stopping || self.ready_us.is_some() {
            return None;
        }
        self.ready_us = Some(now.us);
        self.status = format!("reload failed: {}", one_line(why));
        Some(format!("STATUS={}\nREADY=1\n", self.status))
    }

    /// The instance begins to stop.
    pub fn stopping(&mut self) -> Option<String> {
        let first = !std::mem::replace(&mut self.stopping, true);
        first.then(|| "STOPPING=1\n".to_owned())
    }

    /// The master has another pid now (it went to the background, or forked itself).
    pub fn main_pid(&self, pid: i32) -> String {
        format!("MAINPID={pid}\n")
    }

    /// How many workers there are and what they do.
    pub fn workers(&mut self, seen: Workers) -> Option<String> {
        self.ready_us?;
        let Workers { alive, busy, requests, cheap, paused } = seen;
        if cheap {
            return self.change("uWSGI is cheap, waiting for a connection");
        }
        let state = if paused { "paused" } else { "ready" };
        let numbers = format!("{alive} workers, {busy} busy, {requests} requests/s");
        self.change(&format!("uWSGI is {state}, {numbers}"))
    }

    /// How many vassals the Emperor governs.
    pub fn vassals(&mut self, count: usize) -> Option<String> {
        self.change(&format!("The Emperor is governing {count} vassals"))
    }

    /// A status of another kind; nothing is sent when it is the one that was sent last.
    pub fn status(&mut self, text: &str) -> Option<String> {
        self.change(&one_line(text))
    }

    fn change(&mut self, text: &str) -> Option<String> {
        if self.stopping || self.status == text {
            return None;
        }
        text.clone_into(&mut self.status);
        Some(format!("STATUS={text}\n"))
    }

    /// A sign of life, when one is due and the master's loop is healthy.
    pub fn ping(&mut self, now: Now, healthy: bool) -> Option<String> {
        let every = self.watchdog_us?;
        if !healthy || now.us < self.next_ping_us {
            return None;
        }
        self.next_ping_us = now.us.saturating_add(every);
        self.pings = self.pings.saturating_add(1);
        Some("WATCHDOG=1\n".to_owned())
    }

    /// Monotonic microseconds of the next sign of life.
    pub fn due(&self) -> Option<u64> {
        self.watchdog_us.map(|_| self.next_ping_us)
    }

    /// Whether the first worker that accepts is waited for.
    pub fn waits(&self) -> bool {
        self.readiness == Readiness::Accepting && self.ready_us.is_none() && !self.stopping
    }

    /// The status that was sent last.
    pub fn last_status(&self) -> &str {
        &self.status
    }

    /// Monotonic microseconds since when it is ready.
    pub fn ready_since(&self) -> Option<u64> {
        self.ready_us
    }

    /// Signs of life that were sent.
    pub fn pings(&self) -> u64 {
        self.pings
    }
}

/// A newline would begin another assignment.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
