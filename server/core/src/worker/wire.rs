//! The first look at bytes of a connection: is a request complete, and what is it? Pure.
//!
//! One function per protocol, all ending in the same [`Meta`] and the same variable block.

mod fastcgi;
pub(crate) mod refused;
mod scgi;

use uwsgi_proto::{HttpEnv, Known, Parsed, VarBlock, VarError, link, parse_head, uwsgi};

use super::arriving::Arriving;
use crate::settings::Protocol;

/// A complete request head.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Meta {
    /// Bytes of input up to the body.
    pub(crate) head_len: usize,
    pub(crate) content_length: u64,
    /// The body is chunked (HTTP) or framed (link).
    pub(crate) chunked: bool,
    pub(crate) keep_alive: bool,
    pub(crate) expect_continue: bool,
    pub(crate) http11: bool,
    pub(crate) head_request: bool,
    pub(crate) modifiers: (u8, u8),
    /// Payload length of the packet, for the log.
    pub(crate) packet_size: usize,
    /// How long the client's connection waited for the router, microseconds.
    pub(crate) waited_us: Option<u64>,
    /// Number of a FastCGI request.
    pub(crate) record: u16,
    /// The web server has named a file that stands for the body.
    pub(crate) post_file: bool,
}

/// Which counter of the socket a refusal belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    Oversize,
    Bad,
    Vars,
    /// The body is larger than `limit-post`.
    LimitPost,
}

/// A request that is not served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) reason: Reason,
    /// For the log.
    pub(crate) line: String,
    /// Status for clients that can be told one; others, and all when it is 0, just see the connection
    /// close.
    pub(crate) status: u16,
    /// The request log has a line for it.
    pub(crate) logged: bool,
}

/// What the bytes so far are.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Look {
    More,
    Ready(Meta),
    Refused(Refusal),
    /// No request, but bytes that are done with.
    Said(Said),
}

/// Part of a conversation that is no request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Said {
    /// Bytes of input that it took.
    pub(crate) used: usize,
    /// What the client gets for it.
    pub(crate) answer: Vec<u8>,
    /// The connection ends with that.
    pub(crate) close: bool,
}

/// Limits that hold for every request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) buffer_size: usize,
    pub(crate) limit_post: u64,
    /// Requests that run at the same time.
    pub(crate) cores: u32,
    /// Modifiers of requests that carry none: those of HTTP, and uwsgi packets that say 0.
    pub(crate) modifiers: (u8, u8),
}

/// Looks at `input`; `arriving` is what earlier looks at less of it have left. `vars` is filled when a
/// request is complete, and `aside` with what is said to the client before its answer.
pub(crate) fn look(
    protocol: Protocol,
    input: &[u8],
    arriving: &mut Arriving,
    env: &HttpEnv<'_>,
    limits: &Limits,
    vars: &mut VarBlock,
    aside: &mut Vec<u8>,
) -> Look {
    aside.clear();
    #[cfg(test)]
    {
        arriving.looks += 1;
    }
    let found = match protocol {
        Protocol::Uwsgi | Protocol::Puwsgi => look_uwsgi(input, limits, vars),
        Protocol::FastCgi | Protocol::FastCgiNph => {
            fastcgi::look(input, &mut arriving.records, limits, vars, aside)
        }
        Protocol::Scgi | Protocol::ScgiNph => scgi::look(input, limits, vars),
        // There is nothing to look at.
        Protocol::Raw => Look::Ready(Meta { modifiers: limits.modifiers, ..Meta::default() }),
        Protocol::Http | Protocol::Http11 => look_http(input, arriving.scanned, env, limits, vars),
        Protocol::Link => look_link(input, limits, vars),
    };
    match found {
        Look::More => arriving.scanned = input.len(),
        _ => arriving.turn_page(),
    }
    match found {
        Look::Ready(meta) if limits.limit_post > 0 && meta.content_length > limits.limit_post => {
            Look::Refused(Refusal {
                reason: Reason::LimitPost,
                line: "Invalid (too big) CONTENT_LENGTH. skip.".into(),
                status: 413,
                logged: true,
            })
        }
        other => other,
    }
}

fn look_http(
    input: &[u8],
    scanned: usize,
    env: &HttpEnv<'_>,
    limits: &Limits,
    vars: &mut VarBlock,
) -> Look {
    match parse_head(input, scanned, env, limits.buffer_size, vars) {
        Ok(Parsed::Partial) => Look::More,
        Ok(Parsed::Done(head)) => Look::Ready(Meta {
            head_len: head.head_len,
            content_length: head.content_length,
            chunked: head.chunked,
            keep_alive: head.keep_alive,
            expect_continue: head.expect_continue,
            http11: head.http11,
            head_request: head.head_request,
            modifiers: limits.modifiers,
            packet_size: vars.as_bytes().len(),
            ..Meta::default()
        }),
        Err(e) => Look::Refused(Refusal {
            reason: match e.status() {
                400 => Reason::Bad,
                414 | 431 => Reason::Oversize,
                _ => Reason::Bad,
            },
            line: e.log_line(limits.buffer_size),
            status: e.status(),
            logged: false,
        }),
    }
}

fn look_uwsgi(input: &[u8], limits: &Limits, vars: &mut VarBlock) -> Look {
    let Some(header) = uwsgi::Header::parse(input) else { return Look::More };
    let size = usize::from(header.size);
    if size > limits.buffer_size {
        return Look::Refused(Refusal {
            reason: Reason::Oversize,
            line: uwsgi::oversize_line(size, limits.buffer_size),
            status: 0,
            logged: false,
        });
    }
    let head_len = uwsgi::HEADER_LEN + size;
    let Some(payload) = input.get(uwsgi::HEADER_LEN..head_len) else { return Look::More };
    if let Err(e) = vars.load(payload) {
        if is_vars_modifier(header.modifier1) {
            return refuse_vars(&e);
        }
        vars.clear();
    }
    let known = vars.known();
    Look::Ready(Meta {
        head_len,
        modifiers: match (header.modifier1, header.modifier2) {
            (0, 0) => limits.modifiers,
            (0, modifier2) => (limits.modifiers.0, modifier2),
            own => own,
        },
        packet_size: size,
        ..meta_of(known)
    })
}

/// Whether the payload of a packet must be a block of variables: not that of messages, code, arrays and
/// names, whoever serves them.
fn is_vars_modifier(modifier1: u8) -> bool {
    !matches!(modifier1, 10 | 22 | 31..=33 | 48 | 73 | 74 | 96..=101 | 109..=111 | 115 | 173 | 200)
}

fn look_link(input: &[u8], limits: &Limits, vars: &mut VarBlock) -> Look {
    let bad = |line: &str| {
        Look::Refused(Refusal { reason: Reason::Bad, line: line.into(), status: 0, logged: false })
    };
    let header = match link::RequestHeader::parse(input) {
        Ok(None) => return Look::More,
        Ok(Some(header)) => header,
        Err(_) => return bad("invalid request on the router link"),
    };
    let size = header.vars_len as usize;
    if size > limits.buffer_size.max(65_536) {
        return bad("oversize request on the router link");
    }
    let head_len = link::REQUEST_LEN + size;
    let Some(payload) = input.get(link::REQUEST_LEN..head_len) else { return Look::More };
    if let Err(e) = vars.load(payload) {
        return refuse_vars(&e);
    }
    Look::Ready(Meta {
        head_len,
        content_length: header.content_length,
        chunked: header.chunked(),
        keep_alive: header.keep_alive(),
        modifiers: limits.modifiers,
        packet_size: size,
        waited_us: (header.waited_us > 0).then_some(header.waited_us.into()),
        // The body is what the client has sent, whatever variables a router adds.
        post_file: false,
        ..meta_of(vars.known())
    })
}

/// What the variables themselves say.
fn meta_of(known: Known<'_>) -> Meta {
    Meta {
        content_length: known.content_length(),
        http11: known.protocol() == b"HTTP/1.1",
        head_request: known.method() == b"HEAD",
        post_file: known.content_length() > 0 && !known.post_file().is_empty(),
        ..Meta::default()
    }
}

fn refuse_vars(e: &VarError) -> Look {
    Look::Refused(Refusal { reason: Reason::Vars, line: e.to_string(), status: 431, logged: true })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { buffer_size: 4096, limit_post: 0, cores: 1, modifiers: (0, 0) };

    fn see(protocol: Protocol, input: &[u8]) -> Look {
        look(
            protocol,
            input,
            &mut Arriving::default(),
            &HttpEnv::default(),
            &LIMITS,
            &mut VarBlock::new(),
            &mut Vec::new(),
        )
    }

    #[test]
    fn http_sent_to_a_uwsgi_socket_is_named_by_the_line_people_search_for() {
        let Look::Refused(refusal) = see(Protocol::Uwsgi, b"GET / HTTP/1.0\r\n\r\n") else {
            panic!("HTTP was taken for a packet");
        };
        assert_eq!(refusal.line, "invalid request block size: 21573 (max 4096)...skip");
    }

    #[test]
    fn a_packet_is_ready_when_its_last_byte_is_there() {
        let mut packet = vec![0, 10, 0, 0];
        packet.extend_from_slice(b"\x03\x00abc\x03\x00xyz");
        for cut in 0..packet.len() {
            assert_eq!(see(Protocol::Uwsgi, &packet[..cut]), Look::More, "{cut}");
        }
        let Look::Ready(meta) = see(Protocol::Uwsgi, &packet) else { panic!("not ready") };
        assert_eq!((meta.head_len, meta.packet_size), (14, 10));
    }

    /// A request to cut: its bytes, where its head ends and how much it needs to be ready.
    fn cut(protocol: Protocol, bytes: &[u8], head: usize, needed: usize) {
        for have in 0..=bytes.len() {
            match see(protocol, &bytes[..have]) {
                Look::More => assert!(have < needed, "{have} bytes were not enough"),
                Look::Ready(meta) => {
                    assert!(have >= needed, "{have} bytes were enough");
                    assert_eq!((meta.head_len, meta.content_length), (head, 3));
                }
                other => panic!("{have}: {other:?}"),
            }
        }
    }

    #[test]
    fn a_head_of_each_kind_is_ready_when_its_last_byte_is_there() {
        cut(Protocol::Scgi, b"17:CONTENT_LENGTH\x003\0,abc", 21, 21);
        let begin = b"\x01\x01\0\x01\0\x08\0\0\0\x01\x01\0\0\0\0\0";
        let params = b"\x01\x04\0\x01\0\x11\0\0\x0e\x01CONTENT_LENGTH3\x01\x04\0\x01\0\0\0\0";
        let stdin = b"\x01\x05\0\x01\0\x03\0\0abc\x01\x05\0\x01\0\0\0\0";
        let whole = [&begin[..], params, stdin].concat();
        cut(Protocol::FastCgi, &whole, begin.len() + params.len(), begin.len() + params.len());
    }

    #[test]
    fn without_a_length_the_first_record_of_a_body_tells_whether_there_is_one() {
        let head = b"\x01\x01\0\x01\0\x08\0\0\0\x01\x01\0\0\0\0\0\x01\x04\0\x01\0\0\0\0";
        let look = |next: &[u8]| see(Protocol::FastCgi, &[&head[..], next].concat());
        assert_eq!(look(b"\x01\x05\0\x01"), Look::More);
        for (length, chunked) in [(0, false), (9, true)] {
            let Look::Ready(meta) = look(&[1, 5, 0, 1, 0, length, 0, 0]) else {
                panic!("{length}")
            };
            assert_eq!((meta.chunked, meta.record), (chunked, 1));
        }
    }

    #[test]
    fn questions_are_answered_without_a_request() {
        let Look::Said(said) = see(Protocol::FastCgi, b"\x01\x4d\0\0\0\0\0\0rest") else {
            panic!("no answer");
        };
        assert_eq!((said.used, said.close, said.answer[1]), (8, false, 11));
    }

    #[test]
    fn a_body_beyond_the_limit_is_refused_before_it_is_read() {
        let limits = Limits { limit_post: 5, ..LIMITS };
        let head = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\n";
        let env = HttpEnv::default();
        let mut vars = VarBlock::new();
        let look = look(
            Protocol::Http11,
            head,
            &mut Arriving::default(),
            &env,
            &limits,
            &mut vars,
            &mut Vec::new(),
        );
        let Look::Refused(refusal) = look else { panic!("accepted") };
        assert_eq!(refusal.status, 413);
    }

    #[test]
    fn a_ping_needs_no_variables() {
        let Look::Ready(meta) = see(Protocol::Uwsgi, &[100, 0, 0, 0]) else { panic!("not ready") };
        assert_eq!(meta.modifiers, (100, 0));
    }

    #[test]
    fn only_a_request_must_be_made_of_variables() {
        let Look::Ready(meta) = see(Protocol::Uwsgi, b"\x16\x07\0\0print()") else {
            panic!("a packet of another kind was read as a request");
        };
        assert_eq!(meta.modifiers, (22, 0));
        assert!(matches!(see(Protocol::Uwsgi, b"\0\x07\0\0print()"), Look::Refused(_)));
    }

    #[test]
    fn a_packet_that_says_nothing_gets_the_modifiers_of_its_socket() {
        let forced = Limits { modifiers: (14, 2), ..LIMITS };
        let modifiers = |first: u8| {
            let packet = [first, 0, 0, 0];
            let mut vars = VarBlock::new();
            let env = HttpEnv::default();
            let (mut new, mut aside) = (Arriving::default(), Vec::new());
            match look(Protocol::Uwsgi, &packet, &mut new, &env, &forced, &mut vars, &mut aside) {
                Look::Ready(meta) => meta.modifiers,
                _ => (255, 255),
            }
        };
        assert_eq!(modifiers(0), (14, 2));
        assert_eq!(modifiers(100), (100, 0));
    }
}
