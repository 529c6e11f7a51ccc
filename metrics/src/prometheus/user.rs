//! User metrics as families: the dotted name split into a family name and labels.
//!
//! Samples of one family are gathered before they are written, because families may not be
//! interleaved. Of two metrics that end up with the same family and labels the first is kept; a
//! name that an earlier family occupies with another type is left out.

use super::writer::{Labels, Type, Writer};
use crate::metric_pool::Kind;
use crate::rows::MetricCells;
use crate::snapshot::Snapshot;

/// One family being gathered.
struct Family {
    name: String,
    kind: Type,
    samples: Vec<(Vec<(String, String)>, i64)>,
}

/// Writes all registered metrics but aliases.
pub(super) fn write(out: &mut Writer<'_>, snapshot: &Snapshot) {
    for family in gather(&snapshot.metrics) {
        if !out.family(&family.name, family.kind, "User metric.", true) {
            continue;
        }
        for (labels, value) in &family.samples {
            let labels: Vec<_> = labels.iter().map(|(k, v)| (k.as_str(), v.as_bytes())).collect();
            let labels: &Labels<'_> = &labels;
            out.sample(&family.name, labels, &value.to_string());
        }
    }
}

fn gather(metrics: &[MetricCells]) -> Vec<Family> {
    let mut families: Vec<Family> = Vec::new();
    for metric in metrics {
        let kind = match Kind::from_code(metric.kind) {
            Kind::Alias => continue,
            // A counter of the API may be decreased; below zero it can only be a gauge.
            Kind::Counter if metric.value >= 0 => Type::Counter,
            Kind::Counter | Kind::Gauge | Kind::Absolute => Type::Gauge,
        };
        let (mut name, labels) = split(&String::from_utf8_lossy(&metric.name));
        if kind == Type::Counter {
            name.push_str("_total");
        }
        match families.iter_mut().find(|family| family.name == name) {
            Some(family) if family.kind != kind => {}
            Some(family) if family.samples.iter().any(|(known, _)| *known == labels) => {}
            Some(family) => family.samples.push((labels, metric.value)),
            None => families.push(Family { name, kind, samples: vec![(labels, metric.value)] }),
        }
    }
    families
}

/// `worker.1.foo` becomes `uwsgi_metric_worker_foo` and `worker="1"`.
fn split(name: &str) -> (String, Vec<(String, String)>) {
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
    fn labels_are_legal_names() {
        let (_, labels) = split("9x.3.le.4");
        for (name, _) in labels {
            assert!(!name.starts_with(|c: char| c.is_ascii_digit()), "{name} is no label name");
            assert_ne!(name, "le", "reserved for buckets");
        }
    }
}
