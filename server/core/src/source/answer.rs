//! The answer of an HTTP server to a GET: when it is whole, and what it carries.

use std::io::{self, Read};

use uwsgi_proto::chunked::{Decoder, Step};

use super::stream::{self, LIMIT};

/// A head is a few lines.
const MAX_HEAD: usize = 64 << 10;

/// An answer that ended: by its length, or by the end of the connection.
pub(super) struct Answer {
    /// The status, such as 200.
    pub(super) status: u16,
    bytes: Vec<u8>,
    head: Head,
}

#[derive(Clone, Copy)]
struct Head {
    /// Where the body begins.
    body: usize,
    length: Option<usize>,
    chunked: bool,
}

impl Head {
    /// True when `len` bytes are the whole answer.
    fn ends(self, len: usize) -> bool {
        self.length.is_some_and(|length| len.saturating_sub(self.body) >= length)
    }
}

/// Reads until the announced length is there, or to the end.
pub(super) fn receive(stream: &mut impl Read) -> io::Result<Vec<u8>> {
    let (mut bytes, mut buffer) = (Vec::new(), vec![0; 16 << 10]);
    let mut known = None;
    while !known.is_some_and(|head: Head| head.ends(bytes.len())) {
        match stream.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => bytes.extend_from_slice(&buffer[..count]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        }
        known = known.or_else(|| head(&bytes));
        match known {
            Some(_) if bytes.len() > LIMIT => return Err(stream::too_large()),
            None if bytes.len() > MAX_HEAD => {
                let text = "the head of the answer has no end";
                return Err(io::Error::new(io::ErrorKind::InvalidData, text));
            }
            _ => {}
        }
    }
    Ok(bytes)
}

/// Understands an answer; `None` when it is not HTTP.
pub(super) fn parse(bytes: Vec<u8>) -> Option<Answer> {
    let line = bytes.strip_prefix(b"HTTP/1.")?;
    let digits = std::str::from_utf8(line.get(2..5)?).ok()?;
    let status = digits.parse().ok()?;
    let head = head(&bytes)?;
    Some(Answer { status, bytes, head })
}

/// The end of the head and what it says of the body; `None` while it is not whole.
fn head(bytes: &[u8]) -> Option<Head> {
    let mut head = Head { body: 0, length: None, chunked: false };
    loop {
        let rest = &bytes[head.body..];
        let len = rest.iter().position(|byte| *byte == b'\n')?;
        head.body += len + 1;
        let line = String::from_utf8_lossy(&rest[..len]);
        let Some((name, value)) = line.split_once(':') else {
            if line.trim().is_empty() {
                return Some(head);
            }
            continue;
        };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => head.length = value.trim().parse().ok(),
            "transfer-encoding" => {
                head.chunked = value.trim().eq_ignore_ascii_case("chunked");
            }
            _ => {}
        }
    }
}

impl Answer {
    /// The body; `None` when a part of it did not come.
    pub(super) fn body(&self) -> Option<Vec<u8>> {
        let rest = &self.bytes[self.head.body..];
        if self.head.chunked {
            return unchunked(rest);
        }
        match self.head.length {
            Some(length) => rest.get(..length).map(<[u8]>::to_vec),
            None => Some(rest.to_vec()),
        }
    }
}

fn unchunked(bytes: &[u8]) -> Option<Vec<u8>> {
    let (mut decoder, mut body, mut at) = (Decoder::new(), Vec::new(), 0);
    loop {
        match decoder.next(bytes, at).ok()? {
            Step::Data(range) => {
                at = range.end;
                body.extend_from_slice(&bytes[range]);
            }
            Step::End(_) => return Some(body),
            Step::More => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(text: &str) -> Option<String> {
        let body = parse(text.as_bytes().to_vec())?.body()?;
        String::from_utf8(body).ok()
    }

    #[test]
    fn a_body_ends_where_its_head_says() {
        for (text, expected) in [
            ("HTTP/1.0 200 OK\r\n\r\n[uwsgi]\n\nx", Some("[uwsgi]\n\nx")),
            ("HTTP/1.1 200 OK\nX: y\n\nabc", Some("abc")),
            ("HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nabcdef", Some("abc")),
            ("HTTP/1.0 200 OK\r\ncontent-length: 9\r\n\r\nabc", None),
            ("HTTP/1.0 204\r\n\r\n", Some("")),
            (
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
                Some("abc"),
            ),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab", None),
            ("HTTP/1.0 200 OK\r\nX: y\r\n", None),
            ("SSH-2.0-dropbear\r\n\r\n", None),
            ("", None),
        ] {
            assert_eq!(body(text).as_deref(), expected, "{text:?}");
        }
    }

    #[test]
    fn reading_stops_at_the_announced_end() {
        let whole = b"HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nabc";
        let closed = |_: &mut [u8]| panic!("read beyond the end");
        struct Then<F>(F);
        impl<F: FnMut(&mut [u8]) -> io::Result<usize>> Read for Then<F> {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                (self.0)(buffer)
            }
        }
        let mut stream = whole.as_slice().chain(Then(closed));
        assert_eq!(receive(&mut stream).unwrap(), whole);
        assert!(receive(&mut io::repeat(b'x')).is_err(), "an endless line");
        let mut endless = b"HTTP/1.0 200 OK\r\n\r\n".as_slice().chain(io::repeat(b'x'));
        assert!(receive(&mut endless).is_err(), "an endless body");
    }
}
