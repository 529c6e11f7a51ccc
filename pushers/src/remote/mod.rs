//! `remote-write:URL[,KEY=VALUE...]`: every series of `/metrics` to whatever speaks Prometheus'
//! remote write, version 1.0 or 2.0.

mod batch;
mod encode;
mod hash;
mod key;
mod options;
mod state;
mod symbols;
#[cfg(test)]
mod tests;

pub(crate) use options::read;
