//! The answer of `--check`: every finding with its place and a summary, as lines or as JSON.
//!
//! The JSON document is an interface: members are only ever added.

use super::json::Json;
use crate::config::{Config, Entry, Origin};
use crate::finding::{Finding, Level};

/// Every finding as lines that say where, then the verdict.
#[must_use]
pub fn report_text(config: &Config, findings: &[&Finding]) -> Vec<String> {
    let mut lines: Vec<String> = findings.iter().flat_map(|found| found.placed_lines()).collect();
    let count = |level| findings.iter().filter(|finding| finding.level == level).count();
    let (faults, warnings) = (count(Level::Fault), count(Level::Warning));
    let mut parts = Vec::new();
    if faults > 0 {
        parts.push(plural(faults, "fault"));
    } else {
        parts.push(plural(config.shown().count(), "option"));
    }
    parts.extend((warnings > 0).then(|| plural(warnings, "warning")));
    let verdict = if faults > 0 { "refused" } else { "ok" };
    lines.push(format!("configuration {verdict}: {}", parts.join(", ")));
    lines
}

fn plural(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// The same as one document: `ok`, the `files` read, the number of `options`, the `findings`, and
/// with `show-config` every entry under `config`.
#[must_use]
pub fn report_json(config: &Config, findings: &[&Finding]) -> String {
    let ok = findings.iter().all(|finding| finding.level == Level::Warning);
    let options = i64::try_from(config.shown().count()).unwrap_or(i64::MAX);
    let mut members = vec![
        ("ok".to_owned(), Json::Bool(ok)),
        ("files".to_owned(), Json::texts(config.files.iter().map(String::as_str))),
        ("options".to_owned(), Json::Number(options)),
        ("findings".to_owned(), Json::List(findings.iter().map(|found| finding(found)).collect())),
    ];
    if config.flag("show-config") {
        let entries = config.entries.iter().map(entry).collect();
        members.push(("config".to_owned(), Json::List(entries)));
    }
    Json::Object(members).document()
}

fn finding(finding: &Finding) -> Json {
    let level = match finding.level {
        Level::Fault => "fault",
        Level::Warning => "warning",
    };
    let mut members = vec![
        ("level".to_owned(), level.into()),
        ("text".to_owned(), finding.text.as_str().into()),
        ("option".to_owned(), finding.option.as_deref().into()),
        ("value".to_owned(), finding.value.as_deref().into()),
    ];
    members.extend(place(finding.origin.as_ref()));
    members.push(("allowed".to_owned(), finding.allowed.as_deref().into()));
    members.push(("meant".to_owned(), finding.meant.as_deref().into()));
    Json::Object(members)
}

/// One mention; a value that was not given is null.
fn entry(entry: &Entry) -> Json {
    let mut members = vec![
        ("option".to_owned(), entry.key.as_str().into()),
        ("value".to_owned(), entry.value.as_deref().into()),
        ("known".to_owned(), Json::Bool(entry.row.is_some())),
    ];
    members.extend(place(Some(&entry.origin)));
    Json::Object(members)
}

/// `source`, where it is a file its name and line, and the declared option it came through.
fn place(origin: Option<&Origin>) -> [(String, Json); 4] {
    let (through, origin) = match origin {
        Some(Origin::Through { option, at }) => (Some(option.as_str()), Some(at.as_ref())),
        origin => (None, origin),
    };
    let (file, line) = match origin {
        Some(Origin::File { path, line }) => (Some(path.as_str()), Some(*line)),
        _ => (None, None),
    };
    [
        ("source".to_owned(), origin.map(source).into()),
        ("file".to_owned(), file.into()),
        ("line".to_owned(), line.map_or(Json::Null, |line| Json::Number(line.into()))),
        ("through".to_owned(), through.into()),
    ]
}

fn source(origin: &Origin) -> &'static str {
    match origin {
        Origin::CommandLine => "command line",
        Origin::Environment => "environment",
        Origin::Implied => "implied",
        Origin::File { .. } => "file",
        Origin::Through { at, .. } => source(at),
    }
}
