//! A client of XMPP that is online and sends chat messages, and nothing more.
//!
//! Our own because the kept library would add more than 250 s of CPU to a build that takes 55. Owns the
//! stream (RFC 6120), the login with SCRAM or PLAIN, presence, messages, and pings (XEP-0199) by
//! which it knows that the server has taken what was sent. It refuses to send a password in the
//! clear, and to answer anything but pings.

mod channel;
mod login;
mod node;
mod sasl;
mod session;
mod srv;

pub(crate) use session::{Order, run};

use crate::net::{Limits, Trust};

/// Whom to be, where.
#[derive(Clone)]
pub(crate) struct Account {
    pub(crate) user: String,
    pub(crate) domain: String,
    /// As wished; without one the server chooses.
    pub(crate) resource: Option<String>,
    pub(crate) password: String,
    /// Host and port, when they do not follow from the domain.
    pub(crate) server: Option<(String, u16)>,
    pub(crate) recipients: Vec<String>,
    pub(crate) trust: Trust,
    pub(crate) limits: Limits,
}

/// Where clients connect when nothing else is said.
const PORT: u16 = 5222;

impl Account {
    /// The address, for log lines.
    pub(crate) fn jid(&self) -> String {
        let resource = self.resource.as_ref().map(|resource| format!("/{resource}"));
        format!("{}@{}{}", self.user, self.domain, resource.unwrap_or_default())
    }
}
