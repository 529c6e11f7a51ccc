//! The arena from outside: what writers, readers and reports can rely on.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests too")]

mod adopt;
mod attach;
mod configured;
mod filled;
mod history;
mod inflight;
mod json;
mod pool;
mod prometheus;
mod series;
mod series_document;
mod torn;
