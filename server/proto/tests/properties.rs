//! Properties of every parser: no bytes make it panic, no cut changes its answer, and what is
//! encoded parses back.

use proptest::prelude::*;
use uwsgi_proto::chunked::{Decoder, Step};
use uwsgi_proto::link::{END_KEEP, End, FrameReader, FrameStep, RequestHeader, frame};
use uwsgi_proto::{Head, HttpEnv, HttpError, Parsed, ResponseHead, VarBlock, parse_head, proxy};

const LIMIT: usize = 4096;

fn env(router: bool) -> HttpEnv<'static> {
    HttpEnv {
        server_name: b"box",
        server_port: b"80",
        remote_addr: b"1.2.3.4",
        extra_router_vars: router,
        ..HttpEnv::default()
    }
}

/// Parses as a connection would: byte by byte up to `split`, then the rest.
fn parse_split(input: &[u8], split: usize, out: &mut VarBlock) -> Result<Parsed, HttpError> {
    let env = env(false);
    match parse_head(&input[..split], 0, &env, LIMIT, out)? {
        Parsed::Partial => parse_head(input, split, &env, LIMIT, out),
        done => Ok(done),
    }
}

/// Text that looks enough like HTTP to get far into the parser.
fn http_like() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just("GET / HTTP/1.1\r\n".to_owned()),
        Just("POST /a%2e/../b?q HTTP/1.0\r\n".to_owned()),
        Just("Host: h\r\n".to_owned()),
        Just("Content-Length: 12\r\n".to_owned()),
        Just("Transfer-Encoding: chunked\r\n".to_owned()),
        Just("Connection: close\r\n".to_owned()),
        Just("\r\n".to_owned()),
        Just("\r\n\r\n".to_owned()),
        "[A-Za-z_-]{1,12}: [ -~]{0,20}\r\n",
        "[\\x00-\\x7f]{0,6}",
    ];
    prop::collection::vec(piece, 0..12).prop_map(|p| p.concat().into_bytes())
}

/// A well-formed head and how many distinct headers it has.
fn valid_head() -> impl Strategy<Value = Vec<u8>> {
    let header = ("X-[A-Za-z0-9]{1,8}", "[!-~][ -~]{0,30}");
    let target = "/[a-z./%0-9?=&]{0,40}";
    (target, prop::collection::vec(header, 0..10)).prop_map(|(target, headers)| {
        let mut text = format!("GET {target} HTTP/1.1\r\nHost: h\r\n");
        for (name, value) in headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        text.push_str("\r\n");
        text.into_bytes()
    })
}

/// All pairs of a block read back from its bytes.
fn reloads(block: &VarBlock) -> bool {
    let mut again = VarBlock::new();
    again.set_limits(1 << 17, 60000);
    again.load(block.as_bytes()).is_ok() && again.iter().eq(block.iter())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..600), from in 0usize..700) {
        let mut out = VarBlock::new();
        for router in [false, true] {
            let _ = parse_head(&bytes, from, &env(router), LIMIT, &mut out);
        }
        let _ = out.load(&bytes);
        let _ = out.known().scheme();
        if let proxy::Start::Found { len, .. } = proxy::parse(&bytes) {
            prop_assert!(len <= bytes.len());
        }
        let _ = RequestHeader::parse(&bytes);
        let _ = uwsgi_proto::uwsgi::Header::parse(&bytes);
        let mut head = ResponseHead::new(100);
        let _ = head.start(b"HTTP/1.1", &bytes);
        let _ = head.header(&bytes, &bytes);
    }

    #[test]
    fn http_like_bytes_parse_the_same_at_every_cut(bytes in http_like()) {
        let mut whole = VarBlock::new();
        let want = parse_head(&bytes, 0, &env(false), LIMIT, &mut whole);
        for split in 0..=bytes.len() {
            let mut out = VarBlock::new();
            let got = parse_split(&bytes, split, &mut out);
            // Where two things are wrong the cut decides which is met first.
            prop_assert_eq!(got.as_ref().ok(), want.as_ref().ok(), "cut at {}", split);
            if got.is_ok() {
                prop_assert_eq!(out.as_bytes(), whole.as_bytes());
            }
        }
    }

    #[test]
    fn valid_heads_parse_whatever_follows(head in valid_head(), tail in prop::collection::vec(any::<u8>(), 0..64)) {
        let mut out = VarBlock::new();
        let len = head.len();
        let got = parse_head(&head, 0, &env(false), LIMIT, &mut out);
        prop_assert!(matches!(got, Ok(Parsed::Done(Head { head_len, keep_alive: true, .. })) if head_len == len), "{:?}", got);
        prop_assert!(reloads(&out));
        let mut longer = head.clone();
        longer.extend_from_slice(&tail);
        let mut again = VarBlock::new();
        prop_assert_eq!(parse_head(&longer, 0, &env(false), LIMIT, &mut again), got);
        prop_assert_eq!(again.as_bytes(), out.as_bytes());
        for cut in 0..len {
            prop_assert_eq!(parse_head(&head[..cut], 0, &env(false), LIMIT, &mut again), Ok(Parsed::Partial));
        }
    }

    #[test]
    fn paths_never_climb_above_their_root(raw in "/[a-z./]{0,40}") {
        let mut out = Vec::new();
        uwsgi_proto::path::decode(raw.as_bytes(), false, &mut out);
        prop_assert!(out.len() <= raw.len() + 1);
        prop_assert!(out.starts_with(b"/"));
        prop_assert!(out.split(|b| *b == b'/').all(|s| s != b".." && s != b"."));
    }

    #[test]
    fn variables_survive_a_round_trip(pairs in prop::collection::vec(("[A-Z_]{1,20}", prop::collection::vec(any::<u8>(), 0..50)), 0..40)) {
        let mut block = VarBlock::new();
        for (k, v) in &pairs {
            prop_assert!(block.push(k.as_bytes(), v).is_ok());
        }
        prop_assert!(reloads(&block));
        for (k, v) in &pairs {
            let last = pairs.iter().rfind(|p| p.0 == *k).map_or(v, |p| &p.1);
            prop_assert_eq!(block.get(k.as_bytes()), Some(&last[..]));
        }
    }

    #[test]
    fn chunked_bodies_survive_any_chunking_and_cutting(
        parts in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..40), 0..8),
        piece in 1usize..50,
    ) {
        let mut wire = Vec::new();
        for part in &parts {
            let mut line = [0; 18];
            wire.extend_from_slice(uwsgi_proto::chunked::chunk_line(part.len(), &mut line));
            wire.extend_from_slice(part);
            wire.extend_from_slice(uwsgi_proto::chunked::CRLF);
        }
        wire.extend_from_slice(uwsgi_proto::chunked::LAST);
        let (mut decoder, mut body) = (Decoder::new(), Vec::new());
        for input in wire.chunks(piece) {
            let mut at = 0;
            while let Step::Data(range) = decoder.next(input, at).map_err(|e| TestCaseError::fail(format!("{e:?}")))? {
                at = range.end;
                body.extend_from_slice(&input[range]);
            }
        }
        prop_assert!(decoder.is_done());
        prop_assert_eq!(body, parts.concat());
    }

    #[test]
    fn decoders_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let (mut decoder, mut at) = (Decoder::new(), 0);
        while let Ok(Step::Data(range)) = decoder.next(&bytes, at) {
            at = range.end;
        }
        for mut reader in [FrameReader::response(), FrameReader::body()] {
            let mut at = 0;
            while let FrameStep::Data(range) = reader.next(&bytes, at) {
                prop_assert!(range.end > at);
                at = range.end;
            }
        }
    }

    #[test]
    fn link_frames_survive_any_cutting(
        parts in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..8),
        piece in 1usize..50,
        worker in any::<u16>(),
        core in any::<u16>(),
    ) {
        let end = End { flags: END_KEEP, worker, core };
        let mut wire = Vec::new();
        for part in &parts {
            wire.extend_from_slice(&frame(part.len() as u32));
            wire.extend_from_slice(part);
        }
        wire.extend_from_slice(&end.encode());
        let (mut reader, mut body, mut seen) = (FrameReader::response(), Vec::new(), None);
        for input in wire.chunks(piece) {
            let mut at = 0;
            loop {
                match reader.next(input, at) {
                    FrameStep::More => break,
                    FrameStep::Data(range) => {
                        at = range.end;
                        body.extend_from_slice(&input[range]);
                    }
                    FrameStep::End(e, used) => {
                        seen = Some(e);
                        at = used;
                    }
                }
            }
        }
        prop_assert_eq!(seen, Some(end));
        prop_assert_eq!(body, parts.concat());
    }
}
