//! How many workers run, between a floor and `processes`: `cheaper` and everything beside it.
//!
//! It owns the rules: what one cycle decides ([`Engine::step`]), what each algorithm wants
//! ([`algorithm`]), and what all of them would have done to a recorded load ([`replay()`]). Which
//! options fit together is said where all options are judged. Everything is a function of plain values: a snapshot of
//! the workers goes in, numbers of slots to start and to stop come out. It refuses to fork, to
//! kill, to read a clock and to write a log; whoever asks does these, and a test can ask for years.
//!
//! Times are microseconds of a clock that never goes back, workers are numbered from 1.

pub mod algorithm;
mod apply;
mod decision;
mod engine;
#[cfg(test)]
mod fixture;
mod memory;
pub mod replay;
mod settings;
pub mod sim;
mod snapshot;
pub mod trace;

pub use algorithm::list;
pub use decision::{BusynessGauges, Decision, Gauges, Reason};
pub use engine::Engine;
pub use replay::{Report, replay};
pub use settings::{Busyness, Settings};
pub use snapshot::{Census, Slot, Snapshot};
pub use trace::Trace;
pub use uwsgi_duties::Line;
