//! `unix:PATH[,DIR]` and `tcp:HOST:PORT[,DIR]`: rrdcached writes the files, we tell it the values.
//!
//! All updates of a push go as one batch over a connection that is kept. Files that the daemon does
//! not have are made and updated once more in the same push.

use std::fmt;
use std::fmt::Write as _;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufStream};
use tokio::net::UnixStream;
use uwsgi_net::dial::{self, Stream};
use uwsgi_net::{Failure, plain};

use super::encode::{Value, Values};
use super::options::{Made, beginning};
use crate::address::Address;
use crate::instance::{Sending, Transport};

/// Longest line of an answer.
const LINE: u64 = 4096;

/// Time for a connection.
const CONNECT: Duration = Duration::from_secs(5);

/// A daemon, and the directory that its files are in, below its own.
#[derive(Clone, Debug)]
pub(super) struct Daemon {
    address: Address,
    below: String,
}

impl Daemon {
    /// Reads an address; nothing when the text is a directory.
    pub(super) fn parse(text: &str) -> Option<Result<Daemon, String>> {
        let unix = text.starts_with("unix:");
        let rest = if unix { text } else { text.strip_prefix("tcp:")? };
        let (place, below) = rest.split_once(',').unwrap_or((rest, ""));
        let address = Address::parse(place).filter(|a| matches!(a, Address::Unix(_)) == unix);
        Some(address.map(|address| Daemon { address, below: below.to_owned() }).ok_or_else(|| {
            format!("invalid rrdcached address {text} (unix:PATH[,DIR] or tcp:HOST:PORT[,DIR])")
        }))
    }

    async fn open(&self) -> Result<Stream, Failure> {
        match &self.address {
            Address::Net(host, port) => Ok(Box::new(dial::connect(host, *port, CONNECT).await?)),
            Address::Unix(path) => match UnixStream::connect(path).await {
                Ok(stream) => Ok(Box::new(stream)),
                Err(e) => Err(Failure::passing(plain(&e))),
            },
        }
    }

    /// A file as a word of a command.
    fn file(&self, value: &Value) -> String {
        let mut word = String::new();
        let slash = if self.below.is_empty() || self.below.ends_with('/') { "" } else { "/" };
        for c in self.below.chars().chain(slash.chars()).chain(value.file.chars()) {
            if c == ' ' || c == '\\' {
                word.push('\\');
            }
            word.push(c);
        }
        word
    }
}

impl fmt::Display for Daemon {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if matches!(self.address, Address::Unix(_)) { "unix" } else { "tcp" };
        let comma = if self.below.is_empty() { "" } else { "," };
        write!(out, "{scheme}:{}{comma}{}", self.address, self.below)
    }
}

/// See the module.
pub(super) struct Cached {
    daemon: Daemon,
    made: Option<Made>,
    stream: Option<BufStream<Stream>>,
}

/// A command of a batch that failed: its number, from 0, and the daemon's word for it.
type Refusal = (usize, String);

impl Cached {
    pub(super) fn new(daemon: Daemon, made: Option<Made>) -> Cached {
        Cached { daemon, made, stream: None }
    }

    async fn push(&mut self, values: &Values) -> Result<(), Failure> {
        // What fails halfway leaves a connection that nobody can use.
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => BufStream::new(self.daemon.open().await?),
        };
        let all: Vec<&Value> = values.of.iter().collect();
        let refused = self.daemon.update(&mut stream, &all, values.at_us).await?;
        let refused = match &self.made {
            Some(made) => {
                let (absent, refused): (Vec<_>, Vec<_>) =
                    refused.into_iter().partition(|(_, why)| why.contains("No such file"));
                let absent: Vec<&Value> = absent.iter().map(|(n, _)| all[*n]).collect();
                match absent.is_empty() {
                    true => refused,
                    false => self.daemon.make(&mut stream, made, &absent, values.at_us).await?,
                }
            }
            None => refused,
        };
        self.stream = Some(stream);
        match refused.first() {
            None => Ok(()),
            Some((_, why)) => {
                let more = refused.len() - 1;
                Err(Failure::passing(match more {
                    0 => why.clone(),
                    more => format!("{why} (and {more} more)"),
                }))
            }
        }
    }
}

/// What goes over a connection; apart from it, because a connection cannot be shared.
impl Daemon {
    async fn update(
        &self,
        stream: &mut BufStream<Stream>,
        values: &[&Value],
        at_us: u64,
    ) -> Result<Vec<Refusal>, Failure> {
        let seconds = at_us / 1_000_000;
        let line =
            |value: &&Value| format!("UPDATE {} {seconds}:{}\n", self.file(value), value.value);
        batch(stream, values.iter().map(line)).await
    }

    /// Makes the files and updates them.
    async fn make(
        &self,
        stream: &mut BufStream<Stream>,
        made: &Made,
        absent: &[&Value],
        at_us: u64,
    ) -> Result<Vec<Refusal>, Failure> {
        let from = beginning().min((at_us / 1_000_000).saturating_sub(1));
        let mut refused = Vec::new();
        for value in absent {
            // Older daemons do not take it within a batch.
            let command = self.creation(made, value, from);
            stream.write_all(command.as_bytes()).await.map_err(broken)?;
            stream.flush().await.map_err(broken)?;
            let (code, text) = answer(stream).await?;
            if code < 0 && !text.contains("File exists") {
                refused.push((0, text));
            }
        }
        if refused.is_empty() {
            refused = self.update(stream, absent, at_us).await?;
        }
        Ok(refused)
    }

    fn creation(&self, made: &Made, value: &Value, from: u64) -> String {
        let shape = made.shape(value.source);
        let (file, step) = (self.file(value), shape.step);
        let mut command = format!("CREATE {file} -s {step} -b {from} -O");
        let (kind, heartbeat) = (shape.source.name(), shape.heartbeat);
        // Writing to memory does not fail.
        let _ = write!(command, " DS:metric:{kind}:{heartbeat}:0:U");
        for archive in &shape.archives {
            let _ = write!(command, " {archive}");
        }
        command.push('\n');
        command
    }
}

impl Transport<Values> for Cached {
    fn send<'a>(&'a mut self, values: &'a Values) -> Sending<'a> {
        Box::pin(async move {
            let pushed = self.push(values).await;
            pushed.map_err(|failure| {
                Failure::passing(format!("[rrdtool] {}: {}", self.daemon, failure.text))
            })
        })
    }

    fn interrupted(&mut self) {
        self.stream = None;
    }
}

/// Sends commands as one; those that failed.
async fn batch(
    stream: &mut BufStream<Stream>,
    commands: impl Iterator<Item = String>,
) -> Result<Vec<Refusal>, Failure> {
    stream.write_all(b"BATCH\n").await.map_err(broken)?;
    stream.flush().await.map_err(broken)?;
    let (code, text) = answer(stream).await?;
    if code != 0 {
        return Err(Failure::passing(text));
    }
    let mut count = 0;
    for command in commands {
        stream.write_all(command.as_bytes()).await.map_err(broken)?;
        count += 1;
    }
    stream.write_all(b".\n").await.map_err(broken)?;
    stream.flush().await.map_err(broken)?;
    let (errors, _) = answer(stream).await?;
    if errors > count {
        return Err(Failure::passing("an answer that makes no sense"));
    }
    let mut refused = Vec::new();
    for _ in 0..errors {
        let (number, text) = answer(stream).await?;
        if !(1..=count).contains(&number) {
            return Err(Failure::passing("an answer that makes no sense"));
        }
        refused.push((number as usize - 1, text));
    }
    Ok(refused)
}

/// One line: a number and a text.
async fn answer(stream: &mut BufStream<Stream>) -> Result<(i64, String), Failure> {
    let mut line = Vec::new();
    let read = stream.take(LINE).read_until(b'\n', &mut line).await.map_err(broken)?;
    if read == 0 {
        return Err(Failure::passing("the connection was closed"));
    }
    let line = String::from_utf8_lossy(&line);
    let line = line.trim_end();
    let (code, text) = line.split_once(' ').unwrap_or((line, ""));
    let code = code.parse().map_err(|_| Failure::passing("an answer that makes no sense"))?;
    Ok((code, text.to_owned()))
}

#[expect(clippy::needless_pass_by_value, reason = "the form that map_err wants")]
fn broken(error: std::io::Error) -> Failure {
    Failure::passing(plain(&error))
}

#[cfg(test)]
mod tests {
    use super::super::layout::Source;
    use super::*;

    #[test]
    fn addresses_are_told_from_directories() {
        for (text, shown) in [
            ("unix:/run/c.sock", Some("unix:/run/c.sock")),
            ("unix:/run/c.sock,one/two", Some("unix:/run/c.sock,one/two")),
            ("tcp:localhost:42217", Some("tcp:localhost:42217")),
            ("tcp:[::1]:42217,x", Some("tcp:[::1]:42217,x")),
            ("/var/lib/rrd", None),
            ("rrds", None),
        ] {
            let read = Daemon::parse(text).map(|daemon| daemon.unwrap().to_string());
            assert_eq!(read.as_deref(), shown, "{text}");
        }
        assert!(Daemon::parse("tcp:/run/c.sock").unwrap().is_err());
        assert!(Daemon::parse("unix:").unwrap().is_err());
    }

    #[test]
    fn files_are_words_of_a_command() {
        let value = Value { file: "a b.rrd".into(), source: Source::Gauge, value: 1 };
        let file = |text: &str| Daemon::parse(text).unwrap().unwrap().file(&value);
        assert_eq!(file("unix:/s"), "a\\ b.rrd");
        assert_eq!(file("unix:/s,x"), "x/a\\ b.rrd");
        assert_eq!(file("unix:/s,x/"), "x/a\\ b.rrd");
    }
}
