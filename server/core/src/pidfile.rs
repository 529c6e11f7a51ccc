//! Pidfiles: written at four points of the start, removed at exit with `vacuum`.

use crate::settings::Settings;
use crate::{log, sockets};

/// Writes our pid into `path`; the error is the line for the log.
pub fn write(path: &str) -> Result<(), String> {
    log!("writing pidfile to {path}");
    std::fs::write(path, format!("{}\n", uwsgi_sys::process::pid())).map_err(|e| {
        format!("open(\"{path}\"): {} [core/utils.c line {}]", sockets::plain(&e), line!())
    })
}

/// Removes all four.
pub fn remove_all(settings: &Settings) {
    let files = [
        ("pidfile", &settings.pidfile),
        ("pidfile2", &settings.pidfile2),
        ("safe pidfile", &settings.safe_pidfile),
        ("safe pidfile2", &settings.safe_pidfile2),
    ];
    for (name, path) in files {
        let Some(path) = path else { continue };
        match std::fs::remove_file(path) {
            Ok(()) => log!("VACUUM: {name} removed."),
            Err(e) => log!("unlink(): {} [{path}]", sockets::plain(&e)),
        }
    }
}

/// The pid that a pidfile holds. Pids that are never an instance of ours are refused.
pub fn pid(path: &str, text: &str) -> Result<i32, String> {
    let pid = text.trim().parse().ok().filter(|&pid| pid > 1);
    pid.ok_or_else(|| format!("error: invalid pidfile {path}: \"{}\"", text.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pidfile_that_would_signal_a_group_is_refused() {
        for (text, expected) in
            [("42\n", Ok(42)), ("", Err(())), ("0", Err(())), ("-1", Err(())), ("1", Err(()))]
        {
            assert_eq!(pid("x.pid", text).map_err(drop), expected, "{text:?}");
        }
        assert_eq!(pid("x.pid", " a\n").unwrap_err(), "error: invalid pidfile x.pid: \"a\"");
    }
}
