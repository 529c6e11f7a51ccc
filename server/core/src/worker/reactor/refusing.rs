//! What is said to connections whose bytes are no request that is served. Part of the reactor.

use std::os::fd::AsFd;

use uwsgi_proto::{link, uwsgi};

use super::Reactor;
use crate::log;
use crate::settings::Protocol;
use crate::worker::conn::Conn;
use crate::worker::io;
use crate::worker::request::Core;
use crate::worker::wire::refused;
use crate::worker::wire::{Reason, Refusal, Said};

impl Reactor {
    /// Answers what is no request; false when the connection ends with that.
    pub(super) fn say(&self, conn: &Conn, said: &Said, input: &mut Vec<u8>) -> bool {
        let mut switches = 0;
        // Answers are short: who does not take one does not read at all.
        let sent = io::send_all(conn.fd.as_fd(), &said.answer, false, 0, &mut switches);
        input.drain(..said.used);
        sent.is_ok() && !said.close
    }

    /// Refuses a request: a line in the log, counters, and an answer to whoever can be told. The line of
    /// the request says what its client was told.
    pub(super) fn refuse(&self, core: &mut Core, conn: &Conn, refusal: &Refusal, input: &[u8]) {
        log!("{}", refusal.line);
        core.row.parse_errors.add(1);
        self.traffic(conn).in_vain(input.len());
        if let Some(i) = self.sources[conn.listener as usize].index {
            let row = self.instance.arena.socket(i);
            match refusal.reason {
                Reason::Oversize => row.oversize.add_shared(1),
                Reason::Bad => row.bad.add_shared(1),
                Reason::Vars => row.vars.add_shared(1),
                Reason::LimitPost => row.limit_post.add_shared(1),
            }
        }
        let answer = match self.instance.settings.policy.clients.silent {
            true => None,
            false => refused::answer(conn.protocol, refusal, input, (core.worker, core.id)),
        };
        if refusal.logged {
            let told = answer.is_some().then_some(refusal.status);
            core.log_refused(conn, packet_size(conn.protocol, input, core), told);
        }
        if let Some(answer) = answer {
            let mut switches = 0;
            // The client is refused either way.
            let sent = io::send_all(conn.fd.as_fd(), &answer, false, 1000, &mut switches);
            self.traffic(conn).rejected(if sent.is_ok() { answer.len() } else { 0 });
            io::drain(conn.fd.as_fd());
        }
    }
}

/// Bytes of the variables: as the packet says, or as the server has made them.
fn packet_size(protocol: Protocol, input: &[u8], core: &Core) -> usize {
    let said = match protocol {
        Protocol::Uwsgi | Protocol::Puwsgi => {
            uwsgi::Header::parse(input).map(|header| usize::from(header.size))
        }
        Protocol::Link => {
            let header = link::RequestHeader::parse(input).ok().flatten();
            header.map(|header| header.vars_len as usize)
        }
        _ => None,
    };
    said.unwrap_or_else(|| core.vars.as_bytes().len())
}
