//! The service manager: what it is told, and what it hands over.
//!
//! It owns the texts of notices to systemd and when they are due ([`Notifier`]), and what the
//! environment says about sockets that were opened before ([`activation`]). It refuses to send and
//! to touch descriptors: a notice is a text for one datagram, an activation is a plan.

pub mod activation;
mod notifier;

pub use notifier::{Notifier, Readiness, Workers};

use crate::SECOND;

/// The very first notice.
pub const INITIALIZING: &str = "STATUS=initializing uWSGI\n";

/// The last notice of an Emperor.
pub const BURIED: &str = "STATUS=The Emperor is buried.\n";

/// Where notices go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// A socket in the file system.
    Path(String),
    /// A name in the abstract namespace, without the leading zero.
    Abstract(String),
}

impl Address {
    /// Reads `NOTIFY_SOCKET`; `None` for what is neither an absolute path nor `@name`.
    pub fn parse(value: &str) -> Option<Address> {
        match value.strip_prefix('@') {
            Some("") => None,
            Some(name) => Some(Address::Abstract(name.to_owned())),
            None => value.starts_with('/').then(|| Address::Path(value.to_owned())),
        }
    }
}

/// How often the watchdog wants to hear from us, monotonic microseconds: half of `WATCHDOG_USEC`,
/// unless `WATCHDOG_PID` names another process than `pid`.
pub fn watchdog(usec: Option<&str>, watched: Option<&str>, pid: i32) -> Option<u64> {
    let ours = watched.is_none_or(|watched| watched.trim().parse() == Ok(pid));
    let usec: u64 = usec.filter(|_| ours)?.trim().parse().ok()?;
    (usec > 0).then(|| (usec / 2).clamp(1, 3600 * SECOND))
}

#[cfg(test)]
mod tests;
