//! One push is one request; what its answer means depends on the receiver.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use uwsgi_metrics::PusherRow;
use uwsgi_net::http::header::{AUTHORIZATION, HeaderMap, HeaderValue, RETRY_AFTER};
use uwsgi_net::http::{Answer, Method, Poster};
use uwsgi_net::{Failure, plain};

use super::Web;
use crate::instance::{Sending, Transport};
use crate::lane::Told;
use crate::{Log, Work};

/// How much of an answer is looked at.
const LONGEST: usize = 16 * 1024;

/// What an answer says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Said {
    /// It has everything.
    Taken,
    /// It has it, but for so many values; the line tells what is wrong.
    Partly(u64, String),
    /// It has it not; whether another attempt may help.
    Refused(bool),
}

/// Reads an answer.
pub(crate) type Judge = fn(&Answer) -> Said;

/// A receiver that takes every success as one and is asked again when it is busy or broken.
pub(crate) fn plainly(answer: &Answer) -> Said {
    match answer.status.as_u16() {
        200..=299 => Said::Taken,
        408 | 425 | 429 | 500.. => Said::Refused(true),
        _ => Said::Refused(false),
    }
}

/// Compresses a body with gzip, as far as that costs little.
pub(crate) fn gzip(body: &[u8]) -> Vec<u8> {
    let out = Vec::with_capacity(body.len() / 8 + 64);
    let mut gzip = flate2::write::GzEncoder::new(out, flate2::Compression::fast());
    // Writing to memory does not fail.
    let _ = gzip.write_all(body);
    gzip.finish().unwrap_or_default()
}

/// Sends bodies to one URL.
pub(crate) struct Sender {
    kind: &'static str,
    poster: Poster,
    judge: Judge,
    token: Option<(PathBuf, &'static str)>,
    wish: Option<Duration>,
    log: Log,
    row: Option<&'static PusherRow>,
    told: Told,
    begun: Instant,
}

impl Sender {
    /// A sender of the pusher `kind` whose poster was made by `web`.
    pub(crate) fn new(
        kind: &'static str,
        web: &Web,
        poster: Poster,
        judge: Judge,
        scheme: &'static str,
        work: &Work<'_>,
    ) -> Sender {
        Sender {
            kind,
            poster,
            judge,
            token: web.token_file.clone().map(|file| (file, scheme)),
            wish: None,
            log: work.log,
            row: work.rows.first().copied(),
            told: Told::default(),
            begun: Instant::now(),
        }
    }

    /// Sends one body by this method.
    pub(crate) async fn request(&mut self, method: Method, body: &[u8]) -> Result<(), Failure> {
        self.wish = None;
        self.poster.method = method;
        let (kind, place) = (self.kind, self.poster.target.place());
        let named = |failure: Failure| {
            let Failure { text, again } = failure;
            Failure { text: format!("[{kind}] {text}"), again }
        };
        if let Some((file, scheme)) = &self.token {
            let token = authorization(file, scheme).await.map_err(named)?;
            self.poster.headers.retain(|(name, _)| name != AUTHORIZATION);
            self.poster.headers.push((AUTHORIZATION, token));
        }
        let answer = self.poster.call(body.to_vec(), LONGEST).await.map_err(named)?;
        match (self.judge)(&answer) {
            Said::Taken => {
                self.told = Told::default();
                Ok(())
            }
            Said::Partly(lost, text) => {
                self.row.inspect(|row| row.dropped_values.add(lost));
                let line = format!("[{kind}] {place} {text}");
                if let Some(line) = self.told.failed(&line, self.begun.elapsed()) {
                    (self.log)(&line);
                }
                Ok(())
            }
            Said::Refused(again) => {
                self.wish = retry_after(&answer.headers);
                let text = format!("[{kind}] {place} answered {}{}", answer.status, why(&answer));
                Err(Failure { text, again })
            }
        }
    }
}

impl Transport<Vec<u8>> for Sender {
    fn send<'a>(&'a mut self, body: &'a Vec<u8>) -> Sending<'a> {
        Box::pin(self.request(Method::POST, body))
    }

    fn wish(&mut self) -> Option<Duration> {
        self.wish.take()
    }
}

/// The header that a file with a token makes; it is read in a thread, as any file may hang.
pub(crate) async fn authorization(file: &Path, scheme: &str) -> Result<HeaderValue, Failure> {
    let path = file.to_owned();
    let read = tokio::task::spawn_blocking(move || std::fs::read_to_string(path)).await;
    let trouble = |why: String| Failure::passing(format!("token-file {}: {why}", file.display()));
    let text = match read {
        Ok(Ok(text)) => text,
        Ok(Err(error)) => return Err(trouble(plain(&error))),
        Err(_) => return Err(trouble("ended".to_owned())),
    };
    let value = HeaderValue::from_str(&format!("{scheme} {}", text.trim()));
    let mut value = value.map_err(|_| trouble("not a token".to_owned()))?;
    value.set_sensitive(true);
    Ok(value)
}

/// How long it wants to be left alone: seconds, or a date.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = jiff::fmt::rfc2822::parse(text).ok()?;
    SystemTime::from(date.timestamp()).duration_since(SystemTime::now()).ok()
}

/// The first line of its body, as far as it is text.
fn why(answer: &Answer) -> String {
    const LINE: usize = 200;
    let Ok(text) = str::from_utf8(&answer.body) else { return String::new() };
    let line = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    let line: String = line.chars().filter(|c| !c.is_control()).take(LINE).collect();
    if line.is_empty() { line } else { format!(": {line}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_is_asked_for_in_seconds_or_as_a_date() {
        let of = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, text.parse().unwrap());
            retry_after(&headers)
        };
        assert_eq!(of(" 7 "), Some(Duration::from_secs(7)));
        assert_eq!(of("soon"), None);
        assert_eq!(of("Wed, 21 Oct 2015 07:28:00 GMT"), None, "that is over");
        assert!(of("Wed, 21 Oct 2065 07:28:00 GMT").unwrap() > Duration::from_secs(1_000_000));
    }
}
