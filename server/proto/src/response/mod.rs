//! Response heads: what an application said, checked and copied once, then completed by the
//! lines that frame the body.
//!
//! One [`ResponseHead`] is kept per core. [`framing`] is the pure decision between "the length
//! is known", "chunked" and "until close"; nothing else in the server decides it.

mod error;
mod framing;
mod head;
mod reason;

pub use error::error_response;
pub use framing::{BodyFraming, Exchange, Framing, framing};
pub use head::{Facts, HeadError, ResponseHead};
pub use reason::reason;
