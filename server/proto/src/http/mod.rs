//! Request heads of HTTP/1.0 and 1.1, straight into request variables.
//!
//! One pass per line: names are validated and upper-cased as they are copied, values are checked
//! for control characters, and the few headers that frame the message are understood on the way.
//! Strict after RFC 9112, because two parties that read one head differently can be played off
//! against each other: folded lines, bare CR or LF, blanks around names, a `Host` that is missing
//! or repeated, repeated `Content-Length`, `Content-Length` next to `Transfer-Encoding` are errors,
//! and names with `_` are dropped so that they cannot pose as their twins with `-`. So is `Proxy`, whose
//! variable `HTTP_PROXY` names a proxy to many a client library. [`Lenient`] is what an operator can ask
//! for instead. Any shape of target is taken.
//!
//! What is wrong is said as soon as it is there: a line that ends in a bare LF will never be
//! followed by the blank line that is waited for.

mod error;
mod headers;
mod line;

pub use error::HttpError;
pub(crate) use line::is_token as is_name_byte;

use crate::known::Var;
use crate::vars::VarBlock;

/// What the connection and the configuration contribute to the variables of a request.
#[derive(Debug, Clone, Copy, Default)]
pub struct HttpEnv<'a> {
    /// The machine's name, never the client's `Host`.
    pub server_name: &'a [u8],
    /// Port text; `80` for UNIX sockets.
    pub server_port: &'a [u8],
    /// `SERVER_ADDR`, set only when a PROXY header has named it.
    pub server_addr: Option<&'a [u8]>,
    /// Peer address text; `0.0.0.0` for UNIX peers.
    pub remote_addr: &'a [u8],
    /// Peer port; the router sets it, workers only after a PROXY header.
    pub remote_port: Option<&'a [u8]>,
    /// Adds `HTTPS=on`.
    pub https: bool,
    /// Leaves out the empty `SCRIPT_NAME`.
    pub manage_script_name: bool,
    /// The router's order of variables and its `UWSGI_ROUTER=http`.
    pub extra_router_vars: bool,
    /// Leaves `%2F` undecoded in `PATH_INFO`.
    pub keep_slashes: bool,
    /// What is let pass.
    pub lenient: Lenient,
}

/// What is wrong with a request and let pass all the same, for clients that cannot be mended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Lenient {
    /// Header names with `_` are kept (they then merge with their twins with `-`).
    pub underscores: bool,
    /// Folded lines are joined by a blank.
    pub folding: bool,
    /// `Host` may be missing or repeated.
    pub host: bool,
    /// `Content-Length` may be repeated, as long as it says the same.
    pub length: bool,
    /// The header `Proxy` is passed on.
    pub proxy: bool,
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
            Some(_) => return Err(too_large(input, limit)),
            None if input.len() >= limit => return Err(too_large(input, limit)),
            None => return early(input, scan_from).map(|()| Parsed::Partial),
        }
    }
    parse_complete(input, env, limit, out).map(Parsed::Done)
}

/// A head beyond the limit, by its request line or by what follows.
fn too_large(input: &[u8], limit: usize) -> HttpError {
    let line = &input[start_of(input)..limit.min(input.len())];
    match memchr::memchr(b'\n', line) {
        Some(_) => HttpError::HeadTooLarge,
        None => HttpError::LineTooLarge,
    }
}

/// Refuses what no further byte can mend: a request line that is none, a bare LF.
fn early(input: &[u8], scan_from: usize) -> Result<(), HttpError> {
    let start = start_of(input);
    let from = scan_from.clamp(start, input.len());
    let mut ends = memchr::memchr_iter(b'\n', &input[from..]).map(|i| from + i).peekable();
    // From behind: no byte of a line is passed over again once the line is over.
    if ends.peek().is_some() && memchr::memrchr(b'\n', &input[start..from]).is_none() {
        line::parse(&input[start..])?;
    }
    match ends.all(|at| at > 0 && input[at - 1] == b'\r') {
        true => Ok(()),
        false => Err(HttpError::BadRequest),
    }
}

/// Behind one empty line: some clients send a stray CRLF behind a body.
fn start_of(input: &[u8]) -> usize {
    if input.starts_with(b"\r\n") { 2 } else { 0 }
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
    let start = if input.len() > 2 { start_of(input) } else { 0 };
    let request = line::parse(&input[start..])?;
    let path_len = emit_base(&request, env, out)?;
    let mut fields = headers::Fields::default();
    let fields_at = start + request.len;
    let head_len = fields_at + fields.parse(&input[fields_at..], env.lenient, out)?;
    if head_len + path_len >= limit {
        return Err(HttpError::UriTooLong);
    }
    fields.check(request.http11, env.lenient)?;
    Ok(Head {
        head_len,
        content_length: fields.content_length.unwrap_or(0),
        chunked: fields.chunked,
        keep_alive: fields.keep_alive(request.http11),
        expect_continue: fields.expect_continue && request.http11,
        http11: request.http11,
        upgrade: fields.upgrade && fields.connection_upgrade,
        head_request: request.method == b"HEAD",
    })
}

/// Writes the variables of the request line and the connection, in the order of the protocol;
/// answers the length of the raw path.
fn emit_base(
    request: &line::RequestLine<'_>,
    env: &HttpEnv<'_>,
    out: &mut VarBlock,
) -> Result<usize, HttpError> {
    emit(out, Var::RequestMethod, b"REQUEST_METHOD", request.method)?;
    let query_at = memchr::memchr(b'?', request.target);
    let path = &request.target[..query_at.unwrap_or(request.target.len())];
    let query = query_at.map_or(&b""[..], |i| &request.target[i + 1..]);
    if query_at.is_some() || env.extra_router_vars {
        emit_path(path, env, out)?;
        emit(out, Var::RequestUri, b"REQUEST_URI", request.target)?;
    } else {
        emit(out, Var::RequestUri, b"REQUEST_URI", request.target)?;
        emit_path(path, env, out)?;
    }
    emit(out, Var::QueryString, b"QUERY_STRING", query)?;
    emit(out, Var::ServerProtocol, b"SERVER_PROTOCOL", request.protocol)?;
    if !env.manage_script_name {
        emit(out, Var::ScriptName, b"SCRIPT_NAME", b"")?;
    }
    emit(out, Var::ServerName, b"SERVER_NAME", env.server_name)?;
    emit_connection(env, out)?;
    Ok(path.len())
}

/// The part of the variables that the connection decides.
fn emit_connection(env: &HttpEnv<'_>, out: &mut VarBlock) -> Result<(), HttpError> {
    let router = env.extra_router_vars;
    if let Some(addr) = env.server_addr {
        out.push(b"SERVER_ADDR", addr).map_err(|e| HttpError::from_var(e, b"SERVER_ADDR", addr))?;
    }
    emit(out, Var::ServerPort, b"SERVER_PORT", env.server_port)?;
    if router {
        out.push(b"UWSGI_ROUTER", b"http")
            .map_err(|e| HttpError::from_var(e, b"UWSGI_ROUTER", b"http"))?;
    }
    if router && env.https {
        emit(out, Var::Https, b"HTTPS", b"on")?;
    }
    emit(out, Var::RemoteAddr, b"REMOTE_ADDR", env.remote_addr)?;
    if let Some(port) = env.remote_port {
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

fn emit_path(raw: &[u8], env: &HttpEnv<'_>, out: &mut VarBlock) -> Result<(), HttpError> {
    let fill = |buf: &mut Vec<u8>| crate::path::decode(raw, env.keep_slashes, buf);
    out.push_with(Var::PathInfo, b"PATH_INFO", raw.len() + 1, fill)
        .map_err(|e| HttpError::from_var(e, b"PATH_INFO", raw))
}

#[cfg(test)]
mod tests;
