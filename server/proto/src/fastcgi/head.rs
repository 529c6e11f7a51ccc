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

/// What the records so far came to, so that none is looked at again when more of them arrive.
#[derive(Clone, Debug, Default)]
pub struct Scan {
    /// Bytes of input whose records are taken.
    at: usize,
    /// The request: its number, and whether its client would keep the connection.
    begun: Option<(u16, bool)>,
    /// What those are told that began another one.
    others: Vec<u8>,
    /// The variables, as far as they have come.
    stream: Vec<u8>,
    #[cfg(test)]
    pub(super) taken: usize,
}

/// Looks at `input`, which begins with a request; `limit` bytes of variables are read into `out`. As
/// long as the answer is [`Look::More`], `scan` is what the look before has left; a new one begins with
/// every other answer.
pub fn look(
    scan: &mut Scan,
    input: &[u8],
    limit: usize,
    out: &mut VarBlock,
) -> Result<Look, FastcgiError> {
    // Cut into small records, variables take several times their size, and no more.
    let most = limit.saturating_mul(4).saturating_add(1 << 17);
    while let Some(record) = Record::parse(&input[scan.at..])? {
        let end = scan.at + record.size();
        if end > most {
            return Err(FastcgiError::Oversize(limit));
        }
        let content = scan.at + HEADER_LEN..scan.at + HEADER_LEN + usize::from(record.length);
        match (scan.begun, record.kind) {
            // The client may leave the empty record out.
            (Some(own), kind::STDIN) if record.id == own.0 => {
                return scan.ready(own, scan.at, out);
            }
            _ if input.len() < end => return Ok(Look::More),
            (None, kind::BEGIN_REQUEST) => scan.begun = Some(begin(record, &input[content])?),
            (None, _) if record.id == 0 => {
                return Ok(Look::Asked { used: end, kind: record.kind, content });
            }
            // What is left of a request that is over.
            (None, kind::ABORT_REQUEST | kind::STDIN | kind::PARAMS) if scan.at == 0 => {
                return Ok(Look::Over { used: end, aborted: None });
            }
            (None, _) => return Err(FastcgiError::NoRequest),
            (Some(own), kind::PARAMS) if record.id == own.0 => {
                if content.is_empty() {
                    return scan.ready(own, end, out);
                }
                scan.stream.extend_from_slice(&input[content]);
                if scan.stream.len() > limit {
                    return Err(FastcgiError::Oversize(limit));
                }
            }
            (Some(own), kind::ABORT_REQUEST) if record.id == own.0 => {
                return Ok(Look::Over { used: end, aborted: Some(own) });
            }
            (Some(own), kind::BEGIN_REQUEST) if record.id != own.0 => {
                scan.others.extend(reply::end(record.id, 0, reply::CANNOT_MULTIPLEX));
            }
            (Some(_), _) => {}
        }
        scan.take(end);
    }
    Ok(Look::More)
}

impl Scan {
    fn take(&mut self, end: usize) {
        self.at = end;
        #[cfg(test)]
        {
            self.taken += 1;
        }
    }

    /// The head ends at `head_len`: its variables are read.
    fn ready(
        &self,
        (id, keep): (u16, bool),
        head_len: usize,
        out: &mut VarBlock,
    ) -> Result<Look, FastcgiError> {
        out.clear();
        params::load(&self.stream, out)?;
        Ok(Look::Ready(Head { head_len, id, keep }, self.others.clone()))
    }
}

/// Number and flags of a request. The role is not looked at: whoever asks gets an answer.
fn begin(record: Record, content: &[u8]) -> Result<(u16, bool), FastcgiError> {
    match content {
        [_, _, flags, ..] => Ok((record.id, flags & KEEP_CONN != 0)),
        _ => Err(FastcgiError::NoRequest),
    }
}
