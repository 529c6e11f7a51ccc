//! One-shot commands on what a source holds: print it, or signal the process it names.

use std::io::Write;

use uwsgi_config::{Source, SourceError};

use super::{System, binary, symbol};
use crate::{log, pidfile};

/// `extract`: the raw content on standard output; the exit code.
pub(crate) fn extract(system: &System, what: &str) -> i32 {
    finish(system.read(what).and_then(|content| {
        content.log.iter().for_each(|line| log!("{line}"));
        // A file may be empty; a command or a server that gave nothing has failed.
        if content.bytes.is_empty() && what.contains("://") {
            return Err(SourceError::new(format!("unable to parse config file {what}")));
        }
        Ok(write(&content.bytes))
    }))
}

/// `binary-append-data`: the content in the form that `data://` finds; the exit code.
pub(crate) fn append_data(system: &System, what: &str) -> i32 {
    finish(system.read(what).map(|content| {
        content.log.iter().for_each(|line| log!("{line}"));
        write(&binary::piece(content.bytes))
    }))
}

/// `print-sym`: a symbol's content in the log; the exit code.
pub(crate) fn print_symbol(system: &System, name: &str) -> i32 {
    finish(symbol::content(name, system.embedded).map(|content| {
        log::raw(&content);
        0
    }))
}

/// The pid in a pidfile, which may be any source; the error is the exit code, its reason said.
pub(crate) fn pid(system: &System, path: &str) -> Result<i32, i32> {
    let found = system.read(path).and_then(|content| {
        content.log.iter().for_each(|line| log!("{line}"));
        let text = String::from_utf8_lossy(&content.bytes);
        pidfile::pid(path, &text).map_err(SourceError::new)
    });
    found.map_err(|error| finish(Err(error)))
}

fn finish(outcome: Result<i32, SourceError>) -> i32 {
    outcome.unwrap_or_else(|error| {
        error.log.iter().chain([&error.text]).for_each(|line| log!("{line}"));
        error.code
    })
}

/// What cannot be written whole is a failure: a binary must not get half a piece.
fn write(bytes: &[u8]) -> i32 {
    let mut out = std::io::stdout();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Ok(()) => 0,
        Err(error) => {
            log!("write(): {}", uwsgi_config::plain(&error));
            1
        }
    }
}
