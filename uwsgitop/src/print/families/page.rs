//! The page being written: header lines, samples, the rules of the text format.
//!
//! A family without samples is left out, and of two samples with the same labels the first stays,
//! as scrapers refuse a page that has both.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;

use serde_json::Value as Json;
use uwsgi_metrics::prometheus::Value;
use uwsgi_metrics::schema::{TABLE, Unit};

use super::table::MORE;

/// Labels of a sample, in order.
pub(super) type Labels = Vec<(&'static str, String)>;

/// The text so far.
#[derive(Debug, Default)]
pub(super) struct Page {
    out: String,
    user: Vec<User>,
    /// Where in `user` a family is.
    places: HashMap<String, usize>,
}

/// A family of metrics of applications.
#[derive(Debug)]
struct User {
    name: String,
    kind: &'static str,
    seen: HashSet<String>,
    samples: String,
}

/// A family being written.
pub(super) struct Family<'a> {
    name: &'a str,
    unit: Unit,
    /// Zero stands for "not measured".
    skips_zero: bool,
    seen: HashSet<String>,
    out: String,
}

impl Page {
    /// Writes a family of the schema or of the table, if `fill` finds samples for it.
    pub(super) fn family(&mut self, name: &str, fill: impl FnOnce(&mut Family<'_>)) {
        let known = TABLE.iter().find(|metric| metric.family == Some(name));
        let more = MORE.iter().find(|(family, _, _)| *family == name);
        let kind = match more {
            Some((_, kind, _)) => kind,
            None if name.ends_with("_total") => "counter",
            None => "gauge",
        };
        let help = more.map(|(_, _, help)| *help).or(known.map(|metric| metric.help));
        let mut family = Family {
            name,
            unit: known.map_or(Unit::Count, |metric| metric.unit),
            skips_zero: known.is_some_and(|metric| !metric.zero_is_a_value),
            seen: HashSet::new(),
            out: String::new(),
        };
        fill(&mut family);
        if !family.out.is_empty() {
            self.header(name, kind, help.unwrap_or_default());
            self.out.push_str(&family.out);
        }
    }

    /// Writes a histogram of which only the count and the sum, µs, are known.
    pub(super) fn histogram(&mut self, name: &str, help: &str, count: u64, sum: u64) {
        self.header(name, "histogram", help);
        let sum = text(Value::Decimal(sum, 6));
        // Writing to memory does not fail.
        let _ = write!(
            self.out,
            "{name}_bucket{{le=\"+Inf\"}} {count}\n{name}_sum {sum}\n{name}_count {count}\n"
        );
    }

    /// Keeps a sample of an application until all of its family are known.
    pub(super) fn gather(
        &mut self,
        name: String,
        kind: &'static str,
        labels: Vec<(String, String)>,
        value: i64,
    ) {
        let place = *self.places.entry(name.clone()).or_insert(self.user.len());
        if place == self.user.len() {
            let (seen, samples) = Default::default();
            self.user.push(User { name, kind, seen, samples });
        }
        // What has the name already may be of another type.
        let known = self.user.get_mut(place).filter(|family| family.kind == kind);
        let labels = spell(labels.iter().map(|(k, v)| (k.as_str(), v.as_str())));
        if let Some(family) = known.filter(|family| !family.seen.contains(&labels)) {
            // Writing to memory does not fail.
            let _ = writeln!(family.samples, "{}{labels} {value}", family.name);
            family.seen.insert(labels);
        }
    }

    /// Writes the families that were gathered.
    pub(super) fn gathered(&mut self, help: &str) {
        for family in std::mem::take(&mut self.user) {
            self.header(&family.name, family.kind, help);
            self.out.push_str(&family.samples);
        }
    }

    /// The whole page.
    pub(super) fn finish(self) -> Vec<u8> {
        self.out.into_bytes()
    }

    fn header(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.out, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }
}

impl Family<'_> {
    /// Adds a sample; what is no number is no sample.
    pub(super) fn sample(&mut self, labels: &[(&'static str, String)], value: &Json) {
        let is_zero = value.as_u64() == Some(0);
        let Some(value) = spelled(value, self.unit).filter(|_| !(is_zero && self.skips_zero))
        else {
            return;
        };
        let labels = spell(labels.iter().map(|(k, v)| (*k, v.as_str())));
        if self.seen.insert(labels.clone()) {
            let _ = writeln!(self.out, "{}{labels} {value}", self.name);
        }
    }
}

/// A number as the document has it.
pub(super) fn number(value: &Json) -> Option<String> {
    spelled(value, Unit::Count)
}

fn spelled(value: &Json, unit: Unit) -> Option<String> {
    let digits = match unit {
        Unit::Micros => 6,
        Unit::Hundredths => 2,
        Unit::Thousandths => 3,
        Unit::Ratio => 4,
        Unit::Count | Unit::Bytes | Unit::Seconds | Unit::Epoch => 0,
    };
    match (value.as_u64(), value.as_i64()) {
        (Some(value), _) if digits > 0 => Some(text(Value::Decimal(value, digits))),
        (Some(value), _) => Some(text(Value::Uint(value))),
        (None, Some(value)) => Some(text(Value::Int(value))),
        (None, None) => value.as_f64().map(|value| text(Value::Real(value))),
    }
}

fn text(value: Value) -> String {
    let mut out = Vec::new();
    value.push(&mut out);
    String::from_utf8_lossy(&out).into_owned()
}

fn spell<'a>(labels: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let escaped =
        |value: &str| value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    let all: Vec<String> =
        labels.map(|(label, value)| format!("{label}=\"{}\"", escaped(value))).collect();
    if all.is_empty() { String::new() } else { format!("{{{}}}", all.join(",")) }
}
