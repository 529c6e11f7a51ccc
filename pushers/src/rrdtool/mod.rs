//! `rrdtool = DIR` and `stats-push = rrdtool:DIR`: one RRD file for each metric, in the format of
//! rrdtool, written here: no librrd is needed, and `rrdtool update` may take turns with us.
//!
//! `archive` reads what a file keeps, `layout` knows where its parts lie, `update` is the
//! arithmetic (pure), `disk` reads, locks and writes one file. `cached` speaks to rrdcached instead,
//! for directories that such a daemon owns.

mod archive;
mod cached;
mod disk;
mod encode;
mod layout;
mod options;
mod transport;
mod update;

#[cfg(test)]
mod against_tests;

pub(crate) use options::{from_options, read};
