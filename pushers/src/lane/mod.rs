//! The way to one receiver: what waits, when it is tried, what is given up, and who is told.
//!
//! `queue` decides and is pure; `told` keeps a dead receiver from filling the log; `runner` is the
//! edge with the task, the clock and the row of the arena.

mod queue;
mod runner;
mod told;

pub(crate) use queue::Parcel;
pub use queue::{Policy, Retry};
pub(crate) use runner::Lane;
pub(crate) use told::Told;
