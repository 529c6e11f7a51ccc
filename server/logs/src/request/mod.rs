//! Formats of request lines (`log-format`), read once when the server starts.
//!
//! `%(name)` stands for a value; everything else, also a `%(` that nobody closes, is text. Owns the
//! names ([`table`]); refuses to know a request: whoever has one walks over [`Format::parts`].

pub mod table;

pub use table::{Field, Variable};

/// A piece of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// As it is.
    Text(Vec<u8>),
    /// A value that the server knows.
    Field(Field),
    /// The same, unless the application has set a log variable of that name.
    Own(Field, Vec<u8>),
    /// A request variable.
    Var(Vec<u8>),
    /// A metric.
    Metric(Vec<u8>),
    /// What was waited for.
    Wait(String),
    /// A log variable of the application.
    Logvar(Vec<u8>),
}

/// A format.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Format(Vec<Part>);

impl Format {
    /// Reads `text`.
    pub fn parse(text: &str) -> Format {
        let (mut parts, mut plain, mut rest) = (Vec::new(), Vec::new(), text);
        while let Some((before, behind)) = rest.split_once("%(") {
            let Some((name, after)) = behind.split_once(')') else { break };
            plain.extend_from_slice(before.as_bytes());
            flush(&mut plain, &mut parts);
            parts.push(part(name));
            rest = after;
        }
        plain.extend_from_slice(rest.as_bytes());
        flush(&mut plain, &mut parts);
        Format(parts)
    }

    /// Its pieces, in order.
    pub fn parts(&self) -> &[Part] {
        &self.0
    }

    /// True when it asks for one of these values.
    pub fn asks_for(&self, wanted: impl Fn(Field) -> bool) -> bool {
        self.0.iter().any(|part| match part {
            Part::Field(field) | Part::Own(field, _) => wanted(*field),
            _ => false,
        })
    }
}

fn flush(plain: &mut Vec<u8>, parts: &mut Vec<Part>) {
    if !plain.is_empty() {
        parts.push(Part::Text(std::mem::take(plain)));
    }
}

fn part(name: &str) -> Part {
    let behind = |family| name.strip_prefix(family).map(str::to_owned);
    match table::variable(name) {
        Some(Variable { field, own: false, .. }) => Part::Field(*field),
        Some(Variable { field, .. }) => Part::Own(*field, name.into()),
        None => match (behind("var."), behind("metric."), behind("wait.")) {
            (Some(var), ..) => Part::Var(var.into()),
            (_, Some(metric), _) => Part::Metric(metric.into()),
            (.., Some(wait)) => Part::Wait(wait),
            _ => Part::Logvar(name.into()),
        },
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    fn text(text: &str) -> Part {
        Part::Text(text.into())
    }

    #[test]
    fn names_are_found_and_all_else_is_text() {
        for (format, parts) in [
            ("", vec![]),
            ("plain 100% %x %%", vec![text("plain 100% %x %%")]),
            ("%(uri)", vec![Part::Field(Field::Uri)]),
            ("a%(uri)b", vec![text("a"), Part::Field(Field::Uri), text("b")]),
            ("%%(uri)", vec![text("%"), Part::Field(Field::Uri)]),
            ("%(uri", vec![text("%(uri")]),
            ("%(uri)%(", vec![Part::Field(Field::Uri), text("%(")]),
            ("%()", vec![Part::Logvar(b"".into())]),
            ("%( uri )", vec![Part::Logvar(b" uri ".into())]),
            ("%(a(b))", vec![Part::Logvar(b"a(b".into()), text(")")]),
            ("%(var.A.B)%(metric.m)", vec![Part::Var(b"A.B".into()), Part::Metric(b"m".into())]),
            ("%(wait.disk)", vec![Part::Wait("disk".into())]),
            ("%(request_id)", vec![Part::Own(Field::RequestId, b"request_id".into())]),
            ("%(uwsgi.wid)", vec![Part::Own(Field::Worker, b"uwsgi.wid".into())]),
            ("%(uwsgi.nope)", vec![Part::Logvar(b"uwsgi.nope".into())]),
        ] {
            assert_eq!(Format::parse(format).parts(), parts, "{format}");
        }
    }

    #[test]
    fn every_name_is_there_once() {
        let names: HashSet<&str> = table::VARIABLES.iter().map(|v| v.name).collect();
        assert_eq!(names.len(), table::VARIABLES.len());
    }

    #[test]
    fn a_format_says_what_it_asks_for() {
        let format = Format::parse("%(uri) %(rssM)");
        assert!(format.asks_for(Field::needs_memory));
        assert!(!format.asks_for(|field| field == Field::RequestId));
    }

    proptest! {
        #[test]
        fn text_without_an_opening_stays_as_it_is(plain in "[^(]{0,40}") {
            let expected = if plain.is_empty() { vec![] } else { vec![text(&plain)] };
            let format = Format::parse(&plain);
            prop_assert_eq!(format.parts(), expected);
        }

        #[test]
        fn any_format_is_read(format in "(%\\(|\\)|[a-z%(.]){0,30}") {
            let _ = Format::parse(&format).parts().len();
        }
    }
}
