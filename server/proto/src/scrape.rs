//! Request heads of who asks for metrics: bytes in, a request, a refusal, or the wish for more out.
//!
//! No variables come of them, no application sees them: only what a page depends on is kept, and
//! bounds are tight. It owns what a request means; what is served at which path it does not know.

use std::time::Duration;

/// Bytes of a head, and how many of them the target may have.
pub const MAX_HEAD: usize = 16 << 10;
const MAX_TARGET: usize = 8 << 10;
const MAX_HEADERS: usize = 64;

/// Nobody here reads bodies; small ones are skipped, so that their connection may live on.
const MAX_BODY: u64 = 64 << 10;

/// What a client asks of the page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// Header `Accept`.
    pub accept: Option<String>,
    /// Header `Accept-Encoding`.
    pub encodings: Option<String>,
    /// Only these families; empty for all.
    pub families: Vec<String>,
    /// How long the client waits for the whole answer.
    pub patience: Option<Duration>,
}

/// A whole head.
#[derive(Debug, PartialEq, Eq)]
pub struct Head {
    /// `GET` or `HEAD`; anything else is not served.
    pub method: Method,
    /// Path without the query.
    pub path: String,
    /// What is asked of a page.
    pub query: Query,
    /// Header `Authorization`.
    pub authorization: Option<String>,
    /// The connection stays.
    pub keep: bool,
    /// Bytes of the body that follows.
    pub body: u64,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// `GET`
    Get,
    /// `HEAD`
    Head,
    /// Nothing that is served.
    Other,
}

/// What there is so far.
#[derive(Debug, PartialEq, Eq)]
pub enum Look {
    /// Not a whole head yet.
    More,
    /// A head of so many bytes.
    Ready(Box<Head>, usize),
    /// No request that is served; the status line says why.
    Refused(&'static str),
}

/// Looks for a head at the beginning of `bytes`.
pub fn look(bytes: &[u8]) -> Look {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut request = httparse::Request::new(&mut headers);
    let length = match request.parse(bytes) {
        Ok(httparse::Status::Complete(length)) if length <= MAX_HEAD => length,
        Ok(httparse::Status::Partial) if bytes.len() < MAX_HEAD => return Look::More,
        Err(httparse::Error::TooManyHeaders) => return Look::Refused(TOO_LARGE),
        Ok(_) if request.path.is_none_or(|path| path.len() > MAX_TARGET) => {
            return Look::Refused("414 URI Too Long");
        }
        Ok(_) => return Look::Refused(TOO_LARGE),
        Err(_) => return Look::Refused(BAD),
    };
    match understand(&request) {
        Ok(head) => Look::Ready(Box::new(head), length),
        Err(status) => Look::Refused(status),
    }
}

const BAD: &str = "400 Bad Request";
const TOO_LARGE: &str = "431 Request Header Fields Too Large";

fn understand(request: &httparse::Request<'_, '_>) -> Result<Head, &'static str> {
    let target = request.path.unwrap_or_default();
    if target.len() > MAX_TARGET {
        return Err("414 URI Too Long");
    }
    // Through a proxy the target is a whole address.
    let target = match target.split_once("://") {
        Some((scheme, rest)) if !scheme.contains('/') => {
            rest.find('/').map_or("/", |at| &rest[at..])
        }
        _ => target,
    };
    let (path, arguments) = target.split_once('?').unwrap_or((target, ""));
    let modern = request.version == Some(1);
    let connection = all(request, "connection").unwrap_or_default().to_ascii_lowercase();
    let says = |word: &str| connection.split(',').any(|part| part.trim() == word);
    if modern && all(request, "host").is_none() {
        return Err(BAD);
    }
    Ok(Head {
        method: match request.method {
            Some("GET") => Method::Get,
            Some("HEAD") => Method::Head,
            _ => Method::Other,
        },
        path: path.to_owned(),
        query: Query {
            accept: all(request, "accept"),
            encodings: all(request, "accept-encoding"),
            families: names(arguments),
            patience: all(request, "x-prometheus-scrape-timeout-seconds")
                .and_then(|t| patience(&t)),
        },
        authorization: all(request, "authorization"),
        keep: if modern { !says("close") } else { says("keep-alive") },
        body: body(request)?,
    })
}

/// All values of a header as one list.
fn all(request: &httparse::Request<'_, '_>, name: &str) -> Option<String> {
    let values = request.headers.iter().filter(|h| h.name.eq_ignore_ascii_case(name));
    let values: Vec<_> =
        values.map(|h| String::from_utf8_lossy(h.value).trim().to_owned()).collect();
    (!values.is_empty()).then(|| values.join(", "))
}

fn body(request: &httparse::Request<'_, '_>) -> Result<u64, &'static str> {
    const TOO_LONG: &str = "413 Content Too Large";
    if all(request, "transfer-encoding").is_some() {
        return Err(TOO_LONG);
    }
    match all(request, "content-length") {
        None => Ok(0),
        Some(text) if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) => Err(BAD),
        Some(text) => text.parse().ok().filter(|n| *n <= MAX_BODY).ok_or(TOO_LONG),
    }
}

/// How long the scraper waits, less what the way back takes.
fn patience(text: &str) -> Option<Duration> {
    let seconds: f64 = text.trim().parse().ok()?;
    (0.0..=86_400.0).contains(&seconds).then(|| Duration::from_secs_f64((seconds - 0.25).max(0.05)))
}

/// The values of `name[]` in a query.
pub fn names(arguments: &str) -> Vec<String> {
    let pairs = arguments.split('&').filter_map(|pair| pair.split_once('='));
    let named = pairs.filter(|(key, _)| decode(key) == "name[]");
    named.map(|(_, value)| decode(value)).filter(|value| !value.is_empty()).collect()
}

/// Undoes the escapes of a query; what is no escape stays.
fn decode(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let hex = |byte: u8| char::from(byte).to_digit(16);
        let escaped = match after {
            [high, low, ..] if *first == b'%' => hex(*high).zip(hex(*low)),
            _ => None,
        };
        match escaped {
            Some((high, low)) => out.push((high * 16 + low) as u8),
            None if *first == b'+' => out.push(b' '),
            None => out.push(*first),
        }
        rest = if escaped.is_some() { &after[2..] } else { after };
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ready(text: &str) -> Head {
        match look(text.as_bytes()) {
            Look::Ready(head, length) if length == text.len() => *head,
            other => panic!("{text:?}: {other:?}"),
        }
    }

    #[test]
    fn what_matters_of_a_request_is_understood() {
        let head = ready(
            "GET /metrics?name[]=up&name%5B%5D=a%5Fb&x=1 HTTP/1.1\r\nHost: a\r\nAccept: a/b\r\naccept: c/d\r\n\
             Accept-Encoding: gzip\r\nX-Prometheus-Scrape-Timeout-Seconds: 10\r\nAuthorization: Bearer x\r\n\r\n",
        );
        assert_eq!((head.method, head.path.as_str(), head.keep), (Method::Get, "/metrics", true));
        assert_eq!(head.query.accept.as_deref(), Some("a/b, c/d"));
        assert_eq!(head.query.families, ["up", "a_b"]);
        assert_eq!(head.query.patience, Some(Duration::from_millis(9_750)));
        assert_eq!(head.authorization.as_deref(), Some("Bearer x"));
        let old = ready("HEAD http://a:1/metrics HTTP/1.0\r\n\r\n");
        assert_eq!((old.method, old.path.as_str(), old.keep), (Method::Head, "/metrics", false));
        assert!(ready("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n").keep);
        assert!(!ready("GET / HTTP/1.1\r\nHost: a\r\nConnection: x, Close\r\n\r\n").keep);
        assert_eq!(ready("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n").body, 5);
    }

    #[test]
    fn what_is_no_request_or_too_much_is_refused() {
        let long = "x".repeat(MAX_HEAD);
        let many = "A: b\r\n".repeat(MAX_HEADERS + 1);
        let cases = [
            ("\x16\x03\x01\x02\x00\x01\x00".to_owned(), BAD),
            ("GET /\r\n\r\n".to_owned(), BAD),
            ("GET / HTTP/2.0\r\n\r\n".to_owned(), BAD),
            ("GET / HTTP/1.1\r\n\r\n".to_owned(), BAD),
            ("GET / HTTP/1.1\r\nHost: a\r\nbad header\r\n\r\n".to_owned(), BAD),
            ("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n".to_owned(), BAD),
            (
                "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 70000\r\n\r\n".to_owned(),
                "413 Content Too Large",
            ),
            (
                "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n".to_owned(),
                "413 Content Too Large",
            ),
            (format!("GET /{long} HTTP/1.1\r\n"), "414 URI Too Long"),
            (
                format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "x".repeat(MAX_TARGET)),
                "414 URI Too Long",
            ),
            (format!("GET / HTTP/1.1\r\nHost: {long}\r\n\r\n"), TOO_LARGE),
            (format!("GET / HTTP/1.1\r\n{many}\r\n"), TOO_LARGE),
        ];
        for (text, want) in cases {
            let short = &text[..text.len().min(70)];
            assert_eq!(look(text.as_bytes()), Look::Refused(want), "{short:?}");
        }
        assert_eq!(look(b"GET / HTT"), Look::More);
        assert_eq!(look(b""), Look::More);
    }

    #[test]
    fn deadlines_are_within_reason() {
        for (text, want) in
            [("0.1", Some(50)), ("1.5", Some(1_250)), ("x", None), ("-1", None), ("inf", None)]
        {
            assert_eq!(patience(text), want.map(Duration::from_millis), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_have_an_answer(bytes in prop::collection::vec(any::<u8>(), 0..2_000)) {
            let look = look(&bytes);
            if let Look::Ready(_, length) = look {
                prop_assert!(length <= bytes.len());
            }
        }

        #[test]
        fn a_head_is_the_same_however_it_arrives(
            path in "/[a-z%?&=\\[\\]]{0,40}", value in "[ -~]{0,60}", cut in 0usize..200,
        ) {
            let whole = format!("GET {path} HTTP/1.1\r\nHost: a\r\nAccept: {value}\r\n\r\n");
            let cut = cut.min(whole.len() - 1);
            prop_assert_eq!(look(&whole.as_bytes()[..cut]), Look::More);
            let Look::Ready(head, length) = look(whole.as_bytes()) else { return Ok(()) };
            prop_assert_eq!(length, whole.len());
            let behind = format!("{whole}GET /next");
            prop_assert_eq!(look(behind.as_bytes()), Look::Ready(head, length));
        }
    }
}
