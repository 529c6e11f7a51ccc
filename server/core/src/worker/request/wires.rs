//! What the protocol of a connection means for a request on it: how its body ends, what is around the
//! answer. Part of the request.

use std::os::fd::AsFd;

use uwsgi_abi::{REQUEST_CHUNKED, REQUEST_DYNAMIC, REQUEST_RAW, REQUEST_SETENV};
use uwsgi_proto::Known;
use uwsgi_proto::fastcgi::reply;

use super::{Asker, Core};
use crate::instance::Instance;
use crate::settings::{Protocol, Settings};
use crate::warning::PING;
use crate::worker::body::{Body, Kind};
use crate::worker::conn::{Conn, Drain, LinkDrains};
use crate::worker::frames::Frames;
use crate::worker::io;
use crate::worker::wire::Meta;

/// How the end of a request's body is known.
pub(super) fn body_kind(protocol: Protocol, meta: &Meta) -> Kind {
    match (protocol, meta.chunked) {
        (Protocol::FastCgi | Protocol::FastCgiNph, chunked) => {
            Kind::Records(meta.record, (!chunked).then_some(meta.content_length))
        }
        (Protocol::Puwsgi, _) if meta.content_length > 0 => Kind::Unknown,
        (_, false) => Kind::Length(meta.content_length),
        (Protocol::Link, true) => Kind::Framed,
        (_, true) => Kind::Chunked,
    }
}

/// What the plugin is told about a request. Variables that say what is to be done come from web
/// servers alone: headers of clients have other names.
pub(super) fn flags(instance: &Instance, protocol: Protocol, meta: &Meta, known: Known<'_>) -> u32 {
    let chunked = if meta.chunked { REQUEST_CHUNKED } else { 0 };
    if protocol == Protocol::Raw {
        return chunked | REQUEST_RAW;
    }
    if protocol.is_http() || protocol == Protocol::Link {
        return chunked;
    }
    let names = instance.settings.policy.requests.dynamic_apps && known.names_app();
    let dynamic = if names { REQUEST_DYNAMIC } else { 0 };
    let setenv = if known.sets_environment() { REQUEST_SETENV } else { 0 };
    chunked | dynamic | setenv
}

/// Bound of every wait for what a client sends.
pub(super) fn timeout_ms(settings: &Settings) -> i32 {
    i32::try_from(settings.socket_timeout * 1000).unwrap_or(i32::MAX)
}

/// Bound of every wait for a client that is to take something.
pub(super) fn send_timeout_ms(settings: &Settings) -> i32 {
    i32::try_from(settings.policy.sockets.send_timeout_s.saturating_mul(1000)).unwrap_or(i32::MAX)
}

impl Core {
    pub(super) fn frames(&self, protocol: Protocol, meta: &Meta) -> Frames {
        match protocol {
            Protocol::Link => Frames::Link(self.worker as u16, self.id as u16),
            Protocol::Puwsgi => Frames::Persistent,
            Protocol::FastCgi | Protocol::FastCgiNph => {
                Frames::Records { id: meta.record, keep: meta.keep_alive }
            }
            _ => Frames::Bare,
        }
    }

    /// A ping that no plugin answers: part of no count and no mean.
    pub(super) fn is_health_check(&self, meta: &Meta) -> bool {
        let plugins = &self.instance.plugins;
        meta.modifiers.0 == PING && plugins.allows(PING) && plugins.serving(PING).is_none()
    }

    /// Somebody answers requests of this kind.
    pub(super) fn served(&self, meta: &Meta) -> bool {
        self.instance.plugins.serving(meta.modifiers.0).is_some()
    }

    /// What the client has not taken, if that is all that is missing.
    pub(super) fn take_drain(&mut self, conn: &Conn, keep: bool) -> Option<Box<Drain>> {
        if self.reply.outbox.is_empty() {
            return None;
        }
        let outbox = std::mem::take(&mut self.reply.outbox);
        let whole = self.reply.failed.is_none();
        let (app, sent, waited_ms) = (self.reply.app, self.reply.gone(), self.reply.waited_ms);
        let asker = Asker::of(self.vars.known(), &conn.peer);
        let links = &self.instance.arena.worker(self.worker).draining_links;
        let link = whole && conn.protocol == Protocol::Link;
        let _told = link.then(|| LinkDrains::new(links));
        whole.then(|| Box::new(Drain { outbox, keep, app, asker, sent, waited_ms, _told }))
    }

    /// Tells a web server that began requests beside the one at hand that only one runs at a time.
    pub(super) fn refuse_others(&mut self, conn: &Conn, body: &mut Body) {
        let end = |id| reply::end(id, 0, reply::CANNOT_MULTIPLEX);
        self.aside.extend(body.others().into_iter().flat_map(end));
        if !self.reply.outbox.is_empty() {
            // Behind the answer. What is refused for want of room is refused by the close.
            let bounds = self.instance.settings.policy.sockets.drain;
            self.reply.outbox.hold(&self.aside, bounds);
        } else if !self.aside.is_empty() && !self.reply.corked {
            let mut switches = 0;
            // Who leaves meanwhile needs no answer.
            let _ = io::send_all(conn.fd.as_fd(), &self.aside, false, 0, &mut switches);
        }
        self.aside.clear();
    }
}
