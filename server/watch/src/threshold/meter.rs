//! From samples to the one number a threshold compares.
//!
//! A window that was not seen as a whole says nothing: a rate of the first second would page at
//! every start. A burn rate is the exception, because six hours are too long to be blind: while
//! nothing is wrong the time that nobody saw counts as time without errors, and while it fires that
//! time says nothing, so that a new observer neither pages again nor lets go too early.

use uwsgi_metrics::{Latency, LatencySnap};

use super::Samples;
use super::spec::{Op, Pair};
use super::standing::Reading;
use super::window::{Ring, Steady};

/// Steps of the window of a counter: six hours in steps of a minute.
pub(super) const STEPS: u64 = 360;

/// A metric of the list, as a sum that goes on when the metric begins anew.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) key: String,
    pub(super) counter: bool,
    steady: Steady,
    /// Value and sum of this look.
    now: Option<(i64, i64)>,
}

/// A histogram over a window; thresholds of the same window share it.
#[derive(Debug)]
pub(super) struct Recent {
    pub(super) what: Latency,
    pub(super) window: u64,
    count: u64,
    ring: Ring<LatencySnap>,
}

/// How a threshold gets its number.
#[derive(Debug)]
pub(super) enum Meter {
    Value(usize),
    Delta(usize, Ring<i64>),
    Ratio { over: usize, under: usize, window: Option<Ring<(i64, i64)>> },
    Percentile { recent: usize, quantile: f64 },
    Burn { count: Count, budget: f64, pairs: Vec<BurnPair> },
}

/// Bad events and all events.
#[derive(Debug)]
pub(super) enum Count {
    Counters { bad: usize, total: usize },
    Latency { what: Latency, limit_us: u64, sums: [Steady; 2] },
}

/// Two windows over bad events and all.
#[derive(Debug)]
pub(super) struct BurnPair {
    pair: Pair,
    long: Ring<(i64, i64)>,
    short: Ring<(i64, i64)>,
}

/// What a value is compared with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) op: Op,
    pub(super) bound: f64,
    pub(super) clear: Option<f64>,
    /// Fewer events in the window say nothing.
    pub(super) least: f64,
}

impl Source {
    pub(super) fn new(key: &str, counter: bool) -> Source {
        Source { key: key.to_owned(), counter, steady: Steady::default(), now: None }
    }

    pub(super) fn look(&mut self, value: Option<i64>) {
        self.now = value.map(|value| (value, self.steady.add(value, self.counter)));
    }
}

impl Recent {
    pub(super) fn new(what: Latency, window: u64) -> Recent {
        // Entries of histograms are large: a minute in seconds, an hour in minutes.
        Recent { what, window, count: 0, ring: Ring::new(window, 60) }
    }

    pub(super) fn look(&mut self, now: i64, latency: &LatencySnap) {
        if latency.count < self.count {
            self.ring.clear();
        }
        self.count = latency.count;
        self.ring.keep(now, || latency.clone());
    }
}

impl BurnPair {
    pub(super) fn new(pair: Pair) -> BurnPair {
        let ring = |length| Ring::new(length, STEPS);
        BurnPair { pair, long: ring(pair.long), short: ring(pair.short) }
    }
}

impl Bounds {
    fn judge(self, value: f64) -> Reading {
        Reading::Known {
            value,
            bound: self.bound,
            holds: self.op.holds(value, self.bound),
            over: !self.op.holds(value, self.clear.unwrap_or(self.bound)),
        }
    }
}

impl Meter {
    /// Reads it at `now`. `firing` says what the threshold was before.
    pub(super) fn read(
        &mut self,
        now: i64,
        seen: (&[Source], &[Recent], &dyn Samples),
        bounds: Bounds,
        firing: bool,
    ) -> Reading {
        let (sources, recents, samples) = seen;
        let value = match self {
            Meter::Value(source) => value(sources, *source),
            Meter::Delta(source, ring) => delta(sum(sources, *source), ring, now),
            Meter::Ratio { over, under, window: None } => {
                let parts = value(sources, *over).zip(value(sources, *under));
                parts.map(|(over, under)| divide(over, under, bounds.least))
            }
            Meter::Ratio { over, under, window: Some(ring) } => {
                let sums = sum(sources, *over).zip(sum(sources, *under));
                ratio(sums, ring, now, bounds.least)
            }
            Meter::Percentile { recent, quantile } => {
                percentile(recents.get(*recent), samples, now, *quantile, bounds.least)
            }
            Meter::Burn { count, budget, pairs } => {
                let Some(sums) = count.sums(sources, samples) else { return Reading::Unknown };
                return burn(pairs, now, sums, (*budget, bounds.least), firing);
            }
        };
        // Nothing happened: that does not hold, but it is no proof that it is over either.
        let value = value.filter(|value| !(firing && value.is_nan()));
        value.map_or(Reading::Unknown, |value| bounds.judge(value))
    }
}

impl Count {
    fn sums(&mut self, sources: &[Source], samples: &dyn Samples) -> Option<(i64, i64)> {
        match self {
            Count::Counters { bad, total } => sum(sources, *bad).zip(sum(sources, *total)),
            Count::Latency { what, limit_us, sums: [bad, total] } => {
                let latency = samples.latency(*what);
                let signed = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
                let slow = latency.count.saturating_sub(latency.count_up_to(*limit_us));
                Some((bad.add(signed(slow), true), total.add(signed(latency.count), true)))
            }
        }
    }
}

fn value(sources: &[Source], index: usize) -> Option<f64> {
    sources.get(index)?.now.map(|(value, _)| value as f64)
}

fn sum(sources: &[Source], index: usize) -> Option<i64> {
    sources.get(index)?.now.map(|(_, sum)| sum)
}

/// A quotient; no number where too little happened to speak of one.
fn divide(over: f64, under: f64, least: f64) -> f64 {
    if under == 0.0 || under < least { f64::NAN } else { over / under }
}

fn delta(sum: Option<i64>, ring: &mut Ring<i64>, now: i64) -> Option<f64> {
    let sum = sum?;
    ring.keep(now, || sum);
    let base = ring.base(now).filter(|base| base.covered)?;
    Some((sum - base.entry) as f64 / base.seconds as f64)
}

fn ratio(
    sums: Option<(i64, i64)>,
    ring: &mut Ring<(i64, i64)>,
    now: i64,
    least: f64,
) -> Option<f64> {
    let (over, under) = sums?;
    ring.keep(now, || (over, under));
    let base = ring.base(now).filter(|base| base.covered)?;
    Some(divide((over - base.entry.0) as f64, (under - base.entry.1) as f64, least))
}

fn percentile(
    recent: Option<&Recent>,
    samples: &dyn Samples,
    now: i64,
    quantile: f64,
    least: f64,
) -> Option<f64> {
    let recent = recent?;
    let base = recent.ring.base(now).filter(|base| base.covered)?;
    let since = samples.latency(recent.what).since(base.entry);
    let enough = since.count > 0 && since.count as f64 >= least;
    Some(if enough { since.quantile(quantile) as f64 } else { f64::NAN })
}

/// The pair that is furthest beyond its factor speaks for all.
fn burn(
    pairs: &mut [BurnPair],
    now: i64,
    sums: (i64, i64),
    (budget, least): (f64, f64),
    firing: bool,
) -> Reading {
    let mut all = Vec::with_capacity(pairs.len());
    for BurnPair { pair, long, short } in pairs {
        long.keep(now, || sums);
        short.keep(now, || sums);
        let short = rate_of(short, now, sums, firing, least);
        let long = rate_of(long, now, sums, firing, least);
        let factor = pair.factor * budget;
        let rate = match (short, long) {
            (Some(short), Some(long)) => Some(lesser(short, long)),
            // Where one is not reached it does not matter what the other would say.
            (Some(rate), None) | (None, Some(rate)) => Some(rate).filter(|r| !reaches(*r, factor)),
            (None, None) => None,
        };
        all.push(rate.map(|rate| (rate / budget, pair.factor)));
    }
    let beyond = |(rate, factor): (f64, f64)| if rate.is_nan() { 0.0 } else { rate / factor };
    let known = all.iter().flatten().copied();
    let Some((rate, factor)) = known.max_by(|a, b| beyond(*a).total_cmp(&beyond(*b))) else {
        return Reading::Unknown;
    };
    let holds = reaches(rate, factor);
    if !holds && all.contains(&None) {
        return Reading::Unknown;
    }
    Reading::Known { value: rate, bound: factor, holds, over: !holds }
}

fn reaches(rate: f64, factor: f64) -> bool {
    rate >= factor
}

/// The smaller one; no number when either is none.
fn lesser(a: f64, b: f64) -> f64 {
    if a.is_nan() || a < b { a } else { b }
}

/// Share of bad events in a window.
fn rate_of(
    ring: &Ring<(i64, i64)>,
    now: i64,
    (bad, total): (i64, i64),
    firing: bool,
    least: f64,
) -> Option<f64> {
    let base = ring.base(now)?;
    let rate = divide((bad - base.entry.0) as f64, (total - base.entry.1) as f64, least);
    match (base.covered, firing) {
        (true, _) => Some(rate),
        (false, true) => None,
        (false, false) => Some(rate * base.seconds as f64 / ring.length() as f64),
    }
}
