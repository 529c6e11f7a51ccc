//! The http router: one evented process in front of the workers.
//!
//! It owns client connections: it waits for slow ones, keeps idle ones, parses heads, and hands
//! complete heads to the workers over persistent link connections (`uwsgi_proto::link`). Workers
//! frame the responses; the router relays their bytes verbatim. It refuses to interpret bodies
//! and to know applications.
//!
//! ```text
//!            accept            head complete         link assigned
//!  client ──────────▶ Reading ───────────────▶ Queued ───────────▶ Busy ──┐ end frame
//!                        ▲                                                ▼
//!                        └───────────── kept ─────────────────────────  Flush ──▶ closed
//!                                                      unread input ──▶ Linger ─▶ closed
//! ```
//!
//! One thread, edge-triggered epoll, no system call that does not move bytes: a request on a kept
//! connection costs two reads, two writes and the waits between them.
#![forbid(unsafe_code)]

mod client;
mod dispatch;
mod drain;
mod finish;
mod head;
mod link;
mod net;
mod poll;
mod relay;
mod request;
mod router;
mod settings;
mod slab;
mod timers;
mod wheel;

pub use router::run;
pub use settings::{Arrivals, EXIT_CODE, Front, Settings};

#[cfg(test)]
mod tests;
