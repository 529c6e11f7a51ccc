//! Words: a value, or each part of a comma list, that must be one of a few.

use super::{fault, place, warning};
use crate::config::Entry;
use crate::finding::Finding;
use crate::row::{Kind, Row};
use crate::suggest;

/// What cannot be one of the words. Where other words mean something too, it is a warning.
pub(super) fn judge(entry: &Entry, row: &Row) -> Vec<Finding> {
    let text = entry.text();
    if row.kind == Kind::Words {
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        return parts.filter_map(|part| one(entry, row, part)).collect();
    }
    let word = text.split_once(" //").map_or(text, |(word, _)| word).trim();
    one(entry, row, word).into_iter().collect()
}

fn one(entry: &Entry, row: &Row, word: &str) -> Option<Finding> {
    // Capabilities have numbers, name spaces have none.
    let number = row.open && row.kind == Kind::Words && word.parse::<u32>().is_ok();
    if number || row.words.contains(&word) {
        return None;
    }
    let finding = if row.open {
        warning(entry, format!("unknown value \"{word}\" of {}", place(entry)))
    } else {
        fault(entry, refusal(entry, row, word))
    };
    let finding = finding.allowed(row.words.join(", "));
    Some(match suggest::nearest(word, row.words.iter().copied()) {
        Some(name) => finding.meant(name),
        None => finding,
    })
}

/// The text that people know, where there is one.
fn refusal(entry: &Entry, row: &Row, word: &str) -> String {
    match row.name {
        "unshare" | "unshare2" | "emperor-use-clone" => {
            format!("unknown namespace subsystem: {word}")
        }
        "lock-engine" => format!("unable to find lock engine \"{word}\""),
        "clock" => format!("unable to set \"{word}\" clock"),
        "wsgi-env-behaviour" => format!("invalid wsgi-env-behaviour value: {word}"),
        "carbon-idle-avg" => format!("[carbon] invalid value for carbon-idle-avg: \"{word}\""),
        _ => format!("invalid value for option \"{}\": {word}", entry.key),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::expect;

    #[test]
    fn a_word_is_known_refused_or_named() {
        expect(&[
            ("unshare", "pid,net,user", ""),
            ("unshare", "pid,nett", "!unknown namespace subsystem: nett"),
            ("lock-engine", "ipcsem", ""),
            ("lock-engine", "foo", "!unable to find lock engine \"foo\""),
            ("clock", "foo", "!unable to set \"foo\" clock"),
            ("carbon-idle-avg", "zero", ""),
            ("carbon-idle-avg", "nil", "![carbon] invalid value for carbon-idle-avg: \"nil\""),
            ("file-serve-mode", "nginx // for the proxy", ""),
            (
                "file-serve-mode",
                "nignx",
                "-unknown value \"nignx\" of option \"file-serve-mode\" at x.ini:2",
            ),
            ("cap", "net_bind_service,25", ""),
            ("cap", "net_bind", "-unknown value \"net_bind\" of option \"cap\" at x.ini:2"),
        ]);
    }
}
