//! The few bytes of HTTP that a stats server in stats-http mode, or a web server before it, needs.
//!
//! Pure: builds one HTTP/1.0 request and takes the body out of one whole answer. Refuses
//! redirects, chunked bodies and anything but status 200.

use crate::source::access::Secret;
use crate::source::address::bracketed;

/// Columns of a status line that are told.
const LINE: usize = 80;

/// The request for `path`.
pub(crate) fn request(host: &str, port: u16, path: &str, authorization: Option<&Secret>) -> String {
    let host = bracketed(host);
    let authorization =
        authorization.map(|secret| format!("Authorization: {}\r\n", secret.0)).unwrap_or_default();
    format!(
        "GET {path} HTTP/1.0\r\nHost: {host}:{port}\r\nAccept: application/json\r\n\
         {authorization}Connection: close\r\n\r\n"
    )
}

/// A request target with a query behind what it has of one; servers that do not know it ignore it.
pub(crate) fn asking(path: &str, query: &str) -> String {
    match (query, path.contains('?')) {
        ("", _) => path.to_owned(),
        (query, true) => format!("{path}&{query}"),
        (query, false) => format!("{path}?{query}"),
    }
}

/// The body of a complete answer.
///
/// # Errors
/// A sentence when the bytes are no HTTP answer, its status is not 200, or it is cut off.
pub(crate) fn body(answer: &[u8]) -> Result<&[u8], String> {
    let split = answer.windows(4).position(|four| four == b"\r\n\r\n");
    let Some(split) = split.filter(|_| answer.starts_with(b"HTTP/")) else {
        return Err("the answer is no HTTP (is stats-http on?)".to_owned());
    };
    let head = String::from_utf8_lossy(answer.get(..split).unwrap_or_default());
    let line = crate::human::clean(head.lines().next().unwrap_or_default());
    let line = crate::page::cut(&line, LINE);
    match line.split_whitespace().nth(1) {
        Some("200") => {}
        Some("401" | "403") => {
            return Err(format!(
                "the server answered \"{line}\": give user:password@ in the address, or \
                 --token-file"
            ));
        }
        _ => return Err(format!("the server answered \"{line}\", wanted is status 200")),
    }
    let body = answer.get(split + 4..).unwrap_or_default();
    let packed = ["transfer-encoding", "content-encoding"].iter().find_map(|name| {
        let value = field(&head, name)?.trim();
        let plain = value.is_empty() || value.eq_ignore_ascii_case("identity");
        (!plain).then(|| crate::page::cut(&crate::human::clean(value), LINE))
    });
    if let Some(how) = packed {
        return Err(format!("the answer is encoded ({how}), which was not asked for"));
    }
    match length(&head) {
        Some(length) if length > body.len() => Err("the answer was cut off".to_owned()),
        _ => Ok(body),
    }
}

fn length(head: &str) -> Option<usize> {
    field(head, "content-length")?.trim().parse().ok()
}

fn field<'a>(head: &'a str, wanted: &str) -> Option<&'a str> {
    let mut fields = head.lines().skip(1).filter_map(|line| line.split_once(':'));
    let (_, value) = fields.find(|(name, _)| name.trim().eq_ignore_ascii_case(wanted))?;
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_body_begins_after_the_blank_line() {
        assert_eq!(body(b"HTTP/1.0 200 OK\r\nA: b\r\n\r\n{}").unwrap(), b"{}");
        assert_eq!(body(b"HTTP/1.1 200\r\n\r\n").unwrap(), b"");
        assert_eq!(body(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}").unwrap(), b"{}");
    }

    #[test]
    fn other_answers_are_named() {
        for (answer, part) in [
            (&b""[..], "no HTTP"),
            (b"{\n\t\"version\":1}", "no HTTP"),
            (b"HTTP/1.0 200 OK\r\n", "no HTTP"),
            (b"HTTP/1.0 404 Not Found\r\n\r\nx", "404 Not Found"),
            (b"HTTP/1.1 401 Unauthorized\r\n\r\nx", "--token-file"),
            (b"HTTP/1.1 302 \x1b[2J\r\n\r\nx", "302 ?[2J"),
            (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}", "cut off"),
            (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}", "(chunked)"),
            (b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\n\r\n\x1f", "(gzip)"),
        ] {
            let error = body(answer).unwrap_err();
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn a_status_line_without_end_is_told_in_a_line() {
        let answer = format!("HTTP/1.1 500 {}\r\n\r\n", "x".repeat(1 << 20));
        assert!(body(answer.as_bytes()).unwrap_err().len() < 200);
    }

    #[test]
    fn a_query_stands_behind_the_one_there_is() {
        assert_eq!(asking("/s", ""), "/s");
        assert_eq!(asking("/s", "a=1"), "/s?a=1");
        assert_eq!(asking("/s?b", "a=1"), "/s?b&a=1");
    }

    #[test]
    fn an_ipv6_host_is_bracketed_and_a_secret_has_its_line() {
        let plain = request("::1", 80, "/x", None);
        assert!(plain.starts_with("GET /x HTTP/1.0\r\nHost: [::1]:80\r\n"), "{plain}");
        assert!(!plain.contains("Authorization"), "{plain}");
        let secret = request("h", 80, "/", Some(&Secret("Bearer x".into())));
        assert!(secret.contains("\r\nAuthorization: Bearer x\r\nConnection"), "{secret}");
    }
}
