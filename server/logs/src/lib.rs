//! Log lines on their way from who says them to who keeps them.
//!
//! ```text
//! message ─▶ Plan::decide ─▶ destinations ─▶ encoders of each ─▶ bytes of its receiver
//! ```
//!
//! [`plan`] knows the loggers and which line goes where, [`encode`] changes lines on their way,
//! [`wire`] says how each receiver wants them, [`rotate`] when a file has to go and what it is called
//! then, [`request`] reads formats of request lines: all pure. [`sink`] opens and sends, each receiver in a thread of its own. The crate has no
//! clock: whoever carries lines passes a [`Moment`].

pub mod encode;
pub mod keyval;
pub mod logger;
pub mod moment;
pub mod object;
pub mod pattern;
pub mod plan;
pub mod request;
pub mod rotate;
pub mod sink;
pub mod template;
pub mod text;
pub mod wire;

pub use moment::Moment;
