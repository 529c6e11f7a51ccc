//! Version 1: `PROXY TCP4 src dst sport dport\r\n`.
//!
//! A complete line whose words make no sense names nobody, as `UNKNOWN` does.

use std::net::{IpAddr, SocketAddr};

use super::{Origin, Start};

/// Longest line the protocol allows, CRLF included.
pub(super) const MAX_LINE: usize = 107;
const PREFIX: &[u8] = b"PROXY ";

pub(super) fn parse(input: &[u8]) -> Start {
    if !input.starts_with(PREFIX) {
        return if PREFIX.starts_with(input) { Start::Partial } else { Start::Absent };
    }
    let window = &input[..input.len().min(MAX_LINE)];
    let Some(end) = memchr::memchr(b'\n', window) else {
        return if window.len() == MAX_LINE { Start::Broken } else { Start::Partial };
    };
    let Some(line) = input[PREFIX.len()..end].strip_suffix(b"\r") else { return Start::Broken };
    Start::Found { len: end + 1, origin: client(line).unwrap_or(Origin::Unsaid) }
}

fn client(line: &[u8]) -> Option<Origin> {
    let mut words = std::str::from_utf8(line).ok()?.split(' ');
    let wants_v4 = match words.next()? {
        "TCP4" => true,
        "TCP6" => false,
        _ => return None,
    };
    let src: IpAddr = words.next()?.parse().ok()?;
    let dst: IpAddr = words.next()?.parse().ok()?;
    let (from, to) = (port(words.next()?)?, port(words.next()?)?);
    let fits = src.is_ipv4() == wants_v4 && dst.is_ipv4() == wants_v4 && words.next().is_none();
    fits.then(|| Origin::Client { src: SocketAddr::new(src, from), dst: SocketAddr::new(dst, to) })
}

/// Digits only: no sign.
fn port(text: &str) -> Option<u16> {
    text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}
