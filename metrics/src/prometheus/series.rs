//! Families that applications made, with their own names and labels.
//!
//! They come last, so a name that the server uses itself stays the server's: the family of the
//! application is left out. The samples of single workers get the label `worker_id`, as those of
//! the server have it; a family that has such a label itself gets `uwsgi_worker_id`.

use super::writer::{Type, Writer};
use crate::series::{FamilyKind, FamilySnap, Sample};
use crate::snapshot::Snapshot;

/// One label.
type Label<'a> = (&'a str, &'a [u8]);

/// Writes all families, in the order of their registration.
pub(super) fn write(out: &mut Writer<'_>, snapshot: &Snapshot) {
    super::families::claim(out);
    super::extra::claim(out);
    super::apps::claim(out);
    for family in &snapshot.series {
        let kind = type_of(family.kind);
        let suffix = match kind {
            Type::Counter => "_total",
            Type::Info => "_info",
            _ => "",
        };
        let name = format!("{}{suffix}", family.name);
        if out.open(&name, kind, &family.help, Some(&family.unit), false) {
            family.samples.iter().for_each(|sample| write_sample(out, family, &name, sample));
        }
    }
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

fn write_sample(out: &mut Writer<'_>, family: &FamilySnap, name: &str, sample: &Sample) {
    let worker = sample.worker.map(|worker| worker.to_string());
    let values = sample.values.iter().map(Vec::as_slice);
    let mut labels: Vec<Label<'_>> = family.labels.iter().map(String::as_str).zip(values).collect();
    if let Some(worker) = &worker {
        let taken = family.labels.iter().any(|label| label == "worker_id");
        labels.push((if taken { "uwsgi_worker_id" } else { "worker_id" }, worker.as_bytes()));
    }
    match family.kind {
        FamilyKind::Histogram | FamilyKind::Summary => {
            observations(out, family, sample, &labels);
        }
        _ => out.sample(name, &labels, &number(sample.value)),
    }
}

/// Buckets, which are cumulative here, sum and count. The count is that of the buckets, so the two
/// agree whatever was observed while they were read.
fn observations(out: &mut Writer<'_>, family: &FamilySnap, sample: &Sample, labels: &[Label<'_>]) {
    let name = &family.name;
    let mut count = 0;
    if family.kind == FamilyKind::Histogram {
        let bounds = family.bounds.iter().map(|bound| out.bound(*bound));
        let bounds: Vec<String> = bounds.chain(["+Inf".to_owned()]).collect();
        let bucket = format!("{name}_bucket");
        for (bound, n) in bounds.iter().zip(&sample.buckets) {
            count += n;
            let with_bound: Vec<Label<'_>> =
                labels.iter().copied().chain([("le", bound.as_bytes())]).collect();
            out.sample(&bucket, &with_bound, &count.to_string());
        }
    } else {
        count = sample.buckets.iter().sum();
    }
    out.sample(&format!("{name}_sum"), labels, &number(sample.value));
    out.sample(&format!("{name}_count"), labels, &count.to_string());
}

/// A value as both formats read it: whole numbers without a point, others so that they come back.
fn number(value: f64) -> String {
    if value.is_nan() {
        "NaN".to_owned()
    } else if value.is_infinite() {
        if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned()
    } else if value.trunc() == value && value.abs() < 1e15 {
        format!("{value:.0}")
    } else {
        format!("{value:?}")
    }
}
