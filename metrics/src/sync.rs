//! The atomics of the seqlock: the real ones, or the model checker's under `--cfg loom`.
//!
//! Only what the seqlock needs is switched; everything that is cast out of mapped memory must use
//! the real types, so those modules do not exist in the model.

#[cfg(not(loom))]
pub(crate) use core::sync::atomic::{AtomicU64, Ordering, fence};

#[cfg(loom)]
pub(crate) use loom::sync::atomic::{AtomicU64, Ordering, fence};
