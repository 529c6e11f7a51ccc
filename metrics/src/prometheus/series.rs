//! Families that applications made, with their own names and labels.
//!
//! They come last, so a name that the server uses itself stays the server's: the family of the
//! application is left out. The samples of single workers get the label `worker_id`, as those of
//! the server have it; a family that has such a label itself gets `uwsgi_worker_id`.

use super::apps::cumulate;
use super::value::{Value, push_uint};
use super::writer::{Observed, Type, Writer};
use crate::series::{FamilyKind, FamilySnap, Sample};
use crate::snapshot::Snapshot;

/// Label values of what is shown together.
const OVERFLOW: &str = "__overflow__";

/// One label.
type Label<'a> = (&'a str, &'a [u8]);

/// Writes all families, in the order of their registration.
pub(super) fn write(out: &mut Writer<'_>, snapshot: &Snapshot, label_sets: usize) {
    claim_own(out);
    for family in &snapshot.series {
        let (name, kind) = shown(&family.name, family.kind);
        if out.open(&name, kind, &family.help, &family.unit) {
            let (shown, rest) = family.samples.split_at(label_sets.min(family.samples.len()));
            shown.iter().for_each(|sample| write_sample(out, family, sample));
            if let Some(sample) = together(family, rest) {
                write_sample(out, family, &sample);
            }
        }
    }
}

/// Those of which a name is taken when all else is written.
pub(super) fn hidden(out: &mut Writer<'_>, snapshot: &Snapshot) -> Vec<String> {
    claim_own(out);
    let shown = snapshot.series.iter().map(|family| shown(&family.name, family.kind));
    shown.filter(|(name, kind)| !out.claim(name, *kind)).map(|(name, _)| name).collect()
}

/// Takes the names of the server that have nothing to say now.
fn claim_own(out: &mut Writer<'_>) {
    super::families::claim(out);
    super::extra::claim(out);
    super::apps::claim(out);
    super::thresholds::claim(out);
}

/// What stands for the label sets beyond the limit. Counts have a sum that never falls, because
/// series keep their order; of levels, facts and states there is none.
fn together(family: &FamilySnap, rest: &[Sample]) -> Option<Sample> {
    let counts =
        matches!(family.kind, FamilyKind::Counter | FamilyKind::Histogram | FamilyKind::Summary);
    let first = rest.first().filter(|_| counts)?;
    let mut sum = Sample {
        values: vec![OVERFLOW.into(); family.labels.len()],
        worker: None,
        value: 0.0,
        buckets: vec![0; first.buckets.len()],
    };
    for sample in rest {
        sum.value += sample.value;
        sum.buckets.iter_mut().zip(&sample.buckets).for_each(|(to, n)| *to += n);
    }
    Some(sum)
}

/// The name of a family in the document, and what it is there.
pub(super) fn shown(name: &str, kind: FamilyKind) -> (String, Type) {
    let kind = type_of(kind);
    let suffix = match kind {
        Type::Counter => "_total",
        Type::Info => "_info",
        _ => "",
    };
    ([name, suffix].concat(), kind)
}

fn type_of(kind: FamilyKind) -> Type {
    match kind {
        FamilyKind::Counter => Type::Counter,
        FamilyKind::Gauge => Type::Gauge,
        FamilyKind::Histogram => Type::Histogram,
        FamilyKind::Summary => Type::Summary,
        FamilyKind::Info => Type::Info,
        FamilyKind::StateSet => Type::StateSet,
        FamilyKind::Unknown => Type::Unknown,
    }
}

fn write_sample(out: &mut Writer<'_>, family: &FamilySnap, sample: &Sample) {
    let mut worker = Vec::new();
    let values = sample.values.iter().map(Vec::as_slice);
    let mut labels: Vec<Label<'_>> = family.labels.iter().map(String::as_str).zip(values).collect();
    if let Some(id) = sample.worker {
        push_uint(&mut worker, id.into());
        let taken = family.labels.iter().any(|label| label == "worker_id");
        labels.push((if taken { "uwsgi_worker_id" } else { "worker_id" }, &worker));
    }
    // Sums and counts are those of the buckets, so the two agree whatever was observed meanwhile.
    let value = Value::Real(sample.value);
    match family.kind {
        FamilyKind::Histogram => {
            let mut below = sample.buckets.clone();
            cumulate(&mut below);
            let bounds = &family.bounds;
            let observed =
                Observed { bounds, below: &below, sum: value, native: None, exemplars: &[] };
            out.histogram(&labels, &observed);
        }
        FamilyKind::Summary => out.summary(&labels, value, sample.buckets.iter().sum()),
        _ => out.sample(&labels, value),
    }
}
