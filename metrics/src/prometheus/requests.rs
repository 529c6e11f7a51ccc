//! Requests by app, method and code, with examples of traced ones, and the sizes of bodies.

use super::PromOptions;
use super::extra::{below, name_of};
use super::value::{Value, seconds};
use super::writer::{Observed, Type, Writer};
use crate::exemplar::ExemplarView;
use crate::exponential::Exponential;
use crate::histogram::Latency;
use crate::requests::{RequestsSnap, Size};

/// Upper bounds of sizes, bytes: from what fits into a packet to what one streams.
const SIZE_BOUNDS: [u64; 13] = [
    64,
    256,
    1_024,
    4_096,
    16_384,
    65_536,
    262_144,
    1_048_576,
    4_194_304,
    16_777_216,
    67_108_864,
    268_435_456,
    1_073_741_824,
];

/// Name and help of the sizes.
const SIZES: [(Size, &str, &str); 2] = [
    (Size::RequestBody, "uwsgi_request_body_bytes", "Bytes of request bodies that were read."),
    (Size::ResponseBody, "uwsgi_response_body_bytes", "Bytes of response bodies that were sent."),
];

/// Durations, one histogram for each label set.
pub(super) fn durations(out: &mut Writer<'_>, requests: &RequestsSnap, options: &PromOptions) {
    let (name, help) = name_of(Latency::Request);
    if !out.family(name, Type::Histogram, help, true) {
        return;
    }
    let bounds: Vec<f64> = options.buckets_us.iter().map(|us| *us as f64 / 1e6).collect();
    for of in &requests.durations {
        let native = Exponential::of_latency(&of.latency);
        let observed = Observed {
            bounds: &bounds,
            below: &below(&of.latency, &options.buckets_us),
            sum: seconds(of.latency.sum_us),
            native: Some(&native),
            exemplars: &by_bucket(&of.examples, &options.buckets_us),
        };
        let labels: [(&str, &[u8]); 3] =
            [("app", &of.app), ("method", of.method.as_bytes()), ("code", of.code.as_bytes())];
        out.histogram(&labels, &observed);
    }
}

/// Sizes, where somebody measures them.
pub(super) fn sizes(out: &mut Writer<'_>, requests: &RequestsSnap) {
    let bounds = SIZE_BOUNDS.map(|bytes| bytes as f64);
    for (what, name, help) in SIZES {
        let sizes = &requests.sizes[what as usize];
        if sizes.count == 0 || !out.family(name, Type::Histogram, help, true) {
            continue;
        }
        let native = Exponential::of_cells(sizes, 1.0);
        let observed = Observed {
            bounds: &bounds,
            below: &below(sizes, &SIZE_BOUNDS),
            sum: Value::Uint(sizes.sum_us),
            native: Some(&native),
            exemplars: &[],
        };
        out.histogram(&[], &observed);
    }
}

/// Takes the names of what may have nothing to say now.
pub(super) fn claim(out: &mut Writer<'_>) {
    SIZES.iter().for_each(|(_, name, _)| {
        out.claim(name, Type::Histogram);
    });
}

/// The newest example of each bucket.
fn by_bucket(examples: &[ExemplarView], bounds: &[u64]) -> Vec<Option<ExemplarView>> {
    if examples.is_empty() {
        return Vec::new();
    }
    let mut newest = vec![None; bounds.len() + 1];
    for example in examples {
        let bucket = &mut newest[bounds.partition_point(|bound| *bound < example.value_us)];
        if bucket.is_none_or(|known: ExemplarView| known.at_us <= example.at_us) {
            *bucket = Some(*example);
        }
    }
    newest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_shows_its_newest_example() {
        let example = |value_us, at_us| ExemplarView { value_us, at_us, ..Default::default() };
        let all = [example(10, 2), example(7, 1), example(11, 5), example(99, 1)];
        let found = by_bucket(&all, &[10, 20]);
        assert_eq!(found, [Some(all[0]), Some(all[2]), Some(all[3])]);
        assert!(by_bucket(&[], &[10]).is_empty());
    }
}
