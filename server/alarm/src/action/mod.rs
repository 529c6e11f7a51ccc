//! Actions: what an alarm does with a message.
//!
//! One file for each kind; a kind is a word, a parser of its argument, and deliveries. A delivery
//! may wait for the network and is retried by its caller, never by itself.

use std::future::Future;
use std::pin::Pin;

use crate::Event;

/// Why a delivery failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// For the log and the alarm's row, without any secret of the alarm's argument. The log shows
    /// it as `[uwsgi-alarm-KIND] TEXT`.
    pub text: String,
    /// True when another attempt may succeed (no connection, a server that is busy); false when
    /// it cannot (refused credentials, an address that is not accepted).
    pub again: bool,
}

/// A delivery under way.
pub type Delivery<'a> = Pin<Box<dyn Future<Output = Result<(), Failure>> + Send + 'a>>;

/// A configured action.
pub trait Action: Send {
    /// Delivers one message. Dropping the future gives it up.
    fn deliver<'a>(&'a mut self, event: &'a Event) -> Delivery<'a>;
}
