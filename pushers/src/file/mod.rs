//! `file[:path=P,freq=S,separator=SEP,...]`: the stats document into a file.

mod encode;
mod options;
mod transport;

pub(crate) use options::read;
