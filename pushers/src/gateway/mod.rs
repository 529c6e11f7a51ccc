//! `pushgateway:URL[,KEY=VALUE...]`: the text of `/metrics` to a Pushgateway, under the instance's
//! own group, which is replaced by each push.

mod encode;
mod options;
mod transport;

pub(crate) use options::read;
