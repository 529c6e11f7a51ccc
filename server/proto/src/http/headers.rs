//! Header lines: validated, copied as variables, and the framing ones understood.

use std::borrow::Cow;

use uwsgi_abi::text::has_control;

use super::line::{CLASS, NO, UNDERSCORE};
use super::{HttpError, Lenient};
use crate::known::Var;
use crate::vars::VarBlock;

/// What the headers say about the message and the connection.
#[derive(Debug, Default)]
pub(super) struct Fields {
    pub(super) content_length: Option<u64>,
    pub(super) chunked: bool,
    pub(super) expect_continue: bool,
    pub(super) upgrade: bool,
    pub(super) connection_upgrade: bool,
    close: bool,
    persist: bool,
    host: bool,
    /// Which names may be there already; see [`VarBlock::push_header`].
    seen: u64,
}

impl Fields {
    /// Parses the lines at the start of `input` up to and including the blank one; answers
    /// their length.
    pub(super) fn parse(
        &mut self,
        input: &[u8],
        lenient: Lenient,
        out: &mut VarBlock,
    ) -> Result<usize, HttpError> {
        let mut at = 0;
        while !input[at..].starts_with(b"\r\n") {
            let mut field = Field::parse(&input[at..])?;
            at += field.len;
            while lenient.folding && matches!(input.get(at), Some(b' ' | b'\t')) {
                at += field.unfold(&input[at..])?;
            }
            if field.underscore && !lenient.underscores {
                continue;
            }
            if field.is_proxy() && !lenient.proxy {
                continue;
            }
            let slot = out
                .push_header(field.name, &field.value, &mut self.seen)
                .map_err(|e| too_big(e, &field))?;
            if let Some(var) = slot
                && !field.underscore
            {
                self.understand(var, &field.value, lenient)?;
            }
        }
        Ok(at + 2)
    }

    fn understand(&mut self, var: Var, value: &[u8], lenient: Lenient) -> Result<(), HttpError> {
        match var {
            Var::ContentLength => self.length(length(value.trim_ascii())?, lenient)?,
            Var::TransferEncoding if self.chunked => return Err(HttpError::BadRequest),
            Var::TransferEncoding => self.coding(value.trim_ascii())?,
            Var::Host if self.host && !lenient.host => return Err(HttpError::BadRequest),
            Var::Host if !is_host(value.trim_ascii()) => return Err(HttpError::BadRequest),
            Var::Host => self.host = true,
            Var::Expect => {
                self.expect_continue |= value.trim_ascii().eq_ignore_ascii_case(b"100-continue");
            }
            Var::Upgrade => self.upgrade = true,
            Var::Connection => self.connection(value),
            _ => {}
        }
        Ok(())
    }

    fn length(&mut self, length: u64, lenient: Lenient) -> Result<(), HttpError> {
        match self.content_length.replace(length) {
            Some(before) if !lenient.length || before != length => Err(HttpError::BadRequest),
            _ => Ok(()),
        }
    }

    /// Chunked and nothing else; without it at the end nobody could tell where the body ends.
    fn coding(&mut self, value: &[u8]) -> Result<(), HttpError> {
        let last = value.rsplit(|b| *b == b',').next().unwrap_or(b"").trim_ascii();
        if !last.eq_ignore_ascii_case(b"chunked") {
            return Err(HttpError::BadRequest);
        }
        if last.len() < value.len() {
            return Err(HttpError::UnknownCoding);
        }
        self.chunked = true;
        Ok(())
    }

    fn connection(&mut self, value: &[u8]) {
        for token in value.split(|b| *b == b',').map(<[u8]>::trim_ascii) {
            self.close |= token.eq_ignore_ascii_case(b"close");
            self.persist |= token.eq_ignore_ascii_case(b"keep-alive");
            self.connection_upgrade |= token.eq_ignore_ascii_case(b"upgrade");
        }
    }

    /// Refuses bodies whose end two parties could see differently, and 1.1 without a `Host`.
    pub(super) fn check(&self, http11: bool, lenient: Lenient) -> Result<(), HttpError> {
        let ambiguous = self.chunked && (self.content_length.is_some() || !http11);
        if ambiguous || (http11 && !self.host && !lenient.host) {
            return Err(HttpError::BadRequest);
        }
        Ok(())
    }

    /// Whether the client would keep the connection.
    pub(super) fn keep_alive(&self, http11: bool) -> bool {
        !self.close && (http11 || self.persist)
    }
}

/// Nothing that ends an authority or separates two of them.
fn is_host(value: &[u8]) -> bool {
    !value.iter().any(|b| {
        matches!(b, b'\t' | b' ' | b'"' | b',' | b'/' | b'<' | b'>' | b'?' | b'#' | b'@' | b'\\')
    })
}

/// Digits and nothing else.
fn length(value: &[u8]) -> Result<u64, HttpError> {
    if value.is_empty() {
        return Err(HttpError::BadRequest);
    }
    value.iter().try_fold(0u64, |n, b| match b {
        b'0'..=b'9' => n
            .checked_mul(10)
            .and_then(|n| n.checked_add(u64::from(b - b'0')))
            .ok_or(HttpError::BadRequest),
        _ => Err(HttpError::BadRequest),
    })
}

/// Its variable is one that the environment has for another purpose.
const PROXY: &[u8] = b"proxy";

/// One header line.
struct Field<'a> {
    name: &'a [u8],
    /// Without leading blanks; trailing ones stay, as applications know it.
    value: Cow<'a, [u8]>,
    underscore: bool,
    /// Bytes of the line, CRLF included.
    len: usize,
}

impl<'a> Field<'a> {
    fn parse(input: &'a [u8]) -> Result<Self, HttpError> {
        let (mut colon, mut class) = (0, NO);
        loop {
            let Some(b) = input.get(colon) else { return Err(HttpError::BadRequest) };
            let this = CLASS[usize::from(*b)];
            if this == NO {
                break;
            }
            class |= this;
            colon += 1;
        }
        if colon == 0 || input[colon] != b':' {
            return Err(HttpError::BadRequest);
        }
        let rest = &input[colon + 1..];
        let end = line_end(rest)?;
        let blanks = rest[..end].iter().take_while(|b| **b == b' ').count();
        Ok(Self {
            name: &input[..colon],
            value: Cow::Borrowed(&rest[blanks..end]),
            underscore: class == UNDERSCORE,
            len: colon + 1 + end + 2,
        })
    }

    /// It would be taken for the proxy of requests that the application makes itself.
    fn is_proxy(&self) -> bool {
        self.name.len() == PROXY.len() && self.name.eq_ignore_ascii_case(PROXY)
    }

    /// Joins a line that continues the value; answers its length.
    fn unfold(&mut self, input: &[u8]) -> Result<usize, HttpError> {
        let end = line_end(input)?;
        let value = self.value.to_mut();
        value.push(b' ');
        value.extend_from_slice(input[..end].trim_ascii_start());
        Ok(end + 2)
    }
}

/// Where the line at the start of `rest` ends, in front of its CRLF.
fn line_end(rest: &[u8]) -> Result<usize, HttpError> {
    let Some(end) = memchr::memchr(b'\r', rest) else { return Err(HttpError::BadRequest) };
    if rest.get(end + 1) != Some(&b'\n') || has_control(&rest[..end]) {
        return Err(HttpError::BadRequest);
    }
    Ok(end)
}

fn too_big(error: crate::VarError, field: &Field<'_>) -> HttpError {
    let mut name: Vec<u8> = b"HTTP_".to_vec();
    name.extend(field.name.iter().map(|b| match b.to_ascii_uppercase() {
        b'-' => b'_',
        b => b,
    }));
    HttpError::from_var(error, &name, &field.value)
}
