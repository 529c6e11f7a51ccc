//! Harakiri: the end of what takes too long.
//!
//! It owns which deadline of a core counts ([`earliest`]), and what the master does when one has
//! passed: the course of a worker ([`Guard`]) with a graceful try before the kill, and the plain
//! kill of everybody else ([`Single`]).
//!
//! ```text
//! Quiet ── a deadline passed ──▶ Tried (graceful signal) ── still there ──▶ Killed
//!   ▲  └──── no grace is configured ───────────────────────────────────▶    │
//!   └───────────── the request ended, or another process came ──────────────┘
//! ```
//!
//! With `harakiri-verbose` the worker first tells its stacks, before each try; one that does not, or
//! cannot, is waited for only for a moment.
//!
//! Each core has a deadline of its own: fast requests of one thread do not save a stuck one. Times
//! are microseconds, so a kill is as punctual as the master's wait ([`Guard::due`]).
//!
//! It refuses to read `/proc`, to ask for stacks and to kill; these are orders. A request that has
//! run out of time is told once ([`Order::Incident`]): that is what counters, the record of the
//! victim and alarms go by.

mod deadlines;
mod guard;
mod others;

pub use deadlines::{Deadline, UNABLE, earliest};
pub use guard::{Core, Doing, Guard, Worker};
pub use others::{Other, Single, without_master};

use crate::{Line, SECOND, signal};

/// What the options say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// `harakiri-graceful-timeout` in seconds: how long after the graceful signal the kill comes; 0
    /// for no graceful try.
    pub grace_s: u64,
    /// `harakiri-graceful-signal`.
    pub grace_signal: i32,
    /// `harakiri-queue-threshold`: nobody is ended while fewer connections wait; 0 for no threshold.
    pub threshold: u64,
    /// `harakiri-verbose`.
    pub verbose: bool,
    /// Workers tell their stacks when they are asked to.
    pub stacks: bool,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            grace_s: 0,
            grace_signal: signal::TERM,
            threshold: 0,
            verbose: false,
            stacks: false,
        }
    }
}

/// What is to be done, in its place between the lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Say what a core waits for in the kernel, see [`waits`].
    Inspect {
        /// Worker number.
        id: u32,
        /// Its process.
        pid: i32,
        /// The core whose time is up.
        core: u32,
    },
    /// Ask the worker for its stacks; [`Worker::told`] grows when it has told them.
    Stacks {
        /// Worker number.
        id: u32,
        /// Its process.
        pid: i32,
    },
    /// A new victim: count it, write it down, raise alarms.
    Incident {
        /// Worker number.
        id: u32,
        /// The core whose time was up.
        core: u32,
        /// The application has set the deadline itself.
        user: bool,
        /// How long what it does has taken, microseconds.
        age_us: u64,
    },
    /// Send a signal.
    Signal {
        /// The process.
        pid: i32,
        /// Its process group is meant.
        group: bool,
        /// Number of the signal.
        signal: i32,
    },
}

/// The lines of `harakiri-verbose`, from the contents of `syscall` and `wchan` below
/// `/proc/PID/task/TID`; what could not be read has no line.
pub fn waits(syscall: Option<&str>, wchan: Option<&str>) -> Vec<Line> {
    let line = |what, text: &str| Line::plain(format!("HARAKIRI: -- {what}> {}", text.trim_end()));
    let syscall = syscall.map(|text| line("syscall", text));
    syscall.into_iter().chain(wchan.map(|text| line("wchan", text))).collect()
}

/// Seconds as the microseconds of a clock.
fn micros(seconds: u64) -> u64 {
    seconds.saturating_mul(SECOND)
}

#[cfg(test)]
mod tests;
