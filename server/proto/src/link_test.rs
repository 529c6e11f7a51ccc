use super::*;

/// Feeds `input` in pieces: payload, the end, and how many bytes were used.
fn read(mut reader: FrameReader, input: &[u8], piece: usize) -> (Vec<u8>, Option<(End, usize)>) {
    let mut payload = Vec::new();
    for (n, part) in input.chunks(piece).enumerate() {
        let mut at = 0;
        loop {
            match reader.next(part, at) {
                FrameStep::More => break,
                FrameStep::Data(range) => {
                    payload.extend_from_slice(&part[range.clone()]);
                    at = range.end;
                }
                FrameStep::End(end, used) => return (payload, Some((end, n * piece + used))),
            }
        }
    }
    (payload, None)
}

#[test]
fn responses_read_the_same_however_they_are_cut() {
    let end = End { flags: END_KEEP, worker: 3, core: 258 };
    let mut wire = Vec::new();
    for part in [&b"HTTP/1.1 200 OK\r\n\r\n"[..], b"", b"body"] {
        wire.extend_from_slice(&frame(part.len() as u32));
        wire.extend_from_slice(part);
    }
    wire.extend_from_slice(&end.encode());
    let used = wire.len();
    wire.extend_from_slice(b"next");
    for piece in 1..=wire.len() {
        let (payload, seen) = read(FrameReader::response(), &wire, piece);
        assert_eq!(payload, b"HTTP/1.1 200 OK\r\n\r\nbody", "by {piece}");
        assert_eq!(seen, Some((end, used)), "by {piece}");
    }
    assert_eq!(read(FrameReader::response(), &wire[..used - 1], 5).1, None);
}

#[test]
fn framed_bodies_end_at_a_zero_length() {
    let wire = [&frame(2)[..], b"ab", &frame(1), b"c", &frame(0), b"x"].concat();
    for piece in 1..=wire.len() {
        let (payload, seen) = read(FrameReader::body(), &wire, piece);
        assert_eq!((payload.as_slice(), seen), (&b"abc"[..], Some((End::default(), 15))));
    }
}

#[test]
fn a_reader_is_ready_for_the_next_response_after_an_end() {
    let mut reader = FrameReader::response();
    let end = End { flags: 3, worker: 1, core: 0 };
    for _ in 0..2 {
        assert_eq!(reader.next(&end.encode(), 0), FrameStep::End(end, END_LEN));
    }
    assert!(end.keep() && end.body_read());
}

#[test]
fn request_headers_survive_and_strangers_are_refused() {
    let header = RequestHeader {
        flags: CHUNKED | KEEP_ALIVE,
        vars_len: 70000,
        content_length: u64::MAX,
        waited_us: 200_000,
    };
    let bytes = header.encode();
    assert_eq!(RequestHeader::parse(&bytes), Ok(Some(header)));
    assert_eq!(RequestHeader::parse(&bytes[..REQUEST_LEN - 1]), Ok(None));
    assert_eq!(RequestHeader::parse(b"GET / HTTP/1.1\r\nHost:"), Err(LinkError::BadMagic));
    let mut unknown = bytes;
    unknown[3] = 0x80;
    assert_eq!(RequestHeader::parse(&unknown), Err(LinkError::BadFlags));
}
