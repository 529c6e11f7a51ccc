//! The document being written: one family at a time, header then samples, in any of the formats.
//!
//! Everything that writes families goes through here and need not know which format is being
//! written: `text` spells lines, `proto` messages. A family is refused when a name of it or of its
//! samples was written already, so whoever writes first keeps the name, and when the client asked
//! for other families.

use std::collections::HashSet;

use super::proto::Messages;
use super::text::Lines;
use super::value::Value;
use super::{Format, PromOptions};
use crate::exemplar::ExemplarView;
use crate::exponential::Exponential;
use crate::snapshot::Snapshot;

/// What a family is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// Only grows; its name ends in `_total`.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Observations by size.
    Histogram,
    /// Sum and count of observations.
    Summary,
    /// One of several states, each with 0 or 1.
    StateSet,
    /// A fact, always 1; its name ends in `_info`.
    Info,
    /// Nobody knows.
    Unknown,
}

impl Type {
    /// The suffixes of its samples. Their names belong to the family, whether they are written
    /// or not.
    fn suffixes(self) -> &'static [&'static str] {
        match self {
            Type::Counter => &["_total", "_created"],
            Type::Histogram => &["_bucket", "_sum", "_count", "_created"],
            Type::Summary => &["_sum", "_count", "_created"],
            Type::Info => &["_info"],
            Type::Gauge | Type::StateSet | Type::Unknown => &[],
        }
    }

    /// The name without the suffix that counters and facts carry.
    pub fn base(self, name: &str) -> &str {
        let suffix = match self {
            Type::Counter => "_total",
            Type::Info => "_info",
            _ => return name,
        };
        name.strip_suffix(suffix).unwrap_or(name)
    }
}

/// Labels of a sample, in order.
pub type Labels<'a> = [(&'a str, &'a [u8])];

/// The head of the open family.
#[derive(Debug, Default)]
pub struct Head {
    /// Its name as the text format has it.
    pub name: String,
    /// What it is; nothing before the first family.
    pub kind: Option<Type>,
    /// Since when it counts, epoch microseconds, where that is known.
    pub created_us: Option<u64>,
}

/// One histogram.
pub struct Observed<'a> {
    /// Upper bounds but the last, which is infinite.
    pub bounds: &'a [f64],
    /// How many values were at most each bound; one more for all.
    pub below: &'a [u64],
    /// Sum of the values.
    pub sum: Value,
    /// The same values in exponential buckets, where they are known that finely.
    pub native: Option<&'a Exponential>,
    /// An example for a bucket; shorter than the bounds where there are none.
    pub exemplars: &'a [Option<ExemplarView>],
}

impl Observed<'_> {
    /// How many values there are.
    pub fn count(&self) -> u64 {
        self.below.last().copied().unwrap_or(0)
    }

    /// Each bucket: its bound, how many are below it, its example.
    pub fn buckets(&self) -> impl Iterator<Item = (f64, u64, Option<&ExemplarView>)> {
        let bounds = self.bounds.iter().copied().chain([f64::INFINITY]);
        let numbered = bounds.zip(self.below).enumerate();
        numbered.map(|(place, (bound, below))| {
            (bound, *below, self.exemplars.get(place).and_then(Option::as_ref))
        })
    }
}

/// How the format is spelled.
enum Spelling<'a> {
    Lines(Lines),
    Messages(Messages),
    /// Not here: somebody takes the families as they are.
    Elsewhere(&'a mut dyn Families),
}

/// Whoever takes families one after the other, to spell them in a format of its own.
pub trait Families {
    /// A family begins.
    fn family(&mut self, head: &Head, help: &str, unit: Option<&str>);

    /// A sample of it, for all types but histograms and summaries.
    fn sample(&mut self, head: &Head, labels: &Labels<'_>, value: Value);

    /// A histogram of it.
    fn histogram(&mut self, head: &Head, labels: &Labels<'_>, observed: &Observed<'_>);

    /// A summary of it, without quantiles.
    fn summary(&mut self, head: &Head, labels: &Labels<'_>, sum: Value, count: u64);
}

/// A document being written.
pub(super) struct Writer<'a> {
    spelling: Spelling<'a>,
    pub(super) openmetrics: bool,
    options: &'a PromOptions,
    seen: HashSet<String>,
    created_us: u64,
    /// Adds `stats_uri` to the samples of the open family.
    with_uri: bool,
    head: Head,
}

impl<'a> Writer<'a> {
    /// An empty document about `snapshot`.
    pub(super) fn new(format: Format, snapshot: &Snapshot, options: &'a PromOptions) -> Writer<'a> {
        let openmetrics = format.is_openmetrics();
        let spelling = match format {
            Format::Protobuf(_) => Spelling::Messages(Messages::default()),
            _ => Spelling::Lines(Lines::new(openmetrics, options.created)),
        };
        Writer { openmetrics, ..Writer::over(spelling, snapshot, options) }
    }

    /// A walk over everything in `snapshot`, for `families` to spell.
    pub(super) fn told(
        families: &'a mut dyn Families,
        snapshot: &Snapshot,
        options: &'a PromOptions,
    ) -> Writer<'a> {
        Writer::over(Spelling::Elsewhere(families), snapshot, options)
    }

    fn over(spelling: Spelling<'a>, snapshot: &Snapshot, options: &'a PromOptions) -> Writer<'a> {
        Writer {
            spelling,
            openmetrics: false,
            options,
            seen: HashSet::with_capacity(1024),
            created_us: snapshot.created_us,
            with_uri: false,
            head: Head::default(),
        }
    }

    /// Opens a family of the server; false when it is filtered out or one of its names is taken:
    /// write no samples then. The unit is read off the name.
    pub(super) fn family(&mut self, name: &str, kind: Type, help: &str, with_uri: bool) -> bool {
        let created_us = Some(self.created_us).filter(|us| *us > 0);
        self.begin(name, kind, help, unit_of(kind.base(name)), with_uri, created_us)
    }

    /// Opens a family of an application: it has a unit of its own, which is not shown where the
    /// name does not end in it, and nobody knows since when it counts.
    pub(super) fn open(&mut self, name: &str, kind: Type, help: &str, unit: &str) -> bool {
        self.begin(name, kind, help, Some(unit), false, None)
    }

    fn begin(
        &mut self,
        name: &str,
        kind: Type,
        help: &str,
        unit: Option<&str>,
        with_uri: bool,
        created_us: Option<u64>,
    ) -> bool {
        if !wants(&self.options.families, name, kind) || !self.claim(name, kind) {
            return false;
        }
        self.with_uri = with_uri && self.options.stats_uri.is_some();
        self.head.name.clear();
        self.head.name.push_str(name);
        (self.head.kind, self.head.created_us) = (Some(kind), created_us);
        let unit = unit.filter(|unit| ends_in(kind.base(name), unit));
        match &mut self.spelling {
            Spelling::Lines(lines) => lines.header(name, kind, help, unit),
            Spelling::Messages(messages) => messages.header(name, kind, help, unit),
            Spelling::Elsewhere(to) => to.family(&self.head, help, unit),
        }
        true
    }

    /// Whether a family of this name would be written, if it is free.
    pub(super) fn wants(&self, name: &str, kind: Type) -> bool {
        wants(&self.options.families, name, kind)
    }

    /// Takes the names of a family and of its samples; false when one of them is taken.
    pub(super) fn claim(&mut self, name: &str, kind: Type) -> bool {
        let base = kind.base(name);
        if kind.suffixes().is_empty() {
            return !self.seen.contains(base) && self.seen.insert(base.to_owned());
        }
        let suffixes = kind.suffixes().iter().map(|suffix| [base, suffix].concat());
        let names: Vec<String> = suffixes.chain([base.to_owned()]).collect();
        let free = !names.iter().any(|name| self.seen.contains(name));
        if free {
            self.seen.extend(names);
        }
        free
    }

    /// One sample of the open family, for all types but histograms and summaries.
    pub(super) fn sample(&mut self, labels: &Labels<'_>, value: Value) {
        self.labelled(labels, |spelling, head, labels| match spelling {
            Spelling::Lines(lines) => lines.sample(head, labels, value),
            Spelling::Messages(messages) => messages.sample(head, labels, value),
            Spelling::Elsewhere(to) => to.sample(head, labels, value),
        });
    }

    /// One histogram of the open family.
    pub(super) fn histogram(&mut self, labels: &Labels<'_>, observed: &Observed<'_>) {
        self.labelled(labels, |spelling, head, labels| match spelling {
            Spelling::Lines(lines) => lines.histogram(head, labels, observed),
            Spelling::Messages(messages) => messages.histogram(head, labels, observed),
            Spelling::Elsewhere(to) => to.histogram(head, labels, observed),
        });
    }

    /// One summary of the open family, without quantiles.
    pub(super) fn summary(&mut self, labels: &Labels<'_>, sum: Value, count: u64) {
        self.labelled(labels, |spelling, head, labels| match spelling {
            Spelling::Lines(lines) => lines.summary(head, labels, sum, count),
            Spelling::Messages(messages) => messages.summary(head, labels, sum, count),
            Spelling::Elsewhere(to) => to.summary(head, labels, sum, count),
        });
    }

    /// The document, ended as its format demands.
    pub(super) fn finish(self) -> Vec<u8> {
        match self.spelling {
            Spelling::Lines(lines) => lines.finish(),
            Spelling::Messages(messages) => messages.finish(),
            Spelling::Elsewhere(_) => Vec::new(),
        }
    }

    fn labelled(
        &mut self,
        labels: &Labels<'_>,
        write: impl FnOnce(&mut Spelling<'a>, &Head, &Labels<'_>),
    ) {
        let uri = self.options.stats_uri.as_ref().filter(|_| self.with_uri);
        match uri {
            None => write(&mut self.spelling, &self.head, labels),
            Some(uri) => {
                let first = [("stats_uri", uri.as_bytes())];
                let all: Vec<_> = first.into_iter().chain(labels.iter().copied()).collect();
                write(&mut self.spelling, &self.head, &all);
            }
        }
    }
}

/// Whether one of the names that were asked for is this family's, or one of its samples'.
pub(super) fn wants(wanted: &[String], name: &str, kind: Type) -> bool {
    let base = kind.base(name);
    let is_ours = |wanted: &String| {
        wanted == name
            || wanted
                .strip_prefix(base)
                .is_some_and(|suffix| suffix.is_empty() || kind.suffixes().contains(&suffix))
    };
    wanted.is_empty() || wanted.iter().any(is_ours)
}

/// The unit a name ends in, as far as we use units in names.
fn unit_of(name: &str) -> Option<&'static str> {
    let units = ["seconds", "bytes", "ratio"];
    units.into_iter().find(|unit| ends_in(name, unit))
}

fn ends_in(name: &str, unit: &str) -> bool {
    !unit.is_empty() && name.strip_suffix(unit).is_some_and(|rest| rest.ends_with('_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_family_is_written_once_and_only_when_asked_for() {
        let options = PromOptions { families: vec!["a_total".into()], ..PromOptions::default() };
        let mut out = Writer::new(Format::OpenMetrics1(None), &Snapshot::default(), &options);
        assert!(out.family("a_total", Type::Counter, "A \"x\"", false));
        out.sample(&[], Value::Uint(1));
        assert!(!out.family("a_total", Type::Counter, "again", false));
        assert!(!out.family("b", Type::Gauge, "filtered", false));
        assert_eq!(out.finish(), b"# TYPE a counter\n# HELP a A \\\"x\\\"\na_total 1\n# EOF\n");
    }

    #[test]
    fn a_family_answers_to_the_names_of_its_samples() {
        let cases = [
            ("a_total", "a_total", Type::Counter, true),
            ("a", "a_total", Type::Counter, true),
            ("a_created", "a_total", Type::Counter, true),
            ("a_bucket", "a", Type::Histogram, true),
            ("a_bucket", "a", Type::Gauge, false),
            ("ab", "a", Type::Gauge, false),
            ("", "a", Type::Gauge, false),
        ];
        for (wanted, name, kind, want) in cases {
            assert_eq!(wants(&[wanted.to_owned()], name, kind), want, "{wanted} of {name}");
        }
    }
}
