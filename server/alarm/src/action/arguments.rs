//! The argument of a network action: `first;key=value;key=value`.
//!
//! Pure. A key that an action does not know is told and has no effect, as in the C server, so that
//! a typing error does not keep an instance from starting.

use crate::Facts;

/// An argument, taken apart.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Arguments<'a> {
    /// The part without a key: the URL of most actions.
    pub(crate) first: Option<&'a str>,
    pairs: Vec<(&'a str, &'a str)>,
    unknown: Vec<&'a str>,
}

impl<'a> Arguments<'a> {
    /// Takes `argument` apart. A part that is no `key=value` is the first; so is one with an
    /// unknown key while there is none, because a URL may hold a `=`.
    pub(crate) fn split(argument: &'a str, known: &[&str]) -> Self {
        let mut split = Self { first: None, pairs: Vec::new(), unknown: Vec::new() };
        for part in argument.split(';').filter(|part| !part.is_empty()) {
            match part.split_once('=') {
                Some((key, value)) if known.contains(&key) => split.pairs.push((key, value)),
                Some((key, _)) if split.first.is_some() || !key.contains(['/', ':', '?']) => {
                    split.unknown.push(key);
                }
                _ => split.first = Some(part),
            }
        }
        split
    }

    /// The last value of `key`.
    pub(crate) fn get(&self, key: &str) -> Option<&'a str> {
        self.all(key).last()
    }

    /// Every value of `key`, in order.
    pub(crate) fn all(&self, key: &str) -> impl Iterator<Item = &'a str> {
        self.pairs.iter().filter(move |(name, _)| *name == key).map(|(_, value)| *value)
    }

    /// `key` as a number of seconds.
    pub(crate) fn seconds(&self, key: &str) -> Result<Option<u64>, String> {
        let Some(text) = self.get(key) else { return Ok(None) };
        let number = text.trim().parse();
        number.map(Some).map_err(|_| format!("{key} \"{text}\" is not a number of seconds"))
    }

    /// True when `key` is there with anything but a word for no.
    pub(crate) fn is_on(&self, key: &str) -> bool {
        self.get(key).is_some_and(|value| !matches!(value, "0" | "false" | "no" | "off"))
    }

    /// Says which keys have no effect.
    pub(crate) fn tell_unknown(&self, kind: &str, facts: &Facts) {
        let Some(log) = facts.log else { return };
        for key in &self.unknown {
            log(&format!("[uwsgi-alarm-{kind}] unknown option \"{key}\" is ignored"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: &[&str] = &["a", "b", "timeout"];

    #[test]
    fn an_argument_is_a_first_part_and_pairs() {
        for (argument, first, pairs, unknown) in [
            ("http://h/x", Some("http://h/x"), vec![], vec![]),
            ("http://h/?q=1;a=2", Some("http://h/?q=1"), vec![("a", "2")], vec![]),
            ("a=1;http://h/;b=x=y", Some("http://h/"), vec![("a", "1"), ("b", "x=y")], vec![]),
            ("http://h/;c=1;a=2;", Some("http://h/"), vec![("a", "2")], vec!["c"]),
            ("c=1;http://h/", Some("http://h/"), vec![], vec!["c"]),
            ("one;two", Some("two"), vec![], vec![]),
            ("a=1;a=2", None, vec![("a", "1"), ("a", "2")], vec![]),
            ("", None, vec![], vec![]),
        ] {
            let expected = Arguments { first, pairs, unknown };
            assert_eq!(Arguments::split(argument, KNOWN), expected, "{argument:?}");
        }
    }

    #[test]
    fn values_are_read_by_key() {
        let split = Arguments::split("u;a=1;a=2;b=no;timeout=x", KNOWN);
        assert_eq!(split.get("a"), Some("2"));
        assert_eq!(split.all("a").collect::<Vec<_>>(), ["1", "2"]);
        assert_eq!((split.is_on("a"), split.is_on("b"), split.is_on("c")), (true, false, false));
        assert_eq!(split.seconds("a"), Ok(Some(2)));
        assert_eq!(split.seconds("c"), Ok(None));
        let error = split.seconds("timeout").unwrap_err();
        assert_eq!(error, "timeout \"x\" is not a number of seconds");
    }
}
