//! The PROXY header in front of a connection: whom it names is the client of all its requests. Part
//! of the reactor.

use std::net::SocketAddr;

use uwsgi_proto::proxy::{Awaits, Origin, Verdict};

use super::Reactor;
use crate::settings::Protocol;
use crate::worker::conn::{Conn, NOBODY, Named};
use crate::worker::wire::{Look, Reason, Refusal};

impl Reactor {
    /// What the first bytes of a connection may be.
    pub(super) fn awaits(&self, protocol: Protocol, peer: Option<SocketAddr>) -> Awaits {
        let trust = self.instance.settings.policy.clients.proxies.as_ref();
        let trust = trust.filter(|_| protocol.is_http());
        trust.map_or(Awaits::Request, |trust| trust.awaits(peer.map(|peer| peer.ip())))
    }
}

/// Takes a header out of `input`; `None` when a request may begin there.
pub(super) fn take(conn: &mut Conn, input: &mut Vec<u8>) -> Option<Look> {
    if conn.awaits == Awaits::Request {
        return None;
    }
    if input.is_empty() {
        return Some(Look::More);
    }
    match conn.awaits.judge(input) {
        Verdict::Wait => return Some(Look::More),
        Verdict::Refuse(why) => {
            let line = format!("invalid HTTP request: {why} ({})", conn.peer);
            let reason = Reason::Bad;
            return Some(Look::Refused(Refusal { reason, line, status: 400, logged: false }));
        }
        Verdict::Go { skip, origin } => {
            input.drain(..skip);
            conn.awaits = Awaits::Request;
            name(conn, origin);
        }
    }
    input.is_empty().then_some(Look::More)
}

fn name(conn: &mut Conn, origin: Origin) {
    match origin {
        Origin::Unsaid => {}
        Origin::Local => conn.peer = NOBODY.into(),
        Origin::Client { src, dst } => {
            conn.peer = src.ip().to_canonical().to_string().into();
            conn.named = Some(Box::new(Named {
                remote_port: src.port().to_string(),
                server_addr: dst.ip().to_canonical().to_string(),
                server_port: dst.port().to_string(),
            }));
        }
    }
}
