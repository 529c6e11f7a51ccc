//! User metrics as families: the dotted name split into a family name and labels.
//!
//! Samples of one family are gathered before they are written, because families may not be
//! interleaved. Of two metrics that end up with the same family and labels the first is kept; a
//! name that an earlier family occupies with another type is left out.

use std::collections::{HashMap, HashSet};

use super::value::Value;
use super::writer::{Labels, Type, Writer};
use super::{Format, PromOptions};
use crate::metric_pool::Kind;
use crate::rows::MetricCells;
use crate::snapshot::Snapshot;

/// Labels of one sample, owned.
type Own = Vec<(String, String)>;

/// One family being gathered.
struct Family<'a> {
    name: String,
    kind: Type,
    samples: Vec<(Own, &'a MetricCells)>,
}

/// Metrics that are not shown, each with the family whose name was taken.
type Hidden = Vec<(Vec<u8>, String)>;

/// Writes all registered metrics but aliases.
pub(super) fn write(out: &mut Writer<'_>, snapshot: &Snapshot) {
    for family in gather(&snapshot.metrics).0 {
        if !out.family(&family.name, family.kind, "User metric.", true) {
            continue;
        }
        for (labels, metric) in &family.samples {
            let labels: Vec<_> = labels.iter().map(|(k, v)| (k.as_str(), v.as_bytes())).collect();
            let labels: &Labels<'_> = &labels;
            out.sample(labels, Value::Int(metric.value));
        }
    }
}

/// The metrics that [`write`] leaves out because others have their names.
pub(super) fn hidden(snapshot: &Snapshot) -> Hidden {
    let options = PromOptions::default();
    let mut out = Writer::new(Format::Text, snapshot, &options);
    super::families::claim(&mut out);
    let (families, mut hidden) = gather(&snapshot.metrics);
    for family in families {
        if !out.claim(&family.name, family.kind) {
            let names = family.samples.iter().map(|(_, metric)| metric.name.clone());
            hidden.extend(names.map(|name| (name, family.name.clone())));
        }
    }
    hidden
}

fn gather(metrics: &[MetricCells]) -> (Vec<Family<'_>>, Hidden) {
    let (mut families, mut hidden) = (Vec::<Family<'_>>::new(), Hidden::new());
    let (mut places, mut known) = (HashMap::new(), HashSet::new());
    for metric in metrics {
        let Some(kind) = type_of(metric) else { continue };
        let (mut name, labels) = split(&String::from_utf8_lossy(&metric.name));
        if kind == Type::Counter && !name.ends_with("_total") {
            name.push_str("_total");
        }
        let place = *places.entry(name.clone()).or_insert(families.len());
        if place == families.len() {
            families.push(Family { name, kind, samples: Vec::new() });
        }
        let family = &mut families[place];
        if family.kind == kind && known.insert((place, labels.clone())) {
            family.samples.push((labels, metric));
        } else {
            hidden.push((metric.name.clone(), family.name.clone()));
        }
    }
    (families, hidden)
}

/// Nothing for an alias, which is there under its own name.
fn type_of(metric: &MetricCells) -> Option<Type> {
    Some(match Kind::from_code(metric.kind) {
        Kind::Alias => return None,
        // A counter of the API may be decreased; below zero it can only be a gauge.
        Kind::Counter if metric.value >= 0 => Type::Counter,
        Kind::Counter | Kind::Gauge | Kind::Absolute => Type::Gauge,
    })
}

/// `worker.1.foo` becomes `uwsgi_metric_worker_foo` and `worker="1"`.
pub fn split(name: &str) -> (String, Vec<(String, String)>) {
    let mut family = String::from("uwsgi_metric");
    let mut labels: Vec<(String, String)> = Vec::new();
    let mut before: Option<String> = None;
    for segment in name.split('.') {
        let is_index = !segment.is_empty() && segment.bytes().all(|b| b.is_ascii_digit());
        match before.take().filter(|_| is_index).map(|word| label_of(&word)) {
            Some(label) if !labels.iter().any(|(known, _)| *known == label) => {
                labels.push((label, segment.to_owned()));
            }
            _ => {
                let word = sanitized(segment);
                family.push('_');
                if is_index && family == "uwsgi_metric_" {
                    family.push('_');
                }
                family.push_str(&word);
                before = (!is_index).then_some(word);
            }
        }
    }
    (family, labels)
}

/// A legal label name: no digit in front, no name the format reserves.
fn label_of(word: &str) -> String {
    let taken = ["le", "quantile", "stats_uri"].contains(&word) || word.starts_with("__");
    if taken || !word.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
        return format!("label_{word}");
    }
    word.to_owned()
}

/// Everything outside `[a-zA-Z0-9_]` becomes `_`.
fn sanitized(segment: &str) -> String {
    segment.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Arena, Shape};

    #[test]
    fn names_split_into_family_and_labels() {
        type Case = (&'static str, &'static str, &'static [(&'static str, &'static str)]);
        let cases: [Case; 6] = [
            ("foo", "uwsgi_metric_foo", &[]),
            ("worker.1.foo", "uwsgi_metric_worker_foo", &[("worker", "1")]),
            ("a.1.b.2.c", "uwsgi_metric_a_b_c", &[("a", "1"), ("b", "2")]),
            ("1.foo", "uwsgi_metric__1_foo", &[]),
            ("my-metric.x", "uwsgi_metric_my_metric_x", &[]),
            ("a.1.a.2", "uwsgi_metric_a_a_2", &[("a", "1")]),
        ];
        for (name, family, labels) in cases {
            let labels: Vec<_> = labels.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect();
            assert_eq!(split(name), (family.to_owned(), labels), "{name}");
        }
    }

    #[test]
    fn of_two_with_one_name_the_first_is_shown_and_the_other_told() {
        let arena = Arena::create(&Shape { metrics: 16, ..Shape::default() }).unwrap();
        let gauges = ["a-b", "w.1.x"];
        for name in ["a.b", "a-b", "orders_total", "w.1.x", "w.2.x", "w.1.y", "x_created", "x"] {
            let kind = if gauges.contains(&name) { Kind::Gauge } else { Kind::Counter };
            arena.register_metric(name, kind, "", 1).unwrap();
        }
        arena.register_metric("orders", Kind::Counter, "", 1).unwrap();
        arena.register_metric("registrations_dropped", Kind::Counter, "", 1).unwrap();
        let snapshot = arena.snapshot();
        let hidden = hidden(&snapshot);
        let names: Vec<_> = hidden.iter().map(|(name, _)| name.as_slice()).collect();
        assert_eq!(names, [&b"orders"[..], b"a-b", b"w.2.x", b"x", b"registrations_dropped"]);
        let options = PromOptions::default();
        let mut out = Writer::new(Format::Text, &snapshot, &options);
        crate::prometheus::families::claim(&mut out);
        write(&mut out, &snapshot);
        let text = String::from_utf8(out.finish()).unwrap();
        assert!(text.contains("\nuwsgi_metric_orders_total 1\n"), "{text}");
        assert!(!text.contains("_total_total"), "{text}");
        for (name, _) in hidden {
            let name = String::from_utf8(name).unwrap();
            assert!(!text.contains(&format!("\nuwsgi_metric_{name} ")), "{name}: {text}");
        }
    }

    #[test]
    fn labels_are_legal_names() {
        let (_, labels) = split("9x.3.le.4");
        for (name, _) in labels {
            assert!(!name.starts_with(|c: char| c.is_ascii_digit()), "{name} is no label name");
            assert_ne!(name, "le", "reserved for buckets");
        }
    }
}
