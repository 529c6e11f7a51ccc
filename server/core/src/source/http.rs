//! `http://` and `https://`: one GET, whose answer is the configuration.
//!
//! Owns the request, the deadlines and the texts that scripts know. It refuses redirects: a
//! configuration comes from where it was asked for. No thread is started, because the server
//! still forks; a server that is dead or slow ends the start with an error instead.

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

use uwsgi_config::{Content, SourceError, plain};

use super::{answer, tls};

/// How long one connect, or one silence of the server, may take.
const SILENCE: Duration = Duration::from_secs(5);

/// How long the whole answer may take, so that a drop every second does not keep a start for ever.
const WHOLE: Duration = Duration::from_secs(60);

/// An instance with an Emperor ends with this code when its configuration is not to be had: do
/// not start me again.
const EXILE: i32 = 26;

/// Where a URL leads.
struct Place<'a> {
    /// Host and port as written, for the `Host` header and the log.
    domain: &'a str,
    host: &'a str,
    port: u16,
    /// With the query, without the first slash.
    path: &'a str,
}

/// Fetches `url`, which is what stands behind the scheme.
pub(super) fn fetch(url: &str, secure: bool, vassal: bool) -> Result<Content, SourceError> {
    let place = parse(url, if secure { 443 } else { 80 })
        .ok_or_else(|| SourceError::new("invalid http url"))?;
    let log = vec![format!("domain: {}", place.domain)];
    let failed = |error: SourceError| SourceError { log: log.clone(), ..error };
    let bytes = get(&place, secure).map_err(failed)?;
    let answer = answer::parse(bytes).ok_or_else(|| {
        failed(SourceError::new(format!("{} did not answer with HTTP", place.domain)))
    })?;
    if answer.status / 100 != 2 {
        let text = format!("Not usable HTTP response: {}xx", answer.status / 100);
        let code = if vassal { EXILE } else { 1 };
        return Err(failed(SourceError { code, ..SourceError::new(text) }));
    }
    match answer.body() {
        Some(bytes) => Ok(Content { bytes, log }),
        None => {
            Err(failed(SourceError::new(format!("the answer of {} is not whole", place.domain))))
        }
    }
}

fn parse(url: &str, default_port: u16) -> Option<Place<'_>> {
    let (domain, path) = url.split_once('/')?;
    let (host, port) = match domain.rsplit_once(':') {
        Some((host, port)) if !domain.ends_with(']') => (host, port.parse().ok()?),
        _ => (domain, default_port),
    };
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let bad = host.is_empty() || url.contains(|c: char| c.is_control());
    (!bad).then_some(Place { domain, host, port, path })
}

/// Sends the request; the answer is everything until its end.
fn get(place: &Place<'_>, secure: bool) -> Result<Vec<u8>, SourceError> {
    let stream = connect(place)?;
    let trouble = |error: io::Error| {
        let why = match error.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => "no answer in time".to_owned(),
            _ => plain(&error),
        };
        SourceError::new(format!("unable to read from {}: {why}", place.domain))
    };
    if secure {
        let mut stream = tls::over(stream, place.host)
            .map_err(|why| SourceError::new(format!("https://{}: {why}", place.domain)))?;
        exchange(&mut stream, place).map_err(trouble)
    } else {
        exchange(&mut { stream }, place).map_err(trouble)
    }
}

fn exchange(stream: &mut (impl Read + Write), place: &Place<'_>) -> io::Result<Vec<u8>> {
    let Place { domain, path, .. } = place;
    let agent = crate::boot::hostname();
    let request =
        format!("GET /{path} HTTP/1.0\r\nHost: {domain}\r\nUser-Agent: uWSGI on {agent}\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    stream.flush()?;
    answer::receive(stream)
}

/// Connects to the first address of the host that answers.
fn connect(place: &Place<'_>) -> Result<Timed, SourceError> {
    let until = Instant::now() + WHOLE;
    let mut last = None;
    for address in (place.host, place.port).to_socket_addrs().into_iter().flatten() {
        let left = until.saturating_duration_since(Instant::now()).min(SILENCE);
        if left.is_zero() {
            break;
        }
        match TcpStream::connect_timeout(&address, left) {
            Ok(stream) => return Ok(Timed { stream, until }),
            Err(error) => last = Some(error),
        }
    }
    Err(SourceError::new(match last {
        Some(error) => {
            let why = plain(&error);
            format!("uwsgi_scheme_http()/connect(): {why} [core/io.c line {}]", line!())
        }
        None => format!("unable to resolve address {}", place.host),
    }))
}

/// A stream that gives up: after a silence, and when the whole has taken too long.
pub(super) struct Timed {
    stream: TcpStream,
    until: Instant,
}

impl Timed {
    fn left(&self) -> io::Result<Duration> {
        let left = self.until.saturating_duration_since(Instant::now());
        if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(left.min(SILENCE)) }
    }
}

impl Read for Timed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream.set_read_timeout(Some(self.left()?))?;
        self.stream.read(buffer)
    }
}

impl Write for Timed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.set_write_timeout(Some(self.left()?))?;
        self.stream.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_host_port_and_path() {
        for (url, expected) in [
            ("host/a.ini", Some(("host", 80, "a.ini"))),
            ("host:8080/a/b?c=d#e", Some(("host", 8080, "a/b?c=d#e"))),
            ("[::1]/", Some(("::1", 80, ""))),
            ("[::1]:81/x", Some(("::1", 81, "x"))),
            ("host", None),
            ("/a.ini", None),
            (":80/a.ini", None),
            ("host:x/a.ini", None),
            ("host/a\r\nHost: other", None),
        ] {
            let place = parse(url, 80).map(|place| (place.host, place.port, place.path));
            assert_eq!(place, expected, "{url:?}");
        }
    }

    #[test]
    fn a_host_that_cannot_be_reached_is_named() {
        let error = fetch("no host at all/x", false, true).unwrap_err();
        assert_eq!(error.text, "unable to resolve address no host at all");
        assert_eq!((error.log, error.code), (vec!["domain: no host at all".to_owned()], 1));
        assert_eq!(fetch("x", true, false).unwrap_err().text, "invalid http url");
    }

    #[test]
    fn the_deadline_of_the_whole_ends_a_stream_that_still_talks() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let mut stream = Timed { stream, until: Instant::now() };
        assert_eq!(stream.read(&mut [0]).unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert_eq!(stream.write(b"x").unwrap_err().kind(), io::ErrorKind::TimedOut);
    }
}
