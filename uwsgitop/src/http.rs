//! The few bytes of HTTP that a stats server in stats-http mode needs.
//!
//! Pure: builds one HTTP/1.0 request and takes the body out of one whole answer. Refuses
//! redirects, chunked bodies and anything but status 200.

use crate::address::bracketed;

/// The request for `path`.
pub(crate) fn request(host: &str, port: u16, path: &str) -> String {
    let host = bracketed(host);
    format!(
        "GET {path} HTTP/1.0\r\nHost: {host}:{port}\r\nAccept: application/json\r\n\
         Connection: close\r\n\r\n"
    )
}

/// The body of a complete answer.
///
/// # Errors
/// A sentence when the bytes are no HTTP answer or its status is not 200.
pub(crate) fn body(answer: &[u8]) -> Result<&[u8], String> {
    let split = answer.windows(4).position(|four| four == b"\r\n\r\n");
    let Some(split) = split.filter(|_| answer.starts_with(b"HTTP/")) else {
        return Err("the answer is no HTTP (is stats-http on?)".to_owned());
    };
    let head = String::from_utf8_lossy(answer.get(..split).unwrap_or_default());
    let line = head.lines().next().unwrap_or_default();
    if line.split_whitespace().nth(1) != Some("200") {
        return Err(format!("the server answered \"{line}\", wanted is status 200"));
    }
    Ok(answer.get(split + 4..).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_body_begins_after_the_blank_line() {
        assert_eq!(body(b"HTTP/1.0 200 OK\r\nA: b\r\n\r\n{}").unwrap(), b"{}");
        assert_eq!(body(b"HTTP/1.1 200\r\n\r\n").unwrap(), b"");
    }

    #[test]
    fn other_answers_are_named() {
        for (answer, part) in [
            (&b""[..], "no HTTP"),
            (b"{\n\t\"version\":1}", "no HTTP"),
            (b"HTTP/1.0 200 OK\r\n", "no HTTP"),
            (b"HTTP/1.0 404 Not Found\r\n\r\nx", "404 Not Found"),
        ] {
            let error = body(answer).unwrap_err();
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn an_ipv6_host_is_bracketed() {
        assert!(request("::1", 80, "/x").starts_with("GET /x HTTP/1.0\r\nHost: [::1]:80\r\n"));
    }
}
