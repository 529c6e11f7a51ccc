//! A request that arrives in pieces: what was learned from those that are here, so that no byte is
//! looked at again with each piece that follows. Pure.

use uwsgi_proto::fastcgi::{Scan, Stdin, Step};

use super::wire::Meta;

/// See the module.
#[derive(Default)]
pub(crate) struct Arriving {
    /// Bytes already searched for the end of a head.
    pub(super) scanned: usize,
    /// What records of a head came to.
    pub(super) records: Option<Box<Scan>>,
    /// The body that is awaited behind a complete head.
    body: Option<Box<Awaited>>,
    /// Looks at a head.
    #[cfg(test)]
    pub(super) looks: usize,
}

/// A body of known size.
struct Awaited {
    head_len: usize,
    size: u64,
    /// The records that carry it, bytes of input that they have used up, and what they brought.
    records: Option<(Stdin, usize, u64)>,
}

impl Arriving {
    /// The body that is awaited is not here: there is nothing to look at yet.
    pub(crate) fn lacks(&mut self, input: &[u8]) -> bool {
        self.body.as_mut().is_some_and(|body| !body.is_here(input))
    }

    /// Awaits the body behind this head; false when it is here. `in_records`: it comes in records.
    pub(crate) fn await_body(&mut self, meta: &Meta, in_records: bool, input: &[u8]) -> bool {
        let records = in_records.then(|| (Stdin::new(meta.record), meta.head_len, 0));
        let (head_len, size) = (meta.head_len, meta.content_length);
        let mut body = Awaited { head_len, size, records };
        let late = !body.is_here(input);
        self.body = late.then(|| Box::new(body));
        late
    }

    /// Nothing is known of the next request.
    pub(crate) fn turn_page(&mut self) {
        (self.scanned, self.records, self.body) = (0, None, None);
    }
}

impl Awaited {
    fn is_here(&mut self, input: &[u8]) -> bool {
        let Some((stdin, at, have)) = &mut self.records else {
            return input.len().saturating_sub(self.head_len) as u64 >= self.size;
        };
        while *have < self.size {
            match stdin.next(input, *at) {
                Ok(Step::Data(range)) => {
                    *have += range.len() as u64;
                    *at = range.end;
                }
                Ok(Step::More) => {
                    *at = input.len();
                    return false;
                }
                // It is shorter than it was to be, or broken: who reads it will see.
                Ok(Step::End(_)) | Err(_) => return true,
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use uwsgi_proto::{HttpEnv, VarBlock};

    use super::super::wire::{Limits, Look, look};
    use super::*;
    use crate::settings::Protocol;

    const LIMITS: Limits = Limits { buffer_size: 4096, limit_post: 0, cores: 1, modifiers: (0, 0) };

    /// Lets a request arrive byte by byte, as the reactor does: after how many bytes it is ready, and
    /// how often its head was looked at.
    fn trickle(protocol: Protocol, request: &[u8]) -> (usize, usize) {
        let mut arriving = Arriving::default();
        let (env, mut vars, mut aside) = (HttpEnv::default(), VarBlock::new(), Vec::new());
        for have in 1..=request.len() {
            let input = &request[..have];
            if arriving.lacks(input) {
                continue;
            }
            match look(protocol, input, &mut arriving, &env, &LIMITS, &mut vars, &mut aside) {
                Look::More => {}
                Look::Ready(meta) => {
                    if !arriving.await_body(&meta, protocol.is_fastcgi(), input) {
                        return (have, arriving.looks);
                    }
                }
                other => panic!("{have}: {other:?}"),
            }
        }
        panic!("never ready");
    }

    /// Records of one type, each with so many bytes.
    fn records(kind: u8, content: &[u8], piece: usize) -> Vec<u8> {
        let record = |part: &[u8]| [&[1, kind, 0, 1, 0, part.len() as u8, 0, 0], part].concat();
        content.chunks(piece).flat_map(record).collect()
    }

    #[test]
    fn a_body_that_trickles_has_its_head_read_twice_however_many_pieces_there_are() {
        let body = vec![b'x'; 900];
        let http = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 900\r\n\r\n".to_vec();
        let scgi = b"19:CONTENT_LENGTH\x00900\0,".to_vec();
        let uwsgi = b"\0\x15\0\0\x0e\0CONTENT_LENGTH\x03\x00900".to_vec();
        for (protocol, head) in
            [(Protocol::Http, http), (Protocol::Scgi, scgi), (Protocol::Uwsgi, uwsgi)]
        {
            let whole = [head.as_slice(), &body].concat();
            assert_eq!(trickle(protocol, &whole), (whole.len(), head.len() + 1), "{protocol:?}");
        }
    }

    #[test]
    fn records_of_a_body_are_counted_as_they_come() {
        let head = [
            records(1, b"\0\x01\0\0\0\0\0\0", 8),
            records(4, b"\x0e\x03CONTENT_LENGTH900", 3),
            b"\x01\x04\0\x01\0\0\0\0".to_vec(),
        ]
        .concat();
        let body = records(5, &[b'x'; 900], 7);
        let whole = [head.as_slice(), &body, b"\x01\x05\0\x01\0\0\0\0"].concat();
        let ready = head.len() + body.len();
        assert_eq!(trickle(Protocol::FastCgi, &whole), (ready, head.len() + 1));
        // A body that ends early is for the application to find out.
        let short = [head.as_slice(), &body[..150], b"\x01\x05\0\x01\0\0\0\0"].concat();
        assert_eq!(trickle(Protocol::FastCgi, &short), (short.len(), head.len() + 1));
    }

    #[test]
    fn the_next_request_is_not_judged_by_the_one_before() {
        let mut arriving = Arriving::default();
        let meta = Meta { head_len: 10, content_length: 5, ..Meta::default() };
        assert!(arriving.await_body(&meta, false, b"0123456789"));
        assert!(arriving.lacks(b"0123456789abcd") && !arriving.lacks(b"0123456789abcde"));
        arriving.turn_page();
        assert!(!arriving.lacks(b""));
    }
}
