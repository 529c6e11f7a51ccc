//! SCGI as the reactor sees it. Pure.

use uwsgi_proto::VarBlock;
use uwsgi_proto::scgi::{self, ScgiError};

use super::{Limits, Look, Meta, Reason, Refusal, meta_of};

pub(super) fn look(input: &[u8], limits: &Limits, vars: &mut VarBlock) -> Look {
    match scgi::parse(input, limits.buffer_size, vars) {
        Ok(None) => Look::More,
        Ok(Some(head)) => Look::Ready(Meta {
            head_len: head.head_len,
            modifiers: limits.modifiers,
            packet_size: vars.as_bytes().len(),
            ..meta_of(vars.known())
        }),
        Err(e) => {
            let reason = match e {
                ScgiError::Oversize(_) => Reason::Oversize,
                ScgiError::Malformed => Reason::Bad,
                ScgiError::Vars(_) => Reason::Vars,
            };
            let logged = reason == Reason::Vars;
            let status = if reason == Reason::Bad { 0 } else { 431 };
            Look::Refused(Refusal { reason, line: e.to_string(), status, logged })
        }
    }
}
