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

/// The pid in a pidfile. Pids that are never an instance of ours are refused.
pub fn read(path: &str) -> Result<i32, String> {
    let text = std::fs::read_to_string(path).map_err(|e| {
        format!("open(\"{path}\"): {} [core/io.c line {}]", sockets::plain(&e), line!())
    })?;
    text.trim()
        .parse()
        .ok()
        .filter(|&pid| pid > 1)
        .ok_or_else(|| format!("error: invalid pidfile {path}: \"{}\"", text.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pidfile_that_would_signal_a_group_is_refused() {
        let dir = std::env::temp_dir().join(format!("uwsgi-pid-{}", uwsgi_sys::process::pid()));
        let path = dir.to_string_lossy().into_owned();
        for (text, expected) in
            [("42\n", Ok(42)), ("", Err(())), ("0", Err(())), ("-1", Err(())), ("1", Err(()))]
        {
            std::fs::write(&path, text).unwrap();
            assert_eq!(read(&path).map_err(drop), expected, "{text:?}");
        }
        std::fs::remove_file(&path).unwrap();
        assert!(read(&path).unwrap_err().starts_with("open("));
    }
}
