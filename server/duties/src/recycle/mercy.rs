//! Mercy: how long a process that was asked to leave may take.
//!
//! It holds for everybody and every reason, so that no retired worker stays for ever. Only a worker
//! that is not needed any more (cheaper) gets more time: it may first finish a request that it had
//! begun before.

use crate::{Line, Now, SECOND};

/// Who was asked to leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// A worker, by number.
    Worker(u32),
    /// A mule, by number.
    Mule(u32),
    /// A spooler, by number.
    Spooler(u32),
}

/// Why somebody was asked to leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Curse {
    /// Reload, stop, the end of its requests, its memory or its lifetime.
    Asked,
    /// There is not enough to do for it.
    Cheaped,
}

/// How many mercies a cheaped worker may spend on a request it had begun before: long requests end
/// well, a stuck one does not hold its place for ever.
pub const HOLD: u64 = 10;

/// The mercy of one process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mercy {
    curse: Curse,
    since_us: u64,
    mercy_us: u64,
    due_us: u64,
}

impl Mercy {
    /// Somebody was asked to leave now and has `mercy_s` seconds.
    pub fn new(curse: Curse, now: Now, mercy_s: u64) -> Mercy {
        let mercy_us = mercy_s.saturating_mul(SECOND);
        Mercy { curse, since_us: now.us, mercy_us, due_us: now.us.saturating_add(mercy_us) }
    }

    /// Monotonic microseconds; before them nothing is over.
    pub fn due(&self) -> u64 {
        self.due_us
    }

    /// Whether it is to be killed now; then another full mercy begins. `oldest_us`: when the oldest
    /// request that it still serves began, monotonic microseconds.
    pub fn is_over(&mut self, now: Now, oldest_us: Option<u64>) -> bool {
        if now.us < self.due_us {
            return false;
        }
        // Without any mercy, the kill is repeated once a second all the same.
        self.due_us = now.us.saturating_add(self.mercy_us.max(SECOND));
        let held = self.curse == Curse::Cheaped
            && oldest_us.is_some_and(|began| began <= self.since_us)
            && now.us < self.since_us.saturating_add(self.mercy_us.saturating_mul(HOLD));
        !held
    }
}

/// The mercy of workers in seconds: `worker-reload-mercy`, else `reload-mercy`, else 60; and the
/// line at the start that tells it.
pub fn effective(worker: Option<u64>, general: Option<u64>) -> (u64, Line) {
    let seconds = worker.or(general).unwrap_or(60);
    let text = format!("your mercy for graceful operations on workers is {seconds} seconds");
    (seconds, Line::plain(text))
}

/// The line before the kill.
pub fn expired(who: Who, pid: i32) -> Line {
    let (what, id) = match who {
        Who::Worker(id) => ("worker", id),
        Who::Mule(id) => ("mule", id),
        Who::Spooler(id) => ("spooler", id),
    };
    let text = format!("{what} {id} (pid: {pid}) is taking too much time to die...NO MERCY !!!");
    Line::dated(text)
}
