//! One request over HTTP/1.1 and what its answer means.
//!
//! It refuses redirects: an alarm goes where its argument says.

use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Bytes, Incoming};
use hyper::client::conn::http1;
pub use hyper::header;
use hyper::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
pub use hyper::{Method, StatusCode};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::task::JoinSet;

use super::Failure;
use super::dial;
use super::target::{Login, Target};
use super::{Limits, Trust};

/// How much of a refusal's text is looked at.
const REASON: usize = 200;

/// Everything about requests to one place, except what they carry.
pub struct Poster {
    /// Where it goes.
    pub target: Target,
    /// How.
    pub method: Method,
    /// Sent with each request.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// How long a request may take.
    pub limits: Limits,
    /// Whose certificate is accepted.
    pub trust: Trust,
}

impl Poster {
    /// A poster to `target` that sends bodies of `kind`.
    pub fn new(target: Target, kind: &'static str, limits: Limits, trust: Trust) -> Self {
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
    pub fn authorize(&mut self, login: &Login) {
        let text = super::base64(format!("{}:{}", login.user, login.password).as_bytes());
        if let Ok(mut value) = HeaderValue::from_str(&format!("Basic {text}")) {
            value.set_sensitive(true);
            self.headers.retain(|(name, _)| name != AUTHORIZATION);
            self.headers.push((AUTHORIZATION, value));
        }
    }

    /// Sends one body. An answer that is not a success is a failure.
    ///
    /// # Errors
    /// No connection, no answer in time, or a refusal with its first line.
    pub async fn send(&self, body: Vec<u8>) -> Result<(), Failure> {
        let work = async {
            let answer = self.exchange(body).await?;
            let status = answer.status();
            match accepted(status) {
                Ok(()) => Ok(()),
                Err(again) => {
                    let said = reason(&start_of(answer, REASON).await);
                    let text = format!("HTTP response code said error ({status}{said})");
                    Err(Failure { text, again })
                }
            }
        };
        super::within(self.limits.whole, &self.target.place(), work).await
    }

    /// Sends one body and returns the answer, whatever its status, with at most `most` bytes of its
    /// body.
    ///
    /// # Errors
    /// No connection, or no whole answer in time.
    pub async fn call(&self, body: Vec<u8>, most: usize) -> Result<Answer, Failure> {
        let work = async {
            let answer = self.exchange(body).await?;
            let (status, headers) = (answer.status(), answer.headers().clone());
            Ok(Answer { status, headers, body: start_of(answer, most).await })
        };
        super::within(self.limits.whole, &self.target.place(), work).await
    }

    async fn exchange(&self, body: Vec<u8>) -> Result<Held, Failure> {
        let stream = dial::open(&self.target, self.limits, self.trust).await?;
        let mut builder = http1::Builder::new();
        let handshake = builder.title_case_headers(true).handshake(TokioIo::new(stream)).await;
        let (mut sender, connection) = handshake.map_err(|error| self.broken(&error))?;
        // The connection works beside the request and ends with this delivery.
        let mut beside = JoinSet::new();
        beside.spawn(connection);
        let answer = sender.send_request(self.request(body)?).await;
        let answer = answer.map_err(|error| self.broken(&error))?;
        Ok(Held { answer, _beside: beside })
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

/// An answer whose body is still to come over the connection beside it.
struct Held {
    answer: Response<Incoming>,
    _beside: JoinSet<Result<(), hyper::Error>>,
}

impl std::ops::Deref for Held {
    type Target = Response<Incoming>;
    fn deref(&self) -> &Self::Target {
        &self.answer
    }
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// The beginning of its body.
    pub body: Vec<u8>,
}

async fn start_of(mut held: Held, most: usize) -> Vec<u8> {
    let body = held.answer.body_mut();
    let mut bytes = Vec::new();
    while bytes.len() < most && !body.is_end_stream() {
        match body.frame().await {
            Some(Ok(frame)) => bytes.extend_from_slice(&frame.into_data().unwrap_or_default()),
            _ => break,
        }
    }
    bytes.truncate(most);
    bytes
}

/// The first line of a refusal's body, with a colon in front.
fn reason(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
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
