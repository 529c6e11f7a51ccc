//! Records that go back to the web server.

use super::{HEADER_LEN, MOST, Record, kind, params};

/// The request is done.
pub const COMPLETE: u8 = 0;
/// One request at a time on a connection.
pub const CANNOT_MULTIPLEX: u8 = 1;

/// Bytes of an end.
pub const END_LEN: usize = HEADER_LEN + 8;

/// The header of a piece of the answer. `length` is at most [`MOST`].
pub fn stdout(id: u16, length: usize) -> [u8; HEADER_LEN] {
    let length = u16::try_from(length.min(MOST)).unwrap_or(u16::MAX);
    Record { kind: kind::STDOUT, id, length, padding: 0 }.encode()
}

/// The end of a request.
pub fn end(id: u16, app_status: u32, protocol_status: u8) -> [u8; END_LEN] {
    let mut out = [0; END_LEN];
    let header = Record { kind: kind::END_REQUEST, id, length: 8, padding: 0 };
    out[..8].copy_from_slice(&header.encode());
    out[8..12].copy_from_slice(&app_status.to_be_bytes());
    out[12] = protocol_status;
    out
}

/// All that follows the last byte of an answer.
pub fn finish(id: u16) -> [u8; HEADER_LEN + END_LEN] {
    let mut out = [0; HEADER_LEN + END_LEN];
    out[..HEADER_LEN].copy_from_slice(&stdout(id, 0));
    out[HEADER_LEN..].copy_from_slice(&end(id, 0, COMPLETE));
    out
}

/// The answer to a record of type `asked` that belongs to no request. `connections` is how many
/// this server serves at the same time, one request each.
pub fn management(asked: u8, content: &[u8], connections: u32) -> Vec<u8> {
    match asked {
        kind::GET_VALUES => values(content, connections),
        other => unknown(other),
    }
}

/// Names that are not known are left out of the answer, as the specification wants it.
fn values(content: &[u8], connections: u32) -> Vec<u8> {
    let connections = connections.to_string();
    let known: [(&[u8], &str); 3] = [
        (b"FCGI_MAX_CONNS", &connections),
        (b"FCGI_MAX_REQS", &connections),
        (b"FCGI_MPXS_CONNS", "0"),
    ];
    let mut asked = [false; 3];
    let mut rest = content;
    while let Ok(pair) = params::pair(rest) {
        known.iter().zip(&mut asked).for_each(|(one, asked)| *asked |= one.0 == pair.name);
        rest = pair.behind;
    }
    let mut told = Vec::new();
    for ((name, value), _) in known.iter().zip(asked).filter(|(_, asked)| *asked) {
        params::push(&mut told, name, value.as_bytes());
    }
    // Three short pairs fit one record.
    record(kind::GET_VALUES_RESULT, &told)
}

fn unknown(asked: u8) -> Vec<u8> {
    record(kind::UNKNOWN_TYPE, &[asked, 0, 0, 0, 0, 0, 0, 0])
}

fn record(kind: u8, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).unwrap_or(u16::MAX);
    let header = Record { kind, id: 0, length, padding: 0 };
    [&header.encode(), content].concat()
}
