//! Where a receiver is: `host:port`, `[v6]:port`, or a UNIX socket, by path or, with `@`, by name.
//!
//! Names are looked up when they are needed, never while the configuration is read.

use std::fmt;
use std::path::PathBuf;

/// A receiver's address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Address {
    /// Name or address without brackets, and port.
    Net(String, u16),
    /// A UNIX socket; one that has no place in the file system begins with `@`.
    Unix(PathBuf),
}

impl Address {
    /// Reads an address; an empty host is `0.0.0.0`, which reaches this machine. Nothing when it is
    /// none.
    pub(crate) fn parse(text: &str) -> Option<Address> {
        let path = text.strip_prefix("unix://").or_else(|| text.strip_prefix("unix:"));
        if let Some(path) = path.or_else(|| text.starts_with(['/', '@']).then_some(text)) {
            return (!path.is_empty()).then(|| Address::Unix(path.into()));
        }
        let (host, port) = text.rsplit_once(':')?;
        let port = port.parse().ok().filter(|port| *port != 0)?;
        let host = match host.strip_prefix('[') {
            Some(inner) => inner.strip_suffix(']')?,
            // An IPv6 address without brackets leaves open where it ends.
            None if host.contains(':') => return None,
            None if host.is_empty() => "0.0.0.0",
            None => host,
        };
        Some(Address::Net(host.to_owned(), port))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Net(host, port) if host.contains(':') => write!(out, "[{host}]:{port}"),
            Address::Net(host, port) => write!(out, "{host}:{port}"),
            Address::Unix(path) => write!(out, "{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_shown() {
        for (text, shown) in [
            ("127.0.0.1:8125", Some("127.0.0.1:8125")),
            (":8125", Some("0.0.0.0:8125")),
            ("metrics.example:8125", Some("metrics.example:8125")),
            ("[::1]:8125", Some("[::1]:8125")),
            ("/run/statsd.sock", Some("/run/statsd.sock")),
            ("@statsd", Some("@statsd")),
            ("unix:///run/dsd.socket", Some("/run/dsd.socket")),
            ("127.0.0.1", None),
            ("127.0.0.1:0", None),
            ("127.0.0.1:http", None),
            ("::1:8125", None),
            ("unix:", None),
            ("", None),
        ] {
            let read = Address::parse(text).map(|address| address.to_string());
            assert_eq!(read.as_deref(), shown, "{text}");
        }
    }
}
