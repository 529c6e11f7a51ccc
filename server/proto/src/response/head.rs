//! The head of one response, kept per core and rebuilt in place.

use std::fmt;

use uwsgi_abi::text::has_control;

use super::{Framing, reason};

/// Default limit of the header bytes (`response-headers-limit`).
const DEFAULT_LIMIT: usize = 65536;

/// Why an application's head was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeadError {
    /// The status does not begin with three digits, or holds control characters.
    BadStatus,
    /// A name is empty or holds something else than the letters of a name.
    BadName,
    /// A value holds control characters.
    BadValue,
    /// `Content-Length` is no number, or there are two that differ: the client could not tell where
    /// the body ends.
    BadLength,
    /// The head would outgrow `response-headers-limit`.
    TooLarge,
}

impl fmt::Display for HeadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BadStatus => "invalid response status",
            Self::BadName => "invalid response header name",
            Self::BadValue => "control character in a response header",
            Self::BadLength => "invalid or contradictory Content-Length in a response",
            Self::TooLarge => "response headers exceed \"response-headers-limit\"",
        })
    }
}

impl std::error::Error for HeadError {}

/// What the headers of a response say about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Facts {
    /// The code, 0 before one is set.
    pub status: u16,
    /// `Content-Length`, when it is a plain number.
    pub content_length: Option<u64>,
    /// There is a `Transfer-Encoding`.
    pub transfer_encoding: bool,
    /// It ends in `chunked`.
    pub chunked: bool,
    /// There is a `Connection`.
    pub has_connection: bool,
    /// It says `close`.
    pub connection_close: bool,
    /// Header lines of the application.
    pub headers: u32,
}

/// Builds a response head: [`ResponseHead::start`], [`ResponseHead::header`] for each line,
/// [`ResponseHead::finish`]. After an error the content is unusable until the next start.
#[derive(Debug, Clone)]
pub struct ResponseHead {
    buf: Vec<u8>,
    facts: Facts,
    limit: usize,
}

impl Default for ResponseHead {
    fn default() -> Self {
        Self::new(DEFAULT_LIMIT)
    }
}

impl ResponseHead {
    /// An empty head with a limit in bytes over status line and headers.
    pub fn new(limit: usize) -> Self {
        Self { buf: Vec::new(), facts: Facts::default(), limit }
    }

    /// Forgets everything, keeps the memory.
    pub fn clear(&mut self) {
        self.buf.clear();
        self.facts = Facts::default();
    }

    /// True once a status was set.
    pub fn is_started(&self) -> bool {
        self.facts.status != 0
    }

    /// Starts a head. `prefix` is the protocol of the request (`HTTP/1.1`; empty reads as
    /// `HTTP/1.0`) or `Status:` in CGI mode; `status` is `NNN` or `NNN text`.
    pub fn start(&mut self, prefix: &[u8], status: &[u8]) -> Result<(), HeadError> {
        self.clear();
        let code = status_code(status).ok_or(HeadError::BadStatus)?;
        self.buf.extend_from_slice(if prefix.is_empty() { b"HTTP/1.0" } else { prefix });
        self.buf.push(b' ');
        if status.len() > 4 {
            self.buf.extend_from_slice(status);
        } else {
            self.buf.extend_from_slice(&status[..3]);
            self.buf.push(b' ');
            self.buf.extend_from_slice(reason(code).as_bytes());
        }
        self.buf.extend_from_slice(b"\r\n");
        self.facts.status = code;
        self.check_limit()
    }

    /// Adds one line, and learns from it what matters for framing.
    pub fn header(&mut self, name: &[u8], value: &[u8]) -> Result<(), HeadError> {
        if !is_name(name) {
            return Err(HeadError::BadName);
        }
        if has_control(value) {
            return Err(HeadError::BadValue);
        }
        self.learn(name, value)?;
        self.buf.extend_from_slice(name);
        self.buf.extend_from_slice(b": ");
        self.buf.extend_from_slice(value);
        self.buf.extend_from_slice(b"\r\n");
        self.facts.headers += 1;
        self.check_limit()
    }

    /// Adds a ready line (`Name: value` without its end), as `add-header` holds them.
    pub fn raw_line(&mut self, line: &[u8]) -> Result<(), HeadError> {
        match memchr::memchr(b':', line) {
            Some(colon) => self.header(&line[..colon], line[colon + 1..].trim_ascii_start()),
            None => Err(HeadError::BadName),
        }
    }

    /// Starts a head and adds all headers.
    pub fn set<'h>(
        &mut self,
        prefix: &[u8],
        status: &[u8],
        headers: impl IntoIterator<Item = (&'h [u8], &'h [u8])>,
    ) -> Result<(), HeadError> {
        self.start(prefix, status)?;
        headers.into_iter().try_for_each(|(name, value)| self.header(name, value))
    }

    /// What was learned so far.
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// Bytes so far, without the lines of the framing and the blank line.
    pub fn byte_len(&self) -> usize {
        self.buf.len()
    }

    /// Adds the lines of the framing and the blank line: the bytes to send.
    pub fn finish(&mut self, framing: &Framing) -> &[u8] {
        if let Some(length) = framing.add_length {
            self.buf.extend_from_slice(b"Content-Length: ");
            push_decimal(&mut self.buf, length);
            self.buf.extend_from_slice(b"\r\n");
        }
        if framing.add_chunked {
            self.buf.extend_from_slice(b"Transfer-Encoding: chunked\r\n");
        }
        match framing.add_connection {
            Some(true) => self.buf.extend_from_slice(b"Connection: keep-alive\r\n"),
            Some(false) => self.buf.extend_from_slice(b"Connection: close\r\n"),
            None => {}
        }
        self.buf.extend_from_slice(b"\r\n");
        &self.buf
    }

    fn learn(&mut self, name: &[u8], value: &[u8]) -> Result<(), HeadError> {
        let facts = &mut self.facts;
        match name.len() {
            10 if name.eq_ignore_ascii_case(b"connection") => {
                facts.has_connection = true;
                let mut tokens = value.split(|b| *b == b',').map(<[u8]>::trim_ascii);
                facts.connection_close |= tokens.any(|t| t.eq_ignore_ascii_case(b"close"));
            }
            14 if name == b"Content-Length" || name.eq_ignore_ascii_case(b"content-length") => {
                let length = std::str::from_utf8(value.trim_ascii())
                    .ok()
                    .filter(|v| !v.starts_with('+'))
                    .and_then(|v| v.parse().ok());
                let known = facts.content_length.or(length);
                facts.content_length = length;
                if length.is_none() || known != length {
                    return Err(HeadError::BadLength);
                }
            }
            17 if name.eq_ignore_ascii_case(b"transfer-encoding") => {
                facts.transfer_encoding = true;
                let last = value.rsplit(|b| *b == b',').next().unwrap_or(b"");
                facts.chunked = last.trim_ascii().eq_ignore_ascii_case(b"chunked");
            }
            _ => {}
        }
        Ok(())
    }

    fn check_limit(&self) -> Result<(), HeadError> {
        if self.buf.len() > self.limit { Err(HeadError::TooLarge) } else { Ok(()) }
    }
}

/// Whether these are letters of a name. Nearly all responses have the two that are known.
fn is_name(name: &[u8]) -> bool {
    if let Ok(name) = <&[u8; 12]>::try_from(name)
        && name == b"Content-Type"
    {
        return true;
    }
    if let Ok(name) = <&[u8; 14]>::try_from(name)
        && name == b"Content-Length"
    {
        return true;
    }
    // Without a branch for each byte: they are all right, nearly always.
    name.iter().fold(!name.is_empty(), |good, b| good & crate::http::is_name_byte(*b))
}

/// The code of `NNN` or `NNN text`.
fn status_code(status: &[u8]) -> Option<u16> {
    let digits = status.first_chunk::<3>()?;
    let text_follows = status.get(3).is_none_or(|b| *b == b' ');
    if !text_follows || !digits.iter().all(u8::is_ascii_digit) || has_control(status) {
        return None;
    }
    let code = digits.iter().fold(0, |n, b| n * 10 + u16::from(b - b'0'));
    (code >= 100).then_some(code)
}

fn push_decimal(buf: &mut Vec<u8>, mut n: u64) {
    let mut digits = [0u8; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (n % 10) as u8;
        n /= 10;
        if n == 0 {
            break;
        }
    }
    buf.extend_from_slice(&digits[at..]);
}

#[cfg(test)]
#[path = "head_test.rs"]
mod tests;
