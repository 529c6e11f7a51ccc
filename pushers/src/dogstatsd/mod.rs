//! `dogstatsd:ADDR[,PREFIX]`: statsd as agents of Datadog read it, with tags out of the names.

mod container;
mod options;

pub(crate) use options::read;
