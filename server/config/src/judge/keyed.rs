//! `key=value,key=value` lists: keys that nobody reads, keys that must be there.

use super::{cron, fault, place, warning};
use crate::config::Entry;
use crate::finding::Finding;
use crate::row::Row;
use crate::suggest;

/// A key under all its names that a list cannot do without, and the text when it is missing;
/// `{}` stands for the value, `{key}` for the option.
type Needed = (&'static str, &'static [&'static str], &'static str);

const NEEDED: &[Needed] = &[
    ("cache2", &["name"], "you have to specify a cache name"),
    (
        "cache2",
        &["items", "maxitems", "max_items"],
        "you have to specify the maximum number of cache items",
    ),
    ("https2", &["addr"], "--https2 option needs addr, cert and key items"),
    ("https2", &["cert", "crt"], "--https2 option needs addr, cert and key items"),
    ("https2", &["key"], "--https2 option needs addr, cert and key items"),
    ("sslrouter2", &["addr"], "--sslrouter option needs addr, cert and key items"),
    ("sslrouter2", &["cert", "crt"], "--sslrouter option needs addr, cert and key items"),
    ("sslrouter2", &["key"], "--sslrouter option needs addr, cert and key items"),
    (
        "attach-daemon2",
        &["command", "cmd", "exec"],
        "--attach-daemon2: you need to specify a 'command' key",
    ),
    ("metric", &["name"], "you need to specify a metric name: {}"),
    (
        "metric-threshold",
        &["key", "objective"],
        "metric's threshold requires a key and a value: {}",
    ),
    (
        "metric-threshold",
        &["value", "objective"],
        "metric's threshold requires a key and a value: {}",
    ),
    ("sharedarea", &["pages", "size"], "you need to set a size for a sharedarea !!! [{}]"),
];

/// True for a text that is such a list and not the short form of the option.
pub(super) fn has_keys(text: &str) -> bool {
    text.contains('=')
}

/// Judges the list of an option with keys.
pub(super) fn judge(entry: &Entry, row: &Row) -> Vec<Finding> {
    let text = entry.text();
    let list = match row.name {
        "cron2" => cron::options(text),
        // The short forms of these are a name and a number of pages.
        "metric" | "sharedarea" => Some(text).filter(|text| has_keys(text)),
        _ => Some(text),
    };
    let Some(list) = list else { return Vec::new() };
    let keys: Vec<String> = pairs(list).into_iter().map(|(key, _)| key).collect();
    let missing = missing(entry, row, &keys);
    let unknown = keys.iter().filter(|key| !row.keys.contains(&key.as_str()));
    missing.into_iter().chain(unknown.map(|key| unknown_key(entry, row, key))).collect()
}

/// The pairs in order. A backslash takes the meaning from the byte behind it; an item without
/// `=` is no pair.
pub(crate) fn pairs(list: &str) -> Vec<(String, String)> {
    let mut items = vec![String::new()];
    let mut chars = list.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => chars.next().into_iter().for_each(|c| push(&mut items, c)),
            ',' => items.push(String::new()),
            c => push(&mut items, c),
        }
    }
    let pairs = items.iter().filter_map(|item| item.split_once('='));
    pairs.map(|(key, value)| (key.trim().to_owned(), value.to_owned())).collect()
}

fn push(items: &mut [String], c: char) {
    if let Some(last) = items.last_mut() {
        last.push(c);
    }
}

fn missing(entry: &Entry, row: &Row, keys: &[String]) -> Option<Finding> {
    let mut needed = NEEDED.iter().filter(|(option, _, _)| *option == row.name);
    let (_, names, text) =
        needed.find(|(_, names, _)| !keys.iter().any(|key| names.contains(&key.as_str())))?;
    let text = text.replace("{}", entry.text());
    Some(fault(entry, text).allowed(format!("a key=value list with {}", names.join(" or "))))
}

fn unknown_key(entry: &Entry, row: &Row, key: &str) -> Finding {
    let text = format!("unknown key \"{key}\" in {} is ignored", place(entry));
    let allowed = row.keys.join(", ");
    match suggest::nearest(key, row.keys.iter().copied()) {
        Some(name) => {
            let text = format!("{text}, did you mean \"{name}\"?");
            warning(entry, text).allowed(allowed).meant(name)
        }
        None => warning(entry, text).allowed(allowed),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{expect, said};
    use super::pairs;

    #[test]
    fn lists_name_what_they_must_and_nothing_unknown() {
        let threshold = "!metric's threshold requires a key and a value: x";
        expect(&[
            ("cache2", "name=a,items=5,lru=1", ""),
            ("cache2", "items=5", "!you have to specify a cache name"),
            ("metric", "plain.name", ""),
            ("metric", "name=a,type=gauge", ""),
            ("metric", "type=gauge", "!you need to specify a metric name: type=gauge"),
            ("metric-threshold", "x", threshold),
            ("metric-threshold", "key=a,value=1,op=<", ""),
            ("metric-threshold", "objective=99,bad=a,total=b", ""),
            (
                "metric-threshold",
                "key=a,value=1,percentil=9",
                "-unknown key \"percentil\" in option \"metric-threshold\" at x.ini:2 is ignored, \
                 did you mean \"percentile\"?",
            ),
            ("sharedarea", "10", ""),
            ("sharedarea", "pages=1", ""),
            ("sharedarea", "fd=3", "!you need to set a size for a sharedarea !!! [fd=3]"),
            ("https2", "addr=:1", "!--https2 option needs addr, cert and key items"),
            ("https2", "addr=:1,crt=a,key=b", ""),
            ("attach-daemon2", "cmd=ls\\,x=1,freq=3", ""),
            (
                "attach-daemon2",
                "cmd=ls,frq=3",
                "-unknown key \"frq\" in option \"attach-daemon2\" at x.ini:2 is ignored, \
                 did you mean \"freq\"?",
            ),
        ]);
        let both = said("cache2", "name=a,itms=3");
        assert_eq!(both.len(), 2, "{both:?}");
    }

    #[test]
    fn a_backslash_protects_a_comma() {
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        assert_eq!(pairs("a=1\\,b=2, c=3,plain"), [pair("a", "1,b=2"), pair("c", "3")]);
        assert_eq!(pairs(""), []);
    }
}
