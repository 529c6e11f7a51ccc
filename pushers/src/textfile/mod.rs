//! `prometheus-file:path=P,freq=S`: the metrics page as a file, for the textfile collector of
//! node_exporter.

mod encode;
mod options;

pub(crate) use options::read;
