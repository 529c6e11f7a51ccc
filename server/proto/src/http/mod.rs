//! Request heads of HTTP/1.0 and 1.1, straight into request variables.
//!
//! One pass per line: names are validated and upper-cased as they are copied, values are checked
//! for control characters, and the few headers that frame the message are understood on the way.
//! Strict where leniency is dangerous (RFC 9112): folded lines, bare CR or LF, blanks around
//! names, repeated `Host` or `Content-Length`, `Content-Length` next to `Transfer-Encoding` are
//! errors, and names with `_` are dropped so that they cannot pose as their twins with `-`.
//! Lenient where nothing hangs on it: a missing `Host`, any shape of target.

mod error;
mod headers;
mod line;

pub use error::HttpError;
pub(crate) use line::is_token as is_name_byte;

use crate::known::Var;
use crate::proxy;
use crate::vars::VarBlock;

/// What the connection and the configuration contribute to the variables of a request.
#[derive(Debug, Clone, Copy, Default)]
pub struct HttpEnv<'a> {
    /// The machine's name, never the client's `Host`.
    pub server_name: &'a [u8],
    /// Port text; `80` for UNIX sockets.
    pub server_port: &'a [u8],
    /// `SERVER_ADDR`, set only when it is known from a PROXY line kept by the caller.
    pub server_addr: Option<&'a [u8]>,
    /// Peer address text; `0.0.0.0` for UNIX peers.
    pub remote_addr: &'a [u8],
    /// Peer port; workers leave it out, the router sets it.
    pub remote_port: Option<&'a [u8]>,
    /// Adds `HTTPS=on`.
    pub https: bool,
    /// Leaves out the empty `SCRIPT_NAME`.
    pub manage_script_name: bool,
    /// Accepts a PROXY line in front; for the first request of a connection only.
    pub proxy_protocol: bool,
    /// The router's order of variables and its `UWSGI_ROUTER=http`.
    pub extra_router_vars: bool,
    /// Keeps header names with `_` (they then merge with their twins with `-`).
    pub keep_underscores: bool,
}

/// What the server itself needs to know of a head.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Head {
    /// Bytes used up, from the start of the input to the end of the blank line.
    pub head_len: usize,
    /// `Content-Length`, 0 without one.
    pub content_length: u64,
    /// The body is chunked (`content_length` is 0 then).
    pub chunked: bool,
    /// The client would keep the connection.
    pub keep_alive: bool,
    /// The client waits for `100 Continue` before it sends the body.
    pub expect_continue: bool,
    /// HTTP/1.1 or a later 1.x.
    pub http11: bool,
    /// `Upgrade` together with `Connection: upgrade`.
    pub upgrade: bool,
    /// The method is `HEAD`: the response has no body.
    pub head_request: bool,
    /// Addresses came from a PROXY line.
    pub proxied: bool,
}

/// Outcome of a look at the bytes so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parsed {
    /// The blank line is not there yet: call again with more bytes and `scan_from` set to the
    /// length seen now.
    Partial,
    /// A complete head; the variables are in the block.
    Done(Head),
}

const END: &[u8] = b"\r\n\r\n";

/// Parses a request head at the start of `input` into `out` (cleared first).
///
/// `scan_from` is how many bytes were already searched in vain, so that a client that sends one
/// byte at a time costs one byte of work at a time. `limit` is `buffer-size`: heads must be
/// shorter. The block's own limits hold for the variables.
pub fn parse_head(
    input: &[u8],
    scan_from: usize,
    env: &HttpEnv<'_>,
    limit: usize,
    out: &mut VarBlock,
) -> Result<Parsed, HttpError> {
    match input.first() {
        None => return Ok(Parsed::Partial),
        Some(b) if *b != b'\r' && !line::is_token(*b) => return Err(HttpError::BadRequest),
        Some(_) => {}
    }
    // Most requests arrive as one head and nothing else: no search is needed to know that the
    // blank line is there.
    if input.len() >= limit || !input.ends_with(END) {
        match find_end(input, scan_from) {
            Some(len) if len < limit => {}
            Some(_) => return Err(HttpError::HeadTooLarge),
            None if input.len() >= limit => return Err(HttpError::HeadTooLarge),
            None => return Ok(Parsed::Partial),
        }
    }
    parse_complete(input, env, limit, out).map(Parsed::Done)
}

/// Where the first blank line ends.
fn find_end(input: &[u8], scan_from: usize) -> Option<usize> {
    let from = scan_from.saturating_sub(END.len() - 1).min(input.len());
    memchr::memmem::find(&input[from..], END).map(|i| from + i + END.len())
}

/// Parses a head whose blank line is known to be within `input`.
fn parse_complete(
    input: &[u8],
    env: &HttpEnv<'_>,
    limit: usize,
    out: &mut VarBlock,
) -> Result<Head, HttpError> {
    out.clear();
    let (start, addresses) = skip_proxy_line(input, env)?;
    let request = line::parse(&input[start..])?;
    let path_len = emit_base(&request, env, addresses.as_ref(), out)?;
    let mut fields = headers::Fields::default();
    let fields_at = start + request.len;
    let head_len = fields_at + fields.parse(&input[fields_at..], env.keep_underscores, out)?;
    if head_len + path_len >= limit {
        return Err(HttpError::UriTooLong);
    }
    fields.check(request.http11)?;
    Ok(Head {
        head_len,
        content_length: fields.content_length.unwrap_or(0),
        chunked: fields.chunked,
        keep_alive: fields.keep_alive(request.http11),
        expect_continue: fields.expect_continue && request.http11,
        http11: request.http11,
        upgrade: fields.upgrade && fields.connection_upgrade,
        head_request: request.method == b"HEAD",
        proxied: addresses.is_some(),
    })
}

/// Skips a PROXY line, or one empty line: some clients send a stray CRLF behind a body. Behind a
/// PROXY line there was no body, and a blank line there would end a head that has not begun.
fn skip_proxy_line<'a>(
    input: &'a [u8],
    env: &HttpEnv<'_>,
) -> Result<(usize, Option<proxy::Addresses<'a>>), HttpError> {
    let (mut start, mut found) = (0, None);
    if env.proxy_protocol {
        match proxy::parse(input) {
            proxy::Line::Found { len, addresses } => (start, found) = (len, addresses),
            proxy::Line::Absent => {}
            proxy::Line::Partial | proxy::Line::Broken => return Err(HttpError::BadRequest),
        }
    }
    if start == 0 && input.starts_with(b"\r\n") && input.len() > 2 {
        start = 2;
    }
    Ok((start, found))
}

/// Writes the variables of the request line and the connection, in the order of the protocol;
/// answers the length of the raw path.
fn emit_base(
    request: &line::RequestLine<'_>,
    env: &HttpEnv<'_>,
    proxied: Option<&proxy::Addresses<'_>>,
    out: &mut VarBlock,
) -> Result<usize, HttpError> {
    emit(out, Var::RequestMethod, b"REQUEST_METHOD", request.method)?;
    let query_at = memchr::memchr(b'?', request.target);
    let path = &request.target[..query_at.unwrap_or(request.target.len())];
    let query = query_at.map_or(&b""[..], |i| &request.target[i + 1..]);
    if query_at.is_some() || env.extra_router_vars {
        emit_path(path, out)?;
        emit(out, Var::RequestUri, b"REQUEST_URI", request.target)?;
    } else {
        emit(out, Var::RequestUri, b"REQUEST_URI", request.target)?;
        emit_path(path, out)?;
    }
    emit(out, Var::QueryString, b"QUERY_STRING", query)?;
    emit(out, Var::ServerProtocol, b"SERVER_PROTOCOL", request.protocol)?;
    if !env.manage_script_name {
        emit(out, Var::ScriptName, b"SCRIPT_NAME", b"")?;
    }
    emit(out, Var::ServerName, b"SERVER_NAME", env.server_name)?;
    emit_connection(env, proxied, out)?;
    Ok(path.len())
}

/// The part of the variables that the connection decides.
fn emit_connection(
    env: &HttpEnv<'_>,
    proxied: Option<&proxy::Addresses<'_>>,
    out: &mut VarBlock,
) -> Result<(), HttpError> {
    let router = env.extra_router_vars;
    let dst = proxied.filter(|_| !router);
    if let Some(addr) = dst.map(|p| p.dst).or(env.server_addr) {
        out.push(b"SERVER_ADDR", addr).map_err(|e| HttpError::from_var(e, b"SERVER_ADDR", addr))?;
    }
    emit(out, Var::ServerPort, b"SERVER_PORT", dst.map_or(env.server_port, |p| p.dst_port))?;
    if router {
        out.push(b"UWSGI_ROUTER", b"http")
            .map_err(|e| HttpError::from_var(e, b"UWSGI_ROUTER", b"http"))?;
    }
    if router && env.https {
        emit(out, Var::Https, b"HTTPS", b"on")?;
    }
    emit(out, Var::RemoteAddr, b"REMOTE_ADDR", proxied.map_or(env.remote_addr, |p| p.src))?;
    if let Some(port) = proxied.map(|p| p.src_port).or(env.remote_port) {
        emit(out, Var::RemotePort, b"REMOTE_PORT", port)?;
    }
    if !router && env.https {
        emit(out, Var::Https, b"HTTPS", b"on")?;
    }
    Ok(())
}

fn emit(out: &mut VarBlock, var: Var, key: &[u8], val: &[u8]) -> Result<(), HttpError> {
    out.push_slot(Some(var), key, val).map_err(|e| HttpError::from_var(e, key, val))
}

fn emit_path(raw: &[u8], out: &mut VarBlock) -> Result<(), HttpError> {
    out.push_with(Var::PathInfo, b"PATH_INFO", raw.len() + 1, |buf| crate::path::decode(raw, buf))
        .map_err(|e| HttpError::from_var(e, b"PATH_INFO", raw))
}

#[cfg(test)]
mod tests;
