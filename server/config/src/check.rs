//! What is said about a configuration once it is complete: faults all together, then warnings.
//!
//! It refuses to change anything; an option that is not built is named, never guessed at.

use crate::config::{Config, Entry};
use crate::expand::Keys;
use crate::row::{Kind, Row, Status};
use crate::suggest::suggest;
use crate::{table, value};

/// Everything found.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    /// Lines of every fault; any one ends the process with code 1.
    pub(crate) faults: Vec<String>,
    /// Lines for the log.
    pub(crate) warnings: Vec<String>,
}

/// Judges the whole list; `strict` forbids keys that are no option.
pub(crate) fn check(config: &Config, keys: &Keys, strict: bool) -> Findings {
    let mut found = Findings::default();
    let mut told: Vec<&'static str> = Vec::new();
    for entry in &config.entries {
        match entry.row {
            Some(row) => {
                values(entry, row, &mut found);
                if row.status == Status::Pending
                    && row.kind != Kind::Noop
                    && !told.contains(&row.name)
                {
                    told.push(row.name);
                    found.warnings.push(pending(entry));
                }
            }
            None if strict && !entry.placeholder => {
                found.faults.push(format!("[strict-mode] unknown config directive: {}", entry.key));
                found.faults.push(where_is(entry));
            }
            None => found.warnings.extend(unknown(entry, keys)),
        }
    }
    found.faults.extend(cheaper(config));
    found
}

fn values(entry: &Entry, row: &Row, found: &mut Findings) {
    let verdict = value::judge(entry, row);
    found.warnings.extend(verdict.warning);
    if let Some(fault) = verdict.fault {
        found.faults.push(fault);
        found.faults.push(where_is(entry));
    }
}

/// The line under a fault that says which mention is meant.
fn where_is(entry: &Entry) -> String {
    format!("  (option \"{}\" {}, value \"{}\")", entry.key, entry.origin, entry.text())
}

fn pending(entry: &Entry) -> String {
    format!("option \"{}\" {} is not implemented yet: ignored", entry.key, entry.origin)
}

/// A guess for a key that is neither an option nor used as a placeholder.
fn unknown(entry: &Entry, keys: &Keys) -> Option<String> {
    if entry.placeholder || keys.was_used(&entry.key) {
        return None;
    }
    let name = suggest(&entry.key)?;
    let (key, origin) = (&entry.key, &entry.origin);
    Some(format!("unknown option \"{key}\" {origin} is ignored, did you mean \"{name}\"?"))
}

/// The minimum of workers must leave room below the maximum.
fn cheaper(config: &Config) -> Option<String> {
    let minimum = config.int("cheaper", 0);
    let processes = config.int("processes", 1);
    let wrong = config.has("cheaper") && minimum > 0 && minimum >= processes;
    wrong.then(|| "invalid cheaper value: must be lower than processes".to_owned())
}

/// An option that decides which other options count cannot be skipped with a warning.
pub(crate) fn refuses(row: &Row) -> bool {
    row.status == Status::Pending
        && matches!(row.kind, Kind::Logic | Kind::Action | Kind::Config | Kind::Placeholder)
}

/// True for a name of an option, alias or not.
pub(crate) fn is_option(name: &str) -> bool {
    table::find(name).is_some()
}
