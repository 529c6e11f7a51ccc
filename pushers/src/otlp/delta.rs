//! What was said before, for receivers that want to hear only what came since.

use std::collections::HashMap;

use uwsgi_metrics::Exponential;

use super::point::{Number, Said, halved};

/// The points of the push before.
#[derive(Debug, Default)]
pub(super) struct Before {
    points: HashMap<Box<[u8]>, Known>,
    /// When it was, epoch nanoseconds; 0 before the first.
    at_ns: u64,
}

#[derive(Debug)]
enum Known {
    Number(Number),
    Buckets(Vec<u64>, f64),
    Exponential(Exponential, f64),
    Summary(f64, u64),
}

impl Before {
    /// A push is over.
    pub(super) fn end(&mut self, at_ns: u64) {
        self.at_ns = at_ns;
    }

    /// When the push before was; 0 when there was none.
    pub(super) fn at_ns(&self) -> u64 {
        self.at_ns
    }

    /// Replaces what is said by what came since the push before. A count that fell began anew.
    pub(super) fn since(&mut self, key: &[u8], said: &mut Said<'_>) {
        let now = match said {
            Said::Number(number) => Known::Number(*number),
            Said::Buckets { counts, sum, .. } => Known::Buckets(counts.clone(), *sum),
            Said::Exponential { all, sum } => Known::Exponential(all.clone(), *sum),
            Said::Summary { sum, count } => Known::Summary(*sum, *count),
        };
        let before = match self.points.get_mut(key) {
            Some(known) => std::mem::replace(known, now),
            None => {
                self.points.insert(key.into(), now);
                return;
            }
        };
        match (said, before) {
            (Said::Number(Number::Int(now)), Known::Number(Number::Int(before))) => {
                *now = if *now < before { *now } else { *now - before };
            }
            (Said::Number(Number::Real(now)), Known::Number(Number::Real(before))) => {
                *now = if *now < before { *now } else { *now - before };
            }
            (Said::Buckets { counts, sum, .. }, Known::Buckets(before, sum_before))
                if has_grown(counts, &before) =>
            {
                counts.iter_mut().zip(&before).for_each(|(now, before)| *now -= before);
                *sum -= sum_before;
            }
            (Said::Exponential { all, sum }, Known::Exponential(before, sum_before)) => {
                if let Some(rest) = less(all, before) {
                    (*all, *sum) = (rest, *sum - sum_before);
                }
            }
            (Said::Summary { sum, count }, Known::Summary(sum_before, before))
                if *count >= before =>
            {
                (*sum, *count) = (*sum - sum_before, *count - before);
            }
            _ => {}
        }
    }
}

fn has_grown(now: &[u64], before: &[u64]) -> bool {
    now.len() == before.len() && now.iter().zip(before).all(|(now, before)| now >= before)
}

/// The difference, at the coarser of both resolutions; nothing when a count fell.
fn less(now: &Exponential, mut before: Exponential) -> Option<Exponential> {
    let mut now = now.clone();
    while now.schema > before.schema {
        (now.schema, now.buckets) = (now.schema - 1, halved(&now.buckets));
    }
    while before.schema > now.schema {
        (before.schema, before.buckets) = (before.schema - 1, halved(&before.buckets));
    }
    now.zeros = now.zeros.checked_sub(before.zeros)?;
    for (index, count) in before.buckets {
        let place = now.buckets.binary_search_by_key(&index, |(index, _)| *index).ok()?;
        let bucket = now.buckets.get_mut(place)?;
        bucket.1 = bucket.1.checked_sub(count)?;
    }
    now.buckets.retain(|(_, count)| *count > 0);
    Some(now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_differences_until_they_fall() {
        let mut before = Before::default();
        let mut said = |value| {
            let mut said = Said::Number(Number::Int(value));
            before.since(b"k", &mut said);
            said
        };
        let want = |value| Said::Number(Number::Int(value));
        assert_eq!([said(5), said(7), said(7), said(2)], [5, 2, 0, 2].map(want));
    }

    #[test]
    fn buckets_are_differences() {
        let mut before = Before::default();
        let mut said = |counts: &[u64], sum| {
            let mut said = Said::Buckets { bounds: &[1.0], counts: counts.to_vec(), sum };
            before.since(b"k", &mut said);
            said
        };
        said(&[1, 1], 2.5);
        let want = Said::Buckets { bounds: &[1.0], counts: vec![2, 0], sum: 0.5 };
        assert_eq!(said(&[3, 1], 3.0), want);
    }

    #[test]
    fn resolutions_are_made_equal() {
        let of = |schema, buckets: &[(i32, u64)]| Exponential {
            schema,
            zeros: 1,
            buckets: buckets.to_vec(),
        };
        let rest = less(&of(2, &[(1, 5), (2, 1)]), of(3, &[(1, 1), (2, 2)])).unwrap();
        assert_eq!((rest.schema, rest.zeros, rest.buckets), (2, 0, vec![(1, 2), (2, 1)]));
        assert_eq!(less(&of(3, &[(1, 1)]), of(3, &[(1, 2)])), None);
    }
}
