//! What is said about a configuration once it is complete: faults all together, then warnings.
//!
//! It refuses to change anything; an option that is not built is named, never guessed at.

use crate::config::{Config, Entry};
use crate::expand::Keys;
use crate::finding::Finding;
use crate::row::{Kind, Row, Status};
use crate::suggest::suggest;
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
    let text = format!("option \"{key}\" {origin} is not implemented yet: ignored");
    Finding::warning(text).about(entry)
}

/// A guess for a key that is neither an option nor used as a placeholder.
fn unknown(entry: &Entry, keys: &Keys, config: &Config) -> Option<Finding> {
    if entry.placeholder || keys.was_used(&entry.key) {
        return None;
    }
    let name = suggest(&entry.key, &config.registry)?;
    let (key, origin) = (&entry.key, &entry.origin);
    let text = format!("unknown option \"{key}\" {origin} is ignored, did you mean \"{name}\"?");
    Some(Finding::warning(text).about(entry).meant(name))
}

/// An option that decides which other options count cannot be skipped with a warning.
pub(crate) fn refuses(row: &Row) -> bool {
    row.status == Status::Pending
        && matches!(row.kind, Kind::Logic | Kind::Action | Kind::Config | Kind::Placeholder)
}
