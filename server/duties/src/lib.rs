//! The master's duties as state machines without a clock, a process or a file.
//!
//! Each module owns one duty: what its options mean, when it is due, what is to be done and what
//! the log says. Events and a made-up time ([`Now`]) go in, [`Steps`] come out: lines and orders in
//! the sequence in which they belong together. The crate refuses to act: it forks, signals, reads
//! and waits for nothing, so that every rule can be tried in no time. Whoever acts answers with the
//! next event.
//!
//! The modules do not know each other; where one duty leads to another (a touched file that ends a
//! daemon), the order carries what the other one needs.

pub mod chain;
pub mod daemons;
pub mod fifo;
pub mod harakiri;
pub mod idle;
pub mod notify;
pub mod pause;
pub mod preflight;
pub mod recycle;
mod step;
pub mod touch;

pub use step::{Line, Now, SECOND, Step, Steps};

/// Numbers of the signals that orders carry; the same on every Linux this server runs on.
pub mod signal {
    /// Finish and go.
    pub const HUP: i32 = 1;
    /// What no process can refuse.
    pub const KILL: i32 = 9;
    /// The usual request to end.
    pub const TERM: i32 = 15;
    /// Wakes a worker that waits.
    pub const WINCH: i32 = 28;
    /// The highest number there is.
    pub const MOST: i32 = 64;
}
