//! FastCGI as the reactor sees it. Pure.

use uwsgi_proto::VarBlock;
use uwsgi_proto::fastcgi::{self, FastcgiError, Record, Stdin, Step, kind, reply};

use super::{Limits, Look, Meta, Reason, Refusal, Said, meta_of};

pub(super) fn look(
    input: &[u8],
    limits: &Limits,
    vars: &mut VarBlock,
    aside: &mut Vec<u8>,
) -> Look {
    let mut stream = Vec::new();
    let said = |used, answer, close| Look::Said(Said { used, answer, close });
    match fastcgi::look(input, limits.buffer_size, vars, &mut stream) {
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
    }
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

/// Whether as much of the body as `meta` announces lies in `input`.
pub(crate) fn has_body(input: &[u8], meta: &Meta) -> bool {
    let (mut stdin, mut at, mut have) = (Stdin::new(meta.record), meta.head_len, 0);
    while have < meta.content_length {
        match stdin.next(input, at) {
            Ok(Step::Data(range)) => {
                have += range.len() as u64;
                at = range.end;
            }
            Ok(Step::More) => return false,
            // It is shorter than it was to be, or broken: who reads it will see.
            Ok(Step::End(_)) | Err(_) => return true,
        }
    }
    true
}
