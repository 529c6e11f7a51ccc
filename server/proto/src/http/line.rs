//! The request line, and the byte classes of the grammar.

use super::HttpError;

/// Not part of a token.
pub(super) const NO: u8 = 0;
/// Part of a token.
pub(super) const TOKEN: u8 = 1;
/// Part of a token, and the letter under which names can hide (`_`).
pub(super) const UNDERSCORE: u8 = 3;

/// Class of each byte within methods and header names (RFC 9110 `tchar`).
pub(super) static CLASS: [u8; 256] = classes();
/// Bytes that may stand in a target: visible ASCII and raw bytes above it.
static TARGET: [bool; 256] = targets();

const fn classes() -> [u8; 256] {
    let mut table = [NO; 256];
    let mut b = 0;
    while b < 128 {
        let c = b as u8;
        if c.is_ascii_alphanumeric() {
            table[b] = TOKEN;
        }
        b += 1;
    }
    let marks = b"!#$%&'*+-.^`|~";
    let mut i = 0;
    while i < marks.len() {
        table[marks[i] as usize] = TOKEN;
        i += 1;
    }
    table[b'_' as usize] = UNDERSCORE;
    table
}

const fn targets() -> [bool; 256] {
    let mut table = [false; 256];
    let mut b = 0x21;
    while b < 256 {
        table[b] = b != 0x7f;
        b += 1;
    }
    table
}

/// True for the letters of methods and header names.
pub(crate) fn is_token(b: u8) -> bool {
    CLASS[usize::from(b)] != NO
}

/// The parts of a request line.
#[derive(Debug, Clone, Copy)]
pub(super) struct RequestLine<'a> {
    pub(super) method: &'a [u8],
    pub(super) target: &'a [u8],
    /// As sent, `HTTP/1.x`.
    pub(super) protocol: &'a [u8],
    pub(super) http11: bool,
    /// Bytes of the line, CRLF included.
    pub(super) len: usize,
}

/// Longest method: WebDAV's have up to 17 letters.
const LONGEST_METHOD: usize = 32;

/// Parses the line at the start of `input`.
pub(super) fn parse(input: &[u8]) -> Result<RequestLine<'_>, HttpError> {
    let method_len = input.iter().position(|b| !is_token(*b)).unwrap_or(0);
    let target_at = blank_behind(input, 0, method_len)?;
    let rest = &input[target_at..];
    let target_len = rest.iter().position(|b| !TARGET[usize::from(*b)]).unwrap_or(0);
    let protocol_at = blank_behind(input, target_at, target_len)?;
    let Some(protocol) = input.get(protocol_at..protocol_at + 8) else {
        return Err(HttpError::BadRequest);
    };
    let http11 = version(protocol)?;
    let len = protocol_at + 10;
    if input.get(protocol_at + 8..len) != Some(b"\r\n") {
        return Err(HttpError::BadRequest);
    }
    // A 2xx to CONNECT makes a tunnel of the connection, which nobody here would dig.
    if method_len > LONGEST_METHOD || &input[..method_len] == b"CONNECT" {
        return Err(HttpError::UnknownMethod);
    }
    Ok(RequestLine {
        method: &input[..method_len],
        target: &input[target_at..target_at + target_len],
        protocol,
        http11,
        len,
    })
}

/// The offset behind a non-empty word that must be followed by exactly one blank.
fn blank_behind(input: &[u8], at: usize, len: usize) -> Result<usize, HttpError> {
    match input.get(at + len) {
        Some(b' ') if len > 0 => Ok(at + len + 1),
        _ => Err(HttpError::BadRequest),
    }
}

/// True for 1.1 and later 1.x, false for 1.0.
fn version(protocol: &[u8]) -> Result<bool, HttpError> {
    match protocol {
        [b'H', b'T', b'T', b'P', b'/', b'1', b'.', minor @ b'0'..=b'9'] => Ok(*minor != b'0'),
        [b'H', b'T', b'T', b'P', b'/', b'0'..=b'9', b'.', b'0'..=b'9'] => {
            Err(HttpError::VersionNotSupported)
        }
        _ => Err(HttpError::BadRequest),
    }
}
