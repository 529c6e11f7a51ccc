//! Codecs of everything a worker socket speaks, without sockets, clocks or threads.
//!
//! Every parser takes bytes and ends in a [`VarBlock`]: the request variables in uwsgi format,
//! which is what the application, the logger and the router all consume. What this crate owns is
//! the meaning of bytes; it refuses to read, write, wait or log (errors carry the log line).
//!
//! ```text
//!  http::parse_head ──┐                                  ┌── response::ResponseHead ── framing
//!  VarBlock::load   ──┼──▶ VarBlock ──▶ application ──▶──┤
//!  link (router)    ──┤                                  ├── chunked::chunk_line
//!  scgi, fastcgi    ──┘                                  └── fastcgi::reply
//! ```
//!
//! Beside it stands [`scrape`], what the endpoint for metrics is asked.
#![forbid(unsafe_code)]

pub mod chunked;
pub mod fastcgi;
pub mod http;
mod known;
pub mod link;
mod network;
pub mod path;
pub mod proxy;
pub mod response;
pub mod scgi;
pub mod scrape;
pub mod uwsgi;
mod vars;

pub use http::{Head, HttpEnv, HttpError, Lenient, Parsed, parse_head};
pub use known::{Known, Var};
pub use network::Network;
pub use response::{BodyFraming, Exchange, Framing, ResponseHead, error_response, framing};
pub use vars::{DEFAULT_BYTES, DEFAULT_PAIRS, VarBlock, VarError};
