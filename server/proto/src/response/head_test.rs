use super::*;
use crate::response::{Exchange, framing};

fn text(head: &mut ResponseHead, framing: &Framing) -> String {
    String::from_utf8(head.finish(framing).to_vec()).unwrap()
}

const MANAGED: Exchange = Exchange {
    http11: true,
    head_request: false,
    keep_alive: true,
    server_close: false,
    managed: true,
};

#[test]
fn status_lines_take_the_protocol_of_the_request_and_a_reason() {
    let cases: [(&[u8], &[u8], &str); 5] = [
        (b"HTTP/1.1", b"200 OK", "HTTP/1.1 200 OK"),
        (b"HTTP/1.0", b"404", "HTTP/1.0 404 Not Found"),
        (b"", b"404 ", "HTTP/1.0 404 Not Found"),
        (b"Status:", b"299", "Status: 299 Unknown"),
        (b"HTTP/1.1", b"418 short and stout", "HTTP/1.1 418 short and stout"),
    ];
    for (prefix, status, want) in cases {
        let mut head = ResponseHead::default();
        head.start(prefix, status).unwrap();
        let framing = framing(&Exchange::default(), head.facts(), None);
        assert_eq!(text(&mut head, &framing), format!("{want}\r\n\r\n"));
    }
}

#[test]
fn what_an_application_must_not_send_is_refused() {
    let mut head = ResponseHead::default();
    for status in ["", "20", "2x0 OK", "2000", "099", "200 a\r\nb"] {
        assert_eq!(
            head.start(b"HTTP/1.1", status.as_bytes()),
            Err(HeadError::BadStatus),
            "{status}"
        );
    }
    for (name, value, want) in [
        ("", "v", HeadError::BadName),
        ("a b", "v", HeadError::BadName),
        ("a:", "v", HeadError::BadName),
        ("a\r\nb", "v", HeadError::BadName),
        ("a", "b\nSet-Cookie: x", HeadError::BadValue),
        ("a", "b\0", HeadError::BadValue),
    ] {
        head.start(b"HTTP/1.1", b"200 OK").unwrap();
        assert_eq!(head.header(name.as_bytes(), value.as_bytes()), Err(want), "{name:?}");
    }
}

#[test]
fn a_control_character_is_found_wherever_it_stands() {
    let mut head = ResponseHead::default();
    for (len, byte) in (1..=20).flat_map(|len| (0..=255).map(move |byte| (len, byte))) {
        let bad = (byte < 0x20 && byte != b'\t') || byte == 0x7f;
        for at in 0..len {
            let mut value = vec![b'v'; len];
            value[at] = byte;
            head.start(b"HTTP/1.1", b"200 OK").unwrap();
            assert_eq!(head.header(b"x", &value).is_err(), bad, "{byte} at {at} of {len}");
        }
    }
}

#[test]
fn headers_are_limited_in_bytes() {
    let mut head = ResponseHead::new(64);
    head.start(b"HTTP/1.1", b"200 OK").unwrap();
    assert_eq!(head.header(b"x", &[b'v'; 42]), Ok(()), "17 + 47 bytes fill it exactly");
    head.start(b"HTTP/1.1", b"200 OK").unwrap();
    assert_eq!(head.header(b"x", &[b'v'; 43]), Err(HeadError::TooLarge));
}

#[test]
fn framing_headers_are_learned_in_any_case() {
    let mut head = ResponseHead::default();
    let cases: [(&str, &str, Facts); 6] = [
        ("CONTENT-length", " 42 ", Facts { content_length: Some(42), ..Facts::default() }),
        (
            "Connection",
            "Close",
            Facts { connection_close: true, has_connection: true, ..Facts::default() },
        ),
        (
            "connection",
            "x, close",
            Facts { connection_close: true, has_connection: true, ..Facts::default() },
        ),
        ("connection", "keep-alive", Facts { has_connection: true, ..Facts::default() }),
        (
            "Transfer-Encoding",
            "gzip, Chunked",
            Facts { transfer_encoding: true, chunked: true, ..Facts::default() },
        ),
        ("Transfer-Encoding", "gzip", Facts { transfer_encoding: true, ..Facts::default() }),
    ];
    for (name, value, want) in cases {
        head.start(b"HTTP/1.1", b"200 OK").unwrap();
        head.header(name.as_bytes(), value.as_bytes()).unwrap();
        assert_eq!(*head.facts(), Facts { status: 200, headers: 1, ..want }, "{name}: {value}");
    }
}

#[test]
fn a_body_has_one_length_or_none() {
    for (first, second) in [("+4", ""), ("4x", ""), ("", ""), ("4, 4", ""), ("4", "5"), ("4", "x")]
    {
        let mut head = ResponseHead::default();
        head.start(b"HTTP/1.1", b"200 OK").unwrap();
        let one = head.header(b"Content-Length", first.as_bytes());
        let two = one.and_then(|()| head.header(b"content-length", second.as_bytes()));
        assert_eq!(two, Err(HeadError::BadLength), "{first} {second}");
    }
    let mut head = ResponseHead::default();
    head.start(b"HTTP/1.1", b"200 OK").unwrap();
    head.header(b"Content-Length", b"4").unwrap();
    assert_eq!(head.header(b"Content-Length", b"04"), Ok(()));
}

#[test]
fn lines_of_the_framing_come_last() {
    let pairs: [(&[u8], &[u8]); 1] = [(b"Content-Type", b"text/plain")];
    let start = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n";
    for (exchange, known, lines) in [
        (MANAGED, Some(5), "Content-Length: 5\r\n"),
        (MANAGED, Some(0), "Content-Length: 0\r\n"),
        (MANAGED, None, "Transfer-Encoding: chunked\r\n"),
        (Exchange { server_close: true, ..MANAGED }, None, "Connection: close\r\n"),
        (
            Exchange { http11: false, ..MANAGED },
            Some(5),
            "Content-Length: 5\r\nConnection: keep-alive\r\n",
        ),
        (Exchange { managed: false, ..MANAGED }, Some(5), ""),
    ] {
        let mut head = ResponseHead::default();
        head.set(b"HTTP/1.1", b"200", pairs).unwrap();
        let framing = framing(&exchange, head.facts(), known);
        assert_eq!(text(&mut head, &framing), format!("{start}{lines}\r\n"), "{exchange:?}");
    }
}

#[test]
fn ready_lines_are_checked_like_any_other() {
    let mut head = ResponseHead::default();
    head.start(b"HTTP/1.1", b"200 OK").unwrap();
    head.raw_line(b"Content-Length: 3").unwrap();
    assert_eq!(head.facts().content_length, Some(3));
    assert_eq!(head.raw_line(b"no colon"), Err(HeadError::BadName));
    assert_eq!(head.raw_line(b"a: b\r\nc: d"), Err(HeadError::BadValue));
}
