//! Recycling: when a worker has served, lived or grown enough, and how long it may take to leave.
//!
//! It owns the limits, the rules when each of them is reached, and mercy: everybody who was asked
//! to leave, for whatever reason, is ended when it does not. Workers ask at the end of a request
//! ([`Limits::after_request`]), the master asks each second ([`Limits::lifetime`],
//! [`Limits::evil`]) and for the end of a mercy ([`Mercy`]).
//!
//! It refuses to measure memory: whoever asks brings the sizes ([`Limits::accounting`] says which).

mod exception;
mod mercy;

pub use exception::Exceptions;
pub use mercy::{Curse, HOLD, Mercy, Who, effective, expired};

use crate::{Line, signal};

/// Seconds a worker lives at least when `min-worker-lifetime` is not given.
pub const MIN_LIFETIME: u64 = 10;

/// Seconds between two looks of the collector when `mem-collector-freq` is not given.
pub const COLLECTOR: u64 = 3;

/// What the options say; 0 switches a limit off. Sizes are bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// `max-requests`.
    pub requests: u64,
    /// `max-requests-delta`: so many more for each further worker.
    pub requests_delta: u64,
    /// `min-worker-lifetime`, seconds.
    pub min_lifetime_s: u64,
    /// `max-worker-lifetime`, seconds.
    pub max_lifetime_s: u64,
    /// `max-worker-lifetime-delta`, seconds.
    pub lifetime_delta_s: u64,
    /// `reload-on-as`.
    pub address_space: u64,
    /// `reload-on-rss`.
    pub rss: u64,
    /// `reload-on-uss`.
    pub uss: u64,
    /// `reload-on-pss`.
    pub pss: u64,
    /// `evil-reload-on-as`.
    pub evil_address_space: u64,
    /// `evil-reload-on-rss`.
    pub evil_rss: u64,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            requests: 0,
            requests_delta: 0,
            min_lifetime_s: MIN_LIFETIME,
            max_lifetime_s: 0,
            lifetime_delta_s: 0,
            address_space: 0,
            rss: 0,
            uss: 0,
            pss: 0,
            evil_address_space: 0,
            evil_rss: 0,
        }
    }
}

/// Sizes of a process, bytes; 0 where nobody measured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// Address space.
    pub address_space: u64,
    /// Resident.
    pub rss: u64,
    /// Resident and its own.
    pub uss: u64,
    /// Resident, shared pages by share.
    pub pss: u64,
}

/// A worker that may have to go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Worker {
    /// Its number, from 1.
    pub id: u32,
    /// Its process.
    pub pid: i32,
    /// Requests since it was started.
    pub requests: u64,
    /// Whole seconds since it was started.
    pub age_s: u64,
    /// Its sizes.
    pub memory: Memory,
}

/// Why a worker retires by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It served enough requests.
    Requests,
    /// `reload-on-as`.
    AddressSpace,
    /// `reload-on-rss`.
    Rss,
    /// `reload-on-uss`.
    Uss,
    /// `reload-on-pss`.
    Pss,
}

/// What has to be measured for the limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Accounting {
    /// Nothing.
    None,
    /// Address space and resident size, after each request (`memory-report = 1`).
    Plain,
    /// The dearer sizes too (`memory-report = 2`).
    Shared,
}

/// Exit code of a worker that retires.
pub const EXIT: i32 = 30;

/// The signal that wakes a worker whose lifetime is over; it stops after its request.
pub const WAKE: i32 = signal::WINCH;

impl Limits {
    /// Whether the limits go together; the error is the line for the log, and the server must not
    /// start with them.
    pub fn check(&self) -> Result<(), String> {
        let (min, max) = (self.min_lifetime_s, self.max_lifetime_s);
        if max > 0 && min >= max {
            return Err(format!(
                "invalid min-worker-lifetime value ({min}), must be lower than \
                 max-worker-lifetime ({max})"
            ));
        }
        Ok(())
    }

    /// What must be measured.
    pub fn accounting(&self) -> Accounting {
        let any = |limits: &[u64]| limits.iter().any(|limit| *limit > 0);
        if any(&[self.uss, self.pss]) {
            Accounting::Shared
        } else if any(&[self.address_space, self.rss, self.evil_address_space, self.evil_rss]) {
            Accounting::Plain
        } else {
            Accounting::None
        }
    }

    /// Something can come of [`Limits::after_request`].
    pub fn bound_requests(&self) -> bool {
        [self.requests, self.address_space, self.rss, self.uss, self.pss].iter().any(|n| *n > 0)
    }

    /// Somebody else must measure the worker: a stuck request ends no request.
    pub fn needs_collector(&self) -> bool {
        self.evil_address_space > 0 || self.evil_rss > 0
    }

    /// Asked by a worker at the end of each request: why it is to go, if it is.
    pub fn after_request(&self, worker: &Worker) -> Option<Reason> {
        if worker.age_s < self.min_lifetime_s {
            return None;
        }
        let over = |limit: u64, size: u64| limit > 0 && size >= limit;
        let requests = grown(self.requests, self.requests_delta, worker.id);
        let memory = &worker.memory;
        let rules = [
            (Reason::Requests, over(requests, worker.requests)),
            (Reason::AddressSpace, over(self.address_space, memory.address_space)),
            (Reason::Rss, over(self.rss, memory.rss)),
            (Reason::Uss, over(self.uss, memory.uss)),
            (Reason::Pss, over(self.pss, memory.pss)),
        ];
        rules.into_iter().find_map(|(reason, over)| over.then_some(reason))
    }

    /// Asked by the master each second about each worker that was not asked to go yet: the line
    /// when its lifetime is over. It is to be sent [`WAKE`] and has its mercy.
    pub fn lifetime(&self, worker: &Worker) -> Option<Line> {
        let limit = grown(self.max_lifetime_s, self.lifetime_delta_s, worker.id);
        (limit > 0 && worker.age_s > limit).then(|| {
            let Worker { id, age_s, .. } = worker;
            Line::plain(format!(
                "worker {id} lifetime reached, it was running for {age_s} second(s)"
            ))
        })
    }

    /// Asked by the master each second: the line when the worker is to be killed at once.
    pub fn evil(&self, worker: &Worker) -> Option<Line> {
        let Worker { id, pid, memory, .. } = worker;
        let line = |limit: u64, size: u64, what: &str| {
            (limit > 0 && size >= limit).then(|| {
                let text =
                    format!("*** EVIL RELOAD ON WORKER {id} {what}: {size} (pid: {pid}) ***");
                Line::plain(text)
            })
        };
        line(self.evil_address_space, memory.address_space, "ADDRESS SPACE")
            .or_else(|| line(self.evil_rss, memory.rss, "RSS"))
    }
}

/// The limit of worker `id`; 0 stays off.
fn grown(limit: u64, delta: u64, id: u32) -> u64 {
    let more = delta.saturating_mul(u64::from(id).saturating_sub(1));
    if limit == 0 { 0 } else { limit.saturating_add(more) }
}

/// What a worker says that retires by itself, once.
pub fn farewell(pid: i32) -> Line {
    Line::plain(format!("...The work of process {pid} is done. Seeya!"))
}

#[cfg(test)]
mod tests;
