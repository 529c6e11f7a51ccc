//! `file[:path=P,freq=S,separator=SEP,mode=M,rotate=SIZE]`: the stats document into a file.

mod encode;
mod options;
mod transport;

pub(crate) use options::{POLICY, read};
