//! Lines being gathered: a measurement with its tags, and the fields that have been found for it.

use std::collections::HashMap;
use std::io::Write;

use uwsgi_metrics::prometheus::{Labels, Value};

use super::names::of_label;

/// Bytes of fields after which a line is continued on another one: a datagram must hold it, and a
/// point may come in pieces.
const LONGEST: usize = 900;

/// A tag of every line: its name, and how it is written: `,host=vm`.
pub(super) type Tag = (String, Vec<u8>);

/// Lines, each once for each measurement and set of tags, in the order of their first field.
#[derive(Debug, Default)]
pub(super) struct Lines {
    lines: Vec<Line>,
    places: HashMap<Vec<u8>, usize>,
    head: Vec<u8>,
}

#[derive(Debug)]
struct Line {
    head: Vec<u8>,
    fields: Vec<u8>,
}

impl Lines {
    /// Adds a field. `tags` go to every line, but for those that a label of its own names: servers
    /// refuse a line that says one tag twice.
    pub(super) fn add(
        &mut self,
        measurement: &str,
        tags: &[Tag],
        labels: &Labels<'_>,
        field: &[&str],
        value: Value,
    ) {
        self.head.clear();
        escape(&mut self.head, measurement.as_bytes(), false);
        let is_own = |tag: &str, labels: &Labels<'_>| {
            labels.iter().any(|(name, value)| of_label(name) == tag && !value.is_empty())
        };
        for (_, written) in tags.iter().filter(|(name, _)| !is_own(name, labels)) {
            self.head.extend_from_slice(written);
        }
        for (place, (name, value)) in labels.iter().enumerate() {
            let name = of_label(name);
            if !is_own(name, labels.get(..place).unwrap_or_default()) {
                tag(&mut self.head, name, value);
            }
        }
        if matches!(value, Value::Real(real) if !real.is_finite()) {
            // The format has no word for it.
            return;
        }
        let place = match self.places.get(&self.head) {
            Some(place) if self.lines[*place].fields.len() < LONGEST => *place,
            _ => {
                self.lines.push(Line { head: self.head.clone(), fields: Vec::new() });
                self.places.insert(self.head.clone(), self.lines.len() - 1);
                self.lines.len() - 1
            }
        };
        let fields = &mut self.lines[place].fields;
        if !fields.is_empty() {
            fields.push(b',');
        }
        for part in field {
            escape(fields, part.as_bytes(), true);
        }
        fields.push(b'=');
        push(fields, value);
    }

    /// The lines, each with the time.
    pub(super) fn finish(self, at_ns: u64) -> impl Iterator<Item = Vec<u8>> {
        self.lines.into_iter().map(move |line| {
            let Line { head: mut out, fields } = line;
            out.push(b' ');
            out.extend_from_slice(&fields);
            // Writing to memory does not fail.
            let _ = writeln!(out, " {at_ns}");
            out
        })
    }
}

/// Appends a tag; an empty one does not exist.
pub(super) fn tag(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    if value.is_empty() || name.is_empty() {
        return;
    }
    out.push(b',');
    escape(out, name.as_bytes(), true);
    out.push(b'=');
    escape(out, value, true);
    // A backslash at the end would take the separator with it.
    if out.last() == Some(&b'\\') {
        out.push(b'_');
    }
}

fn escape(out: &mut Vec<u8>, text: &[u8], equals: bool) {
    for chunk in text.utf8_chunks() {
        let stray = chunk.invalid().iter().map(|byte| char::from(*byte));
        for c in chunk.valid().chars().chain(stray) {
            match c {
                ',' | ' ' => out.extend([b'\\', c as u8]),
                '=' if equals => out.extend(b"\\="),
                c if c.is_control() => out.push(b'_'),
                c => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
    }
}

/// Counts are integers, everything else is a float, and stays that: a field has one type.
fn push(out: &mut Vec<u8>, value: Value) {
    match value {
        Value::Uint(value) => {
            Value::Int(i64::try_from(value).unwrap_or(i64::MAX)).push(out);
            out.push(b'i');
        }
        Value::Int(_) => {
            value.push(out);
            out.push(b'i');
        }
        Value::Decimal(..) | Value::Milli(_) | Value::Real(_) => value.push(out),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(lines: Lines) -> String {
        String::from_utf8(lines.finish(1_795_162_676_000_000_000).flatten().collect()).unwrap()
    }

    #[test]
    fn fields_of_one_thing_are_one_line() {
        let mut lines = Lines::default();
        let one: &Labels<'_> = &[("worker_id", b"1")];
        let tags = [("host".to_owned(), b",host=vm".to_vec())];
        lines.add("uwsgi_worker", &tags, one, &["requests"], Value::Uint(8));
        lines.add("uwsgi", &tags, &[], &["load"], Value::Decimal(1_500, 3));
        lines.add("uwsgi_worker", &tags, one, &["rss"], Value::Uint(13_791_232));
        assert_eq!(
            text(lines),
            "uwsgi_worker,host=vm,worker=1 requests=8i,rss=13791232i 1795162676000000000\n\
             uwsgi,host=vm load=1.5 1795162676000000000\n"
        );
    }

    #[test]
    fn a_tag_is_said_once_and_the_label_of_the_series_wins() {
        let mut lines = Lines::default();
        let tags = [("host", ",host=vm"), ("zone", ",zone=a")].map(|(n, t)| (n.into(), t.into()));
        let labels: &Labels<'_> =
            &[("host", b"db"), ("zone", b""), ("worker", b"own"), ("worker_id", b"1")];
        lines.add("m", &tags, labels, &["f"], Value::Int(1));
        assert_eq!(text(lines), "m,zone=a,host=db,worker=own f=1i 1795162676000000000\n");
    }

    #[test]
    fn what_separates_is_escaped() {
        let mut lines = Lines::default();
        let labels: &Labels<'_> = &[("a b", b"c,d=e f\n"), ("empty", b""), ("end", b"\\")];
        lines.add("m,x y=z", &[], labels, &["f=", "g"], Value::Real(0.5));
        lines.add("m", &[], &[], &["nan"], Value::Real(f64::NAN));
        assert_eq!(
            text(lines),
            "m\\,x\\ y=z,a\\ b=c\\,d\\=e\\ f_,end=\\_ f\\=g=0.5 1795162676000000000\n"
        );
    }

    #[test]
    fn a_long_line_is_continued() {
        let mut lines = Lines::default();
        for n in 0..100 {
            lines.add("m", &[], &[], &[&format!("field_number_{n}")], Value::Int(n));
        }
        let text = text(lines);
        assert!(text.lines().count() > 1 && text.lines().all(|line| line.len() < 1_000), "{text}");
        assert_eq!(text.matches("field_number_").count(), 100);
    }
}
