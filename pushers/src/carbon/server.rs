//! One carbon server: what carries the push, and to where.

use std::fmt;

use crate::address::Address;

/// What carries a push.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Carrier {
    /// A connection for each push.
    Stream,
    /// The same over TLS.
    Tls,
    /// Datagrams of whole lines.
    Datagrams,
}

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Server {
    pub(super) carrier: Carrier,
    pub(super) address: Address,
}

impl Server {
    /// Reads `HOST:PORT`, `udp:HOST:PORT`, `tls:HOST:PORT` or the path of a UNIX socket; nothing
    /// when a part is missing.
    pub(super) fn parse(text: &str) -> Option<Server> {
        let (carrier, place) = match text.split_once(':') {
            Some(("udp", place)) => (Carrier::Datagrams, place),
            Some(("tls", place)) => (Carrier::Tls, place),
            _ => (Carrier::Stream, text),
        };
        let address = Address::parse(place).filter(|_| !place.starts_with(':'))?;
        let is_path = matches!(address, Address::Unix(_));
        (!is_path || carrier == Carrier::Stream).then_some(Server { carrier, address })
    }

    /// The host alone, or the path.
    pub(super) fn host(&self) -> String {
        match &self.address {
            Address::Net(host, _) => host.clone(),
            path @ Address::Unix(_) => path.to_string(),
        }
    }

    /// True when the host is a name, which somebody has to look up.
    pub(super) fn is_named(&self) -> bool {
        match &self.address {
            Address::Net(host, _) => host.parse::<std::net::IpAddr>().is_err(),
            Address::Unix(_) => false,
        }
    }
}

impl fmt::Display for Server {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let carrier = match self.carrier {
            Carrier::Stream => "",
            Carrier::Tls => "tls:",
            Carrier::Datagrams => "udp:",
        };
        write!(out, "{carrier}{}", self.address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_read_and_shown() {
        use Carrier::{Datagrams, Stream, Tls};
        for (text, expected) in [
            ("127.0.0.1:2003", Some((Stream, "127.0.0.1:2003", "127.0.0.1", false))),
            ("graphite:2003", Some((Stream, "graphite:2003", "graphite", true))),
            ("[::1]:2003", Some((Stream, "[::1]:2003", "::1", false))),
            ("/run/carbon.sock", Some((Stream, "/run/carbon.sock", "/run/carbon.sock", false))),
            ("unix:/run/c", Some((Stream, "/run/c", "/run/c", false))),
            ("udp:127.0.0.1:2003", Some((Datagrams, "udp:127.0.0.1:2003", "127.0.0.1", false))),
            ("udp:[::1]:2003", Some((Datagrams, "udp:[::1]:2003", "::1", false))),
            ("tls:relay:2003", Some((Tls, "tls:relay:2003", "relay", true))),
            ("127.0.0.1", None),
            ("127.0.0.1:", None),
            (":2003", None),
            ("udp::2003", None),
            ("udp:/run/c", None),
            ("tls:unix:/run/c", None),
            ("", None),
        ] {
            let server = Server::parse(text);
            let shown = server.as_ref().map(|s| (s.to_string(), s.host(), s.is_named()));
            assert_eq!(server.map(|s| s.carrier), expected.map(|all| all.0), "{text}");
            let expected =
                expected.map(|(_, shown, host, named)| (shown.into(), host.into(), named));
            assert_eq!(shown, expected, "{text}");
        }
    }
}
