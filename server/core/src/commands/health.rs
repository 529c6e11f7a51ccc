//! `ping` and `nagios`: asks a running instance whether it is well.
//!
//! One packet of modifier 100; the answer is one packet whose text, if there is one, is a warning.
//! This file owns both reports and their exit codes, which monitoring systems read.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::time::Duration;

use uwsgi_config::Config;

use crate::dial::dial;
use crate::log;
use crate::sockets::plain;
use crate::warning::PING;

/// Where the exchange ended.
enum Trouble {
    Connect(io::Error),
    Send(io::Error),
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

/// The Nagios check of the first socket that is configured: the line and the exit code.
pub(crate) fn nagios(config: &Config) -> (String, i32) {
    let Some(node) = first_socket(config) else {
        return ("UWSGI UNKNOWN: you have specified an invalid socket".into(), 3);
    };
    let limit = Duration::from_secs(seconds(config, "socket-timeout", 4));
    let critical = |text: &str| (format!("UWSGI CRITICAL: {text}"), 2);
    match ask(&node, limit) {
        Ok(text) if text.is_empty() => ("UWSGI OK: armed and ready".into(), 0),
        Ok(text) => (format!("UWSGI WARNING: {}", String::from_utf8_lossy(&text)), 1),
        Err(Trouble::Connect(e)) => {
            let (line, code) = critical(&format!("could not connect() to workers {}", reason(&e)));
            (line, if e.kind() == ErrorKind::PermissionDenied { 3 } else { code })
        }
        Err(Trouble::Send(_)) => critical("could not send ping packet to workers"),
        Err(Trouble::Read(e)) if timed_out(&e) => critical("timed out waiting for response"),
        Err(Trouble::Read(_)) => critical("error reading response"),
    }
}

/// The text of the answer.
fn ask(node: &str, limit: Duration) -> Result<Vec<u8>, Trouble> {
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

/// The address of the first socket of a worker, whatever it speaks.
fn first_socket(config: &Config) -> Option<String> {
    const NAMES: [&str; 4] = ["socket", "uwsgi-socket", "http-socket", "http11-socket"];
    let is_socket =
        |entry: &&uwsgi_config::Entry| entry.row.is_some_and(|row| NAMES.contains(&row.name));
    config.entries.iter().find(is_socket).map(|entry| entry.text().to_owned())
}

fn seconds(config: &Config, name: &str, otherwise: u64) -> u64 {
    let given = config.last(name).and_then(|text| text.trim().parse().ok());
    given.filter(|seconds| *seconds > 0).unwrap_or(otherwise)
}

fn timed_out(e: &io::Error) -> bool {
    matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

fn reason(e: &io::Error) -> String {
    if timed_out(e) { "Connection timed out".into() } else { plain(e) }
}
