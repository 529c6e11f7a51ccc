//! One unary call of gRPC over HTTP/2: a message there, a message or a status back.
//!
//! It owns the framing of messages and the two places where a status may stand. It refuses
//! streams, and it does not know what messages mean.

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http2;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::task::JoinSet;

use super::target::{Scheme, Target, decode};
use super::{Failure, Limits, Trust, dial};

/// More of an answer is of no use to anybody here.
const LONGEST: usize = 64 * 1024;

/// Everything about calls of one method, except what they carry.
pub struct Caller {
    /// Where it is; the path of the URL is not looked at.
    pub target: Target,
    /// `/package.Service/Method`.
    pub method: &'static str,
    /// Sent with each call.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// Whether messages come compressed with gzip.
    pub gzip: bool,
    /// How long a call may take.
    pub limits: Limits,
    /// Whose certificate is accepted.
    pub trust: Trust,
}

/// What came back.
#[derive(Debug)]
pub struct Reply {
    /// 0 for a success.
    pub status: u32,
    /// Why not.
    pub message: String,
    /// More about that, as the server encoded it.
    pub details: Option<String>,
    /// The answer's message.
    pub body: Vec<u8>,
}

impl Caller {
    /// Calls once.
    ///
    /// # Errors
    /// No connection, no answer in time, or an answer that is not gRPC.
    pub async fn call(&self, message: &[u8], extra: &HeaderMap) -> Result<Reply, Failure> {
        let work = self.exchange(message, extra);
        super::within(self.limits.whole, &self.target.place(), work).await
    }

    async fn exchange(&self, message: &[u8], extra: &HeaderMap) -> Result<Reply, Failure> {
        let stream = dial::open_for(&self.target, self.limits, self.trust, &[b"h2"]).await?;
        let handshake = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await;
        let (mut sender, connection) = handshake.map_err(|error| self.broken(&error))?;
        // The connection works beside the call and ends with it.
        let mut beside = JoinSet::new();
        beside.spawn(connection);
        let answer = sender.send_request(self.request(message, extra)?).await;
        self.read(answer.map_err(|error| self.broken(&error))?).await
    }

    fn request(&self, message: &[u8], extra: &HeaderMap) -> Result<Request<Full<Bytes>>, Failure> {
        let scheme = if self.target.scheme == Scheme::Https { "https" } else { "http" };
        let mut request = Request::builder()
            .method(Method::POST)
            .uri(format!("{scheme}://{}{}", self.target.place(), self.method))
            .header("te", "trailers")
            .header("content-type", "application/grpc");
        if self.gzip {
            request = request.header("grpc-encoding", "gzip");
        }
        for (name, value) in self.headers.iter().map(|(name, value)| (name, value)).chain(extra) {
            request = request.header(name, value);
        }
        let body = Full::new(Bytes::from(framed(message, self.gzip)));
        request.body(body).map_err(|error| Failure::lasting(format!("bad request ({error})")))
    }

    async fn read(&self, mut answer: Response<Incoming>) -> Result<Reply, Failure> {
        let http = answer.status();
        let (mut body, mut ends) = (Vec::new(), answer.headers().clone());
        while let Some(frame) = answer.body_mut().frame().await {
            let frame = frame.map_err(|error| self.broken(&error))?;
            match frame.into_data() {
                Ok(data) if body.len() + data.len() <= LONGEST => body.extend_from_slice(&data),
                Ok(_) => return Err(self.strange("its answer is too long")),
                Err(frame) => ends.extend(frame.into_trailers().unwrap_or_default()),
            }
        }
        let text = |name: &str| ends.get(name).and_then(|v| v.to_str().ok()).map(decode);
        let Some(status) = text("grpc-status").and_then(|status| status.parse().ok()) else {
            let again = matches!(http.as_u16(), 429 | 502..=504);
            let text = format!("HTTP response code said error ({http}), and no status of gRPC");
            return Err(if again { Failure::passing(text) } else { Failure::lasting(text) });
        };
        let message = text("grpc-message").unwrap_or_default();
        let details = text("grpc-status-details-bin");
        Ok(Reply { status, message, details, body: unframed(&body).unwrap_or_default().to_vec() })
    }

    fn strange(&self, why: &str) -> Failure {
        Failure::passing(format!("this is not gRPC ({}: {why})", self.target.place()))
    }

    fn broken(&self, error: &hyper::Error) -> Failure {
        let cause = std::error::Error::source(error).map(|cause| format!(": {cause}"));
        let cause = cause.unwrap_or_default();
        Failure::passing(format!(
            "Failure when receiving data from the peer ({}: {error}{cause})",
            self.target.place()
        ))
    }
}

/// A message as it travels: whether it is compressed, its length, itself.
fn framed(message: &[u8], gzip: bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(message.len() + 5);
    out.push(gzip.into());
    out.extend_from_slice(&u32::try_from(message.len()).unwrap_or(u32::MAX).to_be_bytes());
    out.extend_from_slice(message);
    out
}

/// The first message of a body. Nobody compresses for a client that did not ask for it.
fn unframed(body: &[u8]) -> Option<&[u8]> {
    let (head, rest) = body.split_first_chunk::<5>()?;
    let [0, length @ ..] = *head else { return None };
    rest.get(..usize::try_from(u32::from_be_bytes(length)).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_travel_behind_their_length() {
        assert_eq!(framed(b"abc", false), b"\0\0\0\0\x03abc");
        assert_eq!(framed(b"", true), b"\x01\0\0\0\0");
        assert_eq!(unframed(b"\0\0\0\0\x03abcX"), Some(&b"abc"[..]));
        for bad in [&b""[..], b"\0\0\0\0", b"\0\0\0\0\x04abc", b"\x01\0\0\0\x01a"] {
            assert_eq!(unframed(bad), None, "{bad:?}");
        }
    }
}
