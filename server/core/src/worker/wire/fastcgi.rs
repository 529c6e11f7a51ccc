//! FastCGI as the reactor sees it. Pure.

use uwsgi_proto::VarBlock;
use uwsgi_proto::fastcgi::{self, FastcgiError, Record, Scan, kind, reply};

use super::{Limits, Look, Meta, Reason, Refusal, Said, meta_of};

pub(super) fn look(
    input: &[u8],
    records: &mut Option<Box<Scan>>,
    limits: &Limits,
    vars: &mut VarBlock,
    aside: &mut Vec<u8>,
) -> Look {
    let mut scan = records.take().unwrap_or_default();
    let said = |used, answer, close| Look::Said(Said { used, answer, close });
    let found = match fastcgi::look(&mut scan, input, limits.buffer_size, vars) {
        Ok(fastcgi::Look::More) => Look::More,
        Ok(fastcgi::Look::Ready(head, others)) => {
            *aside = others;
            ready(input, &head, limits, vars)
        }
        Ok(fastcgi::Look::Asked { used, kind, content }) => {
            said(used, reply::management(kind, &input[content], limits.cores), false)
        }
        Ok(fastcgi::Look::Over { used, aborted: None }) => said(used, Vec::new(), false),
        Ok(fastcgi::Look::Over { used, aborted: Some((id, keep)) }) => {
            said(used, reply::end(id, 0, reply::COMPLETE).into(), !keep)
        }
        Err(e) => refuse(&e),
    };
    *records = (found == Look::More).then_some(scan);
    found
}

/// Without a length the first record behind the head tells whether there is a body.
fn ready(input: &[u8], head: &fastcgi::Head, limits: &Limits, vars: &VarBlock) -> Look {
    let known = vars.known();
    let mut meta = Meta {
        head_len: head.head_len,
        keep_alive: head.keep,
        modifiers: limits.modifiers,
        packet_size: vars.as_bytes().len(),
        record: head.id,
        ..meta_of(known)
    };
    if known.has_content_length() {
        return Look::Ready(meta);
    }
    match Record::parse(&input[head.head_len..]) {
        Ok(None) => Look::More,
        Ok(Some(next)) => {
            let body = next.kind == kind::STDIN && next.id == head.id;
            meta.chunked = body && next.length > 0;
            Look::Ready(meta)
        }
        Err(e) => refuse(&e),
    }
}

fn refuse(e: &FastcgiError) -> Look {
    let reason = match e {
        FastcgiError::Oversize(_) => Reason::Oversize,
        FastcgiError::Vars(_) => Reason::Vars,
        _ => Reason::Bad,
    };
    let logged = reason == Reason::Vars;
    let status = if reason == Reason::Bad { 0 } else { 431 };
    Look::Refused(Refusal { reason, line: e.to_string(), status, logged })
}
