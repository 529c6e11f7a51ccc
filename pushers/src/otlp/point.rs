//! What a message is made of, whatever its form.

use std::borrow::Cow;

use uwsgi_metrics::{ExemplarView, Exponential};

/// An attribute's value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Attribute<'a> {
    Text(Cow<'a, str>),
    Int(i64),
}

/// Attributes in order.
pub(super) type Attributes<'a> = Vec<(Cow<'a, str>, Attribute<'a>)>;

/// A number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Number {
    Int(i64),
    Real(f64),
}

/// What a point says.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Said<'a> {
    Number(Number),
    /// Upper bounds but the last, and how many values lie in each bucket.
    Buckets {
        bounds: &'a [f64],
        counts: Vec<u64>,
        sum: f64,
    },
    Exponential {
        all: Exponential,
        sum: f64,
    },
    Summary {
        sum: f64,
        count: u64,
    },
}

/// One point.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Point<'a> {
    /// Since when it counts, epoch nanoseconds; 0 for what does not count.
    pub(super) start_ns: u64,
    pub(super) at_ns: u64,
    pub(super) attributes: Attributes<'a>,
    pub(super) said: Said<'a>,
    pub(super) examples: Vec<ExemplarView>,
}

/// What the points of a metric are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Shape {
    #[default]
    Gauge,
    /// Whether it only grows.
    Sum(bool),
    Buckets,
    Exponential,
    Summary,
}

/// A metric without its points.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Metric {
    pub(super) name: String,
    pub(super) help: String,
    pub(super) unit: String,
    pub(super) shape: Shape,
    /// Whether points say what came since the last push, or all.
    pub(super) delta: bool,
}

impl Metric {
    /// The number of its temporality.
    pub(super) fn temporality(&self) -> u64 {
        if self.delta { 1 } else { 2 }
    }
}

/// Who sends: attributes of the resource, and the version of the scope `uwsgi`.
#[derive(Clone, Debug, Default)]
pub(super) struct Sender {
    pub(super) attributes: Attributes<'static>,
    pub(super) version: String,
}

/// The name of the scope.
pub(super) const SCOPE: &str = "uwsgi";

/// Buckets in one list without holes: the index of the first, and the counts. Resolution is given
/// up where there would be more of them than receivers are made for.
pub(super) fn dense(all: &Exponential) -> (i32, i32, Vec<u64>) {
    const MOST: i32 = 160;
    let (mut schema, mut buckets) = (all.schema, all.buckets.clone());
    let width = |buckets: &[(i32, u64)]| match (buckets.first(), buckets.last()) {
        (Some((first, _)), Some((last, _))) => last - first + 1,
        _ => 0,
    };
    while width(&buckets) > MOST {
        (schema, buckets) = (schema - 1, halved(&buckets));
    }
    let first = buckets.first().map_or(0, |(index, _)| *index);
    let mut counts = vec![0; usize::try_from(width(&buckets)).unwrap_or(0)];
    for (index, count) in buckets {
        if let Some(place) = usize::try_from(index - first).ok().and_then(|at| counts.get_mut(at)) {
            *place = count;
        }
    }
    (schema, first, counts)
}

/// Pairs of neighbours become one bucket.
pub(super) fn halved(buckets: &[(i32, u64)]) -> Vec<(i32, u64)> {
    let mut out: Vec<(i32, u64)> = Vec::with_capacity(buckets.len() / 2 + 1);
    for (index, count) in buckets {
        let index = (index + 1) >> 1;
        match out.last_mut().filter(|(last, _)| *last == index) {
            Some((_, sum)) => *sum += count,
            None => out.push((index, *count)),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holes_are_filled_and_a_wide_range_is_coarse() {
        let of = |buckets: &[(i32, u64)]| {
            dense(&Exponential { schema: 3, zeros: 0, buckets: buckets.to_vec() })
        };
        assert_eq!(of(&[(-2, 3), (1, 5)]), (3, -2, vec![3, 0, 0, 5]));
        assert_eq!(of(&[]), (3, 0, vec![]));
        let (schema, first, counts) = of(&[(0, 1), (1, 2), (200, 4)]);
        assert_eq!((schema, first, counts.len()), (2, 0, 101));
        assert_eq!((counts[0], counts[1], counts[100]), (1, 2, 4));
    }
}
