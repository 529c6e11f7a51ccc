//! Actions: what an alarm does with a message.
//!
//! One file for each kind; a kind is a word, a parser of its argument, and deliveries. A delivery
//! may wait for the network and is retried by its caller, never by itself.

mod airbrake;
mod alertmanager;
pub(crate) mod arguments;
mod backtrace;
mod cmd;
mod curl;
mod json;
mod log;
mod mule;
mod pagerduty;
mod post;
mod secrets;
mod signal;
mod slack;
mod snmptrap;
mod speech;
mod webhook;
mod xmpp;

use std::future::Future;
use std::pin::Pin;

pub use uwsgi_net::Failure;

use crate::{Event, Facts};

/// What reading an argument comes to; the error says what is wrong with it.
pub type Parsed = Result<Box<dyn Action>, String>;

/// A kind of action: the word in front of the colon.
#[derive(Debug)]
pub struct Kind {
    /// The word.
    pub name: &'static str,
    /// True when a delivery waits for another machine.
    pub network: bool,
    /// Reads the argument.
    pub parse: fn(&str, &Facts) -> Parsed,
}

/// Every kind, in the order of `alarm-list`.
pub static KINDS: &[Kind] = &[
    Kind { name: "signal", network: false, parse: signal::parse },
    Kind { name: "cmd", network: false, parse: cmd::parse },
    Kind { name: "mule", network: false, parse: mule::parse },
    Kind { name: "log", network: false, parse: log::parse },
    Kind { name: "curl", network: true, parse: curl::parse },
    Kind { name: "xmpp", network: true, parse: xmpp::parse },
    Kind { name: "airbrake", network: true, parse: airbrake::parse },
    Kind { name: "speech", network: false, parse: speech::parse },
    Kind { name: "webhook", network: true, parse: webhook::parse },
    Kind { name: "alertmanager", network: true, parse: alertmanager::parse },
    Kind { name: "pagerduty", network: true, parse: pagerduty::parse },
    Kind { name: "slack", network: true, parse: slack::parse },
    Kind { name: "snmptrap", network: true, parse: snmptrap::parse },
    Kind { name: "snmpinform", network: true, parse: snmptrap::parse_inform },
];

/// A delivery under way.
pub type Delivery<'a> = Pin<Box<dyn Future<Output = Result<(), Failure>> + Send + 'a>>;

/// A configured action.
pub trait Action: Send {
    /// Begins what lives between deliveries. Called once, within the runtime that delivers.
    fn begin(&mut self) {}

    /// Delivers one message. Dropping the future gives it up.
    fn deliver<'a>(&'a mut self, event: &'a Event) -> Delivery<'a>;
}
