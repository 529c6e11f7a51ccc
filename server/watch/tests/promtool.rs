//! Burn rates and percentiles against Prometheus: the same series, computed by both.
//!
//! `promtool test rules` evaluates an expression over given series. Each case feeds the series to
//! the thresholds second by second, and asks Prometheus for the same at the last one.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failing helper is a failing test"
)]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::process::Command;

use uwsgi_metrics::schema::Unit;
use uwsgi_metrics::{Arena, Latency, LatencySnap, Shape};
use uwsgi_watch::threshold::{Found, Moment, Names, Samples, Thresholds, parse};

/// Everything is a counter, but for the histogram.
struct Counters;

impl Names for Counters {
    fn find(&self, key: &str) -> Option<Found> {
        Some(match key {
            "core.request_duration" => Found::Latency(Latency::Request),
            _ => Found::Number { unit: Unit::Count, counter: true, every: 1, writable: true },
        })
    }
}

struct Row<'a>(Vec<Option<i64>>, &'a LatencySnap);

impl Samples for Row<'_> {
    fn number(&self, source: usize) -> Option<i64> {
        self.0.get(source).copied().flatten()
    }
    fn latency(&self, _: Latency) -> &LatencySnap {
        self.1
    }
}

/// Series by name, one value per second.
type Series = BTreeMap<String, Vec<u64>>;

/// What a threshold says of series at their last second.
fn ours(text: &str, series: &Series, latencies: &[LatencySnap]) -> f64 {
    let mut all = Thresholds::new(&[parse(text).unwrap()], &Counters, "").unwrap();
    let keys: Vec<String> = all.sources().map(str::to_owned).collect();
    let seconds = series.values().map(Vec::len).chain([latencies.len()]).max().unwrap_or(0);
    let none = LatencySnap::default();
    for second in 0..seconds {
        let value = |key: &String| series[key].get(second).map(|v| *v as i64);
        let row = Row(keys.iter().map(value).collect(), latencies.get(second).unwrap_or(&none));
        let now = Moment { steady_s: second as i64, epoch_s: second as u64 };
        all.tick(now, &row);
    }
    all.standings().next().map_or(f64::NAN, |(_, standing)| standing.value)
}

/// What Prometheus says: a wrong expectation makes it tell the right value.
fn prometheus(expression: &str, series: &Series) -> f64 {
    let mut file =
        String::from("evaluation_interval: 1s\ntests:\n- interval: 1s\n  input_series:\n");
    let seconds = series.values().map(Vec::len).max().unwrap_or(0);
    for (name, values) in series {
        let values: Vec<String> = values.iter().map(u64::to_string).collect();
        writeln!(file, "  - series: '{name}'\n    values: '{}'", values.join(" ")).unwrap();
    }
    let last = seconds - 1;
    writeln!(file, "  promql_expr_test:\n  - expr: '{expression}'\n    eval_time: {last}s")
        .unwrap();
    writeln!(file, "    exp_samples: [{{value: -12345}}]").unwrap();
    let path = std::env::temp_dir().join(format!("thresholds-{}.yml", std::process::id()));
    let path = path.with_extension(format!("{:x}.yml", expression.len() * 131 + last));
    std::fs::write(&path, file).unwrap();
    let done = Command::new("promtool").args(["test", "rules"]).arg(&path).output();
    let _ = std::fs::remove_file(&path);
    let done = done.expect("promtool is missing: run tests/setup.sh as root");
    let said = String::from_utf8_lossy(&done.stdout) + String::from_utf8_lossy(&done.stderr);
    let got = said.lines().find_map(|line| line.split_once("got:")).map(|(_, got)| got);
    let number = got.and_then(|got| got.rsplit([' ', '}', ']']).find(|w| w.parse::<f64>().is_ok()));
    number.unwrap_or_else(|| panic!("no value from promtool:\n{said}")).parse().unwrap()
}

fn near(ours: f64, theirs: f64, within: f64, what: &str) {
    assert!((ours - theirs).abs() <= within * theirs.abs(), "{what}: {ours}, Prometheus {theirs}");
}

/// Deterministic numbers that jump about.
fn noise(n: u64) -> u64 {
    n.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(31).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 33
}

/// A counter that grows by `step(second)`, beginning anew at `restart`.
fn counter(seconds: u64, restart: u64, step: impl Fn(u64) -> u64) -> Vec<u64> {
    let mut sum = 0;
    let grow = |second| {
        sum = if second == restart { 0 } else { sum } + step(second);
        sum
    };
    (0..seconds).map(grow).collect()
}

#[test]
fn burn_rates_and_rates_are_those_of_prometheus() {
    for (name, restart) in [("steady", u64::MAX), ("restarted", 500)] {
        let total = counter(700, restart, |s| 20 + noise(s) % 10);
        let bad = counter(700, restart, |s| noise(s + 7) % 3 + u64::from(s > 600) * 4);
        let series = Series::from([("bad".into(), bad), ("total".into(), total)]);
        let text = "objective=99,bad=bad,total=total,burn=5m:1m:1";
        let rate = |window| format!("increase(bad[{window}]) / increase(total[{window}]) / 0.01");
        let theirs = ["301s", "61s"].map(|w| prometheus(&rate(w), &series));
        near(ours(text, &series, &[]), theirs[0].min(theirs[1]), 0.01, name);
        let ratio = ours("key=bad,per=total,window=60,value=1", &series, &[]);
        near(ratio * 100.0, theirs[1], 0.01, name);
        let delta = ours("key=total,delta=120,value=1", &series, &[]);
        near(delta, prometheus("rate(total[121s])", &series), 0.01, name);
    }
}

#[test]
fn percentiles_are_those_of_prometheus() {
    let arena = Arena::create(&Shape { workers: 1, cores: 1, ..Shape::default() }).unwrap();
    let histogram = arena.histogram(1, Latency::Request);
    let mut seen: Vec<LatencySnap> = Vec::new();
    for second in 0..150 {
        for n in 0..20 {
            let slow = if second > 110 { 300_000 } else { 20_000 };
            histogram.record(1_000 + noise(second * 64 + n) % slow);
        }
        seen.push(arena.snapshot().latency(Latency::Request).clone());
    }
    // Prometheus gets the cells themselves as its buckets, both ends of each.
    let last = seen.last().unwrap();
    let mut bounds: Vec<u64> =
        last.cells().flat_map(|(low, high, _)| [low.saturating_sub(1), high]).collect();
    bounds.dedup();
    let bucket = |us: &u64| {
        let le = *us as f64 / 1e6;
        let values = seen.iter().map(|snap| snap.count_up_to(*us)).collect();
        (format!("x_bucket{{le=\"{le}\"}}"), values)
    };
    let mut series: Series = bounds.iter().map(bucket).collect();
    series.insert("x_bucket{le=\"+Inf\"}".into(), seen.iter().map(|snap| snap.count).collect());
    for percentile in [50.0, 90.0, 99.0] {
        let text = format!("key=core.request_duration,percentile={percentile},window=60,value=1");
        // Not increase(): it stretches a bucket that began at zero less than the others.
        let window = "x_bucket - (x_bucket offset 60s)";
        let expression = format!("histogram_quantile({}, {window})", percentile / 100.0);
        let theirs = prometheus(&expression, &series) * 1e6;
        near(ours(&text, &Series::new(), &seen), theirs, 0.02, &text);
    }
}
