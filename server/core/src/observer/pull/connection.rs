//! One client: its requests in order, until it goes or does what is not served.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::task::yield_now;
use tokio::time::timeout;
use uwsgi_proto::scrape::{self, Head, Look, Method};

use super::page;
use super::{Reason, Site};
use crate::observer::health::{self, Probe};

/// A kept connection may be silent this long; scrapers come back every minute at the latest.
const IDLE: Duration = Duration::from_secs(180);

/// Time a scraper has that does not say how long it waits, less what the way back takes. Who says
/// more gets no more: a place must not be held by not reading.
const PATIENCE: Duration = Duration::from_millis(119_750);

/// Time to take an answer of a line or two, which whoever asks has not to be known for.
const SHORT: Duration = Duration::from_secs(10);

/// Time for the rest of what a refused client sends: its answer must not be lost in a reset.
const LINGER: Duration = Duration::from_secs(1);
const LINGER_BYTES: usize = 1 << 20;

/// Serves one client.
pub(super) async fn serve<S>(site: &Site, mut stream: S, peer: Option<IpAddr>)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut input = Vec::with_capacity(2048);
    // Who has not asked for anything yet is no scraper that comes back.
    let mut idle = Duration::from_secs(site.instance.settings.socket_timeout);
    loop {
        let (mut head, length) = match next(site, &mut stream, &mut input, idle).await {
            Next::Request(head, length) => (head, length),
            Next::Gone => return,
            Next::Refused(status) => {
                site.refuse(Reason::Request, peer);
                return end(&mut stream, Answer::plain(status)).await;
            }
        };
        input.drain(..length);
        if !skip(site, &mut stream, &mut input, head.body).await {
            return;
        }
        head.keep &= site.may_keep();
        let answer = answer(site, &head, peer);
        let sent = send(&mut stream, &head, answer).await;
        if !sent || !head.keep {
            let _ = timeout(LINGER, stream.shutdown()).await;
            return;
        }
        idle = IDLE;
        // However many requests one client sends ahead, the others and the observer have their turn.
        yield_now().await;
    }
}

/// What comes next.
enum Next {
    Request(Box<Head>, usize),
    Refused(&'static str),
    Gone,
}

/// Waits for a whole head, for its first byte as long as `idle`; a begun one has to be there within
/// the time of any client.
async fn next<S: AsyncRead + Unpin>(
    site: &Site,
    stream: &mut S,
    input: &mut Vec<u8>,
    idle: Duration,
) -> Next {
    let mut began: Option<Instant> = None;
    loop {
        if !input.is_empty() {
            match scrape::look(input) {
                Look::Ready(head, length) => return Next::Request(head, length),
                Look::Refused(status) => return Next::Refused(status),
                Look::More => {}
            }
        }
        let limit = Duration::from_secs(site.instance.settings.socket_timeout);
        let left = match (input.is_empty(), began) {
            (true, _) => idle,
            (false, None) => limit,
            (false, Some(began)) => limit.saturating_sub(began.elapsed()),
        };
        match timeout(left, stream.read_buf(input)).await {
            Ok(Ok(n)) if n > 0 => began = began.or_else(|| Some(Instant::now())),
            Err(_) if !input.is_empty() => return Next::Refused("408 Request Timeout"),
            _ => return Next::Gone,
        }
    }
}

/// Reads over a small body. False when it does not come.
async fn skip<S: AsyncRead + Unpin>(
    site: &Site,
    stream: &mut S,
    input: &mut Vec<u8>,
    body: u64,
) -> bool {
    let body = usize::try_from(body).unwrap_or(usize::MAX);
    let limit = Duration::from_secs(site.instance.settings.socket_timeout);
    let whole = timeout(limit, async {
        while input.len() < body {
            if stream.read_buf(input).await.unwrap_or(0) == 0 {
                return false;
            }
        }
        true
    });
    if !whole.await.unwrap_or(false) {
        return false;
    }
    input.drain(..body);
    true
}

/// An answer without its framing.
struct Answer {
    status: &'static str,
    /// Header lines, each with its end.
    headers: String,
    body: Vec<u8>,
    patience: Duration,
    scrape: Option<page::Scrape>,
}

impl Answer {
    fn plain(status: &'static str) -> Answer {
        let body = format!("{status}\n").into_bytes();
        let headers = "Content-Type: text/plain; charset=utf-8\r\n".to_owned();
        Answer { status, headers, body, patience: SHORT, scrape: None }
    }

    fn with(mut self, name: &str, value: &str) -> Answer {
        self.headers.push_str(&format!("{name}: {value}\r\n"));
        self
    }
}

fn answer(site: &Site, head: &Head, peer: Option<IpAddr>) -> Answer {
    let (instance, guard) = (site.instance, &site.instance.guard);
    let probe = match head.path.as_str() {
        "/healthz" | "/-/healthy" => Some(Probe::Alive),
        "/readyz" | "/-/ready" => Some(Probe::Ready),
        path if path == instance.settings.prometheus.path => None,
        _ => return Answer::plain("404 Not Found"),
    };
    if head.method == Method::Other {
        return Answer::plain("405 Method Not Allowed").with("Allow", "GET, HEAD");
    }
    if let Some(probe) = probe {
        // Who watches over the instance has no secrets, and learns none.
        let (status, kind, body) = health::answer(instance, probe, head.query.accept.as_deref());
        let headers = format!("Content-Type: {kind}\r\n");
        return Answer { headers, body, ..Answer::plain(status) };
    }
    if !guard.credentials.admit(head.authorization.as_deref()) {
        site.refuse(Reason::Credentials, peer);
        let challenge = guard.credentials.challenge().unwrap_or("Basic");
        return Answer::plain("401 Unauthorized").with("WWW-Authenticate", challenge);
    }
    let page = page::make(instance, &head.query);
    let patience = head.query.patience.map_or(PATIENCE, |says| says.min(PATIENCE));
    let headers = page.headers();
    let (body, scrape) = (page.body, Some(page.scrape));
    Answer { status: "200 OK", headers, body, patience, scrape }
}

/// True when the client took all of it in time.
async fn send<S: AsyncWrite + Unpin>(stream: &mut S, head: &Head, answer: Answer) -> bool {
    let connection = if head.keep { "" } else { "Connection: close\r\n" };
    let mut out = format!(
        "HTTP/1.1 {}\r\n{}Content-Length: {}\r\n{connection}\r\n",
        answer.status,
        answer.headers,
        answer.body.len()
    )
    .into_bytes();
    if head.method != Method::Head {
        out.extend_from_slice(&answer.body);
    }
    let written = timeout(answer.patience, async {
        stream.write_all(&out).await?;
        stream.flush().await
    });
    let sent = matches!(written.await, Ok(Ok(())));
    if let Some(scrape) = answer.scrape {
        scrape.done(sent);
    }
    sent
}

/// Says why and closes, reading on for a moment.
async fn end<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S, answer: Answer) {
    let out = format!(
        "HTTP/1.1 {}\r\n{}Content-Length: {}\r\nConnection: close\r\n\r\n",
        answer.status,
        answer.headers,
        answer.body.len()
    );
    let _ = timeout(LINGER, async {
        let whole = [out.as_bytes(), &answer.body].concat();
        if stream.write_all(&whole).await.is_err() || stream.shutdown().await.is_err() {
            return;
        }
        let (mut rest, mut seen) = ([0; 4096], 0);
        while let Ok(n) = stream.read(&mut rest).await {
            seen += n;
            if n == 0 || seen > LINGER_BYTES {
                return;
            }
        }
    })
    .await;
}
