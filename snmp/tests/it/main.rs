//! The crate from outside: codec, engine, and what must not bring the agent down.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests")]

mod corpus;
mod malformed;
mod properties;
mod support;
mod usm;
