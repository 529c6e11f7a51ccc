//! One request over HTTP/1.1 and what its answer means.
//!
//! It refuses redirects: an alarm goes where its argument says.

use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::header::{AUTHORIZATION, HeaderName, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::task::JoinSet;

use super::dial;
use super::target::{Login, Target};
use super::{Limits, Trust};
use crate::action::Failure;

/// How much of a refusal's text is looked at.
const REASON: usize = 200;

/// Everything about requests to one place, except what they carry.
pub(crate) struct Poster {
    pub(crate) target: Target,
    pub(crate) method: Method,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    pub(crate) limits: Limits,
    pub(crate) trust: Trust,
}

impl Poster {
    /// A poster to `target` that sends bodies of `kind`.
    pub(crate) fn new(target: Target, kind: &'static str, limits: Limits, trust: Trust) -> Self {
        let headers = vec![
            (hyper::header::ACCEPT, HeaderValue::from_static("*/*")),
            (hyper::header::CONTENT_TYPE, HeaderValue::from_static(kind)),
        ];
        let login = target.login.clone();
        let mut poster = Self { target, method: Method::POST, headers, limits, trust };
        if let Some(login) = login {
            poster.authorize(&login);
        }
        poster
    }

    /// Sends a login with each request.
    pub(crate) fn authorize(&mut self, login: &Login) {
        let text = super::smtp::base64(format!("{}:{}", login.user, login.password).as_bytes());
        if let Ok(mut value) = HeaderValue::from_str(&format!("Basic {text}")) {
            value.set_sensitive(true);
            self.headers.retain(|(name, _)| name != AUTHORIZATION);
            self.headers.push((AUTHORIZATION, value));
        }
    }

    /// Sends one body. An answer that is not a success is a failure.
    pub(crate) async fn send(&self, body: Vec<u8>) -> Result<(), Failure> {
        super::within(self.limits.whole, &self.target.place(), self.exchange(body)).await
    }

    async fn exchange(&self, body: Vec<u8>) -> Result<(), Failure> {
        let stream = dial::open(&self.target, self.limits, self.trust).await?;
        let mut builder = http1::Builder::new();
        let handshake = builder.title_case_headers(true).handshake(TokioIo::new(stream)).await;
        let (mut sender, connection) = handshake.map_err(|error| self.broken(&error))?;
        // The connection works beside the request and ends with this delivery.
        let mut beside = JoinSet::new();
        beside.spawn(connection);
        let answer = sender.send_request(self.request(body)?).await;
        let answer = answer.map_err(|error| self.broken(&error))?;
        let status = answer.status();
        match accepted(status) {
            Ok(()) => Ok(()),
            Err(again) => {
                let said = reason(answer).await;
                let text = format!("HTTP response code said error ({status}{said})");
                Err(Failure { text, again })
            }
        }
    }

    fn request(&self, body: Vec<u8>) -> Result<Request<Full<Bytes>>, Failure> {
        let mut request = Request::builder()
            .method(self.method.clone())
            .uri(&self.target.path)
            .header("Host", self.target.host_header())
            .header("Connection", "close");
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let request = request.body(Full::new(Bytes::from(body)));
        request.map_err(|error| Failure::lasting(format!("bad request ({error})")))
    }

    fn broken(&self, error: &hyper::Error) -> Failure {
        let place = self.target.place();
        let text = match error.is_incomplete_message() || error.is_closed() {
            true => format!("Server returned nothing (no headers, no data) ({place})"),
            false => {
                let cause = std::error::Error::source(error).map(|cause| format!(": {cause}"));
                format!(
                    "Failure when receiving data from the peer ({place}: {error}{})",
                    cause.unwrap_or_default()
                )
            }
        };
        Failure { text, again: !error.is_parse() }
    }
}

/// Whether a status is a success, and otherwise whether another attempt may become one.
fn accepted(status: StatusCode) -> Result<(), bool> {
    match status.as_u16() {
        // See other: done, and the result is elsewhere.
        200..=299 | 303 => Ok(()),
        408 | 425 | 429 | 500.. => Err(true),
        _ => Err(false),
    }
}

/// The first line of a refusal's body.
async fn reason(answer: Response<Incoming>) -> String {
    let mut body = answer.into_body();
    let mut bytes = Vec::new();
    while bytes.len() < REASON && !body.is_end_stream() {
        match body.frame().await {
            Some(Ok(frame)) => bytes.extend_from_slice(&frame.into_data().unwrap_or_default()),
            _ => break,
        }
    }
    let text = String::from_utf8_lossy(&bytes);
    let line = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    let line: String = line.chars().filter(|c| !c.is_control()).take(REASON).collect();
    if line.is_empty() { String::new() } else { format!(": {line}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_says_whether_to_try_again() {
        for (status, expected) in [
            (200, Ok(())),
            (202, Ok(())),
            (303, Ok(())),
            (301, Err(false)),
            (400, Err(false)),
            (401, Err(false)),
            (404, Err(false)),
            (408, Err(true)),
            (429, Err(true)),
            (500, Err(true)),
            (503, Err(true)),
        ] {
            assert_eq!(accepted(StatusCode::from_u16(status).unwrap()), expected, "{status}");
        }
    }
}
