//! The PROXY protocol, version 1: one text line a balancer puts in front of the first request.
//!
//! `PROXY TCP4 src dst sport dport\r\n`. A connection without the line is served normally, and
//! `UNKNOWN` or a line cut short leaves the addresses of the socket in force.

/// Longest line the protocol allows, CRLF included.
pub const MAX_LINE: usize = 107;

/// The addresses of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Addresses<'a> {
    /// Client address, text.
    pub src: &'a [u8],
    /// Address the client connected to, text.
    pub dst: &'a [u8],
    /// Client port, decimal.
    pub src_port: &'a [u8],
    /// Port the client connected to, decimal.
    pub dst_port: &'a [u8],
}

/// What the first bytes of a connection hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Line<'a> {
    /// Too few bytes to tell.
    Partial,
    /// No such line.
    Absent,
    /// A line of `len` bytes, CRLF included, with addresses unless it carries none.
    Found {
        /// Bytes to skip.
        len: usize,
        /// Addresses, if the line is complete.
        addresses: Option<Addresses<'a>>,
    },
    /// The prefix without a line end within [`MAX_LINE`] bytes, or a broken line end.
    Broken,
}

const PREFIX: &[u8] = b"PROXY ";

/// Looks for the line at the start of `input`.
pub fn parse(input: &[u8]) -> Line<'_> {
    if !input.starts_with(PREFIX) {
        return if PREFIX.starts_with(input) { Line::Partial } else { Line::Absent };
    }
    let window = &input[..input.len().min(MAX_LINE)];
    let Some(end) = memchr::memchr(b'\n', window) else {
        return if window.len() == MAX_LINE { Line::Broken } else { Line::Partial };
    };
    let Some(line) = input[PREFIX.len()..end].strip_suffix(b"\r") else { return Line::Broken };
    Line::Found { len: end + 1, addresses: addresses(line) }
}

fn addresses(line: &[u8]) -> Option<Addresses<'_>> {
    let mut parts = line.split(|b| *b == b' ');
    let family = parts.next()?;
    if !family.starts_with(b"TCP") {
        return None;
    }
    let mut next = |ok: fn(&u8) -> bool| {
        parts.next().filter(|p| !p.is_empty() && p.len() <= 45 && p.iter().all(ok))
    };
    let address: fn(&u8) -> bool = |b| b.is_ascii_hexdigit() || *b == b'.' || *b == b':';
    Some(Addresses {
        src: next(address)?,
        dst: next(address)?,
        src_port: next(u8::is_ascii_digit)?,
        dst_port: next(u8::is_ascii_digit)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_told_apart() {
        let full =
            Addresses { src: b"1.2.3.4", dst: b"5.6.7.8", src_port: b"1111", dst_port: b"2222" };
        let long = [b"PROXY ".as_slice(), &[b'a'; 120]].concat();
        let cases: [(&[u8], Line<'_>); 9] = [
            (b"", Line::Partial),
            (b"PROX", Line::Partial),
            (b"PROXY TCP4 1.2", Line::Partial),
            (b"GET / HTTP/1.1\r\n", Line::Absent),
            (
                b"PROXY TCP4 1.2.3.4 5.6.7.8 1111 2222\r\nGET",
                Line::Found { len: 38, addresses: Some(full) },
            ),
            (b"PROXY UNKNOWN\r\nGET", Line::Found { len: 15, addresses: None }),
            (b"PROXY TCP4 1.2.3.4\r\nGET", Line::Found { len: 20, addresses: None }),
            (b"PROXY TCP4 1.2.3.4\nGET", Line::Broken),
            (&long, Line::Broken),
        ];
        for (input, want) in cases {
            assert_eq!(parse(input), want, "{}", input.escape_ascii());
        }
    }
}
