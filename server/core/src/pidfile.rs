//! Pidfiles: written at four points of the start, removed at exit with `vacuum`.
//!
//! Owns what lies in them, when the master writes which, and that nobody else's is removed. They
//! are written once in the life of an instance, however often it reloads, and again when asked
//! ([`rewrite_all`]).

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use uwsgi_duties::fifo::writing_pidfile;
use uwsgi_sys::leftovers;

use crate::instance::Instance;
use crate::privileges::Identity;
use crate::settings::Settings;
use crate::sockets::plain;
use crate::{log, sockets};

/// Safe pidfiles that could not be written any more after the drop of privileges.
static WRITTEN: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Writes our pid into `path`; the error is the line for the log.
pub fn write(path: &str) -> Result<(), String> {
    log::say(&writing_pidfile(path));
    let failed = |call: &str, e: std::io::Error| {
        format!("{call}(\"{path}\"): {} [core/utils.c line {}]", sockets::plain(&e), line!())
    };
    let file = OpenOptions::new().write(true).create(true).truncate(true).open(path);
    let mut file = file.map_err(|e| failed("open", e))?;
    let text = format!("{}\n", uwsgi_sys::process::pid());
    file.write_all(text.as_bytes()).map_err(|e| failed("write", e))
}

/// While privileges last: writes those safe pidfiles that `who` could not make. The directory
/// demands it.
pub(crate) fn before_drop(settings: &Settings, who: &Identity) -> Result<(), String> {
    for path in safe(settings) {
        let place = base(settings, &std::env::current_dir().unwrap_or_default()).join(path);
        if within_reach(&place, who) {
            continue;
        }
        write(&place.to_string_lossy())?;
        if let Ok(mut written) = WRITTEN.lock() {
            written.push(path.to_owned());
        }
    }
    Ok(())
}

/// The start is complete: writes the safe pidfiles that are not there yet.
pub(crate) fn after_start(settings: &Settings) -> Result<(), String> {
    let written = WRITTEN.lock().map(|list| list.clone()).unwrap_or_default();
    let mut files = safe(settings).filter(|path| !written.iter().any(|one| one == path));
    files.try_for_each(write)
}

/// The second one is written first, as it has always been.
fn safe(settings: &Settings) -> impl Iterator<Item = &str> {
    let both = [&settings.safe_pidfile2, &settings.safe_pidfile];
    both.into_iter().flatten().map(String::as_str)
}

/// Whether `who` may write the file, or make it. What cannot be looked at is not.
fn within_reach(path: &Path, who: &Identity) -> bool {
    let look = |path: &Path| std::fs::metadata(path).is_ok_and(|meta| who.may_change(&meta));
    match path.exists() {
        true => look(path),
        false => path.parent().is_some_and(look),
    }
}

/// Where relative paths lead that are opened after the start has changed its directory.
fn base(settings: &Settings, cwd: &Path) -> PathBuf {
    let root = settings.policy.privileges.root.as_ref().map_or(cwd, |_| Path::new("/"));
    settings.chdir.as_ref().map_or_else(|| root.to_owned(), |dir| root.join(dir))
}

/// All four with their names in messages, and where they are now.
fn all(settings: &Settings, cwd: &Path) -> Vec<(&'static str, PathBuf)> {
    let base = base(settings, cwd);
    let files = [
        ("pidfile", &settings.pidfile, cwd),
        ("pidfile2", &settings.pidfile2, &base),
        ("safe pidfile", &settings.safe_pidfile, &base),
        ("safe pidfile2", &settings.safe_pidfile2, &base),
    ];
    let place =
        |(name, path, base): (_, &Option<String>, &Path)| Some((name, base.join(path.as_deref()?)));
    files.into_iter().filter_map(place).collect()
}

/// Writes all of them again: for a master that took over from another one. What cannot be written
/// is told and changes nothing.
pub fn rewrite_all(instance: &Instance) {
    for (_, path) in all(&instance.settings, &instance.cwd) {
        if let Err(line) = write(&path.to_string_lossy()) {
            log!("{line}");
        }
    }
}

/// What a start that comes to nothing removes (`vacuum`), as soon as it is written.
pub(crate) fn note_all(settings: &Settings, cwd: &Path) {
    let content = format!("{}\n", uwsgi_sys::process::pid());
    for (name, path) in all(settings, cwd) {
        leftovers::note_content(&path, &content, &format!("VACUUM: {name} removed."));
    }
}

/// Removes those that are still ours.
pub fn remove_all(instance: &Instance) {
    let settings = &instance.settings;
    for (name, path) in all(settings, &instance.cwd) {
        if !is_ours(&path) {
            continue;
        }
        match std::fs::remove_file(&path) {
            Ok(()) => log!("VACUUM: {name} removed."),
            // Made before the drop of privileges, where only root removes anything.
            Err(e)
                if e.kind() == std::io::ErrorKind::PermissionDenied && settings.uid.is_some() => {}
            Err(e) => log!("unlink(): {} [{}]", plain(&e), path.display()),
        }
    }
}

/// Another instance may have taken the path over; what cannot be read is taken for ours.
fn is_ours(path: &Path) -> bool {
    match std::fs::read_to_string(path) {
        Ok(text) => text.trim() == uwsgi_sys::process::pid().to_string(),
        Err(e) => e.kind() != std::io::ErrorKind::NotFound,
    }
}

/// The pid that a pidfile holds. What would signal a group of processes is refused.
pub fn pid(path: &str, text: &str) -> Result<i32, String> {
    let pid = text.trim().parse().ok().filter(|&pid| pid > 0);
    pid.ok_or_else(|| format!("error: invalid pidfile {path}: \"{}\"", text.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pidfile_that_would_signal_a_group_is_refused() {
        for (text, expected) in
            [("42\n", Ok(42)), ("1", Ok(1)), ("", Err(())), ("0", Err(())), ("-1", Err(()))]
        {
            assert_eq!(pid("x.pid", text).map_err(drop), expected, "{text:?}");
        }
        assert_eq!(pid("x.pid", " a\n").unwrap_err(), "error: invalid pidfile x.pid: \"a\"");
    }

    #[test]
    fn a_full_disk_is_told_by_name() {
        let line = write("/dev/full").unwrap_err();
        assert!(line.starts_with("write(\"/dev/full\"): No space left on device"), "{line}");
    }
}
