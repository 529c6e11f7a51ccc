//! What pushers over HTTP share: `URL,KEY=VALUE,...`, who may be asked and with which credentials,
//! and what an answer means.

mod options;
mod transport;

pub(crate) use options::{Pairs, Web, is_on, read};
pub(crate) use transport::{Judge, Said, Sender, authorization, gzip, plainly};
