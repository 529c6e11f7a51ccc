//! One-shot commands on what a source holds: print it, or signal the process it names.

use std::fs::File;
use std::io;

use uwsgi_config::{Source, SourceError};

use super::{System, binary, descriptor, exec, stream, symbol};
use crate::{log, pidfile};

/// `extract`: the raw content on standard output; the exit code.
pub(crate) fn extract(system: &System, what: &str) -> i32 {
    finish(copy(system, what).and_then(|count| {
        // A file may be empty; a command or a server that gave nothing has failed.
        if count == 0 && what.contains("://") {
            return Err(SourceError::new(format!("unable to parse config file {what}")));
        }
        Ok(0)
    }))
}

/// `binary-append-data`: the content in the form that `data://` finds; the exit code.
pub(crate) fn append_data(system: &System, what: &str) -> i32 {
    let trailer = |count| stream::write(&mut io::stdout(), &binary::trailer(count)).map(|()| 0);
    finish(copy(system, what).and_then(trailer))
}

/// Writes the raw content on standard output; the answer is how much it was. What can be large
/// goes through in pieces: an archive in the binary is no configuration.
fn copy(system: &System, what: &str) -> Result<u64, SourceError> {
    let out = &mut io::stdout();
    let (scheme, rest) = what.split_once("://").unwrap_or(("", what));
    let (count, log) = match scheme {
        "exec" => exec::run(rest, |printed| stream::copy(what, printed, out))?,
        "data" => {
            let (mut piece, log) = binary::piece(rest)?;
            (stream::copy(what, &mut piece, out)?, log)
        }
        _ => match opened(system, scheme, what, rest) {
            Some(mut file) => (stream::copy(what, &mut file, out)?, Vec::new()),
            None => {
                let content = system.read(what)?;
                stream::write(out, &content.bytes)?;
                (content.bytes.len() as u64, content.log)
            }
        },
    };
    log.iter().for_each(|line| log!("{line}"));
    Ok(count)
}

/// A file, or a descriptor of this process; everything else is read whole.
fn opened(system: &System, scheme: &str, what: &str, rest: &str) -> Option<File> {
    match scheme {
        "fd" => descriptor::unread(rest, system.kept),
        "" if what == "-" => descriptor::unread("0", system.kept),
        _ => File::open(what).ok(),
    }
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
