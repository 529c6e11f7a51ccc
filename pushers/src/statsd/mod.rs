//! `statsd:ADDR[,PREFIX]`: one datagram for each metric, `PREFIX.NAME:VALUE|T`, and beyond that
//! tags, deltas, timers and packed datagrams.
//!
//! `form` says what the text looks like, `names` takes tags out of a metric's name, `increase` and
//! `timers` remember the push before, `pack` fills datagrams. `dogstatsd` is the same with other
//! options.

mod encode;
mod form;
mod increase;
mod names;
mod options;
mod pack;
mod timers;

pub(crate) use form::{Dialect, Form};
pub(crate) use options::{Pushed, common, read, split};
