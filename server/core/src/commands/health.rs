//! `ping`: asks a running instance whether it is well.
//!
//! One packet of modifier 100; the answer is one packet whose text, if there is one, is a warning.
//! This file owns the exchange and the exit codes of a ping, which scripts read.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::time::Duration;

use uwsgi_config::{Config, Entry};

use crate::dial::dial;
use crate::log;
use crate::sockets::plain;
use crate::warning::PING;

/// Where the exchange ended.
pub(super) enum Trouble {
    /// There was none.
    Connect(io::Error),
    /// The question did not get through.
    Send(io::Error),
    /// No answer came.
    Read(io::Error),
}

/// Sends a ping; the answer is the exit code.
pub(crate) fn ping(node: &str, config: &Config) -> i32 {
    let seconds = seconds(config, "ping-timeout", 3);
    log!("PING uwsgi host {node} (timeout: {seconds})");
    match ask(node, Duration::from_secs(seconds)) {
        Ok(text) if text.is_empty() => 0,
        Ok(text) => {
            log!("[WARNING] node {node} message: {}", String::from_utf8_lossy(&text));
            2
        }
        Err(Trouble::Send(e)) => {
            log!("write(): {}", plain(&e));
            2
        }
        Err(Trouble::Connect(e) | Trouble::Read(e)) => {
            log!("no answer from {node}: {}", reason(&e));
            1
        }
    }
}

/// The text of the answer.
pub(super) fn ask(node: &str, limit: Duration) -> Result<Vec<u8>, Trouble> {
    let stream = dial(node, Some(limit)).map_err(Trouble::Connect)?;
    (&stream).write_all(&[PING, 0, 0, 0]).map_err(Trouble::Send)?;
    answer(&stream).map_err(Trouble::Read)
}

fn answer(mut stream: &File) -> io::Result<Vec<u8>> {
    let mut head = [0; 4];
    stream.read_exact(&mut head)?;
    let mut text = vec![0; usize::from(u16::from_le_bytes([head[1], head[2]]))];
    stream.read_exact(&mut text)?;
    Ok(text)
}

/// The first address that options of these names give.
pub(super) fn first(config: &Config, names: &[&str]) -> Option<String> {
    let is_one = |entry: &&Entry| entry.row.is_some_and(|row| names.contains(&row.name));
    config.entries.iter().find(is_one).map(|entry| entry.text().to_owned())
}

/// A number of seconds from the configuration.
pub(super) fn seconds(config: &Config, name: &str, otherwise: u64) -> u64 {
    let given = config.last(name).and_then(|text| text.trim().parse().ok());
    given.filter(|seconds| *seconds > 0).unwrap_or(otherwise)
}

/// Whether nothing came in time.
pub(super) fn timed_out(e: &io::Error) -> bool {
    matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

/// What went wrong, for people.
pub(super) fn reason(e: &io::Error) -> String {
    match e.kind() {
        _ if timed_out(e) => "Connection timed out".into(),
        ErrorKind::UnexpectedEof => "connection closed before the end of the answer".into(),
        _ => plain(e),
    }
}
