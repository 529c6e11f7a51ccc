//! What is said about a configuration once it is complete: faults all together, then warnings.
//!
//! It refuses to change anything; an option that is not built is named, never guessed at.

use crate::config::{Config, Entry, Origin};
use crate::expand::Keys;
use crate::finding::Finding;
use crate::row::{Kind, Row, Status};
use crate::suggest::{nearest, suggest};
use crate::{judge, rules};

/// Judges the whole list; `strict` forbids keys that are no option.
pub(crate) fn check(config: &Config, keys: &Keys, strict: bool) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut told: Vec<&'static str> = Vec::new();
    let mut before: Option<&Entry> = None;
    for entry in &config.entries {
        match entry.row {
            Some(row) => {
                found.extend(judge::judge(entry, row));
                if row.status == Status::Pending
                    && row.kind != Kind::Noop
                    && !told.contains(&row.name)
                {
                    told.push(row.name);
                    found.push(pending(entry, strict));
                }
            }
            // A line of a loop is said once, not as often as it is repeated.
            None if before.is_some_and(|before| repeats(before, entry)) => {}
            None if strict && !entry.placeholder => found.push(forbidden(entry, config)),
            None => found.extend(unknown(entry, keys, config)),
        }
        before = Some(entry);
    }
    found.extend(rules::judge(config));
    found
}

/// True for two mentions of one key that come from the same line.
fn repeats(before: &Entry, entry: &Entry) -> bool {
    before.key == entry.key && before.origin == entry.origin
}

/// A key that is no option, where only options may be.
fn forbidden(entry: &Entry, config: &Config) -> Finding {
    let text = format!("[strict-mode] unknown config directive: {}", entry.key);
    let fault = Finding::fault(text).about(entry);
    match suggest(&entry.key, &config.registry) {
        Some(name) => fault.meant(name),
        None => fault,
    }
}

/// An option without effect must not go unnoticed: a fault where nothing may be ignored.
fn pending(entry: &Entry, strict: bool) -> Finding {
    let (key, origin) = (&entry.key, &entry.origin);
    if strict {
        let text = format!("[strict-mode] option \"{key}\" {origin} is not implemented yet");
        return Finding::fault(text).about(entry);
    }
    let why = entry.row.and_then(|row| missing(row.name)).map(|why| format!(" ({why})"));
    let why = why.unwrap_or_default();
    let text = format!("option \"{key}\" {origin} is not implemented yet: ignored{why}");
    Finding::warning(text).about(entry)
}

/// What an option waits for that would work if there was anything for it to work on.
fn missing(name: &str) -> Option<&'static str> {
    match name {
        "error-page-403" => Some(
            "only applications answer 403 in this build: static files, routes and CGI are not part of it",
        ),
        "error-page-404" => Some(
            "only applications answer 404 in this build: static files, routes, caches and RPC are not part of it",
        ),
        _ => None,
    }
}

/// A guess for a key that is neither an option nor used as a placeholder.
fn unknown(entry: &Entry, keys: &Keys, config: &Config) -> Option<Finding> {
    if entry.placeholder || keys.was_used(&entry.key) {
        return None;
    }
    let (key, origin) = (&entry.key, &entry.origin);
    if let Some(name) = guarded(key) {
        let text = format!("[security] unknown option \"{key}\" ignored, did you mean \"{name}\"?");
        return Some(Finding::warning(text).about(entry).meant(name));
    }
    let name = suggest(key, &config.registry)?;
    let text = format!("unknown option \"{key}\" {origin} is ignored, did you mean \"{name}\"?");
    Some(Finding::warning(text).about(entry).meant(name))
}

/// Options whose absence leaves a door open.
const GUARDED: &[&str] = &[
    "cheaper-rss-limit-hard",
    "drop-after-apps",
    "drop-after-init",
    "emperor-cap",
    "emperor-tyrant",
    "emperor-use-clone",
    "limit-as",
    "namespace",
    "no-initgroups",
    "pivot-root",
    "setns-socket",
];

/// How they are known to be misspelt, farther away than a typing mistake.
const MISSPELT: &[(&str, &str)] = &[
    ("cgroups", "cgroup"),
    ("chroot-dir", "chroot"),
    ("emperor-clone", "emperor-use-clone"),
    ("emperor-use-clones", "emperor-use-clone"),
    ("emperor-user-clone", "emperor-use-clone"),
    ("group-id", "gid"),
    ("user-id", "uid"),
];

/// The guarded option that a key means. Short keys are left alone: they are names of people's own.
fn guarded(key: &str) -> Option<&'static str> {
    let known = MISSPELT.iter().find(|(wrong, _)| *wrong == key).map(|(_, name)| *name);
    let long = || if key.len() < 8 { None } else { nearest(key, GUARDED.iter().copied()) };
    known.or_else(long)
}

/// An option that decides which other options count cannot be skipped with a warning.
pub(crate) fn refuses(row: &Row) -> bool {
    row.status == Status::Pending
        && matches!(row.kind, Kind::Logic | Kind::Action | Kind::Config | Kind::Placeholder)
}

/// The fault of mentioning such an option.
pub(crate) fn refused(key: &str, value: Option<&str>, origin: &Origin) -> Finding {
    let text = format!("option \"{key}\" {origin} is not implemented yet");
    Finding::fault(text).at(key, value, origin)
}
