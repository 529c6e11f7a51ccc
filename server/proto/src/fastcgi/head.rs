//! From the first byte to the body.

use std::ops::Range;

use super::{FastcgiError, HEADER_LEN, Record, kind, params, reply};
use crate::VarBlock;

/// Where a complete head ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Bytes of input up to the first record of the body.
    pub head_len: usize,
    /// The number that every record of the answer carries.
    pub id: u16,
    /// The client would keep its connection.
    pub keep: bool,
}

/// What the bytes so far are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Look {
    /// Not enough of them.
    More,
    /// A request of which only the body may be missing, and what has to be said to those that
    /// began another one meanwhile.
    Ready(Head, Vec<u8>),
    /// A question to the server itself, for [`reply::management`].
    Asked {
        /// Bytes of input that it took.
        used: usize,
        /// The type of the record.
        kind: u8,
        /// Where its content is.
        content: Range<usize>,
    },
    /// Nothing to serve in these bytes: left over from the request before, or given up.
    Over {
        /// Bytes of input that it took.
        used: usize,
        /// The request that was given up, for [`reply::end`], and whether its client would keep the
        /// connection.
        aborted: Option<(u16, bool)>,
    },
}

/// What `BEGIN_REQUEST` says in its flags.
const KEEP_CONN: u8 = 1;

/// Looks at `input` from the beginning of a request on. `limit` bytes of variables are read into
/// `out`; `stream` is memory to put them together in.
pub fn look(
    input: &[u8],
    limit: usize,
    out: &mut VarBlock,
    stream: &mut Vec<u8>,
) -> Result<Look, FastcgiError> {
    stream.clear();
    let (mut at, mut others) = (0, Vec::new());
    let mut begun: Option<(u16, bool)> = None;
    // Cut into small records, variables take several times their size, and no more.
    let most = limit.saturating_mul(4).saturating_add(1 << 17);
    while let Some(record) = Record::parse(&input[at..])? {
        let end = at + record.size();
        if end > most {
            return Err(FastcgiError::Oversize(limit));
        }
        let content = at + HEADER_LEN..at + HEADER_LEN + usize::from(record.length);
        let head = |(id, keep), head_len| Head { head_len, id, keep };
        match (begun, record.kind) {
            // The client may leave the empty record out.
            (Some(own), kind::STDIN) if record.id == own.0 => {
                params::load(stream, start(out))?;
                return Ok(Look::Ready(head(own, at), others));
            }
            _ if input.len() < end => return Ok(Look::More),
            (None, kind::BEGIN_REQUEST) => begun = Some(begin(record, &input[content])?),
            (None, _) if record.id == 0 => {
                return Ok(Look::Asked { used: end, kind: record.kind, content });
            }
            // What is left of a request that is over.
            (None, kind::ABORT_REQUEST | kind::STDIN | kind::PARAMS) if at == 0 => {
                return Ok(Look::Over { used: end, aborted: None });
            }
            (None, _) => return Err(FastcgiError::NoRequest),
            (Some(own), kind::PARAMS) if record.id == own.0 => {
                if content.is_empty() {
                    params::load(stream, start(out))?;
                    return Ok(Look::Ready(head(own, end), others));
                }
                stream.extend_from_slice(&input[content]);
                if stream.len() > limit {
                    return Err(FastcgiError::Oversize(limit));
                }
            }
            (Some(own), kind::ABORT_REQUEST) if record.id == own.0 => {
                return Ok(Look::Over { used: end, aborted: Some(own) });
            }
            (Some(own), kind::BEGIN_REQUEST) if record.id != own.0 => {
                others.extend(reply::end(record.id, 0, reply::CANNOT_MULTIPLEX));
            }
            (Some(_), _) => {}
        }
        at = end;
    }
    Ok(Look::More)
}

fn start(out: &mut VarBlock) -> &mut VarBlock {
    out.clear();
    out
}

/// Number and flags of a request. The role is not looked at: whoever asks gets an answer.
fn begin(record: Record, content: &[u8]) -> Result<(u16, bool), FastcgiError> {
    match content {
        [_, _, flags, ..] => Ok((record.id, flags & KEEP_CONN != 0)),
        _ => Err(FastcgiError::NoRequest),
    }
}
