//! Recorded scenarios, and burn rates against a computation that keeps everything.

use std::cell::RefCell;
use std::collections::BTreeMap;

use super::*;
use crate::threshold::{HISTOGRAMS, parse};
use proptest::prelude::*;
use uwsgi_metrics::{Arena, LatencySnap, Shape};

/// Metrics by name; `level` is a gauge, `time` a gauge in microseconds, `slow` is seldom collected.
struct Known;

impl Names for Known {
    fn find(&self, key: &str) -> Option<Found> {
        let number = |unit, counter, every| Found::Number { unit, counter, every, writable: true };
        match key {
            "a" | "bad" | "total" => Some(number(Unit::Count, true, 1)),
            "level" => Some(number(Unit::Count, false, 1)),
            "time" => Some(number(Unit::Micros, false, 1)),
            "slow" => Some(number(Unit::Count, false, 5)),
            _ => HISTOGRAMS.iter().find(|(name, _)| *name == key).map(|(_, w)| Found::Latency(*w)),
        }
    }
}

/// Numbers that a test sets.
struct Bench {
    all: Thresholds,
    numbers: RefCell<BTreeMap<String, i64>>,
    latency: LatencySnap,
    second: i64,
}

/// The numbers of a look, by position.
struct Row<'a>(Vec<Option<i64>>, &'a LatencySnap);

impl Samples for Row<'_> {
    fn number(&self, source: usize) -> Option<i64> {
        self.0.get(source).copied().flatten()
    }
    fn latency(&self, _: Latency) -> &LatencySnap {
        self.1
    }
}

impl Bench {
    fn new(texts: &[&str]) -> Bench {
        let specs: Vec<_> = texts.iter().map(|text| parse(text).unwrap()).collect();
        let all = Thresholds::new(&specs, &Known, "host").unwrap();
        let numbers = RefCell::new(BTreeMap::new());
        Bench { all, numbers, latency: LatencySnap::default(), second: 0 }
    }

    fn set(&self, key: &str, value: i64) {
        self.numbers.borrow_mut().insert(key.into(), value);
    }

    fn now(&self) -> Moment {
        Moment { steady_s: self.second, epoch_s: 1_000_000 + self.second.cast_unsigned() }
    }

    /// The next second.
    fn tick(&mut self) -> Tick {
        let numbers = self.numbers.borrow();
        let row = self.all.sources().map(|key| numbers.get(key).copied()).collect();
        self.second += 1;
        let now =
            Moment { steady_s: self.second, epoch_s: 1_000_000 + self.second.cast_unsigned() };
        self.all.tick(now, &Row(row, &self.latency))
    }

    fn said(&mut self) -> Vec<String> {
        self.tick().crossings.into_iter().map(|crossing| crossing.message).collect()
    }

    fn value(&self) -> f64 {
        self.all.standings().next().map_or(f64::NAN, |(_, standing)| standing.value)
    }

    fn state(&self) -> ThresholdState {
        self.all.standings().next().map(|(_, s)| s.past.state).unwrap_or_default()
    }
}

#[test]
fn thresholds_of_one_metric_act_in_order_on_the_value_that_was_collected() {
    let mut bench = Bench::new(&[
        "key=level,value=5,reset=0,alarm=x,msg=first",
        "key=level,value=3,alarm=y,rate=100",
        "key=level,value=9,alarm=z",
    ]);
    bench.set("level", 6);
    let tick = bench.tick();
    let said: Vec<_> =
        tick.crossings.iter().map(|c| (c.threshold, &*c.alarm, &*c.message)).collect();
    assert_eq!(said, [(0, "x", "first"), (1, "y", "level")]);
    assert_eq!(tick.resets, [Reset { source: 0, value: 0 }]);
    assert_eq!(bench.tick().resets.len(), 1, "reset every time");
    assert_eq!(bench.said(), ["first"], "and only the alarm has a rate");
}

#[test]
fn a_metric_that_is_collected_seldom_is_looked_at_seldom() {
    let mut bench = Bench::new(&["key=slow,value=1,alarm=x"]);
    bench.set("slow", 1);
    let said: Vec<_> = (0..11).map(|_| bench.said().len()).collect();
    assert_eq!(said, [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]);
}

#[test]
fn a_delta_waits_for_its_window_and_survives_a_reset_of_the_counter() {
    let mut bench = Bench::new(&["key=a,value=10,delta=4,alarm=x,msg={value}"]);
    let mut seen = Vec::new();
    for value in [100, 110, 120, 130, 140, 150, 7, 8, 8, 8, 8] {
        bench.set("a", value);
        let said = bench.said().concat();
        seen.push((bench.value(), said));
    }
    let values: Vec<_> = seen.iter().map(|(value, _)| *value).filter(|v| !v.is_nan()).collect();
    assert_eq!(values, [10.0, 10.0, 9.25, 7.0, 4.5, 2.0, 0.25]);
    assert_eq!(seen[4].1, "10", "at the first look that saw four seconds");
}

#[test]
fn a_metric_that_is_not_there_changes_nothing() {
    let mut bench = Bench::new(&["key=level,value=1,alarm=x,clear-msg="]);
    bench.set("level", 1);
    assert_eq!(bench.said().len(), 1);
    bench.numbers.borrow_mut().clear();
    assert_eq!((bench.said().len(), bench.state()), (0, ThresholdState::Firing));
    bench.set("level", 0);
    assert_eq!(bench.said(), ["level is back at 0"]);
}

#[test]
fn ratios() {
    let mut levels = Bench::new(&["key=level,value=50%,per=total,alarm=x"]);
    levels.set("level", 3);
    levels.set("total", 0);
    assert_eq!((levels.said().len(), levels.value().is_nan()), (0, true), "nothing of nothing");
    levels.set("total", 6);
    assert_eq!(levels.said(), ["level per total is 0.5 (>= 0.5)"]);

    let mut bench =
        Bench::new(&["key=bad,value=5%,per=total,window=10,min=20,alarm=x,msg={value}"]);
    let (mut bad, mut total) = (1_000, 1_000);
    for second in 0..30 {
        bench.set("bad", bad);
        bench.set("total", total);
        let said = bench.said();
        match second {
            0..14 => assert_eq!(said.len(), 0, "{second}: too few events"),
            14 => assert!((bench.value() - 0.5).abs() < 1e-9 && said == ["0.5"], "{said:?}"),
            _ => assert!(said.is_empty()),
        }
        // From the fifth second on two more events in each, one of them bad.
        total += if second < 4 { 0 } else { 2 };
        bad += i64::from(second >= 4);
    }
}

#[test]
fn a_percentile_is_that_of_the_window() {
    let arena = Arena::create(&Shape { workers: 1, cores: 1, ..Shape::default() }).unwrap();
    let mut bench = Bench::new(&[
        "key=core.request_duration,percentile=90,window=5,value=200ms,alarm=x,clear-msg={value}",
    ]);
    // A long past of slow requests means nothing to the last five seconds.
    let past = |us| (0..1_000).for_each(|_| arena.histogram(1, Latency::Request).record(us));
    past(5_000_000);
    let mut said = Vec::new();
    for second in 0..20 {
        let us = if (8..12).contains(&second) { 300_000 } else { 1_000 };
        (0..10).for_each(|_| arena.histogram(1, Latency::Request).record(us));
        bench.latency = arena.snapshot().latency(Latency::Request).clone();
        said.extend(bench.said().into_iter().map(|text| (second, text)));
    }
    let first = "core.request_duration p90 over 5s is 300.031ms (>= 200ms)";
    let texts: Vec<_> = said.iter().map(|(second, text)| (*second, text.as_str())).collect();
    assert_eq!(texts.len(), 2, "{texts:?}");
    assert_eq!((texts[0].0, texts[1].0), (8, 16), "{texts:?}");
    assert!(
        texts[0].1.starts_with("core.request_duration p90 over 5s is 30"),
        "{first}: {texts:?}"
    );
    assert!(texts[1].1.starts_with("1.0"), "{texts:?}");
}

#[test]
fn what_fires_is_not_over_because_nothing_happens_any_more() {
    let text = "key=bad,value=5%,per=total,window=5,alarm=x,msg=bad,recovery=over";
    let mut bench = Bench::new(&[text]);
    let (mut bad, mut total) = (0, 0);
    let mut said = Vec::new();
    for second in 0..60 {
        bench.set("bad", bad);
        bench.set("total", total);
        said.extend(bench.said().into_iter().map(|text| (second, text)));
        // Errors, then a server that hangs, then one that works.
        total += if (10..40).contains(&second) { 0 } else { 10 };
        bad += if second < 10 { 5 } else { 0 };
    }
    let texts: Vec<_> = said.iter().map(|(second, text)| (*second, text.as_str())).collect();
    assert_eq!(texts, [(5, "bad"), (41, "over")]);
}

#[test]
fn a_latency_objective_counts_what_took_too_long() {
    let arena = Arena::create(&Shape { workers: 1, cores: 1, ..Shape::default() }).unwrap();
    let mut bench = Bench::new(&[
        "objective=90,key=core.request_duration,limit=100ms,burn=10s:2s:5,alarm=x,clear-msg=well",
    ]);
    let mut said = Vec::new();
    for second in 0..60 {
        // Six of ten are too slow for a while: six times the budget.
        let slow = if (20..40).contains(&second) { 6 } else { 0 };
        for n in 0..10 {
            arena.histogram(1, Latency::Request).record(if n < slow { 200_000 } else { 10_000 });
        }
        bench.latency = arena.snapshot().latency(Latency::Request).clone();
        said.extend(bench.said().into_iter().map(|text| (second, text)));
    }
    let seconds: Vec<_> = said.iter().map(|(second, _)| *second).collect();
    // 9 of 10 seconds at six times the budget are the first to reach five; one second of the two
    // without errors ends it.
    assert_eq!(seconds, [28, 40], "{said:?}");
    assert_eq!(said[0].1, "burn rate of core.request_duration is 5.4 (>= 5)");
}

#[test]
fn a_new_observer_in_the_middle_of_a_burn() {
    let text = "objective=99,bad=bad,total=total,burn=60s:10s:10,alarm=x,clear-msg=well";
    let mut bench = Bench::new(&[text]);
    let (mut bad, mut total) = (0, 0);
    let mut run = |bench: &mut Bench, seconds: usize, errors: i64| {
        let mut said = Vec::new();
        for _ in 0..seconds {
            (bad, total) = (bad + errors, total + 10);
            bench.set("bad", bad);
            bench.set("total", total);
            said.extend(bench.said());
        }
        said
    };
    assert_eq!(run(&mut bench, 60, 0).len(), 0);
    assert_eq!(run(&mut bench, 60, 5).len(), 1);
    let past = bench.all.standings().next().map(|(_, s)| s.past).unwrap();
    let mut next = Bench::new(&[text]);
    next.second = bench.second;
    let now = next.now();
    next.all.adopt(0, past, now);
    assert_eq!(run(&mut next, 30, 5).len(), 0, "nobody is paged again");
    assert_eq!(next.state(), ThresholdState::Firing, "and it goes on");
    assert_eq!(run(&mut next, 30, 0), ["well"], "the short window ends it");
}

#[test]
fn an_instance_that_starts_with_errors_pages_when_the_budget_is_gone_not_before() {
    let mut bench = Bench::new(&["objective=99,bad=bad,total=total,burn=100s:5s:10,alarm=x"]);
    for second in 0..40 {
        bench.set("bad", second * 5);
        bench.set("total", second * 10);
        let said = bench.said().len();
        // Half of all are errors: 50 times the budget, for a fifth of the window.
        assert_eq!(said, usize::from(second == 20), "{second}");
    }
}

#[test]
fn names_and_units_are_checked() {
    let cases = [
        ("key=nosuch,value=1", "unable to find metric nosuch"),
        ("key=a,value=1,per=nosuch", "unable to find metric nosuch"),
        ("objective=9,bad=a,total=other", "unable to find metric other"),
        ("key=core.request_duration,value=1", "core.request_duration is a histogram"),
        ("key=a,value=1,percentile=9", "a is no histogram"),
        ("key=a,value=1s", "the unit of value does not fit a"),
        ("key=a,value=5%", "the unit of value does not fit a"),
        ("key=a,value=1s,per=total", "the unit of value does not fit a"),
        ("key=time,value=1s,clear=1ms", ""),
        ("key=level,value=1M", ""),
    ];
    for (text, want) in cases {
        let result = Thresholds::new(&[parse(text).unwrap()], &Known, "");
        match result {
            Ok(all) => assert!(want.is_empty() && !all.is_empty(), "{text}"),
            Err(refusal) => {
                assert!(!want.is_empty() && refusal.text.contains(want), "{text}: {refusal:?}");
            }
        }
    }
}

/// Share of bad events of the last `window` seconds, from all there is.
fn reference(course: &[(i64, i64)], window: usize) -> f64 {
    let now = course.len() - 1;
    let seconds = window.min(now);
    let sum =
        |pick: fn(&(i64, i64)) -> i64| course[now + 1 - seconds..].iter().map(pick).sum::<i64>();
    let (bad, total) = (sum(|c| c.0), sum(|c| c.1));
    let covered = seconds as f64 / window as f64;
    if total == 0 { f64::NAN } else { bad as f64 / total as f64 * covered }
}

proptest! {
    #[test]
    fn a_burn_rate_is_that_of_a_computation_that_keeps_everything(
        course in prop::collection::vec((0..4i64, 0..10i64), 2..300),
        long in 20..200usize,
        short in 1..20usize,
        restarted in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let text = format!("objective=90,bad=bad,total=total,burn={long}s:{short}s:2,alarm=x");
        let mut bench = Bench::new(&[&text]);
        let course: Vec<_> = course.into_iter().map(|(bad, ok)| (bad, bad + ok)).collect();
        let (mut bad, mut total) = (0, 0);
        let restarted = restarted.map(|index| index.index(course.len()));
        for (second, (more_bad, more)) in course.iter().enumerate() {
            // The counters begin anew, below what they were; a window must not notice.
            if restarted == Some(second) && *more < total && *more_bad < bad {
                (bad, total) = (0, 0);
            }
            (bad, total) = (bad + more_bad, total + more);
            bench.set("bad", bad);
            bench.set("total", total);
            let before = bench.state();
            bench.tick();
            if second == 0 {
                continue;
            }
            let seen = &course[..=second];
            let (slow, quick) = (reference(seen, long), reference(seen, short));
            let want = if slow.is_nan() || quick.is_nan() { f64::NAN } else { slow.min(quick) / 0.1 };
            if before != ThresholdState::Firing || second >= long {
                let value = bench.value();
                let same = (value.is_nan() && want.is_nan()) || (value - want).abs() < 1e-9;
                prop_assert!(same, "{second}: {value} instead of {want}");
            }
        }
    }
}
