//! How the end of a response body is told to the client, and whether the connection lives on.

use super::Facts;

/// What the request and the server bring to the decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Exchange {
    /// The client speaks HTTP/1.1.
    pub http11: bool,
    /// The method is `HEAD`.
    pub head_request: bool,
    /// The client would keep the connection.
    pub keep_alive: bool,
    /// The server will not keep it (shutting down, body unread, one request per connection).
    pub server_close: bool,
    /// False on wires where the peer frames responses itself (uwsgi behind a web server): the
    /// head goes out as the application made it and the end is the end of the connection.
    pub managed: bool,
}

/// How the body goes out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyFraming {
    /// None at all: whatever the application produces is dropped.
    NoBody,
    /// As many bytes as announced.
    Length(u64),
    /// Each write is a chunk (see [`crate::chunked`]).
    Chunked,
    /// The application wrote `Transfer-Encoding` itself: bytes pass as they are.
    AsIs,
    /// Until the connection closes.
    Close,
}

/// The decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Framing {
    /// How the body goes out.
    pub body: BodyFraming,
    /// The connection may serve another request.
    pub keep: bool,
    /// Write a `Content-Length` that the application left out.
    pub add_length: Option<u64>,
    /// Write `Transfer-Encoding: chunked`.
    pub add_chunked: bool,
    /// Write a `Connection` line: `Some(true)` keep-alive, `Some(false)` close.
    pub add_connection: Option<bool>,
}

/// Decides the framing of a response. `known_len` is the length of the body where the whole of
/// it is at hand before the head goes out.
pub fn framing(exchange: &Exchange, facts: &Facts, known_len: Option<u64>) -> Framing {
    let bodiless = exchange.head_request || matches!(facts.status, 100..=199 | 204 | 304);
    if !exchange.managed {
        let body = if bodiless { BodyFraming::NoBody } else { BodyFraming::Close };
        return Framing {
            body,
            keep: false,
            add_length: None,
            add_chunked: false,
            add_connection: None,
        };
    }
    let wanted = exchange.keep_alive && !exchange.server_close && !facts.connection_close;
    let (body, ends_itself) = body_framing(exchange, facts, known_len, bodiless, wanted);
    let keep = wanted && ends_itself;
    // A 1.0 client keeps the connection only when told so; a 1.1 client unless told not to.
    let must_say = keep != exchange.http11;
    let add_length = match body {
        BodyFraming::Length(n) if facts.content_length.is_none() => Some(n),
        _ => None,
    };
    Framing {
        body,
        keep,
        add_length,
        add_chunked: body == BodyFraming::Chunked,
        add_connection: (must_say && !facts.has_connection).then_some(keep),
    }
}

/// The body's framing, and whether its end can be seen without a close.
fn body_framing(
    exchange: &Exchange,
    facts: &Facts,
    known_len: Option<u64>,
    bodiless: bool,
    wanted: bool,
) -> (BodyFraming, bool) {
    if bodiless {
        return (BodyFraming::NoBody, true);
    }
    if facts.transfer_encoding {
        let clear = facts.chunked && exchange.http11 && facts.content_length.is_none();
        return (BodyFraming::AsIs, clear);
    }
    match facts.content_length.or(known_len) {
        Some(n) => (BodyFraming::Length(n), true),
        None if exchange.http11 && wanted => (BodyFraming::Chunked, true),
        None => (BodyFraming::Close, false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEEP11: Exchange = Exchange {
        http11: true,
        head_request: false,
        keep_alive: true,
        server_close: false,
        managed: true,
    };
    const KEEP10: Exchange = Exchange { http11: false, ..KEEP11 };
    const ONCE: Exchange = Exchange { keep_alive: false, ..KEEP11 };
    const HEAD: Exchange = Exchange { head_request: true, ..KEEP11 };
    const BARE: Exchange = Exchange { managed: false, ..KEEP11 };

    fn facts() -> Facts {
        Facts { status: 200, ..Facts::default() }
    }

    #[test]
    fn every_combination_ends_its_body_in_a_way_the_client_can_see() {
        use BodyFraming::{AsIs, Chunked, Close, Length, NoBody};
        let sized = Facts { content_length: Some(7), ..facts() };
        let closing = Facts { connection_close: true, has_connection: true, ..sized };
        let coded = Facts { transfer_encoding: true, chunked: true, ..facts() };
        let both = Facts { content_length: Some(7), ..coded };
        let none = Facts { status: 204, ..facts() };
        let cases = [
            (KEEP11, sized, None, Length(7), true, None, None),
            (KEEP11, facts(), Some(5), Length(5), true, Some(5), None),
            (KEEP11, facts(), None, Chunked, true, None, None),
            (KEEP10, sized, None, Length(7), true, None, Some(true)),
            (KEEP10, facts(), None, Close, false, None, None),
            (ONCE, sized, None, Length(7), false, None, Some(false)),
            (ONCE, facts(), None, Close, false, None, Some(false)),
            (HEAD, facts(), None, NoBody, true, None, None),
            (HEAD, sized, None, NoBody, true, None, None),
            (KEEP11, none, None, NoBody, true, None, None),
            (KEEP11, closing, None, Length(7), false, None, None),
            (KEEP11, coded, None, AsIs, true, None, None),
            (KEEP11, both, None, AsIs, false, None, Some(false)),
            (KEEP10, coded, None, AsIs, false, None, None),
            (BARE, sized, None, Close, false, None, None),
            (BARE, none, None, NoBody, false, None, None),
        ];
        for (exchange, facts, known, body, keep, length, connection) in cases {
            let got = framing(&exchange, &facts, known);
            let want = Framing {
                body,
                keep,
                add_length: length,
                add_chunked: body == Chunked,
                add_connection: connection,
            };
            assert_eq!(got, want, "{exchange:?} {facts:?} {known:?}");
        }
    }
}
