//! How long a request is waited for that has begun to arrive. Part of the reactor.
//!
//! Each byte may take `socket-timeout`, but the head as a whole has `socket-header-timeout`, and a
//! body that is awaited here the pace of `socket-body-timeout`: a client that sends a byte now and
//! then holds a connection no longer than that.

use std::os::fd::AsFd;

use uwsgi_proto::error_response;

use super::Reactor;
use crate::log;
use crate::settings::Protocol;
use crate::worker::conn::Conn;
use crate::worker::io;
use crate::worker::trouble::Trouble;

impl Reactor {
    /// Whether a request has used up its time, of which `have` bytes are here.
    pub(super) fn is_too_slow(&self, conn: &mut Conn, have: usize) -> bool {
        if have == 0 {
            return false;
        }
        let (now, bodies) = (self.now_ms(), &self.instance.settings.policy.bodies);
        if conn.begun_ms.is_none() {
            conn.begun_ms = Some(now);
        }
        conn.limit_ms = match conn.head_ms {
            Some(since) => since.saturating_add(bodies.sending.allowed_ms(have as u64)),
            None => conn.begun_ms.unwrap_or(now).saturating_add(bodies.head_ms),
        };
        now >= conn.limit_ms
    }

    /// Why a connection is over that was looked at too late.
    pub(super) fn lateness(&self, conn: &Conn) -> Trouble {
        if self.now_ms() >= conn.limit_ms { Trouble::Slow } else { Trouble::Timeout }
    }

    /// The head of a request did not arrive in time; `came`: bytes of it that are here.
    pub(super) fn note_timeout(&self, conn: &Conn, came: usize) {
        let slow = conn.ended == Some(Trouble::Slow);
        if slow {
            let limit_s = self.instance.settings.policy.bodies.head_ms / 1000;
            log!(
                "[uwsgi-slow] the head of a request from {} took more than {limit_s} seconds",
                conn.peer
            );
        }
        if let Some(i) = self.sources[conn.listener as usize].index {
            let row = self.instance.arena.socket(i);
            if slow { row.slow_head.add_shared(1) } else { row.timeouts.add_shared(1) }
        }
        let traffic = self.traffic(conn);
        traffic.in_vain(came);
        if conn.protocol.is_http() && came > 0 && !self.instance.settings.policy.clients.silent {
            let mut switches = 0;
            // Best effort: the client was too slow to care for.
            let answer = error_response(408);
            let sent = io::send_all(conn.fd.as_fd(), answer, false, 0, &mut switches);
            traffic.rejected(if sent.is_ok() { answer.len() } else { 0 });
            io::drain(conn.fd.as_fd());
        }
    }

    /// A request ended before it was complete.
    pub(super) fn note_end(&self, conn: &Conn, input: &[u8]) {
        if matches!(conn.ended, Some(Trouble::Timeout | Trouble::Slow)) {
            return self.note_timeout(conn, input.len());
        }
        // Balancers that only look whether somebody answers send a PROXY header and go.
        if input.is_empty() {
            return;
        }
        self.traffic(conn).in_vain(input.len());
        if let Some(i) = self.sources[conn.listener as usize].index {
            self.instance.arena.socket(i).eof.add_shared(1);
        }
        if let Some(parser) = parser(conn.protocol) {
            log!("uwsgi_proto_{parser}_parser() -> client closed connection");
        }
    }
}

/// What the log calls the reader of a protocol; nothing where an end in the middle is no event.
fn parser(protocol: Protocol) -> Option<&'static str> {
    Some(match protocol {
        Protocol::Http | Protocol::Http11 => "http",
        Protocol::Uwsgi | Protocol::Puwsgi => "uwsgi",
        Protocol::FastCgi | Protocol::FastCgiNph => "fastcgi",
        Protocol::Scgi | Protocol::ScgiNph => "scgi",
        Protocol::Raw | Protocol::Link => return None,
    })
}
