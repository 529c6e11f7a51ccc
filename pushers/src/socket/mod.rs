//! `socket:ADDR[,PREFIX]`: one datagram for each metric, `PREFIX.NAME TYPE VALUE`.

mod encode;
mod options;

pub(crate) use options::read;
