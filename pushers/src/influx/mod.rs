//! `influx:URL[,KEY=VALUE...]`: line protocol to InfluxDB and whatever else reads it, over UDP or
//! over HTTP in the manner of version 1 or 2.

mod encode;
mod line;
mod names;
mod options;
mod transport;

pub(crate) use options::read;
