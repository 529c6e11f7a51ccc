//! The value of one mention against its row: kind, range, words, keys, form.
//!
//! A fault is what the C server refuses too, or what cannot mean anything; everything else that
//! looks wrong is a warning, so that a configuration that started goes on starting. It refuses
//! to look at other options: what fits together is judged by `rules`.

mod address;
mod cron;
mod form;
pub(crate) mod keyed;
mod metric;
mod number;
mod regexp;
mod route;
mod words;

use crate::config::Entry;
use crate::finding::Finding;
use crate::row::{Kind, Row};
use crate::value;

/// Everything wrong, or odd, with the value of `entry`.
pub(crate) fn judge(entry: &Entry, row: &Row) -> Vec<Finding> {
    let mut found = by_kind(entry, row);
    if !row.words.is_empty() {
        found.extend(words::judge(entry, row));
    }
    if !row.keys.is_empty() {
        found.extend(keyed::judge(entry, row));
    }
    if row.name == "metric" {
        found.extend(metric::judge(entry));
    }
    found.extend(form::judge(entry, row));
    found
}

fn by_kind(entry: &Entry, row: &Row) -> Vec<Finding> {
    let text = entry.text();
    let one = |finding: Option<Finding>| finding.into_iter().collect();
    match row.kind {
        Kind::Int | Kind::RawInt | Kind::U64 | Kind::U16 | Kind::Megabytes => {
            entry.value.as_deref().map_or_else(Vec::new, |text| number::judge(entry, row, text))
        }
        Kind::Chmod => one(value::chmod(entry.value.as_deref())
            .err()
            .map(|text| fault(entry, text).allowed("three octal digits, such as 664"))),
        Kind::Umask => one(umask(entry, text)),
        Kind::User if text.is_empty() => vec![fault(entry, "user  not found.")],
        Kind::Group if text.is_empty() => vec![fault(entry, "group  not found.")],
        Kind::Env => one(env(entry, text)),
        Kind::Regexp => one(regexp::judge(entry, text)),
        Kind::NamedRegexp => one(named_regexp(entry, text)),
        Kind::RegexpDict => one(regexp_dict(entry, text)),
        Kind::Dict if !text.contains('=') => {
            let text = format!("invalid dictionary syntax for {text}");
            vec![fault(entry, text).allowed("key=value")]
        }
        Kind::Socket => one(address::socket(entry, row, text)),
        Kind::Address => one(address::judge(entry, text)),
        Kind::Ip => one(address::ip(entry, row, text)),
        Kind::Cron => cron::judge(entry, row, text),
        Kind::Route => one(route::judge(entry, row, text)),
        _ => Vec::new(),
    }
}

/// A fault about this mention.
fn fault(entry: &Entry, text: impl Into<String>) -> Finding {
    Finding::fault(text).about(entry)
}

/// A warning about this mention.
fn warning(entry: &Entry, text: impl Into<String>) -> Finding {
    Finding::warning(text).about(entry)
}

/// The option and where it was written, for warnings, which have no second line.
fn place(entry: &Entry) -> String {
    format!("option \"{}\" {}", entry.key, entry.origin)
}

/// Fewer than three digits were never taken as a mask.
fn umask(entry: &Entry, text: &str) -> Option<Finding> {
    let octal = text.len() >= 3 && text.bytes().all(|byte| (b'0'..=b'7').contains(&byte));
    let finding = warning(entry, format!("invalid umask: {text}"));
    (!octal).then(|| finding.allowed("three octal digits, such as 022"))
}

fn env(entry: &Entry, text: &str) -> Option<Finding> {
    let name = text.split('=').next().unwrap_or_default();
    let text = format!("{} names no variable: \"{text}\"", place(entry));
    name.is_empty().then(|| warning(entry, text).allowed("NAME=value"))
}

fn named_regexp(entry: &Entry, text: &str) -> Option<Finding> {
    match text.split_once(' ') {
        Some((_, regexp)) => regexp::judge(entry, regexp),
        None => {
            let text = "invalid custom regexp syntax: must be <custom> <regexp>";
            Some(fault(entry, text).allowed("<name> <regexp>"))
        }
    }
}

/// `<regexp> <value>` or `<regexp>=<value>`: the first blank decides, then the first `=`.
fn regexp_dict(entry: &Entry, text: &str) -> Option<Finding> {
    match text.split_once(' ').or_else(|| text.split_once('=')) {
        Some((regexp, _)) => regexp::judge(entry, regexp),
        None => {
            let text = format!("invalid dictionary syntax for {text}");
            Some(fault(entry, text).allowed("<regexp> <value>"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Origin;
    use crate::finding::Level;
    use crate::table;

    /// What is said about `option = value`: `!` for a fault, `-` for a warning, then the text.
    pub(super) fn said(option: &str, value: &str) -> Vec<String> {
        let row = table::find(option).unwrap();
        let entry = Entry {
            key: option.to_owned(),
            row: Some(row),
            value: Some(value.to_owned()),
            origin: Origin::File { path: "x.ini".into(), line: 2 },
            fixed: false,
            placeholder: false,
            done: false,
            hidden: false,
        };
        let sign = |finding: &Finding| if finding.level == Level::Fault { '!' } else { '-' };
        let found = judge(&entry, row);
        found.iter().map(|finding| format!("{}{}", sign(finding), finding.text)).collect()
    }

    /// Each value of a table gets exactly its one line, or none.
    pub(super) fn expect(table: &[(&str, &str, &str)]) {
        for (option, value, expected) in table {
            let found = said(option, value);
            let expected: Vec<&str> =
                Some(*expected).filter(|e| !e.is_empty()).into_iter().collect();
            assert_eq!(found, expected, "{option} = {value}");
        }
    }

    #[test]
    fn small_kinds() {
        expect(&[
            ("chmod-socket", "664", ""),
            ("chmod-socket", "0660", ""),
            ("chmod-socket", "999", "!invalid chmod value: 999"),
            ("umask", "022", ""),
            ("umask", "0022", ""),
            ("umask", "7", "-invalid umask: 7"),
            ("uid", "0", ""),
            ("uid", "", "!user  not found."),
            ("env", "A=b", ""),
            ("env", "A", ""),
            ("env", "=b", "-option \"env\" at x.ini:2 names no variable: \"=b\""),
            ("log-route", "api ^GET", ""),
            ("log-route", "api", "!invalid custom regexp syntax: must be <custom> <regexp>"),
            ("log-route", "api (", "!pcre error: code 114 at offset 1"),
            ("static-expires", "\\.css$ 3600", ""),
            ("static-expires", "x", "!invalid dictionary syntax for x"),
            ("static-expires-type", "text/css", "!invalid dictionary syntax for text/css"),
        ]);
    }
}
