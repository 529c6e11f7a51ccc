//! What holds under any load, for hundreds of seeds.

use uwsgi_cheaper::trace::{Event, Machine, Trace, What};
use uwsgi_cheaper::{Settings, replay};

use crate::rig::{Dice, FOLLOW, Rig, SECOND, any_settings};

const SEEDS: u64 = 300;

fn any_machine(dice: &mut Dice) -> Machine {
    Machine {
        cores: dice.from(1, 3) as u32,
        start_up_us: dice.from(0, 4 * SECOND),
        listen: dice.from(0, 40),
        rss: dice.from(0, 100),
    }
}

/// A second of calm, of some load or of far too much.
fn any_second(rig: &mut Rig, dice: &mut Dice) {
    let from = rig.pool.now_us();
    let arrivals = match dice.from(0, 3) {
        0 => 0,
        1 => dice.from(0, 60),
        _ => dice.from(0, 8),
    };
    let mut times: Vec<_> = (0..arrivals).map(|_| dice.from(0, SECOND - 1)).collect();
    times.sort_unstable();
    for at in times {
        rig.pool.advance(from + at);
        rig.pool.arrive(dice.from(1, 3 * SECOND));
    }
    rig.pool.advance(from + SECOND);
}

#[test]
fn no_load_breaks_floor_ceiling_or_a_request() {
    for seed in 0..SEEDS {
        for algo in FOLLOW.into_iter().chain(["manual", "backlog2"]) {
            let mut dice = Dice::new(seed);
            let settings = any_settings(algo, &mut dice);
            let mut rig = Rig::new(&settings, any_machine(&mut dice));
            rig.times_unknown = seed % 3 == 0;
            for _ in 0..120 {
                any_second(&mut rig, &mut dice);
                rig.cycle(0);
            }
        }
    }
}

#[test]
fn neither_do_operators_and_limits_beyond_what_they_may() {
    for seed in 0..SEEDS {
        for algo in FOLLOW.into_iter().chain(["manual"]) {
            let mut dice = Dice::new(seed);
            let limits = Settings { rss_soft: 300, rss_hard: 600, ..any_settings(algo, &mut dice) };
            let mut rig = Rig::new(&limits, any_machine(&mut dice));
            rig.below_floor = true;
            for _ in 0..120 {
                any_second(&mut rig, &mut dice);
                rig.pool.resize(dice.from(0, 120));
                let fifo = if dice.from(0, 4) == 0 { dice.from(0, 6) as i64 - 3 } else { 0 };
                let decision = rig.cycle(fifo);
                assert!(algo == "manual" || decision.gauges.target >= 1, "seed {seed} {algo}");
            }
        }
    }
}

#[test]
fn when_the_load_ends_every_algorithm_comes_down_to_its_floor() {
    for seed in 0..SEEDS {
        for algo in FOLLOW {
            let mut dice = Dice::new(seed);
            let settings = any_settings(algo, &mut dice);
            let mut rig = Rig::new(&settings, any_machine(&mut dice));
            for _ in 0..30 {
                any_second(&mut rig, &mut dice);
                rig.cycle(0);
            }
            let end = (0..4_000).find(|_| {
                rig.rest();
                rig.pool.active() == settings.cheaper
            });
            assert!(end.is_some(), "seed {seed} {algo}: {} run for ever", rig.pool.active());
            (0..5).for_each(|_| {
                rig.rest();
            });
            let left = (rig.pool.waiting(), rig.pool.serving(), rig.pool.active());
            assert_eq!(left, (0, 0, settings.cheaper), "seed {seed} {algo}");
        }
    }
}

fn any_trace(dice: &mut Dice) -> Trace {
    let mut at_us = 0;
    let mut event = |dice: &mut Dice| {
        at_us += dice.from(0, 3) * SECOND / 2;
        let service_us = dice.from(0, 2 * SECOND);
        let what = match dice.from(0, 9) {
            0 => What::Fifo(dice.from(0, 6) as i64 - 3),
            1 => What::Rss(dice.from(0, 100)),
            2 | 3 => What::Request { count: dice.from(0, 30), service_us },
            _ => What::Cycle { count: dice.from(0, 30), service_us },
        };
        Event { at_us, what }
    };
    let machine = any_machine(dice);
    let seed = (dice.from(0, 1) == 1).then_some(7);
    let events = (0..60).map(|_| event(dice)).collect();
    Trace { machine, cycle_us: SECOND, seed, events }
}

#[test]
fn a_replay_ends_counts_every_request_and_is_the_same_again() {
    for seed in 0..SEEDS {
        let mut dice = Dice::new(seed);
        let settings = any_settings("spare", &mut dice);
        let trace = any_trace(&mut dice);
        let names = ["spare", "spare2", "backlog", "busyness", "manual"];
        let report = replay(&trace, &settings, &names);
        assert_eq!(report, replay(&trace, &settings, &names), "seed {seed}");
        assert_eq!(report.to_string(), report.clone().to_string());
        for outcome in &report.outcomes {
            let most = settings.processes;
            assert!(outcome.max_workers <= most && outcome.mean_workers <= most as f64);
            assert!(outcome.min_workers as f64 <= outcome.mean_workers);
            let lost = outcome.dropped + outcome.unserved;
            assert!(lost <= report.requests, "seed {seed} {}", outcome.name);
            let queue = outcome.queue;
            let sorted = [queue.p50_us, queue.p90_us, queue.p99_us, queue.max_us];
            assert!(sorted.is_sorted(), "{sorted:?}");
            assert!(outcome.timeline.is_sorted_by_key(|point| point.at_us));
            let again: Trace = trace.to_string().parse().unwrap();
            assert_eq!(again, trace, "a written trace is the same trace");
        }
    }
}
