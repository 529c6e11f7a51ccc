//! What a client that is refused gets to read. Pure.

use std::borrow::Cow;

use uwsgi_proto::fastcgi::{Record, kind, reply};
use uwsgi_proto::{error_response, link};

use super::Refusal;
use crate::settings::Protocol;

/// The answer of a worker's core to a refused request, whose bytes so far are `input`; `None` where the connection just
/// closes.
pub(crate) fn answer(
    protocol: Protocol,
    refusal: &Refusal,
    input: &[u8],
    by: (u32, u32),
) -> Option<Cow<'static, [u8]>> {
    if refusal.status == 0 {
        return None;
    }
    let page = error_response(refusal.status);
    match protocol {
        Protocol::Http | Protocol::Http11 => Some(page.into()),
        Protocol::Scgi | Protocol::ScgiNph => Some(shaped(protocol, page).into()),
        Protocol::FastCgi | Protocol::FastCgiNph => {
            // It cannot be told to whom this is said before a request has begun.
            let begin = Record::parse(input).ok()??;
            let begun = begin.kind == kind::BEGIN_REQUEST;
            begun.then(|| {
                let page = shaped(protocol, page);
                let header = reply::stdout(begin.id, page.len());
                [&header[..], &page, &reply::finish(begin.id)].concat().into()
            })
        }
        Protocol::Link => {
            // The router passes it on, and comes back on another link.
            let end = link::End { flags: link::END_LEAVE, worker: by.0 as u16, core: by.1 as u16 };
            Some([&link::frame(page.len() as u32)[..], page, &end.encode()].concat().into())
        }
        Protocol::Uwsgi | Protocol::Puwsgi | Protocol::Raw => None,
    }
}

/// The page with the first line that the protocol wants.
fn shaped(protocol: Protocol, page: &[u8]) -> Vec<u8> {
    match (protocol.says_status(false), page.strip_prefix(b"HTTP/1.1 ")) {
        (true, Some(rest)) => [b"Status: ", rest].concat(),
        _ => page.to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::worker::wire::Reason;

    fn text(protocol: Protocol, status: u16, input: &[u8]) -> Option<String> {
        let refusal = Refusal { reason: Reason::Bad, line: String::new(), status, logged: false };
        let answer = answer(protocol, &refusal, input, (1, 0))?;
        Some(String::from_utf8_lossy(&answer).into_owned())
    }

    #[test]
    fn each_protocol_hears_of_it_in_its_own_words() {
        let first = |protocol, input| {
            text(protocol, 413, input).map(|text| text.lines().next().unwrap_or("").to_owned())
        };
        let begin = b"\x01\x01\x00\x05\x00\x08\0\0";
        assert_eq!(first(Protocol::Scgi, b"").unwrap(), "Status: 413 Request Entity Too Large");
        assert_eq!(first(Protocol::ScgiNph, b"").unwrap(), "HTTP/1.1 413 Request Entity Too Large");
        assert_eq!(first(Protocol::Http, b"").unwrap(), "HTTP/1.1 413 Request Entity Too Large");
        let records = first(Protocol::FastCgi, begin).unwrap();
        assert!(records.starts_with("\x01\x06\x00\x05") && records.ends_with("Entity Too Large"));
        assert_eq!(first(Protocol::FastCgi, b"GET / HT"), None, "nobody has begun anything");
        let framed = first(Protocol::Link, b"").unwrap();
        assert!(framed.ends_with("HTTP/1.1 413 Request Entity Too Large"));
        assert_eq!(first(Protocol::Uwsgi, b""), None);
        assert_eq!(text(Protocol::Scgi, 0, b""), None);
    }
}
