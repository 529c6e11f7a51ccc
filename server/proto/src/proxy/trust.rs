//! Who may put a PROXY header in front of a connection, and who must.

use std::net::IpAddr;

use super::{Origin, Start, parse};
use crate::Network;

/// What an operator says of PROXY headers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trust {
    /// A connection without one is refused.
    pub strict: bool,
    /// Only these peers are believed; nobody named is everybody.
    pub from: Vec<Network>,
    /// Peers of UNIX sockets are believed where somebody is named.
    pub unix: bool,
}

/// What the first bytes of a connection may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Awaits {
    /// A request.
    #[default]
    Request,
    /// A request, or a header in front of it.
    Either,
    /// A header.
    Header,
    /// Nothing: nobody whose header would be believed, where one is needed.
    Nobody,
}

/// What becomes of a connection by its first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// More bytes are needed.
    Wait,
    /// A request begins behind `skip` bytes.
    Go {
        /// Length of the header.
        skip: usize,
        /// Whom it names.
        origin: Origin,
    },
    /// The connection is refused, and why.
    Refuse(&'static str),
}

impl Trust {
    /// What a peer may send first; `None` is the peer of a UNIX socket.
    pub fn awaits(&self, peer: Option<IpAddr>) -> Awaits {
        let believed = self.from.is_empty() && !self.unix
            || peer.map_or(self.unix, |peer| self.from.iter().any(|n| n.contains(peer)));
        match (believed, self.strict) {
            (true, false) => Awaits::Either,
            (true, true) => Awaits::Header,
            (false, false) => Awaits::Request,
            (false, true) => Awaits::Nobody,
        }
    }
}

impl Awaits {
    /// Judges the first bytes.
    pub fn judge(self, input: &[u8]) -> Verdict {
        let missing = match self {
            Self::Request => return Verdict::Go { skip: 0, origin: Origin::Unsaid },
            Self::Nobody => return Verdict::Refuse("not a peer whose PROXY header is believed"),
            Self::Either => Verdict::Go { skip: 0, origin: Origin::Unsaid },
            Self::Header => Verdict::Refuse("no PROXY header"),
        };
        match parse(input) {
            Start::Partial => Verdict::Wait,
            Start::Found { len, origin } => Verdict::Go { skip: len, origin },
            Start::Broken => Verdict::Refuse("broken PROXY header"),
            Start::Absent => missing,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_named_is_believed_and_who_is_not_is_a_client() {
        let network = |text| Network::parse(text).unwrap();
        let anybody = Trust::default();
        let named = Trust { from: vec![network("10.0.0.0/8")], ..Trust::default() };
        let unix = Trust { unix: true, ..Trust::default() };
        let strict = |trust: &Trust| Trust { strict: true, ..trust.clone() };
        let (near, far) = ("10.1.1.1".parse().ok(), "192.0.2.1".parse().ok());
        for (trust, peer, want) in [
            (&anybody, far, Awaits::Either),
            (&anybody, None, Awaits::Either),
            (&named, near, Awaits::Either),
            (&named, far, Awaits::Request),
            (&named, None, Awaits::Request),
            (&unix, None, Awaits::Either),
            (&unix, near, Awaits::Request),
            (&strict(&anybody), far, Awaits::Header),
            (&strict(&named), near, Awaits::Header),
            (&strict(&named), far, Awaits::Nobody),
        ] {
            assert_eq!(trust.awaits(peer), want, "{trust:?} {peer:?}");
        }
    }

    #[test]
    fn what_is_awaited_decides_what_is_taken() {
        let line = b"PROXY UNKNOWN\r\nGET".as_slice();
        let go = |skip| Verdict::Go { skip, origin: Origin::Unsaid };
        let refused = |verdict| matches!(verdict, Verdict::Refuse(_));
        for (awaits, with, without) in
            [(Awaits::Request, go(0), go(0)), (Awaits::Either, go(15), go(0))]
        {
            assert_eq!((awaits.judge(line), awaits.judge(b"GET")), (with, without));
        }
        assert_eq!(Awaits::Header.judge(line), go(15));
        assert!(refused(Awaits::Header.judge(b"GET")));
        assert!(refused(Awaits::Nobody.judge(line)) && refused(Awaits::Nobody.judge(b"GET")));
        assert!(refused(Awaits::Either.judge(b"PROXY TCP4\n")));
        assert_eq!(Awaits::Either.judge(b"PRO"), Verdict::Wait);
        assert_eq!(Awaits::Request.judge(b"PRO"), go(0));
    }
}
