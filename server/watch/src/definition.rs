//! One `metric` option: its short form, a name, and its long form, a list of keys.
//!
//! Owns what the keys mean and which values are refused, in the words users know. Whether the other
//! metrics that it names exist is asked by [`crate::plan`].

use uwsgi_metrics::Kind;

use crate::collector::{Collector, number};
use crate::keyval;

/// A metric as it is configured.
#[derive(Clone, Debug)]
pub struct Definition {
    /// Name.
    pub name: String,
    /// OID relative to the server's branch; empty for none.
    pub oid: String,
    /// Kind.
    pub kind: Kind,
    /// Who gives it its value.
    pub collector: Collector,
    /// Seconds between collections, at least 1.
    pub freq: u64,
    /// Value it starts with, and to which what is collected is added.
    pub initial: i64,
    /// Back to the initial value after each push.
    pub reset_after_push: bool,
    /// What it is computed from.
    pub children: Vec<String>,
    /// What it stands for.
    pub alias: Option<String>,
}

/// Why an option is refused, and what would be right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// The line for the log.
    pub text: String,
    /// What is allowed instead.
    pub allowed: String,
}

impl Wrong {
    pub(crate) fn new(text: impl Into<String>, allowed: impl Into<String>) -> Wrong {
        Wrong { text: text.into(), allowed: allowed.into() }
    }
}

/// Longest name of a metric, bytes.
const NAME_MAX: usize = 128;

/// Longest OID, bytes.
const OID_MAX: usize = 64;

impl Definition {
    /// Reads the option.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn parse(text: &str) -> Result<Definition, Wrong> {
        if !text.contains('=') {
            return Ok(Definition::manual(name(text, text)?));
        }
        let pairs = keyval::pairs(text);
        let get = |key: &str| keyval::get(&pairs, key);
        let number = |key: &str| get(key).map_or(0, |value| number::prefix(value.as_bytes()));
        let kind = kind(get("type"))?;
        let definition = Definition {
            collector: Collector::parse(get)?,
            name: name(get("name").unwrap_or_default(), text)?,
            oid: oid(get("oid").unwrap_or_default())?,
            kind,
            freq: u64::try_from(number("freq")).unwrap_or(0).max(1),
            initial: number("initial_value"),
            reset_after_push: get("reset_after_push").is_some(),
            children: list(get("children").unwrap_or_default()),
            alias: get("alias").map(str::to_owned),
        };
        if kind == Kind::Alias && definition.alias.is_none() {
            let text = format!("metric alias \"{}\" requires a mapping !!!", definition.name);
            return Err(Wrong::new(text, "alias=<name of a metric>"));
        }
        Ok(definition)
    }

    fn manual(name: String) -> Definition {
        Definition {
            name,
            oid: String::new(),
            kind: Kind::Counter,
            collector: Collector::Manual,
            freq: 1,
            initial: 0,
            reset_after_push: false,
            children: Vec::new(),
            alias: None,
        }
    }
}

/// A name is also the name of a file, and a column of whoever is pushed to.
fn name(name: &str, option: &str) -> Result<String, Wrong> {
    if name.is_empty() {
        let text = format!("you need to specify a metric name: {option}");
        return Err(Wrong::new(text, "a name, or name=<name> in a key=value list"));
    }
    let legal = |b: u8| b.is_ascii_alphanumeric() || b".-_".contains(&b);
    if !name.bytes().all(legal) || name.len() > NAME_MAX || matches!(name, "." | "..") {
        let allowed = format!("at most {NAME_MAX} letters, digits, \".\", \"-\" and \"_\"");
        return Err(Wrong::new(format!("invalid metric name: {name}"), allowed));
    }
    Ok(name.to_owned())
}

fn oid(oid: &str) -> Result<String, Wrong> {
    let wrong = || Wrong::new(format!("invalid metric oid: {oid}"), "numbers and dots: 100.1");
    if !oid.bytes().all(|b| b.is_ascii_digit() || b == b'.') || oid.len() > OID_MAX {
        return Err(wrong());
    }
    Ok(oid.to_owned())
}

fn kind(word: Option<&str>) -> Result<Kind, Wrong> {
    const KINDS: [Kind; 4] = [Kind::Counter, Kind::Gauge, Kind::Absolute, Kind::Alias];
    let Some(word) = word else { return Ok(Kind::Counter) };
    let found = KINDS.into_iter().find(|kind| kind.as_str() == word);
    found.ok_or_else(|| {
        let allowed = KINDS.map(Kind::as_str).join(", ");
        Wrong::new(format!("unknown metric type: {word}"), allowed)
    })
}

fn list(text: &str) -> Vec<String> {
    text.split(';').filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_are_read() {
        let plain = Definition::parse("foo.bar-1_2").unwrap();
        assert_eq!(
            (plain.name.as_str(), plain.kind, plain.freq),
            ("foo.bar-1_2", Kind::Counter, 1)
        );
        let text = "name=m,oid=100.1,type=gauge,collector=sum,children=a;b,freq=3,initial_value=-7";
        let full =
            Definition::parse(&format!("{text},reset_after_push=0,whatever=1,plain")).unwrap();
        assert_eq!((full.oid.as_str(), full.kind, full.initial), ("100.1", Kind::Gauge, -7));
        assert_eq!((full.freq, full.children), (3, vec!["a".to_owned(), "b".to_owned()]));
        assert!(full.reset_after_push, "any value switches it on");
        assert_eq!(Definition::parse("name=a,freq=0").unwrap().freq, 1);
        assert_eq!(Definition::parse("name=a,freq=-5").unwrap().freq, 1);
        assert_eq!(Definition::parse("name=a,name=b").unwrap().name, "b", "the last counts");
    }

    #[test]
    fn what_is_refused_is_refused_in_the_known_words() {
        let long = "n".repeat(129);
        let table = [
            ("a b", "invalid metric name: a b"),
            ("name=a/b", "invalid metric name: a/b"),
            ("name=..", "invalid metric name: .."),
            (long.as_str(), &format!("invalid metric name: {long}")),
            ("", "you need to specify a metric name: "),
            ("type=gauge", "you need to specify a metric name: type=gauge"),
            ("name=a,oid=1.x", "invalid metric oid: 1.x"),
            ("name=a,type=couter", "unknown metric type: couter"),
            ("name=a,type=alias", "metric alias \"a\" requires a mapping !!!"),
            ("name=a,collector=nope", "unable to find metric collector \"nope\""),
        ];
        for (option, text) in table {
            assert_eq!(Definition::parse(option).unwrap_err().text, text, "{option}");
        }
    }
}
