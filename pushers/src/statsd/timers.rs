//! Times of requests as statsd wants them: single values, taken from what the histograms counted
//! since the push before.
//!
//! However many requests there were, a push has a bounded number of values: each stands for a run
//! of as many requests as necessary, taken in the order of their times, and says so by its sample
//! rate. Counts stay exact, and so does the shape up to the width of the runs.

use uwsgi_metrics::{Latency, LatencySnap, Snapshot};

/// Values of one weight.
#[derive(Debug, PartialEq)]
pub(super) struct Sample {
    /// Milliseconds.
    pub(super) values: Vec<f64>,
    /// Requests for which each of them stands.
    pub(super) weight: u64,
}

/// What was counted up to the push before.
#[derive(Debug, Default)]
pub(super) struct Counted {
    before: Option<[LatencySnap; Latency::ALL.len()]>,
}

impl Counted {
    /// Everything that was counted until now is new, or was pushed by the process before this one.
    pub(super) fn new(all_is_new: bool) -> Counted {
        Counted { before: all_is_new.then(Default::default) }
    }

    /// What came since; nothing the first time, unless all is new.
    pub(super) fn since(&mut self, snapshot: &Snapshot) -> Vec<(Latency, LatencySnap)> {
        let now = snapshot.latencies.clone();
        let Some(before) = self.before.replace(now) else { return Vec::new() };
        let since = |what: Latency| (what, snapshot.latency(what).since(&before[what as usize]));
        Latency::ALL.map(since).into_iter().filter(|(_, new)| new.count > 0).collect()
    }
}

/// At most `most` values, and at most one for every `every` requests, besides one for the rest.
pub(super) fn sampled(new: &LatencySnap, most: u64, every: u64) -> Vec<Sample> {
    let weight = new.count.div_ceil(most.max(1)).max(every).max(1);
    let rest = new.count % weight;
    let mut full = Sample { values: Vec::new(), weight };
    let mut last = Sample { values: Vec::new(), weight: rest };
    // The middle of each run stands for it.
    let (mut next, mut seen) = (0, 0);
    for (low, high, count) in new.cells() {
        let value = (low + high) as f64 / 2000.0;
        seen += count;
        while next * weight < new.count {
            let begin = next * weight;
            let run = weight.min(new.count - begin);
            if begin + run / 2 >= seen {
                break;
            }
            let sample = if run == weight { &mut full } else { &mut last };
            sample.values.push(value);
            next += 1;
        }
    }
    [full, last].into_iter().filter(|sample| !sample.values.is_empty()).collect()
}

/// The sample rate of values that stand for `weight` requests each: a receiver that cuts off the
/// fraction of its reciprocal gets the weight again.
pub(super) fn rate(weight: u64) -> f64 {
    let trillionths = (1e12 / weight as f64).floor();
    let rate = trillionths / 1e12;
    if ((1.0 / rate) as u64) < weight { (trillionths - 1.0) / 1e12 } else { rate }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uwsgi_metrics::{Arena, Shape};

    /// Histograms of 1 to `n` milliseconds.
    fn recorded(n: u64) -> LatencySnap {
        let arena = Arena::create(&Shape { workers: 1, ..Shape::default() }).unwrap();
        (1..=n).for_each(|ms| arena.histogram(1, Latency::Request).record(ms * 1000));
        arena.snapshot().latency(Latency::Request).clone()
    }

    #[test]
    fn few_requests_are_all_pushed() {
        let samples = sampled(&recorded(4), 10, 1);
        let [sample] = &samples[..] else { panic!("{samples:?}") };
        assert_eq!(sample.weight, 1);
        let near = |value: &f64, ms: f64| (value - ms).abs() <= ms / 100.0;
        assert!(sample.values.iter().zip([1.0, 2.0, 3.0, 4.0]).all(|(v, ms)| near(v, ms)));
    }

    #[test]
    fn many_requests_are_bounded_and_their_count_is_exact() {
        for (n, most, every) in
            [(1000, 100, 1), (1003, 100, 1), (17, 5, 1), (50, 100, 10), (3, 9, 7)]
        {
            let samples = sampled(&recorded(n), most, every);
            let values: usize = samples.iter().map(|sample| sample.values.len()).sum();
            assert!(values as u64 <= most + 1, "{n} {most}: {values}");
            let count: u64 = samples.iter().map(|s| s.values.len() as u64 * s.weight).sum();
            assert_eq!(count, n, "{samples:?}");
            let sum: f64 =
                samples.iter().flat_map(|s| s.values.iter().map(|v| v * s.weight as f64)).sum();
            let wanted = (n * (n + 1) / 2) as f64;
            // The middle of a run is off by a little more than half of a request's distance.
            assert!((sum - wanted).abs() < wanted * 0.02 + n as f64, "{n}: {sum} for {wanted}");
        }
    }

    #[test]
    fn nothing_is_told_twice() {
        let arena = Arena::create(&Shape { workers: 1, ..Shape::default() }).unwrap();
        let record = |us| arena.histogram(1, Latency::Request).record(us);
        record(1000);
        let mut heir = Counted::new(false);
        assert!(heir.since(&arena.snapshot()).is_empty(), "the process before told it");
        let mut first = Counted::new(true);
        assert_eq!(first.since(&arena.snapshot())[0].1.count, 1);
        record(9000);
        for counted in [&mut heir, &mut first] {
            let [(Latency::Request, new)] = &counted.since(&arena.snapshot())[..] else { panic!() };
            assert_eq!(new.count, 1);
        }
        assert!(first.since(&arena.snapshot()).is_empty());
    }

    #[test]
    fn the_reciprocal_of_a_rate_is_the_weight() {
        for weight in (1..5000).chain([99_999, 700_001]) {
            assert_eq!((1.0 / rate(weight)) as u64, weight);
            assert_eq!((1.0 / rate(weight)).round() as u64, weight);
        }
    }
}
