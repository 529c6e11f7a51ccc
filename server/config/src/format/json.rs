//! The JSON reader: the members of one object of the top object, in order, duplicates kept.
//!
//! Values stay raw slices of the text until their kind is known: that keeps big integers and
//! floats as they were written, and the place of a slice gives its line. An object as a value
//! means nothing here and is named in a warning.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::text::{Lines, utf8};
use super::{Asked, Document, Line, Malformed};

/// Reads the wanted object; several of the same name are merged in order.
pub(super) fn read(content: &[u8], asked: &Asked<'_>) -> Result<Document, Malformed> {
    let text = utf8(content).map_err(|malformed| {
        let line = malformed.line.unwrap_or_default();
        fault(line, &malformed.text)
    })?;
    let mut reader = Reader {
        text,
        lines: Lines::new(content),
        path: asked.path,
        document: Document::default(),
    };
    let top: &RawValue = serde_json::from_str(text).map_err(|error| syntax(1, &error))?;
    let members = if top.get().starts_with('{') { reader.members(top)? } else { Vec::new() };
    let mut sections = members.into_iter().filter(|(name, _)| name == asked.section()).peekable();
    if sections.peek().is_none() {
        return Err(missing(asked));
    }
    for (_, object) in sections {
        if !object.get().starts_with('{') {
            return Err(missing(asked));
        }
        for (key, value) in reader.members(object)? {
            reader.option(&key, value)?;
        }
    }
    Ok(reader.document)
}

fn missing(asked: &Asked<'_>) -> Malformed {
    let name = asked.section();
    let text = format!("you must define a object named {name} in your JSON data");
    Malformed { text, line: None }
}

fn fault(line: u32, reason: &str) -> Malformed {
    Malformed { text: format!("error parsing JSON data: line {line} {reason}"), line: Some(line) }
}

/// An error of the parser in a slice that starts at line `first`.
fn syntax(first: u32, error: &serde_json::Error) -> Malformed {
    let line = u32::try_from(error.line()).unwrap_or(u32::MAX).max(1);
    let reason = error.to_string();
    let reason = reason.rsplit_once(" at line ").map_or(reason.as_str(), |(reason, _)| reason);
    fault(first.saturating_add(line - 1), reason)
}

struct Reader<'a> {
    text: &'a str,
    lines: Lines<'a>,
    path: &'a str,
    document: Document,
}

impl<'a> Reader<'a> {
    /// The line where a slice of the text begins.
    fn line(&mut self, raw: &RawValue) -> u32 {
        let offset = raw.get().as_ptr().addr().saturating_sub(self.text.as_ptr().addr());
        self.lines.at(offset)
    }

    fn parse<T: Deserialize<'a>>(&mut self, raw: &'a RawValue) -> Result<T, Malformed> {
        serde_json::from_str(raw.get()).map_err(|error| syntax(self.line(raw), &error))
    }

    fn members(&mut self, object: &'a RawValue) -> Result<Vec<(String, &'a RawValue)>, Malformed> {
        self.parse(object).map(|Members(members)| members)
    }

    /// One member: a scalar is one option, an array one option for each scalar in it.
    fn option(&mut self, key: &str, value: &'a RawValue) -> Result<(), Malformed> {
        if !value.get().starts_with('[') {
            return self.scalar(key, value);
        }
        let Items(items) = self.parse(value)?;
        items.into_iter().try_for_each(|item| self.scalar(key, item))
    }

    fn scalar(&mut self, key: &str, raw: &'a RawValue) -> Result<(), Malformed> {
        let number = self.line(raw);
        let value = match raw.get().as_bytes().first() {
            Some(b'"') => self.parse(raw)?,
            Some(b't') => "1".to_owned(),
            Some(b'f' | b'n') => "0".to_owned(),
            Some(b'{' | b'[') => {
                let text = format!(
                    "value of \"{key}\" at {}:{number} is ignored: an option is text, a number \
                     or an array of them",
                    self.path
                );
                self.document.warnings.push((number, text));
                return Ok(());
            }
            _ => raw.get().to_owned(),
        };
        self.document.lines.push(Line { key: key.to_owned(), value, number });
        Ok(())
    }
}

/// The members of an object as they stand there.
struct Members<'a>(Vec<(String, &'a RawValue)>);

/// The elements of an array as they stand there.
struct Items<'a>(Vec<&'a RawValue>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Collect).map(Self)
    }
}

impl<'de> Deserialize<'de> for Items<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(Gather).map(Self)
    }
}

struct Collect;

impl<'de> Visitor<'de> for Collect {
    type Value = Vec<(String, &'de RawValue)>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(members)
    }
}

struct Gather;

impl<'de> Visitor<'de> for Gather {
    type Value = Vec<&'de RawValue>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(items)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(content: &str, section: &str) -> Result<Document, Malformed> {
        read(content.as_bytes(), &Asked { path: "x.json", section, mode: None })
    }

    fn pairs(content: &str) -> Vec<(String, String)> {
        let lines = document(content, "").expect("reads").lines;
        lines.into_iter().map(|line| (line.key, line.value)).collect()
    }

    #[test]
    fn every_kind_of_value_becomes_text() {
        for (value, expected) in [
            (r#""text""#, &["text"][..]),
            (r#""A\n\"""#, &["A\n\""]),
            ("true", &["1"]),
            ("false", &["0"]),
            ("null", &["0"]),
            ("9223372036854775808", &["9223372036854775808"]),
            ("-3", &["-3"]),
            ("1.50", &["1.50"]),
            (r#"["a", 1, true, null]"#, &["a", "1", "1", "0"]),
            (r#"["a", {"b": 1}, ["c"], "d"]"#, &["a", "d"]),
            ("[]", &[]),
            (r#"{"a": 1}"#, &[]),
        ] {
            let got = pairs(&format!("{{\"uwsgi\": {{\"k\": {value}}}}}"));
            let wanted: Vec<_> = expected.iter().map(|text| ("k".into(), (*text).into())).collect();
            assert_eq!(got, wanted, "{value}");
        }
    }

    #[test]
    fn order_duplicates_and_lines_survive() {
        let text = "{\"uwsgi\":\n{\"b\": \"1\",\n \"a\": [2,\n3],\n\"b\": 4}, \"o\": {},\n\
                    \"uwsgi\": {\"c\": 5}}";
        let lines = document(text, "uwsgi").expect("reads").lines;
        let got: Vec<_> =
            lines.iter().map(|line| (&*line.key, &*line.value, line.number)).collect();
        assert_eq!(
            got,
            [("b", "1", 2), ("a", "2", 3), ("a", "3", 4), ("b", "4", 5), ("c", "5", 6)]
        );
    }

    #[test]
    fn a_value_that_means_nothing_is_named() {
        let warnings = document("{\"uwsgi\":\n{\"o\": {}}}", "").expect("reads").warnings;
        assert_eq!(warnings[0].0, 2);
        assert!(warnings[0].1.starts_with("value of \"o\" at x.json:2 is ignored"));
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        let object = "you must define a object named uwsgi in your JSON data";
        for (text, expected, line) in [
            ("{\"uwsgi\":\n{\"a\" 1}}", "error parsing JSON data: line 2 expected `:`", Some(2)),
            ("{\"uwsgi\": {}}\nx", "error parsing JSON data: line 2 trailing characters", Some(2)),
            ("", "error parsing JSON data: line 1 EOF while parsing a value", Some(1)),
            ("{\"uwsgi\": {\n\"a\": \"\\ud800\"}}", "error parsing JSON data: line 2 ", Some(2)),
            ("[1]", object, None),
            ("{\"uwsgi\": []}", object, None),
            ("{\"other\": {}}", object, None),
        ] {
            let malformed = document(text, "").expect_err(text);
            assert!(malformed.text.starts_with(expected), "{text:?}: {}", malformed.text);
            assert_eq!(malformed.line, line, "{text:?}");
        }
    }
}
