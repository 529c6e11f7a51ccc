//! What runs at the phases of an instance: `hook-`, `mount-`, `umount-`, `exec-`, `call-`.
//!
//! It owns the rules: which phases exist, in which process and when they are due ([`Phase`]), what
//! an action is called and what it takes ([`Action`]), in which order things run and what a failure
//! means ([`run()`]), what is waited for and how long ([`wait`]), the order of unmounting a tree
//! ([`mountinfo`]), mount points that must stay ([`mountpoint`]). All of that is a function of plain
//! values. What touches the system stands behind [`Doer`]; [`real`] is the thin module that does.
//!
//! It refuses to fork the instance, to end a process, to signal a master and to know alarms, RPC
//! and symbols: an [`Outcome`] says what is due, and a [`real::Server`] is asked for the rest.
#![forbid(unsafe_code)]

pub mod action;
mod done;
pub mod hook;
pub mod mountinfo;
pub mod mountpoint;
pub mod phase;
mod plan;
pub mod prefixed;
pub mod queue;
pub mod real;
mod run;
mod tally;
pub mod wait;

pub use action::Action;
pub use done::{Doer, Env, Failure};
pub use phase::{Context, Once, Outcome, Phase, Place, Start, Vassal};
pub use plan::{Item, Plan};
pub use run::{file_write, run, run_one};
pub use tally::{Count, Tally};
pub use uwsgi_duties::Line;
