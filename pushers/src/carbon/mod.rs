//! `carbon`: lines, or pickles, to Graphite.
//!
//! ```text
//! Tick ─▶ classic set or metric list ─▶ names ─▶ text or pickle ─▶ one lane for each server
//! ```
//!
//! A push is encoded once for all servers. What a server takes is written, the connection is ended,
//! and nothing it says is read but the news that it threw the push away.

mod classic;
mod encode;
mod names;
mod options;
mod server;
mod state;
mod text;
mod transport;

pub(crate) use options::read;
